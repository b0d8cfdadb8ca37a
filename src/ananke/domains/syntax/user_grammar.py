"""The user's grammar (JSON schema, regex, Lark, EBNF, structural tag) as immutable states.

llguidance's matcher is a mutable machine that can take tokens and take them back. A state here is
a value: the tokens from the start, as a chain. Several states share one matcher (a *cursor*),
which stands at the newest of them:

    s0 ─ s1 ─ s2          cursor at s2
         └─── s2'         advancing s1 while s2 is alive copies the matcher; once s2 is gone
                          (the session rolled back), the same matcher steps back instead

So a session that goes forward and back pays for what it steps over, a fork pays one copy at the
first token where it differs, and no caller can see which it was. What llguidance gives up on
(its limits are `_LIMITS`) raises GrammarGaveUp; the state that asked is as it was.
"""

from __future__ import annotations

import json
import re
import threading
import weakref
from bisect import bisect_left
from functools import lru_cache

import llguidance
import numpy as np

from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.state import Words
from ananke.domains.syntax.ebnf import EbnfError, ebnf_to_lark
from ananke.domains.syntax.structural_tag import StructuralTagError, structural_tag_grammars
from ananke.domains.syntax.token_table import token_table
from ananke.masks import intersect, set_tokens, union
from ananke.spec import Grammar, spec_error
from ananke.vocabulary import Vocabulary

#: Compiled grammars kept, over all vocabularies.
GRAMMARS_KEPT = 64

#: llguidance's own bounds, half of its defaults where they bound memory, so that a hostile
#: grammar stops in a second or so. Lexer fuel: about 14,000 a millisecond.
_LIMITS = llguidance.LLParserLimits(
    max_lexer_states=100_000, max_grammar_size=200_000, verbose_errors=False
)

#: Literals tried as ways out of free text.
_LITERALS_KEPT = 32

#: Strings, regexes and comments of a Lark grammar: what is left over is its structure.
_LARK_TEXT = re.compile(
    r'"(?:[^"\\\n]|\\.)*"i?|/(?![/*])(?:[^/\\\n]|\\.)+/[imslux]*|(?://|#)[^\n]*'
)


class GrammarGaveUp(RuntimeError):  # noqa: N818 - it says what happened
    """llguidance can't go on in the middle of a text: one of its limits (the message says which),
    or a dead end of the grammar itself."""


class UserGrammar:
    """A user's grammar compiled for a vocabulary. Immutable; `start()` begins a text.

    Raises SpecError at `spec.grammar.source` with llguidance's message.
    """

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary) -> None:
        self.kind = grammar.kind
        self.table = token_table(vocabulary)
        #: Literals that may lead out of free text, for the search for a completion.
        self.literals = _literals(grammar)
        self._source = _to_llguidance(grammar)
        self._lock = threading.Lock()
        self._matcher = self._compiled()
        if self._matcher.is_error():
            raise spec_error("spec.grammar.source", f"{self.kind}: {_message(self._matcher)}")
        state = self.start()
        try:
            if not state.can_end() and not state.first_bytes():
                raise spec_error("spec.grammar.source", f"{self.kind}: admits no text at all")
        except GrammarGaveUp as error:
            raise spec_error("spec.grammar.source", f"{self.kind}: {error}") from None

    def matcher(self) -> llguidance.LLMatcher:
        """A matcher of the caller's own, at the start."""
        with self._lock:
            return self._matcher.deep_copy()

    def renew(self) -> None:
        """Compile again. Copies of a matcher share one lexer, and one that reached a limit stays
        broken: later texts begin with a new one."""
        with self._lock:
            self._matcher = self._compiled()

    def _compiled(self) -> llguidance.LLMatcher:
        return llguidance.LLMatcher(self.table.tokenizer, self._source, log_level=0, limits=_LIMITS)

    def start(self) -> UserGrammarState:
        """The state before any text."""
        return UserGrammarState(_Cursor(self), None, ())


class UserGrammarState:
    """The user's grammar after some text: an immutable value (see `DomainState`)."""

    __slots__ = ("__weakref__", "_cursor", "_parent", "_tokens", "depth")

    part = "syntax: user grammar"

    def __init__(
        self, cursor: _Cursor, parent: UserGrammarState | None, tokens: tuple[int, ...]
    ) -> None:
        #: llguidance tokens from the start.
        self.depth: int = 0 if parent is None else parent.depth + len(tokens)
        self._parent = parent
        self._tokens = tokens
        self._cursor = cursor
        cursor.passed(self)

    def advance(self, text: bytes, token: int | None = None) -> UserGrammarState | None:
        if not text:
            return self
        with self._cursor.family:
            cursor = self._at_tip()
            tokens = tuple(cursor.grammar.table.spell(text, token))
            if not cursor.consume(tokens):
                return None
            return UserGrammarState(cursor, self, tokens)

    def can_end(self) -> bool:
        with self._cursor.family:
            return bool(self._at_tip().matcher.is_accepting())

    def fill(self, words: Words) -> None:
        with self._cursor.family:
            cursor = self._at_tip()
            table = cursor.grammar.table
            intersect(words, cursor.mask()[: table.words], table.matchable)
            long = [
                token
                for token, text in table.overlong
                if cursor.matcher.validate_tokens(list(table.spell(text, None))) == len(text)
            ]
            if long:
                set_tokens(words, long, table.size)
            if cursor.matcher.is_accepting():
                union(words, words, table.ending)

    def first_bytes(self) -> bytes:
        """The bytes that may come next, ascending."""
        with self._cursor.family:
            cursor = self._at_tip()
            table = cursor.grammar.table
            bits = np.unpackbits(cursor.mask().view(np.uint8), bitorder="little")
            admitted = np.flatnonzero(bits[table.byte_base : table.byte_base + 256])
            return admitted.astype(np.uint8).tobytes()

    def ahead(self) -> bytes:
        return self.first_bytes()

    def forced_run(self) -> bytes:
        """Text that every continuation begins with, as far as llguidance sees without a search."""
        with self._cursor.family:
            return bytes(self._at_tip().matcher.compute_ff_bytes())

    @property
    def literals(self) -> tuple[bytes, ...]:
        """Literals of the grammar that may lead out of free text."""
        return self._cursor.grammar.literals

    def refusal(self, text: bytes) -> str:
        fitting = 0
        state: UserGrammarState = self
        while fitting < len(text):
            after = state.advance(text[fitting : fitting + 1])
            if after is None:
                break
            state, fitting = after, fitting + 1
        where = f"after {text[:fitting]!r} " if fitting else ""
        kind = self._cursor.grammar.kind
        expected = _ranges(state.first_bytes())
        then = f"only {expected} may come" if expected else "the text can only end"
        return f"the user's grammar ({kind}) refuses {text!r}: {where}{then}"

    def end_refusal(self) -> str:
        kind = self._cursor.grammar.kind
        return (
            f"the text is no complete match of the user's grammar ({kind}) yet: "
            f"{_ranges(self.first_bytes())} may come next"
        )

    def shortest_completion(self) -> bytes | None:
        """b"" where the text may end; else not known here: `completion.py` searches."""
        return b"" if self.can_end() else None

    def _at_tip(self) -> _Cursor:
        """This state's cursor, standing at this state. The family's lock is held."""
        cursor = self._cursor
        if cursor.tip() is self:
            return cursor
        position = cursor.find(self)
        if position is None:
            cursor = self._replayed()
        elif cursor.path[position + 1]() is not None:
            cursor = cursor.copy()
            cursor.step_back(position, self.depth)
        else:
            cursor.step_back(position, self.depth)
        self._cursor = cursor
        return cursor

    def _replayed(self) -> _Cursor:
        """A new cursor brought here from the start: the old one went another way or gave up."""
        chain: list[UserGrammarState] = [self]
        while chain[-1]._parent is not None:
            chain.append(chain[-1]._parent)
        cursor = _Cursor(self._cursor.grammar, self._cursor.family)
        for state in reversed(chain):
            if not cursor.consume(state._tokens):
                raise GrammarGaveUp("llguidance refused a text that it had accepted before")
            cursor.passed(state)
        return cursor


class _Cursor:
    """A matcher and the states that it has passed, oldest first (weakly held).

    `family` is the lock of all cursors that come from one start: forks of a session may live in
    several threads.
    """

    def __init__(
        self,
        grammar: UserGrammar,
        family: threading.RLock | None = None,
        matcher: llguidance.LLMatcher | None = None,
    ) -> None:
        self.grammar = grammar
        self.family = family or threading.RLock()
        self.matcher = matcher or grammar.matcher()
        self.path: list[weakref.ref[UserGrammarState]] = []
        #: Depth of each state on the path, ascending: every step takes at least one token.
        self._depths: list[int] = []
        self._consumed = 0
        self._scratch: Words | None = None

    def tip(self) -> UserGrammarState | None:
        return self.path[-1]() if self.path else None

    def passed(self, state: UserGrammarState) -> None:
        self.path.append(weakref.ref(state))
        self._depths.append(state.depth)

    def find(self, state: UserGrammarState) -> int | None:
        """Where `state` stands on the path, if it does."""
        position = bisect_left(self._depths, state.depth)
        if position < len(self.path) and self.path[position]() is state:
            return position
        return None

    def consume(self, tokens: tuple[int, ...]) -> bool:
        """Take all the tokens or none."""
        taken = self.matcher.try_consume_tokens(list(tokens))
        if self.matcher.is_error():
            self._give_up()
        if taken < len(tokens):
            if taken:
                self.matcher.rollback(taken)
            return False
        self._consumed += taken
        return True

    def step_back(self, position: int, depth: int) -> None:
        del self.path[position + 1 :], self._depths[position + 1 :]
        if self._consumed > depth and not self.matcher.rollback(self._consumed - depth):
            self._give_up()
        self._consumed = depth

    def copy(self) -> _Cursor:
        other = _Cursor(self.grammar, self.family, self.matcher.deep_copy())
        other.path = list(self.path)
        other._depths = list(self._depths)
        other._consumed = self._consumed
        return other

    def mask(self) -> Words:
        """The mask over llguidance's longer table; valid until the next call."""
        if self._scratch is None:
            self._scratch = np.zeros(self.grammar.table.scratch_words, dtype=np.int32)
        self.matcher.unsafe_compute_mask_ptr(self._scratch.ctypes.data, self._scratch.nbytes)
        if self.matcher.is_error():
            self._give_up()
        return self._scratch

    def _give_up(self) -> None:
        message = _message(self.matcher)
        if message.startswith("NoExtension"):
            message = "the grammar admits no text that goes on from here"
        else:
            if "lexer" in message.lower():
                self.grammar.renew()
            message = f"llguidance gave up: {message}"
        self.matcher = self.grammar.matcher()
        self.path.clear()
        self._depths.clear()
        self._consumed = 0
        raise GrammarGaveUp(message)


def _to_llguidance(grammar: Grammar) -> str:
    """llguidance's own form of the grammar. Raises SpecError where the translation fails.

    Left to itself llguidance masks all but one spelling where the next bytes are forced, on the
    belief that it knows how a model would spell them. Here any spelling of an admitted text is
    admitted, so the grammar is put below one that switches this off.
    """
    try:
        grammars = _nested(grammar)
    except StructuralTagError as error:
        raise spec_error(f"spec.grammar.source{error.place}", error.problem) from None
    except (EbnfError, ValueError) as error:
        raise spec_error("spec.grammar.source", f"{grammar.kind}: {error}") from None
    lark = f'%llguidance {{"no_forcing": true}}\nstart: @{grammars[0]["name"]}\n'
    return json.dumps({"grammars": [{"name": "unforced", "lark_grammar": lark}, *grammars]})


def _nested(grammar: Grammar) -> list[dict[str, object]]:
    """The grammar as llguidance's named grammars; the first is where it starts."""
    source = grammar.source
    match grammar.kind:
        case "json_schema":
            try:
                return [{"name": "user", "json_schema": json.loads(source)}]
            except RecursionError:
                raise ValueError("is nested too deeply") from None
        case "regex":
            pattern = llguidance.regex_to_lark(source, "")
            return [
                {
                    "name": "user",
                    "lark_grammar": f"start: /{pattern}/\n" if source else 'start: ""\n',
                }
            ]
        case "lark":
            _refuse_special_tokens(source)
            return [{"name": "user", "lark_grammar": source}]
        case "ebnf":
            return [{"name": "user", "lark_grammar": ebnf_to_lark(source)}]
        case "structural_tag":
            return structural_tag_grammars(source)


def _literals(grammar: Grammar) -> tuple[bytes, ...]:
    """The first few literals of the grammar: quoted ones, and the ends of a structural tag."""
    found: dict[str, None] = {}
    if grammar.kind in ("lark", "ebnf"):
        found = dict.fromkeys(re.findall(r'"([^"\\\n]+)"', grammar.source))
    elif grammar.kind == "structural_tag":
        for text in re.findall(r'"end":("(?:[^"\\]|\\.)+"|\[[^\]]*\])', grammar.source):
            ends = json.loads(text)
            found.update(dict.fromkeys([ends] if isinstance(ends, str) else ends))
    return tuple(text.encode() for text in list(found)[:_LITERALS_KEPT])


def _refuse_special_tokens(lark: str) -> None:
    """`<|name|>` and `<[id]>` name special tokens, which here never match text."""
    found = re.search(r"<[|\[A-Za-z_/!][^>\n]*>", _LARK_TEXT.sub(" ", lark))
    if found is not None:
        raise ValueError(f"{found.group()} names a special token; special tokens match no text")


def _message(matcher: llguidance.LLMatcher) -> str:
    """llguidance's message without the state and the stack it appends."""
    text = str(matcher.get_error())
    for tail in ("<state>", "<grammar>", "<backtrace>", "<non-verbose/>"):
        text = text.partition(tail)[0]
    text = text.strip()
    return text if len(text) <= 600 else text[:400] + " … " + text[-190:]


def _ranges(admitted: bytes) -> str:
    """Bytes as a short list of characters and ranges: `'"', '0'-'9'`."""
    runs: list[tuple[int, int]] = []
    for byte in admitted:
        if runs and byte == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], byte)
        else:
            runs.append((byte, byte))
    shown = [
        repr(bytes([a]))[1:] + (f"-{bytes([b])!r}".replace("-b", "-") if b > a else "")
        for a, b in runs
    ]
    return ", ".join(shown[:12]) + (", …" if len(shown) > 12 else "")


@lru_cache(maxsize=GRAMMARS_KEPT)
def _compile(grammar: Grammar, key: ByFingerprint) -> UserGrammar:
    return UserGrammar(grammar, key.vocabulary)


def compile_user_grammar(grammar: Grammar, vocabulary: Vocabulary) -> UserGrammar:
    """The compiled grammar; the last few are kept. Raises SpecError at `spec.grammar.source`."""
    return _compile(grammar, ByFingerprint(vocabulary))

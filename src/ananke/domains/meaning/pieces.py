"""A vocabulary's tokens, sorted by what they add to a program.

A token is a *lead*, punctuation and blanks, then perhaps the start of a word, its *tail*:

    lead    tail
    b""     b"print"     goes on with the word before, or begins one
    b" "    b"print"
    b")."   b"append"
    b"):"   b""

Leads are sequences of strokes (see `Outline`). They make a tree, in which a *branch* holds all
tokens whose leads begin with the same strokes; those of a branch that ask the same of a word are
one *group*. The tokens of a branch, and of a group, lie side by side.

In a string or comment only what may end it counts. There a token's lead begins at the first such
byte, and tokens without one don't count at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ananke.analysis.judgement import Inert, Meaning, Outline, Stroke
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.meaning.leads import DIGITS, LEAD, Leads, leads_of
from ananke.parsing.grammar import Grammar
from ananke.parsing.state import ParseState
from ananke.vocabulary import Vocabulary

__all__ = ["Branch", "Group", "Pieces", "pieces_of", "prepare"]

#: Signs that may be part of a longer one.
_SIGNS = frozenset(bytes([one]) for one in b"<>=!*/+-%&|^@:.~")
_DOT = frozenset([b"."])
#: The tails of so many tokens are sorted before they are asked for.
_MANY = 1000
#: With what a token may go on with a lexeme before it: nothing; a number's or member's dot; the end
#: of an assignment; any sign. The vocabulary is sorted for each of them.
_JOINING: tuple[frozenset[bytes], ...] = (frozenset(), _DOT, frozenset([b"="]), _SIGNS)


@dataclass(slots=True)
class Stretch:
    """Where tokens lie in `Pieces.order`: from `first` up to `last`. `index` is the stretch's own
    among all of its pieces, `rank` its least token."""

    index: int = 0
    first: int = 0
    last: int = 0
    rank: int = 0


@dataclass(slots=True)
class Group(Stretch):
    """Tokens of the same strokes, after which the same is asked of a word.

    Attributes:
        due: see `Outline`.
        is_word: the tokens are parts of words and nothing else.
        is_digits: they are so and begin with a digit.
        asks: something may be asked of their tails.
        read: gives `tails`.
    """

    due: Hashable = None
    is_word: bool = False
    is_digits: bool = False
    asks: bool = False
    read: Callable[[], dict[bytes, list[int]]] = dict
    _tails: dict[bytes, list[int]] | None = None
    _by_first: dict[bytes, list[bytes]] | None = None

    @property
    def tails(self) -> dict[bytes, list[int]]:
        """The tokens by their tail. Most groups are never asked for it."""
        if self._tails is None:
            self._tails = self.read()
        return self._tails

    @property
    def by_first(self) -> dict[bytes, list[bytes]]:
        """The tails by their first byte."""
        if self._by_first is None:
            found: dict[bytes, list[bytes]] = {}
            for tail in self.tails:
                found.setdefault(tail[:1], []).append(tail)
            self._by_first = found
        return self._by_first


@dataclass(slots=True)
class Branch(Stretch):
    """Tokens whose leads begin with the same strokes, the last of which is `stroke`.

    Attributes:
        depth: how many strokes there are.
        groups: of the tokens without further strokes.
        is_plain: after a text that is settled no token of it is refused.
        has_neutral: whether one of its branches is refused depends on whether its text is settled.
    """

    stroke: Stroke | None = None
    depth: int = 0
    branches: list[Branch] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    is_plain: bool = False
    has_neutral: bool = False


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead and its strokes."""

    text: bytes
    strokes: tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class Pieces:
    """All tokens that count in some place.

    Attributes:
        root: without strokes.
        order: int32 (n,), the tokens.
        firsts, lasts: int32, of all branches and groups by their index.
        leads: all leads; lead_of: int32 (n,), the one of each in `order`.
        tail_lengths: uint16 (n,), of each in `order`, in bytes.
    """

    root: Branch
    order: npt.NDArray[np.int32]
    firsts: npt.NDArray[np.int32]
    lasts: npt.NDArray[np.int32]
    leads: tuple[Lead, ...]
    lead_of: npt.NDArray[np.int32]
    tail_lengths: npt.NDArray[np.uint16]


@dataclass(slots=True)
class _Leading:
    """The tokens of one lead. `key` sorts those of one branch, and of one group, side by side."""

    kind: int
    lead: Lead
    due: Hashable
    is_inert: bool
    tokens: list[int]
    key: tuple[tuple[bytes, ...], int, str, bool] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(one.name for one in self.lead.strokes)
        self.key = names, self.kind, repr(self.due), self.is_inert


def _read(meaning: Meaning, leads: Leads, joining: frozenset[bytes]) -> list[_Leading]:
    """The leads and what matters of them, sorted."""
    found: list[_Leading] = []
    for (kind, closing, lead), tokens in leads.tokens.items():
        outline = _outline(meaning, lead, closing, joining)
        one = Lead(lead, outline.strokes)
        found.append(_Leading(kind, one, outline.due, outline.is_inert, tokens))
    return sorted(found, key=lambda one: one.key)


def _outline(meaning: Meaning, lead: bytes, end_length: int, joining: frozenset[bytes]) -> Outline:
    if joining and lead.lstrip(b" \t")[:1] in joining:
        # It goes on with what stands before it: it is alone.
        return Outline((Stroke(lead, len(lead), False),), lead)
    return _after_end(lead[:end_length], _outline_alone(meaning, lead[end_length:]))


@lru_cache(maxsize=1 << 15)
def _outline_alone(meaning: Meaning, lead: bytes) -> Outline:
    return meaning.outline(lead)


def _sort(key: ByFingerprint, leadings: list[_Leading], tails: npt.NDArray[np.int64]) -> Pieces:
    """The tree of the leads, which are sorted; `tails`: where those of all tokens begin."""
    root = Branch()
    path = [root]
    tokens: list[int] = []
    lengths = key.vocabulary.offsets[1:] - tails
    before: tuple[object, ...] | None = None
    for one in leadings:
        names = one.key[0]
        shared = 0
        while shared < min(len(path) - 1, len(names)):
            stroke = path[shared + 1].stroke
            assert stroke is not None
            if stroke.name != names[shared]:
                break
            shared += 1
        for closed in path[shared + 1 :]:
            closed.last = len(tokens)
        del path[shared + 1 :]
        for stroke in one.lead.strokes[shared:]:
            branch = Branch(first=len(tokens), stroke=stroke, depth=len(path))
            path[-1].branches.append(branch)
            path.append(branch)
        if one.key != before:
            before = one.key
            group = Group(first=len(tokens), due=one.due)
            group.is_word, group.is_digits = one.kind != LEAD, one.kind == DIGITS
            group.asks = not one.is_inert
            path[-1].groups.append(group)
        tokens += one.tokens
        path[-1].groups[-1].last = len(tokens)
    for closed in path:
        closed.last = len(tokens)
    order = np.array(tokens, np.int32)
    tail_lengths = lengths[order].astype(np.uint16)
    has_tail = np.concatenate([[0], np.cumsum(tail_lengths > 0)])
    stretches: list[Stretch] = []
    for group in _groups_of(root):
        here = order[group.first : group.last]
        group.asks = group.asks and bool(has_tail[group.last] > has_tail[group.first])
        group.read = partial(_read_tails, key, here, tails)
    _number(root, stretches, order)
    return Pieces(
        root,
        order,
        np.array([one.first for one in stretches], np.int32),
        np.array([one.last for one in stretches], np.int32),
        tuple(one.lead for one in leadings),
        np.repeat(np.arange(len(leadings), dtype=np.int32), [len(one.tokens) for one in leadings]),
        tail_lengths,
    )


def _groups_of(root: Branch) -> Iterator[Group]:
    branches = [root]
    for branch in branches:
        branches += branch.branches
        yield from branch.groups


def _read_tails(
    key: ByFingerprint, tokens: npt.NDArray[np.int32], tails: npt.NDArray[np.int64]
) -> dict[bytes, list[int]]:
    return _tails_of(key, tokens.tobytes(), tails[tokens].tobytes())


@lru_cache(maxsize=1024)
def _tails_of(key: ByFingerprint, tokens: bytes, begins: bytes) -> dict[bytes, list[int]]:
    """Tokens (int32) by their tails, which begin at `begins` (int64) in the vocabulary's data; the
    same groups are in several orders."""
    vocabulary = key.vocabulary
    ids = np.frombuffer(tokens, np.int32)
    starts = np.frombuffer(begins, np.int64).tolist()
    ends = vocabulary.offsets[1:][ids].tolist()
    found: dict[bytes, list[int]] = {}
    for token, start, end in zip(ids.tolist(), starts, ends, strict=True):
        found.setdefault(vocabulary.data[start:end], []).append(token)
    return found


def _number(root: Branch, stretches: list[Stretch], order: npt.NDArray[np.int32]) -> None:
    """Gives all branches and groups an index and a rank, and says which branches are plain."""
    branches = [root]
    for branch in branches:
        branches += branch.branches
    for branch in reversed(branches):
        stroke = branch.stroke
        branch.has_neutral = any(one.stroke and one.stroke.is_neutral for one in branch.branches)
        branch.is_plain = (
            stroke is not None
            and stroke.is_neutral
            and not stroke.alike
            and not any(one.asks for one in branch.groups)
            and all(one.is_plain for one in branch.branches)
        )
        for one in (branch, *branch.groups):
            one.index = len(stretches)
            one.rank = int(order[one.first : one.last].min()) if one.first < one.last else 0
            stretches.append(one)


def _after_end(closing: bytes, outline: Outline) -> Outline:
    """The outline of what closes a string and goes on as `outline`."""
    if not closing:
        return outline
    strokes = [Stroke(b"end", len(closing), True)]
    strokes += [replace(one, end=one.end + len(closing)) for one in outline.strokes]
    return Outline(tuple(strokes), ("end", outline.due), outline.is_inert)


@lru_cache(maxsize=64)
def _pieces(
    key: ByFingerprint, meaning: Meaning, inert: Inert | None, joining: frozenset[bytes]
) -> Pieces:
    leads = leads_of(key, meaning, inert)
    return _sort(key, _read(meaning, leads, joining), leads.tails)


def prepare(vocabulary: Vocabulary, meaning: Meaning) -> None:
    """Sorts the tokens once for all: it takes a third of a second."""
    key = ByFingerprint(vocabulary)
    for joining in _JOINING:
        _pieces(key, meaning, None, joining)
    for inert in meaning.inerts:
        _pieces(key, meaning, inert, frozenset())
    for group in _groups_of(_pieces(key, meaning, None, frozenset()).root):
        if group.last - group.first >= _MANY:
            _ = group.by_first


def pieces_of(
    vocabulary: Vocabulary, meaning: Meaning, inert: Inert | None, parse: ParseState
) -> Pieces:
    """The vocabulary's pieces, in code or in a string or comment; kept while they are used."""
    joining = _joining(meaning, parse) if inert is None else frozenset[bytes]()
    return _pieces(ByFingerprint(vocabulary), meaning, inert, joining)


def _joining(meaning: Meaning, parse: ParseState) -> frozenset[bytes]:
    """What may go on with the text's last lexeme: in `1.`, `1 .` and `1e-`, in `<=` after `<`."""
    last = parse.tail[-1:]
    if meaning.number_begun(parse):
        return _SIGNS if last in b"eE" else _DOT
    if last not in _SIGNS:
        return frozenset()
    after = _followers(parse.grammar).get(last, frozenset()) | ({last} & _DOT)
    return next(one for one in _JOINING if after <= one)


@cache
def _followers(grammar: Grammar) -> dict[bytes, frozenset[bytes]]:
    """By a sign all that stand after it in a longer one."""
    found: dict[bytes, set[bytes]] = {}
    for name in grammar.symbol_names[: grammar.terminal_count]:
        signs = [one.encode() for one in name]
        if _SIGNS.issuperset(signs):
            for one, following in pairwise(signs):
                found.setdefault(one, set()).add(following)
    return {one: frozenset(following) for one, following in found.items()}

"""What a language's folder says of its grammar: a `Language`.

A language is data. The grammar itself comes from a tree-sitter wheel; the rows here say what the
wheel can't: how the grammar's external scanner may be asked (folds, probes), how its external
terminals are spelt, and where the grammar is looser than the language (absent terminals,
exclusions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ananke.parsing.addition import Production, Twin
from ananke.parsing.context import REFUSED, ContextRule, Step

__all__ = [
    "REFUSED",
    "ContextRule",
    "Fold",
    "Language",
    "LanguageError",
    "LineRule",
    "Production",
    "StateShape",
    "Step",
    "Twin",
]


class LanguageError(ValueError):
    """A row of a language's table that can't be used; the message names the row."""


@dataclass(frozen=True)
class Fold:
    """Which bytes of an unfinished external lexeme its scanner treats alike (`fold.zig`).

    Attributes:
        where: the fold applies in lex modes in which this external terminal is valid.
        runs: (bytes, representative): a run of these bytes acts like the one representative.
        escape: the byte after this one is kept as it is.
        comments: (opening, closing): what stands between acts like one character.
        drops_lines: blank lines, and lines after the first that holds a comment, don't matter.
        forgets: these bytes don't matter any more once a byte of the first run follows.
        ending: with this text the lexeme ends, though the scanner may have to see what follows: it
            is never forgotten.
        opening: these matter at the start of the lexeme only.
        skips: these don't matter at the start of the lexeme.
        fatal: a lexeme that begins or ends with one of these, or that the scanner gives up at one,
            is none of the language's.
        live_in: (flags, bytes): these act like the first run unless the scanner's state (the first
            byte of its last counted item, see `StateShape`) has one of the flags.
        plain_in: (flags, bytes): these act like the first run if it has one of the flags.
        raw_in: flags with which the escape before a byte of the first run acts like one too.
        leading: the second run shrinks only before the first line end, and is forgotten if nothing
            else came before that (after it, columns count).
        words: the words that the scanner looks for; any other run of letters that is no keyword
            acts like one.
        alike: (first, last): a run of characters beyond ASCII in these stretches acts like the
            first.
        repeats: bytes of operators: no operator that the scanner knows has more than four of one in
            a row.
        nests: comments hold others, but for those that end with their line.
        hashes: strings in hashes and quotes (`##"…"##`) act like comments.
    """

    where: str
    runs: tuple[tuple[bytes, bytes], ...] = ()
    escape: bytes = b""
    comments: tuple[tuple[bytes, bytes], ...] = ()
    drops_lines: bool = False
    forgets: bytes = b""
    ending: bytes = b""
    opening: bytes = b""
    skips: bytes = b""
    fatal: bytes = b""
    live_in: tuple[tuple[int, bytes], ...] = ()
    plain_in: tuple[tuple[int, bytes], ...] = ()
    raw_in: int = 0
    leading: bool = False
    words: tuple[bytes, ...] = ()
    alike: tuple[tuple[int, int], ...] = ()
    repeats: bytes = b""
    nests: bool = False
    hashes: bool = False

    def __post_init__(self) -> None:
        if len(self.runs) > 7:
            raise LanguageError(f"fold at {self.where!r}: at most 7 runs, not {len(self.runs)}")
        for members, representative in self.runs:
            if len(representative) != 1 or representative not in members:
                raise LanguageError(
                    f"fold at {self.where!r}: {representative!r} must be one byte of its run"
                )
        if len(self.escape) > 1:
            raise LanguageError(f"fold at {self.where!r}: the escape must be one byte")


@dataclass(frozen=True)
class StateShape:
    """A serialised scanner state: a header, a counted list, a list to the end. One run of the
    scanner depends on the header and the last item of each list only.

    Attributes:
        header: bytes of the header.
        counted: bytes of an item of the counted list (whose count is one byte); 0: no such list.
        rest: bytes of an item of the list to the end; 0: no such list.
        restless: where this external terminal is valid, the list to the end doesn't matter.
        dedent: the external terminal that ends an indented block; the list to the end holds the
            columns of the open blocks, and the next line must begin at one of them.
        indent: the one that begins it, at the column of its first line.
        ends_outside: blocks end outside of the brackets of `lines` only, though the scanner ends
            them wherever a line begins further out.
    """

    header: int
    counted: int
    rest: int
    restless: str
    dedent: str
    indent: str
    ends_outside: bool = False


@dataclass(frozen=True)
class LineRule:
    """Where line ends are not white space (`native/lines.zig`).

    Attributes:
        brackets: terminals (opening, closing): between them line ends are white space.
        starts: after these terminals the text is at the start of a line.
        ends: after these terminals line ends are not white space.
        breaks: terminals that are a line's end, where that isn't white space.
        runs: terminals that go on to the line's end: where line ends aren't white space they come
            only where one of `starts` or `breaks` may. At most one, or a twin.
        is_strict: outside brackets they are after no terminal but `starts`.
        never_first: ASCII characters that nothing at the start of a line begins with.
    """

    brackets: tuple[tuple[str, str], ...] = ()
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    is_strict: bool = False
    never_first: bytes = b""


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        name: as in `ConstraintSpec.language`.
        module: the wheel's import name, e.g. "tree_sitter_python".
        function: the function of `module` that returns the TSLanguage capsule.
        extensions: file name endings, with the dot.
        folds: how unfinished external lexemes are shortened; the first that applies is used.
        probes: texts after which an unfinished external lexeme is decided; tried in order.
        words: words and operators that the scanner knows; an unfinished one is probed by its rest.
        unprobed: bytes from which the scanner looks far ahead (an annotation, to see what it
            stands on); an unfinished lexeme that holds one is admitted until it is decided.
        state_shape: layout of the scanner's serialised state, if one run of the scanner depends
            on no more than that says.
        spellings: how external terminals are spelt, for completions.
        closers: texts that end an unfinished external lexeme, tried by completions only.
        certain: external terminals after which a program can always go on: a lexeme that may
            become one is admitted where it may come, whatever follows it.
        retried: a lexeme that begins with one of these bytes, and that neither scanner nor lexer
            knows where it stands, is the one that the scanner finds with all its terminals valid.
        followers: by terminal, the bytes that a lexeme after it may begin with: a lexeme that goes
            on behind its last acceptance with another one has not ended there.
        absent: terminals (by name) that the grammar has and the language has not.
        exclusions: (first, second): where the first terminal may come the second may not, though
            the grammar lets it.
        reserved: keywords that are never names.
        forbidden: (symbol, children, the last of them or ""): productions that the grammar has
            and the language has not.
        contexts: rules on what may come by what came before (`parsing/context.py`).
        lines: where line ends are not white space; None: where the grammar says so.
        spaces: the ASCII characters that are white space; None: those of the grammar, and of the
            characters beyond ASCII too.
        unbroken: terminals of which lexemes are read without skipping line ends before them: the
            parts of strings.
        patterns: by terminal, the texts that the language has of it (`parsing/pattern.py`).
        without: by terminal, characters beyond ASCII that the language has not in it, from one to
            another.
        filled: (first, last): characters beyond ASCII that act like the first of them where
            the grammar has no way for them.
        alone: by terminal, a text that begins it and is one by itself where it begins no other.
        balanced: terminals with white space on both sides or on none; with any, the first of
            `absent` is what they are taken for elsewhere.
        balanced_words: texts of the terminal `word` that are so too.
        twins: terminals of their own for some lexemes of others (`parsing/addition.py`).
        additions: productions that the language has and the grammar lacks.
        prunes: the grammar's tables lead into constructs that nothing can finish: these ways are
            taken out (`parsing/pruning.py`).
    """

    name: str
    module: str
    function: str = "language"
    extensions: tuple[str, ...] = ()
    folds: tuple[Fold, ...] = ()
    probes: tuple[bytes, ...] = ()
    words: tuple[bytes, ...] = ()
    unprobed: bytes = b""
    state_shape: StateShape | None = None
    spellings: Mapping[str, bytes] = field(default_factory=dict)
    closers: tuple[bytes, ...] = ()
    certain: tuple[str, ...] = ()
    retried: bytes = b""
    followers: Mapping[str, bytes] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    exclusions: tuple[tuple[str, str], ...] = ()
    reserved: tuple[str, ...] = ()
    forbidden: tuple[tuple[str, int, str], ...] = ()
    contexts: tuple[ContextRule, ...] = ()
    lines: LineRule | None = None
    spaces: bytes | None = None
    unbroken: tuple[str, ...] = ()
    patterns: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    filled: tuple[tuple[str, str], ...] = ()
    alone: Mapping[str, bytes] = field(default_factory=dict)
    balanced: tuple[str, ...] = ()
    balanced_words: tuple[bytes, ...] = ()
    word: str = ""
    twins: tuple[Twin, ...] = ()
    additions: tuple[Production, ...] = ()
    prunes: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise LanguageError(f"language name {self.name!r} is not an identifier")
        for extension in self.extensions:
            if not extension.startswith("."):
                raise LanguageError(f"{self.name}: extension {extension!r} must start with a dot")
        for first, last in self.filled:
            if not "\x7f" < first < last:
                raise LanguageError(f"{self.name}: filled: {first!r} to {last!r} is no stretch")

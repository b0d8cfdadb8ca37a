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

import re
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ananke.analysis.judgement import Inert, Meaning, Outline, Stroke
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.parsing.state import ParseState
from ananke.vocabulary import Vocabulary

__all__ = ["Branch", "Group", "Pieces", "pieces_of", "prepare"]

#: Signs that may be part of a longer one.
_SIGNS = frozenset(bytes([one]) for one in b"<>=!*/+-%&|^@:.~")


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
        tails: the tokens by their tail.
        by_first: the tails by their first byte.
        is_word: the tokens are parts of words and nothing else.
        is_digits: they are so and begin with a digit.
        asks: something may be asked of their tails.
    """

    due: Hashable = None
    tails: dict[bytes, list[int]] = field(default_factory=dict)
    by_first: dict[bytes, list[bytes]] = field(default_factory=dict)
    is_word: bool = False
    is_digits: bool = False
    asks: bool = False


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
        firsts, lasts: int64, of all branches and groups by their index.
        leads: all leads; lead_of: int32 (n,), the one of each in `order`.
        tail_lengths: uint16 (n,), of each in `order`, in bytes.
    """

    root: Branch
    order: npt.NDArray[np.int32]
    firsts: npt.NDArray[np.int64]
    lasts: npt.NDArray[np.int64]
    leads: tuple[Lead, ...]
    lead_of: npt.NDArray[np.int32]
    tail_lengths: npt.NDArray[np.uint16]


#: How many bytes of a token are inert, and how many then end that.
_Cut = tuple[int, int]
#: Words, digits and all others, in this order.
_WORD, _DIGITS, _LEAD = range(3)


@dataclass(slots=True)
class _Leading:
    """The tokens of one lead, by their tails."""

    kind: int
    lead: Lead
    due: Hashable
    is_inert: bool
    tails: dict[bytes, list[int]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[tuple[bytes, ...], int, str, bool]:
        """What sorts tokens of one branch, and of one group, side by side."""
        names = tuple(one.name for one in self.lead.strokes)
        return names, self.kind, repr(self.due), self.is_inert


def _read(
    meaning: Meaning, vocabulary: Vocabulary, cuts: dict[int, _Cut], goes_on: bool
) -> list[_Leading]:
    """The leads of the tokens in `cuts`, each without what is inert."""
    start, rest = (b"[" + re.escape(one) + b"]" for one in (meaning.name_start, meaning.name_bytes))
    tail = re.compile(start + rest + rb"*\Z")
    word = re.compile(rest + rb"+\Z")
    found: dict[tuple[int, bytes], _Leading] = {}
    for token, (skip, end_length) in cuts.items():
        piece = vocabulary.token_bytes(token)[skip:]
        if not skip and not end_length and word.match(piece):
            kind, lead, end = _WORD if piece[0] in meaning.name_start else _DIGITS, b"", piece
        else:
            last = tail.search(piece, end_length)
            at = len(piece) if last is None else last.start()
            kind, lead, end = _LEAD, piece[:at], piece[at:]
        one = found.get((kind, lead))
        if one is None:
            outline = _outline(meaning, lead, end_length, goes_on)
            one = _Leading(kind, Lead(lead, outline.strokes), outline.due, outline.is_inert)
            found[kind, lead] = one
        one.tails.setdefault(end, []).append(token)
    return sorted(found.values(), key=lambda one: one.key)


def _outline(meaning: Meaning, lead: bytes, end_length: int, goes_on: bool) -> Outline:
    if goes_on and lead.lstrip(b" \t")[:1] in _SIGNS:
        # It goes on with what stands before it: it is alone.
        return Outline((Stroke(lead, len(lead), False),), lead)
    return _after_end(lead[:end_length], meaning.outline(lead[end_length:]))


def _sort(leadings: list[_Leading]) -> Pieces:
    """The tree of the leads, which are sorted."""
    root = Branch()
    path = [root]
    tokens: list[int] = []
    lead_of: list[int] = []
    tail_lengths: list[int] = []
    before: tuple[object, ...] | None = None
    for at, one in enumerate(leadings):
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
            group.is_word, group.is_digits = one.kind != _LEAD, one.kind == _DIGITS
            path[-1].groups.append(group)
        group = path[-1].groups[-1]
        for tail, many in one.tails.items():
            if tail not in group.tails:
                group.by_first.setdefault(tail[:1], []).append(tail)
            group.tails.setdefault(tail, []).extend(many)
            tokens += many
            lead_of += [at] * len(many)
            tail_lengths += [len(tail)] * len(many)
        group.asks = not one.is_inert and (len(group.tails) > 1 or b"" not in group.tails)
        group.last = len(tokens)
    for closed in path:
        closed.last = len(tokens)
    order = np.array(tokens, np.int32)
    stretches: list[Stretch] = []
    _number(root, stretches, order)
    return Pieces(
        root,
        order,
        np.array([one.first for one in stretches], np.int64),
        np.array([one.last for one in stretches], np.int64),
        tuple(one.lead for one in leadings),
        np.array(lead_of, np.int32),
        np.array(tail_lengths, np.uint16),
    )


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


def _first_end(text: bytes, inert: Inert) -> _Cut | None:
    """Where in the text the string or comment may begin to end, and how long a quote is that
    ends it there; None if nowhere."""
    begin = 1 if inert.is_escaped else 0
    quote = inert.ends[0]
    if inert.begun and not inert.is_escaped and text.startswith(quote[inert.begun :]):
        return 0, len(quote) - inert.begun
    first = -1
    length = 0
    for end in inert.ends:
        at = text.find(end, begin)
        while at > 0 and _is_escaped(text, at, begin):
            at = text.find(end, at + 1)
        if at >= 0 and (first < 0 or at < first):
            first, length = at, len(end) if end[:1] in b"\"'" else 0
    return None if first < 0 else (first, length)


def _is_escaped(text: bytes, at: int, begin: int) -> bool:
    before = text[begin:at]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


@lru_cache(maxsize=64)
def _holding(key: ByFingerprint, byte: bytes) -> list[int]:
    """The tokens that hold the byte."""
    vocabulary = key.vocabulary
    places = np.flatnonzero(np.frombuffer(vocabulary.data, np.uint8) == ord(byte))
    tokens = np.searchsorted(vocabulary.offsets, places, side="right") - 1
    found: list[int] = np.unique(tokens).tolist()
    return found


@lru_cache(maxsize=64)
def _pieces(key: ByFingerprint, meaning: Meaning, inert: Inert | None, goes_on: bool) -> Pieces:
    vocabulary = key.vocabulary
    cuts: dict[int, _Cut] = {}
    if inert is None:
        has_text = np.flatnonzero(np.diff(vocabulary.offsets))
        cuts = dict.fromkeys(has_text.tolist(), (0, 0))
    else:
        # A token may end what the text has begun of an end.
        firsts = {end[:1] for end in inert.ends} | {end[-1:] for end in inert.ends}
        for token in sorted(set().union(*(_holding(key, first) for first in firsts))):
            cut = _first_end(vocabulary.token_bytes(token), inert)
            if cut is not None:
                cuts[token] = cut
    return _sort(_read(meaning, vocabulary, cuts, goes_on))


def prepare(vocabulary: Vocabulary, meaning: Meaning) -> None:
    """Sorts the tokens once for all: it takes a second or two."""
    for goes_on in (False, True):
        _pieces(ByFingerprint(vocabulary), meaning, None, goes_on)


def pieces_of(
    vocabulary: Vocabulary, meaning: Meaning, inert: Inert | None, parse: ParseState
) -> Pieces:
    """The vocabulary's pieces, in code or in a string or comment; kept while they are used."""
    # `1.` and `1 .`, `<` and `<=`: what begins with a sign may go on in what is written already.
    goes_on = meaning.number_begun(parse) or parse.tail[-1:] in _SIGNS
    return _pieces(ByFingerprint(vocabulary), meaning, inert, goes_on)

"""Taking refused tokens out of a mask.

A claim is judged when its statement becomes final. So of all tokens only those count

- that may end the statement under way, if a claim is in it;
- that hold a claim and end its statement themselves;
- that begin a line: blocks deeper than it end there, and loops are run again. Of a token that
  does no more than that all that matters is where its first byte stands.

Of those, tokens that agree up to the last byte that ends anything, in the blanks after it and in
the first byte that isn't one, lead to the same final statements, and are judged once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ananke.analysis.formulas.semantics import Semantics, Wording
from ananke.domains.by_fingerprint import ByFingerprint
from ananke.domains.state import Words
from ananke.parsing.state import ParseState
from ananke.vocabulary import Vocabulary

__all__ = ["narrow", "prepare"]

_BLANKS = b" \t\f"


def narrow(
    semantics: Semantics,
    vocabulary: Vocabulary,
    parse: ParseState,
    is_right: Callable[[ParseState], bool],
    can_end: Callable[[], bool],
    words: Words,
    deadline: int | None = None,
    judged_from: int | None = None,
) -> bool:
    """Clears the bits of refused tokens in `words`, a row of the packed mask.

    Where nothing is stated of functions only claims that are written can be broken, of those that
    stand at `judged_from` or after it. Then tokens without one, after a text of the outermost
    statement that has none, are not judged. None: contracts are to be kept.

    Where `deadline` (of `time.perf_counter_ns`) passes, the tokens that are not judged yet stay.
    Whether all were judged.
    """
    admitted = np.unpackbits(words.view(np.uint8), bitorder="little")
    groups = _groups(ByFingerprint(vocabulary), semantics.wording)
    wording = semantics.wording
    has_claim = _may_claim(semantics.under_way(parse), wording)
    last = parse.tail.rstrip(_BLANKS)[-1:]
    begins = bool(last) and last in wording.line_ends and not has_claim
    if last and not begins and (last in wording.line_ends or (has_claim and last in wording.ends)):
        # What the next byte is decides whether that was an end, or which blocks end.
        chosen = groups.all
    else:
        chosen = groups.ending if has_claim else groups.stirring
    samples: list[tuple[npt.NDArray[np.int32], bytes | None]] = [(one, None) for one in chosen]
    if begins:
        samples += groups.beginning
    claimed = None if judged_from is None else semantics.outermost(parse, judged_from)
    if claimed is not None and _has_claim(claimed, wording):
        claimed = None
    known: dict[Hashable, bool] = {}
    versions = parse.version_count
    changed = False
    is_whole = True
    for tokens, beginning in samples:
        if deadline is not None and time.perf_counter_ns() >= deadline:
            is_whole = False
            break
        alive = tokens[admitted[tokens] != 0]
        if not len(alive):
            continue
        text = vocabulary.token_bytes(int(alive[0])) if beginning is None else beginning
        if claimed is not None and not _has_claim(claimed + text, wording):
            continue
        after = parse.feed(text)
        if after is None:
            # The grammar's mask takes what its parser refuses: nothing that is judged here.
            continue
        right: bool | None = None
        # Where no lexeme has closed what is final depends on the stage alone.
        is_open = after.lexeme_start == parse.lexeme_start and after.version_count == versions == 1
        stage = semantics.stage(after) if is_open else None
        if stage is not None:
            right = known.get(stage)
        if right is None:
            right = is_right(after)
            if stage is not None:
                known[stage] = right
        if not right:
            admitted[alive] = 0
            changed = True
    eos = [token for token in vocabulary.eos if admitted[token]]
    if eos and deadline is not None and time.perf_counter_ns() >= deadline:
        is_whole = False
    elif eos and not can_end():
        admitted[eos] = 0
        changed = True
    if changed:
        words[:] = np.packbits(admitted, bitorder="little").view(np.int32)
    return is_whole


def _has_claim(text: bytes, wording: Wording) -> bool:
    return any(claim in text for claim in wording.claims)


def _may_claim(text: bytes, wording: Wording) -> bool:
    """Whether a claim is in a statement's text, or may have begun at its end."""
    return any(
        claim in text or any(text.endswith(claim[:length]) for length in range(1, len(claim)))
        for claim in wording.claims
    )


class _Groups:
    """The vocabulary's tokens, those that are judged alike together (int32 (n,) each).

    Attributes:
        all: every token.
        ending: those with a byte that may end a statement.
        stirring: those of them that begin a line, or hold a claim and end its statement.
        beginning: all others, with the text that those begin with which are together: blanks and
            one byte more.
    """

    def __init__(self, vocabulary: Vocabulary, wording: Wording) -> None:
        found: dict[tuple[bytes, bytes], list[int]] = {}
        # The text through the last byte that may end a statement; the blanks after it, and one byte
        # more.
        key = re.compile(b"(.*[" + re.escape(wording.ends) + b"])?([ \t\f]*.?)", re.DOTALL)
        data, offsets = vocabulary.data, vocabulary.offsets.tolist()
        for token, (begin, end) in enumerate(pairwise(offsets)):
            if begin < end:
                through, next_ = key.match(data[begin:end]).groups(b"")  # type: ignore[union-attr]
                found.setdefault((through, next_), []).append(token)
        ends = re.escape(wording.line_ends)
        line = re.compile(b"[" + ends + b"][ \\t\\f]*[^ \\t\\f" + ends + b"]")
        self.all: list[npt.NDArray[np.int32]] = []
        self.ending: list[npt.NDArray[np.int32]] = []
        self.stirring: list[npt.NDArray[np.int32]] = []
        others: dict[bytes, list[npt.NDArray[np.int32]]] = {}
        for (through, _), tokens in found.items():
            row = np.array(tokens, np.int32)
            self.all.append(row)
            if through:
                self.ending.append(row)
            sample = vocabulary.token_bytes(tokens[0])
            stirs = line.search(sample) or any(one in through for one in wording.claims)
            if through and stirs:
                self.stirring.append(row)
            else:
                blanks = len(sample) - len(sample.lstrip(_BLANKS))
                others.setdefault(sample[: blanks + 1], []).append(row)
        self.beginning: list[tuple[npt.NDArray[np.int32], bytes | None]] = [
            (np.concatenate(rows), text) for text, rows in others.items()
        ]


@lru_cache(maxsize=8)
def _groups(key: ByFingerprint, wording: Wording) -> _Groups:
    return _Groups(key.vocabulary, wording)


def prepare(vocabulary: Vocabulary, wording: Wording) -> None:
    """Sorts the tokens once for all."""
    _groups(ByFingerprint(vocabulary), wording)

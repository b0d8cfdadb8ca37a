"""What a session asks of a domain: an immutable state after the text so far."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from ananke.parsing.state import ParseState

Words = npt.NDArray[np.int32]


class DomainState(Protocol):
    """A value: advancing returns another one, and forking is keeping a reference.

    `part` names the domain and what judges in it (`syntax: language`, `syntax: user grammar`);
    statistics and explanations use it.
    """

    @property
    def part(self) -> str: ...

    def advance(self, text: bytes, token: int | None = None) -> Self | None:
        """The state after `text`, or None where no valid text goes on so.

        `token` is the id that spells `text`, if it was one token: a hint, never a meaning.
        """

    def can_end(self) -> bool:
        """Whether the generated text may stop here."""

    def fill(self, words: Words) -> None:
        """Overwrite a row of the packed mask: int32, shape (ceil(vocabulary size / 32),).

        Bit i is set iff `advance` of token i's bytes is not None; an EOS bit iff `can_end()`.
        """

    def refusal(self, text: bytes) -> str:
        """Why `text` is not admitted here, in a sentence. Only for text that is refused."""

    def end_refusal(self) -> str:
        """Why the text can't stop here, in a sentence. Only where `can_end()` is false."""

    def shortest_completion(self) -> bytes | None:
        """The least text after which `can_end()` holds, if this part can tell by itself."""

    def ahead(self) -> object:
        """A hashable summary of what may come next: equal for states that are likely alike."""


class JudgeState(Protocol):
    """What a domain knows after a text that the language's syntax admits: an immutable value.

    A judge never sees text that the language's grammar refuses. It stands beside a parse state and
    follows it; `part` names the domain.
    """

    @property
    def part(self) -> str: ...

    def advance(self, parse: ParseState) -> Self | None:
        """The state after more text, whose parse is `parse`; None where no valid text goes on
        so."""

    def can_end(self) -> bool:
        """Whether the generated text may stop here."""

    def forgive(self, parse: ParseState) -> Self | None:
        """The state after text that `advance` refuses, what is wrong with it taken for given; None
        where nothing can be told from there on."""

    def trial(self) -> AbstractContextManager[None]:
        """What this and later states learn within is forgotten after it: texts are only tried."""

    def narrow(self, words: Words, deadline: int | None = None) -> bool:
        """Clear, in a row of the packed mask, the bits of the tokens that this domain refuses.

        On entry the set bits are tokens that syntax admits. A bit stays iff `advance` of the parse
        state after the token is not None; an EOS bit iff `can_end()`.

        From `deadline` (of `time.perf_counter_ns`) on it may stop and leave bits as they are.
        Whether all tokens were judged.
        """

    def proposals(self) -> Iterable[tuple[bytes, ...]]:
        """Texts that may lead to where the program can be closed; of those in one tuple the first
        that is taken serves."""

    def endings(self) -> Iterable[bytes]:
        """Texts that may pay what is due where syntax lets the program end and this doesn't."""

    def refusal(self, parse: ParseState) -> str:
        """Why the text of `parse` is refused, in a sentence. Only where `advance` gives None."""

    def end_refusal(self) -> str:
        """Why the text can't stop here, in a sentence. Only where `can_end()` is false."""

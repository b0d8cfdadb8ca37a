"""What the suite asks of an engine: a batch of requests, driven as the engine itself drives it.

One module of this folder per adapter implements these two. What an engine has no way to do it
declares (`Conformance.cannot`), with the reason that its page in `docs/serving/` gives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ananke.vocabulary import Vocabulary

#: A spec as a client writes it: an object, or JSON text that nothing has looked at; None for a
#: request that asks for no constraint.
Request = Mapping[str, Any] | str | None


class Refused(Exception):  # noqa: N818 - it says what happened
    """The engine's own error for the request at `row`."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True)
class Setup:
    """The model's side: the width of its logits, the ids that end a text."""

    columns: int
    eos: tuple[int, ...]


class Batch(ABC):
    """Running requests, one per row. What an engine has no hook for it leaves out and declares."""

    @abstractmethod
    def admitted(self) -> list[set[int]]:
        """For each row the columns that keep a finite logit when the engine has masked it."""

    @abstractmethod
    def step(self, tokens: Sequence[int]) -> None:
        """One decoding step is over: the token that each row got. Raises Refused for a row that
        the engine then aborts; the others have their token."""

    def take_back(self, count: int) -> None:
        """The last `count` steps did not happen (a rejected draft)."""
        raise NotImplementedError

    def copy_row(self, source: int, target: int) -> None:
        """`target` goes on from what `source` has (beams)."""
        raise NotImplementedError

    def replace(self, row: int, request: Request) -> None:
        """The row's request is aborted, and another one gets its place."""
        raise NotImplementedError

    def jump(self, row: int) -> bytes:
        """Append what must come without sampling it, and say what that was."""
        raise NotImplementedError


class Engine(ABC):
    """An engine that serves one model."""

    #: What our adapter made of the model's tokenizer.
    vocabulary: Vocabulary

    @abstractmethod
    def start(self, requests: Sequence[Request]) -> Batch:
        """Raises Refused; other requests then go on."""

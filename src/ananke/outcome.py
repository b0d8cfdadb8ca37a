"""What a session answers with: explanations, typed errors, statistics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Explanation:
    """Whether a token or text is admitted; if not, which part refuses it and why (a sentence).

    `because`: what that rests on, nearest first, where a domain of meaning refuses and it was asked
    for (`Session.explain`).
    """

    admitted: bool
    domain: str | None
    reason: str
    because: tuple[str, ...] = ()


class NotAdmitted(ValueError):  # noqa: N818 - it says what happened
    """The token or text can't come here. `token` is None for text; the session is unchanged."""

    def __init__(self, token: int | None, explanation: Explanation) -> None:
        super().__init__(explanation.reason)
        self.token = token
        self.explanation = explanation


class TokenError(ValueError):
    """A token id outside the vocabulary."""


class RollbackError(ValueError):
    """More tokens to take back than were accepted."""


@dataclass(frozen=True)
class Slip:
    """A violation that came in because the part that refuses it was left out of the mask.

    Attributes:
        part: the part; it is out for the rest of the text.
        cause: why it was left out: `budget` or `relaxation`.
        position: bytes of generated text before the token that brought it in.
        reason: what the part says against it, in a sentence.
    """

    part: str
    cause: str
    position: int
    reason: str


@dataclass(frozen=True)
class Relaxation:
    """A mask from which parts gave way, because together they left no token.

    Attributes:
        position: bytes of generated text before it.
        parts: those that gave way.
    """

    position: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """A part of a given text that the language's grammar can't parse, and was read without.

    Attributes:
        place: `prefix` or `suffix` of `spec.context`.
        start, end: bytes of that text, `end` excluded.
        line: of `start` in that text, from 1.
    """

    place: Literal["prefix", "suffix"]
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Satisfiability:
    """Whether the text so far can be finished as asked.

    Attributes:
        status: `sat`, `unsat` or `unknown` (a bounded search has not shown either).
        reason: how that is known, in a sentence.
        witness: where it is `sat`, a text after which it may end.
    """

    status: Literal["sat", "unsat", "unknown"]
    reason: str
    witness: bytes | None = None


@dataclass(frozen=True)
class PartTime:
    """Nanoseconds that one part took, in all masks and in all accepted tokens."""

    mask: int
    accept: int


@dataclass(frozen=True)
class Statistics:
    """What a session did since it was made or forked.

    `reused` masks were answered from the one before, `likely` ones hold likely tokens only
    (`spec.budgets.likely`); `over_budget` masks took longer than
    `spec.budgets.token_microseconds`; `skipped` and `relaxed` count, per part, the masks it was
    left out of for lack of time and because it gave way (the syntax domain never is), `cut_short`
    those in which it had time for some tokens only, `slipped` the violations that came in so.
    `unmodelled` counts the parts of the given text that were read without (`Session.unmodelled`).
    `parts` has the times by part.
    """

    accepted: int
    refused: int
    rolled_back: int
    masks: int
    reused: int
    likely: int
    over_budget: int
    skipped: dict[str, int]
    cut_short: dict[str, int]
    relaxed: dict[str, int]
    slipped: dict[str, int]
    unmodelled: int
    parts: dict[str, PartTime]


@dataclass
class Counters:
    """The counts behind `Statistics`, while a session runs."""

    accepted: int = 0
    refused: int = 0
    rolled_back: int = 0
    masks: int = 0
    reused: int = 0
    likely: int = 0
    over_budget: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    cut_short: Counter[str] = field(default_factory=Counter)
    relaxed: Counter[str] = field(default_factory=Counter)
    slipped: Counter[str] = field(default_factory=Counter)
    mask_time: dict[str, int] = field(default_factory=dict)
    accept_time: dict[str, int] = field(default_factory=dict)

    def read(self, unmodelled: int) -> Statistics:
        names = sorted(self.mask_time.keys() | self.accept_time.keys())
        return Statistics(
            accepted=self.accepted,
            refused=self.refused,
            rolled_back=self.rolled_back,
            masks=self.masks,
            reused=self.reused,
            likely=self.likely,
            over_budget=self.over_budget,
            skipped=dict(self.skipped),
            cut_short=dict(self.cut_short),
            relaxed=dict(self.relaxed),
            slipped=dict(self.slipped),
            unmodelled=unmodelled,
            parts={
                name: PartTime(self.mask_time.get(name, 0), self.accept_time.get(name, 0))
                for name in names
            },
        )

"""What every evaluation takes and gives."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.corpora import Source, sample
from evals.report import Place, Summary

__all__ = ["Evaluation", "Findings", "Options", "generator"]


@dataclass(frozen=True)
class Options:
    """What one run measures.

    Attributes:
        seed: of every sample and every random choice; the same seed, the same run.
        quick: small samples, nothing written into the document.
        files: real files a language, or None for the evaluation's own default.
        count: how many of what the evaluation counts (states, mutants, walks, inputs) a
            language, or None for its default.
        replays: files a language that are replayed token by token, or None for all accepted ones.
        seconds: time bound a language, for evaluations that are bounded in time, or None.
    """

    corpora: Path
    seed: int = 20_251
    quick: bool = False
    files: int | None = None
    count: int | None = None
    replays: int | None = None
    seconds: float | None = None
    place: Place = field(default_factory=Place)

    def sources(self, language: str, default: int, quick: int) -> tuple[Source, ...]:
        """The sampled files of the language."""
        wanted = self.files or (quick if self.quick else default)
        return sample(self.corpora, language, wanted, self.seed)

    def number(self, default: int, quick: int) -> int:
        """How many to count."""
        return self.count or (quick if self.quick else default)


@dataclass(frozen=True)
class Findings:
    """What was found for one language.

    Attributes:
        summary: the figures of the section's row; JSON values.
        rows: the raw rows behind them.
        misses: a sentence for every target that was missed.
    """

    summary: Summary
    rows: Sequence[Summary] = ()
    misses: Sequence[str] = ()


@dataclass(frozen=True)
class Evaluation:
    """One program: how it measures a language, how its section reads, and which languages it can
    measure (empty: all)."""

    name: str
    measure: Callable[[str, Options], Findings]
    sections: Mapping[str, Callable[[Mapping[str, Summary]], str]]
    languages: tuple[str, ...] = ()


def generator(options: Options, *parts: object) -> random.Random:
    """A random generator of its own for each thing measured, so that samples don't shift when
    another one's size changes."""
    return random.Random(":".join(map(str, (options.seed, *parts))))

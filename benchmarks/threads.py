"""Masks of a large batch by one thread and by two (`python -m benchmarks.threads`).

The rows of a batch are different sessions, so several threads may fill them: the native core and
llguidance run without Python's lock. Batches of the same requests are decoded side by side: one
filled by one thread, one by two of Python's, and, where the languages' grammars decide alone, one
by a single call to the native core, which has threads of its own. They take turns at going first.
Wall time needs two idle processors; what each needs of processor time doesn't.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer

from ananke.masks import allocate
from ananke.session import Session, mask_programs
from ananke.spec import SCHEMA_KEYWORD, parse_spec
from ananke.vocabulary import Vocabulary
from benchmarks.overhead import ALL, Work, documents, programs
from benchmarks.timing import Times, steady_clock
from evals.progress import say
from evals.report import Place, machine, table, today, write_section
from evals.tokens import vocabulary_named

_SEED = 20_251
_THREADS = 2
#: Different requests; the batch holds each several times.
_REQUESTS = 32


@dataclass(frozen=True)
class Batch:
    """Times of steps: of the clock and of all threads' processor time."""

    wall: Times
    cpu: Times


def measure(works: Sequence[Work], rows: int, vocabulary: Vocabulary) -> dict[str, Batch]:
    """A batch filled by one thread, and its twins in other ways; masks were made before.

    Raises:
        RuntimeError: they have different masks.
    """
    starts = [Session(parse_spec(_spec(work)), vocabulary) for work in works]
    for start, work in zip(starts, works, strict=True):
        _walk(start.fork(), work)
    chosen = [at % len(works) for at in range(rows)]
    is_together = all(start.is_program_alone for start in starts)
    ways = ("1", str(_THREADS), "one call")[: 3 if is_together else 2]
    batches = [[starts[at].fork() for at in chosen] for _ in ways]
    masks = [allocate(rows, vocabulary.size) for _ in ways]
    times: list[tuple[list[int], list[int]]] = [([], []) for _ in ways]
    half = rows // _THREADS

    def fill(batch: int, first: int, last: int) -> None:
        for row in range(first, last):
            batches[batch][row].mask(masks[batch], row)

    with ThreadPoolExecutor(_THREADS) as pool, steady_clock():

        def alone() -> None:
            fill(0, 0, rows)

        def shared() -> None:
            parts: list[Future[None]] = [
                pool.submit(fill, 1, first, min(first + half, rows))
                for first in range(0, rows, half)
            ]
            for part in parts:
                part.result()

        def together() -> None:
            mask_programs(batches[2], masks[2], range(rows))

        turns: list[Callable[[], None]] = [alone, shared, together][: len(ways)]
        for step in range(len(works[0].tokens)):
            for shift in range(len(ways)):
                at = (step + shift) % len(ways)
                wall, cpu = time.perf_counter_ns(), time.process_time_ns()
                turns[at]()
                times[at][0].append(time.perf_counter_ns() - wall)
                times[at][1].append(time.process_time_ns() - cpu)
            if not all(np.array_equal(masks[0], other) for other in masks[1:]):
                raise RuntimeError(f"step {step}: another way fills other masks than one thread")
            for batch in batches:
                for session, at in zip(batch, chosen, strict=True):
                    session.accept(works[at].tokens[step])
    return {
        way: Batch(Times(tuple(wall)), Times(tuple(cpu)))
        for way, (wall, cpu) in zip(ways, times, strict=True)
    }


def _spec(work: Work) -> Mapping[str, Any]:
    document = json.loads(work.source)
    if SCHEMA_KEYWORD in document:
        spec: Mapping[str, Any] = document[SCHEMA_KEYWORD]
        return spec
    return {"grammar": {"kind": "json_schema", "source": document}}


def _walk(session: Session, work: Work) -> None:
    row = allocate(1, session.vocabulary.size)
    for token in work.tokens:
        session.mask(row)
        session.accept(token)


def main(
    rows: Annotated[int, typer.Option(min=2)] = 256,
    steps: Annotated[int, typer.Option(min=1)] = 100,
    quick: Annotated[bool, typer.Option("--quick", help="The document is not written.")] = False,
) -> None:
    """Measures, and writes the section *threads*."""
    vocabulary = vocabulary_named("deepseek")
    lines = []
    few = max(2, rows // 16)
    for name, count, works in (
        ("JSON schema", rows, documents(_REQUESTS, steps, _SEED)),
        ("Python by syntax", rows, programs(_REQUESTS, steps, ["syntax"], None, _SEED)),
        (
            "Python by all but semantics",
            few,
            programs(_REQUESTS // 8, max(1, steps // 5), ALL[:-1], None, _SEED),
        ),
    ):
        for threads, found in measure(works, count, vocabulary).items():
            wall = (f"{found.wall.quantile(share) / 1000:.2f}" for share in (0.1, 0.5))
            lines.append(
                (
                    name,
                    count,
                    threads,
                    len(found.wall.nanoseconds),
                    *wall,
                    f"{found.cpu.mean / 1000:.2f}",
                )
            )
            say(" ".join(map(str, lines[-1])))
    if quick:
        return
    head = ("requests", "rows", "threads", "steps", "wall p10", "wall p50", "processor time, mean")
    body = (
        "## Threads (`python -m benchmarks.threads`)\n\n"
        "Milliseconds in which all masks of a batch are made: by one thread; by "
        f"{_THREADS} of Python's that share the rows; by one call to the native core, which has a "
        "thread for each processor. What comes was seen before, and each mask is compared. Times "
        "of the clock say little where other programs use the machine; processor time is that of "
        "all threads.\n\n"
        + table(head, lines)
        + f"\n{vocabulary.size:,} tokens (deepseek). {machine()} {today()}.\n"
    )
    write_section(Place(), "threads", body)


if __name__ == "__main__":
    typer.run(main)

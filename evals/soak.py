"""Soak (`python -m evals.soak`): thousands of sessions on several threads, with aborts, rollbacks,
forks and bad requests, over sessions by themselves and over SGLang's classes where it is installed.

    requests of a round, numbered ──► a session each, by 8 threads ──► a digest of all its masks

A session's steps are drawn from a generator of its own, so its masks are the same in every round. A
first round runs on one thread; each session of the later rounds must come to the digest that it had
there: otherwise it saw something of another session. Bad requests must get the error that they got
alone, which names their number.

Every round holds the same requests, so that what is learnt from them is learnt in the first ones;
memory that still grows then is lost.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.vocabulary import Vocabulary
from evals.native_build import live_objects
from evals.progress import say
from evals.report import Place, Summary, keep_summary, machine, table, today
from evals.soak_hosts import HOSTS, Host, Line, Refused, is_installed
from evals.soak_requests import Request, request_numbered

__all__ = ["Soak", "section", "soak"]

THREADS = 8
#: By so much, as a share, resident memory may grow from half of the rounds on. What is freed is not
#: all handed back to the system.
MOST_GROWTH = 0.02
#: Steps of a session.
_STEPS = 40
#: Steps of a fork.
_FORK_STEPS = 4

#: What is counted of the rounds of threads.
_COUNTED = ("masks", "tokens", "rollbacks", "forks", "aborts", "refused tokens", "bad requests")


@dataclass
class Soak:
    """What happened in the rounds of threads.

    Attributes:
        memory: resident bytes after each round, the one on a single thread first.
        objects: native objects alive after each round.
        problems: a sentence for each thing that must not happen.
    """

    sessions: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Of resident memory from half of the rounds on, as a share."""
        return self.memory[-1] / self.memory[len(self.memory) // 2] - 1


@dataclass
class _Outcome:
    """What one request came to; `digest` is of all its masks, or its error."""

    digest: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    problem: str = ""


def soak(host: Host, sessions: int, rounds: int, seed: int) -> Soak:
    """`sessions` in `rounds` rounds of the same requests, after a round on one thread."""
    each = sessions // rounds
    requests = [request_numbered(number, seed) for number in range(each)]
    found = Soak(sessions=each * rounds)
    began = time.monotonic()
    alone = [_run(host, request, seed, number) for number, request in enumerate(requests)]
    found.problems += [f"alone: {one.problem}" for one in alone if one.problem]
    _note_round(found)
    with ThreadPoolExecutor(THREADS) as pool:
        for turn in range(rounds):
            order = list(range(each))
            random.Random(f"{seed}:order:{turn}").shuffle(order)
            outcomes = list(
                pool.map(lambda number: _run(host, requests[number], seed, number), order)
            )
            for number, outcome in zip(order, outcomes, strict=True):
                found.counts += outcome.counts
                problem = outcome.problem
                if not problem and outcome.digest != alone[number].digest:
                    problem = f"not what it was alone: {requests[number].document[:200]}"
                if problem:
                    found.problems.append(f"round {turn + 1}, request {number}: {problem}")
            del outcomes
            _note_round(found)
            say(f"soak: round {turn + 1} of {rounds}, {found.memory[-1] >> 20:,} MiB")
    found.seconds = time.monotonic() - began
    if found.growth > MOST_GROWTH:
        found.problems.append(f"resident memory grew by {100 * found.growth:.1f} %")
    return found


def _note_round(found: Soak) -> None:
    gc.collect()
    # The C allocator hands back what is free, so that what is left is in use.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    found.memory.append(pages * 4096)
    found.objects.append(sum(live_objects().values()))


def _run(host: Host, request: Request, seed: int, number: int) -> _Outcome:
    """One request from its start to its end or abort."""
    outcome = _Outcome()
    try:
        line = host.start(request.document)
    except Refused as error:
        outcome.counts["bad requests"] += 1
        outcome.digest = str(error)
        if not request.mark or request.mark not in str(error):
            outcome.problem = f"{request.document[:200]}: refused with {str(error)[:200]!r}"
        return outcome
    if request.mark:
        outcome.problem = f"{request.document[:200]}: was not refused"
        return outcome
    digest = hashlib.sha256()
    walk = _Walk(host.vocabulary, random.Random(f"{seed}:steps:{number}"), digest.update, outcome)
    walk.run(line, _STEPS)
    outcome.digest = digest.hexdigest()
    return outcome


@dataclass(frozen=True)
class _Walk:
    """Random steps of a session and of forks of it; each mask goes to `note`."""

    vocabulary: Vocabulary
    draw: random.Random
    note: Callable[[bytes], object]
    outcome: _Outcome

    def run(self, line: Line, steps: int) -> None:
        draw, counts = self.draw, self.outcome.counts
        taken = 0
        for _ in range(steps):
            try:
                words = line.admitted()
            except GrammarGaveUp:
                self.note(b"given up")
                return
            counts["masks"] += 1
            self.note(words.tobytes())
            bits = np.unpackbits(words.view(np.uint8), bitorder="little")[: self.vocabulary.size]
            if not bits.any():
                return
            chance = draw.random()
            if chance < 0.02:
                counts["aborts"] += 1
                return
            if chance < 0.12 and taken:
                count = draw.randint(1, taken)
                line.rollback(count)
                taken -= count
                counts["rollbacks"] += 1
            elif chance < 0.18 and steps > _FORK_STEPS:
                # It goes its own way, and the line stays where it is.
                counts["forks"] += 1
                self.run(line.fork(), _FORK_STEPS)
            else:
                if chance < 0.22:
                    self._try_refused(line, bits)
                if not self._take(line, bits):
                    return
                taken += 1

    def _take(self, line: Line, bits: npt.NDArray[np.uint8]) -> bool:
        """Accepts an admitted token, an end only where there is nothing else; whether the text goes
        on."""
        admitted = np.flatnonzero(bits)
        inner = admitted[~np.isin(admitted, self.vocabulary.eos)]
        token = int(self.draw.choice(inner if len(inner) else admitted))
        if not line.accept(token):
            self.outcome.problem = f"token {token} was in the mask and is refused"
            return False
        self.outcome.counts["tokens"] += 1
        return bool(len(inner))

    def _try_refused(self, line: Line, bits: npt.NDArray[np.uint8]) -> None:
        refused = np.flatnonzero(bits == 0)
        if not len(refused):
            return
        token = int(self.draw.choice(refused))
        self.outcome.counts["refused tokens"] += 1
        if line.accept(token):
            self.outcome.problem = f"token {token} was not in the mask and is taken"


def _summary(found: Soak, vocabulary: Vocabulary) -> Summary:
    return {
        "date": today(),
        "machine": machine(),
        "vocabulary": vocabulary.size,
        "sessions": found.sessions,
        **{name: found.counts[name] for name in _COUNTED},
        "memory": [round(one / (1 << 20)) for one in found.memory],
        "objects": found.objects,
        "seconds": round(found.seconds),
        "problems": found.problems,
    }


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *soak*."""
    rows = [
        (
            host,
            s["vocabulary"],
            s["sessions"],
            s["masks"],
            f"{s['rollbacks']:,} / {s['forks']:,} / {s['aborts']:,}",
            s["refused tokens"],
            s["bad requests"],
            _chain(s["memory"]),
            _chain(s["objects"]),
            len(_list(s["problems"])),
            s["seconds"],
            s["date"],
        )
        for host, s in summaries.items()
    ]
    head = (
        *("over", "tokens", "sessions", "masks", "rollbacks / forks / aborts", "refused tokens"),
        *("bad requests", "resident MiB", "native objects", "problems", "seconds", "measured"),
    )
    return (
        "## Soak (`python -m evals.soak`)\n\n"
        "Sessions of all kinds (every language by syntax, Python with all domains and a contract, "
        "users' grammars, both together; one in eight a bad request) on "
        f"{THREADS} threads, in rounds of the same requests after a round on one thread. *core*: "
        "sessions by themselves; *sglang*: SGLang's grammar backend and grammar objects. Memory "
        "and native objects stand after each round, that one first. A problem is: a session whose "
        "masks are not bit by bit what they were alone, a token taken that was masked or refused "
        "that was not, a bad request without its own error, a crash, resident memory that grows by "
        f"more than {100 * MOST_GROWTH:.0f} % from half of the rounds on. "
        "Target: none.\n\n" + table(head, rows) + f"\n{list(summaries.values())[-1]['machine']}\n"
    )


def _list(value: object) -> Sequence[Any]:
    assert isinstance(value, list)
    return value


def _chain(value: object) -> str:
    return " → ".join(f"{one:,}" for one in _list(value))


def main(
    over: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(HOSTS)}; all that are installed.")
    ] = None,
    sessions: Annotated[int, typer.Option(min=8)] = 2_000,
    rounds: Annotated[int, typer.Option(min=1)] = 8,
    seed: int = 20_251,
    quick: Annotated[bool, typer.Option("--quick", help="The document is not written.")] = False,
) -> None:
    """Exit code 1 when there was a problem."""
    place = Place()
    problems = 0
    for name in over or [name for name in HOSTS if is_installed(name)]:
        if name not in HOSTS:
            raise typer.BadParameter(f"{name}; there are: {', '.join(HOSTS)}")
        host = HOSTS[name]()
        found = soak(host, sessions, rounds, seed)
        if not quick:
            summary = _summary(found, host.vocabulary)
            keep_summary(place, "soak", name, summary, list(HOSTS), section)
        counts = ", ".join(f"{found.counts[one]:,} {one}" for one in _COUNTED)
        say(f"{name}: {found.sessions:,} sessions, {counts}, {found.seconds:.0f} s")
        for problem in found.problems[:20]:
            say(f"problem: {problem}")
        problems += len(found.problems)
    if problems:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

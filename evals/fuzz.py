"""Fuzzing: random bytes and token sequences against the core built with safety checks.

Inputs are drawn, each from its own seeded generator, so any one can be made again from (seed,
language, index):

- bytes, all 256 equally likely;
- bytes in which spaces, brackets, quotes and letters are common;
- tokens of a real vocabulary;
- a stretch of a real file with bytes replaced, doubled or dropped;
- tokens drawn under the mask with a few random bytes between.

Each input is fed in random pieces; along the way states are forked, asked whether they may end, for
masks, trees, stacks and completions, and dropped in random order. Work is done by child processes,
so that a crash or a hang is seen and named: the child writes the index of the input it is at into a
file before it starts. After each batch all native objects but the process-wide ones must be gone.
"""

from __future__ import annotations

import gc
import mmap
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ananke.parsing.classifier import Classifier, load_classifier
from ananke.parsing.grammar import load_grammar
from ananke.parsing.state import ParseState
from evals.corpora import Source
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.native_build import build_safe, live_objects, using_library
from evals.progress import say, steps
from evals.report import Summary, machine, table, today
from evals.tokens import vocabulary_named, vocabulary_names

__all__ = ["FUZZ", "draw_input", "exercise", "work"]

BATCH = 10_000
#: Seconds; a batch takes well under a minute, a hang takes for ever.
_BATCH_TIMEOUT = 900.0
_LIKELY = b" \n\t(){}[]<>\"'`\\/*#=:;,.$@!?-+0123456789_abcdefxyz\xc3\xa9\xf0\x9f"
_LONGEST = 96


def draw_input(
    language: str, options: Options, classifier: Classifier, sources: tuple[Source, ...], index: int
) -> list[bytes]:
    """Input number `index` as the pieces it is fed in."""
    rng = generator(options, "fuzz", language, index)
    kind = index % 4
    if kind == 0:
        text = rng.randbytes(rng.randrange(1, _LONGEST))
    elif kind == 1:
        text = bytes(rng.choices(_LIKELY, k=rng.randrange(1, _LONGEST)))
    elif kind == 2:
        vocabulary = classifier.vocabulary
        return [
            vocabulary.token_bytes(rng.randrange(vocabulary.size))
            for _ in range(rng.randrange(1, 24))
        ]
    else:
        text = _damage(rng.choice(sources).text, rng)
    return _pieces(text, rng)


def _damage(text: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(text))
    if rng.random() < 0.5:
        # From a line's beginning more of it lives.
        start = text.rfind(b"\n", 0, start) + 1
    taken = bytearray(text[start : start + rng.randrange(1, 4 * _LONGEST)])
    for _ in range(rng.randrange(0, 4)):
        place = rng.randrange(len(taken) + 1)
        match rng.randrange(3):
            case 0:
                taken[place:place] = rng.randbytes(1)
            case 1:
                del taken[place : place + rng.randrange(1, 4)]
            case _:
                taken[place:place] = taken[place : place + rng.randrange(1, 16)]
    return bytes(taken)


def _pieces(text: bytes, rng: random.Random) -> list[bytes]:
    pieces: list[bytes] = []
    at = 0
    while at < len(text):
        length = rng.randrange(1, 12)
        pieces.append(text[at : at + length])
        at += length
    return pieces


def exercise(
    classifier: Classifier, start: ParseState, pieces: list[bytes], rng: random.Random
) -> int:
    """Feeds the pieces and asks the states things; returns how many pieces were taken."""
    words = np.empty(classifier.words, dtype=np.int32)
    kept = [start]
    taken = 0
    for piece in pieces:
        after = kept[-1].feed(piece)
        if after is None:
            # A refusal leaves the state as it was: go on from there or from an older one.
            if rng.random() < 0.5:
                break
            kept.append(rng.choice(kept))
            continue
        taken += 1
        kept.append(after)
        match rng.randrange(40):
            case 0:
                classifier.fill(after, words)
            case 1:
                after.can_end()
            case 2:
                after.expected()
            case 3:
                after.tree()
            case 4:
                after.stack()
            case 5:
                after.text(rng.randrange(after.position + 1))
            case 6:
                del kept[rng.randrange(len(kept)) : -1]
            case _:
                pass
    if rng.random() < 0.02:
        kept[-1].shortest_completion()
    rng.shuffle(kept)
    return taken


def work(language: str, options: Options, first: int, count: int, progress: Path) -> None:
    """The child's part: inputs first..first+count, the number of each written down before it.

    Raises:
        RuntimeError: native objects outlive the states that owned them.
    """
    grammar = load_grammar(language)
    vocabulary = vocabulary_named(vocabulary_names()[0])
    classifier = load_classifier(grammar, vocabulary)
    sources = options.sources(language, default=100, quick=20)
    starts = [grammar.start()]
    before = live_objects()
    with progress.open("r+b") as file, mmap.mmap(file.fileno(), 16) as written:
        taken = 0
        for index in range(first, first + count):
            written[:8] = struct.pack("<q", index)
            pieces = draw_input(language, options, classifier, sources, index)
            rng = generator(options, "exercise", language, index)
            taken += exercise(classifier, starts[0], pieces, rng)
            written[8:] = struct.pack("<q", taken)
    gc.collect()
    after = live_objects()
    leaked = {name: after[name] - before[name] for name in after if after[name] > before[name]}
    if leaked:
        raise RuntimeError(f"{language} inputs {first}..{first + count}: leaked {leaked}")


def measure(language: str, options: Options) -> Findings:
    """Inputs of one language, in batches, until the count or the time bound is reached."""
    library = build_safe()
    began = time.monotonic()
    count = options.number(default=1_000_000, quick=4_000)
    size = min(BATCH, count)
    done, taken = 0, 0
    problems: list[str] = []
    for first in steps(f"fuzz {language}", range(0, count, size)):
        if options.seconds is not None and time.monotonic() - began > options.seconds:
            break
        number = min(size, count - first)
        problem, pieces = _run_batch(language, options, library, first, number)
        done += number
        taken += pieces
        if problem:
            problems.append(problem)
            say(problem)
            if len(problems) >= 20:
                break
    summary = {
        "date": today(),
        "machine": machine(),
        "seed": options.seed,
        "inputs": done,
        "asked": count,
        "pieces": taken,
        "problems": problems,
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = list(problems)
    if done < count:
        misses.append(f"{language}: {done:,} of {count:,} inputs in the time given")
    if done and not taken:
        misses.append(f"{language}: not one piece of {done} inputs was taken")
    return Findings(summary, (), misses)


def _run_batch(
    language: str, options: Options, library: Path, first: int, count: int
) -> tuple[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder) / "at"
        progress.write_bytes(struct.pack("<qq", -1, 0))
        command = [
            sys.executable, "-m", "evals.fuzz", language, str(first), str(count),
            str(options.seed), str(options.corpora), str(progress),
            "quick" if options.quick else "full", str(library),
        ]  # fmt: skip
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=_BATCH_TIMEOUT)
            problem = ""
            if ended.returncode:
                problem = f"exit {ended.returncode}: {ended.stderr.strip()[-600:]}"
        except subprocess.TimeoutExpired:
            problem = f"hang: no end after {_BATCH_TIMEOUT:.0f} s"
        at, taken = struct.unpack("<qq", progress.read_bytes())
    if problem:
        problem = f"{language} seed {options.seed} input {at}: {problem}"
    return problem, taken


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *fuzz*."""
    rows = []
    for language, s in summaries.items():
        problems = s["problems"]
        assert isinstance(problems, list)
        rows.append((language, s["inputs"], s["pieces"], len(problems), s["seconds"], s["date"]))
    last = list(summaries.values())[-1]
    return (
        "## Fuzzing (`python -m evals fuzz`)\n\n"
        "Random bytes, likely bytes, tokens and damaged pieces of real files against the native "
        "core built with bounds, overflow and null checks; after every 10,000 inputs the counters "
        "of live native objects must be where they began. Target: 1,000,000 inputs a language, no "
        "crash, no leak, no hang.\n\n"
        + table(("language", "inputs", "pieces taken", "problems", "seconds", "measured"), rows)
        + f"\nSeed {last['seed']}. {last['machine']}\n"
    )


FUZZ = Evaluation("fuzz", measure, {"fuzz": section})


def _child(arguments: list[str]) -> None:
    language, first, count, seed, corpora, progress, size, library = arguments
    options = Options(Path(corpora), int(seed), quick=size == "quick")
    with using_library(Path(library)):
        work(language, options, int(first), int(count), Path(progress))


if __name__ == "__main__":
    _child(sys.argv[1:])

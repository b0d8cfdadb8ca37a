"""What an accepted token keeps in memory, in a process that does nothing else.

`python -m benchmarks.memory DOMAIN…` is that process: it prints bytes a token. In one that has
measured other things what these freed would be taken first, and nothing seem to be used.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ananke.session import Session
from ananke.spec import parse_spec
from benchmarks.units import TYPED_HEADER, TYPED_UNIT
from evals.tokens import vocabulary_named, vocabulary_names

__all__ = ["measure_memory"]

_TOKENS = 10_000


def measure_memory(domains: Sequence[str]) -> float:
    """Bytes by which a process grows for each accepted token of a session that keeps them all.

    Raises:
        subprocess.CalledProcessError: the process failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", *domains],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return float(done.stdout)


def _grown(domains: Sequence[str]) -> float:
    vocabulary = vocabulary_named(vocabulary_names()[0])
    session = Session(parse_spec({"language": "python", "domains": list(domains)}), vocabulary)
    body = vocabulary.encode(TYPED_UNIT)
    for token in [*vocabulary.encode(TYPED_HEADER), *body, *body]:
        session.accept(token)
    gc.collect()
    before, taken = _resident(), 0
    while taken < _TOKENS:
        for token in body:
            session.accept(token)
        taken += len(body)
    gc.collect()
    return (_resident() - before) / taken


def _resident() -> int:
    """Bytes of the process that are in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmRSS")


if __name__ == "__main__":
    print(_grown(sys.argv[1:]))

"""Data-parallel ranks: processes that share nothing make the same masks of the same requests,
whatever each has served before."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ananke.adapters.filling import fill_batch_or_end
from ananke.masks import allocate
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

STEPS = 30
_DOMAINS = ["syntax", "imports", "types", "controlflow", "semantics"]
_PYTHON = "def f(a: int, b: str) -> int:\n    "

SPECS: list[dict[str, Any]] = [
    {"language": "python", "domains": _DOMAINS, "context": {"prefix": _PYTHON}},
    {
        "language": "python",
        "domains": _DOMAINS,
        "context": {"prefix": _PYTHON + "return "},
        "contracts": {"functions": [{"name": "f", "post": ["result >= 0"]}]},
    },
    {"language": "typescript", "context": {"prefix": "const x: number = "}},
    {"language": "go", "context": {"prefix": "package p\n\n", "suffix": "\n"}},
    {"language": "python", "grammar": {"kind": "regex", "source": "[^\\n]{0,40}"}},
    {"grammar": {"kind": "json_schema", "source": {"type": "object"}}},
]

#: What only the second rank has served before: other places of the same grammars, with other names.
EARLIER: list[dict[str, Any]] = [
    {"language": "go", "context": {"prefix": "package q\n\nfunc g() {\n\t"}},
    {"language": "python", "domains": _DOMAINS, "context": {"prefix": "import os\nx = os."}},
    {"language": "typescript", "context": {"prefix": "class A { b = `x${"}},
]


def test_ranks_make_the_same_masks() -> None:
    one, other = (_Rank(number) for number in range(2))
    first, second = one.found(), other.found()
    assert first["masks"] == second["masks"]
    assert first["texts"] == second["texts"]
    assert len(first["masks"]) == STEPS
    # The steps lead somewhere.
    assert len(set(first["masks"])) > STEPS // 2
    assert all(first["texts"])


class _Rank:
    """A process, started."""

    def __init__(self, number: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.test_ranks", str(number)],
            cwd=Path(__file__).parents[2],
            # What hangs on the order of sets would differ.
            env={**os.environ, "PYTHONHASHSEED": str(number + 1)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def found(self) -> dict[str, Any]:
        try:
            output, errors = self._process.communicate(timeout=300)
        finally:
            self._process.kill()
        assert self._process.returncode == 0, errors[-2000:]
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer


def _vocabulary() -> Vocabulary:
    words = (
        b"return",
        b"    ",
        b"int",
        b"str",
        b"self",
        b"len(",
        b" = ",
        b"func ",
        b"():\n",
        b"1)",
    )
    return from_tokens(
        [*(bytes([byte]) for byte in range(256)), *words, b""], eos=[266], name="ranks"
    )


def run(specs: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """The requests as one batch: a digest of all rows at each step, and the texts (hex). Tokens are
    drawn as by a sampler with a shared seed."""
    vocabulary = _vocabulary()
    sessions = [Session(parse_spec(spec), vocabulary) for spec in specs]
    draw = random.Random(seed)
    rows = allocate(len(sessions), vocabulary.size)
    masks: list[str] = []
    for _ in range(STEPS):
        reasons = fill_batch_or_end(sessions, rows, range(len(sessions)))
        masks.append(hashlib.sha256(rows.tobytes()).hexdigest())
        bits = np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")
        for session, row, reason in zip(sessions, bits, reasons, strict=True):
            if reason is not None:
                # Ended by the host: its session has no such end.
                continue
            admitted = np.flatnonzero(row)
            inner = admitted[~np.isin(admitted, vocabulary.eos)]
            session.accept(int(draw.choice(inner if len(inner) else admitted)))
    return {"masks": masks, "texts": [session.text.hex() for session in sessions]}


if __name__ == "__main__":
    if sys.argv[1] == "1":
        run(EARLIER, seed=7)
    print(json.dumps(run(SPECS, seed=1)))

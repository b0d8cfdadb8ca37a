"""Calling functions of generated programs in a process of their own, and what their contracts say.

The process has no environment, an empty folder, bounds on memory, time and what it may write, and
an audit hook that refuses files, imports, other processes and the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Outcome", "call_all"]

_CHILD = Path(__file__).with_name("sandbox_child.py")
_TIMEOUT = 60
#: Exceptions that nobody raised: a function with a contract must not fail by them.
_FAILURES = frozenset(["ZeroDivisionError", "IndexError"])


@dataclass(frozen=True)
class Outcome:
    """How one call ended.

    Attributes:
        kind: `returned`, `endless`, an exception's name, `module: …` where the program itself
            failed, or `killed`.
        broken: the postconditions that what was returned breaks.
        arguments: the call's, as text.
    """

    kind: str
    broken: tuple[str, ...] = ()
    arguments: str = ""

    @property
    def is_violation(self) -> bool:
        """Whether the contract was broken."""
        return bool(self.broken) or self.kind in _FAILURES


def call_all(
    text: str,
    name: str,
    inputs: Sequence[Mapping[str, Any]],
    pre: Sequence[str] = (),
    post: Sequence[str] = (),
) -> tuple[Outcome, ...]:
    """The outcomes of calls of the program's function with those inputs that meet `pre`."""
    job = {"text": text, "name": name, "inputs": inputs, "pre": pre, "post": post}
    with tempfile.TemporaryDirectory() as folder:
        try:
            ended = subprocess.run(
                [sys.executable, "-I", "-S", "-X", "utf8", str(_CHILD)],
                input=json.dumps(job),
                capture_output=True,
                text=True,
                cwd=folder,
                env={},
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return (Outcome("killed"),)
    if ended.returncode:
        return (Outcome("killed"),)
    return tuple(
        Outcome(one["kind"], tuple(one["broken"]), one.get("arguments", ""))
        for one in json.loads(ended.stdout)
    )

"""The compilers' word on a finished text."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from dataclasses import dataclass

__all__ = ["Verdict", "judge"]

_SECONDS = 20


@dataclass(frozen=True)
class Verdict:
    """What the compiler says: whether the text parses, whether it says more than that, and its
    first complaint."""

    parses: bool
    accepts: bool
    words: str


def judge(language: str, text: str) -> Verdict | None:
    """The verdict of the language's compiler, or None where none is installed."""
    if language == "python":
        return _python(text)
    if language == "zig" and importlib.util.find_spec("ziglang") is not None:
        return _zig(text)
    return None


def _python(text: str) -> Verdict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "generated", "exec", flags=0x400, dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return Verdict(False, False, str(error))
        try:
            compile(text, "generated", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return Verdict(True, False, str(error))
    return Verdict(True, True, "compiles")


#: Complaints of `zig ast-check` that come from its parser have these beginnings.
_ZIG_PARSER = ("expected ", "extra ", "missing ", "invalid byte", "chained comparison", "mismatched")


def _zig(text: str) -> Verdict:
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", "ast-check"],
        input=text.encode(),
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode == 0:
        return Verdict(True, True, "passes ast-check")
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    complaint = next((line.split("error: ", 1)[1] for line in lines if "error: " in line), "fails")
    return Verdict(not complaint.startswith(_ZIG_PARSER), False, complaint)

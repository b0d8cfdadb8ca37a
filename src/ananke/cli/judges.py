"""The compilers' word on a finished text."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import warnings
from dataclasses import dataclass

__all__ = ["Verdict", "judge"]

#: For one run of a compiler, which takes milliseconds.
_SECONDS = 30


@dataclass(frozen=True)
class Verdict:
    """What the compiler says of a text: whether it parses, whether it passes the checks that need
    no other file (names, placement), and its first complaint."""

    parses: bool
    accepts: bool
    words: str


def judge(language: str, text: bytes) -> Verdict | None:
    """The verdict of the language's compiler, or None where none is installed.

    The text is never run.
    """
    if language == "python":
        return _python(text)
    if language == "zig" and importlib.util.find_spec("ziglang") is not None:
        return _zig(text)
    return None


def _python(text: bytes) -> Verdict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text, "generated")
        except (SyntaxError, ValueError) as error:
            return Verdict(False, False, _sentence(error))
        try:
            compile(tree, "generated", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return Verdict(True, False, _sentence(error))
    return Verdict(True, True, "compile() accepts it")


def _sentence(error: SyntaxError | ValueError) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    return str(error)


def _zig(text: bytes) -> Verdict:
    # The formatter needs no more than a parse; ast-check also looks up names.
    complaint = _zig_says("fmt", text)
    if complaint is not None:
        return Verdict(False, False, complaint)
    complaint = _zig_says("ast-check", text)
    if complaint is not None:
        return Verdict(True, False, complaint)
    return Verdict(True, True, "zig ast-check accepts it")


def _zig_says(command: str, text: bytes) -> str | None:
    """The first complaint of `zig fmt` or `zig ast-check` about a text, None if it has none."""
    arguments = [sys.executable, "-m", "ziglang", command]
    if command == "fmt":
        arguments.append("--stdin")
    try:
        done = subprocess.run(
            arguments, input=text, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"zig {command} took longer than {_SECONDS} s"
    if done.returncode == 0:
        return None
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        place, mark, words = line.partition(": error: ")
        if mark:
            return f"line {place.split(':')[-2]}: {words}" if place.count(":") >= 2 else words
    return f"zig {command} fails"

"""The real compilers' parsers, where they are at hand (`--oracle`).

| language | judge | found as |
|---|---|---|
| python | `ast.parse` | the newest of `python3.14` … `python3.12` on the path, else this one |
| typescript, tsx | tsc's parser | `node`; `typescript` in `node_modules` or `NODE_PATH` |
| rust | `rustc`, parse only | `rustc` |
| go | `gofmt` on a file | `gofmt` |
| kotlin | the compiler's PSI parser | `kotlinc` beside `lib/kotlin-compiler.jar`; `javac` |
| swift | `swift-frontend -parse` | `swift-frontend` |
| zig | `zig fmt`, and of `zig ast-check` what it says of literals | the `ziglang` package |
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ziglang  # type: ignore[import-untyped]

__all__ = ["Oracle", "find_oracle", "name_of_oracle"]

_HERE = Path(__file__).parent

#: The parser alone is behind a nightly flag of rustc, which this variable opens.
_ENVIRONMENT = {**os.environ, "RUSTC_BOOTSTRAP": "1"}


@dataclass(frozen=True)
class Oracle:
    """A compiler's parser: `complaint` gives its first complaint about a text, or None."""

    name: str
    complaint: Callable[[bytes], str | None]
    #: As numbers; empty where it can't be asked.
    version: tuple[int, ...] = ()


_NAMES = {
    "python": "ast.parse",
    "typescript": "tsc",
    "tsx": "tsc",
    "rust": "rustc",
    "go": "gofmt",
    "kotlin": "kotlinc",
    "swift": "swift-frontend",
    "zig": "zig",
}


def name_of_oracle(language: str) -> str:
    """What judges the language."""
    return _NAMES[language]


@cache
def find_oracle(language: str) -> Oracle | None:
    """The judge of a language, or None if it isn't installed."""
    name = _NAMES[language]
    if language == "python":
        program = next(
            (
                found
                # A launcher of versions that aren't installed is found as well, but doesn't run.
                for minor in (14, 13, 12)
                if (found := shutil.which(f"python3.{minor}")) and _version(found)
            ),
            sys.executable,
        )
        judge = _talking([program, str(_HERE / "judge_python.py")])
        return Oracle(name, judge, _version(program))
    if language in ("typescript", "tsx"):
        if not _has_typescript():
            return None
        file = "a.ts" if language == "typescript" else "a.tsx"
        return Oracle(name, _talking(["node", "-e", _script("judge_typescript.js"), "--", file]))
    if language == "kotlin":
        kotlin = _kotlin()
        return None if kotlin is None else Oracle(name, kotlin)
    if language == "zig":
        return Oracle(name, _zig)
    command, suffix = {
        "rust": (["rustc", "--edition=2024", "-Zparse-crate-root-only"], ".rs"),
        "go": (["gofmt", "-e"], ".go"),
        "swift": (["swift-frontend", "-parse", "-swift-version", "6"], ".swift"),
    }[language]
    return Oracle(name, _running(command, suffix)) if shutil.which(command[0]) else None


def _running(command: Sequence[str], suffix: str) -> Callable[[bytes], str | None]:
    """A judge that is one process for each text, which it gets as a file."""

    @cache
    def complaint(text: bytes) -> str | None:
        with tempfile.NamedTemporaryFile(suffix=suffix) as file:
            file.write(text)
            file.flush()
            done = subprocess.run([*command, file.name], capture_output=True, env=_ENVIRONMENT)
        if done.returncode == 0:
            return None
        lines = done.stderr.decode(errors="replace").splitlines()
        return next((line for line in lines if "error" in line or ":" in line), "refused")

    return complaint


def _talking(command: Sequence[str]) -> Callable[[bytes], str | None]:
    """A judge that is one process for all texts: a base64 line in, `ok` or a complaint out."""

    @cache
    def process() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    @cache
    def complaint(text: bytes) -> str | None:
        speaker = process()
        assert speaker.stdin is not None
        assert speaker.stdout is not None
        speaker.stdin.write(base64.b64encode(text).decode() + "\n")
        speaker.stdin.flush()
        answer = speaker.stdout.readline().strip()
        if not answer:
            raise RuntimeError(f"{command[0]} gave no answer to {text!r}")
        return None if answer == "ok" else answer

    return complaint


#: `ast-check` speaks of names as well; what it says of literals and of
#: prototypes begins like this.
_ZIG_LITERALS = re.compile(
    r"error: (number '|expected a? ?digit|invalid |repeated digit|duplicate exponent|trailing digit"
    r"|missing (parameter|function) name|sign '|unexpected period|empty character|unterminated )"
)


@cache
def _zig(text: bytes) -> str | None:
    zig = str(Path(ziglang.__file__).parent / "zig")
    parsed = subprocess.run([zig, "fmt", "--stdin"], input=text, capture_output=True)
    if parsed.returncode:
        return parsed.stderr.decode(errors="replace").partition("\n")[0]
    checked = subprocess.run([zig, "ast-check"], input=text, capture_output=True)
    lines = checked.stderr.decode(errors="replace").splitlines()
    return next((line for line in lines if _ZIG_LITERALS.search(line)), None)


def _script(name: str) -> str:
    # As an argument, so that `require` looks for modules from the working directory.
    return (_HERE / name).read_text()


def _has_typescript() -> bool:
    if shutil.which("node") is None:
        return False
    done = subprocess.run(["node", "-e", 'require("typescript")'], capture_output=True)
    return done.returncode == 0


def _version(program: str) -> tuple[int, ...]:
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout)
    return tuple(map(int, found[0].split("."))) if found else ()


def _kotlin() -> Callable[[bytes], str | None] | None:
    """The judge compiled against the compiler's own jar, once a run."""
    compiler, javac = shutil.which("kotlinc"), shutil.which("javac")
    if compiler is None or javac is None:
        return None
    library = Path(compiler).resolve().parent.parent / "lib"
    if not (library / "kotlin-compiler.jar").is_file():
        return None
    classes = tempfile.mkdtemp(prefix="judge-kotlin-")
    path = f"{classes}{os.pathsep}{library}/*"
    subprocess.run(
        [javac, "-nowarn", "-cp", path, "-d", classes, str(_HERE / "JudgeKotlin.java")],
        check=True,
        capture_output=True,
    )
    return _talking(["java", "-cp", path, "JudgeKotlin"])

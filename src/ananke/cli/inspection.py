"""What `check`, `complete`, `trace` and `bench` find out about files."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ananke.languages import LANGUAGES, language_of_file
from ananke.masks import allocate, count
from ananke.parsing import ParseState, load_grammar
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, load_vocabulary

__all__ = [
    "Finding",
    "InputError",
    "TraceRow",
    "check",
    "complete",
    "percentile_facts",
    "percentiles",
    "read_json",
    "read_text",
    "trace",
    "vocabulary_of",
]

#: Larger files are refused: a check is meant to answer at once.
MAX_FILE_BYTES = 50_000_000
_STRIDE = 4096
_NAMED = 8


class InputError(ValueError):
    """Input that can't be used; the message names it and what to do."""


@dataclass(frozen=True)
class Finding:
    """What `check` says of a file: complete, viable (may still become a program), or where not."""

    file: str
    language: str
    is_complete: bool
    is_viable: bool
    line: int = 0
    column: int = 0
    source: str = ""
    expected: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """The finding as JSON values."""
        return {
            "file": self.file,
            "language": self.language,
            "complete": self.is_complete,
            "viable": self.is_viable,
            "line": self.line or None,
            "column": self.column or None,
            "expected": list(self.expected),
        }

    def text(self) -> str:
        """The finding in words, with the source line and a caret where it goes wrong."""
        if self.is_complete:
            return f"{self.file}: complete {self.language}"
        if self.is_viable:
            return f"{self.file}: unfinished {self.language}; expected {_listed(self.expected)}"
        caret = "".join("\t" if c == "\t" else " " for c in self.source[: self.column - 1]) + "^"
        return (
            f"{self.file}:{self.line}:{self.column}: no {self.language} program goes on like this\n"
            f"    {self.source}\n    {caret}\n    expected {_listed(self.expected)}"
        )


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def read_text(path: Path) -> str:
    """The file's text, which must be UTF-8.

    Raises:
        InputError: it can't be read.
    """
    return _read(str(path)).decode()


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in a file.

    Raises:
        InputError: it can't be read or isn't one.
    """
    try:
        value = json.loads(_read(str(path)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: must hold a JSON object")
    return value


def _read(name: str) -> bytes:
    if name == "-":
        raw = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    else:
        try:
            with Path(name).open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise InputError(f"{name}: {error.strerror or error}") from error
    if len(raw) > MAX_FILE_BYTES:
        raise InputError(f"{name}: larger than {MAX_FILE_BYTES:,} bytes; give a smaller file")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    return raw


def _language(name: str, given: str | None) -> str:
    if given is not None:
        if given not in LANGUAGES:
            raise InputError(f"--language {given}: no such language; use {', '.join(LANGUAGES)}")
        return given
    found = language_of_file(name)
    if found is None:
        raise InputError(f"{name}: its ending names no language; give --language")
    return found


def check(name: str, given: str | None) -> Finding:
    """Parses a file as far as it goes."""
    language = _language(name, given)
    raw = _read(name)
    state, good = _furthest(load_grammar(language).start(), raw)
    expected = tuple(terminal.name for terminal in state.expected())
    if good == len(raw):
        return Finding(name, language, state.can_end(), True, expected=expected)
    before = raw[:good].decode("utf-8", "ignore")
    line = before.count("\n") + 1
    begin = before.rfind("\n") + 1
    source = raw.decode().split("\n")[line - 1]
    return Finding(name, language, False, False, line, len(before) - begin + 1, source, expected)


def _furthest(state: ParseState, raw: bytes) -> tuple[ParseState, int]:
    """The last live state along `raw` and how many bytes it took."""
    at = 0
    stride = _STRIDE
    while at < len(raw):
        following = state.feed(raw[at : at + stride])
        if following is not None:
            state = following
            at = min(at + stride, len(raw))
        elif stride == 1:
            break
        else:
            stride = max(1, stride // 8)
    return state, at


def complete(place: str, given: str | None) -> dict[str, list[str]]:
    """The terminals that may come at FILE:LINE:COL, grouped."""
    try:
        name, line_text, column_text = place.rsplit(":", 2)
        line, column = int(line_text), int(column_text)
    except ValueError as error:
        raise InputError(f"{place}: write FILE:LINE:COL, counted from 1") from error
    language = _language(name, given)
    lines = _read(name).decode().split("\n")
    if not 1 <= line <= len(lines) or not 1 <= column <= len(lines[line - 1]) + 1:
        raise InputError(f"{place}: the file has no such place")
    before = "\n".join([*lines[: line - 1], lines[line - 1][: column - 1]]).encode()
    state = load_grammar(language).parse(before)
    if state is None:
        raise InputError(f"{place}: the text before it is no {language}; see `ananke check {name}`")
    groups: dict[str, list[str]] = {"words": [], "kinds": [], "punctuation": []}
    for terminal in state.expected():
        if terminal.named or terminal.name.startswith("_"):
            groups["kinds"].append(terminal.name.lstrip("_"))
        elif terminal.name[:1].isalpha():
            groups["words"].append(terminal.name)
        else:
            groups["punctuation"].append(terminal.name)
    groups = {name: sorted(set(names)) for name, names in groups.items()}
    if state.can_end():
        groups["end"] = ["of file"]
    return groups


def vocabulary_of(path: Path | None, default: Callable[[], Vocabulary]) -> Vocabulary:
    """The vocabulary of `--tokenizer`, or the default one."""
    return default() if path is None else load_vocabulary(path)


@dataclass(frozen=True)
class TraceRow:
    """One token of a trace; times in microseconds."""

    text: bytes
    admitted: float
    mask_us: float
    accept_us: float
    forced: bytes

    def facts(self) -> dict[str, object]:
        """The row as JSON values."""
        return {
            "token": self.text.decode("utf-8", "replace"),
            "admitted": self.admitted,
            "mask_us": self.mask_us,
            "accept_us": self.accept_us,
            "forced": self.forced.decode("utf-8", "replace"),
        }


def trace(file: Path, vocabulary: Vocabulary, given: str | None, limit: int) -> list[TraceRow]:
    """Feeds a file to a session token by token.

    Raises:
        NotAdmitted: the file isn't viable.
    """
    language = _language(file.name, given)
    tokens = vocabulary.encode(_read(str(file)))[:limit]
    session = Session(parse_spec({"version": "1.0", "language": language}), vocabulary)
    words = allocate(1, vocabulary.size)
    rows = []
    for token in tokens:
        begun = time.perf_counter()
        session.mask(words)
        masked = time.perf_counter()
        admitted = count(words) / vocabulary.size
        forced = session.forced()
        before = time.perf_counter()
        session.accept(token)
        accepted = time.perf_counter()
        rows.append(
            TraceRow(
                vocabulary.token_bytes(token),
                admitted,
                (masked - begun) * 1e6,
                (accepted - before) * 1e6,
                forced,
            )
        )
    return rows


def percentile_facts(rows: list[TraceRow]) -> dict[str, float]:
    """Median and 99th percentile of the masks and accepts, in microseconds."""
    if not rows:
        return {"tokens": 0}
    masks = np.array([row.mask_us for row in rows])
    accepts = np.array([row.accept_us for row in rows])
    return {
        "tokens": len(rows),
        "mask_p50_us": float(np.percentile(masks, 50)),
        "mask_p99_us": float(np.percentile(masks, 99)),
        "accept_p50_us": float(np.percentile(accepts, 50)),
        "accept_p99_us": float(np.percentile(accepts, 99)),
    }


def percentiles(rows: list[TraceRow]) -> str:
    """`percentile_facts` in words."""
    facts = percentile_facts(rows)
    if not rows:
        return "no tokens"
    return (
        f"{len(rows)} tokens; mask p50 {facts['mask_p50_us']:.0f} µs, "
        f"p99 {facts['mask_p99_us']:.0f} µs; accept p50 {facts['accept_p50_us']:.0f} µs, "
        f"p99 {facts['accept_p99_us']:.0f} µs"
    )

"""Reading what the commands are given: files, languages, specs, vocabularies."""

from __future__ import annotations

import sys
from pathlib import Path

from ananke.languages import LANGUAGES, language_of_file
from ananke.spec import ConstraintSpec, SpecError, Violation, parse_spec

__all__ = ["InputError", "language_for", "prefix_spec", "read_bytes", "read_spec", "read_text"]

#: Larger files are refused: a command answers at once.
MAX_FILE_BYTES = 50_000_000


class InputError(ValueError):
    """Input that can't be used; the message names it, the place and the mend."""


def read_bytes(name: str) -> bytes:
    """A file's bytes; `-` is standard input.

    Raises:
        InputError: it can't be read, or is larger than `MAX_FILE_BYTES`.
    """
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{name}: can't be read: {reason}; give a file, or - for input") from error
    if len(raw) > MAX_FILE_BYTES:
        raise InputError(f"{name}: more than {MAX_FILE_BYTES:,} bytes; give a smaller file")
    return raw


def read_text(name: str) -> str:
    """A file's text.

    Raises:
        InputError: it can't be read or isn't UTF-8.
    """
    raw = read_bytes(name)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name}: line {line}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from error


def language_for(name: str, given: str | None) -> str:
    """The language of a file: the one given, or what its ending says.

    Raises:
        InputError: there is none.
    """
    known = ", ".join(LANGUAGES)
    if given is not None:
        if given not in LANGUAGES:
            raise InputError(f"--language: no language {given!r}; choose one of {known}")
        return given
    found = language_of_file(name)
    if found is None:
        raise InputError(f"{name}: its name tells no language; add --language ({known})")
    return found


def read_spec(name: str) -> ConstraintSpec:
    """The ConstraintSpec in a file.

    Raises:
        InputError: the file can't be read.
        SpecError: it holds no spec.
    """
    try:
        return parse_spec(read_bytes(name))
    except SpecError as error:
        raise SpecError(
            [Violation(f"{name}: {one.path}", one.problem) for one in error.violations]
        ) from None


def prefix_spec(language: str, prefix: str) -> ConstraintSpec:
    """The spec of a text in `language` that begins with `prefix`.

    Raises:
        SpecError: the prefix is too long, or no text.
    """
    return parse_spec({"version": "1.0", "language": language, "context": {"prefix": prefix}})

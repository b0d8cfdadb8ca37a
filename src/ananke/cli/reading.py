"""Reading what the commands are given: files, languages, specs, vocabularies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ananke.languages import LANGUAGES, language_of_file
from ananke.spec import (
    TOP,
    Constraint,
    ConstraintSpec,
    SpecError,
    Violation,
    parse_policy,
    parse_spec,
    said_in,
)

__all__ = [
    "InputError",
    "language_for",
    "prefix_spec",
    "read_bytes",
    "read_policies",
    "read_spec",
    "read_text",
]

_Parsed = TypeVar("_Parsed", bound=ConstraintSpec)

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


def language_for(name: str, given: str | None, policies: Constraint = TOP) -> str:
    """The language of a file: the one given, what its ending says, or what the policies say.

    Raises:
        InputError: there is none.
        SpecError: the policies say another one.
    """
    known = ", ".join(LANGUAGES)
    if given is not None and given not in LANGUAGES:
        raise InputError(f"--language: no language {given!r}; choose one of {known}")
    found = given or language_of_file(name)
    if found is None and "language" not in policies.said:
        raise InputError(f"{name}: its name tells no language; add --language ({known})")
    source = f"{name}:" if given is None else "--language:"
    return policies.meet(_said({"language": found}, source)).spec().language or ""


def read_policies(names: Sequence[str]) -> Constraint:
    """What the policies in some files say together: parts of ConstraintSpecs.

    Raises:
        InputError: a file can't be read.
        SpecError: one holds no part of a spec, or two clash.
    """
    met = TOP
    for name in names:
        met = met.meet(said_in(_named(name, parse_policy), name))
    met.refuse_bottom()
    return met


def read_spec(name: str, policies: Constraint = TOP) -> ConstraintSpec:
    """The ConstraintSpec in a file, under policies.

    Raises:
        InputError: the file can't be read.
        SpecError: it holds no spec, or clashes with a policy.
    """
    if policies == TOP:
        return _named(name, parse_spec)
    return policies.meet(said_in(_named(name, parse_policy), name)).spec()


def prefix_spec(language: str | None, prefix: str, policies: Constraint = TOP) -> ConstraintSpec:
    """The spec of a text in `language` (else the policies') that begins with `prefix`.

    Raises:
        SpecError: the prefix is too long, or no text, or a policy clashes.
    """
    return policies.meet(
        _said({"language": language, "context": {"prefix": prefix}}, "request")
    ).spec()


def _said(document: dict[str, object], source: str) -> Constraint:
    return said_in(parse_policy(document), source)


def _named(name: str, parse: Callable[[bytes], _Parsed]) -> _Parsed:
    """What a file holds, with its name in the violations."""
    try:
        return parse(read_bytes(name))
    except SpecError as error:
        raise SpecError(
            [Violation(f"{name}: {one.path}", one.problem) for one in error.violations]
        ) from None

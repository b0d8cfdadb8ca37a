"""What a request says of the place its text stands in, as the rules take it."""

from __future__ import annotations

import io
import re
import token
import tokenize
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePath

from ananke.analysis.judgement import Given, Meaning, Surroundings, SurroundingsError
from ananke.languages.python.library import EnvironmentMissingError, PythonLibrary, open_library
from ananke.languages.python.meaning.around import wrong_around
from ananke.languages.python.meaning.completion import endings, proposals
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.given import begin_scope
from ananke.languages.python.meaning.lexemes import number_begun, operand_words, word_begun
from ananke.languages.python.meaning.pieces import outline
from ananke.languages.python.meaning.program import (
    INERTS,
    is_settled,
    judge,
    offers,
    position,
    words_due,
)
from ananke.vocabulary.cache import DiskCache

__all__ = ["MEANING", "begin"]

#: Libraries of a process; each is some megabytes.
_LIBRARIES_KEPT = 8

_WORD = re.compile(r"[^\W\d]\w*")
_MARGIN = re.compile(r"(?m)^[ \t]+")
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
_LETTERS = bytes(range(ord("a"), ord("z") + 1)) + bytes(range(ord("A"), ord("Z") + 1))
_STARTS = _LETTERS + b"_" + bytes(range(128, 256))


@lru_cache(maxsize=_LIBRARIES_KEPT)
def _library(
    environment: str | None, project: str | None, stubs: tuple[tuple[str, str], ...]
) -> PythonLibrary:
    return open_library(
        environment=None if environment is None else Path(environment),
        project=() if project is None else (Path(project),),
        stubs=dict(stubs),
        cache=DiskCache(),
    )


def begin(surroundings: Surroundings) -> Program:
    """What all texts of one request share.

    Raises:
        SurroundingsError: the environment is none, or what is given of the place can't be read.
    """
    try:
        library = _library(surroundings.environment, surroundings.project, surroundings.stubs)
    except EnvironmentMissingError as error:
        raise SurroundingsError("imports.environment", str(error)) from None
    module, is_package = _module(surroundings)
    program = Program(
        library,
        module,
        is_package,
        allowed=surroundings.allow,
        denied=surroundings.deny,
        domains=surroundings.domains,
    )
    if surroundings.after is not None:
        program.later = _names_in(surroundings.after)
    if surroundings.given != Given():
        program.start, program.expects = begin_scope(program, surroundings.given)
    return program


def _names_in(text: str) -> frozenset[str]:
    """The names in a text that goes on after a place, outside of strings and comments; all words
    of a text that begins inside of brackets, or can't be cut into tokens."""
    found: set[str] = set()
    depth = 0
    # Where a line begins says nothing here, and needn't fit what is before.
    lines = io.StringIO(_MARGIN.sub("", text)).readline
    with suppress(tokenize.TokenError, SyntaxError):
        for one in tokenize.generate_tokens(lines):
            if one.type == token.NAME:
                found.add(one.string)
            depth += (one.string in _OPENING) - (one.string in _CLOSING)
            if depth < 0 or one.type == token.ERRORTOKEN:
                break
            if one.type == token.ENDMARKER:
                return frozenset(found)
    return frozenset(_WORD.findall(text))


def _module(surroundings: Surroundings) -> tuple[str, bool]:
    """The dotted name of the file's module, and whether it is a package."""
    if surroundings.path is None:
        return "__main__", False
    path = PurePath(surroundings.path)
    if surroundings.project is not None and path.is_absolute():
        root = PurePath(surroundings.project)
        path = path.relative_to(root) if path.is_relative_to(root) else PurePath(path.name)
    parts = [part for part in path.with_suffix("").parts if part not in (".", "..", "/")]
    is_package = parts[-1:] == ["__init__"]
    return ".".join(parts[:-1] if is_package else parts) or "__main__", is_package


MEANING = Meaning(
    name_start=_STARTS,
    name_bytes=_STARTS + b"0123456789",
    inerts=INERTS,
    turning=(b"for", b"async"),
    begin=begin,
    forgive=Program.forgive,
    trial=Program.trial,
    judge=judge,
    is_settled=is_settled,
    position=position,
    words_due=words_due,
    offers=offers,
    operand_words=operand_words,
    word_begun=word_begun,
    number_begun=number_begun,
    outline=outline,
    wrong_around=wrong_around,
    proposals=proposals,
    endings=endings,
)

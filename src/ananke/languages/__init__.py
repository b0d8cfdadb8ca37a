"""The registry of languages: the only way to a language's folder."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Protocol

from ananke.analysis.defects import Defect
from ananke.analysis.formulas.semantics import Semantics
from ananke.analysis.holes import HoleLanguage
from ananke.analysis.judgement import Given, Meaning, Surroundings
from ananke.analysis.tracing import Event
from ananke.parsing.language import Language, LanguageError
from ananke.parsing.state import ParseState

__all__ = [
    "LANGUAGES",
    "Checker",
    "Extractor",
    "get_checker",
    "get_extractor",
    "get_hole_language",
    "get_language",
    "get_meaning",
    "get_semantics",
    "language_of_file",
]


class Checker(Protocol):
    """Finds what is surely wrong with a text that parses."""

    def __call__(
        self,
        state: ParseState,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a value
        *,
        trace: list[Event] | None = None,
    ) -> list[Defect]: ...


#: Language name -> (module, attribute).
_PLACES = {
    "python": ("python", "LANGUAGE"),
    "typescript": ("typescript", "LANGUAGE"),
    "tsx": ("typescript", "TSX"),
    "rust": ("rust", "LANGUAGE"),
    "go": ("go", "LANGUAGE"),
    "kotlin": ("kotlin", "LANGUAGE"),
    "swift": ("swift", "LANGUAGE"),
    "zig": ("zig", "LANGUAGE"),
}

LANGUAGES: tuple[str, ...] = tuple(_PLACES)


#: Languages whose programs' meaning is known -> (module, the function that checks a state).
_CHECKERS = {"python": ("python.meaning.checking", "check_state")}


def get_checker(name: str) -> Checker | None:
    """What finds defects of names, imports, types and control flow; None if nothing does."""
    place = _CHECKERS.get(name)
    if place is None:
        return None
    found: Checker = getattr(importlib.import_module(f"{__name__}.{place[0]}"), place[1])
    return found


#: Languages in whose programs holes are found -> (module, attribute).
_HOLES = {"python": ("python.meaning.holes", "HOLES")}


def get_hole_language(name: str) -> HoleLanguage | None:
    """How a language writes holes; None if that isn't known."""
    place = _HOLES.get(name)
    if place is None:
        return None
    found = getattr(importlib.import_module(f"{__name__}.{place[0]}"), place[1])
    if not isinstance(found, HoleLanguage):
        raise LanguageError(f"{place[0]}.{place[1]} is not a HoleLanguage")
    return found


#: Languages whose unfinished programs have a meaning -> (module, attribute).
_MEANINGS = {"python": ("python.meaning.request", "MEANING")}


def get_meaning(name: str) -> Meaning | None:
    """The rules for names, imports, types and control flow of a language; None if it has none."""
    place = _MEANINGS.get(name)
    if place is None:
        return None
    found = getattr(importlib.import_module(f"{__name__}.{place[0]}"), place[1])
    if not isinstance(found, Meaning):
        raise LanguageError(f"{place[0]}.{place[1]} is not a Meaning")
    return found


class Extractor(Protocol):
    """Says what is known at a line of a text, from 1, as the language writes it."""

    def __call__(self, surroundings: Surroundings, text: bytes, line: int) -> Given:
        """Raises ExtractionError, SurroundingsError."""
        ...


#: Languages in which what is known at a place can be told -> (module, function).
_EXTRACTORS = {"python": ("python.meaning.extraction", "extract")}


def get_extractor(name: str) -> Extractor | None:
    """What tells the scope of a place in a text; None if nothing does."""
    place = _EXTRACTORS.get(name)
    if place is None:
        return None
    found: Extractor = getattr(importlib.import_module(f"{__name__}.{place[0]}"), place[1])
    return found


#: Languages whose programs become formulas -> (module, attribute).
_SEMANTICS = {"python": ("python.semantics.request", "SEMANTICS")}


def get_semantics(name: str) -> Semantics | None:
    """How a language's programs become formulas; None if they don't."""
    place = _SEMANTICS.get(name)
    if place is None:
        return None
    found = getattr(importlib.import_module(f"{__name__}.{place[0]}"), place[1])
    if not isinstance(found, Semantics):
        raise LanguageError(f"{place[0]}.{place[1]} is not a Semantics")
    return found


@cache
def get_language(name: str) -> Language:
    """The language called `name`.

    Raises:
        LanguageError: there is no such language; the message lists those there are.
    """
    place = _PLACES.get(name)
    if place is None:
        raise LanguageError(f"no language {name!r}; there are: {', '.join(LANGUAGES)}")
    module, attribute = place
    language = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    if not isinstance(language, Language):
        raise LanguageError(f"{module}.{attribute} is not a Language")
    return language


def language_of_file(name: str) -> str | None:
    """The name of the language that a file's extension tells, or None."""
    for language in LANGUAGES:
        if name.endswith(get_language(language).extensions):
            return language
    return None

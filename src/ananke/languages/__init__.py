"""The registry of languages: the only way to a language's folder."""

from __future__ import annotations

import importlib
from functools import cache

from ananke.parsing.language import Language, LanguageError

__all__ = ["LANGUAGES", "get_language", "language_of_file"]

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

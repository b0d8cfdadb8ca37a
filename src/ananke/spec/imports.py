"""What a program may import and where it is: the `imports` of a spec.

    "imports": {
      "environment": ".venv", "project": ".",
      "deny": ["subprocess", "os.system"],
      "stubs": [{"module": "host.api", "source": "def send(text: str) -> None: ..."}]
    }

Module paths are those of the language (`os.path`, `net/http`, `std::collections`); an entry of a
list covers the module and all below it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from ananke.spec.base import FilePath, Model, Text

__all__ = ["Imports", "ModulePath", "ModuleStub", "above", "contradictions", "covering"]

#: Between the parts of a module's path, in one language or another.
_SEPARATOR = re.compile(r"::|[./]")

#: Steps from the importing file, as TypeScript writes them.
_RELATIVE = re.compile(r"(?:\.{1,2}/)+")

_MIB = 1024 * 1024


def _module_path(text: str) -> str:
    parts = _SEPARATOR.split(_RELATIVE.sub("", text, count=1) if text[:1] == "." else text)
    if not all(parts) or not text.isprintable() or any(one.isspace() for one in text):
        raise PydanticCustomError(
            "module_path",
            "{shown} is not a module path; write its parts with single separators and no "
            "white space, such as 'os.path' or 'net/http'",
            {"shown": repr(text)},
        )
    return text


ModulePath = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=1024),
    AfterValidator(_module_path),
]

_Modules = Annotated[tuple[ModulePath, ...], Field(max_length=10_000)]


class ModuleStub(Model):
    """A module that the request itself describes."""

    module: ModulePath = Field(description="The module's path; it hides one found elsewhere.")
    source: Annotated[Text, StringConstraints(max_length=_MIB)] = Field(
        description="Declarations as the language writes them (Python: the text of a .pyi file)."
    )


class Imports(Model):
    """Which modules there are, and which of them may be imported."""

    allow: _Modules | None = Field(
        default=None, description="Only these, with all below them, may be imported; null: all."
    )
    deny: _Modules = Field(
        default=(), description="These, with all below them, may not; stronger than allow."
    )
    stubs: Annotated[tuple[ModuleStub, ...], Field(max_length=1000)] = Field(
        default=(), description="Modules described in place."
    )
    environment: FilePath | None = Field(
        default=None,
        description="The installation that the program runs in (Python: an interpreter, a virtual "
        "environment or a site-packages folder). Nothing of it is executed. null: not known, so "
        "modules that aren't found may exist all the same.",
    )
    project: FilePath | None = Field(
        default=None, description="The root folder of the program's own modules."
    )


def contradictions(imports: Imports) -> Iterator[tuple[str, str]]:
    """(place, problem) for each pair of entries that can't both be meant."""
    denied = {module: at for at, module in reversed(list(enumerate(imports.deny)))}
    for at, module in enumerate(imports.allow or ()):
        by = covering(module, denied)
        if by is not None:
            yield (
                f"imports.allow[{at}]",
                f"{module!r} is denied by imports.deny[{denied[by]}]; drop one of the two",
            )
    seen: dict[str, int] = {}
    for at, stub in enumerate(imports.stubs):
        if stub.module in seen:
            yield (
                f"imports.stubs[{at}].module",
                f"{stub.module!r} is described by imports.stubs[{seen[stub.module]}] already",
            )
        seen.setdefault(stub.module, at)


def covering(module: str, entries: Container[str]) -> str | None:
    """The entry that covers the module: itself, or the nearest that it is below; None if none."""
    return next((one for one in (module, *above(module)) if one in entries), None)


def above(module: str) -> Iterator[str]:
    """What the module is below, nearest first."""
    for separator in reversed(list(_SEPARATOR.finditer(module))):
        yield module[: separator.start()]

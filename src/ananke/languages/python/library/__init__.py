"""What Python programs may import, and what it is: stubs, packages and project files, unexecuted.

    library = open_library(environment=Path(".venv"), project=(Path("."),), cache=DiskCache())
    library.module("subprocess").get("run")

| module | question |
|---|---|
| `environment` | where does an installation keep its packages? |
| `resolver` | which file is a module? |
| `conditions` | which branch holds for this version and platform? |
| `reading`, `receivers`, `slices` | which names does a file bind, by which text? |
| `outline`, `index` | how is that kept? |
| `linking` | where is a name declared? |
| `annotations` | which type does an expression write? |
| `functions`, `classes`, `variables`, `inference` | what is the thing declared? |
| `policy` | may it be imported? |

**Invariant:** nothing of an environment or a project is imported, executed or unpickled.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ananke.languages.python.library.conditions import Target
from ananke.languages.python.library.environment import (
    Environment,
    EnvironmentMissingError,
    find_environment,
    running_version,
)
from ananke.languages.python.library.index import open_index
from ananke.languages.python.library.library import PythonLibrary, PythonModule
from ananke.languages.python.library.policy import Policy
from ananke.languages.python.library.resolver import Resolver, typeshed_folder
from ananke.vocabulary.cache import DiskCache

__all__ = [
    "Environment",
    "EnvironmentMissingError",
    "Policy",
    "PythonLibrary",
    "PythonModule",
    "Target",
    "find_environment",
    "open_library",
]

_log = logging.getLogger(__name__)


def open_library(
    *,
    environment: Path | None = None,
    project: tuple[Path, ...] = (),
    stubs: Mapping[str, str] | None = None,
    version: tuple[int, int] | None = None,
    platform: str | None = None,
    cache: DiskCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PythonLibrary:
    """The library of a program.

    Args:
        environment: an interpreter, a virtual environment or a `site-packages` folder; None: what
            is installed is not known, so any module beside the known ones may exist.
        project: folders that hold the program's own modules.
        stubs: stub text by module name, before all else.
        version: (major, minor); None is the environment's, or that of the running interpreter.
        platform: as in `sys.platform`; None is the running one.
        cache: keeps the standard library's index (3 MB) and outlines of large files.
        progress: called with (done, all) while the index is made.

    Raises:
        EnvironmentMissingError: `environment` is none.
    """
    found = None if environment is None else find_environment(environment)
    if found is None:
        found = Environment(running_version(), sys.platform)
    target = Target(version or found.version, platform or found.platform)
    for folder in project:
        if not folder.is_dir():
            _log.warning("imports: %s is not a folder; it adds no modules", folder)
    resolver = Resolver(target, project, found.folders, found.standard, found.editable)
    return PythonLibrary(
        resolver,
        target,
        open_index(target, cache, progress) if typeshed_folder() is not None else None,
        stubs=stubs,
        cache=cache,
        is_open=environment is None or typeshed_folder() is None,
    )

"""The standard library's outlines, made once and kept in the disk cache.

The kept payload holds a table of modules and their encoded outlines end to end (numbers are
little-endian u32):

    count, bytes of names, module names joined by line ends, the end of each outline, outlines

It is mapped, and an outline is read when its module is first used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ananke.languages.python.library.conditions import Target
from ananke.languages.python.library.outline import (
    DamagedOutlineError,
    Outline,
    decode,
    encode,
    pack_sections,
    unpack_sections,
)
from ananke.languages.python.library.reading import MOST_BYTES, OPEN, read_module
from ananke.languages.python.library.resolver import Resolver, Source, typeshed_folder
from ananke.vocabulary.cache import DiskCache

__all__ = ["StandardIndex", "open_index", "read_source"]

_log = logging.getLogger(__name__)

#: Of the encoding and of what the outlines hold; a change of either is a new number.
_FORMAT = 1

_KIND = "python-library"


class StandardIndex:
    """Outlines by module, read from a payload when they are asked for.

    Raises:
        DamagedOutlineError: the payload is something else.
    """

    def __init__(self, payload: bytes | memoryview) -> None:
        view = memoryview(payload)
        names, ends, first = unpack_sections(view, "the index")
        if len(names) != len(ends):
            raise DamagedOutlineError("the index is cut short")
        starts = (0, *ends)
        self._spans = {
            name: (first + starts[at], first + ends[at]) for at, name in enumerate(names)
        }
        self._view = view

    def __len__(self) -> int:
        return len(self._spans)

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def outline(self, module: str) -> Outline | None:
        """The module's outline; None if the index doesn't have it."""
        span = self._spans.get(module)
        return None if span is None else decode(self._view[span[0] : span[1]])


def open_index(
    target: Target,
    cache: DiskCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StandardIndex:
    """The index for `target`, from the cache or made now.

    Args:
        progress: called with (modules done, modules in all) while it is made.
    """
    key = f"{_FORMAT}\0{_shed_version()}\0{target.version}\0{target.platform}"
    kept = None if cache is None else cache.get(_KIND, key)
    if kept is not None:
        try:
            return StandardIndex(kept)
        except DamagedOutlineError as error:
            _log.warning("imports: the kept index is of no use (%s); it is made anew", error)
    payload = _make(target, progress)
    if cache is not None:
        cache.put(_KIND, key, payload)
    return StandardIndex(payload)


def _shed_version() -> str:
    """What tells one set of stubs from another."""
    folder = typeshed_folder()
    if folder is None:
        return "none"
    status = (folder / "VERSIONS").stat()
    try:
        number = version("typeshed-client")
    except PackageNotFoundError:
        number = "?"
    return f"{number} {status.st_size} {status.st_mtime_ns}"


def _make(target: Target, progress: Callable[[int, int], None] | None) -> bytes:
    resolver = Resolver(target)
    sources = list(_modules(resolver))
    names: list[str] = []
    ends: list[int] = []
    outlines = bytearray()
    for done, source in enumerate(sources):
        if progress is not None:
            progress(done, len(sources))
        if source.path is not None:
            names.append(source.name)
            outlines += encode(read_source(source, target))
            ends.append(len(outlines))
    if progress is not None:
        progress(len(sources), len(sources))
    return pack_sections(names, ends, outlines)


def _modules(resolver: Resolver) -> Iterator[Source]:
    """All modules of the standard library, packages before what is in them."""
    pending = sorted(resolver.submodules(""))
    while pending:
        name = pending.pop(0)
        source = resolver.find(name)
        if source is not None and source.is_standard:
            yield source
            pending += sorted(f"{name}.{part}" for part in resolver.submodules(name))


def read_source(source: Source, target: Target) -> Outline:
    """The outline of a module's file; an open one if it can't be read."""
    if source.path is None:
        return Outline()
    if source.is_opaque:
        return OPEN
    try:
        content = _content(source.path)
    except OSError as error:
        _log.warning("imports: %s can't be read (%s)", source.path, error.strerror)
        return OPEN
    return read_module(
        content, source.name, target, is_stub=source.is_stub, is_package=source.is_package
    )


def _content(path: Path) -> bytes:
    # A pipe or a device in a project's folder would keep the reader waiting.
    if not path.is_file():
        raise OSError(0, "not a regular file")
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)

"""From a module's name to the file that tells what it holds.

The order of search, by PEP 561 with the project's own code before the standard library's:

1. stubs that the request itself brings (`spec.imports.stubs`), not a matter of files
2. the project's `typings` folder, then its own files
3. typeshed's stubs of the standard library, as far as its `VERSIONS` has the module in the
   target's version
4. stub packages (`<package>-stubs`), a partial one backed by the package itself
5. installed packages, `.pyi` before `.py`
6. the interpreter's own library, for what no stub describes

A folder without `__init__` is a namespace package; its parts may lie in several folders. Folders
are listed once and remembered.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from ananke.languages.python.library.conditions import Target

__all__ = ["Resolver", "Source", "absolute_name", "typeshed_folder", "typeshed_versions"]

_log = logging.getLogger(__name__)

#: Longer names are not modules.
_MOST_PARTS = 32

#: Entries of one folder; more are left out with a log line.
_MOST_ENTRIES = 20_000

_COMPILED = (".so", ".pyd", ".pyc")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a module is.

    Attributes:
        name: the module's dotted name.
        path: its file; None for a namespace package.
        is_stub: a `.pyi`.
        is_package: it may have submodules: `folders` are searched for them.
        is_opaque: it is compiled code, so its names are unknown.
        is_standard: of typeshed's standard library.
    """

    name: str
    path: Path | None
    is_stub: bool = False
    is_package: bool = False
    is_opaque: bool = False
    is_standard: bool = False
    folders: tuple[Path, ...] = ()


@dataclass
class Resolver:
    """Finds modules for one target in given folders.

    Args:
        target: decides which of the standard library's modules exist.
        project: the project's folders, searched first.
        folders: of installed packages, in order.
        standard: the interpreter's own library, searched last.
        editable: single packages that lie elsewhere: (name, folder or file).
    """

    target: Target
    project: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    standard: tuple[Path, ...] = ()
    editable: tuple[tuple[str, Path], ...] = ()
    _found: dict[str, Source | None] = field(default_factory=dict, repr=False)
    _listed: dict[Path, Mapping[str, bool]] = field(default_factory=dict, repr=False)

    def find(self, name: str) -> Source | None:
        """Where the module `name` (dotted, absolute) is; None if there is none."""
        if name not in self._found:
            parts = name.split(".")
            usable = len(parts) <= _MOST_PARTS and all(part.isidentifier() for part in parts)
            self._found[name] = self._search(name) if usable else None
        return self._found[name]

    def submodules(self, name: str) -> set[str]:
        """Last parts of the names of the modules directly below `name`; "" for the top."""
        if not name:
            found = set[str]()
            for folder in self._top_folders():
                found |= {part.removesuffix("-stubs") for part in self._modules_in(folder)}
            found |= {part for part, _ in self.editable}
            standard = {one for one in typeshed_versions() if "." not in one}
            found |= {one for one in standard if self._is_in_version(one)}
            return {part for part in found if part.isidentifier()}
        source = self.find(name)
        if source is None:
            return set()
        found = {part for folder in source.folders for part in self._modules_in(folder)}
        found = {part for part in found if part.isidentifier()}
        if source.is_standard:
            found = {part for part in found if self._is_in_version(f"{name}.{part}")}
        return found

    def _search(self, name: str) -> Source | None:
        parent, _, last = name.rpartition(".")
        if parent:
            above = self.find(parent)
            if above is None:
                return None
            if above.is_standard and not self._is_in_version(name):
                return None
            return self._merge(name, (self._in_folder(f, name, last) for f in above.folders), above)
        return self._search_top(name)

    def _search_top(self, name: str) -> Source | None:
        own = (one for root in self.project for one in (root / "typings", root))
        found = self._merge(name, (self._in_folder(folder, name, name) for folder in own))
        if found is not None and found.path is not None:
            return found
        if self._is_in_version(name):
            shed = typeshed_folder()
            standard = shed and self._in_folder(shed, name, name, is_standard=True)
            if standard:
                return standard
        mapped = dict(self.editable).get(name)
        if mapped is not None:
            placed = self._in_folder(mapped.parent, name, mapped.stem)
            if placed is not None:
                return placed
        spaces = [found] if found else []
        for folders in (self.folders, self.standard):
            stubs = (self._in_folder(f, name, f"{name}-stubs") for f in folders)
            inline = (self._in_folder(f, name, name) for f in folders)
            one = self._with_stubs(name, self._merge(name, stubs), self._merge(name, inline))
            if one is not None and one.path is not None:
                return one
            spaces += [one] if one else []
        return self._merge(name, iter(spaces))

    def _with_stubs(self, name: str, stubs: Source | None, inline: Source | None) -> Source | None:
        """A stub package, backed by the package where it says that it is partial."""
        if stubs is None:
            return inline
        is_partial = any(self._is_partial(folder) for folder in stubs.folders)
        if inline is None or not (is_partial or stubs.path is None):
            return stubs
        main = stubs if stubs.path is not None else inline
        return Source(
            name,
            main.path,
            main.is_stub,
            True,
            main.is_opaque,
            folders=stubs.folders + inline.folders,
        )

    def _is_partial(self, folder: Path) -> bool:
        if "py.typed" not in self._entries(folder):
            return False
        try:
            with (folder / "py.typed").open("rb") as file:
                return b"partial" in file.read(256)
        except OSError:
            return False

    def _merge(
        self, name: str, found: Iterator[Source | None], above: Source | None = None
    ) -> Source | None:
        """The first real module; without one, all namespace parts together."""
        spaces: list[Path] = []
        for one in found:
            if one is None:
                continue
            if one.path is not None:
                return one
            spaces += one.folders
        if not spaces:
            return None
        is_standard = above is not None and above.is_standard
        return Source(name, None, is_package=True, is_standard=is_standard, folders=tuple(spaces))

    def _in_folder(
        self, folder: Path, name: str, last: str, *, is_standard: bool = False
    ) -> Source | None:
        entries = self._entries(folder)
        shed = typeshed_folder()
        is_standard = is_standard or (shed is not None and shed in (folder, *folder.parents))
        if entries.get(last) is True:
            inside = self._entries(folder / last)
            for file in ("__init__.pyi", "__init__.py"):
                if inside.get(file) is False:
                    return self._source(name, folder / last / file, True, is_standard)
            compiled = next((f for f in inside if f.startswith("__init__.") and _binary(f)), None)
            if compiled:
                return Source(
                    name,
                    folder / last / compiled,
                    is_package=True,
                    is_opaque=True,
                    folders=(folder / last,),
                )
        for file in (f"{last}.pyi", f"{last}.py"):
            if entries.get(file) is False:
                return self._source(name, folder / file, False, is_standard)
        compiled = next((f for f in self._compiled(folder) if f.split(".")[0] == last), None)
        if compiled:
            return Source(name, folder / compiled, is_opaque=True)
        if entries.get(last) is True:
            return Source(
                name, None, is_package=True, is_standard=is_standard, folders=(folder / last,)
            )
        return None

    def _source(self, name: str, path: Path, is_package: bool, is_standard: bool) -> Source:
        is_stub = path.suffix == ".pyi"
        folders = (path.parent,) if is_package else ()
        return Source(name, path, is_stub, is_package, is_standard=is_standard, folders=folders)

    def _is_in_version(self, name: str) -> bool:
        versions = typeshed_versions()
        while name:
            span = versions.get(name)
            if span is not None:
                if not span[0] <= self.target.version <= span[1]:
                    return False
                if "." not in name:
                    return True
            name = name.rpartition(".")[0]
        return False

    def _top_folders(self) -> Iterator[Path]:
        for root in self.project:
            yield from (root / "typings", root)
        yield from self.folders
        yield from self.standard

    def _modules_in(self, folder: Path) -> Iterator[str]:
        for entry, is_folder in self._entries(folder).items():
            stem, dot, suffix = entry.partition(".")
            if is_folder:
                if self._holds_modules(folder / entry):
                    yield entry
            elif stem != "__init__" and dot and (suffix in ("py", "pyi") or _binary(entry)):
                yield stem

    def _holds_modules(self, folder: Path) -> bool:
        if folder.name == "__pycache__":
            return False
        return any(is_folder or one.endswith((".py", ".pyi")) or _binary(one)
                   for one, is_folder in self._entries(folder).items())  # fmt: skip

    def _compiled(self, folder: Path) -> Iterable[str]:
        return (one for one, is_folder in self._entries(folder).items()
                if not is_folder and _binary(one))  # fmt: skip

    def _entries(self, folder: Path) -> Mapping[str, bool]:
        """Name → is it a folder, for all that `folder` holds."""
        if folder not in self._listed:
            self._listed[folder] = _list(folder)
        return self._listed[folder]


def _list(folder: Path) -> Mapping[str, bool]:
    found: dict[str, bool] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) >= _MOST_ENTRIES:
                    _log.warning("imports: %s holds too much; only a part is seen", folder)
                    break
                try:
                    found[entry.name] = entry.is_dir()
                except OSError:
                    continue  # a link that leads in a circle or to nowhere readable
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        _log.warning("imports: %s can't be listed (%s)", folder, error.strerror)
    return found


def _binary(file: str) -> bool:
    return file.endswith(_COMPILED)


def absolute_name(module: str, is_package: bool, level: int, target: str | None) -> str | None:
    """The absolute name that `from <level dots><target>` means in `module`.

    None if the dots lead above the top.
    """
    if level == 0:
        return target
    parts = module.split(".") if module else []
    drop = level - 1 if is_package else level
    if drop > len(parts) or (drop == len(parts) and not target):
        return None
    return ".".join(parts[: len(parts) - drop] + ([target] if target else []))


_shed: list[Path | None] = []
_versions: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}


def typeshed_folder() -> Path | None:
    """The folder of the standard library's stubs, from the installed `typeshed-client`."""
    if not _shed:
        spec = find_spec("typeshed_client")
        origin = spec.origin if spec else None
        _shed.append(Path(origin).parent / "typeshed" if origin else None)
        if origin is None:
            _log.warning("imports: typeshed-client is not installed; the standard library is open")
    return _shed[0]


def typeshed_versions() -> Mapping[str, tuple[tuple[int, int], tuple[int, int]]]:
    """Module → (first, last) version that has it, as typeshed's VERSIONS says."""
    if not _versions and (folder := typeshed_folder()) is not None:
        for line in (folder / "VERSIONS").read_text("utf-8").splitlines():
            name, colon, span = line.partition("#")[0].partition(":")
            if colon:
                first, _, last = span.strip().partition("-")
                _versions[name.strip()] = (_version(first), _version(last or "99.99"))
    return _versions


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)

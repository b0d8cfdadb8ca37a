"""Where a Python installation keeps what programs import, found without running any of it.

    environment = find_environment(Path("/srv/app/.venv"))
    environment.version          # (3, 12), from pyvenv.cfg or the folders' names
    environment.folders          # (…/lib/python3.12/site-packages, …), in the order of search

An interpreter is never started and no file of an environment is imported: `pyvenv.cfg` and the
layout of folders tell the version, `.pth` files contribute the folders that they name, and their
lines that begin with `import` (which the interpreter would execute) are left alone but for the
one kind whose meaning is plain: the mapping of a setuptools editable install, read as literals.
"""

from __future__ import annotations

import ast
import logging
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ananke.languages.python.library.source_tree import parse_source

__all__ = ["Environment", "EnvironmentMissingError", "find_environment", "running_version"]

_log = logging.getLogger(__name__)

#: A path file of more lines or bytes than this is not one.
_MOST_PATH_LINES = 1000
_MOST_BYTES = 1 << 20

_VERSIONED = re.compile(r"python(\d+)\.(\d+)t?")


class EnvironmentMissingError(ValueError):
    """What was named is no Python environment; the message says what would be one."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python installation as far as imports go.

    Attributes:
        version: (major, minor) of the language.
        platform: as `sys.platform` gives it.
        folders: where installed packages are, in the order of search; each exists.
        standard: the interpreter's own library, for modules that no stub describes.
        editable: packages of editable installs that a mapping names: (module, folder or file).
    """

    version: tuple[int, int]
    platform: str
    folders: tuple[Path, ...] = ()
    standard: tuple[Path, ...] = ()
    editable: tuple[tuple[str, Path], ...] = ()


def running_version() -> tuple[int, int]:
    """(major, minor) of the interpreter that runs this."""
    return sys.version_info[:2]


def find_environment(named: Path) -> Environment:
    """The environment that `named` is or belongs to.

    Args:
        named: an interpreter (`…/bin/python3.12`), the folder of a virtual environment or of an
            installation (the one that holds `bin` and `lib`), or a `site-packages` folder.

    Raises:
        EnvironmentMissingError: there is nothing of the kind.
    """
    try:
        if not named.exists():
            raise EnvironmentMissingError(f"{named}: there is no such file or folder")
        if named.is_dir() and named.name in ("site-packages", "dist-packages"):
            version = _version_in_name(named.parent) or running_version()
            return _collect(version, [named], [])
        found = next((e for root in _roots(named) for e in _at_root(root)), None)
    except OSError as error:
        raise EnvironmentMissingError(f"{named}: can't be read ({error.strerror})") from None
    if found is None:
        raise EnvironmentMissingError(
            f"{named}: is neither a virtual environment, nor an interpreter with its library, "
            "nor a site-packages folder"
        )
    return found


def _roots(named: Path) -> Iterator[Path]:
    """The folders that may hold `lib/pythonX.Y`, the likeliest first."""
    if named.is_dir():
        yield named
        # A project's folder often means the environment inside it.
        yield from (named / inner for inner in (".venv", "venv"))
        return
    # A virtual environment's interpreter is a link: its own folder counts before the target's.
    yield named.absolute().parent.parent
    yield named.resolve().parent.parent


def _at_root(root: Path) -> Iterator[Environment]:
    config = _config(root / "pyvenv.cfg")
    version = _configured_version(config)
    folders, standard = _library_folders(root, version)
    version = version or next(
        (v for folder in folders + standard if (v := _version_in_name(folder.parent))), None
    )
    version = version or next((v for one in standard if (v := _version_in_name(one))), None)
    if config is None and not standard and not folders:
        return
    if config is not None and (home := config.get("home")):
        base_folders, base_standard = _library_folders(Path(home).parent, version)
        standard += base_standard
        if config.get("include-system-site-packages", "").lower() == "true":
            folders += base_folders
    yield _collect(version or running_version(), folders, standard)


def _config(path: Path) -> dict[str, str] | None:
    """The keys of a `pyvenv.cfg`; None if there is none."""
    text = _text(path)
    if text is None:
        return None
    pairs = (line.partition("=") for line in text.splitlines()[:_MOST_PATH_LINES])
    return {key.strip().lower(): value.strip() for key, mark, value in pairs if mark}


def _configured_version(config: dict[str, str] | None) -> tuple[int, int] | None:
    for key in ("version", "version_info"):
        match = re.match(r"(\d+)\.(\d+)", (config or {}).get(key, ""))
        if match:
            return int(match[1]), int(match[2])
    return None


def _version_in_name(folder: Path) -> tuple[int, int] | None:
    match = _VERSIONED.fullmatch(folder.name)
    return (int(match[1]), int(match[2])) if match else None


def _library_folders(root: Path, version: tuple[int, int] | None) -> tuple[list[Path], list[Path]]:
    """(folders of installed packages, folders of the standard library) below `root`."""
    installed, standard = [], []
    for lib in (root / "lib", root / "lib64", root / "local" / "lib", root / "Lib"):
        for folder in _versioned_folders(lib, version):
            standard.append(folder)
            installed += [folder / "site-packages", folder / "dist-packages"]
        installed += [lib / "site-packages"] if lib.name == "Lib" else []
        # Debian's packages for every version.
        installed += [lib / "python3" / "dist-packages"]
    return (
        _distinct(one for one in installed if one.is_dir()),
        _distinct(one for one in standard if (one / "os.py").is_file()),
    )


def _versioned_folders(lib: Path, version: tuple[int, int] | None) -> list[Path]:
    """The `pythonX.Y` in `lib`; of several the wanted version's, else the newest."""
    if not lib.is_dir():
        return []
    found = [(v, one) for one in lib.iterdir() if (v := _version_in_name(one)) and one.is_dir()]
    if version is None and found:
        version = max(found)[0]
    return sorted(one for v, one in found if v == version)


def _distinct(paths: Iterator[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        found.setdefault(path.resolve(), path)
    return list(found.values())


def _collect(version: tuple[int, int], folders: list[Path], standard: list[Path]) -> Environment:
    added, editable = [], []
    for folder in folders:
        for path in sorted(folder.glob("*.pth"))[:_MOST_PATH_LINES]:
            more, mapped = _path_file(path)
            added += more
            editable += mapped
    return Environment(
        version=version,
        platform=sys.platform,
        folders=tuple(_distinct(iter(folders + added))),
        standard=tuple(standard),
        editable=tuple(dict(editable).items()),
    )


def _path_file(path: Path) -> tuple[list[Path], list[tuple[str, Path]]]:
    """(folders, mapped packages) that a `.pth` file adds to the search."""
    folders: list[Path] = []
    mapped: list[tuple[str, Path]] = []
    for line in (_text(path) or "").splitlines()[:_MOST_PATH_LINES]:
        line = line.strip()
        if line.startswith(("import ", "import\t")):
            finder = re.match(r"import (__editable___\w+_finder)\b", line)
            if finder:
                mapped += _mapping(path.parent / f"{finder[1]}.py")
        elif line and not line.startswith("#") and "\0" not in line:
            folder = path.parent / line
            if folder.is_dir():
                folders.append(Path(os.path.normpath(folder)))
    return folders, mapped


def _mapping(finder: Path) -> list[tuple[str, Path]]:
    """The literal `MAPPING = {module: folder}` of an editable install's finder."""
    try:
        tree = parse_source(_text(finder) or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    for statement in tree.body:
        match statement:
            case (
                ast.AnnAssign(target=ast.Name(id="MAPPING"), value=ast.Dict() as value)
                | ast.Assign(targets=[ast.Name(id="MAPPING")], value=ast.Dict() as value)
            ):
                return [
                    (key.value, Path(folder.value))
                    for key, folder in zip(value.keys, value.values, strict=True)
                    if isinstance(key, ast.Constant)
                    and isinstance(key.value, str)
                    and isinstance(folder, ast.Constant)
                    and isinstance(folder.value, str)
                ]
    return []


def _text(path: Path) -> str | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        _log.warning("imports: %s can't be read (%s)", path, error.strerror)
        return None

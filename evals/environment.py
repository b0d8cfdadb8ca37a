"""Installed packages to judge meaning with: an environment, and a project made of its sources.

`install_environment` puts pinned wheels, whole (stubs, `py.typed` and all), into a folder that is
named `site-packages`, so that a spec can name it as its environment. Nothing of it is executed.

`make_project` copies the packages and the standard library's own sources (below `standard`, so
that `import json` still means the stub) into a scratch folder: there a file can be changed
and judged in its place, by us and by the type checker, with everything around it as it is.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evals.corpora import LARGEST, SMALLEST, CorpusError
from evals.sources import ENVIRONMENT

__all__ = ["ModuleSource", "environment_folder", "install_environment", "make_project", "modules"]

#: The project's package that holds the standard library.
STANDARD = "standard"
#: Folders that are not code of the package, or wrong on purpose.
_NOT_COPIED = frozenset({"site-packages", "test", "tests", "idlelib", "lib2to3", "__pycache__"})
#: Folders of tables, and of copies of other packages.
_NOT_JUDGED = _NOT_COPIED | {"_tests", "testing", "turtledemo", "ensurepip", "lexers", "styles"}
_NOT_JUDGED |= {"_vendor"}


@dataclass(frozen=True)
class ModuleSource:
    """A file of the project: its dotted name, its path and bytes."""

    package: str
    module: str
    path: Path
    text: bytes

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


def environment_folder(corpora: Path) -> Path:
    """Where the packages of the environment are."""
    return corpora / "environment" / "site-packages"


def install_environment(corpora: Path) -> Path:
    """Installs the pinned packages that are not there yet; the folder.

    Raises:
        CorpusError: pip failed; the message ends with what it said.
    """
    folder = environment_folder(corpora)
    held = {one.name.removesuffix(".dist-info").lower() for one in folder.glob("*.dist-info")}
    missing = [
        f"{name}=={version}"
        for name, version in ENVIRONMENT
        if f"{name.replace('-', '_')}-{version}".lower() not in held
    ]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
        command += ["--only-binary", ":all:", "--target", str(folder), *missing]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        if done.returncode:
            raise CorpusError(f"pip failed: {done.stderr.strip()[-500:]}")
    return folder


def make_project(corpora: Path, folder: Path) -> Path:
    """Fills `folder` with the sources of the environment and the standard library.

    Raises:
        CorpusError: the environment is not installed.
    """
    source = environment_folder(corpora)
    if not source.is_dir():
        raise CorpusError(f"no environment in {corpora}: run `python -m evals corpora` first")
    for path in sorted(source.iterdir()):
        if path.is_dir() and not path.name.endswith(".dist-info") and path.name != "bin":
            _copy(path, folder / path.name)
        elif path.suffix in (".py", ".pyi") and path.stem != "typing_extensions":
            # Type checkers know that one by themselves.
            shutil.copyfile(path, folder / path.name)
    _copy(Path(sysconfig.get_paths()["stdlib"]), folder / STANDARD)
    (folder / STANDARD / "__init__.py").write_text("")
    return folder


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        inside = path.relative_to(source)
        if path.suffix not in (".py", ".pyi", ".typed") or not path.is_file():
            continue
        if _NOT_COPIED & set(inside.parts):
            continue
        place = target / inside
        place.parent.mkdir(parents=True, exist_ok=True)
        # The checker's own comments silence it, or make it stricter.
        place.write_bytes(path.read_bytes().replace(b"# pyright:", b"# pyrighT:"))


def _all(project: Path) -> Iterator[ModuleSource]:
    for path in sorted(project.rglob("*.py")):
        inside = PurePosixPath(path.relative_to(project).as_posix())
        if _NOT_JUDGED & set(inside.parts) or not SMALLEST <= path.stat().st_size <= LARGEST:
            continue
        parts = list(inside.with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        if not all(one.isidentifier() for one in parts):
            continue
        text = path.read_bytes()
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            continue
        yield ModuleSource(inside.parts[0], ".".join(parts), path, text)


def modules(project: Path, count: int, seed: int) -> list[ModuleSource]:
    """`count` modules of the project (fewer if it has fewer), an equal share of each package as
    far as it goes, the same for the same packages and seed."""
    groups: dict[str, list[ModuleSource]] = {}
    for one in _all(project):
        groups.setdefault(one.package, []).append(one)
    for group in groups.values():
        group.sort(key=lambda one: hashlib.sha256(b"%d:" % seed + one.text).digest())
    chosen: list[ModuleSource] = []
    turn = 0
    while len(chosen) < count and any(len(group) > turn for group in groups.values()):
        for name in sorted(groups):
            # The standard library is the largest and the least alike: half of each round.
            take = slice(turn, turn + 1)
            if name == STANDARD:
                most = max(1, len(groups) // 3)
                take = slice(turn * most, (turn + 1) * most)
            chosen += groups[name][take]
        turn += 1
    return chosen[:count]

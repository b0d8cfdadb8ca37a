"""Corpora: real files of each language, unpacked once, sampled deterministically.

`python -m evals corpora` is the only program here that reaches a package registry. It takes each
package of `sources.py` with the registry's own client (npm, apt, pip), keeps the source files
and nothing else, installs nothing, and writes `manifest.json` with the versions it got.

A sample is the first `count` files in the order of sha256(seed, content): adding a package
changes a sample little, and equal contents count once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from evals.progress import steps
from evals.sources import DEBIAN, NPM, SUFFIXES, WHEELS, Package

__all__ = ["CorpusError", "Source", "corpora_directory", "install", "sample", "versions"]

#: Bytes; longer files are generated tables more often than code.
LARGEST = 100_000
#: Bytes; shorter ones hold a licence and no code.
SMALLEST = 64
#: Folders that hold wrong programs on purpose, or other versions of a language.
_LEFT_OUT = frozenset({"test", "testdata", "vendor", "node_modules", "lib2to3", "site-packages"})

_ENVIRONMENT = "ANANKE_CORPORA"


class CorpusError(RuntimeError):
    """A corpus that is missing or can't be made; the message says what to run."""


@dataclass(frozen=True)
class Source:
    """One real file: where it came from (package and path inside it) and its bytes."""

    name: str
    text: bytes


def corpora_directory(given: Path | None = None) -> Path:
    """`given`, or $ANANKE_CORPORA, or `.cache/corpora` in the checkout."""
    if given is not None:
        return given
    named = os.environ.get(_ENVIRONMENT)
    return Path(named) if named else Path(__file__).resolve().parents[1] / ".cache" / "corpora"


def install(directory: Path) -> dict[str, str]:
    """Unpacks every package of the table that `directory` does not hold yet.

    Returns:
        Package name -> version, as in `manifest.json`.

    Raises:
        CorpusError: a registry's client failed; the message ends with what it said.
    """
    directory.mkdir(parents=True, exist_ok=True)
    manifest = _read_manifest(directory)
    plans: list[tuple[str, Package, Callable[[Package, Path], tuple[str, Iterator[_Member]]]]] = [
        *(("npm", package, _fetch_npm) for package in NPM),
        *(("debian", package, _fetch_debian) for package in DEBIAN),
        *(("pypi", package, _fetch_wheel) for package in WHEELS),
    ]
    for registry, package, fetch in steps("packages", plans):
        key = f"{registry}:{package.name}"
        target = directory / registry / package.folder
        held = manifest.get(key)
        if held and target.is_dir() and package.version in ("", held):
            continue
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            version, members = fetch(package, Path(scratch))
            fresh = Path(scratch) / "tree"
            count = _unpack(members, package, fresh)
            if not count:
                raise CorpusError(f"{key} {version} holds no file of {package.languages}")
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh.rename(target)
        manifest[key] = version
        _write_manifest(directory, manifest)
    return manifest


@dataclass(frozen=True)
class _Member:
    """A file of an archive: its path there and how to read it."""

    path: str
    size: int
    read: Callable[[], bytes]


def _unpack(members: Iterator[_Member], package: Package, target: Path) -> int:
    count = 0
    for member in members:
        path = PurePosixPath(member.path)
        if path.is_absolute() or ".." in path.parts or not member.size <= LARGEST:
            continue
        if not any(_is_source(path, language) for language in package.languages):
            continue
        place = target.joinpath(*path.parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(member.read())
        count += 1
    return count


def _is_source(path: PurePosixPath, language: str) -> bool:
    if not path.name.endswith(SUFFIXES[language]) or ".d." in path.name:
        return False
    return not _LEFT_OUT.intersection(path.parts)


def _run(command: list[str], where: Path) -> str:
    try:
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=900)
    except FileNotFoundError as error:
        raise CorpusError(f"`{command[0]}` is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CorpusError(f"`{' '.join(command)}` did not finish in 15 minutes") from error
    if done.returncode:
        raise CorpusError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        if info.isfile():
            handle = archive.extractfile(info)
            if handle is not None:
                yield _Member(info.name.removeprefix("./"), info.size, handle.read)


def _fetch_npm(package: Package, scratch: Path) -> tuple[str, Iterator[_Member]]:
    wanted = f"{package.name}@{package.version}"
    _run(["npm", "pack", "--silent", "--ignore-scripts", wanted], scratch)
    archive = next(scratch.glob("*.tgz"))
    return package.version, _tar_members(tarfile.open(archive))


def _fetch_debian(package: Package, scratch: Path) -> tuple[str, Iterator[_Member]]:
    _run(["apt-get", "download", package.name], scratch)
    archive = next(scratch.glob("*.deb"))
    version = _run(["dpkg-deb", "-f", archive.name, "Version"], scratch).strip()
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", archive.name], cwd=scratch, stdout=subprocess.PIPE
    ) as unpacking:
        assert unpacking.stdout is not None
        data = unpacking.stdout.read()
    return version, _tar_members(tarfile.open(fileobj=io.BytesIO(data)))


def _fetch_wheel(package: Package, scratch: Path) -> tuple[str, Iterator[_Member]]:
    wanted = f"{package.name}=={package.version}"
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--prefer-binary",
            wanted,
        ],
        scratch,
    )
    archive = zipfile.ZipFile(next(scratch.glob("*.whl")))
    members = (
        _Member(info.filename, info.file_size, _zip_reader(archive, info))
        for info in archive.infolist()
        if not info.is_dir()
    )
    return package.version, members


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    return lambda: archive.read(info)


def _read_manifest(directory: Path) -> dict[str, str]:
    path = directory / "manifest.json"
    if not path.is_file():
        return {}
    read = json.loads(path.read_text())
    return {str(key): str(value) for key, value in read.items()}


def _write_manifest(directory: Path, manifest: dict[str, str]) -> None:
    path = directory / "manifest.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    fresh.replace(path)


def versions(directory: Path) -> dict[str, str]:
    """What the corpora were made from: package -> version, the interpreters' own included."""
    import ziglang  # type: ignore[import-untyped]

    return {
        **_read_manifest(directory),
        "python": sys.version.split()[0],
        "zig": _zig_version(str(Path(ziglang.__file__).parent)),
    }


@cache
def _zig_version(folder: str) -> str:
    return _run([str(Path(folder) / "zig"), "version"], Path.cwd()).strip()


def _roots(directory: Path, language: str) -> Iterator[tuple[str, Path]]:
    """(name, folder) of every tree that may hold files of the language."""
    if language == "python":
        yield "python", Path(sysconfig.get_paths()["stdlib"])
    if language == "zig":
        import ziglang

        yield "zig", Path(ziglang.__file__).parent / "lib" / "std"
    for registry, packages in (("npm", NPM), ("debian", DEBIAN), ("pypi", WHEELS)):
        for package in packages:
            if language in package.languages:
                yield package.name, directory / registry / package.folder


def _files(directory: Path, language: str) -> Iterator[Source]:
    for name, root in _roots(directory, language):
        if not root.is_dir():
            raise CorpusError(f"no {name} in {directory}: run `python -m evals corpora` first")
        for path in sorted(root.rglob("*")):
            inside = PurePosixPath(path.relative_to(root).as_posix())
            if not _is_source(inside, language) or not path.is_file():
                continue
            if SMALLEST <= path.stat().st_size <= LARGEST:
                yield Source(f"{name}/{inside}", path.read_bytes())


@cache
def sample(directory: Path, language: str, count: int, seed: int) -> tuple[Source, ...]:
    """`count` files of the language, the same for the same packages and seed.

    Raises:
        CorpusError: the packages are not installed.
    """
    ranked: dict[bytes, Source] = {}
    for source in _files(directory, language):
        try:
            source.text.decode("utf-8")
        except UnicodeDecodeError:
            continue
        key = hashlib.sha256(b"%d:" % seed + source.text).digest()
        ranked.setdefault(key, source)
    return tuple(ranked[key] for key in sorted(ranked)[:count])

"""The disk cache: what took long to make, kept as files that may vanish or rot at any time.

An entry is one file, `<directory>/<kind>/<SHA-256 of the key>`:

    header    magic, version, byte-order mark, lengths of kind, key and payload, XXH3 of the rest
    kind, key, zeros up to a multiple of 64, payload

A file is written under another name and then renamed, so that a reader sees all of it or nothing,
and processes that write the same entry at once don't meet. Names come from a digest, so no key
leads out of the folder; links are not followed. Whatever is damaged, of another version or from a
machine of another byte order is removed with a log line and counts as absent. A cache that can't
be written costs time, nothing else. Payloads are plain bytes; nothing is ever unpickled.

The checksum finds damage, not malice: who can write to the user's cache can change what is in it.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import mmap
import os
import re
import stat
import struct
import tempfile
import time
from pathlib import Path

import numpy as np
import platformdirs

from ananke.native import library

_log = logging.getLogger(__name__)

_MAGIC = b"ANANKE\r\n"
_VERSION = 1
_BYTE_ORDER = 0x01020304
# In the machine's byte order, as payloads are; the mark tells another's.
_HEADER = struct.Struct("=8sIIIIQQ")
_ALIGNMENT = 64

#: Kinds name folders, and say what a payload is.
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")

#: What all entries may take together. One vocabulary with its trie takes about 8 MB.
DEFAULT_MAX_BYTES = 1 << 30

#: Seconds after which a file under its first name is one whose writer died.
_ABANDONED = 3600.0


class DiskCache:
    """Entries under a kind and a key; safe to use from several threads and processes at once.

    Args:
        directory: where; None is `$ANANKE_CACHE_DIR`, or the platform's folder for caches. Made
            when first written to.
        max_bytes: of all entries together; the least recently used go first.
    """

    def __init__(self, directory: Path | None = None, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.directory = _default_directory() if directory is None else Path(directory)
        self.max_bytes = max_bytes

    def get(self, kind: str, key: str) -> memoryview | None:
        """The payload, read-only and mapped from the file; None if there is none that is whole."""
        path = self._path(kind, key)
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ELOOP:
                self._discard(path, "is a link")
            elif not isinstance(error, FileNotFoundError | NotADirectoryError):
                _log.warning("cache: %s can't be read (%s)", path, error.strerror)
            return None
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                self._discard(path, "is not a regular file")
                return None
            if status.st_size < _HEADER.size:
                self._discard(path, "is cut short")
                return None
            mapped = mmap.mmap(file, status.st_size, access=mmap.ACCESS_READ)
        except OSError as error:
            _log.warning("cache: %s can't be read (%s)", path, error.strerror)
            return None
        finally:
            os.close(file)
        payload = _payload(memoryview(mapped), kind, key)
        if isinstance(payload, str):
            self._discard(path, payload)
            return None
        _touch(path)
        return payload

    def put(self, kind: str, key: str, payload: bytes | memoryview) -> None:
        """Keeps the payload; where that can't be, a log line says so and nothing is raised."""
        path = self._path(kind, key)
        head = _head(kind, key, payload)
        size = len(head) + len(payload)
        if size > self.max_bytes:
            _log.warning(
                "cache: %s of %d bytes is not kept: the cache may have %d",
                kind,
                size,
                self.max_bytes,
            )
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            try:
                with open(file, "wb") as out:
                    out.write(head)
                    out.write(payload)
                os.replace(temporary, path)
            except BaseException:
                _remove(Path(temporary))
                raise
        except OSError as error:
            _log.warning("cache: %s can't be written (%s)", path, error.strerror or error)
            return
        self._shrink(path)

    def _path(self, kind: str, key: str) -> Path:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"kind {kind!r}: must be lower-case letters, digits and -")
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.directory / kind / name

    def _discard(self, path: Path, reason: str) -> None:
        _log.warning("cache: %s %s; it is made anew", path, reason)
        _remove(path)

    def _shrink(self, kept: Path) -> None:
        """Removes the least recently used entries until all fit, and what dead writers left."""
        entries: list[tuple[float, int, Path]] = []
        now = time.time()
        for path in self._files():
            try:
                status = path.lstat()
            except OSError:
                continue  # another process removed it
            if path.name.startswith("."):
                if now - status.st_mtime > _ABANDONED:
                    _remove(path)
                continue
            entries.append((status.st_mtime, status.st_size, path))
        excess = sum(size for _, size, _ in entries) - self.max_bytes
        for _, size, path in sorted(entries):
            if excess <= 0:
                break
            if path != kept:
                _remove(path)
                excess -= size

    def _files(self) -> list[Path]:
        files: list[Path] = []
        try:
            for folder in os.scandir(self.directory):
                if _KIND.fullmatch(folder.name) and folder.is_dir(follow_symlinks=False):
                    files += [
                        Path(entry.path)
                        for entry in os.scandir(folder.path)
                        if not entry.is_dir(follow_symlinks=False)
                    ]
        except OSError as error:
            _log.warning("cache: %s can't be listed (%s)", self.directory, error.strerror)
        return files


def _default_directory() -> Path:
    given = os.environ.get("ANANKE_CACHE_DIR")
    return Path(given) if given else Path(platformdirs.user_cache_dir("ananke", appauthor=False))


def _head(kind: str, key: str, payload: bytes | memoryview) -> bytes:
    names = kind.encode() + key.encode("utf-8", "surrogatepass")
    names += bytes(-(_HEADER.size + len(names)) % _ALIGNMENT)
    return (
        _HEADER.pack(
            _MAGIC,
            _VERSION,
            _BYTE_ORDER,
            len(kind),
            len(key.encode("utf-8", "surrogatepass")),
            len(payload),
            _checksum(names) ^ _checksum(payload),
        )
        + names
    )


def _payload(file: memoryview, kind: str, key: str) -> memoryview | str:
    """The payload of an entry's file; or, if it isn't that entry, what it is."""
    magic, version, order, kind_length, key_length, length, checksum = _HEADER.unpack_from(file)
    if magic != _MAGIC:
        return "is not a cache file"
    if order != _BYTE_ORDER:
        return "was written by a machine of another byte order"
    if version != _VERSION:
        return f"has version {version}, not {_VERSION}"
    names = kind.encode() + key.encode("utf-8", "surrogatepass")
    start = _HEADER.size + kind_length + key_length
    start += -start % _ALIGNMENT
    if start + length != len(file):
        return "is cut short or has grown"
    if _checksum(file[_HEADER.size : start]) ^ _checksum(file[start:]) != checksum:
        return "is damaged"
    lengths = (len(kind), len(names) - len(kind))
    if (kind_length, key_length) != lengths or file[_HEADER.size :][: len(names)] != names:
        return "holds another entry"
    return file[start:]


def _checksum(part: bytes | memoryview) -> int:
    view = np.frombuffer(part, np.uint8)
    checksum: int = library().ananke_checksum(view.ctypes.data, len(view))
    return checksum


def _touch(path: Path) -> None:
    """Marks the entry as used now; a folder that can't be written keeps its order."""
    try:
        os.utime(path, follow_symlinks=False)
    except OSError as error:
        _log.debug("cache: %s can't be marked as used (%s)", path, error.strerror)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.debug("cache: %s can't be removed (%s)", path, error.strerror)

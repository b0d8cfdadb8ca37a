"""The sources that the embedded models are made from: code that is on this machine anyway.

Python: the standard library of the running interpreter. Zig: `std` inside the package `ziglang`,
where that is installed. Comments, docstrings and tables of numbers are left out, since a model
with a few tokens of context would otherwise write prose and constants.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Corpus", "corpus_for"]

#: Bytes of sources, after the leaving out: enough for sensible counts, learnt in seconds.
SOURCE_BYTES = 3_000_000
#: Longer files are generated, or tables.
_FILE_BYTES = 150_000
#: Files with a larger share of digits are tables.
_DIGITS = 0.06
_SKIPPED_FOLDERS = frozenset(
    ("test", "tests", "site-packages", "dist-packages", "idlelib", "encodings", "lib2to3")
)
_DOCSTRING = r'^[ \t]*[rR]?"""(?:[^"\\]|\\.|"(?!""))*"""[ \t]*\n'
_PYTHON_PROSE = re.compile(rf"^[ \t]*#.*\n|[ \t]{{2,}}# .*$|{_DOCSTRING}", re.M)
_ZIG_PROSE = re.compile(r"^[ \t]*//.*\n|[ \t]+// .*$", re.M)
_BLANK_LINES = re.compile(r"\n{4,}")


@dataclass(frozen=True)
class Corpus:
    """Sources of one language: what they are, for people; a key that changes when they may have
    changed; and the texts, read when they are asked for."""

    description: str
    key: str
    read: Callable[[], Iterator[str]]


def corpus_for(language: str | None) -> Corpus:
    """The sources to learn `language` from; those of Python for a language that has none here."""
    zig = _zig_folder() if language == "zig" else None
    if zig is not None:
        version = importlib.metadata.version("ziglang")
        return Corpus(
            f"Zig's standard library (ziglang {version})",
            f"zig {version} {_digest(zig)}",
            lambda: _read(zig, "**/*.zig", _ZIG_PROSE),
        )
    library = Path(sysconfig.get_path("stdlib"))
    version = ".".join(map(str, sys.version_info[:3]))
    return Corpus(
        f"the standard library of Python {version}",
        f"python {version} {_digest(library)}",
        lambda: _read(library, "**/*.py", _PYTHON_PROSE),
    )


@cache
def _zig_folder() -> Path | None:
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "lib" / "std"
    return folder if folder.is_dir() else None


def _digest(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def _read(folder: Path, pattern: str, prose: re.Pattern[str]) -> Iterator[str]:
    left = SOURCE_BYTES
    # Files near the root first: they are the everyday ones.
    for path in sorted(folder.glob(pattern), key=lambda path: (len(path.parts), path)):
        if not _SKIPPED_FOLDERS.isdisjoint(path.relative_to(folder).parts):
            continue
        try:
            raw = path.read_bytes()
        except OSError:
            continue
        text = raw.decode("utf-8", "replace")
        digits = sum(text.count(digit) for digit in "0123456789")
        if len(raw) > _FILE_BYTES or digits > _DIGITS * len(text):
            continue
        text = _BLANK_LINES.sub("\n\n\n", prose.sub("", text)).strip("\n") + "\n"
        left -= len(text)
        if left < 0:
            return
        yield text

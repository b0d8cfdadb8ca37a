"""The native core with its safety checks kept: built aside, used by the fuzzer's children."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from ananke import native
from ananke.native.build import build_library
from evals.report import ROOT

__all__ = ["build_safe", "live_objects", "using_library"]

_LIVE = ("states", "stack nodes", "trees", "texts")


def build_safe() -> Path:
    """Builds the core with bounds, overflow and null checks; gives the library's path.

    Raises:
        ananke.native.build.BuildError: there is no compiler, or it failed.
    """
    work = ROOT / "build" / "zig"
    return build_library(work / "safe", safe=True, work=work)


@contextmanager
def using_library(path: Path) -> Iterator[None]:
    """Within it, this process's native core is the one at `path`; enter it before any use.

    Raises:
        RuntimeError: another one was loaded already, or `path` lacks the checks.
    """
    if native.library.cache_info().currsize:
        raise RuntimeError("the native core is loaded already")
    with patch.object(native, "library_path", return_value=path):
        if not native.library().ananke_is_safe():
            raise RuntimeError(f"{path} was built without safety checks")
        yield


def live_objects() -> dict[str, int]:
    """Native objects alive in this process, by kind."""
    counts = (ctypes.c_int64 * len(_LIVE))()
    native.library().ananke_live_counts(counts)
    return dict(zip(_LIVE, counts, strict=True))

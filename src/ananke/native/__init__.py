"""The loader of the native core.

`library()` gives the process's one libananke, with the signatures of `signatures.py` set. The
library lies beside this file: in a wheel, or built in place by `make native`.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

from ananke.native.signatures import SIGNATURES

__all__ = [
    "ABI_VERSION",
    "NativeError",
    "choose_cpu_variant",
    "cpu_variant",
    "cpu_variants",
    "library",
    "library_path",
    "load_library",
]

#: The number that `root.zig` must give; raised with it.
ABI_VERSION = 2


class NativeError(ImportError):
    """The native core is missing, or is not the one that this package needs."""


def library_path() -> Path:
    """Where the native core of this installation lies, whether or not it is there."""
    name = "libananke.dylib" if sys.platform == "darwin" else "libananke.so"
    return Path(__file__).resolve().with_name(name)


@cache
def library() -> ctypes.CDLL:
    """The native core, loaded on first use.

    Raises:
        NativeError: it is missing, for another machine, or from other sources.
    """
    return load_library(library_path())


def load_library(path: Path) -> ctypes.CDLL:
    """Loads the library at `path` and declares its functions.

    Raises:
        NativeError: as `library`.
    """
    if not path.exists():
        raise NativeError(f"{path}: the native core is missing; run `make native`")
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise NativeError(
            f"{path}: the native core can't be loaded ({error}); run `make native`"
        ) from error
    try:
        version = loaded.ananke_abi_version
    except AttributeError:
        raise NativeError(f"{path}: not Ananke's native core; run `make native`") from None
    version.restype, version.argtypes = SIGNATURES["ananke_abi_version"]
    found = int(version())
    if found != ABI_VERSION:
        raise NativeError(
            f"{path}: the native core has ABI {found}, this package needs {ABI_VERSION}; "
            "run `make native`"
        )
    for name, (result, arguments) in SIGNATURES.items():
        try:
            function = getattr(loaded, name)
        except AttributeError:
            raise NativeError(
                f"{path}: the native core has no function {name}; run `make native`"
            ) from None
        function.restype, function.argtypes = result, arguments
    return loaded


def cpu_variants() -> tuple[str, ...]:
    """The variants of the hot routines that this machine can run, slowest first."""
    lib = library()
    return tuple(
        _variant_name(lib, index)
        for index in range(lib.ananke_cpu_variant_count())
        if lib.ananke_cpu_variant_is_supported(index)
    )


def cpu_variant() -> str:
    """The variant in use: the fastest that the machine has, unless another was chosen."""
    lib = library()
    return _variant_name(lib, lib.ananke_cpu_variant())


def choose_cpu_variant(name: str) -> None:
    """Uses the variant `name` from now on, in the whole process.

    Raises:
        ValueError: this machine can't run it, or there is none of the name.
    """
    lib = library()
    for index in range(lib.ananke_cpu_variant_count()):
        if _variant_name(lib, index) == name and lib.ananke_cpu_choose(index):
            return
    raise ValueError(f"no CPU variant {name!r} here; there are: {', '.join(cpu_variants())}")


def _variant_name(lib: ctypes.CDLL, index: int) -> str:
    name: bytes = lib.ananke_cpu_variant_name(index)
    return name.decode()

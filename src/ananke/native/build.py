"""Builds the native core: `python -m ananke.native.build [--safe] [--platform NAME]`.

The compiler is the `ziglang` package. The package's build hook loads this file by its path, when
nothing of ananke is installed yet, so it needs the standard library only.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PLATFORMS", "BuildError", "Platform", "build_library", "host_platform"]

SOURCE = Path(__file__).resolve().parent


class BuildError(RuntimeError):
    """The native core could not be built; the message says why."""


@dataclass(frozen=True)
class Platform:
    """What a wheel is built for.

    The library has no dependency on a C library beyond the thread-local storage of the loader,
    so the tags say the oldest systems that the grammar wheels run on.
    """

    name: str
    #: The compiler's target triple; None is this machine with a baseline CPU.
    triple: str | None
    #: The wheel's platform tag.
    tag: str
    library: str


PLATFORMS: tuple[Platform, ...] = (
    Platform(
        "linux-x86_64",
        "x86_64-linux-gnu.2.17",
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "libananke.so",
    ),
    Platform(
        "linux-arm64",
        "aarch64-linux-gnu.2.17",
        "manylinux_2_17_aarch64.manylinux2014_aarch64",
        "libananke.so",
    ),
    Platform("macos-x86_64", "x86_64-macos.15.0", "macosx_15_0_x86_64", "libananke.dylib"),
    Platform("macos-arm64", "aarch64-macos.15.0", "macosx_15_0_arm64", "libananke.dylib"),
)


def host_platform() -> Platform:
    """The platform of this machine; one without a name here gets its own plain tag."""
    system = {"linux": "linux", "darwin": "macos"}.get(sys.platform)
    machine = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    for known in PLATFORMS:
        if known.name == f"{system}-{machine}":
            return known
    if system is None:
        raise BuildError(f"{sys.platform}: the native core runs on Linux and macOS only")
    tag = f"{system}_{platform.machine()}"
    return Platform(tag, None, tag, "libananke.dylib" if system == "macos" else "libananke.so")


def build_library(
    destination: Path, *, target: Platform | None = None, safe: bool = False, work: Path
) -> Path:
    """Compiles the native core and puts the library into the folder `destination`.

    Args:
        destination: the folder; the library in it is replaced in one step, so a process that
            has the old one open keeps it.
        target: what to build for; None is this machine.
        safe: keep bounds and overflow checks.
        work: a folder for the compiler's cache and its output.

    Returns:
        The library's path.

    Raises:
        BuildError: there is no compiler, or it failed (its messages are on stderr).
    """
    target = target or host_platform()
    prefix = work / (target.name + ("-safe" if safe else ""))
    command = [sys.executable, "-m", "ziglang", "build"]
    command += ["--cache-dir", str(work / "cache"), "--prefix", str(prefix)]
    if target.triple is not None:
        command += [f"-Dtarget={target.triple}", "-Dcpu=baseline"]
    if safe:
        command.append("-Dsafe")
    if not (SOURCE / "build.zig").exists():
        raise BuildError(f"{SOURCE}: the sources are not here; build in a source tree")
    if importlib.util.find_spec("ziglang") is None:
        raise BuildError("the compiler is missing; run `pip install 'ziglang==0.17.*'`")
    if subprocess.run(command, cwd=SOURCE, check=False, stdin=subprocess.DEVNULL).returncode != 0:
        raise BuildError("the native core did not compile: see the messages above")
    destination.mkdir(parents=True, exist_ok=True)
    library = destination / target.library
    fresh = library.with_name(f".{library.name}.{os.getpid()}")
    shutil.copyfile(prefix / "lib" / target.library, fresh)
    os.replace(fresh, library)
    return library


def main() -> int:
    """Builds in place, where the loader and an editable install look."""
    parser = argparse.ArgumentParser(prog="python -m ananke.native.build", description=__doc__)
    parser.add_argument("--safe", action="store_true", help="keep bounds and overflow checks")
    parser.add_argument(
        "--platform",
        choices=[known.name for known in PLATFORMS],
        help="build for another platform; default: this machine",
    )
    parser.add_argument(
        "--into", type=Path, default=SOURCE, help="folder for the library; default: in place"
    )
    arguments = parser.parse_args()
    target = next((known for known in PLATFORMS if known.name == arguments.platform), None)
    work = SOURCE.parents[2] / "build" / "zig"
    try:
        library = build_library(arguments.into, target=target, safe=arguments.safe, work=work)
    except BuildError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{library}: {library.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

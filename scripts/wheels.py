"""Builds a wheel for each platform into dist/, checks each, and tries this machine's.

The check reads the wheel as a stranger would: its tag, its files, and the header of the library
inside. The trial installs the wheel into a fresh environment and loads the core there.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from pathlib import Path

from ananke.native.build import PLATFORMS, Platform, host_platform

ROOT = Path(__file__).resolve().parents[1]

ELF_MACHINES = {62: "x86_64", 183: "arm64"}
MACH_CPUS = {0x01000007: "x86_64", 0x0100000C: "arm64"}
#: What the installed wheel must manage: load the core and all grammars.
TRIAL = """
import sys
from ananke.cli.doctor import gather, render
facts = gather()
sys.stdout.write(render(facts))
sys.exit(not facts.is_healthy)
"""
NAMES = {"libananke.so": "linux", "libananke.dylib": "macos"}


def binary_platform(binary: bytes) -> str:
    """The platform that a shared library's header tells."""
    if binary[:5] == b"\x7fELF\x02":
        kind, machine = struct.unpack_from("<HH", binary, 16)
        if kind == 3 and machine in ELF_MACHINES:
            return f"linux-{ELF_MACHINES[machine]}"
    if binary[:4] == struct.pack("<I", 0xFEEDFACF):
        cpu, _, kind, commands = struct.unpack_from("<IIII", binary, 4)
        if kind == 6 and cpu in MACH_CPUS:
            if MACH_CPUS[cpu] == "arm64" and not is_signed(binary, commands):
                raise SystemExit("the library has no code signature: arm64 Macs would not load it")
            return f"macos-{MACH_CPUS[cpu]}"
    raise SystemExit(f"not a 64-bit shared library: {binary[:24].hex()}")


def is_signed(binary: bytes, commands: int) -> bool:
    """Whether one of the load commands of a Mach-O file is LC_CODE_SIGNATURE."""
    at = 32
    for _ in range(commands):
        command, size = struct.unpack_from("<II", binary, at)
        if command == 0x1D:
            return True
        at += size
    return False


def build_wheel(platform: Platform, into: Path) -> Path:
    """Builds one wheel and returns its path."""
    before = set(into.glob("*.whl"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", into],
        cwd=ROOT,
        env={**os.environ, "ANANKE_PLATFORM": platform.name},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = set(into.glob("*.whl")) - before
    return wheel


def check_wheel(wheel: Path, platform: Platform) -> None:
    """Exits with a message if the wheel is not what its platform needs."""
    if not wheel.name.endswith(f"-py3-none-{platform.tag}.whl"):
        raise SystemExit(f"{wheel.name}: the tag is not {platform.tag}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        libraries = [name for name in names if Path(name).name in NAMES]
        if libraries != [f"ananke/native/{platform.library}"]:
            raise SystemExit(f"{wheel.name}: holds {libraries}, not one {platform.library}")
        found = binary_platform(archive.read(libraries[0]))
        if found != platform.name:
            raise SystemExit(f"{wheel.name}: the library is for {found}")
        strangers = [
            name
            for name in names
            if not name.startswith(("ananke/", "ananke-")) or name.endswith(".zig")
        ]
        if strangers or "ananke/py.typed" not in names:
            raise SystemExit(f"{wheel.name}: holds {strangers}, or lacks py.typed")


def try_wheel(wheel: Path) -> None:
    """Installs the wheel with all it depends on into a fresh environment and runs it there."""
    with tempfile.TemporaryDirectory() as place:
        venv.create(place, with_pip=True)
        python = Path(place, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
        subprocess.run([python, "-c", TRIAL], cwd=place, check=True)


def main() -> int:
    """Builds, checks and tries, and prints a line for each wheel."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    parser.add_argument("--no-trial", action="store_true", help="don't install this machine's")
    arguments = parser.parse_args()
    into: Path = arguments.into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("*.whl"):
        old.unlink()
    for platform in PLATFORMS:
        begun = time.monotonic()
        wheel = build_wheel(platform, into)
        check_wheel(wheel, platform)
        spent = time.monotonic() - begun
        print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, {spent:.1f} s")
        if platform == host_platform() and not arguments.no_trial:
            try_wheel(wheel)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Build hook: compiles the native core and puts it into the wheel.

A wheel is for one platform and any Python 3: `py3-none-<platform>`. ANANKE_PLATFORM names another
platform than this machine's (`make wheels` builds all). An editable install builds in place.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NATIVE = Path("src", "ananke", "native")


def _load_build(root: Path) -> ModuleType:
    name = "_ananke_native_build"
    spec = importlib.util.spec_from_file_location(name, root / _NATIVE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class NativeBuildHook(BuildHookInterface[Any]):
    """Adds libananke to what hatchling collects."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        build = _load_build(root)
        work = root / "build" / "zig"
        wanted = os.environ.get("ANANKE_PLATFORM")
        platforms = {known.name: known for known in build.PLATFORMS}
        if wanted is not None and wanted not in platforms:
            raise ValueError(f"ANANKE_PLATFORM={wanted}: there are {', '.join(platforms)}")
        target = platforms[wanted] if wanted is not None else build.host_platform()
        if version == "editable":
            build.build_library(root / _NATIVE, target=target, work=work)
        else:
            library = build.build_library(work / "wheel" / target.name, target=target, work=work)
            build_data["force_include"][str(library)] = f"ananke/native/{library.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target.tag}"

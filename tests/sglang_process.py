"""SGLang's process on a machine without a GPU: importing this makes its modules importable.

Only in the environment of `make sglang`.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from unittest.mock import MagicMock

# While it can tell that torchvision isn't there.
from transformers import AutoProcessor  # noqa: F401

# SGLang's image models import torchvision, which has no package for torch's CPU build.
if find_spec("torchvision") is None:
    for part in ("", ".transforms", ".transforms.functional", ".io"):
        module = MagicMock(__spec__=ModuleSpec(f"torchvision{part}", None), __path__=[])
        sys.modules[f"torchvision{part}"] = module

from sglang.srt.plugins import load_plugins
from sglang.srt.runtime_context import get_context
from sglang.srt.server_args import ServerArgs


def begin(grammar_backend: str = "ananke") -> None:
    """What a process of SGLang does at its start: plug-ins, then its arguments."""
    load_plugins()
    arguments = ServerArgs(model_path="none", grammar_backend=grammar_backend, device="cpu")
    get_context().set_server_args(arguments)

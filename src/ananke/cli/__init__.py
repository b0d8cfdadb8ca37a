"""The command line: generate, check, complete, trace, bench, demo, doctor."""

from __future__ import annotations

from ananke.cli.app import main

__all__ = ["main"]

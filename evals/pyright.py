"""The judge of Python's meaning: basedpyright in standard mode, many files a run.

The package from PyPI brings its own Node; nothing is fetched and nothing of the checked code runs.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Complaint", "check", "checker_name"]

#: Warnings that count: the module is not installed, the checker merely brings stubs of it.
_COUNTED_WARNINGS = ("reportMissingModuleSource",)

#: Files a run: a run's memory grows with them.
_BATCH = 400


@dataclass(frozen=True)
class Complaint:
    """An error: lines from 1, and which rule it breaks ("" for syntax)."""

    line: int
    last_line: int
    rule: str
    message: str


def checker_name() -> str:
    """The checker and its version."""
    return f"basedpyright {importlib.metadata.version('basedpyright')}"


def check(
    project: Path, files: Sequence[Path], version: tuple[int, int] = sys.version_info[:2]
) -> dict[Path, list[Complaint]]:
    """The errors of each file, in order.

    Args:
        project: the folder that imports are resolved in.

    Raises:
        RuntimeError: the checker could not run.
    """
    config = project / "pyrightconfig.json"
    # An interpreter of its own without packages: only the project's count.
    (project / ".empty/lib" / f"python{version[0]}.{version[1]}" / "site-packages").mkdir(
        parents=True, exist_ok=True
    )
    settings = {
        "typeCheckingMode": "standard",
        "pythonVersion": f"{version[0]}.{version[1]}",
        "pythonPlatform": "Linux",
        # A comment that silences an error doesn't make a program right.
        "enableTypeIgnoreComments": False,
        "venvPath": str(project),
        "venv": ".empty",
    }
    config.write_text(json.dumps(settings))
    found: dict[Path, list[Complaint]] = {path: [] for path in files}
    for at in range(0, len(files), _BATCH):
        batch = [str(path) for path in files[at : at + _BATCH]]
        command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(project)]
        # Files that are named replace the project's; its settings hold for them.
        settings["include"] = batch
        config.write_text(json.dumps(settings))
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800, cwd=project)
        try:
            said = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise RuntimeError(
                f"basedpyright gave no report: {(done.stderr or done.stdout)[-500:]}"
            ) from None
        for row in said["generalDiagnostics"]:
            if row["severity"] != "error" and row.get("rule") not in _COUNTED_WARNINGS:
                continue
            place = row["range"]
            found[Path(row["file"])].append(
                Complaint(
                    place["start"]["line"] + 1,
                    place["end"]["line"] + 1,
                    row.get("rule", ""),
                    row["message"],
                )
            )
    return found

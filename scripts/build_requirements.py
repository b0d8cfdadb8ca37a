"""Prints the build requirements of pyproject.toml, one a line."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())
sys.stdout.writelines(f"{line}\n" for line in project["build-system"]["requires"])

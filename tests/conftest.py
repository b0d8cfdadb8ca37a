"""Fixtures that more than one kind of test needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ananke import native

# A shared machine may stall at any moment: no test depends on the time that an example takes.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# What CI tries is the same each time: a new failing example is found where it can be looked at.
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The disk cache of this run: the user's own is neither read nor written."""
    directory = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANANKE_CACHE_DIR", str(directory))
        yield directory


@pytest.fixture(params=native.cpu_variants())
def cpu_variant(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each variant of the hot routines that this machine can run, in turn."""
    before = native.cpu_variant()
    native.choose_cpu_variant(request.param)
    yield request.param
    native.choose_cpu_variant(before)

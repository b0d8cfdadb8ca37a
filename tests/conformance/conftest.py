"""The suite's assertions are spelled out like those of a test module."""

import pytest

pytest.register_assert_rewrite("tests.conformance.suite")

"""A fault in one request: its own error, its own end, and a log that says where it was."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from ananke.adapters import filling
from ananke.adapters.boundary import RequestFailed, boundary
from ananke.adapters.filling import fill_batch_or_end, fill_or_end
from ananke.adapters.following import Follower, fill
from ananke.domains.meaning.state import MeaningState
from ananke.masks import MaskError, allocate, tokens_of
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import from_tokens

BYTES = from_tokens([*(bytes([byte]) for byte in range(256)), b""], eos=[256], name="boundary")
TYPED = parse_spec(
    {
        "language": "python",
        "domains": ["syntax", "types"],
        "context": {"prefix": "secret = 1\n"},
        # With a budget, too: a fault is no lack of time.
        "budgets": {"token_microseconds": 1_000_000},
    }
)


def fail(*_: object, **__: object) -> None:
    raise AttributeError("nobody foresaw this")


def test_the_log_has_the_fault_and_the_error_names_it(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RequestFailed) as failed, boundary("masking", TYPED, KeyError):
        fail()
    assert "AttributeError" in str(failed.value)
    assert TYPED.fingerprint[:12] in str(failed.value)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert TYPED.fingerprint in record.getMessage()
    assert record.exc_info
    assert "in fail" in caplog.text
    assert "secret" not in caplog.text + str(failed.value)


def test_what_the_caller_answers_passes(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError), boundary("masking", TYPED, KeyError):
        raise KeyError("known")
    with pytest.raises(KeyboardInterrupt), boundary("masking", None):
        raise KeyboardInterrupt
    assert not caplog.records


def test_a_row_whose_domain_fails_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [Session(spec, BYTES) for spec in (TYPED, parse_spec({"language": "go"}))]
    expected = allocate(2, BYTES.size)
    for at, session in enumerate(sessions):
        session.fork().mask(expected, at)
    rows = allocate(2, BYTES.size)
    with monkeypatch.context() as patch:
        patch.setattr(MeaningState, "narrow", fail)
        first, second = fill_batch_or_end(sessions, rows, [0, 1])
    assert first is not None
    assert "AttributeError" in first
    assert second is None
    assert list(tokens_of(rows[0])) == [256]
    assert np.array_equal(rows[1], expected[1])
    # Nothing of the fault is left in the session.
    assert fill_or_end(sessions[0], rows, 0) is None
    assert np.array_equal(rows[0], expected[0])


def test_where_the_common_call_fails_rows_are_filled_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions = [Session(parse_spec({"language": name}), BYTES) for name in ("go", "zig")]
    expected = allocate(2, BYTES.size)
    assert fill_batch_or_end([one.fork() for one in sessions], expected, [0, 1]) == [None, None]
    monkeypatch.setattr(filling, "mask_programs", fail)
    rows = allocate(2, BYTES.size)
    assert fill_batch_or_end(sessions, rows, [0, 1]) == [None, None]
    assert np.array_equal(rows, expected)


def test_rows_of_another_shape_are_the_engines_fault() -> None:
    with pytest.raises(MaskError):
        fill_or_end(Session(TYPED, BYTES), np.zeros((1, 3), np.int32), 0)


def test_a_token_that_fails_loses_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    row, rows = Follower(Session(TYPED, BYTES)), allocate(1, BYTES.size)
    assert row.take(ord("x"))
    with monkeypatch.context() as patch:
        patch.setattr(MeaningState, "advance", fail)
        assert not row.take(ord("y"))
    fill({0: row}, rows)
    assert list(tokens_of(rows[0])) == [256]
    # Taken back, it goes on.
    row.take_back(1)
    fill({0: row}, rows)
    assert len(list(tokens_of(rows[0]))) > 1

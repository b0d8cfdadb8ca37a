"""Rows of a batch: each its own session's, whatever becomes of the others."""

from __future__ import annotations

import numpy as np
import pytest

from ananke.adapters.filling import fill_batch_or_end
from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import allocate, tokens_of
from ananke.session import Session
from ananke.spec import parse_spec
from ananke.vocabulary import from_tokens

BYTES = from_tokens([*(bytes([byte]) for byte in range(256)), b""], eos=[256], name="filling")

SPECS = (
    {"language": "go"},
    {"grammar": {"kind": "regex", "source": "b+"}},
    {"grammar": {"kind": "regex", "source": "a+"}},
    {"language": "python", "grammar": {"kind": "regex", "source": "=.*"}},
    {"language": "zig"},
)


def test_a_row_that_is_given_up_touches_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [Session(parse_spec(spec), BYTES) for spec in SPECS]
    expected = allocate(len(sessions), BYTES.size)
    for at, session in enumerate(sessions):
        session.fork().mask(expected, at)

    def fail(*_: object) -> None:
        raise GrammarGaveUp("too many items")

    monkeypatch.setattr(sessions[1], "mask", fail)
    rows = allocate(len(sessions) + 1, BYTES.size)
    places = [1, 2, 3, 4, 5]
    reasons = fill_batch_or_end(sessions, rows, places)
    assert [bool(one) for one in reasons] == [False, True, False, True, False]
    assert "too many items" in str(reasons[1])
    assert "user grammar" in str(reasons[3])
    for at in (0, 2, 4):
        assert np.array_equal(rows[places[at]], expected[at])
    for at in (1, 3):
        assert list(tokens_of(rows[places[at]])) == [256]
    assert not rows[0].any()

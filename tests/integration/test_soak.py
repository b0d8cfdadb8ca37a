"""A short soak: sessions of all kinds on eight threads, over sessions and over SGLang's classes."""

from __future__ import annotations

import pytest

from ananke.vocabulary import from_tokens
from evals.soak import Soak, soak
from evals.soak_hosts import CoreHost, SGLangHost, is_installed

BYTES = from_tokens(
    [*(bytes([byte]) for byte in range(256)), b"return ", b"    ", b"();", b""],
    eos=[259],
    name="soak",
)


def check(found: Soak) -> None:
    # Of a short run the memory says nothing.
    problems = [one for one in found.problems if "resident memory" not in one]
    assert not problems
    assert found.counts["bad requests"] == found.sessions // 8
    for name in ("rollbacks", "forks", "aborts", "refused tokens"):
        assert found.counts[name], name
    assert found.counts["masks"] > 10 * found.sessions


def test_sessions_by_themselves() -> None:
    found = soak(CoreHost(BYTES), sessions=336, rounds=3, seed=1)
    check(found)
    # Nothing native outlives its sessions.
    assert max(found.objects) == found.objects[0]


@pytest.mark.skipif(not is_installed("sglang"), reason="SGLang is set up by `make sglang`")
def test_sglangs_classes() -> None:
    from tests.conformance.tokenizer import fast_tokenizer

    check(soak(SGLangHost(fast_tokenizer(), 330), sessions=336, rounds=3, seed=1))

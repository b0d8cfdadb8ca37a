"""Packed masks agree with sets of tokens, whatever the sizes; buffers come back from the pool."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ananke import native
from ananke.masks import (
    MaskError,
    MaskPool,
    Ranking,
    allocate,
    clear,
    contains,
    count,
    first_of,
    has_any,
    intersect,
    is_within,
    set_tokens,
    subtract,
    tokens_of,
    union,
    words_for,
)

sizes = st.one_of(st.integers(1, 200), st.sampled_from([31, 32, 33, 511, 512, 513, 4097, 151_936]))


@st.composite
def two_sets(draw):
    size = draw(sizes)
    tokens = st.sets(st.integers(0, size - 1), max_size=60)
    dense = st.sets(st.integers(0, size - 1), max_size=20).map(lambda gone: set(range(size)) - gone)
    return size, draw(tokens | dense), draw(tokens | dense)


def packed(tokens: set[int], size: int) -> np.ndarray:
    """The Python twin of the layout: bit i%32 of word i//32."""
    values = [0] * words_for(size)
    for token in tokens:
        values[token // 32] |= 1 << (token % 32)
    return np.array(values, dtype=np.uint32).view(np.int32)


variants = st.sampled_from(native.cpu_variants())


@given(two_sets(), variants)
def test_masks_are_sets(sets, variant):
    size, one, other = sets
    before = native.cpu_variant()
    native.choose_cpu_variant(variant)
    try:
        a, b = packed(one, size), packed(other, size)
        out = allocate(1, size)[0]
        intersect(out, a, b)
        assert np.array_equal(out, packed(one & other, size))
        union(out, a, b)
        assert np.array_equal(out, packed(one | other, size))
        subtract(out, a, b)
        assert np.array_equal(out, packed(one - other, size))
        assert count(a) == len(one)
        assert has_any(a) == bool(one)
        assert is_within(a, b) == (one <= other)
        intersect(a, a, b)
        assert np.array_equal(a, packed(one & other, size))
        union(b, a, b)
        assert np.array_equal(b, packed(other, size))
    finally:
        native.choose_cpu_variant(before)


@given(two_sets())
def test_tokens_in_are_tokens_out(sets):
    size, tokens, more = sets
    mask = allocate(1, size)[0]
    set_tokens(mask, tokens, size)
    assert np.array_equal(mask, packed(tokens, size))
    set_tokens(mask, np.array(sorted(more), dtype=np.uint32), size)
    assert tokens_of(mask).tolist() == sorted(tokens | more)
    assert all(contains(mask, token) for token in tokens)
    assert not contains(mask, -1)
    assert not contains(mask, size + 32)
    assert all(contains(mask, token) == (token in tokens | more) for token in range(min(size, 99)))
    clear(mask)
    assert not has_any(mask)


@given(st.integers(1, 300), st.integers(0, 5))
def test_allocation_is_zero_aligned_and_shaped(size, rows):
    mask = allocate(rows, size)
    assert mask.shape == (rows, -(-size // 32))
    assert mask.dtype == np.int32
    assert mask.flags.c_contiguous
    assert not mask.any()
    assert rows == 0 or mask.ctypes.data % 64 == 0


def test_a_batch_is_combined_row_by_row():
    a, b, out = allocate(3, 100), allocate(3, 100), allocate(3, 100)
    set_tokens(a[1], [3, 99], 100)
    set_tokens(b[1], [99], 100)
    set_tokens(b[2], [3], 100)
    intersect(out, a, b)
    assert [tokens_of(row).tolist() for row in out] == [[], [99], []]


def test_the_caller_s_memory_is_used():
    row = allocate(2, 64)
    set_tokens(row[1], [63], 64)
    assert row[1, 1] == -(2**31)
    frozen = allocate(1, 64)
    frozen.flags.writeable = False
    union(row[:1], row[1:], frozen)
    assert tokens_of(row[0]).tolist() == [63]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ([0, 0], "out: list, not a numpy array"),
        (np.zeros(2, np.uint32), "out: dtype uint32, not int32"),
        (np.zeros(2, np.int64), "out: dtype int64, not int32"),
        (np.zeros(2, ">i4"), "out: dtype >i4, not int32"),
        (np.zeros((1, 1, 2), np.int32), r"out: shape \(1, 1, 2\), not"),
        (np.zeros(4, np.int32)[::2], "out: not C-contiguous"),
        (np.zeros(9, np.uint8)[1:].view(np.int32), "out: not aligned"),
        (np.zeros(3, np.int32), r"a: shape \(2,\), but out has \(3,\)"),
        (np.zeros((1, 2), np.int32), r"a: shape \(2,\), but out has \(1, 2\)"),
        (np.frombuffer(bytes(8), np.int32), "out: read-only"),
    ],
)
def test_an_array_that_is_no_mask_is_named(out, message):
    a = np.zeros(2, np.int32)
    with pytest.raises(MaskError, match=message):
        intersect(out, a, a)


def test_operands_are_named_too():
    good = np.zeros(2, np.int32)
    for call in (intersect, union, subtract):
        with pytest.raises(MaskError, match="^b: dtype"):
            call(good, good, np.zeros(2, np.int16))
        with pytest.raises(MaskError, match="^a: dtype"):
            call(good, np.zeros(2, np.int16), good)
    for ask in (count, has_any):
        with pytest.raises(MaskError, match="^mask: dtype"):
            ask(np.zeros(2, np.int16))
    with pytest.raises(MaskError, match="^inner: shape"):
        is_within(good, np.zeros(3, np.int32))


def test_a_straddling_output_is_refused():
    memory = np.zeros(10, np.int32)
    with pytest.raises(MaskError, match="^out: overlaps a or b"):
        intersect(memory[:8], memory[1:9], memory[:8])


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([64], "tokens: 64 is not below the vocabulary's size 64"),
        ([2**32], "tokens: an id is not in"),
        ([-1], "tokens: an id is not in"),
        (np.array([1], np.int64), "tokens: int64"),
        (np.array([[1]], np.uint32), "tokens: uint32, shape"),
        (np.arange(4, dtype=np.uint32)[::2], "C-contiguous"),
    ],
)
def test_a_bad_token_list_changes_nothing(tokens, message):
    out = allocate(1, 64)[0]
    with pytest.raises(MaskError, match=message):
        set_tokens(out, tokens, 64)
    assert not out.any()


def test_sizes_out_of_range():
    with pytest.raises(MaskError, match="vocab_size: -1"):
        allocate(1, -1)
    with pytest.raises(MaskError, match="rows: -1"):
        allocate(-1, 5)
    with pytest.raises(MaskError, match="out: shape"):
        set_tokens(np.zeros(2, np.int32), [1], 65)


def test_the_pool_reuses_and_clears():
    pool = MaskPool(100, capacity=2)
    with pool.borrow() as row:
        row.fill(-1)
        kept = row
    with pool.borrow() as row:
        assert row is kept
        assert not row.any()
        assert row.shape == (4,)
    assert (pool.statistics.made, pool.statistics.reused) == (1, 1)


def test_the_pool_is_bounded_and_refuses_strangers():
    pool = MaskPool(100, capacity=2)
    rows = [pool.take() for _ in range(5)]
    for row in rows:
        pool.give(row)
    assert pool.statistics.waiting == 2
    with pytest.raises(MaskError, match="given back twice"):
        pool.give(rows[0])
    with pytest.raises(MaskError, match="row: shape"):
        pool.give(np.zeros(5, np.int32))
    with pytest.raises(MaskError, match="capacity"):
        MaskPool(100, capacity=-1)


def test_an_error_in_the_block_gives_the_row_back():
    pool = MaskPool(100)
    with pytest.raises(KeyError), pool.borrow():
        raise KeyError
    assert pool.statistics.waiting == 1


def test_no_row_is_lent_to_two_threads():
    pool = MaskPool(64, capacity=3)
    clashes: list[int] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for _ in range(500):
            with pool.borrow() as row:
                if row.any():
                    clashes.append(number)
                row.fill(number)
                if (row != number).any():
                    clashes.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clashes == []
    assert pool.statistics.waiting <= 3


@st.composite
def stretches(draw):
    size = draw(sizes)
    tokens = draw(st.sets(st.integers(0, size - 1), max_size=40))
    order = draw(st.lists(st.integers(0, size - 1), max_size=300))
    ends = st.integers(0, len(order))
    pairs = draw(st.lists(st.tuples(ends, ends).map(sorted), max_size=30))
    return size, tokens, order, pairs


@given(stretches())
def test_the_first_token_of_each_stretch(drawn):
    size, tokens, order, pairs = drawn
    firsts, lasts = (np.array([pair[end] for pair in pairs], np.int32) for end in (0, 1))
    found = first_of(packed(tokens, size), np.array(order, np.int32), firsts, lasts)
    expected = [
        next((at for at in range(first, last) if order[at] in tokens), -1) for first, last in pairs
    ]
    assert found.tolist() == expected


def test_stretches_that_are_none():
    row, order = packed({1}, 64), np.array([1, 2, 3], np.int32)

    def ask(order=order, row=row, first=0, last=1):
        return first_of(row, order, np.array([first], np.int32), np.array([last], np.int32))

    assert ask().tolist() == [0]
    with pytest.raises(MaskError, match="a stretch does not lie in the 3 tokens"):
        ask(last=4)
    with pytest.raises(MaskError, match="a stretch does not lie in the 3 tokens"):
        ask(first=2, last=1)
    with pytest.raises(MaskError, match="order: 64 is not in the row of 64 tokens"):
        ask(order=np.array([1, 64], np.int32))
    with pytest.raises(MaskError, match="not in the row"):
        ask(order=np.array([-1], np.int32))
    with pytest.raises(MaskError, match="order: dtype int64"):
        ask(order=np.array([1], np.int64))
    with pytest.raises(MaskError, match="row: shape"):
        ask(row=packed({1}, 64).reshape(1, 2))


@given(two_sets(), st.integers(0, 2**32), st.sampled_from(["f2", "f4", "f8"]))
def test_a_ranking_is_the_tokens_by_their_scores(drawn, seed, kind):
    size, tokens, _ = drawn
    chance = np.random.default_rng(seed)
    scores = (chance.standard_normal(size) * chance.choice([0.1, 10, 1000])).astype(kind)
    scores[chance.random(size) < 0.1] = -np.inf
    ranking = Ranking(packed(tokens, size), scores)
    alive = [token for token in sorted(tokens) if scores[token] > -np.inf]
    if alive:
        # Scores are compared by how far they are below the best, in single precision.
        below = scores.astype(np.float32) - scores.astype(np.float32)[alive].max()
        assert list(ranking.tokens()) == sorted(alive, key=lambda token: -below[token])
        assert sum(map(ranking.share, alive)) == pytest.approx(1, abs=1e-3)
    else:
        assert not list(ranking.tokens())


def test_scores_that_say_nothing():
    row = packed({1, 2, 40}, 64)
    for value in (np.nan, np.inf):
        scores = np.zeros(64, np.float32)
        scores[2] = value
        assert not list(Ranking(row, scores).tokens())
    assert not list(Ranking(row, np.full(64, -np.inf, np.float32)).tokens())
    # Tokens past the scores are left out.
    assert list(Ranking(row, np.zeros(40, np.float32)).tokens()) == [1, 2]
    assert list(Ranking(row, np.zeros(99, np.float32)).tokens()) == [1, 2, 40]
    with pytest.raises(MaskError, match="scores: int64"):
        Ranking(row, np.zeros(64, np.int64))
    with pytest.raises(MaskError, match="scores: float32, shape"):
        Ranking(row, np.zeros((1, 64), np.float32))

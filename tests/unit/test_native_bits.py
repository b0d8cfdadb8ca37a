"""The routines on packed masks at the C boundary: each variant, lengths, alignment, refusals."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt
import pytest

from ananke import native

Bytes = npt.NDArray[np.uint8]
BAD_ARGUMENT, BAD_TOKEN = -1, -2
GUARD = 0xA5


def buffer(words: int, offset: int, seed: int) -> tuple[Bytes, npt.NDArray[np.uint32]]:
    """Memory with guard bytes around `words` random words that start `offset` bytes past a
    multiple of 64."""
    memory = np.full(words * 4 + 256, GUARD, dtype=np.uint8)
    start = 64 + (-memory.ctypes.data % 64) + offset
    view = memory[start : start + words * 4].view(np.uint32)
    view[:] = np.random.default_rng(seed).integers(0, 2**32, words, dtype=np.uint32)
    return memory, view


def guards_stand(memory: Bytes, view: npt.NDArray[np.uint32]) -> bool:
    start = view.ctypes.data - memory.ctypes.data
    outside = np.concatenate([memory[:start], memory[start + view.nbytes :]])
    return bool((outside == GUARD).all())


@pytest.mark.parametrize("offset", [0, 4, 12, 60])
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("ananke_bits_intersect", lambda a, b: a & b),
        ("ananke_bits_unite", lambda a, b: a | b),
        ("ananke_bits_subtract", lambda a, b: a & ~b),
    ],
)
def test_combinations_write_their_words_and_no_other(cpu_variant, function, expected, offset):
    call = getattr(native.library(), function)
    for words in [*range(1, 140), 4748]:
        out_memory, out = buffer(words, offset, 1)
        _, a = buffer(words, 4, 2)
        _, b = buffer(words, offset, 3)
        want = expected(a, b)
        at = (out.ctypes.data, words, a.ctypes.data, words, b.ctypes.data, words)
        assert call(*at) == 0
        assert np.array_equal(out, want), words
        assert guards_stand(out_memory, out)


@pytest.mark.parametrize("which", ["a", "b"])
def test_the_output_may_be_an_operand(cpu_variant, which):
    for words in range(1, 140):
        memory, a = buffer(words, 0, 1)
        _, b = buffer(words, 4, 2)
        want = a & b
        out, other = a.ctypes.data, b.ctypes.data
        pair = (out, words, other, words) if which == "a" else (other, words, out, words)
        assert native.library().ananke_bits_intersect(out, words, *pair) == 0
        assert np.array_equal(a, want), words
        assert guards_stand(memory, a)


def test_counting_and_asking(cpu_variant):
    lib = native.library()
    for words in [*range(140), 4748]:
        _, a = buffer(words, 4, words)
        assert lib.ananke_bits_count(a.ctypes.data, words) == int(np.bitwise_count(a).sum())
        zero = np.zeros(words, np.uint32)
        assert lib.ananke_bits_any(zero.ctypes.data, words) == 0
        assert lib.ananke_bits_within(zero.ctypes.data, words, a.ctypes.data, words) == 1
        for at in {0, words // 2, words - 1} if words else ():
            zero[at] = 1 << 31
            assert lib.ananke_bits_any(zero.ctypes.data, words) == 1
            inverse = ~zero
            args = (zero.ctypes.data, words, inverse.ctypes.data, words)
            assert lib.ananke_bits_within(*args) == 0
            zero[at] = 0


def test_counting_is_exact_past_any_lane():
    ones = np.full(3 << 20, 0xFFFFFFFF, np.uint32)
    for name in native.cpu_variants():
        native.choose_cpu_variant(name)
        assert native.library().ananke_bits_count(ones.ctypes.data, ones.size) == 32 * ones.size


def test_no_words_need_no_memory():
    lib = native.library()
    assert lib.ananke_bits_intersect(None, 0, None, 0, None, 0) == 0
    assert lib.ananke_bits_count(None, 0) == 0
    assert lib.ananke_bits_any(None, 0) == 0
    assert lib.ananke_bits_within(None, 0, None, 0) == 1
    assert lib.ananke_bits_set(None, 0, None, 0, 0) == 0


@pytest.mark.parametrize(
    "change",
    [
        {0: None},
        {2: None},
        {4: None},
        {1: 7},
        {3: 7},
        {5: 9},
        {0: "odd"},
        {2: "odd"},
        {4: "odd"},
        {0: "overlap a"},
        {0: "overlap b"},
    ],
    ids=str,
)
def test_a_bad_argument_changes_nothing(change):
    memory, _ = buffer(64, 0, 5)
    base = memory.ctypes.data + (-memory.ctypes.data % 64)
    out, a, b = base, base + 64, base + 128
    arguments: list[int | None] = [out, 8, a, 8, b, 8]
    for index, value in change.items():
        if value == "odd":
            value = (arguments[index] or 0) + 2
        elif value == "overlap a":
            value = a + 4
        elif value == "overlap b":
            value = b - 28
        arguments[index] = value
    before = memory.copy()
    lib = native.library()
    for function in ("ananke_bits_intersect", "ananke_bits_unite", "ananke_bits_subtract"):
        assert getattr(lib, function)(*arguments) == BAD_ARGUMENT
    assert np.array_equal(memory, before)


def test_bad_arguments_of_questions():
    lib = native.library()
    words = np.zeros(4, np.uint32)
    at = words.ctypes.data
    assert lib.ananke_bits_count(None, 4) == BAD_ARGUMENT
    assert lib.ananke_bits_count(at + 1, 2) == BAD_ARGUMENT
    assert lib.ananke_bits_count(at, 2**62) == BAD_ARGUMENT
    assert lib.ananke_bits_any(None, 4) == BAD_ARGUMENT
    assert lib.ananke_bits_within(at, 4, at, 3) == BAD_ARGUMENT


def test_setting_tokens():
    lib = native.library()
    vocab_size = 1001
    out = np.zeros(32, np.uint32)
    tokens = np.array([0, 1, 31, 32, 500, 999, 1000, 5, 5], np.uint32)
    arguments = (out.ctypes.data, 32, tokens.ctypes.data, tokens.size, vocab_size)
    assert lib.ananke_bits_set(*arguments) == 0
    bits = np.unpackbits(out.view(np.uint8), bitorder="little")
    assert np.flatnonzero(bits).tolist() == [0, 1, 5, 31, 32, 500, 999, 1000]


@pytest.mark.parametrize("token", [1001, 1023, 1024, 2**32 - 1])
def test_a_token_past_the_vocabulary_changes_nothing(token):
    lib = native.library()
    out = np.zeros(32, np.uint32)
    tokens = np.array([3, token], np.uint32)
    at = (out.ctypes.data, 32, tokens.ctypes.data, 2)
    assert lib.ananke_bits_set(*at, 1001) == BAD_TOKEN
    assert lib.ananke_bits_set(out.ctypes.data, 31, tokens.ctypes.data, 1, 1001) == BAD_ARGUMENT
    assert not out.any()


def test_the_best_variant_is_chosen_and_only_known_ones_can_be():
    assert native.cpu_variant() == native.cpu_variants()[-1]
    with pytest.raises(ValueError, match="no CPU variant 'mmx' here; there are:"):
        native.choose_cpu_variant("mmx")
    assert native.cpu_variant() == native.cpu_variants()[-1]
    lib = native.library()
    past = lib.ananke_cpu_variant_count()
    assert lib.ananke_cpu_variant_name(past) is None
    assert not lib.ananke_cpu_variant_is_supported(past)
    assert not lib.ananke_cpu_choose(past)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Published values of XXH64 with seed 0.
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
    ],
)
def test_checksum(text, expected):
    assert native.library().ananke_checksum(text, len(text)) == expected


def test_checksum_sees_any_changed_byte():
    data = bytearray(np.random.default_rng(0).bytes(1000))
    lib = native.library()
    seen = {lib.ananke_checksum(bytes(data), len(data))}
    for at in range(len(data)):
        data[at] ^= 1
        seen.add(lib.ananke_checksum(bytes(data), len(data)))
        data[at] ^= 1
    assert len(seen) == len(data) + 1
    assert ctypes.sizeof(ctypes.c_void_p) == 8

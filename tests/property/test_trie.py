"""The native trie and the cutting of texts equal their twins here, on any vocabulary."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ananke.vocabulary import Trie, Vocabulary, VocabularyError, from_tokens

ALPHABET = st.sampled_from([0, 1, 0x20, 0x61, 0x62, 0xE2, 0xFF])
SHORT = st.lists(ALPHABET, max_size=5).map(bytes)
LONG = st.builds(lambda head, body, count: head + body * count, SHORT, SHORT, st.integers(0, 800))
TOKENS = st.lists(
    st.one_of(SHORT, st.binary(max_size=20), LONG.filter(lambda t: len(t) <= 4096)),
    min_size=1,
    max_size=40,
).flatmap(lambda tokens: st.permutations(tokens + tokens[::3]))
SINGLE_BYTES = [bytes([byte]) for byte in range(256)]
TEXTS = st.lists(st.one_of(SHORT, st.binary(max_size=6)), max_size=12).map(b"".join)


def twin(vocabulary: Vocabulary) -> dict[str, list[int]]:
    """The trie as the definition has it: all prefixes of all tokens, in the order of bytes."""
    tokens = [vocabulary.token_bytes(token) for token in range(vocabulary.size)]
    by_bytes: dict[bytes, list[int]] = {}
    for token, text in enumerate(tokens):
        if text:
            by_bytes.setdefault(text, []).append(token)
    nodes = sorted({text[:length] for text in tokens for length in range(len(text) + 1)} | {b""})
    index = {text: node for node, text in enumerate(nodes)}
    ends = [len(nodes)] * len(nodes)
    open_nodes: list[int] = []
    for node, text in enumerate(nodes):
        while open_nodes and not text.startswith(nodes[open_nodes[-1]]):
            ends[open_nodes.pop()] = node
        open_nodes.append(node)
    starts = [0]
    for text in nodes:
        starts.append(starts[-1] + len(by_bytes.get(text, ())))
    return {
        "bytes": [text[-1] if text else 0 for text in nodes],
        "end": ends,
        "parent": [index[text[:-1]] for text in nodes],
        "depth": [len(text) for text in nodes],
        "token_start": starts,
        "token_ids": [token for text in nodes for token in by_bytes.get(text, ())],
    }


def arrays(trie: Trie) -> dict[str, list[int]]:
    return {name: array.tolist() for name, array in vars(trie.arrays()).items()}


@given(TOKENS, st.sets(st.integers(0, 50), max_size=5))
def test_the_trie_equals_its_twin(tokens: list[bytes], special: set[int]) -> None:
    vocabulary = from_tokens(tokens, special=special)
    assert arrays(vocabulary.trie) == twin(vocabulary)


def test_single_bytes_and_no_tokens_at_all() -> None:
    for tokens in (SINGLE_BYTES, [*SINGLE_BYTES, *SINGLE_BYTES], [b""], [b"\0"], [b"x" * 4096]):
        vocabulary = from_tokens(tokens)
        assert arrays(vocabulary.trie) == twin(vocabulary)


@given(TOKENS)
def test_a_stored_trie_is_the_same_trie(tokens: list[bytes]) -> None:
    trie = from_tokens(tokens).trie
    again = Trie.deserialize(trie.serialize())
    assert again is not None
    assert arrays(again) == arrays(trie)
    assert again.serialize() == trie.serialize()


def is_tree(trie: Trie) -> bool:
    """Whether the arrays are a trie, whatever its tokens: what a walk relies on."""
    found = trie.arrays()
    count = len(found.bytes)
    if (
        found.end[0] != count
        or found.depth[0] != 0
        or found.token_start[-1] != len(found.token_ids)
    ):
        return False
    path: list[int] = [0]
    for node in range(1, count):
        while found.end[path[-1]] == node:
            path.pop()
        inside = node < found.end[node] <= found.end[path[-1]]
        if not inside or found.parent[node] != path[-1] or found.depth[node] != len(path):
            return False
        path.append(node)
    siblings: dict[int, list[int]] = {}
    for node in range(1, count):
        siblings.setdefault(int(found.parent[node]), []).append(int(found.bytes[node]))
    ascending = all(a < b for row in siblings.values() for a, b in pairwise(row))
    starts = found.token_start.astype(np.int64)
    return (
        ascending
        and bool((np.diff(starts) >= 0).all())
        and bool((found.token_ids < trie.vocabulary_size).all())
    )


@given(TOKENS, st.data())
def test_a_block_that_was_tampered_with_is_refused_or_is_a_trie(
    tokens: list[bytes], data: st.DataObject
) -> None:
    block = bytearray(from_tokens(tokens).trie.serialize())
    if data.draw(st.booleans(), label="cut"):
        del block[data.draw(st.integers(0, len(block) - 1), label="length") :]
    else:
        for _ in range(data.draw(st.integers(1, 4), label="changes")):
            at = data.draw(st.integers(0, len(block) - 1), label="at")
            block[at] = data.draw(st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF]), label="byte")
    trie = Trie.deserialize(bytes(block))
    assert trie is None or is_tree(trie)


@given(st.binary(max_size=200))
def test_random_bytes_are_no_trie(block: bytes) -> None:
    assert Trie.deserialize(block) is None


def cuts(vocabulary: Vocabulary, text: bytes) -> list[bool]:
    """From which places the rest of the text can be spelled."""
    tokens = {vocabulary.token_bytes(token) for token in range(vocabulary.size)} - {b""}
    spelled = [False] * len(text) + [True]
    for at in reversed(range(len(text))):
        spelled[at] = any(
            text.startswith(token, at) and spelled[at + len(token)] for token in tokens
        )
    return spelled


@given(TOKENS, st.one_of(TEXTS, st.none()), st.integers(0, 2**32), st.data())
def test_cuts_spell_the_text_whenever_it_can_be_spelled(
    tokens: list[bytes], text: bytes | None, seed: int, data: st.DataObject
) -> None:
    if text is None:
        pieces = st.sampled_from(tokens)
        text = b"".join(data.draw(st.lists(pieces, max_size=6), label="pieces"))[:2000]
    vocabulary = from_tokens(tokens)
    spelled = cuts(vocabulary, text)
    if not spelled[0]:
        for encode in (vocabulary.encode, lambda t: vocabulary.random_encode(t, random.Random(1))):
            with pytest.raises(VocabularyError, match="no tokens spell the text past byte"):
                encode(text)
        return
    greedy = vocabulary.encode(text)
    chance = vocabulary.random_encode(text, random.Random(seed))
    assert chance == vocabulary.random_encode(text, random.Random(seed))
    for cut in (greedy, chance):
        assert b"".join(map(vocabulary.token_bytes, cut)) == text
    at = 0
    for token in greedy:
        length = len(vocabulary.token_bytes(token))
        longer = [
            other
            for other in range(vocabulary.size)
            if len(other_text := vocabulary.token_bytes(other)) > length
            and text.startswith(other_text, at)
            and spelled[at + len(other_text)]
        ]
        assert not longer
        at += length


def test_every_cut_can_come_up() -> None:
    vocabulary = from_tokens([b"a", b"b", b"c", b"ab", b"bc", b"abc", b"ab"])
    rng = random.Random(3)
    seen = {tuple(vocabulary.random_encode(b"abc", rng)) for _ in range(400)}
    assert seen == {(0, 1, 2), (0, 4), (3, 2), (6, 2), (5,)}


def test_where_a_text_can_not_be_spelled() -> None:
    vocabulary = from_tokens([b"ab", b"a", b"bc", b"abd"])
    assert vocabulary.encode(b"abc") == [1, 2]
    with pytest.raises(VocabularyError, match=r"^tokens: no tokens spell .* past byte 2: b'xab'$"):
        vocabulary.encode(b"abxab")

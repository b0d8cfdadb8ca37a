"""The embedded model: probabilities, storage, what it is made from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ananke.cli import corpus, ngram
from ananke.cli.corpus import Corpus, corpus_for
from ananke.cli.ngram import ORDER, Model, load_model, train
from ananke.vocabulary import DiskCache

TEXTS = [
    f"def {name}(x):\n    for i in range({number}):\n        x += i\n    return x\n"
    for number, name in enumerate(("add", "total", "grow", "sum_of", "count"))
] * 4


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TEXTS, 300)


def test_encoding_spells_the_text(model: Model) -> None:
    for text in (*TEXTS[:5], "", "π ≠ 3\r\n\t x__y 0x1F\x00"):
        tokens = model.encode(text)
        assert b"".join(map(model.vocabulary.token_bytes, tokens)) == text.encode()


def test_a_prompt_that_ends_a_line_is_cut_like_the_sources(model: Model) -> None:
    whole = model.encode(TEXTS[0])
    for begin in ("def add(x):\n", "def add(x):\n    "):
        part = model.encode(begin)
        assert whole[: len(part)] == part


@pytest.mark.parametrize("text", ["", "for", "for i in range(", "zzz", "\n    return x\n"])
def test_probabilities_are_positive_and_sum_to_one(model: Model, text: str) -> None:
    shares = model.probabilities(model.encode(text))
    assert shares.shape == (model.vocabulary.size,)
    assert shares.min() > 0
    assert shares.sum() == pytest.approx(1)
    logits = model.next_logits(model.encode(text))
    assert logits.dtype == np.float32
    assert np.exp(logits.astype(np.float64)) == pytest.approx(shares, rel=1e-4)


def test_probabilities_equal_counting(model: Model) -> None:
    """Witten-Bell over plain counts of the same stream, for contexts of every length."""
    stream = [int(token) for token in model.stream]
    padded = stream + [0] * 8
    for end in (10, 40, 111):
        context = stream[end - ORDER : end]
        expected = np.full(model.vocabulary.size, 1 / model.vocabulary.size)
        for length in range(ORDER):
            last = context[len(context) - length :]
            after = Counter(
                padded[at + length]
                for at in range(len(stream))
                if length == 0 or padded[at : at + length] == last
            )
            total = sum(after.values()) + len(after)
            expected *= len(after) / total
            for token, count in after.items():
                expected[token] += count / total
        assert model.probabilities(context) == pytest.approx(expected)


def test_what_it_saw_is_likeliest(model: Model) -> None:
    vocabulary = model.vocabulary
    text = b""
    context = model.encode("    for i in")
    while len(text) < 6:
        token = int(np.argmax(model.probabilities(context)))
        context.append(token)
        text += vocabulary.token_bytes(token)
    assert text.startswith(b" range")


def test_the_model_is_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def read():
        reads.append(1)
        return iter(TEXTS)

    monkeypatch.setattr(ngram, "corpus_for", lambda _: Corpus("texts", "texts 1", read))
    monkeypatch.setattr(ngram, "VOCABULARY_SIZE", 300)
    steps: list[str] = []
    cache = DiskCache(tmp_path)
    made = load_model("python", steps.append, cache)
    assert len(steps) == ngram.STEPS
    kept = load_model("python", steps.append, cache)
    assert (len(steps), len(reads)) == (ngram.STEPS, 1)
    context = made.encode("def add(")
    assert kept.encode("def add(") == context
    assert kept.vocabulary.fingerprint == made.vocabulary.fingerprint
    assert (kept.probabilities(context) == made.probabilities(context)).all()
    entry = next(path for path in (tmp_path / "ngram").iterdir())
    entry.write_bytes(entry.read_bytes()[:-5])
    load_model("python", steps.append, cache)
    assert len(reads) == 2


@pytest.mark.parametrize("size", [0, 256, 1 << 15])
def test_a_vocabulary_size_out_of_range(size: int) -> None:
    with pytest.raises(ValueError, match="vocabulary_size"):
        train(TEXTS, size)


def test_the_corpus_is_this_interpreters_library() -> None:
    found = corpus_for("python")
    assert "Python" in found.description
    text = next(found.read())
    assert text.strip()
    assert not any(line.lstrip().startswith("#") for line in text.splitlines())
    assert corpus_for("go").key == found.key


def test_prose_and_tables_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "b.py").write_text("skipped = True\n")
    (tmp_path / "table.py").write_text("x = [" + "123, " * 100 + "]\n")
    (tmp_path / "a.py").write_text(
        '# first\ndef f():\n    """Doc "x" of f."""\n    # why\n    return "#"  # so\n'
    )
    texts = list(corpus._read(tmp_path, "**/*.py", corpus._PYTHON_PROSE))
    assert texts == ['def f():\n    return "#"\n']

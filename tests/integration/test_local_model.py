"""A model in a folder writes under the mask, and inside of a hole."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tokenizers  # noqa: E402

from ananke.cli.local_model import LocalModel, load  # noqa: E402
from ananke.cli.reading import InputError, prefix_spec  # noqa: E402
from ananke.cli.writing import Sampling  # noqa: E402
from ananke.languages import get_hole_language  # noqa: E402
from ananke.spec import parse_spec  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    folder = tmp_path_factory.mktemp("model")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    inner = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={letter: at for at, letter in enumerate(alphabet)}, merges=[])
    )
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    inner.add_special_tokens(["<eos>"])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<eos>", bos_token="<eos>", pad_token="<eos>"
    ).save_pretrained(folder)
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=257, n_positions=256, n_embd=16, n_layer=1, n_head=1, eos_token_id=256,
        bos_token_id=256, pad_token_id=256,
    )  # fmt: skip
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return load(folder)


def test_it_writes_programs(model: LocalModel) -> None:
    shown: list[bytes] = []
    spec = prefix_spec("python", "x = (")
    written = model.write("x = (", Sampling(max_tokens=30), spec, shown.append)
    assert written.is_finished
    assert b"".join(shown) == b"x = (" + written.text
    ast.parse(b"x = (" + written.text)


def test_it_stays_in_a_hole(model: LocalModel) -> None:
    text = b"print(a, ..., b)\n"
    language = get_hole_language("python")
    assert language is not None
    (hole,) = language.find(text)
    context = {"prefix": text[: hole.start].decode(), "suffix": text[hole.end :].decode()}
    spec = parse_spec({"language": "python", "context": context})
    for seed in range(3):
        written = model.write(
            context["prefix"], Sampling(max_tokens=16, seed=seed), spec, _ignore, hole.region
        )
        assert written.is_finished
        tree: Any = ast.parse(text[: hole.start] + written.text + text[hole.end :])
        assert len(tree.body) == 1
        assert len(tree.body[0].value.args) == 3


def _ignore(text: bytes) -> None:
    del text


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no model"):
        load(tmp_path)

"""Tiny GGUF models with random weights: a file that llama.cpp loads as it would a real model.

Only in the environment of `make llama`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from tests.conformance.tokenizer import EOS, PAD, SIZE, TURN, WORDS

WIDTH, HEADS, INNER = 32, 2, 48
CONTEXT = 1024

#: What llama.cpp calls kinds of tokens.
_NORMAL, _UNKNOWN, _CONTROL, _OWN, _UNUSED, _BYTE = (
    gguf.TokenType.NORMAL,
    gguf.TokenType.UNKNOWN,
    gguf.TokenType.CONTROL,
    gguf.TokenType.USER_DEFINED,
    gguf.TokenType.UNUSED,
    gguf.TokenType.BYTE,
)


@dataclass(frozen=True)
class Tokens:
    """A tokenizer as a GGUF holds it."""

    model: str
    texts: Sequence[str]
    kinds: Sequence[int]
    eos: int
    turn: int | None = None


def byte_level(columns: int, turn: bool) -> Tokens:
    """Every byte, some words, special tokens, and padding up to `columns`; `turn`: a second token
    ends texts."""
    texts = [*_alphabet(), *(word for word in WORDS if word not in _alphabet())]
    kinds = [_NORMAL] * 256 + [_OWN] * (len(texts) - 256)
    texts += [f"w{at}" for at in range(len(texts), EOS)]
    kinds += [_OWN] * (EOS - len(kinds))
    texts += ["<eos>", "<pad>", "<turn>"]
    kinds += [_CONTROL] * 3
    assert (len(texts), PAD) == (SIZE, EOS + 1)
    texts += [f"[PAD{at}]" for at in range(SIZE, columns)]
    kinds += [_UNUSED] * (columns - SIZE)
    return Tokens("gpt2", texts, kinds, EOS, TURN if turn else None)


def _alphabet() -> list[str]:
    """The letters that stand for the 256 bytes, in the order of the letters."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return sorted(map(chr, [*plain, *range(256, 256 + 256 - len(plain))]))


def pieces() -> Tokens:
    """SentencePiece's: `▁` for a space, and tokens for single bytes."""
    texts = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256]
    words = ["▁", "▁x", "▁=", "▁1", "x", "=", "1", "é", "▁return", "def", "(", ")", ":", "pass"]
    return Tokens("llama", [*texts, *words], [*kinds, *[_NORMAL] * len(words)], 2)


def write(path: Path, tokens: Tokens, seed: int = 1) -> None:
    """A model of one block whose logits are random."""
    draw = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens.texts))
    writer.add_tokenizer_model(tokens.model)
    writer.add_token_list(list(tokens.texts))
    writer.add_token_types([int(kind) for kind in tokens.kinds])
    if tokens.model == "gpt2":
        writer.add_tokenizer_pre("default")
        writer.add_token_merges(["a b"])
    else:
        writer.add_token_scores([-float(at) for at in range(len(tokens.texts))])
    writer.add_eos_token_id(tokens.eos)
    writer.add_bos_token_id(tokens.eos)
    writer.add_add_bos_token(False)
    if tokens.turn is not None:
        writer.add_eot_token_id(tokens.turn)

    def tensor(name: str, *shape: int, scale: float = 0.5) -> None:
        writer.add_tensor(name, draw.normal(0, scale, shape).astype(np.float32))

    tensor("token_embd.weight", len(tokens.texts), WIDTH, scale=1.0)
    tensor("output.weight", len(tokens.texts), WIDTH, scale=1.0)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensor(f"blk.0.{name}.weight", WIDTH, WIDTH)
    tensor("blk.0.ffn_gate.weight", INNER, WIDTH)
    tensor("blk.0.ffn_up.weight", INNER, WIDTH)
    tensor("blk.0.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

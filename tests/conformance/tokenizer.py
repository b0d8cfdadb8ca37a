"""The suite's model tokenizer: every byte, some words, and special tokens at the end."""

from __future__ import annotations

from functools import cache
from typing import Any

WORDS = [
    "def ",
    "return ",
    "return",
    "pass",
    "if ",
    "():",
    "x = ",
    "\n    ",
    '{"',
    '":',
    "</think>",
    "ab",
    "(",
    "))",
    "é",
]
EOS, PAD, TURN = 300, 301, 302
#: Ids of the tokenizer. A model's logits may be wider.
SIZE = 303


@cache
def fast_tokenizer() -> Any:
    """A `PreTrainedTokenizerFast`."""
    import tokenizers
    import transformers

    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: at for at, letter in enumerate(alphabet)}
    inner = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    # Added tokens that the alphabet has already would get its ids.
    words = [word for word in WORDS if word not in vocabulary]
    inner.add_tokens(words)
    inner.add_tokens([f"w{at}" for at in range(256 + len(words), EOS)])
    inner.add_special_tokens(["<eos>", "<pad>", "<turn>"])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<eos>", pad_token="<pad>"
    )
    assert (fast.eos_token_id, len(fast)) == (EOS, SIZE)
    return fast

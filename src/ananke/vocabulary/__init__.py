"""Vocabularies: the exact bytes of every token of a tokenizer, as data and as a trie.

vocabulary = load_vocabulary("path/to/model")
vocabulary.token_bytes(262)         # b" the"
vocabulary.encode(b"def f():")      # some tokens that spell it
"""

from __future__ import annotations

from ananke.vocabulary.cache import DiskCache
from ananke.vocabulary.errors import VocabularyError
from ananke.vocabulary.load import from_transformers, load_vocabulary
from ananke.vocabulary.model import Vocabulary, from_tokens
from ananke.vocabulary.trie import Trie

__all__ = [
    "DiskCache",
    "Trie",
    "Vocabulary",
    "VocabularyError",
    "from_tokens",
    "from_transformers",
    "load_vocabulary",
]

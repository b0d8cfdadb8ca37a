"""A vocabulary as a cache key: two with the same content are one."""

from __future__ import annotations

from ananke.vocabulary import Vocabulary


class ByFingerprint:
    """Compares and hashes by `vocabulary.fingerprint`."""

    __slots__ = ("vocabulary",)

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __hash__(self) -> int:
        return hash(self.vocabulary.fingerprint)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ByFingerprint):
            return NotImplemented
        return self.vocabulary.fingerprint == other.vocabulary.fingerprint

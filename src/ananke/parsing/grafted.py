"""A grammar with its language's additions, from the cache or made anew."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ananke.parsing.addition import Twin
from ananke.parsing.automaton import Automaton, BlobCache
from ananke.parsing.compiled import CompiledError, CompiledLanguage, names_of
from ananke.parsing.grafting import graft, twinned
from ananke.parsing.language import Language
from ananke.parsing.pruning import prune, words_of

__all__ = ["Grafted", "load_grafted"]

_log = logging.getLogger(__name__)

_KIND = "tables"
#: Raised when the same rows make other tables.
_EDITION = 4


class Grafted:
    """A language with additions.

    Attributes:
        pointer: address of its `TSLanguage`, valid as long as this object lives.
        key: names it in caches.
        numbers: the twins' terminals by their names.
        words: by word the terminal of its twin.
        lines: (terminal, its twin at the start of a line).
        patterns: (terminal, its twin, the pattern of the twin's spellings).
    """

    def __init__(self, language: CompiledLanguage, key: str, twins: Sequence[Twin]) -> None:
        self._language = language
        self.pointer = language.pointer
        self.key = key
        first = names_of(self.pointer)[1] - len(twins)
        self.numbers: Mapping[str, int] = {
            twin.name: first + number for number, twin in enumerate(twins)
        }
        self.words: Mapping[bytes, int] = {
            twin.word: first + number for number, twin in enumerate(twins) if twin.word
        }
        self.lines = tuple(
            (language.twins[number], first + number)
            for number, twin in enumerate(twins)
            if not twin.word and not twin.pattern
        )
        self.patterns = tuple(
            (language.twins[number], first + number, twin.pattern)
            for number, twin in enumerate(twins)
            if twin.pattern
        )


def load_grafted(
    pointer: int,
    fingerprint: str,
    language: Language,
    main: Automaton,
    cache: BlobCache,
) -> Grafted:
    """The language at `pointer` with additions.

    Args:
        fingerprint: names the compiled grammar in the cache.
        language: its twins and additions, and whether its tables are pruned.
        main: its lexer.

    Raises:
        GraftError: a row doesn't fit the grammar.
    """
    twins = language.twins
    told = (_EDITION, twins, language.additions, language.prunes)
    rows = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    key = f"{fingerprint}-{rows}"
    of = twinned(pointer, twins)
    kept = cache.get(_KIND, key)
    if kept is not None:
        try:
            return Grafted(CompiledLanguage(pointer, kept, of), key, twins)
        except CompiledError:
            _log.warning("cache entry %s/%s is not this grammar's tables; making them", _KIND, key)
    tables = main.tables

    @lru_cache(None)
    def reads(lex_state: int) -> int:
        return int.from_bytes(tables.reach[tables.start[lex_state]].tobytes(), sys.byteorder)

    edited = graft(pointer, twins, language.additions, reads)
    if language.prunes:
        prune(edited, words_of(pointer, len(twins)))
    made = edited.to_bytes()
    compiled = CompiledLanguage(pointer, made, of)
    cache.put(_KIND, key, made)
    return Grafted(compiled, key, twins)

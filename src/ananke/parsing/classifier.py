"""The token classifier: which tokens of a vocabulary may follow a parse state."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ananke.native import library
from ananke.parsing.grammar import Grammar
from ananke.parsing.state import ParseError, ParseState
from ananke.vocabulary import Vocabulary

__all__ = ["Classifier", "ClassifierStatistics", "fill_many", "load_classifier"]


@dataclass(frozen=True)
class ClassifierStatistics:
    """Sizes and reuse of a classifier; `hits` and `misses` count questions answered from
    memory and computed."""

    classes: int
    sets: int
    bytes_held: int
    remembered: int
    hits: int
    misses: int
    configurations: int
    scanner_states: int


class _Owner:
    """Frees a native classifier when its `Classifier` is gone.

    A `__del__` of the classifier itself would run while weak references still lead to it: another
    thread could take it up again in that moment, and use what has been freed.
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __del__(self) -> None:
        library().ananke_classifier_free(self._handle)


class Classifier:
    """Masks for one (grammar, vocabulary); shared by all sessions of the process."""

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary) -> None:
        self.grammar = grammar
        self.vocabulary = vocabulary
        self._trie = vocabulary.trie
        eos = np.asarray(vocabulary.eos, dtype=np.uint32)
        handle = library().ananke_classifier_new(
            grammar.handle, self._trie.handle, eos.ctypes.data, len(eos)
        )
        if not handle:
            raise ParseError(f"{vocabulary.name}: the classifier could not be made")
        self._handle = handle
        self._owner = _Owner(handle)
        self.words = (vocabulary.size + 31) // 32

    def fill(self, state: ParseState, words: NDArray[np.int32]) -> None:
        """Writes the mask after `state`: bit i%32 of word i//32 is token i.

        Args:
            state: a state of this classifier's grammar.
            words: int32, shape (ceil(vocabulary size / 32),), C-contiguous; overwritten.

        Raises:
            ParseError: `words` has another length, or memory ran out.
        """
        result = library().ananke_classifier_fill(
            self._handle, state.handle, words.ctypes.data, len(words)
        )
        if result < 0:
            raise ParseError(f"mask of {len(words)} words, not {self.words}, or out of memory")

    def fill_brute(self, state: ParseState, words: NDArray[np.int32]) -> None:
        """The same mask by feeding every token: the slow truth that `fill` equals."""
        result = library().ananke_classifier_fill_brute(
            self._handle, state.handle, words.ctypes.data, len(words)
        )
        if result < 0:
            raise ParseError(f"mask of {len(words)} words, not {self.words}, or out of memory")

    @property
    def statistics(self) -> ClassifierStatistics:
        out = (ctypes.c_uint64 * 8)()
        library().ananke_classifier_statistics(self._handle, out)
        return ClassifierStatistics(*out)


def fill_many(
    requests: Sequence[tuple[Classifier, ParseState]], rows: Sequence[NDArray[np.int32]]
) -> list[bool]:
    """Writes the masks after several states, in native code, by as many threads as the process may
    run at a time; whether each has a token.

    Args:
        requests: states, each of its classifier's grammar; all vocabularies are of one size.
        rows: int32, each of shape (ceil(vocabulary size / 32),), C-contiguous, no two of them the
            same memory; overwritten.

    Raises:
        ParseError: a row has another length, or memory ran out.
    """
    count = len(requests)
    words = requests[0][0].words if requests else 0
    for (classifier, _), row in zip(requests, rows, strict=True):
        if classifier.words != words or len(row) != words:
            raise ParseError(f"batch: a mask of {len(row)} words, not {classifier.words}")
    pointers = ctypes.c_void_p * count
    results = (ctypes.c_int32 * count)()
    library().ananke_classifiers_fill(
        pointers(*(classifier._handle for classifier, _ in requests)),
        pointers(*(state.handle for _, state in requests)),
        pointers(*(row.ctypes.data for row in rows)),
        words,
        results,
        count,
        min(_processors(), count // _ROWS_A_THREAD),
    )
    if any(result < 0 for result in results):
        raise ParseError("batch: out of memory")
    return [result > 0 for result in results]


#: To start a thread takes as long as so many masks that are known.
_ROWS_A_THREAD = 8


def _processors() -> int:
    """How many the process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return (os.cpu_count() or 1) if affinity is None else len(affinity(0))


_lock = threading.Lock()
_known: weakref.WeakValueDictionary[tuple[str, str], Classifier] = weakref.WeakValueDictionary()


def load_classifier(grammar: Grammar, vocabulary: Vocabulary) -> Classifier:
    """The classifier of a grammar and a vocabulary; one per process while it is in use."""
    key = (grammar.name, vocabulary.fingerprint)
    with _lock:
        found = _known.get(key)
        if found is None:
            found = Classifier(grammar, vocabulary)
            _known[key] = found
        return found

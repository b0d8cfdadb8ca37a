"""What a fresh process pays before its first mask, with an empty and with a filled disk cache.

`python -m benchmarks.startup LANGUAGE` is the fresh process: it prints the seconds of each part as
JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Startup", "measure_startup"]


@dataclass(frozen=True)
class Startup:
    """Seconds, by part; `cold` with an empty disk cache, `warm` with what `cold` left in it."""

    cold: Mapping[str, float]
    warm: Mapping[str, float]


def measure_startup(language: str) -> Startup:
    """Both, each in a process of its own.

    Raises:
        subprocess.CalledProcessError: the process failed.
    """
    with tempfile.TemporaryDirectory() as cache:
        return Startup(_run(language, cache), _run(language, cache))


def _run(language: str, cache: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.startup", language],
        env={**os.environ, "ANANKE_CACHE_DIR": cache},
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return {str(part): float(seconds) for part, seconds in json.loads(done.stdout).items()}


def _parts(language: str) -> dict[str, float]:
    clock = time.perf_counter
    began = clock()
    import numpy as np

    from ananke.parsing.classifier import load_classifier
    from ananke.parsing.grammar import load_grammar
    from evals.tokens import vocabulary_named, vocabulary_names

    imported = clock()
    vocabulary = vocabulary_named(vocabulary_names()[0])
    _ = vocabulary.trie
    read = clock()
    grammar = load_grammar(language)
    loaded = clock()
    classifier = load_classifier(grammar, vocabulary)
    made = clock()
    classifier.fill(grammar.start(), np.zeros(classifier.words, dtype=np.int32))
    filled = clock()
    return {
        "import": imported - began,
        "vocabulary": read - imported,
        "grammar": loaded - read,
        "classifier": made - loaded,
        "first mask": filled - made,
    }


if __name__ == "__main__":
    print(json.dumps(_parts(sys.argv[1])))

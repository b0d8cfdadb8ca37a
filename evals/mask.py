"""The mask against brute force: every token of the vocabulary is tried from the state.

States come from real files cut at random bytes and from random walks. At each, `Classifier.fill`
must equal `Classifier.fill_brute`, which feeds every token to a fork of the state; and because the
two share the native core, a sample of tokens is also fed through `ParseState.feed` from here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ananke.parsing.classifier import Classifier, load_classifier
from ananke.parsing.grammar import load_grammar
from ananke.parsing.state import ParseState
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.progress import say, steps
from evals.report import Summary, machine, table, today
from evals.tokens import vocabulary_named, vocabulary_names
from evals.walk import admitted, cut_source, viable_sources, walk

__all__ = ["MASK", "differences"]

#: Tokens a state that are also fed one by one through the public interface.
_FED = 64
_WALK_LENGTH = 60


def measure(language: str, options: Options) -> Findings:
    """States of one language at which fill and brute force are compared."""
    began = time.monotonic()
    count = options.number(default=300, quick=12)
    grammar = load_grammar(language)
    classifiers = [load_classifier(grammar, vocabulary_named(name)) for name in vocabulary_names()]
    rows: list[dict[str, object]] = []
    states = _states(language, options, count, classifiers)
    for index in steps(f"mask {language}", range(count)):
        origin, state = next(states)
        classifier = classifiers[index % len(classifiers)]
        rng = generator(options, "fed", language, index)
        wrong, fed_wrong, bits = differences(classifier, state, rng)
        rows.append(
            {
                "index": index,
                "origin": origin,
                "vocabulary": classifier.vocabulary.name,
                "admitted": bits,
                "wrong": len(wrong),
                "fed_wrong": len(fed_wrong),
            }
        )
        if wrong or fed_wrong:
            example = (wrong or fed_wrong)[0]
            rows[-1]["text"] = state.text().hex()
            rows[-1]["token"] = repr(classifier.vocabulary.token_bytes(example))
            say(
                f"{language} state {index} ({origin}): {len(wrong)} bits differ from brute force, "
                f"{len(fed_wrong)} from feeding; first {rows[-1]['token']} after "
                f"{state.text()[-60:]!r}"
            )
    failed = [row for row in rows if row["wrong"] or row["fed_wrong"]]
    summary = {
        "date": today(),
        "machine": machine(),
        "seed": options.seed,
        "states": len(rows),
        "from_files": sum(row["origin"] == "file" for row in rows),
        "tokens": sum(
            classifiers[index % len(classifiers)].vocabulary.size for index in range(len(rows))
        ),
        "states_wrong": len(failed),
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = (
        [f"{language}: the mask differs at {len(failed)} of {len(rows)} states"] if failed else []
    )
    return Findings(summary, rows, misses)


def differences(
    classifier: Classifier, state: ParseState, rng: random.Random
) -> tuple[list[int], list[int], int]:
    """The tokens on which `fill` differs from `fill_brute`, those of a sample on which it differs
    from feeding, and how many tokens `fill` admits."""
    filled = np.empty(classifier.words, dtype=np.int32)
    brute = np.empty(classifier.words, dtype=np.int32)
    classifier.fill(state, filled)
    classifier.fill_brute(state, brute)
    wrong = admitted(filled ^ brute).tolist()
    fed = [
        token
        for token in _sample(classifier, filled, rng)
        if _bit(filled, token) != _feeds(classifier, state, token)
    ]
    return wrong, fed, len(admitted(filled))


def _sample(classifier: Classifier, words: NDArray[np.int32], rng: random.Random) -> list[int]:
    """Half of the tokens from the admitted ones, half from all; the EOS tokens always."""
    bits = admitted(words)
    tokens = [int(bits[rng.randrange(len(bits))]) for _ in range(_FED // 2) if len(bits)]
    tokens += [rng.randrange(classifier.vocabulary.size) for _ in range(_FED // 2)]
    return [*tokens, *classifier.vocabulary.eos]


def _bit(words: NDArray[np.int32], token: int) -> bool:
    return bool((int(words[token >> 5]) >> (token & 31)) & 1)


def _feeds(classifier: Classifier, state: ParseState, token: int) -> bool:
    vocabulary = classifier.vocabulary
    if token in vocabulary.eos:
        return state.can_end()
    if token in vocabulary.special:
        return False
    text = vocabulary.token_bytes(token)
    return bool(text) and state.feed(text) is not None


def _states(
    language: str, options: Options, count: int, classifiers: list[Classifier]
) -> Iterator[tuple[str, ParseState]]:
    sources = viable_sources(language, options.sources(language, default=100, quick=10))
    grammar = load_grammar(language)
    for index in range(count):
        rng = generator(options, "mask", language, index)
        if index % 4 < 2 and sources:
            state = grammar.parse(cut_source(rng.choice(sources), rng))
            if state is not None:
                yield "file", state
                continue
        prefix = cut_source(rng.choice(sources), rng) if index % 8 < 6 and sources else b""
        if grammar.parse(prefix) is None:
            prefix = b""
        length = rng.randrange(1, _WALK_LENGTH)
        found = walk(rng.choice(classifiers), rng, length, prefix, keep_states=True)
        yield "walk", rng.choice(found.states)


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *mask*."""
    rows = [
        (language, s["states"], s["from_files"], s["tokens"], s["states_wrong"], s["date"])
        for language, s in summaries.items()
    ]
    total = sum(int(str(s["states"])) for s in summaries.values())
    last = list(summaries.values())[-1]
    return (
        "## The mask against brute force (`python -m evals mask`)\n\n"
        f"At {total:,} states, from real files cut at random bytes and from random walks, the mask "
        f"of the whole vocabulary ({', '.join(vocabulary_names())} in turn) is compared bit by bit "
        f"with feeding every token to the state; {_FED} tokens a state are also fed through the "
        "public interface. Target: no difference.\n\n"
        + table(
            ("language", "states", "from files", "tokens tried", "states that differ", "measured"),
            rows,
        )
        + f"\nSeed {last['seed']}. {last['machine']}\n"
    )


MASK = Evaluation("mask", measure, {"mask": section})

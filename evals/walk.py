"""Random walks: programs drawn uniformly under the mask must parse.

At every step one of the admitted tokens is drawn, all equally likely; when the length limit nears,
the state's own shortest completion closes the text. Half of the walks start from nothing, half from
a real file cut at a random byte. The finished text must parse with tree-sitter's runtime; for
languages with a compiler at hand its verdict is counted beside it (a grammar is a little looser
than its language).
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ananke.parsing.classifier import Classifier, load_classifier
from ananke.parsing.grammar import load_grammar
from ananke.parsing.state import ParseState
from evals.corpora import Source
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.judges import compiler_accepts, compiler_name, first_error, is_program, needs_additions
from evals.places import excerpt, line_of
from evals.progress import say, steps
from evals.report import Summary, machine, percent, table, today
from evals.tokens import vocabulary_named, vocabulary_names

__all__ = ["WALK", "Walk", "admitted", "cut_source", "walk"]

#: Tokens after which a walk is closed; short ones close in places that long ones have left.
_LIMITS = (5, 20, 60, 150)
#: Of the walks, in per mille.
_TARGET = 999
#: Bytes of a real file before the cut, at most: the walk is the subject, not the file.
_LONGEST_PREFIX = 6_000


@dataclass(frozen=True)
class Walk:
    """One walk: the text it started from, what it drew, what closed it, and what went wrong
    ("" if nothing: a dead end, an admitted token that feeding refuses, no completion)."""

    prefix: bytes
    drawn: tuple[bytes, ...]
    completion: bytes
    problem: str
    states: tuple[ParseState, ...]

    @property
    def text(self) -> bytes:
        return self.prefix + b"".join(self.drawn) + self.completion


def admitted(words: NDArray[np.int32]) -> NDArray[np.int64]:
    """The token ids whose bits are set, ascending."""
    return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))


def cut_source(source: Source, rng: random.Random) -> bytes:
    """The file up to a random byte (which may be inside a character)."""
    return source.text[: rng.randrange(min(len(source.text), _LONGEST_PREFIX))]


def walk(
    classifier: Classifier,
    rng: random.Random,
    limit: int,
    prefix: bytes = b"",
    keep_states: bool = False,
) -> Walk:
    """Draws at most `limit` tokens after `prefix`, which must be viable, and closes the text."""
    vocabulary = classifier.vocabulary
    words = np.empty(classifier.words, dtype=np.int32)
    state = classifier.grammar.start().feed(prefix)
    assert state is not None, "the prefix is not viable"
    drawn: list[bytes] = []
    states = [state]

    def done(problem: str = "", completion: bytes = b"") -> Walk:
        return Walk(prefix, tuple(drawn), completion, problem, tuple(states))

    for _ in range(limit):
        classifier.fill(state, words)
        choices = admitted(words)
        if not len(choices):
            return done("dead end: no token is admitted")
        token = int(choices[rng.randrange(len(choices))])
        if token in vocabulary.eos:
            return done() if state.can_end() else done("EOS admitted where the text may not end")
        text = vocabulary.token_bytes(token)
        after = state.feed(text)
        if after is None:
            return done(f"token {text!r} is admitted, and feeding it refused")
        drawn.append(text)
        state = after
        if keep_states:
            states.append(state)
    completion = state.shortest_completion()
    if completion is None:
        return done("no completion found")
    end = state.feed(completion)
    if end is None or not end.can_end():
        return done(f"the completion {completion!r} does not complete", completion)
    return done(completion=completion)


def viable_sources(language: str, sources: Sequence[Source]) -> list[Source]:
    """The files that tree-sitter and our parser both accept."""
    grammar = load_grammar(language)
    return [
        source
        for source in sources
        if is_program(language, source.text)
        and (state := grammar.parse(source.text)) is not None
        and state.can_end()
    ]


def measure(language: str, options: Options) -> Findings:
    """Walks of one language, over every vocabulary in turn."""
    began = time.monotonic()
    count = options.number(default=2000, quick=60)
    sources = viable_sources(language, options.sources(language, default=100, quick=10))
    grammar = load_grammar(language)
    classifiers = [load_classifier(grammar, vocabulary_named(name)) for name in vocabulary_names()]
    rows: list[dict[str, object]] = []
    texts: list[bytes] = []
    for index in steps(f"walk {language}", range(count)):
        rng = generator(options, "walk", language, index)
        prefix = cut_source(rng.choice(sources), rng) if index % 2 and sources else b""
        classifier = classifiers[index // 2 % len(classifiers)]
        found = walk(classifier, rng, rng.choice(_LIMITS), prefix)
        judged = not found.problem and is_program(language, found.text)
        added = not found.problem and not judged and needs_additions(language, found.text)
        parses = judged or added
        rows.append(
            {
                "index": index,
                "vocabulary": classifier.vocabulary.name,
                "from_file": bool(prefix),
                "tokens": len(found.drawn),
                "completion": len(found.completion),
                "problem": found.problem,
                "parses": parses,
                "added": added,
            }
        )
        if parses:
            texts.append(found.text)
        else:
            rows[-1]["text"] = found.text.hex()
            rows[-1]["excerpt"] = _why(language, found)
            problem = found.problem or "does not parse"
            say(f"{language} walk {index}: {problem}: {rows[-1]['excerpt']}")
    verdicts = compiler_accepts(language, texts) if compiler_name(language) else []
    failed = [row for row in rows if not row["parses"]]
    summary = {
        "date": today(),
        "machine": machine(),
        "seed": options.seed,
        "walks": count,
        "from_file": sum(bool(row["from_file"]) for row in rows),
        "tokens": sum(row["tokens"] for row in rows),  # type: ignore[misc]
        "parses": count - len(failed),
        "added": sum(bool(row["added"]) for row in rows),
        "problems": sum(bool(row["problem"]) for row in rows),
        "compiler": compiler_name(language),
        "compiler_asked": len(verdicts),
        "compiler_accepts": sum(verdicts),
        "failed": [{"problem": row["problem"], "excerpt": row["excerpt"]} for row in failed[:5]],
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = []
    if 1000 * (count - len(failed)) < _TARGET * count:
        misses.append(f"{language}: {len(failed)} of {count} walks do not parse")
    return Findings(summary, rows, misses)


def _why(language: str, found: Walk) -> str:
    place = first_error(language, found.text)
    if found.problem or place is None:
        place = len(found.text)
    return f"line {line_of(found.text, place)}: {excerpt(found.text, place)}"


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *walk*."""
    rows = []
    for language, s in summaries.items():
        walks, parses = s["walks"], s["parses"]
        asked, accepts = s["compiler_asked"], s["compiler_accepts"]
        assert isinstance(walks, int)
        assert isinstance(parses, int)
        assert isinstance(asked, int)
        assert isinstance(accepts, int)
        judged = f"{percent(accepts, asked)} ({s['compiler']})" if asked else "-"
        rows.append(
            (
                language,
                walks,
                s["tokens"],
                percent(parses, walks),
                s.get("added", 0),
                s["problems"],
                judged,
                s["date"],
            )
        )
    head = (
        "language", "walks", "tokens drawn", "parse with tree-sitter", "by additions",
        "dead ends and unclosed", "accepted by the compiler's parser", "measured",
    )  # fmt: skip
    last = list(summaries.values())[-1]
    return (
        "## Random walks (`python -m evals walk`)\n\n"
        "Tokens drawn uniformly under the mask, half of the walks from nothing and half from a "
        f"real file cut at a random byte, over {len(vocabulary_names())} vocabularies, closed by "
        "the shortest completion. Target: 99.9 % parse with tree-sitter's runtime; *by additions*: "
        "those of them that it can't judge, for they use what the language's rows add. The "
        "compiler's column shows how much looser the wheel's grammar is than the language.\n\n"
        + table(head, rows)
        + f"\nSeed {last['seed']}. {last['machine']}\n"
    )


WALK = Evaluation("walk", measure, {"walk": section})

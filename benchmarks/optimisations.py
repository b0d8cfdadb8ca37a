"""Each optimisation beside its naive form, measured in the same run.

A naive form is what one would write first, and gives the same result, which is checked where both
give one. The classifier's is a loop in Python that feeds every token of the vocabulary to the
parse state, by the interface that everyone has: nothing of the tests is used.

Times are the thread's own, in microseconds.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xgrammar

from ananke.languages.python.meaning.program import judge
from ananke.masks import MaskPool, allocate, set_tokens
from ananke.masks.packed import Words
from ananke.parsing import load_grammar
from ananke.parsing.classifier import Classifier
from ananke.parsing.node import Node
from ananke.parsing.state import ParseState
from ananke.session import Session
from ananke.spec import ConstraintSpec
from ananke.vocabulary import Vocabulary
from benchmarks.application import ApplicationFigures, measure_application
from benchmarks.domains import FOUR, Corpus, Setting, Settled, corpus_of, measure_settings
from benchmarks.startup import Startup
from benchmarks.timing import Times, batched, once, repeat, steady_clock
from benchmarks.units import UNITS
from evals.environment import modules
from evals.evaluation import Options
from evals.meaning_replay import library_of, program_of
from evals.report import machine, percent, table, today
from evals.tokens import vocabulary_named, vocabulary_names

__all__ = ["OptimisationFigures", "measure_optimisations", "missed", "section"]

_CLOCK = time.thread_time_ns
_LENGTHS = (100, 1_000, 10_000)
#: Microseconds. What the plan wanted of the AND of two masks and of the whole pipeline.
_AND, _PIPELINE = 1.0, 500.0


@dataclass(frozen=True)
class Classifying:
    """One mask at one place, in microseconds: each token fed from Python and in native code; by
    classes, by a classifier that has seen nothing, and by one that has been asked before."""

    python: float
    brute: float
    cold: float
    again: float


@dataclass(frozen=True)
class Remembering:
    """Judging the unfinished text after each token of a file, with a memory that is cleared before
    each, and with one that is kept; and the share of the classifier's questions on the file that
    were answered from memory."""

    tokens: int
    cleared: Times
    kept: Times
    hits: int
    questions: int


@dataclass(frozen=True)
class Keeping:
    """At so many tokens: a deep copy of the syntax tree, a session's fork, a rollback by one."""

    tokens: int
    copied: float
    forked: float
    rolled_back: float


@dataclass(frozen=True)
class OptimisationFigures:
    """All rows; microseconds but for `startup` (seconds).

    Attributes:
        pipeline: mask, accept with what is kept to go back, and the mask applied to the logits:
            the naive form and ours, by syntax.
        budgets: four domains, strict and with a budget, on `files` files.
    """

    application: Sequence[ApplicationFigures]
    startup: Startup
    classifying: Classifying
    pooled: float
    fresh: float
    remembering: Remembering
    keeping: Sequence[Keeping]
    pipeline: tuple[Times, Times]
    budgets: Sequence[Settled]
    files: int
    vocabulary: Vocabulary
    seed: int


def measure_optimisations(
    vocabulary: Vocabulary,
    options: Options,
    startup: Startup,
    settled: Sequence[Settled] = (),
    files: int = 0,
) -> OptimisationFigures:
    """All rows.

    Args:
        settled: what settings gave in this run already, on `files` files.

    Raises:
        RuntimeError: a naive form gives another result.
    """
    smaller = vocabulary_named(vocabulary_names()[1])
    application = [
        measure_application(one.size, _some_mask(one), options.seed)
        for one in (smaller, vocabulary)
    ]
    lengths = _LENGTHS[:2] if options.quick else _LENGTHS
    with steady_clock():
        classifying = _classify(vocabulary)
        pooled, fresh = _buffers(vocabulary)
        keeping = [_keep(vocabulary, length) for length in lengths]
        pipeline = _pipelines(vocabulary, 2 if options.quick else 8, options.seed)
        with corpus_of(options) as corpus:
            remembering = _remember(corpus, vocabulary, options)
            if not settled:
                wanted = (Setting(FOUR, None), Setting(FOUR, 1_000), Setting(FOUR, 5_000))
                files = 1 if options.quick else 4
                settled, _ = measure_settings(corpus, vocabulary, wanted, files, options)
    return OptimisationFigures(
        application, startup, classifying, pooled, fresh, remembering, keeping, pipeline,
        [one for one in settled if one.setting.domains == FOUR], files, vocabulary, options.seed,
    )  # fmt: skip


def _some_mask(vocabulary: Vocabulary) -> Words:
    """The mask after the beginning of a program."""
    grammar = load_grammar("python")
    words: Words = allocate(1, vocabulary.size)[0]
    Classifier(grammar, vocabulary).fill(_place(), words)
    return words


def _place() -> ParseState:
    """Within a function: names, operators and keywords may follow."""
    place = load_grammar("python").start().feed(b"def f(a, b):\n    if a")
    assert place is not None
    return place


def _same(one: Words, other: Words, what: str) -> None:
    if not np.array_equal(one, other):
        raise RuntimeError(f"{what}: the naive form gives another mask")


def _fed(vocabulary: Vocabulary, place: ParseState) -> list[int]:
    """The naive mask: every token is fed to the state."""
    found = [
        token
        for token in range(vocabulary.size)
        if (text := vocabulary.token_bytes(token))
        and token not in vocabulary.special
        and place.feed(text) is not None
    ]
    if place.can_end():
        found += vocabulary.eos
    return found


def _classify(vocabulary: Vocabulary) -> Classifying:
    place = _place()
    plain, brute, fast = (allocate(1, vocabulary.size)[0] for _ in range(3))
    _ = vocabulary.trie
    python = once(lambda: set_tokens(plain, _fed(vocabulary, place), vocabulary.size), _CLOCK)
    classifier = Classifier(place.grammar, vocabulary)
    cold = once(lambda: classifier.fill(place, fast), _CLOCK)
    again = repeat(lambda: classifier.fill(place, fast), 50, _CLOCK)
    native = once(lambda: classifier.fill_brute(place, brute), _CLOCK)
    _same(plain, fast, "classifier")
    _same(brute, fast, "classifier")
    return Classifying(python / 1000, native / 1000, cold / 1000, again.median)


def _buffers(vocabulary: Vocabulary) -> tuple[float, float]:
    pool = MaskPool(vocabulary.size)

    def pooled() -> None:
        with pool.borrow():
            pass

    def median(call: Callable[[], object]) -> float:
        return float(np.median(batched(call, 500, 21, _CLOCK))) / 1000

    return median(pooled), median(lambda: allocate(1, vocabulary.size))


def _repeated(vocabulary: Vocabulary) -> Iterator[int]:
    """The tokens of a text that goes on for ever."""
    unit = UNITS["python"]
    yield from vocabulary.encode(unit.header)
    while True:
        yield from vocabulary.encode(unit.body)


def _keep(vocabulary: Vocabulary, length: int) -> Keeping:
    session = Session(ConstraintSpec(language="python"), vocabulary)
    tokens = _repeated(vocabulary)
    for _ in range(length):
        session.accept(next(tokens))
    root = _tree(session.text)
    copied = repeat(lambda: copy.deepcopy(root), 3, _CLOCK)
    forked = repeat(session.fork, 50, _CLOCK)
    following = next(tokens)
    back: list[int] = []
    for _ in range(50):
        session.accept(following)
        back.append(once(lambda: session.rollback(1), _CLOCK))
    return Keeping(length, copied.median, forked.median, Times(tuple(back)).median)


def _tree(text: bytes) -> list[object]:
    """The syntax tree of as much of a text as is a program, as plain Python objects."""
    grammar = load_grammar("python")
    lines = text.splitlines(keepends=True)
    while (state := grammar.parse(b"".join(lines))) is None or (root := state.tree()) is None:
        lines.pop()

    def plain(node: Node) -> list[object]:
        return [node.kind, node.start, node.end, [plain(one) for one in node.children]]

    return plain(root)


def _pipelines(vocabulary: Vocabulary, steps: int, seed: int) -> tuple[Times, Times]:
    """Some tokens in a row, each way."""
    logits = torch.from_numpy(
        np.random.default_rng(seed).standard_normal((1, vocabulary.size)).astype(np.float32)
    )
    tokens = vocabulary.encode(UNITS["python"].body)
    words = allocate(1, vocabulary.size)
    applied = torch.from_numpy(words)
    naive: list[int] = []
    ours: list[int] = []
    # What is learnt once is learnt before.
    for is_counted in (False, True):
        session = Session(ConstraintSpec(language="python"), vocabulary)
        state, text = load_grammar("python").start(), b""
        for token in tokens if not is_counted else tokens[:steps]:
            began = _CLOCK()
            session.mask(words)
            row = logits.clone()
            xgrammar.apply_token_bitmask_inplace(row, applied)
            session.accept(token)
            ended = _CLOCK()
            if not is_counted:
                continue
            ours.append(ended - began)
            began = _CLOCK()
            plain = _naive_row(vocabulary, state, logits)
            after = state.feed(vocabulary.token_bytes(token))
            text += vocabulary.token_bytes(token)
            copy.deepcopy(_tree(text))
            naive.append(_CLOCK() - began)
            if after is None or not torch.equal(plain, row):
                raise RuntimeError("pipeline: the naive form gives other logits")
            state = after
    return Times(tuple(naive)), Times(tuple(ours))


def _naive_row(vocabulary: Vocabulary, state: ParseState, logits: torch.Tensor) -> torch.Tensor:
    """The logits under the naive mask, set one by one."""
    admitted = set(_fed(vocabulary, state))
    row = logits.clone()
    flat = row[0]
    for token in range(vocabulary.size):
        if token not in admitted:
            flat[token] = float("-inf")
    return row


def _remember(corpus: Corpus, vocabulary: Vocabulary, options: Options) -> Remembering:
    """On the first file of a few thousand bytes."""
    library = library_of(corpus.project, options.corpora)
    source = next(
        one
        for one in modules(corpus.project, 1_000, options.seed)
        if 3_000 <= len(one.text) <= 6_000
    )
    forgetful, program = program_of(source, library), program_of(source, library)
    grammar = load_grammar("python")
    classifier = Classifier(grammar, vocabulary)
    words = allocate(1, vocabulary.size)[0]
    state = grammar.start()
    cleared: list[int] = []
    kept: list[int] = []
    tokens = vocabulary.encode(source.text)
    for token in tokens[:200] if options.quick else tokens:
        classifier.fill(state, words)
        after = state.feed(vocabulary.token_bytes(token))
        assert after is not None, "the file is one that the grammar reads"
        state = after
        began = _CLOCK()
        forgetful.forget()
        plain = judge(forgetful, state)
        middle = _CLOCK()
        remembered = judge(program, state)
        kept.append(_CLOCK() - middle)
        cleared.append(middle - began)
        if plain.defects != remembered.defects:
            raise RuntimeError(f"{source.module}: what is remembered judges otherwise")
    found = classifier.statistics
    return Remembering(
        len(kept), Times(tuple(cleared)), Times(tuple(kept)), found.hits, found.hits + found.misses
    )


def missed(figures: OptimisationFigures) -> list[str]:
    """A sentence for every target that was missed."""
    found: list[str] = []
    alone = figures.application[-1].and_alone
    if alone > _AND:
        found.append(f"AND in native code (µs): {alone:.2f} where {_AND:g} is the target")
    whole = figures.pipeline[1].median
    if whole > _PIPELINE:
        found.append(f"whole pipeline (µs): {whole:.1f} where {_PIPELINE:g} is the target")
    return found


def section(figures: OptimisationFigures) -> str:
    """The section *optimisations*."""
    rows: list[tuple[object, ...]] = []

    def row(what: str, *forms: tuple[str, float]) -> None:
        """The naive form is the first; each of the others is so many times as fast."""
        naive = forms[0][1]
        cells = [f"{forms[0][0]}: {_shown(naive)}"]
        cells += [f"{name}: {_shown(value)} ({naive / value:,.1f} ×)" for name, value in forms[1:]]
        rows.append((what, cells[0], "; ".join(cells[1:])))

    for one in figures.application:
        row(
            f"AND of two domains' masks, {one.size:,} tokens",
            ("loop over lists of bools", one.and_loop),
            ("numpy bools", one.and_bools),
            ("numpy words", one.and_numpy),
            ("native words", one.and_native),
            ("without the call from Python", max(one.and_alone, 0.001)),
        )
    for one in figures.application:
        row(
            f"mask applied to logits, {one.size:,} tokens",
            ("loop over tokens", one.loop),
            ("vectorised torch", one.torch),
            ("XGrammar's native kernel", one.xgrammar),
        )
    start = figures.startup
    row(
        "start of a process: vocabulary, grammar, classifier, first mask",
        ("empty disk cache", _begun(start.cold)),
        ("warm", _begun(start.warm)),
    )
    row(
        "of that classifier and first mask, of which nothing is on disk",
        ("empty disk cache", _begun(start.cold, "classifier", "first mask")),
        ("warm", _begun(start.warm, "classifier", "first mask")),
    )
    c = figures.classifying
    row(
        "mask where nothing is known of the place",
        ("each token fed from Python", c.python),
        ("each token fed, native", c.brute),
        ("classes, nothing remembered", c.cold),
        ("classes, asked again", c.again),
    )
    row("a mask's buffer", ("fresh", figures.fresh), ("pooled", figures.pooled))
    r = figures.remembering
    row(
        f"judging after each of {r.tokens:,} tokens of a file, median",
        ("memory cleared each time", r.cleared.median),
        ("reuse by value", r.kept.median),
    )
    row("the same, mean", ("cleared", r.cleared.mean), ("reuse by value", r.kept.mean))
    for kept in figures.keeping:
        row(
            f"checkpoint at {kept.tokens:,} tokens",
            ("deep copy of the tree", kept.copied),
            ("fork of the session", kept.forked),
            ("going back by one token", kept.rolled_back),
        )
    strict = next(one for one in figures.budgets if one.setting.budget is None)
    for limited in figures.budgets:
        if limited.setting.budget is not None:
            name = f"budget {limited.setting.budget / 1000:g} ms"
            row(
                f"mask by four domains, {name}, median",
                ("eager", strict.mask.median),
                (name, limited.mask.median),
            )
            row("the same, p99", ("eager", strict.mask.p99), (name, limited.mask.p99))
    naive, ours = figures.pipeline
    row(
        "whole pipeline by syntax: mask, logits, token taken, checkpoint",
        ("naive", naive.median),
        ("ours", ours.median),
    )
    limits = "; ".join(
        f"{one.setting.budget / 1000:g} ms: {percent(sum(one.skipped.values()), one.asked)} "
        f"skipped, {percent(sum(one.cut_short.values()), one.asked)} cut short, "
        f"{sum(one.slipped.values())} slipped through"
        for one in figures.budgets
        if one.setting.budget is not None
    )
    return (
        "## Optimisations (`python -m benchmarks --part optimisations`)\n\n"
        f"Each beside its naive form, in one run, measured {today()}; microseconds of the thread, "
        f"medians unless said otherwise; {figures.vocabulary.size:,} tokens unless said "
        "otherwise; Python. *×*: how many times as fast as the naive form. The naive pipeline "
        "feeds every token, sets the logits one by one, and copies the tree deeply; ours is "
        f"`Session.mask` and `accept` and the kernel, {len(naive.nanoseconds)} tokens each, with "
        "what is learnt once learnt before.\n\n"
        + table(("what", "naive", "optimised"), rows)
        + f"\nReuse: {percent(r.hits, r.questions)} of the {r.questions:,} questions that the "
        "classifier had on the file were answered from memory, in a classifier that was new.\n\n"
        f"Budgets, {figures.files} files, {strict.asked:,} evaluations each: {limits}.\n\n"
        f"Seed {figures.seed}. {machine()}\n"
    )


def _begun(
    seconds: Mapping[str, float],
    *parts: str,
) -> float:
    """Microseconds of some parts of a start; of all but the import of the package."""
    return 1e6 * sum(
        value for part, value in seconds.items() if part in parts or not (parts or part == "import")
    )


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"

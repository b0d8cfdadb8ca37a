"""Speed with domains of meaning on: Python, real files, with and without a budget.

A session begins at a line of a real file that has no defects, in its place in a project, and the
file goes on token by token: `mask`, then `accept`. Each configuration (domains, budget) reads the
same tokens, file by file in turn, and the turns change, so that none is always the one that sees a
file first. Times are the thread's own; a budget is of the clock on the wall, so that on a busy
machine more is left out than on an idle one.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ananke.languages.python.meaning.program import judge
from ananke.masks import allocate
from ananke.parsing import load_grammar
from ananke.session import NotAdmitted, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary
from benchmarks.memory import measure_memory
from benchmarks.timing import Times, steady_clock
from benchmarks.units import TYPED_HEADER, TYPED_UNIT
from evals.environment import ModuleSource, environment_folder, make_project, modules
from evals.evaluation import Options, generator
from evals.meaning_replay import library_of, program_of
from evals.progress import say
from evals.report import machine, percent, table, today

__all__ = [
    "FOUR",
    "Corpus",
    "DomainFigures",
    "Setting",
    "Settled",
    "corpus_of",
    "measure_domains",
    "measure_settings",
    "missed",
    "section",
]

FOUR = ("syntax", "imports", "types", "controlflow")
FIVE = (*FOUR, "semantics")
#: Microseconds; None: strict.
BUDGETS = (None, 1_000, 5_000)
#: Tokens of a file that are measured, and files.
_TOKENS, _FILES = 120, 12
#: Lines of the prefix before the first mask.
_LINES = 1_000
_NEAR, _FAR = 100, 10_000
#: Targets, microseconds: of the median; of the 99th percentile in strict mode and with 1 ms.
_P50, _P99, _P99_OF_1_MS = 100.0, 2_000.0, 1_000.0
#: Of accepting, of the first mask (milliseconds), of memory (bytes a token), of flatness.
_ACCEPT_P50, _FIRST, _MEMORY, _FLAT = 100.0, 300.0, 2_048, 1.25


@dataclass(frozen=True)
class Setting:
    """The domains that are on, and the budget of a mask in microseconds (None: strict)."""

    domains: tuple[str, ...]
    budget: int | None

    @property
    def name(self) -> str:
        which = "five" if "semantics" in self.domains else "four"
        return which + (", strict" if self.budget is None else f", {self.budget // 1000} ms")


@dataclass
class Settled:
    """What one setting gave. `asked` counts evaluations of judges (each mask asks each judge);
    `skipped`, `cut_short` and `slipped` those of them, by part."""

    setting: Setting
    masks: list[int] = field(default_factory=list)
    accepts: list[int] = field(default_factory=list)
    asked: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    cut_short: Counter[str] = field(default_factory=Counter)
    slipped: Counter[str] = field(default_factory=Counter)

    @property
    def mask(self) -> Times:
        return Times(tuple(self.masks))

    @property
    def accept(self) -> Times:
        return Times(tuple(self.accepts))


@dataclass(frozen=True)
class DomainFigures:
    """All of it.

    Attributes:
        files: whose tokens were read; `refused` others were left out, a token of theirs was not
            admitted.
        first: a session with a long prefix and its first mask, milliseconds by domains: the first
            time (four in a fresh process, five after that), and the same again.
        memory: bytes a token, by domains.
        near, far: masks and accepted tokens of the same declaration at two places.
    """

    settled: tuple[Settled, ...]
    files: int
    refused: int
    first: dict[str, tuple[float, float]]
    memory: dict[str, float]
    near: tuple[Times, Times]
    far: tuple[Times, Times]
    seed: int
    vocabulary: int


@dataclass(frozen=True)
class Corpus:
    """A project and the environment it is written for."""

    project: Path
    environment: Path

    def session(
        self,
        vocabulary: Vocabulary,
        setting: Setting,
        prefix: str = "",
        path: Path | None = None,
    ) -> Session:
        """A session under a setting."""
        spec: dict[str, object] = {
            "language": "python",
            "domains": list(setting.domains),
            "context": {"prefix": prefix, **({} if path is None else {"path": str(path)})},
            "imports": {"environment": str(self.environment), "project": str(self.project)},
        }
        if setting.budget is not None:
            spec["budgets"] = {"token_microseconds": setting.budget}
        return Session(parse_spec(spec), vocabulary)


def measure_domains(vocabulary: Vocabulary, options: Options) -> DomainFigures:
    """Every setting on the same files, then position, memory and the first mask."""
    settings = [Setting(domains, budget) for domains in (FOUR, FIVE) for budget in BUDGETS]
    with corpus_of(options) as corpus, steady_clock():
        long = _long_prefix(corpus.project, options)
        named = {"four": Setting(FOUR, None), "five": Setting(FIVE, None)}
        first = {
            name: _first_mask(corpus, vocabulary, setting, long) for name, setting in named.items()
        }
        files = options.files or (2 if options.quick else _FILES)
        settled, refused = measure_settings(corpus, vocabulary, settings, files, options)
        memory = {name: measure_memory(setting.domains) for name, setting in named.items()}
        near, far = _places(corpus, vocabulary, 1_000 if options.quick else _FAR)
    return DomainFigures(
        settled, files, refused, first, memory, near, far, options.seed, vocabulary.size
    )


@contextmanager
def corpus_of(options: Options) -> Iterator[Corpus]:
    """A project to write files in."""
    with tempfile.TemporaryDirectory(prefix="domains-") as scratch:
        project = make_project(options.corpora, Path(scratch).resolve())
        yield Corpus(project, environment_folder(options.corpora))


def measure_settings(
    corpus: Corpus,
    vocabulary: Vocabulary,
    settings: Sequence[Setting],
    files: int,
    options: Options,
) -> tuple[tuple[Settled, ...], int]:
    """What each setting gave on so many files; how many files were refused and left out.

    Raises:
        RuntimeError: there are not so many files.
    """
    settled = tuple(Settled(one) for one in settings)
    read = refused = 0
    for source in _clean(corpus.project, options):
        turn = read % len(settled)
        if _read(corpus, vocabulary, source, settled[turn:] + settled[:turn], options):
            read += 1
            say(f"domains: {read} of {files} files")
        else:
            refused += 1
        if read == files:
            return settled, refused
    raise RuntimeError(f"only {read} files can be read, not {files}")


def _clean(project: Path, options: Options) -> Iterator[ModuleSource]:
    """Files in which nothing is wrong, of a few thousand bytes."""
    library = library_of(project, options.corpora)
    for source in modules(project, 10_000, options.seed):
        if not 2_000 <= len(source.text) <= 12_000:
            continue
        state = load_grammar("python").parse(source.text)
        if state is None:
            continue
        judgement = judge(program_of(source, library), state, at_end=True)
        if not judgement.defects and not judgement.owed:
            yield source


def _read(
    corpus: Corpus,
    vocabulary: Vocabulary,
    source: ModuleSource,
    turn: Sequence[Settled],
    options: Options,
) -> bool:
    """A stretch of a file under every setting; False, and nothing kept, if a token of it is not
    admitted."""
    lines = source.text.decode().splitlines(keepends=True)
    at = generator(options, "domains", source.module).randrange(len(lines) * 2 // 3)
    prefix = "".join(lines[:at])
    tokens = vocabulary.encode("".join(lines[at:]).encode())[:_TOKENS]
    out = allocate(1, vocabulary.size)
    clock = time.thread_time_ns
    found: list[tuple[list[int], list[int], Session]] = []
    for one in turn:
        session = corpus.session(vocabulary, one.setting, prefix, source.path)
        masks: list[int] = []
        accepts: list[int] = []
        for token in tokens:
            began = clock()
            session.mask(out)
            masked = clock()
            try:
                session.accept(token)
            except NotAdmitted as error:
                say(f"{source.module}: {one.setting.name}: {error}")
                return False
            accepts.append(clock() - masked)
            masks.append(masked - began)
        found.append((masks, accepts, session))
    for one, (masks, accepts, session) in zip(turn, found, strict=True):
        statistics = session.statistics
        one.masks += masks
        one.accepts += accepts
        one.asked += len(masks) * (2 if "semantics" in one.setting.domains else 1)
        one.skipped.update(statistics.skipped)
        one.cut_short.update(statistics.cut_short)
        one.slipped.update(statistics.slipped)
    return True


def _long_prefix(project: Path, options: Options) -> tuple[str, Path]:
    """The first lines, 1,000 or a few more, of a file of the standard library, and its path. They
    end where a statement of the module's may begin."""
    for source in modules(project, 10_000, options.seed):
        lines = source.text.decode().splitlines(keepends=True)
        for at in range(_LINES, len(lines)):
            if lines[at].startswith(("def ", "class ")) and not lines[at - 1].strip():
                return "".join(lines[:at]), source.path
    raise RuntimeError(f"{project}: no file has {_LINES:,} lines")


def _first_mask(
    corpus: Corpus, vocabulary: Vocabulary, setting: Setting, long: tuple[str, Path]
) -> tuple[float, float]:
    """Milliseconds from the spec to the mask: the first time, and again."""
    out = allocate(1, vocabulary.size)
    taken: list[float] = []
    for _ in range(2):
        began = time.thread_time_ns()
        corpus.session(vocabulary, setting, *long).mask(out)
        taken.append((time.thread_time_ns() - began) / 1e6)
    return taken[0], taken[1]


def _places(
    corpus: Corpus, vocabulary: Vocabulary, far: int
) -> tuple[tuple[Times, Times], tuple[Times, Times]]:
    """One declaration near the beginning of a text and far from it, strict, four domains."""
    session = corpus.session(vocabulary, Setting(FOUR, None))
    body = vocabulary.encode(TYPED_UNIT)
    for token in vocabulary.encode(TYPED_HEADER):
        session.accept(token)
    found: list[tuple[Times, Times]] = []
    position = 0
    for target in (_NEAR, far):
        while position < target:
            for token in body:
                session.accept(token)
            position += len(body)
        found.append(_window(session, body))
    return found[0], found[1]


def _window(session: Session, body: Sequence[int]) -> tuple[Times, Times]:
    """The same tokens four times; the first is not counted."""
    out = allocate(1, session.vocabulary.size)
    masks: list[int] = []
    accepts: list[int] = []
    clock = time.thread_time_ns
    for number in range(4):
        for token in body:
            began = clock()
            session.mask(out)
            masked = clock()
            session.accept(token)
            if number:
                accepts.append(clock() - masked)
                masks.append(masked - began)
        session.rollback(len(body))
    return Times(tuple(masks)), Times(tuple(accepts))


def missed(figures: DomainFigures) -> list[str]:
    """A sentence for every target that was missed."""
    found: list[str] = []

    def check(name: str, value: float, target: float) -> None:
        if value > target:
            found.append(f"{name}: {value:,.1f} where {target:,g} is the target")

    for one in figures.settled:
        if one.setting.budget in (None, 1_000):
            most = _P99 if one.setting.budget is None else _P99_OF_1_MS
            check(f"{one.setting.name}: mask p50 (µs)", one.mask.median, _P50)
            check(f"{one.setting.name}: mask p99 (µs)", one.mask.p99, most)
        check(f"{one.setting.name}: accept p50 (µs)", one.accept.median, _ACCEPT_P50)
    for name, (_, again) in figures.first.items():
        check(f"{name}: first mask after {_LINES:,} lines (ms)", again, _FIRST)
    for name, size in figures.memory.items():
        check(f"{name}: memory a token (bytes)", size, _MEMORY)
    for which, near, far in zip(("mask", "accept"), figures.near, figures.far, strict=True):
        check(f"four: {which} far / near", far.median / near.median, _FLAT)
    return found


def section(figures: DomainFigures) -> str:
    """The section *domains*."""
    rows = []
    for one in figures.settled:
        mask, accept = one.mask, one.accept
        skipped, short = sum(one.skipped.values()), sum(one.cut_short.values())
        rows.append(
            (
                one.setting.name,
                f"{mask.median:,.0f} / {mask.quantile(0.9):,.0f} / {mask.p99:,.0f}",
                f"{accept.median:,.0f} / {accept.p99:,.0f}",
                percent(skipped, one.asked),
                percent(short, one.asked),
                sum(one.slipped.values()),
            )
        )
    tokens = len(figures.settled[0].masks)
    near, far = figures.near, figures.far
    misses = missed(figures)
    others = table(
        ("what", "target", "four domains", "five domains"),
        [
            (
                f"session and first mask after {_LINES:,} lines, first / again, ms",
                f"{_FIRST:,.0f}",
                *(f"{a:,.0f} / {b:,.0f}" for a, b in figures.first.values()),
            ),
            (
                "memory of an accepted token, bytes",
                f"{_MEMORY:,}",
                *(f"{size:,.0f}" for size in figures.memory.values()),
            ),
            (
                f"mask p50 at token {_NEAR} / {_FAR:,}, µs",
                f"ratio {_FLAT}",
                f"{near[0].median:,.0f} / {far[0].median:,.0f} "
                f"({far[0].median / near[0].median:.2f})",
                "-",
            ),
            (
                f"accept p50 at token {_NEAR} / {_FAR:,}, µs",
                f"ratio {_FLAT}",
                f"{near[1].median:,.0f} / {far[1].median:,.0f} "
                f"({far[1].median / near[1].median:.2f})",
                "-",
            ),
        ],
    )
    return (
        "## Speed with the domains of meaning (`python -m benchmarks --part domains`)\n\n"
        f"Python; {figures.files} files without defects of installed packages and the standard "
        f"library, each from a random line on in its place in a project, {tokens:,} tokens, "
        f"vocabulary of {figures.vocabulary:,}. *Four*: {', '.join(FOUR)}; *five*: semantics too. "
        "Microseconds of the thread in `Session.mask` (p50 / p90 / p99) and `Session.accept` "
        "(p50 / p99). *Skipped* and *cut short*: evaluations of judges (one a mask with four "
        "domains, two with five) that were left out, and that ended with the budget; *slipped*: "
        f"tokens of the files that a judge then refused. {figures.refused} further files were left "
        f"out because strict mode refused a token of theirs. Measured {today()}.\n\n"
        f"Targets: mask p50 < {_P50:,.0f} µs; p99 < {_P99:,.0f} µs strict, < "
        f"{_P99_OF_1_MS:,.0f} µs with 1 ms; accept p50 < {_ACCEPT_P50:,.0f} µs.\n\n"
        + table(("domains", "mask", "accept", "skipped", "cut short", "slipped"), rows)
        + "\n"
        + others
        + "\nMissed targets:\n\n"
        + ("".join(f"- {miss}\n" for miss in misses) or "none\n")
        + f"\nSeed {figures.seed}. {machine()}\n"
    )

"""Meaning walk: bodies drawn under the mask, in functions of real files, must type-check.

The text before a function's body and the text after it are known, and what is drawn stays inside of
it: a hole. Under syntax, names, imports, types and control flow the body is drawn

- *uniformly* over moves: a kind of lexeme that syntax expects, each as likely; where that is a
  name, one of the names that would be right, each as likely;
- by the embedded *n-gram* model, over its tokens. A token is drawn from those that syntax admits
  until the session takes one, which is a draw from the mask.

After many refusals the mask itself is made; one without a token is a dead end. A body may end at a
line end; when it is long, the session's shortest completion ends it.

A program is accepted if the type checker reports no error that it doesn't report for the file as it
was. Every kind of error that remains is counted.
"""

from __future__ import annotations

import ast
import builtins
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ananke.analysis.holes import HoleError
from ananke.cli.ngram import Model, load_model
from ananke.languages import get_meaning
from ananke.languages.python.meaning.holes import holes_of
from ananke.masks import allocate
from ananke.outcome import NotAdmitted
from ananke.parsing.classifier import load_classifier
from ananke.parsing.grammar import load_grammar
from ananke.session import Session
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary
from evals.environment import ModuleSource, environment_folder, make_project, modules
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.meaning_replay import WORKERS, library_of, program_of
from evals.places import excerpt
from evals.progress import say, steps
from evals.pyright import Complaint, check, checker_name
from evals.report import Summary, machine, percent, table, today
from evals.tokens import vocabulary_named, vocabulary_names
from evals.walk import admitted

__all__ = ["MEANING_WALK", "Place", "Walked", "places", "walk"]

#: The project, and the folder of the corpora.
Folder = tuple[Path, Path]

MODES = ("uniform", "n-gram")
#: Tokens after which a body is closed.
_LIMITS = {"uniform": (4, 8, 16, 30), "n-gram": (8, 20, 40, 70)}
#: Tokens drawn beyond that while no completion is right.
_MORE = 40
#: Refused draws after which the whole mask is made.
_TRIES = 40
#: Of line ends where the body may end, one in so many ends it.
_ENDING = 3
#: Bytes of a file, and of it after the function: it is judged whenever the body may end.
_LONGEST, _LONGEST_SUFFIX = 16_000, 3_000
#: What the names of copies of a module end in.
_COPY = re.compile(r"__w[0-9]*\b")
#: Texts of kinds of lexemes that have no spelling of their own.
_TEXTS = {
    "integer": b"1",
    "float": b"1.5",
    "string_start": b'"a"',
    "true": b"True ",
    "false": b"False ",
    "none": b"None ",
    "ellipsis": b"...",
    "string_end": b'"',
}
#: Kinds that are not drawn: they say nothing, or are written in another way.
_LEFT_OUT = frozenset(("comment", "line_continuation", "type_conversion", "escape_sequence"))
_BUILTINS = [name.encode() for name in dir(builtins) if not name.startswith("_")]
_LEAST = {"uniform": 90, "n-gram": 95}


@dataclass(frozen=True)
class Place:
    """A function's body: what stands before and after it."""

    source: ModuleSource
    start: int
    end: int


@dataclass(frozen=True)
class Walked:
    """A body that was drawn; `problem` is "" if it ended."""

    body: bytes
    tokens: int
    masks: int
    problem: str


def places(source: ModuleSource) -> list[Place]:
    """The bodies of a file that stand on lines of their own, near its end."""
    tree = ast.parse(source.text)
    lines = [0]
    for line in source.text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first, last = node.body[0], node.body[-1]
            assert last.end_lineno is not None
            assert last.end_col_offset is not None
            start = lines[first.lineno - 1] + first.col_offset
            end = lines[last.end_lineno - 1] + last.end_col_offset
            is_alone = not source.text[lines[first.lineno - 1] : start].strip()
            # A decorator stands before the line that its function is said to begin in.
            is_plain = not getattr(first, "decorator_list", None)
            if is_alone and is_plain and len(source.text) - end <= _LONGEST_SUFFIX:
                found.append(Place(source, start, end))
    return found


class _Walk:
    """One walk under way: a session, and the parse of the same text."""

    def __init__(self, place: Place, words: Vocabulary, model: Model | None, folder: Folder):
        text = place.source.text
        prefix, suffix = text[: place.start], text[place.end :]
        program = program_of(place.source, library_of(*folder))
        (hole,) = holes_of(program, prefix + b"..." + suffix, frozenset([place.start]))
        project, corpora = folder
        document = {
            "language": "python",
            "domains": ["syntax", "imports", "types", "controlflow"],
            "context": {
                "prefix": prefix.decode(),
                "suffix": suffix.decode(),
                "path": str(place.source.path),
            },
            "imports": {
                "environment": str(environment_folder(corpora)),
                "project": str(project),
            },
        }
        self.session = Session(parse_spec(document), words, region=hole.region)
        state = load_grammar("python").start().feed(prefix)
        assert state is not None, "the session has read it"
        self.state, self.moves, self.masks = state, 0, 0
        self._program, self._model, self._words = program, model, words
        self._rows = allocate(1, words.size)
        self._syntax = load_classifier(load_grammar("python"), words)
        self._context = [] if model is None else model.encode(prefix.decode())

    def step(self, rng: random.Random) -> str:
        """Draws a move; what went wrong, or ""."""
        try:
            drawn = self._move(rng) if self._model is None else self._token(rng)
        except NotAdmitted as refused:
            return f"admitted by the mask, refused when accepted: {refused}"
        if drawn is None:
            return "dead end: no token is admitted"
        after = self.state.feed(drawn)
        assert after is not None, "the session has taken it"
        self.state, self.moves = after, self.moves + 1
        return ""

    def ends(self) -> bool:
        """Whether the body may end here."""
        return self.session.explain(self._words.eos[0]).admitted

    def _move(self, rng: random.Random) -> bytes | None:
        """Takes a move that is right, all kinds as likely."""
        kinds = [one.name for one in self.state.expected()]
        rng.shuffle(kinds)
        for kind in kinds:
            for text in self._spelt(kind, rng):
                try:
                    self.session.accept_text(text)
                except NotAdmitted:
                    continue
                return text
        return self._masked(rng)

    def _spelt(self, kind: str, rng: random.Random) -> list[bytes]:
        """Texts of a kind of lexeme, in the order in which they are tried."""
        space = b" " if re.search(rb"\w\Z", self.state.text()[-1:]) else b""
        if kind == "identifier":
            meaning = get_meaning("python")
            assert meaning is not None
            offers = meaning.offers(self._program, self.state.feed(space) or self.state)
            names = [one.name.encode() for one in offers if one.group != "builtins"]
            names += [*rng.sample(_BUILTINS, 3), b"value", b"item"]
            rng.shuffle(names)
            return [space + one + b" " for one in names[:_TRIES]]
        if kind in _TEXTS:
            return [space + _TEXTS[kind]]
        if kind in ("_newline", "_indent", "_dedent"):
            line = self.state.text().rpartition(b"\n")[2]
            margin = line[: len(line) - len(line.lstrip(b" "))]
            deeper = margin + b"    "
            return [b"\n" + (deeper if line.rstrip().endswith(b":") else margin)]
        if kind.startswith("_") or not kind.isascii() or kind in _LEFT_OUT:
            return []
        return [space + kind.encode() + (b" " if kind.isalpha() else b"")]

    def _token(self, rng: random.Random) -> bytes | None:
        self._syntax.fill(self.state, self._rows[0])
        choices = self._choices()
        refused: set[int] = set()
        for _ in range(_TRIES if len(choices) else 0):
            token = self._pick(choices, rng)
            if token not in refused and self._accepts(token):
                return self._words.token_bytes(token)
            refused.add(token)
        return self._masked(rng)

    def _masked(self, rng: random.Random) -> bytes | None:
        """Takes a token of the mask; None if there is none."""
        self.session.mask(self._rows)
        self.masks += 1
        choices = self._choices()
        if not len(choices):
            return None
        token = self._pick(choices, rng)
        self.session.accept(token)
        self._context.append(token)
        return self._words.token_bytes(token)

    def _accepts(self, token: int) -> bool:
        try:
            self.session.accept(token)
        except NotAdmitted:
            return False
        self._context.append(token)
        return True

    def _choices(self) -> NDArray[np.int64]:
        choices = admitted(self._rows[0])
        return choices[~np.isin(choices, list(self._words.eos))]

    def _pick(self, choices: NDArray[np.int64], rng: random.Random) -> int:
        if self._model is None:
            return int(choices[rng.randrange(len(choices))])
        shares = self._model.probabilities(self._context)[choices]
        at = int(np.searchsorted(np.cumsum(shares), rng.random() * shares.sum()))
        return int(choices[min(at, len(choices) - 1)])


def walk(
    place: Place,
    vocabulary: Vocabulary,
    rng: random.Random,
    limits: Sequence[int],
    folder: Folder,
    model: Model | None = None,
) -> Walked:
    """Draws a body."""
    one = _Walk(place, vocabulary, model, folder)
    limit = rng.choice(limits)

    def done(problem: str, closing: bytes = b"") -> Walked:
        return Walked(one.session.text + closing, one.moves, one.masks, problem)

    while one.moves < limit + _MORE:
        problem = one.step(rng)
        if problem:
            return done(problem)
        if b"\n" in one.session.text[-12:] and not rng.randrange(_ENDING) and one.ends():
            return done("")
        if one.moves >= limit and (closing := one.session.shortest_completion()) is not None:
            return done("", closing)
    return done("not closed")


@cache
def _model() -> Model:
    return load_model("python", lambda _: None)


def _work(job: tuple[Place, str, str, int, Folder]) -> Walked | str:
    place, mode, vocabulary, seed, folder = job
    model = _model() if mode == "n-gram" else None
    words = vocabulary_named(vocabulary) if model is None else model.vocabulary
    try:
        return walk(place, words, random.Random(seed), _LIMITS[mode], folder, model)
    except (HoleError, SpecError) as error:
        return f"{place.source.module}: {error}"


def _jobs(project: Path, options: Options, count: int) -> list[tuple[Place, str, str, int, Folder]]:
    """`count` walks of each mode, over the places of the sampled files in turn."""
    wanted = options.files or (20 if options.quick else 240)
    found: list[Place] = []
    for source in modules(project, wanted, options.seed + 2):
        if len(source.text) > _LONGEST:
            continue
        try:
            chosen = places(source)
        except SyntaxError:
            continue
        generator(options, "walk", source.module).shuffle(chosen)
        found += chosen[:6]
    generator(options, "walk").shuffle(found)
    names = vocabulary_names()
    return [
        (
            found[at % len(found)],
            mode,
            names[at % len(names)],
            generator(options, mode, at).randrange(1 << 30),
            (project, options.corpora),
        )
        for mode in MODES
        for at in range(count)
    ]


def _walks(
    jobs: Sequence[tuple[Place, str, str, int, Folder]],
) -> Iterator[tuple[Place, str, Walked]]:
    with ProcessPoolExecutor(WORKERS) as pool:
        results = pool.map(_work, jobs, chunksize=4)
        for at in steps("meaning-walk", range(len(jobs))):
            found = next(results)
            if isinstance(found, str):
                say(found)
                continue
            yield jobs[at][0], jobs[at][1], found


def _judged(
    project: Path, walks: Sequence[tuple[Place, str, Walked]]
) -> list[tuple[Complaint, bytes] | None]:
    """For each walk the checker's first new error and the program; None: there is none."""
    files: dict[int, tuple[Path, bytes]] = {}
    baselines: dict[Path, Path] = {}
    for at, (place, _, walked) in enumerate(walks):
        if walked.problem:
            continue
        source = place.source
        text = source.text[: place.start] + walked.body + source.text[place.end :]
        path = source.path.with_name(f"{source.path.stem}__w{at}.py")
        path.write_bytes(text)
        files[at] = path, text
        if source.path not in baselines:
            baselines[source.path] = source.path.with_name(f"{source.path.stem}__w.py")
            baselines[source.path].write_bytes(source.text)
    said = check(project, [*(path for path, _ in files.values()), *baselines.values()])
    found: list[tuple[Complaint, bytes] | None] = []
    for at, (place, _, _) in enumerate(walks):
        if at not in files:
            found.append(None)
            continue
        path, text = files[at]
        known = Counter(map(_message, said[baselines[place.source.path]]))
        fresh = []
        for one in said[path]:
            if known[_message(one)]:
                known[_message(one)] -= 1
            else:
                fresh.append(one)
        found.append((fresh[0], text) if fresh else None)
    for path in (*(path for path, _ in files.values()), *baselines.values()):
        path.unlink()
    return found


def _message(one: Complaint) -> str:
    """What is said, without the name that the module has for the checker."""
    return _COPY.sub("", one.message)


def measure(language: str, options: Options) -> Findings:
    """Walks of both modes."""
    began = time.monotonic()
    count = options.number(default=500, quick=20)
    with tempfile.TemporaryDirectory(prefix="meaning-") as scratch:
        project = make_project(options.corpora, Path(scratch).resolve())
        walks = list(_walks(_jobs(project, options, count)))
        errors = _judged(project, walks)
    rows: list[dict[str, object]] = []
    for (place, mode, walked), error in zip(walks, errors, strict=True):
        row: dict[str, object] = {
            "file": place.source.module,
            "mode": mode,
            "tokens": walked.tokens,
            "masks": walked.masks,
            "problem": walked.problem,
            "body": walked.body.decode("utf-8", "replace"),
            "rule": "",
            "error": "",
        }
        if error is not None:
            complaint, text = error
            lines = text.splitlines(keepends=True)
            start = sum(map(len, lines[: complaint.line - 1]))
            row["rule"] = complaint.rule or "syntax"
            row["error"] = complaint.message.splitlines()[0]
            row["excerpt"] = excerpt(text, start)
            say(f"{mode}: {row['rule']}: {row['error']}: {row['excerpt']}")
        elif walked.problem:
            say(f"{mode}: {walked.problem}: {row['body']!r}")
        rows.append(row)
    modes = {mode: _figures(rows, mode) for mode in MODES}
    summary = {
        "date": today(),
        "machine": machine(),
        "checker": checker_name(),
        "seed": options.seed,
        "files": len({row["file"] for row in rows}),
        "modes": modes,
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = [
        f"{language}: {mode}: {one['accepted']} of {one['walks']} are accepted"
        for mode, one in modes.items()
        if 100 * one["accepted"] < _LEAST[mode] * one["walks"]
    ]
    misses += [
        f"{language}: {mode}: {one['dead']} dead ends" for mode, one in modes.items() if one["dead"]
    ]
    return Findings(summary, rows, misses)


def _figures(rows: Sequence[Mapping[str, object]], mode: str) -> dict[str, Any]:
    chosen = [row for row in rows if row["mode"] == mode]
    kinds = Counter(str(row["rule"]) for row in chosen if row["rule"])
    kinds.update(str(row["problem"]).partition(":")[0] for row in chosen if row["problem"])
    return {
        "walks": len(chosen),
        "tokens": sum(row["tokens"] for row in chosen),
        "accepted": sum(not row["rule"] and not row["problem"] for row in chosen),
        "dead": sum(str(row["problem"]).startswith("dead end") for row in chosen),
        "open": sum(row["problem"] == "not closed" for row in chosen),
        "kinds": dict(kinds.most_common()),
    }


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *meaning-walk*."""
    rows, listed = [], []
    for language, s in summaries.items():
        modes = s["modes"]
        assert isinstance(modes, dict)
        for mode, one in modes.items():
            rows.append(
                (
                    language,
                    mode,
                    one["walks"],
                    one["tokens"],
                    percent(one["accepted"], one["walks"]),
                    one["dead"],
                    one["open"],
                    s["date"],
                )
            )
            kinds = ", ".join(f"{kind} {number}" for kind, number in one["kinds"].items())
            listed.append(f"- {language}, {mode}: {kinds or 'none'}\n")
    head = (
        "language", "drawn", "programs", "moves or tokens drawn", "accepted", "dead ends",
        "not closed", "measured",
    )  # fmt: skip
    last = list(summaries.values())[-1]
    return (
        "## Meaning walk (`python -m evals meaning-walk`)\n\n"
        "Bodies of functions of real files, drawn under the mask between the text before and after "
        "them, uniformly over moves (kinds of lexemes, then names) and by the embedded n-gram "
        "model over its tokens. "
        "Accepted: the type checker reports no error that the file doesn't have already. Targets: "
        "95 % (n-gram) and 90 % (uniform), no dead end.\n\n"
        + table(head, rows)
        + "\nThe first error that remains in each, by kind:\n\n"
        + "".join(listed)
        + f"\n{last['checker']}. {last['files']} files. Seed {last['seed']}. {last['machine']}\n"
    )


MEANING_WALK = Evaluation("meaning-walk", measure, {"meaning-walk": section}, ("python",))

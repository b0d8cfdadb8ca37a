"""Meaning replay: real files, token by token, judged at every token: nothing may be refused.

Files of installed packages and of the standard library, in their place in a project, are cut into
the tokens of real vocabularies. After every token the unfinished text is judged; each defect that
appears is a refusal of the token that brought it. It is *false* if the type checker reports no
error on the lines that the defect is about; a name that is never bound counts at the end.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ananke.analysis.defects import Defect, Domain
from ananke.languages.python.library import PythonLibrary, open_library
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing.grammar import load_grammar
from ananke.vocabulary.cache import DiskCache
from evals.environment import ModuleSource, environment_folder, make_project, modules
from evals.evaluation import Evaluation, Findings, Options
from evals.places import excerpt, line_of
from evals.progress import say, steps
from evals.pyright import Complaint, check, checker_name
from evals.report import Summary, machine, percent, table, today
from evals.tokens import cut_greedily, vocabulary_named, vocabulary_names

__all__ = ["MEANING_REPLAY", "Refusal", "library_of", "program_of", "replay"]

#: Files are shared out to so many processes.
WORKERS = 2


@dataclass(frozen=True)
class Refusal:
    """A defect and the token that brought it: byte offset of its end, or None at the text's end."""

    defect: Defect
    token_end: int | None


@dataclass(frozen=True)
class Replayed:
    """What the replay of one file gave."""

    source: ModuleSource
    vocabulary: str
    tokens: int
    seconds: float
    unparsed: bool
    refusals: tuple[Refusal, ...]


@cache
def library_of(project: Path, corpora: Path) -> PythonLibrary:
    """The library that the project's files see."""
    return open_library(
        environment=environment_folder(corpora), project=(project,), cache=DiskCache()
    )


def program_of(source: ModuleSource, library: PythonLibrary) -> Program:
    """A program that is the source's module."""
    return Program(library, source.module, source.is_package)


def replay(source: ModuleSource, program: Program, vocabulary_name: str) -> Replayed:
    """Feeds the file token by token and notes every defect that appears."""
    vocabulary = vocabulary_named(vocabulary_name)
    state = load_grammar("python").start()
    began = time.monotonic()
    seen: set[tuple[int, str]] = set()
    found: list[Refusal] = []
    count = 0

    def note(defects: Sequence[Defect], end: int | None) -> None:
        for one in defects:
            key = (one.start, one.message.partition("`")[0])
            if key not in seen:
                seen.add(key)
                found.append(Refusal(one, end))

    for token in cut_greedily(vocabulary, source.text):
        after = state.feed(vocabulary.token_bytes(token))
        if after is None:
            return Replayed(source, vocabulary_name, count, 0.0, True, tuple(found))
        state = after
        count += 1
        note(judge(program, state).defects, state.position)
    judgement = judge(program, state, at_end=True)
    note(judgement.defects, None)
    note(
        [
            Defect(Domain.TYPES, f"`{name}` is not defined at the end", one.start, one.end)
            for name, one in judgement.owed
        ],
        None,
    )
    seconds = time.monotonic() - began
    return Replayed(source, vocabulary_name, count, seconds, False, tuple(found))


def _work(job: tuple[ModuleSource, str, Path, Path]) -> Replayed:
    source, vocabulary, project, corpora = job
    return replay(source, program_of(source, library_of(project, corpora)), vocabulary)


_NO_MODULE = re.compile(r"there is no module `|no module of this environment begins with `")
_NAME = re.compile(rb"\w+")


def is_false(text: bytes, refusal: Refusal, complaints: Sequence[Complaint], project: Path) -> bool:
    """Whether the checker finds nothing wrong on the lines that the refusal is about.

    It takes a file for the module that it imports where both have the same name; whether there is
    such a module in the project is seen in its folder.
    """
    module = _NO_MODULE.match(refusal.defect.message)
    word = _NAME.match(text, refusal.defect.start)
    name = "" if word is None else word[0].decode()
    if module is not None and name not in sys.stdlib_module_names:
        return (project / name).is_dir() or (project / f"{name}.py").is_file()
    first = line_of(text, refusal.defect.start)
    last = line_of(text, max(refusal.defect.start, refusal.defect.end))
    return not any(one.line <= last and first <= one.last_line for one in complaints)


def _replays(
    jobs: Sequence[tuple[ModuleSource, str, Path, Path]],
) -> Iterator[Replayed]:
    with ProcessPoolExecutor(WORKERS) as pool:
        results = pool.map(_work, jobs, chunksize=2)
        for _ in steps("meaning-replay", range(len(jobs))):
            yield next(results)


def measure(language: str, options: Options) -> Findings:
    """Replays of the sampled files."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="meaning-") as scratch:
        project = make_project(options.corpora, Path(scratch).resolve())
        wanted = options.files or (40 if options.quick else 440)
        sources = modules(project, wanted, options.seed)
        names = vocabulary_names()
        jobs = [
            (source, names[at % len(names)], project, options.corpora)
            for at, source in enumerate(sources)
        ]
        replays = list(_replays(jobs))
        refused = [one for one in replays if one.refusals]
        complaints = check(project, [one.source.path for one in refused]) if refused else {}
    rows: list[dict[str, object]] = []
    false = 0
    for one in replays:
        for refusal in one.refusals:
            text = one.source.text
            wrong = is_false(text, refusal, complaints[one.source.path], project)
            false += wrong
            row = {
                "file": one.source.module,
                "line": line_of(text, refusal.defect.start),
                "false": wrong,
                "domain": refusal.defect.domain.value,
                "message": refusal.defect.message,
                "excerpt": excerpt(text, refusal.defect.start),
                "token_end": refusal.token_end,
            }
            rows.append(row)
            if wrong:
                say(f"{row['file']}:{row['line']}: {row['message']}: {row['excerpt']}")
    tokens = sum(one.tokens for one in replays)
    summary = {
        "date": today(),
        "machine": machine(),
        "checker": checker_name(),
        "seed": options.seed,
        "files": len(replays),
        "packages": len({one.source.package for one in replays}),
        "unparsed": sum(one.unparsed for one in replays),
        "tokens": tokens,
        "vocabularies": list(names),
        "refusals": len(rows),
        "false": false,
        "false_files": len({row["file"] for row in rows if row["false"]}),
        "ms_per_token": round(1000 * sum(one.seconds for one in replays) / max(1, tokens), 3),
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = [f"{language}: {false} false refusals"] if false else []
    return Findings(summary, rows, misses)


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *meaning-replay*."""
    rows = [
        (
            language,
            s["files"],
            s["packages"],
            s["tokens"],
            s["refusals"],
            s["false"],
            s["false_files"],
            percent(_number(s, "tokens") - _number(s, "false"), _number(s, "tokens")),
            s["ms_per_token"],
            s["date"],
        )
        for language, s in summaries.items()
    ]
    head = (
        "language", "files", "packages", "tokens", "refusals", "of these false", "files with one",
        "tokens not refused falsely", "ms a judgement", "measured",
    )  # fmt: skip
    last = list(summaries.values())[-1]
    return (
        "## Meaning replay (`python -m evals meaning-replay`)\n\n"
        "Files of installed packages and the standard library, cut into the tokens of "
        f"{' and '.join(_names(last))}, one each in turn; names, imports, types and control flow "
        "are judged after every token. A refusal is false if the type checker (standard mode) "
        "reports no error on its lines. Target: 0 false refusals.\n\n"
        + table(head, rows)
        + f"\n{last['checker']}. Seed {last['seed']}. {last['machine']}\n"
    )


def _number(summary: Summary, key: str) -> int:
    value = summary[key]
    assert isinstance(value, int)
    return value


def _names(summary: Summary) -> list[str]:
    value = summary["vocabularies"]
    assert isinstance(value, list)
    return [str(one) for one in value]


MEANING_REPLAY = Evaluation("meaning-replay", measure, {"meaning-replay": section}, ("python",))

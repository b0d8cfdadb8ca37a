"""Meaning kill: programs made wrong in one place must be refused.

A mutant counts if the type checker reports an error that it doesn't report for the file as it
was. It is *blocked* if a defect appears before the text may end, or if the end is owed something;
*late* is how many tokens after the change were still taken. *At the place*: at most two, for a
name or an argument is over only when the next token comes. In the *hole* world the rest of the
line with the change is written and all that follows is known: it is judged when the line ends.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing.grammar import load_grammar
from ananke.parsing.state import ParseState
from evals.environment import ModuleSource, make_project, modules
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.meaning_replay import WORKERS, library_of, program_of
from evals.places import excerpt, line_of
from evals.progress import say, steps
from evals.pyright import Complaint, check, checker_name
from evals.python_mutants import OPERATORS, PythonMutant, mutants
from evals.report import Place, Summary, machine, percent, table, today
from evals.tokens import vocabulary_named, vocabulary_names

__all__ = ["MEANING_KILL", "Verdict", "kill"]

#: Bytes; each mutant is read to its end, by us and by the checker.
_LONGEST = 16_000
_SHORTEST = 1_000
#: Tokens after the change within which it is blocked at the place.
_AT_ONCE = 2
_LEAST_SHARE, _LEAST_OPERATOR = 90, 75


@dataclass(frozen=True)
class Verdict:
    """How a mutant fared: tokens late (None: it escaped), and in a hole; what was said."""

    late: int | None
    late_in_hole: int | None
    message: str


class _Judged:
    """One file's mutants share its parse states and what is remembered of its statements."""

    def __init__(self, source: ModuleSource, program: Program) -> None:
        self.program = program
        self._text = source.text
        self._state = load_grammar("python").start()

    def before(self, offset: int) -> ParseState | None:
        """The state before an offset of the unchanged text."""
        return self._state.feed(self._text[:offset])

    def says(self, state: ParseState | None, *, at_end: bool = False) -> str | None:
        """What is wrong with the text of the state; None: nothing is."""
        if state is None:
            return "syntax"
        judgement = judge(self.program, state, at_end=at_end)
        if judgement.defects:
            return judgement.defects[0].text()
        if at_end and judgement.owed:
            return f"types: `{judgement.owed[0][0]}` is not defined at the end"
        return None


def kill(source: ModuleSource, program: Program, chosen: Sequence[PythonMutant]) -> list[Verdict]:
    """The verdicts on the mutants of one file.

    Raises:
        ValueError: the file itself is refused.
    """
    judged = _Judged(source, program)
    whole = judged.before(len(source.text))
    message = judged.says(whole, at_end=True)
    if message is not None:
        raise ValueError(f"{source.module} is refused as it is: {message}")
    return [_verdict(judged, one) for one in chosen]


def _verdict(judged: _Judged, mutant: PythonMutant) -> Verdict:
    text = mutant.text
    start = judged.before(mutant.start)
    assert start is not None
    final = start.feed(text[mutant.start :])
    message = judged.says(final, at_end=True)
    if message is None:
        return Verdict(None, None, "")
    ends = _token_ends(text, mutant.start)
    # The token that holds the last byte of the change is the first that can be refused.
    first = next((at for at, end in enumerate(ends) if end >= mutant.end), len(ends) - 1)
    late = _first_refused(judged, start, text, mutant.start, ends, first)
    line_end = text.find(b"\n", max(mutant.start, mutant.end - 1)) + 1 or len(text)
    if mutant.operator == "dropped import":
        line_end = text.find(b"\n", mutant.start) + 1 or len(text)
    in_line = sum(1 for end in ends[first:] if end < line_end)
    return Verdict(late, min(late, in_line), message)


def _token_ends(text: bytes, start: int) -> list[int]:
    """Where the tokens end that the text from `start` on is cut into."""
    vocabulary = vocabulary_named(vocabulary_names()[0])
    ends: list[int] = []
    at = start
    for token in vocabulary.encode(text[start:]):
        at += len(vocabulary.token_bytes(token))
        ends.append(at)
    return ends


def _first_refused(
    judged: _Judged, before: ParseState, text: bytes, start: int, ends: Sequence[int], first: int
) -> int:
    """How many tokens after number `first` are taken before one is refused."""

    def is_refused(number: int) -> bool:
        return judged.says(before.feed(text[start : ends[number]])) is not None

    low = first
    while low < min(first + 4, len(ends)):
        if is_refused(low):
            return low - first
        low += 1
    high = len(ends)
    # Invariant: token `low - 1` is taken; token `high` (or the end) is refused.
    while low < high:
        middle = (low + high) // 2
        if is_refused(middle):
            high = middle
        else:
            low = middle + 1
    return low - first


# The checker


def _wrong_ones(
    project: Path, plan: Sequence[tuple[ModuleSource, PythonMutant]], place: Place
) -> list[str]:
    """For each mutant the first error that is new, or "". Remembered by content."""
    kept_path = place.rows / "meaning-kill" / "checked.json"
    kept: dict[str, str] = json.loads(kept_path.read_text()) if kept_path.is_file() else {}
    keys = [_key(source, mutant.text) for source, mutant in plan]
    fresh = [at for at, key in enumerate(keys) if key not in kept]
    batch = 240
    for begin in steps("meaning-kill checks", range(0, len(fresh), batch)):
        chosen = fresh[begin : begin + batch]
        files: dict[int, Path] = {}
        baselines: dict[Path, Path] = {}
        for at in chosen:
            source, mutant = plan[at]
            files[at] = _beside(source, f"__m{at}", mutant.text)
            baselines[source.path] = _beside(source, "__m", source.text)
        said = check(project, [*files.values(), *baselines.values()])
        for at, path in files.items():
            source = plan[at][0]
            known = _shown(said[baselines[source.path]], source)
            fresh_errors = _shown(said[path], source)
            for message in known:
                if message in fresh_errors:
                    fresh_errors.remove(message)
            kept[keys[at]] = fresh_errors[0] if fresh_errors else ""
        for path in (*files.values(), *baselines.values()):
            path.unlink()
        kept_path.parent.mkdir(parents=True, exist_ok=True)
        kept_path.write_text(json.dumps(kept))
    return [kept[key] for key in keys]


def _key(source: ModuleSource, text: bytes) -> str:
    # The number is that of the way in which complaints are compared.
    said = f"2\0{checker_name()}\0{source.module}\0".encode()
    return hashlib.sha256(said + text).hexdigest()


def _beside(source: ModuleSource, suffix: str, text: bytes) -> Path:
    path = source.path.with_name(f"{source.path.stem}{suffix}.py")
    path.write_bytes(text)
    return path


def _shown(complaints: Sequence[Complaint], source: ModuleSource) -> list[str]:
    """Errors as texts that are the same for a file under another name. Messages may hold the name
    of the file's module: an error of the file itself would else be new in each mutant."""
    names = re.compile(rf"\b{re.escape(source.path.stem)}__m\d*\b")
    return [
        names.sub(source.path.stem, f"{one.rule}: {one.message.splitlines()[0]}")
        for one in complaints
    ]


# The measure


def _work(
    job: tuple[ModuleSource, tuple[PythonMutant, ...], Path, Path],
) -> list[Verdict] | str:
    source, chosen, project, corpora = job
    try:
        return kill(source, program_of(source, library_of(project, corpora)), chosen)
    except ValueError as error:
        return str(error)


def _plan(
    sources: Sequence[ModuleSource], options: Options, count: int
) -> list[tuple[ModuleSource, PythonMutant]]:
    """Mutants of all operators, as equally many of each as there are, files in turn."""
    each = -(-count // len(OPERATORS))
    plan: list[tuple[ModuleSource, PythonMutant]] = []
    for operator in OPERATORS:
        found: list[list[tuple[ModuleSource, PythonMutant]]] = []
        for source in sources:
            rng = generator(options, "kill", operator, source.module)
            chosen = mutants(source.text, operator, rng, 3)
            found.append([(source, one) for one in chosen])
        # The first of each file, then the second of each, …
        rounds = [row for turn in zip_longest(*found) for row in turn if row is not None]
        plan += rounds[:each]
    return plan


def _parsable(source: ModuleSource) -> bool:
    try:
        mutants(source.text, "undefined name", generator(Options(Path())), 0)
    except SyntaxError:
        return False
    return load_grammar("python").parse(source.text) is not None


def _judge_all(
    plan: Sequence[tuple[ModuleSource, PythonMutant]], project: Path, corpora: Path
) -> Iterator[tuple[ModuleSource, PythonMutant, Verdict]]:
    groups: dict[str, list[tuple[ModuleSource, PythonMutant]]] = {}
    for source, mutant in plan:
        groups.setdefault(source.module, []).append((source, mutant))
    jobs = [
        (group[0][0], tuple(mutant for _, mutant in group), project, corpora)
        for group in groups.values()
    ]
    with ProcessPoolExecutor(WORKERS) as pool:
        results = pool.map(_work, jobs)
        for at in steps("meaning-kill", range(len(jobs))):
            verdicts = next(results)
            if isinstance(verdicts, str):
                say(verdicts)
                continue
            source, chosen = jobs[at][:2]
            yield from ((source, m, v) for m, v in zip(chosen, verdicts, strict=True))


def measure(language: str, options: Options) -> Findings:
    """Mutants of the sampled files."""
    began = time.monotonic()
    count = options.number(default=3600, quick=220)
    with tempfile.TemporaryDirectory(prefix="meaning-") as scratch:
        project = make_project(options.corpora, Path(scratch).resolve())
        wanted = options.files or (24 if options.quick else 260)
        sources = [
            one
            for one in modules(project, wanted, options.seed + 1)
            if _SHORTEST <= len(one.text) <= _LONGEST and _parsable(one)
        ]
        plan = _plan(sources, options, count)
        errors = _wrong_ones(project, plan, options.place)
        wrong = [pair for pair, error in zip(plan, errors, strict=True) if error]
        shown = {id(m): e for (_, m), e in zip(plan, errors, strict=True)}
        rows: list[dict[str, object]] = []
        for source, mutant, verdict in _judge_all(wrong, project, options.corpora):
            rows.append(
                {
                    "file": source.module,
                    "operator": mutant.operator,
                    "line": line_of(mutant.text, mutant.start),
                    "excerpt": excerpt(mutant.text, mutant.start),
                    "checker": shown[id(mutant)],
                    "late": verdict.late,
                    "late_in_hole": verdict.late_in_hole,
                    "message": verdict.message,
                }
            )
    kinds = {operator: _figures(rows, operator) for operator in OPERATORS}
    all_ = _figures(rows, None)
    summary = {
        "date": today(),
        "machine": machine(),
        "checker": checker_name(),
        "seed": options.seed,
        "made": len(plan),
        "files": len({row["file"] for row in rows}),
        **all_,
        "operators": kinds,
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = []
    if _share(all_) < _LEAST_SHARE:
        misses.append(f"{language}: {_share(all_):.1f} % of the mutants are blocked")
    misses += [
        f"{language}: {name}: {_share(one):.1f} % are blocked"
        for name, one in kinds.items()
        if one["mutants"] and _share(one) < _LEAST_OPERATOR
    ]
    return Findings(summary, rows, misses)


def _figures(rows: Sequence[Mapping[str, object]], operator: str | None) -> dict[str, int | None]:
    chosen = [row for row in rows if operator is None or row["operator"] == operator]
    late = sorted(one for row in chosen if isinstance(one := row["late"], int))
    hole = sorted(one for row in chosen if isinstance(one := row["late_in_hole"], int))
    return {
        "mutants": len(chosen),
        "blocked": len(late),
        "at_place": sum(one <= _AT_ONCE for one in late),
        "escaped": len(chosen) - len(late),
        "late_median": late[len(late) // 2] if late else None,
        "hole_at_place": sum(one <= _AT_ONCE for one in hole),
        "hole_median": hole[len(hole) // 2] if hole else None,
    }


def _share(figures: Mapping[str, int | None]) -> float:
    return 100 * (figures["blocked"] or 0) / (figures["mutants"] or 1)


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *meaning-kill*."""
    parts = [
        "## Meaning kill (`python -m evals meaning-kill`)\n\n"
        "Real files with one error put in. Only those count for which the type checker reports a "
        "new error. *At the place*: at most two tokens after the change are taken; *late*: median "
        "of the tokens taken. *Hole*: only the line with the change is written, what follows it "
        "is known. Targets: 90 % blocked, no kind under 75 %, median late at most 1 in a hole.\n"
    ]
    head = (
        "error", "mutants", "blocked", "at the place", "later", "escaped", "late",
        "hole: at the place", "hole: late",
    )  # fmt: skip
    for language, s in summaries.items():
        kinds = s["operators"]
        assert isinstance(kinds, dict)
        rows = [_row(name, one) for name, one in kinds.items() if one["mutants"]]
        rows.append(_row("all", s))
        parts.append(table(head, rows))
        parts.append(
            f"{language}: {s['files']} files, {s['made']} mutants made, measured {s['date']}. "
            f"{s['checker']}. Seed {s['seed']}. {s['machine']}\n"
        )
    return "\n".join(parts)


def _row(name: str, figures: Mapping[str, object]) -> tuple[object, ...]:
    count, blocked, at_place = (figures[key] for key in ("mutants", "blocked", "at_place"))
    assert isinstance(count, int)
    assert isinstance(blocked, int)
    assert isinstance(at_place, int)
    hole = figures["hole_at_place"]
    assert isinstance(hole, int)
    return (
        name,
        count,
        percent(blocked, count),
        percent(at_place, count),
        blocked - at_place,
        figures["escaped"],
        figures["late_median"],
        percent(hole, count),
        figures["hole_median"],
    )


MEANING_KILL = Evaluation("meaning-kill", measure, {"meaning-kill": section}, ("python",))

"""Contracts: functions of `contracts.md` under all domains, judged by running them.

- *right*: the solution is written token by token; no token of it may be refused.
- *wrong*: each program that breaks its contract (running it shows that) must be refused before the
  text ends; *late* is how many tokens after the first that tells it from the solution.
- *sampled*: bodies drawn under the mask: each admitted token alike, in the shape of
  `contract_grammar.py`; or by an n-gram model of the function's solution and wrong programs. Those
  that finish are run. Where the solver has proven that every call keeps the contract, none may
  break it.

Programs are run in a process of their own (`sandbox.py`).
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ananke.cli.ngram import Model, train
from ananke.domains.semantics import start_semantics
from ananke.masks import allocate, tokens_of
from ananke.parsing import load_grammar
from ananke.session import NotAdmitted, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary
from evals.contract_grammar import grammar_of
from evals.contract_tasks import DOMAINS, Task, inputs, tasks
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.progress import say, steps
from evals.report import Summary, machine, percent, table, today
from evals.sandbox import Outcome, call_all
from evals.tokens import vocabulary_named, vocabulary_names

__all__ = ["CONTRACTS", "Sample", "Writing", "draw", "write"]

#: Tokens of a sampled function after which it ends where it may.
_LONGEST = 40
#: Tokens that are drawn for one function, those of lines that are given up among them.
_DRAWS_AT_MOST = 300
#: How often, when a line can't be ended, the one before is given up as well.
_FURTHER_BACK = 0.25
_VOCABULARY_SIZE = 320
_INPUTS = 240
#: Blocked wrong programs, in per cent.
_TARGET = 80
_DRAWS = ("uniform", "n-gram")


@dataclass(frozen=True)
class Writing:
    """A program that was written token by token: which token was refused (None: none; the number
    of tokens: the end), why, and how long each token took, in microseconds."""

    refused: int | None
    reason: str
    times: tuple[float, ...]


def write(task: Task, text: str, vocabulary: Vocabulary) -> Writing:
    """Writes a program under the task's contract."""
    session = Session(parse_spec(task.spec()), vocabulary)
    times: list[float] = []
    tokens = [*vocabulary.encode(text.encode()), vocabulary.eos[0]]
    for at, token in enumerate(tokens):
        began = time.perf_counter()
        try:
            session.accept(token)
        except NotAdmitted as refusal:
            return Writing(at, str(refusal), tuple(times))
        times.append((time.perf_counter() - began) * 1e6)
    return Writing(None, "", tuple(times))


def _lateness(task: Task, text: str, refused: int, vocabulary: Vocabulary) -> int:
    """How many tokens of a wrong program were taken after the first that the solution lacks."""
    right, wrong = (list(vocabulary.encode(one.encode())) for one in (task.right, text))
    same = next(
        (at for at, pair in enumerate(zip(right, wrong, strict=False)) if pair[0] != pair[1]),
        len(wrong),
    )
    return max(0, refused - same)


@dataclass(frozen=True)
class Sample:
    """A sampled program. `problem`: why it didn't finish ("" if it did)."""

    text: str
    problem: str
    times: tuple[float, ...]


def draw(task: Task, model: Model, kind: str, rng: random.Random) -> Sample:
    """Draws the body of a function under the mask.

    Args:
        kind: `uniform`, each admitted token alike, in the shape of the task's grammar; or
            `n-gram`, as the model would.
    """
    vocabulary = model.vocabulary
    prefix = task.signature + ":\n"
    spec = task.spec(("syntax", "semantics"), prefix)
    if kind == "uniform":
        spec["grammar"] = {"kind": "lark", "source": grammar_of(task)}
    session = Session(parse_spec(spec), vocabulary)
    rows = allocate(1, vocabulary.size)
    context = model.encode(prefix)
    begun = len(context)
    times: list[float] = []

    def done(problem: str) -> Sample:
        return Sample(prefix + session.text.decode(errors="replace"), problem, tuple(times))

    lines = [0]
    for _ in range(_DRAWS_AT_MOST):
        began = time.perf_counter()
        session.mask(rows)
        times.append((time.perf_counter() - began) * 1e6)
        choices = tokens_of(rows[0])
        ends = [one for one in vocabulary.eos if one in choices]
        if ends and len(context) - begun > _LONGEST:
            token = ends[0]
        elif not len(choices):
            # The line has no right end: it is drawn anew, or those before it too.
            if len(lines) > 1 and rng.random() < _FURTHER_BACK:
                lines.pop()
            session.rollback(len(context) - begun - lines[-1])
            del context[begun + lines[-1] :]
            continue
        elif kind == "uniform":
            token = int(choices[rng.randrange(len(choices))])
        else:
            weights = np.exp(model.next_logits(context)[choices].astype(np.float64))
            token = int(rng.choices(choices.tolist(), weights.tolist())[0])
        session.accept(token)
        if session.is_finished:
            return done("")
        context.append(token)
        if vocabulary.token_bytes(token).endswith(b"\n"):
            lines.append(len(context) - begun)
    return done("drawn too often")


def is_proven(task: Task, text: str, vocabulary: Vocabulary) -> bool:
    """Whether the solver has decided that every call of the finished text keeps the contract."""
    parse = load_grammar("python").start().feed(text.encode())
    assert parse is not None
    judge = start_semantics(parse_spec(task.spec(("syntax", "semantics"), text)), vocabulary, parse)
    assert judge is not None
    return task.name in judge.decided()


def measure(language: str, options: Options) -> Findings:
    """All tasks; `count` is how many programs are drawn for each, by each kind of draw."""
    began = time.monotonic()
    draws = options.number(default=6, quick=1)
    chosen = tasks()[:6] if options.quick else tasks()
    vocabulary = vocabulary_named(vocabulary_names()[0])
    rows: list[dict[str, object]] = []
    misses: list[str] = []
    times: list[float] = []
    mask_times: list[float] = []
    late: list[int] = []
    counts: Counter[str] = Counter()
    for task in steps(f"contracts {language}", chosen):
        given = inputs(task, _INPUTS, generator(options, "contracts", task.name))

        def called(
            text: str, task: Task = task, given: Sequence[Mapping[str, object]] = given
        ) -> tuple[Outcome, ...]:
            return call_all(text, task.name, given, task.pre, task.post)

        for kind, text in (("right", task.right), *(("wrong", one) for one in task.wrong)):
            violations = [one for one in called(text) if one.is_violation]
            if (kind == "wrong") != bool(violations):
                misses.append(f"{task.name}: a program that is said to be {kind} is not, when run")
            written = write(task, text, vocabulary)
            times += written.times
            counts[kind] += 1
            is_blocked = written.refused is not None
            counts[f"{kind} blocked"] += is_blocked
            if kind == "right" and is_blocked:
                misses.append(f"{task.name}: the solution is refused: {written.reason}")
            if kind == "right":
                counts["right proven"] += is_proven(task, text, vocabulary)
            if kind == "wrong" and written.refused is not None:
                late.append(_lateness(task, text, written.refused, vocabulary))
            rows.append(
                {
                    "task": task.name,
                    "kind": kind,
                    "text": text,
                    "refused": written.refused,
                    "reason": written.reason,
                }
            )
        model = train([task.right, *task.wrong], _VOCABULARY_SIZE, task.name)
        for kind in _DRAWS:
            for index in range(draws):
                rng = generator(options, "contracts", task.name, kind, index)
                sample = draw(task, model, kind, rng)
                mask_times += sample.times
                counts[f"{kind} drawn"] += 1
                if sample.problem:
                    rows.append({"task": task.name, "kind": kind, "problem": sample.problem})
                    counts[f"{kind} unfinished"] += 1
                    continue
                proven = is_proven(task, sample.text, model.vocabulary)
                violation = next((one for one in called(sample.text) if one.is_violation), None)
                counts[f"{kind} finished"] += 1
                counts[f"{kind} proven"] += proven
                counts[f"{kind} violating"] += violation is not None
                if proven and violation is not None:
                    counts[f"{kind} proven violating"] += 1
                    misses.append(
                        f"{task.name}: proven, and broken with {violation.arguments}: "
                        f"{sample.text!r}"
                    )
                rows.append(
                    {
                        "task": task.name,
                        "kind": kind,
                        "text": sample.text,
                        "proven": proven,
                        "violation": violation.arguments if violation else None,
                    }
                )
    if 100 * counts["wrong blocked"] < _TARGET * counts["wrong"]:
        misses.append(f"{counts['wrong blocked']} of {counts['wrong']} wrong programs blocked")
    summary: dict[str, object] = {
        "date": today(),
        "machine": machine(),
        "seed": options.seed,
        "functions": len(chosen),
        **counts,
        "late p50": statistics.median(late) if late else 0,
        "late max": max(late, default=0),
        "accept p50": round(float(np.percentile(times, 50))),
        "accept p99": round(float(np.percentile(times, 99))),
        "mask p50": round(float(np.percentile(mask_times, 50))),
        "mask p99": round(float(np.percentile(mask_times, 99))),
        "vocabulary": vocabulary.size,
        "draw vocabulary": _VOCABULARY_SIZE,
    }
    say(f"contracts: {time.monotonic() - began:.0f} s")
    return Findings(summary, rows, misses)


def render(summaries: Mapping[str, Summary]) -> str:
    """The section."""
    parts = [
        "## Contracts (`python -m evals contracts`)\n",
        "Functions of `evals/contracts.md`, with pre- and postconditions, under the domains "
        f"{', '.join(DOMAINS)}. *Right*: the solution, written token by token. *Wrong*: programs "
        "that break the contract in one place, blocked before the text may end; *late*: tokens "
        "taken after the first that tells it from the solution. *Proven*: the solver followed "
        "every call to its end. Lists are tried up to 4 elements and loops up to a few rounds, so "
        "functions of lists are never proven, only refuted. Everything was run on generated "
        "inputs, in a process of its own.\n",
    ]
    heads = ["language", "functions", "right blocked", "right proven", "wrong blocked", "late"]
    body = []
    drawn = []
    for language, summary in summaries.items():
        number = {key: value for key, value in summary.items() if isinstance(value, int)}
        body.append(
            [
                language,
                number["functions"],
                f"{number.get('right blocked', 0)} of {number['right']}",
                f"{number.get('right proven', 0)} of {number['right']}",
                f"{number['wrong blocked']} of {number['wrong']} "
                f"({percent(number['wrong blocked'], number['wrong'])})",
                f"p50 {summary['late p50']}, max {summary['late max']}",
            ]
        )
        for kind in _DRAWS:
            finished = number.get(f"{kind} finished", 0)
            drawn.append(
                [
                    language,
                    kind,
                    number.get(f"{kind} drawn", 0),
                    finished,
                    number.get(f"{kind} proven", 0),
                    number.get(f"{kind} proven violating", 0),
                    f"{number.get(f'{kind} violating', 0)} "
                    f"({percent(number.get(f'{kind} violating', 0), finished)})",
                ]
            )
    parts.append(table(heads, body))
    parts.append("\nSampled programs:\n")
    heads = ["language", "drawn", "programs", "finished", "proven", "of those broken", "all broken"]
    parts.append(table(heads, drawn))
    for language, summary in summaries.items():
        parts.append(
            f"\n{language}: {summary['date']}, seed {summary['seed']}. Accepting a token of "
            f"{summary['vocabulary']:,}: p50 {summary['accept p50']} µs, p99 "
            f"{summary['accept p99']} µs; a mask of {summary['draw vocabulary']:,}: p50 "
            f"{summary['mask p50']} µs, p99 {summary['mask p99']} µs. {summary['machine']}\n"
        )
    return "\n".join(parts)


CONTRACTS = Evaluation("contracts", measure, {"contracts": render}, ("python",))

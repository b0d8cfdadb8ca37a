"""Mutants: programs with one lexeme deleted, inserted or swapped must be blocked.

Lexeme boundaries come from tree-sitter's tree of a file that both accept. A mutant that tree-sitter
rejects must not reach an admitted EOS: either some byte of it has no continuation, or the whole may
not end. *Late* is how many tokens after the change were still taken before the first one that was
refused (many are right to take: what follows may still make the change a program). A mutant that
tree-sitter accepts and we refuse is counted too: it is a false rejection unless the compiler also
rejects it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ananke.parsing.grammar import load_grammar
from evals.corpora import Source
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.judges import (
    Leaf,
    compiler_accepts,
    compiler_name,
    is_program,
    is_refused_by_rows,
    leaves,
    needs_additions,
)
from evals.places import dead_at, excerpt, line_of
from evals.progress import say, steps
from evals.report import Summary, machine, percent, table, today
from evals.tokens import vocabulary_named, vocabulary_names
from evals.walk import viable_sources

__all__ = ["KINDS", "MUTANTS", "Mutant", "mutate"]

KINDS = ("delete", "insert", "swap")
#: Of the mutants that tree-sitter rejects, in per mille.
_TARGET = 999
#: Bytes; a mutant costs a parse of the whole file.
_LONGEST = 20_000


@dataclass(frozen=True)
class Mutant:
    """A changed text and where the change begins."""

    kind: str
    at: int
    text: bytes


def mutate(text: bytes, lexemes: Sequence[Leaf], kind: str, rng: random.Random) -> Mutant:
    """One mutant of `text`, which has at least two lexemes.

    Raises:
        ValueError: `kind` is not one of `KINDS`.
    """
    place = rng.randrange(len(lexemes) - 1)
    here, following = lexemes[place], lexemes[place + 1]
    first = text[here.start : here.end]
    second = text[following.start : following.end]
    if kind == "delete":
        return Mutant(kind, here.start, text[: here.start] + text[here.end :])
    if kind == "insert":
        other = rng.choice(lexemes)
        inserted = text[other.start : other.end] + b" "
        return Mutant(kind, here.start, text[: here.start] + inserted + text[here.start :])
    if kind == "swap":
        between = text[here.end : following.start]
        changed = second + between + first
        return Mutant(kind, here.start, text[: here.start] + changed + text[following.end :])
    raise ValueError(f"mutation {kind!r}: must be one of {', '.join(KINDS)}")


def measure(language: str, options: Options) -> Findings:
    """Mutants of one language."""
    began = time.monotonic()
    count = options.number(default=3000, quick=120)
    grammar = load_grammar(language)
    vocabulary = vocabulary_named(vocabulary_names()[0])
    sources = _usable(language, options)
    rows: list[dict[str, object]] = []
    refused_texts: list[bytes] = []
    for index in steps(f"mutants {language}", range(count)):
        rng = generator(options, "mutant", language, index)
        source, lexemes = sources[index % len(sources)]
        mutant = mutate(source.text, lexemes, KINDS[index // len(sources) % len(KINDS)], rng)
        dead = dead_at(grammar, mutant.text)
        state = grammar.parse(mutant.text) if dead is None else None
        ours = state is not None and state.can_end()
        theirs = is_program(language, mutant.text)
        added = ours and not theirs and needs_additions(language, mutant.text)
        row: dict[str, object] = {
            "index": index,
            "file": source.name,
            "kind": mutant.kind,
            "theirs": theirs,
            "ours": ours,
            "added": added,
            "line": line_of(mutant.text, mutant.at),
        }
        if ours != theirs and not added:
            place = mutant.at if dead is None else dead
            row["excerpt"] = excerpt(mutant.text, place)
            say(
                f"{language} {mutant.kind} {source.name}:{line_of(mutant.text, place)}: ours "
                f"{ours}, tree-sitter {theirs}: {row['excerpt']}"
            )
            if theirs:
                refused_texts.append(mutant.text)
        if not theirs and dead is not None:
            row["late"] = len(vocabulary.encode(mutant.text[mutant.at : dead]))
        rows.append(row)
    # What the language's rows add to the grammar tree-sitter can't judge.
    rejected = [row for row in rows if not row["theirs"] and not row["added"]]
    escaped = [row for row in rejected if row["ours"]]
    late = sorted(int(str(row["late"])) for row in rejected if "late" in row)
    if compiler_name(language):
        verdicts = compiler_accepts(language, refused_texts)
        wrongly = [text for text, valid in zip(refused_texts, verdicts, strict=True) if valid]
    else:
        wrongly = [text for text in refused_texts if not is_refused_by_rows(language, text)]
    summary = {
        "date": today(),
        "machine": machine(),
        "seed": options.seed,
        "files": len(sources),
        "mutants": len(rows),
        "rejected": len(rejected),
        "added": sum(bool(row["added"]) for row in rows),
        "blocked": len(rejected) - len(escaped),
        "at_end_only": sum("late" not in row for row in rejected) - len(escaped),
        "late": {share: _quantile(late, share) for share in ("0.5", "0.9", "0.99")},
        "refused": len(refused_texts),
        "refused_wrongly": len(wrongly),
        "compiler": compiler_name(language),
        "escaped": [{key: row[key] for key in ("file", "kind", "excerpt")} for row in escaped[:5]],
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = []
    if not rejected:
        misses.append(f"{language}: no mutant is rejected by tree-sitter")
    elif 1000 * (len(rejected) - len(escaped)) < _TARGET * len(rejected):
        misses.append(f"{language}: {len(escaped)} of {len(rejected)} rejected mutants get through")
    return Findings(summary, rows, misses)


def _usable(language: str, options: Options) -> list[tuple[Source, tuple[Leaf, ...]]]:
    sources = [
        source
        for source in options.sources(language, default=200, quick=20)
        if len(source.text) <= _LONGEST
    ]
    found = [
        (source, lexemes)
        for source in viable_sources(language, sources)
        if len(lexemes := leaves(language, source.text)) > 1
    ]
    if not found:
        raise ValueError(f"{language}: no file of the sample is accepted by both parsers")
    return found


def _quantile(ordered: Sequence[int], share: str) -> int | None:
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(float(share) * len(ordered)))]


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *mutants*."""
    rows = []
    for language, s in summaries.items():
        rejected, blocked = s["rejected"], s["blocked"]
        late = s["late"]
        assert isinstance(rejected, int)
        assert isinstance(blocked, int)
        assert isinstance(late, dict)
        judged = f"{s['refused_wrongly']} of {s['refused']}"
        rows.append(
            (
                language,
                s["mutants"],
                rejected,
                percent(blocked, rejected),
                s["at_end_only"],
                f"{late['0.5']} / {late['0.9']} / {late['0.99']}",
                judged,
                s["date"],
            )
        )
    head = (
        "language", "mutants", "rejected by tree-sitter", "of these blocked", "only at EOS",
        "tokens late p50 / p90 / p99", "refused, tree-sitter accepts", "measured",
    )  # fmt: skip
    last = list(summaries.values())[-1]
    return (
        "## Mutants (`python -m evals mutants`)\n\n"
        "One lexeme deleted, inserted or swapped in a real file. Target: 99.9 % of those that "
        "tree-sitter rejects are blocked before EOS. *Late*: tokens after the change that were "
        "still taken. Mutants that are programs by what the language's rows add are left out. "
        "The last figures count mutants that tree-sitter accepts and we refuse, as "
        "*wrongly* of *all*: for Python and Zig those that the compiler's parser accepts too, for "
        "the others those that no row of the language refuses (a newline in Go's `f(a\\n)`, a "
        "reserved word as a name in Rust), where the compiler's word is in the cases.\n\n"
        + table(head, rows)
        + f"\nSeed {last['seed']}. {last['machine']}\n"
    )


MUTANTS = Evaluation("mutants", measure, {"mutants": section})

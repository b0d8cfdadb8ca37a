"""Agreement with tree-sitter's runtime on real files, and replay of those that both accept.

*Agreement*: our parser and tree-sitter's own accept or reject the same files. *Replay*: an accepted
file, cut into tokens of two vocabularies, greedily and at random, is fed token by token; the mask
before each token must have the token's bit, and feeding it must leave a live state. *Gaps*: files
that the language's compiler accepts (or, where no compiler is at hand, that a package ships) and
the grammar can't parse: each is a place where a correct program would be refused.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from ananke.parsing.classifier import Classifier, load_classifier
from ananke.parsing.grammar import Grammar, load_grammar
from evals.corpora import Source
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.judges import compiler_accepts, compiler_name, first_error, is_program, needs_additions
from evals.places import dead_at, excerpt, line_of
from evals.progress import say, steps
from evals.report import Summary, machine, percent, table, today
from evals.tokens import cut_greedily, cut_randomly, vocabulary_named, vocabulary_names

__all__ = ["AGREE", "replay"]

#: Of the files, in per mille.
_TARGET = 999
_LISTED_GAPS = 12


def measure(language: str, options: Options) -> Findings:
    """Agreement, replay and gaps of one language."""
    began = time.monotonic()
    grammar = load_grammar(language)
    classifiers = {
        name: load_classifier(grammar, vocabulary_named(name)) for name in vocabulary_names()
    }
    sources = options.sources(language, default=300, quick=20)
    rows: list[dict[str, object]] = []
    replayed = 0
    for source in steps(f"agree {language}", sources):
        row = _judge(grammar, source)
        if (
            row["ours"]
            and (row["theirs"] or row["added"])
            and replayed < (options.replays or len(sources))
        ):
            row["replay"] = _replays(grammar, classifiers, source, options)
            replayed += 1
        rows.append(row)
    _add_compiler(language, sources, rows)

    both = [row for row in rows if row["ours"] == row["theirs"] or row["added"]]
    replays = [one for row in rows for one in row.get("replay", ())]  # type: ignore[attr-defined]
    refused = [one for one in replays if one["masked"] or one["dead"]]
    gaps = [row for row in rows if row["compiler"] is not False and not row["ours"]]
    summary = {
        "date": today(),
        "machine": machine(),
        "seed": options.seed,
        "files": len(rows),
        "bytes": sum(len(source.text) for source in sources),
        "accepted": sum(bool(row["theirs"]) for row in rows),
        "agreed": len(both),
        "added": sum(bool(row["added"]) for row in rows),
        "disagreed": [
            _place(row) for row in rows if row["ours"] != row["theirs"] and not row["added"]
        ],
        "replayed": replayed,
        "replays": len(replays),
        "replays_refused": len(refused),
        "tokens": sum(one["tokens"] for one in replays),
        "tokens_masked": sum(one["masked"] for one in replays),
        "compiler": compiler_name(language),
        "gaps": len(gaps),
        "gap_places": [_place(row) for row in gaps],
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = []
    if 1000 * len(both) < _TARGET * len(rows):
        misses.append(f"{language}: agrees on {len(both)} of {len(rows)} files")
    if refused:
        misses.append(f"{language}: {len(refused)} of {len(replays)} replays were refused")
    if not replays:
        misses.append(f"{language}: nothing was replayed")
    return Findings(summary, rows, misses)


def _judge(grammar: Grammar, source: Source) -> dict[str, object]:
    text = source.text
    state = grammar.parse(text)
    ours = state is not None and state.can_end()
    theirs = is_program(grammar.name, text)
    row: dict[str, object] = {
        "file": source.name,
        "bytes": len(text),
        "ours": ours,
        "theirs": theirs,
        "added": ours and not theirs and needs_additions(grammar.name, text),
        "compiler": None,
    }
    if ours and (theirs or row["added"]):
        return row
    place = dead_at(grammar, text) if not ours else None
    if place is None:
        place = first_error(grammar.name, text)
    at = len(text) if place is None else place
    row["line"] = line_of(text, at)
    row["excerpt"] = excerpt(text, at)
    if ours != theirs:
        say(f"{grammar.name} {source.name}:{row['line']}: ours {ours}, tree-sitter {theirs}")
    return row


def _add_compiler(
    language: str, sources: tuple[Source, ...], rows: list[dict[str, object]]
) -> None:
    if compiler_name(language) is None:
        return
    verdicts = compiler_accepts(language, [source.text for source in sources])
    for row, verdict in zip(rows, verdicts, strict=True):
        row["compiler"] = verdict


def _replays(
    grammar: Grammar, classifiers: Mapping[str, Classifier], source: Source, options: Options
) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name, classifier in classifiers.items():
        vocabulary = classifier.vocabulary
        cuts = {
            "greedy": cut_greedily(vocabulary, source.text),
            "random": cut_randomly(
                vocabulary, source.text, generator(options, "cut", name, source.name)
            ),
        }
        for kind, tokens in cuts.items():
            masked, dead = replay(classifier, tokens)
            found.append(
                {
                    "vocabulary": name,
                    "cut": kind,
                    "tokens": len(tokens),
                    "masked": len(masked),
                    "dead": dead,
                    "first": masked[:1],
                }
            )
            if masked or dead:
                at = masked[0] if masked else len(tokens)
                before = b"".join(map(vocabulary.token_bytes, tokens[:at]))
                after = vocabulary.token_bytes(tokens[at]) if at < len(tokens) else b""
                say(
                    f"{grammar.name} {source.name}:{line_of(source.text, len(before))} ({name}, "
                    f"{kind}): token {after!r} is masked after {before[-60:]!r}"
                )
    return found


def replay(classifier: Classifier, tokens: list[int]) -> tuple[list[int], bool]:
    """Feeds the tokens one by one under the mask.

    Returns:
        The positions of the tokens that the mask before them lacks, and whether the replay ended
        early or in a state that may not end.
    """
    vocabulary = classifier.vocabulary
    words = np.empty(classifier.words, dtype=np.int32)
    state = classifier.grammar.start()
    masked: list[int] = []
    for position, token in enumerate(tokens):
        classifier.fill(state, words)
        if not (int(words[token >> 5]) >> (token & 31)) & 1:
            masked.append(position)
        after = state.feed(vocabulary.token_bytes(token))
        if after is None:
            if position not in masked:
                masked.append(position)
            return masked, True
        state = after
    classifier.fill(state, words)
    ends = all((int(words[eos >> 5]) >> (eos & 31)) & 1 for eos in vocabulary.eos)
    return masked, not (ends and state.can_end())


def _place(row: Mapping[str, object]) -> dict[str, object]:
    return {key: row.get(key) for key in ("file", "line", "excerpt", "ours", "theirs", "compiler")}


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *agree*."""
    rows = []
    for language, s in summaries.items():
        rows.append(
            (
                language,
                s["files"],
                f"{s['agreed']} ({percent(_int(s['agreed']), _int(s['files']))})",
                s["accepted"],
                s.get("added", 0),
                s["replayed"],
                s["replays"],
                percent(_int(s["replays"]) - _int(s["replays_refused"]), _int(s["replays"])),
                s["tokens"],
                s["tokens_masked"],
                s["date"],
            )
        )
    head = (
        "language", "files", "agree with tree-sitter", "accepted", "by additions", "replayed",
        "replays", "replays admitted", "tokens replayed", "tokens masked", "measured",
    )  # fmt: skip
    last = list(summaries.values())[-1]
    disagreements = [
        f"- {language}: `{place['file']}` line {place['line']}: ours "
        f"{_word(place['ours'])}, tree-sitter {_word(place['theirs'])}: `{place['excerpt']}`"
        for language, s in summaries.items()
        for place in s["disagreed"]  # type: ignore[attr-defined]
    ]
    return (
        "## Agreement and replay (`make agree`)\n\n"
        "Real files from packages, sampled by a fixed seed. *Agree*: accept or reject as "
        "tree-sitter's own runtime does; *by additions*: those that it rejects, as our parser does "
        "without the language's own rows on what the grammar lacks. *Replays*: files that are "
        "accepted so, each cut into tokens "
        f"of {len(vocabulary_names())} vocabularies ({', '.join(vocabulary_names())}), greedily "
        "and at random; before every token the whole mask is made and must have the token's bit. "
        "Targets: 99.9 % of files agree, no token is masked.\n\n"
        + table(head, rows)
        + (
            "\nFiles on which the two differ:\n\n" + "\n".join(disagreements) + "\n"
            if disagreements
            else ""
        )
        + f"\nSeed {last['seed']}. {last['machine']}\n"
    )


def gaps_section(summaries: Mapping[str, Summary]) -> str:
    """The section *gaps*."""
    rows = []
    places: list[str] = []
    for language, s in summaries.items():
        found = s["gap_places"]
        assert isinstance(found, list)
        judge = s["compiler"] or "shipped in a package"
        rows.append(
            (
                language,
                s["files"],
                judge,
                len(found),
                percent(len(found), _int(s["files"])),
                s["date"],
            )
        )
        for place in found[:_LISTED_GAPS]:
            places.append(
                f"- {language}: `{place['file']}` line {place['line']}: `{place['excerpt']}`"
            )
        if len(found) > _LISTED_GAPS:
            places.append(f"- {language}: and {len(found) - _LISTED_GAPS} more")
    return (
        "## Grammar gaps (`make agree`)\n\n"
        "Files that are valid by the judge named and that our grammar can't parse: each is a false "
        "rejection that the grammar wheel brings. The place is where no continuation was left "
        "(`⟦` stands before the first byte that has none).\n\n"
        + table(("language", "files", "valid by", "gaps", "share", "measured"), rows)
        + "\n"
        + "\n".join(places)
        + "\n"
    )


def _word(accepts: object) -> str:
    return "accepts" if accepts else "rejects"


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


AGREE = Evaluation("agree", measure, {"agree": section, "gaps": gaps_section})

"""`python -m evals NAME`: corpora, agree, mask, mutants, walk, fuzz, contracts, meaning-*."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ananke.languages import LANGUAGES
from evals.agree import AGREE
from evals.contracts import CONTRACTS
from evals.corpora import CorpusError, corpora_directory, install
from evals.environment import install_environment
from evals.evaluation import Evaluation, Findings, Options
from evals.fuzz import FUZZ
from evals.holes import HOLES
from evals.mask import MASK
from evals.meaning_kill import MEANING_KILL
from evals.meaning_replay import MEANING_REPLAY
from evals.meaning_walk import MEANING_WALK
from evals.mutants import MUTANTS
from evals.progress import say
from evals.report import Summary, load_summaries, save_summary, write_rows, write_section
from evals.walk import WALK

_SAME = ("date", "machine", "seed")

app = typer.Typer(
    help="Evaluations on real code; exit code 1 when a target is missed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Languages = Annotated[
    list[str] | None, typer.Option("--language", "-l", help="A language; repeat for more. All.")
]
Corpora = Annotated[
    Path | None, typer.Option(help="Folder of the corpora. $ANANKE_CORPORA or .cache/corpora.")
]
Files = Annotated[int | None, typer.Option(min=1, help="Real files a language.")]
Count = Annotated[int | None, typer.Option(min=1, help="States, mutants, walks or inputs.")]
Replays = Annotated[int | None, typer.Option(min=1, help="Files that are replayed (agree). All.")]
Seconds = Annotated[
    float | None, typer.Option(min=1, help="Time bound a language (fuzz, fills of holes).")
]
Seed = Annotated[int, typer.Option(help="Seed of all samples.")]
Quick = Annotated[bool, typer.Option("--quick", help="Small samples; the document is not written.")]
Json = Annotated[bool, typer.Option("--json", help="Summaries as JSON on standard output.")]


@app.command("corpora")
def corpora_command(
    corpora: Corpora = None,
    environment: Annotated[
        bool, typer.Option("--environment", help="Only the environment of installed packages.")
    ] = False,
) -> None:
    """Fetch and unpack the packages that hold real code (npm, apt, pip)."""
    directory = corpora_directory(corpora)
    if environment:
        say(f"environment {install_environment(directory)}")
        return
    manifest = install(directory)
    say(f"{len(manifest)} packages in {directory}")
    say(f"environment {install_environment(directory)}")


def _add(evaluation: Evaluation, summary: str) -> None:
    def command(
        language: Languages = None,
        corpora: Corpora = None,
        files: Files = None,
        count: Count = None,
        replays: Replays = None,
        seconds: Seconds = None,
        seed: Seed = Options.seed,
        quick: Quick = False,
        as_json: Json = False,
    ) -> None:
        options = Options(corpora_directory(corpora), seed, quick, files, count, replays, seconds)
        run(evaluation, chosen(language, evaluation.languages or LANGUAGES), options, as_json)

    app.command(evaluation.name, help=summary)(command)


def chosen(languages: list[str] | None, measured: tuple[str, ...] = LANGUAGES) -> tuple[str, ...]:
    """The languages asked for, in the registry's order; all that are measured if none are named."""
    if not languages:
        return measured
    unknown = sorted(set(languages) - set(measured))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}; there are: {', '.join(measured)}")
    return tuple(language for language in measured if language in languages)


def run(
    evaluation: Evaluation, languages: tuple[str, ...], options: Options, as_json: bool
) -> None:
    """Measures, keeps the rows, writes the sections; exits with 1 when a target is missed."""
    missed: list[str] = []
    measured: dict[str, Findings] = {}
    for language in languages:
        findings = evaluation.measure(language, options)
        measured[language] = findings
        write_rows(options.place, evaluation.name, language, findings.rows)
        missed += findings.misses
        if not options.quick:
            save_summary(options.place, evaluation.name, language, findings.summary)
            summaries = load_summaries(options.place, evaluation.name, LANGUAGES)
            for section, render in evaluation.sections.items():
                write_section(options.place, section, render(summaries))
    if as_json:
        print(json.dumps({name: found.summary for name, found in measured.items()}, indent=1))
    else:
        for name, found in measured.items():
            say(f"{name}: {_short(found.summary)}")
    for miss in missed:
        say(f"missed: {miss}")
    if missed:
        raise typer.Exit(1)


def _short(summary: Summary) -> str:
    """The figures, without what is the same for all languages and without lists."""
    kept = {key: value for key, value in summary.items() if not isinstance(value, list)}
    return ", ".join(f"{key} {value}" for key, value in kept.items() if key not in _SAME)


_add(AGREE, "Agreement with tree-sitter and token-by-token replay on real files.")
_add(MASK, "The mask against brute force.")
_add(MUTANTS, "Broken programs must be blocked.")
_add(WALK, "Random programs under the mask must parse.")
_add(MEANING_REPLAY, "Real files must not be refused by what they mean.")
_add(MEANING_KILL, "Programs with one error of meaning put in must be refused.")
_add(MEANING_WALK, "Bodies drawn under the mask of meaning must type-check.")
_add(HOLES, "Holes cut from real files: their own text, their types, and fills.")
_add(CONTRACTS, "Functions with contracts: solutions, violations, sampled programs that are run.")
_add(FUZZ, "Random bytes and tokens against the core built with safety checks.")

if __name__ == "__main__":
    try:
        app()
    except CorpusError as error:
        say(str(error))
        raise SystemExit(2) from error

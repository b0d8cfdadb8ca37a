"""The commands of `ananke`.

Exit codes: 0 all is well; 1 something was found (a file isn't a program, a text could not be
finished or doesn't parse, the installation is broken); 2 the call or its input is wrong, and one
line on standard error says what, where and how to mend it.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.exceptions import TyperException

from ananke import __version__
from ananke.analysis.judgement import Offer
from ananke.cli import demo as demonstration
from ananke.cli import doctor as facts_of
from ananke.cli.contexts import context_at, context_text
from ananke.cli.holes import fill_file, hole_facts, hole_text, numbers, read_holes
from ananke.cli.ngram import STEPS, MissingPackageError, Model, load_model
from ananke.cli.places import Importing, check_meaning
from ananke.cli.places import check as check_file
from ananke.cli.places import complete as complete_at
from ananke.cli.reading import (
    InputError,
    language_for,
    prefix_spec,
    read_bytes,
    read_policies,
    read_spec,
    read_text,
)
from ananke.cli.tracing import Figures, figures, measure
from ananke.cli.tracing import trace as trace_tokens
from ananke.cli.writing import Drafts, Sampling, Written, write
from ananke.holes import Limits
from ananke.languages import LANGUAGES, get_checker
from ananke.outcome import NotAdmitted
from ananke.parsing import GrammarError, LanguageError, ParseError
from ananke.spec import TOP, Constraint, ConstraintSpec, SpecError
from ananke.spec.schema import published_schema
from ananke.vocabulary import Vocabulary, VocabularyError, load_vocabulary

__all__ = ["app", "main"]

_INPUT_ERRORS = (
    GrammarError,
    InputError,
    LanguageError,
    MissingPackageError,
    ParseError,
    SpecError,
    VocabularyError,
)

app = typer.Typer(
    name="ananke",
    help="Masks, at every decoding step, each token that would make generated code wrong.",
    epilog="Exit codes: 0 all is well, 1 something was found, 2 the call or its input is wrong.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
)
spec_app = typer.Typer(help="The format of requests.", rich_markup_mode=None)
app.add_typer(spec_app, name="spec")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
Language = Annotated[
    str | None, typer.Option(help=f"One of {', '.join(LANGUAGES)}; else by the file's name.")
]
Environment = Annotated[
    str | None,
    typer.Option(help="Interpreter or virtual environment whose packages may be imported."),
]
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", help="A file with a part of a ConstraintSpec; repeat for more."),
]
Tokenizer = Annotated[
    Path | None,
    typer.Option(help="tokenizer.json, .tiktoken, tekken.json, .model or a folder; else our own."),
]
Seed = Annotated[int, typer.Option(min=0, help="Equal seeds give equal texts.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        result = app(arguments, standalone_mode=False, prog_name="ananke")
        sys.stdout.flush()
    except TyperException as error:
        return _complain(" ".join(error.format_message().split()))
    except _INPUT_ERRORS as error:
        return _complain("; ".join(str(error).splitlines()))
    except (KeyboardInterrupt, typer.Abort):
        return _complain("stopped")
    except BrokenPipeError:
        # The reader has gone (`| head`); nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0


def _complain(message: str) -> int:
    print(f"ananke: {message}", file=sys.stderr)
    return 2


def _print_version(value: bool) -> None:
    if value:
        print(f"ananke {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def generate(
    language: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(LANGUAGES)}; python if none is given.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="The text before the cursor.")] = None,
    prompt_file: Annotated[str | None, typer.Option(help="A file with it, - for input.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="Folder of a Hugging Face model; else the embedded one.")
    ] = None,
    spec: Annotated[str | None, typer.Option(help="A file with a ConstraintSpec.")] = None,
    policy: Policies = None,
    max_tokens: Annotated[int, typer.Option(min=1, max=100_000)] = 120,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="0: greedy.")] = 0.7,
    top_p: Annotated[float, typer.Option(min=0.01, max=1.0)] = 0.95,
    seed: Seed = 0,
    mask: Annotated[bool, typer.Option(help="Constrain the text.")] = True,
    as_json: Json = False,
) -> None:
    """Write code with a model, under the mask; near the limit the text is finished."""
    request = _request(language, prompt, prompt_file, spec, policy)
    begin = request.context.prefix
    sampling = Sampling(max_tokens, temperature, top_p, seed)
    constraint = request if mask else None
    shown = _ignore if as_json else _show
    embedded = _embedded(request.language) if model is None else None
    if model is not None:
        from ananke.cli.local_model import write_with_model

        written = write_with_model(model, begin, sampling, constraint, shown)
    else:
        assert embedded is not None
        written = write(embedded, begin, sampling, constraint, shown)
    if as_json:
        _print_json({"prompt": begin, **_written_facts(written)})
    else:
        print(flush=True)
    for slip in written.violations:
        print(f"ananke: {slip.part} was left out ({slip.cause}): {slip.reason}", file=sys.stderr)
    if mask and not written.is_finished:
        problem = written.stopped or "the text could not be finished within --max-tokens"
        print(f"ananke: {problem}", file=sys.stderr)
        raise typer.Exit(1)


def _request(
    language: str | None,
    prompt: str | None,
    prompt_file: str | None,
    spec: str | None,
    policy: list[str] | None,
) -> ConstraintSpec:
    policies = read_policies(policy or ())
    if prompt is not None and prompt_file is not None:
        raise InputError("--prompt-file: --prompt is given too; keep one of them")
    if spec is not None:
        for option, given in (
            ("--language", language),
            ("--prompt", prompt),
            ("--prompt-file", prompt_file),
        ):
            if given is not None:
                raise InputError(f"{option}: the spec says it; leave out {option} or --spec")
        return read_spec(spec, policies)
    text = read_text(prompt_file) if prompt_file is not None else prompt or ""
    if language is None and "language" not in policies.said:
        language = "python"
    return prefix_spec(language and language_for("", language), text, policies)


def _show(text: bytes) -> None:
    sys.stdout.flush()
    out = getattr(sys.stdout, "buffer", None)
    if out is None:
        sys.stdout.write(text.decode("utf-8", "replace"))
    else:
        out.write(text)
    sys.stdout.flush()


def _ignore(text: bytes) -> None:
    del text


def _written_facts(written: Written) -> dict[str, object]:
    return {
        "text": written.text.decode("utf-8", "replace"),
        "closing": written.closing.decode("utf-8", "replace"),
        "tokens": written.tokens,
        "finished": written.is_finished,
        "stopped": written.stopped,
        "violations": [asdict(one) for one in written.violations],
    }


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))


@contextmanager
def _steps(count: int) -> Iterator[Callable[[str], None]]:
    """Shows steps on standard error: a bar on a terminal, else a line for each."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: console.print(f"{step} …", highlight=False, soft_wrap=True)
        return
    columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=count, visible=False)

        def advance(step: str) -> None:
            begun = not progress.tasks[0].visible
            progress.update(task, description=step, visible=True, advance=0 if begun else 1)

        yield advance


@cache
def _embedded(language: str | None) -> Model:
    with _steps(STEPS) as progress:
        return load_model(language, progress)


@app.command()
def demo(
    max_tokens: Annotated[int, typer.Option(min=1, max=10_000)] = 80,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Write a few prompts in Python and Zig without and with the mask; compilers judge them."""
    console = Console(highlight=False, soft_wrap=True)
    texts: list[demonstration.DemoText] = []
    for one in demonstration.run(_embedded, max_tokens, seed):
        texts.append(one)
        if not as_json:
            _show_demo(console, one)
    if as_json:
        _print_json([_demo_facts(one) for one in texts])
    else:
        _summarize(console, texts)
    if any(one.is_masked and not one.written.is_finished for one in texts):
        raise typer.Exit(1)


def _show_demo(console: Console, one: demonstration.DemoText) -> None:
    title = f"{one.language}, {'with' if one.is_masked else 'without'} the mask"
    console.print(f"[bold]── {title} {'─' * max(0, 60 - len(title))}[/]")
    text = one.written.text.decode("utf-8", "replace").rstrip("\n")
    # Control characters would move the cursor; rich strips those it knows.
    console.print(f"[dim]{escape(one.prompt)}[/]{escape(text)}")
    style = "green" if one.verdict is None or one.verdict.parses else "red"
    console.print(f"[{style}]→ {escape(_word(one))}[/]\n")


def _word(one: demonstration.DemoText) -> str:
    if one.verdict is None:
        return "no compiler is installed to judge it (`pip install ziglang`)"
    if one.verdict.accepts:
        return f"parses; {one.verdict.words}"
    kind = "parses; the compiler then asks:" if one.verdict.parses else "does not parse:"
    return f"{kind} {one.verdict.words}"


def _demo_facts(one: demonstration.DemoText) -> dict[str, object]:
    return {
        "language": one.language,
        "masked": one.is_masked,
        "prompt": one.prompt,
        **_written_facts(one.written),
        "verdict": None if one.verdict is None else asdict(one.verdict),
    }


def _summarize(console: Console, texts: list[demonstration.DemoText]) -> None:
    table = Table("", "without the mask", "with the mask", title="texts that parse")
    for language in dict.fromkeys(one.language for one in texts):
        cells = []
        for is_masked in (False, True):
            verdicts = [
                one.verdict
                for one in texts
                if one.language == language and one.is_masked == is_masked and one.verdict
            ]
            good = sum(verdict.parses for verdict in verdicts)
            cells.append(f"{good} of {len(verdicts)}" if verdicts else "not judged")
        table.add_row(language, *cells)
    console.print(table)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Files; - is standard input.")],
    language: Language = None,
    partial: Annotated[bool, typer.Option(help="An unfinished file is no finding.")] = False,
    meaning: Annotated[
        bool | None,
        typer.Option(help="Report names, imports, types and control flow too; else where known."),
    ] = None,
    why: Annotated[
        bool, typer.Option(help="What each finding of meaning rests on, step by step.")
    ] = False,
    environment: Environment = None,
    policy: Policies = None,
    as_json: Json = False,
) -> None:
    """Say of each file whether it is a program, may become one, or where it can't; of Python also
    what is wrong with its names, imports, types and control flow, finished or not."""
    found = []
    policies = read_policies(policy or ())
    imports = Importing.under(policies, environment)
    for name in files:
        read_as = language_for(name, language, policies)
        findings = [check_file(name, read_as)]
        known = get_checker(read_as) is not None
        is_whole = known if meaning is None else meaning
        if is_whole or (imports.is_bound and known):
            found_wrong = check_meaning(name, read_as, imports, is_whole=is_whole, why=why)
            if findings[0].verdict == "wrong":
                findings = [*found_wrong, *findings]
            else:
                findings = found_wrong or findings
        found += findings
        if not as_json:
            for finding in findings:
                print(finding.text(), flush=True)
    if as_json:
        _print_json([asdict(finding) for finding in found])
    fine = ("complete", "unfinished") if partial else ("complete",)
    if any(finding.verdict not in fine for finding in found):
        raise typer.Exit(1)


@app.command()
def complete(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE:COL", help="Counted from 1.")],
    language: Language = None,
    environment: Environment = None,
    policy: Policies = None,
    as_json: Json = False,
) -> None:
    """List what may come next at a place, in groups; names with their types (Python)."""
    policies = read_policies(policy or ())
    groups = complete_at(place, language, policies, Importing.under(policies, environment))
    if as_json:
        _print_json(
            {
                name: [
                    {"name": one.name, "type": one.type} if isinstance(one, Offer) else one
                    for one in entries
                ]
                for name, entries in groups.items()
            }
        )
        return
    console = Console(highlight=False)
    width = max(map(len, groups))
    for name, entries in groups.items():
        title = f"[bold]{name:<{width}}[/]"
        # Names that have a type stand on lines of their own.
        plain = [one.name if isinstance(one, Offer) else one for one in entries if not _typed(one)]
        for shown in [*(_typed(one) for one in entries), " ".join(plain)]:
            if shown:
                console.print(f"{title}  {escape(shown)}", soft_wrap=True)
                title = " " * width


def _typed(entry: Offer | str) -> str:
    """A name with its type, if it has one."""
    if isinstance(entry, str) or entry.type is None or entry.group == "builtins":
        return ""
    return f"{entry.name}: {entry.type}"


@app.command()
def context(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE", help="Counted from 1.")],
    language: Language = None,
    environment: Environment = None,
    policy: Policies = None,
    as_json: Json = False,
) -> None:
    """Say what is known at a line: imports, names with types, the function around (Python).

    With --json: a ConstraintSpec for a text that is to stand there, at the left margin.
    """
    policies = read_policies(policy or ())
    found = context_at(place, language, policies, Importing.under(policies, environment))
    if as_json:
        _print_json(found)
    else:
        print(context_text(place, found))


Ranges = Annotated[
    str | None,
    typer.Option("--holes", help="A file with a list of ranges; else `...` and `# hole`."),
]


@app.command()
def holes(
    file: str,
    ranges: Ranges = None,
    language: Language = None,
    environment: Environment = None,
    policy: Policies = None,
    as_json: Json = False,
) -> None:
    """List the holes of a file: kind, expected type, names in scope (Python)."""
    found = read_holes(file, language, ranges, read_policies(policy or ()), environment)
    if as_json:
        _print_json(hole_facts(found))
        return
    for number in range(1, len(found.holes.holes) + 1):
        print(hole_text(found, number))
    if not found.holes.holes:
        print(f"{file}: no holes")


@app.command("fill")
def fill_command(
    file: str,
    hole: Annotated[
        list[int] | None, typer.Option(help="Only this one, as `holes` numbers it; repeat.")
    ] = None,
    ranges: Ranges = None,
    language: Language = None,
    environment: Environment = None,
    policy: Policies = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the text here, not on output.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Folder of a Hugging Face model; else the embedded one.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, max=10_000, help="In one hole.")] = 24,
    attempts: Annotated[int, typer.Option(min=1, max=10_000, help="In all.")] = 100,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="0: greedy.")] = 0.7,
    top_p: Annotated[float, typer.Option(min=0.01, max=1.0)] = 0.95,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fill the holes of a file with a model, one by one, so that all fills hold together."""
    policies = read_policies(policy or ())
    found = read_holes(file, language, ranges, policies, environment)
    chosen = numbers(found, hole or ())
    sampling = Sampling(max_tokens, temperature, top_p, seed)
    if model is not None:
        from ananke.cli.local_model import load

        loaded = load(model)
        vocabulary = loaded.vocabulary
        writer = loaded.drafts(sampling)
    else:
        embedded = _embedded(found.language)
        vocabulary = embedded.vocabulary
        writer = Drafts(embedded, sampling)
    limits = Limits(in_all=attempts)
    filled = fill_file(found, vocabulary, writer, policies, limits, chosen)
    text = filled.text.decode("utf-8", "replace")
    wanted = range(len(filled.fills)) if chosen is None else chosen
    is_complete = all(filled.fills[at] is not None for at in wanted)
    if as_json:
        _print_json(
            {
                "text": text,
                "fills": [one and one.decode("utf-8", "replace") for one in filled.fills],
                "attempts": [
                    {
                        "hole": one.hole + 1,
                        "text": one.text and one.text.decode("utf-8", "replace"),
                        "outcome": one.outcome,
                    }
                    for one in filled.attempts
                ],
                "complete": is_complete,
            }
        )
    elif output is None:
        print(text, end="")
    if output is not None:
        output.write_bytes(filled.text)
    if not is_complete:
        missing = [str(at + 1) for at in wanted if filled.fills[at] is None]
        last = filled.attempts[-1].outcome if filled.attempts else "nothing was tried"
        print(f"ananke: not filled: {', '.join(missing)}; the last: {last}", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def trace(
    file: str,
    tokenizer: Tokenizer = None,
    language: Language = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many tokens.")] = 200,
    policy: Policies = None,
    as_json: Json = False,
) -> None:
    """Feed a file token by token: the share admitted, times, forced text."""
    policies = read_policies(policy or ())
    name, vocabulary, tokens = _tokens(file, tokenizer, language, limit, policies)
    rows = []
    stopped = None
    if not as_json:
        print("admitted  mask µs  accept µs  token")
    try:
        for row in trace_tokens(prefix_spec(name, "", policies), vocabulary, tokens):
            rows.append(row)
            if not as_json:
                forced = f"   then must come {_quoted(row.forced)}" if row.forced else ""
                times = f"{row.mask_us:7,.0f}  {row.accept_us:9,.0f}"
                print(f"{row.admitted:8.2%}  {times}  {_quoted(row.text)}{forced}")
    except NotAdmitted as error:
        stopped = str(error)
    summary = {
        "mask": figures([row.mask_us for row in rows] or [0.0]),
        "accept": figures([row.accept_us for row in rows] or [0.0]),
    }
    if as_json:
        _print_json(
            {
                "language": name,
                "vocabulary": vocabulary.size,
                "tokens": [_row_facts(asdict(row)) for row in rows],
                "refused": stopped,
                **{part: asdict(each) for part, each in summary.items()},
            }
        )
    else:
        print(f"{len(rows)} tokens of a vocabulary of {vocabulary.size:,}")
        _print_figures(summary)
    if stopped is not None:
        if not as_json:
            print(f"{file}: token {len(rows) + 1} is not admitted: {stopped}")
        raise typer.Exit(1)


def _quoted(text: bytes) -> str:
    return json.dumps(text.decode("utf-8", "replace"), ensure_ascii=False)


def _row_facts(row: dict[str, Any]) -> dict[str, object]:
    return {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for name, value in row.items()
    }


def _print_figures(summary: dict[str, Figures]) -> None:
    width = max(map(len, summary))
    for part, each in summary.items():
        print(f"  {part:<{width}}  {each.text()}")


def _tokens(
    file: str,
    tokenizer: Path | None,
    given: str | None,
    limit: int | None,
    policies: Constraint = TOP,
) -> tuple[str, Vocabulary, list[int]]:
    language = language_for(file, given, policies)
    raw = read_bytes(file)
    vocabulary = _embedded(language).vocabulary if tokenizer is None else load_vocabulary(tokenizer)
    tokens = vocabulary.encode(raw)[:limit]
    if not tokens:
        raise InputError(f"{file}: is empty; give a file with text")
    return language, vocabulary, tokens


@app.command()
def bench(
    file: Annotated[str | None, typer.Argument(help="Else a module of Python's library.")] = None,
    tokenizer: Tokenizer = None,
    language: Language = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many tokens.")] = 5000,
    as_json: Json = False,
) -> None:
    """Time masks, accepted tokens and rollbacks over a file, when all is new and once more."""
    chosen = file or str(Path(sysconfig.get_path("stdlib")) / "json" / "decoder.py")
    name, vocabulary, tokens = _tokens(chosen, tokenizer, language, limit)
    if not as_json:
        print(f"{chosen}: {len(tokens):,} tokens of a vocabulary of {vocabulary.size:,}")
    try:
        passes = []
        for title, each in zip(("first", "again"), measure(name, vocabulary, tokens), strict=True):
            passes.append((title, each))
            if not as_json:
                print(f"{title} pass")
                _print_figures(each)
    except NotAdmitted as error:
        raise InputError(f"{chosen}: not a program: {error}; give one that is") from error
    if as_json:
        _print_json(
            {
                "file": chosen,
                "tokens": len(tokens),
                "vocabulary": vocabulary.size,
                **{
                    title: {part: asdict(found) for part, found in each.items()}
                    for title, each in passes
                },
            }
        )


@app.command()
def doctor(as_json: Json = False) -> None:
    """Show versions, the chosen CPU variant, the cache and the grammars found."""
    found = facts_of.gather()
    if as_json:
        _print_json({**asdict(found), "is_healthy": found.is_healthy})
    else:
        print(facts_of.render(found), end="")
    if not found.is_healthy:
        raise typer.Exit(1)


@spec_app.command("schema")
def spec_schema() -> None:
    """Print the JSON Schema of ConstraintSpec."""
    print(published_schema(), end="")

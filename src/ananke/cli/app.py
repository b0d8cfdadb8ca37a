"""The commands. Exit codes: 0 all is well, 1 something was found (a file isn't viable, a result
doesn't parse, an installation is unhealthy), 2 the call or its input is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ananke import __version__
from ananke.cli import inspection
from ananke.cli.doctor import gather, render
from ananke.cli.judges import Verdict, judge
from ananke.cli.ngram import MissingPackageError, Model, load_model
from ananke.cli.writing import Sampling, Written, write
from ananke.languages import LANGUAGES
from ananke.parsing import GrammarError, LanguageError
from ananke.spec import SpecError
from ananke.spec.schema import published_schema
from ananke.vocabulary import VocabularyError

__all__ = ["main"]

app = typer.Typer(
    name="ananke",
    help="Masks, at every decoding step, each token that would make generated code wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Language = Annotated[str | None, typer.Option(help=f"One of {', '.join(LANGUAGES)}.")]
Tokenizer = Annotated[
    Path | None, typer.Option(help="tokenizer.json, .tiktoken, tekken.json, .model, or a folder.")
]

_PROMPTS = (
    ("python", "def fibonacci(n):"),
    ("python", "import json\n\n\nclass Config:\n    def __init__(self, path):"),
    ("python", "for name in sorted(names):"),
    ("zig", 'const std = @import("std");\n\npub fn main() !void {'),
    ("zig", "pub fn max(a: u32, b: u32) u32 {"),
    ("zig", "const Point = struct {"),
)


def main() -> None:
    """Runs the command line; problems with the input are one line on standard error."""
    try:
        app()
    except (
        SpecError,
        VocabularyError,
        GrammarError,
        LanguageError,
        MissingPackageError,
        inspection.InputError,
    ) as error:
        print(f"ananke: {error}", file=sys.stderr)
        sys.exit(2)


def _print_version(value: bool) -> None:
    if value:
        print(f"ananke {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    with console.status("") as status:
        yield lambda text: status.update(text) if console.is_terminal else console.print(text)


def _embedded() -> Model:
    with _progress() as progress:
        return load_model(progress)


@app.command()
def generate(
    language: Language = "python",
    prompt: Annotated[str, typer.Option(help="The text before the cursor.")] = "",
    prompt_file: Annotated[Path | None, typer.Option(help="A file that holds it.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="Folder of a Hugging Face model; else the embedded one.")
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="A ConstraintSpec; its prefix wins.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, max=100_000)] = 80,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0)] = 0.7,
    seed: int = 0,
    mask: Annotated[bool, typer.Option(help="Constrain the text.")] = True,
    as_json: Json = False,
) -> None:
    """Writes code with a model, under the mask."""
    request = None
    if spec is not None:
        request = inspection.read_json(spec)
        context = request.get("context")
        prompt = str(context.get("prefix", "")) if isinstance(context, dict) else ""
        language = str(request["language"]) if request.get("language") else None
    elif prompt_file is not None:
        prompt = inspection.read_text(prompt_file)
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed)
    show = (lambda _: None) if as_json else _show
    if not as_json:
        _show(prompt.encode())
    if model is not None:
        from ananke.cli.local_model import write_with_model

        written = write_with_model(
            model, prompt, sampling, language=language if mask else None, spec=request, shown=show
        )
    else:
        written = write(
            _embedded(),
            prompt,
            sampling,
            language=language if mask else None,
            spec=request if mask else None,
            shown=show,
        )
    if as_json:
        print(json.dumps(_written_facts(prompt, written)))
    else:
        print()


def _show(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.flush()


def _written_facts(prompt: str, written: Written) -> dict[str, object]:
    return {
        "prompt": prompt,
        "text": written.text.decode("utf-8", "replace"),
        "closing": written.closing.decode("utf-8", "replace"),
        "ended": written.ended,
    }


@app.command()
def demo(
    max_tokens: Annotated[int, typer.Option(min=1, max=10_000)] = 60,
    seed: int = 1,
    as_json: Json = False,
) -> None:
    """A few prompts in Python and Zig, without and with the mask, and the compiler's word."""
    model = _embedded()
    console = Console()
    rows: list[tuple[str, bool, Written, Verdict]] = []
    for number, (language, prompt) in enumerate(_PROMPTS):
        for masked in (False, True):
            sampling = Sampling(max_tokens=max_tokens, seed=seed + number)
            written = write(model, prompt, sampling, language=language if masked else None)
            text = prompt + written.text.decode("utf-8", "replace")
            verdict = judge(language, text)
            if verdict is None:
                continue
            rows.append((language, masked, written, verdict))
            if not as_json:
                console.rule(f"{language}, {'with' if masked else 'without'} the mask")
                print(text)
                style = "green" if verdict.parses else "red"
                console.print(f"[{style}]{escape(_word(verdict))}[/]")
    if as_json:
        print(json.dumps([_demo_facts(*row) for row in rows]))
    else:
        _summarize(console, rows)
    if not all(verdict.parses for _, masked, _, verdict in rows if masked):
        raise typer.Exit(1)


def _word(verdict: Verdict) -> str:
    kind = "parses" if verdict.parses else "does not parse"
    return f"{kind}: {verdict.words}"


def _demo_facts(
    language: str, masked: bool, written: Written, verdict: Verdict
) -> dict[str, object]:
    return {
        "language": language,
        "masked": masked,
        "text": written.text.decode("utf-8", "replace"),
        "parses": verdict.parses,
        "accepts": verdict.accepts,
        "words": verdict.words,
    }


def _summarize(console: Console, rows: list[tuple[str, bool, Written, Verdict]]) -> None:
    table = Table(title="What the compilers say")
    for name in ("language", "mask", "parses", "of"):
        table.add_column(name)
    for language in dict.fromkeys(row[0] for row in rows):
        for masked in (False, True):
            verdicts = [row[3] for row in rows if row[0] == language and row[1] == masked]
            good = sum(verdict.parses for verdict in verdicts)
            table.add_row(language, "with" if masked else "without", str(good), str(len(verdicts)))
    console.print(table)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Files; - is standard input.")],
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Says of each file whether it is complete, may still become a program, or can't."""
    findings = [inspection.check(name, language) for name in files]
    if as_json:
        print(json.dumps([finding.facts() for finding in findings]))
    else:
        for finding in findings:
            print(finding.text())
    if any(not finding.is_complete for finding in findings):
        raise typer.Exit(1)


@app.command()
def complete(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE:COL", help="Counted from 1.")],
    language: Language = None,
    as_json: Json = False,
) -> None:
    """What may come next at a place, in groups."""
    groups = inspection.complete(place, language)
    if as_json:
        print(json.dumps(groups))
        return
    console = Console()
    for name, terminals in groups.items():
        if terminals:
            console.print(f"[bold]{name}[/]  {escape('  '.join(terminals))}", highlight=False)


@app.command()
def trace(
    file: Path,
    tokenizer: Tokenizer = None,
    language: Language = None,
    limit: Annotated[int, typer.Option(min=1, help="Tokens at the most.")] = 200,
    as_json: Json = False,
) -> None:
    """A file token by token: share admitted, times, forced text."""
    vocabulary = inspection.vocabulary_of(tokenizer, lambda: _embedded().vocabulary)
    rows = inspection.trace(file, vocabulary, language, limit)
    if as_json:
        print(json.dumps([row.facts() for row in rows]))
        return
    table = Table()
    for name in ("token", "admitted", "mask µs", "accept µs", "forced"):
        table.add_column(name, justify="left" if name in ("token", "forced") else "right")
    for row in rows:
        table.add_row(
            escape(repr(row.text.decode("utf-8", "replace"))),
            f"{row.admitted:.2%}",
            f"{row.mask_us:.0f}",
            f"{row.accept_us:.0f}",
            escape(repr(row.forced.decode("utf-8", "replace")) if row.forced else ""),
        )
    Console().print(table)
    print(inspection.percentiles(rows))


@app.command()
def bench(
    file: Path,
    tokenizer: Tokenizer = None,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Times of masks and accepts over a whole file, first touch and once more."""
    vocabulary = inspection.vocabulary_of(tokenizer, lambda: _embedded().vocabulary)
    facts = {}
    for name in ("first", "again"):
        rows = inspection.trace(file, vocabulary, language, sys.maxsize)
        facts[name] = inspection.percentile_facts(rows)
        if not as_json:
            print(f"{name}: {inspection.percentiles(rows)}")
    if as_json:
        print(json.dumps(facts))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Versions, the chosen CPU variant, the cache, the grammars found."""
    facts = gather()
    if as_json:
        import dataclasses

        print(json.dumps(dataclasses.asdict(facts), default=str))
    else:
        print(render(facts))
    if not facts.is_healthy:
        raise typer.Exit(1)


@app.command("spec-schema")
def spec_schema() -> None:
    """Prints the JSON Schema of ConstraintSpec."""
    print(published_schema(), end="")

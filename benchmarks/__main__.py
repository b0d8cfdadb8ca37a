"""`python -m benchmarks`: all measurements in one run, or `--part NAME`, into `docs/results.md`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ananke.languages import LANGUAGES
from benchmarks import domains, optimisations
from benchmarks.domains import DomainFigures, measure_domains
from benchmarks.optimisations import measure_optimisations
from benchmarks.ours import Flatness, Pass, measure_files, measure_flatness, measure_rollback
from benchmarks.peers import PeerFigures, measure_peers
from benchmarks.startup import Startup, measure_startup
from benchmarks.timing import Times
from evals.__main__ import Corpora, Files, Languages, Quick, Seed, chosen
from evals.corpora import CorpusError, corpora_directory
from evals.evaluation import Options
from evals.progress import say, steps
from evals.report import Place, machine, table, today, write_rows, write_section
from evals.tokens import vocabulary_named, vocabulary_names

#: Microseconds. The targets of the figures that this program can miss.
_TARGETS = {
    "mask p50": 50.0,
    "mask p99": 500.0,
    "accept p50": 20.0,
    "rollback": 5.0,
}
#: Seconds.
_COLD, _WARM = 2.0, 0.020
#: A cost counts as the same at both positions up to this ratio of the medians.
_FLAT = 1.25


@dataclass(frozen=True)
class LanguageFigures:
    """All of one language."""

    language: str
    files: int
    tokens: int
    first: Pass
    unseen: Pass
    again: Pass
    flatness: Flatness
    rollback: Times
    startup: Startup


def measure_language(language: str, options: Options) -> LanguageFigures:
    """One language on real files: a third of them first, the rest unseen, these again."""
    vocabulary = vocabulary_named(vocabulary_names()[0])
    startup = measure_startup(language)
    texts = _texts(language, options)
    third = max(1, len(texts) // 3)
    first = measure_files(language, vocabulary, texts[:third])
    unseen = measure_files(language, vocabulary, texts[third:])
    again = measure_files(language, vocabulary, texts[third:])
    rounds = 3 if options.quick else 20
    return LanguageFigures(
        language,
        len(texts),
        len(unseen.mask.nanoseconds),
        first,
        unseen,
        again,
        measure_flatness(language, vocabulary, rounds),
        measure_rollback(language, vocabulary, rounds),
        startup,
    )


def _texts(language: str, options: Options) -> list[bytes]:
    """Accepted files, chosen without parsing them here: parsing would teach the classifier."""
    from evals.judges import is_program

    sources = options.sources(language, default=60, quick=9)
    return [source.text for source in sources if is_program(language, source.text)]


def missed(figures: Sequence[LanguageFigures]) -> list[str]:
    """A sentence for every target that was missed."""
    found: list[str] = []

    def check(name: str, value: float, target: float) -> None:
        if value > target:
            found.append(f"{name}: {value:.2f} where {target:g} is the target")

    for one in figures:
        name = one.language
        check(f"{name} mask p50 (µs)", one.unseen.mask.median, _TARGETS["mask p50"])
        check(f"{name} mask p99 (µs)", one.unseen.mask.p99, _TARGETS["mask p99"])
        check(f"{name} accept p50 (µs)", one.unseen.accept.median, _TARGETS["accept p50"])
        check(f"{name} rollback of 200 (µs)", one.rollback.median, _TARGETS["rollback"])
        cold, warm = _first_mask(one.startup.cold), _first_mask(one.startup.warm)
        check(f"{name} classifier cold (s)", cold, _COLD)
        check(f"{name} classifier warm (s)", warm, _WARM)
        near, far = one.flatness.near, one.flatness.far
        check(f"{name} mask at 10,000 / at 100", far.mask.median / near.mask.median, _FLAT)
        check(f"{name} accept at 10,000 / at 100", far.accept.median / near.accept.median, _FLAT)
    return found


def _first_mask(parts: Mapping[str, float]) -> float:
    return parts["classifier"] + parts["first mask"]


def _two(times: Times) -> str:
    return f"{times.median:.1f} / {times.p99:.1f}"


def section(
    figures: Sequence[LanguageFigures],
    peers: Sequence[PeerFigures],
    seed: int,
) -> str:
    """The section *bench*."""
    vocabulary = vocabulary_named(vocabulary_names()[0])
    files = table(
        ("language", "files", "tokens", "mask, first", "mask, unseen", "mask, again",
         "accept, unseen", "accept, again"),
        [
            (one.language, one.files, one.tokens, _two(one.first.mask), _two(one.unseen.mask),
             _two(one.again.mask), _two(one.unseen.accept), _two(one.again.accept))
            for one in figures
        ],
    )  # fmt: skip
    places = table(
        ("language", "mask at 100", "mask at 10,000", "ratio", "accept at 100",
         "accept at 10,000", "ratio", "rollback of 200"),
        [
            (one.language,
             f"{(near := one.flatness.near).mask.median:.2f}",
             f"{(far := one.flatness.far).mask.median:.2f}",
             f"{far.mask.median / near.mask.median:.2f}",
             f"{near.accept.median:.2f}", f"{far.accept.median:.2f}",
             f"{far.accept.median / near.accept.median:.2f}",
             f"{one.rollback.median:.2f}")
            for one in figures
        ],
    )  # fmt: skip
    startup = table(
        ("language", "vocabulary cold / warm", "grammar cold / warm",
         "classifier and first mask cold / warm"),
        [
            (one.language, *(
                f"{1000 * part(one.startup.cold):.1f} / {1000 * part(one.startup.warm):.1f}"
                for part in (lambda p: p["vocabulary"], lambda p: p["grammar"],
                             _first_mask)
            ))
            for one in figures
        ],
    )  # fmt: skip
    side = table(
        ("engine", "grammar", "tokens", "mask p50 / p99", "accept p50 / p99", "rollback of 200",
         "compile, ms"),
        [
            *((peer.engine, peer.grammar, len(peer.mask.nanoseconds), _two(peer.mask),
               _two(peer.accept),
               f"{peer.rollback.median:.1f}" if peer.rollback.nanoseconds else "-",
               f"{1000 * peer.compile_seconds:.1f}") for peer in peers),
            *(("Ananke", f"{one.language} (whole language)", one.tokens, _two(one.unseen.mask),
               _two(one.unseen.accept), f"{one.rollback.median:.1f}",
               f"{1000 * (one.startup.cold['grammar'] + _first_mask(one.startup.cold)):.1f}")
              for one in figures),
        ],
    )  # fmt: skip
    return (
        "## Speed (`make bench`)\n\n"
        f"One run on one machine, measured {today()}, vocabulary of {vocabulary.size:,} tokens "
        f"({vocabulary.name.rsplit('/', 1)[-1]}). Microseconds of single calls from Python unless "
        "said otherwise, p50 / p99.\n\n"
        "### Masks and acceptance on real files\n\n"
        "`Session.mask` and `Session.accept`, token by token through whole files. *First*: a fresh "
        "process, a third of the files. *Unseen*: the other files, the first time. *Again*: the "
        "same once more.\n\n" + files + "\n### Position in the text, rollback\n\n"
        "One declaration at token 100 and at token 10,000 of the same text; medians.\n\n"
        + places
        + "\n### Start\n\n"
        "Milliseconds in a fresh process, with an empty disk cache (cold) and with the one that "
        "this left (warm).\n\n" + startup + "\n### Beside other engines\n\n"
        "Same run, same vocabulary. The peers read a JSON schema and a small imperative language "
        "(`benchmarks/workloads.py`); our rows are whole programming languages on unseen real "
        "files. *Compile*: the first use of a grammar (ours: loading it, the classifier, and the "
        "first mask, disk cache empty).\n\n" + side + f"\nSeed {seed}. {machine()}\n"
    )


PARTS = ("speed", "optimisations", "domains")

Parts = Annotated[
    list[str] | None,
    typer.Option("--part", "-p", help=f"Of {', '.join(PARTS)}; repeat for more. All."),
]


def main(
    part: Parts = None,
    language: Languages = None,
    corpora: Corpora = None,
    files: Files = None,
    seed: Seed = Options.seed,
    quick: Quick = False,
) -> None:
    """Speed beside other engines, beside naive forms, and with all domains; exit code 1 when a
    target is missed."""
    options = Options(corpora_directory(corpora), seed, quick, files)
    unknown = sorted(set(part or ()) - set(PARTS))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}; there are: {', '.join(PARTS)}")
    parts = set(part or PARTS)
    vocabulary = vocabulary_named(vocabulary_names()[0])
    misses: list[str] = []
    startup: Startup | None = None
    with_domains: DomainFigures | None = None

    def write(name: str, body: str, *, whole: bool = True) -> None:
        if quick or not whole:
            print(body)
        else:
            write_section(options.place, name, body)

    # First of all, since it measures what a process pays that has done nothing yet.
    if "domains" in parts:
        with_domains = measure_domains(vocabulary, options)
        write("domains", domains.section(with_domains))
        misses += domains.missed(with_domains)
    if "speed" in parts:
        languages = chosen(language)
        peers = measure_peers(vocabulary, texts=3 if quick else 20, seed=seed)
        figures = [measure_language(one, options) for one in steps("bench", languages)]
        startup = next((one.startup for one in figures if one.language == "python"), None)
        write("bench", section(figures, peers, seed), whole=languages == LANGUAGES)
        _keep(options.place, figures, peers)
        misses += missed(figures)
    if "optimisations" in parts:
        measured = measure_optimisations(
            vocabulary,
            options,
            startup or measure_startup("python"),
            *(() if with_domains is None else (with_domains.settled, with_domains.files)),
        )
        write("optimisations", optimisations.section(measured))
        misses += optimisations.missed(measured)
    for miss in misses:
        say(f"missed: {miss}")
    if misses:
        raise typer.Exit(1)


def _keep(place: Place, figures: Sequence[LanguageFigures], peers: Sequence[PeerFigures]) -> Path:
    rows: list[dict[str, object]] = []
    for one in figures:
        for name, passed in (("first", one.first), ("unseen", one.unseen), ("again", one.again)):
            for call, times in (("mask", passed.mask), ("accept", passed.accept)):
                rows.append({"language": one.language, "pass": name, "call": call}
                            | _quantiles(times))  # fmt: skip
        rows.append({"language": one.language, "startup": json.loads(json.dumps(
            {"cold": dict(one.startup.cold), "warm": dict(one.startup.warm)}))})  # fmt: skip
    for peer in peers:
        for call, times in (("mask", peer.mask), ("accept", peer.accept), ("first", peer.first)):
            rows.append({"engine": peer.engine, "grammar": peer.grammar, "call": call}
                        | _quantiles(times))  # fmt: skip
    return write_rows(place, "bench", "all", rows)


def _quantiles(times: Times) -> dict[str, object]:
    """Microseconds."""
    shares = (0.1, 0.5, 0.9, 0.99, 0.999)
    quantiles = {f"p{100 * share:g}": times.quantile(share) for share in shares}
    return {"calls": len(times.nanoseconds), "mean": times.mean, **quantiles}


if __name__ == "__main__":
    try:
        typer.run(main)
    except CorpusError as error:
        say(str(error))
        raise SystemExit(2) from error

"""`ananke holes` and `ananke fill`: the typed holes of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ananke.analysis.defects import Defect
from ananke.analysis.holes import Hole, HoleLanguage, Region
from ananke.cli.places import Importing
from ananke.cli.reading import InputError, language_for, read_bytes, read_text
from ananke.domains import BUILT_DOMAINS
from ananke.holes import Filled, Find, HoleText, Limits, Task, Writer, fill, find
from ananke.languages import get_checker, get_hole_language
from ananke.outcome import Satisfiability
from ananke.parsing import load_grammar
from ananke.session import Session
from ananke.spec import (
    Constraint,
    ConstraintSpec,
    SpecError,
    Violation,
    parse_holes,
    parse_policy,
    said_in,
)
from ananke.vocabulary import Vocabulary

__all__ = [
    "COMPLETION_STEPS",
    "HoleFile",
    "fill_file",
    "hole_facts",
    "hole_text",
    "numbers",
    "read_holes",
]

#: Names shown beside a hole, and characters of a type.
_NAMED = 10
_SHOWN = 60
#: Of a search for the end of a draft, or of a hole's solution.
COMPLETION_STEPS = 64
#: Domains that a fill is masked by as it is written, where the build and the language have them.
_MEANING = frozenset(("imports", "types", "controlflow"))


@dataclass(frozen=True)
class HoleFile:
    """A file and its holes.

    Attributes:
        find: its language's holes in the file's surroundings.
    """

    name: str
    language: str
    source: HoleLanguage
    holes: HoleText
    find: Find
    importing: Importing


def read_holes(
    name: str, given: str | None, ranges: str | None, policies: Constraint, environment: str | None
) -> HoleFile:
    """The holes of a file; `ranges` names a file with a list of them.

    Raises:
        InputError: a file can't be read, or holes of its language aren't known.
        HoleError: the text is no program, or a range is no hole.
        SpecError: the ranges are no list of holes, or a policy clashes.
    """
    language = language_for(name, given, policies)
    source = get_hole_language(language)
    if source is None:
        raise InputError(f"{name}: holes of {language} programs aren't known yet, only Python's")
    importing = Importing.under(policies, environment)
    folder = importing.project or (None if name == "-" else Path(name).resolve().parent)
    surroundings = partial(
        source.find,
        environment=None if importing.environment is None else Path(importing.environment),
        folder=None if folder is None else Path(folder),
        allowed=importing.allowed,
        denied=importing.denied,
        stubs=importing.stubs,
    )

    def holes(text: bytes, starts: frozenset[int] | None) -> Sequence[Hole]:
        return surroundings(text, starts=starts)

    listed = None
    if ranges is not None:
        try:
            listed = parse_holes(read_bytes(ranges))
        except SpecError as error:
            raise SpecError(
                [Violation(f"{ranges}: {one.path}", one.problem) for one in error.violations]
            ) from None
    try:
        found = find(read_text(name).encode(), source, holes, listed)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    return HoleFile(name, language, source, found, holes, importing)


def hole_text(file: HoleFile, number: int) -> str:
    """Hole `number` (from 1) in words."""
    hole = file.holes.holes[number - 1]
    line, column = _place(file.holes.text, hole.start)
    inside = f", in {hole.inside}" if hole.inside else ""
    wanted = f", expects {hole.type}" if hole.type else ""
    return (
        f"{file.name}:{line}:{column}: hole {number}: {hole.kind.value}{wanted}{inside}\n"
        f"    in scope: {_listed(hole) or '(nothing)'}"
    )


def _listed(hole: Hole) -> str:
    """Some names in scope, those of the expected type first."""
    ordered = sorted(hole.names, key=lambda one: one[1] is None or one[1] != hole.type)
    shown = [
        name if type_ is None or len(type_) > _SHOWN else f"{name}: {type_}"
        for name, type_ in ordered[:_NAMED]
    ]
    more = len(ordered) - _NAMED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def hole_facts(file: HoleFile) -> list[dict[str, object]]:
    """The holes as JSON."""
    rows: list[dict[str, object]] = []
    for number, hole in enumerate(file.holes.holes, 1):
        line, column = _place(file.holes.text, hole.start)
        rows.append(
            {
                "hole": number,
                "line": line,
                "column": column,
                "start": hole.start,
                "end": hole.end,
                "kind": hole.kind.value,
                "type": hole.type,
                "inside": hole.inside,
                "names": dict(hole.names),
            }
        )
    return rows


def _folder_of(file: HoleFile) -> str | None:
    """The root of the file's own modules: its project, else the folder that it is in."""
    if file.importing.project is not None or file.name == "-":
        return file.importing.project
    return str(Path(file.name).resolve().parent)


def numbers(file: HoleFile, chosen: Sequence[int]) -> list[int] | None:
    """Which holes to fill, from 0; None: all. Raises InputError for one that isn't there."""
    count = len(file.holes.holes)
    for one in chosen:
        if not 1 <= one <= count:
            raise InputError(f"--hole {one}: {file.name} has {count} holes, numbered from 1")
    return [one - 1 for one in chosen] or None


def fill_file(
    file: HoleFile,
    vocabulary: Vocabulary,
    writer: Writer,
    policies: Constraint,
    limits: Limits,
    chosen: Sequence[int] | None = None,
) -> Filled:
    """Fills the holes of a file.

    Raises:
        SpecError: what is asked for clashes.
    """
    checker = get_checker(file.language)
    importing = file.importing

    def defects(text: bytes) -> Sequence[Defect]:
        state = load_grammar(file.language).parse(text)
        assert checker is not None
        if state is None:
            raise InputError(f"{file.name}: no {file.language} program any more")
        return checker(state, importing.surroundings(file.name))

    def look(spec: ConstraintSpec, region: Region) -> Satisfiability:
        return Session(spec, vocabulary, region=region).satisfiability()

    imports: dict[str, object] = {"environment": importing.environment, "project": _folder_of(file)}
    request: dict[str, object] = {
        "language": file.language,
        "imports": {name: one for name, one in imports.items() if one is not None},
        "context": {} if file.name == "-" else {"path": file.name},
    }
    if checker is not None:
        request["domains"] = [one for one in BUILT_DOMAINS if one == "syntax" or one in _MEANING]
    # Another draft costs less than a long search for an end of this one.
    request["limits"] = {"completion_steps": COMPLETION_STEPS}
    said = policies.meet(said_in(parse_policy(request), "fill:"))
    task = Task(file.source, said, file.find, look, None if checker is None else defects, limits)
    return fill(task, file.holes, writer, chosen)


def _place(text: bytes, start: int) -> tuple[int, int]:
    before = text[:start].decode("utf-8", "ignore")
    return before.count("\n") + 1, len(before) - before.rfind("\n")

"""`ananke context`: what is known at a line of a project's file, as a ConstraintSpec."""

from __future__ import annotations

from typing import Any

from ananke.analysis.judgement import ExtractionError, Given, SurroundingsError
from ananke.cli.places import Importing
from ananke.cli.reading import InputError, language_for, read_text
from ananke.languages import get_extractor
from ananke.spec import TOP, Constraint, parse_policy, said_in

__all__ = ["context_at", "context_text"]

_DOMAINS = ["syntax", "imports", "types", "controlflow"]
#: Characters of a type or a declaration that are shown.
_SHOWN = 80


def context_at(
    place: str,
    given_language: str | None,
    policies: Constraint = TOP,
    importing: Importing = Importing(),  # noqa: B008 - a value
) -> dict[str, Any]:
    """The spec of a text that is to stand at FILE:LINE, without what it leaves unsaid.

    Raises:
        InputError: there is no such place, or its language has no such scopes.
        SpecError: it clashes with a policy.
    """
    name, _, number = place.rpartition(":")
    if not name or not number.isdecimal():
        raise InputError(f"{place}: no place; write FILE:LINE, lines from 1")
    language = language_for(name, given_language, policies)
    extract = get_extractor(language)
    if extract is None:
        raise InputError(f"{name}: scopes of {language} programs aren't known yet, only Python's")
    surroundings = importing.surroundings(name)
    try:
        given = extract(surroundings, read_text(name).encode(), int(number))
    except ExtractionError as error:
        raise InputError(f"{place}: {error}") from None
    except SurroundingsError as error:
        raise InputError(f"{place}: {error.field}: {error}") from None
    imports = {"environment": importing.environment, "project": surroundings.project}
    document: dict[str, Any] = {
        "language": language,
        "domains": _DOMAINS,
        "context": {} if surroundings.path is None else {"path": surroundings.path},
        "imports": {field: one for field, one in imports.items() if one is not None},
        "scope": _scope(given),
    }
    # Policies stand apart in every command; here they only must not clash.
    policies.meet(said_in(parse_policy(document), place)).refuse_bottom()
    return document


def _scope(given: Given) -> dict[str, Any]:
    inside = given.inside
    scope = {
        "imports": list(given.imports),
        "classes": [{"name": name, "source": source} for name, source in given.classes],
        "aliases": [{"name": name, "type": type_} for name, type_ in given.aliases],
        "functions": [
            {"name": name, "signature": signature, **({"is_async": True} if is_async else {})}
            for name, signature, is_async in given.functions
        ],
        "bindings": [
            {
                "name": name,
                **({} if type_ is None else {"type": type_}),
                **({"is_declared": True} if is_declared else {}),
            }
            for name, type_, is_declared in given.bindings
        ],
        "inside": {
            field: value
            for field, value in (
                ("function", inside.function),
                ("is_async", inside.is_async),
                ("result", inside.result),
                ("receiver", inside.receiver),
                ("loops", inside.loops),
            )
            if value
        },
    }
    return {field: one for field, one in scope.items() if one}


def context_text(place: str, document: dict[str, Any]) -> str:
    """The scope of a spec in words."""
    scope = document["scope"]
    inside = scope.get("inside", {})
    words = [
        f"in {'async ' * inside.get('is_async', False)}{inside['function']}"
        if "function" in inside
        else "in no function"
    ]
    if "result" in inside:
        words.append(f"returns {inside['result']}")
    if "loops" in inside:
        words.append(f"in {inside['loops']} loop{'s' * (inside['loops'] > 1)}")
    lines: list[str] = [*scope.get("imports", [])]
    lines += [f"class {one['name']}" for one in scope.get("classes", [])]
    lines += [f"type {one['name']} = {one['type']}" for one in scope.get("aliases", [])]
    lines += [
        f"{'async ' * one.get('is_async', False)}def {one['name']}{one['signature']}"
        for one in scope.get("functions", [])
    ]
    lines += [
        f"{one['name']}: {one['type']}" if "type" in one else one["name"]
        for one in scope.get("bindings", [])
    ]
    return "\n    ".join([f"{place}: {', '.join(words)}", *map(_short, lines)])


def _short(line: str) -> str:
    flat = " ".join(line.split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"

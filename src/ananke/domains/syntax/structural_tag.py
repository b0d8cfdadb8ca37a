"""Structural tags: free text in which certain beginnings oblige a structure.

Two JSON forms, as serving engines take them:

    {"structures": [{"begin": "<f=add>", "schema": {...}, "end": "</f>"}], "triggers": ["<f="]}
    {"type": "structural_tag", "format": {"type": "triggered_tags", ...}}

The first means the second's `triggered_tags` (a `type` of "structural_tag" may stand in it). A
format becomes a rule of one Lark grammar for llguidance; JSON schemas and the user's sub-grammars
stand in it as nested grammars, each with a lexer of its own.

Free text ends where a trigger (or the tag's `end`) first appears: a *lazy* lexeme. That is also
how a regex inside a tag is closed, so its match can't contain the tag's `end`.

Not supported, and said so: formats that name tokens instead of text, XML styles, token counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import llguidance

from ananke.domains.syntax.ebnf import EbnfError, ebnf_to_lark

#: Formats inside formats.
MAX_NESTING = 32

_ANY_TEXT = "/(?s:.*)/"


class StructuralTagError(ValueError):
    """What is wrong: `place` is a path below the source (`.format.tags[0]`), then the problem."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


def structural_tag_grammars(source: str) -> list[dict[str, object]]:
    """llguidance's named grammars for a structural tag's JSON text; the first is the start.

    Raises StructuralTagError.
    """
    try:
        value = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise StructuralTagError("", f"structural_tag: is not JSON: {error}") from None
    root = _Fields(value, "", {"type", "format", "structures", "triggers"})
    if "type" in root and root.text("type") != "structural_tag":
        raise StructuralTagError(".type", 'must be "structural_tag"')
    writer = _Writer()
    if "format" in root:
        root.only("type", "format")
        start = writer.format(root.value("format"), ".format", 0)
    else:
        root.only("type", "structures", "triggers")
        tags = [
            _legacy_tag(item, f".structures[{at}]")
            for at, item in enumerate(root.list("structures"))
        ]
        start = writer.triggered_tags(
            _Fields({"tags": tags, "triggers": root.list("triggers")}, ""), "", 0
        )
    return writer.grammars(start)


def _legacy_tag(value: object, place: str) -> dict[str, object]:
    item = _Fields(value, place, {"begin", "schema", "end"})
    schema = item.value("schema")
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError) as error:
            raise StructuralTagError(f"{place}.schema", f"is not JSON: {error}") from None
    content = {"type": "json_schema", "json_schema": schema}
    return {"type": "tag", "begin": item.text("begin"), "content": content, "end": item.text("end")}


class _Fields:
    """An object of the document, read field by field with the place in each error."""

    def __init__(self, value: object, place: str, allowed: set[str] | None = None) -> None:
        if not isinstance(value, Mapping):
            raise StructuralTagError(place, "expected an object")
        self._value: Mapping[str, Any] = value
        self._place = place
        if allowed is not None:
            self.only(*allowed)

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def only(self, *names: str) -> None:
        for name in self._value:
            if name not in names:
                raise StructuralTagError(f"{self._place}.{name}", "no such field here")

    def value(self, name: str) -> Any:
        if name not in self._value:
            raise StructuralTagError(f"{self._place}.{name}", "is missing")
        return self._value[name]

    def text(self, name: str, default: str | None = None) -> str:
        value = self._value.get(name, default)
        if not isinstance(value, str):
            raise StructuralTagError(f"{self._place}.{name}", "expected a string")
        return value

    def flag(self, name: str) -> bool:
        value = self._value.get(name, False)
        if not isinstance(value, bool):
            raise StructuralTagError(f"{self._place}.{name}", "expected true or false")
        return value

    def number(self, name: str) -> int:
        value = self.value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise StructuralTagError(f"{self._place}.{name}", "expected an integer")
        return value

    def list(self, name: str) -> Sequence[Any]:
        value = self.value(name)
        if not isinstance(value, list) or not value:
            raise StructuralTagError(f"{self._place}.{name}", "expected a list with an element")
        return value

    def empty(self, name: str) -> None:
        if self._value.get(name) not in (None, [], False):
            raise StructuralTagError(f"{self._place}.{name}", "is not supported")


class _Writer:
    """Collects the rules of the main grammar and the nested grammars."""

    def __init__(self) -> None:
        self._rules: list[str] = []
        self._nested: list[dict[str, object]] = []

    def grammars(self, start: str) -> list[dict[str, object]]:
        lark = "\n".join([f"start: {start}", *self._rules]) + "\n"
        main: dict[str, object] = {"name": "structural_tag", "lark_grammar": lark}
        return [main, *self._nested]

    def format(self, value: object, place: str, depth: int, end: Sequence[str] = ()) -> str:
        """A rule's name (or "") for a format, followed by one of the strings `end` if given."""
        if depth > MAX_NESTING:
            raise StructuralTagError(place, f"formats are nested deeper than {MAX_NESTING}")
        kind = _Fields(value, place).text("type")
        if kind in ("any_text", "regex"):
            return self._text(_Fields(value, place), place, kind, end)
        write = self._WRITERS.get(kind)
        if write is None:
            raise StructuralTagError(f"{place}.type", f"the format {kind!r} is not supported")
        body = write(self, _Fields(value, place), place, depth)
        return self._rule(f"{body} {_either(end)}") if end else body

    def _rule(self, body: str, lazy: bool = False) -> str:
        name = f"part_{len(self._rules)}"
        self._rules.append(f"{name}{'[lazy]' if lazy else ''}: {body}")
        return name

    def _nest(self, entry: dict[str, object]) -> str:
        name = f"nested_{len(self._nested)}"
        self._nested.append({"name": name, **entry})
        return f"@{name}"

    def _text(self, fields: _Fields, place: str, kind: str, end: Sequence[str]) -> str:
        if kind == "any_text":
            for name in ("excludes", "max_tokens", "max_chars"):
                fields.empty(name)
            fields.only("type", "excludes", "max_tokens", "max_chars")
            pattern = _ANY_TEXT
        else:
            fields.only("type", "pattern")
            source = fields.text("pattern")
            if not end:
                return self._nest({"lark_grammar": f"start: {_regex(source)}\n"})
            pattern = _regex(source)
        return self._rule(f"{pattern} {_either(end)}", lazy=True) if end else self._rule(pattern)

    def _const(self, fields: _Fields, place: str, depth: int) -> str:
        fields.only("type", "value")
        return self._rule(_string(fields.text("value")))

    def _schema(self, fields: _Fields, place: str, depth: int) -> str:
        fields.only("type", "json_schema", "style")
        if fields.text("style", "json") != "json":
            raise StructuralTagError(f"{place}.style", 'only "json" is supported')
        schema = fields.value("json_schema")
        if not isinstance(schema, Mapping | bool):
            raise StructuralTagError(f"{place}.json_schema", "expected an object or true")
        return self._nest({"json_schema": schema})

    def _grammar(self, fields: _Fields, place: str, depth: int) -> str:
        fields.only("type", "grammar")
        try:
            return self._nest({"lark_grammar": ebnf_to_lark(fields.text("grammar"))})
        except EbnfError as error:
            raise StructuralTagError(f"{place}.grammar", str(error)) from None

    def _sequence(self, fields: _Fields, place: str, depth: int) -> str:
        fields.only("type", "elements")
        elements = fields.list("elements")
        for at, element in enumerate(elements[:-1]):
            if isinstance(element, Mapping) and element.get("type") == "any_text":
                raise StructuralTagError(
                    f"{place}.elements[{at}]",
                    "any_text may only be last: nothing tells where it would end",
                )
        return self._rule(" ".join(self._all(elements, f"{place}.elements", depth)))

    def _or(self, fields: _Fields, place: str, depth: int) -> str:
        fields.only("type", "elements")
        elements = fields.list("elements")
        return self._rule(" | ".join(self._all(elements, f"{place}.elements", depth)))

    def _all(self, values: Sequence[object], place: str, depth: int) -> list[str]:
        return [
            self.format(value, f"{place}[{at}]", depth + 1) or '""'
            for at, value in enumerate(values)
        ]

    def _repeat(self, fields: _Fields, place: str, depth: int) -> str:
        kind = fields.text("type")
        if kind == "repeat":
            fields.only("type", "min", "max", "content")
            least, most = fields.number("min"), fields.number("max")
            if not 0 <= least <= 10_000 or (most != -1 and not least <= most <= 10_000):
                raise StructuralTagError(place, "min and max are no range of counts to 10,000")
            count = f"{{{least},{'' if most == -1 else most}}}"
        else:
            fields.only("type", "content")
            count = {"optional": "?", "star": "*", "plus": "+"}[kind]
        inner = self.format(fields.value("content"), f"{place}.content", depth + 1)
        return self._rule(f"({inner}){count}")

    def _tag(self, fields: _Fields, place: str, depth: int, skip: int = 0) -> str:
        """A tag; its first `skip` characters of `begin` are written already."""
        fields.only("type", "begin", "content", "end")
        end_value = fields.value("end")
        ends = [end_value] if isinstance(end_value, str) else end_value
        if (
            not isinstance(ends, list)
            or not all(isinstance(item, str) for item in ends)
            or not ends
        ):
            raise StructuralTagError(f"{place}.end", "expected a string or a list of strings")
        begin = fields.text("begin")[skip:]
        given = [] if ends == [""] else ends
        content = self.format(fields.value("content"), f"{place}.content", depth + 1, given)
        # One lexeme a character: a `begin` that continues another's must not swallow it.
        return self._rule(" ".join([*map(_string, begin), content]))

    def triggered_tags(self, fields: _Fields, place: str, depth: int) -> str:
        fields.only("type", "triggers", "tags", "at_least_one", "stop_after_first", "excludes")
        fields.empty("excludes")
        triggers = fields.list("triggers")
        if not all(isinstance(trigger, str) and trigger for trigger in triggers):
            raise StructuralTagError(f"{place}.triggers", "expected non-empty strings")
        tags: dict[str, list[str]] = {trigger: [] for trigger in triggers}
        for at, value in enumerate(fields.list("tags")):
            here = f"{place}.tags[{at}]" if "type" in fields else f"{place}.structures[{at}]"
            tag = _Fields(value, here)
            begin = tag.text("begin")
            matching = [trigger for trigger in triggers if begin.startswith(trigger)]
            if len(matching) != 1:
                raise StructuralTagError(
                    f"{here}.begin", f"must begin with exactly one trigger, not {len(matching)}"
                )
            tags[matching[0]].append(self._tag(tag, here, depth + 1, skip=len(matching[0])))
        options = []
        for trigger, rules in tags.items():
            if not rules:
                raise StructuralTagError(f"{place}.triggers", f"no tag begins with {trigger!r}")
            opening = self._rule(f"{_ANY_TEXT} {_string(trigger)}", lazy=True)
            options.append(f"{opening} ({' | '.join(rules)})")
        tagged = self._rule(" | ".join(options))
        if fields.flag("stop_after_first"):
            if fields.flag("at_least_one"):
                return tagged
            return self._rule(f"{tagged} | {self._rule(_ANY_TEXT)}")
        count = "+" if fields.flag("at_least_one") else "*"
        return self._rule(f"{tagged}{count} {self._rule(_ANY_TEXT)}")

    def _separated(self, fields: _Fields, place: str, depth: int) -> str:
        fields.only("type", "tags", "separator", "at_least_one", "stop_after_first")
        tag = self._rule(
            " | ".join(
                self._tag(_Fields(value, f"{place}.tags[{at}]"), f"{place}.tags[{at}]", depth + 1)
                for at, value in enumerate(fields.list("tags"))
            )
        )
        separator = _string(fields.text("separator"))
        more = "" if fields.flag("stop_after_first") else f" ({separator} {tag})*"
        body = self._rule(f"{tag}{more}")
        return body if fields.flag("at_least_one") else self._rule(f"{body}?")

    _WRITERS: ClassVar[dict[str, Callable[[_Writer, _Fields, str, int], str]]] = {
        "const_string": _const,
        "json_schema": _schema,
        "grammar": _grammar,
        "sequence": _sequence,
        "or": _or,
        "optional": _repeat,
        "star": _repeat,
        "plus": _repeat,
        "repeat": _repeat,
        "tag": _tag,
        "triggered_tags": triggered_tags,
        "tags_with_separator": _separated,
    }


def _string(text: str) -> str:
    """A Lark literal of exactly this text."""
    points = "".join(f"\\x{{{ord(char):x}}}" for char in text)
    return f"/{points}/" if text else '""'


def _regex(pattern: str) -> str:
    return f"/{llguidance.regex_to_lark(pattern, '')}/"


def _either(texts: Sequence[str]) -> str:
    return "(" + " | ".join(map(_string, texts)) + ")"

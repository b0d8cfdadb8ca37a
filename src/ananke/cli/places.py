"""What may come at a place of a file: `ananke check` and `ananke complete`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from ananke.analysis.defects import Domain
from ananke.analysis.judgement import Offer, Surroundings, SurroundingsError
from ananke.analysis.tracing import Event
from ananke.cli.reading import InputError, language_for, read_text
from ananke.languages import get_checker, get_meaning
from ananke.parsing import Expected, ParseState, load_grammar
from ananke.propagation import reasons_for
from ananke.spec import TOP, Constraint, parse_policy, said_in

__all__ = ["Finding", "Importing", "check", "check_meaning", "complete", "listed"]

#: Bytes fed at a time while looking for the place where a file goes wrong.
_STRIDE = 4096
#: Terminals named in a sentence, and the longest piece of a source line beside a caret.
_NAMED = 8
_SHOWN = 100
#: Groups of names, the nearest first.
_GROUPS = ("members", "exports", "modules", "parameters", "names", "builtins")
_PUNCTUATION = frozenset("()[]{},;:.@#\"'`\\")


@dataclass(frozen=True)
class Importing:
    """What the text of a file may import.

    Attributes:
        environment: interpreter, virtual environment or folder of packages; None: not known.
        project: root folder of the program's own modules; None: the file's folder, or where it is
            a package's, the folder around the outermost package.
        allowed, denied: module paths, each with all below; `allowed` None: all.
        stubs: declarations by module.
    """

    environment: str | None = None
    project: str | None = None
    allowed: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    stubs: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_bound(self) -> bool:
        """Whether some import is refused by a policy."""
        return self.allowed is not None or bool(self.denied)

    def surroundings(self, name: str) -> Surroundings:
        """The place of the file called `name`."""
        path = None if name == "-" else Path(name).resolve()
        return Surroundings(
            path=None if path is None else str(path),
            environment=self.environment,
            project=self.project or (None if path is None else str(_root(path))),
            allow=self.allowed,
            deny=self.denied,
            stubs=tuple(self.stubs.items()),
        )

    @staticmethod
    def under(policies: Constraint, environment: str | None) -> Importing:
        """What policies say, and an environment given beside them.

        Raises:
            SpecError: they name another environment.
        """
        given = said_in(parse_policy({"imports": {"environment": environment}}), "--environment:")
        imports = policies.meet(given).imports()
        return Importing(
            imports.environment,
            imports.project,
            imports.allow,
            imports.deny,
            {stub.module: stub.source for stub in imports.stubs},
        )


@dataclass(frozen=True)
class Finding:
    """What `check` says of a file.

    Attributes:
        file: its name, as given.
        language: what it was read as.
        verdict: `complete`, `unfinished` (more text may make it a program) or `wrong`.
        line: of the first character that no program has there, from 1; else None.
        column: of the same, in characters, from 1.
        source: that line.
        expected: the terminals that may come there, or after the end.
        message: what is wrong with what the program means; None if it is what it says.
        because: why, if that was asked.
    """

    file: str
    language: str
    verdict: str
    line: int | None
    column: int | None
    source: str | None
    expected: tuple[str, ...]
    message: str | None = None
    because: tuple[str, ...] = ()

    def text(self) -> str:
        """The finding in words, with the source line and a caret."""
        if self.verdict == "complete":
            return f"{self.file}: complete {self.language}"
        if self.verdict == "unfinished":
            return f"{self.file}: unfinished {self.language}; expected {listed(self.expected)}"
        assert self.line is not None
        assert self.column is not None
        assert self.source is not None
        begin = max(0, self.column - _SHOWN * 2 // 3)
        shown = self.source[begin : begin + _SHOWN]
        before = shown[: self.column - 1 - begin]
        caret = "".join(character if character == "\t" else " " for character in before) + "^"
        place = f"{self.file}:{self.line}:{self.column}"
        if self.message is not None:
            why = "".join(f"\n    {one}" for one in self.because)
            return f"{place}: {self.message}\n    {shown}\n    {caret}{why}"
        return (
            f"{place}: no {self.language} program goes on like this\n"
            f"    {shown}\n    {caret}\n    expected {listed(self.expected)}"
        )


def _root(path: Path) -> Path:
    """The folder that a file's own modules are found in."""
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def listed(names: tuple[str, ...]) -> str:
    """A few of the names, and how many there are more."""
    more = f" or {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(names[:_NAMED]) or "the end of the text") + more


def check(name: str, given: str | None) -> Finding:
    """Reads a file as far as it is viable.

    Raises:
        InputError: the file can't be read, or its language isn't known.
    """
    language = language_for(name, given)
    text = read_text(name)
    raw = text.encode()
    state, taken = _furthest(load_grammar(language).start(), raw)
    expected = tuple(_shown(terminal) for terminal in _ordered(state.expected()))
    if taken == len(raw):
        verdict = "complete" if state.can_end() else "unfinished"
        return Finding(name, language, verdict, None, None, None, expected)
    before = raw[:taken].decode("utf-8", "ignore")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    source = text.split("\n")[line - 1]
    return Finding(name, language, "wrong", line, column, source, expected)


def check_meaning(
    name: str,
    given: str | None,
    importing: Importing = Importing(),
    *,
    is_whole: bool = True,
    why: bool = False,
) -> list[Finding]:
    """What is wrong with the names, imports, types and control flow of a file, as far as it parses.

    Args:
        is_whole: else only what is wrong with its imports.
        why: with the reasons.

    Raises:
        InputError: the file can't be read, its language isn't known or has no such check, or
            the environment is none.
    """
    language = language_for(name, given)
    checker = get_checker(language)
    if checker is None:
        raise InputError(f"{name}: what {language} programs mean isn't checked yet, only Python's")
    text = read_text(name)
    raw = text.encode()
    state, _ = _furthest(load_grammar(language).start(), raw)
    trace: list[Event] | None = [] if why else None
    try:
        defects = checker(state, importing.surroundings(name), trace=trace)
    except SurroundingsError as error:
        raise InputError(f"{name}: {error.field}: {error}") from None
    lines = text.split("\n")
    found: list[Finding] = []
    for one in defects:
        if not is_whole and one.domain != Domain.IMPORTS:
            continue
        before = raw[: one.start].decode("utf-8", "ignore")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        source = lines[line - 1]
        because = tuple(each.text(raw) for each in reasons_for(trace or (), one))
        found.append(
            Finding(name, language, "wrong", line, column, source, (), one.text(), because)
        )
    return found


def complete(
    place: str,
    given: str | None,
    policies: Constraint = TOP,
    importing: Importing = Importing(),
) -> dict[str, list[str] | list[Offer]]:
    """What may come at FILE:LINE:COL (from 1, in characters), in groups: the names that would be
    right with their types, and the terminals.

    Raises:
        InputError: there is no such place, the text before it is not viable, or the environment
            is none.
        SpecError: the policies say another language.
    """
    name, line, column = _place(place)
    language = language_for(name, given, policies)
    lines = read_text(name).split("\n")
    if not 1 <= line <= len(lines):
        raise InputError(f"{place}: the file has {len(lines)} lines; choose one of them")
    width = len(lines[line - 1])
    if not 1 <= column <= width + 1:
        raise InputError(f"{place}: line {line} has columns 1 to {width + 1}; choose one of them")
    before = "\n".join([*lines[: line - 1], lines[line - 1][: column - 1]]).encode()
    state = load_grammar(language).parse(before)
    if state is None:
        raise InputError(
            f"{place}: the text before is no {language}; `ananke check {name}` tells where"
        )
    result: dict[str, list[str] | list[Offer]] = {}
    for group, offers in groupby(_offers(name, language, importing, state), lambda one: one.group):
        result[group] = list(offers)
    groups: dict[str, list[str]] = {
        name: [] for name in ("keywords", "operators", "punctuation", "names and literals")
    }
    for terminal in state.expected():
        groups[_group(terminal)].append(terminal.name.lstrip("_"))
    result |= {name: sorted(set(found)) for name, found in groups.items() if found}
    if state.can_end():
        result["end"] = ["the text may end here"]
    return result


def _offers(name: str, language: str, importing: Importing, state: ParseState) -> tuple[Offer, ...]:
    meaning = get_meaning(language)
    if meaning is None:
        return ()
    try:
        program = meaning.begin(importing.surroundings(name))
    except SurroundingsError as error:
        raise InputError(f"{name}: {error.field}: {error}") from None
    return tuple(sorted(meaning.offers(program, state), key=lambda one: _GROUPS.index(one.group)))


def _place(place: str) -> tuple[str, int, int]:
    parts = place.rsplit(":", 2)
    if len(parts) != 3 or not parts[0] or not (parts[1].isdecimal() and parts[2].isdecimal()):
        raise InputError(f"{place}: no place; write FILE:LINE:COL, lines and columns from 1")
    return parts[0], int(parts[1]), int(parts[2])


def _furthest(state: ParseState, raw: bytes) -> tuple[ParseState, int]:
    """The last live state along `raw`, and how many bytes it has read."""
    taken, stride = 0, _STRIDE
    while taken < len(raw):
        after = state.feed(raw[taken : taken + stride])
        if after is not None:
            state, taken = after, min(taken + stride, len(raw))
        elif stride == 1:
            break
        else:
            stride //= 8
    return state, taken


def _group(terminal: Expected) -> str:
    name = terminal.name
    if terminal.named or name.startswith("_"):
        return "names and literals"
    if name[:1].isalpha():
        return "keywords"
    return "punctuation" if _PUNCTUATION.issuperset(name) else "operators"


def _ordered(terminals: Iterable[Expected]) -> list[Expected]:
    """Names and literals first, then signs, then keywords; comments say nothing and come last."""
    ranks = {"names and literals": 0, "punctuation": 1, "operators": 2, "keywords": 3}
    return sorted(terminals, key=lambda one: ("comment" in one.name, ranks[_group(one)]))


def _shown(terminal: Expected) -> str:
    if terminal.named or terminal.name.startswith("_"):
        return terminal.name.strip("_").replace("_", " ")
    return f"`{terminal.name}`"

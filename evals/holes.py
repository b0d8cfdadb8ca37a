"""Holes: cut from real files; their own text must be admitted, and the type be the oracle's.

A hole is an expression, an argument, a statement or a function's body of a file of the environment
or the standard library, in its place in a project.

- *Admitted*: the original text, token by token of a real vocabulary, in a session that knows the
  text before, the text after and the hole's region, and its end.
- *Type*: what `ananke holes` says is expected, against what the type checker says is expected
  when a value of a class of its own stands there. Where both know one.
- *Fills*: some holes are filled by the embedded model as `ananke fill` does it; the type checker
  must report no error on the file that it doesn't report on the original.
"""

from __future__ import annotations

import ast
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ananke.analysis.defects import Defect, Domain
from ananke.analysis.holes import Hole, HoleError, Region
from ananke.cli.holes import COMPLETION_STEPS
from ananke.cli.ngram import Model, load_model
from ananke.cli.writing import Drafts, Sampling
from ananke.domains import BUILT_DOMAINS
from ananke.holes import HoleText, Limits, Task, fill
from ananke.languages import get_hole_language
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.holes import holes_of
from ananke.languages.python.meaning.program import judge
from ananke.outcome import NotAdmitted, Satisfiability
from ananke.parsing.grammar import load_grammar
from ananke.parsing.node import Node
from ananke.session import Session
from ananke.spec import ConstraintSpec, parse_policy, parse_spec, said_in
from evals.environment import ModuleSource, environment_folder, make_project, modules
from evals.evaluation import Evaluation, Findings, Options, generator
from evals.meaning_replay import library_of, program_of
from evals.places import excerpt, line_of
from evals.progress import say, steps
from evals.pyright import check, checker_name
from evals.report import Summary, machine, percent, table, today
from evals.tokens import cut_greedily, vocabulary_named, vocabulary_names

__all__ = ["HOLES", "Cut", "agree", "cuts"]

KINDS = ("expression", "argument", "statement", "body")
#: Holes of each kind in one file, and the longest that is cut.
_OF_A_KIND = 2
_LONGEST = 2_000
#: Parents and fields in which an expression stands.
_PLACES = {
    ("assignment", "right"),
    ("augmented_assignment", "right"),
    ("return_statement", ""),
    ("if_statement", "condition"),
    ("while_statement", "condition"),
    ("for_statement", "right"),
    ("pair", "value"),
    ("binary_operator", "right"),
    ("default_parameter", "value"),
}
_SIMPLE = frozenset(
    ("expression_statement", "return_statement", "raise_statement", "assert_statement")
)
#: What a value's own syntax is, not an expression's.
_NO_VALUES = frozenset(
    ("list_splat", "dictionary_splat", "parenthesized_list_splat", "yield", "comment", "await",
     "expression_list", "pattern_list", "generator_expression", "keyword_argument",
     "assignment", "augmented_assignment", "ellipsis", "return", ",", "(", ")")
)  # fmt: skip

#: A module with a value that is right nowhere.
_WRONG = "ananke_wrong"
_WRONG_TEXT = "class Wrong:\n    __slots__ = ()\n\n\nwrong = Wrong()\n"
#: What the checker says of it.
_EXPECTS = re.compile(
    r'"Wrong" (?:is not assignable|cannot be assigned) to '
    r'(?:declared type|return type|parameter "[^"]*" of type) "([^"]*)"'
)

#: How it goes on for a union: a line for each member.
_MEMBERS = re.compile(
    r'^\s+"Wrong" is (?:not assignable to|incompatible with protocol) "([^"]*)"', re.MULTILINE
)


@dataclass(frozen=True)
class Cut:
    """A hole cut from a file."""

    source: ModuleSource
    kind: str
    start: int
    end: int

    @property
    def original(self) -> bytes:
        return self.source.text[self.start : self.end]

    @property
    def text(self) -> bytes:
        """The file with the sign in place of the hole."""
        return self.source.text[: self.start] + b"..." + self.source.text[self.end :]


def cuts(source: ModuleSource) -> dict[str, list[Cut]]:
    """The places of a file where a hole may be cut, by kind."""
    found: dict[str, list[Cut]] = {kind: [] for kind in KINDS}
    state = load_grammar("python").parse(source.text)
    root = None if state is None else state.tree()
    if root is None:
        return found
    waiting: list[tuple[Node, bool]] = [(root, False)]
    while waiting:
        node, in_function = waiting.pop()
        for kind, child in _places(node, in_function, source.text):
            if 0 < child.end - child.start <= _LONGEST:
                found[kind].append(Cut(source, kind, child.start, child.end))
        in_function = in_function or node.kind == "function_definition"
        waiting += [
            (one, in_function)
            for one in node.children
            if one.kind not in ("type", "decorator", "string", "import_from_statement")
        ]
    return found


def _places(node: Node, in_function: bool, text: bytes) -> Iterator[tuple[str, Node]]:
    for child in node.children:
        is_value = child.is_named and child.kind not in _NO_VALUES
        if is_value and (node.kind, child.field) in _PLACES:
            yield "expression", child
        if node.kind == "call" and child.field == "arguments" and child.kind == "argument_list":
            for given in child.children:
                value = given.child("value") if given.kind == "keyword_argument" else given
                if value is not None and value.is_named and value.kind not in _NO_VALUES:
                    yield "argument", value
    if node.kind == "function_definition":
        body = node.child("body")
        if body is not None and text[body.start : body.end].strip() != b"...":
            yield "body", body
    if node.kind == "block" and in_function:
        inner = [one for one in node.children if one.is_named and one.kind != "comment"]
        for one in inner if len(inner) > 1 else ():
            if one.kind in _SIMPLE:
                yield "statement", one


def admitted(
    cut: Cut, hole: Hole, domains: tuple[str, ...], project: Path, corpora: Path
) -> str | None:
    """Feeds the original text into its hole; why it was refused, if it was."""
    vocabulary = vocabulary_named(vocabulary_names()[0])
    text = cut.source.text
    spec = parse_spec(
        {
            "language": "python",
            "domains": list(domains),
            "context": {
                "prefix": text[: cut.start].decode(),
                "suffix": text[cut.end :].decode(),
                "path": str(cut.source.path),
            },
            "imports": {"environment": str(environment_folder(corpora)), "project": str(project)},
        }
    )
    session = Session(spec, vocabulary, region=hole.region)
    try:
        for token in cut_greedily(vocabulary, cut.original):
            session.accept(token)
        session.accept(next(iter(vocabulary.eos)))
    except NotAdmitted as error:
        written = session.text.decode("utf-8", "replace")
        return f"after {written[-40:]!r}: {error.explanation.domain}: {error}"
    return None


def agree(ours: str, theirs: str) -> bool:
    """Whether two types are the same: names without their modules, members of unions in any order,
    what is unknown as anything."""
    mine, other = _shape(ours), _shape(theirs)
    return mine is not None and other is not None and _same(mine, other)


def _shape(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.replace("type[Self@", "type[").replace("Self@", ""), mode="eval").body
    except SyntaxError:
        return None


def _same(one: ast.expr, other: ast.expr) -> bool:
    first, second = _members(one), _members(other)
    if any(_is_unknown(each) for each in (*first, *second)):
        return True
    if len(first) == 1 and len(second) == 1:
        return _equal(first[0], second[0])
    return len(first) == len(second) and all(
        any(_equal(each, mine) for mine in second) for each in first
    )


def _equal(one: ast.expr, other: ast.expr) -> bool:
    if isinstance(one, ast.Subscript) and isinstance(other, ast.Subscript):
        mine, theirs = _items(one.slice), _items(other.slice)
        return (
            _name(one.value) == _name(other.value)
            and len(mine) == len(theirs)
            and all(_same(each, given) for each, given in zip(mine, theirs, strict=True))
        )
    if isinstance(one, ast.Subscript) or isinstance(other, ast.Subscript):
        # Arguments that one of the two leaves out are unknown.
        return _name(one) == _name(other)
    return ast.dump(one) == ast.dump(other) if _name(one) == "" else _name(one) == _name(other)


def _items(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    word = (
        node.id
        if isinstance(node, ast.Name)
        else node.attr
        if isinstance(node, ast.Attribute)
        else ""
    )
    return {"List": "list", "Dict": "dict", "Set": "set", "Type": "type", "Tuple": "tuple"}.get(
        word, word
    )


def _members(node: ast.expr) -> list[ast.expr]:
    """The members of a union."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_members(node.left), *_members(node.right)]
    return [node]


def _is_unknown(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("Any", "Unknown", "unknown", "object")


def _expected_by(message: str) -> str | None:
    """The type that a complaint says is expected; the members of a union that has a name."""
    told = _EXPECTS.search(message.splitlines()[0])
    # A type variable of the function that is called is solved by what is given.
    if told is None or "@" in told.group(1):
        return None
    members = _MEMBERS.findall(message)
    return " | ".join(members) if len(members) > 1 else told.group(1)


def types_of(project: Path, sample: Sequence[Cut]) -> dict[Cut, str]:
    """What the checker says is expected in each hole: it is told by its complaint of a wrong value
    there. (What it infers for a value that fits is but one member of what is expected.)"""
    (project / f"{_WRONG}.py").write_text(_WRONG_TEXT)
    line = f"from {_WRONG} import wrong as ananke_wrong\n".encode()
    paths: dict[Path, Cut] = {}
    for at, cut in enumerate(sample):
        path = cut.source.path.with_name(f"ananke_hole_{at}.py")
        text = cut.source.text
        path.write_bytes(line + text[: cut.start] + b"ananke_wrong" + text[cut.end :])
        paths[path] = cut
    found: dict[Cut, str] = {}
    for path, complaints in check(project, list(paths)).items():
        cut = paths[path]
        for one in complaints:
            told = _expected_by(one.message)
            # What the wrong value makes wrong elsewhere says nothing of the hole.
            if told is not None and one.line == line_of(cut.source.text, cut.start) + 1:
                found[cut] = told
        path.unlink()
    return found


def _sampled(project: Path, options: Options) -> list[Cut]:
    """Holes of all kinds, a few of each file."""
    wanted = options.number(400, 24)
    files = modules(project, options.files or 400, options.seed)
    found: list[Cut] = []
    for source in files:
        rng = generator(options, source.module)
        for kind, places in cuts(source).items():
            taken = sum(one.kind == kind for one in found)
            few = min(_OF_A_KIND, len(places), -(-wanted // len(KINDS)) - taken)
            found += rng.sample(places, max(0, few))
        if len(found) >= wanted:
            break
    return found


@dataclass
class Filling:
    """Filling one hole after another with the embedded model, under the meaning of its file."""

    model: Model
    seed: int
    domains: tuple[str, ...]
    project: Path
    corpora: Path

    def fill(self, cut: Cut, hole: Hole, program: Program) -> bytes | None:
        """What the model writes into the hole; None if nothing was kept."""
        language = get_hole_language("python")
        assert language is not None

        def look(spec: ConstraintSpec, region: Region) -> Satisfiability:
            return Session(spec, self.model.vocabulary, region=region).satisfiability()

        drafts = Drafts(self.model, Sampling(max_tokens=24, seed=self.seed))
        request = said_in(
            parse_policy(
                {
                    "language": "python",
                    "domains": list(self.domains),
                    "limits": {"completion_steps": COMPLETION_STEPS},
                    "context": {"path": str(cut.source.path)},
                    "imports": {
                        "environment": str(environment_folder(self.corpora)),
                        "project": str(self.project),
                    },
                }
            ),
            "evals:",
        )
        task = Task(
            language,
            request,
            lambda text, starts: holes_of(program, text, starts),
            look,
            lambda text: _defects(program, text),
            Limits(in_a_row=20, in_all=20),
        )
        return fill(task, HoleText(cut.text, (hole,), (None,)), drafts).fills[0]


def _defects(program: Program, text: bytes) -> Sequence[Defect]:
    state = load_grammar("python").parse(text)
    if state is None:
        return ()
    judgement = judge(program, state, at_end=True)
    owed = [
        Defect(Domain.TYPES, f"`{name}` is not defined", one.start, one.end)
        for name, one in judgement.owed
    ]
    return [*judgement.defects, *owed]


def new_errors(project: Path, filled: Mapping[Cut, bytes]) -> dict[Cut, list[str]]:
    """The checker's errors in each filled file beyond those of the original."""
    paths: dict[Path, tuple[Cut, bool]] = {}
    for at, (cut, text) in enumerate(filled.items()):
        whole = cut.source.text[: cut.start] + text + cut.source.text[cut.end :]
        for name, content, is_filled in (
            (f"ananke_filled_{at}.py", whole, True),
            (f"ananke_original_{at}.py", cut.source.text, False),
        ):
            path = cut.source.path.with_name(name)
            path.write_bytes(content)
            paths[path] = (cut, is_filled)
    cut_of = {path: cut for path, (cut, _) in paths.items()}
    said: dict[tuple[Cut, bool], Counter[str]] = {}
    for path, complaints in check(project, list(paths)).items():
        # Messages name the module, which is another one for each copy.
        said[paths[path]] = Counter(
            f"{one.rule}: {one.message}".replace(path.stem, cut_of[path].source.path.stem)
            for one in complaints
        )
        path.unlink()
    return {cut: sorted((said[cut, True] - said[cut, False]).elements()) for cut in filled}


def measure(language: str, options: Options) -> Findings:
    """Holes cut from the sampled files."""
    began = time.monotonic()
    rows: list[dict[str, object]] = []
    domains = tuple(one for one in BUILT_DOMAINS if one != "semantics")
    with tempfile.TemporaryDirectory(prefix="holes-") as scratch:
        project = make_project(options.corpora, Path(scratch).resolve())
        sample = _sampled(project, options)
        found: dict[Cut, Hole] = {}
        for cut in steps("holes", sample):
            program = program_of(cut.source, library_of(project, options.corpora))
            row: dict[str, object] = {
                "file": cut.source.module,
                "line": line_of(cut.source.text, cut.start),
                "at": cut.start,
                "kind": cut.kind,
                "original": excerpt(cut.source.text, cut.start),
            }
            rows.append(row)
            try:
                (hole,) = holes_of(program, cut.text, frozenset((cut.start,)))
            except HoleError as error:
                row["problem"] = f"no hole: {error}"
                continue
            found[cut] = hole
            known = _defects(program, cut.source.text)
            # What is wrong in the hole's own text is refused rightly.
            is_wrong = any(cut.start <= one.start < cut.end for one in known)
            used = ("syntax",) if is_wrong else domains
            problem = admitted(cut, hole, used, project, options.corpora)
            row |= {"type": hole.type, "problem": problem, "domains": list(used)}
            row["has_defects"] = bool(known)
        types = types_of(project, [one for one in sample if one.kind in ("expression", "argument")])
        _compare(rows, sample, types)
        errors = _fill_some(rows, found, options, domains, project)
    return _findings(language, options, rows, errors, domains, began)


def _compare(
    rows: Sequence[dict[str, object]], sample: Sequence[Cut], types: Mapping[Cut, str]
) -> None:
    for row, cut in zip(rows, sample, strict=True):
        theirs = types.get(cut)
        row["expected"] = theirs
        if row.get("type") is not None and theirs is not None and theirs not in ("Unknown", "Any"):
            row["agrees"] = agree(str(row["type"]), theirs)


def _fill_some(
    rows: Sequence[dict[str, object]],
    found: Mapping[Cut, Hole],
    options: Options,
    domains: tuple[str, ...],
    project: Path,
) -> dict[Cut, list[str] | None]:
    """For some holes the new errors that a fill brings; None where nothing was kept."""
    chosen = [one for one in found if one.kind != "body"]
    chosen = generator(options, "fills").sample(
        chosen, min(len(chosen), 8 if options.quick else 120)
    )
    model = load_model("python", lambda _: None)
    filled: dict[Cut, bytes] = {}
    result: dict[Cut, list[str] | None] = {}
    began = time.monotonic()
    for cut in steps("fills", chosen):
        if options.seconds is not None and time.monotonic() - began > options.seconds:
            break
        program = program_of(cut.source, library_of(project, options.corpora))
        filling = Filling(model, options.seed, domains, project, options.corpora)
        text = filling.fill(cut, found[cut], program)
        if text is None:
            result[cut] = None
        else:
            filled[cut] = text
    for cut, errors in new_errors(project, filled).items():
        result[cut] = errors
        row = next(
            one
            for one in rows
            if (one["file"], one["at"], one["kind"]) == (cut.source.module, cut.start, cut.kind)
        )
        row |= {"fill": filled[cut].decode(), "fill_errors": errors}
        if errors:
            say(f"{cut.source.module}: {filled[cut]!r} for {cut.original[:60]!r}: {errors[0]}")
    return result


def _findings(
    language: str,
    options: Options,
    rows: Sequence[dict[str, object]],
    fills: Mapping[Cut, list[str] | None],
    domains: tuple[str, ...],
    began: float,
) -> Findings:
    refused = [row for row in rows if row.get("problem")]
    compared = [row for row in rows if "agrees" in row]
    agreeing = sum(bool(row["agrees"]) for row in compared)
    kept = [errors for errors in fills.values() if errors is not None]
    right = sum(not errors for errors in kept)
    for row in refused:
        say(f"{row['file']}:{row['line']}: {row['kind']}: {row['problem']}")
    for row in compared:
        if not row["agrees"]:
            say(f"{row['file']}:{row['line']}: {row['type']} for {row['expected']}")
    kinds: Callable[[str], int] = lambda kind: sum(row["kind"] == kind for row in rows)  # noqa: E731
    summary: dict[str, object] = {
        "date": today(),
        "machine": machine(),
        "checker": checker_name(),
        "seed": options.seed,
        "holes": len(rows),
        **{kind: kinds(kind) for kind in KINDS},
        "domains": list(domains),
        "by_syntax_alone": sum(row.get("domains") == ["syntax"] for row in rows),
        "has_defects": sum(bool(row.get("has_defects")) for row in rows),
        "admitted": len(rows) - len(refused),
        "both_know": len(compared),
        "agree": agreeing,
        "fills": len(fills),
        "kept": len(kept),
        "right": right,
        "seconds": round(time.monotonic() - began, 1),
    }
    misses = []
    if refused:
        misses.append(f"{language}: {len(refused)} holes whose own text is refused")
    if compared and agreeing < 0.9 * len(compared):
        misses.append(f"{language}: {percent(agreeing, len(compared))} of the types agree")
    if kept and right < 0.95 * len(kept):
        misses.append(f"{language}: {percent(right, len(kept))} of the fills type-check")
    return Findings(summary, rows, misses)


def section(summaries: Mapping[str, Summary]) -> str:
    """The section *holes*."""
    rows = [
        (
            language,
            s["holes"],
            " / ".join(str(s[kind]) for kind in KINDS),
            percent(_number(s, "admitted"), _number(s, "holes")),
            s["both_know"],
            percent(_number(s, "agree"), _number(s, "both_know")),
            f"{s['kept']} of {s['fills']}",
            percent(_number(s, "right"), _number(s, "kept")),
            s["date"],
        )
        for language, s in summaries.items()
    ]
    head = (
        "language", "holes", " / ".join(KINDS), "own text admitted", "types both know", "agree",
        "fills kept", "of these type-check", "measured",
    )  # fmt: skip
    last = list(summaries.values())[-1]
    listed = last["domains"]
    assert isinstance(listed, list)
    return (
        "## Holes (`python -m evals holes`)\n\n"
        "Expressions, arguments, statements and bodies cut from files of installed packages and "
        "the standard library. The original text is fed into its hole, token by token, between the "
        f"text before and after, under the domains {', '.join(map(str, listed))} "
        f"({last.get('has_defects', 0)} holes in files that have defects already; "
        f"{last['by_syntax_alone']} by syntax alone, for their own text has some). Types are "
        "compared with what the type checker says is expected where a wrong value stands. Fills "
        "are written by the embedded model; kept if nothing that we find is wrong; right if the "
        "checker reports no new error. Targets: 100 %, 90 %, 95 %.\n\n"
        + table(head, rows)
        + f"\n{last['checker']}. Seed {last['seed']}. {last['machine']}\n"
    )


def _number(summary: Summary, key: str) -> int:
    value = summary[key]
    assert isinstance(value, int)
    return value


HOLES = Evaluation("holes", measure, {"holes": section}, ("python",))

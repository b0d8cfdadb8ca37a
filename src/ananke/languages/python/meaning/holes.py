"""Holes of Python: `...` where something is still to be written.

`...` also has meanings of its own, which are no holes: in an annotation or a subscript, and as the
body of a function that has none (overloads, abstract methods, protocols' methods).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ananke.analysis.holes import Hole, HoleError, HoleKind, HoleLanguage, Region
from ananke.analysis.scopes import Scope
from ananke.analysis.types import Type, Unknown, show
from ananke.languages.python.library import open_library
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing.grammar import load_grammar
from ananke.parsing.node import Node
from ananke.vocabulary.cache import DiskCache

__all__ = ["HOLES", "find_holes", "holes_of"]

#: Nodes inside of which `...` is the language's own.
_OWN = frozenset(("type", "subscript", "generic_type", "type_parameter", "interpolation"))
#: Decorators and bases of what has no body.
_BODILESS = ("overload", "abstractmethod", "Protocol", "abc.")
_BLOCKS = frozenset(("block", "module"))
#: Nodes in whose parentheses an expression is an argument.
_CALLS = frozenset(("argument_list", "keyword_argument"))
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("string_start", "string_end"), ("lambda", ":"))
_LOOSE = frozenset((":",))
_BRACKETED = frozenset(
    (
        "argument_list",
        "parenthesized_expression",
        "list",
        "set",
        "tuple",
        "dictionary",
        "subscript",
        "parameters",
        "generator_expression",
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "interpolation",
    )
)


def find_holes(
    text: bytes,
    *,
    starts: frozenset[int] | None = None,
    environment: Path | None = None,
    folder: Path | None = None,
    allowed: tuple[str, ...] | None = None,
    denied: tuple[str, ...] = (),
    stubs: Mapping[str, str] | None = None,
) -> list[Hole]:
    """The holes of a text, in order.

    Args:
        starts: only those that begin there, whatever `...` means there.
        environment, folder, allowed, denied, stubs: as in `check_state`.

    Raises:
        HoleError: the text is no program, or no hole begins at one of `starts`.
        EnvironmentMissingError: `environment` is none.
    """
    library = open_library(
        environment=environment,
        project=() if folder is None else (folder,),
        stubs=stubs,
        cache=DiskCache(),
    )
    return holes_of(Program(library, allowed=allowed, denied=denied), text, starts)


def holes_of(program: Program, text: bytes, starts: frozenset[int] | None = None) -> list[Hole]:
    """The holes of a text that is the program's module. Raises HoleError as `find_holes` does."""
    state = load_grammar("python").parse(text)
    tree = None if state is None else state.tree()
    if state is None or tree is None:
        raise HoleError("the text is no program, with `...` for each hole; mend it first")
    program.forget()
    known: dict[int, tuple[Type | None, Scope]] = {}
    program.holes = known
    judge(program, state, at_end=True)
    program.holes = None
    found: list[Hole] = []
    for path in _ellipses(tree, (tree,)):
        node = path[-1]
        if starts is None and _is_own(path, text):
            continue
        if starts is not None and node.start not in starts:
            continue
        expected, scope = known.get(node.start, (None, None))
        found.append(_hole(path, expected, scope, text))
    missing = sorted((starts or frozenset()) - {one.start for one in found})
    if missing:
        raise HoleError(f"byte {missing[0]}: no `...` that is an expression or a statement")
    return found


def _ellipses(node: Node, path: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """The path from the root to each `...`."""
    waiting = [path]
    while waiting:
        here = waiting.pop()
        if here[-1].kind == "ellipsis":
            yield here
        else:
            waiting += [(*here, one) for one in reversed(here[-1].children)]


def _is_own(path: tuple[Node, ...], text: bytes) -> bool:
    if any(one.kind in _OWN for one in path):
        return True
    if _kind(path) is not HoleKind.BODY:
        return False
    for above in path:
        if above.kind == "decorated_definition":
            words = [text[one.start : one.end] for one in above.children if one.kind == "decorator"]
        elif above.kind == "class_definition":
            bases = above.child("superclasses")
            words = [] if bases is None else [text[bases.start : bases.end]]
        else:
            continue
        if any(word.encode() in one for word in _BODILESS for one in words):
            return True
    return False


def _kind(path: tuple[Node, ...]) -> HoleKind:
    """What stands in the hole at the end of the path from the root."""
    outer = path[-2]
    if outer.kind == "expression_statement":
        block = path[-3]
        alone = sum(one.is_named and one.kind != "comment" for one in block.children) == 1
        if alone:
            return HoleKind.MODULE if block.kind == "module" else HoleKind.BODY
        return HoleKind.STATEMENT
    return HoleKind.ARGUMENT if outer.kind in _CALLS else HoleKind.EXPRESSION


def _hole(path: tuple[Node, ...], expected: Type | None, scope: Scope | None, text: bytes) -> Hole:
    node, kind = path[-1], _kind(path)
    if kind is HoleKind.BODY and scope is not None and scope.kind == "function":
        expected = scope.frame.returns
    shown = None if expected is None or isinstance(expected, Unknown) else show(expected)
    inside = "" if scope is None else scope.path.rstrip(".")
    return Hole(
        node.start, node.end, kind, shown, tuple(_names(scope)), inside, _region(path, kind, text)
    )


def _names(scope: Scope | None) -> Iterator[tuple[str, str | None]]:
    """What a use of a name could mean here, innermost first."""
    seen: set[str] = set()
    innermost = True
    while scope is not None:
        if innermost or scope.kind != "class":
            for name, entry in reversed([*scope.names.items()]):
                if name not in seen:
                    seen.add(name)
                    yield name, None if isinstance(entry.type, Unknown) else show(entry.type)
        innermost = False
        scope = scope.outer


def _indentation(text: bytes, place: int) -> int:
    """The column where the line of a place begins."""
    line = text[text.rfind(b"\n", 0, place) + 1 : place]
    return len(line[: len(line) - len(line.lstrip(b" \t"))].expandtabs(8))


def _region(path: tuple[Node, ...], kind: HoleKind, text: bytes) -> Region:
    hole = path[-1].start
    if kind in (HoleKind.STATEMENT, HoleKind.BODY, HoleKind.MODULE):
        block = path[-3]
        # A block that begins with the hole is told from its first statement by its kind.
        # A line as far left as the block's header ends the block; between them no line may begin.
        header = path[-4].start if block.kind == "block" else 0
        column = 0 if block.kind == "module" else _indentation(text, header) + 1
        return Region(block.kind, block.start, hole, pairs=_PAIRS, loose=_LOOSE, column=column)
    above = [one for one in path[:-1] if one.kind in _BRACKETED or one.kind.endswith("_statement")]
    blocks = [at for at, one in enumerate(path) if one.kind in _BLOCKS]
    statement = path[blocks[-1] + 1] if blocks else path[0]
    within = above[-1] if above and above[-1].start >= statement.start else statement
    is_line = within.kind not in _BRACKETED and not any(
        one.kind in _BRACKETED for one in path[blocks[-1] + 1 :]
    )
    # In brackets a comma begins another argument or element, and `=` names one; elsewhere it makes
    # a target of what is to be a value.
    separators = frozenset((";", "=") if is_line else (",", "="))
    return Region(within.kind, within.start, hole, is_line, separators, _PAIRS, _LOOSE)


HOLES = HoleLanguage(
    find=find_holes,
    sign=b"...",
    filler=b'eval("...")',
    marker=rb"(?m)^([ \t]*)(# ?hole\b[^\n]*)$",
)

"""A spec's contracts, read by the language: conditions as expressions, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ananke.analysis.formulas.expressions import Expression, names_in
from ananke.analysis.formulas.semantics import ConditionError, Semantics
from ananke.parsing.grammar import Grammar
from ananke.spec import Contracts, SpecError, TypedName, Violation

__all__ = ["NO_CONTRACT", "Condition", "Contract", "ContractBook", "read_contracts"]

RESULT = "result"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a contract. `place` is where it stands in the spec."""

    place: str
    text: str
    expression: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """What is asked of one function.

    Attributes:
        types: of parameters, as the spec gives them.
        pre, post: on parameters; on them and the result.
        invariant: on the fields of the class that it is a method of.
        fields: path -> type, of those fields.
        loops: by the loop's number.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    pre: tuple[Condition, ...] = ()
    post: tuple[Condition, ...] = ()
    invariant: tuple[Condition, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    loops: Mapping[int, tuple[Condition, ...]] = field(default_factory=dict)
    is_stated: bool = False


#: Of a function that the spec says nothing of.
NO_CONTRACT = Contract()


class ContractBook:
    """All contracts of a spec, by function."""

    def __init__(self, functions: Mapping[str, Contract], classes: Mapping[str, Contract]) -> None:
        self._functions = functions
        self._classes = classes
        self._joined: dict[str, Contract] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the spec states no contract."""
        return not self._functions and not self._classes

    def of(self, function: str) -> Contract:
        """What is asked of a function; a method has its class's invariant too."""
        found = self._joined.get(function)
        if found is None:
            found = self._joined[function] = self._join(function)
        return found

    def _join(self, function: str) -> Contract:
        own = self._functions.get(function, NO_CONTRACT)
        class_ = self._classes.get(function.rpartition(".")[0])
        if class_ is None:
            return own
        return Contract(
            own.types, own.pre, own.post, class_.invariant, class_.fields, own.loops, own.is_stated
        )


def read_contracts(contracts: Contracts, semantics: Semantics, grammar: Grammar) -> ContractBook:
    """The contracts of a spec.

    Raises:
        SpecError: conditions or types that the language doesn't take; all of them.
    """
    reader = _Reader(semantics, grammar)
    functions: dict[str, Contract] = {}
    classes: dict[str, Contract] = {}
    for at, class_ in enumerate(contracts.classes):
        place = f"spec.contracts.classes[{at}]"
        fields = {f"self.{one.name}": one.type for one in class_.fields}
        reader.check_types(f"{place}.fields", class_.fields)
        held = tuple(
            reader.read(f"{place}.invariant", class_.invariant, fields, is_open=not fields)
        )
        classes[class_.name] = Contract(invariant=held, fields=fields, is_stated=True)
    for at, function in enumerate(contracts.functions):
        place = f"spec.contracts.functions[{at}]"
        reader.check_types(f"{place}.parameters", function.parameters)
        types = {one.name: one.type for one in function.parameters}
        returned = dict(types)
        if function.result is not None:
            reader.check_type(f"{place}.result", function.result)
        returned[RESULT] = function.result or ""
        pre = tuple(reader.read(f"{place}.pre", function.pre, types, has_result=False))
        post = tuple(reader.read(f"{place}.post", function.post, returned))
        loops: dict[int, tuple[Condition, ...]] = {}
        for index, loop in enumerate(function.loops):
            read = reader.read(f"{place}.loops[{index}].invariant", loop.invariant, types)
            loops[loop.loop] = (*loops.get(loop.loop, ()), *read)
        functions[function.name] = Contract(types, pre, post, loops=loops, is_stated=True)
    if reader.violations:
        raise SpecError(reader.violations)
    return ContractBook(functions, classes)


class _Reader:
    def __init__(self, semantics: Semantics, grammar: Grammar) -> None:
        self._semantics = semantics
        self._grammar = grammar
        self.violations: list[Violation] = []
        self._has_bad_type = False

    def check_types(self, place: str, names: tuple[TypedName, ...]) -> None:
        for at, one in enumerate(names):
            self.check_type(f"{place}[{at}].type", one.type)

    def check_type(self, place: str, text: str) -> None:
        try:
            self._semantics.check_type(self._grammar, text)
        except ConditionError as error:
            self.violations.append(Violation(place, str(error)))
            self._has_bad_type = True

    def read(
        self,
        place: str,
        texts: tuple[str, ...],
        names: Mapping[str, str],
        *,
        is_open: bool = True,
        has_result: bool = True,
    ) -> Iterator[Condition]:
        if self._has_bad_type:
            # It makes nonsense of what uses it.
            return
        for at, text in enumerate(texts):
            try:
                expression = self._semantics.condition(self._grammar, text, names, is_open=is_open)
            except ConditionError as error:
                self.violations.append(Violation(f"{place}[{at}]", str(error)))
                continue
            if not has_result and RESULT not in names and RESULT in names_in(expression):
                problem = f"`{text}`: there is no `{RESULT}` before the call; move it to `post`"
                self.violations.append(Violation(f"{place}[{at}]", problem))
                continue
            yield Condition(f"{place}[{at}]", text, expression)

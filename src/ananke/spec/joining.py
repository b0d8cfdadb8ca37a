"""Contracts of the same thing, joined: all that each says holds.

    parts(contract)     # what it says, one thing in each part
    joined(parts)       # the contract that says all of them
    clashes(found)      # which parts can't both hold, and why

A part is a contract that says a single thing: the name alone, one parameter's type, one condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ananke.spec.contracts import ClassContract, FunctionContract, LiteralBound, LoopContract

__all__ = ["Contract", "clashes", "joined", "parts"]

Contract = FunctionContract | ClassContract | LiteralBound


def parts(contract: Contract) -> Iterator[tuple[str, Contract]]:
    """(path in the contract, part) for each thing that it says."""
    name = contract.name
    if isinstance(contract, LiteralBound):
        yield "", contract
    elif isinstance(contract, ClassContract):
        assert name is not None
        yield ".name", ClassContract(name=name)
        for at, field in enumerate(contract.fields):
            yield f".fields[{at}]", ClassContract(name=name, fields=(field,))
        for at, text in enumerate(contract.invariant):
            yield f".invariant[{at}]", ClassContract(name=name, invariant=(text,))
    else:
        assert name is not None
        yield ".name", FunctionContract(name=name)
        for at, parameter in enumerate(contract.parameters):
            yield f".parameters[{at}]", FunctionContract(name=name, parameters=(parameter,))
        if contract.result is not None:
            yield ".result", FunctionContract(name=name, result=contract.result)
        for at, text in enumerate(contract.pre):
            yield f".pre[{at}]", FunctionContract(name=name, pre=(text,))
        for at, text in enumerate(contract.post):
            yield f".post[{at}]", FunctionContract(name=name, post=(text,))
        for at, loop in enumerate(contract.loops):
            for text in loop.invariant:
                one = LoopContract(loop=loop.loop, invariant=(text,))
                yield f".loops[{at}]", FunctionContract(name=name, loops=(one,))


def joined(found: Sequence[Contract]) -> list[Contract]:
    """One contract for each thing that the parts speak of, in the order of its first part.

    Bounds of literals stay as they are: each of them holds.
    """
    result: list[Contract] = [one for one in found if isinstance(one, LiteralBound)]
    functions: dict[str, list[FunctionContract]] = {}
    classes: dict[str, list[ClassContract]] = {}
    for one in found:
        if isinstance(one, FunctionContract):
            functions.setdefault(one.name, []).append(one)
        elif isinstance(one, ClassContract):
            classes.setdefault(one.name, []).append(one)
    for name, same in functions.items():
        loops = sorted(
            (loop.loop, text) for one in same for loop in one.loops for text in loop.invariant
        )
        result.append(
            FunctionContract(
                name=name,
                parameters=tuple(parameter for one in same for parameter in one.parameters),
                result=next((one.result for one in same if one.result is not None), None),
                pre=tuple(text for one in same for text in one.pre),
                post=tuple(text for one in same for text in one.post),
                loops=tuple(
                    LoopContract(loop=loop, invariant=tuple(text for _, text in texts))
                    for loop, texts in groupby(loops, key=lambda entry: entry[0])
                ),
            )
        )
    for name, alike in classes.items():
        result.append(
            ClassContract(
                name=name,
                fields=tuple(field for one in alike for field in one.fields),
                invariant=tuple(text for one in alike for text in one.invariant),
            )
        )
    return result


def clashes(found: Sequence[tuple[Contract, str]]) -> Iterator[tuple[str, str, str]]:
    """(place, place, why with the mend) for parts, each with its place, that can't both hold."""
    typed: dict[tuple[type, str | None, str], tuple[str, str]] = {}
    least: dict[str | None, tuple[int, str]] = {}
    greatest: dict[str | None, tuple[int, str]] = {}
    for one, place in found:
        if isinstance(one, LiteralBound):
            if one.min is not None and one.min > least.get(one.name, (one.min - 1, ""))[0]:
                least[one.name] = (one.min, place)
            if one.max is not None and one.max < greatest.get(one.name, (one.max + 1, ""))[0]:
                greatest[one.name] = (one.max, place)
            continue
        for name, written in _typed(one).items():
            known, where = typed.setdefault((type(one), one.name, name), (written, place))
            if known != written:
                yield where, place, f"{known!r} and {written!r} differ; keep one of the two"
    for bounded, (low, where) in least.items():
        high, place = greatest.get(bounded, (low, ""))
        if low > high:
            yield where, place, f"no integer is at least {low} and at most {high}; widen one"


def _typed(contract: FunctionContract | ClassContract) -> dict[str, str]:
    """The types that a part gives, by name; the result's under a name that no parameter has."""
    if isinstance(contract, ClassContract):
        return {one.name: one.type for one in contract.fields}
    result = {} if contract.result is None else {"-> result": contract.result}
    return {one.name: one.type for one in contract.parameters} | result

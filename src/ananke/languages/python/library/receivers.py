"""Attributes that a method assigns through its receiver: `self.x = …`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ananke.languages.python.library.outline import Flag, Item, ItemKind
from ananke.languages.python.library.slices import Slices, annotation_text, value_text

__all__ = ["attributes_of"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def attributes_of(method: _Function, slices: Slices) -> Iterator[tuple[str, Item]]:
    """(name, binding) of each attribute that `method` assigns through its first parameter.

    What a parameter with an annotation is assigned to has that annotation's type, as long as the
    method doesn't assign the parameter itself.
    """
    receiver = _receiver(method)
    if receiver is None:
        return
    known = {
        one.arg: annotation_text(one.annotation, slices)
        for one in (*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs)
        if one.annotation is not None
    }
    nodes = [node for statement in method.body for node in ast.walk(statement)]
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.pop(node.id, None)
    # A nested function's parameters hide the method's.
    if any(isinstance(node, _Function | ast.Lambda) for node in nodes):
        known = {}
    plain = {id(target) for node in nodes for target in _plain_targets(node)}
    for node in nodes:
        match node:
            case ast.AnnAssign(
                target=ast.Attribute(value=ast.Name(id=name), attr=attr), annotation=annotation
            ) if name == receiver:
                text = f"{attr}: {annotation_text(annotation, slices)}"
                yield attr, Item(ItemKind.VARIABLE, text, Flag.INSTANCE)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _assigned(target, value, receiver, known, slices)
            case ast.Attribute(value=ast.Name(id=name), attr=attr, ctx=ast.Store()) if (
                name == receiver and id(node) not in plain
            ):
                # Unpacked, augmented, a loop's or `with`'s target: of unknown type.
                yield attr, Item(ItemKind.VARIABLE, "", Flag.INSTANCE)


def _receiver(method: _Function) -> str | None:
    parameters = [*method.args.posonlyargs, *method.args.args]
    for decorator in method.decorator_list:
        if isinstance(decorator, ast.Name) and decorator.id == "staticmethod":
            return None
    return parameters[0].arg if parameters else None


def _assigned(
    target: ast.expr, value: ast.expr, receiver: str, known: dict[str, str], slices: Slices
) -> Iterator[tuple[str, Item]]:
    match target, value:
        case ast.Attribute(value=ast.Name(id=name), attr=attr), _ if name == receiver:
            if isinstance(value, ast.Name) and value.id in known:
                text = f"{attr}: {known[value.id]}"
                yield attr, Item(ItemKind.VARIABLE, text, Flag.INSTANCE | Flag.INFERRED)
            elif isinstance(value, ast.Constant | ast.JoinedStr | ast.List | ast.Dict | ast.Set):
                text = f"{attr} = {value_text(value, slices)}"
                yield attr, Item(ItemKind.VARIABLE, text, Flag.INSTANCE)
            else:
                yield attr, Item(ItemKind.VARIABLE, "", Flag.INSTANCE)


def _plain_targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []

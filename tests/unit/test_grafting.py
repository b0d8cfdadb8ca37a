"""Productions added to a grammar: the tables as they are written, and what is read with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ananke.languages import get_language
from ananke.parsing.addition import Production, Twin
from ananke.parsing.compiled import CompiledError, CompiledLanguage, ParseTables
from ananke.parsing.grammar import Grammar, load_grammar
from ananke.parsing.language import Language, LanguageError


def bare(name: str) -> Language:
    return replace(
        get_language(name), twins=(), additions=(), prunes=False, contexts=(), lines=None
    )


def with_rows(name: str, *additions: Production, twins: tuple[Twin, ...] = ()) -> Grammar:
    return Grammar(replace(bare(name), twins=twins, additions=additions))


def is_program(grammar: Grammar, text: str) -> bool:
    state = grammar.parse(text.encode())
    return state is not None and state.can_end()


@pytest.mark.parametrize("name", ["python", "zig", "go", "kotlin", "typescript"])
def test_tables_that_are_not_edited_are_written_as_they_were(name: str) -> None:
    pointer = Grammar(bare(name)).pointer
    before = ParseTables(pointer, (), 0)
    written = CompiledLanguage(pointer, before.to_bytes(), ())
    after = ParseTables(written.pointer, (), 0)
    assert np.array_equal(before.states, after.states)
    assert np.array_equal(before.symbols, after.symbols)
    assert [before.group(v) for v in before.values[before.symbols < before.token_count]] == [
        after.group(v) for v in after.values[after.symbols < after.token_count]
    ]
    assert before.modes == after.modes
    assert before.external_rows == after.external_rows


def test_room_for_symbols_changes_no_program() -> None:
    pointer = Grammar(bare("zig")).pointer
    moved = ParseTables(pointer, (1, 1), 1)
    again = ParseTables(pointer, (), 0)
    nonterminal = again.symbols >= again.token_count
    assert moved.symbol_count == again.symbol_count + 3
    # A twin may come wherever its terminal may.
    assert (moved.symbols == moved.token_count - 1).sum() == (again.symbols == 1).sum()
    assert nonterminal.sum() == (moved.symbols >= moved.token_count).sum()


def test_bytes_of_another_grammar_are_refused() -> None:
    zig, go = Grammar(bare("zig")).pointer, Grammar(bare("go")).pointer
    data = ParseTables(zig, (), 0).to_bytes()
    for wrong in (b"", data[:40], data + b"\0" * 8):
        with pytest.raises(CompiledError, match="not the tables"):
            CompiledLanguage(zig, wrong, ())
    with pytest.raises(CompiledError, match="not the tables"):
        CompiledLanguage(go, data, ())


def test_a_nonterminal_may_be_made_of_nothing() -> None:
    empty = with_rows("zig", Production("_container_members", (), before=("}",)))
    assert not is_program(Grammar(bare("zig")), "const A = struct {};")
    assert is_program(empty, "const A = struct {};")
    assert is_program(empty, "const A = struct { a: u8 };")
    assert not is_program(empty, "const A = struct ;")


def test_a_part_begins_and_goes_on_as_elsewhere() -> None:
    grammar = with_rows("zig", Production("asm_clobbers", (":", "expression")))
    for clobbers in (
        '"memory"',
        ".{ .memory = true }",
        "a",
        "a.b(c)[1]",
        "a ++ b ++ c",
        "-a * (b)",
    ):
        assert is_program(grammar, f'fn f() void {{ asm volatile ("" ::: {clobbers}); }}'), clobbers
    for clobbers in ("a ++", "a b", ".{", "a; b", "a, b"):
        assert not is_program(grammar, f'fn f() void {{ asm volatile ("" ::: {clobbers}); }}')


def test_what_follows_a_part_that_is_due_already_is_that_of_both() -> None:
    row = Production(
        "primary_type_expression", ("error_set_declaration",), within=("container_field",)
    )
    grammar = with_rows("zig", row)
    for field in ("a: error{A}", "a: error{A}!u8", "a: error{A} = b", "error{A, B}"):
        assert is_program(grammar, f"const S = struct {{ {field}, }};"), field
    assert not is_program(grammar, "const S = struct { a: error{A} b };")


def test_a_terminal_may_be_read_from_a_sequence() -> None:
    grammar = with_rows("go", Production("go", ("defer", "go")))
    assert is_program(grammar, "package a\nfunc f() {\n\tgo g()\n\tdefer go g()\n\tdefer g()\n}\n")
    assert not is_program(grammar, "package a\nfunc f() {\n\tdefer defer go g()\n}\n")


def test_a_word_stays_a_name_where_it_was_one() -> None:
    grammar = with_rows(
        "go",
        Production("const", ("let",)),
        twins=(Twin("let", of="identifier", word=b"let"),),
    )
    assert is_program(grammar, "package a\nlet b = 1\nconst let = 2\nvar c = let + let.let(let)\n")
    assert not is_program(grammar, "package a\nlot b = 1\n")
    assert not is_program(grammar, "package a\nlets b = 1\n")


def test_a_twin_at_the_start_of_a_line() -> None:
    grammar = with_rows(
        "typescript",
        Production("debugger", ("line #!", "debugger")),
        twins=(Twin("line #!", of="@"),),
    )
    assert is_program(grammar, "a;\n@debugger;")
    assert is_program(grammar, "a;\n\n  @debugger;")
    assert not is_program(grammar, "a; @debugger;")
    assert is_program(grammar, "@a class B {}\n@a class C {}")


def test_a_twin_by_its_spellings() -> None:
    grammar = with_rows(
        "go",
        Production("go", ("defer", "octal")),
        twins=(Twin("octal", of="int_literal", pattern="0o[0-7]+"),),
    )
    assert is_program(grammar, "package a\nfunc f() { defer 0o17 g(); b = 0o17 + 17 }\n")
    assert not is_program(grammar, "package a\nfunc f() { defer 17 g() }\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Production("nothing", ("{",)), r"additions\[0\] \(nothing\): .* no symbol 'nothing'"),
        (Production("block", ("nowhere",)), "no symbol 'nowhere'"),
        (Production("block", ("{",), within=("identifier",)), "there is no place for it"),
        (Production("block", ("{",), fields=((0, "tail"),)), "no field 'tail'"),
    ],
)
def test_a_row_that_does_not_fit_is_named(row: Production, message: str) -> None:
    with pytest.raises(LanguageError, match=message):
        with_rows("go", row)


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        (Twin("a", of="nothing"), "'a' is one of 'nothing', which is no terminal"),
        (Twin("a", of="block"), "no terminal"),
        (Twin("go", of="identifier"), "a symbol 'go' of its own"),
    ],
)
def test_a_twin_that_does_not_fit_is_named(twin: Twin, message: str) -> None:
    with pytest.raises(LanguageError, match=message):
        with_rows("go", Production("go", ("defer", "go")), twins=(twin,))


def test_the_parts_fill_the_fields_that_a_row_says() -> None:
    grammar = with_rows(
        "zig", Production("asm_clobbers", (":", "expression"), fields=((1, "right"),))
    )
    state = grammar.parse(b'fn f() void { asm volatile ("" ::: a); }')
    assert state is not None
    tree = state.tree()
    assert tree is not None
    clobbers = next(node for node in tree.walk() if node.kind == "asm_clobbers")
    right = clobbers.child("right")
    assert right is not None
    assert right.kind == "identifier"


def test_the_name_of_the_wheel_stays() -> None:
    assert load_grammar("zig").wheel.startswith("tree-sitter-zig")

"""The loader: which libraries it refuses and what it says; the rows of the signature table."""

from __future__ import annotations

import ctypes
import re
import shutil
from pathlib import Path

import pytest

from ananke import native
from ananke.native.signatures import SIGNATURES

SOURCES = sorted(Path(native.__file__).parent.glob("*.zig"))
EXPORT = re.compile(r"^(?:pub )?export fn (ananke_\w+)\(([^{]*)\) ([^{]+) \{$", re.MULTILINE)


def parameters(text: str) -> list[str]:
    """The types in a parameter list; a comma inside brackets doesn't separate."""
    depth = 0
    cut = ""
    for char in text:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(char, 0)
        cut += "\n" if char == "," and depth == 0 else char
    return [part.split(":", 1)[1].strip() for part in cut.split("\n") if part.strip()]


ZIG_TYPES = {
    "u8": ctypes.c_uint8,
    "u16": ctypes.c_uint16,
    "u32": ctypes.c_uint32,
    "u64": ctypes.c_uint64,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "usize": ctypes.c_size_t,
    "bool": ctypes.c_bool,
    "void": None,
}


def agrees(zig: str, row: object) -> bool:
    if zig in ZIG_TYPES:
        return row is ZIG_TYPES[zig]
    return row in (ctypes.c_void_p, ctypes.c_char_p)


def exports() -> dict[str, tuple[list[str], str]]:
    root = next(source for source in SOURCES if source.name == "root.zig").read_text()
    reached = {"root.zig", *re.findall(r'_ = @import\("(\w+\.zig)"\);', root)}
    return {
        name: (parameters(arguments), result.strip())
        for source in SOURCES
        if source.name in reached
        for name, arguments, result in EXPORT.findall(source.read_text())
    }


def test_each_exported_function_has_a_row_and_each_row_a_function():
    assert exports().keys() == SIGNATURES.keys()


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_rows_agree_with_the_sources(name):
    arguments, result = exports()[name]
    row_result, row_arguments = SIGNATURES[name]
    assert len(arguments) == len(row_arguments)
    for zig, row in zip(arguments, row_arguments, strict=True):
        assert agrees(zig, row), f"{zig} is not {row}"
    assert agrees(result, row_result), f"{result} is not {row_result}"


def test_a_module_that_exports_is_imported_by_the_root():
    exporting = {source.name for source in SOURCES if EXPORT.search(source.read_text())} - {
        "root.zig"
    }
    root = next(source for source in SOURCES if source.name == "root.zig").read_text()
    assert exporting <= set(re.findall(r'_ = @import\("(\w+\.zig)"\);', root))


def test_a_missing_library_says_how_to_build_it(tmp_path):
    with pytest.raises(
        native.NativeError, match=r"libananke\.so: .* is missing; run `make native`"
    ):
        native.load_library(tmp_path / "libananke.so")


@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF" + bytes(2000)])
def test_a_file_that_is_no_library(tmp_path, content):
    path = tmp_path / "libananke.so"
    path.write_bytes(content)
    with pytest.raises(native.NativeError, match="can't be loaded"):
        native.load_library(path)


def test_another_library():
    other = Path(next(iter(__import__("tree_sitter_python").__path__)))
    path = next(other.glob("_binding*"))
    with pytest.raises(native.NativeError, match="not Ananke's native core"):
        native.load_library(path)


def test_another_abi(tmp_path, monkeypatch):
    path = tmp_path / native.library_path().name
    shutil.copyfile(native.library_path(), path)
    monkeypatch.setattr(native, "ABI_VERSION", native.ABI_VERSION + 1)
    with pytest.raises(native.NativeError, match=r"has ABI \d+, this package needs \d+"):
        native.load_library(path)


def test_a_function_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setitem(SIGNATURES, "ananke_no_such_thing", (None, ()))
    with pytest.raises(native.NativeError, match="no function ananke_no_such_thing"):
        native.load_library(native.library_path())

"""The C ABI of libananke: one row for each exported function, in the order of the Zig modules.

A row is `name: (result, arguments)`. `tests/unit/test_native_loader.py` compares the rows with
the `export fn` lines of the sources.
"""

from __future__ import annotations

import ctypes
from typing import Any

P = ctypes.c_void_p
TEXT = ctypes.c_char_p
BOOL = ctypes.c_bool
U8, U16, U32, U64 = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64
I32, I64 = ctypes.c_int32, ctypes.c_int64
SIZE = ctypes.c_size_t

Signature = tuple[Any, tuple[Any, ...]]

SIGNATURES: dict[str, Signature] = {
    # root.zig
    "ananke_abi_version": (U32, ()),
    "ananke_is_safe": (BOOL, ()),
    # automaton.zig
    "ananke_automaton_extract": (P, (P, BOOL)),
    "ananke_automaton_has_keyword": (BOOL, (P,)),
    "ananke_automaton_free": (None, (P,)),
    "ananke_automaton_counts": (None, (P, P)),
    "ananke_automaton_arrays": (None, (P, P)),
    "ananke_automaton_serialize": (SIZE, (P, P, SIZE)),
    "ananke_automaton_deserialize": (P, (P, SIZE, P, BOOL)),
    "ananke_automaton_run": (BOOL, (P, U32, P, U32, BOOL, P)),
    "ananke_automaton_run": (BOOL, (P, U32, P, U32, BOOL, P)),
    # bits.zig
    "ananke_bits_intersect": (I32, (P, SIZE, P, SIZE, P, SIZE)),
    "ananke_bits_unite": (I32, (P, SIZE, P, SIZE, P, SIZE)),
    "ananke_bits_subtract": (I32, (P, SIZE, P, SIZE, P, SIZE)),
    "ananke_bits_count": (I64, (P, SIZE)),
    "ananke_bits_any": (I32, (P, SIZE)),
    "ananke_bits_within": (I32, (P, SIZE, P, SIZE)),
    "ananke_bits_set": (I32, (P, SIZE, P, SIZE, U32)),
    "ananke_cpu_variant_count": (U32, ()),
    "ananke_cpu_variant_name": (TEXT, (U32,)),
    "ananke_cpu_variant_is_supported": (BOOL, (U32,)),
    "ananke_cpu_variant": (U32, ()),
    "ananke_cpu_choose": (BOOL, (U32,)),
    # checksum.zig
    "ananke_checksum": (U64, (P, SIZE)),
}

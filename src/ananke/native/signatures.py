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
    # bits.zig
    "ananke_bits_intersect": (I32, (P, SIZE, P, SIZE, P, SIZE)),
    "ananke_bits_unite": (I32, (P, SIZE, P, SIZE, P, SIZE)),
    "ananke_bits_subtract": (I32, (P, SIZE, P, SIZE, P, SIZE)),
    "ananke_bits_count": (I64, (P, SIZE)),
    "ananke_bits_any": (I32, (P, SIZE)),
    "ananke_bits_within": (I32, (P, SIZE, P, SIZE)),
    "ananke_bits_set": (I32, (P, SIZE, P, SIZE, U32)),
    "ananke_bits_first": (I32, (P, P, P, SIZE, P, SIZE, P, SIZE)),
    "ananke_cpu_variant_count": (U32, ()),
    "ananke_cpu_variant_name": (TEXT, (U32,)),
    "ananke_cpu_variant_is_supported": (BOOL, (U32,)),
    "ananke_cpu_variant": (U32, ()),
    "ananke_cpu_choose": (BOOL, (U32,)),
    # checksum.zig
    "ananke_checksum": (U64, (P, SIZE)),
    # parser_abi.zig
    "ananke_language_counts": (None, (P, P)),
    "ananke_language_symbol_name": (TEXT, (P, U16)),
    "ananke_grammar_new": (P, (P, P, P)),
    "ananke_grammar_free": (None, (P,)),
    "ananke_grammar_counts": (None, (P, P)),
    "ananke_grammar_symbol_name": (TEXT, (P, U16)),
    "ananke_grammar_symbol_flags": (U8, (P, U16)),
    "ananke_grammar_field_name": (TEXT, (P, U16)),
    "ananke_grammar_add_fold": (I32, (P, U16, TEXT, TEXT, TEXT, I32, U32)),
    "ananke_grammar_fold_raw": (I32, (P, U32, U8)),
    "ananke_grammar_fold_ending": (I32, (P, U32, TEXT, SIZE)),
    "ananke_grammar_fold_state": (I32, (P, U32, U8, U8, BOOL)),
    "ananke_grammar_add_comment": (I32, (P, U32, TEXT, SIZE, TEXT, SIZE)),
    "ananke_grammar_add_word": (I32, (P, U32, TEXT, SIZE)),
    "ananke_grammar_add_alike": (I32, (P, U32, U32, U32)),
    "ananke_grammar_add_probe": (I32, (P, TEXT, SIZE)),
    "ananke_grammar_add_closer": (I32, (P, TEXT, SIZE)),
    "ananke_grammar_add_scanner_word": (I32, (P, TEXT, SIZE)),
    "ananke_grammar_set_state_shape": (None, (P, U8, U8, U8, U16, U16, U16, BOOL)),
    "ananke_grammar_set_unprobed": (None, (P, U8)),
    "ananke_grammar_add_spelling": (I32, (P, U16, TEXT, SIZE)),
    "ananke_grammar_set_certain": (I32, (P, U16)),
    "ananke_grammar_add_retried": (I32, (P, U8)),
    "ananke_grammar_set_followers": (I32, (P, U16, TEXT, SIZE)),
    "ananke_grammar_set_absent": (I32, (P, U16)),
    "ananke_grammar_set_lines": (I32, (P, TEXT, BOOL)),
    "ananke_grammar_set_reserved": (I32, (P, U16)),
    "ananke_grammar_forbid": (I32, (P, U16, U8, U16)),
    "ananke_grammar_add_contexts": (I32, (P, U8, TEXT, SIZE)),
    "ananke_grammar_refuse": (I32, (P, U8, U16)),
    "ananke_grammar_exclude": (I32, (P, U16, U16)),
    "ananke_state_start": (P, (P,)),
    "ananke_state_release": (None, (P, P)),
    "ananke_state_feed": (I32, (P, P, TEXT, SIZE, P)),
    "ananke_state_ends": (I32, (P, P)),
    "ananke_state_length": (U32, (P,)),
    "ananke_state_head_count": (U32, (P,)),
    "ananke_state_lexeme_start": (U32, (P,)),
    "ananke_state_text": (U32, (P, P, U32, P, U32)),
    "ananke_state_expected": (I32, (P, P, P, SIZE)),
    "ananke_state_complete": (I64, (P, P, TEXT, SIZE, P)),
    "ananke_text_free": (None, (P, SIZE)),
    "ananke_state_finish": (P, (P, P, P)),
    "ananke_state_stack": (P, (P, P, P)),
    "ananke_rows_data": (P, (P,)),
    "ananke_rows_free": (None, (P,)),
    "ananke_state_open": (P, (P, P, U16, U32, TEXT, SIZE)),
    "ananke_opening_counts": (None, (P, P)),
    "ananke_opening_rows": (P, (P,)),
    "ananke_opening_edges": (P, (P,)),
    "ananke_opening_expand": (U32, (P, P, U64, BOOL)),
    "ananke_opening_free": (None, (P, P)),
    "ananke_classifier_new": (P, (P, P, P, SIZE)),
    "ananke_classifier_free": (None, (P,)),
    "ananke_classifier_fill": (I32, (P, P, P, SIZE)),
    "ananke_classifiers_fill": (None, (P, P, P, SIZE, P, SIZE, SIZE)),
    "ananke_classifier_fill_brute": (I32, (P, P, P, SIZE)),
    "ananke_classifier_statistics": (None, (P, P)),
    "ananke_live_counts": (None, (P,)),
    # segmentation.zig
    "ananke_segmentation_greedy": (I64, (P, P, SIZE, P, SIZE)),
    "ananke_segmentation_random": (I64, (P, P, SIZE, U64, P, SIZE)),
    # trie.zig
    "ananke_trie_build": (P, (P, SIZE, P, SIZE)),
    "ananke_trie_free": (None, (P,)),
    "ananke_trie_counts": (None, (P, P)),
    "ananke_trie_arrays": (None, (P, P)),
    "ananke_trie_serialize": (P, (P, P)),
    "ananke_trie_deserialize": (P, (P, SIZE)),
}

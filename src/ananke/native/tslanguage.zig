//! The memory layout of tree-sitter's compiled languages, ABI 14 and 15.
//!
//! Source: tree-sitter's public `parser.h`. A grammar wheel hands out a pointer to a
//! `TSLanguage`; everything in it is constant data and pure functions, except the external
//! scanner's payload. The two ABIs differ in the entries of `lex_modes` and in the fields after
//! `primary_state_ids`.
const std = @import("std");

pub const Symbol = u16;
pub const StateId = u16;

pub const min_abi: u32 = 14;
pub const max_abi: u32 = 15;

/// Lex state of a parse state that ends a non-terminal extra: reduce without a lookahead.
pub const no_lookahead: u16 = 0xFFFF;
pub const eof_symbol: Symbol = 0;
/// First of the built-in states: 0 is the error state, 1 the start state.
pub const start_state: StateId = 1;

/// What a generated lexer sees of the text.
pub const TSLexer = extern struct {
    lookahead: i32,
    result_symbol: Symbol,
    advance: *const fn (*TSLexer, bool) callconv(.c) void,
    mark_end: *const fn (*TSLexer) callconv(.c) void,
    get_column: *const fn (*TSLexer) callconv(.c) u32,
    is_at_included_range_start: *const fn (*const TSLexer) callconv(.c) bool,
    eof: *const fn (*const TSLexer) callconv(.c) bool,
    log: *const fn (*const TSLexer, [*:0]const u8) callconv(.c) void,
};

pub const LexFn = *const fn (*TSLexer, StateId) callconv(.c) bool;

pub const SymbolMetadata = extern struct { visible: bool, named: bool, supertype: bool };
pub const FieldMapEntry = extern struct { field_id: u16, child_index: u8, inherited: bool };
pub const MapSlice = extern struct { index: u16, length: u16 };

pub const ActionKind = enum(u8) { shift = 0, reduce = 1, accept = 2, recover = 3, _ };

/// One cell of the action table. The first cell of a group is a header (`count`).
pub const ActionEntry = extern union {
    header: extern struct { count: u8, reusable: bool, pad: [6]u8 },
    shift: extern struct { kind: u8, pad: u8, state: StateId, extra: bool, repetition: bool, pad2: [2]u8 },
    reduce: extern struct { kind: u8, child_count: u8, symbol: Symbol, dynamic_precedence: i16, production_id: u16 },
};

comptime {
    std.debug.assert(@sizeOf(ActionEntry) == 8);
}

pub const ExternalScanner = extern struct {
    states: ?[*]const bool,
    symbol_map: ?[*]const Symbol,
    create: ?*const fn () callconv(.c) ?*anyopaque,
    destroy: ?*const fn (?*anyopaque) callconv(.c) void,
    scan: ?*const fn (?*anyopaque, *TSLexer, [*]const bool) callconv(.c) bool,
    serialize: ?*const fn (?*anyopaque, [*]u8) callconv(.c) c_uint,
    deserialize: ?*const fn (?*anyopaque, ?[*]const u8, c_uint) callconv(.c) void,
};

/// Size of the buffer that a scanner serialises into (TREE_SITTER_SERIALIZATION_BUFFER_SIZE).
pub const serialization_buffer_size = 1024;

pub const TSLanguage = extern struct {
    abi_version: u32,
    symbol_count: u32,
    alias_count: u32,
    token_count: u32,
    external_token_count: u32,
    state_count: u32,
    large_state_count: u32,
    production_id_count: u32,
    field_count: u32,
    max_alias_sequence_length: u16,
    parse_table: [*]const u16,
    small_parse_table: [*]const u16,
    small_parse_table_map: [*]const u32,
    parse_actions: [*]const ActionEntry,
    symbol_names: [*]const [*:0]const u8,
    field_names: [*]const ?[*:0]const u8,
    field_map_slices: [*]const MapSlice,
    field_map_entries: [*]const FieldMapEntry,
    symbol_metadata: [*]const SymbolMetadata,
    public_symbol_map: [*]const Symbol,
    alias_map: [*]const u16,
    alias_sequences: [*]const Symbol,
    /// ABI 14: pairs (lex state, external lex state); ABI 15: triples with the reserved word set.
    lex_modes: [*]const u16,
    lex_fn: LexFn,
    keyword_lex_fn: ?LexFn,
    keyword_capture_token: Symbol,
    external_scanner: ExternalScanner,
    primary_state_ids: [*]const StateId,
    // ABI 15 only
    name: ?[*:0]const u8,
    reserved_words: ?[*]const Symbol,
    max_reserved_word_set_size: u16,
    supertype_count: u32,
    supertype_symbols: ?[*]const Symbol,
    supertype_map_slices: ?[*]const MapSlice,
    supertype_map_entries: ?[*]const Symbol,

    pub const LexMode = struct { lex_state: u16, external_lex_state: u16, reserved_word_set: u16 };

    pub fn lexMode(self: *const TSLanguage, state: StateId) LexMode {
        if (self.abi_version >= 15) {
            const at = @as(usize, state) * 3;
            return .{
                .lex_state = self.lex_modes[at],
                .external_lex_state = self.lex_modes[at + 1],
                .reserved_word_set = self.lex_modes[at + 2],
            };
        }
        const at = @as(usize, state) * 2;
        return .{ .lex_state = self.lex_modes[at], .external_lex_state = self.lex_modes[at + 1], .reserved_word_set = 0 };
    }

    /// Raw entry of the parse table: an action group index for a terminal, a state for a
    /// non-terminal, 0 where there is none.
    pub fn lookup(self: *const TSLanguage, state: StateId, symbol: Symbol) u16 {
        if (state < self.large_state_count) {
            return self.parse_table[@as(usize, state) * self.symbol_count + symbol];
        }
        const index = self.small_parse_table_map[state - self.large_state_count];
        var data = self.small_parse_table + index;
        const group_count = data[0];
        data += 1;
        for (0..group_count) |_| {
            const value = data[0];
            const symbol_count = data[1];
            data += 2;
            for (0..symbol_count) |i| {
                if (data[i] == symbol) return value;
            }
            data += symbol_count;
        }
        return 0;
    }

    /// The actions of a group, by the index that `lookup` gives for a terminal.
    pub fn actionsAt(self: *const TSLanguage, index: u16) []const ActionEntry {
        const header = self.parse_actions[index].header;
        return self.parse_actions[index + 1 ..][0..header.count];
    }

    pub fn isReserved(self: *const TSLanguage, state: StateId, symbol: Symbol) bool {
        if (self.abi_version < 15) return false;
        const set = self.lexMode(state).reserved_word_set;
        if (set == 0) return false;
        const words = self.reserved_words orelse return false;
        const start = @as(usize, set) * self.max_reserved_word_set_size;
        for (words[start .. start + self.max_reserved_word_set_size]) |word| {
            if (word == 0) break;
            if (word == symbol) return true;
        }
        return false;
    }
};

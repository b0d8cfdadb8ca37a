//! Runs a grammar's external scanner on a stretch of text.
//!
//! The scanner sees the text through a `TSLexer`. It is a pure function of (its serialised state,
//! the valid external terminals, the text), so it is deserialised before and serialised after
//! every run, exactly as tree-sitter's own runtime does (`ts_parser__lex`).
const std = @import("std");
const ts = @import("tslanguage.zig");

/// A scanner that keeps asking for more at the end of the text is fed these, one after the
/// other, so that its loops end; the outcome is discarded.
const overrun_bytes = "\n)}]>\"'`/*z 0;";
/// How often a scanner may advance at the end of the text before that happens.
const overrun_limit = 64;

pub const Outcome = union(enum) {
    /// The scanner looked at, or stands at, the end of the bytes so far.
    pending,
    /// No external lexeme begins here.
    none,
    found: struct { symbol: ts.Symbol, start: usize, end: usize, state_len: usize },
};

const Cursor = struct {
    base: ts.TSLexer,
    text: []const u8,
    pos: usize,
    width: usize,
    start: usize,
    marked: ?usize,
    overrun: usize,
};

fn cursorOf(lexer: *ts.TSLexer) *Cursor {
    return @fieldParentPtr("base", lexer);
}

/// Decodes one code point of valid UTF-8; a stray byte counts as one character.
pub inline fn decode(text: []const u8) struct { cp: u21, len: usize } {
    // Nearly all of what scanners read, many times over, while classes are made.
    if (text[0] < 0x80) return .{ .cp = text[0], .len = 1 };
    const n = std.unicode.utf8ByteSequenceLength(text[0]) catch return .{ .cp = 0xFFFD, .len = 1 };
    if (n > text.len) return .{ .cp = 0xFFFD, .len = text.len };
    const cp = std.unicode.utf8Decode(text[0..n]) catch return .{ .cp = 0xFFFD, .len = 1 };
    return .{ .cp = cp, .len = n };
}

fn look(self: *Cursor) void {
    if (self.pos >= self.text.len) {
        self.base.lookahead = 0;
        self.width = 0;
        return;
    }
    const d = decode(self.text[self.pos..]);
    self.base.lookahead = d.cp;
    self.width = d.len;
}

fn advance(lexer: *ts.TSLexer, skip: bool) callconv(.c) void {
    const self = cursorOf(lexer);
    if (self.pos >= self.text.len) {
        self.overrun += 1;
        if (self.overrun > overrun_limit) {
            lexer.lookahead = overrun_bytes[self.overrun % overrun_bytes.len];
        }
        return;
    }
    self.pos += self.width;
    if (skip) self.start = self.pos;
    look(self);
}

fn markEnd(lexer: *ts.TSLexer) callconv(.c) void {
    const self = cursorOf(lexer);
    self.marked = self.pos;
}

fn column(_: *ts.TSLexer) callconv(.c) u32 {
    return 0;
}

fn atRangeStart(lexer: *const ts.TSLexer) callconv(.c) bool {
    _ = lexer;
    return false;
}

fn eof(lexer: *const ts.TSLexer) callconv(.c) bool {
    const self: *const Cursor = @fieldParentPtr("base", lexer);
    return self.pos >= self.text.len;
}

fn log(_: *const ts.TSLexer, _: [*:0]const u8) callconv(.c) void {}

/// Runs the scanner at the start of `text`.
///
/// `state` is its serialised state, `valid` the row of valid external terminals, `at_end` whether
/// the text really ends there. The new serialised state is written to `out_state`.
pub fn run(
    lang: *const ts.TSLanguage,
    payload: ?*anyopaque,
    state: []const u8,
    valid: [*]const bool,
    text: []const u8,
    at_end: bool,
    out_state: *[ts.serialization_buffer_size]u8,
) Outcome {
    const external = &lang.external_scanner;
    const scan = external.scan orelse return .none;
    if (external.deserialize) |deserialize| {
        deserialize(payload, if (state.len > 0) state.ptr else null, @intCast(state.len));
    }
    var cursor = Cursor{
        .base = .{
            .lookahead = 0,
            .result_symbol = 0,
            .advance = advance,
            .mark_end = markEnd,
            .get_column = column,
            .is_at_included_range_start = atRangeStart,
            .eof = eof,
            .log = log,
        },
        .text = text,
        .pos = 0,
        .width = 0,
        .start = 0,
        .marked = null,
        .overrun = 0,
    };
    look(&cursor);
    const found = scan(payload, &cursor.base, valid);
    if (!at_end and cursor.pos >= text.len) return .pending;
    if (cursor.overrun > overrun_limit) return .none;
    if (!found) return .none;
    const end = cursor.marked orelse cursor.pos;
    var start = cursor.start;
    if (end < start) start = end;
    const len: usize = if (external.serialize) |serialize| serialize(payload, out_state) else 0;
    if (cursor.base.result_symbol >= lang.external_token_count) return .none;
    const symbol = external.symbol_map.?[cursor.base.result_symbol];
    return .{ .found = .{ .symbol = symbol, .start = start, .end = end, .state_len = len } };
}

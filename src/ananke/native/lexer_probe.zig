//! Runs a generated lexer from any of its states on chosen input and watches what it does.
//!
//! tree-sitter generates a lexer as `bool lex(TSLexer *, TSStateId)`, one `switch` over numbered
//! states in a loop (its public `parser.h`: START_LEXER, ADVANCE, SKIP, ACCEPT_TOKEN). It begins
//! in whatever state it is given, and all it does is visible through the callbacks of `TSLexer`:
//! `mark_end` on entering a state that accepts, `advance` on each transition. What it did is
//! folded into one 64-bit number, so two observations are equal when the numbers are.
const std = @import("std");
const ts = @import("tslanguage.zig");

/// The symbol that stands for the end of input. All symbols after the last one are this one.
pub const end_of_input: u32 = 0xFFFF_FFFF;

/// Transitions on the end of input that are watched; the generated lexers make at most one.
const watched_ends = 4;
/// Transitions on the end of input after which a lexer is taken to be in a loop that the end of
/// input doesn't leave. It is then fed characters until it stops.
const patience = 64;

const seed: u64 = 0x51_7C_C1_B7_27_22_0A_95;

pub const no_symbol: ts.Symbol = 0xFFFF;

pub const Event = enum(u8) { none = 0, advance = 1, skip = 2 };

pub const Probe = struct {
    lexer: ts.TSLexer,
    lex: ts.LexFn,
    input: []const u32 = &.{},
    at: usize = 0,
    at_end: bool = false,
    ends: u32 = 0,
    steps: u32 = 0,
    forget: u32 = 0,
    first: Event = .none,
    /// The symbol accepted before the first transition.
    entry: ts.Symbol = no_symbol,
    trace: u64 = seed,

    pub fn init(lex: ts.LexFn) Probe {
        return .{
            .lex = lex,
            .lexer = .{
                .lookahead = 0,
                .result_symbol = 0,
                .advance = advance,
                .mark_end = markEnd,
                .get_column = column,
                .is_at_included_range_start = atRangeStart,
                .eof = eof,
                .log = log,
            },
        };
    }

    /// What `state` does on `input`.
    pub fn observe(self: *Probe, state: u16, input: []const u32) u64 {
        self.run(state, input, 0);
        return self.trace;
    }

    /// What the state reached from `state` by `input[0]` does on the rest of `input`.
    pub fn observeNext(self: *Probe, state: u16, input: []const u32) u64 {
        self.run(state, input, 1);
        return self.trace;
    }

    pub fn event(self: *Probe, state: u16, symbol: u32) Event {
        self.run(state, &.{symbol}, 0);
        return self.first;
    }

    /// The symbol that `state` accepts on being entered, or 0xFFFF.
    pub fn accepted(self: *Probe, state: u16) ts.Symbol {
        self.run(state, &.{}, 0);
        return self.entry;
    }

    /// Whether `state` accepts or has a transition on one of `symbols`.
    pub fn isActive(self: *Probe, state: u16, symbols: []const u32) bool {
        for (symbols) |symbol| {
            if (self.observe(state, &.{symbol}) != seed) return true;
        }
        return false;
    }

    fn run(self: *Probe, state: u16, input: []const u32, forget: u32) void {
        self.input = input;
        self.at = 0;
        self.ends = 0;
        self.steps = 0;
        self.forget = forget;
        self.first = .none;
        self.entry = no_symbol;
        self.trace = seed;
        self.lexer.result_symbol = 0;
        self.look();
        _ = self.lex(&self.lexer, state);
    }

    fn look(self: *Probe) void {
        const symbol = if (self.at < self.input.len) self.input[self.at] else end_of_input;
        self.at_end = symbol == end_of_input;
        self.lexer.lookahead = if (self.at_end) 0 else @bitCast(symbol);
    }

    fn fold(self: *Probe, value: u64) void {
        self.trace = std.math.rotl(u64, (self.trace ^ value) *% 0x9E37_79B9_7F4A_7C15, 29);
    }
};

fn probeOf(lexer: *ts.TSLexer) *Probe {
    return @fieldParentPtr("lexer", lexer);
}

fn advance(lexer: *ts.TSLexer, skip: bool) callconv(.c) void {
    const self = probeOf(lexer);
    self.steps += 1;
    if (self.steps == 1) self.first = if (skip) .skip else .advance;
    if (self.at >= self.input.len) {
        self.ends += 1;
        if (self.ends > patience) {
            lexer.lookahead = @intCast(self.ends *% 7 % 128);
            self.at_end = false;
        }
    }
    if (self.ends <= watched_ends) {
        if (self.steps == self.forget) self.trace = seed else self.fold(if (skip) 0x20000 else 0x10000);
    }
    if (self.at < self.input.len) {
        self.at += 1;
        self.look();
    }
}

fn markEnd(lexer: *ts.TSLexer) callconv(.c) void {
    const self = probeOf(lexer);
    if (self.steps == 0) self.entry = lexer.result_symbol;
    if (self.ends <= watched_ends) self.fold(lexer.result_symbol);
}

fn column(_: *ts.TSLexer) callconv(.c) u32 {
    return 0;
}

fn atRangeStart(_: *const ts.TSLexer) callconv(.c) bool {
    return false;
}

fn eof(lexer: *const ts.TSLexer) callconv(.c) bool {
    const self: *const Probe = @fieldParentPtr("lexer", lexer);
    return self.at_end;
}

fn log(_: *const ts.TSLexer, _: [*:0]const u8) callconv(.c) void {}

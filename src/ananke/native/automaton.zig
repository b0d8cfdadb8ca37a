//! The explicit automaton of a generated lexer, as immutable tables.
//!
//! tree-sitter compiles a lexer to code; a vocabulary can only be classified quickly, and a
//! lexeme be judged before it is finished, on explicit tables. `extract` learns them from the
//! code (`learning.zig`), `serialize` and `deserialize` keep them on disk.
//!
//! A state accepts on being entered, before it looks at a character. Characters are code points;
//! 0 is the character NUL, the end of input has a transition of its own.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const learning = @import("learning.zig");
const blob = @import("automaton_blob.zig");

const Allocator = std.mem.Allocator;

pub const DEAD: u16 = 0xFFFF;
pub const NO_SYMBOL: u16 = 0xFFFF;
pub const ascii_count = 128;

/// Code points lo..hi inclusive lead to `target`; `skip` is 1 if they move the lexeme's start.
pub const Range = extern struct { lo: u32, hi: u32, target: u16, skip: u16 };

pub const Step = struct { target: u16, skip: bool };

/// A longest match: `symbol` over the code points start..end. `looked_past_end` if more input
/// could have changed it.
pub const Match = extern struct { symbol: u16, looked_past_end: u16, start: u32, end: u32 };

/// What was learnt; all else in an `Automaton` follows from it.
pub const Tables = struct {
    ascii: []u16,
    ascii_skip: []u8,
    wide_start: []u32,
    wide: []Range = &.{},
    eof: []u16,
    accept: []u16,
    start: []u16,

    /// Uninitialised tables without wide ranges.
    pub fn alloc(gpa: Allocator, state_count: usize, start_count: usize) !Tables {
        const ascii = try gpa.alloc(u16, state_count * ascii_count);
        errdefer gpa.free(ascii);
        const ascii_skip = try gpa.alloc(u8, state_count * ascii_count);
        errdefer gpa.free(ascii_skip);
        const wide_start = try gpa.alloc(u32, state_count + 1);
        errdefer gpa.free(wide_start);
        const eof = try gpa.alloc(u16, state_count);
        errdefer gpa.free(eof);
        const accept = try gpa.alloc(u16, state_count);
        errdefer gpa.free(accept);
        const start = try gpa.alloc(u16, start_count);
        return .{
            .ascii = ascii,
            .ascii_skip = ascii_skip,
            .wide_start = wide_start,
            .eof = eof,
            .accept = accept,
            .start = start,
        };
    }

    pub fn deinit(self: Tables, gpa: Allocator) void {
        gpa.free(self.ascii);
        gpa.free(self.ascii_skip);
        gpa.free(self.wide_start);
        gpa.free(self.wide);
        gpa.free(self.eof);
        gpa.free(self.accept);
        gpa.free(self.start);
    }
};

pub const Automaton = struct {
    state_count: u16,
    /// state * 128 + character -> target or DEAD
    ascii: []const u16,
    /// Same shape; 1 where the transition moves the lexeme's start (white space before it).
    ascii_skip: []const u8,
    /// Transitions of state q on code points from 128: wide[wide_start[q]..wide_start[q + 1]],
    /// ascending, none of them on surrogates.
    wide_start: []const u32,
    wide: []const Range,
    /// Target on the end of input, or DEAD.
    eof: []const u16,
    /// Symbol accepted on entering the state, or NO_SYMBOL.
    accept: []const u16,
    /// State of the generated lexer, as in `lex_modes` -> state here.
    start: []const u16,
    /// Words per row of `reach` and `after`; bits are symbols up to the greatest accepted one.
    reach_words: u32,
    /// Symbols accepted by the state or by one that characters lead to from it.
    reach: []const u64,
    /// Symbols accepted by states that one or more characters lead to.
    after: []const u64,
    /// Some code point other than NUL has no transition. (NUL has one in few states: generated
    /// lexers mostly take it for the end of input.)
    dies: []const bool,
    /// Some code point has a transition. If not, a lexeme is closed as soon as it gets here.
    has_transition: []const bool,

    /// Learns the lexer `lex`; `start_count` is 1 + the greatest state it is started in.
    pub fn extract(gpa: Allocator, lex: ts.LexFn, start_count: u32) learning.Error!Automaton {
        return derive(gpa, try learning.learn(gpa, lex, start_count));
    }

    /// The lexer, or the keyword lexer, of a language. Null: it has no keyword lexer.
    pub fn ofLanguage(gpa: Allocator, lang: *const ts.TSLanguage, keyword: bool) learning.Error!?Automaton {
        if (keyword) return try extract(gpa, lang.keyword_lex_fn orelse return null, 1);
        return try extract(gpa, lang.lex_fn, startCount(lang));
    }

    /// Takes the tables over, also when it fails.
    pub fn derive(gpa: Allocator, tables: Tables) error{OutOfMemory}!Automaton {
        errdefer tables.deinit(gpa);
        const count = tables.accept.len;
        var greatest: u32 = 0;
        for (tables.accept) |symbol| {
            if (symbol != NO_SYMBOL) greatest = @max(greatest, symbol);
        }
        const words = greatest / 64 + 1;
        const dies = try gpa.alloc(bool, count);
        errdefer gpa.free(dies);
        const has_transition = try gpa.alloc(bool, count);
        errdefer gpa.free(has_transition);
        const reach = try gpa.alloc(u64, count * words);
        errdefer gpa.free(reach);
        const after = try gpa.alloc(u64, count * words);
        errdefer gpa.free(after);
        const self = Automaton{
            .state_count = @intCast(count),
            .ascii = tables.ascii,
            .ascii_skip = tables.ascii_skip,
            .wide_start = tables.wide_start,
            .wide = tables.wide,
            .eof = tables.eof,
            .accept = tables.accept,
            .start = tables.start,
            .reach_words = words,
            .reach = reach,
            .after = after,
            .dies = dies,
            .has_transition = has_transition,
        };
        for (dies, has_transition, 0..) |*d, *h, q| {
            d.* = self.someDies(@intCast(q));
            h.* = self.someMoves(@intCast(q));
        }
        try self.fillReach(gpa, reach, after);
        return self;
    }

    pub fn deinit(self: *const Automaton, gpa: Allocator) void {
        gpa.free(self.ascii);
        gpa.free(self.ascii_skip);
        gpa.free(self.wide_start);
        gpa.free(self.wide);
        gpa.free(self.eof);
        gpa.free(self.accept);
        gpa.free(self.start);
        gpa.free(self.reach);
        gpa.free(self.after);
        gpa.free(self.dies);
        gpa.free(self.has_transition);
    }

    pub fn step(self: *const Automaton, state: u16, cp: u32) Step {
        if (cp < ascii_count) {
            const cell = @as(usize, state) * ascii_count + cp;
            return .{ .target = self.ascii[cell], .skip = self.ascii_skip[cell] != 0 };
        }
        const ranges = self.wideOf(state);
        var lo: usize = 0;
        var hi = ranges.len;
        while (lo < hi) {
            const middle = lo + (hi - lo) / 2;
            if (ranges[middle].hi < cp) lo = middle + 1 else hi = middle;
        }
        if (lo == ranges.len or ranges[lo].lo > cp) return .{ .target = DEAD, .skip = false };
        return .{ .target = ranges[lo].target, .skip = ranges[lo].skip != 0 };
    }

    /// The state that `text`, all ASCII, leads to; null if nowhere.
    pub fn follow(self: *const Automaton, from: u16, text: []const u8) ?u16 {
        var state = from;
        for (text) |byte| {
            state = self.step(state, byte).target;
            if (state == DEAD) return null;
        }
        return state;
    }

    pub fn wideOf(self: *const Automaton, state: u16) []const Range {
        return self.wide[self.wide_start[state]..self.wide_start[@as(usize, state) + 1]];
    }

    pub fn reachRow(self: *const Automaton, state: u16) []const u64 {
        return self.reach[@as(usize, state) * self.reach_words ..][0..self.reach_words];
    }

    pub fn afterRow(self: *const Automaton, state: u16) []const u64 {
        return self.after[@as(usize, state) * self.reach_words ..][0..self.reach_words];
    }

    /// The longest match from `from` (a state of this automaton) on `text`, which goes on
    /// unless `at_end`. Its symbol is NO_SYMBOL where nothing was accepted.
    pub fn run(self: *const Automaton, from: u16, text: []const u32, at_end: bool) Match {
        var match = Match{ .symbol = NO_SYMBOL, .looked_past_end = 0, .start = 0, .end = 0 };
        var state = from;
        var at: u32 = 0;
        while (true) {
            if (self.accept[state] != NO_SYMBOL) {
                match.symbol = self.accept[state];
                match.end = at;
            }
            if (at == text.len) break;
            const move = self.step(state, text[at]);
            if (move.target == DEAD) return match;
            at += 1;
            if (move.skip) match.start = at;
            state = move.target;
        }
        match.looked_past_end = @intFromBool(self.has_transition[state] or self.eof[state] != DEAD);
        if (!at_end) return match;
        // A lexer that moves on the end of input stands still there: bounded by the states.
        for (0..self.state_count) |_| {
            state = self.eof[state];
            if (state == DEAD) break;
            if (self.accept[state] != NO_SYMBOL) {
                match.symbol = self.accept[state];
                match.end = at;
            }
        }
        return match;
    }

    fn someDies(self: *const Automaton, state: u16) bool {
        for (self.ascii[@as(usize, state) * ascii_count ..][1..ascii_count]) |target| {
            if (target == DEAD) return true;
        }
        var next: u32 = ascii_count;
        for (self.wideOf(state)) |range| {
            if (range.lo != next) return true;
            next = if (range.hi == 0xD7FF) 0xE000 else range.hi + 1;
        }
        return next <= 0x10FFFF;
    }

    fn someMoves(self: *const Automaton, state: u16) bool {
        for (self.ascii[@as(usize, state) * ascii_count ..][0..ascii_count]) |target| {
            if (target != DEAD) return true;
        }
        return self.wideOf(state).len > 0;
    }

    /// The least solution of after = union of the targets' reach, reach = accept + after.
    fn fillReach(self: *const Automaton, gpa: Allocator, reach: []u64, after: []u64) !void {
        const words = self.reach_words;
        @memset(reach, 0);
        @memset(after, 0);
        for (self.accept, 0..) |symbol, q| {
            if (symbol == NO_SYMBOL) continue;
            reach[q * words + symbol / 64] |= @as(u64, 1) << @intCast(symbol % 64);
        }
        var edges: std.ArrayList([2]u16) = .empty;
        defer edges.deinit(gpa);
        const seen = try gpa.alloc(u16, self.state_count);
        defer gpa.free(seen);
        @memset(seen, DEAD);
        // Descending, since later states tend to be the targets of earlier ones.
        var q = self.state_count;
        while (q > 0) {
            q -= 1;
            for (self.ascii[@as(usize, q) * ascii_count ..][0..ascii_count]) |target| {
                try addEdge(gpa, &edges, seen, q, target);
            }
            var last = DEAD;
            for (self.wideOf(q)) |range| {
                if (range.target == last) continue;
                last = range.target;
                try addEdge(gpa, &edges, seen, q, last);
            }
        }
        var changed = true;
        while (changed) {
            changed = false;
            for (edges.items) |edge| {
                const from = @as(usize, edge[0]) * words;
                const to = @as(usize, edge[1]) * words;
                for (after[from..][0..words], reach[from..][0..words], reach[to..][0..words]) |*a, *r, t| {
                    if (t & ~a.* == 0) continue;
                    a.* |= t;
                    r.* |= t;
                    changed = true;
                }
            }
        }
    }

    fn addEdge(gpa: Allocator, edges: *std.ArrayList([2]u16), seen: []u16, from: u16, to: u16) !void {
        if (to == DEAD or seen[to] == from) return;
        seen[to] = from;
        try edges.append(gpa, .{ from, to });
    }
};

pub const serialize = blob.serialize;
pub const deserialize = blob.deserialize;

/// 1 + the greatest lex state in a language's lex modes.
pub fn startCount(lang: *const ts.TSLanguage) u32 {
    var count: u32 = 1;
    for (0..lang.state_count) |state| {
        const mode = lang.lexMode(@intCast(state));
        if (mode.lex_state != ts.no_lookahead) count = @max(count, @as(u32, mode.lex_state) + 1);
    }
    return count;
}

fn own(automaton: Automaton) ?*Automaton {
    const result = memory.gpa.create(Automaton) catch {
        automaton.deinit(memory.gpa);
        return null;
    };
    result.* = automaton;
    return result;
}

/// The automaton of a language's lexer or keyword lexer; null where there is none, the lexer
/// isn't one that tree-sitter generates, or memory is short.
export fn ananke_automaton_extract(lang: ?*const ts.TSLanguage, keyword: bool) ?*Automaton {
    const language = lang orelse return null;
    if (language.abi_version < ts.min_abi or language.abi_version > ts.max_abi) return null;
    const result = Automaton.ofLanguage(memory.gpa, language, keyword) catch return null;
    return own(result orelse return null);
}

export fn ananke_automaton_has_keyword(lang: ?*const ts.TSLanguage) bool {
    const language = lang orelse return false;
    return language.keyword_lex_fn != null;
}

export fn ananke_automaton_free(automaton: ?*Automaton) void {
    const self = automaton orelse return;
    self.deinit(memory.gpa);
    memory.gpa.destroy(self);
}

pub const Counts = extern struct { states: u32, starts: u32, ranges: u32, reach_words: u32 };

export fn ananke_automaton_counts(automaton: ?*const Automaton, out: ?*Counts) void {
    const self = automaton orelse return;
    const counts = out orelse return;
    counts.* = .{
        .states = self.state_count,
        .starts = @intCast(self.start.len),
        .ranges = @intCast(self.wide.len),
        .reach_words = self.reach_words,
    };
}

pub const Arrays = extern struct {
    ascii: [*]const u16,
    ascii_skip: [*]const u8,
    wide_start: [*]const u32,
    wide: [*]const Range,
    eof: [*]const u16,
    accept: [*]const u16,
    start: [*]const u16,
    reach: [*]const u64,
    after: [*]const u64,
    dies: [*]const bool,
    has_transition: [*]const bool,
};

/// Where the arrays lie; they live as long as the automaton.
export fn ananke_automaton_arrays(automaton: ?*const Automaton, out: ?*Arrays) void {
    const self = automaton orelse return;
    const arrays = out orelse return;
    inline for (@typeInfo(Arrays).@"struct".field_names) |name| {
        @field(arrays, name) = @field(self, name).ptr;
    }
}

/// Writes the automaton to `out` if it fits in `capacity` bytes; the length that it needs, or 0
/// if memory is short.
export fn ananke_automaton_serialize(automaton: ?*const Automaton, out: ?[*]u8, capacity: usize) usize {
    const self = automaton orelse return 0;
    const bytes = serialize(memory.gpa, self) catch return 0;
    defer memory.gpa.free(bytes);
    if (out) |target| {
        if (bytes.len <= capacity) @memcpy(target[0..bytes.len], bytes);
    }
    return bytes.len;
}

/// Null if the bytes aren't an automaton that could be that of the language's lexer or keyword
/// lexer (its symbols and start states), or if memory is short.
export fn ananke_automaton_deserialize(
    bytes: ?[*]const u8,
    length: usize,
    lang: ?*const ts.TSLanguage,
    keyword: bool,
) ?*Automaton {
    const data = bytes orelse return null;
    const language = lang orelse return null;
    const limits = blob.Limits{
        .symbol_count = language.token_count,
        .start_count = if (keyword) 1 else startCount(language),
    };
    return own(deserialize(memory.gpa, data[0..length], limits) catch return null);
}

/// The longest match from a state of the generated lexer. False if there is no such state.
export fn ananke_automaton_run(
    automaton: ?*const Automaton,
    start: u32,
    text: ?[*]const u32,
    length: u32,
    at_end: bool,
    out: ?*Match,
) bool {
    const self = automaton orelse return false;
    const match = out orelse return false;
    if (start >= self.start.len) return false;
    const points = if (text) |points| points[0..length] else &.{};
    match.* = self.run(self.start[start], points, at_end);
    return true;
}

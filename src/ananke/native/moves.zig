//! What a parse state does with each symbol: rows of the parse table, spread out when first used.
//!
//! tree-sitter keeps the rows of most states as short lists that are searched. A row here is an
//! array over all symbols, and its actions are sorted by what they do, so that "which terminals
//! can be shifted?" is asked for all of them at once: those shifted in this state, and for each
//! reduction those of its lookaheads that can be shifted after it.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const lexing = @import("lexing.zig");

const gpa = memory.gpa;

pub const Reduction = struct {
    symbol: ts.Symbol,
    child_count: u8,
    /// The terminals on which this state reduces so, a bit each.
    lookaheads: []u64,
};

pub const Moves = struct {
    /// For each symbol: an action group for a terminal, a state for a non-terminal, or 0.
    row: []u16,
    /// Terminals that are shifted at once; for the end of input: accepted.
    shifts: []u64,
    /// Terminals whose shift completes a non-terminal extra: what comes of it is to be seen.
    settling: []u64,
    reductions: []Reduction,

    /// `allowed` says which terminals the language has in this state.
    pub fn create(lang: *const ts.TSLanguage, mode_of_state: []const u16, state: ts.StateId, allowed: anytype) !*Moves {
        const words = (@as(usize, lang.symbol_count) + 63) / 64;
        const self = try gpa.create(Moves);
        errdefer gpa.destroy(self);
        const row = try gpa.alloc(u16, lang.symbol_count);
        errdefer gpa.free(row);
        for (row, 0..) |*entry, symbol| {
            entry.* = if (symbol >= lang.token_count or allowed.admits(state, @intCast(symbol))) lang.lookup(state, @intCast(symbol)) else 0;
        }
        const shifts = try emptySet(words);
        errdefer gpa.free(shifts);
        const settling = try emptySet(words);
        errdefer gpa.free(settling);
        var reductions: std.ArrayList(Reduction) = .empty;
        errdefer {
            for (reductions.items) |one| gpa.free(one.lookaheads);
            reductions.deinit(gpa);
        }
        for (row[0..lang.token_count], 0..) |index, terminal| {
            if (index == 0) continue;
            for (lang.actionsAt(index)) |action| {
                switch (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind)))) {
                    .shift => {
                        if (action.shift.repetition) continue;
                        const completes = !action.shift.extra and mode_of_state[action.shift.state] == lexing.Lexing.no_mode;
                        setBit(if (completes) settling else shifts, terminal);
                    },
                    .reduce => {
                        const r = action.reduce;
                        const one = for (reductions.items) |*known| {
                            if (known.symbol == r.symbol and known.child_count == r.child_count) break known;
                        } else made: {
                            try reductions.append(gpa, .{ .symbol = r.symbol, .child_count = r.child_count, .lookaheads = try emptySet(words) });
                            break :made &reductions.items[reductions.items.len - 1];
                        };
                        setBit(one.lookaheads, terminal);
                    },
                    .accept => setBit(shifts, terminal),
                    else => {},
                }
            }
        }
        self.* = .{ .row = row, .shifts = shifts, .settling = settling, .reductions = try reductions.toOwnedSlice(gpa) };
        return self;
    }

    pub fn destroy(self: *Moves) void {
        for (self.reductions) |one| gpa.free(one.lookaheads);
        gpa.free(self.reductions);
        gpa.free(self.settling);
        gpa.free(self.shifts);
        gpa.free(self.row);
        gpa.destroy(self);
    }
};

fn emptySet(words: usize) ![]u64 {
    const set = try gpa.alloc(u64, words);
    @memset(set, 0);
    return set;
}

fn setBit(set: []u64, bit: usize) void {
    set[bit / 64] |= @as(u64, 1) << @intCast(bit % 64);
}

//! Line rules: where a line end may be skipped as white space.
//!
//! The grammars skip line ends wherever they have no use for them. Languages are stricter: Python
//! skips one inside brackets only, Go never after a name. Which rule is in force depends on the
//! terminal read last and on the open brackets below it, so every stack node carries a *mark*:
//! how deep it is in brackets (0, 1, more) and the *variant* of the lexer that reads on from it.
//! The mark is part of what a node is: nodes of one state and different marks are different.
const std = @import("std");
const ts = @import("tslanguage.zig");

/// The line rule's part of a mark; above it are the contexts (contexts.zig).
pub const bits = 4;
pub const Mark = u32;

/// The lexer's variants: line ends are skipped; they aren't; the text is at the start of a line.
pub const Variant = enum(u2) { plain = 0, strict = 1, start = 2 };
pub const variant_count = 3;

/// What a terminal does to the rule in force after it; one that `runs` goes on to the line's end, one
/// that `breaks` is that.
pub const Role = enum(u8) { none = 0, opens = 1, closes = 2, starts = 3, ends = 4, runs = 5, breaks = 6 };

const depth_mask: Mark = 3;
const most: Mark = 2;

pub const Lines = struct {
    /// Role of each terminal; empty: the language has no line rule.
    roles: []Role = &.{},
    /// After a terminal without a role, outside brackets, line ends aren't skipped.
    is_strict: bool = false,

    pub fn isActive(self: *const Lines) bool {
        return self.roles.len > 0;
    }

    /// The mark of the first node.
    pub fn first(self: *const Lines) Mark {
        return if (self.isActive()) markOf(0, .start) else 0;
    }

    /// The mark of a node that `symbol` leads to from a node of mark `before`: for a nonterminal
    /// only the depth counts, since lexemes are read from terminals only.
    pub fn next(self: *const Lines, symbol: ts.Symbol, before: Mark) Mark {
        if (!self.isActive()) return 0;
        const depth = before & depth_mask;
        if (symbol >= self.roles.len) return depth;
        return switch (self.roles[symbol]) {
            .opens => markOf(@min(depth + 1, most), .plain),
            // Two or more less one is one or more: inside brackets in any case.
            .closes => self.within(if (depth == most) most else depth -| 1),
            .starts => markOf(depth, .start),
            .ends => markOf(depth, .strict),
            .none, .runs, .breaks => self.within(depth),
        };
    }

    /// Takes the terminals that run to the end of the line out of the set of those that can come
    /// after a node of the mark, where the line can't end.
    pub fn restrict(self: *const Lines, mark: Mark, terminals: []u64) void {
        if (!self.isActive() or variantOf(mark) != @backingInt(Variant.strict)) return;
        var runs: usize = 0;
        for (self.roles, 0..) |role, symbol| {
            const has = terminals[symbol / 64] >> @intCast(symbol % 64) & 1 != 0;
            if ((role == .starts or role == .breaks) and has) return;
            if (role == .runs and has) runs = symbol;
        }
        if (runs != 0) terminals[runs / 64] &= ~(@as(u64, 1) << @intCast(runs % 64));
    }

    fn within(self: *const Lines, depth: Mark) Mark {
        return markOf(depth, if (self.is_strict and depth == 0) .strict else .plain);
    }
};

fn markOf(depth: Mark, variant: Variant) Mark {
    return depth | @as(Mark, @backingInt(variant)) << 2;
}

pub fn variantOf(mark: Mark) usize {
    return mark >> 2 & 3;
}

test "brackets are counted up to two" {
    var roles = [_]Role{ .none, .opens, .closes, .starts };
    const lines = Lines{ .roles = &roles, .is_strict = true };
    const one = lines.next(1, lines.first());
    try std.testing.expectEqual(0, variantOf(one));
    const two = lines.next(1, lines.next(1, one));
    try std.testing.expectEqual(0, variantOf(lines.next(2, two)));
    try std.testing.expectEqual(1, variantOf(lines.next(2, one)));
    try std.testing.expectEqual(1, variantOf(lines.next(0, lines.first())));
    try std.testing.expectEqual(2, variantOf(lines.next(3, 0)));
}

//! Learning a small lexer that is written out here, so that what must come out is known.
const std = @import("std");
const ts = @import("tslanguage.zig");
const automaton = @import("automaton.zig");
const continuation = @import("continuation.zig");
const learnWith = @import("learning.zig").learnWith;

const Allocator = std.mem.Allocator;
const testing = std.testing;

/// A lexer in the manner of the generated ones: symbol 1 is an identifier, 2 the keyword `if`, 3 a
/// comment up to the line's or the input's end, 4 `{` with white space before it; 0 the end of
/// input. States 8 and 9 do what 4 and 1 do; U+20E3 continues an identifier in state 1 only.
fn toyLexer(lexer: *ts.TSLexer, first: ts.StateId) callconv(.c) bool {
    var state = first;
    var result = false;
    while (true) {
        const c = lexer.lookahead;
        const at_end = lexer.eof(lexer);
        const letter = (c >= 'a' and c <= 'z') or (c >= 0x370 and c <= 0x3FF) or (c >= 0x20000 and c <= 0x2A6DF);
        var skip = false;
        const next: ts.StateId = switch (state) {
            0 => next: {
                if (at_end) break :next 7;
                skip = c == ' ' or c == 0x3000;
                if (skip) break :next 0;
                if (c == '#') break :next 5;
                if (c == '{') break :next 6;
                if (c == 'i') break :next 2;
                if (letter) break :next if (c == 'x') 9 else 1;
                return result;
            },
            1, 2, 3, 9 => next: {
                accept(lexer, if (state == 3) 2 else 1);
                result = true;
                if (state == 2 and c == 'f') break :next 3;
                if (letter) break :next if (c == 'x') 8 else 4;
                if (c == 0x20E3 and state == 1) break :next 1;
                return result;
            },
            4, 8 => next: {
                accept(lexer, 1);
                result = true;
                if (letter) break :next if (c == 'y') 8 else 4;
                return result;
            },
            5 => next: {
                if (at_end or c == '\n') break :next 10;
                break :next 5;
            },
            6, 7, 10 => {
                accept(lexer, if (state == 6) 4 else if (state == 7) 0 else 3);
                return true;
            },
            // Stands still at the end of input.
            11 => if (c == 'q') return result else 11,
            else => return result,
        };
        lexer.advance(lexer, skip);
        state = next;
    }
}

fn accept(lexer: *ts.TSLexer, symbol: ts.Symbol) void {
    lexer.result_symbol = symbol;
    lexer.mark_end(lexer);
}

fn expectRun(machine: *const automaton.Automaton, start: u16, text: []const u32, symbol: u16, end: u32) !void {
    const match = machine.run(machine.start[start], text, true);
    try testing.expectEqual(symbol, match.symbol);
    try testing.expectEqual(end, match.end);
}

test "states that do the same become one, others stay apart" {
    var machine = try automaton.Automaton.extract(testing.allocator, toyLexer, 1);
    defer machine.deinit(testing.allocator);
    try testing.expectEqual(12, machine.start.len);
    try testing.expectEqual(machine.start[4], machine.start[8]);
    // They differ on U+20E3 alone.
    try testing.expect(machine.start[1] != machine.start[9]);
    try testing.expectEqual(machine.start[9], machine.start[4]);
    // 4 = 8 = 9; all others differ.
    try testing.expectEqual(10, machine.state_count);
    try expectRun(&machine, 0, &.{ 'i', 'f' }, 2, 2);
    try expectRun(&machine, 0, &.{ ' ', 0x3000, 'i', 'f', 'x' }, 1, 5);
    try expectRun(&machine, 0, &.{ 'a', 0x20E3, 0x20E3, 0x3C0 }, 1, 4);
    try expectRun(&machine, 0, &.{ 'x', 0x20E3 }, 1, 1);
    try expectRun(&machine, 0, &.{ '#', 0x10FFFF, 0 }, 3, 3);
    try expectRun(&machine, 0, &.{}, 0, 0);
    try expectRun(&machine, 11, &.{0x2A6DF}, automaton.NO_SYMBOL, 0);
    try testing.expectEqual(false, machine.dies[machine.start[5]]);
    try testing.expectEqual(false, machine.has_transition[machine.start[6]]);
}

test "the tables are the same without names of continuations" {
    if (!continuation.is_supported) return error.SkipZigTest;
    const named = try learnWith(testing.allocator, toyLexer, 1, true);
    defer named.deinit(testing.allocator);
    const plain = try learnWith(testing.allocator, toyLexer, 1, false);
    defer plain.deinit(testing.allocator);
    inline for (.{ "ascii", "ascii_skip", "wide_start", "eof", "accept", "start" }) |name| {
        const T = std.meta.Elem(@TypeOf(@field(named, name)));
        try testing.expectEqualSlices(T, @field(named, name), @field(plain, name));
    }
    try testing.expectEqualSlices(u8, std.mem.sliceAsBytes(named.wide), std.mem.sliceAsBytes(plain.wide));
}

test "running out of memory leaks nothing" {
    try testing.checkAllAllocationFailures(testing.allocator, struct {
        fn run(gpa: Allocator) !void {
            var machine = try automaton.Automaton.extract(gpa, toyLexer, 1);
            defer machine.deinit(gpa);
            const bytes = try automaton.serialize(gpa, &machine);
            defer gpa.free(bytes);
            var again = try automaton.deserialize(gpa, bytes, .{ .symbol_count = 5, .start_count = 12 });
            defer again.deinit(gpa);
            try testing.expectEqual(machine.state_count, again.state_count);
        }
    }.run, .{});
}

test "an automaton that doesn't fit the language is refused" {
    const gpa = testing.allocator;
    var machine = try automaton.Automaton.extract(gpa, toyLexer, 1);
    defer machine.deinit(gpa);
    const bytes = try automaton.serialize(gpa, &machine);
    defer gpa.free(bytes);
    for ([_][2]u32{ .{ 4, 12 }, .{ 5, 13 } }) |limits| {
        const refused = automaton.deserialize(gpa, bytes, .{ .symbol_count = limits[0], .start_count = limits[1] });
        try testing.expectError(error.Corrupt, refused);
    }
}

//! How terminals are spelt: the shortest text of each, by breadth-first search in the lexer's
//! automata, and what the language says of external terminals.
const std = @import("std");
const memory = @import("memory.zig");
const automaton = @import("automaton.zig");
const lexing = @import("lexing.zig");
const ts = @import("tslanguage.zig");

const gpa = memory.gpa;

/// Characters in the order in which spellings prefer them.
pub const alphabet = "x01abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ_23456789()[]{}:;,.=+-*/<>!?&|^%~@#$\\\"'` \n\t";

/// A spelling that the language gives for a terminal.
pub const Given = struct { symbol: u16, text: []const u8 };

/// One text per symbol, empty where none is known. Caller frees the texts and the list.
pub fn shortest(lex: *const lexing.Lexing, given: []const Given) ![][]const u8 {
    const out = try gpa.alloc([]const u8, lex.lang.symbol_count);
    for (out) |*text| text.* = &.{};
    for (lex.start_of_mode) |first| {
        if (first != automaton.DEAD) try keepShorter(lex.main, first, out);
    }
    if (lex.keyword) |keyword| {
        if (keyword.start[0] != automaton.DEAD) try keepShorter(keyword, keyword.start[0], out);
    }
    try preferNames(lex, out);
    for (given) |one| {
        gpa.free(out[one.symbol]);
        out[one.symbol] = try gpa.dupe(u8, one.text);
    }
    return out;
}

/// A literal terminal is named by its spelling. A lexer start state may stand inside a lexeme
/// (`>` of `=>`), so the shortest text from there isn't a spelling everywhere.
fn preferNames(lex: *const lexing.Lexing, out: [][]const u8) !void {
    for (1..lex.lang.token_count) |symbol| {
        // The name of a class of texts (`_identifier`) may be one of them.
        if (lex.lang.symbol_metadata[symbol].named) continue;
        const name = std.mem.span(lex.lang.symbol_names[symbol]);
        var spells = out[symbol].len == 0 and isExternal(lex.lang, symbol);
        for (lex.start_of_mode) |first| spells = spells or reads(lex.main, first, name, symbol);
        if (lex.keyword) |keyword| spells = spells or reads(keyword, keyword.start[0], name, symbol);
        if (!spells or std.mem.eql(u8, out[symbol], name)) continue;
        gpa.free(out[symbol]);
        out[symbol] = try gpa.dupe(u8, name);
    }
}

fn isExternal(lang: *const ts.TSLanguage, symbol: usize) bool {
    const scanner = lang.external_scanner;
    if (lang.external_token_count == 0) return false;
    return std.mem.findScalar(u16, scanner.symbol_map.?[0..lang.external_token_count], @intCast(symbol)) != null;
}

fn reads(machine: *const automaton.Automaton, first: u16, text: []const u8, symbol: usize) bool {
    var state = first;
    if (text.len == 0) return false;
    for (text) |byte| {
        if (state == automaton.DEAD or byte >= 128) return false;
        const move = machine.step(state, byte);
        if (move.skip) return false;
        state = move.target;
    }
    return state != automaton.DEAD and machine.accept[state] == symbol;
}

fn keepShorter(machine: *const automaton.Automaton, first: u16, out: [][]const u8) !void {
    const found = try endings(machine, first);
    defer gpa.free(found);
    for (found) |ending| {
        if (ending.symbol < out.len and (out[ending.symbol].len == 0 or ending.text.len < out[ending.symbol].len)) {
            gpa.free(out[ending.symbol]);
            out[ending.symbol] = ending.text;
        } else gpa.free(ending.text);
    }
}

/// A text that leads from a lexer's state to the acceptance of a terminal.
pub const Ending = struct { symbol: u16, text: []const u8 };

/// The shortest such text of each terminal, none empty. Caller frees the texts and the list.
pub fn endings(machine: *const automaton.Automaton, first: u16) ![]Ending {
    const Visit = struct { state: u16, from: u32, byte: u8 };
    var visits: std.ArrayList(Visit) = .empty;
    defer visits.deinit(gpa);
    var out: std.ArrayList(Ending) = .empty;
    errdefer out.deinit(gpa);
    const seen = try gpa.alloc(bool, machine.state_count);
    defer gpa.free(seen);
    @memset(seen, false);
    // Not marked as seen: a lexeme that is accepted already may go on as the same terminal.
    try visits.append(gpa, .{ .state = first, .from = 0, .byte = 0 });
    var found: std.AutoHashMapUnmanaged(u16, void) = .empty;
    defer found.deinit(gpa);
    var i: u32 = 0;
    while (i < visits.items.len) : (i += 1) {
        const visit = visits.items[i];
        const symbol = machine.accept[visit.state];
        if (i > 0 and symbol != automaton.NO_SYMBOL and !(try found.getOrPut(gpa, symbol)).found_existing) {
            var length: u32 = 0;
            var at = i;
            while (at != 0) : (at = visits.items[at].from) length += 1;
            const text = try gpa.alloc(u8, length);
            at = i;
            var place = length;
            while (at != 0) : (at = visits.items[at].from) {
                place -= 1;
                text[place] = visits.items[at].byte;
            }
            try out.append(gpa, .{ .symbol = symbol, .text = text });
        }
        for (alphabet) |byte| {
            const move = machine.step(visit.state, byte);
            if (move.target == automaton.DEAD or move.skip or seen[move.target]) continue;
            seen[move.target] = true;
            try visits.append(gpa, .{ .state = move.target, .from = i, .byte = byte });
        }
    }
    return out.toOwnedSlice(gpa);
}

//! Judging moves on one way down the stack, without building trees, and remembering the verdicts.
//!
//! A question like "may this terminal be shifted here?" reads only some of the topmost states of
//! the stack. Its answer is stored under exactly the states that were read, so that it is found
//! again for every stack with the same top, in whatever session or place of the text: verdicts
//! are reused by value. `Memo` is a decision tree over the states from the top down, kept in one
//! hash table.
//!
//! A graph-structured stack stands for several plain ones. Questions are asked about one plain
//! stack at a time; when a question has to go below a node with several links it is asked anew
//! for each (`error.Ambiguous`), and the answers are united.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const stack = @import("stack.zig");
const lexing = @import("lexing.zig");
const lines = @import("lines.zig");
const glr = @import("glr.zig");

const gpa = memory.gpa;

/// Reductions in one question; a guard against cyclic grammars only.
const max_reductions = 20_000;
/// Plain stacks that one graph-structured stack is read as.
const max_readings = 256;
/// How many lexemes deep a probe or a carried tail is followed.
const max_lexemes = 30;
/// Probes that are tried within a probe.
const nested_probes = 16;
/// What one probe within another costs of that.
const probe_fuel = 10;

pub const Error = error{ OutOfMemory, Ambiguous, BadGrammar };

/// One entry of a plain stack: a parse state, and what is below it.
pub const Entry = struct {
    state: ts.StateId,
    mark: lines.Mark,
    /// Counted from the head of the real stack, which is 0.
    height: i32,
    below: ?*Entry,
    /// The real stack node, where `below` has not been read yet.
    node: ?*const stack.Node,
    /// What can be shifted here, once asked, and the lowest entry read for it.
    terminals: ?[]const u64 = null,
    terminals_low: i32 = 0,
};

const Slot = extern struct { key: u64, value: u64 };
/// Marks a slot whose question has to read one state more.
const unfinished: u64 = 1 << 63;
/// Four slots make a bucket, which is one cache line.
const bucket_size = 4;

/// Answers by question and by the states read for it.
///
/// A table of fixed size that forgets: what falls into a full bucket replaces one of its slots,
/// and a lost answer is computed again. So it never grows, and no lookup is slower than another.
pub const Memo = struct {
    slots: []Slot = &.{},
    bucket_bits: u6 = 17,
    sets: std.ArrayList([]u64) = .empty,
    hits: u64 = 0,
    misses: u64 = 0,
    turn: u32 = 0,

    pub fn deinit(self: *Memo) void {
        self.clear();
        gpa.free(self.slots);
        self.sets.deinit(gpa);
    }

    pub fn clear(self: *Memo) void {
        @memset(self.slots, .{ .key = 0, .value = 0 });
        for (self.sets.items) |set| gpa.free(set);
        self.sets.clearRetainingCapacity();
    }

    fn bucket(self: *const Memo, key: u64) []Slot {
        const index = key >> @intCast(64 - @as(u7, self.bucket_bits));
        return self.slots[index * bucket_size ..][0..bucket_size];
    }

    fn get(self: *const Memo, key: u64) ?u64 {
        if (self.slots.len == 0) return null;
        for (self.bucket(key)) |slot| {
            if (slot.key == key) return slot.value;
        }
        return null;
    }

    fn put(self: *Memo, key: u64, value: u64) !void {
        if (self.slots.len == 0) {
            self.slots = try gpa.alloc(Slot, @as(usize, bucket_size) << self.bucket_bits);
            @memset(self.slots, .{ .key = 0, .value = 0 });
        }
        const place = self.bucket(key);
        for (place) |*slot| {
            if (slot.key == key or slot.key == 0) {
                slot.* = .{ .key = key, .value = value };
                return;
            }
        }
        self.turn +%= 1;
        place[self.turn % bucket_size] = .{ .key = key, .value = value };
    }

    pub fn count(self: *const Memo) u64 {
        var n: u64 = 0;
        for (self.slots) |slot| n += @intFromBool(slot.key != 0);
        return n;
    }
};

fn mix(h: u64, v: u64) u64 {
    const wide = @as(u128, h ^ 0x9E37_79B9_7F4A_7C15) *% @as(u128, v ^ 0xD6E8_FEB8_6659_FD93);
    return @as(u64, @truncate(wide)) ^ @as(u64, @truncate(wide >> 64)) ^ (h << 7 | h >> 57);
}

const bottom_mark: u64 = 1 << 32;

pub const Question = enum(u8) { shiftable, viable, ends, mask, root };

pub const Linear = struct {
    grammar: *glr.Grammar,
    arena: std.heap.ArenaAllocator,
    /// The lowest entry read by the question being answered.
    low: i32 = 0,
    /// Links chosen at the nodes with several, from the top down, and how many were met.
    choices: std.ArrayList(u16) = .empty,
    limits: std.ArrayList(u16) = .empty,
    met: usize = 0,
    branches: usize = 0,
    advances: std.AutoHashMapUnmanaged(Advance, Advanced) = .empty,
    /// Read the first link of every node instead of asking for each.
    first_links: bool = false,

    pub fn init(grammar: *glr.Grammar) Linear {
        return .{ .grammar = grammar, .arena = .init(gpa) };
    }

    pub fn deinit(self: *Linear) void {
        self.arena.deinit();
        self.choices.deinit(gpa);
        self.limits.deinit(gpa);
        self.advances.deinit(gpa);
    }

    pub fn enter(self: *Linear, node: *const stack.Node) !*Entry {
        _ = self.arena.reset(.retain_capacity);
        self.advances.clearRetainingCapacity();
        self.met = 0;
        self.low = 0;
        const entry = try self.arena.allocator().create(Entry);
        entry.* = .{ .state = node.state, .mark = node.mark, .height = 0, .below = null, .node = node };
        return entry;
    }

    /// After `error.Ambiguous`: moves to the first unread combination of links.
    pub fn split(self: *Linear) !void {
        try self.choices.append(gpa, 0);
        try self.limits.append(gpa, @intCast(self.branches));
    }

    /// The next combination of links, or false when all are read.
    pub fn nextReading(self: *Linear) bool {
        while (self.choices.items.len > 0) {
            const last = self.choices.items.len - 1;
            if (self.choices.items[last] + 1 < self.limits.items[last]) {
                self.choices.items[last] += 1;
                return true;
            }
            _ = self.choices.pop();
            _ = self.limits.pop();
        }
        return false;
    }

    pub fn stateOf(self: *Linear, entry: *const Entry) ts.StateId {
        self.low = @min(self.low, entry.height);
        return entry.state;
    }

    /// What answers are stored under: the state and its mark.
    fn keyOf(self: *Linear, entry: *const Entry) u64 {
        return self.stateOf(entry) | @as(u64, entry.mark) << 16;
    }

    /// The entry below; null at the bottom.
    pub fn below(self: *Linear, entry: *Entry) Error!?*Entry {
        if (entry.below) |known| return known;
        const node = entry.node orelse return null;
        var index: usize = 0;
        if (node.links.len > 1 and !self.first_links) {
            if (self.met < self.choices.items.len) {
                index = self.choices.items[self.met];
                self.met += 1;
            } else {
                self.branches = node.links.len;
                return error.Ambiguous;
            }
        }
        const next = node.links[index].below orelse return null;
        const made = try self.arena.allocator().create(Entry);
        made.* = .{ .state = next.state, .mark = next.mark, .height = entry.height - 1, .below = null, .node = next };
        entry.below = made;
        return made;
    }

    fn popped(self: *Linear, entry: *Entry, count: usize) Error!?*Entry {
        var at = entry;
        for (0..count) |_| at = try self.below(at) orelse return null;
        return at;
    }

    /// The entry that `symbol` leads to, in `state`.
    pub fn push(self: *Linear, state: ts.StateId, symbol: ts.Symbol, on: *Entry) !*Entry {
        const made = try self.arena.allocator().create(Entry);
        const mark = self.grammar.lines.next(symbol, on.mark);
        made.* = .{ .state = state, .mark = mark, .height = on.height + 1, .below = on, .node = null };
        return made;
    }

    pub const After = struct { tops: []*Entry, accepted: bool };
    const Advance = struct { from: *Entry, symbol: ts.Symbol, keyword: ts.Symbol };
    const Advanced = struct { after: After, low: i32 };

    /// Reduces and shifts one closed lexeme: the stacks after it. Arena memory. Done once per
    /// entry and terminal, so that equal sequences of lexemes share their entries.
    pub fn advance(self: *Linear, from: *Entry, closing: lexing.Closing) Error!After {
        const key = Advance{ .from = from, .symbol = closing.symbol, .keyword = closing.keyword };
        if (self.advances.get(key)) |done| {
            self.low = @min(self.low, done.low);
            return done.after;
        }
        const outer = self.openScope(from);
        const after = try self.advanceUncached(from, closing);
        const low = self.closeScope(outer);
        try self.advances.put(gpa, key, .{ .after = after, .low = low });
        return after;
    }

    fn advanceUncached(self: *Linear, from: *Entry, closing: lexing.Closing) Error!After {
        const grammar = self.grammar;
        const lang = grammar.lang;
        const a = self.arena.allocator();
        var tops: std.ArrayList(*Entry) = .empty;
        var work: std.ArrayList(struct { entry: *Entry, symbol: ts.Symbol }) = .empty;
        var accepted = false;
        try work.append(a, .{ .entry = from, .symbol = grammar.terminal(self.stateOf(from), closing) });
        var i: usize = 0;
        while (i < work.items.len and i < max_reductions) : (i += 1) {
            const entry = work.items[i].entry;
            var symbol = work.items[i].symbol;
            const state = self.stateOf(entry);
            var actions = grammar.actions(state, symbol);
            if (actions.len == 0 and symbol == closing.keyword and !grammar.isReserved(state, symbol)) {
                symbol = lang.keyword_capture_token;
                actions = grammar.actions(state, symbol);
            }
            for (actions) |action| {
                switch (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind)))) {
                    .shift => {
                        if (action.shift.repetition) continue;
                        if (action.shift.extra) {
                            try tops.append(a, entry);
                        } else {
                            try self.settle(try self.push(action.shift.state, symbol, entry), &tops);
                        }
                    },
                    .reduce => {
                        const r = action.reduce;
                        if (grammar.isForbidden(r.symbol, r.child_count)) continue;
                        const base = try self.popped(entry, r.child_count) orelse continue;
                        const goto = lang.lookup(self.stateOf(base), r.symbol);
                        if (goto == 0) continue;
                        var seen = false;
                        for (work.items) |w| {
                            if (w.entry.state == goto and w.entry.below == base and w.entry.node == null) {
                                seen = true;
                                break;
                            }
                        }
                        if (!seen) try work.append(a, .{ .entry = try self.push(goto, r.symbol, base), .symbol = symbol });
                    },
                    .accept => accepted = true,
                    else => {},
                }
            }
        }
        return .{ .tops = tops.items, .accepted = accepted };
    }

    /// Completes non-terminal extras, which reduce without a lookahead.
    fn settle(self: *Linear, entry: *Entry, tops: *std.ArrayList(*Entry)) Error!void {
        const grammar = self.grammar;
        if (grammar.lex.mode_of_state[entry.state] != lexing.Lexing.no_mode) {
            return tops.append(self.arena.allocator(), entry);
        }
        for (grammar.rawActions(entry.state, ts.eof_symbol)) |action| {
            if (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind))) != .reduce) continue;
            const r = action.reduce;
            const base = try self.popped(entry, r.child_count) orelse continue;
            const goto = grammar.lang.lookup(self.stateOf(base), r.symbol);
            if (goto == 0) continue;
            if (goto == base.state) {
                try self.settle(base, tops);
            } else {
                try self.settle(try self.push(goto, r.symbol, base), tops);
            }
        }
    }

    fn tagOf(question: Question, id: u64) u64 {
        return mix(@as(u64, @backingInt(question)) + 0x51, id + 1);
    }

    /// The stored answer to a question about the stack at `entry`.
    pub fn recall(self: *Linear, question: Question, id: u64, entry: *Entry) Error!?u64 {
        return self.recallIn(&self.grammar.memo, question, id, entry);
    }

    pub fn recallIn(self: *Linear, memo: *Memo, question: Question, id: u64, entry: *Entry) Error!?u64 {
        var h = mix(tagOf(question, id), self.keyOf(entry));
        var at = entry;
        while (true) {
            const value = memo.get(h) orelse {
                memo.misses += 1;
                return null;
            };
            if (value & unfinished == 0) {
                memo.hits += 1;
                return value;
            }
            if (try self.below(at)) |next| {
                at = next;
                h = mix(h, self.keyOf(at));
            } else {
                h = mix(h, bottom_mark);
            }
        }
    }

    /// Stores an answer under the states from `entry` down to the lowest one read.
    pub fn remember(self: *Linear, question: Question, id: u64, entry: *Entry, low: i32, value: u64) Error!void {
        return self.rememberIn(&self.grammar.memo, question, id, entry, low, value);
    }

    pub fn rememberIn(self: *Linear, memo: *Memo, question: Question, id: u64, entry: *Entry, low: i32, value: u64) Error!void {
        var h = mix(tagOf(question, id), self.keyOf(entry));
        var at = entry;
        while (at.height > low) {
            const next = try self.below(at) orelse break;
            try memo.put(h, unfinished);
            at = next;
            h = mix(h, self.keyOf(at));
        }
        try memo.put(h, value);
    }

    /// Starts counting what a question reads; `closeScope` gives the lowest entry and goes back.
    pub fn openScope(self: *Linear, entry: *const Entry) i32 {
        const outer = self.low;
        self.low = entry.height;
        return outer;
    }

    pub fn closeScope(self: *Linear, outer: i32) i32 {
        const low = self.low;
        self.low = @min(low, outer);
        return low;
    }

    /// Terminals that can be shifted (for the end of input: accepted) here, a bit each.
    pub fn shiftable(self: *Linear, entry: *Entry) Error![]const u64 {
        if (entry.terminals) |known| {
            self.low = @min(self.low, entry.terminals_low);
            return known;
        }
        const outer = self.openScope(entry);
        const set = try self.shiftableByValue(entry);
        entry.terminals = set;
        entry.terminals_low = self.closeScope(outer);
        return set;
    }

    fn shiftableByValue(self: *Linear, entry: *Entry) Error![]const u64 {
        if (try self.recall(.shiftable, 0, entry)) |found| return self.grammar.memo.sets.items[found];
        const grammar = self.grammar;
        const outer = self.openScope(entry);
        const set = try gpa.alloc(u64, grammar.lex.reach_words);
        errdefer gpa.free(set);
        @memset(set, 0);
        const state = self.stateOf(entry);
        for (0..grammar.lang.token_count) |terminal| {
            const symbol: ts.Symbol = @intCast(terminal);
            if (grammar.absent[symbol] or grammar.lang.lookup(state, symbol) == 0) continue;
            const result = try self.advance(entry, .{ .symbol = symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
            if (result.tops.len > 0 or result.accepted) set[symbol / 64] |= @as(u64, 1) << @intCast(symbol % 64);
        }
        const low = self.closeScope(outer);
        const id = grammar.memo.sets.items.len;
        try grammar.memo.sets.append(gpa, set);
        try self.remember(.shiftable, 0, entry, low, id);
        return set;
    }

    /// Whether some continuation of the configuration can be shifted.
    pub fn viable(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry) Error!bool {
        return self.viableAt(id, sigma, entry, max_lexemes);
    }

    fn viableAt(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32) Error!bool {
        if (try self.lineEnded(id)) |ended| {
            if (try self.viableAt(ended, sigma, entry, fuel)) return true;
        }
        const lex = self.grammar.lex;
        const config = lex.configs.items[id];
        if (config.isFresh() or (!config.external and lex.reaches(config, try self.shiftable(entry)))) {
            for (try self.shiftable(entry)) |word| {
                if (word != 0) return true;
            }
            return false;
        }
        if (!config.external and config.accepted == lexing.none_symbol and !lex.mayEnd(config)) return false;
        const key = @as(u64, id) << 32 | sigma;
        if (try self.recall(.viable, key, entry)) |found| return found != 0;
        const outer = self.openScope(entry);
        const result = try self.viableUncached(id, sigma, entry, fuel);
        const low = self.closeScope(outer);
        // An answer cut short for want of fuel would depend on more than the states read.
        if (result or fuel == max_lexemes) try self.remember(.viable, key, entry, low, @intFromBool(result));
        return result;
    }

    /// The configuration after a line end, if that too is undecided and stays as it is after
    /// more of them. Blank lines are harmless, so what is viable after one is viable before it:
    /// one verdict for all the columns that an unfinished line may have reached.
    fn lineEnded(self: *Linear, id: lexing.ConfigId) Error!?lexing.ConfigId {
        const lex = self.grammar.lex;
        const config = lex.configs.items[id];
        if (!config.external or config.isFresh() or config.partial_len > 0) return null;
        const next = try lex.step(id, '\n');
        if (next == id or next == lexing.dead or next & lexing.closing_bit != 0) return null;
        if (!lex.configs.items[next].external) return null;
        return if (try lex.step(next, '\n') == next) next else null;
    }

    fn viableUncached(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32) Error!bool {
        const lex = self.grammar.lex;
        const config = lex.configs.items[id];
        if (config.external and config.partial_len > 0) {
            const bounds = lexing.partialBounds(config.partial[0..config.partial_len]);
            for ([_]u32{ bounds.lo, bounds.hi, (bounds.lo + bounds.hi) / 2 }) |cp| {
                var sequence: [4]u8 = undefined;
                const length = std.unicode.utf8Encode(@intCast(cp), &sequence) catch continue;
                if (try self.alive(id, sigma, entry, sequence[config.partial_len..length], fuel)) return true;
            }
            return false;
        }
        if (config.external) {
            for (config.tail) |byte| {
                if (self.grammar.unprobed[byte]) return true;
            }
            const probes = self.grammar.probes.items;
            const tried = if (fuel == max_lexemes) probes else probes[0..@min(probes.len, nested_probes)];
            for (tried) |probe| {
                if (try self.alive(id, sigma, entry, probe, fuel)) return true;
            }
            if (try self.wordViable(id, sigma, entry, fuel)) return true;
            return self.endsAt(id, sigma, entry, fuel);
        }
        if (config.accepted != lexing.none_symbol and fuel > 0) {
            // The lexeme may end at its last acceptance, and what was read since begins the next.
            const closing = lexing.Closing{ .symbol = config.accepted, .keyword = config.accepted_keyword, .sigma = lexing.sigma_kept, .carry = "" };
            if (config.tail.len + config.partial_len > 0) {
                const carry = try std.mem.concat(self.arena.allocator(), u8, &.{ config.tail, config.partial[0..config.partial_len] });
                if (try self.aliveAfter(closing, sigma, entry, carry, "", fuel)) return true;
            }
        }
        return self.endsAt(id, sigma, entry, fuel);
    }

    /// Whether the end of an undecided lexeme is the beginning of a word that the scanner knows,
    /// and that word may come.
    fn wordViable(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32) Error!bool {
        const tail = self.grammar.lex.configs.items[id].tail;
        for (self.grammar.words.items) |word| {
            for (1..word.len) |known| {
                if (!std.mem.endsWith(u8, tail, word[0..known])) continue;
                const rest = try std.mem.concat(self.arena.allocator(), u8, &.{ word[known..], " " });
                if (try self.alive(id, sigma, entry, rest, fuel)) return true;
            }
        }
        return false;
    }

    /// Whether the text `more` after the configuration leaves something viable.
    fn alive(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, more: []const u8, fuel: u32) Error!bool {
        const lex = self.grammar.lex;
        var at = id;
        for (more, 0..) |byte, i| {
            const rest = more[i + 1 ..];
            if ((byte == 'x' or byte == 'z') and (rest.len == 0 or std.mem.eql(u8, rest, " "))) {
                // Where a lexeme of the internal lexer begins, any may stand for the letter.
                const before = lex.configs.items[at];
                if (before.external and try lex.declines(before, byte)) return lex.beginsIn(before.mode, try self.shiftable(entry));
                if (lex.isBlank(before)) return lex.reaches(before, try self.shiftable(entry));
            }
            const result = try lex.step(at, byte);
            if (result == lexing.dead) return false;
            if (result & lexing.closing_bit != 0) {
                const closing = lex.closings.items[result & ~lexing.closing_bit];
                return self.aliveAfter(closing, sigma, entry, closing.carry, more[i + 1 ..], fuel);
            }
            at = result;
        }
        const config = lex.configs.items[at];
        if (config.external and !config.isFresh()) {
            // A probe may itself lead into the middle of an external lexeme (`"` into a string).
            if (fuel < probe_fuel) return false;
            return self.viableAt(at, sigma, entry, fuel - probe_fuel);
        }
        return self.viableAt(at, sigma, entry, fuel);
    }

    fn aliveAfter(self: *Linear, closing: lexing.Closing, sigma: u32, entry: *Entry, carry: []const u8, more: []const u8, fuel: u32) Error!bool {
        if (fuel == 0) return false;
        const lex = self.grammar.lex;
        const next_sigma = try lex.after(sigma, closing);
        const rest = try std.mem.concat(self.arena.allocator(), u8, &.{ carry, more });
        const after = try self.advance(entry, closing);
        for (after.tops) |top| {
            const first = try lex.start(lex.modeOf(top.state, top.mark), next_sigma);
            if (try self.alive(first, next_sigma, top, rest, fuel - 1)) return true;
        }
        return false;
    }

    /// Whether the text may end here: every pending lexeme closes and the end is accepted.
    pub fn ends(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry) Error!bool {
        return self.endsAt(id, sigma, entry, 512);
    }

    fn endsAt(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32) Error!bool {
        const key = @as(u64, id) << 32 | sigma;
        if (try self.recall(.ends, key, entry)) |found| return found != 0;
        const outer = self.openScope(entry);
        const result = try self.endsUncached(id, sigma, entry, 512);
        const low = self.closeScope(outer);
        _ = fuel;
        try self.remember(.ends, key, entry, low, @intFromBool(result));
        return result;
    }

    fn endsUncached(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32) Error!bool {
        if (fuel == 0) return false;
        const lex = self.grammar.lex;
        const result = try lex.end(id);
        if (result == lexing.dead) return false;
        const closing = lex.closings.items[result & ~lexing.closing_bit];
        const next_sigma = try lex.after(sigma, closing);
        const after = try self.advance(entry, closing);
        if (after.accepted) return true;
        for (after.tops) |top| {
            const first = try lex.start(lex.modeOf(top.state, top.mark), next_sigma);
            if (try self.endsWith(first, next_sigma, top, closing.carry, fuel - 1)) return true;
        }
        return false;
    }

    fn endsWith(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, text: []const u8, fuel: u32) Error!bool {
        if (fuel == 0) return false;
        const lex = self.grammar.lex;
        var at = id;
        for (text, 0..) |byte, i| {
            const result = try lex.step(at, byte);
            if (result == lexing.dead) return false;
            if (result & lexing.closing_bit != 0) {
                const closing = lex.closings.items[result & ~lexing.closing_bit];
                const next_sigma = try lex.after(sigma, closing);
                const rest = try std.mem.concat(self.arena.allocator(), u8, &.{ closing.carry, text[i + 1 ..] });
                const after = try self.advance(entry, closing);
                for (after.tops) |top| {
                    const first = try lex.start(lex.modeOf(top.state, top.mark), next_sigma);
                    if (try self.endsWith(first, next_sigma, top, rest, fuel - 1)) return true;
                }
                return false;
            }
            at = result;
        }
        return self.endsUncached(at, sigma, entry, fuel);
    }

    /// `viable` for a head of a real stack, over all its readings.
    pub fn headViable(self: *Linear, node: *const stack.Node, id: lexing.ConfigId, sigma: u32) !bool {
        var reading: usize = 0;
        while (reading < max_readings) : (reading += 1) {
            const entry = try self.enter(node);
            const result = self.viable(id, sigma, entry) catch |err| switch (err) {
                error.Ambiguous => {
                    try self.split();
                    continue;
                },
                else => |other| return other,
            };
            if (result) {
                self.forget();
                return true;
            }
            if (!self.nextReading()) return false;
        }
        self.forget();
        return true;
    }

    /// `ends` for a head of a real stack, over all its readings.
    pub fn headEnds(self: *Linear, node: *const stack.Node, id: lexing.ConfigId, sigma: u32) !bool {
        var reading: usize = 0;
        while (reading < max_readings) : (reading += 1) {
            const entry = try self.enter(node);
            const result = self.ends(id, sigma, entry) catch |err| switch (err) {
                error.Ambiguous => {
                    try self.split();
                    continue;
                },
                else => |other| return other,
            };
            if (result) {
                self.forget();
                return true;
            }
            if (!self.nextReading()) return false;
        }
        self.forget();
        return true;
    }

    pub fn forget(self: *Linear) void {
        self.choices.clearRetainingCapacity();
        self.limits.clearRetainingCapacity();
    }
};

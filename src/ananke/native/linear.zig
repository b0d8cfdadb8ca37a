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
const automaton = @import("automaton.zig");
const lexing = @import("lexing.zig");
const lines = @import("lines.zig");
const glr = @import("glr.zig");

const gpa = memory.gpa;
/// Fresh pages are zero, and take memory only once they are written.
const pages = std.heap.page_allocator;

/// Reductions in one question; a guard against cyclic grammars only.
const max_reductions = 20_000;
/// How many probes deep an undecided lexeme is foreseen.
const foresight = 1;
/// Reductions in a row that one lookahead may set off.
const max_reduction_depth = 400;
/// Plain stacks that one graph-structured stack is read as.
const max_readings = 256;
/// How many lexemes deep a probe or a carried tail is followed.
const max_lexemes = 30;
/// Probes that are tried within a probe.
const nested_probes = 16;
/// What one probe within another costs of that.
const probe_fuel = 10;
/// A bound on the length of keywords.
const max_keyword = 32;

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
    /// What can be shifted here (a set of `Memo.sets`), once asked, and the lowest entry read.
    terminals: u32 = no_set,
    terminals_low: i32 = 0,
};

const no_set: u32 = 0xFFFF_FFFF;

const Slot = extern struct { key: u64, value: u64 };
/// Marks a slot whose question has to read one state more.
const unfinished: u64 = 1 << 63;
/// Four slots make a bucket, which is one cache line.
const bucket_size = 4;
/// Buckets of the small table before the large one, in bits: 256 KB.
const near_bits = 12;

const WordsContext = struct {
    pub fn hash(_: WordsContext, words: []const u64) u64 {
        return std.hash.XxHash64.hash(0, std.mem.sliceAsBytes(words));
    }

    pub fn eql(_: WordsContext, a: []const u64, b: []const u64) bool {
        return std.mem.eql(u64, a, b);
    }
};

/// Answers by question and by the states read for it.
///
/// A table of fixed size that forgets: what falls into a full bucket replaces one of its slots,
/// and a lost answer is computed again. So it never grows, and no lookup is slower than another.
///
/// A small table stands before it, for the first answers: each would touch a page of memory of its
/// own in the large one, and those faults were half of what the first mask took.
pub const Memo = struct {
    near: []Slot = &.{},
    slots: []Slot = &.{},
    bucket_bits: u6 = 19,
    /// Sets of terminals, each kept once.
    sets: std.ArrayList([]u64) = .empty,
    set_ids: std.HashMapUnmanaged([]const u64, u32, WordsContext, 80) = .empty,
    hits: u64 = 0,
    misses: u64 = 0,
    /// Slots in use.
    count: u64 = 0,
    turn: u32 = 0,

    pub fn deinit(self: *Memo) void {
        self.clear();
        self.sets.deinit(gpa);
        self.set_ids.deinit(gpa);
    }

    pub fn clear(self: *Memo) void {
        for ([_]*[]Slot{ &self.near, &self.slots }) |table| {
            if (table.len > 0) pages.free(table.*);
            table.* = &.{};
        }
        self.count = 0;
        self.set_ids.clearRetainingCapacity();
        for (self.sets.items) |set| gpa.free(set);
        self.sets.clearRetainingCapacity();
    }

    fn bucket(table: []Slot, bits: u6, key: u64) []Slot {
        const index = key >> @intCast(64 - @as(u7, bits));
        return table[index * bucket_size ..][0..bucket_size];
    }

    fn get(self: *const Memo, key: u64) ?u64 {
        if (self.near.len == 0) return null;
        for (bucket(self.near, near_bits, key)) |slot| {
            if (slot.key == key) return slot.value;
        }
        if (self.slots.len == 0) return null;
        for (bucket(self.slots, self.bucket_bits, key)) |slot| {
            if (slot.key == key) return slot.value;
        }
        return null;
    }

    fn put(self: *Memo, key: u64, value: u64) !void {
        if (self.near.len == 0) self.near = try pages.alloc(Slot, bucket_size << near_bits);
        if (self.fits(bucket(self.near, near_bits, key), key, value)) return;
        if (self.slots.len == 0) {
            self.slots = try pages.alloc(Slot, @as(usize, bucket_size) << self.bucket_bits);
        }
        const place = bucket(self.slots, self.bucket_bits, key);
        if (self.fits(place, key, value)) return;
        self.turn +%= 1;
        place[self.turn % bucket_size] = .{ .key = key, .value = value };
    }

    fn fits(self: *Memo, place: []Slot, key: u64, value: u64) bool {
        for (place) |*slot| {
            if (slot.key != key and slot.key != 0) continue;
            self.count += @intFromBool(slot.key == 0);
            slot.* = .{ .key = key, .value = value };
            return true;
        }
        return false;
    }

    /// The number of a set of terminals, which is kept once.
    fn internSet(self: *Memo, words: []const u64) !u32 {
        if (self.set_ids.get(words)) |known| return known;
        const id: u32 = @intCast(self.sets.items.len);
        const owned = try gpa.dupe(u64, words);
        errdefer gpa.free(owned);
        try self.sets.append(gpa, owned);
        errdefer _ = self.sets.pop();
        try self.set_ids.put(gpa, owned, id);
        return id;
    }
};

pub fn mix(h: u64, v: u64) u64 {
    const wide = @as(u128, h ^ 0x9E37_79B9_7F4A_7C15) *% @as(u128, v ^ 0xD6E8_FEB8_6659_FD93);
    return @as(u64, @truncate(wide)) ^ @as(u64, @truncate(wide >> 64)) ^ (h << 7 | h >> 57);
}

const bottom_mark: u64 = 1 << 32;

pub const Decision = enum { admitted, refused, undecided };

/// What the terminals that can be shifted tell of a configuration: whether one of its
/// continuations is among them, where that is all there is to know.
pub fn decidedBy(grammar: *glr.Grammar, id: lexing.ConfigId, wanted: []const u64) error{ OutOfMemory, BadGrammar }!Decision {
    const lex = grammar.lex;
    const config = lex.configs.items[id];
    if (config.isFresh()) {
        for (wanted) |word| {
            if (word != 0) return .admitted;
        }
        return .refused;
    }
    if (config.external) {
        if (lexing.meet((try foresee(grammar, id)).free, wanted)) return .admitted;
        const prospects = try foreseeAll(grammar, id, foresight);
        if (lexing.meet(prospects.free, wanted)) return .admitted;
        for (prospects.bound, grammar.certain, wanted[0..prospects.bound.len]) |may, certain, want| {
            if (may & certain & want != 0) return .admitted;
        }
        return if (prospects.isComplete and !lexing.meet(prospects.bound, wanted)) .refused else .undecided;
    }
    if (lex.reaches(config, wanted)) return .admitted;
    // What has been read past an acceptance may begin the next lexeme.
    const is_whole = config.tail.len == 0 and config.partial_len == 0;
    return if ((config.accepted == lexing.none_symbol or is_whole) and !lex.mayEnd(config)) .refused else .undecided;
}

/// The internal configuration in which a letter after `id` begins a lexeme or goes on with one,
/// so that any character may stand for it, or `dead`; null where the letter itself counts.
fn innerBefore(lex: *lexing.Lexing, id: lexing.ConfigId, letter: u8) error{ OutOfMemory, BadGrammar }!?u32 {
    const config = lex.configs.items[id];
    if (!config.external) return if (lex.isBlank(config)) id else null;
    if (!try lex.declines(config, letter)) return null;
    const inner = try lex.readInternal(config);
    return if (inner & lexing.closing_bit == 0) inner else null;
}

/// Finds out, once for each undecided lexeme, which terminals it may become (`Prospects`).
/// The first look tells what the internal lexer makes of it, if the scanner declines.
fn foresee(grammar: *glr.Grammar, id: lexing.ConfigId) error{ OutOfMemory, BadGrammar }!lexing.Prospects {
    const lex = grammar.lex;
    const config = lex.configs.items[id];
    if (config.prospects) |known| return known;
    const words = lex.reach_words;
    const sets = try gpa.alloc(u64, 2 * words);
    errdefer gpa.free(sets);
    @memset(sets, 0);
    var prospects = lexing.Prospects{ .free = sets[0..words], .bound = sets[words..] };
    if (try innerBefore(lex, id, 'x')) |inner| {
        if (inner != lexing.dead) {
            lex.addReach(lex.configs.items[inner], prospects.free);
            prospects.isBegun = !lex.isBlank(lex.configs.items[inner]);
        }
    }
    config.prospects = prospects;
    return prospects;
}

/// The second look: all that may become of it, by the probes.
fn foreseeAll(grammar: *glr.Grammar, id: lexing.ConfigId, fuel: u32) error{ OutOfMemory, BadGrammar }!lexing.Prospects {
    const lex = grammar.lex;
    const config = lex.configs.items[id];
    var prospects = try foresee(grammar, id);
    if (prospects.isLooked) return prospects;
    var complete = config.partial_len == 0 and grammar.words.items.len == 0;
    for (config.tail) |byte| {
        if (grammar.unprobed[byte]) complete = false;
    }
    if (complete) {
        for (grammar.probes.items) |probe| {
            // Where a lexeme of the internal lexer has begun, a line end only ends it.
            if (prospects.isBegun and std.mem.indexOfAny(u8, probe, "\n ") != null) continue;
            if (!try foreseeProbe(grammar, id, probe, &prospects, fuel)) complete = false;
        }
        const ended = try lex.end(id);
        if (ended != lexing.dead) addProspect(&prospects, false, lex.closings.items[ended & ~lexing.closing_bit]);
    }
    prospects.isComplete = complete;
    // What was cut short may be found out when it is asked for by itself.
    prospects.isLooked = complete or fuel == foresight;
    config.prospects = prospects;
    return prospects;
}

/// Adds what comes of a probe; false if that isn't all known.
fn foreseeProbe(grammar: *glr.Grammar, id: lexing.ConfigId, probe: []const u8, prospects: *lexing.Prospects, fuel: u32) error{ OutOfMemory, BadGrammar }!bool {
    const lex = grammar.lex;
    var at = id;
    for (probe, 0..) |byte, i| {
        if (byte == 'x' and i + 1 == probe.len) {
            if (try innerBefore(lex, at, byte)) |inner| {
                if (inner != lexing.dead) lex.addReach(lex.configs.items[inner], prospects.bound);
                return true;
            }
        }
        const result = try lex.step(at, byte);
        if (result == lexing.dead) return true;
        if (result & lexing.closing_bit != 0) {
            const closing = lex.closings.items[result & ~lexing.closing_bit];
            addProspect(prospects, closing.carry.len == 0 and i + 1 == probe.len, closing);
            return true;
        }
        at = result;
    }
    const config = lex.configs.items[at];
    if (config.external) {
        if (at == id) return true;
        if (fuel == 0) return false;
        const nested = try foreseeAll(grammar, at, fuel - 1);
        for (prospects.bound, nested.bound, nested.free) |*word, a, b| word.* |= a | b;
        return nested.isComplete;
    }
    lex.addReach(config, prospects.bound);
    if (config.accepted != lexing.none_symbol) {
        addProspect(prospects, false, .{ .symbol = config.accepted, .keyword = config.accepted_keyword, .sigma = lexing.sigma_kept, .carry = "" });
    }
    return true;
}

fn addProspect(prospects: *lexing.Prospects, is_free: bool, closing: lexing.Closing) void {
    const set = if (is_free) prospects.free else prospects.bound;
    for ([_]u16{ closing.symbol, closing.keyword }) |symbol| {
        if (symbol / 64 < set.len) set[symbol / 64] |= @as(u64, 1) << @intCast(symbol % 64);
    }
}

/// The letters at the end of a text.
pub fn letters(text: []const u8) []const u8 {
    var from = text.len;
    while (from > 0 and std.ascii.isAlphabetic(text[from - 1])) from -= 1;
    return text[from..];
}

pub const Question = enum(u8) { shiftable, viable, ends, mask, rest, root };

fn tagOf(question: Question, id: u64) u64 {
    return mix(@as(u64, @backingInt(question)) + 0x51, id + 1);
}

/// What answers are stored under: the state and its mark.
fn keyOf(state: ts.StateId, mark: lines.Mark) u64 {
    return state | @as(u64, mark) << 16;
}

/// The stored answers to one question about a stack, on all ways down it. Reading them changes
/// nothing, so that several threads may at a time.
pub const Answers = struct {
    values: [32]u64 = undefined,
    count: usize = 0,

    pub fn slice(self: *const Answers) []const u64 {
        return self.values[0..self.count];
    }

    pub fn hasTrue(self: *const Answers) bool {
        for (self.slice()) |value| {
            if (value != 0) return true;
        }
        return false;
    }

    /// Whether all are stored; for `first_true` up to the first that isn't 0, in the order in which
    /// `Linear` takes the ways.
    pub fn recall(self: *Answers, memo: *const Memo, question: Question, id: u64, node: *const stack.Node, first_true: bool) bool {
        self.count = 0;
        return self.follow(memo, mix(tagOf(question, id), keyOf(node.state, node.mark)), node, first_true);
    }

    fn follow(self: *Answers, memo: *const Memo, above: u64, from: *const stack.Node, first_true: bool) bool {
        var h = above;
        var node = from;
        while (true) {
            const value = memo.get(h) orelse return false;
            if (value & unfinished == 0) {
                if (self.count == self.values.len) return false;
                self.values[self.count] = value;
                self.count += 1;
                return true;
            }
            if (node.links.len > 1) break;
            node = node.links[0].below orelse return false;
            h = mix(h, keyOf(node.state, node.mark));
        }
        for (node.links) |link| {
            const next = link.below orelse return false;
            if (!self.follow(memo, mix(h, keyOf(next.state, next.mark)), next, first_true)) return false;
            if (first_true and self.values[self.count - 1] != 0) return true;
        }
        return true;
    }
};

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
    /// Undecided lexemes that the question being answered has come to, with the fuel it had.
    probed: std.AutoHashMapUnmanaged(Probed, u32) = .empty,
    /// One choice of links for a search that needs some way down, not all: 0 takes the first link
    /// of every node, 1 the last, others mix. Null: `error.Ambiguous` asks for each.
    reading: ?u32 = null,

    pub fn init(grammar: *glr.Grammar) Linear {
        return .{ .grammar = grammar, .arena = .init(gpa) };
    }

    pub fn deinit(self: *Linear) void {
        self.arena.deinit();
        self.choices.deinit(gpa);
        self.limits.deinit(gpa);
        self.advances.deinit(gpa);
        self.probed.deinit(gpa);
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

    fn keyAt(self: *Linear, entry: *const Entry) u64 {
        return keyOf(self.stateOf(entry), entry.mark);
    }

    /// The entry below; null at the bottom.
    pub fn below(self: *Linear, entry: *Entry) Error!?*Entry {
        if (entry.below) |known| return known;
        const node = entry.node orelse return null;
        var index: usize = 0;
        if (node.links.len > 1) {
            if (self.reading) |number| {
                const last = node.links.len - 1;
                index = if (number < 2) number * last else @intCast(mix(number, self.met) % node.links.len);
                self.met += 1;
            } else if (self.met < self.choices.items.len) {
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

    /// The entry that `symbol` leads to, in `state`; made of unknown parts if it is no terminal.
    pub fn push(self: *Linear, state: ts.StateId, symbol: ts.Symbol, on: *Entry) !*Entry {
        return self.pushMarked(state, self.grammar.markAfter(symbol, on.state, state, on.mark, on.mark) orelse on.mark, on);
    }

    fn pushMarked(self: *Linear, state: ts.StateId, mark: lines.Mark, on: *Entry) !*Entry {
        const made = try self.arena.allocator().create(Entry);
        made.* = .{ .state = state, .mark = mark, .height = on.height + 1, .below = on, .node = null };
        return made;
    }

    pub const After = struct { tops: []*Entry, accepted: bool };
    const Probed = struct { config: lexing.ConfigId, sigma: u32, entry: *Entry };
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
            var actions = try grammar.actions(state, symbol);
            if (actions.len == 0 and symbol == closing.keyword and !grammar.isReserved(state, symbol)) {
                symbol = lang.keyword_capture_token;
                actions = try grammar.actions(state, symbol);
            }
            for (actions) |action| {
                switch (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind)))) {
                    .shift => {
                        if (action.shift.repetition or !grammar.contexts.admits(entry.mark, symbol)) continue;
                        if (action.shift.extra) {
                            try tops.append(a, entry);
                        } else {
                            try self.settle(try self.push(action.shift.state, symbol, entry), &tops);
                        }
                    },
                    .reduce => {
                        const r = action.reduce;
                        if (grammar.isForbidden(state, r.symbol, r.child_count)) continue;
                        const base = try self.popped(entry, r.child_count) orelse continue;
                        const goto = try grammar.goto(self.stateOf(base), r.symbol);
                        if (goto == 0) continue;
                        const mark = grammar.markAfter(r.symbol, base.state, goto, base.mark, entry.mark) orelse continue;
                        var seen = false;
                        for (work.items) |w| {
                            if (w.entry.state == goto and w.entry.mark == mark and w.entry.below == base and w.entry.node == null) {
                                seen = true;
                                break;
                            }
                        }
                        if (!seen) try work.append(a, .{ .entry = try self.pushMarked(goto, mark, base), .symbol = symbol });
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
        for (try grammar.actions(entry.state, ts.eof_symbol)) |action| {
            if (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind))) != .reduce) continue;
            const r = action.reduce;
            const base = try self.popped(entry, r.child_count) orelse continue;
            const goto = try grammar.goto(self.stateOf(base), r.symbol);
            if (goto == 0) continue;
            if (goto == base.state) {
                try self.settle(base, tops);
            } else {
                try self.settle(try self.push(goto, r.symbol, base), tops);
            }
        }
    }

    /// The stored answer to a question about the stack at `entry`.
    pub fn recall(self: *Linear, question: Question, id: u64, entry: *Entry) Error!?u64 {
        return self.recallIn(&self.grammar.memo, question, id, entry);
    }

    pub fn recallIn(self: *Linear, memo: *Memo, question: Question, id: u64, entry: *Entry) Error!?u64 {
        var h = mix(tagOf(question, id), self.keyAt(entry));
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
                h = mix(h, self.keyAt(at));
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
        var h = mix(tagOf(question, id), self.keyAt(entry));
        var at = entry;
        while (at.height > low) {
            const next = try self.below(at) orelse break;
            try memo.put(h, unfinished);
            at = next;
            h = mix(h, self.keyAt(at));
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
        return self.grammar.memo.sets.items[try self.shiftableSet(entry)];
    }

    /// The number of the set of terminals that can be shifted here: equal numbers, equal sets.
    pub fn shiftableSet(self: *Linear, entry: *Entry) Error!u32 {
        if (entry.terminals != no_set) {
            self.low = @min(self.low, entry.terminals_low);
            return entry.terminals;
        }
        const outer = self.openScope(entry);
        const id = try self.shiftableByValue(entry, max_reduction_depth);
        entry.terminals = id;
        entry.terminals_low = self.closeScope(outer);
        return id;
    }

    fn shiftableByValue(self: *Linear, entry: *Entry, fuel: u32) Error!u32 {
        const memo = &self.grammar.memo;
        if (try self.recall(.shiftable, 0, entry)) |found| return @intCast(found);
        const outer = self.openScope(entry);
        const moves = try self.grammar.movesOf(self.stateOf(entry));
        const set = try self.arena.allocator().dupe(u64, moves.shifts);
        self.grammar.contexts.restrict(entry.mark, set);
        for (moves.settling, 0..) |word, i| {
            var rest = word;
            while (rest != 0) : (rest &= rest - 1) {
                const symbol: ts.Symbol = @intCast(i * 64 + @ctz(rest));
                const after = try self.advance(entry, .{ .symbol = symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
                if (after.tops.len > 0) set[i] |= @as(u64, 1) << @intCast(symbol % 64);
            }
        }
        for (moves.reductions) |one| {
            if (fuel == 0 or covers(set, one.lookaheads) or self.grammar.isForbidden(entry.state, one.symbol, one.child_count)) continue;
            const base = try self.popped(entry, one.child_count) orelse continue;
            const state = try self.grammar.goto(self.stateOf(base), one.symbol);
            if (state == 0) continue;
            const mark = self.grammar.markAfter(one.symbol, base.state, state, base.mark, entry.mark) orelse continue;
            const after = try self.shiftableByValue(try self.pushMarked(state, mark, base), fuel - 1);
            for (set, one.lookaheads, memo.sets.items[after]) |*word, lookaheads, more| word.* |= lookaheads & more;
        }
        const low = self.closeScope(outer);
        self.grammar.lines.restrict(entry.mark, set);
        const id = try memo.internSet(set);
        try self.remember(.shiftable, 0, entry, low, id);
        return id;
    }

    fn covers(set: []const u64, part: []const u64) bool {
        for (set, part) |a, b| {
            if (b & ~a != 0) return false;
        }
        return true;
    }

    /// Whether some continuation of the configuration can be shifted.
    pub fn viable(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry) Error!bool {
        self.probed.clearRetainingCapacity();
        return self.viableAt(id, sigma, entry, max_lexemes);
    }

    fn viableAt(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32) Error!bool {
        switch (try decidedBy(self.grammar, id, try self.shiftable(entry))) {
            .admitted => return true,
            .refused => return false,
            .undecided => {},
        }
        if (try self.lineEnded(id)) |ended| {
            if (try self.viableAt(ended, sigma, entry, fuel)) return true;
        }
        if (try self.commentEnded(id)) |ended| return self.viableAt(ended, sigma, entry, fuel);
        const key = @as(u64, id) << 32 | sigma;
        if (try self.recall(.viable, key, entry)) |found| return found != 0;
        const place = try self.probed.getOrPut(gpa, .{ .config = id, .sigma = sigma, .entry = entry });
        if (place.found_existing and place.value_ptr.* >= fuel) return false;
        place.value_ptr.* = fuel;
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

    /// The configuration after the comment at the end, if that is in another comment: what may come
    /// of both is the same.
    fn commentEnded(self: *Linear, id: lexing.ConfigId) Error!?lexing.ConfigId {
        const lex = self.grammar.lex;
        const config = lex.configs.items[id];
        if (!config.external or config.partial_len > 0) return null;
        const open = try lex.openComment(config) orelse return null;
        if (open.depth < 2) return null;
        var at = id;
        for (open.close) |byte| {
            const next = try lex.step(at, byte);
            if (next == lexing.dead or next & lexing.closing_bit != 0) return null;
            at = next;
        }
        return at;
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
            // A probe may itself lead into the midst of an external lexeme (`"` into a string):
            // those that don't are tried first.
            for (tried) |probe| {
                if (try self.alive(id, sigma, entry, probe, @min(fuel, probe_fuel - 1))) return true;
            }
            if (fuel >= probe_fuel) for (tried) |probe| {
                if (try self.alive(id, sigma, entry, probe, fuel)) return true;
            };
            if (try self.wordViable(id, sigma, entry, fuel)) return true;
            return self.endsAt(id, sigma, entry, fuel);
        }
        if (config.partial_len > 0) {
            var next = lexing.partialBounds(config.partial[0..config.partial_len]).lo;
            while (lex.characterFrom(config, next)) |stretch| : (next = stretch.past) {
                var sequence: [4]u8 = undefined;
                const length = std.unicode.utf8Encode(stretch.first, &sequence) catch continue;
                if (try self.alive(id, sigma, entry, sequence[config.partial_len..length], fuel)) return true;
            }
            return false;
        }
        if (config.accepted != lexing.none_symbol and config.tail.len > 0 and fuel > 0) {
            // The lexeme may end at its last acceptance, and what was read since begins the next:
            // if some character goes on with that, and not with the lexeme.
            for (1..128) |byte| {
                const result = try lex.step(id, @intCast(byte));
                if (result == lexing.dead or result & lexing.closing_bit == 0) continue;
                const closing = lex.closings.items[result & ~lexing.closing_bit];
                if (try self.aliveAfter(closing, sigma, entry, closing.carry, "", false, fuel)) return true;
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
        return self.keywordViable(id, sigma, entry, fuel);
    }

    /// Whether the letters at the end of an undecided lexeme begin a keyword that may come.
    fn keywordViable(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32) Error!bool {
        const lex = self.grammar.lex;
        const begun = letters(lex.configs.items[id].tail);
        if (begun.len == 0) return false;
        var rest: [max_keyword]u8 = undefined;
        if (lex.keyword) |keyword| {
            if (keyword.follow(keyword.start[0], begun)) |state| {
                if (try self.keywordViableFrom(id, sigma, entry, fuel, .{ .machine = keyword }, state, rest[0..0])) return true;
            }
        }
        const words = try lex.wordLexer() orelse return false;
        var met: std.ArrayList(u16) = .empty;
        for (words.starts) |start| {
            const state = words.main.follow(start, begun) orelse continue;
            if (std.mem.findScalar(u16, met.items, state) != null) continue;
            try met.append(self.arena.allocator(), state);
            if (try self.keywordViableFrom(id, sigma, entry, fuel, .{ .machine = words.main, .name = words.name, .inside = words.inside }, state, rest[0..0])) return true;
        }
        return false;
    }

    /// A lexer that tells keywords: its terminal of names, and its state in those that are none.
    const Keywords = struct { machine: *const automaton.Automaton, name: u16 = automaton.NO_SYMBOL, inside: u16 = automaton.DEAD };

    fn keywordViableFrom(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, fuel: u32, keywords: Keywords, state: u16, rest: []u8) Error!bool {
        if (state == keywords.inside or rest.len + 1 == max_keyword) return false;
        const longer = rest.ptr[0 .. rest.len + 1];
        const accepted = keywords.machine.accept[state];
        if (accepted != automaton.NO_SYMBOL and accepted != keywords.name) {
            longer[rest.len] = ' ';
            if (try self.alive(id, sigma, entry, longer, fuel)) return true;
        }
        for ('a'..'z' + 1) |letter| {
            const next = keywords.machine.step(state, @intCast(letter)).target;
            if (next == automaton.DEAD) continue;
            longer[rest.len] = @intCast(letter);
            if (try self.keywordViableFrom(id, sigma, entry, fuel, keywords, next, longer)) return true;
        }
        return false;
    }

    /// Whether the text `more` after the configuration leaves something viable. An `x` at its end
    /// stands for any character.
    fn alive(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, more: []const u8, fuel: u32) Error!bool {
        return self.aliveWith(id, sigma, entry, more, std.mem.endsWith(u8, std.mem.trimEnd(u8, more, " "), "x"), fuel);
    }

    /// `is_free`: whether an `x` at the end of `more` stands for any character.
    fn aliveWith(self: *Linear, id: lexing.ConfigId, sigma: u32, entry: *Entry, more: []const u8, is_free: bool, fuel: u32) Error!bool {
        const lex = self.grammar.lex;
        var at = id;
        var still_free = is_free;
        for (more, 0..) |byte, i| {
            const rest = more[i + 1 ..];
            const is_last = byte == 'x' and (rest.len == 0 or std.mem.eql(u8, rest, " "));
            if (is_free and is_last) {
                if (try innerBefore(lex, at, byte)) |inner| {
                    return inner != lexing.dead and lex.reaches(lex.configs.items[inner], try self.shiftable(entry));
                }
                // Read by the scanner: in a name that the text has begun it is a letter of that.
                still_free = !endsInName(lex.configs.items[at].tail);
            }
            const result = try lex.step(at, byte);
            if (result == lexing.dead) return false;
            if (result & lexing.closing_bit != 0) {
                const closing = lex.closings.items[result & ~lexing.closing_bit];
                return self.aliveAfter(closing, sigma, entry, closing.carry, rest, still_free, fuel);
            }
            at = result;
        }
        const config = lex.configs.items[at];
        if (config.external and !config.isFresh()) {
            if (fuel < probe_fuel) return false;
            return self.viableAt(at, sigma, entry, fuel - probe_fuel);
        }
        return self.viableAt(at, sigma, entry, fuel);
    }

    fn aliveAfter(self: *Linear, closing: lexing.Closing, sigma: u32, entry: *Entry, carry: []const u8, more: []const u8, is_free: bool, fuel: u32) Error!bool {
        if (fuel == 0) return false;
        const lex = self.grammar.lex;
        const next_sigma = try lex.after(sigma, closing);
        const rest = try std.mem.concat(self.arena.allocator(), u8, &.{ carry, more });
        if (is_free) {
            // A fold has made a name of the letter.
            const last = std.mem.trimEnd(u8, rest, " ").len;
            if (last > 0 and last <= carry.len and rest[last - 1] == 'z') rest[last - 1] = 'x';
        }
        const after = try self.advance(entry, closing);
        for (after.tops) |top| {
            const first = try lex.start(lex.modeOf(top.state, top.mark), next_sigma);
            if (try self.aliveWith(first, next_sigma, top, rest, is_free, fuel - 1)) return true;
        }
        return false;
    }

    fn endsInName(text: []const u8) bool {
        if (text.len == 0) return false;
        const last = text[text.len - 1];
        return std.ascii.isAlphanumeric(last) or last == '_' or last >= 0x80;
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

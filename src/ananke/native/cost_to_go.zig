//! What finishing a program costs at least, in bytes, by the parse table alone.
//!
//! For every state the least cost of finishing each production that is under way there (Knuth
//! 1977's generalisation of Dijkstra's algorithm to context-free grammars, on the LR automaton
//! instead of on the rules, which the table doesn't hold). On a stack it gives the cost of the
//! cheapest way to the end: Dijkstra over how much of the stack is left. Lookaheads aren't
//! modelled, so it is a lower bound.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const linear = @import("linear.zig");
const lines = @import("lines.zig");
const glr = @import("glr.zig");
const automaton = @import("automaton.zig");
const spelling_module = @import("spelling.zig");

const gpa = memory.gpa;
pub const infinite: u32 = 0x3FFF_FFFF;

/// A production under way: `popped` stack entries will go when it is reduced to `symbol`.
pub const Fact = struct { symbol: u16, popped: u16 };
pub const Known = struct { fact: Fact, cost: u32 };
/// A reduction that a state allows without anything more.
pub const Ready = struct { state: u16, symbol: u16, popped: u16 };
const Edge = struct { from: u16, symbol: u16 };

/// A settled cost still to be spread: of a fact in a state, or (`state` 0) of a whole symbol.
const Queued = struct {
    cost: u32,
    state: u16,
    fact: Fact,

    fn order(_: void, a: Queued, b: Queued) std.math.Order {
        return std.math.order(a.cost, b.cost);
    }
};

pub const Costs = struct {
    /// The shortest texts from a state of the lexer (the main one, that of keywords), once asked.
    endings: [2]std.AutoHashMapUnmanaged(u16, []const spelling_module.Ending) = .{ .empty, .empty },
    /// Least cost of a text of each symbol.
    symbols: []u32,
    /// Finished facts of each state.
    known: [][]Known,
    /// The production of each reduction.
    productions: std.AutoHashMapUnmanaged(Ready, u16) = .empty,

    pub fn deinit(self: *Costs) void {
        self.productions.deinit(gpa);
        gpa.free(self.symbols);
        for (self.known) |list| gpa.free(list);
        gpa.free(self.known);
        for (&self.endings) |*map| {
            var lists = map.valueIterator();
            while (lists.next()) |list| {
                for (list.*) |ending| gpa.free(ending.text);
                gpa.free(list.*);
            }
            map.deinit(gpa);
        }
        gpa.destroy(self);
    }

    pub const Machine = enum(u1) { main, keyword };

    /// The shortest text from a lexer's state to each terminal that can be reached by more text.
    pub fn endingsFrom(self: *Costs, which: Machine, machine: *const automaton.Automaton, state: u16) ![]const spelling_module.Ending {
        const slot = try self.endings[@backingInt(which)].getOrPut(gpa, state);
        if (!slot.found_existing) {
            slot.value_ptr.* = &.{};
            slot.value_ptr.* = try spelling_module.endings(machine, state);
        }
        return slot.value_ptr.*;
    }
};

/// Computes the costs of a grammar.
pub fn compute(grammar: *glr.Grammar) !*Costs {
    const lang = grammar.lang;
    const self = try gpa.create(Costs);
    const symbol_count = lang.symbol_count;
    self.* = .{
        .symbols = try gpa.alloc(u32, symbol_count),
        .known = try gpa.alloc([]Known, lang.state_count),
    };
    for (self.known) |*list| list.* = &.{};
    for (self.symbols, try grammar.spelling(), 0..) |*cost, text, symbol| {
        cost.* = if (text.len > 0) @intCast(text.len) else infinite;
        if (grammar.absent[symbol]) cost.* = infinite;
    }
    for (0..lang.external_token_count) |i| {
        const symbol = lang.external_scanner.symbol_map.?[i];
        if (self.symbols[symbol] == infinite and !grammar.absent[symbol]) self.symbols[symbol] = 1;
    }

    var into = try gpa.alloc(std.ArrayList(Edge), lang.state_count);
    defer {
        for (into) |*list| list.deinit(gpa);
        gpa.free(into);
    }
    for (into) |*list| list.* = .empty;
    const Goto = struct { from: u16, to: u16 };
    var gotos = try gpa.alloc(std.ArrayList(Goto), symbol_count);
    defer {
        for (gotos) |*list| list.deinit(gpa);
        gpa.free(gotos);
    }
    for (gotos) |*list| list.* = .empty;

    var queue: std.PriorityQueue(Queued, void, Queued.order) = .empty;
    defer queue.deinit(gpa);
    var settled = try gpa.alloc(std.AutoArrayHashMapUnmanaged(Fact, u32), lang.state_count);
    defer {
        for (settled) |*map| map.deinit(gpa);
        gpa.free(settled);
    }
    for (settled) |*map| map.* = .empty;

    for (1..lang.state_count) |s| {
        const state: u16 = @intCast(s);
        var edges = Edges.of(lang, state);
        while (edges.next()) |edge| {
            const symbol = edge.symbol;
            if (symbol >= lang.token_count) {
                try into[edge.value].append(gpa, .{ .from = state, .symbol = symbol });
                try gotos[symbol].append(gpa, .{ .from = state, .to = edge.value });
                continue;
            }
            for (grammar.tableActions(state, symbol)) |action| switch (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind)))) {
                .shift => if (!action.shift.extra and !action.shift.repetition) {
                    try into[action.shift.state].append(gpa, .{ .from = state, .symbol = symbol });
                },
                .reduce => {
                    const r = action.reduce;
                    if (grammar.isForbidden(state, r.symbol, r.child_count)) continue;
                    if (r.child_count == 0) {
                        self.symbols[r.symbol] = 0;
                        continue;
                    }
                    try self.productions.put(gpa, .{ .state = state, .symbol = r.symbol, .popped = r.child_count }, r.production_id);
                    try queue.push(gpa, .{ .cost = 0, .state = state, .fact = .{ .symbol = r.symbol, .popped = r.child_count } });
                },
                else => {},
            };
        }
    }

    // A fact is carried one entry down when the symbol on top of that entry has a cost; at its
    // last entry it gives the cost of its own symbol. The cheapest is settled first, so a settled
    // cost is the least.
    while (queue.pop()) |item| {
        if (item.state == 0) {
            if (self.symbols[item.fact.symbol] <= item.cost) continue;
            self.symbols[item.fact.symbol] = item.cost;
            for (gotos[item.fact.symbol].items) |goto| {
                const facts = &settled[goto.to];
                for (facts.keys(), facts.values()) |fact, known| {
                    try queue.push(gpa, lowered(goto.from, fact, known + item.cost));
                }
            }
            continue;
        }
        const slot = try settled[item.state].getOrPut(gpa, item.fact);
        if (slot.found_existing) continue;
        slot.value_ptr.* = item.cost;
        for (into[item.state].items) |edge| {
            const step = self.symbols[edge.symbol];
            if (step != infinite) try queue.push(gpa, lowered(edge.from, item.fact, item.cost + step));
        }
    }
    for (self.known, settled) |*list, *facts| {
        const out = try gpa.alloc(Known, facts.count());
        for (out, facts.keys(), facts.values()) |*slot, fact, cost| slot.* = .{ .fact = fact, .cost = cost };
        list.* = out;
    }
    return self;
}

/// What is to be settled once `fact` has given up its topmost entry, above `state`.
fn lowered(state: u16, fact: Fact, cost: u32) Queued {
    if (fact.popped > 1) return .{ .cost = cost, .state = state, .fact = .{ .symbol = fact.symbol, .popped = fact.popped - 1 } };
    return .{ .cost = cost, .state = 0, .fact = .{ .symbol = fact.symbol, .popped = 0 } };
}

/// The nonzero entries of one state's row of the parse table.
pub const Edges = struct {
    lang: *const ts.TSLanguage,
    state: u16,
    symbol: u32 = 0,
    data: [*]const u16 = undefined,
    groups: u16 = 0,
    value: u16 = 0,
    left: u16 = 0,

    pub fn of(lang: *const ts.TSLanguage, state: u16) Edges {
        var self = Edges{ .lang = lang, .state = state };
        if (state >= lang.large_state_count) {
            const index = lang.small_parse_table_map[state - lang.large_state_count];
            self.data = lang.small_parse_table + index;
            self.groups = self.data[0];
            self.data += 1;
        }
        return self;
    }

    pub fn next(self: *Edges) ?struct { symbol: u16, value: u16 } {
        const lang = self.lang;
        if (self.state < lang.large_state_count) {
            while (self.symbol < lang.symbol_count) {
                const symbol = self.symbol;
                self.symbol += 1;
                const value = lang.parse_table[@as(usize, self.state) * lang.symbol_count + symbol];
                if (value != 0) return .{ .symbol = @intCast(symbol), .value = value };
            }
            return null;
        }
        while (self.left == 0) {
            if (self.groups == 0) return null;
            self.groups -= 1;
            self.value = self.data[0];
            self.left = self.data[1];
            self.data += 2;
        }
        self.left -= 1;
        const symbol = self.data[0];
        self.data += 1;
        return .{ .symbol = symbol, .value = self.value };
    }
};

/// The costs of the stacks under one head; what was found out once serves all its questions.
pub const Judge = struct {
    view: *linear.Linear,
    costs: *const Costs,
    known: std.AutoHashMapUnmanaged(Place, u32) = .empty,

    /// A stack: what is below its top, and the state on top with its mark.
    const Place = struct { below: ?*linear.Entry, state: u16, mark: lines.Mark };
    const none: u32 = std.math.maxInt(u32);

    const Step = struct {
        cost: u32,
        /// Null: the end is reached.
        entry: ?*linear.Entry,
        /// The settled place that it was reached from.
        from: u32,

        fn order(_: void, a: Step, b: Step) std.math.Order {
            return std.math.order(a.cost, b.cost);
        }
    };
    const Settled = struct { place: Place, cost: u32, from: u32 };

    /// Least cost from the stack at `top` to the end of the program, or `infinite`.
    pub fn costToGo(self: *Judge, top: *linear.Entry) !u32 {
        const view = self.view;
        const grammar = view.grammar;
        const a = view.arena.allocator();
        var queue: std.PriorityQueue(Step, void, Step.order) = .empty;
        defer queue.deinit(gpa);
        var path: std.ArrayList(Settled) = .empty;
        defer path.deinit(gpa);
        var settled: std.AutoHashMapUnmanaged(Place, void) = .empty;
        defer settled.deinit(gpa);
        try queue.push(gpa, .{ .cost = 0, .entry = top, .from = none });
        while (queue.pop()) |item| {
            const entry = item.entry orelse {
                var at = item.from;
                while (at != none) : (at = path.items[at].from) {
                    try self.known.put(a, path.items[at].place, item.cost - path.items[at].cost);
                }
                return item.cost;
            };
            const place = Place{ .below = try view.below(entry), .state = entry.state, .mark = entry.mark };
            const slot = try settled.getOrPut(gpa, place);
            if (slot.found_existing) continue;
            if (path.items.len >= max_visits) return infinite;
            const index: u32 = @intCast(path.items.len);
            try path.append(gpa, .{ .place = place, .cost = item.cost, .from = item.from });
            if (self.known.get(place)) |rest| {
                if (rest != infinite) try queue.push(gpa, .{ .cost = item.cost + rest, .entry = null, .from = index });
                continue;
            }
            if (try accepts(grammar, entry.state)) try queue.push(gpa, .{ .cost = item.cost, .entry = null, .from = index });
            for (self.costs.known[entry.state]) |known| {
                const base = try self.popped(entry, known.fact.popped) orelse continue;
                const goto = grammar.lang.lookup(base.state, known.fact.symbol);
                if (goto == 0) continue;
                const next = if (goto == base.state) base else try view.push(goto, known.fact.symbol, base);
                try queue.push(gpa, .{ .cost = item.cost + known.cost, .entry = next, .from = index });
            }
            if (place.below == null) try self.begin(&queue, entry, item.cost, index);
        }
        for (path.items) |one| try self.known.put(a, one.place, infinite);
        return infinite;
    }

    /// At the bottom no production is under way: the whole program is begun.
    fn begin(self: *Judge, queue: anytype, entry: *linear.Entry, cost: u32, index: u32) !void {
        const grammar = self.view.grammar;
        var edges = Edges.of(grammar.lang, entry.state);
        while (edges.next()) |edge| {
            if (edge.symbol < grammar.lang.token_count or edge.value == entry.state) continue;
            const step = self.costs.symbols[edge.symbol];
            if (step == infinite) continue;
            try queue.push(gpa, .{ .cost = cost + step, .entry = try self.view.push(edge.value, edge.symbol, entry), .from = index });
        }
    }

    fn popped(self: *Judge, entry: *linear.Entry, count: usize) !?*linear.Entry {
        var at = entry;
        for (0..count) |_| at = try self.view.below(at) orelse return null;
        return at;
    }
};

fn accepts(grammar: *glr.Grammar, state: u16) !bool {
    for (try grammar.actions(state, ts.eof_symbol)) |action| {
        if (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind))) == .accept) return true;
    }
    return false;
}

/// Stacks that one question looks at: tens of milliseconds.
const max_visits = 200_000;

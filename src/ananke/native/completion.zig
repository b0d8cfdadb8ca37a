//! The least text that finishes a program.
//!
//! Two parts. The *cost to go* is computed from the parse table alone: for every state the least
//! cost of finishing each production that is under way there (Knuth 1977's generalisation of
//! Dijkstra's algorithm to context-free grammars, on the LR automaton instead of on the rules,
//! which the table doesn't hold). On a stack it gives the cost of the cheapest way to the end
//! (Dijkstra over how much of the stack is left). The *search* then appends real spellings to
//! real states, best first, guided by that cost; it decides what the table can't: white space,
//! inserted semicolons, indentation, conflicts of the lexer.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const lexing = @import("lexing.zig");
const linear = @import("linear.zig");
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

const Queued = struct {
    cost: u32,
    state: u16,
    fact: Fact,

    fn order(_: void, a: Queued, b: Queued) std.math.Order {
        return std.math.order(a.cost, b.cost);
    }
};

pub const Costs = struct {
    /// Least cost of a text of each symbol.
    symbols: []u32,
    /// Finished facts of each state.
    known: [][]Known,
    /// The production of each reduction.
    productions: std.AutoHashMapUnmanaged(Ready, u16) = .empty,

    pub fn deinit(self: *Costs) void {
        gpa.free(self.symbols);
        for (self.known) |list| gpa.free(list);
        self.productions.deinit(gpa);
        gpa.free(self.known);
        gpa.destroy(self);
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
                    if (grammar.isForbidden(r.symbol, r.child_count)) continue;
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

    while (queue.pop()) |item| {
        const slot = try settled[item.state].getOrPut(gpa, item.fact);
        if (slot.found_existing) continue;
        slot.value_ptr.* = item.cost;
        for (into[item.state].items) |edge| {
            const step = self.symbols[edge.symbol];
            if (step == infinite) continue;
            const cost = item.cost + step;
            if (item.fact.popped > 1) {
                try queue.push(gpa, .{ .cost = cost, .state = edge.from, .fact = .{ .symbol = item.fact.symbol, .popped = item.fact.popped - 1 } });
            } else if (cost < self.symbols[item.fact.symbol]) {
                self.symbols[item.fact.symbol] = cost;
                for (gotos[item.fact.symbol].items) |goto| {
                    const facts = &settled[goto.to];
                    for (facts.keys(), facts.values()) |fact, known| {
                        if (fact.popped > 1) try queue.push(gpa, .{ .cost = known + cost, .state = goto.from, .fact = .{ .symbol = fact.symbol, .popped = fact.popped - 1 } });
                    }
                }
            }
        }
    }
    for (self.known, settled) |*list, *facts| {
        const out = try gpa.alloc(Known, facts.count());
        for (out, facts.keys(), facts.values()) |*slot, fact, cost| slot.* = .{ .fact = fact, .cost = cost };
        list.* = out;
    }
    return self;
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

/// Least cost from a plain stack to the end of the program.
pub fn costToGo(view: *linear.Linear, costs: *const Costs, top: *linear.Entry) !u32 {
    const grammar = view.grammar;
    const a = view.arena.allocator();
    const Place = struct { below: ?*linear.Entry, state: u16 };
    const Step = struct {
        cost: u32,
        entry: *linear.Entry,
        fn order(_: void, x: @This(), y: @This()) std.math.Order {
            return std.math.order(x.cost, y.cost);
        }
    };
    var queue: std.PriorityQueue(Step, void, Step.order) = .empty;
    var settled: std.AutoHashMapUnmanaged(Place, void) = .empty;
    try queue.push(a, .{ .cost = 0, .entry = top });
    var visits: u32 = 0;
    while (queue.pop()) |item| {
        const entry = item.entry;
        visits += 1;
        if (visits > max_visits) return infinite;
        const slot = try settled.getOrPut(a, .{ .below = try view.below(entry), .state = entry.state });
        if (slot.found_existing) continue;
        for (try grammar.actions(entry.state, ts.eof_symbol)) |action| {
            if (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind))) == .accept) return item.cost;
        }
        for (costs.known[entry.state]) |known| {
            var base = entry;
            var short = false;
            for (0..known.fact.popped) |_| {
                base = try view.below(base) orelse {
                    short = true;
                    break;
                };
            }
            if (short) continue;
            const goto = grammar.lang.lookup(base.state, known.fact.symbol);
            if (goto == 0) continue;
            const next = if (goto == base.state) base else try view.push(goto, known.fact.symbol, base);
            try queue.push(a, .{ .cost = item.cost + known.cost, .entry = next });
        }
        // Nonterminals that may be empty, and those begun afresh at a state without facts.
        var edges = Edges.of(grammar.lang, entry.state);
        while (edges.next()) |edge| {
            if (edge.symbol < grammar.lang.token_count) continue;
            if (costs.symbols[edge.symbol] != 0 and entry.height > 0) continue;
            if (costs.symbols[edge.symbol] == infinite or edge.value == entry.state) continue;
            try queue.push(a, .{ .cost = item.cost + costs.symbols[edge.symbol], .entry = try view.push(edge.value, edge.symbol, entry) });
        }
    }
    return infinite;
}

const max_visits = 20_000;

/// Work bound of one search: states fed.
const max_feeds = 6_000;
/// Candidates tried from one state.
const max_candidates = 16;

const Candidate = struct { estimate: u32, text: []const u8, separator: u8 = 0 };

const Frontier = struct {
    estimate: u32,
    spent: u32,
    order_number: u32,
    state: *glr.State,
    text: []const u8,

    fn order(_: void, a: Frontier, b: Frontier) std.math.Order {
        const first = std.math.order(a.estimate, b.estimate);
        if (first != .eq) return first;
        // Deeper first among equals: they are nearer to the end.
        return std.math.order(b.spent, a.spent);
    }
};

/// The text found, or null; caller frees. `suffix` is the text after the cursor.
pub fn search(grammar: *glr.Grammar, from: *glr.State, suffix: []const u8) !?[]u8 {
    if (grammar.costs == null) grammar.costs = try compute(grammar);
    const costs = grammar.costs.?;
    var texts: std.heap.ArenaAllocator = .init(gpa);
    defer texts.deinit();
    var view = linear.Linear.init(grammar);
    defer view.deinit();
    var queue: std.PriorityQueue(Frontier, void, Frontier.order) = .empty;
    defer {
        while (queue.pop()) |item| item.state.release();
        queue.deinit(gpa);
    }
    try queue.push(gpa, .{ .estimate = 0, .spent = 0, .order_number = 0, .state = from.retain(), .text = "" });
    var feeds: u32 = 0;
    while (queue.pop()) |item| {
        defer item.state.release();
        if (try finishes(grammar, &view, item.state, suffix)) return try gpa.dupe(u8, item.text);
        if (feeds > max_feeds) continue;
        var candidates: std.ArrayList(Candidate) = .empty;
        defer candidates.deinit(gpa);
        for (item.state.heads) |head| {
            try collect(grammar, costs, &view, head, texts.allocator(), &candidates);
        }
        std.mem.sort(Candidate, candidates.items, {}, struct {
            fn less(_: void, x: Candidate, y: Candidate) bool {
                return if (x.estimate != y.estimate) x.estimate < y.estimate else x.text.len < y.text.len;
            }
        }.less);
        // Each kind of separator has its own share: in a comment all but line ends lead on.
        var tried: [separators.len + 1]u32 = @splat(0);
        for (candidates.items, 0..) |candidate, i| {
            if (tried[candidate.separator] >= max_candidates) continue;
            if (i > 0 and std.mem.eql(u8, candidate.text, candidates.items[i - 1].text)) continue;
            feeds += 1;
            const next = try grammar.feed(item.state, candidate.text) orelse continue;
            tried[candidate.separator] += 1;
            const text = try std.mem.concat(texts.allocator(), u8, &.{ item.text, candidate.text });
            try queue.push(gpa, .{
                .estimate = @as(u32, @intCast(text.len)) + candidate.estimate,
                .spent = @intCast(text.len),
                .order_number = feeds,
                .state = next,
                .text = text,
            });
        }
    }
    return null;
}

fn finishes(grammar: *glr.Grammar, view: *linear.Linear, state: *glr.State, suffix: []const u8) !bool {
    if (suffix.len == 0) return endsAny(view, state);
    const next = try grammar.feed(state, suffix) orelse return false;
    defer next.release();
    return endsAny(view, next);
}

fn endsAny(view: *linear.Linear, state: *glr.State) !bool {
    for (state.heads) |head| {
        if (try view.headEnds(head.node, head.config, head.sigma)) return true;
    }
    return false;
}

/// Texts that may be appended at a head, each with the cost to go after it.
fn collect(grammar: *glr.Grammar, costs: *const Costs, view: *linear.Linear, head: glr.Head, a: std.mem.Allocator, out: *std.ArrayList(Candidate)) !void {
    const lex = grammar.lex;
    const config = lex.configs.items[head.config];
    view.forget();
    // One reading of the stack is enough: the search needs good candidates, not all of them.
    view.first_links = true;
    defer view.first_links = false;
    const entry = try view.enter(head.node);
    if (config.partial_len > 0) {
        const bounds = lexing.partialBounds(config.partial[0..config.partial_len]);
        for ([_]u32{ bounds.lo, bounds.hi, (bounds.lo + bounds.hi) / 2 }) |cp| {
            var sequence: [4]u8 = undefined;
            const length = std.unicode.utf8Encode(@intCast(cp), &sequence) catch continue;
            try out.append(gpa, .{ .estimate = 1, .text = try a.dupe(u8, sequence[config.partial_len..length]) });
        }
        return;
    }
    if (config.external and !config.isFresh()) {
        for (grammar.probes.items) |probe| try out.append(gpa, .{ .estimate = 1, .text = probe });
        try collectDecided(grammar, costs, view, entry, a, out);
        return;
    }
    if (!config.external and (config.q != automaton.DEAD)) {
        try collectInternal(grammar, costs, view, head.config, entry, a, out);
        if (config.accepted != lexing.none_symbol and config.tail.len == 0 and config.partial_len == 0) {
            const after = try view.advance(entry, .{ .symbol = config.accepted, .keyword = config.accepted_keyword, .sigma = lexing.sigma_kept, .carry = "" });
            for (after.tops) |top| try collectFresh(grammar, costs, view, top, a, out);
        }
        return;
    }
    try collectFresh(grammar, costs, view, entry, a, out);
}

/// Ways on from an undecided external lexeme: what decides it, and what comes after that.
fn collectDecided(grammar: *glr.Grammar, costs: *const Costs, view: *linear.Linear, entry: *linear.Entry, a: std.mem.Allocator, out: *std.ArrayList(Candidate)) !void {
    const wanted = try view.shiftable(entry);
    const spellings = try grammar.spelling();
    const lang = grammar.lang;
    for (0..lang.external_token_count) |i| {
        const symbol = lang.external_scanner.symbol_map.?[i];
        if (!lexing.hasBit(wanted, symbol) or spellings[symbol].len == 0) continue;
        const after = try view.advance(entry, .{ .symbol = symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
        for (after.tops) |top| {
            const first = out.items.len;
            try collectFresh(grammar, costs, view, top, a, out);
            for (out.items[first..]) |*candidate| {
                candidate.text = try std.mem.concat(a, u8, &.{ spellings[symbol], candidate.text });
            }
        }
    }
    try collectFresh(grammar, costs, view, entry, a, out);
}

fn collectFresh(grammar: *glr.Grammar, costs: *const Costs, view: *linear.Linear, entry: *linear.Entry, a: std.mem.Allocator, out: *std.ArrayList(Candidate)) !void {
    const wanted = try view.shiftable(entry);
    const spellings = try grammar.spelling();
    for (1..grammar.lang.token_count) |t| {
        const symbol: u16 = @intCast(t);
        if (!lexing.hasBit(wanted, symbol) or spellings[symbol].len == 0) continue;
        const after = try view.advance(entry, .{ .symbol = symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
        var best: u32 = infinite;
        for (after.tops) |top| best = @min(best, try costToGo(view, costs, top));
        if (best == infinite) continue;
        const spelling = spellings[symbol];
        try out.append(gpa, .{ .estimate = best, .text = spelling });
        for (separators, 1..) |separator, kind| {
            try out.append(gpa, .{ .estimate = best + 1, .separator = @intCast(kind), .text = try std.mem.concat(a, u8, &.{ separator, spelling }) });
        }
    }
}

const separators = [_][]const u8{ " ", "\n" };

/// Ways on within the unfinished lexeme: the shortest bytes from here to each terminal.
fn collectInternal(grammar: *glr.Grammar, costs: *const Costs, view: *linear.Linear, id: lexing.ConfigId, entry: *linear.Entry, a: std.mem.Allocator, out: *std.ArrayList(Candidate)) !void {
    const lex = grammar.lex;
    const wanted = try view.shiftable(entry);
    const Visit = struct { config: lexing.ConfigId, text: []const u8 };
    var visits: std.ArrayList(Visit) = .empty;
    var seen: std.AutoHashMapUnmanaged(u32, void) = .empty;
    var found: std.AutoHashMapUnmanaged(u16, void) = .empty;
    try visits.append(a, .{ .config = id, .text = "" });
    var i: usize = 0;
    while (i < visits.items.len and i < 4000) : (i += 1) {
        const visit = visits.items[i];
        const config = lex.configs.items[visit.config];
        if (i > 0 and config.accepted != lexing.none_symbol and config.tail.len == 0) {
            const closing = lexing.Closing{ .symbol = config.accepted, .keyword = config.accepted_keyword, .sigma = lexing.sigma_kept, .carry = "" };
            try addClosing(grammar, costs, view, entry, closing, visit.text, &found, a, out);
        }
        if (visit.text.len > 12) continue;
        for (spelling_module.alphabet) |byte| {
            const result = try lex.step(visit.config, byte);
            if (result == lexing.dead) continue;
            const text = try std.mem.concat(a, u8, &.{ visit.text, &.{byte} });
            if (result & lexing.closing_bit != 0) {
                const closing = lex.closings.items[result & ~lexing.closing_bit];
                if (closing.carry.len > 0) continue;
                try addClosing(grammar, costs, view, entry, closing, text, &found, a, out);
                continue;
            }
            const next = lex.configs.items[result];
            if (next.external or !lex.reaches(next, wanted)) continue;
            const slot = try seen.getOrPut(a, result);
            if (!slot.found_existing) try visits.append(a, .{ .config = result, .text = text });
        }
    }
}

fn addClosing(grammar: *glr.Grammar, costs: *const Costs, view: *linear.Linear, entry: *linear.Entry, closing: lexing.Closing, text: []const u8, found: *std.AutoHashMapUnmanaged(u16, void), a: std.mem.Allocator, out: *std.ArrayList(Candidate)) !void {
    const terminal = grammar.terminal(view.stateOf(entry), closing);
    const slot = try found.getOrPut(a, terminal);
    if (slot.found_existing) return;
    const after = try view.advance(entry, closing);
    var best: u32 = infinite;
    for (after.tops) |top| best = @min(best, try costToGo(view, costs, top));
    if (best == infinite) return;
    try out.append(gpa, .{ .estimate = best, .text = text });
}

//! The syntax tree of an unfinished program: the finished parts, and holes where more is due.
//!
//! The stack holds the finished parts of the unfinished constructs. An *opening* is one way to
//! finish them without any text: symbols that are still due are added as empty leaves and the
//! productions under way are reduced, the cheapest first (the costs of `cost_to_go.zig`). The
//! finished parts are the stack's own trees, shared and with their own identity; what was added
//! here lies past the end of any text, so a node that ends at the last lexeme or past the text is
//! one that may still grow.
//!
//! Trees that the caller will rather know by identity (finished statements) are not opened: they
//! are one row each, to be expanded when asked for. Of a caller that knows what comes before an
//! open block, only the innermost of them is asked for: what is before it has one name.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const stack = @import("stack.zig");
const lexing = @import("lexing.zig");
const glr = @import("glr.zig");
const cost_to_go = @import("cost_to_go.zig");
const tree_module = @import("tree.zig");

const gpa = memory.gpa;
const Tree = stack.Tree;

/// Offset of what is not there.
pub const nowhere: u32 = 0xFFFF_FFFF;
/// Readings of all heads together; beyond it the opening is incomplete.
const max_readings = 8;
/// Places of the stack looked at for one reading.
const max_visits = 4_000;
const max_missing = 64;

/// Beside the flags of `tree.zig`.
const pruned_flag: u16 = 4;
const hidden_flag: u16 = 8;
/// What the caller says of a symbol: its finished trees are one row; its open ones may be the root.
const prunes: u8 = 1;
const begins: u8 = 2;
const no_row = tree_module.no_row;

pub const Row = extern struct {
    symbol: u16,
    field: u16,
    flags: u16,
    children: u16,
    start: u32,
    end: u32,
    parent: u32,
    unused: u32 = 0,
    id: u64,
    tree: u64,
};

/// A reading: where its last lexeme ends, whether the pending one was read (0 or 1), and the name
/// of all that comes before its root, 0 if the root is the whole program.
pub const Edge = extern struct {
    end: u32,
    is_read: u32,
    before: u64,
};

pub const Opening = struct {
    lang: *const ts.TSLanguage,
    prune: []const u8,
    /// Keeps the trees that rows point to.
    nodes: std.ArrayList(*stack.Node) = .empty,
    rows: std.ArrayList(Row) = .empty,
    /// One for each reading.
    edges: std.ArrayList(Edge) = .empty,
    /// Whether every reading of every head is among them.
    complete: bool = true,

    pub fn destroy(self: *Opening) void {
        for (self.nodes.items) |node| node.release();
        self.nodes.deinit(gpa);
        self.rows.deinit(gpa);
        self.edges.deinit(gpa);
        gpa.free(self.prune);
        gpa.destroy(self);
    }
};

const Entry = struct { state: ts.StateId, tree: ?*Tree, below: ?*Entry, height: u32 };

/// What stands in `text` from `start` on, read as the terminal `symbol`, or nothing.
pub const Pending = struct { symbol: ts.Symbol, start: u32 };

pub fn open(grammar: *glr.Grammar, state: *const glr.State, pending: ?Pending, prune: []const u8) !*Opening {
    if (grammar.costs == null) grammar.costs = try cost_to_go.compute(grammar);
    const self = try gpa.create(Opening);
    self.* = .{ .lang = grammar.lang, .prune = try gpa.dupe(u8, prune) };
    errdefer self.destroy();
    for (state.heads) |head| {
        if (pending) |one| {
            var after: std.ArrayList(*stack.Node) = .empty;
            defer after.deinit(gpa);
            const closing = lexing.Closing{ .symbol = one.symbol, .keyword = lexing.none_symbol, .sigma = lexing.sigma_kept, .carry = "" };
            try grammar.shiftHypothetical(state, head.node, closing, one.start, state.len, &after);
            for (after.items) |node| {
                try self.nodes.append(gpa, node);
                try readings(grammar, self, node, state.len, true);
            }
            if (after.items.len > 0) continue;
        }
        try self.nodes.append(gpa, head.node.retain());
        try readings(grammar, self, head.node, head.start, false);
    }
    return self;
}

/// Adds the rows of each reading of the stack below `node`; the last lexeme ends at `end`, if it is
/// no extra: after a comment an operand may still go on.
fn readings(grammar: *glr.Grammar, self: *Opening, node: *stack.Node, end: u32, is_read: bool) !void {
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    const a = arena.allocator();
    var choices: std.ArrayList(u8) = .empty;
    while (true) {
        var path: std.ArrayList(struct { node: *stack.Node, link: *const stack.Link }) = .empty;
        var at: ?*stack.Node = node;
        var fork: usize = 0;
        while (at) |one| {
            var pick: usize = 0;
            if (one.links.len > 1) {
                if (fork == choices.items.len) try choices.append(a, 0);
                pick = choices.items[fork];
                fork += 1;
            }
            const link = &one.links[pick];
            try path.append(a, .{ .node = one, .link = link });
            at = link.below;
        }
        const over = path.items[0].link;
        const edge = if (over.extras != null and over.tree != null) over.tree.?.end else end;
        var top: ?*Entry = null;
        var i = path.items.len;
        while (i > 0) {
            i -= 1;
            const entry = try a.create(Entry);
            entry.* = .{ .state = path.items[i].node.state, .tree = path.items[i].link.tree, .below = top, .height = if (top) |t| t.height + 1 else 0 };
            top = entry;
        }
        if (self.edges.items.len >= max_readings) {
            self.complete = false;
            return;
        }
        if (try finish(grammar, a, top.?)) |root| {
            const inner: Inner = innermost(self, root, edge) orelse .{ .tree = root, .before = 0 };
            try self.edges.append(gpa, .{ .end = edge, .is_read = @intFromBool(is_read), .before = inner.before });
            try flatten(self, inner.tree, edge, true);
        } else self.complete = false;
        // The next choice of links, the deepest first; deeper forks begin anew.
        choices.shrinkRetainingCapacity(fork);
        while (choices.items.len > 0) {
            var depth: usize = 0;
            var links: usize = 0;
            for (path.items) |step| {
                if (step.node.links.len <= 1) continue;
                depth += 1;
                if (depth == choices.items.len) {
                    links = step.node.links.len;
                    break;
                }
            }
            const last = &choices.items[choices.items.len - 1];
            last.* += 1;
            if (last.* < links) break;
            choices.shrinkRetainingCapacity(choices.items.len - 1);
        }
        if (choices.items.len == 0) return;
    }
}

const Step = struct {
    cost: u32,
    order_number: u32,
    entry: *Entry,
    /// The production to finish at `entry`, or the empty nonterminal to add.
    fact: ?cost_to_go.Fact = null,
    fact_cost: u32 = 0,
    missing: u16 = 0,

    fn order(_: void, x: Step, y: Step) std.math.Order {
        const first = std.math.order(x.cost, y.cost);
        return if (first != .eq) first else std.math.order(x.order_number, y.order_number);
    }
};

/// The cheapest finished tree over the stack, or null if none was found.
fn finish(grammar: *glr.Grammar, a: std.mem.Allocator, top: *Entry) !?*Tree {
    const costs = grammar.costs.?;
    const lang = grammar.lang;
    const Place = struct { below: ?*Entry, state: u16 };
    var queue: std.PriorityQueue(Step, void, Step.order) = .empty;
    var settled: std.AutoHashMapUnmanaged(Place, void) = .empty;
    try queue.push(a, .{ .cost = 0, .order_number = 0, .entry = top });
    var count: u32 = 0;
    var visits: u32 = 0;
    while (queue.pop()) |item| {
        visits += 1;
        if (visits > max_visits) return null;
        var entry = item.entry;
        if (item.fact) |fact| {
            var base = entry;
            for (0..fact.popped) |_| base = base.below.?;
            const goto = try grammar.goto(base.state, fact.symbol);
            if (settled.contains(.{ .below = base, .state = goto })) continue;
            const tree = try reduce(grammar, a, entry, fact, item.fact_cost) orelse continue;
            entry = try push(a, goto, tree, base);
        } else if (item.missing != 0) {
            entry = try push(a, try grammar.goto(entry.state, item.missing), try missing(a, item.missing), entry);
        }
        const slot = try settled.getOrPut(a, .{ .below = entry.below, .state = entry.state });
        if (slot.found_existing) continue;
        for (try grammar.actions(entry.state, ts.eof_symbol)) |action| {
            if (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind))) == .accept) return entry.tree;
        }
        for (costs.known[entry.state]) |known| {
            var base = entry;
            var short = false;
            for (0..known.fact.popped) |_| {
                base = base.below orelse {
                    short = true;
                    break;
                };
            }
            if (short or try grammar.goto(base.state, known.fact.symbol) == 0) continue;
            count += 1;
            try queue.push(a, .{ .cost = item.cost + known.cost, .order_number = count, .entry = entry, .fact = known.fact, .fact_cost = known.cost });
        }
        var edges = cost_to_go.Edges.of(lang, entry.state);
        while (edges.next()) |edge| {
            if (edge.symbol < lang.token_count) continue;
            if (costs.symbols[edge.symbol] != 0 and entry.height > 0) continue;
            if (costs.symbols[edge.symbol] == cost_to_go.infinite or edge.value == entry.state) continue;
            count += 1;
            try queue.push(a, .{ .cost = item.cost + costs.symbols[edge.symbol], .order_number = count, .entry = entry, .missing = edge.symbol });
        }
    }
    return null;
}

fn push(a: std.mem.Allocator, state: u16, tree: *Tree, below: *Entry) !*Entry {
    const entry = try a.create(Entry);
    entry.* = .{ .state = state, .tree = tree, .below = below, .height = below.height + 1 };
    return entry;
}

fn missing(a: std.mem.Allocator, symbol: u16) !*Tree {
    const tree = try a.create(Tree);
    tree.* = .{ .id = 0, .symbol = symbol, .production = 0, .extra = false, .dynamic = 0, .start = nowhere, .end = nowhere, .children = &.{} };
    return tree;
}

/// Adds what is due of a production under way and reduces it.
fn reduce(grammar: *glr.Grammar, a: std.mem.Allocator, from: *Entry, fact: cost_to_go.Fact, fact_cost: u32) !?*Tree {
    const costs = grammar.costs.?;
    const lang = grammar.lang;
    var entry = from;
    var popped: u32 = fact.popped;
    var left = fact_cost;
    for (0..max_missing) |_| {
        if (left == 0) {
            if (costs.productions.get(.{ .state = entry.state, .symbol = fact.symbol, .popped = @intCast(popped) })) |production| {
                const children = try a.alloc(*Tree, popped);
                for (0..popped) |i| {
                    children[popped - 1 - i] = entry.tree.?;
                    entry = entry.below.?;
                }
                const tree = try a.create(Tree);
                tree.* = .{
                    .id = 0,
                    .symbol = fact.symbol,
                    .production = production,
                    .extra = false,
                    .dynamic = 0,
                    .start = children[0].start,
                    .end = children[popped - 1].end,
                    .children = children,
                };
                return tree;
            }
        }
        var edges = cost_to_go.Edges.of(lang, entry.state);
        const next = search: while (edges.next()) |edge| {
            const step = costs.symbols[edge.symbol];
            if (step > left) continue;
            const target = if (edge.symbol >= lang.token_count) edge.value else (try shiftTarget(grammar, entry.state, edge.symbol)) orelse continue;
            for (costs.known[target]) |known| {
                if (known.fact.symbol == fact.symbol and known.fact.popped == popped + 1 and known.cost == left - step) break :search .{ edge.symbol, target, step };
            }
        } else return null;
        entry = try push(a, next[1], try missing(a, next[0]), entry);
        popped += 1;
        left -= next[2];
    }
    return null;
}

fn shiftTarget(grammar: *glr.Grammar, state: u16, symbol: u16) !?u16 {
    for (try grammar.actions(state, symbol)) |action| {
        if (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind))) != .shift) continue;
        if (!action.shift.extra and !action.shift.repetition) return action.shift.state;
    }
    return null;
}

const Inner = struct { tree: *const Tree, before: u64 };

/// The innermost open tree that may be the root, and a name of all that comes before it.
fn innermost(self: *const Opening, root: *const Tree, edge: u32) ?Inner {
    var found: ?Inner = null;
    var hash = std.hash.Wyhash.init(stack.seed);
    var node = root;
    while (true) {
        var last: ?*const Tree = null;
        for (node.children) |child| {
            if (child.extra or child.start == nowhere) continue;
            if (last) |before| {
                if (before.id == 0) return found;
                hash.update(std.mem.asBytes(&before.id));
            }
            last = child;
        }
        hash.update(std.mem.asBytes(&[2]u16{ node.symbol, node.production }));
        node = last orelse return found;
        if (node.id != 0 and node.end < edge) return found;
        if (self.prune[node.symbol] & begins != 0) {
            var whole = hash;
            found = .{ .tree = node, .before = @max(1, whole.final()) };
        }
    }
}

const Item = struct { tree: *const Tree, alias: u16, field: u16, parent: u32 };

/// Appends the rows of `root`; what is pruned and ends before `edge` stays closed, hidden trees only
/// where `keeps_hidden`.
pub fn flatten(self: *Opening, root: *const Tree, edge: u32, keeps_hidden: bool) !void {
    const lang = self.lang;
    var work: std.ArrayList(Item) = .empty;
    defer work.deinit(gpa);
    try work.append(gpa, .{ .tree = root, .alias = 0, .field = 0, .parent = no_row });
    var is_root = true;
    while (work.pop()) |item| {
        const tree = item.tree;
        const symbol = if (item.alias != 0) item.alias else tree.symbol;
        const meta = lang.symbol_metadata[symbol];
        var parent = item.parent;
        var passed_field = item.field;
        const visible = item.alias != 0 or meta.visible;
        const closed = !is_root and tree.id != 0 and tree.end < edge and self.prune[tree.symbol] & prunes != 0 and (visible or keeps_hidden);
        if (visible or closed or is_root) {
            if (parent != no_row) self.rows.items[parent].children += 1;
            parent = @intCast(self.rows.items.len);
            passed_field = 0;
            try self.rows.append(gpa, .{
                .symbol = lang.public_symbol_map[symbol],
                .field = item.field,
                .flags = (if (meta.named) tree_module.named_flag else 0) | (if (tree.extra) tree_module.extra_flag else 0) | (if (closed) pruned_flag else 0) | (if (visible) 0 else hidden_flag),
                .start = tree.start,
                .end = tree.end,
                .children = 0,
                .parent = item.parent,
                .id = tree.id,
                .tree = if (closed) @intFromPtr(tree) else 0,
            });
        }
        is_root = false;
        if (closed) continue;
        const first = work.items.len;
        var index: usize = 0;
        for (tree.children) |child| {
            if (child.extra) continue;
            const own = tree_module.fieldOf(lang, tree.production, index);
            try work.append(gpa, .{
                .tree = child,
                .alias = tree_module.aliasOf(lang, tree.production, index),
                .field = if (own != 0) own else passed_field,
                .parent = parent,
            });
            index += 1;
        }
        std.mem.reverse(Item, work.items[first..]);
    }
}

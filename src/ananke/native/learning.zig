//! Learns the explicit automaton of a generated lexer.
//!
//! Every state of the compiled lexer can be started directly (`lexer_probe.zig`), so nothing has
//! to be searched for: the states are 0, 1, 2, ... up to the last that does anything, and what is
//! unknown is only *which* of them a transition leads to. States are partitioned by behaviour
//! and transitions are identified by the same experiments, as in Moore's minimisation and in
//! Kearns and Vazirani's learning with a classification tree:
//!
//!   - an inner node of the tree is an experiment (a string), its children are the outcomes;
//!     a leaf is a class of states not yet told apart;
//!   - the target of a transition on c is found by running c·w for the experiments w on its way
//!     down the tree. That is certain, because the target is one of the states in the leaves;
//!   - where two states of a leaf differ on c (one moves and one doesn't, or their targets are
//!     in leaves told apart by w), c·w tells them apart, and the leaf is split by it.
//!
//! When no leaf splits any more, states of a leaf are bisimilar and become one state.
//!
//! Most transitions of a lexer lead to the same few states, and telling that a target is the
//! plain identifier and no keyword's prefix takes an experiment per keyword ending. So transitions
//! that go on in the same way to the machine (`continuation.zig`) are identified once.
const std = @import("std");
const ts = @import("tslanguage.zig");
const continuation = @import("continuation.zig");
const code_points = @import("code_points.zig");
const lexer_probe = @import("lexer_probe.zig");
const automaton = @import("automaton.zig");

const Allocator = std.mem.Allocator;
const Probe = lexer_probe.Probe;
const end_of_input = lexer_probe.end_of_input;

/// The states of a lexer end where this many in a row neither accept nor move. Generated lexers
/// have at most a handful of such states (those that nothing leads out of).
const silent_run = 64;
/// Each state compares one interval of code points in so many with its class.
const compared_intervals = 64;
const ascii_count = 128;
const eof_index = ascii_count;
/// Index of the first class of wide code points among the symbols.
const wide_index = ascii_count + 1;

pub const Error = error{ OutOfMemory, BadLexer };

const Child = struct { outcome: u64, node: u32 };

const Node = struct {
    parent: u32,
    depth: u32,
    /// Inner nodes: one free place for the symbol of a transition, then the experiment.
    experiment: []u32 = &.{},
    children: std.ArrayList(Child) = .empty,
    /// Leaves: the states in the class.
    members: std.ArrayList(u16) = .empty,
};

/// Transitions known to have the same target; `state` and `symbol` are one of them.
const Bundle = struct {
    state: u16,
    symbol: u32,
    /// The deepest node known to hold the target.
    target: u32 = 0,
};

const no_bundle: u32 = 0xFFFF_FFFF;

const Learner = struct {
    arena: Allocator,
    probe: *Probe,
    state_count: u32,
    /// 128 ASCII characters, the end of input, one code point of each wide class.
    symbols: []const u32,
    /// state * symbols.len + symbol
    events: []lexer_probe.Event,
    /// The transition's bundle; same index.
    bundle_of: []u32,
    bundles: std.ArrayList(Bundle) = .empty,
    use_names: bool,
    /// By the name of the continuation.
    named: std.AutoHashMapUnmanaged(u64, u32) = .empty,
    leaf_of: []u32,
    tree: std.ArrayList(Node) = .empty,

    fn init(arena: Allocator, probe: *Probe, state_count: u32, symbols: []const u32, use_names: bool) !Learner {
        const cells = state_count * symbols.len;
        var self = Learner{
            .arena = arena,
            .probe = probe,
            .state_count = state_count,
            .symbols = symbols,
            .use_names = use_names,
            .events = try arena.alloc(lexer_probe.Event, cells),
            .bundle_of = try arena.alloc(u32, cells),
            .leaf_of = try arena.alloc(u32, state_count),
        };
        @memset(self.leaf_of, 0);
        for (self.events, self.bundle_of, 0..) |*event, *bundle, cell| {
            const found = try self.follow(@intCast(cell / symbols.len), symbols[cell % symbols.len]);
            event.* = found.event;
            bundle.* = found.bundle;
        }
        try self.tree.append(arena, .{ .parent = 0, .depth = 0 });
        for (0..state_count) |state| try self.tree.items[0].members.append(arena, @intCast(state));
        return self;
    }

    const Followed = struct { event: lexer_probe.Event, bundle: u32 = no_bundle };

    fn follow(self: *Learner, state: u16, symbol: u32) Error!Followed {
        const fresh: u32 = @intCast(self.bundles.items.len);
        if (!continuation.is_supported or !self.use_names) {
            const event = self.probe.event(state, symbol);
            if (event == .none) return .{ .event = event };
            try self.bundles.append(self.arena, .{ .state = state, .symbol = symbol });
            return .{ .event = event, .bundle = fresh };
        }
        const found = continuation.follow(self.probe.lex, state, symbol, end_of_input) orelse {
            return .{ .event = .none };
        };
        const entry = try self.named.getOrPut(self.arena, found.name);
        if (!entry.found_existing) {
            entry.value_ptr.* = fresh;
            try self.bundles.append(self.arena, .{ .state = state, .symbol = symbol });
        }
        return .{ .event = if (found.skip) .skip else .advance, .bundle = entry.value_ptr.* };
    }

    fn target(self: *const Learner, cell: usize) ?u32 {
        const bundle = self.bundle_of[cell];
        return if (bundle == no_bundle) null else self.bundles.items[bundle].target;
    }

    fn learn(self: *Learner) Error!void {
        try self.split(0, try self.experiment(&.{}));
        var changed = true;
        while (changed) {
            changed = false;
            for (self.bundles.items) |*bundle| {
                bundle.target = try self.sift(bundle.state, bundle.symbol, bundle.target);
            }
            for (0..self.tree.items.len) |node| {
                const members = self.tree.items[node].members.items;
                if (members.len < 2) continue;
                const found = try self.difference(members) orelse continue;
                try self.split(@intCast(node), found);
                changed = true;
            }
        }
    }

    fn experiment(self: *Learner, symbols: []const u32) ![]u32 {
        const result = try self.arena.alloc(u32, symbols.len + 1);
        @memcpy(result[1..], symbols);
        return result;
    }

    /// The leaf of the state that `state` reaches on `symbol`, which is at or below `from`.
    fn sift(self: *Learner, state: u16, symbol: u32, from: u32) Error!u32 {
        var at = from;
        descent: while (self.tree.items[at].experiment.len > 0) {
            const node = &self.tree.items[at];
            node.experiment[0] = symbol;
            const outcome = self.probe.observeNext(state, node.experiment);
            for (node.children.items) |child| {
                if (child.outcome != outcome) continue;
                at = child.node;
                continue :descent;
            }
            // The target behaves like none of the states counted.
            return error.BadLexer;
        }
        return at;
    }

    /// An experiment that tells the first of `members` from another one.
    fn difference(self: *Learner, members: []const u16) !?[]u32 {
        const width = self.symbols.len;
        const first = @as(usize, members[0]) * width;
        for (members[1..]) |member| {
            const other = @as(usize, member) * width;
            for (self.symbols, 0..) |symbol, i| {
                if (self.events[first + i] != self.events[other + i]) {
                    return try self.experiment(&.{symbol});
                }
                const a = self.target(first + i) orelse continue;
                const b = self.target(other + i) orelse continue;
                if (a == b) continue;
                const common = self.commonNode(a, b);
                const result = try self.experiment(self.tree.items[common].experiment);
                result[1] = symbol;
                return result;
            }
        }
        return null;
    }

    fn commonNode(self: *const Learner, a: u32, b: u32) u32 {
        const nodes = self.tree.items;
        var x = a;
        var y = b;
        while (x != y) {
            if (nodes[x].depth >= nodes[y].depth) x = nodes[x].parent else y = nodes[y].parent;
        }
        return x;
    }

    fn split(self: *Learner, leaf: u32, found: []u32) !void {
        const members = self.tree.items[leaf].members;
        const depth = self.tree.items[leaf].depth + 1;
        var children: std.ArrayList(Child) = .empty;
        for (members.items) |member| {
            const outcome = self.probe.observe(member, found[1..]);
            const child = for (children.items) |child| {
                if (child.outcome == outcome) break child.node;
            } else added: {
                const node: u32 = @intCast(self.tree.items.len);
                try self.tree.append(self.arena, .{ .parent = leaf, .depth = depth });
                try children.append(self.arena, .{ .outcome = outcome, .node = node });
                break :added node;
            };
            try self.tree.items[child].members.append(self.arena, member);
            self.leaf_of[member] = child;
        }
        self.tree.items[leaf].members = .empty;
        self.tree.items[leaf].experiment = found;
        self.tree.items[leaf].children = children;
    }
};

/// Counts the states of `probe`'s lexer, at least `least`.
fn countStates(probe: *Probe, least: u32) Error!u32 {
    var symbols: [ascii_count + 6]u32 = undefined;
    for (symbols[0..ascii_count], 0..) |*symbol, c| symbol.* = @intCast(c);
    symbols[ascii_count..].* = .{ end_of_input, 0xA0, 0xE9, 0x4E00, 0x2028, 0x1F600 };
    var count = least;
    var state: u32 = 0;
    while (state < automaton.DEAD) : (state += 1) {
        if (probe.isActive(@intCast(state), &symbols)) count = @max(count, state + 1);
        if (state >= count + silent_run) return @max(count, 1);
    }
    return error.BadLexer;
}

/// Learns the lexer `lex`. `start_count`: states below it are kept even if they do nothing
/// (1 + the greatest start state that is used). The result's arrays belong to `alloc`.
pub fn learn(alloc: Allocator, lex: ts.LexFn, start_count: u32) Error!automaton.Tables {
    return learnWith(alloc, lex, start_count, continuation.is_supported);
}

/// `use_names`: bundle the transitions whose continuations have one name.
pub fn learnWith(alloc: Allocator, lex: ts.LexFn, start_count: u32, use_names: bool) Error!automaton.Tables {
    var arena_state = std.heap.ArenaAllocator.init(alloc);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    var probe = Probe.init(lex);
    const state_count = try countStates(&probe, start_count);
    var classes = try code_points.classes(arena, &probe, state_count);
    while (true) {
        const symbols = try arena.alloc(u32, wide_index + classes.first.len);
        for (symbols[0..ascii_count], 0..) |*symbol, c| symbol.* = @intCast(c);
        symbols[eof_index] = end_of_input;
        for (symbols[wide_index..], classes.first) |*symbol, first| symbol.* = classes.intervals[first].lo;
        var learner = try Learner.init(arena, &probe, state_count, symbols, use_names);
        try learner.learn();
        if (try refineClasses(&learner, &classes)) continue;
        return tables(alloc, &learner, &classes);
    }
}

/// Splits the classes of code points whose intervals lead to different states after all.
/// Whether any was split.
fn refineClasses(learner: *Learner, classes: *code_points.Classes) !bool {
    const arena = learner.arena;
    const class_count = classes.first.len;
    const hashes = try arena.alloc(u64, classes.intervals.len);
    for (hashes, classes.intervals) |*hash, interval| hash.* = interval.class;
    for (learner.tree.items) |node| {
        if (node.members.items.len == 0) continue;
        const state = node.members.items[0];
        const row = state * learner.symbols.len + wide_index;
        for (hashes, classes.intervals, 0..) |*hash, interval, i| {
            if (i % compared_intervals != state % compared_intervals) continue;
            if (learner.events[row + interval.class] == .none) continue;
            const followed = try learner.follow(state, interval.lo);
            if (followed.bundle == no_bundle) return error.BadLexer;
            const bundle = &learner.bundles.items[followed.bundle];
            bundle.target = try learner.sift(bundle.state, bundle.symbol, bundle.target);
            if (bundle.target != learner.target(row + interval.class)) {
                hash.* = std.math.rotl(u64, (hash.* ^ bundle.target) *% 0x9E37_79B9_7F4A_7C15, 29);
            }
        }
    }
    var first: std.ArrayList(u32) = .empty;
    var ids: std.AutoHashMapUnmanaged(u64, u32) = .empty;
    for (classes.intervals, hashes, 0..) |*interval, hash, i| {
        const entry = try ids.getOrPut(arena, hash);
        if (!entry.found_existing) {
            entry.value_ptr.* = @intCast(first.items.len);
            try first.append(arena, @intCast(i));
        }
        interval.class = entry.value_ptr.*;
    }
    classes.first = try first.toOwnedSlice(arena);
    return classes.first.len != class_count;
}

/// Writes the classes as the automaton's states, in the order of their first members.
fn tables(alloc: Allocator, learner: *const Learner, classes: *const code_points.Classes) !automaton.Tables {
    const arena = learner.arena;
    const none: u16 = automaton.DEAD;
    const number = try arena.alloc(u16, learner.tree.items.len);
    @memset(number, none);
    var representatives: std.ArrayList(u16) = .empty;
    for (learner.leaf_of, 0..) |leaf, state| {
        if (number[leaf] != none) continue;
        number[leaf] = @intCast(representatives.items.len);
        try representatives.append(arena, @intCast(state));
    }
    const count = representatives.items.len;
    var result = try automaton.Tables.alloc(alloc, count, learner.state_count);
    errdefer result.deinit(alloc);
    var wide: std.ArrayList(automaton.Range) = .empty;
    for (result.start, learner.leaf_of) |*start, leaf| start.* = number[leaf];
    for (representatives.items, 0..) |state, q| {
        const row = state * learner.symbols.len;
        const events = learner.events[row..][0..learner.symbols.len];
        for (0..ascii_count) |c| {
            result.ascii[q * ascii_count + c] = if (learner.target(row + c)) |leaf| number[leaf] else none;
            result.ascii_skip[q * ascii_count + c] = @intFromBool(events[c] == .skip);
        }
        result.eof[q] = if (learner.target(row + eof_index)) |leaf| number[leaf] else none;
        result.accept[q] = learner.probe.accepted(state);
        result.wide_start[q] = @intCast(wide.items.len);
        for (classes.intervals) |interval| {
            const i = wide_index + interval.class;
            const leaf = learner.target(row + i) orelse continue;
            const range = automaton.Range{
                .lo = interval.lo,
                .hi = interval.hi,
                .target = number[leaf],
                .skip = @intFromBool(events[i] == .skip),
            };
            if (wide.items.len > result.wide_start[q]) {
                const last = &wide.items[wide.items.len - 1];
                if (last.hi + 1 == range.lo and last.target == range.target and last.skip == range.skip) {
                    last.hi = range.hi;
                    continue;
                }
            }
            try wide.append(arena, range);
        }
    }
    result.wide_start[count] = @intCast(wide.items.len);
    result.wide = try alloc.dupe(automaton.Range, wide.items);
    return result;
}

test {
    _ = @import("learning_test.zig");
}

//! Syntax trees and the graph-structured stack: immutable, shared, reference-counted values.
//!
//! A stack node is a parse state with one or more links to the nodes below it; each link holds
//! the tree that leads from the node below to this one, and the extras (comments) read after it.
//! More than one link means that several parses agree on the state (Tomita 1986). Nothing is
//! changed once it is reachable from a state; counts are guarded by the grammar's lock.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const lines = @import("lines.zig");

const gpa = memory.gpa;

/// How deep a merge of two nodes looks for nodes below that can be merged too.
const merge_depth = 12;
/// The most links a node may have; further parses that agree on a state are dropped.
pub const max_links = 16;

/// Of the hashes that name trees.
pub const seed: u64 = 0x616e616e6b65;

pub const Tree = struct {
    refs: u32 = 1,
    /// A hash of what it is, where it stands and what it is made of; never 0.
    id: u64,
    symbol: ts.Symbol,
    production: u16,
    extra: bool,
    dynamic: i32,
    start: u32,
    end: u32,
    children: []*Tree,
    freed: ?*Tree = null,

    /// `text` is what stands from `start` to `end`.
    pub fn leaf(symbol: ts.Symbol, start: u32, end: u32, extra: bool, text: []const u8) !*Tree {
        const self = try gpa.create(Tree);
        var hash = std.hash.Wyhash.init(seed);
        hash.update(std.mem.asBytes(&[3]u32{ symbol, start, end }));
        hash.update(text);
        self.* = .{ .id = @max(1, hash.final()), .symbol = symbol, .production = 0, .extra = extra, .dynamic = 0, .start = start, .end = end, .children = &.{} };
        _ = memory.live_trees.fetchAdd(1, .monotonic);
        return self;
    }

    /// Takes over the references in `children`. `at` is the place of an empty tree.
    pub fn branch(symbol: ts.Symbol, production: u16, dynamic: i32, children: []const *Tree, at: u32) !*Tree {
        const owned = try gpa.dupe(*Tree, children);
        errdefer gpa.free(owned);
        const self = try gpa.create(Tree);
        var total = dynamic;
        var hash = std.hash.Wyhash.init(seed);
        hash.update(std.mem.asBytes(&[3]u32{ symbol, production, if (children.len > 0) 0 else at }));
        for (children) |child| {
            total += child.dynamic;
            hash.update(std.mem.asBytes(&child.id));
        }
        self.* = .{
            .id = @max(1, hash.final()),
            .symbol = symbol,
            .production = production,
            .extra = false,
            .dynamic = total,
            .start = if (children.len > 0) children[0].start else at,
            .end = if (children.len > 0) children[children.len - 1].end else at,
            .children = owned,
        };
        _ = memory.live_trees.fetchAdd(1, .monotonic);
        return self;
    }

    pub fn retain(self: *Tree) *Tree {
        self.refs += 1;
        return self;
    }

    pub fn release(self: *Tree) void {
        self.refs -= 1;
        if (self.refs > 0) return;
        self.freed = null;
        var queue: ?*Tree = self;
        while (queue) |tree| {
            queue = tree.freed;
            for (tree.children) |child| {
                child.refs -= 1;
                if (child.refs == 0) {
                    child.freed = queue;
                    queue = child;
                }
            }
            gpa.free(tree.children);
            gpa.destroy(tree);
            _ = memory.live_trees.fetchSub(1, .monotonic);
        }
    }
};

/// Extras after a tree, the latest first.
pub const Extras = struct {
    refs: u32 = 1,
    tree: *Tree,
    before: ?*Extras,

    pub fn retain(self: ?*Extras) ?*Extras {
        if (self) |extras| extras.refs += 1;
        return self;
    }

    pub fn release(start: ?*Extras) void {
        var next = start;
        while (next) |extras| {
            extras.refs -= 1;
            if (extras.refs > 0) return;
            next = extras.before;
            extras.tree.release();
            gpa.destroy(extras);
        }
    }

    pub fn count(start: ?*const Extras) usize {
        var n: usize = 0;
        var next = start;
        while (next) |extras| : (next = extras.before) n += 1;
        return n;
    }
};

pub const Link = struct {
    /// Null at the bottom of the stack only.
    below: ?*Node,
    tree: ?*Tree,
    extras: ?*Extras,

    fn retain(self: Link) Link {
        if (self.below) |node| node.refs += 1;
        if (self.tree) |tree| tree.refs += 1;
        _ = Extras.retain(self.extras);
        return self;
    }

    fn dynamic(self: Link) i32 {
        const below = if (self.below) |node| node.dynamic else 0;
        return below + if (self.tree) |tree| tree.dynamic else 0;
    }
};

pub const Node = struct {
    refs: u32 = 1,
    state: ts.StateId,
    /// Which line rule is in force (lines.zig).
    mark: lines.Mark,
    dynamic: i32,
    links: []Link,
    freed: ?*Node = null,

    /// Takes over the references in `links`.
    pub fn create(state: ts.StateId, mark: lines.Mark, links: []const Link) !*Node {
        const owned = try gpa.dupe(Link, links);
        errdefer gpa.free(owned);
        const self = try gpa.create(Node);
        var best: i32 = std.math.minInt(i32);
        for (links) |link| best = @max(best, link.dynamic());
        self.* = .{ .state = state, .mark = mark, .dynamic = best, .links = owned };
        _ = memory.live_stack_nodes.fetchAdd(1, .monotonic);
        return self;
    }

    pub fn retain(self: *Node) *Node {
        self.refs += 1;
        return self;
    }

    pub fn release(self: *Node) void {
        self.refs -= 1;
        if (self.refs > 0) return;
        self.freed = null;
        var queue: ?*Node = self;
        while (queue) |node| {
            queue = node.freed;
            for (node.links) |link| {
                if (link.tree) |tree| tree.release();
                Extras.release(link.extras);
                if (link.below) |below| {
                    below.refs -= 1;
                    if (below.refs == 0) {
                        below.freed = queue;
                        queue = below;
                    }
                }
            }
            gpa.free(node.links);
            gpa.destroy(node);
            _ = memory.live_stack_nodes.fetchSub(1, .monotonic);
        }
    }

    /// The node after an extra: the same state, the extra behind every link's tree.
    /// Takes over the reference to `tree`.
    pub fn withExtra(self: *Node, tree: *Tree) !*Node {
        var links: [max_links]Link = undefined;
        tree.refs += @intCast(self.links.len);
        tree.refs -= 1;
        for (self.links, 0..) |link, i| {
            _ = link.retain();
            const extras = try gpa.create(Extras);
            extras.* = .{ .tree = tree, .before = link.extras };
            links[i] = link;
            links[i].extras = extras;
        }
        return create(self.state, self.mark, links[0..self.links.len]);
    }
};

/// A node with the links of both; `a` and `b` have the same state and mark, and stay as they are.
pub fn merge(a: *Node, b: *Node) error{OutOfMemory}!*Node {
    return mergeAt(a, b, merge_depth);
}

fn mergeAt(a: *Node, b: *Node, depth: usize) error{OutOfMemory}!*Node {
    if (a == b) return a.retain();
    var links: [max_links]Link = undefined;
    var count: usize = 0;
    for (a.links) |link| {
        links[count] = link.retain();
        count += 1;
    }
    outer: for (b.links) |link| {
        for (links[0..count]) |*mine| {
            if (!sameStretch(mine.tree, link.tree)) continue;
            const mine_below = mine.below orelse continue :outer;
            const below = link.below orelse continue :outer;
            if (mine_below == below) {
                if (link.dynamic() > mine.dynamic()) {
                    releaseLink(mine.*);
                    mine.* = link.retain();
                }
                continue :outer;
            }
            if (mine_below.state == below.state and mine_below.mark == below.mark and depth > 0) {
                const merged = try mergeAt(mine_below, below, depth - 1);
                if (link.dynamic() > mine.dynamic()) {
                    releaseLink(mine.*);
                    mine.* = link.retain();
                }
                mine.below.?.release();
                mine.below = merged;
                continue :outer;
            }
        }
        if (count == max_links) break;
        links[count] = link.retain();
        count += 1;
    }
    return Node.create(a.state, a.mark, links[0..count]);
}

fn releaseLink(link: Link) void {
    if (link.tree) |tree| tree.release();
    Extras.release(link.extras);
    if (link.below) |below| below.release();
}

fn sameStretch(a: ?*const Tree, b: ?*const Tree) bool {
    const x = a orelse return b == null;
    const y = b orelse return false;
    return x == y or (x.symbol == y.symbol and x.start == y.start and x.end == y.end);
}

/// One way down the stack: the node reached, the trees passed (oldest first, with the extras
/// between them), and the extras above the topmost tree. Owns its references.
pub const Path = struct {
    base: *Node,
    children: []*Tree,
    trailing: ?*Extras,

    pub fn deinit(self: Path) void {
        self.base.release();
        for (self.children) |child| child.release();
        gpa.free(self.children);
        Extras.release(self.trailing);
    }
};

/// All ways down `count` trees from `node`, at most `limit`.
pub fn pop(node: *Node, count: usize, limit: usize, out: *std.ArrayList(Path)) error{OutOfMemory}!void {
    if (count == 0) {
        try out.append(gpa, .{ .base = node.retain(), .children = &.{}, .trailing = null });
        return;
    }
    var reversed: std.ArrayList(*Tree) = .empty;
    defer reversed.deinit(gpa);
    for (node.links) |link| {
        if (link.tree == null) continue;
        reversed.clearRetainingCapacity();
        try reversed.append(gpa, link.tree.?);
        try popBelow(link.below.?, count - 1, limit, link.extras, &reversed, out);
    }
}

fn popBelow(node: *Node, count: usize, limit: usize, trailing: ?*Extras, reversed: *std.ArrayList(*Tree), out: *std.ArrayList(Path)) error{OutOfMemory}!void {
    if (out.items.len >= limit) return;
    if (count == 0) {
        const children = try gpa.alloc(*Tree, reversed.items.len);
        for (reversed.items, 0..) |tree, i| children[children.len - 1 - i] = tree.retain();
        try out.append(gpa, .{ .base = node.retain(), .children = children, .trailing = Extras.retain(trailing) });
        return;
    }
    const length = reversed.items.len;
    for (node.links) |link| {
        if (link.tree == null) continue;
        var extras = link.extras;
        while (extras) |one| : (extras = one.before) try reversed.append(gpa, one.tree);
        try reversed.append(gpa, link.tree.?);
        try popBelow(link.below.?, count - 1, limit, trailing, reversed, out);
        reversed.shrinkRetainingCapacity(length);
    }
}

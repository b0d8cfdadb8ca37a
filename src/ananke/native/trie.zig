//! The vocabulary's trie: the byte strings of its tokens as nodes in preorder.
//!
//! Preorder makes a subtree a range of indices, so a walk that leaves a subtree out is one jump
//! to `end`. Children ascend by byte. Tokens without bytes (special ones, padding) aren't in it.
//!
//! A trie is one block of memory: a header of eight u32 (magic, size of the vocabulary, nodes,
//! tokens, four times 0) and the arrays, little-endian: end, parent, token_start, token_ids, depth,
//! bytes. The block is also what is kept on disk. Reading trusts nothing: whatever is accepted can be
//! walked without further checks.
const std = @import("std");
const builtin = @import("builtin");
const memory = @import("memory.zig");

const gpa = memory.gpa;

/// The longest token in bytes. Real vocabularies stay below a few hundred.
pub const max_depth: usize = 4096;
/// Bytes of all tokens together. Real vocabularies stay below 4 MB.
const max_bytes: usize = 1 << 26;
const max_tokens: usize = 1 << 24;

const magic: u32 = 0x31_54_4E_41; // "ANT1"
const header_len = 8 * 4;
const Block = []align(8) u8;

comptime {
    // The arrays are kept as they are.
    std.debug.assert(builtin.cpu.arch.endian() == .little);
}

pub const Trie = struct {
    /// Byte on the edge into the node; 0 for the root.
    bytes: []const u8,
    /// Index just past the node's subtree.
    end: []const u32,
    parent: []const u32,
    depth: []const u16,
    /// Tokens that end at node i, ascending: token_ids[token_start[i]..token_start[i + 1]].
    token_start: []const u32,
    token_ids: []const u32,
    vocab_size: u32,
    /// The root's child by byte; 0 is none.
    first: [256]u32,
    block: Block,

    /// `offsets` has one entry more than there are tokens; token i is data[offsets[i]..offsets[i+1]].
    pub fn build(data: []const u8, offsets: []const u32) !*Trie {
        if (offsets.len == 0 or offsets.len > max_tokens or data.len > max_bytes) return error.BadVocabulary;
        const order = try sorted(data, offsets);
        defer gpa.free(order);
        var nodes: usize = 1;
        var previous: []const u8 = "";
        for (order) |key| {
            const text = key.text(data, offsets);
            nodes += text.len - shared(previous, text);
            previous = text;
        }
        const layout: Layout = .{ .nodes = nodes, .tokens = order.len };
        const block = try gpa.alignedAlloc(u8, .@"8", layout.length());
        errdefer gpa.free(block);
        @memset(block[0..header_len], 0);
        const header = std.mem.bytesAsSlice(u32, block[0..header_len]);
        header[0] = magic;
        header[1] = @intCast(offsets.len - 1);
        header[2] = @intCast(nodes);
        header[3] = @intCast(order.len);
        layout.of(block).fill(data, offsets, order);
        return adopt(block, header[1], layout);
    }

    /// A copy of `blob` as a trie, or an error if it is not one.
    pub fn deserialize(blob: []const u8) !*Trie {
        if (blob.len < header_len) return error.Corrupt;
        var header: [8]u32 = undefined;
        @memcpy(std.mem.asBytes(&header), blob[0..header_len]);
        if (header[0] != magic or header[1] >= max_tokens or header[2] == 0) return error.Corrupt;
        if (header[2] > max_bytes or header[3] > header[1]) return error.Corrupt;
        if (header[4] | header[5] | header[6] | header[7] != 0) return error.Corrupt;
        const layout: Layout = .{ .nodes = header[2], .tokens = header[3] };
        if (blob.len != layout.length()) return error.Corrupt;
        const block = try gpa.alignedAlloc(u8, .@"8", blob.len);
        errdefer gpa.free(block);
        @memcpy(block, blob);
        if (!layout.of(block).isSound(header[1])) return error.Corrupt;
        return adopt(block, header[1], layout);
    }

    pub fn deinit(self: *Trie) void {
        gpa.free(self.block);
        gpa.destroy(self);
    }

    /// The child of `node` along `byte`; 0 is none.
    pub fn child(self: *const Trie, node: u32, byte: u8) u32 {
        if (node == 0) return self.first[byte];
        var at = node + 1;
        while (at < self.end[node] and self.bytes[at] <= byte) : (at = self.end[at]) {
            if (self.bytes[at] == byte) return at;
        }
        return 0;
    }

    /// The tokens whose bytes are the path to `node`.
    pub fn tokensAt(self: *const Trie, node: u32) []const u32 {
        return self.token_ids[self.token_start[node]..self.token_start[node + 1]];
    }

    fn adopt(block: Block, vocab_size: u32, layout: Layout) !*Trie {
        const arrays = layout.of(block);
        const self = try gpa.create(Trie);
        self.* = .{
            .bytes = arrays.bytes,
            .end = arrays.end,
            .parent = arrays.parent,
            .depth = arrays.depth,
            .token_start = arrays.token_start,
            .token_ids = arrays.token_ids,
            .vocab_size = vocab_size,
            .first = @splat(0),
            .block = block,
        };
        var at: u32 = 1;
        while (at < self.end[0]) : (at = self.end[at]) self.first[self.bytes[at]] = at;
        return self;
    }
};

const Layout = struct {
    nodes: usize,
    tokens: usize,

    fn length(self: Layout) usize {
        return header_len + (self.nodes * 3 + 1 + self.tokens) * 4 + self.nodes * 3;
    }

    fn of(self: Layout, block: Block) Arrays {
        const words: []u32 = @alignCast(std.mem.bytesAsSlice(u32, block[header_len..][0 .. (self.nodes * 3 + 1 + self.tokens) * 4]));
        const rest = block[header_len + words.len * 4 ..];
        return .{
            .end = words[0..self.nodes],
            .parent = words[self.nodes..][0..self.nodes],
            .token_start = words[self.nodes * 2 ..][0 .. self.nodes + 1],
            .token_ids = words[self.nodes * 3 + 1 ..],
            .depth = @alignCast(std.mem.bytesAsSlice(u16, rest[0 .. self.nodes * 2])),
            .bytes = rest[self.nodes * 2 ..],
        };
    }
};

const Arrays = struct {
    end: []u32,
    parent: []u32,
    token_start: []u32,
    token_ids: []u32,
    depth: []u16,
    bytes: []u8,

    fn fill(self: Arrays, data: []const u8, offsets: []const u32, order: []const Key) void {
        self.bytes[0] = 0;
        self.parent[0] = 0;
        self.depth[0] = 0;
        self.token_start[0] = 0;
        var path: [max_depth + 1]u32 = undefined;
        path[0] = 0;
        var node: u32 = 1;
        var previous: []const u8 = "";
        for (order, 0..) |key, rank| {
            const text = key.text(data, offsets);
            const kept = shared(previous, text);
            for (text[kept..], kept..) |byte, at| {
                self.bytes[node] = byte;
                self.parent[node] = path[at];
                self.depth[node] = @intCast(at + 1);
                self.token_start[node] = @intCast(rank);
                path[at + 1] = node;
                node += 1;
            }
            self.token_ids[rank] = key.token;
            previous = text;
        }
        self.token_start[node] = @intCast(order.len);
        for (self.end, 1..) |*slot, next| slot.* = @intCast(next);
        var at: usize = node;
        while (at > 1) {
            at -= 1;
            const above = self.parent[at];
            self.end[above] = @max(self.end[above], self.end[at]);
        }
    }

    /// Whether these are a trie that `build` could have made for a vocabulary of this size.
    ///
    /// Each node is judged by its neighbours alone, without a branch: if a node's subtree begins with
    /// a child of it, and each child's subtree is followed by the next child or ends where the
    /// node's does, then by induction the nodes are a tree in preorder.
    fn isSound(self: Arrays, vocab_size: u32) bool {
        const nodes = self.end.len;
        const tokens = self.token_ids.len;
        if (self.bytes[0] != 0 or self.parent[0] != 0 or self.depth[0] != 0) return false;
        if (self.end[0] != nodes or self.token_start[0] != 0 or self.token_start[1] != 0) return false;
        if (self.token_start[nodes] != tokens) return false;
        var wrong: u32 = 0;
        for (self.token_start[0..nodes], self.token_start[1..]) |from, to| wrong |= @intFromBool(from > to);
        for (self.token_ids) |token| wrong |= @intFromBool(token >= vocab_size);
        for (self.parent[1..], self.end[1..], 1..) |parent, end, node| {
            wrong |= @intFromBool(parent >= node) | @intFromBool(end <= node) | @intFromBool(end > nodes);
        }
        // From here on every index leads somewhere.
        if (wrong != 0) return false;
        if (nodes > 1 and self.parent[1] != 0) return false;
        for (1..nodes) |node| {
            const parent = self.parent[node];
            const end = self.end[node];
            const next = @min(node + 1, nodes - 1);
            const is_leaf = end == node + 1;
            wrong |= @intFromBool(!is_leaf and self.parent[next] != node);
            const is_last = end == self.end[parent];
            const sibling = @min(end, nodes - 1);
            const follows = self.parent[sibling] == parent and self.bytes[sibling] > self.bytes[node];
            wrong |= @intFromBool(end > self.end[parent] or !(is_last or follows));
            wrong |= @intFromBool(self.depth[node] != @as(u32, self.depth[parent]) + 1);
            wrong |= @intFromBool(self.depth[node] > max_depth);
            const from = self.token_start[node];
            const to = self.token_start[node + 1];
            wrong |= @intFromBool(is_leaf and from == to);
            if (to > from + 1) {
                for (self.token_ids[from .. to - 1], self.token_ids[from + 1 .. to]) |a, b| wrong |= @intFromBool(a >= b);
            }
        }
        return wrong == 0;
    }
};

/// A token to sort: its first eight bytes decide nearly all comparisons.
const Key = struct {
    head: u64,
    token: u32,

    fn text(self: Key, data: []const u8, offsets: []const u32) []const u8 {
        return data[offsets[self.token]..offsets[self.token + 1]];
    }
};

/// The tokens with bytes in the order of their bytes, equal ones by id.
fn sorted(data: []const u8, offsets: []const u32) ![]Key {
    var order: std.ArrayList(Key) = try .initCapacity(gpa, offsets.len - 1);
    defer order.deinit(gpa);
    for (offsets[0 .. offsets.len - 1], offsets[1..], 0..) |from, to, token| {
        if (from > to or to > data.len or to - from > max_depth) return error.BadVocabulary;
        if (from == to) continue;
        var head: [8]u8 = @splat(0);
        const taken = @min(to - from, 8);
        @memcpy(head[0..taken], data[from..][0..taken]);
        order.appendAssumeCapacity(.{ .head = std.mem.readInt(u64, &head, .big), .token = @intCast(token) });
    }
    const Context = struct {
        data: []const u8,
        offsets: []const u32,

        pub fn lessThan(self: @This(), a: Key, b: Key) bool {
            if (a.head != b.head) return a.head < b.head;
            return switch (std.mem.order(u8, a.text(self.data, self.offsets), b.text(self.data, self.offsets))) {
                .lt => true,
                .gt => false,
                .eq => a.token < b.token,
            };
        }
    };
    std.sort.pdq(Key, order.items, Context{ .data = data, .offsets = offsets }, Context.lessThan);
    return order.toOwnedSlice(gpa);
}

fn shared(a: []const u8, b: []const u8) usize {
    return std.mem.findDiff(u8, a, b) orelse b.len;
}

/// Null if the offsets don't ascend within the data, a token is longer than `max_depth`, there are too
/// many, or memory is short. `count` tokens have `count + 1` offsets.
export fn ananke_trie_build(data: ?[*]const u8, length: usize, offsets: ?[*]const u32, count: usize) ?*Trie {
    const starts = offsets orelse return null;
    if (count >= max_tokens or (data == null and length != 0)) return null;
    const nothing: [*]const u8 = "";
    return Trie.build((data orelse nothing)[0..length], starts[0 .. count + 1]) catch null;
}

export fn ananke_trie_free(trie: ?*Trie) void {
    if (trie) |t| t.deinit();
}

/// Nodes, tokens in the trie, size of the vocabulary.
export fn ananke_trie_counts(trie: *const Trie, out: *[3]u32) void {
    out.* = .{ @intCast(trie.bytes.len), @intCast(trie.token_ids.len), trie.vocab_size };
}

/// Where the arrays are, valid as long as the trie: bytes, end, parent, depth, token_start, token_ids.
export fn ananke_trie_arrays(trie: *const Trie, out: *[6]?*const anyopaque) void {
    out.* = .{ trie.bytes.ptr, trie.end.ptr, trie.parent.ptr, trie.depth.ptr, trie.token_start.ptr, trie.token_ids.ptr };
}

/// The trie's block and its length, valid as long as the trie; what `ananke_trie_deserialize` reads.
export fn ananke_trie_serialize(trie: *const Trie, length: *usize) [*]const u8 {
    length.* = trie.block.len;
    return trie.block.ptr;
}

/// Null if the block isn't a trie. The block is copied.
export fn ananke_trie_deserialize(block: ?[*]const u8, length: usize) ?*Trie {
    return Trie.deserialize((block orelse return null)[0..length]) catch null;
}

test "tokens with common prefixes, twice, with NUL, and none" {
    const data = "ab" ++ "a" ++ "" ++ "ab" ++ "\x00" ++ "abc";
    const offsets = [_]u32{ 0, 2, 3, 3, 5, 6, 9 };
    const trie = try Trie.build(data, &offsets);
    defer trie.deinit();
    try std.testing.expectEqualSlices(u8, "\x00\x00abc", trie.bytes);
    try std.testing.expectEqualSlices(u32, &.{ 5, 2, 5, 5, 5 }, trie.end);
    try std.testing.expectEqualSlices(u32, &.{ 0, 3 }, trie.tokensAt(3));
    try std.testing.expectEqualSlices(u32, &.{ 4, 1, 0, 3, 5 }, trie.token_ids);
    try std.testing.expectEqual(@as(u32, 3), trie.child(2, 'b'));
    try std.testing.expectEqual(@as(u32, 0), trie.child(2, 'c'));
}

test "a block survives no change of a bit that matters, and reading never goes astray" {
    const data = "abaccd\xff\xffe";
    const offsets = [_]u32{ 0, 2, 4, 4, 6, 8, 9 };
    const trie = try Trie.build(data, &offsets);
    defer trie.deinit();
    const copy = try gpa.dupe(u8, trie.block);
    defer gpa.free(copy);
    for (0..copy.len * 8) |bit| {
        const mask = @as(u8, 1) << @intCast(bit % 8);
        copy[bit / 8] ^= mask;
        defer copy[bit / 8] ^= mask;
        const read = Trie.deserialize(copy) catch continue;
        defer read.deinit();
        // What is accepted is another trie, not a broken one: it can be walked to the end.
        for (0..read.bytes.len) |node| {
            for (read.tokensAt(@intCast(node))) |token| try std.testing.expect(token < read.vocab_size);
            try std.testing.expect(read.end[node] > node and read.end[node] <= read.bytes.len);
        }
    }
    for (0..copy.len) |length| try std.testing.expectError(error.Corrupt, Trie.deserialize(copy[0..length]));
}

test "offsets that don't ascend or leave the data, and a token that is too long" {
    try std.testing.expectError(error.BadVocabulary, Trie.build("abc", &.{ 0, 2, 1 }));
    try std.testing.expectError(error.BadVocabulary, Trie.build("abc", &.{ 0, 4 }));
    try std.testing.expectError(error.BadVocabulary, Trie.build("abc", &.{}));
    const long: [max_depth + 1]u8 = @splat('x');
    try std.testing.expectError(error.BadVocabulary, Trie.build(&long, &.{ 0, long.len }));
    const trie = try Trie.build(&long, &.{ 0, long.len - 1 });
    defer trie.deinit();
    try std.testing.expectEqual(max_depth + 1, trie.bytes.len);
}

//! The vocabulary's trie: token byte strings as nodes in preorder.
//!
//! Preorder makes a subtree a range of indices, so a walk that leaves a subtree out is one jump
//! to `end`. Special tokens and those without bytes aren't in it.
const std = @import("std");
const memory = @import("memory.zig");

const gpa = memory.gpa;

/// The longest token in bytes. Real vocabularies stay below a few hundred.
pub const max_depth: usize = 4096;
const max_bytes: usize = 1 << 30;

pub const Trie = struct {
    /// Byte on the edge into the node; 0 for the root.
    bytes: []const u8,
    /// Index just past the node's subtree.
    end: []const u32,
    parent: []const u32,
    depth: []const u16,
    /// Tokens that end at node i: token_ids[token_start[i]..token_start[i + 1]].
    token_start: []const u32,
    token_ids: []const u32,
    vocab_size: u32,

    /// `offsets` has one entry more than there are tokens; token i is data[offsets[i]..offsets[i+1]].
    pub fn build(data: []const u8, offsets: []const u32) !*Trie {
        if (offsets.len == 0 or data.len > max_bytes) return error.BadVocabulary;
        const count = offsets.len - 1;
        var order: std.ArrayList(u32) = .empty;
        defer order.deinit(gpa);
        for (0..count) |i| {
            if (offsets[i] > offsets[i + 1] or offsets[i + 1] > data.len) return error.BadVocabulary;
            const length = offsets[i + 1] - offsets[i];
            if (length > max_depth) return error.BadVocabulary;
            if (length > 0) try order.append(gpa, @intCast(i));
        }
        const Context = struct {
            data: []const u8,
            offsets: []const u32,

            fn less(self: @This(), a: u32, b: u32) bool {
                const x = self.data[self.offsets[a]..self.offsets[a + 1]];
                const y = self.data[self.offsets[b]..self.offsets[b + 1]];
                return switch (std.mem.order(u8, x, y)) {
                    .lt => true,
                    .gt => false,
                    .eq => a < b,
                };
            }
        };
        std.mem.sort(u32, order.items, Context{ .data = data, .offsets = offsets }, Context.less);
        return assemble(data, offsets, order.items);
    }

    fn assemble(data: []const u8, offsets: []const u32, order: []const u32) !*Trie {
        var bytes: std.ArrayList(u8) = .empty;
        errdefer bytes.deinit(gpa);
        var parent: std.ArrayList(u32) = .empty;
        errdefer parent.deinit(gpa);
        var depth: std.ArrayList(u16) = .empty;
        errdefer depth.deinit(gpa);
        var starts: std.ArrayList(u32) = .empty;
        errdefer starts.deinit(gpa);
        try bytes.append(gpa, 0);
        try parent.append(gpa, 0);
        try depth.append(gpa, 0);
        try starts.append(gpa, 0);
        var path: [max_depth + 1]u32 = undefined;
        path[0] = 0;
        var previous: []const u8 = "";
        for (order, 0..) |token, rank| {
            const text = data[offsets[token]..offsets[token + 1]];
            const shared = std.mem.findDiff(u8, previous, text) orelse text.len;
            for (text[shared..], shared..) |byte, at| {
                path[at + 1] = @intCast(bytes.items.len);
                try bytes.append(gpa, byte);
                try parent.append(gpa, path[at]);
                try depth.append(gpa, @intCast(at + 1));
                try starts.append(gpa, @intCast(rank));
            }
            previous = text;
        }
        try starts.append(gpa, @intCast(order.len));
        const count = bytes.items.len;
        const end = try gpa.alloc(u32, count);
        errdefer gpa.free(end);
        for (end, 0..) |*slot, i| slot.* = @intCast(i + 1);
        var i = count;
        while (i > 1) {
            i -= 1;
            const above = parent.items[i];
            end[above] = @max(end[above], end[i]);
        }
        const self = try gpa.create(Trie);
        errdefer gpa.destroy(self);
        self.* = .{
            .bytes = try bytes.toOwnedSlice(gpa),
            .end = end,
            .parent = try parent.toOwnedSlice(gpa),
            .depth = try depth.toOwnedSlice(gpa),
            .token_start = try starts.toOwnedSlice(gpa),
            .token_ids = try gpa.dupe(u32, order),
            .vocab_size = @intCast(offsets.len - 1),
        };
        return self;
    }

    pub fn deinit(self: *Trie) void {
        gpa.free(self.bytes);
        gpa.free(self.end);
        gpa.free(self.parent);
        gpa.free(self.depth);
        gpa.free(self.token_start);
        gpa.free(self.token_ids);
        gpa.destroy(self);
    }
};

/// Null if the offsets aren't ascending within the data, or a token is longer than `max_depth`.
export fn ananke_trie_build(data: [*]const u8, length: usize, offsets: [*]const u32, count: usize) ?*Trie {
    return Trie.build(data[0..length], offsets[0 .. count + 1]) catch null;
}

export fn ananke_trie_free(trie: ?*Trie) void {
    if (trie) |t| t.deinit();
}

/// Nodes, tokens in the trie, size of the vocabulary.
export fn ananke_trie_counts(trie: *const Trie, out: *[3]u32) void {
    out.* = .{ @intCast(trie.bytes.len), @intCast(trie.token_ids.len), trie.vocab_size };
}

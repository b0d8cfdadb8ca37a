//! Cuts a text into tokens of the vocabulary: any cut whose tokens spell the text, not the one that the
//! tokenizer would choose.
const std = @import("std");
const memory = @import("memory.zig");
const Trie = @import("trie.zig").Trie;

const gpa = memory.gpa;

const bad_argument: i64 = -1;
const no_memory: i64 = -2;
/// No cut exists: -3 less the place that no cut gets past.
const unspelled: i64 = -3;

/// Which places of a text the rest can be spelled from. A vocabulary that has all single bytes can
/// spell everything from everywhere, so that nothing need be looked up.
const Spellable = struct {
    places: ?[]bool,

    fn init(trie: *const Trie, text: []const u8) !Spellable {
        for (trie.first) |node| {
            if (node == 0 or trie.tokensAt(node).len == 0) break;
        } else return .{ .places = null };
        const places = try gpa.alloc(bool, text.len + 1);
        @memset(places, false);
        places[text.len] = true;
        var at = text.len;
        while (at > 0) {
            at -= 1;
            var matches: Matches = .{ .trie = trie, .text = text, .at = at };
            while (matches.next()) |match| {
                if (places[match.end]) {
                    places[at] = true;
                    break;
                }
            }
        }
        return .{ .places = places };
    }

    fn deinit(self: Spellable) void {
        if (self.places) |places| gpa.free(places);
    }

    fn from(self: Spellable, at: usize) bool {
        return if (self.places) |places| places[at] else true;
    }
};

/// The nodes with tokens along the text from `at` on, shortest first.
const Matches = struct {
    trie: *const Trie,
    text: []const u8,
    at: usize,
    node: u32 = 0,

    const Match = struct { node: u32, end: usize };

    fn next(self: *Matches) ?Match {
        while (self.at < self.text.len) {
            self.node = self.trie.child(self.node, self.text[self.at]);
            if (self.node == 0) {
                self.at = self.text.len;
                return null;
            }
            self.at += 1;
            if (self.trie.tokensAt(self.node).len != 0) return .{ .node = self.node, .end = self.at };
        }
        return null;
    }
};

/// The longest token at each place after which the rest can still be spelled; of equal ones the least id.
fn cutGreedily(trie: *const Trie, text: []const u8, spellable: Spellable, out: []u32) usize {
    var count: usize = 0;
    var at: usize = 0;
    while (at < text.len) : (count += 1) {
        var matches: Matches = .{ .trie = trie, .text = text, .at = at };
        while (matches.next()) |match| {
            if (!spellable.from(match.end)) continue;
            out[count] = trie.tokensAt(match.node)[0];
            at = match.end;
        }
    }
    return count;
}

/// At each place a token drawn uniformly from those after which the rest can be spelled.
fn cutRandomly(trie: *const Trie, text: []const u8, spellable: Spellable, seed: u64, out: []u32) usize {
    var generator: std.Random.DefaultPrng = .init(seed);
    const random = generator.random();
    var count: usize = 0;
    var at: usize = 0;
    while (at < text.len) : (count += 1) {
        var matches: Matches = .{ .trie = trie, .text = text, .at = at };
        var seen: u32 = 0;
        while (matches.next()) |match| {
            if (!spellable.from(match.end)) continue;
            for (trie.tokensAt(match.node)) |token| {
                seen += 1;
                if (random.uintLessThan(u32, seen) != 0) continue;
                out[count] = token;
                at = match.end;
            }
        }
    }
    return count;
}

/// The farthest place that tokens from the start lead to.
fn farthest(trie: *const Trie, text: []const u8) !usize {
    const reached = try gpa.alloc(bool, text.len + 1);
    defer gpa.free(reached);
    @memset(reached, false);
    reached[0] = true;
    var last: usize = 0;
    for (0..text.len) |at| {
        if (!reached[at]) continue;
        last = at;
        var matches: Matches = .{ .trie = trie, .text = text, .at = at };
        while (matches.next()) |match| reached[match.end] = true;
    }
    return last;
}

fn cut(trie: *const Trie, text: []const u8, seed: ?u64, out: []u32) !i64 {
    const spellable: Spellable = try .init(trie, text);
    defer spellable.deinit();
    if (!spellable.from(0)) return unspelled - @as(i64, @intCast(try farthest(trie, text)));
    return @intCast(if (seed) |s| cutRandomly(trie, text, spellable, s, out) else cutGreedily(trie, text, spellable, out));
}

/// Writes token ids that spell the text and gives their count; `room` must be at least `length`.
/// Negative: -1 bad argument, -2 no memory, -3 - p if the text can't be spelled past place p.
export fn ananke_segmentation_greedy(trie: ?*const Trie, text: ?[*]const u8, length: usize, out: ?[*]u32, room: usize) i64 {
    if (length == 0) return 0;
    const t = trie orelse return bad_argument;
    if (room < length or length > std.math.maxInt(u32)) return bad_argument;
    return cut(t, (text orelse return bad_argument)[0..length], null, (out orelse return bad_argument)[0..room]) catch no_memory;
}

/// As `ananke_segmentation_greedy`, with a random cut that `seed` decides.
export fn ananke_segmentation_random(trie: ?*const Trie, text: ?[*]const u8, length: usize, seed: u64, out: ?[*]u32, room: usize) i64 {
    if (length == 0) return 0;
    const t = trie orelse return bad_argument;
    if (room < length or length > std.math.maxInt(u32)) return bad_argument;
    return cut(t, (text orelse return bad_argument)[0..length], seed, (out orelse return bad_argument)[0..room]) catch no_memory;
}

test "the longest token that leaves the rest spellable" {
    // ab a b abc
    const trie = try Trie.build("ababcabd", &.{ 0, 2, 3, 5, 8 }); // ab, a, bc, abd
    defer trie.deinit();
    var out: [8]u32 = undefined;
    try std.testing.expectEqual(@as(i64, 2), ananke_segmentation_greedy(trie, "abc", 3, &out, out.len));
    try std.testing.expectEqualSlices(u32, &.{ 1, 2 }, out[0..2]);
    try std.testing.expectEqual(@as(i64, -3 - 2), ananke_segmentation_greedy(trie, "abx", 3, &out, out.len));
    try std.testing.expectEqual(bad_argument, ananke_segmentation_greedy(trie, "abc", 3, &out, 2));
    try std.testing.expectEqual(@as(i64, 0), ananke_segmentation_random(trie, null, 0, 1, null, 0));
}

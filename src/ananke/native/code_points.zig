//! Which code points from U+0080 on a generated lexer tells apart.
//!
//! The character sets in a lexer are unions of ranges, and a lexer has few of them (identifier
//! start, identifier continuation, white space, ...), so all its states together cut the code
//! points into a few thousand intervals and those into a handful of classes. The states are
//! sorted into families by what they do on some thousand points. One state of each family is
//! scanned finely for the places where its behaviour changes; the others are then compared with
//! it on both sides of the places found in any family, and one that differs is scanned in turn,
//! until none does.
const std = @import("std");
const lexer_probe = @import("lexer_probe.zig");

const Allocator = std.mem.Allocator;
const Probe = lexer_probe.Probe;

pub const Interval = struct { lo: u32, hi: u32, class: u32 };

/// Sorted intervals covering U+0080..U+10FFFF without the surrogates, and for each class one
/// of its intervals.
pub const Classes = struct {
    intervals: []Interval,
    first: []u32,
};

const Stretch = struct {
    lo: u32,
    hi: u32,
    /// 1: every code point. n: the first and the last of each n, and the places in between
    /// where those differ. Blocks and their unassigned tails end at multiples of 16.
    stride: u32,
};

const scanned = [_]Stretch{
    .{ .lo = 0x80, .hi = 0x33FF, .stride = 1 },
    .{ .lo = 0x3400, .hi = 0x9FFF, .stride = 16 }, // CJK ideographs
    .{ .lo = 0xA000, .hi = 0xABFF, .stride = 1 },
    .{ .lo = 0xAC00, .hi = 0xD79F, .stride = 16 }, // Hangul syllables
    .{ .lo = 0xD7A0, .hi = 0xD7FF, .stride = 1 },
    .{ .lo = 0xE000, .hi = 0xF8FF, .stride = 256 }, // private use
    .{ .lo = 0xF900, .hi = 0x16FFF, .stride = 1 },
    .{ .lo = 0x17000, .hi = 0x18CFF, .stride = 16 }, // Tangut, Khitan
    .{ .lo = 0x18D00, .hi = 0x1FFFF, .stride = 1 },
    .{ .lo = 0x20000, .hi = 0x3FFFF, .stride = 16 }, // CJK ideographs
    .{ .lo = 0x40000, .hi = 0xDFFFF, .stride = 4096 }, // unassigned
    .{ .lo = 0xE0000, .hi = 0xE01FF, .stride = 1 },
    .{ .lo = 0xE0200, .hi = 0x10FFFF, .stride = 4096 }, // unassigned, private use
};

/// Every state is watched on all of these: closely where single characters have a meaning of
/// their own (Swift's U+20E3, Python's and TypeScript's U+212A).
const watched = [_]Stretch{
    .{ .lo = 0x80, .hi = 0x3FF, .stride = 1 },
    .{ .lo = 0x400, .hi = 0x1FFF, .stride = 8 },
    .{ .lo = 0x2000, .hi = 0x2BFF, .stride = 1 }, // punctuation, letterlike, arrows, operators
    .{ .lo = 0x2C00, .hi = 0x2FFF, .stride = 16 },
    .{ .lo = 0x3000, .hi = 0x303F, .stride = 1 },
    .{ .lo = 0x3040, .hi = 0xD7FF, .stride = 64 },
    .{ .lo = 0xE000, .hi = 0xFDFF, .stride = 256 },
    .{ .lo = 0xFE00, .hi = 0xFE0F, .stride = 1 }, // variation selectors
    .{ .lo = 0xFE10, .hi = 0xFFFF, .stride = 8 },
    .{ .lo = 0x10000, .hi = 0x1FFFF, .stride = 256 },
    .{ .lo = 0x20000, .hi = 0x10FFFF, .stride = 8192 },
};

/// So many states are compared on every place; of more states, each is on its share of them.
const fully_compared = 256;

/// What follows a code point when intervals are compared: end of input, and the start of most
/// things that a lexer could be in the middle of.
const followers = [_]u32{ lexer_probe.end_of_input, 'a', '0', ' ', '"', '\'', '/', '*', '.', '\n' };

const Points = struct {
    stretches: []const Stretch,
    index: usize = 0,
    next_point: u32,

    fn over(stretches: []const Stretch) Points {
        return .{ .stretches = stretches, .next_point = stretches[0].lo };
    }

    fn next(self: *Points) ?u32 {
        if (self.index == self.stretches.len) return null;
        const point = self.next_point;
        const stretch = self.stretches[self.index];
        const place = (point - stretch.lo) % stretch.stride;
        self.next_point = point + if (place == 0 and stretch.stride > 1) stretch.stride - 1 else 1;
        if (self.next_point > stretch.hi) {
            self.index += 1;
            if (self.index < self.stretches.len) self.next_point = self.stretches[self.index].lo;
        }
        return point;
    }
};

/// Numbers observations by first appearance, so that two states that tell the same points
/// apart give the same sequence whatever they do on them.
const Pattern = struct {
    seen: [16]u64 = undefined,
    count: u32 = 0,
    hash: u64 = 0,

    fn add(self: *Pattern, observation: u64) void {
        self.hash = std.math.rotl(u64, (self.hash ^ self.label(observation)) *% 0x9E37_79B9_7F4A_7C15, 29);
    }

    fn label(self: *Pattern, observation: u64) u64 {
        for (self.seen[0..self.count], 0..) |value, i| {
            if (value == observation) return i;
        }
        // A state with more behaviours than that is labelled by what it does.
        if (self.count == self.seen.len) return observation;
        self.seen[self.count] = observation;
        self.count += 1;
        return self.count - 1;
    }
};

fn observe(probe: *Probe, state: u16, point: u32) u64 {
    return probe.observe(state, &.{point});
}

/// Finds the classes for the states 0..state_count of the lexer behind `probe`.
pub fn classes(arena: Allocator, probe: *Probe, state_count: u32) !Classes {
    // Places where something changes: sorted first code points of intervals.
    var places: std.ArrayList(u32) = .empty;
    try places.appendSlice(arena, &.{ 0x80, 0xE000 });
    // The scanned state that stands for each state.
    const model = try arena.alloc(u16, state_count);
    var families: std.AutoHashMapUnmanaged(u64, u16) = .empty;
    for (model, 0..) |*chosen, state| {
        var pattern: Pattern = .{};
        var points = Points.over(&watched);
        while (points.next()) |point| pattern.add(observe(probe, @intCast(state), point));
        const entry = try families.getOrPut(arena, pattern.hash);
        if (!entry.found_existing) {
            entry.value_ptr.* = @intCast(state);
            try scan(arena, probe, @intCast(state), &places);
        }
        chosen.* = entry.value_ptr.*;
    }
    sortUnique(&places);
    const share = 1 + state_count / fully_compared;
    var changed = true;
    while (changed) {
        changed = false;
        const known = places.items.len;
        for (model, 0..) |*chosen, state| {
            if (chosen.* == state) continue;
            if (agree(probe, @intCast(state), chosen.*, places.items[0..known], share)) continue;
            chosen.* = @intCast(state);
            try scan(arena, probe, @intCast(state), &places);
            changed = true;
        }
        sortUnique(&places);
    }
    var models: std.ArrayList(u16) = .empty;
    for (model, 0..) |chosen, state| {
        if (chosen == state) try models.append(arena, chosen);
    }
    return group(arena, probe, models.items, places.items);
}

/// Whether two states tell the same code points apart, as far as every `share`-th place shows.
fn agree(probe: *Probe, a: u16, b: u16, places: []const u32, share: u32) bool {
    var pattern_a: Pattern = .{};
    var pattern_b: Pattern = .{};
    var i: usize = a % share;
    while (i < places.len) : (i += share) {
        const place = places[i];
        const before = if (place == 0x80 or place == 0xE000) place else place - 1;
        for ([_]u32{ before, place }) |point| {
            if (pattern_a.label(observe(probe, a, point)) != pattern_b.label(observe(probe, b, point))) {
                return false;
            }
        }
    }
    return true;
}

fn sortUnique(places: *std.ArrayList(u32)) void {
    std.mem.sort(u32, places.items, {}, std.sort.asc(u32));
    places.shrinkRetainingCapacity(unique(places.items));
}

fn unique(sorted: []u32) usize {
    var n: usize = 0;
    for (sorted) |value| {
        if (n > 0 and sorted[n - 1] == value) continue;
        sorted[n] = value;
        n += 1;
    }
    return n;
}

fn scan(arena: Allocator, probe: *Probe, state: u16, places: *std.ArrayList(u32)) !void {
    var points = Points.over(&scanned);
    var before = points.next().?;
    var seen = observe(probe, state, before);
    while (points.next()) |point| {
        const found = observe(probe, state, point);
        defer before = point;
        if (point == 0xE000) {
            seen = found;
            continue;
        }
        while (seen != found) {
            // The first change after `before`: behaviour is `seen` at lo and another at hi.
            var lo = before;
            var hi = point;
            var at_hi = found;
            while (hi - lo > 1) {
                const middle = lo + (hi - lo) / 2;
                const at_middle = observe(probe, state, middle);
                if (at_middle == seen) {
                    lo = middle;
                } else {
                    hi = middle;
                    at_hi = at_middle;
                }
            }
            try places.append(arena, hi);
            before = hi;
            seen = at_hi;
        }
    }
}

/// `states` show every pattern that there is, so they tell apart whatever any state does.
fn group(arena: Allocator, probe: *Probe, states: []const u16, places: []const u32) !Classes {
    const intervals = try arena.alloc(Interval, places.len);
    var first: std.ArrayList(u32) = .empty;
    var ids: std.AutoHashMapUnmanaged(u64, u32) = .empty;
    for (intervals, places, 0..) |*interval, lo, i| {
        var hash: u64 = 0;
        for (states) |state| {
            for (followers) |follower| {
                const seen = probe.observe(state, &.{ lo, follower });
                hash = std.math.rotl(u64, (hash ^ seen) *% 0x9E37_79B9_7F4A_7C15, 29);
            }
        }
        const entry = try ids.getOrPut(arena, hash);
        if (!entry.found_existing) {
            entry.value_ptr.* = @intCast(first.items.len);
            try first.append(arena, @intCast(i));
        }
        interval.* = .{ .lo = lo, .hi = lastOf(places, i), .class = entry.value_ptr.* };
    }
    return .{ .intervals = intervals, .first = try first.toOwnedSlice(arena) };
}

fn lastOf(places: []const u32, i: usize) u32 {
    const hi = if (i + 1 < places.len) places[i + 1] - 1 else 0x10FFFF;
    return if (hi == 0xDFFF) 0xD7FF else hi;
}

test "points cover both ends of every stride" {
    const stretches = [_]Stretch{
        .{ .lo = 0x80, .hi = 0x82, .stride = 1 },
        .{ .lo = 0x100, .hi = 0x11F, .stride = 16 },
    };
    var points = Points.over(&stretches);
    const expected = [_]u32{ 0x80, 0x81, 0x82, 0x100, 0x10F, 0x110, 0x11F };
    for (expected) |point| try std.testing.expectEqual(point, points.next().?);
    try std.testing.expectEqual(null, points.next());
}

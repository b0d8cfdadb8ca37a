//! The C ABI of the routines on packed masks: bit i%32 of word i/32 is token i.
//!
//! Every buffer comes with its own length in words; a call whose lengths differ, with a null or
//! misaligned pointer, or with an output that overlaps an operand without being it, changes nothing
//! and returns `bad_argument`. Zig code calls the table of `cpu.zig` directly.
const std = @import("std");
const cpu = @import("cpu.zig");
const memory = @import("memory.zig");

const ok: i32 = 0;
const bad_argument: i32 = -1;
const bad_token: i32 = -2;
const no_memory: i32 = -3;

fn words(pointer: ?*const anyopaque, len: usize) ?[]const u32 {
    if (len == 0) return &.{};
    if (len > std.math.maxInt(usize) / 4) return null;
    const address = @intFromPtr(pointer orelse return null);
    if (address % @alignOf(u32) != 0) return null;
    return @as([*]const u32, @ptrFromInt(address))[0..len];
}

fn mutableWords(pointer: ?*anyopaque, len: usize) ?[]u32 {
    return @constCast(words(pointer, len) orelse return null);
}

const Three = struct { out: []u32, a: []const u32, b: []const u32 };

fn three(out: ?*anyopaque, out_len: usize, a: ?*const anyopaque, a_len: usize, b: ?*const anyopaque, b_len: usize) ?Three {
    if (out_len != a_len or out_len != b_len) return null;
    const all: Three = .{
        .out = mutableWords(out, out_len) orelse return null,
        .a = words(a, a_len) orelse return null,
        .b = words(b, b_len) orelse return null,
    };
    return if (straddles(all.out, all.a) or straddles(all.out, all.b)) null else all;
}

/// Whether two buffers of one length share some words, but not all.
fn straddles(one: []const u32, other: []const u32) bool {
    const from = @intFromPtr(one.ptr);
    const to = @intFromPtr(other.ptr);
    return from != to and @max(from, to) - @min(from, to) < one.len * @sizeOf(u32);
}

/// out = a AND b; `out` may be `a` or `b`.
export fn ananke_bits_intersect(out: ?*anyopaque, out_len: usize, a: ?*const anyopaque, a_len: usize, b: ?*const anyopaque, b_len: usize) i32 {
    const all = three(out, out_len, a, a_len, b, b_len) orelse return bad_argument;
    cpu.bits().intersect(all.out.ptr, all.a.ptr, all.b.ptr, all.out.len);
    return ok;
}

/// out = a OR b; `out` may be `a` or `b`.
export fn ananke_bits_unite(out: ?*anyopaque, out_len: usize, a: ?*const anyopaque, a_len: usize, b: ?*const anyopaque, b_len: usize) i32 {
    const all = three(out, out_len, a, a_len, b, b_len) orelse return bad_argument;
    cpu.bits().unite(all.out.ptr, all.a.ptr, all.b.ptr, all.out.len);
    return ok;
}

/// out = a AND NOT b; `out` may be `a` or `b`.
export fn ananke_bits_subtract(out: ?*anyopaque, out_len: usize, a: ?*const anyopaque, a_len: usize, b: ?*const anyopaque, b_len: usize) i32 {
    const all = three(out, out_len, a, a_len, b, b_len) orelse return bad_argument;
    cpu.bits().subtract(all.out.ptr, all.a.ptr, all.b.ptr, all.out.len);
    return ok;
}

/// The number of bits set, or a negative code.
export fn ananke_bits_count(a: ?*const anyopaque, a_len: usize) i64 {
    const mask = words(a, a_len) orelse return bad_argument;
    return @intCast(cpu.bits().count(mask.ptr, mask.len));
}

/// 1 if a bit is set, 0 if none is, or a negative code.
export fn ananke_bits_any(a: ?*const anyopaque, a_len: usize) i32 {
    const mask = words(a, a_len) orelse return bad_argument;
    return @intFromBool(cpu.bits().any(mask.ptr, mask.len));
}

/// 1 if each bit of a is set in b, 0 if not, or a negative code.
export fn ananke_bits_within(a: ?*const anyopaque, a_len: usize, b: ?*const anyopaque, b_len: usize) i32 {
    if (a_len != b_len) return bad_argument;
    const inner = words(a, a_len) orelse return bad_argument;
    const outer = words(b, b_len) orelse return bad_argument;
    return @intFromBool(cpu.bits().within(inner.ptr, outer.ptr, inner.len));
}

/// Sets the bits of `tokens`, which lie below `vocab_size`; if one doesn't, changes nothing and
/// returns `bad_token`.
export fn ananke_bits_set(out: ?*anyopaque, out_len: usize, tokens: ?*const anyopaque, count: usize, vocab_size: u32) i32 {
    const mask = mutableWords(out, out_len) orelse return bad_argument;
    const ids = words(tokens, count) orelse return bad_argument;
    if (std.math.divCeil(u32, vocab_size, 32) catch unreachable != mask.len) return bad_argument;
    if (ids.len != 0 and std.mem.max(u32, ids) >= vocab_size) return bad_token;
    setTokens(mask, ids);
    return ok;
}

/// For each stretch `firsts[i]` up to `lasts[i]` of `order`, the index of its first token that is
/// set in the mask; -1 where none is.
export fn ananke_bits_first(out: ?*anyopaque, firsts: ?*const anyopaque, lasts: ?*const anyopaque, count: usize, order: ?*const anyopaque, order_len: usize, mask: ?*const anyopaque, mask_len: usize) i32 {
    const found = mutableWords(out, count) orelse return bad_argument;
    const begins = words(firsts, count) orelse return bad_argument;
    const ends = words(lasts, count) orelse return bad_argument;
    const tokens = words(order, order_len) orelse return bad_argument;
    const set = words(mask, mask_len) orelse return bad_argument;
    if (tokens.len > std.math.maxInt(i32)) return bad_argument;
    for (begins, ends) |begin, end| {
        if (begin > end or end > tokens.len) return bad_argument;
    }
    // The mask in the order of `order`, so that what is not set is passed by the word.
    const sorted = memory.gpa.alloc(u64, tokens.len / 64 + 1) catch return no_memory;
    defer memory.gpa.free(sorted);
    @memset(sorted, 0);
    for (tokens, 0..) |token, at| {
        if (token / 32 >= set.len) return bad_token;
        const bit: u64 = set[token / 32] >> @intCast(token % 32) & 1;
        sorted[at / 64] |= bit << @intCast(at % 64);
    }
    for (found, begins, ends) |*one, begin, end| one.* = firstSet(sorted, begin, end) orelse std.math.maxInt(u32);
    return ok;
}

/// The index of the first bit set from `begin` up to `end`.
fn firstSet(bits: []const u64, begin: u32, end: u32) ?u32 {
    if (begin >= end) return null;
    var word: u32 = begin / 64;
    var left = bits[word] >> @intCast(begin % 64) << @intCast(begin % 64);
    while (left == 0) {
        word += 1;
        if (word * 64 >= end) return null;
        left = bits[word];
    }
    const at = word * 64 + @ctz(left);
    return if (at < end) at else null;
}

/// Sets the bits of `tokens`; they lie in the mask. A run of tokens of one word costs one store,
/// so ascending ids are fastest.
pub fn setTokens(mask: []u32, tokens: []const u32) void {
    var at: usize = 0;
    while (at < tokens.len) {
        const index = tokens[at] / 32;
        var word = mask[index];
        while (at < tokens.len and tokens[at] / 32 == index) : (at += 1) {
            word |= @as(u32, 1) << @intCast(tokens[at] % 32);
        }
        mask[index] = word;
    }
}

export fn ananke_cpu_variant_count() u32 {
    return cpu.variants.len;
}

/// The name of a variant, or null past the last.
export fn ananke_cpu_variant_name(index: u32) ?[*:0]const u8 {
    return if (index < cpu.variants.len) cpu.variants[index].name.ptr else null;
}

export fn ananke_cpu_variant_is_supported(index: u32) bool {
    return index < cpu.variants.len and cpu.variants[index].isSupported();
}

/// The index of the variant in use.
export fn ananke_cpu_variant() u32 {
    return cpu.current();
}

/// Uses another variant from now on, in the whole process; false if this machine can't run it.
export fn ananke_cpu_choose(index: u32) bool {
    return cpu.choose(index);
}

test "all variants agree with words one by one" {
    var random = std.Random.DefaultPrng.init(1);
    const prng = random.random();
    var a: [200]u32 = undefined;
    var b: [200]u32 = undefined;
    var out: [200]u32 = undefined;
    for (cpu.variants) |variant| {
        if (!variant.isSupported()) continue;
        const table = variant.table;
        for (0..200) |len| {
            for (&a) |*word| word.* = prng.int(u32);
            for (&b) |*word| word.* = prng.int(u32);
            @memset(&out, 0x5A5A5A5A);
            table.intersect(&out, &a, &b, len);
            for (0..len) |i| try std.testing.expectEqual(a[i] & b[i], out[i]);
            table.unite(&out, &a, &b, len);
            for (0..len) |i| try std.testing.expectEqual(a[i] | b[i], out[i]);
            table.subtract(&out, &a, &b, len);
            for (0..len) |i| try std.testing.expectEqual(a[i] & ~b[i], out[i]);
            for (out[len..]) |word| try std.testing.expectEqual(@as(u32, 0x5A5A5A5A), word);
            var total: usize = 0;
            for (a[0..len]) |word| total += @popCount(word);
            try std.testing.expectEqual(total, table.count(&a, len));
            try std.testing.expectEqual(total != 0, table.any(&a, len));
            try std.testing.expect(table.within(&out, &a, len));
            if (len != 0) {
                @memset(out[0..len], 0);
                try std.testing.expect(!table.any(&out, len));
                const at = prng.uintLessThan(usize, len);
                out[at] = 1;
                try std.testing.expect(table.any(&out, len));
                @memset(a[0..len], 0);
                try std.testing.expect(!table.within(&out, &a, len));
            }
        }
    }
}

test "tokens out of range change nothing" {
    var mask = [_]u32{ 0, 0 };
    const good = [_]u32{ 0, 31, 32, 39 };
    try std.testing.expectEqual(ok, ananke_bits_set(&mask, 2, &good, 4, 40));
    try std.testing.expectEqual([_]u32{ 0x8000_0001, 0x81 }, mask);
    const bad = [_]u32{ 5, 40 };
    try std.testing.expectEqual(bad_token, ananke_bits_set(&mask, 2, &bad, 2, 40));
    try std.testing.expectEqual([_]u32{ 0x8000_0001, 0x81 }, mask);
    try std.testing.expectEqual(bad_argument, ananke_bits_set(&mask, 1, &good, 4, 40));
}

//! The hot routines on packed masks, generic in the width of a vector.
//!
//! Compiled once per CPU variant (`build.zig`), which `options.variant` names. Each object exports
//! one table and nothing else, so that no code of a variant can be called but through `cpu.zig`.
const Table = @import("cpu.zig").Table;
const options = @import("options");

/// 32-bit words in a register of this variant.
const lanes = options.vector_bytes / @sizeOf(u32);
const Vector = @Vector(lanes, u32);
/// Vectors in flight in one round of a loop: hides the latency of loads.
const unroll = 4;

const table: Table = .{
    .intersect = Combine(conjunction).run,
    .unite = Combine(disjunction).run,
    .subtract = Combine(difference).run,
    .count = count,
    .any = any,
    .within = within,
};

comptime {
    @export(&table, .{ .name = "ananke_bits_kernel_" ++ options.variant, .visibility = .hidden });
}

inline fn conjunction(a: anytype, b: @TypeOf(a)) @TypeOf(a) {
    return a & b;
}

inline fn disjunction(a: anytype, b: @TypeOf(a)) @TypeOf(a) {
    return a | b;
}

inline fn difference(a: anytype, b: @TypeOf(a)) @TypeOf(a) {
    return a & ~b;
}

inline fn load(from: [*]const u32) Vector {
    return @as(*align(4) const Vector, @ptrCast(from)).*;
}

inline fn store(to: [*]u32, value: Vector) void {
    @as(*align(4) Vector, @ptrCast(to)).* = value;
}

fn Combine(comptime apply: anytype) type {
    return struct {
        fn run(out: [*]u32, a: [*]const u32, b: [*]const u32, words: usize) callconv(.c) void {
            var at: usize = 0;
            while (words - at >= lanes * unroll) : (at += lanes * unroll) {
                inline for (0..unroll) |part| {
                    const here = at + part * lanes;
                    store(out + here, apply(load(a + here), load(b + here)));
                }
            }
            while (words - at >= lanes) : (at += lanes) {
                store(out + at, apply(load(a + at), load(b + at)));
            }
            while (at < words) : (at += 1) out[at] = apply(a[at], b[at]);
        }
    };
}

fn count(a: [*]const u32, words: usize) callconv(.c) usize {
    // A lane gains at most 32 a vector, and a mask has less than 2^26 words: no lane overflows
    // within a stretch of this many vectors.
    const stretch = 1 << 20;
    var total: usize = 0;
    var at: usize = 0;
    while (words - at >= lanes) {
        var sums: Vector = @splat(0);
        const vectors = @min((words - at) / lanes, stretch);
        for (0..vectors) |_| {
            sums += @popCount(load(a + at));
            at += lanes;
        }
        total += @reduce(.Add, @as(@Vector(lanes, u64), sums));
    }
    while (at < words) : (at += 1) total += @popCount(a[at]);
    return total;
}

fn any(a: [*]const u32, words: usize) callconv(.c) bool {
    var at: usize = 0;
    while (words - at >= lanes * unroll) : (at += lanes * unroll) {
        var seen: Vector = @splat(0);
        inline for (0..unroll) |part| seen |= load(a + at + part * lanes);
        if (@reduce(.Or, seen) != 0) return true;
    }
    while (at < words) : (at += 1) {
        if (a[at] != 0) return true;
    }
    return false;
}

fn within(a: [*]const u32, b: [*]const u32, words: usize) callconv(.c) bool {
    var at: usize = 0;
    while (words - at >= lanes * unroll) : (at += lanes * unroll) {
        var outside: Vector = @splat(0);
        inline for (0..unroll) |part| {
            const here = at + part * lanes;
            outside |= load(a + here) & ~load(b + here);
        }
        if (@reduce(.Or, outside) != 0) return false;
    }
    while (at < words) : (at += 1) {
        if (a[at] & ~b[at] != 0) return false;
    }
    return true;
}

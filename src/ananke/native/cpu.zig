//! The variants of the hot routines, and which of them this CPU can run.
//!
//! `bits_kernel.zig` is compiled once per variant, each with that variant's instructions, and each
//! object gives a `Table`. The choice is made on first use: CPUID says what the CPU has, XGETBV
//! what the operating system saves on a context switch; an instruction set counts only if both
//! agree. On arm64 NEON is part of the baseline, so there is one variant and nothing to ask.
const std = @import("std");
const builtin = @import("builtin");

/// The routines of one variant. Lengths are in 32-bit words and, where there are several
/// operands, common to all. `out` may be one of the operands, but may not overlap it otherwise.
pub const Table = extern struct {
    /// out = a AND b
    intersect: *const fn (out: [*]u32, a: [*]const u32, b: [*]const u32, words: usize) callconv(.c) void,
    /// out = a OR b
    unite: *const fn (out: [*]u32, a: [*]const u32, b: [*]const u32, words: usize) callconv(.c) void,
    /// out = a AND NOT b
    subtract: *const fn (out: [*]u32, a: [*]const u32, b: [*]const u32, words: usize) callconv(.c) void,
    /// The number of bits set.
    count: *const fn (a: [*]const u32, words: usize) callconv(.c) usize,
    /// Whether a bit is set.
    any: *const fn (a: [*]const u32, words: usize) callconv(.c) bool,
    /// Whether each bit of a is set in b.
    within: *const fn (a: [*]const u32, b: [*]const u32, words: usize) callconv(.c) bool,
};

const Variant = struct {
    name: [:0]const u8,
    table: *const Table,
    isSupported: *const fn () bool,
};

/// Ascending: a later variant is faster where it is supported.
pub const variants: []const Variant = switch (builtin.cpu.arch) {
    .x86_64 => &.{
        .{ .name = "baseline", .table = kernel("baseline"), .isSupported = always },
        .{ .name = "avx2", .table = kernel("avx2"), .isSupported = hasAvx2 },
        .{ .name = "avx512", .table = kernel("avx512"), .isSupported = hasAvx512 },
    },
    .aarch64 => &.{.{ .name = "neon", .table = kernel("neon"), .isSupported = always }},
    else => &.{.{ .name = "baseline", .table = kernel("baseline"), .isSupported = always }},
};

fn kernel(comptime name: []const u8) *const Table {
    return @extern(*const Table, .{ .name = "ananke_bits_kernel_" ++ name, .visibility = .hidden });
}

const unchosen = std.math.maxInt(u32);
var chosen = std.atomic.Value(u32).init(unchosen);

/// The routines to call.
pub fn bits() *const Table {
    return variants[current()].table;
}

/// The index of the variant in use.
pub fn current() u32 {
    const known = chosen.load(.monotonic);
    if (known != unchosen) return known;
    const found = best();
    chosen.store(found, .monotonic);
    return found;
}

/// The index of the fastest variant that this machine can run.
pub fn best() u32 {
    var index: u32 = variants.len - 1;
    while (index > 0 and !variants[index].isSupported()) index -= 1;
    return index;
}

/// Uses variant `index` from now on; false, and nothing changes, if this machine can't run it.
pub fn choose(index: u32) bool {
    if (index >= variants.len or !variants[index].isSupported()) return false;
    chosen.store(index, .monotonic);
    return true;
}

fn always() bool {
    return true;
}

const Leaf = struct { eax: u32, ebx: u32, ecx: u32, edx: u32 };

fn cpuid(leaf: u32, sub: u32) Leaf {
    var eax: u32 = undefined;
    var ebx: u32 = undefined;
    var ecx: u32 = undefined;
    var edx: u32 = undefined;
    asm volatile ("cpuid"
        : [_] "={eax}" (eax),
          [_] "={ebx}" (ebx),
          [_] "={ecx}" (ecx),
          [_] "={edx}" (edx),
        : [_] "{eax}" (leaf),
          [_] "{ecx}" (sub),
    );
    return .{ .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx };
}

/// The low half of XCR0: bit 1 SSE, 2 AVX, 5 to 7 the three parts of the AVX-512 state.
fn savedState() u32 {
    return asm volatile (
        \\ xgetbv
        : [_] "={eax}" (-> u32),
        : [_] "{ecx}" (@as(u32, 0)),
        : .{ .edx = true });
}

fn all(register: u32, comptime wanted: []const u5) bool {
    comptime var mask: u32 = 0;
    inline for (wanted) |bit| mask |= @as(u32, 1) << bit;
    return register & mask == mask;
}

/// All of x86-64-v3, which the object is compiled for.
fn hasAvx2() bool {
    if (cpuid(0, 0).eax < 7 or cpuid(0x8000_0000, 0).eax < 0x8000_0001) return false;
    // FMA, SSSE3.. CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, OSXSAVE, AVX, F16C
    if (!all(cpuid(1, 0).ecx, &.{ 9, 12, 13, 19, 20, 22, 23, 27, 28, 29 })) return false;
    // BMI1, AVX2, BMI2
    if (!all(cpuid(7, 0).ebx, &.{ 3, 5, 8 })) return false;
    // LAHF, LZCNT
    if (!all(cpuid(0x8000_0001, 0).ecx, &.{ 0, 5 })) return false;
    return all(savedState(), &.{ 1, 2 });
}

/// All of x86-64-v4.
fn hasAvx512() bool {
    if (!hasAvx2()) return false;
    // F, DQ, CD, BW, VL
    if (!all(cpuid(7, 0).ebx, &.{ 16, 17, 28, 30, 31 })) return false;
    return all(savedState(), &.{ 1, 2, 5, 6, 7 });
}

test "the chosen variant is the best one and can be overridden" {
    try std.testing.expectEqual(best(), current());
    defer _ = choose(best());
    try std.testing.expect(choose(0));
    try std.testing.expectEqual(@as(u32, 0), current());
    try std.testing.expect(!choose(@intCast(variants.len)));
    try std.testing.expectEqual(@as(u32, 0), current());
}

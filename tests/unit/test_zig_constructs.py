"""Zig's constructs, read as strictly as by its compiler: `languages/zig/constructs.py`."""

from __future__ import annotations

import pytest

from ananke.cli.judges import judge
from tests.constructs import check_admitted, check_dies_at, completed

#: What the compiler accepts.
VALID = (
    b"const A = struct { x: u32 = 1, y: T(u8) = .{ .z = 2 }, const B = 3; };\n",
    (
        b"fn f() void { var a: u32 = 1; a += 2; if (b) c = d else e = f; while ("
        b"g) : (h += 1) i = j; for (k) |l| m = l; switch (n) { .o => p = q, 1..."
        b"2 => {}, else => |r| s = r } defer t = u; a, b = c; const x, var y = z"
        b"; }\n"
    ),
    b"fn f() align(4) T { const x = if (a) b else c; return T{ .a = 1, .b = .{2} }; }\n",
    b"const a = .{ .b = c, .d = e, };\n",
    b"const a = b < c and d == e or f > g;\n",
    b"const a = f(b < c, d < e);\n",
    b"const a = (b < c) == (d < e);\n",
    b"const a = b == c + d * e and f;\n",
    b"const a = if (b < c) d > e else f < g;\n",
    b"const a = .{ b < c, d == e };\nconst f = g > h;\n",
    b"fn f() void { if (a == b) c = d == e; while (g < h) : (i += 1) {} }\n",
    b"const a = !b == !c;\n",
    b"const a = b == -c;\n",
    b"const a = b == .c;\n",
    b"const a = b == c.d(e < f);\n",
    b"const a = b < @as(T, c) orelse d;\n",
    b"const a = b catch |e| c == d;\n",
    (
        b"fn f(a: u8, b: fn (u8, []const u8) void, comptime c: type, d: anytype,"
        b" noalias e: *u8) void {}\n"
    ),
    b"const F = fn (u8, *const T) callconv(.c) void;\n",
    b"extern fn f(a: u8, ...) c_int;\n",
    b'fn f(_: u8, u8: u8, @"a": b) void {}\n',
    b"fn f(a: T(b), c: [d]e, g: struct { h: u8 }) i {}\n",
    b"pub fn f() fn (u8) void { return g; }\n",
    b'const a = "\\n\\x00\\u{1f600}\\\\\\"" ++ "\'";\n',
    b"const a = 'b';\nconst c = '\\n';\nconst d = '\xc3\xa9';\n",
    b'const a =\n    \\\\ b "\n    \\\\\n;\n',
    b"const a = b==c;\n",
    b"const a = b == c;\n",
    b"const a = b\n    ==\n    c;\n",
    b"const a = b + //\n c;\n",
    b"const a = b<<c +% d;\n",
    b"const a = b <= c and d>=e;\n",
    b"const a = .{ .b, .c, d.e, .{ .f = g } };\n",
    b"const a = B{ .c = d, .e = f(.g, .h), };\n",
    b"const a = .{ .b = .{ .c, .d }, .e = .{ .f = 1 } };\n",
    b'const a = .{ .b = c, .@"d" = e };\n',
    b"const a = .{ .{ .b = c }, .{ .d = e } };\n",
    b"const a = &.{ .b = if (c) d else e, .f = blk: { break :blk g; } };\n",
    b"const a = .{ .b == c, .d };\n",
    b"const a = .{ .b = .c == d };\n",
    b"const a = f(.{}, .{ .b = c }, .d);\n",
    (
        b"a: T, b: *U, c: ?[]const V = null, d: fn (u8) W, e: struct { f: X }, g"
        b": enum(u8) { h }, i: error{A}!Y,\n"
    ),
    b'pub extern "c" fn f() void;\n',
    (b"const F = fn () void;\nconst G: *const fn () void = h;\nextern const i: fn () void;\n"),
    b'test "a" { b; }\ntest c { d; }\ncomptime { e; }\ncomptime f: g,\n',
    b"pub inline fn f() !void {}\nexport fn g() void {}\nthreadlocal var h: i = j;\n",
    b"const A = union(enum) { b: c, d, const e = f or g; fn h() i { return j and k; } };\n",
    b"a: switch (b) { .c => d, else => e },\nf: if (g) h else i,\n",
    b"fn f() struct { a: b } { return c; }\n",
    b"fn f(a: b) align(c + d) callconv(if (e) .f else .g) h { }\n",
    (
        b"fn f(a: anytype) void {}\nconst G = fn (anytype) void;\nfn h(i: fn (j: a"
        b"nytype) k, comptime l: anytype) m {}\n"
    ),
    b"const a = (b)and(c);\n",
    b"const a = b orelse c catch |e| d;\n",
    b"const a = android or b.oreo;\n",
    b"const a = b\n    or c;\n",
    b"const a = b or // c\n    d;\n",
    b"fn f(a: [b + c]d, e: *align(f + g) h, i: fn (j) k) l {}\n",
    (
        b'pub extern "c" fn f(*const u32, u8) void;\nextern fn g(u8, h: i, ...) v'
        b"oid;\nextern fn j(k: anytype) void;\n"
    ),
    b"fn f() void { a, b = c; switch (d) { e => f = g, h => i } while (j) : (k = l) {} }\n",
    b"const a = b[c..d :0];\nconst e = f[g..:0];\nconst h: [i:0]j = k[l];\n",
    b"const a = b[if (c) d else e];\nconst f = g[h];\n",
    b"const a = b[c[d..e :f] + g];\n",
    b"fn f() fn (a) b { }\nfn g() struct { fn h() void {} } { }\n",
    b"const A = struct { b: fn (c) d = e, fn f() g {} };\n",
    b"const a = b;\nc: d,\ne: f,\nfn g() void {}\ntest { }\n// h\n",
    (b"const A = struct { const b = c; d: e, f: g, const h = struct { i: j }; };\nconst k = l;\n"),
    b"const A = struct { a: b, fn c() void {} pub const d = e; fn f() g { h(i, j); } };\n",
)

#: What it refuses, and the place of the first byte that no program has there.
INVALID = (
    (b"const a = b = c;\n", 13),
    (b"fn f() void { f(a = b); }\n", 19),
    (b"fn f() void { a = b = c; }\n", 21),
    (b"const a = .{ .b = 1 - c = d };\n", 25),
    (b"const a = (b = c);\n", 14),
    (b"const a = .{ b = c };\n", 16),
    (b"const a = f(b, .c = d);\n", 19),
    (b"const a = .{ .b.c = d };\n", 19),
    (b"const a = b < c < d;\n", 17),
    (b"const a = b + c < d + e == f;\n", 24),
    (b'const a = "b\n', 12),
    (b'const a = "b\\q\n', 13),
    (b"const a = '\n", 11),
    (b"const a = b ==c;\n", 14),
    (b"const a = b== c;\n", 13),
    (b"const a = b <<c;\n", 14),
    (b"const a = b <=c;\n", 14),
    (b"const a = b +//\n c;\n", 13),
    (b"const a = b+\xc3\xa9;\n", 12),
    (b"const a = .{ .b = c, .d };\n", 24),
    (b"const a = .{ b, .c = d };\n", 20),
    (b"const a = .{ .b = c, d };\n", 21),
    (b"&x", 0),
    (b"a or b", 2),
    (b"x: u8 or", 6),
    (b"try f();\n", 3),
    (b"{ x }", 0),
    (b"const A = struct { {", 19),
    (b"while (a) {}\n", 5),
    (b"a: anytype,\n", 10),
    (b"const a = b and.c;\n", 15),
    (b"const a = (b)and c;\n", 16),
    (b"const a = b or(c);\n", 14),
    (b"fn f(a: b == c) void {}\n", 10),
    (b"a: b: c", 4),
    (b"const A = B{ .c, d = e };\n", 20),
    (b"const A = b catch .c{ .d, e = f };\n", 29),
    (b"fn f() void { a = b, c = d; }\n", 19),
    (b"fn f(a.* b) void {}\n", 6),
    (b"fn f(a: b) c,\n", 12),
    (b"a: b /= c", 6),
)


def _parses(text: bytes) -> bool:
    verdict = judge("zig", text)
    assert verdict is not None
    return verdict.parses


@pytest.mark.parametrize("text", VALID)
def test_what_the_compiler_accepts_is_admitted(text: bytes) -> None:
    assert _parses(text)
    check_admitted("zig", text)


@pytest.mark.parametrize(("text", "dead_at"), INVALID)
def test_what_it_refuses_dies_at_its_first_wrong_byte(text: bytes, dead_at: int) -> None:
    assert not _parses(text)
    check_dies_at("zig", text, dead_at)


@pytest.mark.parametrize("text", [text[:dead_at] for text, dead_at in INVALID])
def test_what_is_left_before_it_can_be_finished(text: bytes) -> None:
    assert _parses(completed("zig", text))

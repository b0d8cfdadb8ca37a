//! The checksum of cache files: XXH3 with 64 bits and seed 0. It finds damage, not malice.
const std = @import("std");
const cpu = @import("cpu.zig");

/// `bytes` may be null only if `len` is 0.
export fn ananke_checksum(bytes: ?[*]const u8, len: usize) u64 {
    const nothing: [*]const u8 = "";
    return cpu.bits().checksum(if (len == 0) nothing else bytes.?, len);
}

test "known values of XXH3" {
    try std.testing.expectEqual(@as(u64, 0x2D06800538D394C2), ananke_checksum(null, 0));
    try std.testing.expectEqual(@as(u64, 0x78AF5F94892F3950), ananke_checksum("abc", 3));
}

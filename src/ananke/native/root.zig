//! The root of libananke: every module whose C ABI the library exports.
const builtin = @import("builtin");

/// Raised when an exported function's parameters or meaning change; the loader refuses a library
/// of another number.
pub const abi_version: u32 = 2;

export fn ananke_abi_version() u32 {
    return abi_version;
}

/// Whether bounds and overflow checks are compiled in.
export fn ananke_is_safe() bool {
    return switch (builtin.mode) {
        .debug, .safe => true,
        .fast, .small => false,
    };
}

// One line for each module that exports functions or holds tests.
comptime {
    _ = @import("automaton.zig");
    _ = @import("bits.zig");
    _ = @import("checksum.zig");
    _ = @import("parser_abi.zig");
    _ = @import("segmentation.zig");
    _ = @import("trie.zig");
}

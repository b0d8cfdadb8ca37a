//! The allocator of the native core, and counts of what lives, for the leak checks.
const std = @import("std");

pub const gpa: std.mem.Allocator = std.heap.smp_allocator;

/// Reference-counted objects alive in the process, by kind.
pub var live_states = std.atomic.Value(i64).init(0);
pub var live_stack_nodes = std.atomic.Value(i64).init(0);
pub var live_trees = std.atomic.Value(i64).init(0);
pub var live_texts = std.atomic.Value(i64).init(0);

/// A lock that spins briefly and then yields; held for microseconds on warm paths.
pub const Lock = struct {
    held: std.atomic.Value(bool) = .init(false),

    pub fn acquire(self: *Lock) void {
        var spins: u32 = 0;
        while (self.held.swap(true, .acquire)) {
            spins += 1;
            if (spins < 100) std.atomic.spinLoopHint() else std.Thread.yield() catch {};
        }
    }

    pub fn release(self: *Lock) void {
        self.held.store(false, .release);
    }
};

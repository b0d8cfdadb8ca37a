//! The allocator of the native core, and counts of what lives, for the leak checks.
const std = @import("std");

pub const gpa: std.mem.Allocator = std.heap.smp_allocator;

/// Reference-counted objects alive in the process, by kind.
pub var live_states = std.atomic.Value(i64).init(0);
pub var live_stack_nodes = std.atomic.Value(i64).init(0);
pub var live_trees = std.atomic.Value(i64).init(0);
pub var live_texts = std.atomic.Value(i64).init(0);

/// A lock that spins briefly and then yields; held for microseconds on warm paths. One may hold it to
/// change what it guards, or several to read; who waits to change keeps new readers out.
pub const Lock = struct {
    /// How many read, and the bit of who changes, or waits for the last reader.
    holders: std.atomic.Value(u32) = .init(0),

    const changing: u32 = 1 << 31;

    pub fn acquire(self: *Lock) void {
        var spins: u32 = 0;
        while (self.holders.fetchOr(changing, .acquire) & changing != 0) wait(&spins);
        while (self.holders.load(.acquire) != changing) wait(&spins);
    }

    pub fn release(self: *Lock) void {
        self.holders.store(0, .release);
    }

    pub fn acquireShared(self: *Lock) void {
        var spins: u32 = 0;
        while (true) : (wait(&spins)) {
            const holders = self.holders.load(.monotonic);
            if (holders & changing != 0) continue;
            if (self.holders.cmpxchgWeak(holders, holders + 1, .acquire, .monotonic) == null) return;
        }
    }

    pub fn releaseShared(self: *Lock) void {
        _ = self.holders.fetchSub(1, .release);
    }

    fn wait(spins: *u32) void {
        spins.* += 1;
        if (spins.* < 100) std.atomic.spinLoopHint() else std.Thread.yield() catch {};
    }
};

test "who changes is alone, and readers see whole changes" {
    const Shared = struct {
        lock: Lock = .{},
        first: u64 = 0,
        second: u64 = 0,
        torn: std.atomic.Value(u32) = .init(0),

        fn change(self: *@This()) void {
            for (0..2_000) |_| {
                self.lock.acquire();
                defer self.lock.release();
                self.first += 1;
                std.atomic.spinLoopHint();
                self.second += 1;
            }
        }

        fn read(self: *@This()) void {
            for (0..2_000) |_| {
                self.lock.acquireShared();
                defer self.lock.releaseShared();
                if (self.first != self.second) _ = self.torn.fetchAdd(1, .monotonic);
            }
        }
    };
    var shared = Shared{};
    var threads: [6]std.Thread = undefined;
    for (threads[0..3]) |*thread| thread.* = try std.Thread.spawn(.{}, Shared.change, .{&shared});
    for (threads[3..]) |*thread| thread.* = try std.Thread.spawn(.{}, Shared.read, .{&shared});
    for (threads) |thread| thread.join();
    try std.testing.expectEqual(@as(u32, 0), shared.torn.load(.monotonic));
    try std.testing.expectEqual(@as(u64, 3 * 2_000), shared.first);
    try std.testing.expectEqual(shared.first, shared.second);
}

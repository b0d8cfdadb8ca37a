//! Automata as bytes: a header of six u32 and the tables, little-endian, nothing between them.
//!
//! Most states share their transitions on wide code points with many others (all prefixes of
//! keywords go on as the same identifier), so each distinct list of ranges is kept once.
//!
//! Reading trusts nothing: lengths, targets, symbols and the order of ranges are checked, so
//! that whatever is accepted can be walked without further checks.
const std = @import("std");
const builtin = @import("builtin");
const automaton = @import("automaton.zig");

const Allocator = std.mem.Allocator;
const Automaton = automaton.Automaton;
const Range = automaton.Range;
const Tables = automaton.Tables;

const magic: u32 = 0x31_41_4E_41; // "ANA1"
const header_len = 24;

/// Ranges of all states together, as a bound on what a blob may make us allocate.
const max_ranges = 1 << 24;

pub const Error = error{ OutOfMemory, Corrupt };

/// What the language needs of the automaton.
pub const Limits = struct { symbol_count: u32, start_count: u32 };

comptime {
    // The tables are copied as they are.
    std.debug.assert(builtin.cpu.arch.endian() == .little);
    std.debug.assert(@sizeOf(Range) == 12);
}

fn lengthOf(states: u64, starts: u64, lists: u64, ranges: u64) u64 {
    const per_state = automaton.ascii_count * 3 + 2 + 2 + 4;
    return header_len + states * per_state + (lists + 1) * 4 + ranges * @sizeOf(Range) + starts * 2;
}

/// The distinct lists of ranges, and which one each state has.
const Lists = struct {
    start: std.ArrayList(u32) = .empty,
    ranges: std.ArrayList(Range) = .empty,
    of_state: std.ArrayList(u32) = .empty,

    fn init(gpa: Allocator, self: *const Automaton) error{OutOfMemory}!Lists {
        var lists: Lists = .{};
        errdefer lists.deinit(gpa);
        var ids: std.StringHashMapUnmanaged(u32) = .empty;
        defer ids.deinit(gpa);
        try lists.start.append(gpa, 0);
        for (0..self.state_count) |state| {
            const ranges = self.wideOf(@intCast(state));
            const entry = try ids.getOrPut(gpa, std.mem.sliceAsBytes(ranges));
            if (!entry.found_existing) {
                entry.value_ptr.* = @intCast(lists.start.items.len - 1);
                try lists.ranges.appendSlice(gpa, ranges);
                try lists.start.append(gpa, @intCast(lists.ranges.items.len));
            }
            try lists.of_state.append(gpa, entry.value_ptr.*);
        }
        return lists;
    }

    fn deinit(self: *Lists, gpa: Allocator) void {
        self.start.deinit(gpa);
        self.ranges.deinit(gpa);
        self.of_state.deinit(gpa);
    }
};

/// The automaton's bytes, which belong to `gpa`.
pub fn serialize(gpa: Allocator, self: *const Automaton) error{OutOfMemory}![]u8 {
    var lists = try Lists.init(gpa, self);
    defer lists.deinit(gpa);
    const list_count: u32 = @intCast(lists.start.items.len - 1);
    const range_count: u32 = @intCast(lists.ranges.items.len);
    const starts: u32 = @intCast(self.start.len);
    const header = [6]u32{ magic, self.state_count, starts, list_count, range_count, 0 };
    const out = try gpa.alloc(u8, @intCast(lengthOf(self.state_count, starts, list_count, range_count)));
    var at: usize = 0;
    inline for (.{
        &header,         lists.start.items, lists.of_state.items, lists.ranges.items,
        self.ascii,      self.eof,          self.accept,          self.start,
        self.ascii_skip,
    }) |part| {
        const bytes = std.mem.sliceAsBytes(part);
        @memcpy(out[at..][0..bytes.len], bytes);
        at += bytes.len;
    }
    std.debug.assert(at == out.len);
    return out;
}

/// The result's arrays belong to `gpa`.
pub fn deserialize(gpa: Allocator, data: []const u8, limits: Limits) Error!Automaton {
    if (data.len < header_len) return error.Corrupt;
    var header: [6]u32 = undefined;
    @memcpy(std.mem.sliceAsBytes(&header), data[0..header_len]);
    const states = header[1];
    const starts = header[2];
    const list_count = header[3];
    const range_count = header[4];
    if (header[0] != magic or header[5] != 0) return error.Corrupt;
    if (states == 0 or states >= automaton.DEAD or starts > 0xFFFF or list_count > states) return error.Corrupt;
    if (starts < limits.start_count) return error.Corrupt;
    if (data.len != lengthOf(states, starts, list_count, range_count)) return error.Corrupt;

    var scratch_state = std.heap.ArenaAllocator.init(gpa);
    defer scratch_state.deinit();
    const scratch = scratch_state.allocator();
    const list_start = try scratch.alloc(u32, list_count + 1);
    const list_of_state = try scratch.alloc(u32, states);
    const ranges = try scratch.alloc(Range, range_count);

    var tables = try Tables.alloc(gpa, states, starts);
    {
        errdefer tables.deinit(gpa);
        var at: usize = header_len;
        inline for (.{
            list_start, list_of_state, ranges,       tables.ascii,
            tables.eof, tables.accept, tables.start, tables.ascii_skip,
        }) |part| {
            const bytes = std.mem.sliceAsBytes(part);
            @memcpy(bytes, data[at..][0..bytes.len]);
            at += bytes.len;
        }
        try checkTables(&tables, limits);
        try checkLists(list_start, list_of_state, ranges, states);
        try spread(gpa, &tables, list_start, list_of_state, ranges);
    }
    return Automaton.derive(gpa, tables);
}

fn checkTables(tables: *const Tables, limits: Limits) error{Corrupt}!void {
    const states = tables.accept.len;
    for (tables.ascii) |target| try checkTarget(target, states);
    for (tables.eof) |target| try checkTarget(target, states);
    for (tables.start) |target| if (target >= states) return error.Corrupt;
    for (tables.ascii_skip) |skip| if (skip > 1) return error.Corrupt;
    for (tables.accept) |symbol| {
        if (symbol != automaton.NO_SYMBOL and symbol >= limits.symbol_count) return error.Corrupt;
    }
}

fn checkTarget(target: u16, states: usize) error{Corrupt}!void {
    if (target != automaton.DEAD and target >= states) return error.Corrupt;
}

fn checkLists(start: []const u32, of_state: []const u32, ranges: []const Range, states: usize) error{Corrupt}!void {
    const list_count = start.len - 1;
    if (start[0] != 0 or start[list_count] != ranges.len) return error.Corrupt;
    for (start[0..list_count], start[1..]) |first, last| {
        if (first > last or last > ranges.len) return error.Corrupt;
        var least: u32 = automaton.ascii_count;
        for (ranges[first..last]) |range| {
            if (range.lo < least or range.hi < range.lo or range.hi > 0x10FFFF) return error.Corrupt;
            if (range.lo <= 0xDFFF and range.hi >= 0xD800) return error.Corrupt;
            if (range.target >= states or range.skip > 1) return error.Corrupt;
            least = range.hi + 1;
        }
    }
    var total: u64 = 0;
    for (of_state) |list| {
        if (list >= list_count) return error.Corrupt;
        total += start[list + 1] - start[list];
    }
    if (total > max_ranges) return error.Corrupt;
}

/// Gives every state its own copy of its list.
fn spread(gpa: Allocator, tables: *Tables, start: []const u32, of_state: []const u32, ranges: []const Range) !void {
    var total: u32 = 0;
    for (of_state, tables.wide_start[0..of_state.len]) |list, *first| {
        first.* = total;
        total += start[list + 1] - start[list];
    }
    tables.wide_start[of_state.len] = total;
    tables.wide = try gpa.alloc(Range, total);
    for (of_state, tables.wide_start[0..of_state.len]) |list, first| {
        const source = ranges[start[list]..start[list + 1]];
        @memcpy(tables.wide[first..][0..source.len], source);
    }
}

//! Flattens a syntax tree into rows: visible nodes in preorder, with kinds, aliases and fields.
//!
//! Hidden nodes of the grammar are left out and their children stand in their place; a field
//! given to a hidden node holds for its visible children (tree-sitter's `node.c` resolves the
//! same maps lazily).
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const stack = @import("stack.zig");

const gpa = memory.gpa;

pub const named_flag: u16 = 1;
pub const extra_flag: u16 = 2;
pub const no_row: u32 = 0xFFFF_FFFF;

pub const Row = extern struct {
    symbol: u16,
    field: u16,
    flags: u16,
    production: u16,
    start: u32,
    end: u32,
    /// Visible children.
    children: u32,
    parent: u32,
};

const Item = struct { tree: *const stack.Tree, alias: u16, field: u16, parent: u32 };

/// Appends the rows of `root`.
pub fn flatten(lang: *const ts.TSLanguage, root: *const stack.Tree, out: *std.ArrayList(Row)) !void {
    var work: std.ArrayList(Item) = .empty;
    defer work.deinit(gpa);
    try work.append(gpa, .{ .tree = root, .alias = 0, .field = 0, .parent = no_row });
    while (work.pop()) |item| {
        const tree = item.tree;
        const symbol = if (item.alias != 0) item.alias else tree.symbol;
        const meta = lang.symbol_metadata[symbol];
        var parent = item.parent;
        var passed_field = item.field;
        if (item.alias != 0 or meta.visible) {
            if (parent != no_row) out.items[parent].children += 1;
            parent = @intCast(out.items.len);
            passed_field = 0;
            try out.append(gpa, .{
                .symbol = lang.public_symbol_map[symbol],
                .field = item.field,
                .flags = (if (meta.named) named_flag else 0) | (if (tree.extra) extra_flag else 0),
                .production = tree.production,
                .start = tree.start,
                .end = tree.end,
                .children = 0,
                .parent = item.parent,
            });
        }
        const first = work.items.len;
        var index: usize = 0;
        for (tree.children) |child| {
            if (child.extra) {
                try work.append(gpa, .{ .tree = child, .alias = 0, .field = 0, .parent = parent });
                continue;
            }
            const own = fieldOf(lang, tree.production, index);
            try work.append(gpa, .{
                .tree = child,
                .alias = aliasOf(lang, tree.production, index),
                .field = if (own != 0) own else passed_field,
                .parent = parent,
            });
            index += 1;
        }
        std.mem.reverse(Item, work.items[first..]);
    }
}

pub fn aliasOf(lang: *const ts.TSLanguage, production: u16, index: usize) u16 {
    if (production == 0 or index >= lang.max_alias_sequence_length) return 0;
    return lang.alias_sequences[@as(usize, production) * lang.max_alias_sequence_length + index];
}

pub fn fieldOf(lang: *const ts.TSLanguage, production: u16, index: usize) u16 {
    if (lang.field_count == 0) return 0;
    const slice = lang.field_map_slices[production];
    for (lang.field_map_entries[slice.index..][0..slice.length]) |entry| {
        if (entry.child_index == index and !entry.inherited) return entry.field_id;
    }
    return 0;
}

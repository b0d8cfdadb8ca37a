//! Folding: the text of an unfinished external lexeme, shortened to one that its scanner treats
//! alike.
//!
//! An external scanner is compiled code without visible states, so an unfinished lexeme that is
//! its business ("\n    # a comm", the inside of a string) can only be described by its bytes.
//! Most bytes don't matter to the scanner: a run of ordinary characters inside a string acts like
//! one of them. A fold, declared by the language for the external terminals that are valid,
//! says which bytes those are. Equal folded texts then share one lexical configuration, and the
//! number of configurations stays small and independent of the length of the text.
//!
//! Example, for the inside of a Python string: `some words \n more` folds to `x\nx`.
//!
//! Folds serve masks only. A lexeme that closes is measured on the text itself.
const std = @import("std");
const memory = @import("memory.zig");

pub const Comment = struct { open: []const u8, close: []const u8 };

pub const Fold = struct {
    /// The fold applies where this external terminal is valid.
    symbol: u16,
    /// Class of each byte; 0 keeps it, a run of one other class shrinks to its representative.
    classes: [256]u8,
    representatives: [8]u8,
    /// After this byte the next one is kept as it is; -1: none.
    escape: i32,
    /// Lines after the first that holds a comment, and blank ones, are dropped.
    drops_lines: bool,
    /// Bytes that, like those of class 1, don't matter any more once a byte of class 1 follows.
    forgets: [256]bool = @splat(false),
    /// Bytes that matter only at the start of the lexeme.
    opening: [256]bool = @splat(false),
    /// A lexeme that the scanner gives up at one of these bytes is none of the language's.
    fatal: [256]bool = @splat(false),
    /// Class 2 shrinks only before the first line end: after it, columns count.
    leading: bool = false,
    comments: std.ArrayList(Comment) = .empty,
    /// Words the scanner looks for; any other run of letters acts like "z".
    words: std.ArrayList([]const u8) = .empty,

    pub fn deinit(self: *Fold) void {
        for (self.comments.items) |comment| {
            memory.gpa.free(comment.open);
            memory.gpa.free(comment.close);
        }
        for (self.words.items) |word| memory.gpa.free(word);
        self.comments.deinit(memory.gpa);
        self.words.deinit(memory.gpa);
    }

    /// Folds `text` into `out`. Folding is idempotent: fold(fold(a) ++ b) = fold(a ++ b).
    pub fn apply(self: *const Fold, text: []const u8, out: *std.ArrayList(u8)) !void {
        out.clearRetainingCapacity();
        var inside: ?usize = null;
        var in_run = false;
        var run_class: u8 = 0;
        var i: usize = 0;
        while (i < text.len) {
            const b = text[i];
            if (inside) |k| {
                const close = self.comments.items[k].close;
                if (std.mem.startsWith(u8, text[i..], close)) {
                    try out.appendSlice(memory.gpa, close);
                    i += close.len;
                    inside = null;
                    in_run = false;
                    run_class = 0;
                    if (self.drops_lines and close[close.len - 1] == '\n') dropLine(out);
                } else if (b == close[0]) {
                    try out.append(memory.gpa, b);
                    in_run = false;
                    i += 1;
                } else {
                    if (!in_run) try out.append(memory.gpa, 'x');
                    in_run = true;
                    i += 1;
                }
                continue;
            }
            var opened = false;
            for (self.comments.items, 0..) |comment, k| {
                if (std.mem.startsWith(u8, text[i..], comment.open)) {
                    try out.appendSlice(memory.gpa, comment.open);
                    i += comment.open.len;
                    inside = k;
                    in_run = false;
                    opened = true;
                    break;
                }
            }
            if (opened) continue;
            if (self.escape == b) {
                try out.append(memory.gpa, b);
                if (i + 1 < text.len) try out.append(memory.gpa, text[i + 1]);
                run_class = 0;
                i += 2;
                continue;
            }
            if (self.words.items.len > 0 and std.ascii.isAlphabetic(b)) {
                var end = i;
                while (end < text.len and std.ascii.isAlphabetic(text[end])) end += 1;
                if (self.isWord(text[i..end], end == text.len)) {
                    try out.appendSlice(memory.gpa, text[i..end]);
                } else {
                    try out.append(memory.gpa, 'z');
                }
                run_class = 0;
                i = end;
                continue;
            }
            var class = self.classes[b];
            if (self.leading and class == 2 and std.mem.indexOfScalar(u8, out.items, '\n') != null) class = 0;
            if (class == 1 and self.forgettable(out.items)) {
                const keeps = out.items.len > 0 and self.opening[out.items[0]];
                out.shrinkRetainingCapacity(@intFromBool(keeps));
                run_class = 0;
            }
            if (class == 0) {
                try out.append(memory.gpa, b);
            } else if (class != run_class) {
                try out.append(memory.gpa, self.representatives[class & 7]);
            }
            run_class = class;
            i += 1;
            if (b == '\n' and self.drops_lines) dropLine(out);
        }
    }

    fn forgettable(self: *const Fold, text: []const u8) bool {
        for (text) |b| {
            if (!self.forgets[b] and !self.opening[b]) return false;
        }
        return true;
    }

    fn isWord(self: *const Fold, run: []const u8, unfinished: bool) bool {
        for (self.words.items) |word| {
            if (std.mem.eql(u8, word, run)) return true;
            if (unfinished and std.mem.startsWith(u8, word, run)) return true;
        }
        return false;
    }
};

/// Drops the line that the newline at the end of `out` closes, if it is blank or an earlier
/// line already holds a comment.
fn dropLine(out: *std.ArrayList(u8)) void {
    const text = out.items;
    const last = text.len - 1;
    const previous = std.mem.lastIndexOfScalar(u8, text[0..last], '\n') orelse return;
    // A line end that is escaped ends no line: what follows belongs to the line before.
    if (previous > 0 and text[previous - 1] == '\\') return;
    const line = text[previous + 1 .. last];
    const first = std.mem.indexOfScalar(u8, text, '\n') orelse return;
    const blank = std.mem.indexOfNone(u8, line, " \t\r") == null;
    const had_comment = std.mem.indexOfNone(u8, text[first .. previous + 1], " \t\r\n") != null;
    if (blank or had_comment) out.shrinkRetainingCapacity(previous + 1);
}

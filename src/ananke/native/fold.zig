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
//! Example, for the inside of a Python string in double quotes: `some "words" 'or' m` folds to
//! `x"x`, since in it single quotes are ordinary.
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
    /// In scanner states with one of these flags, a byte of class 1 acts with the escape before
    /// it like one of class 1.
    raw_in: u8 = 0,
    /// Bytes that act like class 1 unless the scanner's state has one of these flags, or if it
    /// has one of those (see `Lexing.flagsOf`); 0: whatever the state.
    live_in: [256]u8 = @splat(0),
    plain_in: [256]u8 = @splat(0),
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

    pub fn classOf(self: *const Fold, byte: u8, flags: u8) u8 {
        if (self.live_in[byte] != 0 and flags & self.live_in[byte] == 0) return 1;
        if (flags & self.plain_in[byte] != 0) return 1;
        return self.classes[byte];
    }

    /// Folds `text`, read in a scanner state with `flags`, into `out`. Folding is idempotent:
    /// fold(fold(a) ++ b) = fold(a ++ b).
    pub fn apply(self: *const Fold, text: []const u8, flags: u8, out: *std.ArrayList(u8)) !void {
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
                    if (self.drops_lines and close[close.len - 1] == '\n') self.dropLine(out);
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
            var class = self.classOf(b, flags);
            var length: usize = 1;
            if (self.escape == b) {
                const plain = flags & self.raw_in != 0 and i + 1 < text.len and self.classOf(text[i + 1], flags) == 1;
                if (!plain or out.items.len == 0) {
                    try out.append(memory.gpa, b);
                    if (i + 1 < text.len) try out.append(memory.gpa, if (plain) self.representatives[1] else text[i + 1]);
                    run_class = 0;
                    i += 2;
                    continue;
                }
                class = 1;
                length = 2;
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
            if (self.leading and class == 2 and lineEnd(out.items, 0) != null) class = 0;
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
            i += length;
            if (b == '\n' and self.drops_lines) self.dropLine(out);
        }
    }

    /// Drops the line that the newline at the end of `out` closes, if it is blank or an earlier
    /// line already holds a comment.
    fn dropLine(self: *const Fold, out: *std.ArrayList(u8)) void {
        const text = out.items;
        const last = text.len - 1;
        // A line end that is escaped ends no line: what follows belongs to the line before.
        const line = lastLine(text[0..last]) orelse return;
        const first = lineEnd(text, 0) orelse return;
        const blank = std.mem.indexOfNone(u8, text[line..last], " \t\r") == null;
        if (blank or self.holdsComment(text[first..line])) out.shrinkRetainingCapacity(line);
    }

    pub fn holdsComment(self: *const Fold, text: []const u8) bool {
        for (self.comments.items) |comment| {
            if (std.mem.indexOf(u8, text, comment.open) != null) return true;
        }
        return false;
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

/// Where the first line end at or after `from` is that no backslash escapes.
pub fn lineEnd(text: []const u8, from: usize) ?usize {
    var at = from;
    while (std.mem.indexOfScalarPos(u8, text, at, '\n')) |found| : (at = found + 1) {
        const before = if (found > 0 and text[found - 1] == '\r') found - 1 else found;
        if (before == 0 or text[before - 1] != '\\') return found;
    }
    return null;
}

/// Where the last line of `text` begins, if that isn't the first.
pub fn lastLine(text: []const u8) ?usize {
    var found: ?usize = null;
    while (lineEnd(text, found orelse 0)) |end| found = end + 1;
    return found;
}

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
const automaton = @import("automaton.zig");

/// The internal lexer: its automata, its states before a name (one, and all of them) and inside.
pub const Lexer = struct {
    main: *const automaton.Automaton,
    keyword: ?*const automaton.Automaton,
    start: u16,
    starts: []const u16,
    inside: u16,
    /// The terminal of names.
    name: u16,

    /// Whether no lexeme of the internal lexer has the character where a name may stand.
    fn isStrange(self: Lexer, code_point: u21) bool {
        const dead = automaton.DEAD;
        return self.main.step(self.start, code_point).target == dead and self.main.step(self.inside, code_point).target == dead;
    }

    /// Whether the letters are a keyword, or, `unfinished`, may become one.
    fn isKeyword(self: Lexer, run: []const u8, unfinished: bool) bool {
        if (self.keyword) |keyword| {
            if (keyword.follow(keyword.start[0], run)) |state| {
                if (unfinished or keyword.accept[state] != automaton.NO_SYMBOL) return true;
            }
        }
        // Some keywords are told from names at once.
        for (self.starts) |start| {
            const state = self.main.follow(start, run) orelse continue;
            if (state == self.inside) continue;
            const accepted = self.main.accept[state];
            if (unfinished or (accepted != self.name and accepted != automaton.NO_SYMBOL)) return true;
        }
        return false;
    }
};

/// Stands for characters that no lexeme has, if it is one of them.
const strange: u21 = 0xE000;
const strange_text = "\u{E000}";

pub const Stretch = struct { first: u21, last: u21 };
pub const Comment = struct {
    open: []const u8,
    close: []const u8,

    /// Whether it ends with its line, or its word, so that the end of the text may end it too.
    fn endsWithLine(self: Comment) bool {
        return std.ascii.isWhitespace(self.close[self.close.len - 1]);
    }
};

/// An unfinished comment: in how many it is, itself included, and what ends it.
pub const Open = struct { depth: u32, close: []const u8 };

/// Stands for letters beyond ASCII: a letter in every language. A scanner that keeps no more than
/// the low byte of a character takes none for a letter of a word, and some for its end.
const wide_letter = "\u{e9}";
const wide_ending = "\u{100}";

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
    /// With this the lexeme ends, as what follows will show: it isn't forgotten.
    ending: []const u8 = "",
    /// Bytes that don't matter at the start of the lexeme.
    skips: [256]bool = @splat(false),
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
    /// Class 2 shrinks only before the first line end, which makes a blank beginning forgotten:
    /// after it, columns count.
    leading: bool = false,
    comments: std.ArrayList(Comment) = .empty,
    /// Whether comments that don't end with their line hold others.
    nests: bool = false,
    /// Words the scanner looks for; any other run of letters that is no keyword acts like "z".
    words: std.ArrayList([]const u8) = .empty,
    /// What may be left of the text is read again by the internal lexer: keywords stay.
    lexer: ?Lexer = null,
    /// Stretches of characters beyond ASCII of which a run acts like the first of them.
    alike: std.ArrayList(Stretch) = .empty,
    /// Whether strings that stand in any number of hashes and quotes (`##"…"##`) are comments to
    /// the fold.
    hashes: bool = false,
    /// Bytes of operators of which none that the scanner knows has more than `repeats_known` in a row.
    repeats: [256]bool = @splat(false),

    pub fn deinit(self: *Fold) void {
        for (self.comments.items) |comment| {
            memory.gpa.free(comment.open);
            memory.gpa.free(comment.close);
        }
        for (self.words.items) |word| memory.gpa.free(word);
        memory.gpa.free(self.ending);
        self.comments.deinit(memory.gpa);
        self.words.deinit(memory.gpa);
        self.alike.deinit(memory.gpa);
    }

    pub fn classOf(self: *const Fold, byte: u8, flags: u8) u8 {
        if (self.live_in[byte] != 0 and flags & self.live_in[byte] == 0) return 1;
        if (flags & self.plain_in[byte] != 0) return 1;
        return self.classes[byte];
    }

    /// Folds `text`, read in a scanner state with `flags`, into `out`. Folding is idempotent:
    /// fold(fold(a) ++ b) = fold(a ++ b).
    ///
    /// Returns the comment that is open at the end, unless it ends with its line.
    pub fn apply(self: *const Fold, text: []const u8, flags: u8, out: *std.ArrayList(u8)) !?Open {
        out.clearRetainingCapacity();
        var inside: ?usize = null;
        var depth: u32 = 0;
        var in_run = false;
        var run_class: u8 = 0;
        var i: usize = 0;
        while (i < text.len) {
            const b = text[i];
            if (inside) |k| {
                const comment = self.comments.items[k];
                const close = comment.close;
                const nests = self.nests and !comment.endsWithLine();
                if (std.mem.startsWith(u8, text[i..], close)) {
                    i += close.len;
                    depth -|= 1;
                    if (depth > 0) {
                        // A comment within another is part of it.
                        out.shrinkRetainingCapacity(std.mem.findLast(u8, out.items, comment.open).?);
                        if (out.items[out.items.len - 1] != 'x') try out.append(memory.gpa, 'x');
                        in_run = true;
                        continue;
                    }
                    try out.appendSlice(memory.gpa, close);
                    inside = null;
                    in_run = false;
                    run_class = 0;
                    if (self.drops_lines and close[close.len - 1] == '\n') self.dropLine(out);
                } else if (nests and std.mem.startsWith(u8, text[i..], comment.open)) {
                    try out.appendSlice(memory.gpa, comment.open);
                    i += comment.open.len;
                    depth += 1;
                    in_run = false;
                } else if (std.mem.startsWith(u8, close, text[i..]) or (nests and std.mem.startsWith(u8, comment.open, text[i..]))) {
                    // What may begin the end of the comment matters until more is known.
                    try out.appendSlice(memory.gpa, text[i..]);
                    i = text.len;
                } else {
                    if (!in_run) try out.append(memory.gpa, 'x');
                    in_run = true;
                    i += 1;
                }
                continue;
            }
            if (self.skips[b] and out.items.len == 0) {
                i += 1;
                continue;
            }
            if (self.hashes and b == '#') {
                i = try foldHashes(text, i, out);
                in_run = false;
                run_class = 0;
                continue;
            }
            var opened = false;
            for (self.comments.items, 0..) |comment, k| {
                if (std.mem.startsWith(u8, text[i..], comment.open)) {
                    try out.appendSlice(memory.gpa, comment.open);
                    i += comment.open.len;
                    inside = k;
                    depth = @intFromBool(!comment.endsWithLine());
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
                    if (!plain and std.mem.startsWith(u8, text[i - 1 ..], "\r\n")) {
                        // Both are the line end that is escaped; a second one may be none.
                        try out.append(memory.gpa, '\n');
                        i += 1;
                    }
                    continue;
                }
                class = 1;
                length = 2;
            }
            if (self.words.items.len > 0 and self.letterAt(text[i..], true) > 0) {
                i = try self.foldWord(text, i, out);
                run_class = 0;
                continue;
            }
            if (b >= 0x80) {
                if (wideAt(text[i..])) |wide| {
                    var encoded: [4]u8 = undefined;
                    if (self.standInOf(wide.code_point, &encoded)) |stand_in| {
                        if (!std.mem.endsWith(u8, out.items, stand_in)) try out.appendSlice(memory.gpa, stand_in);
                        run_class = 0;
                        i += wide.length;
                        continue;
                    }
                }
            }
            if (self.leading and class == 2 and lineEnd(out.items, 0) != null) class = 0;
            if (class == 1 and self.forgettable(out.items)) {
                const keeps = out.items.len > 0 and self.opening[out.items[0]];
                out.shrinkRetainingCapacity(@intFromBool(keeps));
                run_class = 0;
            }
            if (self.leading and b == '\n' and std.mem.findNone(u8, out.items, &.{self.representatives[2]}) == null) out.clearRetainingCapacity();
            if (class == 0) {
                if (!self.repeats[b] or !isRepeated(out.items, b)) try out.append(memory.gpa, b);
            } else if (class != run_class) {
                try out.append(memory.gpa, self.representatives[class & 7]);
            }
            run_class = class;
            i += length;
            if (b == '\n' and self.drops_lines) self.dropLine(out);
        }
        return if (depth > 0) .{ .depth = depth, .close = self.comments.items[inside.?].close } else null;
    }

    /// What a run of characters beyond ASCII that act like this one is folded to, if any.
    fn standInOf(self: *const Fold, code_point: u21, encoded: *[4]u8) ?[]const u8 {
        if (self.words.items.len > 0) {
            if (self.lexer) |lexer| {
                if (lexer.isStrange(code_point) and lexer.isStrange(strange)) return strange_text;
            }
        }
        for (self.alike.items) |stretch| {
            if (code_point < stretch.first or code_point > stretch.last) continue;
            const length = std.unicode.utf8Encode(self.alike.items[0].first, encoded) catch return null;
            return encoded[0..length];
        }
        return null;
    }

    /// The length of the character at the start of `text` if it may begin or go on with a name, or 0.
    fn letterAt(self: *const Fold, text: []const u8, is_first: bool) usize {
        if (text[0] < 0x80) return @intFromBool(std.ascii.isAlphabetic(text[0]) or text[0] == '_');
        const lexer = self.lexer orelse return 0;
        const wide = wideAt(text) orelse return 0;
        const target = lexer.main.step(if (is_first) lexer.start else lexer.inside, wide.code_point).target;
        if (target == automaton.DEAD or lexer.main.accept[target] != lexer.name) return 0;
        return wide.length;
    }

    /// Folds the run of letters at `from` into `out`; where it ends.
    fn foldWord(self: *const Fold, text: []const u8, from: usize, out: *std.ArrayList(u8)) !usize {
        var letters = from;
        while (letters < text.len and std.ascii.isAlphabetic(text[letters])) letters += 1;
        var end = letters;
        var first_wide: ?u21 = null;
        while (end < text.len) {
            const is_digit = end > from and std.ascii.isDigit(text[end]);
            const length = if (is_digit) 1 else self.letterAt(text[end..], end == from);
            if (length == 0) break;
            if (length > 1 and first_wide == null) first_wide = wideAt(text[end..]).?.code_point;
            end += length;
        }
        const head = text[from..letters];
        if (self.isWord(head, letters == text.len)) {
            try out.appendSlice(memory.gpa, head);
            if (end > letters and first_wide == null) try out.append(memory.gpa, '_');
        } else if (head.len > 0 or first_wide == null) {
            try out.append(memory.gpa, 'z');
        }
        if (first_wide) |code_point| try out.appendSlice(memory.gpa, if (code_point & 0xFF == 0) wide_ending else wide_letter);
        return end;
    }

    /// Folds a string in hashes at `from`, or the hashes alone, into `out`; where it ends.
    fn foldHashes(text: []const u8, from: usize, out: *std.ArrayList(u8)) !usize {
        var at = from;
        while (at < text.len and text[at] == '#') at += 1;
        const hashes = text[from..at];
        try out.appendSlice(memory.gpa, hashes);
        if (at == text.len or text[at] != '"') return at;
        try out.append(memory.gpa, '"');
        at += 1;
        var in_run = false;
        while (at < text.len) {
            const more = text[at..];
            if (more[0] == '"' or more[0] == '\\') {
                // The end of the string, or of its part before an expression.
                const same = std.mem.findDiff(u8, more[1..], hashes) orelse hashes.len;
                const is_whole = same == hashes.len;
                if (is_whole and more[0] == '"') {
                    try out.appendSlice(memory.gpa, more[0 .. 1 + same]);
                    return at + 1 + same;
                }
                if (1 + same == more.len or (is_whole and more[1 + same] == '(')) {
                    try out.appendSlice(memory.gpa, more);
                    return text.len;
                }
            }
            if (!in_run) try out.append(memory.gpa, 'x');
            in_run = true;
            at += 1;
        }
        return at;
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

    /// Whether the escape stands before the byte.
    pub fn isEscaped(self: *const Fold, text: []const u8, at: usize) bool {
        return at > 0 and self.escape == text[at - 1];
    }

    fn forgettable(self: *const Fold, text: []const u8) bool {
        if (self.ending.len > 0 and std.mem.find(u8, text, self.ending) != null) return false;
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
        const lexer = self.lexer orelse return false;
        return lexer.isKeyword(run, unfinished);
    }
};

/// More of a byte in a row make no difference to an operator.
const repeats_known = 4;

/// Whether `text` ends with so many of `byte`.
fn isRepeated(text: []const u8, byte: u8) bool {
    return text.len >= repeats_known and std.mem.indexOfNone(u8, text[text.len - repeats_known ..], &.{byte}) == null;
}

/// The character beyond ASCII at the start of `text`; null if it isn't whole.
fn wideAt(text: []const u8) ?struct { code_point: u21, length: usize } {
    const length = std.unicode.utf8ByteSequenceLength(text[0]) catch return null;
    if (length > text.len) return null;
    const code_point = std.unicode.utf8Decode(text[0..length]) catch return null;
    return .{ .code_point = code_point, .length = length };
}

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

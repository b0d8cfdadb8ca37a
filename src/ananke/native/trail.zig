//! Answers by what a stack answers.
//!
//! Two stacks of other states may behave alike: a call's argument in a loop and one in a function,
//! as long as nobody asks what comes after the statement. All that a question about a stack (is this
//! lexeme viable, which tokens of this class are admitted) learns of it, it learns by two smaller
//! ones, the *reads*: which terminals can be shifted here, and which stacks there are after this
//! terminal. So its answer is a function of what the reads gave, and is stored under that.
//!
//! A *trail* is the sequence of reads that one question has made. Its entries are numbered as they
//! are met: 0 is the stack that is asked about, others are what terminals led to. Example: "may a
//! token that spells `))` come?" makes the trail
//!
//!     terminals of 0            → {identifier, `)`, …}, with which every trail begins
//!     0 after `)`               → entry 1, lex mode 7
//!     terminals of 1            → {`)`, `;`, …}
//!
//! Stored answers make a tree: a node holds the reads to make next, and their outcomes lead to the
//! next node or to the answer. Finding an answer makes the same reads anew, on the stack at hand,
//! and nothing else. What reads give never depends on the trail, so making more of them than the
//! question needs does no harm.
//!
//! That an entry is one met before is part of an outcome: the numbers stand for entries, and one
//! read may be asked of an entry under either name.
const std = @import("std");
const ts = @import("tslanguage.zig");
const lexing = @import("lexing.zig");
const linear = @import("linear.zig");

const Entry = linear.Entry;
const Error = linear.Error;

/// One read of a stack, as it is made.
pub const Read = struct { from: *Entry, outcome: *Outcome };

/// What a read gave. Without a symbol: nothing here, the terminals are the entry's.
pub const Outcome = struct {
    symbol: ts.Symbol = terminals_symbol,
    keyword: ts.Symbol = 0,
    after: linear.Linear.After = .{ .tops = &.{}, .accepted = false },
    /// The lowest entry read for it.
    low: i32 = 0,
    /// The trail that has it last.
    trail: u32 = 0,
};

/// A read by the number of its entry; without a symbol: the terminals that can be shifted.
pub const Step = packed struct(u64) { from: u16, symbol: ts.Symbol, keyword: ts.Symbol, unused: u16 = 0 };

pub const terminals_symbol: ts.Symbol = lexing.none_symbol;

/// A question that reads more often isn't stored.
const max_steps = 8192;

pub const Trail = struct {
    hash: u64,
    /// Where the reads of this question begin in the view's log.
    start: usize,
    entries: std.ArrayList(*Entry) = .empty,
    steps: std.ArrayList(Step) = .empty,
    outcomes: std.ArrayList(*Outcome) = .empty,
    answer: ?u64 = null,

    /// Looks for a stored answer to the question with the key `key` about the stack at `entry`. The
    /// terminals of 0 are part of every key: nearly all questions begin with them.
    pub fn follow(view: *linear.Linear, memo: *linear.Memo, key: u64, entry: *Entry) Error!Trail {
        const terminals = try view.shiftableSet(entry);
        var self = Trail{ .hash = linear.mix(key, terminals), .start = view.log.items.len };
        view.trails += 1;
        try self.meet(view, entry);
        self.answer = try self.descend(view, memo);
        if (self.answer == null) {
            memo.misses += 1;
        } else {
            memo.hits += 1;
            try self.leave(view);
        }
        return self;
    }

    /// Makes the reads that the tree asks for; the answer that they lead to.
    fn descend(self: *Trail, view: *linear.Linear, memo: *const linear.Memo) Error!?u64 {
        while (memo.get(self.hash)) |value| {
            if (value & linear.unfinished == 0) return value;
            for (memo.steps.items[@intCast(value & ~linear.unfinished)]) |step| {
                // Another outcome before has led to fewer entries. Never at the first step: it names
                // an entry that the hash so far stands for.
                if (step.from >= self.entries.items.len) break;
                const from = self.entries.items[step.from];
                try self.take(view, step, try view.outcomeOf(from, step.symbol, step.keyword));
            }
        }
        return null;
    }

    /// Stores the answer, found by the reads in the log since.
    pub fn conclude(self: *Trail, view: *linear.Linear, memo: *linear.Memo, value: u64) Error!void {
        // The trails of other questions have marked the same entries since.
        view.trails += 1;
        for (self.entries.items, 0..) |entry, number| mark(view, entry, number);
        for (self.outcomes.items) |outcome| outcome.trail = view.trails;
        // A question within this one may have been the same, about another stack.
        if (try self.descend(view, memo) != null) return self.leave(view);
        const from = self.hash;
        const known = self.steps.items.len;
        var at = self.start;
        while (at < view.log.items.len) : (at += 1) {
            const read = view.log.items[at];
            if (read.outcome.trail == view.trails) continue;
            if (read.from.trail != view.trails or self.steps.items.len == max_steps) return;
            try self.take(view, .{ .from = read.from.number, .symbol = read.outcome.symbol, .keyword = read.outcome.keyword }, read.outcome);
        }
        const fresh = self.steps.items[known..];
        if (fresh.len > 0) try memo.put(from, linear.unfinished | try memo.internSteps(fresh));
        try memo.put(self.hash, value);
        try self.leave(view);
    }

    /// Makes a read and its outcome part of the hash.
    fn take(self: *Trail, view: *linear.Linear, step: Step, outcome: *Outcome) Error!void {
        const a = view.arena.allocator();
        outcome.trail = view.trails;
        self.hash = linear.mix(self.hash, @bitCast(step));
        try self.steps.append(a, step);
        try self.outcomes.append(a, outcome);
        if (step.symbol == terminals_symbol) {
            self.hash = linear.mix(self.hash, try view.terminalsOf(self.entries.items[step.from]));
            return;
        }
        self.hash = linear.mix(self.hash, outcome.after.tops.len * 2 + @intFromBool(outcome.after.accepted));
        for (outcome.after.tops) |top| {
            const number: u64 = if (top.trail == view.trails) top.number else met: {
                try self.meet(view, top);
                break :met no_number;
            };
            self.hash = linear.mix(self.hash, number << 16 | view.grammar.lex.modeOf(top.state, top.mark));
        }
    }

    fn meet(self: *Trail, view: *linear.Linear, entry: *Entry) Error!void {
        mark(view, entry, self.entries.items.len);
        try self.entries.append(view.arena.allocator(), entry);
    }

    fn mark(view: *linear.Linear, entry: *Entry, number: usize) void {
        // No step can name an entry past these; to the trail it is a new one each time.
        if (number >= no_number) return;
        entry.trail = view.trails;
        entry.number = @intCast(number);
    }

    /// The reads of this question are among those of the one that asked it: each once in the log.
    fn leave(self: *Trail, view: *linear.Linear) Error!void {
        view.log.shrinkRetainingCapacity(self.start);
        try view.log.ensureUnusedCapacity(linear.gpa, self.steps.items.len);
        for (self.steps.items, self.outcomes.items) |step, outcome| {
            view.log.appendAssumeCapacity(.{ .from = self.entries.items[step.from], .outcome = outcome });
        }
    }
};

const no_number = 0xFFFF;

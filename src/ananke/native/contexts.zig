//! Contexts: what a language's rules remember of the constructs under way.
//!
//! A grammar is looser than its language where what may come depends on what came before in the
//! same construct: no positional argument after a named one, no comparison of a comparison. A
//! *rule* is a small automaton over the symbols of the stack. Its state at a stack node is the
//! node's *context*, part of the node's mark. A node's context follows from that of the node below
//! it (its base), from the symbol between them, and, where the symbol was reduced, from the
//! context at the end of what it is made of (its top). Without a step for the symbol it is that of
//! the base, so that a construct that ends gives back the context it began in.
//!
//! In a context some terminals may not be shifted, and a step may refuse a reduction.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const lines = @import("lines.zig");

const gpa = memory.gpa;
const Mark = lines.Mark;

/// Any context, in a step's conditions.
pub const any: u8 = 0xFF;
/// The step refuses the reduction.
pub const refused: u8 = 0xFE;

/// The step to context `to` on `symbol`. Conditions: the context `on` of the base, the context
/// `top` at the end of what was reduced, whether the base is a state after `after`, and whether
/// `into` may come next in the state that the symbol leads to (0: any).
/// A `common` step is one of those for all symbols; it changes nothing in the first context.
pub const Step = extern struct { symbol: ts.Symbol, after: ts.Symbol, into: ts.Symbol, on: u8, top: u8, to: u8, common: bool, pad: u16 = 0 };

const Rule = struct {
    /// Where the context is in the mark.
    shift: u5,
    mask: Mark,
    /// The steps by symbol: those of symbol s are steps[first[s]..first[s + 1]].
    first: []u16,
    steps: []Step,
    /// By context, the terminals that may not be shifted; empty: all may.
    refusals: [][]u64,

    fn contextOf(self: *const Rule, mark: Mark) u8 {
        return @intCast(mark >> self.shift & self.mask);
    }
};

pub const Contexts = struct {
    lang: *const ts.TSLanguage,
    rules: std.ArrayList(Rule) = .empty,
    /// By symbol, the states after it; only of symbols that a step asks for.
    after: std.AutoHashMapUnmanaged(ts.Symbol, std.DynamicBitSetUnmanaged) = .empty,
    bits: u5 = lines.bits,
    /// By symbol, the rules with a step for it.
    own: []u32 = &.{},
    /// The rules with common steps.
    common: u32 = 0,
    /// Whether some rule refuses terminals in its first context.
    refuses_first: bool = false,

    pub fn deinit(self: *Contexts) void {
        for (self.rules.items) |rule| {
            gpa.free(rule.first);
            gpa.free(rule.steps);
            for (rule.refusals) |set| gpa.free(set);
            gpa.free(rule.refusals);
        }
        self.rules.deinit(gpa);
        gpa.free(self.own);
        var sets = self.after.valueIterator();
        while (sets.next()) |set| set.deinit(gpa);
        self.after.deinit(gpa);
    }

    /// Adds a rule of `count` contexts. `steps` are tried in their order.
    pub fn add(self: *Contexts, count: u8, steps: []const Step) error{ OutOfMemory, Invalid }!void {
        const lang = self.lang;
        const width: u5 = @intCast(std.math.log2_int_ceil(u32, @max(2, @as(u32, count))));
        if (self.bits + @as(u32, width) > @bitSizeOf(Mark) - 1) return error.Invalid;
        for (steps) |step| {
            if (step.symbol >= lang.symbol_count or step.after >= lang.symbol_count or step.into >= lang.symbol_count) return error.Invalid;
            if (step.to >= count and step.to != refused) return error.Invalid;
            if (step.after != 0) try self.watch(step.after);
        }
        if (self.own.len == 0) {
            self.own = try gpa.alloc(u32, lang.symbol_count);
            @memset(self.own, 0);
        }
        const bit = @as(u32, 1) << @intCast(self.rules.items.len);
        for (steps) |step| {
            if (step.common) {
                self.common |= bit;
            } else {
                self.own[step.symbol] |= bit;
            }
        }
        const first = try gpa.alloc(u16, lang.symbol_count + 1);
        errdefer gpa.free(first);
        const sorted = try gpa.alloc(Step, steps.len);
        errdefer gpa.free(sorted);
        var filled: usize = 0;
        for (0..lang.symbol_count) |symbol| {
            first[symbol] = @intCast(filled);
            for (steps) |step| {
                if (step.symbol != symbol) continue;
                sorted[filled] = step;
                filled += 1;
            }
        }
        first[lang.symbol_count] = @intCast(filled);
        const refusals = try gpa.alloc([]u64, count);
        errdefer gpa.free(refusals);
        for (refusals) |*set| set.* = &.{};
        try self.rules.append(gpa, .{
            .shift = self.bits,
            .mask = (@as(Mark, 1) << width) - 1,
            .first = first,
            .steps = sorted,
            .refusals = refusals,
        });
        self.bits += width;
    }

    /// Finds the states after a symbol, for `isAfter`.
    pub fn watch(self: *Contexts, symbol: ts.Symbol) !void {
        if (self.after.contains(symbol)) return;
        try self.after.put(gpa, symbol, try statesAfter(self.lang, symbol));
    }

    pub fn isAfter(self: *const Contexts, state: ts.StateId, symbol: ts.Symbol) bool {
        return self.after.get(symbol).?.isSet(state);
    }

    /// In the context of the rule added last the terminal may not be shifted.
    pub fn refuse(self: *Contexts, context: u8, terminal: ts.Symbol) error{ OutOfMemory, Invalid }!void {
        const rule = self.rules.items[self.rules.items.len - 1];
        if (context >= rule.refusals.len or terminal >= self.lang.token_count) return error.Invalid;
        if (context == 0) self.refuses_first = true;
        const set = &rule.refusals[context];
        if (set.len == 0) {
            set.* = try gpa.alloc(u64, (@as(usize, self.lang.symbol_count) + 63) / 64);
            @memset(set.*, 0);
        }
        set.*[terminal / 64] |= @as(u64, 1) << @intCast(terminal % 64);
    }

    /// The contexts in `into`, after `symbol` on a base of the state and mark, as bits of a mark; `top` is
    /// the mark at the end of what was reduced. Null: it may not be reduced.
    pub fn next(self: *const Contexts, symbol: ts.Symbol, state: ts.StateId, into: ts.StateId, base: Mark, top: Mark) ?Mark {
        var result = base >> lines.bits << lines.bits;
        if (self.own.len == 0) return result;
        var left = self.own[symbol];
        if (result != 0) left |= self.common;
        while (left != 0) : (left &= left - 1) {
            const rule = &self.rules.items[@ctz(left)];
            const on = rule.contextOf(base);
            var to = on;
            for (rule.steps[rule.first[symbol]..rule.first[symbol + 1]]) |step| {
                if (step.on != any and step.on != on) continue;
                if (step.top != any and step.top != rule.contextOf(top)) continue;
                if (step.after != 0 and !self.isAfter(state, step.after)) continue;
                if (step.into != 0 and self.lang.lookup(into, step.into) == 0) continue;
                to = step.to;
                break;
            }
            if (to == refused) return null;
            result ^= @as(Mark, to ^ on) << rule.shift;
        }
        return result;
    }

    /// Whether the terminal may be shifted on a node of the mark.
    pub fn admits(self: *const Contexts, mark: Mark, terminal: ts.Symbol) bool {
        if (mark >> lines.bits == 0 and !self.refuses_first) return true;
        for (self.rules.items) |*rule| {
            const set = rule.refusals[rule.contextOf(mark)];
            if (set.len > 0 and set[terminal / 64] >> @intCast(terminal % 64) & 1 != 0) return false;
        }
        return true;
    }

    /// Takes the terminals that may not be shifted on a node of the mark out of the set.
    pub fn restrict(self: *const Contexts, mark: Mark, terminals: []u64) void {
        if (mark >> lines.bits == 0 and !self.refuses_first) return;
        for (self.rules.items) |*rule| {
            const set = rule.refusals[rule.contextOf(mark)];
            for (set, 0..) |word, i| terminals[i] &= ~word;
        }
    }
};

/// The states that `symbol` leads to.
fn statesAfter(lang: *const ts.TSLanguage, symbol: ts.Symbol) !std.DynamicBitSetUnmanaged {
    var set = try std.DynamicBitSetUnmanaged.initEmpty(gpa, lang.state_count);
    for (1..lang.state_count) |state| {
        const entry = lang.lookup(@intCast(state), symbol);
        if (entry == 0) continue;
        if (symbol >= lang.token_count) {
            set.set(entry);
            continue;
        }
        for (lang.actionsAt(entry)) |action| {
            if (action.shift.kind == @backingInt(ts.ActionKind.shift) and !action.shift.extra) set.set(action.shift.state);
        }
    }
    return set;
}

//! The parser: immutable states that grow by text.
//!
//! A state is a set of heads, the versions of the parse that are alive. A head is a stack node,
//! the lexical configuration of the unfinished lexeme above it, and where that lexeme began.
//! `feed` reads text into a new state; the old one stays valid, so that a fork is a reference.
//!
//! The parsing rules are those of tree-sitter's `ts_parser__advance` and `ts_parser__reduce`
//! (generalised LR over its tables), without its error recovery: a version that has no action
//! dies.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const stack = @import("stack.zig");
const lexing = @import("lexing.zig");
const linear = @import("linear.zig");
const lines = @import("lines.zig");
const contexts = @import("contexts.zig");
const cost_to_go = @import("cost_to_go.zig");
const spelling_module = @import("spelling.zig");

const gpa = memory.gpa;
const Node = stack.Node;
const Tree = stack.Tree;
const Moves = @import("moves.zig").Moves;

/// Live versions at one place; beyond it those of least dynamic precedence are dropped.
/// Real files need a handful (tree-sitter itself keeps six).
const max_heads = 128;
/// Lexical configurations kept before all are dropped: some tens of megabytes. Texts whose
/// unfinished lexemes no fold shortens make one for every token that they are judged with.
const max_configurations = 120_000;
/// Ways down the stack that one reduction follows.
const max_paths = 64;
/// Reductions that one lexeme may set off.
const max_reductions = 20_000;
/// Lexemes without a byte in a row (indentation, inserted semicolons).
const max_empty_lexemes = 512;

pub const Head = struct {
    node: *Node,
    config: lexing.ConfigId,
    sigma: u32,
    /// Offset at which the unfinished lexeme, with the white space before it, begins.
    start: u32,
};

/// Text shared by the states of a lineage; a state owns its first `len` bytes.
pub const Text = struct {
    refs: u32 = 1,
    bytes: std.ArrayList(u8) = .empty,

    fn release(self: *Text) void {
        self.refs -= 1;
        if (self.refs > 0) return;
        self.bytes.deinit(gpa);
        gpa.destroy(self);
        _ = memory.live_texts.fetchSub(1, .monotonic);
    }

    /// The text of length `len` followed by `more`: this object if nothing follows yet, else a copy.
    fn extended(self: *Text, len: usize, more: []const u8) !*Text {
        if (self.bytes.items.len == len) {
            try self.bytes.appendSlice(gpa, more);
            self.refs += 1;
            return self;
        }
        const copy = try create();
        errdefer copy.release();
        try copy.bytes.ensureTotalCapacity(gpa, len + more.len);
        copy.bytes.appendSliceAssumeCapacity(self.bytes.items[0..len]);
        copy.bytes.appendSliceAssumeCapacity(more);
        return copy;
    }

    fn create() !*Text {
        const self = try gpa.create(Text);
        self.* = .{};
        _ = memory.live_texts.fetchAdd(1, .monotonic);
        return self;
    }
};

pub const State = struct {
    refs: u32 = 1,
    heads: []Head,
    text: *Text,
    len: u32,
    /// Which generation of lexical configurations the heads' ids are of.
    generation: u32,

    pub fn retain(self: *State) *State {
        self.refs += 1;
        return self;
    }

    pub fn release(self: *State) void {
        self.refs -= 1;
        if (self.refs > 0) return;
        for (self.heads) |head| head.node.release();
        gpa.free(self.heads);
        self.text.release();
        gpa.destroy(self);
        _ = memory.live_states.fetchSub(1, .monotonic);
    }

    pub fn bytes(self: *const State) []const u8 {
        return self.text.bytes.items[0..self.len];
    }
};

/// Productions of a symbol from so many, the last of them `last` (0: any), that the language has not.
pub const Production = struct { symbol: ts.Symbol, child_count: u8, last: ts.Symbol };

/// Where `first` has an action, `second` is not in the language though the grammar has it.
pub const Exclusion = struct { first: ts.Symbol, second: ts.Symbol };

pub const Grammar = struct {
    lang: *const ts.TSLanguage,
    lock: memory.Lock = .{},
    lex: *lexing.Lexing,
    lines: lines.Lines = .{},
    contexts: contexts.Contexts,
    /// Terminals that the grammar has and the language has not.
    absent: []bool,
    /// External terminals that something may follow wherever they may come, a bit each.
    certain: []u64,
    /// Keywords that are never names, whether or not the grammar has a use for them.
    reserved: []bool,
    exclusions: std.ArrayList(Exclusion) = .empty,
    forbidden: std.ArrayList(Production) = .empty,
    probes: std.ArrayList([]const u8) = .empty,
    /// Texts that end an unfinished external lexeme; for completions only.
    closers: std.ArrayList([]const u8) = .empty,
    /// Words that the external scanner knows, as probes.
    words: std.ArrayList([]const u8) = .empty,
    /// Bytes that an external scanner reads far ahead from; what it will decide is not probed.
    unprobed: [256]bool = @splat(false),
    /// By parse state, made when first used.
    moves: []?*Moves,
    memo: linear.Memo = .{},
    given_spellings: std.ArrayList(spelling_module.Given) = .empty,
    spellings: ?[][]const u8 = null,
    costs: ?*cost_to_go.Costs = null,

    pub fn create(lang: *const ts.TSLanguage, main: anytype, keyword: anytype) !*Grammar {
        const self = try gpa.create(Grammar);
        self.* = .{
            .lang = lang,
            .lex = try lexing.Lexing.create(lang, main, keyword),
            .contexts = .{ .lang = lang },
            .absent = try gpa.alloc(bool, lang.symbol_count),
            .certain = try gpa.alloc(u64, (@as(usize, lang.symbol_count) + 63) / 64),
            .reserved = try gpa.alloc(bool, lang.symbol_count),
            .moves = try gpa.alloc(?*Moves, lang.state_count),
        };
        @memset(self.absent, false);
        @memset(self.certain, 0);
        @memset(self.reserved, false);
        @memset(self.moves, null);
        return self;
    }

    pub fn destroy(self: *Grammar) void {
        self.memo.deinit();
        self.lex.destroy();
        gpa.free(self.absent);
        gpa.free(self.certain);
        gpa.free(self.reserved);
        self.forbidden.deinit(gpa);
        gpa.free(self.lines.roles);
        self.contexts.deinit();
        self.forgetMoves();
        gpa.free(self.moves);
        self.exclusions.deinit(gpa);
        for (self.probes.items) |probe| gpa.free(probe);
        self.probes.deinit(gpa);
        for (self.closers.items) |closer| gpa.free(closer);
        self.closers.deinit(gpa);
        for (self.words.items) |word| gpa.free(word);
        self.words.deinit(gpa);
        for (self.given_spellings.items) |given| gpa.free(given.text);
        self.given_spellings.deinit(gpa);
        if (self.spellings) |texts| {
            for (texts) |text| gpa.free(text);
            gpa.free(texts);
        }
        if (self.costs) |costs| costs.deinit();
        gpa.destroy(self);
    }

    /// Whether the language has a terminal that the grammar has in `state`.
    pub fn admits(self: *const Grammar, state: ts.StateId, symbol: ts.Symbol) bool {
        if (self.absent[symbol]) return false;
        for (self.exclusions.items) |one| {
            if (one.second == symbol and self.lang.lookup(state, one.first) != 0) return false;
        }
        return true;
    }

    pub fn movesOf(self: *Grammar, state: ts.StateId) error{OutOfMemory}!*const Moves {
        if (self.moves[state]) |known| return known;
        const made = try Moves.create(self.lang, self.lex.mode_of_state, state, self);
        self.moves[state] = made;
        return made;
    }

    /// Forgets what was computed from the rows of the language: they are being set.
    pub fn forgetMoves(self: *Grammar) void {
        for (self.moves) |*slot| {
            if (slot.*) |known| known.destroy();
            slot.* = null;
        }
    }

    pub fn actions(self: *Grammar, state: ts.StateId, symbol: ts.Symbol) error{OutOfMemory}![]const ts.ActionEntry {
        const index = (try self.movesOf(state)).row[symbol];
        return if (index == 0) &.{} else self.lang.actionsAt(index);
    }

    /// `actions`, read from the grammar's own table: for whole tables.
    pub fn tableActions(self: *const Grammar, state: ts.StateId, symbol: ts.Symbol) []const ts.ActionEntry {
        const index = if (self.admits(state, symbol)) self.lang.lookup(state, symbol) else 0;
        return if (index == 0) &.{} else self.lang.actionsAt(index);
    }

    pub fn goto(self: *Grammar, state: ts.StateId, symbol: ts.Symbol) error{OutOfMemory}!ts.StateId {
        return (try self.movesOf(state)).row[symbol];
    }

    /// The terminal that a closed lexeme is in `state`: the keyword where it has an action or is
    /// reserved, else the word.
    pub fn terminal(self: *const Grammar, state: ts.StateId, closing: lexing.Closing) ts.Symbol {
        const keyword = closing.keyword;
        if (keyword == lexing.none_symbol or self.absent[keyword]) return closing.symbol;
        if (self.lang.lookup(state, keyword) != 0 or self.isReserved(state, keyword)) return keyword;
        return closing.symbol;
    }

    pub fn isReserved(self: *const Grammar, state: ts.StateId, keyword: ts.Symbol) bool {
        return self.reserved[keyword] or self.lang.isReserved(state, keyword);
    }

    /// The mark of a node of the state `into`, after `symbol` on a base of the state and mark; `top`
    /// is the mark at the end of what was reduced. Null: the language has no such reduction there.
    pub fn markAfter(self: *const Grammar, symbol: ts.Symbol, state: ts.StateId, into: ts.StateId, base: lines.Mark, top: lines.Mark) ?lines.Mark {
        const context = self.contexts.next(symbol, state, into, base, top) orelse return null;
        return context | self.lines.next(symbol, base);
    }

    /// Whether the language hasn't the production that would be reduced in `state`.
    pub fn isForbidden(self: *const Grammar, state: ts.StateId, symbol: ts.Symbol, child_count: u8) bool {
        for (self.forbidden.items) |one| {
            if (one.symbol != symbol or one.child_count != child_count) continue;
            if (one.last == 0 or self.contexts.isAfter(state, one.last)) return true;
        }
        return false;
    }

    /// The shortest known text of each symbol, empty where there is none.
    pub fn spelling(self: *Grammar) error{OutOfMemory}![][]const u8 {
        if (self.spellings == null) self.spellings = try spelling_module.shortest(self.lex, self.given_spellings.items);
        return self.spellings.?;
    }

    pub fn start(self: *Grammar) !*State {
        const node = try Node.create(ts.start_state, self.lines.first(), &.{.{ .below = null, .tree = null, .extras = null }});
        errdefer node.release();
        const heads = try gpa.alloc(Head, 1);
        heads[0] = .{ .node = node, .config = try self.lex.start(self.lex.modeOf(ts.start_state, node.mark), 0), .sigma = 0, .start = 0 };
        const state = try gpa.create(State);
        const text = try Text.create();
        state.* = .{ .heads = heads, .text = text, .len = 0, .generation = self.lex.generation };
        _ = memory.live_states.fetchAdd(1, .monotonic);
        return state;
    }

    /// Drops the lexical configurations when there are too many, and gives a state the ids of
    /// those in force: its heads' text is read again. Called before a state is used.
    pub fn refresh(self: *Grammar, state: *State) !void {
        if (self.lex.configs.items.len > max_configurations) {
            self.lex.forgetConfigs();
            self.memo.clear();
        }
        if (state.generation == self.lex.generation) return;
        for (state.heads) |*head| {
            var config = try self.lex.start(self.lex.modeOf(head.node.state, head.node.mark), head.sigma);
            for (state.bytes()[head.start..]) |byte| {
                const result = try self.lex.step(config, byte);
                // The text led to this head once, so it does again.
                if (result == lexing.dead or result & lexing.closing_bit != 0) break;
                config = result;
            }
            head.config = config;
        }
        state.generation = self.lex.generation;
    }

    /// The state after `more`, or null if no version of the parse survives it.
    pub fn feed(self: *Grammar, from: *State, more: []const u8) !?*State {
        const total = @as(usize, from.len) + more.len;
        if (total > std.math.maxInt(u32) / 2) return error.TooLong;
        if (!self.mayGoOn(from, more)) return null;
        const text = try from.text.extended(from.len, more);
        errdefer text.release();
        var run = Run{ .grammar = self, .text = text.bytes.items[0..total] };
        defer run.deinit();
        for (from.heads) |head| {
            try run.add(.{ .node = head.node.retain(), .config = head.config, .sigma = head.sigma, .start = head.start, .pos = from.len });
        }
        try run.toEnd();
        if (run.done.items.len == 0) {
            self.undo(text, from.len, total);
            text.release();
            return null;
        }
        var kept: std.ArrayList(Head) = .empty;
        defer kept.deinit(gpa);
        var view = linear.Linear.init(self);
        defer view.deinit();
        for (run.done.items) |item| {
            if (try view.headViable(item.node, item.config, item.sigma)) {
                try kept.append(gpa, .{ .node = item.node.retain(), .config = item.config, .sigma = item.sigma, .start = item.start });
            }
        }
        if (kept.items.len == 0) {
            self.undo(text, from.len, total);
            text.release();
            return null;
        }
        const state = try gpa.create(State);
        state.* = .{ .heads = try gpa.dupe(Head, kept.items), .text = text, .len = @intCast(total), .generation = self.lex.generation };
        _ = memory.live_states.fetchAdd(1, .monotonic);
        return state;
    }

    /// Takes text that led nowhere off the end again, so that the next feed needs no copy.
    fn undo(self: *Grammar, text: *Text, len: usize, total: usize) void {
        _ = self;
        if (text.bytes.items.len == total) text.bytes.shrinkRetainingCapacity(len);
    }

    /// Cheap first look: does the first byte lead anywhere from any head?
    fn mayGoOn(self: *Grammar, from: *const State, more: []const u8) bool {
        if (more.len == 0) return true;
        for (from.heads) |head| {
            const result = self.lex.step(head.config, more[0]) catch return true;
            if (result != lexing.dead) return true;
        }
        return false;
    }

    /// The nodes after the pending lexeme of `state` is read as `closing`; the caller releases.
    pub fn shiftHypothetical(self: *Grammar, state: *const State, node: *Node, closing: lexing.Closing, start_at: u32, end: u32, out: *std.ArrayList(*Node)) !void {
        var run = Run{ .grammar = self, .text = state.bytes() };
        defer run.deinit();
        try run.shift(node, closing, start_at, end, out);
    }

    /// The tree of the whole text if it is a complete program; caller releases.
    pub fn finish(self: *Grammar, from: *State) !?*Tree {
        var run = Run{ .grammar = self, .text = from.bytes(), .at_end = true };
        defer run.deinit();
        for (from.heads) |head| {
            try run.add(.{ .node = head.node.retain(), .config = head.config, .sigma = head.sigma, .start = head.start, .pos = from.len });
        }
        try run.toEnd();
        if (run.accepted) |tree| return tree.retain();
        return null;
    }
};

const Item = struct { node: *Node, config: lexing.ConfigId, sigma: u32, start: u32, pos: u32 };

/// One `feed`: versions advance lexeme by lexeme, the one furthest behind first, so that those
/// that come to the same place in the same state are merged before they go on.
const Run = struct {
    grammar: *Grammar,
    text: []const u8,
    at_end: bool = false,
    items: std.ArrayList(Item) = .empty,
    done: std.ArrayList(Item) = .empty,
    accepted: ?*Tree = null,
    empty_lexemes: u32 = 0,
    last_start: u32 = 0,

    fn deinit(self: *Run) void {
        for (self.items.items) |item| item.node.release();
        for (self.done.items) |item| item.node.release();
        if (self.accepted) |tree| tree.release();
        self.items.deinit(gpa);
        self.done.deinit(gpa);
    }

    /// Takes over the reference to the item's node.
    fn add(self: *Run, item: Item) !void {
        return addTo(&self.items, item);
    }

    fn addTo(list: *std.ArrayList(Item), item: Item) !void {
        for (list.items) |*other| {
            if (other.node.state == item.node.state and other.node.mark == item.node.mark and other.config == item.config and other.sigma == item.sigma and other.start == item.start and other.pos == item.pos) {
                const merged = try stack.merge(other.node, item.node);
                other.node.release();
                item.node.release();
                other.node = merged;
                return;
            }
        }
        if (list.items.len >= max_heads) {
            var worst: usize = 0;
            for (list.items, 0..) |other, i| {
                if (other.node.dynamic < list.items[worst].node.dynamic) worst = i;
            }
            if (list.items[worst].node.dynamic >= item.node.dynamic) {
                item.node.release();
                return;
            }
            list.items[worst].node.release();
            list.items[worst] = item;
            return;
        }
        try list.append(gpa, item);
    }

    fn toEnd(self: *Run) !void {
        while (self.items.items.len > 0) {
            var first: usize = 0;
            for (self.items.items, 0..) |item, i| {
                if (item.start < self.items.items[first].start) first = i;
            }
            const item = self.items.swapRemove(first);
            defer item.node.release();
            try self.oneLexeme(item);
        }
    }

    fn oneLexeme(self: *Run, item: Item) !void {
        const lex = self.grammar.lex;
        var config = item.config;
        var pos: usize = item.pos;
        while (pos < self.text.len) {
            const result = try lex.step(config, self.text[pos]);
            pos += 1;
            if (result == lexing.dead) return;
            if (result & lexing.closing_bit != 0) return self.closed(item, pos, result, false);
            config = result;
        }
        if (!self.at_end) {
            return addTo(&self.done, .{ .node = item.node.retain(), .config = config, .sigma = item.sigma, .start = item.start, .pos = @intCast(pos) });
        }
        const result = try lex.end(config);
        if (result == lexing.dead) return;
        return self.closed(item, pos, result, true);
    }

    fn closed(self: *Run, item: Item, pos: usize, result: u32, at_end: bool) !void {
        const lex = self.grammar.lex;
        const mode = lex.modeOf(item.node.state, item.node.mark);
        const stretch = self.text[item.start..pos];
        const lexeme = try lex.measure(mode, item.sigma, stretch, lex.closings.items[result & ~lexing.closing_bit].symbol, at_end) orelse folded: {
            // The fold knows the scanner's decision before the scanner has read to its end.
            const index = result & ~lexing.closing_bit;
            const end = try lex.place(mode, item.sigma, stretch, lex.closings.items[index].carry.len);
            break :folded lexing.Lexeme{ .closing = index, .sigma = null, .start = end, .end = end };
        };
        if (lexeme.end == 0) {
            if (item.start != self.last_start) self.empty_lexemes = 0;
            self.last_start = item.start;
            self.empty_lexemes += 1;
            if (self.empty_lexemes > max_empty_lexemes) return;
        }
        const closing = lex.closings.items[lexeme.closing];
        const sigma = if (lexeme.sigma) |measured| measured else try lex.after(item.sigma, closing);
        const start: u32 = @intCast(item.start + lexeme.start);
        const end: u32 = @intCast(item.start + lexeme.end);
        var after: std.ArrayList(*Node) = .empty;
        defer {
            for (after.items) |node| node.release();
            after.deinit(gpa);
        }
        try self.shift(item.node, closing, start, end, &after);
        for (after.items) |node| {
            try self.add(.{ .node = node.retain(), .config = try lex.start(lex.modeOf(node.state, node.mark), sigma), .sigma = sigma, .start = end, .pos = end });
        }
    }

    /// Reduces and shifts one lexeme; appends the nodes after it to `out`.
    fn shift(self: *Run, from: *Node, closing: lexing.Closing, start: u32, end: u32, out: *std.ArrayList(*Node)) !void {
        const grammar = self.grammar;
        const Work = struct { node: *Node, symbol: ts.Symbol };
        var work: std.ArrayList(Work) = .empty;
        defer {
            for (work.items) |w| w.node.release();
            work.deinit(gpa);
        }
        try work.append(gpa, .{ .node = from.retain(), .symbol = grammar.terminal(from.state, closing) });
        var reductions: usize = 0;
        var i: usize = 0;
        while (i < work.items.len) : (i += 1) {
            const node = work.items[i].node;
            var symbol = work.items[i].symbol;
            var actions = try grammar.actions(node.state, symbol);
            if (actions.len == 0 and symbol == closing.keyword and !grammar.isReserved(node.state, symbol)) {
                symbol = grammar.lang.keyword_capture_token;
                actions = try grammar.actions(node.state, symbol);
            }
            for (actions) |action| {
                switch (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind)))) {
                    .shift => {
                        if (action.shift.repetition or !grammar.contexts.admits(node.mark, symbol)) continue;
                        const tree = try Tree.leaf(symbol, start, end, action.shift.extra, self.text[start..@min(end, self.text.len)]);
                        if (action.shift.extra) {
                            try out.append(gpa, try node.withExtra(tree));
                        } else {
                            const next = try Node.create(action.shift.state, grammar.markAfter(symbol, node.state, action.shift.state, node.mark, node.mark).?, &.{.{ .below = node.retain(), .tree = tree, .extras = null }});
                            try self.settle(next, end, out);
                        }
                    },
                    .reduce => {
                        if (grammar.isForbidden(node.state, action.reduce.symbol, action.reduce.child_count)) continue;
                        reductions += 1;
                        if (reductions > max_reductions) return;
                        var reduced: std.ArrayList(*Node) = .empty;
                        defer reduced.deinit(gpa);
                        try self.reduce(node, action, false, start, &reduced);
                        for (reduced.items) |next| {
                            var seen = false;
                            for (work.items) |w| {
                                if (sameNode(w.node, next)) {
                                    seen = true;
                                    break;
                                }
                            }
                            if (seen) next.release() else try work.append(gpa, .{ .node = next, .symbol = symbol });
                        }
                    },
                    .accept => try self.accept(node),
                    else => {},
                }
            }
        }
    }

    fn sameNode(a: *const Node, b: *const Node) bool {
        if (a.state != b.state or a.mark != b.mark or a.links.len != 1 or b.links.len != 1) return false;
        return a.links[0].below == b.links[0].below and a.dynamic >= b.dynamic;
    }

    /// Completes non-terminal extras, which reduce without a lookahead. Takes over `node`.
    fn settle(self: *Run, node: *Node, at: u32, out: *std.ArrayList(*Node)) error{OutOfMemory}!void {
        const grammar = self.grammar;
        if (grammar.lex.mode_of_state[node.state] != lexing.Lexing.no_mode) {
            return out.append(gpa, node);
        }
        defer node.release();
        for (try grammar.actions(node.state, ts.eof_symbol)) |action| {
            if (@as(ts.ActionKind, @fromBackingInt(@intCast(action.shift.kind))) != .reduce) continue;
            var reduced: std.ArrayList(*Node) = .empty;
            defer reduced.deinit(gpa);
            try self.reduce(node, action, true, at, &reduced);
            for (reduced.items) |next| try self.settle(next, at, out);
        }
    }

    fn reduce(self: *Run, node: *Node, action: ts.ActionEntry, ends_extra: bool, at: u32, out: *std.ArrayList(*Node)) error{OutOfMemory}!void {
        const grammar = self.grammar;
        const r = action.reduce;
        var paths: std.ArrayList(stack.Path) = .empty;
        defer {
            for (paths.items) |path| path.deinit();
            paths.deinit(gpa);
        }
        try stack.pop(node, r.child_count, max_paths, &paths);
        for (paths.items) |path| {
            const goto = try grammar.goto(path.base.state, r.symbol);
            if (goto == 0) continue;
            const mark = grammar.markAfter(r.symbol, path.base.state, goto, path.base.mark, node.mark) orelse continue;
            for (path.children) |child| _ = child.retain();
            const tree = try Tree.branch(r.symbol, r.production_id, r.dynamic_precedence, path.children, at);
            if (ends_extra and goto == path.base.state) {
                tree.extra = true;
                try out.append(gpa, try path.base.withExtra(tree));
                continue;
            }
            try out.append(gpa, try Node.create(goto, mark, &.{.{ .below = path.base.retain(), .tree = tree, .extras = stack.Extras.retain(path.trailing) }}));
        }
    }

    fn accept(self: *Run, node: *Node) !void {
        for (node.links) |link| {
            const top = link.tree orelse continue;
            const below = link.below orelse continue;
            if (below.links.len != 1 or below.links[0].tree != null) continue;
            if (self.accepted) |best| {
                if (best.dynamic >= top.dynamic) continue;
            }
            var children: std.ArrayList(*Tree) = .empty;
            defer children.deinit(gpa);
            try appendExtras(&children, below.links[0].extras);
            for (top.children) |child| try children.append(gpa, child);
            try appendExtras(&children, link.extras);
            for (children.items) |child| _ = child.retain();
            const root = try Tree.branch(top.symbol, top.production, 0, children.items, 0);
            root.dynamic = top.dynamic;
            root.start = 0;
            root.end = @intCast(self.text.len);
            if (self.accepted) |old| old.release();
            self.accepted = root;
        }
    }

    fn appendExtras(children: *std.ArrayList(*Tree), latest: ?*stack.Extras) !void {
        const first = children.items.len;
        var next = latest;
        while (next) |extras| : (next = extras.before) try children.append(gpa, extras.tree);
        std.mem.reverse(*Tree, children.items[first..]);
    }
};

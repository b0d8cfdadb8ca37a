//! The least text that finishes a program.
//!
//! The search appends real spellings to real states, best first, guided by what the parse table
//! says of the cost to go (`cost_to_go.zig`). It decides what the table can't: white space,
//! inserted semicolons, indentation, lookaheads, conflicts of the lexer.
//!
//! It runs three times at most. The first pass looks for the least text among few candidates, the
//! second longer and less among undecided lexemes; where they find none the third tries more
//! candidates, reads more ways down the stack, and makes for the end rather than for the least.
const std = @import("std");
const memory = @import("memory.zig");
const lexing = @import("lexing.zig");
const linear = @import("linear.zig");
const glr = @import("glr.zig");
const automaton = @import("automaton.zig");
const cost_to_go = @import("cost_to_go.zig");
const spelling_module = @import("spelling.zig");

const gpa = memory.gpa;
const infinite = cost_to_go.infinite;

/// Bounds of one pass. `feeds`: states computed. `candidates`: texts tried from one state, of each
/// kind of separator. `readings`: ways down a graph-structured stack. `greed`: how much the cost
/// to go weighs against the text spent. `undecided`: cost of a text that leaves an undecided lexeme
/// so: of operators there is no end.
const Pass = struct { feeds: u32, candidates: u32, heads: usize, readings: u32, greed: u32, undecided: u32 };
const passes = [_]Pass{
    .{ .feeds = 1_200, .candidates = 12, .heads = 8, .readings = 1, .greed = 1, .undecided = 0 },
    .{ .feeds = 6_000, .candidates = 24, .heads = 8, .readings = 1, .greed = 1, .undecided = 2 },
    .{ .feeds = 24_000, .candidates = 60, .heads = 64, .readings = 6, .greed = 4, .undecided = 2 },
};

/// A text that may be appended, and the least cost to go after it (`infinite`: to be judged on the
/// state it leads to).
const Candidate = struct { estimate: u32, text: []const u8, separator: u8 = 0 };

const separators = [_][]const u8{ " ", "\n" };
/// The kind of the texts that decide an unfinished external lexeme; beside those of separators.
const deciding = separators.len + 1;
/// The kind of those that stand behind what the scanner inserts.
const inserted = deciding + 1;

const Frontier = struct {
    estimate: u32,
    spent: u32,
    state: *glr.State,
    text: []const u8,
    /// Candidates that were tried before.
    tried: u32 = 0,

    fn order(_: void, a: Frontier, b: Frontier) std.math.Order {
        const first = std.math.order(a.estimate, b.estimate);
        if (first != .eq) return first;
        // Deeper first among equals: they are nearer to the end.
        return std.math.order(b.spent, a.spent);
    }
};

/// The text found, or null; caller frees. `suffix` is the text after the cursor.
pub fn search(grammar: *glr.Grammar, from: *glr.State, suffix: []const u8) !?[]u8 {
    if (grammar.costs == null) grammar.costs = try cost_to_go.compute(grammar);
    for (passes) |pass| {
        var one = Search{
            .grammar = grammar,
            .pass = pass,
            .suffix = suffix,
            .texts = .init(gpa),
            .view = .init(grammar),
        };
        defer one.deinit();
        if (try one.run(from)) |found| return found;
    }
    return null;
}

const Search = struct {
    grammar: *glr.Grammar,
    pass: Pass,
    suffix: []const u8,
    texts: std.heap.ArenaAllocator,
    view: linear.Linear,
    queue: std.PriorityQueue(Frontier, void, Frontier.order) = .empty,
    candidates: std.ArrayList(Candidate) = .empty,
    /// Texts tried from one state.
    fed: std.StringHashMapUnmanaged(void) = .empty,
    /// States met, by value, so that a string's inside isn't tried letter by letter; each with the
    /// least estimate so far: where a lexeme is undecided the first may be of another reading.
    met: std.AutoHashMapUnmanaged(u64, u32) = .empty,

    fn deinit(self: *Search) void {
        while (self.queue.pop()) |item| item.state.release();
        self.queue.deinit(gpa);
        self.candidates.deinit(gpa);
        self.met.deinit(gpa);
        self.fed.deinit(gpa);
        self.view.deinit();
        self.texts.deinit();
    }

    fn run(self: *Search, from: *glr.State) !?[]u8 {
        const a = self.texts.allocator();
        try self.queue.push(gpa, .{ .estimate = 0, .spent = 0, .state = from.retain(), .text = "" });
        var feeds: u32 = 0;
        while (self.queue.pop()) |item| {
            defer item.state.release();
            if (try self.finishes(item.state)) return try gpa.dupe(u8, item.text);
            if (feeds > self.pass.feeds) continue;
            try self.collect(item.state);
            // Each kind of separator has its own share: in a comment all but line ends lead on.
            var tried: [inserted + 1]u32 = @splat(0);
            self.fed.clearRetainingCapacity();
            const last = feeds + feeds_at_once;
            for (self.candidates.items[@min(item.tried, self.candidates.items.len)..], item.tried..) |candidate, at| {
                if (tried[candidate.separator] >= self.pass.candidates) continue;
                if ((try self.fed.getOrPut(gpa, candidate.text)).found_existing) continue;
                if (feeds == last) {
                    try self.queue.push(gpa, .{ .estimate = item.estimate + self.pass.greed, .spent = item.spent, .state = item.state.retain(), .text = item.text, .tried = @intCast(at) });
                    break;
                }
                feeds += 1;
                const next = try self.grammar.feed(item.state, candidate.text) orelse continue;
                errdefer next.release();
                const togo = if (candidate.estimate == infinite) try self.judge(next) else candidate.estimate;
                const spent: u32 = @intCast(item.text.len + candidate.text.len);
                const unsure: u32 = if (self.isUndecided(next, item.state)) self.pass.undecided else 0;
                const estimate = if (togo == infinite) infinite else spent + self.pass.greed * (togo + unsure);
                const seen = try self.met.getOrPut(gpa, valueOf(next, from));
                if (seen.found_existing and seen.value_ptr.* <= estimate) {
                    next.release();
                    continue;
                }
                seen.value_ptr.* = estimate;
                if (estimate == infinite) {
                    next.release();
                    continue;
                }
                if (candidate.estimate != infinite) tried[candidate.separator] += 1;
                const text = try std.mem.concat(a, u8, &.{ item.text, candidate.text });
                try self.queue.push(gpa, .{ .estimate = estimate, .spent = spent, .state = next, .text = text });
            }
        }
        return null;
    }

    /// Whether nothing was decided between two states: no lexeme was ended.
    fn isUndecided(self: *Search, state: *const glr.State, before: *const glr.State) bool {
        for (state.heads) |head| {
            if (!self.grammar.lex.configs.items[head.config].external or !isHead(before, head.node)) return false;
        }
        return true;
    }

    fn finishes(self: *Search, state: *glr.State) !bool {
        if (self.suffix.len == 0) return self.endsAny(state);
        const next = try self.grammar.feed(state, self.suffix) orelse return false;
        defer next.release();
        return self.endsAny(next);
    }

    fn endsAny(self: *Search, state: *glr.State) !bool {
        self.view.reading = null;
        for (state.heads) |head| {
            if (try self.view.headEnds(head.node, head.config, head.sigma)) return true;
        }
        return false;
    }

    /// The least cost to go from a state, its unfinished lexeme left out.
    fn judge(self: *Search, state: *glr.State) !u32 {
        var best: u32 = infinite;
        for (state.heads[0..@min(state.heads.len, self.pass.heads)]) |head| {
            self.view.forget();
            self.view.reading = 0;
            const entry = try self.view.enter(head.node);
            var judging = cost_to_go.Judge{ .view = &self.view, .costs = self.grammar.costs.? };
            best = @min(best, try judging.costToGo(entry));
        }
        return best;
    }

    /// Texts that may be appended to a state, the likeliest first.
    fn collect(self: *Search, state: *glr.State) !void {
        self.candidates.clearRetainingCapacity();
        for (state.heads[0..@min(state.heads.len, self.pass.heads)]) |head| {
            for (0..self.pass.readings) |reading| {
                self.view.forget();
                self.view.reading = @intCast(reading);
                self.view.met = 0;
                const entry = try self.view.enter(head.node);
                var ways = Ways{
                    .grammar = self.grammar,
                    .judge = .{ .view = &self.view, .costs = self.grammar.costs.? },
                    .texts = self.texts.allocator(),
                    .out = &self.candidates,
                };
                try ways.fromConfig(entry, head.config, head.sigma, "");
                // Only a node with several links counts as met.
                if (self.view.met == 0) break;
            }
        }
        std.mem.sort(Candidate, self.candidates.items, {}, struct {
            fn less(_: void, x: Candidate, y: Candidate) bool {
                const x_decides = x.separator == deciding;
                if (x_decides != (y.separator == deciding)) return x_decides;
                if (x.estimate != y.estimate) return x.estimate < y.estimate;
                if (x.text.len != y.text.len) return x.text.len < y.text.len;
                return std.mem.order(u8, x.text, y.text) == .lt;
            }
        }.less);
    }
};

/// States computed from one place before others have their turn: after an undecided operator
/// thousands of texts are candidates, and nearly all are refused.
const feeds_at_once = 200;

/// How far down a stack is read to tell two states apart.
const told_apart = 48;

/// A hash of a state's heads. Stacks are read down to what the search began with.
fn valueOf(state: *const glr.State, from: *const glr.State) u64 {
    var sum: u64 = 0;
    for (state.heads) |head| {
        var hash = std.hash.Wyhash.init(head.config);
        hash.update(std.mem.asBytes(&head.sigma));
        var node = head.node;
        for (0..told_apart) |_| {
            hash.update(std.mem.asBytes(&node.state));
            hash.update(std.mem.asBytes(&node.mark));
            if (node.links.len != 1 or isHead(from, node)) break;
            node = node.links[0].below orelse break;
        }
        if (node.links.len != 1 or isHead(from, node)) hash.update(std.mem.asBytes(&node));
        // The order of the heads doesn't matter.
        sum +%= hash.final();
    }
    return sum;
}

fn isHead(state: *const glr.State, node: anytype) bool {
    for (state.heads) |head| {
        if (head.node == node) return true;
    }
    return false;
}

/// Blocks further in than this aren't gone on with or ended.
const max_column = 200;

/// Stretches of characters beyond ASCII of which one is tried.
const stretches_tried = 8;

/// Lexemes that the bytes of an undecided one may turn out to be.
const lexemes_begun = 4;

/// Ways on from one reading of one head.
const Ways = struct {
    grammar: *glr.Grammar,
    judge: cost_to_go.Judge,
    texts: std.mem.Allocator,
    out: *std.ArrayList(Candidate),

    fn add(self: *Ways, estimate: u32, parts: []const []const u8, separator: u8) !void {
        try self.out.append(gpa, .{ .estimate = estimate, .text = try std.mem.concat(self.texts, u8, parts), .separator = separator });
    }

    /// Ways on from an unfinished lexeme.
    fn fromConfig(self: *Ways, entry: *linear.Entry, id: lexing.ConfigId, sigma: u32, before: []const u8) !void {
        const config = self.grammar.lex.configs.items[id];
        if (config.partial_len > 0) {
            const bounds = lexing.partialBounds(config.partial[0..config.partial_len]);
            for ([_]u32{ bounds.lo, bounds.hi, (bounds.lo + bounds.hi) / 2 }) |cp| try self.character(config, cp);
            if (config.external) return;
            // Few characters may be ones that a lexeme has.
            var next = bounds.lo;
            for (0..stretches_tried) |_| {
                const stretch = self.grammar.lex.characterFrom(config, next) orelse return;
                try self.character(config, stretch.first);
                next = stretch.past;
            }
            return;
        }
        if (config.isFresh()) {
            try self.fromStack(entry, before);
            return self.fromColumns(entry, sigma);
        }
        if (config.external) {
            if (try self.grammar.lex.openComment(config)) |comment| return self.add(infinite, &.{comment.close}, deciding);
            for (self.grammar.closers.items) |closer| try self.add(infinite, &.{closer}, deciding);
            for (self.grammar.probes.items) |probe| try self.add(infinite, &.{probe}, 0);
            try self.fromWords(config.tail);
            return self.fromDecided(entry, sigma, config.tail);
        }
        return self.fromLexer(entry, config, sigma);
    }

    /// Ways on from a lexeme that isn't the scanner's: what ends it, and what comes after it.
    fn fromLexer(self: *Ways, entry: *linear.Entry, config: *const lexing.Config, sigma: u32) !void {
        try self.fromInternal(entry, config);
        if (config.accepted == lexing.none_symbol) return;
        const closing = lexing.Closing{ .symbol = config.accepted, .keyword = config.accepted_keyword, .sigma = lexing.sigma_kept, .carry = "" };
        const after = try self.judge.view.advance(entry, closing);
        for (after.tops) |top| {
            if (config.tail.len == 0) {
                try self.fromStack(top, "");
                continue;
            }
            // What was read since the last acceptance may begin the next lexeme.
            const lex = self.grammar.lex;
            var at = try lex.start(lex.modeOf(top.state, top.mark), sigma);
            for (config.tail) |byte| {
                const result = try lex.step(at, byte);
                if (result == lexing.dead or result & lexing.closing_bit != 0) break;
                at = result;
            } else if (!lex.configs.items[at].external) try self.fromInternal(top, lex.configs.items[at]);
        }
    }

    /// What is left of an unfinished character.
    fn character(self: *Ways, config: *const lexing.Config, code_point: u32) !void {
        var sequence: [4]u8 = undefined;
        const length = std.unicode.utf8Encode(@intCast(code_point), &sequence) catch return;
        try self.add(infinite, &.{sequence[config.partial_len..length]}, 0);
    }

    /// What is left of the words, and of the keywords, that the letters at the end of an undecided
    /// lexeme begin.
    fn fromWords(self: *Ways, tail: []const u8) !void {
        for (self.grammar.words.items) |word| {
            for (1..word.len) |known| {
                if (std.mem.endsWith(u8, tail, word[0..known])) try self.add(infinite, &.{ word[known..], " " }, deciding);
            }
        }
        const lex = self.grammar.lex;
        const begun = linear.letters(tail);
        if (begun.len == 0) return;
        const costs = self.grammar.costs.?;
        if (lex.keyword) |keyword| {
            if (keyword.follow(keyword.start[0], begun)) |state| {
                for (try costs.endingsFrom(.keyword, keyword, state)) |ending| try self.add(infinite, &.{ ending.text, " " }, deciding);
            }
        }
        const words = try lex.wordLexer() orelse return;
        for (words.starts) |start| {
            const state = words.main.follow(start, begun) orelse continue;
            if (state == words.inside) continue;
            for (try costs.endingsFrom(.main, words.main, state)) |ending| {
                if (ending.symbol != words.name) try self.add(infinite, &.{ ending.text, " " }, deciding);
            }
        }
    }

    /// Ways on where the scanner is done without the bytes of an undecided lexeme: they begin anew.
    fn fromBytes(self: *Ways, entry: *linear.Entry, sigma: u32, bytes: []const u8, fuel: u32) linear.Error!void {
        if (bytes.len == 0) return self.fromStack(entry, "");
        const lex = self.grammar.lex;
        var at = try lex.start(lex.modeOf(entry.state, entry.mark), sigma);
        for (bytes, 1..) |byte, read| {
            const result = try lex.step(at, byte);
            if (result == lexing.dead) return;
            if (result & lexing.closing_bit == 0) {
                at = result;
                continue;
            }
            if (fuel == 0) return;
            const closing = lex.closings.items[result & ~lexing.closing_bit];
            const rest = try std.mem.concat(self.texts, u8, &.{ closing.carry, bytes[read..] });
            const after = try self.judge.view.advance(entry, closing);
            for (after.tops) |top| try self.fromBytes(top, sigma, rest, fuel - 1);
            return;
        }
        const config = lex.configs.items[at];
        if (!config.external and config.partial_len == 0) try self.fromLexer(entry, config, sigma);
    }

    /// Ways on from an undecided external lexeme: what decides it, and what comes after that.
    fn fromDecided(self: *Ways, entry: *linear.Entry, sigma: u32, tail: []const u8) !void {
        const begun = std.mem.trimStart(u8, tail, " \t\r\n\x0b\x0c");
        const lang = self.grammar.lang;
        const wanted = try self.judge.view.shiftable(entry);
        const spellings = try self.grammar.spelling();
        for (0..lang.external_token_count) |i| {
            const symbol = lang.external_scanner.symbol_map.?[i];
            if (!lexing.hasBit(wanted, symbol) or spellings[symbol].len == 0) continue;
            const after = try self.judge.view.advance(entry, .{ .symbol = symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
            for (after.tops) |top| {
                if (begun.len > 0) try self.fromBytes(top, sigma, begun, lexemes_begun);
                try self.fromStack(top, spellings[symbol]);
                try self.spelt(top, "", true);
                try self.fromColumns(top, sigma);
            }
        }
        if (begun.len > 0) try self.fromBytes(entry, sigma, begun, lexemes_begun);
        try self.fromStack(entry, "");
        try self.fromColumns(entry, sigma);
    }

    /// Ways on on a new line, at the column of the open block or of one around it.
    fn fromColumns(self: *Ways, entry: *linear.Entry, sigma: u32) !void {
        const lex = self.grammar.lex;
        const scanner_state = lex.sigmas.items[sigma];
        var top = entry;
        var outward: usize = 0;
        while (lex.openColumn(scanner_state, outward)) |column| {
            try self.fromStack(top, try self.newLine(column));
            const after = try self.judge.view.advance(top, .{ .symbol = lex.dedent_symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
            if (after.tops.len == 0) return;
            top = after.tops[0];
            outward += 1;
        }
        if (outward > 0) try self.fromStack(top, "\n");
    }

    fn newLine(self: *Ways, column: u32) ![]const u8 {
        const line = try self.texts.alloc(u8, @min(column, max_column) + 1);
        @memset(line, ' ');
        line[0] = '\n';
        return line;
    }

    /// Ways on where a lexeme begins: each terminal's spelling, `before` in front. What the scanner
    /// inserts may have no text: what comes after it is tried too.
    fn fromStack(self: *Ways, entry: *linear.Entry, before: []const u8) !void {
        try self.spelt(entry, before, false);
        const lang = self.grammar.lang;
        const wanted = try self.judge.view.shiftable(entry);
        const spellings = try self.grammar.spelling();
        for (0..lang.external_token_count) |i| {
            const symbol = lang.external_scanner.symbol_map.?[i];
            const spelling = spellings[symbol];
            if (!lexing.hasBit(wanted, symbol) or spelling.len == 0 or std.mem.findNone(u8, spelling, "\n") != null) continue;
            const after = try self.judge.view.advance(entry, .{ .symbol = symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
            for (after.tops) |top| {
                if (top != entry) try self.spelt(top, before, true);
            }
        }
    }

    fn spelt(self: *Ways, entry: *linear.Entry, before: []const u8, is_inserted: bool) !void {
        const wanted = try self.judge.view.shiftable(entry);
        const spellings = try self.grammar.spelling();
        for (1..self.grammar.lang.token_count) |t| {
            const symbol: u16 = @intCast(t);
            const spelling = spellings[symbol];
            if (spelling.len == 0 or !lexing.hasBit(wanted, symbol)) continue;
            const closing = lexing.Closing{ .symbol = symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" };
            // A comment leads nowhere.
            const after = try self.judge.view.advance(entry, closing);
            if (after.tops.len > 0 and after.tops[0] == entry) continue;
            const best = try self.costAfter(entry, closing);
            if (best == infinite) continue;
            try self.add(best, &.{ before, spelling }, if (is_inserted) inserted else 0);
            if (is_inserted) continue;
            for (separators, 1..) |separator, kind| {
                try self.add(best + 1, &.{ before, separator, spelling }, @intCast(kind));
            }
        }
    }

    /// Ways on within the unfinished lexeme: the shortest bytes from here to each terminal.
    fn fromInternal(self: *Ways, entry: *linear.Entry, config: *const lexing.Config) !void {
        const lex = self.grammar.lex;
        const wanted = try self.judge.view.shiftable(entry);
        const costs = self.grammar.costs.?;
        const capture = self.grammar.lang.keyword_capture_token;
        for (try costs.endingsFrom(.main, lex.main, config.q)) |ending| {
            if (!lexing.hasBit(wanted, ending.symbol)) continue;
            const best = try self.costAfter(entry, .{ .symbol = ending.symbol, .keyword = lexing.none_symbol, .sigma = 0, .carry = "" });
            if (best != infinite) try self.add(best, &.{ending.text}, 0);
        }
        const keyword = lex.keyword orelse return;
        if (config.kwq == automaton.DEAD) return;
        for (try costs.endingsFrom(.keyword, keyword, config.kwq)) |ending| {
            if (!lexing.hasBit(wanted, ending.symbol)) continue;
            const best = try self.costAfter(entry, .{ .symbol = capture, .keyword = ending.symbol, .sigma = 0, .carry = "" });
            if (best != infinite) try self.add(best, &.{ending.text}, 0);
        }
    }

    /// Least cost to go after a closed lexeme.
    fn costAfter(self: *Ways, entry: *linear.Entry, closing: lexing.Closing) !u32 {
        const done = try self.judge.view.advance(entry, closing);
        var best: u32 = infinite;
        for (done.tops) |top| best = @min(best, try self.judge.costToGo(top));
        return best;
    }
};

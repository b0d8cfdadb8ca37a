//! The parser's C ABI. Every function takes the grammar's lock, to change what it guards or, for a
//! mask that is known, to read; pointers come from these functions, lengths are the caller's word for buffers that the caller owns.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const stack = @import("stack.zig");
const fold = @import("fold.zig");
const lexing = @import("lexing.zig");
const linear = @import("linear.zig");
const lines = @import("lines.zig");
const contexts = @import("contexts.zig");
const glr = @import("glr.zig");
const mask = @import("mask.zig");
const tree = @import("tree.zig");
const completion = @import("completion.zig");
const opening = @import("opening.zig");
const automaton = @import("automaton.zig");
const trie = @import("trie.zig");

const gpa = memory.gpa;
const Grammar = glr.Grammar;
const State = glr.State;

const ok: i32 = 1;
const no: i32 = 0;
const out_of_memory: i32 = -1;
const too_long: i32 = -2;
const bad_argument: i32 = -3;

fn code(err: anyerror) i32 {
    return switch (err) {
        error.OutOfMemory => out_of_memory,
        error.TooLong => too_long,
        else => bad_argument,
    };
}

/// Counts of a language before its grammar is made: terminals, lex states that are used.
export fn ananke_language_counts(lang: *const ts.TSLanguage, out: *[2]u32) void {
    out.* = .{ lang.token_count, automaton.startCount(lang) };
}

export fn ananke_language_symbol_name(lang: *const ts.TSLanguage, symbol: u16) ?[*:0]const u8 {
    if (symbol >= lang.token_count) return null;
    return lang.symbol_names[symbol];
}

/// Null if the language's ABI is not one that this build reads.
export fn ananke_grammar_new(lang: ?*const ts.TSLanguage, main: ?*const automaton.Automaton, keyword: ?*const automaton.Automaton) ?*Grammar {
    const language = lang orelse return null;
    if (language.abi_version < ts.min_abi or language.abi_version > ts.max_abi) return null;
    return Grammar.create(language, main orelse return null, keyword) catch null;
}

export fn ananke_grammar_free(grammar: ?*Grammar) void {
    if (grammar) |g| g.destroy();
}

/// Counts: symbols (aliases included), terminals, states, lex modes, fields, keyword capture, symbols
/// without aliases.
export fn ananke_grammar_counts(grammar: *const Grammar, out: *[7]u32) void {
    const lang = grammar.lang;
    out.* = .{
        lang.symbol_count + lang.alias_count,
        lang.token_count,
        lang.state_count,
        grammar.lex.base_modes,
        lang.field_count,
        lang.keyword_capture_token,
        lang.symbol_count,
    };
}

export fn ananke_grammar_symbol_name(grammar: *const Grammar, symbol: u16) ?[*:0]const u8 {
    if (symbol >= grammar.lang.symbol_count + grammar.lang.alias_count) return null;
    return grammar.lang.symbol_names[symbol];
}

/// Bit 0: visible, bit 1: named, bit 2: external terminal.
export fn ananke_grammar_symbol_flags(grammar: *const Grammar, symbol: u16) u8 {
    const lang = grammar.lang;
    if (symbol >= lang.symbol_count + lang.alias_count) return 0;
    const meta = lang.symbol_metadata[symbol];
    var flags: u8 = @as(u8, @intFromBool(meta.visible)) | @as(u8, @intFromBool(meta.named)) << 1;
    for (0..lang.external_token_count) |i| {
        if (lang.external_scanner.symbol_map.?[i] == symbol) flags |= 4;
    }
    return flags;
}

export fn ananke_grammar_field_name(grammar: *const Grammar, field: u16) ?[*:0]const u8 {
    if (field == 0 or field > grammar.lang.field_count) return null;
    return grammar.lang.field_names[field];
}

/// Adds a fold (see fold.zig) and returns its index, or a negative code. In `forgets` bit 0 is
/// "forgotten", bit 1 "matters at the start only", bit 2 "fatal", bit 3 "repeats", bit 4 "skipped".
/// Flags: 1 drops lines, 2 leading, 4 hashes.
export fn ananke_grammar_add_fold(grammar: *Grammar, symbol: u16, classes: *const [256]u8, representatives: *const [8]u8, forgets: *const [256]u8, escape: i32, flags: u32) i32 {
    const one = gpa.create(fold.Fold) catch return out_of_memory;
    one.* = .{ .symbol = symbol, .classes = classes.*, .representatives = representatives.*, .escape = escape, .drops_lines = flags & 1 != 0, .leading = flags & 2 != 0, .hashes = flags & 4 != 0, .nests = flags & 8 != 0, .lexer = grammar.lex.wordLexer() catch return out_of_memory };
    for (&one.forgets, forgets) |*slot, flag| slot.* = flag & 1 != 0;
    for (&one.opening, forgets) |*slot, flag| slot.* = flag & 2 != 0;
    for (&one.fatal, forgets) |*slot, flag| slot.* = flag & 4 != 0;
    for (&one.repeats, forgets) |*slot, flag| slot.* = flag & 8 != 0;
    for (&one.skips, forgets) |*slot, flag| slot.* = flag & 16 != 0;
    for (&one.classes) |*class| class.* &= 7;
    grammar.lex.folds.append(gpa, one) catch return out_of_memory;
    return @intCast(grammar.lex.folds.items.len - 1);
}

/// In scanner states with one of the flags in `mask_bits` an escaped plain byte is plain.
export fn ananke_grammar_fold_raw(grammar: *Grammar, index: u32, mask_bits: u8) i32 {
    if (index >= grammar.lex.folds.items.len) return bad_argument;
    grammar.lex.folds.items[index].raw_in = mask_bits;
    return ok;
}

/// In scanner states with (`is_live`) or without one of the flags in `mask_bits`, `byte` doesn't
/// act like a plain one in this fold.
export fn ananke_grammar_fold_state(grammar: *Grammar, index: u32, byte: u8, mask_bits: u8, is_live: bool) i32 {
    if (index >= grammar.lex.folds.items.len) return bad_argument;
    const one = grammar.lex.folds.items[index];
    if (is_live) one.live_in[byte] = mask_bits else one.plain_in[byte] = mask_bits;
    return ok;
}

/// What the lexemes that this fold is for end with.
export fn ananke_grammar_fold_ending(grammar: *Grammar, index: u32, text: [*]const u8, len: usize) i32 {
    if (index >= grammar.lex.folds.items.len) return bad_argument;
    const one = grammar.lex.folds.items[index];
    const own = gpa.dupe(u8, text[0..len]) catch return out_of_memory;
    gpa.free(one.ending);
    one.ending = own;
    return ok;
}

export fn ananke_grammar_add_comment(grammar: *Grammar, index: u32, open: [*]const u8, open_len: usize, close: [*]const u8, close_len: usize) i32 {
    if (index >= grammar.lex.folds.items.len or open_len == 0 or close_len == 0) return bad_argument;
    const pair = fold.Comment{
        .open = gpa.dupe(u8, open[0..open_len]) catch return out_of_memory,
        .close = gpa.dupe(u8, close[0..close_len]) catch return out_of_memory,
    };
    grammar.lex.folds.items[index].comments.append(gpa, pair) catch return out_of_memory;
    return ok;
}

export fn ananke_grammar_add_word(grammar: *Grammar, index: u32, word: [*]const u8, len: usize) i32 {
    if (index >= grammar.lex.folds.items.len or len == 0) return bad_argument;
    const copy = gpa.dupe(u8, word[0..len]) catch return out_of_memory;
    grammar.lex.folds.items[index].words.append(gpa, copy) catch return out_of_memory;
    return ok;
}

/// Characters `first` … `last` act like the first that was given.
export fn ananke_grammar_add_alike(grammar: *Grammar, index: u32, first: u32, last: u32) i32 {
    if (index >= grammar.lex.folds.items.len or first > last or last > std.math.maxInt(u21)) return bad_argument;
    grammar.lex.folds.items[index].alike.append(gpa, .{ .first = @intCast(first), .last = @intCast(last) }) catch return out_of_memory;
    return ok;
}

export fn ananke_grammar_add_probe(grammar: *Grammar, probe: [*]const u8, len: usize) i32 {
    const copy = gpa.dupe(u8, probe[0..len]) catch return out_of_memory;
    grammar.probes.append(gpa, copy) catch return out_of_memory;
    return ok;
}

/// A text that ends an unfinished external lexeme, for completions.
export fn ananke_grammar_add_closer(grammar: *Grammar, closer: [*]const u8, len: usize) i32 {
    const copy = gpa.dupe(u8, closer[0..len]) catch return out_of_memory;
    grammar.closers.append(gpa, copy) catch return out_of_memory;
    return ok;
}

export fn ananke_grammar_add_scanner_word(grammar: *Grammar, word: [*]const u8, len: usize) i32 {
    const copy = gpa.dupe(u8, word[0..len]) catch return out_of_memory;
    grammar.words.append(gpa, copy) catch return out_of_memory;
    return ok;
}

/// How the scanner's serialised state is laid out (see lexing.zig), where the list to the
/// end doesn't matter (`symbol` is valid), and the terminal that ends an indented block.
export fn ananke_grammar_set_state_shape(grammar: *Grammar, header: u8, counted: u8, rest: u8, symbol: u16, dedent: u16, indent: u16, ends_outside: bool) void {
    grammar.lex.shape = .{ .header = header, .counted = counted, .rest = rest };
    grammar.lex.restless_symbol = symbol;
    grammar.lex.dedent_symbol = dedent;
    grammar.lex.indent_symbol = indent;
    grammar.lex.ends_outside = ends_outside;
}

export fn ananke_grammar_set_unprobed(grammar: *Grammar, byte: u8) void {
    grammar.unprobed[byte] = true;
}

/// How a terminal is spelt in completions.
export fn ananke_grammar_add_spelling(grammar: *Grammar, symbol: u16, text: [*]const u8, len: usize) i32 {
    if (symbol >= grammar.lang.symbol_count) return bad_argument;
    const copy = gpa.dupe(u8, text[0..len]) catch return out_of_memory;
    grammar.given_spellings.append(gpa, .{ .symbol = symbol, .text = copy }) catch return out_of_memory;
    return ok;
}

export fn ananke_grammar_set_certain(grammar: *Grammar, symbol: u16) i32 {
    if (symbol >= grammar.lang.symbol_count) return bad_argument;
    grammar.certain[symbol / 64] |= @as(u64, 1) << @intCast(symbol % 64);
    return ok;
}

export fn ananke_grammar_add_retried(grammar: *Grammar, byte: u8) i32 {
    grammar.lex.retried.append(gpa, byte) catch return out_of_memory;
    return ok;
}

/// The bytes that a lexeme after the terminal may begin with.
export fn ananke_grammar_set_followers(grammar: *Grammar, symbol: u16, bytes: [*]const u8, len: usize) i32 {
    if (symbol >= grammar.lang.symbol_count) return bad_argument;
    const copy = gpa.dupe(u8, bytes[0..len]) catch return out_of_memory;
    const slot = grammar.lex.followers.getOrPut(gpa, symbol) catch {
        gpa.free(copy);
        return out_of_memory;
    };
    if (slot.found_existing) gpa.free(slot.value_ptr.*);
    slot.value_ptr.* = copy;
    return ok;
}

export fn ananke_grammar_set_absent(grammar: *Grammar, symbol: u16) i32 {
    if (symbol >= grammar.absent.len) return bad_argument;
    grammar.absent[symbol] = true;
    grammar.forgetMoves();
    return ok;
}

/// The line rule: the role of each terminal (see lines.zig), and whether line ends count after
/// those without one.
export fn ananke_grammar_set_lines(grammar: *Grammar, roles: [*]const u8, is_strict: bool) i32 {
    const own = gpa.alloc(lines.Role, grammar.lang.token_count) catch return out_of_memory;
    for (own, 0..) |*role, i| role.* = if (roles[i] > @backingInt(lines.Role.breaks)) .none else @fromBackingInt(roles[i]);
    gpa.free(grammar.lines.roles);
    grammar.lines = .{ .roles = own, .is_strict = is_strict };
    return ok;
}

/// A rule of contexts (see contexts.zig): how many it has, and its steps in the order in which they
/// are tried.
export fn ananke_grammar_add_contexts(grammar: *Grammar, count: u8, steps: [*]const contexts.Step, step_count: usize) i32 {
    grammar.contexts.add(count, steps[0..step_count]) catch |err| return if (err == error.Invalid) bad_argument else out_of_memory;
    return ok;
}

/// In the context of the rule added last the terminal may not be shifted.
export fn ananke_grammar_refuse(grammar: *Grammar, context: u8, terminal: u16) i32 {
    if (grammar.contexts.rules.items.len == 0) return bad_argument;
    grammar.contexts.refuse(context, terminal) catch |err| return if (err == error.Invalid) bad_argument else out_of_memory;
    return ok;
}

/// A keyword that is never a name.
export fn ananke_grammar_set_reserved(grammar: *Grammar, symbol: u16) i32 {
    if (symbol >= grammar.reserved.len) return bad_argument;
    grammar.reserved[symbol] = true;
    return ok;
}

/// The language has no production of `symbol` from `child_count`, the last of them `last` (0: any).
export fn ananke_grammar_forbid(grammar: *Grammar, symbol: u16, child_count: u8, last: u16) i32 {
    if (symbol >= grammar.lang.symbol_count or last >= grammar.lang.symbol_count) return bad_argument;
    if (last != 0) grammar.contexts.watch(last) catch return out_of_memory;
    grammar.forbidden.append(gpa, .{ .symbol = symbol, .child_count = child_count, .last = last }) catch return out_of_memory;
    return ok;
}

/// Where `first` may come, `second` may not, though the grammar says so.
export fn ananke_grammar_exclude(grammar: *Grammar, first: u16, second: u16) i32 {
    if (first >= grammar.lang.token_count or second >= grammar.lang.token_count) return bad_argument;
    grammar.exclusions.append(gpa, .{ .first = first, .second = second }) catch return out_of_memory;
    grammar.forgetMoves();
    return ok;
}

export fn ananke_state_start(grammar: *Grammar) ?*State {
    grammar.lock.acquire();
    defer grammar.lock.release();
    return grammar.start() catch null;
}

export fn ananke_state_release(grammar: *Grammar, state: *State) void {
    grammar.lock.acquire();
    defer grammar.lock.release();
    state.release();
}

/// Writes the state after `bytes` to `out`. 1: alive, 0: dead, negative: an error.
export fn ananke_state_feed(grammar: *Grammar, state: *State, bytes: [*]const u8, len: usize, out: *?*State) i32 {
    grammar.lock.acquire();
    defer grammar.lock.release();
    grammar.refresh(state) catch |err| return code(err);
    out.* = null;
    const next = grammar.feed(state, bytes[0..len]) catch |err| return code(err);
    out.* = next;
    return if (next == null) no else ok;
}

/// Whether the text may end here.
export fn ananke_state_ends(grammar: *Grammar, state: *State) i32 {
    grammar.lock.acquire();
    defer grammar.lock.release();
    grammar.refresh(state) catch |err| return code(err);
    var view = linear.Linear.init(grammar);
    defer view.deinit();
    for (state.heads) |head| {
        if (view.headEnds(head.node, head.config, head.sigma) catch |err| return code(err)) return ok;
    }
    return no;
}

export fn ananke_state_length(state: *const State) u32 {
    return state.len;
}

export fn ananke_state_head_count(state: *const State) u32 {
    return @intCast(state.heads.len);
}

/// Offset at which the earliest unfinished lexeme of any version begins.
export fn ananke_state_lexeme_start(state: *const State) u32 {
    var first = state.len;
    for (state.heads) |head| first = @min(first, head.start);
    return first;
}

/// Copies text[from..from+len] of the state; returns the bytes copied.
export fn ananke_state_text(grammar: *Grammar, state: *const State, from: u32, out: [*]u8, len: u32) u32 {
    grammar.lock.acquire();
    defer grammar.lock.release();
    if (from >= state.len) return 0;
    const count = @min(len, state.len - from);
    @memcpy(out[0..count], state.bytes()[from..][0..count]);
    return count;
}

/// Sets the bit of each terminal that the unfinished lexeme may become, over all versions.
export fn ananke_state_expected(grammar: *Grammar, state: *State, out: [*]u64, words: usize) i32 {
    grammar.lock.acquire();
    defer grammar.lock.release();
    grammar.refresh(state) catch |err| return code(err);
    const lex = grammar.lex;
    if (words < lex.reach_words) return bad_argument;
    @memset(out[0..words], 0);
    var view = linear.Linear.init(grammar);
    defer view.deinit();
    for (state.heads) |head| {
        const config = lex.configs.items[head.config];
        var reading: usize = 0;
        while (reading < 64) : (reading += 1) {
            const entry = view.enter(head.node) catch |err| return code(err);
            const wanted = view.shiftable(entry) catch |err| switch (err) {
                error.Ambiguous => {
                    view.split() catch return out_of_memory;
                    continue;
                },
                else => return code(err),
            };
            const single = gpa.alloc(u64, lex.reach_words) catch return out_of_memory;
            defer gpa.free(single);
            for (wanted, 0..) |word, i| {
                var rest = word;
                while (rest != 0) : (rest &= rest - 1) {
                    if (config.external) {
                        out[i] |= rest & (~rest + 1);
                        continue;
                    }
                    @memset(single, 0);
                    single[i] = rest & (~rest + 1);
                    if (lex.reaches(config, single)) out[i] |= single[i];
                }
            }
            if (!view.nextReading()) break;
        }
        view.forget();
    }
    return ok;
}

/// Finds the least text that finishes the program before `suffix`. Returns its length, or -1 if
/// none was found within the bounds, and sets `out`; free it with `ananke_text_free`.
export fn ananke_state_complete(grammar: *Grammar, state: *State, suffix: [*]const u8, suffix_len: usize, out: *?[*]u8) i64 {
    grammar.lock.acquire();
    defer grammar.lock.release();
    grammar.refresh(state) catch return -2;
    out.* = null;
    const found = (completion.search(grammar, state, suffix[0..suffix_len]) catch return -2) orelse return -1;
    out.* = found.ptr;
    return @intCast(found.len);
}

export fn ananke_text_free(text: ?[*]u8, len: usize) void {
    if (text) |bytes| gpa.free(bytes[0..len]);
}

pub const Rows = struct { rows: std.ArrayList(tree.Row) = .empty };

/// The rows of the finished program's tree, or null if the text can't end here.
export fn ananke_state_finish(grammar: *Grammar, state: *State, out_count: *u32) ?*Rows {
    grammar.lock.acquire();
    defer grammar.lock.release();
    grammar.refresh(state) catch return null;
    out_count.* = 0;
    const root = (grammar.finish(state) catch return null) orelse return null;
    defer root.release();
    const rows = gpa.create(Rows) catch return null;
    rows.* = .{};
    tree.flatten(grammar.lang, root, &rows.rows) catch return null;
    out_count.* = @intCast(rows.rows.items.len);
    return rows;
}

/// The rows of the trees on the preferred version's stack, bottom first, each a root of its own.
export fn ananke_state_stack(grammar: *Grammar, state: *State, out_count: *u32) ?*Rows {
    grammar.lock.acquire();
    defer grammar.lock.release();
    out_count.* = 0;
    if (state.heads.len == 0) return null;
    var best = state.heads[0].node;
    for (state.heads) |head| {
        if (head.node.dynamic > best.dynamic) best = head.node;
    }
    var trees: std.ArrayList(*const stack.Tree) = .empty;
    defer trees.deinit(gpa);
    var node: ?*stack.Node = best;
    while (node) |at| {
        const link = at.links[0];
        var extras = link.extras;
        while (extras) |one| : (extras = one.before) trees.append(gpa, one.tree) catch return null;
        if (link.tree) |one| trees.append(gpa, one) catch return null;
        node = link.below;
    }
    std.mem.reverse(*const stack.Tree, trees.items);
    const rows = gpa.create(Rows) catch return null;
    rows.* = .{};
    for (trees.items) |one| {
        tree.flatten(grammar.lang, one, &rows.rows) catch return null;
    }
    out_count.* = @intCast(rows.rows.items.len);
    return rows;
}

export fn ananke_rows_data(rows: *const Rows) [*]const tree.Row {
    return rows.rows.items.ptr;
}

export fn ananke_rows_free(rows: *Rows) void {
    rows.rows.deinit(gpa);
    gpa.destroy(rows);
}

/// The unfinished program's tree (opening.zig). `symbol` is what the pending lexeme is read as,
/// from byte `start` on; 0xFFFF: it is left out. `prune` has a byte for each symbol, 1 for what is
/// one row where it is finished, 2 for what may be the root where it is open.
export fn ananke_state_open(grammar: *Grammar, state: *State, symbol: u16, start: u32, prune: [*]const u8, prune_len: usize) ?*opening.Opening {
    if (prune_len != grammar.lang.symbol_count + grammar.lang.alias_count) return null;
    grammar.lock.acquire();
    defer grammar.lock.release();
    grammar.refresh(state) catch return null;
    if (symbol != 0xFFFF and (symbol >= grammar.lang.token_count or start > state.len)) return null;
    const pending: ?opening.Pending = if (symbol == 0xFFFF) null else .{ .symbol = symbol, .start = start };
    return opening.open(grammar, state, pending, prune[0..prune_len]) catch null;
}

/// Numbers of rows and readings, and whether there are no other readings.
export fn ananke_opening_counts(self: *const opening.Opening, out: *[3]u32) void {
    out.* = .{ @intCast(self.rows.items.len), @intCast(self.edges.items.len), @intFromBool(self.complete) };
}

export fn ananke_opening_rows(self: *const opening.Opening) [*]const opening.Row {
    return self.rows.items.ptr;
}

export fn ananke_opening_edges(self: *const opening.Opening) [*]const opening.Edge {
    return self.edges.items.ptr;
}

/// Replaces the rows by those of a pruned row's tree, hidden ones in it closed only where
/// `keeps_hidden`; returns how many there are, 0 on failure.
export fn ananke_opening_expand(grammar: *Grammar, self: *opening.Opening, pruned: u64, keeps_hidden: bool) u32 {
    grammar.lock.acquire();
    defer grammar.lock.release();
    self.rows.clearRetainingCapacity();
    const root: *const stack.Tree = @ptrFromInt(@as(usize, @intCast(pruned)));
    opening.flatten(self, root, opening.nowhere, keeps_hidden) catch return 0;
    return @intCast(self.rows.items.len);
}

export fn ananke_opening_free(grammar: *Grammar, self: *opening.Opening) void {
    grammar.lock.acquire();
    defer grammar.lock.release();
    self.destroy();
}

export fn ananke_classifier_new(grammar: *Grammar, tokens: ?*const trie.Trie, eos: [*]const u32, eos_count: usize) ?*mask.Classifier {
    return mask.Classifier.create(grammar, tokens orelse return null, eos[0..eos_count]) catch null;
}

export fn ananke_classifier_free(classifier: ?*mask.Classifier) void {
    const c = classifier orelse return;
    const grammar = c.grammar;
    grammar.lock.acquire();
    defer grammar.lock.release();
    c.destroy();
}

fn maskWords(classifier: *const mask.Classifier) usize {
    return (@as(usize, classifier.trie.vocab_size) + 31) / 32;
}

/// Writes the mask after `state` into `words` 32-bit words; `words` must be the mask's length.
export fn ananke_classifier_fill(classifier: *mask.Classifier, state: *State, out: [*]u32, words: usize) i32 {
    if (words != maskWords(classifier)) return bad_argument;
    const grammar = classifier.grammar;
    if (isRecalled(classifier, state, out[0..words])) return ok;
    grammar.lock.acquire();
    defer grammar.lock.release();
    grammar.refresh(state) catch |err| return code(err);
    classifier.fill(state, out[0..words]) catch |err| return code(err);
    return ok;
}

/// Whether the mask is known, and written; beside others that only read.
fn isRecalled(classifier: *mask.Classifier, state: *const State, out: []u32) bool {
    classifier.grammar.lock.acquireShared();
    defer classifier.grammar.lock.releaseShared();
    return classifier.recall(state, out);
}

/// Masks of a batch: those of the rows that are left, each by whoever is free.
const Batch = struct {
    classifiers: []const *mask.Classifier,
    states: []const *State,
    rows: []const [*]u32,
    words: usize,
    results: []i32,
    next: std.atomic.Value(usize) = .init(0),

    fn work(self: *Batch) void {
        while (true) {
            const at = self.next.fetchAdd(1, .monotonic);
            if (at >= self.rows.len) return;
            const result = ananke_classifier_fill(self.classifiers[at], self.states[at], self.rows[at], self.words);
            self.results[at] = if (result == ok and std.mem.allEqual(u32, self.rows[at][0..self.words], 0)) no else result;
        }
    }
};

/// More threads than this don't help: what a batch needs of them is over in milliseconds.
const max_threads = 64;

/// Fills `count` rows of `words` words, each as `ananke_classifier_fill` does, by at most `threads`
/// threads, the caller's among them; rows that no thread can be had for are left to the others.
/// Writes to `results` for each row 1: it has a token, 0: it has none, negative: an error.
export fn ananke_classifiers_fill(classifiers: [*]const *mask.Classifier, states: [*]const *State, rows: [*]const [*]u32, words: usize, results: [*]i32, count: usize, threads: usize) void {
    var batch = Batch{
        .classifiers = classifiers[0..count],
        .states = states[0..count],
        .rows = rows[0..count],
        .words = words,
        .results = results[0..count],
    };
    var others: [max_threads]std.Thread = undefined;
    var started: usize = 0;
    while (started < others.len and started + 1 < @min(threads, count)) : (started += 1) {
        others[started] = std.Thread.spawn(.{}, Batch.work, .{&batch}) catch break;
    }
    batch.work();
    for (others[0..started]) |thread| thread.join();
}

/// The same mask by feeding every token to the parser: the slow truth that `fill` must equal.
export fn ananke_classifier_fill_brute(classifier: *mask.Classifier, state: *State, out: [*]u32, words: usize) i32 {
    if (words != maskWords(classifier)) return bad_argument;
    const grammar = classifier.grammar;
    grammar.lock.acquire();
    defer grammar.lock.release();
    @memset(out[0..words], 0);
    const t = classifier.trie;
    var bytes: [trie.max_depth + 1]u8 = undefined;
    var node: u32 = 1;
    while (node < t.end[0]) : (node += 1) {
        const depth = t.depth[node];
        bytes[depth - 1] = t.bytes[node];
        const ids = t.token_ids[t.token_start[node]..t.token_start[node + 1]];
        if (ids.len == 0) continue;
        grammar.refresh(state) catch |err| return code(err);
        const next = grammar.feed(state, bytes[0..depth]) catch |err| return code(err);
        const alive = next orelse continue;
        alive.release();
        for (ids) |id| out[id / 32] |= @as(u32, 1) << @intCast(id % 32);
    }
    grammar.refresh(state) catch |err| return code(err);
    var view = linear.Linear.init(grammar);
    defer view.deinit();
    for (state.heads) |head| {
        if (view.headEnds(head.node, head.config, head.sigma) catch |err| return code(err)) {
            for (classifier.eos) |id| out[id / 32] |= @as(u32, 1) << @intCast(id % 32);
        }
    }
    return ok;
}

/// Sizes: classes, sets, bytes held, remembered answers, hits, misses, configurations, scanner states.
export fn ananke_classifier_statistics(classifier: *mask.Classifier, out: *[8]u64) void {
    classifier.grammar.lock.acquire();
    defer classifier.grammar.lock.release();
    const lex = classifier.grammar.lex;
    out.* = .{
        classifier.classes.items.len,
        classifier.sets.items.len,
        classifier.held,
        classifier.memo.count,
        classifier.memo.hits,
        classifier.memo.misses,
        lex.configs.items.len,
        lex.sigmas.items.len,
    };
}

/// Objects alive: states, stack nodes, trees, texts.
export fn ananke_live_counts(out: *[4]i64) void {
    out.* = .{
        memory.live_states.load(.monotonic),
        memory.live_stack_nodes.load(.monotonic),
        memory.live_trees.load(.monotonic),
        memory.live_texts.load(.monotonic),
    };
}

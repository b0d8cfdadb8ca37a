//! Lexical configurations: what the lexer knows about the unfinished lexeme at the cursor.
//!
//! A configuration is a small immutable value, interned to an id, with a byte-wise transition
//! function. It is in one of two phases:
//!
//!   external   the external scanner has not decided yet; the value is (mode, scanner state,
//!              folded bytes since the lexeme began)
//!   internal   the scanner declined, or there is none; the value is (automaton state, keyword
//!              automaton state, last accepted symbol, bytes since that acceptance)
//!
//! A transition leads to another configuration, to a *closing* (the lexeme has ended: which
//! terminal, the scanner's new state, and the bytes already read past its end), or nowhere.
//! The rules are those of tree-sitter's `ts_parser__lex`: external scanner first, then the
//! longest match of the internal lexer, then the keyword lexer on the same text.
const std = @import("std");
const ts = @import("tslanguage.zig");
const memory = @import("memory.zig");
const scanner = @import("scanner.zig");
const fold = @import("fold.zig");
const automaton = @import("automaton.zig");
const lines = @import("lines.zig");

const gpa = memory.gpa;
pub const Failure = error{ OutOfMemory, BadGrammar };
pub const ConfigId = u32;
pub const none_symbol: u16 = 0xFFFF;
/// Transition results besides a configuration: nowhere, or `closing_bit` + index of a closing.
pub const dead: u32 = 0x7FFF_FFFF;
pub const closing_bit: u32 = 0x8000_0000;
const unknown: u32 = 0x7FFF_FFFE;
/// Scanner state of a closing that leaves it as it was.
pub const sigma_kept: u32 = 0xFFFF_FFFF;

pub const Mode = struct { lex_state: u16, external_state: u16 };

/// Which parts of a serialised scanner state one run of the scanner can depend on: a header, the
/// last item of a counted list of bytes, the last items of a list to the end. A width of 0: there
/// is no such list. Scanner states that agree in these share their configurations.
pub const StateShape = struct { header: u8 = 0, counted: u8 = 0, rest: u8 = 0 };

pub const Closing = struct {
    symbol: u16,
    /// The keyword that the keyword lexer recognised in the same text.
    keyword: u16,
    /// The scanner's state after it (a projected one, see `Lexing.after`), or `sigma_kept`.
    sigma: u32,
    /// For a changed state: a lexeme that changes it so, and the mode it was read in.
    mode: u16 = 0,
    sample: []const u8 = "",
    /// Bytes read past the end of the lexeme, to be lexed again.
    carry: []const u8,
};

/// Terminals that an undecided external lexeme may become: with nothing read past it, and with
/// something that has to fit too.
pub const Prospects = struct {
    free: []u64,
    bound: []u64,
    /// Whether a lexeme of the internal lexer has begun.
    isBegun: bool = false,
    /// Whether all probes were tried, and whether there are no others.
    isLooked: bool = false,
    isComplete: bool = false,
};

pub const Config = struct {
    external: bool,
    mode: u16,
    sigma: u32,
    q: u16,
    kwq: u16,
    accepted: u16,
    accepted_keyword: u16,
    /// External: folded bytes of the lexeme. Internal: bytes since the last acceptance.
    tail: []const u8,
    /// An incomplete UTF-8 sequence at the end.
    partial: [3]u8 = .{ 0, 0, 0 },
    partial_len: u8 = 0,
    next: ?*[256]u32 = null,
    eof: u32 = unknown,
    prospects: ?Prospects = null,

    fn key(self: *const Config, out: *std.ArrayList(u8)) !void {
        out.clearRetainingCapacity();
        const head = [_]u32{
            @intFromBool(self.external) | (@as(u32, self.mode) << 8),
            self.sigma,
            @as(u32, self.q) | (@as(u32, self.kwq) << 16),
            @as(u32, self.accepted) | (@as(u32, self.accepted_keyword) << 16),
            @as(u32, self.partial_len) | (@as(u32, self.partial[0]) << 8) |
                (@as(u32, self.partial[1]) << 16) | (@as(u32, self.partial[2]) << 24),
        };
        try out.appendSlice(gpa, std.mem.sliceAsBytes(&head));
        try out.appendSlice(gpa, self.tail);
    }

    pub fn isFresh(self: *const Config) bool {
        return self.external and self.tail.len == 0 and self.partial_len == 0;
    }
};

/// A change of the scanner's state: from a full state, by a terminal, to a projected one.
const Effect = struct { before: u32, after: u32, symbol: u16 };

/// A lexeme found in given text: where it starts after white space, where it ends.
/// `sigma` is the scanner's state after it, if it was run.
pub const Lexeme = struct { closing: u32, sigma: ?u32, start: usize, end: usize };

pub const Lexing = struct {
    lang: *const ts.TSLanguage,
    main: *const automaton.Automaton,
    keyword: ?*const automaton.Automaton,
    /// Automaton states from which the lexeme can't end except by being accepted later.
    immortal: []bool,
    /// Automaton states before the first character of a lexeme.
    blank: []bool,
    /// The lex modes, for each variant of the lexer anew (lines.zig).
    modes: std.ArrayList(Mode) = .empty,
    base_modes: u16 = 0,
    mode_of_state: []u16,
    start_of_mode: []u16,
    /// By terminal, the bytes that a lexeme after it may begin with, where that is known.
    followers: std.AutoHashMapUnmanaged(u16, []const u8) = .empty,
    /// Bytes at the beginning of lexemes that the scanner is asked about again (`askAgain`).
    retried: std.ArrayList(u8) = .empty,
    /// States of the lexer in which a name may begin, once asked for.
    name_starts: std.ArrayList(u16) = .empty,
    sigmas: std.ArrayList([]const u8) = .empty,
    sigma_ids: std.StringHashMapUnmanaged(u32) = .empty,
    shape: ?StateShape = null,
    /// Where this external terminal is valid, the list to the end of a state doesn't matter.
    restless_symbol: u16 = none_symbol,
    /// The terminal that closes an indented block: the line after it must begin at a column that
    /// some enclosing block began at.
    dedent_symbol: u16 = none_symbol,
    /// The terminal that opens one: where it is valid, how much deeper a line begins matters.
    indent_symbol: u16 = none_symbol,
    /// Whether blocks end outside of brackets only.
    ends_outside: bool = false,
    projections: std.AutoHashMapUnmanaged(u64, u32) = .empty,
    effects: std.AutoHashMapUnmanaged(Effect, u32) = .empty,
    wide_verdicts: std.StringHashMapUnmanaged(WideVerdict) = .empty,
    configs: std.ArrayList(*Config) = .empty,
    config_ids: std.StringHashMapUnmanaged(u32) = .empty,
    closings: std.ArrayList(Closing) = .empty,
    closing_ids: std.StringHashMapUnmanaged(u32) = .empty,
    starts: std.AutoHashMapUnmanaged(u64, u32) = .empty,
    folds: std.ArrayList(*fold.Fold) = .empty,
    payload: ?*anyopaque,
    reach_words: usize,
    /// Grows when the configurations are dropped; ids of an older generation mean nothing.
    generation: u32 = 0,
    scratch: std.ArrayList(u8) = .empty,
    folded: std.ArrayList(u8) = .empty,
    joined: std.ArrayList(u8) = .empty,
    clipped: std.ArrayList(u8) = .empty,
    scanned: [ts.serialization_buffer_size]u8 = undefined,

    pub const no_mode: u16 = 0xFFFF;

    pub fn create(lang: *const ts.TSLanguage, main: *const automaton.Automaton, keyword: ?*const automaton.Automaton) !*Lexing {
        const self = try gpa.create(Lexing);
        self.* = .{
            .lang = lang,
            .main = main,
            .keyword = keyword,
            .immortal = try immortalStates(main),
            .blank = try gpa.alloc(bool, main.state_count),
            .mode_of_state = try gpa.alloc(u16, lang.state_count),
            .start_of_mode = &.{},
            .payload = if (lang.external_scanner.create) |make| make() else null,
            .reach_words = (lang.symbol_count + 63) / 64,
        };
        var seen: std.AutoHashMapUnmanaged(u32, u16) = .empty;
        defer seen.deinit(gpa);
        for (self.mode_of_state, 0..) |*slot, state| {
            const raw = lang.lexMode(@intCast(state));
            if (raw.lex_state == ts.no_lookahead) {
                slot.* = no_mode;
                continue;
            }
            const pair = @as(u32, raw.lex_state) | (@as(u32, raw.external_lex_state) << 16);
            const entry = try seen.getOrPut(gpa, pair);
            if (!entry.found_existing) {
                entry.value_ptr.* = @intCast(self.modes.items.len);
                try self.modes.append(gpa, .{ .lex_state = raw.lex_state, .external_state = raw.external_lex_state });
            }
            slot.* = entry.value_ptr.*;
        }
        self.base_modes = @intCast(self.modes.items.len);
        // An automaton of several variants holds all start states once for each.
        const starts = automaton.startCount(lang);
        const variants = @max(1, @min(lines.variant_count, main.start.len / starts));
        for (1..variants) |_| {
            for (0..self.base_modes) |i| try self.modes.append(gpa, self.modes.items[i]);
        }
        self.start_of_mode = try gpa.alloc(u16, self.modes.items.len);
        for (self.modes.items, self.start_of_mode, 0..) |mode, *first, i| {
            first.* = main.start[i / self.base_modes * starts + mode.lex_state];
        }
        @memset(self.blank, false);
        for (self.start_of_mode) |first| {
            if (first != automaton.DEAD) self.blank[first] = true;
        }
        for (main.ascii, main.ascii_skip) |target, skip| {
            if (skip != 0 and target != automaton.DEAD) self.blank[target] = true;
        }
        // The state of a scanner that has read nothing. Not the empty one, which some scanners don't
        // take for a reset.
        const length = if (lang.external_scanner.serialize) |serialize| serialize(self.payload, &self.scanned) else 0;
        _ = try self.internSigma(self.scanned[0..@min(length, self.scanned.len)]);
        return self;
    }

    pub fn destroy(self: *Lexing) void {
        if (self.lang.external_scanner.destroy) |free| {
            if (self.payload != null) free(self.payload);
        }
        gpa.free(self.immortal);
        gpa.free(self.blank);
        gpa.free(self.mode_of_state);
        gpa.free(self.start_of_mode);
        self.name_starts.deinit(gpa);
        self.retried.deinit(gpa);
        var sets = self.followers.valueIterator();
        while (sets.next()) |set| gpa.free(set.*);
        self.followers.deinit(gpa);
        self.modes.deinit(gpa);
        for (self.sigmas.items) |bytes| gpa.free(bytes);
        self.sigmas.deinit(gpa);
        self.sigma_ids.deinit(gpa);
        self.projections.deinit(gpa);
        self.effects.deinit(gpa);
        var verdicts = self.wide_verdicts.keyIterator();
        while (verdicts.next()) |key| gpa.free(key.*);
        self.wide_verdicts.deinit(gpa);
        self.freeConfigs();
        self.configs.deinit(gpa);
        self.config_ids.deinit(gpa);
        self.closings.deinit(gpa);
        self.closing_ids.deinit(gpa);
        self.starts.deinit(gpa);
        for (self.folds.items) |one| {
            one.deinit();
            gpa.destroy(one);
        }
        self.folds.deinit(gpa);
        self.scratch.deinit(gpa);
        self.folded.deinit(gpa);
        self.joined.deinit(gpa);
        self.clipped.deinit(gpa);
        gpa.destroy(self);
    }

    fn freeConfigs(self: *Lexing) void {
        for (self.configs.items) |config| {
            if (config.next) |next| gpa.destroy(next);
            if (config.prospects) |prospects| gpa.free(prospects.free.ptr[0 .. 2 * prospects.free.len]);
            gpa.free(config.tail);
            gpa.destroy(config);
        }
        for (self.closings.items) |closing| {
            gpa.free(closing.carry);
            gpa.free(closing.sample);
        }
        var keys = self.config_ids.keyIterator();
        while (keys.next()) |key| gpa.free(key.*);
        keys = self.closing_ids.keyIterator();
        while (keys.next()) |key| gpa.free(key.*);
    }

    /// Drops all configurations and closings; scanner states stay.
    pub fn forgetConfigs(self: *Lexing) void {
        self.freeConfigs();
        self.configs.clearRetainingCapacity();
        self.config_ids.clearRetainingCapacity();
        self.closings.clearRetainingCapacity();
        self.closing_ids.clearRetainingCapacity();
        self.starts.clearRetainingCapacity();
        self.effects.clearRetainingCapacity();
        self.generation += 1;
    }

    /// The lex mode of a parse state under a mark.
    pub fn modeOf(self: *const Lexing, state: ts.StateId, mark: lines.Mark) u16 {
        const base = self.mode_of_state[state];
        const mode = @as(usize, base) + lines.variantOf(mark) * self.base_modes;
        return if (base == no_mode or mode >= self.modes.items.len) base else @intCast(mode);
    }

    fn variantOf(self: *const Lexing, mode: u16) lines.Variant {
        return @fromBackingInt(@intCast(mode / self.base_modes));
    }

    /// The lexer as a fold of words needs it; null where no state reads a name letter by letter.
    pub fn wordLexer(self: *Lexing) !?fold.Lexer {
        var inside: u16 = automaton.DEAD;
        if (self.name_starts.items.len > 0) {
            inside = self.main.follow(self.name_starts.items[0], "zz").?;
        } else for (self.start_of_mode) |first| {
            if (first == automaton.DEAD or std.mem.findScalar(u16, self.name_starts.items, first) != null) continue;
            const state = self.main.follow(first, "zz") orelse continue;
            if (self.main.step(state, 'z').target != state) continue;
            if (self.main.accept[state] != self.lang.keyword_capture_token) continue;
            if (inside == automaton.DEAD) inside = state;
            if (state == inside) try self.name_starts.append(gpa, first);
        }
        if (inside == automaton.DEAD) return null;
        const starts = self.name_starts.items;
        return .{ .main = self.main, .keyword = self.keyword, .start = starts[0], .starts = starts, .inside = inside, .name = self.lang.keyword_capture_token };
    }

    pub fn internSigma(self: *Lexing, bytes: []const u8) !u32 {
        if (self.sigma_ids.get(bytes)) |id| return id;
        const id: u32 = @intCast(self.sigmas.items.len);
        const owned = try gpa.dupe(u8, bytes);
        try self.sigmas.append(gpa, owned);
        try self.sigma_ids.put(gpa, owned, id);
        return id;
    }

    /// The scanner state with only what one run can depend on.
    fn project(self: *Lexing, mode: u16, sigma: u32) !u32 {
        const shape = self.shape orelse return sigma;
        const restless = self.modes.items[mode].external_state != 0 and self.validExternal(mode, self.restless_symbol);
        const key = @as(u64, sigma) << 1 | @intFromBool(restless);
        if (self.projections.get(key)) |known| return known;
        const bytes = self.sigmas.items[sigma];
        var short: std.ArrayList(u8) = .empty;
        defer short.deinit(gpa);
        var at: usize = @min(shape.header, bytes.len);
        try short.appendSlice(gpa, bytes[0..at]);
        if (shape.counted > 0 and at < bytes.len) {
            const count: usize = bytes[at];
            const list = bytes[at + 1 ..][0..@min(count * shape.counted, bytes.len - at - 1)];
            try short.append(gpa, @min(count, 1));
            if (list.len >= shape.counted) try short.appendSlice(gpa, list[list.len - shape.counted ..]);
            at += 1 + list.len;
        }
        if (!restless and shape.rest > 0 and bytes.len > at) {
            // Two items: what is on top, and what will be once that is taken off.
            const kept = @min(bytes.len - at, 2 * @as(usize, shape.rest));
            try short.appendSlice(gpa, bytes[bytes.len - kept ..]);
        }
        const id = try self.internSigma(short.items);
        try self.projections.put(gpa, key, id);
        return id;
    }

    /// The scanner's state after a closing, from its state before.
    pub fn after(self: *Lexing, sigma: u32, closing: Closing) !u32 {
        if (closing.sigma == sigma_kept) return sigma;
        if (self.shape == null) return closing.sigma;
        const key = Effect{ .before = sigma, .after = closing.sigma, .symbol = closing.symbol };
        if (self.effects.get(key)) |known| return known;
        const row = self.validRow(closing.mode);
        const outcome = scanner.run(self.lang, self.payload, self.sigmas.items[sigma], row, closing.sample, true, &self.scanned);
        const result = if (outcome == .found) try self.internSigma(self.scanned[0..outcome.found.state_len]) else sigma;
        try self.effects.put(gpa, key, result);
        return result;
    }

    fn intern(self: *Lexing, value: Config) !u32 {
        try value.key(&self.scratch);
        if (self.config_ids.get(self.scratch.items)) |id| return id;
        const id: u32 = @intCast(self.configs.items.len);
        const config = try gpa.create(Config);
        config.* = value;
        config.tail = try gpa.dupe(u8, value.tail);
        config.next = null;
        config.eof = unknown;
        config.prospects = null;
        try self.configs.append(gpa, config);
        try self.config_ids.put(gpa, try gpa.dupe(u8, self.scratch.items), id);
        return id;
    }

    fn close(self: *Lexing, symbol: u16, keyword: u16, sigma: u32, carry: []const u8) !u32 {
        self.scratch.clearRetainingCapacity();
        const head = [_]u32{ @as(u32, symbol) | (@as(u32, keyword) << 16), sigma };
        try self.scratch.appendSlice(gpa, std.mem.sliceAsBytes(&head));
        try self.scratch.appendSlice(gpa, carry);
        if (self.closing_ids.get(self.scratch.items)) |id| return id | closing_bit;
        const id: u32 = @intCast(self.closings.items.len);
        try self.closings.append(gpa, .{ .symbol = symbol, .keyword = keyword, .sigma = sigma, .carry = try gpa.dupe(u8, carry) });
        try self.closing_ids.put(gpa, try gpa.dupe(u8, self.scratch.items), id);
        return id | closing_bit;
    }

    /// The configuration at the start of a lexeme in `mode` with scanner state `sigma`.
    pub fn start(self: *Lexing, mode: u16, full_sigma: u32) !ConfigId {
        const sigma = try self.project(mode, full_sigma);
        const key = (@as(u64, mode) << 32) | sigma;
        if (self.starts.get(key)) |id| return id;
        const id = if (self.modes.items[mode].external_state != 0)
            try self.intern(.{ .external = true, .mode = mode, .sigma = sigma, .q = 0, .kwq = 0, .accepted = none_symbol, .accepted_keyword = none_symbol, .tail = "" })
        else
            try self.internalStart(mode);
        try self.starts.put(gpa, key, id);
        return id;
    }

    fn internalValue(self: *const Lexing, mode: u16) Config {
        const q = self.start_of_mode[mode];
        return .{
            .external = false,
            .mode = 0,
            .sigma = 0,
            .q = q,
            .kwq = if (self.keyword) |kw| kw.start[0] else automaton.DEAD,
            // A lexeme may be empty (what follows `//` in Rust).
            .accepted = if (q == automaton.DEAD) none_symbol else self.main.accept[q],
            .accepted_keyword = none_symbol,
            .tail = "",
        };
    }

    fn internalStart(self: *Lexing, mode: u16) !ConfigId {
        const value = self.internalValue(mode);
        if (value.q == automaton.DEAD) return error.BadGrammar;
        return self.intern(value);
    }

    /// Follows one byte from a configuration.
    pub fn step(self: *Lexing, id: ConfigId, byte: u8) Failure!u32 {
        // Generated lexers and scanners take it for the end of input; in programs it has no place.
        if (byte == 0) return dead;
        const config = self.configs.items[id];
        const next = config.next orelse blk: {
            const made = try gpa.create([256]u32);
            @memset(made, unknown);
            config.next = made;
            break :blk made;
        };
        if (next[byte] != unknown) return next[byte];
        const result = if (config.external) try self.stepExternal(config, byte) else try self.stepInternal(config, byte);
        next[byte] = result;
        return result;
    }

    fn validRow(self: *const Lexing, mode: u16) [*]const bool {
        const row = @as(usize, self.modes.items[mode].external_state) * self.lang.external_token_count;
        return self.lang.external_scanner.states.? + row;
    }

    fn foldOf(self: *const Lexing, mode: u16) ?*const fold.Fold {
        const row = self.validRow(mode);
        for (self.folds.items) |one| {
            if (one.symbol == none_symbol) return one;
            for (0..self.lang.external_token_count) |i| {
                if (row[i] and self.lang.external_scanner.symbol_map.?[i] == one.symbol) return one;
            }
        }
        return null;
    }

    /// The first byte of the last item of the counted list of a scanner state: what kind of string
    /// is open. 0 if none is.
    fn flagsOf(self: *const Lexing, sigma: u32) u8 {
        const shape = self.shape orelse return 0;
        const bytes = self.sigmas.items[sigma];
        if (shape.counted == 0 or bytes.len <= shape.header or bytes[shape.header] == 0) return 0;
        const last = shape.header + 1 + (@as(usize, bytes[shape.header]) - 1) * shape.counted;
        return if (last < bytes.len) bytes[last] else 0;
    }

    fn stepExternal(self: *Lexing, config: *const Config, byte: u8) !u32 {
        var partial: [4]u8 = undefined;
        @memcpy(partial[0..config.partial_len], config.partial[0..config.partial_len]);
        partial[config.partial_len] = byte;
        const sequence = partial[0 .. config.partial_len + 1];
        switch (utf8State(sequence)) {
            .invalid => return dead,
            .incomplete => switch (try self.judgeWideOnce(config, sequence)) {
                .declined => {
                    const text = try std.mem.concat(gpa, u8, &.{ config.tail, sequence });
                    defer gpa.free(text);
                    if (self.isMisplaced(config.mode, config.sigma, text, false)) return dead;
                    return self.runInternal(config.mode, text, false);
                },
                .alike => {
                    for (standIns(sequence)) |other| {
                        if (try self.judgeWideOnce(config, other) == .alike) return self.withPartial(config, other);
                    }
                    return self.withPartial(config, sequence);
                },
                .found => return self.closeBeforeWide(config, sequence),
                .mixed => return self.withPartial(config, sequence),
            },
            .complete => {},
        }
        self.joined.clearRetainingCapacity();
        try self.joined.appendSlice(gpa, config.tail);
        try self.joined.appendSlice(gpa, sequence);
        if (self.beginsWithEscape(config.mode, self.joined.items)) return dead;
        if (!try self.foldJoined(config.mode, config.sigma)) {
            return self.decideExternal(config.mode, config.sigma, self.joined.items, self.joined.items, false);
        }
        return self.decideExternal(config.mode, config.sigma, self.folded.items, self.joined.items, false);
    }

    /// Whether a line after the first begins with a backslash, where lines count: columns are told
    /// otherwise then by the grammar than by the compiler.
    fn beginsWithEscape(self: *const Lexing, mode: u16, text: []const u8) bool {
        if (self.indent_symbol == none_symbol or self.variantOf(mode) == .plain) return false;
        const last = text.len - 1;
        if (text[last] != '\\') return false;
        const line = fold.lastLine(text[0..last]) orelse return false;
        return std.mem.findNone(u8, text[line..last], " \t\x0C\r") == null;
    }

    /// Folds `joined` into `folded`; false where no fold applies.
    fn foldJoined(self: *Lexing, mode: u16, sigma: u32) !bool {
        const one = self.foldOf(mode) orelse return false;
        _ = try one.apply(self.joined.items, self.flagsOf(sigma), &self.folded);
        if (one.leading and self.shape != null) {
            const top = self.topColumn(self.sigmas.items[sigma]);
            const deepest: u32 = if (self.validExternal(mode, self.indent_symbol)) std.math.maxInt(u32) else top + 1;
            try self.clipColumns(one, top, deepest);
        }
        return true;
    }

    /// The comment that an undecided lexeme is in, unless it ends with its line.
    pub fn openComment(self: *Lexing, config: *const Config) !?fold.Open {
        const one = self.foldOf(config.mode) orelse return null;
        if (one.comments.items.len == 0 or config.tail.len < 2) return null;
        return one.apply(config.tail, self.flagsOf(config.sigma), &self.folded);
    }

    /// Rewrites the white space at the start of each line of `folded` after the first as spaces:
    /// no more than `deepest`, or `top` for finished comments. Deeper ones act alike: a scanner
    /// compares columns with that of the block.
    fn clipColumns(self: *Lexing, one: *const fold.Fold, top: u32, deepest: u32) !void {
        const text = self.folded.items;
        const first = fold.lineEnd(text, 0) orelse return;
        self.clipped.clearRetainingCapacity();
        try self.clipped.appendSlice(gpa, text[0 .. first + 1]);
        var at = first + 1;
        while (true) {
            const line_end = fold.lineEnd(text, at);
            const line = text[at .. line_end orelse text.len];
            const body = std.mem.indexOfNone(u8, line, " \t\r\x0C") orelse line.len;
            const is_comment = line_end != null and one.holdsComment(line[body..]);
            const column = @min(columnOf(line[0..body]), if (is_comment) top else deepest);
            try self.clipped.appendNTimes(gpa, ' ', column);
            try self.clipped.appendSlice(gpa, line[body..]);
            at = (line_end orelse break) + 1;
            try self.clipped.append(gpa, '\n');
        }
        std.mem.swap(std.ArrayList(u8), &self.folded, &self.clipped);
    }

    fn withPartial(self: *Lexing, config: *const Config, sequence: []const u8) !u32 {
        var value = config.*;
        value.partial = .{ 0, 0, 0 };
        value.partial_len = @intCast(sequence.len);
        @memcpy(value.partial[0..sequence.len], sequence);
        return self.intern(value);
    }

    const WideVerdict = enum { declined, alike, found, mixed };

    /// The closing of a lexeme that ends before any character that `sequence` may become.
    fn closeBeforeWide(self: *Lexing, config: *const Config, sequence: []const u8) !u32 {
        var encoded: [4]u8 = undefined;
        const length = std.unicode.utf8Encode(@intCast(partialBounds(sequence).lo), &encoded) catch return dead;
        const text = try std.mem.concat(gpa, u8, &.{ config.tail, encoded[0..length] });
        defer gpa.free(text);
        const outcome = try self.scan(config.mode, config.sigma, text, false);
        if (outcome != .found) return self.withPartial(config, sequence);
        const carry = try std.mem.concat(gpa, u8, &.{ config.tail[outcome.found.end..], sequence });
        defer gpa.free(carry);
        return self.closeExternal(config.mode, outcome.found.symbol, outcome.found.state_len, text, carry);
    }

    /// `judgeWide`, asked once for a mode, a scanner state and the bytes before.
    fn judgeWideOnce(self: *Lexing, config: *const Config, sequence: []const u8) !WideVerdict {
        const key = try std.mem.concat(gpa, u8, &.{ std.mem.asBytes(&config.mode), std.mem.asBytes(&config.sigma), &.{@as(u8, @intCast(sequence.len))}, sequence, config.tail });
        defer gpa.free(key);
        if (self.wide_verdicts.get(key)) |known| return known;
        const verdict = try self.judgeWide(config, sequence);
        try self.wide_verdicts.put(gpa, try gpa.dupe(u8, key), verdict);
        return verdict;
    }

    /// How the scanner takes the characters that a partial UTF-8 sequence may become: it declines
    /// all, goes on alike after all, or tells them apart. Judged on samples that hold every
    /// white space and, in small ranges, every character.
    fn judgeWide(self: *Lexing, config: *const Config, sequence: []const u8) !WideVerdict {
        const bounds = partialBounds(sequence);
        const stride = if (bounds.hi - bounds.lo < 64) 1 else (bounds.hi - bounds.lo) / 16;
        var verdict: ?WideVerdict = null;
        var pending: std.ArrayList(u8) = .empty;
        defer pending.deinit(gpa);
        var cp = bounds.lo;
        var special: usize = 0;
        var symbol: u16 = 0;
        var found_end: usize = 0;
        while (true) {
            var sample = cp;
            if (cp > bounds.hi) {
                while (special < wide_spaces.len and (wide_spaces[special] < bounds.lo or wide_spaces[special] > bounds.hi)) special += 1;
                if (special == wide_spaces.len) break;
                sample = wide_spaces[special];
                special += 1;
            } else cp += stride;
            if (sample >= 0xD800 and sample < 0xE000) continue;
            var encoded: [4]u8 = undefined;
            const length = std.unicode.utf8Encode(@intCast(sample), &encoded) catch continue;
            self.joined.clearRetainingCapacity();
            try self.joined.appendSlice(gpa, config.tail);
            try self.joined.appendSlice(gpa, encoded[0..length]);
            if (try self.foldJoined(config.mode, config.sigma)) std.mem.swap(std.ArrayList(u8), &self.folded, &self.joined);
            switch (try self.scan(config.mode, config.sigma, self.joined.items, false)) {
                .found => |f| {
                    if (f.end > config.tail.len or (verdict != null and verdict != .found)) return .mixed;
                    if (verdict == .found and (f.symbol != symbol or f.end != found_end)) return .mixed;
                    verdict = .found;
                    symbol = f.symbol;
                    found_end = f.end;
                },
                .none => {
                    if (verdict != null and verdict != .declined) return .mixed;
                    verdict = .declined;
                },
                .pending => {
                    if (verdict != null and verdict != .alike) return .mixed;
                    if (verdict == .alike and !std.mem.eql(u8, pending.items, self.joined.items)) return .mixed;
                    verdict = .alike;
                    pending.clearRetainingCapacity();
                    try pending.appendSlice(gpa, self.joined.items);
                },
            }
        }
        return verdict orelse .mixed;
    }

    /// What the scanner says of the folded `text`, and if it declines the internal lexer of the
    /// text itself (as far as it is still known).
    fn decideExternal(self: *Lexing, mode: u16, sigma: u32, text: []const u8, unfolded: []const u8, at_end: bool) !u32 {
        if (text.len > 0) {
            if (self.foldOf(mode)) |one| {
                if (one.fatal[text[0]] and one.classOf(text[0], self.flagsOf(sigma)) != 1) return dead;
            }
        }
        switch (try self.scan(mode, sigma, text, at_end)) {
            .pending => return self.intern(.{ .external = true, .mode = mode, .sigma = sigma, .q = 0, .kwq = 0, .accepted = none_symbol, .accepted_keyword = none_symbol, .tail = text }),
            .none => {
                if (text.len > 1 and !at_end) {
                    if (self.foldOf(mode)) |one| {
                        const last = text[text.len - 1];
                        if (one.fatal[last] and !one.isEscaped(text, text.len - 1) and one.classOf(last, self.flagsOf(sigma)) != 1) return dead;
                    }
                }
                if (self.isMisplaced(mode, sigma, text, false)) return dead;
                const inner = try self.runInternal(mode, unfolded, at_end);
                return if (inner == dead) self.askAgain(mode, sigma, text, unfolded, at_end) else inner;
            },
            .found => |f| {
                if (self.variantOf(mode) == .strict and hasLineEnd(text[0..f.start])) return dead;
                if (self.foldOf(mode)) |one| {
                    if (f.end > f.start and f.end <= text.len and one.fatal[text[f.end - 1]] and !one.isEscaped(text, f.end - 1) and one.classOf(text[f.end - 1], self.flagsOf(sigma)) != 1) return dead;
                }
                if (f.end > f.start and self.isMisplaced(mode, sigma, text[0 .. f.start + 1], true)) return dead;
                if (f.symbol == self.dedent_symbol and !at_end and lastColumn(text) > self.topColumn(self.scanned[0..f.state_len])) return dead;
                const same = std.mem.findDiff(u8, text, unfolded) orelse text.len;
                const carry = if (f.end <= same) unfolded[f.end..] else text[f.end..];
                return self.closeExternal(mode, f.symbol, f.state_len, text, carry);
            },
        }
    }

    /// What the scanner says if all of its terminals are valid, where neither it nor the internal
    /// lexer knows a lexeme. Tree-sitter's runtime asks so before it gives up, and some scanners
    /// find only then what is valid.
    fn askAgain(self: *Lexing, mode: u16, sigma: u32, text: []const u8, unfolded: []const u8, at_end: bool) !u32 {
        if (!self.isRetried(text)) return dead;
        switch (try self.scanAll(sigma, text, at_end)) {
            .none => return dead,
            .pending => return self.intern(.{ .external = true, .mode = mode, .sigma = sigma, .q = 0, .kwq = 0, .accepted = none_symbol, .accepted_keyword = none_symbol, .tail = text }),
            .found => |f| {
                if (f.end == 0 or !self.validExternal(mode, f.symbol)) return dead;
                const same = std.mem.findDiff(u8, text, unfolded) orelse text.len;
                const carry = if (f.end <= same) unfolded[f.end..] else text[f.end..];
                return self.closeExternal(mode, f.symbol, f.state_len, text, carry);
            },
        }
    }

    fn isRetried(self: *const Lexing, text: []const u8) bool {
        const first = std.mem.findNone(u8, text, &std.ascii.whitespace) orelse return false;
        return std.mem.findScalar(u8, self.retried.items, text[first]) != null;
    }

    /// `scan` with all terminals valid.
    fn scanAll(self: *Lexing, sigma: u32, text: []const u8, at_end: bool) !scanner.Outcome {
        const row = self.validRow(self.mode_of_state[0]);
        const before = self.sigmas.items[sigma];
        const outcome = scanner.run(self.lang, self.payload, before, row, text, at_end, &self.scanned);
        return if (outcome == .pending) self.settled(before, row, text) else outcome;
    }

    /// Whether a lexeme begins a line at another column than the open block's. `text` ends with the
    /// first character of one that the scanner found, else the internal lexer takes the first.
    fn isMisplaced(self: *const Lexing, mode: u16, sigma: u32, text: []const u8, is_found: bool) bool {
        if (self.dedent_symbol == none_symbol or self.variantOf(mode) != .start) return false;
        const first = std.mem.findNone(u8, text, " \t\x0C\r\n") orelse return false;
        // A comment may begin anywhere.
        if (text[first] == '#') return false;
        // A backslash may still end the line before, but begins none.
        const last = if (text[first] == '\\') escaped: {
            if (std.mem.findAny(u8, text[0..first], "\r\n") != null) return true;
            if (!is_found) return false;
            break :escaped text.len - 1;
        } else first;
        const line = if (std.mem.lastIndexOfScalar(u8, text[0..last], '\n')) |at| at + 1 else 0;
        return columnOf(text[line .. last + 1]) != self.topColumn(self.sigmas.items[sigma]);
    }

    /// The last item of the list to the end of a serialised scanner state, little-endian; 0 if
    /// the list is empty.
    fn topColumn(self: *const Lexing, bytes: []const u8) u32 {
        return self.openColumn(bytes, 0) orelse 0;
    }

    /// The item of that list that `outward` others follow, or null if there is none.
    pub fn openColumn(self: *const Lexing, bytes: []const u8, outward: usize) ?u32 {
        const shape = self.shape orelse return null;
        var at: usize = shape.header;
        if (shape.counted > 0 and at < bytes.len) at += 1 + @as(usize, bytes[at]) * shape.counted;
        const size = (outward + 1) * shape.rest;
        if (shape.rest == 0 or bytes.len < at + size) return null;
        var value: u32 = 0;
        for (bytes[bytes.len - size ..][0..shape.rest], 0..) |byte, i| value |= @as(u32, byte) << @intCast(8 * i);
        return value;
    }

    /// The closing of an external lexeme after a run of the scanner on `text`.
    fn closeExternal(self: *Lexing, mode: u16, symbol: u16, state_len: usize, text: []const u8, carry: []const u8) !u32 {
        const id = try self.close(symbol, none_symbol, try self.internSigma(self.scanned[0..state_len]), carry);
        const closing = &self.closings.items[id & ~closing_bit];
        if (closing.sample.len == 0) {
            closing.mode = mode;
            closing.sample = try gpa.dupe(u8, text);
        }
        return id;
    }

    fn scan(self: *Lexing, mode: u16, sigma: u32, text: []const u8, at_end: bool) !scanner.Outcome {
        if (self.modes.items[mode].external_state == 0) return .none;
        const row = self.validRow(mode);
        const before = self.sigmas.items[sigma];
        var outcome = scanner.run(self.lang, self.payload, before, row, text, at_end, &self.scanned);
        if (outcome == .pending and text.len > 0) outcome = try self.settled(before, row, text);
        if (outcome != .found) return outcome;
        const f = outcome.found;
        const changed = !std.mem.eql(u8, before, self.scanned[0..f.state_len]);
        if (f.end == 0 and !changed and !self.validExternal(mode, f.symbol)) return .none;
        // Within brackets no block ends, whatever the column of a line.
        if (self.ends_outside and f.symbol == self.dedent_symbol and self.variantOf(mode) == .plain) return .none;
        return outcome;
    }

    /// A scanner that stands at the end of the text may be done all the same. It is if every next
    /// character, and the end of input, gives the same lexeme within the text.
    fn settled(self: *Lexing, before: []const u8, row: [*]const bool, text: []const u8) !scanner.Outcome {
        const first = scanner.run(self.lang, self.payload, before, row, text, true, &self.scanned);
        if (first != .found) return .pending;
        const longer = try std.mem.concat(gpa, u8, &.{ text, "\x00" });
        defer gpa.free(longer);
        for (0..128) |i| {
            longer[text.len] = @intCast((i + 'x') % 128);
            if (!self.agrees(first, before, row, longer)) return .pending;
        }
        for ([_][]const u8{ "\u{e9}", "\u{4e00}", "\u{2028}" }) |wide| {
            const wider = try std.mem.concat(gpa, u8, &.{ text, wide });
            defer gpa.free(wider);
            if (!self.agrees(first, before, row, wider)) return .pending;
        }
        return scanner.run(self.lang, self.payload, before, row, text, true, &self.scanned);
    }

    fn agrees(self: *Lexing, first: scanner.Outcome, before: []const u8, row: [*]const bool, text: []const u8) bool {
        var state: [ts.serialization_buffer_size]u8 = undefined;
        const other = scanner.run(self.lang, self.payload, before, row, text, false, &state);
        if (other != .found) return false;
        const a = first.found;
        const b = other.found;
        return a.symbol == b.symbol and a.start == b.start and a.end == b.end and
            std.mem.eql(u8, self.scanned[0..a.state_len], state[0..b.state_len]);
    }

    fn validExternal(self: *const Lexing, mode: u16, symbol: u16) bool {
        const row = self.validRow(mode);
        for (0..self.lang.external_token_count) |i| {
            if (row[i] and self.lang.external_scanner.symbol_map.?[i] == symbol) return true;
        }
        return false;
    }

    /// The internal lexer on a whole stretch of text from the start of a lexeme.
    fn runInternal(self: *Lexing, mode: u16, text: []const u8, at_end: bool) !u32 {
        const copy = try gpa.dupe(u8, text);
        defer gpa.free(copy);
        var id = try self.internalStart(mode);
        for (copy, 0..) |byte, i| {
            const result = try self.step(id, byte);
            if (result == dead) return dead;
            if (result & closing_bit != 0) return self.extend(result, copy[i + 1 ..]);
            id = result;
        }
        return if (at_end) self.end(id) else id;
    }

    /// The same closing with more bytes carried.
    fn extend(self: *Lexing, closing: u32, more: []const u8) !u32 {
        if (more.len == 0) return closing;
        const c = self.closings.items[closing & ~closing_bit];
        const carry = try std.mem.concat(gpa, u8, &.{ c.carry, more });
        defer gpa.free(carry);
        return self.close(c.symbol, c.keyword, c.sigma, carry);
    }

    const Internal = struct { q: u16, kwq: u16, accepted: u16, accepted_keyword: u16, skipped: bool, kept: bool };

    /// One code point through the two automata.
    fn advanceInternal(self: *const Lexing, q: u16, kwq: u16, accepted: u16, accepted_keyword: u16, cp: u21) ?Internal {
        const move = self.main.step(q, cp);
        if (move.target == automaton.DEAD) return null;
        if (move.skip) {
            return .{ .q = move.target, .kwq = if (self.keyword) |kw| kw.start[0] else automaton.DEAD, .accepted = self.main.accept[move.target], .accepted_keyword = none_symbol, .skipped = true, .kept = false };
        }
        var result = Internal{ .q = move.target, .kwq = automaton.DEAD, .accepted = accepted, .accepted_keyword = accepted_keyword, .skipped = false, .kept = true };
        if (self.keyword) |kw| {
            if (kwq != automaton.DEAD) result.kwq = kw.step(kwq, cp).target;
        }
        const symbol = self.main.accept[move.target];
        if (symbol != automaton.NO_SYMBOL) {
            result.accepted = symbol;
            result.accepted_keyword = none_symbol;
            if (symbol == self.lang.keyword_capture_token and symbol != 0 and result.kwq != automaton.DEAD) {
                result.accepted_keyword = self.keyword.?.accept[result.kwq];
            }
            result.kept = false;
        } else if (self.immortal[move.target]) {
            result.accepted = none_symbol;
            result.accepted_keyword = none_symbol;
            result.kept = false;
        }
        return result;
    }

    fn stepInternal(self: *Lexing, config: *const Config, byte: u8) !u32 {
        var buffer: [4]u8 = undefined;
        @memcpy(buffer[0..config.partial_len], config.partial[0..config.partial_len]);
        buffer[config.partial_len] = byte;
        const sequence = buffer[0 .. config.partial_len + 1];
        switch (utf8State(sequence)) {
            .invalid => return dead,
            .incomplete => return self.partialInternal(config, sequence),
            .complete => {},
        }
        const cp = std.unicode.utf8Decode(sequence) catch return dead;
        var joined: std.ArrayList(u8) = .empty;
        defer joined.deinit(gpa);
        const moved = self.advanceInternal(config.q, config.kwq, config.accepted, config.accepted_keyword, cp) orelse {
            if (config.accepted == none_symbol) return dead;
            try joined.appendSlice(gpa, config.tail);
            try joined.appendSlice(gpa, sequence);
            return self.close(config.accepted, config.accepted_keyword, sigma_kept, joined.items);
        };
        if (!self.main.has_transition[moved.q]) {
            if (moved.accepted == none_symbol) return dead;
            if (moved.kept) {
                try joined.appendSlice(gpa, config.tail);
                try joined.appendSlice(gpa, sequence);
            }
            return self.close(moved.accepted, moved.accepted_keyword, sigma_kept, joined.items);
        }
        var accepted = moved.accepted;
        if (moved.kept and accepted != none_symbol) {
            try joined.appendSlice(gpa, config.tail);
            try joined.appendSlice(gpa, sequence);
            // Where nothing begins so after the lexeme, it hasn't ended where it was accepted: what it
            // is made of since doesn't matter.
            if (moved.accepted_keyword == none_symbol and !self.mayFollow(accepted, joined.items[0])) {
                accepted = none_symbol;
                joined.clearRetainingCapacity();
            }
        }
        return self.intern(.{
            .external = false,
            .mode = 0,
            .sigma = 0,
            .q = moved.q,
            .kwq = moved.kwq,
            .accepted = accepted,
            .accepted_keyword = moved.accepted_keyword,
            .tail = joined.items,
        });
    }

    /// Whether a lexeme after the terminal may begin with the byte.
    fn mayFollow(self: *const Lexing, symbol: u16, byte: u8) bool {
        const set = self.followers.get(symbol) orelse return true;
        return std.mem.findScalar(u8, set, byte) != null;
    }

    /// An internal configuration with an incomplete UTF-8 sequence: closed at once if none of
    /// the characters it may become goes on, one for all if they all go on alike.
    fn partialInternal(self: *Lexing, config: *const Config, sequence: []const u8) Failure!u32 {
        const reached = self.reachedBy(config.q, sequence);
        if (reached == .nothing) {
            if (config.accepted == none_symbol) return dead;
            const carry = try std.mem.concat(gpa, u8, &.{ config.tail, sequence });
            defer gpa.free(carry);
            return self.close(config.accepted, config.accepted_keyword, sigma_kept, carry);
        }
        var value = config.*;
        // No keyword has a character that isn't ASCII.
        value.kwq = automaton.DEAD;
        if (reached != .one) return self.withPartial(&value, sequence);
        const to = reached.one;
        if (self.main.accept[to.target] != automaton.NO_SYMBOL and !to.skip) {
            // The lexeme goes on to be accepted again: where it was before doesn't matter.
            value.accepted = none_symbol;
            value.accepted_keyword = none_symbol;
            value.tail = "";
        } else if (value.accepted != none_symbol) return self.withPartial(&value, sequence);
        for (standIns(sequence)) |other| {
            const there = self.reachedBy(config.q, other);
            if (there == .one and there.one.target == to.target and there.one.skip == to.skip) return self.withPartial(&value, other);
        }
        return self.withPartial(&value, sequence);
    }

    const Reached = union(enum) { nothing, several, one: struct { target: u16, skip: bool } };

    /// Where the characters that a partial sequence may become lead from an automaton state.
    fn reachedBy(self: *const Lexing, q: u16, sequence: []const u8) Reached {
        const bounds = partialBounds(sequence);
        var covered: u32 = 0;
        var target: ?automaton.Range = null;
        var alike = true;
        for (self.main.wideOf(q)) |range| {
            if (range.hi < bounds.lo or range.lo > bounds.hi or range.target == automaton.DEAD) continue;
            covered += @min(range.hi, bounds.hi) - @max(range.lo, bounds.lo) + 1;
            if (target) |first| {
                if (first.target != range.target or first.skip != range.skip) alike = false;
            } else target = range;
        }
        const first = target orelse return .nothing;
        const surrogates: u32 = if (bounds.lo <= 0xD800 and bounds.hi >= 0xDFFF) 0x800 else 0;
        if (!alike or covered + surrogates < bounds.hi - bounds.lo + 1) return .several;
        return .{ .one = .{ .target = first.target, .skip = first.skip != 0 } };
    }

    /// The closing at the end of input, or `dead`.
    pub fn end(self: *Lexing, id: ConfigId) !u32 {
        const config = self.configs.items[id];
        if (config.eof != unknown) return config.eof;
        const result = try self.endUncached(config);
        config.eof = result;
        return result;
    }

    fn endUncached(self: *Lexing, config: *const Config) error{ OutOfMemory, BadGrammar }!u32 {
        if (config.partial_len > 0) return dead;
        if (config.external) {
            // Scanners give up at the end of the text: what is left of them would be operators.
            if (try self.openComment(config) != null) return dead;
            return self.decideExternal(config.mode, config.sigma, config.tail, config.tail, true);
        }
        const target = self.main.eof[config.q];
        if (target != automaton.DEAD and self.main.accept[target] != automaton.NO_SYMBOL) {
            return self.close(self.main.accept[target], none_symbol, sigma_kept, "");
        }
        if (config.accepted == none_symbol) return dead;
        return self.close(config.accepted, config.accepted_keyword, sigma_kept, config.tail);
    }

    /// Finds the lexeme at the start of `text` exactly, without folding: for given text whose
    /// places matter. Null: it isn't closed within `text` (never when `at_end`), or is none.
    ///
    /// `symbol` is the terminal that the lexeme was found to be: what else the scanner may see in
    /// the text is none of the language's.
    pub fn measure(self: *Lexing, mode: u16, sigma: u32, text: []const u8, symbol: u16, at_end: bool) !?Lexeme {
        var outcome = try self.scan(mode, sigma, text, at_end);
        if (outcome == .none and self.isRetried(text)) outcome = try self.scanAll(sigma, text, at_end);
        switch (outcome) {
            .pending => return null,
            .found => |f| if (f.symbol == symbol) {
                const reached = try self.internSigma(self.scanned[0..f.state_len]);
                const id = try self.close(f.symbol, none_symbol, sigma_kept, "");
                return .{ .closing = id & ~closing_bit, .sigma = reached, .start = f.start, .end = f.end };
            },
            .none => {},
        }
        const first = self.internalValue(mode);
        var q = first.q;
        var kwq = first.kwq;
        var accepted = first.accepted;
        var accepted_keyword = none_symbol;
        var lexeme_start: usize = 0;
        var lexeme_end: usize = 0;
        var i: usize = 0;
        while (i < text.len) {
            const d = scanner.decode(text[i..]);
            const moved = self.advanceInternal(q, kwq, accepted, accepted_keyword, d.cp) orelse break;
            i += d.len;
            q = moved.q;
            kwq = moved.kwq;
            accepted = moved.accepted;
            accepted_keyword = moved.accepted_keyword;
            if (moved.skipped) lexeme_start = i;
            if (self.main.accept[q] != automaton.NO_SYMBOL) lexeme_end = i;
            if (!self.main.has_transition[q]) break;
        }
        if (at_end and i == text.len) {
            const target = self.main.eof[q];
            if (target != automaton.DEAD and self.main.accept[target] != automaton.NO_SYMBOL) {
                accepted = self.main.accept[target];
                accepted_keyword = none_symbol;
                lexeme_end = i;
            }
        }
        if (accepted == none_symbol) return null;
        const id = try self.close(accepted, accepted_keyword, sigma_kept, "");
        return .{ .closing = id & ~closing_bit, .sigma = sigma, .start = lexeme_start, .end = lexeme_end };
    }

    /// Where in `text` a lexeme ends that leaves `left` bytes of the folded text.
    pub fn place(self: *Lexing, mode: u16, sigma: u32, text: []const u8, left: usize) !usize {
        const one = self.foldOf(mode) orelse return text.len - left;
        // The last byte was never folded away: fold what is before it, and count from there.
        const flags = self.flagsOf(sigma);
        _ = try one.apply(text[0 .. text.len - 1], flags, &self.folded);
        const length = self.folded.items.len + 1 - @min(left, self.folded.items.len + 1);
        var at = text.len - @min(left, text.len);
        while (at > 0) : (at -= 1) {
            _ = try one.apply(text[0..at], flags, &self.folded);
            if (self.folded.items.len <= length) break;
        }
        return at;
    }

    /// Whether some continuation of an internal configuration lexes to a terminal in `wanted`.
    pub fn reaches(self: *const Lexing, config: *const Config, wanted: []const u64) bool {
        if (config.partial_len > 0) return self.partialReaches(config, wanted);
        return self.reachesFrom(config.q, config.kwq, wanted);
    }

    /// Whether the configuration is before the first character of an internal lexeme.
    pub fn isBlank(self: *const Lexing, config: *const Config) bool {
        return !config.external and config.partial_len == 0 and config.tail.len == 0 and self.blank[config.q];
    }

    /// Whether the external scanner leaves what goes on with `byte` to the internal lexer, and that
    /// reads over the white space before it.
    pub fn declines(self: *Lexing, config: *const Config, byte: u8) !bool {
        if (config.partial_len > 0) return false;
        if (config.tail.len > 0 and try self.runInternal(config.mode, config.tail, false) == dead) return false;
        self.joined.clearRetainingCapacity();
        try self.joined.appendSlice(gpa, config.tail);
        try self.joined.append(gpa, byte);
        if (try self.foldJoined(config.mode, config.sigma)) std.mem.swap(std.ArrayList(u8), &self.folded, &self.joined);
        if (self.isMisplaced(config.mode, config.sigma, self.joined.items, false)) return false;
        return try self.scan(config.mode, config.sigma, self.joined.items, false) == .none;
    }

    /// The internal lexer on an undecided lexeme.
    pub fn readInternal(self: *Lexing, config: *const Config) Failure!u32 {
        return self.runInternal(config.mode, config.tail, false);
    }

    /// Adds to `set` the terminals that some continuation of an internal configuration lexes to.
    pub fn addReach(self: *const Lexing, config: *const Config, set: []u64) void {
        for (self.reachRows(config.q, config.kwq)) |row| {
            for (set[0..row.len], row) |*word, more| word.* |= more;
        }
    }

    /// Whether the end of input does more to an internal configuration than close what it has.
    pub fn mayEnd(self: *const Lexing, config: *const Config) bool {
        return self.main.eof[config.q] != automaton.DEAD;
    }

    fn reachesFrom(self: *const Lexing, q: u16, kwq: u16, wanted: []const u64) bool {
        for (self.reachRows(q, kwq)) |row| {
            if (meet(row, wanted)) return true;
        }
        return false;
    }

    /// The terminals that continuations lex to: those of the lexer, and the keywords that a word
    /// may turn out to be.
    fn reachRows(self: *const Lexing, q: u16, kwq: u16) [2][]const u64 {
        const row = self.main.reachRow(q);
        const capture = self.lang.keyword_capture_token;
        const is_word = capture != 0 and kwq != automaton.DEAD and hasBit(row, capture);
        return .{ row, if (is_word) self.keyword.?.reachRow(kwq) else &.{} };
    }

    /// The stretch from `first` of the characters that an unfinished one may become and that the
    /// automaton treats alike; null past the last.
    pub fn characterFrom(self: *const Lexing, config: *const Config, first: u32) ?struct { first: u21, past: u32 } {
        const bounds = partialBounds(config.partial[0..config.partial_len]);
        const from = if (first >= 0xD800 and first < 0xE000) 0xE000 else first;
        if (from > bounds.hi) return null;
        for (self.main.wideOf(config.q)) |range| {
            if (range.hi < from) continue;
            const past = if (range.lo > from) range.lo else range.hi + 1;
            return .{ .first = @intCast(from), .past = past };
        }
        return .{ .first = @intCast(from), .past = bounds.hi + 1 };
    }

    fn partialReaches(self: *const Lexing, config: *const Config, wanted: []const u64) bool {
        const bounds = partialBounds(config.partial[0..config.partial_len]);
        for (self.main.wideOf(config.q)) |range| {
            if (range.hi < bounds.lo or range.lo > bounds.hi) continue;
            const kwq = if (self.keyword) |kw|
                (if (range.skip != 0) kw.start[0] else if (config.kwq == automaton.DEAD) automaton.DEAD else kw.step(config.kwq, @intCast(@max(range.lo, bounds.lo))).target)
            else
                automaton.DEAD;
            if (self.reachesFrom(range.target, kwq, wanted)) return true;
        }
        return false;
    }
};

/// Whether two sets of terminals have one in common; `a` may be the shorter.
pub fn meet(a: []const u64, b: []const u64) bool {
    for (a, b[0..a.len]) |x, y| {
        if (x & y != 0) return true;
    }
    return false;
}

pub fn hasBit(words: []const u64, bit: usize) bool {
    if (bit / 64 >= words.len) return false;
    return words[bit / 64] >> @intCast(bit % 64) & 1 != 0;
}

/// White space beyond ASCII (Unicode's White_Space), and the byte order mark.
const wide_spaces = [_]u32{
    0x85,   0xA0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007,
    0x2008, 0x2009, 0x200A, 0x200B, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF,
};

/// Partial sequences, in place of `sequence`, with as many bytes to come, where any byte may.
fn standIns(sequence: []const u8) []const []const u8 {
    const lead = sequence[0];
    const need: usize = if (lead < 0xE0) 2 else if (lead < 0xF0) 3 else 4;
    if (sequence.len == 1 and (lead == 0xE0 or lead == 0xED or lead == 0xF0 or lead == 0xF4)) return &.{};
    // Letters of most scripts that programs use, then code points without a meaning.
    return switch (need - sequence.len) {
        1 => &.{ "\xE5\x80", "\xF1\x80\x80" },
        2 => &.{ "\xE5", "\xF1\x80" },
        else => &.{"\xF1"},
    };
}

/// Columns of white space at the start of the last line of `text`; a tab counts eight.
fn lastColumn(text: []const u8) u32 {
    const at = std.mem.lastIndexOfScalar(u8, text, '\n') orelse return 0;
    return columnOf(text[at + 1 ..]);
}

fn columnOf(line: []const u8) u32 {
    var column: u32 = 0;
    for (line) |byte| switch (byte) {
        ' ' => column += 1,
        '\t' => column += 8,
        '\r', 0x0C => column = 0,
        else => break,
    };
    return column;
}

/// Whether white space has a line end that no backslash escapes.
fn hasLineEnd(text: []const u8) bool {
    for (text, 0..) |byte, i| {
        if (byte != '\n' and byte != '\r') continue;
        if (byte == '\n' and i > 0 and text[i - 1] == '\r') continue;
        if (i == 0 or text[i - 1] != '\\') return true;
    }
    return false;
}

const Utf8State = enum { invalid, incomplete, complete };

/// Whether `bytes` (at most 4) is one UTF-8 sequence, a proper prefix of one, or neither
/// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
pub fn utf8State(bytes: []const u8) Utf8State {
    const b = bytes[0];
    if (b < 0x80) return if (bytes.len == 1) .complete else .invalid;
    const need: usize = if (b >= 0xC2 and b <= 0xDF) 2 else if (b >= 0xE0 and b <= 0xEF) 3 else if (b >= 0xF0 and b <= 0xF4) 4 else return .invalid;
    if (bytes.len > need) return .invalid;
    for (bytes[1..], 1..) |c, i| {
        var lo: u8 = 0x80;
        var hi: u8 = 0xBF;
        if (i == 1) switch (b) {
            0xE0 => lo = 0xA0,
            0xED => hi = 0x9F,
            0xF0 => lo = 0x90,
            0xF4 => hi = 0x8F,
            else => {},
        };
        if (c < lo or c > hi) return .invalid;
    }
    return if (bytes.len == need) .complete else .incomplete;
}

/// The code points that a partial UTF-8 sequence may still become.
pub fn partialBounds(bytes: []const u8) struct { lo: u32, hi: u32 } {
    const b = bytes[0];
    const need: usize = if (b < 0xE0) 2 else if (b < 0xF0) 3 else 4;
    var value: u32 = if (need == 2) b & 0x1F else if (need == 3) b & 0x0F else b & 0x07;
    for (bytes[1..]) |c| value = value << 6 | (c & 0x3F);
    const shift: u5 = @intCast(6 * (need - bytes.len));
    var lo = value << shift;
    var hi = (value << shift) | ((@as(u32, 1) << shift) - 1);
    const least: u32 = if (need == 2) 0x80 else if (need == 3) 0x800 else 0x10000;
    lo = @max(lo, least);
    hi = @min(hi, 0x10FFFF);
    return .{ .lo = lo, .hi = hi };
}

/// Automaton states that never die before they accept: a greatest fixpoint. From them the last
/// acceptance can't become the lexeme any more (an opened comment), so it is forgotten.
fn immortalStates(main: *const automaton.Automaton) ![]bool {
    const n = main.state_count;
    const result = try gpa.alloc(bool, n);
    for (result, 0..) |*r, q| r.* = main.has_transition[q] and main.accept[q] == automaton.NO_SYMBOL;
    var changed = true;
    while (changed) {
        changed = false;
        for (0..n) |q| {
            if (!result[q]) continue;
            if (!survives(main, result, @intCast(q))) {
                result[q] = false;
                changed = true;
            }
        }
    }
    return result;
}

fn survives(main: *const automaton.Automaton, immortal: []const bool, q: u16) bool {
    const row = main.ascii[@as(usize, q) * 128 ..][0..128];
    // NUL is left out: most generated lexers use it for the end of input.
    for (row[1..]) |target| {
        if (target == automaton.DEAD) return false;
        if (main.accept[target] == automaton.NO_SYMBOL and !immortal[target]) return false;
    }
    var next: u32 = 0x80;
    for (main.wideOf(q)) |range| {
        if (range.lo > next and !(next == 0xD800 and range.lo <= 0xE000)) return false;
        if (range.target == automaton.DEAD) return false;
        if (main.accept[range.target] == automaton.NO_SYMBOL and !immortal[range.target]) return false;
        next = range.hi + 1;
    }
    return next > 0x10FFFF;
}

//! Masks: which tokens of a vocabulary may come next.
//!
//! Tokens are judged in classes. From a lexical configuration the vocabulary's trie falls into
//! *open* groups (tokens after which the lexeme is still unfinished, in the same configuration)
//! and *closed* groups (tokens in which the lexeme ends as the same terminal, with what is left
//! of each). What a class looks like doesn't depend on the parse; only which groups are
//! admitted does. A closed group whose terminal can be shifted leads to a class of what is left
//! in the lex mode of the state after the shift, and so on.
//!
//!     configuration `na`  ──open──►  {me, n, _1, …}        identifiers: one verdict
//!                         ──name──►  {(, (self, .x, = 1…}  class of the rests, in the next mode
//!
//! A class is kept per trie node below the root, so that configurations that differ little (an
//! identifier that may still become a keyword, and one that can't) share almost all of theirs.
//!
//! Most of a class is decided by the set of terminals that can be shifted: which open groups may
//! go on, which closed groups are worth following. That much is a *plan*, one for a class and a
//! set. What follows a closed group needs the stack itself; that verdict is remembered with the
//! states it read (`linear.zig`), so that it serves every place with the same top of the stack.
//!
//! The classes of a configuration that is asked for again and again are merged into one, so that
//! what is visited often costs as few questions as there are groups. What is left after a closed
//! group is sorted into classes only where many tokens go on so; few are walked one by one.
const std = @import("std");
const memory = @import("memory.zig");
const stack = @import("stack.zig");
const lexing = @import("lexing.zig");
const glr = @import("glr.zig");
const linear = @import("linear.zig");
const trie_module = @import("trie.zig");

const gpa = memory.gpa;

/// Readings of a graph-structured stack; as in `linear.zig`.
const max_readings = 256;
/// Past this many bytes of remembered sets everything remembered is dropped.
const default_memory_limit: usize = 768 << 20;

/// A set of tokens: sorted by nothing, as a list, or one bit per token.
const Set = union(enum) {
    list: []const u32,
    bits: []const u64,
};

/// Bytes still to be read, and the trie node below which the rest is.
const Rest = struct { node: u32, text: []const u8 };

const Open = struct { config: lexing.ConfigId, set: u32 };

/// Up to so many trie nodes are walked token by token; more are sorted into a class.
const walked_nodes = 48;

const Closed = struct {
    /// One of the group's closings: they differ in the bytes they carry only.
    closing: u32,
    /// Tokens that end with the lexeme.
    own: u32,
    /// What is left of the others: at nodes with many below them, which have classes of their own,
    /// and at the rest.
    large: []Rest,
    small: []Rest,
    /// Trie nodes at and below the small ones.
    weight: usize,
    /// The same for the same small rests, in whatever class.
    name: u64,
};

const Class = struct {
    opens: []Open,
    closed: []Closed,

    fn isEmpty(self: Class) bool {
        return self.opens.len + self.closed.len == 0;
    }
};

/// What a set of shiftable terminals decides of a class.
const Plan = struct {
    /// The tokens of open groups that are admitted.
    set: u32,
    /// Open groups that need the stack to be decided.
    undecided: []const u16,
    /// Closed groups whose terminal may be shifted.
    live: []const u16,

    fn isWhole(self: Plan) bool {
        return self.undecided.len == 0 and self.live.len == 0;
    }
};

/// The small rests of a closed group, by name, and the configuration in which they are read.
const SuccessorKey = struct { name: u64, first: lexing.ConfigId };

/// The classes of a configuration, and how often they were asked for.
const Root = struct { classes: []const u32, uses: u32 = 0 };

/// Past so many questions the classes of a configuration are merged.
const uses_before_merge = 12;

pub const Classifier = struct {
    grammar: *glr.Grammar,
    trie: *const trie_module.Trie,
    eos: []const u32,
    sets: std.ArrayList(Set) = .empty,
    classes: std.ArrayList(Class) = .empty,
    /// (step result, trie node) -> class of the tokens at and below the node.
    nodes: std.AutoHashMapUnmanaged(u64, u32) = .empty,
    plans: std.AutoHashMapUnmanaged(u64, Plan) = .empty,
    successors: std.AutoHashMapUnmanaged(SuccessorKey, u32) = .empty,
    /// Configuration -> the classes of all tokens from there.
    roots: std.AutoHashMapUnmanaged(lexing.ConfigId, Root) = .empty,
    known_bits: std.AutoHashMapUnmanaged(u64, u32) = .empty,
    view: linear.Linear,
    memo: linear.Memo = .{},
    /// Carried bytes, alive as long as the classes.
    carries: std.heap.ArenaAllocator,
    held: usize = 0,
    generation: u32 = 0,
    memory_limit: usize = default_memory_limit,

    pub fn create(grammar: *glr.Grammar, trie: *const trie_module.Trie, eos: []const u32) !*Classifier {
        for (eos) |id| if (id >= trie.vocab_size) return error.BadToken;
        const self = try gpa.create(Classifier);
        self.* = .{ .grammar = grammar, .trie = trie, .eos = try gpa.dupe(u32, eos), .carries = .init(gpa), .view = .init(grammar), .memo = .{ .bucket_bits = 20 } };
        return self;
    }

    pub fn destroy(self: *Classifier) void {
        self.clear();
        self.sets.deinit(gpa);
        self.classes.deinit(gpa);
        self.nodes.deinit(gpa);
        self.plans.deinit(gpa);
        self.successors.deinit(gpa);
        self.roots.deinit(gpa);
        self.known_bits.deinit(gpa);
        self.view.deinit();
        self.memo.deinit();
        self.carries.deinit();
        gpa.free(self.eos);
        gpa.destroy(self);
    }

    fn clear(self: *Classifier) void {
        for (self.sets.items) |set| switch (set) {
            .list => |list| gpa.free(list),
            .bits => |bits| gpa.free(bits),
        };
        self.sets.clearRetainingCapacity();
        for (self.classes.items) |class| {
            gpa.free(class.opens);
            for (class.closed) |closed| {
                gpa.free(closed.large);
                gpa.free(closed.small);
            }
            gpa.free(class.closed);
        }
        self.classes.clearRetainingCapacity();
        self.nodes.clearRetainingCapacity();
        var plans = self.plans.valueIterator();
        while (plans.next()) |plan| {
            gpa.free(plan.undecided);
            gpa.free(plan.live);
        }
        self.plans.clearRetainingCapacity();
        self.successors.clearRetainingCapacity();
        var roots = self.roots.valueIterator();
        while (roots.next()) |one| gpa.free(one.classes);
        self.roots.clearRetainingCapacity();
        self.known_bits.clearRetainingCapacity();
        self.memo.clear();
        _ = self.carries.reset(.free_all);
        self.held = 0;
        self.generation = self.grammar.lex.generation;
    }

    fn wordCount(self: *const Classifier) usize {
        return (@as(usize, self.trie.vocab_size) + 63) / 64;
    }

    /// Writes the mask after `state`: bit i%32 of word i/32 is token i.
    pub fn fill(self: *Classifier, state: *const glr.State, out: []u32) !void {
        if (self.held > self.memory_limit or self.generation != self.grammar.lex.generation) self.clear();
        @memset(out, 0);
        self.view.forget();
        var ends = false;
        for (state.heads) |head| {
            try self.fillHead(&self.view, head, out);
            if (!ends) ends = try self.view.headEnds(head.node, head.config, head.sigma);
        }
        if (ends) self.admitEnd(out);
    }

    /// The same from what is remembered alone. False where some of it isn't; `out` is then of no use.
    /// Changes nothing but the count of hits: several threads may do so at a time.
    pub fn recall(self: *Classifier, state: *const glr.State, out: []u32) bool {
        const grammar = self.grammar;
        const generation = grammar.lex.generation;
        if (state.generation != generation or self.generation != generation) return false;
        @memset(out, 0);
        var answers = linear.Answers{};
        var hits: u64 = 0;
        var ends = false;
        for (state.heads) |head| {
            const key = @as(u64, head.config) << 32 | head.sigma;
            if (!answers.recall(&self.memo, .root, key, head.node, false)) return false;
            for (answers.slice()) |set| self.unite(@intCast(set), out);
            hits += answers.count;
            if (ends) continue;
            if (!answers.recall(&grammar.memo, .ends, key, head.node, true)) return false;
            ends = answers.hasTrue();
        }
        if (ends) self.admitEnd(out);
        _ = @atomicRmw(u64, &self.memo.hits, .Add, hits, .monotonic);
        return true;
    }

    fn admitEnd(self: *const Classifier, out: []u32) void {
        for (self.eos) |id| out[id / 32] |= @as(u32, 1) << @intCast(id % 32);
    }

    fn fillHead(self: *Classifier, view: *linear.Linear, head: glr.Head, out: []u32) !void {
        var reading: usize = 0;
        while (reading < max_readings) : (reading += 1) {
            const entry = try view.enter(head.node);
            const set = self.exploreRoot(view, head.config, head.sigma, entry) catch |err| switch (err) {
                error.Ambiguous => {
                    try view.split();
                    continue;
                },
                else => |other| return other,
            };
            self.unite(set, out);
            if (!view.nextReading()) return;
        }
        view.forget();
    }

    fn unite(self: *const Classifier, id: u32, out: []u32) void {
        switch (self.sets.items[id]) {
            .list => |list| for (list) |token| {
                out[token / 32] |= @as(u32, 1) << @intCast(token % 32);
            },
            .bits => |bits| {
                const halves = std.mem.bytesAsSlice(u32, std.mem.sliceAsBytes(bits));
                for (out, halves[0..out.len]) |*word, more| word.* |= more;
            },
        }
    }

    /// Whether a list of so many tokens is united faster than a mask.
    fn isFew(self: *const Classifier, count: usize) bool {
        return count * 256 < self.trie.vocab_size;
    }

    /// The number of a mask, which is kept once; takes `bits` over.
    fn keepBits(self: *Classifier, bits: []u64) !u32 {
        const slot = try self.known_bits.getOrPut(gpa, std.hash.XxHash64.hash(0, std.mem.sliceAsBytes(bits)));
        if (slot.found_existing) {
            const known = self.sets.items[slot.value_ptr.*].bits;
            if (std.mem.eql(u64, known, bits)) {
                gpa.free(bits);
                return slot.value_ptr.*;
            }
        }
        const id: u32 = @intCast(self.sets.items.len);
        slot.value_ptr.* = id;
        try self.sets.append(gpa, .{ .bits = bits });
        self.held += bits.len * 8;
        return id;
    }

    fn addSet(self: *Classifier, tokens: []const u32) !u32 {
        const id: u32 = @intCast(self.sets.items.len);
        if (self.isFew(tokens.len)) {
            try self.sets.append(gpa, .{ .list = try gpa.dupe(u32, tokens) });
            self.held += tokens.len * 4;
        } else {
            const bits = try gpa.alloc(u64, self.wordCount());
            @memset(bits, 0);
            for (tokens) |token| bits[token / 64] |= @as(u64, 1) << @intCast(token % 64);
            return self.keepBits(bits);
        }
        return id;
    }

    fn uniteSets(self: *Classifier, ids: []const u32) !u32 {
        if (ids.len == 0) return self.emptySet();
        if (ids.len == 1) return ids[0];
        var total: usize = 0;
        for (ids) |id| total += switch (self.sets.items[id]) {
            .list => |list| list.len,
            .bits => self.trie.vocab_size,
        };
        const result: u32 = @intCast(self.sets.items.len);
        if (self.isFew(total)) {
            const list = try gpa.alloc(u32, total);
            var at: usize = 0;
            for (ids) |id| {
                const more = self.sets.items[id].list;
                @memcpy(list[at..][0..more.len], more);
                at += more.len;
            }
            try self.sets.append(gpa, .{ .list = list });
            self.held += total * 4;
        } else {
            const bits = try gpa.alloc(u64, self.wordCount());
            @memset(bits, 0);
            for (ids) |id| switch (self.sets.items[id]) {
                .list => |list| for (list) |token| {
                    bits[token / 64] |= @as(u64, 1) << @intCast(token % 64);
                },
                .bits => |more| for (bits, more) |*word, other| {
                    word.* |= other;
                },
            };
            return self.keepBits(bits);
        }
        return result;
    }

    /// The tokens admitted from a configuration on the stack at `entry`.
    fn exploreRoot(self: *Classifier, view: *linear.Linear, config: lexing.ConfigId, sigma: u32, entry: *linear.Entry) linear.Error!u32 {
        const key = @as(u64, config) << 32 | sigma;
        if (try view.recallIn(&self.memo, .root, key, entry)) |found| return @intCast(found);
        const outer = view.openScope(entry);
        var admitted: std.ArrayList(u32) = .empty;
        defer admitted.deinit(gpa);
        for (try self.rootOf(config)) |class| {
            try self.admit(&admitted, try self.explore(view, class, sigma, entry));
        }
        const low = view.closeScope(outer);
        const result = try self.uniteSets(admitted.items);
        try view.rememberIn(&self.memo, .root, key, entry, low, result);
        return result;
    }

    /// The tokens of a class that are admitted on the stack at `entry`.
    fn explore(self: *Classifier, view: *linear.Linear, id: u32, sigma: u32, entry: *linear.Entry) linear.Error!u32 {
        const outer = view.openScope(entry);
        const plan = try self.planOf(id, try view.shiftableSet(entry));
        if (plan.isWhole()) {
            _ = view.closeScope(outer);
            return plan.set;
        }
        const key = @as(u64, id) << 32 | sigma;
        if (try view.recallIn(&self.memo, .mask, key, entry)) |found| {
            _ = view.closeScope(outer);
            return @intCast(found);
        }
        const lex = self.grammar.lex;
        var admitted: std.ArrayList(u32) = .empty;
        defer admitted.deinit(gpa);
        var walked: std.ArrayList(u32) = .empty;
        defer walked.deinit(gpa);
        try self.admit(&admitted, plan.set);
        for (plan.undecided) |index| {
            const open = self.classes.items[id].opens[index];
            if (try view.viable(open.config, sigma, entry)) try admitted.append(gpa, open.set);
        }
        for (plan.live) |group| {
            const closed = self.classes.items[id].closed[group];
            const closing = lex.closings.items[closed.closing];
            const after = try view.advance(entry, closing);
            if (after.tops.len == 0) continue;
            const next_sigma = try lex.after(sigma, closing);
            for (after.tops) |top| {
                const first = try lex.start(lex.modeOf(top.state, top.mark), next_sigma);
                if (!self.isEmpty(closed.own) and try view.viable(first, next_sigma, top)) try admitted.append(gpa, closed.own);
                const place = Place{ .config = first, .sigma = next_sigma, .entry = top };
                const walk = Walk{ .classifier = self, .view = view, .admitted = &admitted, .walked = &walked };
                for (closed.large) |rest| try walk.follow(place, rest);
                if (closed.small.len > 0) try self.admit(&admitted, try self.exploreSmall(view, closed, place));
            }
        }
        if (walked.items.len > 0) try admitted.append(gpa, try self.addSet(walked.items));
        const low = view.closeScope(outer);
        const result = try self.uniteSets(admitted.items);
        try view.rememberIn(&self.memo, .mask, key, entry, low, result);
        return result;
    }

    /// The tokens of a closed group's small rests that are admitted at `place`.
    fn exploreSmall(self: *Classifier, view: *linear.Linear, closed: Closed, place: Place) linear.Error!u32 {
        if (closed.weight > walked_nodes) {
            const class = try self.successorOf(.{ .name = closed.name, .first = place.config }, closed.small);
            return self.explore(view, class, place.sigma, place.entry);
        }
        const outer = view.openScope(place.entry);
        const key = linear.mix(closed.name, @as(u64, place.config) << 32 | place.sigma);
        if (try view.recallIn(&self.memo, .rest, key, place.entry)) |found| {
            _ = view.closeScope(outer);
            return @intCast(found);
        }
        var admitted: std.ArrayList(u32) = .empty;
        defer admitted.deinit(gpa);
        var walked: std.ArrayList(u32) = .empty;
        defer walked.deinit(gpa);
        const walk = Walk{ .classifier = self, .view = view, .admitted = &admitted, .walked = &walked };
        for (closed.small) |rest| try walk.follow(place, rest);
        if (walked.items.len > 0) try admitted.append(gpa, try self.addSet(walked.items));
        const low = view.closeScope(outer);
        const result = try self.uniteSets(admitted.items);
        try view.rememberIn(&self.memo, .rest, key, place.entry, low, result);
        return result;
    }

    /// What the set of shiftable terminals numbered `shiftable` decides of a class.
    fn planOf(self: *Classifier, id: u32, shiftable: u32) !Plan {
        const key = @as(u64, id) << 32 | shiftable;
        if (self.plans.get(key)) |known| return known;
        const lex = self.grammar.lex;
        const wanted = self.grammar.memo.sets.items[shiftable];
        const class = self.classes.items[id];
        var admitted: std.ArrayList(u32) = .empty;
        defer admitted.deinit(gpa);
        var undecided: std.ArrayList(u16) = .empty;
        defer undecided.deinit(gpa);
        var live: std.ArrayList(u16) = .empty;
        defer live.deinit(gpa);
        for (class.opens, 0..) |open, i| {
            switch (try linear.decidedBy(self.grammar, open.config, wanted)) {
                .admitted => try admitted.append(gpa, open.set),
                .refused => {},
                .undecided => try undecided.append(gpa, @intCast(i)),
            }
        }
        for (class.closed, 0..) |closed, i| {
            const closing = lex.closings.items[closed.closing];
            // A keyword may have an action that only leads to its being taken for a word.
            if (closing.keyword != lexing.none_symbol or lexing.hasBit(wanted, closing.symbol)) try live.append(gpa, @intCast(i));
        }
        const plan = Plan{
            .set = try self.uniteSets(admitted.items),
            .undecided = try undecided.toOwnedSlice(gpa),
            .live = try live.toOwnedSlice(gpa),
        };
        self.held += 64 + 2 * (plan.undecided.len + plan.live.len);
        try self.plans.put(gpa, key, plan);
        return plan;
    }

    /// The classes of all tokens from a configuration.
    fn rootOf(self: *Classifier, config: lexing.ConfigId) ![]const u32 {
        if (self.roots.getPtr(config)) |known| {
            known.uses += 1;
            if (known.classes.len > 1 and known.uses > uses_before_merge) {
                var building = Building{ .classifier = self };
                defer building.deinit();
                try building.walk(config, .{ .node = 0, .text = "" });
                const merged = try gpa.dupe(u32, &.{try self.addBuilt(&building)});
                gpa.free(known.classes);
                known.classes = merged;
            }
            return known.classes;
        }
        var classes: std.ArrayList(u32) = .empty;
        defer classes.deinit(gpa);
        const trie = self.trie;
        var node: u32 = 1;
        while (node < trie.end[0]) : (node = trie.end[node]) {
            const result = try self.grammar.lex.step(config, trie.bytes[node]);
            if (result == lexing.dead) continue;
            const class = try self.classOf(result, node);
            if (!self.classes.items[class].isEmpty()) try classes.append(gpa, class);
        }
        const owned = try classes.toOwnedSlice(gpa);
        try self.roots.put(gpa, config, .{ .classes = owned });
        return owned;
    }

    /// The class of the small rests of a closed group.
    fn successorOf(self: *Classifier, key: SuccessorKey, rests: []const Rest) !u32 {
        if (self.successors.get(key)) |known| return known;
        var building = Building{ .classifier = self };
        defer building.deinit();
        for (rests) |rest| try building.walk(key.first, rest);
        const id = try self.addBuilt(&building);
        try self.successors.put(gpa, key, id);
        return id;
    }

    fn isEmpty(self: *const Classifier, set: u32) bool {
        return switch (self.sets.items[set]) {
            .list => |list| list.len == 0,
            .bits => false,
        };
    }

    fn admit(self: *const Classifier, admitted: *std.ArrayList(u32), set: u32) !void {
        if (!self.isEmpty(set)) try admitted.append(gpa, set);
    }

    fn emptySet(self: *Classifier) !u32 {
        if (self.sets.items.len > 0) return 0;
        return self.addSet(&.{});
    }

    /// The class of the tokens at and below a trie node, after the step that leads there.
    fn classOf(self: *Classifier, result: u32, node: u32) !u32 {
        const key = @as(u64, result) << 32 | node;
        if (self.nodes.get(key)) |id| return id;
        var building = Building{ .classifier = self };
        defer building.deinit();
        try building.add(result, node);
        const id = try self.addBuilt(&building);
        try self.nodes.put(gpa, key, id);
        return id;
    }

    fn addBuilt(self: *Classifier, building: *Building) !u32 {
        _ = try self.emptySet();
        const id: u32 = @intCast(self.classes.items.len);
        try self.classes.append(gpa, try building.finish());
        return id;
    }
};

fn isLarge(trie: *const trie_module.Trie, node: u32) bool {
    return trie.end[node] - node > walked_nodes;
}

/// A node that is entered by its own byte.
fn childRest(trie: *const trie_module.Trie, node: u32) Rest {
    return .{ .node = node, .text = trie.bytes[node..][0..1] };
}

/// A lexeme at the cursor, and the stack below it.
const Place = struct { config: lexing.ConfigId, sigma: u32, entry: *linear.Entry };

/// Judges tokens one by one, along the trie: where there are few, that takes less than sorting them.
const Walk = struct {
    classifier: *Classifier,
    view: *linear.Linear,
    /// Sets that are admitted, and single tokens.
    admitted: *std.ArrayList(u32),
    walked: *std.ArrayList(u32),

    /// The tokens of a rest, from the place before it.
    fn follow(self: Walk, from: Place, rest: Rest) linear.Error!void {
        const lex = self.classifier.grammar.lex;
        var at = from;
        for (rest.text, 1..) |byte, past| {
            const result = try lex.step(at.config, byte);
            if (result == lexing.dead) return;
            if (result & lexing.closing_bit != 0) return self.close(at, result, .{ .node = rest.node, .text = rest.text[past..] });
            at.config = result;
        }
        return self.below(at, rest.node);
    }

    /// Tokens at and below `node`, whose byte has been read.
    fn below(self: Walk, at: Place, node: u32) linear.Error!void {
        const trie = self.classifier.trie;
        if (isLarge(trie, node)) {
            const class = try self.classifier.classOf(at.config, node);
            return self.classifier.admit(self.admitted, try self.classifier.explore(self.view, class, at.sigma, at.entry));
        }
        const tokens = trie.token_ids[trie.token_start[node]..trie.token_start[node + 1]];
        if (tokens.len > 0 and try self.view.viable(at.config, at.sigma, at.entry)) try self.walked.appendSlice(gpa, tokens);
        var child = node + 1;
        while (child < trie.end[node]) : (child = trie.end[child]) try self.follow(at, childRest(trie, child));
    }

    /// The lexeme has ended before its closing's bytes and the rest.
    fn close(self: Walk, from: Place, result: u32, rest: Rest) linear.Error!void {
        const lex = self.classifier.grammar.lex;
        const closing = lex.closings.items[result & ~lexing.closing_bit];
        const after = try self.view.advance(from.entry, closing);
        if (after.tops.len == 0) return;
        const sigma = try lex.after(from.sigma, closing);
        const text = if (rest.text.len == 0) closing.carry else try std.mem.concat(self.view.arena.allocator(), u8, &.{ closing.carry, rest.text });
        for (after.tops) |top| {
            const first = try lex.start(lex.modeOf(top.state, top.mark), sigma);
            try self.follow(.{ .config = first, .sigma = sigma, .entry = top }, .{ .node = rest.node, .text = text });
        }
    }
};

const GroupKey = struct { symbol: u16, keyword: u16, sigma: u32 };

const Group = struct {
    closing: u32,
    own: std.ArrayList(u32) = .empty,
    large: std.ArrayList(Rest) = .empty,
    small: std.ArrayList(Rest) = .empty,
    weight: usize = 0,
};

const Building = struct {
    classifier: *Classifier,
    opens: std.AutoArrayHashMapUnmanaged(u32, std.ArrayList(u32)) = .empty,
    closed: std.AutoArrayHashMapUnmanaged(GroupKey, Group) = .empty,
    /// Configuration after each depth below the node that a walk starts from.
    path: [trie_module.max_depth + 1]u32 = undefined,

    fn deinit(self: *Building) void {
        for (self.opens.values()) |*list| list.deinit(gpa);
        for (self.closed.values()) |*group| {
            group.own.deinit(gpa);
            group.large.deinit(gpa);
            group.small.deinit(gpa);
        }
        self.opens.deinit(gpa);
        self.closed.deinit(gpa);
    }

    /// Sorts the tokens at and below a node, after the step that leads there.
    fn add(self: *Building, result: u32, node: u32) !void {
        if (result & lexing.closing_bit != 0) return self.close(result, "", node);
        try self.walk(result, .{ .node = node, .text = "" });
    }

    /// Sorts the tokens of a rest.
    fn walk(self: *Building, first: lexing.ConfigId, rest: Rest) !void {
        const classifier = self.classifier;
        const lex = classifier.grammar.lex;
        const trie = classifier.trie;
        var config = first;
        for (rest.text, 1..) |byte, past| {
            const result = try lex.step(config, byte);
            if (result == lexing.dead) return;
            if (result & lexing.closing_bit != 0) return self.close(result, rest.text[past..], rest.node);
            config = result;
        }
        try self.open(config, rest.node);
        self.path[0] = config;
        const base = trie.depth[rest.node];
        const last = trie.end[rest.node];
        var i: u32 = rest.node + 1;
        while (i < last) {
            const depth = trie.depth[i] - base;
            const result = try lex.step(self.path[depth - 1], trie.bytes[i]);
            if (result == lexing.dead) {
                i = trie.end[i];
            } else if (result & lexing.closing_bit != 0) {
                try self.close(result, "", i);
                i = trie.end[i];
            } else {
                self.path[depth] = result;
                if (trie.token_start[i] != trie.token_start[i + 1]) try self.open(result, i);
                i += 1;
            }
        }
    }

    fn open(self: *Building, config: u32, node: u32) !void {
        const trie = self.classifier.trie;
        const tokens = trie.token_ids[trie.token_start[node]..trie.token_start[node + 1]];
        if (tokens.len == 0) return;
        const slot = try self.opens.getOrPut(gpa, config);
        if (!slot.found_existing) slot.value_ptr.* = .empty;
        try slot.value_ptr.appendSlice(gpa, tokens);
    }

    /// The lexeme has ended at `node`, before its closing's bytes and `more`.
    fn close(self: *Building, result: u32, more: []const u8, node: u32) !void {
        const classifier = self.classifier;
        const trie = classifier.trie;
        const closing = classifier.grammar.lex.closings.items[result & ~lexing.closing_bit];
        const slot = try self.closed.getOrPut(gpa, .{ .symbol = closing.symbol, .keyword = closing.keyword, .sigma = closing.sigma });
        if (!slot.found_existing) slot.value_ptr.* = .{ .closing = result & ~lexing.closing_bit };
        const group = slot.value_ptr;
        if (closing.carry.len + more.len > 0) {
            // A closing's bytes live as long as the grammar, a rest's as long as the classes.
            const carry = if (more.len == 0) closing.carry else try std.mem.concat(classifier.carries.allocator(), u8, &.{ closing.carry, more });
            return self.leave(group, .{ .node = node, .text = carry });
        }
        try group.own.appendSlice(gpa, trie.token_ids[trie.token_start[node]..trie.token_start[node + 1]]);
        var child = node + 1;
        while (child < trie.end[node]) : (child = trie.end[child]) {
            try self.leave(group, childRest(trie, child));
        }
    }

    fn leave(self: *Building, group: *Group, rest: Rest) !void {
        const trie = self.classifier.trie;
        if (isLarge(trie, rest.node)) return group.large.append(gpa, rest);
        try group.small.append(gpa, rest);
        group.weight += trie.end[rest.node] - rest.node;
    }

    fn finish(self: *Building) !Class {
        const classifier = self.classifier;
        const opens = try gpa.alloc(Open, self.opens.count());
        for (opens, self.opens.keys(), self.opens.values()) |*slot, config, *tokens| {
            slot.* = .{ .config = config, .set = try classifier.addSet(tokens.items) };
        }
        const closed = try gpa.alloc(Closed, self.closed.count());
        for (closed, self.closed.values()) |*slot, *group| {
            slot.* = .{
                .closing = group.closing,
                .own = try classifier.addSet(group.own.items),
                .large = try group.large.toOwnedSlice(gpa),
                .small = try group.small.toOwnedSlice(gpa),
                .weight = group.weight,
                .name = 0,
            };
            for (slot.small) |rest| slot.name = std.hash.XxHash64.hash(linear.mix(slot.name, rest.node), rest.text);
            classifier.held += (slot.large.len + slot.small.len) * @sizeOf(Rest);
        }
        return .{ .opens = opens, .closed = closed };
    }
};

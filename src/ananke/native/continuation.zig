//! Names what a generated lexer is about to do, without letting it do it.
//!
//! After a transition the lexer asks for the next character and then calls `eof`, at the top of
//! its loop. What it does from there on is a function of the address it returns to, the registers
//! that calls preserve, and its stack frame; all else that it reads is constant or comes through
//! `TSLexer`. A hash of those is the *name* of the continuation: two transitions with one name
//! lead to the same behaviour, whatever the compiler made of the code. The reverse needn't hold
//! (stale values in the frame), so names only save experiments, they never replace one.
//!
//! The registers are out of reach of the language; two short routines in assembly get at them:
//! one calls the lexer with the preserved registers cleared, so that nothing of ours is in its
//! frame, the other stores them when `eof` is called. On other machines there are no names.
const std = @import("std");
const builtin = @import("builtin");
const ts = @import("tslanguage.zig");

/// Whether this machine has names for continuations.
pub const is_supported = switch (builtin.cpu.arch) {
    .x86_64 => builtin.os.tag != .windows,
    .aarch64 => true,
    else => false,
};

const saved_count = 20;
/// Stack below the lexer's frame that is cleared first, so that less in it is stale. The frames
/// of unoptimised lexers take some hundreds of bytes.
const cleared_stack = 2048;

/// What the assembly works on: `lexer` is first, since its address is all that `eof` is given.
const Frame = extern struct {
    lexer: ts.TSLexer,
    saved: [saved_count]u64,
    /// Stack pointer in `eof`: the low end of the lexer's frame.
    low: usize,
    /// Stack pointer at the call of the lexer: the high end.
    high: usize,
    /// Where `eof` goes on.
    resumed: *const fn (*Frame) callconv(.c) bool,
    symbol: u32,
    transitions: u32,
    skipped: bool,
    named: bool,
    name: u64,

    const saved_at = @offsetOf(Frame, "saved");
    const low_at = @offsetOf(Frame, "low");
    const high_at = @offsetOf(Frame, "high");
    const resumed_at = @offsetOf(Frame, "resumed");
};

pub const Transition = struct { skip: bool, name: u64 };

/// The transition of `state` on the code point `symbol`, or on the end of input if it is
/// `end_of_input`. Null: there is none.
pub fn follow(lex: ts.LexFn, state: u16, symbol: u32, end_of_input: u32) ?Transition {
    comptime std.debug.assert(is_supported);
    const at_end = symbol == end_of_input;
    var frame = Frame{
        .lexer = .{
            .lookahead = if (at_end) 0 else @bitCast(symbol),
            .result_symbol = 0,
            .advance = advance,
            .mark_end = markEnd,
            .get_column = column,
            .is_at_included_range_start = atRangeStart,
            .eof = @ptrCast(&store),
            .log = log,
        },
        .saved = @splat(0),
        .low = 0,
        .high = 0,
        .resumed = resumed,
        .symbol = if (at_end) 1 else 0,
        .transitions = 0,
        .skipped = false,
        .named = false,
        .name = 0,
    };
    clearStack();
    const call: *const fn (*Frame, ts.LexFn, u16) callconv(.c) bool = @ptrCast(&enter);
    _ = call(&frame, lex, state);
    if (frame.transitions == 0) return null;
    return .{ .skip = frame.skipped, .name = frame.name };
}

noinline fn clearStack() void {
    var bytes: [cleared_stack]u8 = undefined;
    std.crypto.secureZero(u8, &bytes);
}

fn resumed(frame: *Frame) callconv(.c) bool {
    if (frame.transitions == 0) return frame.symbol == 1;
    if (frame.transitions == 1 and !frame.named) {
        frame.named = true;
        var hash = std.hash.Wyhash.init(0);
        hash.update(std.mem.sliceAsBytes(&frame.saved));
        const stack: [*]const u8 = @ptrFromInt(frame.low);
        hash.update(stack[0 .. frame.high - frame.low]);
        frame.name = hash.final();
    }
    return true;
}

fn advance(lexer: *ts.TSLexer, skip: bool) callconv(.c) void {
    const frame: *Frame = @fieldParentPtr("lexer", lexer);
    frame.transitions += 1;
    if (frame.transitions == 1) frame.skipped = skip;
    // The end of input from here on: the lexer stops as soon as it can.
    lexer.lookahead = 0;
    if (frame.transitions > 64) lexer.lookahead = @intCast(frame.transitions *% 7 % 128);
}

fn markEnd(_: *ts.TSLexer) callconv(.c) void {}

fn column(_: *ts.TSLexer) callconv(.c) u32 {
    return 0;
}

fn atRangeStart(_: *const ts.TSLexer) callconv(.c) bool {
    return false;
}

fn log(_: *const ts.TSLexer, _: [*:0]const u8) callconv(.c) void {}

fn text(comptime template: []const u8, comptime values: anytype) []const u8 {
    return std.fmt.comptimePrint(template, values);
}

/// `bool eof(Frame *)`
fn store() callconv(.naked) void {
    const at = Frame.saved_at;
    switch (builtin.cpu.arch) {
        .x86_64 => asm volatile (text(
                \\ movq %%rbx, {d}(%%rdi)
                \\ movq %%rbp, {d}(%%rdi)
                \\ movq %%r12, {d}(%%rdi)
                \\ movq %%r13, {d}(%%rdi)
                \\ movq %%r14, {d}(%%rdi)
                \\ movq %%r15, {d}(%%rdi)
                \\ movq %%rsp, {d}(%%rdi)
                \\ jmpq *{d}(%%rdi)
            , .{ at, at + 8, at + 16, at + 24, at + 32, at + 40, Frame.low_at, Frame.resumed_at })),
        .aarch64 => asm volatile (text(
                \\ add x16, x0, #{d}
                \\ stp x19, x20, [x16, #0]
                \\ stp x21, x22, [x16, #16]
                \\ stp x23, x24, [x16, #32]
                \\ stp x25, x26, [x16, #48]
                \\ stp x27, x28, [x16, #64]
                \\ stp x29, x30, [x16, #80]
                \\ stp d8, d9, [x16, #96]
                \\ stp d10, d11, [x16, #112]
                \\ stp d12, d13, [x16, #128]
                \\ stp d14, d15, [x16, #144]
                \\ mov x17, sp
                \\ str x17, [x0, #{d}]
                \\ ldr x17, [x0, #{d}]
                \\ br x17
            , .{ at, Frame.low_at, Frame.resumed_at })),
        else => unreachable,
    }
}

/// `bool enter(Frame *, LexFn, uint16_t state)`
fn enter() callconv(.naked) void {
    switch (builtin.cpu.arch) {
        .x86_64 => asm volatile (text(
                \\ pushq %%rbx
                \\ pushq %%rbp
                \\ pushq %%r12
                \\ pushq %%r13
                \\ pushq %%r14
                \\ pushq %%r15
                \\ subq $8, %%rsp
                \\ movq %%rsp, {d}(%%rdi)
                \\ movq %%rsi, %%rax
                \\ movl %%edx, %%esi
                \\ xorl %%ebx, %%ebx
                \\ xorl %%ebp, %%ebp
                \\ xorl %%r12d, %%r12d
                \\ xorl %%r13d, %%r13d
                \\ xorl %%r14d, %%r14d
                \\ xorl %%r15d, %%r15d
                \\ callq *%%rax
                \\ addq $8, %%rsp
                \\ popq %%r15
                \\ popq %%r14
                \\ popq %%r13
                \\ popq %%r12
                \\ popq %%rbp
                \\ popq %%rbx
                \\ retq
            , .{Frame.high_at})),
        .aarch64 => asm volatile (text(
                \\ stp x29, x30, [sp, #-160]!
                \\ stp x19, x20, [sp, #16]
                \\ stp x21, x22, [sp, #32]
                \\ stp x23, x24, [sp, #48]
                \\ stp x25, x26, [sp, #64]
                \\ stp x27, x28, [sp, #80]
                \\ stp d8, d9, [sp, #96]
                \\ stp d10, d11, [sp, #112]
                \\ stp d12, d13, [sp, #128]
                \\ stp d14, d15, [sp, #144]
                \\ mov x9, sp
                \\ str x9, [x0, #{d}]
                \\ mov x9, x1
                \\ mov w1, w2
                \\ mov x29, sp
                \\ mov x19, xzr
                \\ mov x20, xzr
                \\ mov x21, xzr
                \\ mov x22, xzr
                \\ mov x23, xzr
                \\ mov x24, xzr
                \\ mov x25, xzr
                \\ mov x26, xzr
                \\ mov x27, xzr
                \\ mov x28, xzr
                \\ blr x9
                \\ ldp x19, x20, [sp, #16]
                \\ ldp x21, x22, [sp, #32]
                \\ ldp x23, x24, [sp, #48]
                \\ ldp x25, x26, [sp, #64]
                \\ ldp x27, x28, [sp, #80]
                \\ ldp d8, d9, [sp, #96]
                \\ ldp d10, d11, [sp, #112]
                \\ ldp d12, d13, [sp, #128]
                \\ ldp d14, d15, [sp, #144]
                \\ ldp x29, x30, [sp], #160
                \\ ret
            , .{Frame.high_at})),
        else => unreachable,
    }
}

//! Builds the native core: `zig build` for the library, `zig build test` for the Zig tests.
//!
//! `bits_kernel.zig` is compiled once per variant of the CPU, each time as an object of its own, so that
//! no instruction beyond the baseline gets into code that runs before the CPU was asked.
const std = @import("std");
const Build = std.Build;
const x86 = std.Target.x86;

const Variant = struct {
    name: []const u8,
    /// Null is the target's baseline.
    model: ?*const std.Target.Cpu.Model = null,
    vector_bytes: usize,
};

const x86_variants = [_]Variant{
    .{ .name = "baseline", .vector_bytes = 16 },
    .{ .name = "avx2", .model = &x86.cpu.x86_64_v3, .vector_bytes = 32 },
    .{ .name = "avx512", .model = &x86.cpu.x86_64_v4, .vector_bytes = 64 },
};
const arm_variants = [_]Variant{.{ .name = "neon", .vector_bytes = 16 }};
const other_variants = [_]Variant{.{ .name = "baseline", .vector_bytes = 16 }};

pub fn build(b: *Build) void {
    const target = b.standardTargetOptions(.{ .default_target = .{ .cpu_model = .baseline } });
    const safe = b.option(bool, "safe", "keep bounds and overflow checks, for fuzzing") orelse false;
    const optimize: std.builtin.Optimize = if (safe) .safe else .fast;

    const root = createRoot(b, target, optimize, !safe);
    b.installArtifact(b.addLibrary(.{
        .name = "ananke",
        .linkage = .dynamic,
        .root_module = root,
    }));

    // Checked, and quick to compile.
    const tests = b.addTest(.{ .root_module = createRoot(b, target, .debug, false) });
    b.step("test", "Run the Zig tests").dependOn(&b.addRunArtifact(tests).step);
}

fn createRoot(b: *Build, target: Build.ResolvedTarget, optimize: std.builtin.Optimize, strip: bool) *Build.Module {
    const root = b.createModule(.{
        .root_source_file = b.path("root.zig"),
        .target = target,
        .optimize = optimize,
        .strip = strip,
        .pic = true,
    });
    const variants: []const Variant = switch (target.result.cpu.arch) {
        .x86_64 => &x86_variants,
        .aarch64 => &arm_variants,
        else => &other_variants,
    };
    for (variants) |variant| root.addObject(createVariant(b, target, variant));
    return root;
}

fn createVariant(b: *Build, target: Build.ResolvedTarget, variant: Variant) *Build.Step.Compile {
    var query = target.query;
    if (variant.model) |model| {
        query.cpu_model = .{ .explicit = model };
        // The model's tuning would split each wide vector in two.
        query.cpu_features_sub.addFeature(@backingInt(x86.Feature.prefer_256_bit));
    }
    const options = b.addOptions();
    options.addOption([]const u8, "variant", variant.name);
    options.addOption(usize, "vector_bytes", variant.vector_bytes);
    const module = b.createModule(.{
        .root_source_file = b.path("bits_kernel.zig"),
        .target = b.resolveTargetQuery(query),
        // The loops hold nothing that a check could see, and a panic handler in each object would
        // cost more time to compile than all the rest.
        .optimize = .fast,
        .strip = true,
        .pic = true,
    });
    module.addOptions("options", options);
    return b.addObject(.{ .name = b.fmt("bits_{s}", .{variant.name}), .root_module = module });
}

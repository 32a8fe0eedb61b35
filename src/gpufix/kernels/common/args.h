// The command line that every program of the suite understands.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

namespace gpu {

constexpr const char* kUsage =
    "usage: %s [--case NAME] [--size N] [--seed N] [--reps N] [--device N] [--check-only] [--turns FILE]\n"
    "  --case        run this case alone\n"
    "  --size        the case's main size instead of its default\n"
    "  --seed        of the random data (default: fresh each run)\n"
    "  --reps        timed runs (default 20)\n"
    "  --device      device index (default 0)\n"
    "  --check-only  small sizes, validated and not timed: for sanitizers\n"
    "  --turns       lock of the device among programs that run beside this one\n";

struct Args {
    std::string only, turns;
    size_t size = 0;  // 0: each case's own default
    uint64_t seed = 0;
    int reps = 20, device = 0;
    bool check_only = false;

    // A case's size: what was asked for, else the default of the mode.
    size_t size_or(size_t timed, size_t checked) const {
        if (size) return size;
        return check_only ? checked : timed;
    }
};

[[noreturn]] inline void usage(const char* program) {
    std::fprintf(stderr, kUsage, program);
    std::exit(2);
}

inline uint64_t parse_number(const char* program, const char* text, uint64_t most) {
    char* end = nullptr;
    unsigned long long v = text ? std::strtoull(text, &end, 10) : 0;
    if (!text || *text == '-' || end == text || *end || v > most) usage(program);
    return v;
}

inline Args parse_args(int argc, char** argv) {
    Args a;
    std::random_device entropy;
    a.seed = (uint64_t(entropy()) << 32) | entropy();
    for (int i = 1; i < argc; ++i) {
        std::string flag = argv[i];
        if (flag == "--check-only") {
            a.check_only = true;
            continue;
        }
        const char* value = i + 1 < argc ? argv[++i] : nullptr;
        if (flag == "--case" && value) a.only = value;
        else if (flag == "--turns" && value) a.turns = value;
        else if (flag == "--size") a.size = parse_number(argv[0], value, uint64_t{1} << 40);
        else if (flag == "--seed") a.seed = parse_number(argv[0], value, ~uint64_t{0});
        else if (flag == "--reps") a.reps = int(parse_number(argv[0], value, 100000));
        else if (flag == "--device") a.device = int(parse_number(argv[0], value, 1024));
        else usage(argv[0]);
    }
    return a;
}

}  // namespace gpu

// A program of the suite: device line, one line a case, exit code. Include this one in a kernel.
//
//   int main(int argc, char** argv) {
//       gpu::Program program("stream", argc, argv);
//       if (program.wants("copy")) run_copy(program);
//       return program.finish();
//   }
//
// Lines on standard output, one JSON object each:
//   {"kernel", "device": {...}, "seed"}
//   {"kernel", "case", "sizes": {...}, "valid", "max_err", "rel_err", "tolerance",
//    "time_ms": {"median", "min", "max", "runs"}, ...}       time_ms only when valid and timed
//   {"kernel", "case", "status": "not applicable", "why"}
//   {"kernel", "status": "error", "error": {"name", "text", "call", "where"}}
// Bytes and operations are formulas over `sizes` in the kernel's manifest.json, and only there.
// Exit: 0 all valid, 1 a wrong result, 2 usage, 3 a runtime error.
#pragma once

#include <initializer_list>
#include <optional>
#include <utility>

#include "args.h"
#include "compare.h"
#include "device.h"
#include "memory.h"
#include "random.h"
#include "timing.h"
#include "turns.h"

namespace gpu {

using Sizes = std::initializer_list<std::pair<const char*, double>>;

struct Result {
    std::string name;         // the case
    JsonObject sizes, extra;  // what the manifest's formulas read; whatever else is worth telling
    Error error;
    double tolerance = 0;  // on rel_err, unless `valid` was decided otherwise
    std::optional<bool> valid;
    std::optional<Timing> time;

    Result(std::string case_name, Sizes s) : name(std::move(case_name)) {
        for (const auto& [key, value] : s) sizes.number(key, value);
    }
    bool ok() const { return valid.value_or(error.rel_err <= tolerance); }
    // For exact results: how many elements differ from the reference.
    void exact(size_t mismatches) {
        valid = mismatches == 0;
        error.max_err = error.rel_err = double(mismatches);
    }
};

// As compare(), for long references: the GPU is others' meanwhile.
template <class Got, class Want>
Error compare_beside(size_t n, Got got, Want want) {
    HostWork host;
    return compare(n, got, want);
}

class Program {
   public:
    Program(const char* name, int argc, char** argv) : args(parse_args(argc, argv)) {
        program_name = name;
        if (!turns().open(args.turns)) usage(name);
        int count = 0;
        GPU_CHECK(gpuGetDeviceCount(&count));
        device = query_device(args.device);
        JsonObject().text("kernel", name).raw("device", device_json(device))
            .text("seed", std::to_string(args.seed)).print();
    }

    const Args args;
    Device device;

    bool wants(const char* name) {
        bool wanted = args.only.empty() || args.only == name;
        any_ = any_ || wanted;
        return wanted;
    }

    // Times the launch only when the result is right and timing was asked for.
    template <class Launch, class Prepare>
    void report(Result& r, Launch launch, Prepare prepare) {
        if (r.ok() && !args.check_only) {
            if (!timer_) timer_.emplace(device.l2_bytes);
            Alone quiet;
            r.time = timer_->measure(args.reps, launch, prepare);
        }
        report(r);
    }
    template <class Launch>
    void report(Result& r, Launch launch) {
        report(r, launch, [] {});
    }
    void report(const Result& r) {
        JsonObject o;
        o.text("kernel", program_name).text("case", r.name).raw("sizes", r.sizes.str());
        o.boolean("valid", r.ok()).number("max_err", r.error.max_err);
        o.number("rel_err", r.error.rel_err).number("tolerance", r.tolerance);
        if (r.time) {
            JsonObject t;
            t.number("median", r.time->median).number("min", r.time->min);
            t.number("max", r.time->max).number("runs", r.time->runs);
            o.raw("time_ms", t.str());
        }
        o.raw("extra", r.extra.str()).print();
        failed_ = failed_ || !r.ok();
    }
    void not_applicable(const char* case_name, const char* why) {
        JsonObject().text("kernel", program_name).text("case", case_name)
            .text("status", "not applicable").text("why", why).print();
    }

    int finish() {
        timer_.reset();
        if (!any_) usage(program_name);  // no such case
        GPU_CHECK(gpuDeviceSynchronize());
        return failed_ ? kExitInvalid : 0;
    }

   private:
    std::optional<Timer> timer_;
    bool failed_ = false, any_ = false;
};

}  // namespace gpu

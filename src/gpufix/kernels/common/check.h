// Every runtime call is checked; a failure is one JSON line with the runtime's own words.
#pragma once

#include <cstdlib>

#include "gpufix_gpu.h"
#include "json.h"

namespace gpu {

constexpr int kExitInvalid = 1, kExitUsage = 2, kExitRuntime = 3;

inline const char* program_name = "";

[[noreturn]] inline void die(gpuError_t status, const char* call, const char* file, int line) {
    std::string where = file;
    where = where.substr(where.find_last_of('/') + 1) + ":" + std::to_string(line);
    JsonObject error;
    error.text("name", gpuGetErrorName(status)).text("text", gpuGetErrorString(status));
    error.text("call", call).text("where", where);
    JsonObject().text("kernel", program_name).text("status", "error").raw("error", error.str()).print();
    std::_Exit(kExitRuntime);  // a broken context can hang or crash in the runtime's own atexit
}

inline void check(gpuError_t status, const char* call, const char* file, int line) {
    if (status != gpuSuccess) die(status, call, file, line);
}

}  // namespace gpu

#define GPU_CHECK(call) ::gpu::check((call), #call, __FILE__, __LINE__)
// After a launch: bad configurations and missing kernel images are reported here.
#define GPU_CHECK_LAUNCH() ::gpu::check(gpuGetLastError(), "kernel launch", __FILE__, __LINE__)

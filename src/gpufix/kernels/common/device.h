// What the runtime says of the device: enough to compute its roofs without a table of names.
#pragma once

#include "check.h"

namespace gpu {

struct Device {
    int index = 0, units = 0, wave_size = 0, cc_major = 0, cc_minor = 0;
    int clock_khz = 0, memory_clock_khz = 0, bus_bits = 0, l2_bytes = 0, shared_bytes = 0;
    int integrated = 0, driver = 0, runtime = 0;
    size_t free_bytes = 0, total_bytes = 0;
    std::string name, arch, bus_id;
};

#if defined(GPUFIX_HIP)
#define GPUFIX_ATTR(cuda, hip) hipDeviceAttribute##hip
#else
#define GPUFIX_ATTR(cuda, hip) cudaDevAttr##cuda
#endif

// Attributes, not the properties struct: CUDA 13 dropped the clocks from it.
inline Device query_device(int index) {
    Device d;
    d.index = index;
    GPU_CHECK(gpuSetDevice(index));
    gpuDeviceProp prop;
    GPU_CHECK(gpuGetDeviceProperties(&prop, index));
    d.name = prop.name;
    auto get = [index](auto attribute, int* out) {
        if (gpuDeviceGetAttribute(out, attribute, index) != gpuSuccess) {
            *out = 0;  // unknown to this driver: reported as 0, which stands for "unknown"
            (void)gpuGetLastError();
        }
    };
    get(GPUFIX_ATTR(MultiProcessorCount, MultiprocessorCount), &d.units);
    get(GPUFIX_ATTR(WarpSize, WarpSize), &d.wave_size);
    get(GPUFIX_ATTR(ComputeCapabilityMajor, ComputeCapabilityMajor), &d.cc_major);
    get(GPUFIX_ATTR(ComputeCapabilityMinor, ComputeCapabilityMinor), &d.cc_minor);
    get(GPUFIX_ATTR(ClockRate, ClockRate), &d.clock_khz);
    get(GPUFIX_ATTR(MemoryClockRate, MemoryClockRate), &d.memory_clock_khz);
    get(GPUFIX_ATTR(GlobalMemoryBusWidth, MemoryBusWidth), &d.bus_bits);
    get(GPUFIX_ATTR(L2CacheSize, L2CacheSize), &d.l2_bytes);
    get(GPUFIX_ATTR(MaxSharedMemoryPerBlockOptin, MaxSharedMemoryPerBlock), &d.shared_bytes);
    get(GPUFIX_ATTR(Integrated, Integrated), &d.integrated);
#if defined(GPUFIX_HIP)
    d.arch = prop.gcnArchName;
    d.arch = d.arch.substr(0, d.arch.find(':'));  // drops feature flags such as ":xnack-"
#else
    d.arch = "sm_" + std::to_string(d.cc_major) + std::to_string(d.cc_minor);
#endif
    char bus[32] = "";
    GPU_CHECK(gpuDeviceGetPCIBusId(bus, sizeof bus, index));
    d.bus_id = bus;
    GPU_CHECK(gpuDriverGetVersion(&d.driver));
    GPU_CHECK(gpuRuntimeGetVersion(&d.runtime));
    GPU_CHECK(gpuMemGetInfo(&d.free_bytes, &d.total_bytes));
    return d;
}

inline std::string device_json(const Device& d) {
    JsonObject o;
    o.text("name", d.name).text("arch", d.arch).text("bus_id", d.bus_id).number("units", d.units);
    o.number("wave_size", d.wave_size).number("clock_khz", d.clock_khz);
    o.number("memory_clock_khz", d.memory_clock_khz).number("bus_bits", d.bus_bits);
    o.number("l2_bytes", d.l2_bytes).number("shared_bytes", d.shared_bytes);
    o.boolean("integrated", d.integrated != 0).number("driver", d.driver);
    o.number("runtime", d.runtime).number("free_bytes", static_cast<double>(d.free_bytes));
    o.number("total_bytes", static_cast<double>(d.total_bytes));
    return o.str();
}

}  // namespace gpu

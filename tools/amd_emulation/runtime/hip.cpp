// A stand-in for libamdhip64: memory is the host's, a launch goes to the driver and has ended when it
// returns. Compiled against the headers that the program was compiled against, whose numbers of
// attributes and layout of properties differ between releases.
//
// Device memory ends where its last page ends, behind it lies a page that nothing may touch, and it
// begins as random bytes: what reads or writes one element too far faults.
#include <hip/hip_runtime_api.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <sys/mman.h>
#include <unordered_map>
#include <vector>

#include "launch.h"

namespace {

Launcher launcher;
std::string arch;
int wave_size = 32;
hipError_t last_error = hipSuccess;

hipError_t failed(hipError_t error) {
    if (error != hipSuccess) last_error = error;
    return error;
}

// ---- memory ----------------------------------------------------------------------------------
constexpr size_t kPage = 4096, kAlignment = 16, kTotal = size_t{4} << 30;
struct Region {
    char* pages;
    size_t mapped, slack;  // slack: bytes between the end of the array and the guard page
};
std::map<char*, Region>& regions() {
    static std::map<char*, Region> all;
    return all;
}
constexpr unsigned char kSlack = 0xb7;

hipError_t allocate(void** out, size_t size) {
    if (!out) return hipErrorInvalidValue;
    *out = nullptr;
    if (!size) return hipSuccess;
    size_t aligned = (size + kAlignment - 1) / kAlignment * kAlignment;
    size_t whole = (aligned + kPage - 1) / kPage * kPage;
    void* p = mmap(nullptr, whole + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return hipErrorOutOfMemory;
    char* pages = static_cast<char*>(p);
    mprotect(pages + whole, kPage, PROT_NONE);
    char* at = pages + whole - aligned;
    static std::mt19937_64 random(std::random_device{}());
    for (size_t i = 0; i + 8 <= aligned; i += 8) {
        uint64_t word = random();
        std::memcpy(at + i, &word, 8);
    }
    std::memset(at + size, kSlack, aligned - size);
    regions()[at] = {pages, whole + kPage, aligned - size};
    *out = at;
    return hipSuccess;
}

hipError_t release(void* p) {
    if (!p) return hipSuccess;
    auto found = regions().find(static_cast<char*>(p));
    if (found == regions().end()) return hipErrorInvalidValue;
    const Region& r = found->second;
    const char* guard = r.pages + r.mapped - kPage;
    for (size_t i = 1; i <= r.slack; ++i)
        if (static_cast<unsigned char>(*(guard - i)) != kSlack) {
            std::fprintf(stderr, "a write behind the end of device memory\n");
            std::_Exit(71);
        }
    munmap(r.pages, r.mapped);
    regions().erase(found);
    return hipSuccess;
}

// ---- kernels ---------------------------------------------------------------------------------
struct Function {
    const void** bundle;
    std::string name;
};
struct Fatbin {  // what clang's host code hands over: magic "HIPF", version, the bundle
    uint32_t magic, version;
    const void* bundle;
    void* unused;
};
struct Module {
    const void* bundle;
};
struct Configuration {
    dim3 grid, block;
    size_t shared;
    hipStream_t stream;
};
std::unordered_map<const void*, Function>& functions() {
    static std::unordered_map<const void*, Function> all;
    return all;
}
std::vector<Configuration> configurations;

}  // namespace

void set_launcher(Launcher given, const char* name, int lanes) {
    launcher = given;
    arch = name;
    wave_size = lanes;
}

extern "C" {

void** __hipRegisterFatBinary(const void* data) {
    auto* module = new Module{static_cast<const Fatbin*>(data)->bundle};
    return reinterpret_cast<void**>(module);
}
void __hipUnregisterFatBinary(void** module) { delete reinterpret_cast<Module*>(module); }
void __hipRegisterFunction(void** module, const void* host, char*, const char* name, unsigned, void*,
                           void*, dim3*, dim3*, int*) {
    functions()[host] = {&reinterpret_cast<Module*>(module)->bundle, name};
}
void __hipRegisterVar(void**, void*, char*, const char* name, int, size_t, int, int) {
    std::fprintf(stderr, "device variables (%s) are not emulated\n", name);
    std::_Exit(70);
}
void __hipRegisterManagedVar(void*, void**, void*, const char* name, size_t, unsigned) {
    __hipRegisterVar(nullptr, nullptr, nullptr, name, 0, 0, 0, 0);
}
hipError_t __hipPushCallConfiguration(dim3 grid, dim3 block, size_t shared, hipStream_t stream) {
    configurations.push_back({grid, block, shared, stream});
    return hipSuccess;
}
hipError_t __hipPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, hipStream_t* stream) {
    Configuration c = configurations.back();
    configurations.pop_back();
    *grid = c.grid, *block = c.block, *shared = c.shared, *stream = c.stream;
    return hipSuccess;
}

hipError_t hipLaunchKernel(const void* host, dim3 grid, dim3 block, void** arguments, size_t shared,
                           hipStream_t) {
    auto found = functions().find(host);
    if (found == functions().end()) return failed(hipErrorInvalidDeviceFunction);
    uint64_t threads = uint64_t(block.x) * block.y * block.z;
    if (!threads || threads > 1024 || !grid.x || !grid.y || !grid.z || shared > 65536)
        return failed(hipErrorInvalidConfiguration);
    Launch launch{*found->second.bundle, found->second.name.c_str(), {grid.x, grid.y, grid.z},
                  {block.x, block.y, block.z}, uint32_t(shared), arguments};
    return failed(launcher(&launch) ? hipErrorLaunchFailure : hipSuccess);
}

hipError_t hipMalloc(void** out, size_t size) { return failed(allocate(out, size)); }
hipError_t hipFree(void* p) { return failed(release(p)); }
hipError_t hipMallocAsync(void** out, size_t size, hipStream_t) { return hipMalloc(out, size); }
hipError_t hipFreeAsync(void* p, hipStream_t) { return hipFree(p); }
hipError_t hipMemcpy(void* to, const void* from, size_t size, hipMemcpyKind) {
    std::memmove(to, from, size);
    return hipSuccess;
}
hipError_t hipMemcpyAsync(void* to, const void* from, size_t size, hipMemcpyKind kind, hipStream_t) {
    return hipMemcpy(to, from, size, kind);
}
hipError_t hipMemcpyWithStream(void* to, const void* from, size_t size, hipMemcpyKind kind, hipStream_t) {
    return hipMemcpy(to, from, size, kind);
}
hipError_t hipMemset(void* p, int value, size_t size) {
    std::memset(p, value, size);
    return hipSuccess;
}
hipError_t hipMemsetAsync(void* p, int value, size_t size, hipStream_t) { return hipMemset(p, value, size); }
hipError_t hipMemGetInfo(size_t* free_bytes, size_t* total) {
    *free_bytes = *total = kTotal;
    return hipSuccess;
}

hipError_t hipGetDeviceCount(int* count) { return *count = 1, hipSuccess; }
hipError_t hipGetDevice(int* device) { return *device = 0, hipSuccess; }
hipError_t hipSetDevice(int device) { return failed(device ? hipErrorInvalidDevice : hipSuccess); }
hipError_t hipDeviceSynchronize() { return hipSuccess; }
hipError_t hipStreamSynchronize(hipStream_t) { return hipSuccess; }
hipError_t hipDriverGetVersion(int* version) { return *version = HIP_VERSION, hipSuccess; }
hipError_t hipRuntimeGetVersion(int* version) { return *version = HIP_VERSION, hipSuccess; }
hipError_t hipDeviceGetPCIBusId(char* id, int length, int) {
    std::snprintf(id, size_t(length), "emulated");
    return hipSuccess;
}
hipError_t hipGetDeviceProperties(hipDeviceProp_t* p, int) {
    std::memset(p, 0, sizeof *p);
    std::snprintf(p->name, sizeof p->name, "emulated %s", arch.c_str());
    std::snprintf(p->gcnArchName, sizeof p->gcnArchName, "%s", arch.c_str());
    p->warpSize = wave_size;
    p->multiProcessorCount = 1;
    p->maxThreadsPerBlock = 1024;
    p->maxThreadsPerMultiProcessor = 2048;
    p->sharedMemPerBlock = 65536;
    p->totalGlobalMem = kTotal;
    p->l2CacheSize = 1 << 20;
    for (int d = 0; d < 3; ++d) p->maxThreadsDim[d] = 1024, p->maxGridSize[d] = 0x7fffffff;
    return hipSuccess;
}
hipError_t hipDeviceGetAttribute(int* value, hipDeviceAttribute_t attribute, int) {
    switch (attribute) {
        case hipDeviceAttributeMultiprocessorCount: *value = 1; break;
        case hipDeviceAttributeWarpSize: *value = wave_size; break;
        case hipDeviceAttributeMaxSharedMemoryPerBlock: *value = 65536; break;
        case hipDeviceAttributeMaxThreadsPerBlock: *value = 1024; break;
        case hipDeviceAttributeL2CacheSize: *value = 1 << 20; break;
        default: *value = 0;
    }
    return hipSuccess;
}
hipError_t hipFuncSetAttribute(const void*, hipFuncAttribute, int) { return hipSuccess; }
hipError_t hipFuncGetAttributes(hipFuncAttributes* a, const void*) {
    std::memset(a, 0, sizeof *a);
    a->maxThreadsPerBlock = 1024;
    return hipSuccess;
}
hipError_t hipOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int, size_t) {
    return *blocks = 1, hipSuccess;
}

struct ihipEvent_t {
    double at;
};
hipError_t hipEventCreate(hipEvent_t* e) { return *e = new ihipEvent_t{}, hipSuccess; }
hipError_t hipEventCreateWithFlags(hipEvent_t* e, unsigned) { return hipEventCreate(e); }
hipError_t hipEventDestroy(hipEvent_t e) { return delete e, hipSuccess; }
hipError_t hipEventRecord(hipEvent_t e, hipStream_t) {
    using namespace std::chrono;
    e->at = duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
    return hipSuccess;
}
hipError_t hipEventSynchronize(hipEvent_t) { return hipSuccess; }
hipError_t hipEventElapsedTime(float* ms, hipEvent_t a, hipEvent_t b) {
    return *ms = float(b->at - a->at), hipSuccess;
}
hipError_t hipStreamCreate(hipStream_t* s) { return *s = nullptr, hipSuccess; }
hipError_t hipStreamDestroy(hipStream_t) { return hipSuccess; }

hipError_t hipGetLastError() {
    hipError_t error = last_error;
    last_error = hipSuccess;
    return error;
}
hipError_t hipPeekAtLastError() { return last_error; }
const char* hipGetErrorName(hipError_t error) {
    switch (error) {
        case hipSuccess: return "hipSuccess";
        case hipErrorLaunchFailure: return "hipErrorLaunchFailure";
        case hipErrorInvalidConfiguration: return "hipErrorInvalidConfiguration";
        case hipErrorInvalidValue: return "hipErrorInvalidValue";
        case hipErrorOutOfMemory: return "hipErrorOutOfMemory";
        default: return "hipErrorUnknown";
    }
}
const char* hipGetErrorString(hipError_t error) { return hipGetErrorName(error); }
}

// What only sm_90a has: the tensor memory accelerator, which copies tiles to shared memory by itself,
// and wgmma, by which four waves multiply tiles that lie there. GPUFIX_WGMMA is defined where the code
// of this pass can use them; the host half needs CUDA 12's <cuda.h>.
//
// Tiles are rows of 64 bf16 = 128 bytes, their 16-byte chunks permuted by the row as in matrix.h: the
// hardware's 128-byte swizzle. Sources: PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions" and
// "Data Movement and Conversion Instructions: Tensor copy".
#pragma once

#include "bf16.h"
#include "memory.h"

#if defined(GPUFIX_CUDA) && defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define GPUFIX_WGMMA 1
#endif

#if defined(GPUFIX_CUDA) && CUDART_VERSION >= 12050
#define GPUFIX_TENSOR_MAPS 1
#include <cuda.h>
#endif

namespace gpu {

constexpr int kTileRow = 64;         // elements in a row of a tile
constexpr int kWarpgroup = 128;      // threads that issue one wgmma

#if defined(GPUFIX_TENSOR_MAPS)

using TensorMap = CUtensorMap;

// A row-major matrix of bf16, read in boxes of `box_rows` x 64, zeros outside. `rows` of `columns`
// elements; `planes` of them behind one another.
inline TensorMap tensor_map(const bf16* data, uint64_t columns, uint64_t rows, uint64_t planes, uint32_t box_rows) {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult found;
    GPU_CHECK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found));
    TensorMap map;
    cuuint64_t sizes[] = {columns, rows, planes}, strides[] = {columns * sizeof(bf16), columns * rows * sizeof(bf16)};
    cuuint32_t box[] = {kTileRow, box_rows, 1}, steps[] = {1, 1, 1};
    CUresult made = reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(entry)(
        &map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3, const_cast<bf16*>(data), sizes, strides, box, steps,
        CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    GPU_CHECK(made == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue);
    return map;
}

#endif

#if defined(GPUFIX_WGMMA)

__device__ inline unsigned shared_address(const void* p) { return unsigned(__cvta_generic_to_shared(p)); }

// ---- barriers in shared memory, which count arrivals and bytes ---------------------------------
struct Barrier {
    uint64_t bits;
};

__device__ inline void init(Barrier& b, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&b)), "r"(arrivals) : "memory");
}
// After init, so that the copy engine sees the barriers.
__device__ inline void fence_barriers() {
    asm volatile("fence.mbarrier_init.release.cluster; fence.proxy.async.shared::cta;" ::: "memory");
}
__device__ inline void arrive(Barrier& b) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&b)) : "memory");
}
__device__ inline void arrive_expecting(Barrier& b, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&b)), "r"(bytes)
                 : "memory");
}
// Until the phase of this parity has ended.
__device__ inline void wait(Barrier& b, unsigned parity) {
    asm volatile(
        "{\n.reg .pred done;\nAGAIN:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@done bra END;\nbra AGAIN;\nEND:\n}" ::"r"(shared_address(&b)), "r"(parity)
        : "memory");
}

// One box, from (column, row, plane) on, to `to`, which is aligned to 1024 bytes.
__device__ inline void load_box(bf16* to, const TensorMap& map, Barrier& b, int column, int row, int plane = 0) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];"
        ::"r"(shared_address(to)), "l"(&map), "r"(shared_address(&b)), "r"(column), "r"(row), "r"(plane)
        : "memory");
}

template <int Registers>
__device__ inline void give_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}
template <int Registers>
__device__ inline void take_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}

// ---- wgmma -------------------------------------------------------------------------------------
// An operand in shared memory. `group` is the distance of two groups of eight rows of 128 bytes,
// `block` that of two blocks of 64 columns, in bytes; the latter serves operands whose rows run along
// k (B as [k][n]).
__device__ inline uint64_t operand(const bf16* tile, unsigned group, unsigned block = 16) {
    uint64_t swizzle_128 = uint64_t{1} << 62;
    return swizzle_128 | uint64_t(group >> 4) << 32 | uint64_t(block >> 4) << 16 | (shared_address(tile) & 0x3ffff) >> 4;
}

__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Pending>
__device__ inline void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}
// The compiler may not move what it knows of `v` across: wgmma writes it behind its back.
template <int N>
__device__ inline void hold(float (&v)[N]) {
#pragma unroll
    for (int i = 0; i < N; ++i) asm volatile("" : "+f"(v[i])::"memory");
}

// The registers of an accumulator as the instruction names them, and as the compiler hands them over.
#define GPUFIX_64_REGISTERS \
    "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
    "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, " \
    "%42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, " \
    "%62, %63}"
#define GPUFIX_128_REGISTERS \
    "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
    "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, " \
    "%42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, " \
    "%62, %63, %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, " \
    "%82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, " \
    "%101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, " \
    "%117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}"
#define GPUFIX_HELD_8(d, i) \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
    "+f"(d[i + 7])
#define GPUFIX_HELD_64(d, i) \
    GPUFIX_HELD_8(d, i), GPUFIX_HELD_8(d, i + 8), GPUFIX_HELD_8(d, i + 16), GPUFIX_HELD_8(d, i + 24), \
    GPUFIX_HELD_8(d, i + 32), GPUFIX_HELD_8(d, i + 40), GPUFIX_HELD_8(d, i + 48), GPUFIX_HELD_8(d, i + 56)

// D (64 x 256) = A B, or D += A B when `add`; A is [m][k], B is [k][n]; 16 of k. Each wave has 16 rows;
// a lane's element 4 j + i of row lane / 4 + i / 2 * 8 is in column 8 j + lane % 4 * 2 + i % 2.
__device__ inline void wgmma_256(float (&d)[128], uint64_t a, uint64_t b, int add) {
    asm volatile(
        "{\n.reg .pred add;\nsetp.ne.b32 add, %130, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 " GPUFIX_128_REGISTERS
        ", %128, %129, add, 1, 1, 0, 1;\n}"
        : GPUFIX_HELD_64(d, 0), GPUFIX_HELD_64(d, 64)
        : "l"(a), "l"(b), "r"(add));
}
// D (64 x 128), the same, with B as [n][k].
__device__ inline void wgmma_128_transposed(float (&d)[64], uint64_t a, uint64_t b, int add) {
    asm volatile(
        "{\n.reg .pred add;\nsetp.ne.b32 add, %66, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 " GPUFIX_64_REGISTERS
        ", %64, %65, add, 1, 1, 0, 0;\n}"
        : GPUFIX_HELD_64(d, 0)
        : "l"(a), "l"(b), "r"(add));
}
// D (64 x 128), with A in registers: packed pairs of a former D's columns 0 to 15, as they lie there.
__device__ inline void wgmma_128(float (&d)[64], const uint32_t* a, uint64_t b, int add) {
    asm volatile(
        "{\n.reg .pred add;\nsetp.ne.b32 add, %69, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 " GPUFIX_64_REGISTERS
        ", {%64, %65, %66, %67}, %68, add, 1, 1, 1;\n}"
        : GPUFIX_HELD_64(d, 0)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));
}

#endif

// Whether the image that runs can use wgmma: asked of the device, as has_matrix_units is.
[[maybe_unused]] static __global__ void has_wgmma_kernel(int* out) {
#if defined(GPUFIX_WGMMA)
    *out = 1;
#else
    *out = 0;
#endif
}

inline bool has_wgmma() {
#if defined(GPUFIX_TENSOR_MAPS)
    DeviceArray<int> out(1);
    has_wgmma_kernel<<<1, 1>>>(out.data());
    GPU_CHECK_LAUNCH();
    return out.download()[0] != 0;
#else
    return false;
#endif
}

}  // namespace gpu

// One 16x16x16 step on the matrix units, bf16 in and float32 out: C += A B.
//   CUDA sm_80 and newer   mma.sync.m16n8k16, twice
//   CDNA2 and later (gfx90a, gfx94x, gfx950)   v_mfma_f32_16x16x16_bf16
//   RDNA3 and 4 (gfx11xx, gfx12xx)   v_wmma_f32_16x16x16_bf16, wave32
// Elsewhere GPUFIX_MATRIX_UNITS is not defined, and neither is anything that a kernel would need.
//
// A lane's share of a tile is a Fragment; Accumulator element i sits at (acc_row(i), acc_col(i)).
// Layouts: PTX ISA, "Matrix fragments for mma.m16n8k16"; AMD matrix instruction calculator.
#pragma once

#include "bf16.h"
#include "memory.h"

#if defined(GPUFIX_CUDA) && __CUDA_ARCH__ >= 800
#define GPUFIX_MMA_PTX 1
#elif defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx941__) || \
    defined(__gfx942__) || defined(__gfx950__)
#define GPUFIX_MMA_CDNA 1
#elif defined(__GFX11__)
#define GPUFIX_MMA_RDNA 3
#elif defined(__GFX12__)
#define GPUFIX_MMA_RDNA 4
#endif
#if defined(GPUFIX_MMA_PTX) || defined(GPUFIX_MMA_CDNA) || defined(GPUFIX_MMA_RDNA)
#define GPUFIX_MATRIX_UNITS 1
#endif

namespace gpu {

constexpr int kToAScratch = 16 * 64;  // what to_a's exchange takes, in elements per wave

// Where element (row, col) of a tile lies in shared memory. Rows are of `ld` elements, a multiple of
// 64; the 16-byte chunks of each 128 bytes are permuted by the row's low bits, so that the chunks
// which are read or written together lie in different banks.
__device__ inline int swizzled(int row, int col, int ld) {
    return row * ld + (((col >> 3) ^ (row & 7)) << 3) + (col & 7);
}

#if defined(GPUFIX_MMA_PTX)

constexpr int kAccElements = 8;   // of C in each lane
constexpr int kAccRows = 2;       // distinct rows among them
constexpr int kRowLanes = 4;      // neighbouring lanes that share a row
struct Fragment { uint32_t word[4]; };
struct Accumulator { float v[8]; };

__device__ inline int acc_row_slot(int i) { return i % 4 / 2; }
__device__ inline int acc_row(int i) { return lane_id() / 4 + acc_row_slot(i) * 8; }
__device__ inline int acc_col(int i) { return i / 4 * 8 + lane_id() % 4 * 2 + i % 2; }

// Byte address of this lane's chunk: its row and chunk within the 16 x 16 part at (row, col). The
// lane's own terms are apart from the part's, which are mostly compile-time constants.
__device__ inline unsigned shared_address(const bf16* tile, int ld, int row, int col, int lane_row,
                                          int lane_chunk) {
    unsigned lane = unsigned(lane_row * ld * 2) + unsigned(((lane_chunk ^ lane_row) & 7) * 16);
    unsigned part = unsigned((row * ld + (col & ~63)) * 2);
    return unsigned(__cvta_generic_to_shared(tile)) + part + (lane ^ unsigned((col & 63) * 2));
}

// The 16 x 16 part at (row, col), multiples of 16, of a swizzled tile.
__device__ inline Fragment load_a(const bf16* tile, int ld, int row, int col) {
    int l = lane_id();
    Fragment f;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(f.word[0]), "=r"(f.word[1]), "=r"(f.word[2]), "=r"(f.word[3])
                 : "r"(shared_address(tile, ld, row, col, l % 16, l / 16))
                 : "memory");
    return f;
}
// B as [k][n].
__device__ inline Fragment load_b(const bf16* tile, int ld, int k, int n) {
    int l = lane_id();
    Fragment f;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(f.word[0]), "=r"(f.word[1]), "=r"(f.word[2]), "=r"(f.word[3])
                 : "r"(shared_address(tile, ld, k, n, l % 16, l / 16))
                 : "memory");
    return f;
}
// B as [n][k].
__device__ inline Fragment load_b_transposed(const bf16* tile, int ld, int n, int k) {
    int l = lane_id();
    Fragment f;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(f.word[0]), "=r"(f.word[1]), "=r"(f.word[2]), "=r"(f.word[3])
                 : "r"(shared_address(tile, ld, n, k, l % 8 + l / 16 * 8, l / 8 % 2))
                 : "memory");
    return f;
}

__device__ inline void multiply_add(Accumulator& c, const Fragment& a, const Fragment& b) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float* v = c.v + 4 * half;
        asm(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
            "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(v[0]), "+f"(v[1]), "+f"(v[2]), "+f"(v[3])
            : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]),
              "r"(b.word[2 * half]), "r"(b.word[2 * half + 1]));
    }
}

// C, rounded to bf16, as the A of a further product. `scratch`, a swizzled tile of kToAScratch
// elements that belongs to the wave, serves where lanes must exchange.
__device__ inline Fragment to_a(const Accumulator& c, bf16*) {
    return {{pack_bf16(c.v[0], c.v[1]), pack_bf16(c.v[2], c.v[3]), pack_bf16(c.v[4], c.v[5]),
             pack_bf16(c.v[6], c.v[7])}};
}

#elif defined(GPUFIX_MMA_CDNA) || defined(GPUFIX_MMA_RDNA)

constexpr int kRowLanes = 16;

#if defined(GPUFIX_MMA_CDNA)
// Lane l holds row (A) or column (B) l % 16 and k = 4 * (l / 16) to + 3.
constexpr int kAccElements = 4, kAccRows = 4, kHeldK = 4;
__device__ inline int first_k() { return lane_id() / 16 * 4; }
__device__ inline int acc_row(int i) { return lane_id() / 16 * 4 + i; }
#elif GPUFIX_MMA_RDNA == 4
// Lane l holds row or column l % 16 and k = 8 * (l / 16) to + 7.
constexpr int kAccElements = 8, kAccRows = 8, kHeldK = 8;
__device__ inline int first_k() { return lane_id() / 16 * 8; }
__device__ inline int acc_row(int i) { return lane_id() / 16 * 8 + i; }
#else
// Lane l holds row or column l % 16 and all 16 k; the upper half-wave repeats the lower.
constexpr int kAccElements = 8, kAccRows = 8, kHeldK = 16;
__device__ inline int first_k() { return 0; }
__device__ inline int acc_row(int i) { return 2 * i + lane_id() / 16; }
#endif

typedef short short_vector __attribute__((ext_vector_type(kHeldK)));
typedef float float_vector __attribute__((ext_vector_type(kAccElements)));
struct Fragment { short_vector k; };
struct Accumulator { float_vector v; };

__device__ inline int acc_row_slot(int i) { return i; }
__device__ inline int acc_col(int) { return lane_id() % 16; }

__device__ inline Fragment load_a(const bf16* tile, int ld, int row, int col) {
    row += lane_id() % 16;
    Fragment f;
#pragma unroll
    for (int k = 0; k < kHeldK; ++k)  // whole chunks, so that they become wide loads
        f.k[k] = short(tile[swizzled(row, col + first_k() + k / 8 * 8, ld) + k % 8].bits);
    return f;
}
__device__ inline Fragment load_b(const bf16* tile, int ld, int k, int n) {
    n += lane_id() % 16;
    Fragment f;
#pragma unroll
    for (int i = 0; i < kHeldK; ++i) f.k[i] = short(tile[swizzled(k + first_k() + i, n, ld)].bits);
    return f;
}
__device__ inline Fragment load_b_transposed(const bf16* tile, int ld, int n, int k) {
    return load_a(tile, ld, n, k);
}

__device__ inline void multiply_add(Accumulator& c, const Fragment& a, const Fragment& b) {
#if defined(GPUFIX_MMA_CDNA)
    c.v = __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(a.k, b.k, c.v, 0, 0, 0);
#elif GPUFIX_MMA_RDNA == 4
    c.v = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32_gfx12(a.k, b.k, c.v);
#else
    c.v = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(a.k, b.k, c.v);
#endif
}

__device__ inline Fragment to_a(const Accumulator& c, bf16* scratch) {
    sync_wave();  // the previous tile has been read
#pragma unroll
    for (int i = 0; i < kAccElements; ++i)
        scratch[swizzled(acc_row(i), acc_col(i), 64)] = to_bf16(c.v[i]);
    sync_wave();
    return load_a(scratch, 64, 0, 0);
}

#endif

#if defined(GPUFIX_MATRIX_UNITS)
// The first `rows` rows of C, rounded to bf16, to row-major device memory.
__device__ inline void store(const Accumulator& c, bf16* out, size_t ld, int rows = 16) {
#if defined(GPUFIX_MMA_PTX)
#pragma unroll
    for (int i = 0; i < kAccElements; i += 2)
        if (acc_row(i) < rows)
            *reinterpret_cast<uint32_t*>(out + acc_row(i) * ld + acc_col(i)) = pack_bf16(c.v[i], c.v[i + 1]);
#else
#pragma unroll
    for (int i = 0; i < kAccElements; ++i)
        if (acc_row(i) < rows) out[acc_row(i) * ld + acc_col(i)] = to_bf16(c.v[i]);
#endif
}
#endif

// Whether the image that runs was compiled with matrix units: asked of the device, since one
// program can hold images for several.
[[maybe_unused]] static __global__ void has_matrix_units_kernel(int* out) {
#if defined(GPUFIX_MATRIX_UNITS)
    *out = 1;
#else
    *out = 0;
#endif
}

inline bool has_matrix_units() {
    DeviceArray<int> out(1);
    has_matrix_units_kernel<<<1, 1>>>(out.data());
    GPU_CHECK_LAUNCH();
    return out.download()[0] != 0;
}

}  // namespace gpu

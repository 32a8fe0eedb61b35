// What the driver (machine.py) and the loop over waves (waves.cpp) hand each other.
#pragma once

#include <cstdint>

extern "C" {

// What is done for an instruction; all but the first three where the emulator's own function is wrong.
enum StepKind : uint8_t {
    kMissing,   // not asked for yet
    kPlain,     // the emulator's function
    kBarrier,   // the same, and the wave waits
    kAperture,  // s_mov_b64 of the base of generic addresses of shared memory
    kPull,      // ds_bpermute_b32
    kPush,      // ds_permute_b32
    kSkip,      // nothing: cache maintenance
    kLow,       // a 16-bit load from shared memory into the lower half
    kHigh,      // into the upper half
    kMatrix,    // v_wmma of a constant C
    kInPlace,   // a DPP instruction whose result is its source
    kPermute,   // v_permlane16_b32, v_permlanex16_b32
};

// One decoded instruction: a function that reads and writes the buffers in `arguments`.
struct Step {
    void (*run)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
    uint8_t arguments[6];
    uint8_t kind, bytes;
    uint8_t address, data, result;  // registers; kMatrix: data is a constant's place
    uint8_t pad;
    uint16_t offset;
};

struct KernelCode {
    uint64_t code, code_bytes, entry;  // where the code lies, and where the kernel begins
    Step* steps;                       // one for each 4 bytes of code
    uint32_t wave_size, lds_bytes, scratch_bytes, flush_denormals;
    uint32_t user_count, user[32];     // scalar registers set before the block's index
    uint32_t group_ids[3];             // whether the block's x, y and z stand in registers behind those
    uint32_t trap_ids;                 // whether they stand in ttmp9 and ttmp7 (gfx12)
};

struct Grid {
    uint32_t blocks[3], threads[3];
    uint64_t seed;     // of what lies in registers and shared memory at the start
    uint32_t reverse;  // waves of a block take turns from the last to the first
    uint32_t quantum;  // instructions until another wave has its turn
    uint64_t executed; // result: instructions, each of a whole wave
};

// 0, or 1 after `missing` has failed (it has said why).
using Missing = int (*)(uint64_t address, Step* step);
int run_grid(const KernelCode* kernel, Grid* grid, Missing missing);

constexpr uint64_t kSharedAperture = 0x1234ull << 32;  // generic addresses of shared memory
}

// The loop over blocks, waves and instructions, and what a wave finds when it starts.
//
// The emulator gives a function for each instruction; its buffers (test/mockgpu/amd/emu.py, "Each
// instruction is compiled to a kernel that operates on buffers"): 0 scalar registers with constants
// behind them, 1 vector registers [register][lane], 2 memory from address 0, 3 shared memory,
// 4 scratch, 5 accumulation registers.
#include "waves.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {

constexpr int kScalars = 260, kVectors = 256, kTrap = 108, kExec = 126, kScc = 253, kPc = 256, kScratchStride = 259;
constexpr uint64_t kEnd = ~0ull;
// The whole range of a 32-bit address of shared memory: lanes that are off hold any, and the emulator's
// atomics read there all the same (probes.toml: lds-off-lanes).
constexpr uint64_t kSharedSpan = (1ull << 32) + (1 << 16);

uint64_t random_state;
uint32_t random_word() {  // xorshift64*
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return uint32_t((random_state * 0x2545F4914F6CDD1Dull) >> 32);
}

struct Wave {
    std::vector<uint32_t> scalars, vectors, accumulators;
    std::vector<uint8_t> scratch;
    bool done = false, waits = false;
    uint64_t pc() const { return scalars[kPc] | uint64_t(scalars[kPc + 1]) << 32; }
};

void start(Wave& w, const KernelCode& k, const Grid& g, const uint32_t (&block)[3], uint32_t first) {
    uint32_t threads = g.threads[0] * g.threads[1] * g.threads[2];
    w.scalars.resize(kScalars);
    w.vectors.resize(size_t(kVectors) * k.wave_size);
    w.scratch.resize(size_t(k.scratch_bytes) * k.wave_size + 16);
    w.accumulators.resize(k.wave_size == 64 ? w.vectors.size() : 0);
    for (auto& r : w.scalars) r = random_word();
    for (auto& r : w.vectors) r = random_word();
    for (auto& r : w.accumulators) r = random_word();
    for (auto& b : w.scratch) b = uint8_t(random_word());
    auto& s = w.scalars;
    for (uint32_t i = 128; i < 256; ++i) s[i] = 0;
    for (uint32_t i = 0; i <= 64; ++i) s[128 + i] = i;
    for (uint32_t i = 1; i <= 16; ++i) s[192 + i] = 0u - i;
    const float constants[] = {0.5f, -0.5f, 1, -1, 2, -2, 4, -4, 0.15915494f};
    std::memcpy(&s[240], constants, sizeof constants);
    s[k.wave_size == 64 ? 125 : 124] = 0;  // RDNA's null register; CDNA has none and M0 at 124
    uint32_t at = 0;
    for (; at < k.user_count; ++at) s[at] = k.user[at];
    for (int d = 0; d < 3; ++d)
        if (k.group_ids[d]) s[at++] = block[d];
    if (k.trap_ids) s[kTrap + 9] = block[0], s[kTrap + 7] = (block[1] & 0xffff) | block[2] << 16;
    uint32_t lanes = threads - first < k.wave_size ? threads - first : k.wave_size;
    uint64_t exec = lanes == 64 ? ~0ull : (1ull << lanes) - 1;
    s[kExec] = uint32_t(exec);
    s[kExec + 1] = uint32_t(exec >> 32);
    s[kScc] = 0;
    s[kPc] = uint32_t(k.entry);
    s[kPc + 1] = uint32_t(k.entry >> 32);
    s[kScratchStride] = k.scratch_bytes;
    for (uint32_t lane = 0; lane < lanes; ++lane) {
        uint32_t t = first + lane, x = t % g.threads[0], rest = t / g.threads[0];
        w.vectors[lane] = x | rest % g.threads[1] << 10 | rest / g.threads[1] << 20;
    }
    w.done = w.waits = false;
}

uint32_t* shared_memory() {
    static uint32_t* at = [] {
        void* p = mmap(reinterpret_cast<void*>(kSharedAperture), kSharedSpan, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (p == MAP_FAILED) std::perror("shared memory"), _exit(70);
        return static_cast<uint32_t*>(p);
    }();
    return at;
}

volatile uint64_t fault_pc, fault_base;
void on_fault(int, siginfo_t* info, void*) {
    char text[160];
    int n = std::snprintf(text, sizeof text, "memory fault: address %#zx, instruction at %#zx of the code\n",
                          size_t(info->si_addr), size_t(fault_pc - fault_base));
    (void)!write(2, text, size_t(n));
    _exit(71);
}
void catch_faults() {
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_RESETHAND;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
}

void jump(Wave& w, uint64_t to) {
    w.scalars[kPc] = uint32_t(to);
    w.scalars[kPc + 1] = uint32_t(to >> 32);
}

void skip(Wave& w, uint32_t bytes) { jump(w, w.pc() + bytes); }

// ds_bpermute_b32 and ds_permute_b32. The emulator's take an address modulo nothing and write lanes
// that are off (probes.toml: bpermute-high-bits, bpermute-off-lanes).
void permute(Wave& w, uint32_t size, const Step& step, uint64_t exec) {
    const uint32_t* address = &w.vectors[size_t(step.address) * size];
    const uint32_t* data = &w.vectors[size_t(step.data) * size];
    uint32_t out[64] = {};
    for (uint32_t lane = 0; lane < size; ++lane) {
        uint32_t other = (address[lane] + step.offset) / 4 % size;
        if (step.kind == kPull && exec >> other & 1) out[lane] = data[other];
        if (step.kind == kPush && exec >> lane & 1) out[other] = data[lane];
    }
    for (uint32_t lane = 0; lane < size; ++lane)
        if (exec >> lane & 1) w.vectors[size_t(step.result) * size + lane] = out[lane];
    skip(w, step.bytes);
}

// A 16-bit load from shared memory into half a register: the emulator's clears the other half, and
// puts a high one low (probes.toml: ds-d16-keeps, ds-d16-high).
template <class Run>
void load_half(Wave& w, uint32_t size, const Step& step, uint64_t exec, Run run) {
    uint32_t* result = &w.vectors[size_t(step.result) * size];
    uint32_t before[64];
    std::memcpy(before, result, size * sizeof *result);
    run();
    for (uint32_t lane = 0; lane < size; ++lane)
        if (exec >> lane & 1)
            result[lane] = step.kind == kHigh ? result[lane] << 16 | (before[lane] & 0xffff)
                                              : (result[lane] & 0xffff) | (before[lane] & 0xffff0000);
}

// A matrix product whose C is a constant: the emulator reads the vector registers from the constant's
// number on (probes.toml: wmma-constant).
template <class Run>
void matrix_of_constant(Wave& w, uint32_t size, const Step& step, Run run) {
    constexpr uint32_t kRegisters = 8;
    uint32_t* c = &w.vectors[size_t(step.data) * size];
    std::vector<uint32_t> before(c, c + kRegisters * size);
    std::fill(c, c + kRegisters * size, w.scalars[step.data]);
    run();
    for (uint32_t r = 0; r < kRegisters; ++r)
        if (step.data + r - step.result >= kRegisters)  // not one of the result's
            std::copy_n(&before[r * size], size, c + r * size);
}

// A DPP instruction that writes the register it reads other lanes of: the emulator's lanes, one after
// the other, read what the ones before them wrote (probes.toml: dpp-in-place). Here each lane is alone
// and finds the register as it was.
template <class Run>
void in_place(Wave& w, uint32_t size, const Step& step, uint64_t exec, Run run) {
    uint32_t* result = &w.vectors[size_t(step.result) * size];
    uint32_t before[64], after[64];
    std::memcpy(before, result, sizeof *result * size);
    std::memcpy(after, result, sizeof *result * size);
    uint32_t mask[2] = {w.scalars[kExec], w.scalars[kExec + 1]};
    uint64_t pc = w.pc();
    for (uint32_t lane = 0; lane < size; ++lane) {
        if (!(exec >> lane & 1)) continue;
        std::memcpy(result, before, sizeof *result * size);
        w.scalars[kExec] = uint32_t(1ull << lane);
        if (size == 64) w.scalars[kExec + 1] = uint32_t((1ull << lane) >> 32);
        jump(w, pc);
        run();
        after[lane] = result[lane];
    }
    std::memcpy(result, after, sizeof *result * size);
    w.scalars[kExec] = mask[0];
    w.scalars[kExec + 1] = mask[1];
    jump(w, pc + step.bytes);
}

// The emulator's lane permutations write lanes that are off (probes.toml: permlane-off-lanes).
template <class Run>
void keep_off_lanes(Wave& w, uint32_t size, const Step& step, uint64_t exec, Run run) {
    uint32_t* result = &w.vectors[size_t(step.result) * size];
    uint32_t before[64];
    std::memcpy(before, result, sizeof *result * size);
    run();
    for (uint32_t lane = 0; lane < size; ++lane)
        if (!(exec >> lane & 1)) result[lane] = before[lane];
}

void execute(Wave& w, const KernelCode& k, const Step& step, const uint64_t (&buffers)[6]) {
    const uint8_t* a = step.arguments;
    auto run = [&] {
        step.run(buffers[a[0]], buffers[a[1]], buffers[a[2]], buffers[a[3]], buffers[a[4]], buffers[a[5]]);
    };
    uint64_t exec = w.scalars[kExec] | uint64_t(w.scalars[kExec + 1]) << 32;
    if (k.wave_size == 32) exec &= 0xffffffff;
    switch (step.kind) {
        case kAperture:
            w.scalars[step.result] = 0;
            w.scalars[step.result + 1] = uint32_t(kSharedAperture >> 32);
            return skip(w, step.bytes);
        case kSkip: return skip(w, step.bytes);
        case kPull:
        case kPush: return permute(w, k.wave_size, step, exec);
        case kLow:
        case kHigh: return load_half(w, k.wave_size, step, exec, run);
        case kMatrix: return matrix_of_constant(w, k.wave_size, step, run);
        case kInPlace: return in_place(w, k.wave_size, step, exec, run);
        case kPermute: return keep_off_lanes(w, k.wave_size, step, exec, run);
        default: run();
    }
}

int turn(Wave& w, const KernelCode& k, Grid& g, uint32_t* lds, Missing missing) {
    uint64_t buffers[6] = {uint64_t(w.scalars.data()), uint64_t(w.vectors.data()), 0, uint64_t(lds),
                           uint64_t(w.scratch.data()),
                           uint64_t(k.wave_size == 64 ? w.accumulators.data() : w.vectors.data())};
    for (uint32_t left = g.quantum; left; --left) {
        uint64_t pc = w.pc();
        if (pc == kEnd) return w.done = true, 0;
        if (pc < k.code || pc >= k.code + k.code_bytes || pc & 3) {
            std::fprintf(stderr, "the wave left the code: %#zx\n", size_t(pc - k.code));
            return 1;
        }
        Step& step = k.steps[(pc - k.code) >> 2];
        fault_pc = pc;
        if (step.kind == kMissing && missing(pc, &step)) return 1;
        ++g.executed;
        execute(w, k, step, buffers);
        if (step.kind == kBarrier) return w.waits = true, 0;
    }
    return 0;
}

int run_block(const KernelCode& k, Grid& g, const uint32_t (&block)[3], std::vector<Wave>& waves,
              Missing missing) {
    uint32_t threads = g.threads[0] * g.threads[1] * g.threads[2];
    size_t count = (threads + k.wave_size - 1) / k.wave_size;
    if (waves.size() < count) waves.resize(count);
    uint32_t* lds = shared_memory();
    for (uint32_t i = 0; i < (k.lds_bytes + 3) / 4; ++i) lds[i] = random_word();
    for (size_t i = 0; i < count; ++i) start(waves[i], k, g, block, uint32_t(i) * k.wave_size);
    for (;;) {
        size_t done = 0, waiting = 0;
        for (size_t i = 0; i < count; ++i) {
            Wave& w = waves[g.reverse ? count - 1 - i : i];
            if (!w.done && !w.waits && turn(w, k, g, lds, missing)) return 1;
            done += w.done;
            waiting += !w.done && w.waits;
        }
        if (done == count) return 0;
        if (done + waiting == count)
            for (size_t i = 0; i < count; ++i) waves[i].waits = false;
    }
}

// How this thread treats denormals while a kernel runs.
class Denormals {
   public:
#if defined(__x86_64__)
    explicit Denormals(bool flush) : before_(_mm_getcsr()) {
        constexpr unsigned kZeros = 0x8040;  // results and sources
        _mm_setcsr(flush ? before_ | kZeros : before_ & ~kZeros);
    }
    ~Denormals() { _mm_setcsr(before_); }

   private:
    unsigned before_;
#else
    explicit Denormals(bool flush) {
        if (flush) std::fprintf(stderr, "denormals are flushed on x86-64 only\n"), _exit(70);
    }
#endif
};

}  // namespace

int run_grid(const KernelCode* kernel, Grid* grid, Missing missing) {
    static std::vector<Wave> waves;
    static bool caught = (catch_faults(), true);
    (void)caught;
    fault_base = kernel->code;
    random_state = grid->seed | 1;
    Denormals denormals(kernel->flush_denormals);
    int status = 0;
    uint32_t block[3];
    for (block[2] = 0; block[2] < grid->blocks[2] && !status; ++block[2])
        for (block[1] = 0; block[1] < grid->blocks[1] && !status; ++block[1])
            for (block[0] = 0; block[0] < grid->blocks[0] && !status; ++block[0])
                status = run_block(*kernel, *grid, block, waves, missing);
    return status;
}

#include "lanes.cuh"

// Every lane takes part in the ballot and the shuffle; those beyond n only keep nothing.
__global__ void compact(const float *x, float *out, int *used, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  bool keep = i < n && x[i] > 0.0f;
  lanes_t kept = lanes_where(keep);
  int base = 0;
  if (kept && lane_id() == first_lane(kept)) {
#ifdef USE_ROCM
    base = atomicAdd(used, __popcll(kept));
#else
    base = atomicAdd(used, __popc(kept));
#endif
  }
  base = from_lane(base, kept ? first_lane(kept) : 0);
  if (keep) out[base + lanes_below(kept)] = x[i];
}

// Device-wide radix sort and prefix sum: CUB on CUDA, rocPRIM on HIP.
// Each call follows their protocol: with temp == nullptr it only sets temp_bytes. n < 2^31.
#pragma once

#include "check.h"

#if defined(GPUFIX_HIP)
#include <rocprim/device/device_radix_sort.hpp>
#include <rocprim/device/device_scan.hpp>
#else
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
#endif

namespace gpu {

inline int count32(size_t n) {
    if (n > 0x7fffffff) GPU_CHECK(GPUFIX_RT(ErrorInvalidValue));
    return static_cast<int>(n);
}

// Stable, ascending, by the key bits [begin_bit, end_bit). In and out must not overlap.
template <class Key, class Value>
void sort_pairs(void* temp, size_t& temp_bytes, const Key* keys_in, Key* keys_out,
                const Value* values_in, Value* values_out, size_t n, int begin_bit, int end_bit,
                gpuStream_t stream = nullptr) {
#if defined(GPUFIX_HIP)
    GPU_CHECK(rocprim::radix_sort_pairs(temp, temp_bytes, keys_in, keys_out, values_in, values_out,
                                        size_t(count32(n)), unsigned(begin_bit), unsigned(end_bit), stream));
#else
    // A 32-bit count selects CUB's 32-bit offsets, the faster ones; a second, 64-bit instantiation
    // would double the compile time for arrays of over 2^31 elements.
    GPU_CHECK(cub::DeviceRadixSort::SortPairs(temp, temp_bytes, keys_in, keys_out, values_in,
                                              values_out, count32(n), begin_bit, end_bit, stream));
#endif
}

// out[i] = in[0] + ... + in[i]; in and out may be the same array.
template <class In, class Out>
void inclusive_sum(void* temp, size_t& temp_bytes, const In* in, Out* out, size_t n,
                   gpuStream_t stream = nullptr) {
#if defined(GPUFIX_HIP)
    GPU_CHECK(rocprim::inclusive_scan(temp, temp_bytes, in, out, n, rocprim::plus<Out>(), stream));
#else
    GPU_CHECK(cub::DeviceScan::InclusiveSum(temp, temp_bytes, in, out, count32(n), stream));
#endif
}

}  // namespace gpu

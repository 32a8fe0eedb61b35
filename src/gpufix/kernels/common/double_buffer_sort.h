// Radix sort between two buffers and prefix sum for the launchers that other programs embed: they
// need no temporary copy of the data, and return a status where device_sort.h would end the program.
// Each call follows CUB's and rocPRIM's protocol: with temp == nullptr it only sets temp_bytes.
#pragma once

#include <cstdint>

#include "gpufix_gpu.h"

#if defined(GPUFIX_HIP)
#include <rocprim/device/device_radix_sort.hpp>
#include <rocprim/device/device_scan.hpp>
namespace gpu {
template <class T>
using SortBuffer = rocprim::double_buffer<T>;
}  // namespace gpu
#else
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
namespace gpu {
template <class T>
using SortBuffer = cub::DoubleBuffer<T>;
}  // namespace gpu
#endif

namespace gpu {

template <class T>
struct Pair2 {
    T *now, *other;  // `now` holds the data, before the sort and after it
};

// Stable, ascending, by the key bits [begin_bit, end_bit). n < 2^31.
template <class Key, class Value>
gpuError_t sort_double_buffer(void* temp, size_t& temp_bytes, Pair2<Key>& keys, Pair2<Value>& values,
                              int n, int begin_bit, int end_bit, gpuStream_t stream) {
    SortBuffer<Key> k(keys.now, keys.other);
    SortBuffer<Value> v(values.now, values.other);
#if defined(GPUFIX_HIP)
    gpuError_t status = rocprim::radix_sort_pairs(temp, temp_bytes, k, v, unsigned(n),
                                                  unsigned(begin_bit), unsigned(end_bit), stream);
    keys = {k.current(), k.alternate()};
    values = {v.current(), v.alternate()};
#else
    gpuError_t status =
        cub::DeviceRadixSort::SortPairs(temp, temp_bytes, k, v, n, begin_bit, end_bit, stream);
    keys = {k.Current(), k.Alternate()};
    values = {v.Current(), v.Alternate()};
#endif
    return status;
}

// out[i] = in[0] + ... + in[i]; in and out may be the same array.
template <class In, class Out>
gpuError_t prefix_sum(void* temp, size_t& temp_bytes, const In* in, Out* out, int n, gpuStream_t stream) {
#if defined(GPUFIX_HIP)
    return rocprim::inclusive_scan(temp, temp_bytes, in, out, size_t(n), rocprim::plus<Out>(), stream);
#else
    return cub::DeviceScan::InclusiveSum(temp, temp_bytes, in, out, n, stream);
#endif
}

}  // namespace gpu

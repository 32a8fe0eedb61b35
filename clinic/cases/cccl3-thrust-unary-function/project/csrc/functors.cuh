#pragma once
#include <thrust/functional.h>

namespace norms {

template <typename T>
struct squared : public thrust::unary_function<T, T> {
  __host__ __device__ T operator()(const T &x) const { return x * x; }
};

}  // namespace norms

// swish(x) = x * sigmoid(x), and its derivative: shared by the CPU and the GPU half of the op.
#pragma once

#include <cmath>

#if defined(__CUDACC__) || defined(__HIPCC__)
#define SWISH_HOST_DEVICE __host__ __device__
#else
#define SWISH_HOST_DEVICE
#endif

template <class T>
SWISH_HOST_DEVICE inline T swish(T x) {
    return x / (T(1) + exp(-x));
}

template <class T>
SWISH_HOST_DEVICE inline T swish_derivative(T x) {
    T s = T(1) / (T(1) + exp(-x));
    return s * (T(1) + x * (T(1) - s));
}

// The op's GPU half; torch turns it into HIP where it is built for ROCm.
#include <ATen/cuda/CUDAContext.h>
#include <torch/types.h>

#include "swish.h"

template <class T>
__global__ void forward_kernel(const T* x, T* out, int64_t n) {
    int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i < n) out[i] = swish(x[i]);
}

template <class T>
__global__ void backward_kernel(const T* grad, const T* x, T* out, int64_t n) {
    int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i < n) out[i] = grad[i] * swish_derivative(x[i]);
}

static void check_launch() {
    auto status = cudaGetLastError();
    TORCH_CHECK(status == cudaSuccess, "launch: ", cudaGetErrorString(status));
}

torch::Tensor swish_forward_gpu(const torch::Tensor& x) {
    auto out = torch::empty_like(x);
    int64_t n = x.numel();
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "swish_forward", [&] {
        forward_kernel<scalar_t><<<unsigned((n + 255) / 256), 256, 0, at::cuda::getCurrentCUDAStream()>>>(
            x.data_ptr<scalar_t>(), out.data_ptr<scalar_t>(), n);
    });
    check_launch();
    return out;
}

torch::Tensor swish_backward_gpu(const torch::Tensor& grad, const torch::Tensor& x) {
    auto out = torch::empty_like(x);
    int64_t n = x.numel();
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "swish_backward", [&] {
        backward_kernel<scalar_t><<<unsigned((n + 255) / 256), 256, 0, at::cuda::getCurrentCUDAStream()>>>(
            grad.data_ptr<scalar_t>(), x.data_ptr<scalar_t>(), out.data_ptr<scalar_t>(), n);
    });
    check_launch();
    return out;
}

// The op's Python module and its CPU half. With GPU_HALF, op_gpu.cu is linked in as well.
#include <torch/extension.h>

#include "swish.h"

#ifdef GPU_HALF
torch::Tensor swish_forward_gpu(const torch::Tensor& x);
torch::Tensor swish_backward_gpu(const torch::Tensor& grad, const torch::Tensor& x);
#endif

static torch::Tensor forward(const torch::Tensor& x_in) {
    auto x = x_in.contiguous();
#ifdef GPU_HALF
    if (x.is_cuda()) return swish_forward_gpu(x);
#endif
    TORCH_CHECK(x.device().is_cpu(), "built without its GPU half");
    auto out = torch::empty_like(x);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "swish_forward", [&] {
        const auto* from = x.data_ptr<scalar_t>();
        auto* to = out.data_ptr<scalar_t>();
        for (int64_t i = 0; i < x.numel(); ++i) to[i] = swish(from[i]);
    });
    return out;
}

static torch::Tensor backward(const torch::Tensor& grad_in, const torch::Tensor& x_in) {
    auto grad = grad_in.contiguous(), x = x_in.contiguous();
#ifdef GPU_HALF
    if (x.is_cuda()) return swish_backward_gpu(grad, x);
#endif
    TORCH_CHECK(x.device().is_cpu(), "built without its GPU half");
    auto out = torch::empty_like(x);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "swish_backward", [&] {
        const auto *g = grad.data_ptr<scalar_t>(), *from = x.data_ptr<scalar_t>();
        auto* to = out.data_ptr<scalar_t>();
        for (int64_t i = 0; i < x.numel(); ++i) to[i] = g[i] * swish_derivative(from[i]);
    });
    return out;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
    module.def("forward", &forward);
    module.def("backward", &backward);
}

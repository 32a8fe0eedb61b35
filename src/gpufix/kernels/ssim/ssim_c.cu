// The launchers of ssim.cuh behind a C interface, for a shared library: device pointers, a stream,
// and a status that is 0 or the runtime's error.
#include "ssim.cuh"

using namespace gpufix_ssim;

static Shape shape(long long planes, int height, int width, int valid_padding) {
    return {planes, height, width, valid_padding ? Padding::valid : Padding::same};
}

extern "C" {

size_t gpufix_ssim_workspace(long long planes, int height, int width) {
    return workspace_bytes(shape(planes, height, width, 0));
}

int gpufix_ssim_forward(const float* x, const float* y, long long planes, int height, int width, int valid_padding,
                        float* map, float* mean, void* workspace, void* stream) {
    return forward(x, y, shape(planes, height, width, valid_padding), map, mean, workspace,
                   static_cast<gpuStream_t>(stream));
}

int gpufix_ssim_mean_and_gradient(const float* x, const float* y, long long planes, int height, int width,
                                  int valid_padding, float* mean, float* gradient, void* workspace, void* stream) {
    return mean_and_gradient(x, y, shape(planes, height, width, valid_padding), mean, gradient, workspace,
                             static_cast<gpuStream_t>(stream));
}

int gpufix_ssim_backward(const float* x, const float* y, long long planes, int height, int width, int valid_padding,
                         const float* map_gradient, float* gradient, void* stream) {
    return backward(x, y, shape(planes, height, width, valid_padding), map_gradient, gradient,
                    static_cast<gpuStream_t>(stream));
}

int gpufix_ssim_scale(float* values, size_t n, const float* factor, void* stream) {
    return scale(values, n, factor, static_cast<gpuStream_t>(stream));
}

}  // extern "C"

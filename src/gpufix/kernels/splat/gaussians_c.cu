// The launchers of gaussians.cuh behind a C interface: device pointers in structs as
// gaussians_project.cuh lays them out, a stream, and a status that is 0 or the runtime's error.
#include "gaussians.cuh"

using namespace gpufix_splat;

extern "C" {

size_t gpufix_gaussians_scene_bytes(int n, const View* view) { return scene_bytes(n, tiling(*view)); }
size_t gpufix_gaussians_list_bytes(unsigned instances) { return list_bytes(instances); }
size_t gpufix_gaussians_sums_bytes(int n, int depth) { return sums_bytes(n, depth != 0); }
const char* gpufix_gaussians_error(int status) { return gpuGetErrorString(gpuError_t(status)); }

int gpufix_gaussians_prepare(const Gaussians* g, const View* view, void* scene_space, int* radii, Frame* frame,
                             unsigned long long* seen, void* stream) {
    return prepare(*g, *view, scene_space, radii, *frame, seen, static_cast<gpuStream_t>(stream));
}

int gpufix_gaussians_render(const Gaussians* g, const View* view, Frame* frame, void* list_space, float* image,
                            float* depth, float* kept, void* stream) {
    return render(*g, *view, *frame, list_space, image, depth, kept, static_cast<gpuStream_t>(stream));
}

int gpufix_gaussians_backward(const Gaussians* g, const View* view, const Frame* frame, const float* kept,
                              const float* image_gradient, const float* depth_gradient, void* space,
                              const GaussiansGradient* out, void* stream) {
    return backward(*g, *view, *frame, kept, image_gradient, depth_gradient, space, *out, static_cast<gpuStream_t>(stream));
}

}  // extern "C"

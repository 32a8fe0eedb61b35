// The launchers of splat.cuh behind a C interface, for a shared library: device pointers in structs
// as splat_types.cuh and splat.cuh lay them out, a stream, and a status that is 0 or the runtime's error.
#include "splat.cuh"

using namespace gpufix_splat;

extern "C" {

size_t gpufix_splat_scene_bytes(int n, const Camera* camera) { return scene_bytes(n, *camera); }
size_t gpufix_splat_list_bytes(unsigned instances) { return list_bytes(instances); }
size_t gpufix_splat_backward_bytes(int n) { return backward_bytes(n); }

int gpufix_splat_prepare(const Scene* scene, const Camera* camera, void* scene_space, int* radii, Frame* frame,
                         unsigned long long* seen, void* stream) {
    return prepare(*scene, *camera, scene_space, radii, *frame, seen, static_cast<gpuStream_t>(stream));
}

int gpufix_splat_render(const Scene* scene, const Camera* camera, Frame* frame, void* list_space, float* image, void* stream) {
    return render(*scene, *camera, *frame, list_space, image, static_cast<gpuStream_t>(stream));
}

int gpufix_splat_backward(const Scene* scene, const Camera* camera, const Frame* frame, const float* image,
                          const float* image_gradient, void* space, const SceneGradient* out, void* stream) {
    return backward(*scene, *camera, *frame, image, image_gradient, space, *out, static_cast<gpuStream_t>(stream));
}

}  // extern "C"

// The launcher of knn.cuh behind a C interface, for a shared library: device pointers, a stream, and
// a status that is 0 or the runtime's error.
#include "knn.cuh"

extern "C" {

size_t gpufix_knn_workspace(long long n) { return gpufix_knn::workspace_bytes(n); }

int gpufix_knn_mean_distance(const float* points, long long n, float* mean, void* workspace, void* stream) {
    return gpufix_knn::mean_distance(points, n, mean, workspace, static_cast<gpuStream_t>(stream));
}

}  // extern "C"

// The launchers of raster.cuh behind a C interface, for a shared library: device pointers, a stream,
// and a status that is 0 or the runtime's error.
#include "raster.cuh"

using namespace gpufix_raster;

extern "C" {

size_t gpufix_raster_setup_bytes(int triangles, int width, int height) { return setup_bytes(triangles, {width, height}); }
size_t gpufix_raster_list_bytes(unsigned pairs) { return list_bytes(pairs); }

int gpufix_raster_prepare(const Mesh* mesh, int width, int height, void* setup_space, unsigned* pairs, void* stream) {
    return prepare(*mesh, {width, height}, setup_space, pairs, static_cast<gpuStream_t>(stream));
}

int gpufix_raster_rasterise(const Mesh* mesh, int width, int height, void* setup_space, void* list_space,
                            unsigned pairs, const Output* out, void* stream) {
    return rasterise(*mesh, {width, height}, setup_space, list_space, pairs, *out, static_cast<gpuStream_t>(stream));
}

}  // extern "C"

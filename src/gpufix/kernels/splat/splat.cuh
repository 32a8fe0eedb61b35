// 3D Gaussian splatting (Kerbl et al. 2023): a tile rasteriser, forward and backward.
//
// 1. project: each Gaussian becomes a 2D one with a color; count the tiles that it reaches.
// 2. sort the Gaussians by depth (n keys), then write their tiles in that order, then sort the list
//    by tile alone: a stable sort of few bits over the long list instead of a full one.
// 3. render: a block a tile, front to back.
// How long the list gets, only the device knows. The caller waits for it, or gives a list room that its
// frames before needed: where that was not enough, tiles find their Gaussians without a list. Slower, but
// the image is the same, and so no frame is ever wrong; `seen` tells the host later what was needed.
// The gradient goes the same way back: pixels to nine sums a Gaussian, those to the parameters.
//
// A Gaussian colors a pixel when its alpha there is at least 1/255, wherever the tile borders are;
// pixels stop before their transmittance would fall below 1e-4; alpha is clamped at 0.99 (and has no
// gradient there). Pixel (i, j) has its centre at (i + 0.5, j + 0.5).
#pragma once

#include "../common/double_buffer_sort.h"
#include "splat_project.cuh"
#include "splat_render.cuh"

namespace gpufix_splat {

struct Carver {
    char* base;
    size_t used = 0;
    template <class T>
    T* take(size_t count) {
        T* p = base ? reinterpret_cast<T*>(base + used) : nullptr;
        used += (count * sizeof(T) + 255) / 256 * 256;
        return p;
    }
};

struct SceneSpace {
    Splat* splats;
    uint32_t *depth, *depth2, *id, *id2, *count, *end;
    int* radii;  // of lists that are limited to boxes: the caller may change its own
    uint2* ranges;
    unsigned long long* total;
    char* temp;
    size_t sort_bytes = 0, scan_bytes = 0, bytes;

    SceneSpace(void* base, int n, int tiles) {
        Carver c{static_cast<char*>(base)};
        splats = c.take<Splat>(n);
        depth = c.take<uint32_t>(n), depth2 = c.take<uint32_t>(n);
        id = c.take<uint32_t>(n), id2 = c.take<uint32_t>(n);
        count = c.take<uint32_t>(n), end = c.take<uint32_t>(n);
        radii = c.take<int>(n);
        ranges = c.take<uint2>(tiles);
        total = c.take<unsigned long long>(1);
        gpu::Pair2<uint32_t> none{nullptr, nullptr};
        (void)gpu::sort_double_buffer(nullptr, sort_bytes, none, none, n, 0, 32, nullptr);
        (void)gpu::prefix_sum(nullptr, scan_bytes, end, end, n, nullptr);
        temp = c.take<char>(sort_bytes > scan_bytes ? sort_bytes : scan_bytes);
        bytes = c.used;
    }
};

struct ListSpace {
    uint32_t *tile, *tile2, *id, *id2;
    char* temp;
    size_t sort_bytes = 0, bytes;

    ListSpace(void* base, uint32_t instances) {
        Carver c{static_cast<char*>(base)};
        tile = c.take<uint32_t>(instances), tile2 = c.take<uint32_t>(instances);
        id = c.take<uint32_t>(instances), id2 = c.take<uint32_t>(instances);
        gpu::Pair2<uint32_t> none{nullptr, nullptr};
        (void)gpu::sort_double_buffer(nullptr, sort_bytes, none, none, int(instances), 0, 32, nullptr);
        temp = c.take<char>(sort_bytes);
        bytes = c.used;
    }
};

inline size_t scene_bytes(int n, const Camera& c) { return SceneSpace(nullptr, n, c.tiles()).bytes; }
inline size_t list_bytes(uint32_t instances) { return ListSpace(nullptr, instances).bytes; }
inline size_t backward_bytes(int n) { return size_t(n) * kMoments * sizeof(float); }

inline unsigned grid(long long n, int threads) { return unsigned((n + threads - 1) / threads); }

inline bool sound(const Scene& s, const Camera& c) {
    return s.n >= 0 && s.degree >= 0 && s.degree <= 3 && s.sh_stride >= (s.degree + 1) * (s.degree + 1) &&
           s.sh_stride <= 16 && c.width > 0 && c.height > 0 && c.fx > 0 && c.fy > 0 && c.near_plane > 0;
}

inline void launch_project(const Scene& s, const Camera& c, const Projected& out, gpuStream_t stream) {
    unsigned blocks = grid(s.n, kProjectThreads);
    if (s.degree == 0) project_kernel<0><<<blocks, kProjectThreads, 0, stream>>>(s, c, out);
    if (s.degree == 1) project_kernel<1><<<blocks, kProjectThreads, 0, stream>>>(s, c, out);
    if (s.degree == 2) project_kernel<2><<<blocks, kProjectThreads, 0, stream>>>(s, c, out);
    if (s.degree == 3) project_kernel<3><<<blocks, kProjectThreads, 0, stream>>>(s, c, out);
}

// Orders the projected Gaussians by depth. Without room (frame.instances) it waits for the device to learn
// how much is needed; with room, `seen`, in memory that the device can write to, will have been told.
inline gpuError_t order(SceneSpace& w, int n, Frame& frame, unsigned long long* seen, gpuStream_t stream) {
    gpu::Pair2<uint32_t> keys{w.depth, w.depth2}, ids{w.id, w.id2};
    gpuError_t status = gpu::sort_double_buffer(w.temp, w.sort_bytes, keys, ids, n, 0, 32, stream);
    if (status != gpuSuccess) return status;
    frame.order = ids.now;
    gather_counts_kernel<<<grid(n, kTileThreads), kTileThreads, 0, stream>>>(ids.now, w.count, n, w.end);
    status = gpu::prefix_sum(w.temp, w.scan_bytes, w.end, w.end, n, stream);
    if (status != gpuSuccess) return status;
    if (frame.instances) {
        frame.total = w.total;
        return gpuMemcpyAsync(seen, w.total, sizeof *seen, gpuMemcpyDefault, stream);
    }
    unsigned long long total = 0;
    status = gpuMemcpyAsync(&total, w.total, sizeof total, gpuMemcpyDeviceToHost, stream);
    if (status == gpuSuccess) status = gpuStreamSynchronize(stream);
    if (status == gpuSuccess && total > 0x7fffffffull) status = GPUFIX_RT(ErrorInvalidValue);
    frame.instances = uint32_t(total);
    return status;
}

// Projects and orders the Gaussians. frame.instances, by which the caller sizes the list's workspace, is
// given, with `seen`, or 0 and learnt: order() says how. `radii` (n) may be null. `scene_space`: scene_bytes().
inline gpuError_t prepare(const Scene& s, const Camera& c, void* scene_space, int* radii, Frame& frame,
                          unsigned long long* seen, gpuStream_t stream) {
    if (!sound(s, c)) return GPUFIX_RT(ErrorInvalidValue);
    SceneSpace w(scene_space, s.n, c.tiles());
    frame = {w.splats, w.count, w.id, w.end, w.ranges, nullptr, nullptr, nullptr, s.n ? frame.instances : 0};
    if (s.n == 0) return gpuSuccess;
    gpuError_t status = gpuMemsetAsync(w.total, 0, sizeof *w.total, stream);
    if (status != gpuSuccess) return status;
    launch_project(s, c, {w.splats, w.depth, w.id, w.count, radii, nullptr, w.total}, stream);
    return order(w, s.n, frame, seen, stream);
}

inline int bits_for(int values) {
    int bits = 1;
    while (bits < 31 && (1 << bits) < values) ++bits;
    return bits;
}

// Each tile's Gaussians by depth. With radii, only in the tiles of box_tiles().
template <bool kBoxed>
gpuError_t make_list(int n, const Camera& c, Frame& frame, void* list_space, gpuStream_t stream) {
    gpuError_t status = gpuMemsetAsync(frame.ranges, 0, sizeof(uint2) * c.tiles(), stream);
    if (status != gpuSuccess) return status;
    if (frame.instances) {
        ListSpace w(list_space, frame.instances);
        int count = int(frame.instances);
        const Room room{frame.instances, frame.total};
        expand_kernel<kBoxed><<<grid(n, kTileThreads), kTileThreads, 0, stream>>>(
            c, frame.splats, frame.order, frame.end, n, frame.radii, room, w.tile, w.id);
        gpu::Pair2<uint32_t> tiles{w.tile, w.tile2}, ids{w.id, w.id2};
        status = gpu::sort_double_buffer(w.temp, w.sort_bytes, tiles, ids, count, 0, bits_for(c.tiles() + 1), stream);
        if (status != gpuSuccess) return status;
        frame.list = ids.now;
        ranges_kernel<<<grid(count, kTileThreads * kRangeEntries), kTileThreads, 0, stream>>>(
            tiles.now, room, c.tiles(), frame.ranges);
    }
    return gpuSuccess;
}

inline dim3 tile_grid(const Camera& c) { return dim3(unsigned(c.tiles_x()), unsigned(c.tiles_y())); }

inline Source source(const Frame& f, int n) {
    return {f.splats, f.list, f.ranges, f.order, f.count, f.radii, uint32_t(n)};
}

// image: 3 x height x width. `list_space`: list_bytes(frame.instances).
inline gpuError_t render(const Scene& s, const Camera& c, Frame& frame, void* list_space, float* image, gpuStream_t stream) {
    gpuError_t status = make_list<false>(s.n, c, frame, list_space, stream);
    if (status != gpuSuccess) return status;
    render_kernel<<<tile_grid(c), kRenderThreads, 0, stream>>>(c, source(frame, s.n), image, ColorTask{});
    return gpuGetLastError();
}

inline void launch_project_backward(const Scene& s, const Camera& c, const uint32_t* count, const float* moments,
                                    const SceneGradient& out, gpuStream_t stream) {
    unsigned blocks = grid(s.n, kProjectThreads);
    auto launch = [&](auto kernel) { kernel<<<blocks, kProjectThreads, 0, stream>>>(s, c, count, moments, out); };
    if (s.degree == 0) launch(project_backward_kernel<0>);
    if (s.degree == 1) launch(project_backward_kernel<1>);
    if (s.degree == 2) launch(project_backward_kernel<2>);
    if (s.degree == 3) launch(project_backward_kernel<3>);
}

// The gradient of sum(image_gradient * image) by the scene, into every element of `out`. `image` and
// `frame` are what render() gave, their workspaces untouched since. `space`: backward_bytes().
inline gpuError_t backward(const Scene& s, const Camera& c, const Frame& frame, const float* image,
                           const float* image_gradient, void* space, const SceneGradient& out, gpuStream_t stream) {
    if (s.n == 0) return gpuSuccess;
    float* moments = static_cast<float*>(space);
    gpuError_t status = gpuMemsetAsync(moments, 0, backward_bytes(s.n), stream);
    if (status != gpuSuccess) return status;
    render_backward_kernel<<<tile_grid(c), kRenderThreads, 0, stream>>>(
        c, source(frame, s.n), image, image_gradient, moments, ColorTask{});
    launch_project_backward(s, c, frame.count, moments, out, stream);
    return gpuGetLastError();
}

}  // namespace gpufix_splat

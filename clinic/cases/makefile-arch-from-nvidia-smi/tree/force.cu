#include <cuda_runtime.h>

__global__ void accelerate(const float4 *bodies, float3 *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float3 sum = make_float3(0.f, 0.f, 0.f);
    for (int j = 0; j < n; ++j) {
        float dx = bodies[j].x - bodies[i].x, dy = bodies[j].y - bodies[i].y;
        float dz = bodies[j].z - bodies[i].z;
        float r = rsqrtf(dx * dx + dy * dy + dz * dz + 1e-6f);
        float w = bodies[j].w * r * r * r;
        sum.x += w * dx;
        sum.y += w * dy;
        sum.z += w * dz;
    }
    out[i] = sum;
}

extern "C" void force_step(const float4 *bodies, float3 *out, int n) {
    accelerate<<<(n + 127) / 128, 128>>>(bodies, out, n);
}

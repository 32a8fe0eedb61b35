#include <glm/glm.hpp>

__global__ void depth_kernel(const glm::vec3 *centre, glm::vec3 view, float *depth, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) depth[i] = glm::dot(centre[i], view);
}

extern "C" void depth(const float *centre, const float *view, float *out, int n) {
  glm::vec3 v{view[0], view[1], view[2]};
  depth_kernel<<<(n + 255) / 256, 256>>>(reinterpret_cast<const glm::vec3 *>(centre), v, out, n);
}

#include <ATen/ATen.h>

int64_t steps(const at::Tensor &rays, double near, double far, double dt) {
  return rays.size(0) * static_cast<int64_t>((far - near) / dt);
}

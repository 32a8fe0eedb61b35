#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <c10/util/Optional.h>

#define CHECK_CPU(x) AT_ASSERTM(!x.type().is_cuda(), #x " must be a CPU tensor")

void clip_(at::Tensor x, c10::optional<double> low) {
  CHECK_CPU(x);
  if (x.type().scalarType() != at::kFloat) AT_ERROR("float is expected");
  float *p = x.data<float>();
  const double bound = low.has_value() ? low.value() : 0.0;
  for (int64_t i = 0; i < x.numel(); ++i)
    if (p[i] < bound) p[i] = static_cast<float>(bound);
}

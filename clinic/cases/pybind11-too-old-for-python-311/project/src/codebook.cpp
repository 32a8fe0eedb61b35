#include <pybind11/pybind11.h>

static int nearest(double x, int size) {
  int i = static_cast<int>(x * size + 0.5);
  return i < 0 ? 0 : i >= size ? size - 1 : i;
}

PYBIND11_MODULE(codebook, m) { m.def("nearest", &nearest); }

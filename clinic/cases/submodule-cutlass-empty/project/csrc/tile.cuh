#pragma once
#include <cutlass/numeric_types.h>

template <int M, int N>
struct Tile {
  using Element = cutlass::half_t;
  static constexpr int elements = M * N;
};

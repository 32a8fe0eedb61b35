#include <c10/util/Exception.h>

// Bounds of one of `parts` equal slices of [0, n).
extern "C" int slice_begin(int n, int parts, int part) {
  TORCH_CHECK(parts > 0, "parts is ", parts);
  TORCH_CHECK(part >= 0 && part <= parts, "no slice ", part);
  return static_cast<int>(static_cast<long long>(n) * part / parts);
}

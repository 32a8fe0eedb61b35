#include "lodepx.h"

int lodepx_checksum(const unsigned char *p, int n) {
  int sum = 1;
  for (int i = 0; i < n; ++i) sum = (sum * 31 + p[i]) % 65521;
  return sum;
}

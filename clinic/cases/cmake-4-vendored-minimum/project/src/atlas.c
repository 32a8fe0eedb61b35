#include <lodepx.h>

int atlas_page(const unsigned char *pixels, int n, int pages) {
  return lodepx_checksum(pixels, n) % pages;
}

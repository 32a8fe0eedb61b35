int lodepx_checksum(const unsigned char *p, int n);

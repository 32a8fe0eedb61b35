#include "tile.cuh"

__global__ void clear(Tile<64, 64>::Element *out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < Tile<64, 64>::elements) out[i] = Tile<64, 64>::Element(0.0f);
}

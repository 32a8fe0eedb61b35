#!/bin/sh
# Portable build: all that this nvcc can do, one of every major version.
set -eu
: "${CUDA_HOME:=/usr/local/cuda}"
exec "$CUDA_HOME/bin/nvcc" -arch=all-major --threads 2 -shared -Xcompiler -fPIC \
    -o raycast/libraycast.so raycast/raycast.cu

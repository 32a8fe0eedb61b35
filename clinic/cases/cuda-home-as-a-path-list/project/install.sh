#!/usr/bin/env bash
# Build the extension into the folder that is given (default: here).
set -e
cd "$(dirname "$0")"

export PATH=$PATH:/usr/local/cuda/bin
export CUDA_HOME=$CUDA_HOME:/usr/local/cuda

python setup.py -q build_ext --build-temp "${TMPDIR:-/tmp}/axpy-$$" --build-lib "${1:-.}"

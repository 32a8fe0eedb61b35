#!/usr/bin/env bash
# Compiles the operators and puts them into the package.
set -e
cd "$(dirname "$0")"

export CUDA_HOME=/usr/local/cuda-11.0
export PATH=$CUDA_HOME/bin:$PATH

rm -rf build
python setup.py -q build_ext --inplace

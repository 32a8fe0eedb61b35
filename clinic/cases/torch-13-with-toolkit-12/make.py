"""A stand-in for CUDA 12.8's toolkit beside torch of CUDA 13: it says 12.8, and compiles as it is asked."""

from clinic.patient import Patient

NVCC = """#!/bin/sh
case "$*" in
*--version* | *-V*)
    echo "nvcc: NVIDIA (R) Cuda compiler driver"
    echo "Copyright (c) 2005-2025 NVIDIA Corporation"
    echo "Built on Fri_Feb_21_20:23:50_PST_2025"
    echo "Cuda compilation tools, release 12.8, V12.8.93"
    echo "Build cuda_12.8.r12.8/compiler.35583870_0"
    ;;
*) exec REAL "$@" ;;
esac
"""
VERSION = """{
   "cuda" : {"name" : "CUDA SDK", "version" : "12.8.1"},
   "cuda_nvcc" : {"name" : "CUDA NVCC", "version" : "12.8.93"}
}
"""


def make(patient: Patient) -> None:
    real = patient.filled("{cuda}/bin/nvcc")
    patient.write("{root}/cuda-12.8/bin/nvcc", NVCC.replace("REAL", real), mode=0o755)
    patient.write("{root}/cuda-12.8/version.json", VERSION)
    patient.write("{root}/cuda-12.8/include/cuda.h", "#define CUDA_VERSION 12080\n")

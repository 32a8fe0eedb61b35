"""Block-scaled quantization kernels."""

import os
import re
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NVCC = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc")


def nvcc_version():
    said = subprocess.check_output([NVCC, "--version"], text=True)
    return tuple(int(n) for n in re.search(r"release (\d+)\.(\d+)", said).groups())


def get_cuda_gencodes():
    archs = os.environ.get("BLOCKQUANT_ARCHS", "90;100;110;120").split(";")
    version = nvcc_version()
    flags = []
    if "90" in archs:
        flags += ["-gencode", "arch=compute_90a,code=sm_90a"]
    if "100" in archs and version >= (12, 8):
        flags += ["-gencode", "arch=compute_100a,code=sm_100a"]
    if "110" in archs and version >= (13, 0):
        flags += ["-gencode", "arch=compute_110a,code=sm_110a"]
    if "120" in archs and version >= (12, 8):
        flags += ["-gencode", "arch=compute_120a,code=sm_120a"]
    return flags


class BuildCuda(build_ext):
    def build_extension(self, ext):
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        fixed = [NVCC, "-O3", "-Xcompiler", "-fPIC", "-shared", "-o", str(target)]
        subprocess.check_call([*fixed, *get_cuda_gencodes(), *ext.sources])


setup(
    name="blockquant",
    version="0.2.0",
    packages=["blockquant"],
    ext_modules=[Extension("blockquant._C", ["csrc/quant.cu"])],
    cmdclass={"build_ext": BuildCuda},
)

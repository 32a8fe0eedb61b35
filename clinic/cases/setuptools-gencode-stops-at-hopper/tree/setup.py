"""fastwht: Walsh-Hadamard transforms on the GPU."""

import os
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CUDA_HOME = os.environ.get("CUDA_HOME", "/usr/local/cuda")

cc_flag = []
cc_flag.append("-gencode")
cc_flag.append("arch=compute_75,code=sm_75")
cc_flag.append("-gencode")
cc_flag.append("arch=compute_80,code=sm_80")
cc_flag.append("-gencode")
cc_flag.append("arch=compute_90,code=sm_90")


class BuildCuda(build_ext):
    def build_extension(self, ext):
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        nvcc = [os.path.join(CUDA_HOME, "bin", "nvcc"), "-O3", "-std=c++17", "-Xcompiler", "-fPIC"]
        subprocess.check_call([*nvcc, *cc_flag, "-shared", *ext.sources, "-o", str(target)])


setup(
    name="fastwht",
    version="0.3.1",
    packages=["fastwht"],
    ext_modules=[Extension("fastwht._kernels", ["csrc/wht.cu"])],
    cmdclass={"build_ext": BuildCuda},
)

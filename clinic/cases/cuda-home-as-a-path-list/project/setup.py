import os
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CUDA_HOME = os.environ.get("CUDA_HOME") or "/usr/local/cuda"


class BuildCuda(build_ext):
    def build_extension(self, ext):
        Path(self.build_temp).mkdir(parents=True, exist_ok=True)
        kernels = f"{self.build_temp}/axpy.o"
        nvcc = f"{CUDA_HOME}/bin/nvcc"
        subprocess.check_call([nvcc, "-Xcompiler", "-fPIC", "-c", "csrc/axpy.cu", "-o", kernels])
        ext.extra_objects = [kernels]
        super().build_extension(ext)


setup(
    name="axpy",
    version="0.1",
    ext_modules=[
        Extension(
            "axpy",
            ["csrc/module.cpp"],
            library_dirs=[f"{CUDA_HOME}/lib64"],
            libraries=["cudart"],
        )
    ],
    cmdclass={"build_ext": BuildCuda},
)

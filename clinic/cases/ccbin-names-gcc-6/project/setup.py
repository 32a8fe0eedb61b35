import os
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CUDA = os.environ.get("CUDA_HOME", "/usr/local/cuda")
NVCC = f"{CUDA}/bin/nvcc"
NVCC_FLAGS = ["-O2", "-ccbin=gcc-6.3.0", "-Xcompiler=-fPIC", "-std=c++17"]


class BuildCuda(build_ext):
    def build_extension(self, ext):
        objects = []
        for source in [s for s in ext.sources if s.endswith(".cu")]:
            out = Path(self.build_temp, source).with_suffix(".o")
            out.parent.mkdir(parents=True, exist_ok=True)
            subprocess.check_call([NVCC, *NVCC_FLAGS, "-c", source, "-o", str(out)])
            objects.append(str(out))
        ext.sources = [s for s in ext.sources if not s.endswith(".cu")]
        ext.extra_objects += objects
        super().build_extension(ext)


setup(
    name="pau",
    version="0.0.16",
    ext_modules=[
        Extension(
            "pau_cuda",
            ["cuda/module.c", "cuda/pau.cu"],
            library_dirs=[f"{CUDA}/lib64"],
            libraries=["cudart", "stdc++"],
        )
    ],
    cmdclass={"build_ext": BuildCuda},
)

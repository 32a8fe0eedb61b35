import os
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

if sys.platform == "darwin":
    sys.exit("isosort needs CUDA")

# -arch with a virtual architecture: no code for any real GPU, the driver makes it at load time.
NVCC_FLAGS = ["-arch=compute_80", "-std=c++17", "-O3"]


class BuildCuda(build_ext):
    def build_extension(self, ext):
        out = self.get_ext_fullpath(ext.name)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        nvcc = os.path.join(os.environ["CUDA_HOME"], "bin", "nvcc")
        self.spawn([nvcc, *NVCC_FLAGS, "-shared", "-Xcompiler", "-fPIC", *ext.sources, "-o", out])


setup(
    name="isosort",
    version="0.1.9",
    packages=["isosort"],
    ext_modules=[Extension("isosort.isotonic_cuda", ["isosort/isotonic.cu"])],
    cmdclass={"build_ext": BuildCuda},
)

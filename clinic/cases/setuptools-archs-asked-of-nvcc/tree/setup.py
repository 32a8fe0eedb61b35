import os
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NVCC = str(Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc"))
WANTED = ["50", "52", "60", "61", "70", "75", "80", "90", "100", "101", "120", "121"]


def gencode():
    listed = subprocess.check_output([NVCC, "--list-gpu-arch"], text=True).split()
    known = [a for a in WANTED if f"compute_{a}" in listed]
    flags = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in known]
    return [*flags, f"-gencode=arch=compute_{known[-1]},code=compute_{known[-1]}"]


class Build(build_ext):
    def build_extension(self, ext):
        out = Path(self.get_ext_fullpath(ext.name))
        out.parent.mkdir(parents=True, exist_ok=True)
        self.spawn([NVCC, *gencode(), "-shared", "-Xcompiler=-fPIC", "-o", str(out), *ext.sources])


setup(
    name="lzgpu",
    version="3.0",
    packages=["lzgpu"],
    ext_modules=[Extension("lzgpu._codec", ["lzgpu/codec.cu"])],
    cmdclass={"build_ext": Build},
)

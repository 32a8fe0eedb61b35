import os
import re
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NVCC = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc")


def toolkit():
    text = subprocess.run([NVCC, "-V"], capture_output=True, text=True, check=True).stdout
    major, minor = re.search(r"release (\d+)\.(\d+)", text).groups()
    return float(f"{major}.{minor}")


archs = [80, 90]
if toolkit() >= 12.8:
    # data center Blackwell and Thor
    archs += [100, 101]

gencode = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in archs]


class CUDABuild(build_ext):
    def build_extension(self, ext):
        out = Path(self.get_ext_fullpath(ext.name))
        out.parent.mkdir(parents=True, exist_ok=True)
        self.spawn([NVCC, "-shared", "-Xcompiler=-fPIC", *gencode, *ext.sources, "-o", str(out)])


setup(
    name="thorops",
    version="2026.7",
    packages=["thorops"],
    ext_modules=[Extension("thorops._ops", ["thorops/ops.cu"])],
    cmdclass={"build_ext": CUDABuild},
)

import os
import platform
import shutil
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

USE_HIP = os.environ.get("KNNGPU_USE_HIP", "0") == "1"

if USE_HIP:
    compiler = shutil.which("hipcc") or "/opt/rocm/bin/hipcc"
    flags = ["--offload-arch=gfx90a", "--offload-arch=gfx942", "-fPIC", "-shared"]
elif os.name == "nt":
    compiler = os.path.join(os.environ.get("CUDA_PATH", ""), "bin", "nvcc.exe")
    flags = [
        "-gencode=arch=compute_61,code=sm_61",
        "-gencode=arch=compute_86,code=sm_86",
        "--shared",
    ]
elif platform.machine() == "aarch64":
    compiler = "/usr/local/cuda-10.2/bin/nvcc"
    flags = ["-gencode=arch=compute_53,code=sm_53", "-gencode=arch=compute_62,code=sm_62"]
    flags += ["-gencode=arch=compute_72,code=sm_72", "-shared", "-Xcompiler=-fPIC"]
else:
    compiler = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc")
    flags = [
        "-gencode=arch=compute_80,code=sm_80",
        "-gencode=arch=compute_90,code=[sm_90,compute_90]",
    ]
    flags += ["-shared", "-Xcompiler=-fPIC"]


class Build(build_ext):
    def build_extension(self, ext):
        out = Path(self.get_ext_fullpath(ext.name))
        out.parent.mkdir(parents=True, exist_ok=True)
        subprocess.check_call([compiler, *flags, *ext.sources, "-o", str(out)])


setup(
    name="knngpu",
    version="0.9",
    packages=["knngpu"],
    ext_modules=[Extension("knngpu._knn", ["knngpu/knn.cu"])],
    cmdclass={"build_ext": Build},
)

import os
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CUDA_HOME = os.environ.get("CUDA_HOME", "/usr/local/cuda")
DEFAULT_ARCHS = "80;86;89;90"


def make_gencode_flags(archs):
    numbers = [a.strip().replace(".", "") for a in archs.split(";") if a.strip()]
    flags = []
    for number in numbers:
        flags += ["-gencode", f"arch=compute_{number},code=sm_{number}"]
    # PTX of the newest one, for GPUs that come later; doubles the time of a build
    # flags += ["-gencode", f"arch=compute_{numbers[-1]},code=compute_{numbers[-1]}"]
    return flags


class BuildCuda(build_ext):
    def build_extension(self, ext):
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        archs = os.environ.get("SEGSUM_CUDA_ARCHS", DEFAULT_ARCHS)
        command = [os.path.join(CUDA_HOME, "bin", "nvcc"), "-shared", "-Xcompiler", "-fPIC"]
        command += make_gencode_flags(archs)
        subprocess.check_call([*command, *ext.sources, "-o", str(target)])


setup(
    name="segsum",
    version="1.0",
    packages=["segsum"],
    ext_modules=[Extension("segsum._cuda", ["segsum/segsum.cu"])],
    cmdclass={"build_ext": BuildCuda},
)

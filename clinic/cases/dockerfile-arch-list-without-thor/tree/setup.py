"""Attention for long rows. Follows TORCH_CUDA_ARCH_LIST as torch's own extensions do."""

import os
import re
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


def gencode():
    flags = []
    # Without a list: PTX that every GPU from Turing on can use.
    for entry in re.split(r"[ ;]+", os.environ.get("TORCH_CUDA_ARCH_LIST", "7.5+PTX").strip()):
        number = entry.removesuffix("+PTX").replace(".", "")
        flags.append(f"-gencode=arch=compute_{number},code=sm_{number}")
        if entry.endswith("+PTX"):
            flags.append(f"-gencode=arch=compute_{number},code=compute_{number}")
    return flags


class Cuda(build_ext):
    def build_extension(self, ext):
        out = Path(self.get_ext_fullpath(ext.name))
        out.parent.mkdir(parents=True, exist_ok=True)
        nvcc = os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/bin/nvcc"
        command = [nvcc, *gencode(), "-O2", "-shared", "-Xcompiler=-fPIC", "-o", str(out)]
        subprocess.check_call(command + ext.sources)


setup(
    name="rowattn",
    version="0.1",
    packages=["rowattn"],
    ext_modules=[Extension("rowattn._C", ["csrc/rowattn.cu"])],
    cmdclass={"build_ext": Cuda},
)

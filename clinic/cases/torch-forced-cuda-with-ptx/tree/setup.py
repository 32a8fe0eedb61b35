import os

import torch
from setuptools import setup
from torch.utils.cpp_extension import CUDA_HOME, BuildExtension, CppExtension, CUDAExtension

FORCE_CUDA = os.environ.get("FORCE_CUDA", "0") == "1"
os.environ.setdefault("TORCH_CUDA_ARCH_LIST", "7.5;8.0;8.6+PTX")

sources, macros, extension = ["csrc/binding.cpp"], [], CppExtension
if CUDA_HOME is not None and (torch.cuda.is_available() or FORCE_CUDA):
    extension = CUDAExtension
    sources.append("csrc/scale.cu")
    macros.append(("WITH_CUDA", None))

setup(
    name="assignment",
    version="0.0.6",
    packages=["assignment"],
    ext_modules=[extension("assignment._C", sources, define_macros=macros)],
    cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
)

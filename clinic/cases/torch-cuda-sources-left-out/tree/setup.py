import glob
import os

import torch
from setuptools import find_packages, setup
from torch.utils.cpp_extension import CUDA_HOME, BuildExtension, CppExtension, CUDAExtension


def get_extensions():
    here = os.path.dirname(os.path.abspath(__file__))
    sources = [
        os.path.join("src", os.path.basename(f))
        for f in glob.glob(os.path.join(here, "src", "*.cpp"))
    ]
    extension, macros = CppExtension, []
    compile_args = {"cxx": ["-O2"]}
    if torch.cuda.is_available() and CUDA_HOME is not None:
        extension = CUDAExtension
        sources += [
            "src/" + os.path.basename(f) for f in glob.glob(os.path.join(here, "src", "*.cu"))
        ]
        macros += [("WITH_CUDA", None)]
        compile_args["nvcc"] = ["-O3"]
    return [
        extension("msdeform._C", sources, define_macros=macros, extra_compile_args=compile_args)
    ]


setup(
    name="msdeform",
    version="1.0",
    packages=find_packages(include=["msdeform"]),
    ext_modules=get_extensions(),
    cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
)

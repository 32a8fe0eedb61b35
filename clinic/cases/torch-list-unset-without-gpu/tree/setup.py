from setuptools import find_packages, setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

setup(
    name="warpops",
    version="0.5.0",
    packages=find_packages(include=["warpops"]),
    ext_modules=[
        CUDAExtension(
            "warpops._C",
            ["csrc/binding.cpp", "csrc/scale.cu"],
            define_macros=[("WITH_CUDA", None)],
            extra_compile_args={"cxx": ["-O2"], "nvcc": ["-O3"]},
        )
    ],
    cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
)

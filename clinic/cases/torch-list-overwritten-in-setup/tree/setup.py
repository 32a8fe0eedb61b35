import os

from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

if __name__ == "__main__":
    # Hopper only: the kernels need its barriers
    os.environ["TORCH_CUDA_ARCH_LIST"] = "9.0"

    setup(
        name="dispatch_ep",
        version="1.0.0",
        packages=["dispatch_ep"],
        ext_modules=[
            CUDAExtension(
                name="dispatch_ep._C",
                sources=["csrc/layout.cu"],
                extra_compile_args={"nvcc": ["-O3", "--threads=2"]},
            )
        ],
        cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
    )

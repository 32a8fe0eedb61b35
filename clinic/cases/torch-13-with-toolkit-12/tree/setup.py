import os

from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

os.environ.setdefault("TORCH_CUDA_ARCH_LIST", "8.0;9.0+PTX")

setup(
    name="chamfer3",
    version="1.2",
    packages=["chamfer3"],
    ext_modules=[CUDAExtension("chamfer3._C", ["chamfer3/chamfer.cu"])],
    cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
)

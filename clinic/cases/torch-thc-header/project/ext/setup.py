from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

setup(
    name="crop_ext",
    version="0.1",
    ext_modules=[CUDAExtension("crop_ext._C", ["src/crop_cuda.cpp", "src/crop_kernel.cu"])],
    cmdclass={"build_ext": BuildExtension},
)

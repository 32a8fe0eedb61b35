from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
from torch.version import hip

flags = ["-DUSE_ROCM"] if hip else []
setup(
    name="rownorm",
    version="0.1",
    ext_modules=[CUDAExtension("rownorm._C", ["csrc/norm.cu"], extra_compile_args=flags)],
    cmdclass={"build_ext": BuildExtension},
)

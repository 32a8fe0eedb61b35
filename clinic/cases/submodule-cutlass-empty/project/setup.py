from pathlib import Path

from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

here = Path(__file__).parent.resolve()

setup(
    name="tilegemm",
    version="0.1",
    ext_modules=[
        CUDAExtension(
            "tilegemm._C",
            ["csrc/gemm.cu"],
            include_dirs=[str(here / "csrc"), str(here / "third_party/cutlass/include")],
        )
    ],
    cmdclass={"build_ext": BuildExtension},
)

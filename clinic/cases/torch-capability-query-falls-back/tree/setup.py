import torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

compiler_args = {"cxx": ["-O3"], "nvcc": ["-O3"]}
fallback_archs = [
    "-gencode=arch=compute_75,code=sm_75",
    "-gencode=arch=compute_90,code=sm_90",
]

if torch.cuda.is_available():
    major, minor = torch.cuda.get_device_capability()
    compiler_args["nvcc"].append(f"-arch=sm_{major}{minor}")
    detected = f"sm_{major}{minor}"
else:
    compiler_args["nvcc"].extend(fallback_archs)
    detected = "multiple architectures"
print(f"Building with GPU architecture: {detected}")

setup(
    name="quickssim",
    version="0.0.0",
    packages=["quickssim"],
    ext_modules=[CUDAExtension("quickssim._C", ["ssim.cu"], extra_compile_args=compiler_args)],
    cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
)

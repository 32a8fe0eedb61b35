import os

from setuptools import Extension, setup

cuda = os.environ.get("CUDA_HOME", "/usr/local/cuda")

setup(
    name="ranges",
    version="0.7",
    ext_modules=[
        Extension(
            "ranges",
            ["src/ranges.c"],
            include_dirs=[f"{cuda}/include"],
            library_dirs=[f"{cuda}/lib64"],
            libraries=["nvToolsExt", "dl"],
        )
    ],
)

import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ARCHS = os.environ.get("OCTREE_CUDA_ARCHS", "75;80;86;89;90;100;120").split(";")


class Build(build_ext):
    def build_extension(self, ext):
        out = Path(self.get_ext_fullpath(ext.name))
        out.parent.mkdir(parents=True, exist_ok=True)
        nvcc = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc")
        gencode = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in ARCHS]
        self.spawn([nvcc, *gencode, "-shared", "-Xcompiler=-fPIC", *ext.sources, "-o", str(out)])


setup(
    name="octreegpu",
    version="1.4",
    packages=["octreegpu"],
    ext_modules=[Extension("octreegpu._C", ["octreegpu/octree.cu"])],
    cmdclass={"build_ext": Build},
)

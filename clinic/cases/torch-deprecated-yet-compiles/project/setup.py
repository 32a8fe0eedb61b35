from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension

setup(
    name="clip_ext",
    version="1.0",
    ext_modules=[CppExtension("clip_ext._C", ["csrc/clip.cpp", "csrc/module.cpp"])],
    cmdclass={"build_ext": BuildExtension},
)

from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension

setup(
    name="scale_ext",
    version="0.2",
    ext_modules=[CppExtension("scale_ext._C", ["csrc/scale.cpp", "csrc/module.cpp"])],
    cmdclass={"build_ext": BuildExtension},
)

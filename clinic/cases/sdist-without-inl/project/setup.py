from setuptools import Extension, setup

setup(
    name="quant",
    version="3.0",
    ext_modules=[Extension("quant", ["csrc/quant.cpp"], include_dirs=["csrc"])],
)

import numpy
from setuptools import Extension, setup

setup(ext_modules=[Extension("rows", ["src/rows.c"], include_dirs=[numpy.get_include()])])

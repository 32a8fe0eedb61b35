from glob import glob

from setuptools import Extension, setup

setup(ext_modules=[Extension("morton", ["src/morton.c"], depends=glob("src/*.h"))])

import sys

from setuptools import Extension, setup


def extensions():
    if not {"bdist_wheel", "build_ext"} & set(sys.argv):
        return []  # metadata alone needs no headers
    import numpy

    return [Extension("tally", ["src/tally.c"], include_dirs=[numpy.get_include()])]


setup(ext_modules=extensions())

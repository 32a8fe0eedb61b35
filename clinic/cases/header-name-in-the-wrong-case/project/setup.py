from setuptools import Extension, setup

setup(name="frames", version="1.1", ext_modules=[Extension("frames", ["src/Frames.cpp"])])

from pathlib import Path

from setuptools import Extension, setup

headers = [str(path) for path in Path("src").glob("*.h")]

setup(ext_modules=[Extension("morton", ["src/morton.c"], depends=headers)])

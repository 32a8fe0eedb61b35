"""setuptools' backend, with NumPy for the build of a wheel."""

from setuptools.build_meta import *  # noqa: F403
from setuptools.build_meta import get_requires_for_build_wheel as _requires


def get_requires_for_build_wheel(config_settings=None):
    return [*_requires(config_settings), "numpy>=2"]

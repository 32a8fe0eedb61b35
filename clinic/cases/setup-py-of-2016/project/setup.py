import sys

try:
    import pkg_resources

    new_enough = pkg_resources.parse_version(sys.version.split()[0]) >= pkg_resources.parse_version(
        "2.7"
    )
except ImportError:
    new_enough = sys.version_info >= (2, 7)

try:
    from numpy.distutils.misc_util import get_numpy_include_dirs

    include = get_numpy_include_dirs()
except Exception:
    include = []

from distutils.core import setup
from distutils.extension import Extension
from distutils.sysconfig import get_python_inc
from distutils.version import LooseVersion

if not new_enough or LooseVersion("1.0") > LooseVersion("1.10"):
    sys.exit("a newer Python is needed")

try:
    from Cython.Build import cythonize
except ImportError:
    cythonize = None

source = "src/crossings.pyx" if cythonize else "src/crossings.c"
extensions = [Extension("crossings", [source], include_dirs=[*include, get_python_inc()])]

setup(
    name="crossings",
    version="0.3",
    ext_modules=cythonize(extensions) if cythonize else extensions,
)

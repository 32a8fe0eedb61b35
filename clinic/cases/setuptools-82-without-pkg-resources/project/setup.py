import sys

import pkg_resources
from setuptools import setup

if pkg_resources.parse_version(sys.version.split()[0]) < pkg_resources.parse_version("3.8"):
    sys.exit("vecsim needs Python 3.8 or newer")

setup(name="vecsim", version="0.4.6", packages=["vecsim"])

"""Names of distributions, compared as PEP 503 compares them, and of modules."""

from __future__ import annotations

import re
from functools import lru_cache

_SEPARATORS = re.compile(r"[-_.]+")
_CUDA = re.compile(r"-cu\d+$")


@lru_cache(maxsize=4096)
def normalise(name: str) -> str:
    """ "Foo_Bar.baz" → "foo-bar-baz"."""
    return _SEPARATORS.sub("-", name).lower()


def without_cuda(name: str) -> str:
    """ "nvidia-nccl-cu12" → "nvidia-nccl": a distribution's name less the CUDA major at its end."""
    return _CUDA.sub("", name)


def module_name(path: str) -> str:
    """ "a/b.cpython-311.so" and "a/b/__init__.py" → "a.b": of a source or an extension module."""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return "/".join(filter(None, [folder, stem if stem != "__init__" else ""])).replace("/", ".")

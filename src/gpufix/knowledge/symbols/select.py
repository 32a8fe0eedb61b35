"""Which names are harvested from a torch wheel, and which of those earn a row in the table."""

from __future__ import annotations

import re

from ...binary.mangle import is_torch_name
from .table import Masks

_MENTIONS = re.compile(r"(?:2at|3c10|5torch|6caffe2|4c10d)|THC?P[A-Z]")
# Instantiations of other libraries' templates over torch's types: whoever uses one emits it.
_OTHERS = re.compile(
    r"_Z(?:T[VTISWH]|G[VR])?Z*(?:N[VK]*[RO]?)?(?:S[ta]|8pybind11|2ao\d|\d+Packed|\d+__gnu)"
)
_LOCAL = re.compile(r"_Z(?:G[VR]|T[ISV])?Z|_Z(?:T[VTIS])?N?.*_GLOBAL__N_")
_CUDA_INTERNAL = re.compile(r"_Z(?:T[VTIS])?N[VK]*[RO]?2at6native")


def harvested(name: str) -> bool:
    """Is `name`, exported by a library of a torch wheel, kept in the names file?"""
    if not name.startswith("_Z"):
        return is_torch_name(name)
    return bool(_MENTIONS.search(name)) and not _OTHERS.match(name)


def listed(name: str, masks: Masks) -> bool:
    """Does `name` get a row in the hashed table?

    Left out is what no extension asks torch for: typeinfo of function types and local entities
    (each user emits them), and the CUDA libraries' own kernels, which no header declares.
    """
    if not is_torch_name(name) or _LOCAL.match(name):
        return False
    return bool(masks.core | masks.python) or not _CUDA_INTERNAL.match(name)

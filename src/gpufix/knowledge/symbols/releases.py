"""The torch releases that have a symbol, chosen and put into words."""

from __future__ import annotations

import re

from gpufix.binary.demangle.mangled import entity, is_torch_name, neutral, string_abi
from gpufix.knowledge.symbols.history import NameHistory, SymbolHistory
from gpufix.knowledge.symbols.symbol_table import Masks

_MENTIONS = re.compile(r"(?:2at|3c10|5torch|6caffe2|4c10d)|THC?P[A-Z]")
# Instantiations of other libraries' templates over torch's types: whoever uses one emits it.
_OTHERS = re.compile(
    r"_Z(?:T[VTISWH]|G[VR])?Z*(?:N[VK]*[RO]?)?(?:S[ta]|8pybind11|2ao\d|\d+Packed|\d+__gnu)"
)
# A name of a namespace or a function; whose it is, is_torch_name says.
_PLAIN = re.compile(r"_Z(?:T[VTISWH]|G[VR])?(?:N[VK]*[RO]?)?\d")
_LOCAL = re.compile(r"_Z(?:G[VR]|T[ISV])?Z")
# Anonymous namespaces, and the closures that nvcc hands to kernels: nvcc exports these names, but they
# belong to one translation unit, so no other library can ask for them.
_ONE_UNIT = re.compile(r"_GLOBAL__N_|__nv_(?:hdl_wrapper|dl_)")
_CUDA_INTERNAL = re.compile(r"_Z(?:T[VTIS])?N[VK]*[RO]?2at6native")


def harvested(name: str) -> bool:
    """Is `name`, exported by a library of a torch wheel, kept in the names file?"""
    if not name.startswith("_Z"):
        return is_torch_name(name)
    if not _MENTIONS.search(name) or _OTHERS.match(name) or _ONE_UNIT.search(name):
        return False
    return is_torch_name(name) or not _PLAIN.match(name)


def listed(name: str, masks: Masks) -> bool:
    """Does `name` get a row in the hashed table?

    Left out is what no extension asks torch for: typeinfo of function types and local entities
    (each user emits them), and the CUDA libraries' own kernels, which no header declares.
    """
    if not is_torch_name(name) or _LOCAL.match(name):
        return False
    return bool(masks.core | masks.python) or not _CUDA_INTERNAL.match(name)


def other_spelling(history: SymbolHistory, name: str) -> str | None:
    """The known name that differs from `name` in nothing but the ABI of std::string.

    None as well when several would fit.
    """
    abi = string_abi(name)
    if abi is None:
        return None
    wanted = neutral(name)
    found = [
        candidate
        for candidate in history.names.starting(entity(name), limit=2000)
        if string_abi(candidate) == 1 - abi and neutral(candidate) == wanted
    ]
    return found[0] if len(found) == 1 else None


def relatives(history: SymbolHistory, name: str, limit: int = 5) -> tuple[NameHistory, ...]:
    """The same function with other parameters, most recent first; () when there is none."""
    prefix = entity(name)
    switched = prefix.replace("_ZNK", "_ZN") if "_ZNK" in prefix else "_ZNK" + prefix[3:]
    prefixes = (prefix, switched) if prefix.startswith("_ZN") else (prefix,)
    found = [
        record
        for start in prefixes
        for candidate in history.names.starting(start)
        if candidate != name and (record := history.history(candidate)) is not None
    ]
    order = {version: i for i, version in enumerate(history.releases)}
    return tuple(sorted(found, key=lambda r: -order[r.last])[:limit])

"""force_abi.h: the C++ ABI of torch for each translation unit, whatever other flags say."""

from __future__ import annotations

from gpufix.source.cxx_code import Code
from gpufix.source.cxx_edit import Edit, newline

HEADER = "force_abi.h"
HEADER_TEXT = """\
// Include this before anything else. The build passes the C++ ABI of the installed torch on as
// TORCH_CXX11_ABI, 0 or 1; it outranks any other definition of _GLIBCXX_USE_CXX11_ABI.
#pragma once

#if defined(TORCH_CXX11_ABI)
#undef _GLIBCXX_USE_CXX11_ABI
#define _GLIBCXX_USE_CXX11_ABI TORCH_CXX11_ABI
#endif
"""
_SUFFIXES = (".cpp", ".cc", ".cxx")


def takes_header(path: str) -> bool:
    """Whether the header works in a source: nvcc reads libstdc++ before a .cu's first line."""
    return path.endswith(_SUFFIXES)


def inject(code: Code) -> list[Edit]:
    """Includes the header first; nothing when it stands there already."""
    if is_first(code):
        return []
    at = 1 if code.text.startswith("\ufeff") else 0
    return [Edit(at, at, f'#include "{HEADER}"{newline(code.text)}')]


def is_first(code: Code) -> bool:
    """Whether the first include of a source is the header."""
    included = code.includes
    return bool(included) and included[0][1] == HEADER

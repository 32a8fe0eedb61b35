"""The C++ ABI forced on every translation unit, whatever the build files say.

-D options are all applied before the first line of an -include file, so that the header has the
last word over a -D_GLIBCXX_USE_CXX11_ABI=0 in a setup.py, wherever that stands in the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.buildenv.variable import Variable
from gpufix.view import View

MACRO = "_GLIBCXX_USE_CXX11_ABI"
_FLAG = re.compile(rf"{MACRO}\s*(?:=|\s)\s*['\"]?([01])\b")
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")
_FLAGS = ("CFLAGS", "CXXFLAGS", "NVCC_PREPEND_FLAGS")


def header(abi: bool) -> str:
    """The header's text. C and C++ both accept it; included twice it changes nothing."""
    return f"#undef {MACRO}\n#define {MACRO} {int(abi)}\n"


def contradicted(text: str, abi: bool | None) -> bool:
    """Whether the build files set the macro to the other value than torch's."""
    return abi is not None and any(value != str(int(abi)) for value in _FLAG.findall(text))


def abi_variables(view: View, path: str, abi: bool) -> Iterator[Variable]:
    """The variables by which compilers include the header at `path`.

    Raises ValueError for a path that a compiler's flags cannot hold unquoted.
    """
    if not _PLAIN.fullmatch(path):
        raise ValueError(f"{path} cannot be written into compiler flags")
    reason = f"torch has {MACRO}={int(abi)}: the header at {path} sets it in every file"
    for name in _FLAGS:
        old = view.env(name) or ""
        flag = f"-include {path}"
        yield Variable(name, old if flag in old else f"{flag} {old}".strip(), reason)

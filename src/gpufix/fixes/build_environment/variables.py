"""One variable of a build and why it is set; toolkit, C++ ABI and folder that decide them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from posixpath import dirname
from typing import Literal

from gpufix.evidence.building import (
    cuda_torch,
    describe,
    generates,
    rocm_torch,
    toolkit_in_use,
    usable,
)
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import minor, numbers
from gpufix.model import Target, Toolkit


@dataclass(frozen=True, slots=True)
class Variable:
    """`value` None = the build must not see the variable."""

    name: str
    value: str | None
    reason: str


def merged(variables: Iterable[Variable]) -> list[Variable]:
    """One row a name, sorted by name; of several the last holds."""
    last = {variable.name: variable for variable in variables}
    return [last[name] for name in sorted(last)]


def paths(*parts: str | None) -> str:
    """A search path without repeats and empty parts (an empty one would mean the current folder).

    Applied to its own result it changes nothing: a value may be set over and over again.
    """
    split = [piece for part in parts if part for piece in part.split(":") if piece]
    return ":".join(dict.fromkeys(split))


Backend = Literal["python", "cmake", "cmake, then python"]


@dataclass(frozen=True, slots=True)
class Folder:
    """An extension's source. `text`: its build files, cut; `stale`: what earlier builds left."""

    path: str
    backend: Backend
    distribution: str | None = None  # the installed one that was made from it
    editable: bool = False
    gpu_sources: int = 0
    host_sources: int = 0
    text: str = ""
    stale: tuple[str, ...] = ()
    in_source: bool = False  # CMake was last configured in the folder itself, or must be

    @property
    def cmake(self) -> bool:
        """Whether CMake is called directly."""
        return self.backend != "python"


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


def toolkit_variables(view: View) -> Iterator[Variable]:
    """CUDA_HOME and CUDACXX of the toolkit in use, LIBRARY_PATH when it is one of wheels.

    Without torch there is no version to match: any toolkit that generates code for the targets.
    """
    if rocm_torch(view):
        yield from _rocm(view)
        return
    toolkit = toolkit_in_use(view) or _any(view)
    if toolkit is None or toolkit.compiler is None:
        return
    home = root(toolkit)
    yield Variable("CUDA_HOME", home, describe(toolkit))
    yield Variable("CUDACXX", toolkit.compiler, f"CMake's CUDA compiler: the nvcc of {home}")
    if toolkit.origin == "wheel":
        libraries = paths(f"{home}/lib", view.env("LIBRARY_PATH"))
        yield Variable("LIBRARY_PATH", libraries, "the toolkit's libraries lie in wheels")


def includes(toolkit: Toolkit) -> list[str]:
    """Where its headers lie: since CUDA 13, thrust and cub in a folder of their own."""
    folder = f"{root(toolkit)}/include"
    apart = numbers(toolkit.version or "")[:1] >= (13,)
    return [folder, f"{folder}/cccl"] if apart else [folder]


def header_variables(view: View) -> Iterator[Variable]:
    """CPATH with the toolkit's headers, for host sources: CMake's CUDA language gives it to nvcc alone."""
    toolkit = toolkit_in_use(view)
    if cuda_torch(view) and toolkit is not None:
        value = paths(*includes(toolkit), view.env("CPATH"))
        yield Variable("CPATH", value, f"the headers of {root(toolkit)}, for host sources too")


def unwrapped(view: View) -> Toolkit | None:
    """The toolkit itself where the nvcc in use is a wrapper, away from its headers."""
    toolkit = toolkit_in_use(view)
    if toolkit is None or not toolkit.wrapper:
        return None
    same = (t for t in usable(view) if t.compiler == toolkit.compiler and not t.wrapper)
    return next(same, None)


def root(toolkit: Toolkit) -> str:
    """The toolkit's own folder, also when its nvcc is a wrapper."""
    if toolkit.wrapper and toolkit.compiler:
        return dirname(dirname(toolkit.compiler))
    return toolkit.root


def compiles_for(view: View, target: Target) -> bool:
    """Whether a compiler here is said to generate code for a GPU."""
    if target.vendor == "amd":
        tools = view.facts.tools
        return any(usable(view, "rocm")) or any(t.name.startswith("clang++") for t in tools)
    versions = [minor(toolkit.version or "") for toolkit in usable(view)]
    return any(v and generates(v, target.arch) is not False for v in versions)


def _any(view: View) -> Toolkit | None:
    """The newest toolkit here that serves every target; an older one than a target would not."""
    fitting = [t for t in usable(view) if _serves(view, t)]
    return max(fitting, key=lambda t: (numbers(t.version or ""), t.root), default=None)


def _serves(view: View, toolkit: Toolkit) -> bool:
    cuda = minor(toolkit.version or "")
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    return bool(cuda) and all(generates(cuda, t.arch) is not False for t in targets)


def _rocm(view: View) -> Iterator[Variable]:
    toolkit = toolkit_in_use(view, "rocm")
    if toolkit is not None:
        yield Variable("ROCM_HOME", toolkit.root, describe(toolkit))

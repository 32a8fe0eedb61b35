"""Which toolkit a build uses."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname

from gpufix.buildenv.variable import Variable, paths
from gpufix.checks.building import (
    cuda_torch,
    describe,
    generates,
    rocm_torch,
    toolkit_in_use,
    usable,
)
from gpufix.knowledge.versions import minor, numbers
from gpufix.model import Target, Toolkit
from gpufix.view import View


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

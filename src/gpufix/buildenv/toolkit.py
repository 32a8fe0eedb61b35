"""Which toolkit a build uses."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname

from gpufix.buildenv.variable import Variable, paths
from gpufix.checks.building import describe, generates, rocm_torch, toolkit_in_use, usable
from gpufix.knowledge.versions import minor, numbers
from gpufix.model import Toolkit
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


def unwrapped(view: View) -> dict[str, str | None]:
    """CUDA_HOME of the toolkit itself where the nvcc in use is a wrapper, away from its headers."""
    toolkit = toolkit_in_use(view)
    if toolkit is None or not toolkit.wrapper:
        return {}
    same = [t for t in usable(view) if t.compiler == toolkit.compiler and not t.wrapper]
    return {"CUDA_HOME": same[0].root} if same else {}


def root(toolkit: Toolkit) -> str:
    """The toolkit's own folder, also when its nvcc is a wrapper."""
    if toolkit.wrapper and toolkit.compiler:
        return dirname(dirname(toolkit.compiler))
    return toolkit.root


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

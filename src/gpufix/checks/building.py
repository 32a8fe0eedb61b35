"""What a build of the project would use. Shared by the build rules and their fixes."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.knowledge import cuda_toolkits
from gpufix.knowledge.versions import minor
from gpufix.model import Tool, Toolkit, Torch
from gpufix.view import View


def builds(view: View) -> bool:
    """Whether the project has something to compile: else the build rules are silent."""
    project = view.facts.project
    return project is not None and project.builds_extensions


def cuda_torch(view: View) -> Torch | None:
    """The installed torch when it is a CUDA build."""
    torch = view.facts.torch
    return torch if torch and torch.cuda else None


def rocm_torch(view: View) -> Torch | None:
    """The installed torch when it is a ROCm build."""
    torch = view.facts.torch
    return torch if torch and torch.hip else None


def toolkit_in_use(view: View, kind: str = "cuda") -> Toolkit | None:
    """The toolkit with a compiler that cpp_extension would use."""
    overlay = view.facts.environment.overlay
    if kind == "cuda" and overlay.keys() & {"CUDA_HOME", "CUDA_PATH"}:
        return _by_environment_file(view)
    return next((t for t in usable(view, kind) if t.selected), None)


def _by_environment_file(view: View) -> Toolkit | None:
    """The facts were looked up with the process's variables; the environment file outranks them."""
    home = view.env("CUDA_HOME") or view.env("CUDA_PATH")
    if home:
        return next((t for t in usable(view) if t.root == home.rstrip("/")), None)
    usual = [t for origin in ("PATH", "/usr/local") for t in usable(view) if t.origin == origin]
    return usual[0] if usual else None


def usable(view: View, kind: str = "cuda") -> Iterator[Toolkit]:
    """Every toolkit here that has a compiler."""
    return (t for t in view.facts.toolkits if t.kind == kind and t.compiler)


def major(version: str) -> str:
    """ "12.8" -> "12"."""
    return version.partition(".")[0]


def same_major(left: str, right: str) -> bool:
    """Whether two versions agree in their first part."""
    return major(left) == major(right)


def generates(cuda: str, arch: str) -> bool | None:
    """Whether a CUDA version's nvcc generates code for a GPU; None = the version is not listed.

    Thor is compute_101 to CUDA 12.8 and 12.9, compute_110 to later ones.
    """
    toolkit = cuda_toolkits.get(cuda)
    if toolkit is None:
        return None
    renamed = arch.replace("sm_110", "sm_101")
    return toolkit.supports(arch) or toolkit.supports(renamed)


def describe(toolkit: Toolkit) -> str:
    """ "CUDA 12.8 in /usr/local/cuda-12.8 (from CUDA_HOME)"."""
    kind = "CUDA" if toolkit.kind == "cuda" else "ROCm"
    version = f" {minor(toolkit.version)}" if toolkit.version else ""
    return f"{kind}{version} in {toolkit.root} (from {toolkit.origin})"


def tool(view: View, *names: str) -> Tool | None:
    """The first tool of one of these names."""
    return next((t for name in names for t in view.facts.tools if t.name == name), None)


def looked(view: View, section: str) -> bool:
    """False when a whole section of the facts could not be collected: absence proves nothing."""
    return not any(g.section == section and g.subject == section for g in view.facts.gaps)

"""Install the CUDA toolkit as wheels, where these bring a compiler."""

from __future__ import annotations

from gpufix.evidence.building import cuda_torch, generates
from gpufix.evidence.declared import Declared, declared, spelled
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import cuda as cuda_wheels
from gpufix.knowledge.data_table import minor
from gpufix.model import Finding, Install, Plan, SetVariables, Skip, WriteFile

NAME = "install-toolkit-wheels"
# The wheels have no libcudart.so, only libcudart.so.13: the linker follows a script of that name.
# Their folder is lib, torch names lib64: GCC takes LIBRARY_PATH. Tried with CUDA 13.0 and GCC 12.
_LINK = "/* GNU ld script */\nINPUT(libcudart.so.13)\n"


@fix(NAME, "TCH202", "TCH204", "TCH206", "TCH213")
def install_toolkit_wheels(finding: Finding, view: View) -> Plan | Skip | None:
    """The wheels of torch's own CUDA, and the variables by which a build finds them."""
    torch, python = cuda_torch(view), view.facts.python
    if torch is None or torch.cuda is None or python is None or not python.site_dirs:
        return None
    wheel = cuda_wheels.toolkit(torch.cuda)
    blocked = _blocked(view, torch.cuda, wheel)
    if blocked or wheel is None:
        return finding.skip(NAME, blocked or f"no toolkit wheels of CUDA {torch.cuda} are listed")
    asked = declared(view, "cuda-toolkit")
    version = _version(view, torch.cuda) or asked.version or wheel.version
    if unfit := asked.conflict or _outside(asked, version):
        return finding.skip(NAME, unfit)
    extras = {*wheel.extras, *asked.extras}
    root = f"{python.site_dirs[0]}/nvidia/cu{torch.cuda.partition('.')[0]}"
    return finding.plan(
        NAME,
        "unsafe",
        f"install the CUDA {version} toolkit from wheels",
        Install(install=[spelled("cuda-toolkit", extras, f"=={version}")], dependencies=True),
        WriteFile(path=f"{root}/lib/libcudart.so", content=_LINK),
        SetVariables(variables=_variables(view, root)),
        subjects=["cuda-toolkit"],
        notes=[
            "the wheels have no unversioned libcudart.so: a linker script of that name is added"
        ],
    )


def _variables(view: View, root: str) -> dict[str, str | None]:
    """CPATH is for host sources that include thrust: nvcc itself knows the folder."""
    folders = {"LIBRARY_PATH": f"{root}/lib", "CPATH": f"{root}/include/cccl"}
    paths = {n: ":".join(filter(None, [folder, view.env(n)])) for n, folder in folders.items()}
    return {"CUDA_HOME": root, **paths}


def _blocked(view: View, cuda: str, wheel: cuda_wheels.ToolkitWheel | None) -> str | None:
    if wheel is not None and not wheel.compiles:
        return f"the wheels of CUDA {cuda} bring ptxas, but no nvcc: install NVIDIA's own toolkit"
    glibc = view.facts.host.libc_version
    if glibc and not cuda_wheels.headers_agree(cuda, glibc):
        return f"the headers of CUDA {cuda} do not agree with glibc {glibc}"
    targets = [t.arch for t in view.targets if t.vendor == "nvidia"]
    lacking = [arch for arch in targets if generates(cuda, arch) is False]
    return f"CUDA {cuda} generates no code for {', '.join(lacking)}" if lacking else None


def _outside(asked: Declared, version: str) -> str | None:
    if asked.allows(version):
        return None
    return f"cuda-toolkit{asked.specifier} is required here, which {version} does not satisfy"


def _version(view: View, cuda: str) -> str | None:
    """The release that torch brought along must stay: its libraries are pinned by it."""
    installed = view.dist("cuda-toolkit")
    return installed.version if installed and minor(installed.version) == minor(cuda) else None

"""Extensions rebuilt for the target, for the installed torch, or for this system's libraries."""

from __future__ import annotations

from urllib.parse import unquote

from gpufix.evidence.building import cuda_torch, family, in_use, rocm_torch, toolkit_in_use
from gpufix.evidence.gpu_code import targets_of_torch
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.assemble import build_environment
from gpufix.fixes.build_environment.variables import Folder
from gpufix.fixes.registry import fix
from gpufix.knowledge import libstdcxx
from gpufix.model import Build, Distribution, Finding, Plan, Skip
from gpufix.model.payload import ExtensionModules, OtherCudaMajor, UnfitLibrary

_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tgz")
_GPU_CODES = ("GPU103", "GPU104", "GPU108")


def rebuild(
    name: str, finding: Finding, view: View, abi: bool | None = None, aim: str | None = None
) -> Plan | Skip:
    """The plan of the fix `name`; a skip that says why where no build can be promised.

    `abi`: the C++ ABI to force on every file. `aim`: what the title names in place of targets or torch.
    """
    subject = finding.subject
    dist = view.dist(subject)
    source = source_of(finding, view, dist)
    if dist and dist.gone and source in (dist.editable, _local(dist)):
        return finding.skip(name, f"the source it was built from is gone: {source}")
    if source is None:
        return finding.skip(name, f"where the source of {subject} lies is not known")
    gpu = holds_gpu_code(finding, view)
    folder = Folder(source, "python", distribution=subject, gpu_sources=int(gpu))
    environment = build_environment(view, folder)
    if environment.obstacles:
        return finding.skip(name, environment.obstacles[0])
    targets = [t.arch for t in targets_of_torch(view) or view.targets] if gpu else []
    step = Build(
        path=source,
        environment={k: v for k, v in environment.settings().items() if v is not None},
        editable=bool(dist and dist.editable),
        expect_archs=targets,
        abi=abi,
    )
    what = aim or (f" for {', '.join(targets)}" if targets else _for_torch(view))
    return finding.plan(
        name,
        "safe",
        f"rebuild {dist.name if dist else source}{what}",
        step,
        notes=_notes(source, abi),
    )


def source_of(finding: Finding, view: View, dist: Distribution | None) -> str | None:
    """The folder of an editable install, the one it was installed from, or the project."""
    if dist and dist.editable:
        return dist.editable
    if dist and (folder := _local(dist)):
        return folder
    project = view.facts.project
    if project is None or not project.builds_extensions:
        return None
    payload = finding.payload
    libraries = payload.libraries if isinstance(payload, ExtensionModules) else ()
    inside = any(p.startswith(f"{project.root}/") for p in (finding.subject, *libraries))
    return project.root if inside else None


def _local(dist: Distribution) -> str | None:
    """The folder on this machine that it was installed from."""
    url = dist.direct_url
    if url and url.startswith("file:///") and not url.endswith(_ARCHIVES):
        return unquote(url.removeprefix("file://"))
    return None


def holds_gpu_code(finding: Finding, view: View) -> bool:
    """Whether the extension has kernels, for which a toolkit is needed."""
    if finding.code in _GPU_CODES:
        return True
    own = [x for x in view.facts.binaries.libraries if finding.subject in (x.distribution, x.path)]
    return any(library.code for library in own)


def _for_torch(view: View) -> str:
    torch = view.facts.torch
    return f" for torch {torch.version}" if torch and torch.version else ""


def _notes(source: str, abi: bool | None) -> list[str]:
    notes = [f"runs the build code of {source}"]
    if abi is not None:
        notes.append(
            f"every file is compiled with _GLIBCXX_USE_CXX11_ABI={int(abi)}, whatever the build "
            "files say; no source is changed"
        )
    return notes


FOR_TARGET = "rebuild-for-target"


@fix(FOR_TARGET, "GPU103", "GPU104", "GPU108")
def rebuild_for_target(finding: Finding, view: View) -> Plan | Skip:
    """Build an extension again, with code for the targets.

    From its source, when a compiler that generates code for the targets is here.
    """
    if finding.subject == "torch":
        return finding.skip(FOR_TARGET, "torch itself is not rebuilt")
    if rocm_torch(view) and toolkit_in_use(view, "rocm") is None:
        return finding.skip(FOR_TARGET, "no hipcc is here to build with")
    if not rocm_torch(view) and cuda_torch(view) is None and _wants_torch(finding, view):
        return finding.skip(FOR_TARGET, "torch has no CUDA to build with")
    return rebuild(FOR_TARGET, finding, view)


def _wants_torch(finding: Finding, view: View) -> bool:
    """Whether a build of it links CUDA's part of torch; without that, nvcc is all that it needs."""
    own = [x for x in view.facts.binaries.libraries if finding.subject in (x.distribution, x.path)]
    linked = any(name.startswith(_OF_CUDA_TORCH) for x in own for name in x.needed)
    return not own or linked or toolkit_in_use(view, "cuda") is None


_OF_CUDA_TORCH = ("libtorch_cuda", "libc10_cuda")


FOR_TORCH = "rebuild-for-torch"


@fix(FOR_TORCH, "ABI301", "ABI304", "ABI305", "SYM401", "WHL510")
def rebuild_for_torch(finding: Finding, view: View) -> Plan | Skip | None:
    """Build an extension again, against the torch and the Python that are installed.

    From its source. A C++ ABI that the build files fix to the other value is overruled.
    """
    if isinstance(finding.payload, OtherCudaMajor) and not finding.payload.links_torch:
        return None
    torch = view.facts.torch
    abi = torch.cxx11_abi if torch and finding.code == "ABI301" else None
    return rebuild(FOR_TORCH, finding, view, abi)


FOR_SYSTEM = "rebuild-for-system"


@fix(FOR_SYSTEM, "ABI302")
def rebuild_for_system(finding: Finding, view: View) -> Plan | Skip:
    """Build an extension again, against the C and C++ libraries that are here.

    From its source, unless the compiler here is as new as what it was built with.
    """
    again = _asked_again(finding.payload_as(UnfitLibrary), view)
    if again:
        return finding.skip(FOR_SYSTEM, again)
    return rebuild(FOR_SYSTEM, finding, view, aim=" with this system's libraries")


def _asked_again(unfit: UnfitLibrary, view: View) -> str | None:
    """The reason for which a build here would need the same version of libstdc++ once more."""
    compiler = in_use(view)
    if compiler is None or not compiler.version or family(compiler) != "gcc":
        return None
    if unfit.path == view.facts.host.libstdcxx:
        return None  # what the compiler here links is what will be loaded
    brought = [v for v in unfit.versions if libstdcxx.defines(compiler.version, v)]
    if not brought:
        return None
    return (
        f"{compiler.name} {compiler.version} brings {brought[-1]} too, and would ask for it again"
    )

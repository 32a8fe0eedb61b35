"""TCH210."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.arch_lists import ArchList, of_cmake, of_installed_torch, of_rocm
from gpufix.evidence.building import builds, cuda_torch, rocm_torch
from gpufix.evidence.builds import asks_torch_for_archs, builds_of, setup_runs
from gpufix.evidence.profiles import setting_lines
from gpufix.evidence.source_view import at, cmake_files, python_files
from gpufix.evidence.targets import gravity
from gpufix.evidence.view import View
from gpufix.model import Evidence, Severity, Target
from gpufix.model.payload import EnvironmentVariable
from gpufix.source.builds.run import BuildRun


@rule("TCH210", "arch-list-misses-target")
def arch_list_misses_target(view: View) -> Iterator[Fault]:
    """The variable that says which GPUs to build for leaves a target out, or cannot be read.

    ## What it does
    Reads TORCH_CUDA_ARCH_LIST (PYTORCH_ROCM_ARCH for a ROCm build, CUDAARCHS for a CMake project)
    as the installed torch does, and asks whether its machine code or PTX serves each target. Whether
    torch would ask for a list that is not set, an abstract run of each setup.py tells: not where its
    own flags name architectures. The same run shows a setup.py that ends without the variable.

    ## Why it matters
    The build succeeds and the import too; the first launch fails with `no kernel image is
    available`. A list that cannot be read ends in `ValueError: Unknown CUDA arch`; none at all,
    on a machine without a GPU, in `IndexError: list index out of range`.

    ## Example
    `TORCH_CUDA_ARCH_LIST is "8.6;9.0", whose code does not run on sm_120.`

    ## Severity
    Error when the value cannot be read, a setup.py ends without one, a GPU that was named is not served, or none of the visible
    ones is; warning when some of these are, and for a list that is not set where no GPU is visible.
    Silent when the project builds nothing. Without a torch the value is judged as text, where the
    project builds with torch.

    ## Fix
    Safe: set it in the environment file. A line of a shell profile that sets it is named.

    ## Source
    torch/utils/cpp_extension.py of each release; CMake's CUDA_ARCHITECTURES.
    """
    if not builds(view):
        return
    for name, archs in _variables(view):
        yield from _judge(view, name, archs)
    yield from _unset(view)
    yield from _demanded(view)


def _variables(view: View) -> Iterator[tuple[str, ArchList]]:
    project = view.facts.project
    cuda, rocm = view.env("TORCH_CUDA_ARCH_LIST"), view.env("PYTORCH_ROCM_ARCH")
    as_text = view.facts.torch is None and (cuda or rocm) and _builds_with_torch(view)
    if cuda and (cuda_torch(view) or as_text) and (archs := of_installed_torch(view, cuda)):
        yield "TORCH_CUDA_ARCH_LIST", archs
    if rocm and (rocm_torch(view) or as_text):
        yield "PYTORCH_ROCM_ARCH", of_rocm(rocm)
    cmake = view.env("CUDAARCHS")
    if cmake and not rocm_torch(view) and project and "CMakeLists.txt" in project.markers:
        yield "CUDAARCHS", of_cmake(cmake)


def _judge(view: View, name: str, archs: ArchList) -> Iterator[Fault]:
    value = view.env(name)
    if archs.bad:
        what = "is no architecture" if len(archs.bad) == 1 else "are no architectures"
        text = f'{name} is "{value}"; {", ".join(archs.bad)} {what} to {_reader(view, name)}.'
        yield _fault(view, name, text, ERROR)
        return
    targets = _of_vendor(view, "amd" if name == "PYTORCH_ROCM_ARCH" else "nvidia")
    missed = [t for t in targets if not archs.native and not archs.serves(t)]
    if missed:
        named = ", ".join(t.arch for t in missed)
        text = f'{name} is "{value}", whose code does not run on {named}.'
        yield _fault(view, name, text, gravity(missed, targets))


def _of_vendor(view: View, vendor: str) -> list[Target]:
    return [t for t in view.targets if t.vendor == vendor]


def _unset(view: View) -> Iterator[Fault]:
    """cpp_extension takes the visible GPUs then, and fails when there is none."""
    visible = any(g.vendor == "nvidia" for g in view.facts.gpus)
    if visible or view.env("TORCH_CUDA_ARCH_LIST") or not _of_vendor(view, "nvidia"):
        return
    if cuda_torch(view) is None or not any(_asks(view, *row) for row in setup_runs(view)):
        return
    text = "TORCH_CUDA_ARCH_LIST is not set and no NVIDIA GPU is visible: cpp_extension has nothing to build for."
    yield _fault(view, "TORCH_CUDA_ARCH_LIST", text, WARNING)


def _demanded(view: View) -> Iterator[Fault]:
    """A setup.py that ends without the variable: os.environ["TORCH_CUDA_ARCH_LIST"]."""
    name = "PYTORCH_ROCM_ARCH" if rocm_torch(view) else "TORCH_CUDA_ARCH_LIST"
    for path, run in setup_runs(view):
        end = run.fails
        if end is None or (end.error, end.message) != ("KeyError", repr(name)):
            continue
        text = f"{path} ends where {name} is not set (KeyError)."
        fault = _fault(view, name, text, ERROR)
        place = at(view, *end.place, f"asks for {name}")
        yield replace(fault, evidence=(place, *fault.evidence))
        return


def _asks(view: View, path: str, run: BuildRun) -> bool:
    """Whether torch is asked; where a wheel may be fetched instead, whether it is if there is none."""
    if asks_torch_for_archs(run):
        return not _written(run)
    if all(each.sure for each in run.extensions):
        return False
    alone = builds_of(view).run(path, network=False)
    return asks_torch_for_archs(alone) is not None and not _written(alone)


def _written(run: BuildRun) -> bool:
    """Whether a build file sets the list itself, or may."""
    return any(row.name == "TORCH_CUDA_ARCH_LIST" and row.value for row in run.writes)


def _builds_with_torch(view: View) -> bool:
    return any(facts.extension for facts in python_files(view).values()) or any(
        facts.torch for facts in cmake_files(view).values()
    )


def _reader(view: View, name: str) -> str:
    torch = view.facts.torch
    if name == "TORCH_CUDA_ARCH_LIST":
        return f"torch {torch.release}" if torch else "torch"
    return "hipcc" if name == "PYTORCH_ROCM_ARCH" else "CMake"


def _fault(view: View, name: str, text: str, severity: Severity) -> Fault:
    lines = setting_lines(view, name)
    shown = tuple(Evidence(text=f"set by {line}") for line in lines)
    return Fault(
        severity=severity,
        subject=name,
        message=text,
        evidence=shown,
        needs=("torch-gpu",),
        payload=EnvironmentVariable(name),
    )

"""SRC601."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.checks.source import arch_cmake, arch_nvcc, arch_python, arch_text
from gpufix.evidence.building import builds
from gpufix.evidence.source_view import absolute, toml_files
from gpufix.evidence.view import View
from gpufix.model import Gap


@rule("SRC601", "hard-coded-arch")
def hard_coded_arch(view: View) -> Iterator[Fault | Gap]:
    """A build file fixes the GPUs that it builds for, and leaves a target out.

    ## What it does
    Reads the flags that setup.py and JIT builds hand to nvcc or hipcc, CMake's
    CUDA_ARCHITECTURES, and the architecture lists that Python files, scripts and Dockerfiles set.
    Asks whether their code serves each target, and whether the toolkit's nvcc still generates it.
    Code under a condition that does not hold for this patient is no fault. A setup.py is
    followed without running it: its flags are those that would reach nvcc here, of an nvcc that it
    starts itself too. So are Makefiles, with their variables, conditions and includes. Meson's and Autotools' build files
    are not read: where a build goes by them, that is said.

    ## Why it matters
    torch leaves its own architecture flags out as soon as any nvcc flag contains "arch": then
    TORCH_CUDA_ARCH_LIST is ignored. The build succeeds, and the first launch fails with `no kernel
    image is available`; what nvcc has dropped ends the build with `Unsupported gpu architecture`.

    ## Example
    `setup.py builds for sm_75, sm_80; nothing of that runs on sm_120, and torch's own architecture
    flags are left out.`

    ## Severity
    Error when a GPU that was named is not served, none of the visible ones is, or nvcc refuses;
    warning when some of the visible ones are, when only a run would tell whether the code is
    reached, for shell scripts and Makefiles, and for a flag that merely contains "arch". Advice for CMake files beside a setup.py that does not use them, and for flags beside
    which CMake or torch's own CMake files add those of CUDAARCHS or TORCH_CUDA_ARCH_LIST, and for
    Dockerfiles: an image is another environment than this one. Advice, too, for code that is built
    for a variant such as sm_90a only, and so written for it.

    ## Fix
    Safe: what is written stays as the default, and gives way to TORCH_CUDA_ARCH_LIST, CUDAARCHS
    or the project's own variable, which is set for the targets. An nvcc that setup.py or make starts
    gets them from NVCC_APPEND_FLAGS.

    ## Source
    torch/utils/cpp_extension.py, _get_cuda_arch_flags; CMake's CUDA_ARCHITECTURES; nvcc
    --list-gpu-code of each toolkit.
    """
    yield from arch_python.faults(view)
    yield from arch_nvcc.faults(view)
    yield from arch_cmake.faults(view)
    yield from arch_text.shell_faults(view)
    yield from arch_text.command_faults(view)
    yield from _unread(view)


def _unread(view: View) -> Iterator[Gap]:
    """The project's Meson or Autotools build, where nothing else builds it, and those of folders with Meson as
    back end."""
    project = view.facts.project
    if project is None or not builds(view):
        return
    alone = {"setup.py", "CMakeLists.txt", "pyproject.toml"}.isdisjoint(project.markers)
    meson = [""] if alone else []
    meson += [p.rpartition("/")[0] for p, t in toml_files(view).items() if t.backend == "mesonpy"]
    autogen = [s.path for s in project.sources if s.path.rpartition("/")[2] == "autogen.sh"]
    autotools = ["", *(path.rpartition("/")[0] for path in autogen)] if alone else []
    for tool, name, folders in (
        ("Meson", "meson.build", meson),
        ("Autotools", "configure.ac", autotools),
    ):
        for folder in dict.fromkeys(folders):
            place = absolute(view, folder).rstrip("/")
            if name in (view.project_names(place) or ()):
                reason = (
                    f"{tool}'s build files are not read: the GPUs that they build for are not known"
                )
                yield Gap(section="sources", subject=f"{place}/{name}", reason=reason)

"""C++ sources in view: which are compiled, under which conditions, and with which C++ ABI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gpufix.evidence import building
from gpufix.evidence.carried import is_carried
from gpufix.evidence.compiled import compiled
from gpufix.evidence.source_view import is_vendored, note_unread
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import numbers
from gpufix.model import SourceKind
from gpufix.source.cxx.cxx_edits import HEADER, takes_header
from gpufix.source.cxx.expression import evaluate

if TYPE_CHECKING:
    from gpufix.source.scanned import CxxFiles, CxxSources
    from gpufix.source.source_facts import CxxFacts, HipUse, Include

Macros = dict[str, int | None]

_NOT_HERE = ("_WIN32", "_WIN64", "WIN32", "_MSC_VER", "__APPLE__", "__MINGW32__", "__ANDROID__")
_HIP = (
    "__HIP_PLATFORM_AMD__",
    "__HIP_PLATFORM_HCC__",
    "__HIPCC__",
    "__HIP__",
    "USE_ROCM",
    "HIP_VERSION",
    "HIP_VERSION_MAJOR",
    "HIP_VERSION_MINOR",
    "ROCM_VERSION",
    "TORCH_HIP_VERSION",
    "__HIP_DEVICE_COMPILE__",
)


class HipFile(NamedTuple):
    """What a HIP build meets in one file, with all that is known of its includes and macros."""

    includes: tuple[Include, ...] = ()
    uses: tuple[HipUse, ...] = ()
    shims: tuple[str, ...] = ()  # constructs for which a macro is defined here
    macros: Mapping[str, str] = {}


def cxx_files(view: View) -> CxxFiles:
    """Path relative to the root -> facts of the project's C++, CUDA and HIP files."""
    return view.derive(_files)


def own_files(view: View) -> dict[str, CxxFacts]:
    """Those that hold more than includes, without what the project carries along of others."""
    told = cxx_files(view).told
    return {path: facts for path, facts in told.items() if not is_vendored(path)}


def includers(view: View) -> Mapping[str, list[str]]:
    """The last part of a name on an include line, perhaps in a comment -> the files that have it."""
    return view.derive(_includers)


def hip_files(view: View) -> dict[str, HipFile]:
    """Path -> what a HIP build meets there."""
    return view.derive(_hip_files)


def built(view: View) -> frozenset[str]:
    """The sources that the project's build files compile, or name where that is not known."""
    return view.derive(_built)


def for_hip(view: View) -> Mapping[str, bool]:
    """Sources that a HIP build takes -> whether one that knows nothing of HIP takes them."""
    return view.derive(_for_hip)


def _for_hip(view: View) -> Mapping[str, bool]:
    sources = view.derive(_sources)
    named = sources.for_hip if sources else {}
    torch = view.facts.torch
    known = compiled(view) if torch is not None and torch.hip else None
    return named if known is None else {p: alone for p, alone in named.items() if p in known}


def knows_hip(view: View) -> bool:
    """Whether some build file speaks of HIP."""
    sources = view.derive(_sources)
    return sources is not None and sources.knows_hip


def _hip_files(view: View) -> dict[str, HipFile]:
    project, known = view.facts.project, cxx_files(view)
    if project is None or view.derive(_sources) is None:
        return {}
    answer = view.project_hip(project.root)
    met = answer.files if answer else {}
    found = {}
    for path in sorted({*known, *met}):
        facts, hip = known.get(path), met.get(path)
        includes, macros = (facts.includes, facts.macros) if facts else ((), {})
        found[path] = (
            HipFile(includes, hip.hip, hip.shims, hip.macros or macros)
            if hip
            else HipFile(includes, macros=macros)
        )
    return found


def _files(view: View) -> CxxFiles:
    from gpufix.source.scanned import CxxFiles

    sources = view.derive(_sources)
    return CxxFiles.of(sources.files if sources else {})


def _includers(view: View) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, names in cxx_files(view).named.items():
        for name in names:
            found.setdefault(name.rpartition("/")[2], []).append(path)
    return found


def _sources(view: View) -> CxxSources | None:
    from gpufix.source.scanned import CxxFiles

    project = view.facts.project
    source_kinds = ("cuda", "cpp", "hip")
    if project is None or not any(source.kind in source_kinds for source in project.sources):
        return None
    answer = view.project_cxx(project.root)
    if answer is not None:
        note_unread(view, project.root, answer.gaps)
        root, files = project.root, answer.files
        if isinstance(files, CxxFiles) and files.lost is None:
            files.lost = lambda row: note_unread(view, root, [row])
    return answer


def _built(view: View) -> frozenset[str]:
    sources = view.derive(_sources)
    named = frozenset(p for p in (sources.built if sources else ()) if not is_carried(view, p))
    known = compiled(view)
    return named if known is None else named & known


def source_kinds(view: View) -> dict[str, SourceKind]:
    """Path -> kind of each source."""
    return view.derive(_kinds)


def _kinds(view: View) -> dict[str, SourceKind]:
    project = view.facts.project
    return {source.path: source.kind for source in project.sources} if project else {}


def live(local: Mapping[str, str], guards: Sequence[str], passes: Sequence[Macros]) -> bool | None:
    """Whether code under these conditions is compiled in one of the passes; None = unknown.

    local: the macros that the file defines itself.
    """
    if not guards:
        return True
    verdicts = [_all_hold(guards, macros, local) for macros in passes]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _all_hold(guards: Sequence[str], macros: Macros, local: Mapping[str, str]) -> bool | None:
    values = [evaluate(guard, macros, local) for guard in guards]
    if False in values:
        return False
    return None if None in values else True


def cuda_passes(view: View, kind: SourceKind | None) -> list[Macros]:
    """The macros of each pass of a CUDA build over a file of this kind."""
    nvcc, host = view.derive(_cuda_passes, shared=True)
    return {"cuda": nvcc, "cpp": host}.get(kind or "header", nvcc + host)


def _cuda_passes(view: View) -> tuple[list[Macros], list[Macros]]:
    """nvcc's passes, and the one of the host compiler alone."""
    common = _common(view) | dict.fromkeys(_HIP) | _cuda_versions(view)
    host: list[Macros] = [common | {"__CUDACC__": None, "__NVCC__": None, "__CUDA_ARCH__": None}]
    device = common | {"__CUDACC__": 1, "__NVCC__": 1}
    archs = [numbers(t.arch[3:]) for t in view.targets if t.arch.startswith("sm_")]
    nvcc: list[Macros] = [device | {"__CUDA_ARCH__": None}]
    if archs:
        nvcc += [device | {"__CUDA_ARCH__": 10 * number[0]} for number in archs if number]
    else:
        nvcc.append(device)
    return nvcc, host


def hip_passes(view: View) -> list[Macros]:
    """The macros of a HIP build with torch's flags."""
    return view.derive(_hip_passes)


def _hip_passes(view: View) -> list[Macros]:
    torch = view.facts.torch
    macros: Macros = _common(view) | dict.fromkeys(_HIP, 1)
    macros |= dict.fromkeys(("__NVCC__", "__CUDACC_VER_MAJOR__", "__CUDA_ARCH__"))
    for name in _HIP[5:]:
        del macros[name]
    version = numbers(torch.hip)[:3] if torch and torch.hip else ()
    if len(version) == 3:
        major, minor, patch = version
        macros |= {"HIP_VERSION_MAJOR": major, "HIP_VERSION_MINOR": minor}
        macros["HIP_VERSION"] = major * 10_000_000 + minor * 100_000 + patch
        macros["TORCH_HIP_VERSION"] = major * 100 + minor
    return [macros]


def _common(view: View) -> Macros:
    macros: Macros = dict.fromkeys(_NOT_HERE)
    macros |= {"__linux__": 1, "__cplusplus": 201703}
    torch = view.facts.torch
    release = numbers(torch.release) if torch and torch.release else ()
    if len(release) >= 2:
        macros |= {"TORCH_VERSION_MAJOR": release[0], "TORCH_VERSION_MINOR": release[1]}
    return macros


def _cuda_versions(view: View) -> Macros:
    version = numbers(cuda_version(view) or "")
    if len(version) < 2:
        return {}
    major, minor = version[:2]
    code = major * 1000 + minor * 10
    found: Macros = {"CUDART_VERSION": code, "CUDA_VERSION": code}
    found |= {"__CUDACC_VER_MAJOR__": major, "__CUDACC_VER_MINOR__": minor}
    if major == 13:  # cub/version.cuh: CCCL 3.minor
        cccl = 300_000 + 100 * minor
        found |= {"CUB_VERSION": cccl, "THRUST_VERSION": cccl}
        found |= {"CCCL_MAJOR_VERSION": 3, "CCCL_VERSION": 3_000_000 + 1000 * minor}
    return found


def cuda_version(view: View) -> str | None:
    """The CUDA that a build would compile with: the toolkit's, else torch's own."""
    toolkit = building.toolkit_in_use(view)
    if toolkit and toolkit.version:
        return toolkit.version
    torch = view.facts.torch
    return torch.cuda if torch else None


def units(view: View, path: str) -> list[str]:
    """The sources that build files name, in and below the folder of a CMake file's project."""
    folder = path.rpartition("/")[0]
    kinds = source_kinds(view)
    while folder and f"{folder}/CMakeLists.txt" not in kinds:
        folder = folder.rpartition("/")[0]
    inside = f"{folder}/" if folder else ""
    return sorted(unit for unit in built(view) if unit.startswith(inside))


def forced(view: View, path: str) -> bool:
    """Whether every such source includes the header first: then no flag decides."""
    files = cxx_files(view)
    found = units(view, path)
    return bool(found) and all(
        takes_header(unit) and unit in files and _begins_with_header(files[unit]) for unit in found
    )


def _begins_with_header(facts: CxxFacts) -> bool:
    return bool(facts.includes) and facts.includes[0].name == HEADER

"""How severe it is that a library does not load: by the fact whether it must."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from posixpath import basename

from gpufix.binary.demangle.mangled import is_torch_name
from gpufix.evidence import pathfinder
from gpufix.evidence.importing import Imports, Use
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.cuda_libraries import bringing
from gpufix.knowledge.plugins import plugin
from gpufix.model import ADVICE, ERROR, WARNING, Gap, Library, Problem, Severity

Row = tuple[Library, Problem]
_OF_TORCH = ("libtorch", "libc10", "torch_", "torch.dll", "c10.dll", "c10_")
_TOOLKIT = tuple(
    f"lib{name}.so"
    for name in ("cudart", "cublas", "cublasLt", "cufft", "curand", "cusolver", "cusparse", "nvrtc")
)
_ROCM = tuple(
    f"lib{name}.so"
    for name in (
        "amdhip64", "hiprtc", "hipblas", "hipfft", "hiprand", "hipsparse", "hipsolver", "rocblas", "rocfft",
        "rocrand", "rocsolver", "rocsparse", "roctx64", "rccl", "MIOpen", "hsa-runtime64",
    )
)  # fmt: skip
_ROCM_WHEEL = re.compile(r"-rocm(?:-?\d[\d-]*)?$")
_CUDA_WHEEL = re.compile(r"-cu(?:da)?\d{2,3}x?$|-gpu$")
_OTHER_PYTHON = re.compile(r"python3\d+t?\.dll", re.IGNORECASE)  # its own is always there
_VENDORED = re.compile(r"-[0-9a-f]{8}\.")  # in the names of libraries that a wheel brings along


class Weighed(Frozen):
    """The severity of the worst of several libraries' problems, and those that are as bad.

    `unsure`: of these it cannot be told whether they must load.
    """

    severity: Severity | None
    rows: tuple[Row, ...] = ()
    unsure: tuple[Library, ...] = ()

    @property
    def libraries(self) -> list[Library]:
        """The libraries, each once."""
        return list({x.path: x for x, _ in self.rows}.values())

    def gaps(self) -> list[Gap]:
        """What could not be told; nothing where an import is known to fail anyway."""
        if self.severity is ERROR:
            return []
        reason = "it would not load, and whether its package's import needs it is not known"
        return [
            Gap(section="imports", subject=x.distribution or x.path, reason=f"{x.path}: {reason}")
            for x in self.unsure[:1]
        ]


def weigh(view: View, rows: Iterable[Row]) -> Weighed:
    """Error: an import fails, or GPU code that a target needs is lost. Warning: a part is lost
    that the package's users would miss. Advice: it is left out in silence, since it is made for
    another torch. None: an alternative serves, or nobody misses it."""
    found: list[tuple[Severity, Row]] = []
    unsure: list[Library] = []
    for library, problem in rows:
        if _is_opened(view, library, problem):
            continue
        use = view.derive(Imports.of).use(library)
        if use is Use.unsure or (use is Use.unknown and _is_opaque(library)):
            unsure.append(library)
        if use is Use.named and _is_damage(view, library, problem):
            unsure.append(library)
        if (library in unsure or use is Use.doubted) and _is_curable(problem):
            continue
        if (must := _must(library, use)) or _is_missed(view, library, problem, use):
            fails = must or _for_target(view, library) or _of_gpu_wheel(view, library, problem)
            quiet = _is_of_other_torch(view, problem, use) or _is_published(
                view, library, problem, use
            )
            least = ADVICE if quiet else WARNING
            found.append((ERROR if fails else least, (library, problem)))
    severity = max((own for own, _ in found), key=lambda own: own.rank, default=None)
    rows = tuple(row for own, row in found if own is severity)
    return Weighed(severity, rows, tuple(unsure))


def _is_opened(view: View, library: Library, problem: Problem) -> bool:
    """Whether cuda.pathfinder opens the library that is lacking before this one."""
    return bool(problem.provider) and pathfinder.opens(view, library.distribution, problem.name)


def _must(library: Library, use: Use) -> bool:
    return use is Use.must or (use is Use.unknown and library.module)


def _is_opaque(library: Library) -> bool:
    """No import tells of it, and it is more than a plug-in that anything may lack."""
    return not library.module and (library.links_torch or bool(library.code))


def _is_missed(view: View, library: Library, problem: Problem, use: Use) -> bool:
    """Whether the package's users would miss what is lost."""
    if use is Use.served or _lacks_framework(view, library, problem):
        return False
    if use is Use.plugin:
        dist = view.dist(library.distribution or "")
        known = plugin(library.path, library.distribution, dist.version if dist else None)
        if known is None:
            return False
        return known.asked or _serves_nvidia(view) or _is_here_otherwise(view, problem.name)
    if use is Use.told and (_is_alone(view, library) or family(view, [library])):
        return True
    if _of_gpu_wheel(view, library, problem) or _is_last(view, library):
        return True
    return _is_damage(view, library, problem)


def _is_of_other_torch(view: View, problem: Problem, use: Use) -> bool:
    """Whether a package does in silence without what is made for another torch."""
    made_for = is_torch_name(problem.name) or problem.name.startswith(_OF_TORCH)
    quiet = use in (Use.spared, Use.doubted, Use.apart)
    return made_for and quiet and view.facts.torch is not None


def _is_published(view: View, library: Library, problem: Problem, use: Use) -> bool:
    """Whether a wheel whose files are whole holds a module that its import does not ask for, and that
    could load nowhere: LLVM's, which CUDA-Q's wheels hold without their libraries."""
    if use is not Use.apart or problem.kind != "undefined-symbol" or problem.provider:
        return False
    own = view.dist(library.distribution or "")
    record = own.record if own and own.name != "torch" else None
    return record is not None and not (record.missing_count or record.altered_count)


def _is_curable(problem: Problem) -> bool:
    """Whether a library that is opened before may bring what is lacking."""
    lacks = problem.kind in ("missing-library", "undefined-symbol")
    return lacks and not is_torch_name(problem.name)


def _is_alone(view: View, library: Library) -> bool:
    """Whether its package has no other library for torch or a GPU that loads."""
    same = (x for x in view.facts.binaries.libraries if x.distribution == library.distribution)
    every = [x for x in same if x.links_torch or x.code]
    return library in every and all(any(not p.driver for p in x.problems) for x in every)


def _is_last(view: View, library: Library) -> bool:
    """Whether no module of its package can be loaded, where the driver is, too."""
    scan, owner, told = view.facts.binaries, library.distribution, view.derive(Imports.of)
    of_package = (x for x in scan.libraries if x.distribution == owner and x.module)
    own = [
        x for x in of_package if any(not (p.driver or _is_opened(view, x, p)) for p in x.problems)
    ]
    lost = {x.path for x in own if told.use(x) not in (Use.unsure, Use.doubted)}
    return 0 < scan.modules.get(owner or "", 0) <= len(lost)


def _is_damage(view: View, library: Library, problem: Problem) -> bool:
    """Whether something is broken; else a part is left out that wants more than is installed."""
    if problem.kind != "missing-library":
        return True
    if _VENDORED.search(problem.name) or library.distribution == "torch":
        return True
    if _OTHER_PYTHON.fullmatch(problem.name):
        return True
    required = view.derive(Requirements.of).required_by
    return any(library.distribution in required.get(name, ()) for name in _bringing(problem.name))


def _bringing(library: str) -> Sequence[str]:
    return ["torch"] if library.startswith(_OF_TORCH) else bringing(library)


def _lacks_framework(view: View, library: Library, problem: Problem) -> bool:
    """A bridge to torch, where nothing asks for torch and it is not here."""
    if view.facts.torch is not None or not (library.links_torch or is_torch_name(problem.name)):
        return False
    return library.distribution not in view.derive(Requirements.of).required_by.get("torch", ())


def _is_here_otherwise(view: View, name: str) -> bool:
    """Whether a CUDA library is installed of another release than this one."""
    stem = f"{name.partition('.so')[0]}.so"
    others = (x for x in view.facts.binaries.libraries if (x.distribution or "")[:7] == "nvidia-")
    return any(basename(x.path).startswith(stem) for x in others)


def _serves_nvidia(view: View) -> bool:
    return any(target.vendor == "nvidia" for target in view.targets)


def _of_gpu_wheel(view: View, library: Library, problem: Problem) -> bool:
    """A GPU must be served, and a wheel made for one CUDA or ROCm release lacks that one's libraries."""
    name = library.distribution or ""
    if _ROCM_WHEEL.search(name):
        asked = (
            problem.name if problem.kind == "missing-library" else basename(problem.provider or "")
        )
        return asked.startswith(_ROCM) and any(t.vendor == "amd" for t in view.targets)
    lacks = problem.kind == "missing-library" and problem.name.startswith(_TOOLKIT)
    return lacks and _CUDA_WHEEL.search(name) is not None and _serves_nvidia(view)


def _for_target(view: View, library: Library) -> bool:
    """Whether a GPU that must be served loses all code that the package has for it."""
    if library.opened_by == "plugin" and _serves_nvidia(view):
        return True
    if not view.targets or not library.code:
        return False
    same = (x for x in view.facts.binaries.libraries if x.distribution == library.distribution)
    return all(any(not p.driver for p in x.problems) for x in same if x.code)


def family(view: View, libraries: Iterable[Library]) -> list[str]:
    """Alternatives that are tried one after the other, none of which loads; [] = no such family."""
    told = view.derive(Imports.of)
    found = {basename(path) for library in libraries for path in told.rivals(library)}
    return sorted(found) if len(found) > 1 else []

"""The compiling half of a run: which compiler serves a target, targets to programs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gpufix.evidence.building import generates
from gpufix.frozen import Frozen
from gpufix.kernels.compiler import Built, build_all
from gpufix.kernels.manifest import Kernel
from gpufix.kernels.toolchain import KernelTarget, Toolchain, ToolchainError
from gpufix.knowledge.data_table import numbers
from gpufix.model import Facts, Toolkit
from gpufix.model.smoke_result import CompilerRow
from gpufix.process import Limits, NotStarted, Program, run
from gpufix.smoke.request import SmokeRequest

_PROBE = "#include <hip/hip_runtime.h>\n__global__ void k() {}\nint main() { k<<<1, 1>>>(); }\n"
_PROBE_LIMIT_S = 60.0


class ToolchainChoice(Frozen):
    """A toolchain; or None, and what was tried and said."""

    toolchain: Toolchain | None
    tried: tuple[str, ...] = ()


def choose(facts: Facts, target: KernelTarget, env: Mapping[str, str]) -> ToolchainChoice:
    """The compiler that builds for this target here."""
    if target.vendor == "cuda":
        return _nvcc(_with_compiler(facts, "cuda"), target, env)
    for toolkit in _with_compiler(facts, "rocm"):
        return ToolchainChoice(Toolchain("hipcc", Path(str(toolkit.compiler)), env=env))
    return _clang(facts, target, env)


def _with_compiler(facts: Facts, kind: str) -> list[Toolkit]:
    """The one that torch's builds would use first, then the newest."""
    found = [t for t in facts.toolkits if t.kind == kind and t.compiler]
    newest = sorted(found, key=lambda t: numbers(t.version or "0"), reverse=True)
    return sorted(newest, key=lambda t: not t.selected)


def _nvcc(
    found: Sequence[Toolkit], target: KernelTarget, env: Mapping[str, str]
) -> ToolchainChoice:
    """One that generates the architecture; else the first, whose own words then tell why not."""
    fitting = [t for t in found if not t.version or generates(t.version, target.arch) is not False]
    for toolkit in fitting or found:
        return ToolchainChoice(Toolchain("nvcc", Path(str(toolkit.compiler)), _flags(toolkit), env))
    return ToolchainChoice(None)


def _flags(toolkit: Toolkit) -> tuple[str, ...]:
    """The wheels keep the runtime in lib; their nvcc looks in lib64 alone."""
    root = Path(toolkit.root)
    only_lib = (root / "lib" / "libcudart_static.a").is_file() and not (root / "lib64").exists()
    return (f"-L{root / 'lib'}",) if only_lib else ()


def _clang(facts: Facts, target: KernelTarget, env: Mapping[str, str]) -> ToolchainChoice:
    """The newest clang++ that builds a one-line HIP program: only a try tells whether the HIP
    headers, the device libraries and a C++ library are where it looks."""
    named = [(m[1] or "999", t) for t in facts.tools if (m := _CLANG.fullmatch(t.name))]
    tried = []
    for _, tool in sorted(named, key=lambda pair: -int(pair[0])):
        toolchain = Toolchain("clang", Path(tool.path), env=env)
        problem = _try(toolchain, target)
        if problem is None:
            return ToolchainChoice(toolchain)
        tried.append(f"{tool.path}: {problem}")
    return ToolchainChoice(None, tuple(tried))


_CLANG = re.compile(r"clang\+\+(?:-(\d+)(?:\.\d+)?)?")


def _try(toolchain: Toolchain, target: KernelTarget) -> str | None:
    """None when the program is built, else the compiler's first error."""
    with tempfile.TemporaryDirectory(prefix="gpufix-hip-") as folder:
        source = Path(folder) / "probe.hip"
        source.write_text(_PROBE, encoding="ascii")
        command: list[str | Path] = [
            toolchain.compiler,
            *toolchain.arguments(target),
            "-O0",
            source,
        ]
        command += [*toolchain.libraries(), "-o", Path(folder) / "probe"]
        try:
            ended = run(Program(command, toolchain.env, folder), Limits(_PROBE_LIMIT_S))
        except NotStarted as error:
            return str(error)
    if ended.code == 0:
        return None
    problem = first_error(ended.stderr)
    return problem or (f"it {ended.problem}" if ended.problem else f"exit status {ended.code}")


def first_error(log: str) -> str:
    """The first line that speaks of an error, Python's included, else the first line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines or [""])[0][:500]


_TELLING = re.compile(r"\b(fatal|error|cannot|not found)\b|(?-i:\b[A-Z]\w*Error: )", re.I)


@dataclass
class Compiled:
    """What came of every kernel and target, and why some were not even tried."""

    built: list[Built] = field(default_factory=list)
    compilers: list[CompilerRow] = field(default_factory=list)
    without: dict[KernelTarget, ToolchainChoice] = field(
        default_factory=dict
    )  # no compiler for these
    unusable: dict[Toolchain, tuple[str, list[KernelTarget]]] = field(default_factory=dict)


def compile_suite(facts: Facts, request: SmokeRequest, say: Callable[[str], None]) -> Compiled:
    """Raises OSError when the cache cannot be written."""
    done = Compiled()
    for toolchain, targets in _by_toolchain(facts, request, done).items():
        total = len(request.kernels) * len(targets)
        progress = _Progress(say, total)
        try:
            version = toolchain.version()
            done.built += build_all(
                toolchain,
                request.kernels,
                targets,
                request.cache,
                request.jobs,
                progress=progress,
            )
        except ToolchainError as error:
            done.unusable[toolchain] = (str(error), targets)
            continue
        done.compilers.append(_row(toolchain, version, targets))
    return done


def _by_toolchain(
    facts: Facts, request: SmokeRequest, done: Compiled
) -> dict[Toolchain, list[KernelTarget]]:
    groups: dict[Toolchain, list[KernelTarget]] = {}
    for target in request.targets:
        choice = choose(facts, target, request.env)
        if choice.toolchain is None:
            done.without[target] = choice
        else:
            groups.setdefault(choice.toolchain, []).append(target)
    return groups


def _row(toolchain: Toolchain, version: str, targets: Sequence[KernelTarget]) -> CompilerRow:
    """nvcc names itself in the first line and its release in another."""
    lines = [line.strip() for line in version.splitlines() if line.strip()]
    telling = next((line for line in lines if "release" in line), lines[0])
    return CompilerRow(
        compiler=str(toolchain.compiler), version=telling[:200], targets=[str(t) for t in targets]
    )


class _Progress:
    def __init__(self, say: Callable[[str], None], total: int) -> None:
        self._say, self._total, self._done = say, total, 0
        say(f"compiling {total} programs")

    def __call__(self, built: Built) -> None:
        self._done += 1
        kernel: Kernel = built.kernel
        self._say(f"compiled {self._done} of {self._total}: {kernel.name} for {built.target}")

"""The compiling half of a run: targets to toolchains to programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gpufix.kernels.build import Built, build_all
from gpufix.kernels.manifest import Kernel
from gpufix.kernels.target import Target
from gpufix.kernels.toolchain import Toolchain, ToolchainError
from gpufix.model import Facts
from gpufix.model.smoke import CompilerRow
from gpufix.smoke.request import Request
from gpufix.smoke.toolchains import Choice, choose


@dataclass
class Compiled:
    """What came of every kernel and target, and why some were not even tried."""

    built: list[Built] = field(default_factory=list)
    compilers: list[CompilerRow] = field(default_factory=list)
    without: dict[Target, Choice] = field(default_factory=dict)  # no compiler for these
    unusable: dict[Toolchain, tuple[str, list[Target]]] = field(default_factory=dict)


def compile_suite(facts: Facts, request: Request, say: Callable[[str], None]) -> Compiled:
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


def _by_toolchain(facts: Facts, request: Request, done: Compiled) -> dict[Toolchain, list[Target]]:
    groups: dict[Toolchain, list[Target]] = {}
    for target in request.targets:
        choice = choose(facts, target, request.env)
        if choice.toolchain is None:
            done.without[target] = choice
        else:
            groups.setdefault(choice.toolchain, []).append(target)
    return groups


def _row(toolchain: Toolchain, version: str, targets: Sequence[Target]) -> CompilerRow:
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

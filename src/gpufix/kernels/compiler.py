"""Compiles the suite: in parallel, with a cache, each program's failure its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from gpufix.files import own
from gpufix.frozen import Frozen
from gpufix.kernels.manifest import COMMON, Kernel
from gpufix.kernels.toolchain import KernelTarget, Toolchain, ToolchainError
from gpufix.process import Limits, NotStarted, Program, run

CACHE_FORMAT = 1
MAX_LOG = 32 << 10
TENSOR_MAPS = (12, 5)  # the first nvcc whose runtime gives common/hopper.h what it asks for
_RELEASE = re.compile(r"release (\d+)\.(\d+)")


class Built(Frozen):
    """One program's compilation.

    ``status``: built, cached, failed, timeout, or not applicable. ``log`` is the compiler's own
    words, or why the kernel does not apply. ``program`` is set when there is one.
    """

    kernel: Kernel
    target: KernelTarget
    status: str
    program: Path | None = None
    log: str = ""
    seconds: float = 0.0
    command: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.program is not None


def build_all(
    toolchain: Toolchain,
    kernels: Sequence[Kernel],
    targets: Sequence[KernelTarget],
    cache: Path,
    jobs: int | None = None,
    limit_s: float = 300.0,
    progress: Callable[[Built], None] | None = None,
) -> list[Built]:
    """Every kernel for every target of the toolchain's vendor, in the order given.

    ``progress`` is called in the caller's thread as each ends. Raises ToolchainError when the
    compiler cannot be asked what it is, and OSError when the cache cannot be written.
    """
    version = toolchain.version()
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    work = [(k, t) for t in targets if t.vendor == toolchain.vendor for k in kernels]
    done: dict[int, Built] = {}
    with ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as pool:
        futures = {
            pool.submit(build_one, toolchain, version, kernel, target, cache, limit_s): i
            for i, (kernel, target) in _longest_first(work)
        }
        for future in as_completed(futures):
            built = done[futures[future]] = future.result()
            if progress:
                progress(built)
    return [done[i] for i in range(len(work))]


def _longest_first(
    work: list[tuple[Kernel, KernelTarget]],
) -> Iterable[tuple[int, tuple[Kernel, KernelTarget]]]:
    """The largest source takes longest: starting it first keeps the cores busy to the end."""
    return sorted(enumerate(work), key=lambda item: -item[1][0].source.stat().st_size)


def build_one(
    toolchain: Toolchain,
    version: str,
    kernel: Kernel,
    target: KernelTarget,
    cache: Path,
    limit_s: float,
) -> Built:
    """``version`` is toolchain.version(): asked once for many programs."""
    if why := kernel.missing_need(target):
        return Built(kernel, target, "not applicable", log=why)
    arguments = arguments_of(kernel, toolchain, version, target)
    program = cache / cache_key(toolchain, version, kernel, arguments) / kernel.name
    command = [str(toolchain.compiler), *arguments, f"-I{COMMON}", str(kernel.source)]
    command += toolchain.libraries()
    if program.is_file() and os.access(program, os.X_OK):
        return Built(kernel, target, "cached", program, command=tuple(command))
    return _compile(toolchain, kernel, target, program, command, limit_s)


def arguments_of(
    kernel: Kernel, toolchain: Toolchain, version: str, target: KernelTarget
) -> list[str]:
    """What stands before this kernel's source; ``version`` is what the compiler says of itself."""
    specific = target.arch in kernel.specific and _release(version) >= TENSOR_MAPS
    return toolchain.arguments(target, kernel.ptx_only, specific)


def _release(version: str) -> tuple[int, int]:
    """nvcc's release in what ``nvcc --version`` says; (0, 0) without one."""
    found = _RELEASE.search(version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def cache_key(toolchain: Toolchain, version: str, kernel: Kernel, arguments: list[str]) -> str:
    """Differs when the program could: compiler, flags, steering variables, sources, headers."""
    digest = hashlib.sha256()
    identity = [
        CACHE_FORMAT, kernel.name, version, os.path.realpath(toolchain.compiler), arguments,
        sorted(toolchain.steering().items()),
    ]  # fmt: skip
    digest.update(json.dumps(identity).encode())
    for folder in (COMMON, kernel.folder):
        for path in sorted(p for p in folder.iterdir() if p.suffix in (".cu", ".cuh", ".h")):
            content = own(path)
            digest.update(f"\0{folder.name}/{path.name}\0{len(content)}\0".encode())
            digest.update(content)
    return f"{kernel.name}-{digest.hexdigest()[:32]}"


def _compile(
    toolchain: Toolchain,
    kernel: Kernel,
    target: KernelTarget,
    program: Path,
    command: list[str],
    limit_s: float,
) -> Built:
    """Into a private folder first: a program in the cache is always a whole one."""
    with tempfile.TemporaryDirectory(prefix="build-", dir=program.parent.parent) as scratch:
        output = Path(scratch) / kernel.name
        command = [*command, "-o", str(output)]
        try:
            ended = run(Program(command, toolchain.env, scratch), Limits(limit_s))
        except NotStarted as error:
            raise ToolchainError(f"{toolchain.compiler} {error.problem}") from error
        log = _clip((ended.stderr.strip() + "\n" + ended.stdout.strip()).strip())
        if ended.code == 0 and output.is_file():
            program.parent.mkdir(exist_ok=True, mode=0o700)
            output.replace(program)
            return Built(kernel, target, "built", program, log, ended.seconds, tuple(command))
    if ended.timed_out:
        log = f"it {ended.problem}\n{log}".strip()
    elif ended.signal_name:
        log = f"the compiler was ended by {ended.signal_name}\n{log}".strip()
    status = "timeout" if ended.timed_out else "failed"
    return Built(kernel, target, status, None, log, ended.seconds, tuple(command))


def _clip(log: str) -> str:
    """The beginning and the end: the first error and the summary."""
    if len(log) <= MAX_LOG:
        return log
    return log[: MAX_LOG // 2] + "\n[...]\n" + log[-MAX_LOG // 2 :]

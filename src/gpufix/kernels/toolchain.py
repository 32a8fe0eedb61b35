"""Targets of the kernel suite, and the compilers that serve them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from gpufix.frozen import Frozen
from gpufix.process import Limits, NotStarted, Program, run

_CUDA = re.compile(r"sm_(\d{2,3})([af]?)(\+ptx)?", re.IGNORECASE)
_HIP = re.compile(r"gfx[0-9a-f]{3,4}")
# Architectures whose bf16 matrix instructions common/matrix.h uses.
_HIP_MATRIX = re.compile(r"gfx(90a|94[0-2]|950|11[0-9a-f]{2}|12[0-9a-f]{2})")


class KernelTarget(Frozen):
    """``sm_90``, ``sm_120+PTX`` (machine code and PTX) or ``gfx1030``."""

    arch: str
    ptx: bool = False

    @property
    def vendor(self) -> str:
        return "cuda" if self.arch.startswith("sm_") else "hip"

    @property
    def number(self) -> str:
        """``90`` of ``sm_90``: what compute_XX and sm_XX share."""
        return self.arch.removeprefix("sm_")

    @property
    def has_bf16_matrix(self) -> bool:
        """Whether the suite has a bf16 matrix path for it: sm_80 and later, CDNA2+, RDNA3+."""
        if self.vendor == "cuda":
            return int(self.number.rstrip("af")) >= 80
        return _HIP_MATRIX.fullmatch(self.arch) is not None

    def __str__(self) -> str:
        return self.arch + ("+PTX" if self.ptx else "")


def parse_target(text: str) -> KernelTarget:
    """Raises ValueError on anything but an architecture of the two vendors."""
    text = text.strip()
    if match := _CUDA.fullmatch(text):
        return KernelTarget("sm_" + match[1] + match[2].lower(), ptx=match[3] is not None)
    if _HIP.fullmatch(text):
        return KernelTarget(text)
    raise ValueError(f"not a GPU architecture: {text!r} (sm_90, sm_120+PTX, gfx1030)")


KINDS = ("nvcc", "clang", "hipcc")
# What steers a compiler from outside its command line: part of a cached program's identity.
STEERING = (
    "CPATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS",
    "NVCC_CCBIN", "HIPCC_COMPILE_FLAGS_APPEND", "HIPCC_LINK_FLAGS_APPEND", "ROCM_PATH", "HIP_PATH",
    "HIP_DEVICE_LIB_PATH",
)  # fmt: skip


class ToolchainError(RuntimeError):
    """The compiler cannot be started or does not say what it is."""


class Toolchain(Frozen):
    """``compiler`` of one of KINDS, with flags that every compilation gets.

    ``env`` is the whole environment of the compiler; None is this process's own.
    """

    kind: str
    compiler: Path
    flags: tuple[str, ...] = ()
    env: Mapping[str, str] | None = field(default=None, compare=False)

    @property
    def vendor(self) -> str:
        return "cuda" if self.kind == "nvcc" else "hip"

    def version(self) -> str:
        """The compiler's own words. Raises ToolchainError."""
        try:
            ended = run(Program([self.compiler, "--version"], self.env), Limits(30.0))
        except NotStarted as error:
            raise ToolchainError(f"{self.compiler} {error.problem}") from error
        if ended.problem:
            raise ToolchainError(f"{self.compiler} --version {ended.problem}")
        if ended.code != 0 or not ended.stdout.strip():
            words = (ended.stderr or ended.stdout).strip()[:500] or f"exit status {ended.code}"
            raise ToolchainError(f"{self.compiler} --version: {words}")
        return ended.stdout.strip()

    def steering(self) -> dict[str, str]:
        """The variables of STEERING that are set."""
        env = os.environ if self.env is None else self.env
        return {name: env[name] for name in STEERING if name in env}

    def arguments(
        self, target: KernelTarget, ptx_only: bool = False, specific: bool = False
    ) -> list[str]:
        """Language, optimisation and architecture: what stands before the source.

        ``specific``: machine code may use what only this architecture has (``sm_90a``).
        """
        common = ["-std=c++17", "-O3", *self.flags]
        if self.kind == "nvcc":
            return [*common, *_nvcc_codes(target, ptx_only, specific)]
        libraries = [f"--rocm-device-lib-path={found}"] if (found := self._device_libs()) else []
        return ["-x", "hip", *common, f"--offload-arch={target.arch}", *libraries]

    def libraries(self) -> list[str]:
        """What stands after the source: nvcc and hipcc link their runtimes unasked."""
        return ["-lamdhip64"] if self.kind == "clang" else []

    def _device_libs(self) -> Path | None:
        if self.kind != "clang" or any(f.startswith("--rocm") for f in self.flags):
            return None
        return device_libraries()


def device_libraries() -> Path | None:
    """AMD's device libraries in Debian's places, where its clang does not look; the newest there are.

    Debian 12 keeps them in /usr/lib/x86_64-linux-gnu/amdgcn, later ones below the LLVM that made them:
    a newer clang reads those, too.
    """
    found = list(Path("/usr/lib").glob("*-linux-gnu/amdgcn/bitcode"))
    by_llvm = Path("/usr/lib").glob("llvm-*/lib/clang/*/amdgcn/bitcode")
    found += sorted(by_llvm, key=lambda path: int(re.sub(r"\D", "", path.parts[3]) or 0))
    return found[-1] if found else None


def _nvcc_codes(target: KernelTarget, ptx_only: bool, specific: bool) -> list[str]:
    virtual, exact = f"compute_{target.number}", "a" if specific else ""
    codes = [] if ptx_only else [(virtual + exact, target.arch + exact)]
    if ptx_only or target.ptx:
        codes.append((virtual, virtual))
    return [f"-gencode=arch={arch},code={code}" for arch, code in codes]

"""The compiler that builds the suite: nvcc, or clang / hipcc for HIP."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .process import run_limited
from .target import Target

KINDS = ("nvcc", "clang", "hipcc")
# What steers a compiler from outside its command line: part of a cached program's identity.
STEERING = (
    "CPATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS",
    "NVCC_CCBIN", "HIPCC_COMPILE_FLAGS_APPEND", "HIPCC_LINK_FLAGS_APPEND", "ROCM_PATH", "HIP_PATH",
    "HIP_DEVICE_LIB_PATH",
)  # fmt: skip


class ToolchainError(RuntimeError):
    """The compiler cannot be started or does not say what it is."""


@dataclass(frozen=True)
class Toolchain:
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
            said = run_limited([self.compiler, "--version"], 30.0, env=self.env)
        except OSError as error:
            raise ToolchainError(f"{self.compiler}: {error.strerror or error}") from error
        if said.code != 0 or not said.stdout.strip():
            words = (said.stderr or said.stdout).strip()[:500] or f"exit status {said.code}"
            raise ToolchainError(f"{self.compiler} --version: {words}")
        return said.stdout.strip()

    def steering(self) -> dict[str, str]:
        """The variables of STEERING that are set."""
        env = os.environ if self.env is None else self.env
        return {name: env[name] for name in STEERING if name in env}

    def arguments(self, target: Target, ptx_only: bool = False) -> list[str]:
        """Language, optimisation and architecture: what stands before the source."""
        common = ["-std=c++17", "-O3", *self.flags]
        if self.kind == "nvcc":
            return [*common, *_nvcc_codes(target, ptx_only)]
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


def _nvcc_codes(target: Target, ptx_only: bool) -> list[str]:
    virtual = f"compute_{target.number}"
    codes = [] if ptx_only else [target.arch]
    if ptx_only or target.ptx:
        codes.append(virtual)
    return [f"-gencode=arch={virtual},code={code}" for code in codes]

"""Compiles the stand-in runtime and the suite's programs, each as a library."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amd_emulation.bitcode import with_architectures
from gpufix.kernels.manifest import SUITE
from gpufix.kernels.toolchain import device_libraries
from gpufix.source.cxx import hip

RUNTIME = Path(__file__).parent / "runtime"
OWN = Path(__file__).parent / "programs"
FLAGS = ("-std=c++17", "-O3", "-Wall", "-Wextra", "-Werror")
_DEBIAN = Path("/usr/include")
ROCPRIM = ("sort", "knn", "raster", "splat")  # what includes common/*sort.h


class Missing(RuntimeError):
    """Something that the emulation needs is not on this machine."""


def program(name: str) -> str:
    """A tool of LLVM, the newest of Debian's names, or its plain one."""
    for suffix in ("-22", "-21", "-20", "-19", ""):
        if found := shutil.which(name + suffix):
            return found
    raise Missing(f"no {name} found (Debian: clang-19 llvm-19 lld-19)")


@dataclass(frozen=True)
class Headers:
    """HIP's headers, and rocPRIM's, which may lie in the same folder."""

    hip: Path
    rocprim: Path

    @property
    def version(self) -> str:
        """Of HIP, as its header says."""
        found = _numbers(self.hip / "hip" / "hip_version.h", "HIP_VERSION_")
        return ".".join(found[part] for part in ("MAJOR", "MINOR", "PATCH"))

    def serve(self, name: str) -> bool:
        """Whether a program's includes are all there."""
        there = (self.hip / "hip" / "hip_runtime.h").is_file()
        return there and (
            name not in ROCPRIM or (self.rocprim / "rocprim" / "rocprim.hpp").is_file()
        )

    def flags(self, name: str, arch: str) -> list[str]:
        """Where the headers lie, and what an old rocPRIM has to be told."""
        flags = self.folders(name)
        if name in ROCPRIM and arch.startswith(("gfx11", "gfx12")) and self._knows_no_gfx11:
            flags += ["-DROCPRIM_DISABLE_DPP", "-DROCPRIM_DETAIL_USE_DPP=false"]
        return flags

    def folders(self, name: str = "") -> list[str]:
        """The flags that name folders where clang does not look itself."""
        found = [self.hip, *([self.rocprim] if name in ROCPRIM else [])]
        return [flag for folder in found if folder != _DEBIAN for flag in ("-isystem", str(folder))]

    @property
    def _knows_no_gfx11(self) -> bool:
        """rocPRIM 2.10 (ROCm 5.3) takes a GPU for GCN unless it is one of gfx101x and gfx103x."""
        found = _numbers(self.rocprim / "rocprim" / "rocprim_version.hpp", "ROCPRIM_VERSION_")
        return (int(found["MAJOR"]), int(found["MINOR"])) < (2, 12)


def _numbers(header: Path, prefix: str) -> dict[str, str]:
    """MAJOR, MINOR and PATCH as a header defines them."""
    pattern = rf"#define {prefix}(MAJOR|MINOR|PATCH)\s+(\d+)"
    return dict(re.findall(pattern, header.read_text(encoding="utf-8")))


def triton_headers() -> Path | None:
    """The headers that triton's wheel carries, where triton is installed."""
    spec = importlib.util.find_spec("triton")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "backends" / "amd" / "include"


@dataclass(frozen=True)
class Builder:
    """Builds into `folder`; what is there and made of the same is kept.

    Without `hip` it takes triton's headers, or Debian's where a program needs what triton's lack.
    """

    arch: str
    folder: Path
    hip: Path | None = None
    rocprim: Path | None = None

    def headers(self, name: str) -> Headers | None:
        """What serves a program; None when nothing here does."""
        for folder in [self.hip] if self.hip else [triton_headers(), _DEBIAN]:
            if folder and (found := Headers(folder, self.rocprim or folder)).serve(name):
                return found
        return None

    def runtime(self, headers: Headers) -> Path:
        """The stand-in for libamdhip64."""
        sources = [RUNTIME / "hip.cpp", RUNTIME / "waves.cpp"]
        command = [
            program("clang++"), "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
            "-D__HIP_PLATFORM_AMD__", *headers.folders(), *map(str, sources), "-Wl,-soname,libamdhip64.so",
        ]  # fmt: skip
        inputs = [*sources, *RUNTIME.glob("*.h")]
        return self._made(f"runtime-{headers.version}", command, inputs, "libamdhip64.so")

    def program(self, name: str, headers: Headers, suite: Path = SUITE) -> Path:
        """A program of the suite, or `header`, as a library whose `main` can be called."""
        own = OWN / f"{name}.cu"
        source = own if own.is_file() else suite / name / f"{name}.cu"
        command = [
            program("clang++"), *device_flags(name, self.arch, headers, self.folder), "-fPIC", "-shared",
            "-no-hip-rt", f"-I{compat(self.folder)}", f"-I{suite / 'common'}", str(source),
        ]  # fmt: skip
        inputs = [path for kind in ("cu", "cuh", "h") for path in suite.glob(f"*/*.{kind}")]
        return self._made(name, command, [*inputs, source], f"{name}.so")

    def _made(self, name: str, command: Sequence[str], inputs: list[Path], output: str) -> Path:
        digest = hashlib.sha256(repr((command, hip.COMPAT_TEXT)).encode())
        for path in sorted(inputs):
            digest.update(path.read_bytes())
        place = self.folder / f"{name}-{digest.hexdigest()[:16]}"
        if not (place / output).is_file():
            place.mkdir(parents=True, exist_ok=True)
            fresh = place / f"{output}.part"
            ended = subprocess.run(
                [*command, "-o", str(fresh)], capture_output=True, text=True, check=False
            )
            if ended.returncode:
                raise Missing(f"{name} does not compile:\n{ended.stderr[:4000]}")
            fresh.replace(place / output)
        return place / output


def absent(name: str) -> str:
    """What brings the headers that a program lacks."""
    what = "HIP and rocPRIM" if name in ROCPRIM else "HIP"
    debian = "libamdhip64-dev librocprim-dev" if name in ROCPRIM else "libamdhip64-dev"
    return f"no headers of {what} (Debian: {debian}; --hip PATH, --rocprim PATH)"


def compat(folder: Path) -> Path:
    """A folder with the compatibility header as `gpufix fix` writes it."""
    place = folder / "compat"
    place.mkdir(parents=True, exist_ok=True)
    (place / hip.COMPAT).write_text(hip.COMPAT_TEXT, encoding="utf-8")
    return place


def device_flags(name: str, arch: str, headers: Headers, folder: Path) -> list[str]:
    """What stands before a source: language, headers, device libraries that know the architecture."""
    there = device_libraries()
    if there is None:
        raise Missing("no AMD device libraries (Debian: rocm-device-libs)")
    libraries = with_architectures(Path(program("clang")), there, folder / "bitcode", [arch])
    return [
        "-x", "hip", *FLAGS, f"--offload-arch={arch}", f"--rocm-device-lib-path={libraries}",
        *headers.flags(name, arch),
    ]  # fmt: skip

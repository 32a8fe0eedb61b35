"""CUDA's libraries: which wheel brings one, and which CUDA major a SONAME or a wheel belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table

# The wheels of these majors have a suffix, "-cu12"; CUDA 13's parts of the toolkit dropped it.
_SUFFIXED = (11, 12)
_UNSUFFIXED = 13
_HASH = re.compile(
    r"-[0-9a-f]{8}$"
)  # "libcudart-53d54daa.so.12.6.68": what auditwheel calls a copy
_WHEEL = re.compile(r"(nvidia-[a-z0-9-]+)-cu(\d{2})")


class _Wheel(Frozen):
    """`sonames`: CUDA major -> version in the SONAMEs; {} where that tells no major. first: the CUDA major
    from which on there is one. below: where its libraries lie in its own folder."""

    name: str
    sonames: dict[int, str]
    suffixed: bool
    first: int
    below: str

    def of(self, major: int) -> str:
        """The distribution for a CUDA major."""
        with_suffix = self.suffixed or major in _SUFFIXED
        return f"{self.name}-cu{major}" if with_suffix else self.name

    def majors(self, version: str) -> frozenset[int]:
        """The CUDA majors whose SONAMEs have this version: "11.2" is CUDA 11's libnvrtc.so.11.2."""
        named = (m for m, own in self.sonames.items() if f"{version}.".startswith(f"{own}."))
        return frozenset(named)


@cache
def _wheels() -> dict[str, _Wheel]:
    """By the stem of the SONAME."""
    found: dict[str, _Wheel] = {}
    for name, row in table("cuda_wheels")["libraries"].items():
        sonames = {int(major): version for major, version in row["sonames"].items()}
        wheel = _Wheel(name, sonames, row["suffixed"], row["first"], row["below"])
        found |= dict.fromkeys(row["stems"], wheel)
    return found


def _wheel(soname: str) -> tuple[_Wheel | None, str]:
    stem, _, version = soname.partition(".so")
    return _wheels().get(_HASH.sub("", stem)), version.removeprefix(".")


@cache
def belongs(soname: str) -> bool:
    """Whether it names a library of CUDA's wheels, be it a copy that a wheel brings along."""
    return soname.startswith("lib") and _wheel(soname)[0] is not None


_DLL = re.compile(
    r"(cudart|cublas|cublasLt|cufft|cufftw|curand|cusolver|cusolverMg|cusparse|nvrtc|nvJitLink|cupti|cudnn)"
    r"(?:64)?_[\w.]*\.dll",
    re.IGNORECASE,
)


def is_cuda_dll(name: str) -> bool:
    """Whether it names a library of CUDA's on Windows: "cublas64_12.dll"."""
    return _DLL.fullmatch(name) is not None


def is_copy(soname: str) -> bool:
    """Whether a wheel brings the library along under a name of its own."""
    return _HASH.search(soname.partition(".so")[0]) is not None


def majors(soname: str) -> frozenset[int]:
    """The CUDA majors that a SONAME can belong to: "libcufft.so.11" → 12, "libcusolver.so.11" → 11
    and 12; none where it tells nothing ("libcudnn.so.9")."""
    wheel, version = _wheel(soname)
    return wheel.majors(version) if wheel and version else frozenset()


def bringing(soname: str) -> list[str]:
    """The wheels that can bring a library: "libcudart.so.12" → nvidia-cuda-runtime-cu12,
    "libnccl.so.2" → nvidia-nccl-cu11, -cu12 and -cu13; empty when it is no CUDA library."""
    wheel, version = _wheel(soname)
    if wheel is None or is_copy(soname):
        return []
    if wheel.sonames and version:
        return [wheel.of(m) for m in sorted(wheel.majors(version))]
    every = sorted(wheel.sonames) or (*_SUFFIXED, _UNSUFFIXED)
    return [wheel.of(m) for m in every if m >= wheel.first]


def wheel_of(soname: str, major: int) -> str | None:
    """The wheel that brings a library for a CUDA major; None where none does."""
    wheel, version = _wheel(soname)
    if wheel is None or is_copy(soname):
        return None
    fits = not (wheel.sonames and version) or major in wheel.majors(version)
    fits &= major >= wheel.first
    return wheel.of(major) if fits else None


def folder_of(wheel: str, major: int) -> str:
    """Where a wheel's libraries lie below the site folder: CUDA 13's toolkit has one for all."""
    base, suffixed, _ = wheel.removeprefix("nvidia-").partition("-cu1")
    inner = base.replace("-", "_") if suffixed else f"cu{major}"
    below = next((w.below for w in _wheels().values() if w.name == f"nvidia-{base}"), "lib")
    return f"nvidia/{inner}/{below}"


def is_wheel(name: str) -> bool:
    """Whether a distribution is one of these wheels, for whatever CUDA."""
    base = name.partition("-cu1")[0]
    return any(wheel.name == base for wheel in _wheels().values())


def major_of_wheel(name: str, version: str) -> int | None:
    """The CUDA major of a wheel of NVIDIA's; None for other distributions, and where nothing tells.

    "nvidia-cufft 12.0.0.61" is CUDA 13's: its version is that of its SONAME.
    """
    if suffixed := _WHEEL.fullmatch(name):
        return int(suffixed[2])
    wheel = next((w for w in _wheels().values() if w.name == name and not w.suffixed), None)
    if wheel is None:
        return None
    leading = version.partition(".")[0]
    found = [m for m, own in wheel.sonames.items() if m >= _UNSUFFIXED and own == leading]
    return found[0] if len(found) == 1 else None


# Extras of the meta-package cuda-toolkit whose wheel is not named nvidia-EXTRA (Requires-Dist of
# cuda-toolkit 11.8.0 to 13.5.0).
_EXTRAS = {
    name: f"nvidia-cuda-{part}"
    for name, part in (
        ("cudart", "runtime"),
        *((same, same) for same in ("cccl", "crt", "cupti", "cuxxfilt", "nvcc", "nvrtc", "opencl")),
        ("profiler", "profiler-api"),
        ("sanitizer", "sanitizer-api"),
    )
} | {"nvml": "nvidia-nvml-dev"}


def of_extras(name: str, extras: Iterable[str], version: str) -> list[str]:
    """The wheels that extras of the meta-package cuda-toolkit bring; none of other packages."""
    found = re.match(r"\d+", version)
    if name != "cuda-toolkit" or found is None:
        return []
    major = int(found[0])
    suffix = f"-cu{major}" if major in _SUFFIXED else ""
    return [f"{_EXTRAS.get(e, f'nvidia-{e}')}{suffix}" for e in sorted(extras)]

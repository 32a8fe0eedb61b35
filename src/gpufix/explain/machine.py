"""The toolkit, host compiler and driver that a text prints: nvcc, GCC, the driver and the CUDA that it serves."""

from __future__ import annotations

import re

from gpufix.frozen import Frozen
from gpufix.knowledge import cuda

# What is said outright, then what a path tells.
_NVCC = (
    re.compile(r"Cuda compilation tools, release (?P<v>\d{1,2}\.\d{1,2})"),
    re.compile(r"CUDA compiler identification is NVIDIA (?P<v>\d{1,2}\.\d{1,2})"),
    re.compile(
        r"/cuda-(?P<a>\d{1,2}\.\d{1,2})/(?:bin|include|targets|nvvm|lib64)\b|[\\/]CUDA[\\/]v(?P<b>\d{1,2}\.\d{1,2})[\\/]"
        r"|cuda_nvcc-(?P<c>\d{1,2}\.\d{1,2})"
    ),
)
_GCC = (
    re.compile(r"C(?:XX)? compiler identification is GNU (?P<v>\d{1,2})\."),
    re.compile(
        r"(?:^|\n)(?:gcc|g\+\+|c\+\+|\S{0,60}-g(?:cc|\+\+)) \([^)\n]{1,80}\) (?P<a>\d{1,2})\.\d|gcc version (?P<b>\d{1,2})\.\d"
        r"|GCC version: (?:\([^)\n]{0,80}\) )?(?P<c>\d{1,2})\.\d"
    ),
    re.compile(
        r"/(?:include/c\+\+|(?:x86_64|aarch64)-[\w-]{2,20})/(?P<a>\d{1,2})(?:\.\d+)*/|\b(?:gcc|g\+\+)-(?P<b>\d{1,2})\b"
    ),
)
_DRIVER = re.compile(
    r"(?:Driver [Vv]ersion:|NVIDIA-SMI|driver version (?:is )?|NVRM version: NVIDIA UNIX \S+ Kernel Module)\s{0,3}(?P<v>\d{3}\.\d{2,3}(?:\.\d{2})?)\b",
    re.IGNORECASE,
)
_SERVED = re.compile(
    r"Driver Version: \S{1,12}\s{1,20}CUDA Version: (?P<v>\d{1,2}\.\d)|found version (?P<n>\d{4,5})\)"
)


class Machine(Frozen):
    """None: the text does not print it, or prints two."""

    nvcc: str | None  # "12.4"
    gcc: int | None  # its major
    driver: str | None
    served: str | None  # the newest CUDA of the driver

    @property
    def newest_gcc(self) -> int | None:
        """The newest GCC that this nvcc takes as host compiler."""
        known = cuda.limit(self.nvcc, "gcc") if self.nvcc else None
        return known.max_major if known else None

    @property
    def gcc_too_new(self) -> bool:
        """Whether both are told, and nvcc refuses that GCC."""
        most = self.newest_gcc
        return most is not None and self.gcc is not None and self.gcc > most


def machine(text: str) -> Machine:
    """What a text says of the machine that it comes from."""
    gcc, driver = _first(_GCC, text), _one(_DRIVER, text)
    return Machine(
        nvcc=_first(_NVCC, text),
        gcc=int(gcc) if gcc else None,
        driver=driver,
        served=_served(text) or (cuda.cuda_of_driver(driver) if driver else None),
    )


def _served(text: str) -> str | None:
    found = _SERVED.search(text)
    if found is None:
        return None
    return found["v"] or cuda.of_number(int(found["n"]))


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> str | None:
    return next((_one(one, text) for one in patterns if one.search(text)), None)


def _one(pattern: re.Pattern[str], text: str) -> str | None:
    told = _values(pattern, text)
    return told.pop() if len(told) == 1 else None


def _values(pattern: re.Pattern[str], text: str) -> set[str]:
    return {next(v for v in found.groups() if v) for found in pattern.finditer(text)}

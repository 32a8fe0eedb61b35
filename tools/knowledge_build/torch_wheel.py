"""What one wheel of torch says: version, metadata, GPU code, C++ ABI, tables of its own."""

from __future__ import annotations

import ast
import re
from collections import Counter
from email.parser import Parser
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from gpufix.binary.demangle.mangled import cxx11_abi
from gpufix.binary.elf import ElfFile
from gpufix.binary.gpucode.extract import code_objects
from gpufix.binary.wheel import WheelZip

from .cpp_extension import CppExtensionSource
from .symbols import Exports, exports

PLATFORMS = ("linux_x86_64", "linux_aarch64")
_FILE = 8 << 20  # bytes of a text file in the wheel
_GPU = re.compile(r"torch/lib/libtorch_(cuda|cuda_cu|cuda_cpp|cuda_linalg|hip)\.so")
_ARCH_LIST = re.compile(rb"(?:(?:sm|compute)_\d+[af]? ?){2,}|(?:gfx[0-9a-f]{3,4} ?){2,}")


def metadata(path: Path) -> dict[str, list[str]]:
    """The fields of a wheel's METADATA."""
    with WheelZip(str(path)) as wheel:
        name = next(m.name for m in wheel.members() if m.name.endswith(".dist-info/METADATA"))
        message = Parser().parsestr(wheel.head(name, _FILE).decode("utf-8", "replace"))
    return {key: message.get_all(key, []) for key in set(message.keys())}


class TorchWheel:
    """A wheel of a torch release. Raises ValueError for another one."""

    def __init__(self, path: Path) -> None:
        distribution, version, _, tags = parse_wheel_filename(path.name)
        if distribution != "torch" or version.pre or version.dev:
            raise ValueError(f"{path.name}: not the wheel of a torch release")
        self.path = path
        self.release = version.public
        self.python = min(tag.abi for tag in tags)
        machines = {p for p in PLATFORMS for tag in tags if tag.platform.endswith(p[6:])}
        if not machines or not any("linux" in tag.platform for tag in tags):
            raise ValueError(f"{path.name}: not for Linux on x86-64 or aarch64")
        self.platform = machines.pop()
        self._zip = WheelZip(str(path))
        self._names = {member.name for member in self._zip.members()}
        self.variant = self._variant()

    @property
    def name(self) -> str:
        return self.path.name

    def _text(self, member: str) -> str:
        return self._zip.head(member, _FILE).decode("utf-8", "replace")

    def _variant(self) -> str:
        found = re.search(
            r"^__version__ = '[^'+]*\+?([^']*)'", self._text("torch/version.py"), re.M
        )
        if not found or not re.fullmatch(r"cpu|cu\d+|rocm[\d.]+", found[1]):
            raise ValueError(f"{self.name}: torch/version.py names no variant")
        return found[1]

    def declared(self) -> tuple[str, dict[str, str]]:
        """Requires-Python, and the pins of CUDA's packages and triton."""
        fields = metadata(self.path)
        pins = {}
        for text in fields.get("Requires-Dist", []):
            need = Requirement(text)
            if re.match(r"nvidia-|cuda-|triton$|pytorch-triton", need.name):
                extras = f"[{','.join(sorted(need.extras))}]" if need.extras else ""
                pins[need.name + extras] = str(need.specifier)
        return fields["Requires-Python"][0], pins

    def cpp_extension(self) -> CppExtensionSource:
        return CppExtensionSource(self._text("torch/utils/cpp_extension.py"))

    def numpy2(self) -> bool:
        """Whether it asks NumPy for the module's name of version 2 as well."""
        return b"numpy._core._multiarray_umath" in self._python_library

    def abi(self) -> int | None:
        """_GLIBCXX_USE_CXX11_ABI, by the names that libc10 exports."""
        with self._zip.unpacked("torch/lib/libc10.so") as path:
            library = ElfFile(path)
            try:
                return cxx11_abi([], [export.name for export in library.exports()]).abi
            finally:
                library.release()

    def code(self) -> tuple[str, str]:
        """The architectures of its machine code and of its PTX, each a container in two has.

        Single kernels exist for more ("sm_90a"), and some libraries leave out old ones.
        """
        cubins: Counter[str] = Counter()
        ptx: Counter[str] = Counter()
        containers = 0
        for member in sorted(name for name in self._names if _GPU.fullmatch(name)):
            with self._zip.unpacked(member) as path:
                for images, count in code_objects(path).parts():
                    containers += count
                    for kind, counter in (("cubin", cubins), ("hip", cubins), ("ptx", ptx)):
                        archs = {i.arch.split(":")[0] for i in images if i.kind == kind}
                        counter.update(dict.fromkeys(archs, count))
        return _usual(cubins, containers), _usual(ptx, containers)

    def told_archs(self) -> str:
        """What torch.cuda.get_arch_list() will say: "" when it is not found."""
        found = _ARCH_LIST.search(self._python_library)
        return found[0].decode().strip() if found else ""

    def other_builds(self) -> dict[str, dict[str, str]]:
        """platform -> variant -> architectures, by the table in torch/cuda/__init__.py (from 2.12)."""
        table = re.search(
            r"^PYTORCH_RELEASES_CODE_CC\b[^=]*= (\{.*?^\})",
            self._text("torch/cuda/__init__.py"),
            re.M | re.S,
        )
        builds: dict[str, dict[str, str]] = {}
        for cuda, machines in ast.literal_eval(table[1]).items() if table else ():
            for machine, numbers in machines.items():
                archs = " ".join(f"sm_{number}" for number in sorted(numbers))
                builds.setdefault(f"linux_{machine}", {})[f"cu{cuda.replace('.', '')}"] = archs
        return builds

    def exports(self) -> Exports:
        return exports(self._zip)

    def row(self) -> dict[str, Any]:
        """As a variant of a release's file."""
        archs, ptx = self.code()
        abi = self.abi()
        row: dict[str, Any] = {"archs": archs, "ptx": ptx} | ({} if abi is None else {"abi": abi})
        return row | {"source": f"GPU code of {self.name}", "confidence": "measured"}

    @cached_property
    def _python_library(self) -> bytes:
        with self._zip.unpacked("torch/lib/libtorch_python.so") as path:
            return Path(path).read_bytes()


def _usual(counts: Counter[str], containers: int) -> str:
    usual = [arch for arch, count in counts.items() if 2 * count > containers]
    return " ".join(sorted(usual, key=lambda arch: (len(arch), arch)))

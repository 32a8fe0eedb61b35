"""A Windows machine as files: System32, a Python, packages with small DLLs in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pe_writer import Dll

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.facts.collect import collect
from gpufix.facts.context import CollectContext
from gpufix.facts.queries import Queries
from gpufix.model import Diagnosis, Facts

RUNTIME = ("msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll")
CRT = {"msvcp140.dll": ["_Mtx_lock"], "vcruntime140.dll": ["memcpy"], "KERNEL32.dll": ["Sleep"]}
_CORE = {"_Mtx_lock": "", "_Mtx_init_in_situ": "", "memcpy": ""}


def runtime(version: tuple[int, int, int, int] = (14, 44, 35211, 0)) -> Dll:
    """A DLL of the Visual C++ runtime."""
    return Dll(exports=_CORE, version=version)


def python_dll(minor: int = 11, micro: int = 9) -> Dll:
    """python3XX.dll."""
    version = (3, minor, micro * 1000 + 150, 1013)
    return Dll(exports={"PyInit": ""}, imports={"KERNEL32.dll": ["Sleep"]}, version=version)


@dataclass
class Machine:
    """drive: C:, as a folder."""

    drive: Path

    def put(self, path: str, content: Dll | str | bytes) -> Path:
        """A file below the drive."""
        file = self.drive / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        file.write_bytes(content.bytes() if isinstance(content, Dll) else content)
        return file

    def system(self) -> None:
        """System32 with the Visual C++ runtime and a driver."""
        for name in RUNTIME:
            self.put(f"Windows/System32/{name}", runtime())
        self.put(
            "Windows/System32/nvcuda.dll", Dll(exports={"cuInit": ""}, version=(32, 0, 15, 7688))
        )

    def python(self, folder: str, minor: int = 11) -> Path:
        """python.exe with its DLLs and library."""
        imports = {f"python3{minor}.dll": ["PyInit"], "vcruntime140.dll": ["memcpy"]}
        self.put(f"{folder}/python.exe", Dll(imports=imports))
        self.put(f"{folder}/python3{minor}.dll", python_dll(minor))
        self.put(f"{folder}/python3.dll", Dll(exports={"PyInit": ""}))
        for name in RUNTIME[1:]:
            self.put(f"{folder}/{name}", runtime())
        return self.drive / folder

    def embedded(self, folder: str = "ComfyUI/python_embeded") -> Path:
        """A Python as portable programs carry it along."""
        found = self.python(folder)
        self.put(f"{folder}/python311._pth", "python311.zip\n.\n# comment\nimport site\n")
        return found

    def package(
        self, site: Path, name: str, version: str, files: Mapping[str, Dll | str], *requires: str
    ) -> None:
        """Install a distribution."""
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        rows = "".join(f"Requires-Dist: {row}\n" for row in requires)
        texts = {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{rows}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nTag: cp311-cp311-win_amd64\n",
            f"{info}/INSTALLER": "pip\n",
        }
        record = []
        for path, content in {**files, **texts}.items():
            file = self.put(str((site / path).relative_to(self.drive)), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest())
            record.append(f"{path},sha256={digest.decode().rstrip('=')},{file.stat().st_size}")
        record.append(f"{info}/RECORD,,")
        (site / info / "RECORD").write_text("\n".join(record) + "\n")

    def torch(self, site: Path, version: str = "2.9.1+cpu", cuda: str | None = None) -> None:
        """A small torch."""
        c10 = {"?guard@SymBool@c10@@QEBA_NXZ": ""}
        lib = {
            "c10.dll": Dll(imports=CRT, exports=c10, linker=(14, 42)),
            "torch_cpu.dll": Dll(imports={"c10.dll": [*c10], "libiomp5md.dll": ["omp"], **CRT}),
            "torch_python.dll": Dll(imports={"torch_cpu.dll": [], "python311.dll": ["PyInit"]}),
            "torch.dll": Dll(imports={"KERNEL32.dll": ["Sleep"]}),
            "shm.dll": Dll(imports={"c10.dll": []}),
            "torch_global_deps.dll": Dll(),
            "libiomp5md.dll": Dll(exports={"omp": ""}),
        }
        spelled = (
            f"__version__ = '{version}'\ndebug = False\ncuda: str | None = {cuda!r}\nhip = None\n"
        )
        self.package(
            site,
            "torch",
            version,
            {
                "torch/__init__.py": "from torch._C import *\n",
                "torch/version.py": spelled,
                "torch/_C.cp311-win_amd64.pyd": Dll(imports={"torch_python.dll": []}),
                **{f"torch/lib/{name}": dll for name, dll in lib.items()},
            },
        )

    def extension(self, site: Path, name: str, imports: Mapping[str, Sequence[str]]) -> None:
        """A package whose only module is compiled, and that imports torch before."""
        module = Dll(imports=imports, exports={"PyInit__C": ""})
        files = {
            f"{name}/__init__.py": "import torch\nfrom . import _C\n",
            f"{name}/_C.cp311-win_amd64.pyd": module,
        }
        self.package(site, name, "1.0", files)


def complete(drive: Path) -> tuple[Machine, Path, Path]:
    """A machine with nothing wrong: it, the Python's folder, its site folder."""
    machine = Machine(drive)
    machine.system()
    folder = machine.embedded()
    site = folder / "Lib/site-packages"
    machine.torch(site)
    machine.extension(
        site,
        "kernels",
        {
            "torch_cpu.dll": [],
            "c10.dll": ["?guard@SymBool@c10@@QEBA_NXZ"],
            "python311.dll": ["PyInit"],
        },
    )
    return machine, folder, site


def facts(folder: Path, project: Path | None = None) -> Facts:
    """What is observed of a patient."""
    ctx = CollectContext(environ={}, home=folder, cwd=folder)
    return collect(ctx, str(folder), project)


def diagnosed(folder: Path, *gpus: str, project: Path | None = None) -> Diagnosis:
    """What the doctor says of a patient."""
    found = facts(folder, project)
    return diagnose(found, Request(gpus=gpus), Queries.of(found))

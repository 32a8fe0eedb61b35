"""Hand-made facts for tests of checks and fixes. Defaults are a healthy Linux machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from gpufix.checks.judge import run_check
from gpufix.checks.registry import declared
from gpufix.evidence.view import View
from gpufix.knowledge.cuda_libraries import belongs
from gpufix.knowledge.gpus import models as known
from gpufix.model import (
    Binaries,
    CodeObject,
    CondaPackage,
    Distribution,
    Driver,
    Environment,
    Facts,
    Finding,
    Gpu,
    Host,
    Import,
    Library,
    Project,
    Python,
    Spared,
    Target,
    Tool,
    Toolkit,
    Torch,
)

SITE = "/env/lib/python3.11/site-packages"


def host(**changes: Any) -> Host:
    """Linux x86-64 with glibc 2.35, 16 CPUs and 64 GiB."""
    base: dict[str, Any] = {
        "os": "Linux",
        "kernel": "6.8.0",
        "machine": "x86_64",
        "libc": "glibc",
        "libc_version": "2.35",
        "cpus": 16,
        "memory": 64 << 30,
        "memory_available": 60 << 30,
    }
    return Host(**(base | changes))


def python(tag: str = "cp311", **changes: Any) -> Python:
    """A venv's interpreter with headers."""
    version = f"3.{tag.removeprefix('cp3').rstrip('t')}.7"
    base: dict[str, Any] = {
        "executable": "/env/bin/python",
        "version": version,
        "tag": tag,
        "machine": "x86_64",
        "prefix": "/env",
        "base_prefix": "/usr",
        "kind": "venv",
        "site_dirs": [SITE],
        "has_headers": True,
    }
    return Python(**(base | changes))


def torch(version: str = "2.9.0+cu128", **changes: Any) -> Torch:
    """A release build; `variant`, `cuda` and `hip` follow from the local version."""
    release, _, variant = version.partition("+")
    base: dict[str, Any] = {
        "state": "ok",
        "location": SITE,
        "version": version,
        "release": release,
        "variant": variant or None,
        "build": "release",
        "cxx11_abi": True,
    }
    if variant.startswith("cu"):
        base["cuda"] = f"{variant[2:-1]}.{variant[-1]}"
    if variant.startswith("rocm"):
        base["hip"] = f"{variant[4:]}.43483-0"
    return Torch(**(base | changes))


def gpu(arch: str = "sm_89", index: int = 0, **changes: Any) -> Gpu:
    """One visible device with 24 GiB."""
    vendor = "amd" if arch.startswith("gfx") else "nvidia"
    base: dict[str, Any] = {
        "vendor": vendor,
        "index": index,
        "name": f"GPU of {arch}",
        "arch": arch,
        "memory_total": 24 << 30,
        "memory_free": 23 << 30,
        "source": "kfd" if vendor == "amd" else "nvml",
    }
    return Gpu(**(base | changes))


def driver(version: str = "580.95.05", cuda: str | None = "13.0", **changes: Any) -> Driver:
    """A working NVIDIA driver."""
    base: dict[str, Any] = {
        "vendor": "nvidia",
        "version": version,
        "kernel_version": version,
        "cuda": cuda,
        "library": "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
        "nodes": ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"],
        "pci_devices": 1,
    }
    return Driver(**(base | changes))


def amd_driver(**changes: Any) -> Driver:
    """A working amdgpu driver."""
    base: dict[str, Any] = {
        "vendor": "amd",
        "kernel_version": "6.12.12",
        "nodes": ["/dev/kfd", "/dev/dri/renderD128"],
        "pci_devices": 1,
    }
    return Driver(**(base | changes))


def toolkit(version: str | None = "12.8", **changes: Any) -> Toolkit:
    """A CUDA toolkit under /usr/local, the one that torch would use."""
    root = changes.get("root", f"/usr/local/cuda-{version}")
    base: dict[str, Any] = {
        "kind": "cuda",
        "root": root,
        "version": version,
        "origin": "/usr/local",
        "compiler": f"{root}/bin/nvcc",
        "selected": True,
    }
    return Toolkit(**(base | changes))


def rocm(version: str = "6.4.2", **changes: Any) -> Toolkit:
    """A ROCm installation under /opt/rocm."""
    return toolkit(
        version,
        **(
            {
                "kind": "rocm",
                "root": "/opt/rocm",
                "origin": "/opt/rocm",
                "compiler": "/opt/rocm/bin/hipcc",
            }
            | changes
        ),
    )


def tool(name: str, version: str | None = "12.2.0", path: str | None = None) -> Tool:
    """A build tool at /usr/bin/NAME."""
    return Tool(name=name, version=version, path=path or f"/usr/bin/{name}")


def build_tools() -> list[Tool]:
    """What a build of an extension needs."""
    return [tool("gcc"), tool("g++"), tool("ninja", "1.11.1"), tool("cmake", "3.28.0")]


def dist(name: str, version: str = "1.0", **changes: Any) -> Distribution:
    """An installed distribution."""
    return Distribution(**({"name": name, "version": version, "location": SITE} | changes))


def conda(name: str, version: str = "1.0", **changes: Any) -> CondaPackage:
    """A package of conda's, in /env."""
    base = {"prefix": "/env", "metadata": f"/env/conda-meta/{name}.json"}
    return CondaPackage(**({"name": name, "version": version} | base | changes))


def code(*archs: str, kind: str = "cubin", ptx_version: str | None = None) -> list[CodeObject]:
    """Code objects of one kind: code("sm_80", "sm_90"), code("sm_90", kind="ptx")."""
    return [CodeObject(kind=kind, arch=arch, ptx_version=ptx_version) for arch in archs]


def library(path: str, objects: list[CodeObject] | None = None, **changes: Any) -> Library:
    """A compiled library under site-packages with the GPU code given."""
    base: dict[str, Any] = {"path": f"{SITE}/{path}", "code": objects or []}
    return Library(**(base | changes))


def binaries(*libraries: Library, imports: Sequence[Import] = ()) -> Binaries:
    """A scan that found these libraries; what imports of their packages would do."""
    holders = sum(bool(x.code) for x in libraries)
    cuda: dict[str, set[str]] = {}
    for x in libraries:
        named = {n for n in (*x.needed, *(p.name for p in x.problems)) if belongs(n)}
        if x.distribution and named:
            cuda.setdefault(x.distribution, set()).update(named)
    return Binaries(
        scanned=len(libraries),
        libraries=list(libraries),
        with_code=holders,
        imports=list(imports),
        cuda={owner: sorted(named) for owner, named in cuda.items()},
    )


def importing(met: Library, state: str = "fails", **changes: Any) -> Import:
    """An import of the library's package that meets it, in line 3."""
    module = met.path.removeprefix(f"{SITE}/").partition("/")[0]
    path = met.path if state != "works" else None
    base = {
        "module": module,
        "distribution": met.distribution,
        "state": state,
        "library": path,
        "chain": [f"{SITE}/{module}/__init__.py:3"] if state == "fails" else [],
        "doubts": [path] if state == "unsure" else [],
    }
    return Import(**(base | changes))


def sparing(*libraries: Library, **told: bool) -> Import:
    """An import that tries these libraries in vain at one place, and goes on."""
    spared = [
        Spared(library=x.path, place=f"{SITE}/{x.distribution}/load.py:7", **told)
        for x in libraries
    ]
    return importing(libraries[0], "works", spared=spared)


def tried(owner: str) -> str:
    """The evidence of `sparing`."""
    return f"tried at {SITE}/{owner}/load.py:7, and done without"


def way(module: str = "foo") -> tuple[str, str]:
    """The evidence of `importing`."""
    return (f"import {module} fails", f"{SITE}/{module}/__init__.py:3")


def project(builds: bool = True, **changes: Any) -> Project:
    """A project folder with something to compile."""
    base = {"root": "/src/project", "markers": ["setup.py"], "builds_extensions": builds}
    return Project(**(base | changes))


def environment(**process: str) -> Environment:
    """Process variables."""
    return Environment(process=process)


def facts(**sections: Any) -> Facts:
    """A machine with a Python and nothing else, but for the sections given."""
    return Facts(**({"host": host(), "python": python()} | sections))


def healthy(**sections: Any) -> Facts:
    """An RTX 4090 with torch 2.9.0+cu128, its driver, CUDA 12.8, tools, and a project to build."""
    base: dict[str, Any] = {
        "gpus": [gpu("sm_89", name="NVIDIA GeForce RTX 4090")],
        "drivers": [driver()],
        "torch": torch(),
        "distributions": [
            dist("torch", "2.9.0+cu128"),
            dist("setuptools", "80.9.0"),
            dist("wheel", "0.45.1"),
            dist("ninja", "1.11.1"),
        ],
        "toolkits": [toolkit()],
        "tools": build_tools(),
        "project": project(),
    }
    return facts(**(base | sections))


def healthy_amd(**sections: Any) -> Facts:
    """A Radeon RX 7900 XTX with torch 2.9.0+rocm6.4, ROCm 6.4.2, tools, and a project to build."""
    base: dict[str, Any] = {
        "gpus": [gpu("gfx1100", name="AMD Radeon RX 7900 XTX")],
        "drivers": [amd_driver()],
        "torch": torch("2.9.0+rocm6.4"),
        "distributions": [dist("torch", "2.9.0+rocm6.4"), *healthy().distributions[1:]],
        "toolkits": [rocm()],
    }
    return healthy(**(base | sections))


def source(path: str, text: str) -> dict[str, Any]:
    """The answer of a snapshot that holds the text of a file."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {f"source:{path}": {"text": text, "encoding": "utf-8", "sha256": digest}}


def view(facts_: Facts, *named: str) -> View:
    """A view whose targets are the GPUs named, else every visible one."""
    if named:
        return View(facts_, [known.resolve(name) for name in named])
    seen = [
        Target(vendor=g.vendor, arch=g.arch, name=g.name, source=f"GPU {g.index}", gpu=g.index)
        for g in facts_.gpus
        if g.arch
    ]
    return View(facts_, seen)


def run(check: Any, facts_: Facts, *named: str) -> list[Finding]:
    """The findings of one check on hand-made facts."""
    return run_check(declared(check), view(facts_, *named))

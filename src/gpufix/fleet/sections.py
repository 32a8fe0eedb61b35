"""What is compared between nodes: each part of a snapshot as rows of names and values.

What differs between healthy nodes all the time is left out: free memory, processes, caches, locks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Row = tuple[str, str]
Json = Mapping[str, Any]

_UUID = re.compile(r"\b(GPU|MIG)-[0-9a-fA-F-]{8,}(?:/\d+)*")
_PER_LOGIN = {"DISPLAY", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL", "UV_RUN_RECURSION_DEPTH"}
_COMPILERS = {"gcc", "g++", "clang", "clang++", "nvcc", "hipcc", "cmake", "ninja", "ld"}


def _interpreter(facts: Json) -> Iterator[Row]:
    python = facts.get("python")
    if not python:
        return
    names = ("version", "implementation", "tag", "soabi", "machine", "kind", "executable", "prefix")
    for name in names:
        if python.get(name):
            yield name, str(python[name])
    for file in python.get("pth_files", ()):
        if file.get("runs_code"):
            yield f"start code {file['path'].rpartition('/')[2]}", "runs"


def _distributions(facts: Json) -> Iterator[Row]:
    for dist in facts.get("distributions", ()):
        yield dist["name"], _version(dist)
    for package in facts.get("conda_packages", ()):
        build = f" {package['build']}" if package.get("build") else ""
        yield f"conda {package['name']}", f"{package['version']}{build}{_damage(package)}"
    for shared in facts.get("shared_files", ()):
        if shared.get("differ"):
            owners = ", ".join(shared["owners"])
            yield (
                f"whose {_tail(shared['path'])} of {owners}",
                str(shared.get("holder") or "nobody's"),
            )


def _version(dist: Json) -> str:
    told = [dist["version"]]
    if dist.get("build"):
        told.append(dist["build"])
    if dist.get("variant"):
        told.append(f"variant {dist['variant']['label']}")
    if dist.get("editable"):
        told.append(f"editable {dist['editable']}")
    elif dist.get("direct_url"):
        told.append(f"from {dist['direct_url']}")
    return " ".join(told) + _damage(dist)


def _damage(dist: Json) -> str:
    record = dist.get("record") or {}
    told = [
        f"{record[f'{what}_count']} {what}: {', '.join(record.get(what, ())[:3])}"
        for what in ("missing", "altered")
        if record.get(f"{what}_count")
    ]
    return f" ({'; '.join(told)})" if told else ""


def _tail(path: str) -> str:
    return path.rpartition("site-packages/")[2]


def _libraries(facts: Json) -> Iterator[Row]:
    within = _Within(facts)
    binaries = facts.get("binaries") or {}
    for file in binaries.get("files", ()):
        version = f"{file['version']}, " if file.get("version") else ""
        told = f"{version}{file['size']:,} bytes, {file['digest']}"
        yield within(file["path"]), told
    for owner, digest in (binaries.get("further") or {}).items():
        yield f"further libraries of {owner or 'nobody'}", digest
    for library in binaries.get("libraries", ()):
        problems = library.get("problems") or ()
        if problems and not all(problem.get("driver") for problem in problems):
            yield f"loading {within(library['path'])}", _refusal(problems)


def _refusal(problems: Any) -> str:
    told = [f"{one['kind']} {one['name']}" for one in problems if not one.get("driver")]
    more = f" and {len(told) - 2} more" if len(told) > 2 else ""
    return ", ".join(told[:2]) + more


class _Within:
    """Paths relative to the environment, so that two of them at other places can be compared."""

    def __init__(self, facts: Json) -> None:
        python = facts.get("python") or {}
        roots = [*python.get("site_dirs", ()), python.get("prefix") or ""]
        self._roots = sorted((f"{r.rstrip('/')}/" for r in roots if r), key=len, reverse=True)

    def __call__(self, path: str) -> str:
        root = next((root for root in self._roots if path.startswith(root)), "")
        return path[len(root) :]


def _torch(facts: Json) -> Iterator[Row]:
    torch = facts.get("torch")
    for name in ("state", "version", "cuda", "hip", "variant", "build", "cxx11_abi", "git_version"):
        if torch and torch.get(name) is not None:
            yield name, str(torch[name])
    if torch and torch.get("missing"):
        yield "missing files", ", ".join(torch["missing"][:5])


def _drivers(facts: Json) -> Iterator[Row]:
    for driver in facts.get("drivers", ()):
        vendor = {"nvidia": "NVIDIA", "amd": "AMD"}.get(driver["vendor"], driver["vendor"])
        names = {
            "version": "driver",
            "kernel_version": "kernel module",
            "flavour": "kernel module's flavour",
            "cuda": "CUDA of the driver",
            "error": "error",
        }
        for key, name in names.items():
            if driver.get(key):
                yield f"{vendor} {name}", str(driver[key])
        if driver.get("pci_devices"):
            yield f"{vendor} GPUs on PCI", str(driver["pci_devices"])
        if driver.get("denied"):
            yield f"{vendor} device nodes that may not be opened", str(len(driver["denied"]))
        if driver.get("library_is_stub"):
            yield f"{vendor} driver library", "a stub"


def _gpus(facts: Json) -> Iterator[Row]:
    gpus = facts.get("gpus", ())
    yield "count", str(len(gpus))
    models = Counter(
        f"{gpu.get('name') or gpu.get('arch') or gpu['vendor']}{_memory(gpu)}" for gpu in gpus
    )
    for model, number in models.items():
        yield model, f"{number} of them"


def _memory(gpu: Json) -> str:
    total = gpu.get("memory_total")
    return f" {round(total / (1 << 30))} GiB" if total else ""


def _toolkits(facts: Json) -> Iterator[Row]:
    for kit in facts.get("toolkits", ()):
        if kit.get("origin") != "wheel":
            chosen = ", used by builds" if kit.get("selected") else ""
            yield f"{kit['kind']} in {kit['root']}", f"{kit.get('version') or '?'}{chosen}"
    prefix = f"{(facts.get('python') or {}).get('prefix') or '?'}/"
    for tool in facts.get("tools", ()):
        if tool["name"] in _COMPILERS and not tool["path"].startswith(prefix):
            yield tool["name"], str(tool.get("version") or "?")


def _variables(facts: Json) -> Iterator[Row]:
    environment = facts.get("environment") or {}
    for name, value in (environment.get("process") or {}).items():
        if name not in _PER_LOGIN:
            yield name, _UUID.sub(r"\1-…", value)
    for name, value in (environment.get("overlay") or {}).items():
        yield f"{name} in gpufix's environment file", "unset" if value is None else value
    for name, set_ in (environment.get("started") or {}).items():
        yield f"{name} set when Python starts", set_["value"]


def _system(facts: Json) -> Iterator[Row]:
    host = facts["host"]
    for name in ("kernel", "distro", "machine", "os"):
        if host.get(name):
            yield name, str(host[name])
    if host.get("wsl"):
        yield "WSL", "yes"


def _libc(facts: Json) -> Iterator[Row]:
    host = facts["host"]
    if host.get("libc_version") or host.get("libc"):
        yield host.get("libc") or "libc", str(host.get("libc_version") or "?")
    for name in ("glibcxx", "cxxabi"):
        if host.get(name):
            yield f"{name.upper()} of libstdc++", str(host[name])


def _image(facts: Json) -> Iterator[Row]:
    host = facts["host"]
    for name in ("image", "container"):
        if host.get(name):
            yield name, str(host[name])


def _network(facts: Json) -> Iterator[Row]:
    network = facts.get("network") or {}
    for one in network.get("interfaces") or ():
        speed = f", {one['speed']} Mbit/s" if one.get("speed") else ""
        yield f"interface {one['name']}", f"MTU {one.get('mtu') or '?'}{speed}"
    for port in network.get("infiniband") or ():
        told = [str(port[key]) for key in ("state", "rate", "layer") if port.get(key)]
        yield f"{port['device']} port {port['port']}", ", ".join(told) or "?"
    for name, file in (network.get("libraries") or {}).items():
        yield name, file
    for name, value in (network.get("nccl") or {}).items():
        yield f"{name} in nccl.conf", value


def _storage(facts: Json) -> Iterator[Row]:
    storage = facts.get("storage")
    if storage:
        where = f" of {storage['source']}" if storage.get("network") else ""
        yield "the environment lies on", f"{storage['kind']}{where}"


def _node(facts: Json) -> Iterator[Row]:
    """Settings: what rises and falls is judged on each node, not compared."""
    node = facts.get("node") or {}
    for key, name in _SETTINGS.items():
        if node.get(key) is not None:
            yield name, _said(node[key])
    for key, name in _GPU_SETTINGS.items():
        found = Counter(_said(g[key]) for g in node.get("gpus") or () if g.get(key) is not None)
        if found:
            yield (
                name,
                ", ".join(_of(value, number, found) for value, number in sorted(found.items())),
            )
    kinds = {gpu["iommu"] for gpu in node.get("pci") or () if gpu.get("iommu")}
    if kinds:
        yield "IOMMU groups", ", ".join(sorted(kinds))
    if (node.get("fabric") or {}).get("version"):
        yield "Fabric Manager", node["fabric"]["version"]


def _said(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _of(value: str, number: int, found: Counter[str]) -> str:
    return value if len(found) == 1 else f"{value} ({number})"


_SETTINGS = {
    "virtual": "virtual machine",
    "peermem": "nvidia-peermem",
    "shm": "bytes of /dev/shm",
    "memlock": "bytes that may be locked",
    "numa_nodes": "NUMA nodes",
    "numa_balancing": "NUMA balancing",
}
_GPU_SETTINGS = {
    "ecc_current": "ECC",
    "mig_current": "MIG",
    "compute_mode": "compute mode",
    "persistence": "persistence mode",
    "vbios": "VBIOS",
    "pcie_width_max": "lanes of PCIe",
    "pcie_generation_max": "generation of PCIe",
    "temperature_slowdown": "slowdown temperature",
}
Reader = Callable[[Json], Iterator[Row]]

# Name of the section -> its reader, the parts of a snapshot that it reads, and the sections of gaps
# by which something of it was not seen.
SECTIONS: dict[str, tuple[Reader, tuple[str, ...], frozenset[str]]] = {
    "image": (_image, ("host",), frozenset({"host"})),
    "system": (_system, ("host",), frozenset({"host"})),
    "libc": (_libc, ("host",), frozenset({"host"})),
    "driver": (_drivers, ("drivers",), frozenset({"gpus", "drivers"})),
    "gpus": (_gpus, ("gpus",), frozenset({"gpus"})),
    "network": (_network, ("network",), frozenset({"network"})),
    "interpreter": (_interpreter, ("python",), frozenset({"python"})),
    "torch": (_torch, ("torch",), frozenset({"torch"})),
    "distributions": (
        _distributions,
        ("distributions", "conda_packages", "shared_files"),
        frozenset({"distributions", "conda"}),
    ),
    "libraries": (_libraries, ("binaries", "python"), frozenset({"binaries"})),
    "toolkits": (_toolkits, ("toolkits", "tools", "python"), frozenset({"toolkits", "tools"})),
    "variables": (_variables, ("environment",), frozenset({"environment"})),
    "storage": (_storage, ("storage",), frozenset({"storage"})),
    "node": (_node, ("node",), frozenset({"node"})),
}
# A section that only newer snapshots have: where it is missing, nobody looked.
OPTIONAL = {"network": "network", "storage": "storage", "node": "node"}


def rows(section: str, facts: Json) -> dict[str, str]:
    """The rows of one section. Raises KeyError, TypeError, AttributeError, ValueError for what is
    no snapshot."""
    return dict(SECTIONS[section][0](facts))


def looked(section: str, facts: Json) -> bool:
    """Whether somebody looked at all."""
    if section == "libraries":
        return bool((facts.get("binaries") or {}).get("files")) or not facts.get("python")
    return section not in OPTIONAL or facts.get(OPTIONAL[section]) is not None

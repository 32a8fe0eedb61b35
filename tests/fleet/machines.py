"""Nodes on one machine: each with mounts of its own, so that the same path is another file on each."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import needs

REPOSITORY = Path(__file__).parents[2]
OLD = 1_700_000_000  # when everything was installed
_LAYERED = ("/etc", "/run", "/usr/local")
_BOUND = (
    "/proc/driver",
    "/sys/class",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/boot_id",
)


def compiled(folder: Path, name: str, source: str) -> bytes:
    """A shared library of a C source."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / name
    command = [needs.path("gcc"), "-shared", "-fPIC", "-x", "c", "-", "-o", str(out)]
    subprocess.run(command, input=source.encode(), check=True)
    return out.read_bytes()


def nccl(folder: Path, version: str, cuda: str) -> bytes:
    """A library that says which NCCL it is, as NVIDIA's does."""
    text = f"NCCL version {version}+cuda{cuda}"
    return compiled(folder, "libnccl.so.2", f'const char banner[] = "{text}";\nint ncclInit;\n')


@dataclass
class Env:
    """An environment of the node's own, all of whose files were written long ago."""

    folder: Path

    @property
    def site(self) -> Path:
        return next((self.folder / "lib").glob("python3*")) / "site-packages"

    def wheel(self, name: str, version: str, files: Mapping[str, bytes], *rows: str) -> None:
        """Install a distribution as pip would. `rows`: further lines of its RECORD."""
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode()
        whole = {**files, f"{info}/METADATA": metadata, f"{info}/INSTALLER": b"pip\n"}
        lines = [f"{path},{digest(data)},{len(data)}" for path, data in whole.items()]
        whole[f"{info}/RECORD"] = "\n".join([*lines, *rows, f"{info}/RECORD,,", ""]).encode()
        for path, data in whole.items():
            self.put(path, data)

    def put(self, path: str, data: bytes) -> None:
        """A file below site-packages, as old as all others."""
        file = self.site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (OLD, OLD))

    def remove(self, name: str) -> None:
        """A distribution with all that it recorded."""
        record = next(self.site.glob(f"{name.replace('-', '_')}-*.dist-info/RECORD"))
        for line in record.read_text().splitlines():
            (self.site / line.split(",")[0]).unlink(missing_ok=True)
        record.parent.rmdir()


def digest(data: bytes) -> str:
    """As RECORD has it."""
    coded = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    return f"sha256={coded.rstrip('=')}"


def golden(folder: Path, work: Path) -> Env:
    """The environment that every node begins with."""
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    env = Env(folder)
    env.wheel("nvidia-nccl-cu13", "2.30.7", {
        "nvidia/nccl/lib/libnccl.so.2": nccl(work, "2.30.7", "13.0"),
    })  # fmt: skip
    version = b"__version__ = '2.9.0+cu130'\ncuda = '13.0'\nhip = None\n"
    torch = {"torch/__init__.py": b"", "torch/version.py": version}
    torch["torch/lib/libc10.so"] = compiled(work, "libc10.so", "int c10;\n")
    env.wheel("torch", "2.9.0+cu130", torch)
    suffix = next(iter(env.site.parent.glob("nothing")), "_ops.abi3.so")
    env.wheel("fastops", "1.2", {
        "fastops/__init__.py": b"", f"fastops/{suffix}": compiled(work, "_ops.so", "int ops = 1;\n"),
    })  # fmt: skip
    big = "static const char pad[9 << 20] = {1}; const char *at(int i) { return pad + i; }\n"
    env.wheel("kernels", "0.4", {"kernels/libkernels.so": compiled(work, "libkernels.so", big)})
    env.wheel("numpy", "2.1.0", {"numpy/__init__.py": b"", "numpy/core.py": b"x = 1\n"})
    env.wheel("einops", "0.8.0", {"einops/__init__.py": b""})
    return env


@dataclass
class Node:
    """One node: what it has of its own, and the programs that run there."""

    name: str
    folder: Path
    seen_at: Path  # where its environment lies, for all nodes the same path
    variables: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def env(self) -> Env:
        return Env(self.folder / "env")

    def write(self, path: str, text: str | bytes) -> Path:
        """A file of the machine: below /etc, /run, /usr/local, /proc/driver or /sys/class."""
        file = self.folder / "machine" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def gpus(self, driver: str, *models: str) -> None:
        """An NVIDIA driver, as its kernel module shows itself, and its GPUs."""
        shutil.rmtree(self.folder / "machine/proc/driver", ignore_errors=True)
        line = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Fri Jan 24 2025\n"
        self.write("/proc/driver/nvidia/version", line)
        for number, model in enumerate(models):
            about = f"Model: \t\t {model}\nIRQ:   \t\t 143\n"
            self.write(f"/proc/driver/nvidia/gpus/0000:0{number}:00.0/information", about)

    def script(self) -> str:
        """Shell lines that give the node its own view; `unshare --mount` runs them."""
        machine = self.folder / "machine"
        lines = ["set -e", f"mount --bind {self.folder / 'env'} {self.seen_at}"]
        for top in _LAYERED:
            upper, work = machine / top.lstrip("/"), self.folder / "work" / top.replace("/", "_")
            upper.mkdir(parents=True, exist_ok=True)
            work.mkdir(parents=True, exist_ok=True)
            layers = f"lowerdir={top},upperdir={upper},workdir={work}"
            lines.append(f"mount -t overlay -o {layers} overlay {top}")
        there = [place for place in _BOUND if (machine / place.lstrip("/")).exists()]
        lines += [f"mount --bind {machine / place.lstrip('/')} {place}" for place in there]
        return "\n".join([*lines, 'exec "$@"'])

    def start(self, *command: str, log: str = "log", **more: str) -> subprocess.Popen[bytes]:
        """A program on the node, in a session of its own."""
        environ = {**os.environ, **self.variables, **more}
        environ.pop("PYTHONPATH", None)
        with (self.folder / log).open("ab") as out:
            child = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", self.script(), "sh", *command],
                env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        self.running.append(child)
        return child

    def kill(self) -> None:
        """As a power cut: whatever runs there is gone at once."""
        for child in self.running:
            for pid in [*session(child.pid), child.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            child.wait(timeout=20)
        self.running.clear()


def session(leader: int) -> list[int]:
    """The processes of a session, and those that have left it but began below it."""
    below = {leader}
    parents: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1]), int(fields[3])
    grown = True
    while grown:
        found = {p for p, (parent, own) in parents.items() if parent in below or own == leader}
        grown = not found <= below
        below |= found
    return sorted(below - {leader})


def fleet(
    folder: Path, count: int, plant: Callable[[list[Node]], None] | None = None
) -> list[Node]:
    """Nodes that are alike, before `plant` changes what it wants to."""
    seen_at = folder / "env"
    made = golden(seen_at, folder / "build")
    nodes = []
    for number in range(1, count + 1):
        own = folder / f"node{number:02d}"
        own.mkdir()
        shutil.copytree(made.folder, own / "env", symlinks=True)
        node = Node(f"node{number:02d}", own, seen_at)
        node.gpus("570.86.10", *["NVIDIA H100 80GB HBM3"] * 2)
        node.write("/proc/sys/kernel/osrelease", "6.8.0-51-generic\n")
        node.write("/proc/sys/kernel/random/boot_id", f"{number:08d}-0000-4000-8000-000000000000\n")
        node.write("/run/.containerenv", f'engine="podman-5"\nimageid="{"a" * 64}"\n')
        node.write("/sys/class/net/eth0/mtu", "9000\n")
        node.write("/sys/class/net/eth0/operstate", "up\n")
        port = "/sys/class/infiniband/mlx5_0/ports/1"
        node.write(f"{port}/state", "4: ACTIVE\n")
        node.write(f"{port}/rate", "400 Gb/sec (4X NDR)\n")
        node.write(f"{port}/link_layer", "InfiniBand\n")
        node.write("/etc/nccl.conf", "NCCL_IB_HCA=mlx5\n")
        node.variables = {"NCCL_SOCKET_IFNAME": "eth0", "HOME": str(folder / "home")}
        give_gpufix(node)
        nodes.append(node)
    (folder / "home").mkdir()
    if plant is not None:
        plant(nodes)
    return nodes


def give_gpufix(node: Node, before: str = "") -> None:
    """The node's own gpufix: this tree. `before`: Python that runs first, at the collector's boundary."""
    body = f"{before}\nfrom gpufix.__main__ import main\nmain()\n"
    paths = f"import sys\nsys.path[:0] = [{str(REPOSITORY / 'src')!r}, *{packages()!r}]\n"
    file = node.folder / "gpufix.py"
    file.write_text(paths + body)
    shim = node.folder / "env/bin/gpufix"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -S {file} "$@"\n')
    shim.chmod(0o755)


def packages() -> list[str]:
    """Where what gpufix imports is installed, for an interpreter without site."""
    return [path for path in sys.path if path.endswith("site-packages")]


def until(what: Callable[[], bool], seconds: float, why: str) -> None:
    """Wait for something that a daemon does."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.2)


def log_of(nodes: Sequence[Node]) -> str:
    """What the daemons said, for a test that fails."""
    return "\n".join((n.folder / "log").read_text()[-2000:] for n in nodes if n.running)

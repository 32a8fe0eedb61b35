"""Twenty-four drifts of as many kinds, each on one node; where it is read, and how it is planted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from machines import Env, Node, compiled, digest, give_gpufix, nccl


class Drift(NamedTuple):
    """What the report must name, and how it comes there. real: no boundary is patched."""

    section: str
    name: str
    value: str  # a part of what the odd node's value says
    plant: Callable[[Node], None]
    how: str = "real"


def _variable(name: str, value: str) -> Callable[[Node], None]:
    return lambda node: node.variables.update({name: value})


def _no_variable(node: Node) -> None:
    del node.variables["NCCL_SOCKET_IFNAME"]


def _other_numpy(node: Node) -> None:
    node.env.remove("numpy")
    node.env.wheel("numpy", "2.2.0", {"numpy/__init__.py": b"", "numpy/core.py": b"x = 1\n"})


def _same_size(node: Node) -> None:
    """Other code, of the same size, under the same RECORD and times."""
    site = node.env.site
    old = (site / "fastops/_ops.abi3.so").read_bytes()
    new = compiled(node.folder / "build", "_ops.so", "int ops = 2;\n")
    assert len(new) == len(old) and new != old
    node.env.put("fastops/_ops.abi3.so", new)


def _large(node: Node) -> None:
    path = node.env.site / "kernels/libkernels.so"
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + (1 << 20)] = b"\7" * (1 << 20)
    node.env.put("kernels/libkernels.so", bytes(data))


def overwritten_nccl(env: Env, work: Path) -> None:
    """marin#7344: the wheel for CUDA 12 writes its library over that of CUDA 13, and is not seen."""
    env.put("nvidia/nccl/lib/libnccl.so.2", nccl(work, "2.28.9", "12.8"))


def _missing_file(node: Node) -> None:
    (node.env.site / "numpy/core.py").unlink()


def _edited(node: Node) -> None:
    node.env.put("einops/__init__.py", b"# edited on this node\n")


def _start_code(node: Node) -> None:
    node.env.put("zz_hook.pth", b"import os; os.environ.setdefault('NCCL_ALGO', 'Ring')\n")


def _other_torch(node: Node) -> None:
    version = b"__version__ = '2.9.0+cu128'\ncuda = '12.8'\nhip = None\n"
    node.env.put("torch/version.py", version)
    record = next(node.env.site.glob("torch-*.dist-info/RECORD"))
    lines = [
        f"torch/version.py,{digest(version)},{len(version)}"
        if line.startswith("torch/version")
        else line
        for line in record.read_text().splitlines()
    ]
    node.env.put(str(record.relative_to(node.env.site)), "\n".join([*lines, ""]).encode())


def _other_python(node: Node) -> None:
    """The environment's python is a program that says it is a later patch release."""
    config = node.folder / "env/pyvenv.cfg"
    config.write_text(config.read_text() + "include-system-site-packages = true\n")


def _driver(node: Node) -> None:
    node.gpus("550.54.14", *["NVIDIA H100 80GB HBM3"] * 2)


def _fewer_gpus(node: Node) -> None:
    node.gpus("570.86.10", "NVIDIA H100 80GB HBM3")


def _other_gpus(node: Node) -> None:
    node.gpus("570.86.10", "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB")


def _glibc(node: Node) -> None:
    patch = "import os\n_real = os.confstr\n"
    patch += "os.confstr = lambda n: 'glibc 2.31' if n == 'CS_GNU_LIBC_VERSION' else _real(n)\n"
    give_gpufix(node, patch)


def _file(path: str, text: str) -> Callable[[Node], None]:
    return lambda node: (node.write(path, text), None)[1]


def _no_rdma(node: Node) -> None:
    (node.folder / "machine/sys/class/infiniband/mlx5_0/ports/1/state").write_text("1: DOWN\n")


DRIFTS = {
    "variable set": Drift("variables", "NCCL_DEBUG", "INFO", _variable("NCCL_DEBUG", "INFO")),
    "variable missing": Drift("variables", "NCCL_SOCKET_IFNAME", "absent", _no_variable),
    "library path": Drift(
        "variables", "LD_LIBRARY_PATH", "/opt/old", _variable("LD_LIBRARY_PATH", "/opt/old")
    ),
    "wheel of another version": Drift("distributions", "numpy", "2.2.0", _other_numpy),
    "wheel missing": Drift(
        "distributions", "einops", "absent", lambda node: node.env.remove("einops")
    ),
    "wheel too many": Drift(
        "distributions", "flash-attn", "2.8",
        lambda node: node.env.wheel("flash-attn", "2.8", {"flash_attn/__init__.py": b""}),
    ),
    "bytes under equal metadata": Drift("libraries", "fastops/_ops.abi3.so", "bytes", _same_size),
    "a large library": Drift("libraries", "kernels/libkernels.so", "bytes", _large),
    "NCCL overwritten": Drift(
        "libraries", "nvidia/nccl/lib/libnccl.so.2", "2.28.9+cuda12.8",
        lambda node: overwritten_nccl(node.env, node.folder / "build"),
    ),
    "recorded file missing": Drift("distributions", "numpy", "missing: numpy/core.py", _missing_file),
    "recorded file edited": Drift("distributions", "einops", "altered", _edited),
    "code at Python's start": Drift("interpreter", "start code zz_hook.pth", "runs", _start_code),
    "torch of another CUDA": Drift("torch", "cuda", "12.8", _other_torch),
    "driver": Drift("driver", "NVIDIA kernel module", "550.54.14", _driver, "bind mount"),
    "GPU count": Drift("gpus", "count", "1", _fewer_gpus, "bind mount"),
    "GPU model": Drift("gpus", "NVIDIA A100-SXM4-80GB", "1 of them", _other_gpus, "bind mount"),
    "kernel": Drift(
        "system", "kernel", "5.15.0", _file("/proc/sys/kernel/osrelease", "5.15.0\n"), "bind mount"
    ),
    "distribution of Linux": Drift(
        "system", "distro", "Rocky", _file("/etc/os-release", 'PRETTY_NAME="Rocky 9"\nID=rocky\n'),
        "overlay",
    ),
    "image": Drift(
        "image", "image", "b" * 64,
        _file("/run/.containerenv", f'engine="podman-5"\nimageid="{"b" * 64}"\n'), "overlay",
    ),
    "NCCL's configuration": Drift(
        "network", "NCCL_IB_HCA in nccl.conf", "absent", _file("/etc/nccl.conf", "\n"), "overlay"
    ),
    "MTU": Drift(
        "network", "interface eth0", "1500", _file("/sys/class/net/eth0/mtu", "1500\n"), "bind mount"
    ),
    "InfiniBand port": Drift("network", "mlx5_0 port 1", "DOWN", _no_rdma, "bind mount"),
    "toolkit": Drift(
        "toolkits", "cuda in /usr/local/cuda-11.8", "11.8",
        _file("/usr/local/cuda-11.8/version.json", '{"cuda": {"name": "CUDA SDK", "version": "11.8.0"}}'),
        "overlay",
    ),
    "glibc": Drift("libc", "glibc", "2.31", _glibc, "the collector's boundary: os.confstr"),
}  # fmt: skip

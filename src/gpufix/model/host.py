"""Facts about the machine: operating system, GPUs, drivers, toolkits, tools."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from gpufix.model.base import Model

Vendor = Literal["nvidia", "amd"]


class CxxLibrary(Model):
    """A copy of libstdc++.so.6, and the highest versions that it defines, as "3.4.30"."""

    path: str
    glibcxx: str | None = None
    cxxabi: str | None = None


class Host(Model):
    """The machine that was looked at. Sizes in bytes; `None` = not known."""

    os: str  # "Linux", "Darwin", "Windows"
    kernel: str  # uname release
    machine: str  # "x86_64", "aarch64"
    distro: str | None = None  # os-release PRETTY_NAME
    distro_ids: list[str] = field(default_factory=list)  # ID and ID_LIKE: "ubuntu", "debian"
    distro_version: str | None = None  # VERSION_ID
    libc: Literal["glibc", "musl"] | None = None
    libc_version: str | None = None
    libstdcxx: str | None = None  # path of the libstdc++.so.6 that the default search finds
    glibcxx: str | None = None  # highest GLIBCXX_x.y.z that it defines, as "3.4.30"
    cxxabi: str | None = None  # highest CXXABI_x.y.z, as "1.3.13"
    # The system's and the one of the environment's, or of what it was made from.
    cxx_libraries: list[CxxLibrary] = field(default_factory=list)
    cpus: int = 1  # usable ones (affinity and cgroup quota)
    memory: int | None = None  # usable: the smaller of RAM and the cgroup limit
    memory_available: int | None = None
    container: str | None = None  # "docker", "podman", "kubernetes", "lxc", ...
    wsl: bool = False
    image: str | None = None  # of the container: what its runtime or GPUFIX_IMAGE says
    boot: str | None = None  # a digest of the boot's number: the same on one machine alone


class GpuProcess(Model):
    """A process that holds device memory. `memory` in bytes, `None` = the driver does not say."""

    pid: int
    name: str | None = None
    memory: int | None = None


class Gpu(Model):
    """One visible device. `arch` is "sm_120" or "gfx1101"; memory in bytes."""

    vendor: Vendor
    index: int
    name: str | None = None
    arch: str | None = None
    memory_total: int | None = None
    memory_free: int | None = None
    integrated: bool = False
    processes: list[GpuProcess] = field(default_factory=list)
    source: str  # "nvml", "kfd", "proc"


class Driver(Model):
    """One vendor's driver. `cuda` is the highest CUDA that the driver serves, as "12.8"."""

    vendor: Vendor
    version: str | None = None  # of the user-space library
    kernel_version: str | None = None  # of the loaded kernel module
    flavour: Literal["open", "proprietary"] | None = None  # of NVIDIA's kernel module
    cuda: str | None = None
    library: str | None = None  # path of libcuda.so.1 / None
    library_is_stub: bool = False
    nodes: list[str] = field(
        default_factory=list
    )  # device nodes that exist: /dev/nvidia0, /dev/kfd, ...
    denied: list[str] = field(default_factory=list)  # those of them that this user may not open
    pci_devices: int = 0  # GPUs of this vendor seen on the PCI bus
    pci_ids: list[str] = field(default_factory=list)  # NVIDIA's, its driver's or nobody's: "2b85"
    error: str | None = None  # what NVML/KFD said when it failed


class RuntimeLibrary(Model):
    """A copy of a DLL of the Visual C++ runtime. `version` as "14.44.35211.0"."""

    path: str
    version: str | None = None


class VisualStudio(Model):
    """A Visual Studio or its build tools. toolsets: of C++, with cl.exe, as "14.44.35207"."""

    root: str
    toolsets: list[str] = field(default_factory=list)


class Windows(Model):
    """What a Windows machine has beside Python. None = not known."""

    system32: str | None = None  # the folder; None = not in reach
    runtimes: list[RuntimeLibrary] = field(default_factory=list)  # in System32, beside Python
    long_paths: bool | None = None  # LongPathsEnabled of the registry
    vswhere: bool | None = None  # the program by which builds find Visual Studio is there
    visual_studios: list[VisualStudio] | None = None
    page_file: int | None = None  # bytes
    drive: str | None = None  # where the drive of Windows lies: "/mnt/c", "C:"


class Toolkit(Model):
    """A CUDA or ROCm installation. `version` as "12.8" or "6.4.2"."""

    kind: Literal["cuda", "rocm"]
    root: str
    version: str | None = None
    origin: str  # "CUDA_HOME", "CUDA_PATH", "PATH", "/usr/local", "conda", "wheel", "system", "/opt/rocm"
    compiler: str | None = None  # nvcc or hipcc, wrappers resolved; None = runtime pieces alone
    wrapper: str | None = None  # the script or link that was found first, when it lies elsewhere
    headers: list[str] = field(
        default_factory=list
    )  # of the ones that torch's headers include: those found
    missing_headers: list[str] = field(default_factory=list)  # those not found under this root
    selected: bool = False  # the one that torch.utils.cpp_extension would use


class Tool(Model):
    """A build tool: gcc, g++, clang, ninja, cmake, git, uv ...

    `path` as it is called (found on PATH, or as CC and CXX give it); launchers such as ccache are
    seen through. A compiler that a variable names comes last and once more under its own name.
    """

    name: str
    path: str
    version: str | None = None


class NetworkInterface(Model):
    """One interface that leads out of the machine. `speed` in Mbit/s."""

    name: str
    mtu: int | None = None
    speed: int | None = None
    downs: int | None = None  # how often its carrier was lost since it came up


class InfinibandPort(Model):
    """One port of an InfiniBand or RoCE device, as the kernel words it."""

    device: str
    port: int
    state: str | None = None  # "ACTIVE", "DOWN", ...
    rate: str | None = None  # "400 Gb/sec (4X NDR)"
    layer: str | None = None  # "InfiniBand", "Ethernet"
    physical: str | None = None  # "LinkUp", "Polling", "Disabled", ...
    board: str | None = None  # its model: "MT_0000000838"
    firmware: str | None = None
    interface: str | None = None  # of the network: "ib0"
    verbs: bool | None = None  # /dev/infiniband/uverbsN is there, and this user may open it
    gids: dict[str, str] | None = None  # those in use, by index: "RoCE v2", "IB/RoCE v1"


class Network(Model):
    """What collectives use between nodes. None = nobody could look."""

    interfaces: list[NetworkInterface] | None = None
    others: list[str] | None = None  # interfaces that are down, or lead nowhere
    infiniband: list[InfinibandPort] | None = None
    libraries: dict[str, str] | None = None  # rdma-core's and NCCL's plug-ins
    nccl: dict[str, str] | None = None  # of /etc/nccl.conf and ~/.nccl.conf


class Storage(Model):
    """Where an environment lies: two nodes with the same `key` have one copy of it."""

    kind: str  # of the file system: "ext4", "nfs4"
    source: str | None = None  # "server:/export"
    network: bool = False
    key: str

"""Answers of nodes, made by hand: alike, before a test changes what it wants to."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gpufix
from gpufix.fleet.inputs import Reading, of_json
from gpufix.fleet.report import FleetRequest, report
from gpufix.model import (
    Binaries,
    Distribution,
    Driver,
    Environment,
    FabricManager,
    Facts,
    FileIdentity,
    Gpu,
    Host,
    KernelLog,
    Network,
    NetworkInterface,
    Node,
    Python,
    Storage,
    Torch,
)
from gpufix.model.base import to_json
from gpufix.model.fleet_report import FleetReport

SITE = "/opt/env/lib/python3.11/site-packages"
NCCL = "nvidia/nccl/lib/libnccl.so.2"
Change = Callable[[dict[str, Any]], None]


def facts() -> Facts:
    """A healthy node with two GPUs."""
    return Facts(
        gpufix_version=gpufix.__version__,
        host=Host(
            os="Linux", kernel="6.8.0", machine="x86_64", distro="Ubuntu 24.04", libc="glibc",
            libc_version="2.39", memory=1 << 40, memory_available=1 << 39,
        ),
        python=Python(
            executable="/opt/env/bin/python", version="3.11.7", tag="cp311", prefix="/opt/env",
            base_prefix="/usr", kind="venv", site_dirs=[SITE],
        ),
        distributions=[
            Distribution(name="torch", version="2.9.0", location=SITE),
            Distribution(name="nvidia-nccl-cu13", version="2.30.7", location=SITE),
        ],
        torch=Torch(state="ok", location=f"{SITE}/torch", version="2.9.0+cu130", cuda="13.0"),
        gpus=[
            Gpu(vendor="nvidia", index=n, name="NVIDIA H100", arch="sm_90", source="nvml",
                memory_total=80 << 30, memory_free=n << 30)
            for n in range(2)
        ],
        drivers=[Driver(
            vendor="nvidia", version="570.86", kernel_version="570.86", cuda="13.0",
            library="/usr/lib/x86_64-linux-gnu/libcuda.so.1", nodes=["/dev/nvidia0"],
        )],
        environment=Environment(process={"NCCL_SOCKET_IFNAME": "eth0"}),
        binaries=Binaries(
            scanned=1,
            files=[FileIdentity(
                path=f"{SITE}/{NCCL}", distribution="nvidia-nccl-cu13", size=100, digest="aaaa",
                version="2.30.7+cuda13.0",
            )],
        ),
        network=Network(
            interfaces=[NetworkInterface(name="eth0", mtu=9000)], others=[], infiniband=[],
            libraries={}, nccl={},
        ),
        storage=Storage(kind="ext4", source="/dev/sda", key="own"),
        node=Node(
            uptime=60.0, virtual=False, gpus=[], pci=[], fabric=FabricManager(switches=0),
            log=KernelLog(events=[]), rdma={}, acs=[], peermem=False, modprobe=False, shm=1 << 34,
            memlock=-1, numa_nodes=1, numa_balancing=False,
        ),
    )  # fmt: skip


BASE = to_json(facts())


def node(name: str, *changes: Change, version: str = gpufix.__version__) -> Reading:
    """One node's reading. The key of its storage is its own."""
    data = copy.deepcopy(BASE)
    data["storage"]["key"] = name
    for change in changes:
        change(data)
    return of_json({"gpufix_fleet": 1, "gpufix": version, "node": name, "facts": data}, name)


def lost(name: str, problem: str = "no answer within 60 s") -> Reading:
    """One that gave no answer."""
    return Reading(name, problem=problem)


def alike(count: int, start: int = 1) -> list[Reading]:
    """node01, node02, …"""
    return [node(f"node{number:02d}") for number in range(start, start + count)]


def variable(name: str, value: str) -> Change:
    return lambda data: data["environment"]["process"].update({name: value})


def driver(version: str) -> Change:
    def change(data: dict[str, Any]) -> None:
        data["drivers"][0].update(version=version, kernel_version=version)

    return change


def overwritten(data: dict[str, Any]) -> None:
    """The library is that of another wheel; the metadata is as it was."""
    data["binaries"]["files"][0].update(digest="bbbb", version="2.28.9+cuda12.8", size=90)


def gap(section: str) -> Change:
    row = {"section": section, "subject": "x", "reason": "denied"}
    return lambda data: data["gaps"].append(row)


def without(part: str, empty: Any) -> Change:
    return lambda data: data.update({part: empty})


def made(*readings: Reading, request: FleetRequest | None = None) -> FleetReport:
    return report(readings, request or FleetRequest())

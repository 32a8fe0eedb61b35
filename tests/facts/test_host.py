"""The machine, from recorded /proc, /sys and /etc trees, and from this one."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gpufix.facts.context import CollectContext
from gpufix.facts.machine import operating_system

GIB = 1 << 30
MEMINFO = "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    8388608 kB\n"


def write(ctx: CollectContext, files: dict[str, str]) -> None:
    for path, data in files.items():
        target = ctx.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(data)


def test_this_machine() -> None:
    ctx = CollectContext()
    found = operating_system.collect(ctx)
    assert found.kernel == os.uname().release
    assert 1 <= found.cpus <= len(os.sched_getaffinity(0))
    assert found.memory is not None and found.memory_available is not None
    assert found.memory_available <= found.memory
    if found.libc == "glibc":
        assert found.libstdcxx is None or found.glibcxx is not None
    assert ctx.gaps == []


def test_a_plain_machine(ctx: CollectContext) -> None:
    write(
        ctx,
        {
            "/proc/meminfo": MEMINFO,
            "/proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
            "/proc/self/cgroup": "0::/user.slice\n",
            "/sys/fs/cgroup/user.slice/memory.max": "max\n",
            "/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
            "/etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n',
        },
    )
    found = operating_system.collect(ctx)
    assert (found.memory, found.memory_available) == (16 * GIB, 8 * GIB)
    assert (found.kernel, found.distro) == ("6.8.0-45-generic", "Ubuntu 24.04.1 LTS")
    assert (found.container, found.wsl, found.libstdcxx) == (None, False, None)
    assert found.cpus == len(os.sched_getaffinity(0))
    assert ctx.gaps == []


V2 = {
    "/proc/self/cgroup": "0::/a/b\n",
    "/sys/fs/cgroup/a/memory.max": str(4 * GIB),
    "/sys/fs/cgroup/a/memory.current": str(3 * GIB),
    "/sys/fs/cgroup/a/memory.stat": f"anon 1\ninactive_file {GIB}\n",
    "/sys/fs/cgroup/a/b/memory.max": str(6 * GIB),
    "/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
}
V1 = {
    "/proc/self/cgroup": "5:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": str(4 * GIB),
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": str(3 * GIB),
    "/sys/fs/cgroup/memory/memory.stat": f"inactive_file 7\ntotal_inactive_file {GIB}\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
}
V1_SPLIT = {key.replace("cpu,cpuacct/", "cpu/"): value for key, value in V1.items()}


@pytest.mark.parametrize("files", [V2, V1, V1_SPLIT], ids=["v2", "v1", "v1 split"])
def test_control_groups_bound_memory_and_processors(
    ctx: CollectContext, files: dict[str, str]
) -> None:
    write(ctx, {"/proc/meminfo": MEMINFO, **files})
    found = operating_system.collect(ctx)
    assert (found.memory, found.memory_available, found.cpus) == (4 * GIB, 2 * GIB, 1)


UNLIMITED = [
    {
        **V1,
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    },
    {"/proc/self/cgroup": "nonsense\n0::/../../escape\n5:memory:/x\n"},
    {
        "/proc/self/cgroup": "0::/a\n",
        "/sys/fs/cgroup/a/memory.max": "9" * 5000,
        "/sys/fs/cgroup/a/cpu.max": "1 0\n",
    },
]


@pytest.mark.parametrize("files", UNLIMITED)
def test_no_limits_and_nonsense(ctx: CollectContext, files: dict[str, str]) -> None:
    write(ctx, {"/proc/meminfo": MEMINFO, **files})
    found = operating_system.collect(ctx)
    assert (found.memory, found.memory_available) == (16 * GIB, 8 * GIB)


CONTAINERS: list[tuple[str | None, dict[str, str], dict[str, str]]] = [
    ("docker", {"/.dockerenv": ""}, {}),
    ("podman", {"/run/.containerenv": ""}, {}),
    ("podman", {"/.dockerenv": "", "/run/.containerenv": ""}, {}),
    ("kubernetes", {"/.dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}),
    ("apptainer", {}, {"APPTAINER_CONTAINER": "/x.sif"}),
    ("systemd-nspawn", {"/run/systemd/container": "systemd-nspawn\n"}, {}),
    ("lxc", {}, {"container": "lxc"}),
    ("docker", {"/proc/1/cgroup": "5:memory:/docker/abc\n"}, {}),
    ("kubernetes", {"/proc/1/cgroup": "0::/kubepods.slice/cri-containerd-x\n"}, {}),
    (None, {"/proc/1/cgroup": "0::/init.scope\n"}, {}),
    (
        None,
        {
            "/proc/sys/kernel/osrelease": "5.15-microsoft-standard-WSL2\n",
            "/run/systemd/container": "wsl\n",
        },
        {},
    ),
]


@pytest.mark.parametrize(("kind", "files", "environ"), CONTAINERS)
def test_containers(
    ctx: CollectContext, kind: str | None, files: dict[str, str], environ: dict[str, str]
) -> None:
    write(ctx, files)
    assert operating_system.collect(replace(ctx, environ=environ)).container == kind


@pytest.mark.parametrize(
    ("release", "wsl"),
    [("5.15.153.1-microsoft-standard-WSL2", True), ("4.4.0-19041-Microsoft", True), ("6.8", False)],
)
def test_wsl(ctx: CollectContext, release: str, wsl: bool) -> None:
    write(ctx, {"/proc/sys/kernel/osrelease": release})
    assert operating_system.collect(ctx).wsl is wsl


def test_without_proc_the_gap_says_so(ctx: CollectContext) -> None:
    found = operating_system.collect(ctx)
    assert (found.memory, found.distro) == (None, None)
    assert [gap.section for gap in ctx.gaps] == ["host"]


@pytest.mark.needs("libstdc++")
def test_libstdcxx_versions(ctx: CollectContext) -> None:
    real = operating_system.collect(CollectContext()).libstdcxx
    assert real is not None
    folder = ctx.at("/usr/lib64")
    folder.mkdir(parents=True)
    shutil.copy(real, folder / "libstdc++.so.6")
    found = operating_system.collect(ctx)
    assert found.libstdcxx == str(folder / "libstdc++.so.6")
    strings = Path(real).read_bytes().split(b"\0")
    minors = [
        int(s.rsplit(b".")[-1])
        for s in strings
        if s.startswith(b"GLIBCXX_3.4.") and s[12:].isdigit()
    ]
    assert found.glibcxx == f"3.4.{max(minors)}"
    (folder / "libstdc++.so.6").write_bytes(b"no ELF")
    assert operating_system.collect(ctx).glibcxx is None
    assert any("libstdc++" in gap.subject for gap in ctx.gaps)

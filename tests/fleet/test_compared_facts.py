"""Facts that only a comparison asks: bytes of libraries, network, storage, the container's image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import identity
from gpufix.facts.libraries.identity import identities
from gpufix.facts.machine import network, operating_system, storage
from gpufix.model import Host, InfinibandPort, NetworkInterface, Python

SIZE = identity._WHOLE + 5_000_000


def digest(path: Path, **more: bool) -> str:
    ctx = CollectContext(compare=True, **more)
    ((found,), _) = identities(ctx, [str(path)], {})
    assert ctx.gaps == []
    return found.digest


def test_a_small_file_is_hashed_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.so"
    file.write_bytes(bytes(100_000))
    before = digest(file)
    for at in (0, 50_000, 99_999):
        data = bytearray(100_000)
        data[at] = 1
        file.write_bytes(data)
        assert digest(file) != before


@pytest.mark.parametrize("at", [0, 65_535, SIZE - 65_536, SIZE - 1])
def test_of_a_large_one_head_and_end(at: int, tmp_path: Path) -> None:
    file = tmp_path / "a.so"
    data = bytearray(SIZE)
    file.write_bytes(data)
    before = digest(file)
    data[at] = 1
    file.write_bytes(data)
    assert digest(file) != before


def test_and_pages_between(tmp_path: Path) -> None:
    """What changes over a thirtieth of the file is seen wherever it lies."""
    file = tmp_path / "a.so"
    file.write_bytes(bytes(SIZE))
    before = digest(file)
    part = SIZE // 30
    for number in range(30):
        data = bytearray(SIZE)
        data[number * part : (number + 1) * part] = b"\1" * part
        file.write_bytes(data)
        assert digest(file) != before, number


def test_all_of_it_with_deep(tmp_path: Path) -> None:
    file = tmp_path / "a.so"
    file.write_bytes(bytes(SIZE))
    before = digest(file), digest(file, deep=True)
    data = bytearray(SIZE)
    data[100_000] = 1
    file.write_bytes(data)
    assert digest(file) == before[0] and digest(file, deep=True) != before[1]


def test_libraries_for_gpus_are_listed_first_and_the_rest_is_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_LISTED", 2)
    belongs = {}
    for name, owner in (("a", "abc"), ("t", "torch"), ("n", "nvidia-nccl-cu13"), ("z", "zlib")):
        (tmp_path / f"{name}.so").write_bytes(name.encode())
        belongs[str(tmp_path / f"{name}.so")] = owner
    listed, further = identities(CollectContext(), belongs, belongs)
    assert [one.distribution for one in listed] == ["nvidia-nccl-cu13", "torch"]
    assert sorted(further) == ["abc", "zlib"]
    (tmp_path / "z.so").write_bytes(b"other")
    again = identities(CollectContext(), belongs, belongs)[1]
    assert (again["abc"] == further["abc"], again["zlib"] == further["zlib"]) == (True, False)


def test_one_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    ctx = CollectContext()
    assert identities(ctx, [str(tmp_path / "no.so")], {}) == ([], {})
    assert [(gap.section, gap.reason) for gap in ctx.gaps] == [
        ("binaries", "cannot be read: No such file or directory")
    ]


def machine(root: Path, files: dict[str, str]) -> CollectContext:
    for path, text in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return CollectContext(environ={}, root=root, home=root / "home")


def test_network(tmp_path: Path) -> None:
    port = "/sys/class/infiniband/mlx5_0/ports/1"
    ctx = machine(tmp_path, {
        "/sys/class/net/eth0/mtu": "9000\n", "/sys/class/net/eth0/speed": "100000\n",
        "/sys/class/net/eth0/operstate": "up\n", "/sys/class/net/ib0/mtu": "4092\n",
        "/sys/class/net/ib0/speed": "-1\n", "/sys/class/net/off0/operstate": "down\n",
        "/sys/class/net/veth12/mtu": "1500\n", "/sys/class/net/lo/mtu": "65536\n",
        f"{port}/state": "4: ACTIVE\n", f"{port}/rate": "400 Gb/sec (4X NDR)\n",
        f"{port}/link_layer": "InfiniBand\n", f"{port}/phys_state": "5: LinkUp\n",
        "/sys/class/infiniband/mlx5_0/board_id": "MT_0000000838\n",
        "/sys/class/infiniband/mlx5_0/fw_ver": "28.39.1002\n",
        "/sys/class/infiniband/mlx5_0/device/net/ib0/mtu": "4092\n",
        "/sys/class/infiniband_verbs/uverbs0/ibdev": "mlx5_0\n", "/dev/infiniband/uverbs0": "",
        "/sys/class/infiniband_verbs/abi_version": "6\n",
        "/sys/class/net/ib0/carrier_down_count": "3\n",
        "/etc/nccl.conf": "# comment\nNCCL_DEBUG=WARN\nNCCL_ALGO=Ring\nnothing\n",
        "/home/.nccl.conf": "NCCL_DEBUG=INFO\n",
    })  # fmt: skip
    found = network.collect(ctx)
    assert found.interfaces == [
        NetworkInterface(name="eth0", mtu=9000, speed=100_000),
        NetworkInterface(name="ib0", mtu=4092, downs=3),
    ]
    assert found.others == ["lo", "off0", "veth12"]
    assert found.infiniband == [
        InfinibandPort(
            device="mlx5_0", port=1, state="ACTIVE", rate="400 Gb/sec (4X NDR)", layer="InfiniBand",
            physical="LinkUp", board="MT_0000000838", firmware="28.39.1002", interface="ib0",
            verbs=True,
        )
    ]  # fmt: skip
    assert found.nccl == {"NCCL_DEBUG": "INFO", "NCCL_ALGO": "Ring"}
    assert ctx.gaps == []


def test_roce_has_the_kinds_of_its_addresses_and_none_of_them(tmp_path: Path) -> None:
    port = "/sys/class/infiniband/mlx5_1/ports/1"
    zero = ":".join(["0000"] * 8)
    ctx = machine(tmp_path, {
        f"{port}/link_layer": "Ethernet\n", f"{port}/gids/0": "fe80:0000:0000:0000:1e34:daff\n",
        f"{port}/gid_attrs/types/0": "IB/RoCE v1\n", f"{port}/gid_attrs/types/1": "RoCE v2\n",
        f"{port}/gids/1": "0000:0000:0000:0000:0000:ffff:0a00:0001\n",
        f"{port}/gids/2": f"{zero}\n", f"{port}/gid_attrs/types/2": "RoCE v2\n",
    })  # fmt: skip
    ((found),) = network.collect(ctx).infiniband or []
    assert found.gids == {"0": "IB/RoCE v1", "1": "RoCE v2"}
    assert found.verbs is False
    assert "0a00" not in repr(found) and "daff" not in repr(found)


def test_no_network_at_all(tmp_path: Path) -> None:
    ctx = machine(tmp_path, {})
    assert network.collect(ctx).interfaces == [] and ctx.gaps == []


PYTHON = Python(
    executable="/x", version="3.11.7", tag="cp311", prefix="/x", base_prefix="/x", kind="venv"
)
BOOT = "/proc/sys/kernel/random/boot_id"
ROOT = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


def lies_on(tmp_path: Path, root: str, mounts: str, boot: str = "1111") -> tuple[str, bool, str]:
    env = tmp_path / "the env"
    env.mkdir(exist_ok=True)
    ctx = machine(tmp_path / root, {"/proc/self/mountinfo": mounts, BOOT: boot})
    found = storage.collect(ctx, replace(PYTHON, site_dirs=[str(env)]))
    assert found is not None
    return found.kind, found.network, found.key


def test_storage_of_a_server_is_one_copy_whoever_mounts_it(tmp_path: Path) -> None:
    at = str(tmp_path / "the env").replace(" ", "\\040")
    nfs = f"{ROOT}30 22 0:50 / {at} rw - nfs4 srv:/export rw,addr=10.0.0.1\n"
    first = lies_on(tmp_path, "a", nfs, "1111")
    assert first[:2] == ("nfs4", True)
    assert lies_on(tmp_path, "b", nfs, "2222") == first
    assert lies_on(tmp_path, "c", nfs.replace("srv:", "other:"), "1111") != first


def test_a_local_disk_is_each_machines_own(tmp_path: Path) -> None:
    first = lies_on(tmp_path, "a", ROOT, "1111")
    assert first[:2] == ("ext4", False)
    assert lies_on(tmp_path, "b", ROOT, "1111") == first
    assert lies_on(tmp_path, "c", ROOT, "2222") != first


@pytest.mark.parametrize(
    ("environ", "file", "image"),
    [
        ({"GPUFIX_IMAGE": "train@sha256:1"}, "", "train@sha256:1"),
        ({"APPTAINER_CONTAINER": "/images/train.sif"}, "", "/images/train.sif"),
        ({}, f'engine="podman-5"\nimageid="{"ab" * 32}"\n', "ab" * 32),
        ({}, 'imageid="no digest"\n', None),
        ({}, "", None),
    ],
)
def test_the_image(environ: dict[str, str], file: str, image: str | None, tmp_path: Path) -> None:
    ctx = machine(tmp_path, {"/run/.containerenv": file})
    found: Host = operating_system.collect(replace(ctx, environ=environ))
    assert found.image == image

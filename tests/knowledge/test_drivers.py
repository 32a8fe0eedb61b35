"""NVIDIA's driver branches, PCI device ids and packages; Triton's toolchain."""

from __future__ import annotations

import pytest

from gpufix.knowledge import cuda, triton
from gpufix.knowledge.data_table import table
from gpufix.knowledge.gpus import drivers


@pytest.mark.parametrize(
    ("arch", "first", "last", "flavours"),
    [
        ("sm_37", None, "470", ("proprietary",)),
        ("sm_61", None, "580", ("proprietary",)),
        ("sm_70", None, "580", ("proprietary",)),
        ("sm_75", None, None, ("proprietary", "open")),
        ("sm_86", "455", None, ("proprietary", "open")),
        ("sm_87", None, None, ()),  # Jetson numbers its drivers by its own releases
        ("sm_90", "520", None, ("proprietary", "open")),
        ("sm_103", "580", None, ("open",)),
        ("sm_107", None, None, ()),  # its first branch is a guess
        ("sm_110", None, None, ("open",)),
        ("sm_120", "570", None, ("open",)),
        ("sm_121", "580", None, ("open",)),
    ],
)
def test_branches(
    arch: str, first: str | None, last: str | None, flavours: tuple[str, ...]
) -> None:
    row = drivers.driven(arch)
    assert row is not None
    assert (row.first, row.last, row.flavours) == (first, last, flavours)


def test_a_product_has_a_row_of_its_own() -> None:
    for row in (
        drivers.driven("sm_90", "NVIDIA GH200 480GB"),
        drivers.driven("sm_90", pci_id="2342"),
    ):
        assert row is not None and (row.first, row.flavour) == ("535", "open")
    assert drivers.driven("sm_30") is None


# Ids of the product tables of NVIDIA's open kernel modules, and of older products.
@pytest.mark.parametrize(
    ("pci_id", "arch"),
    [
        ("2b85", "sm_120"),
        ("2c02", "sm_120"),
        ("2d04", "sm_120"),
        ("2f04", "sm_120"),
        ("2e12", "sm_121"),
        ("2901", "sm_100"),
        ("2941", "sm_100"),
        ("3182", "sm_103"),
        ("31c2", "sm_103"),
        ("2331", "sm_90"),
        ("2342", "sm_90"),
        ("2684", "sm_89"),
        ("27b8", "sm_89"),
        ("2204", "sm_86"),
        ("25b0", "sm_86"),
        ("20b2", "sm_80"),
        ("1eb8", "sm_75"),
        ("2189", "sm_75"),
        ("1db5", "sm_70"),
        ("1b80", "sm_61"),
        ("102d", "sm_37"),
        ("0001", None),
        ("ffff", None),
    ],
)
def test_pci_ids(pci_id: str, arch: str | None) -> None:
    assert drivers.arch_of_pci(pci_id) == arch


def test_a_version_has_a_branch() -> None:
    assert [drivers.branch(v) for v in ("570.86.15", "35.3.1", "")] == [570, None, None]


def test_branches_serve_what_the_toolkits_say() -> None:
    served = table("cuda_toolkits")["branches"]
    for number, (cuda_version, *_) in table("drivers")["branches"].items():
        assert cuda_version is None or served.get(number, cuda_version) == cuda_version, number


def test_the_branch_to_install_is_long_lived_or_the_last() -> None:
    assert drivers.best_branch("570", None) == "580"
    assert drivers.best_branch("590", None) == "620"
    assert drivers.best_branch("525.60.13", "580") == "580"
    assert drivers.best_branch("999", None) is None
    assert (drivers.end_of_life("580"), drivers.end_of_life("1")) == ("2028-06", None)


@pytest.mark.parametrize(
    ("distro", "flavour", "command"),
    [
        ("Ubuntu 24.04.3 LTS", "open", "sudo apt-get install nvidia-driver-580-open"),
        ("Ubuntu 24.04.3 LTS", "proprietary", "sudo apt-get install nvidia-driver-580"),
        (
            "Rocky Linux 9.5 (Blue Onyx)",
            "open",
            "sudo dnf module enable nvidia-driver:580-open && sudo dnf install nvidia-open",
        ),
        ("Rocky Linux 9.5 (Blue Onyx)", "proprietary", None),
        ("Debian GNU/Linux 13 (trixie)", "open", None),
        (None, "open", None),
    ],
)
def test_packages(distro: str | None, flavour: drivers.Flavour, command: str | None) -> None:
    assert drivers.package_command(distro, "580", flavour) == command


@pytest.mark.parametrize(
    ("version", "capability", "program", "variable"),
    [
        ("2.1.0", 90, "third_party/cuda/bin/ptxas", "TRITON_PTXAS_PATH"),
        ("3.3.1", 90, "backends/nvidia/bin/ptxas", "TRITON_PTXAS_PATH"),
        ("3.3.1", 100, "backends/nvidia/bin/ptxas-blackwell", None),
        ("3.5.1", 120, "backends/nvidia/bin/ptxas", "TRITON_PTXAS_PATH"),
        ("3.8.0", 90, "backends/nvidia/bin/ptxas", "TRITON_PTXAS_PATH"),
        ("3.8.0", 100, "backends/nvidia/bin/ptxas-blackwell", "TRITON_PTXAS_BLACKWELL_PATH"),
        ("3.9.0", 90, "backends/nvidia/bin/ptxas-blackwell", "TRITON_PTXAS_BLACKWELL_PATH"),
    ],
)
def test_tritons_ptxas(version: str, capability: int, program: str, variable: str | None) -> None:
    tool = triton.ptxas(version, capability)
    assert tool is not None and (tool.path, tool.variable) == (program, variable)


@pytest.mark.parametrize(
    ("toolkit", "glibc", "agree"),
    [
        ("12.9", "2.40", True),
        ("12.9", "2.41", False),
        ("11.8", "2.41", False),
        ("13.0", "2.41", True),
        ("13.1", "2.42", False),
        ("13.2", "2.43", True),
    ],
)
def test_math_headers(toolkit: str, glibc: str, agree: bool) -> None:
    assert cuda.headers_agree(toolkit, glibc) is agree

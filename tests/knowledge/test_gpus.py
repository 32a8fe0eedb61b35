"""Names of GPUs: every spelling that people use, and clear errors for the rest."""

from __future__ import annotations

import pytest

from gpufix.knowledge.data_table import table
from gpufix.knowledge.gpus import models

RESOLVED = [
    ("sm_120", "sm_120"),
    ("SM_90A", "sm_90a"),
    ("sm90", "sm_90"),
    ("compute_90", "sm_90"),
    ("120", "sm_120"),
    ("12.0", "sm_120"),
    ("12.0a", "sm_120a"),
    ("8.6", "sm_86"),
    ("compute capability 8.9", "sm_89"),
    ("sm_100f", "sm_100f"),
    ("10.1", "sm_110"),  # Thor's name in CUDA 12.8 and 12.9
    ("gfx1101", "gfx1101"),
    ("GFX90A", "gfx90a"),
    ("gfx90a:xnack-", "gfx90a:xnack-"),
    ("gfx942:sramecc+:xnack-", "gfx942:sramecc+:xnack-"),
    ("RTX 5080", "sm_120"),
    ("rtx5080", "sm_120"),
    ("5080", "sm_120"),
    ("  GeForce   RTX 4090 ", "sm_89"),
    ("RTX 4080 SUPER", "sm_89"),
    ("RTX 4070 Ti SUPER", "sm_89"),
    ("NVIDIA GeForce RTX 4060 Laptop GPU", "sm_89"),
    ("H100", "sm_90"),
    ("NVIDIA H100 80GB HBM3", "sm_90"),
    ("A100", "sm_80"),
    ("A10", "sm_86"),
    ("Quadro RTX 5000", "sm_75"),
    ("RTX PRO 6000", "sm_120"),
    ("DGX Spark", "sm_121"),
    ("Jetson Orin", "sm_87"),
    ("RX 7900 XTX", "gfx1100"),
    ("RX 7900", "gfx1100"),
    ("AMD Radeon RX 7800 XT", "gfx1101"),
    ("MI300X", "gfx942"),
    ("780M", "gfx1103"),
    ("Strix Halo", "gfx1151"),
    ("Ryzen AI Max+ 395", "gfx1151"),
]


@pytest.mark.parametrize(("text", "arch"), RESOLVED)
def test_resolve(text: str, arch: str) -> None:
    target = models.resolve(text)
    assert target.arch == arch
    assert target.vendor == ("amd" if arch.startswith("gfx") else "nvidia")
    assert target.source.startswith("--gpu ")


@pytest.mark.parametrize("text", ["RTX 5000", "RTX 4000", "Titan", "Titan X", "A1000", "90a"])
def test_ambiguous(text: str) -> None:
    with pytest.raises(models.AmbiguousGpu) as caught:
        models.resolve(text)
    assert len({arch for _, arch in caught.value.choices}) > 1
    assert caught.value.choices[0][0] in str(caught.value)


UNKNOWN = [
    ("RTX 508", "NVIDIA GeForce RTX 5080"),
    ("RTX 9090", "NVIDIA GeForce RTX 5090"),
    ("906", "gfx906"),
    ("1101", "gfx1101"),
    ("9.0+PTX", "9.0"),
    ("gfx1170", "gfx1150"),
    ("sm_999", None),
    ("gfx11-generic", None),
    ("GTX 960M", "NVIDIA GeForce GTX 960"),  # the mobile chip is another architecture
    ("", None),
    ("\x1b[31m", None),
    ("[bold]" * 1000, None),
]


@pytest.mark.parametrize(("text", "suggestion"), UNKNOWN)
def test_unknown(text: str, suggestion: str | None) -> None:
    with pytest.raises(models.UnknownGpu) as caught:
        models.resolve(text)
    assert suggestion is None or suggestion in caught.value.suggestions


SEEN = [
    ("NVIDIA H100 80GB HBM3", "sm_90"),
    ("Tesla V100-SXM2-16GB", "sm_70"),
    ("NVIDIA A100-SXM4-80GB", "sm_80"),
    ("NVIDIA RTX A1000 Laptop GPU", "sm_86"),
    ("NVIDIA RTX 5000 Ada Generation Laptop GPU", "sm_89"),
    ("Quadro RTX 6000", "sm_75"),
    ("NVIDIA GB10", "sm_121"),
    ("AMD Instinct MI300X", "gfx942"),
    ("GeForce GTX 960M", None),
    ("NVIDIA Graphics Device", None),
    ("RTX 5000", None),
]


@pytest.mark.parametrize(("name", "arch"), SEEN)
def test_arch_of_name(name: str, arch: str | None) -> None:
    assert models.arch_of_name(name) == arch


def test_every_listed_name_has_its_own_architecture() -> None:
    data = table("gpus")
    for name, (arch, _) in data["nvidia"]["names"].items():
        assert models.resolve(name).arch == arch, name
        assert models.arch_of_name(name) == arch, name
    for gfx, row in data["amd"].items():
        for name in row[0]:
            assert models.resolve(name).arch == gfx, name


def test_rows() -> None:
    data = table("gpus")
    for arch, number in data["nvidia"]["names"].values():
        assert models.is_known(arch) and data["sources"][number]
    for gfx, row in data["amd"].items():
        assert row[1] in (32, 64) and data["sources"][row[3]]
        assert row[1] == (64 if gfx.startswith("gfx9") else 32)
    for gfx in data["overrides"]:
        override = models.hsa_override(gfx)
        assert override and override.risk in ("low", "high", "unverified") and override.source
        assert models.is_known(override.poses_as), override
        if override.risk == "low":  # the code that is then run is of the same generic target
            assert models.generic_of(gfx) == models.generic_of(override.poses_as)


def test_amd_facts() -> None:
    assert models.wave_size("gfx90a:xnack-") == 64
    assert models.wave_size("gfx1101") == 32
    assert models.hsa_override("gfx1101") and models.hsa_override("gfx1101").value == "11.0.0"
    assert models.hsa_override("gfx1103").risk == "high"
    reported = models.hsa_override("gfx1151")
    assert reported is not None and (reported.value, reported.risk) == ("11.0.0", "high")
    assert models.hsa_override("gfx1201") is None
    assert models.generic_of("gfx1151") == "gfx11-generic"
    assert models.rocm_support("gfx906", "5.7.1") == "supported"
    assert models.rocm_support("gfx906", "6.4.2") == "unsupported"
    assert models.rocm_support("gfx1151", "6.4") is None
    assert models.rocm_support("gfx906", "4.0") is None

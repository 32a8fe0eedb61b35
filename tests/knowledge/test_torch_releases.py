"""Every row of the torch table, and what is known of single builds."""

from __future__ import annotations

import re

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from gpufix.knowledge import cuda, listings, packages, torch_releases
from gpufix.knowledge.gpus import models
from gpufix.knowledge.packages import index_url

CONFIDENCE = {"measured", "measured-by-user", "high", "medium", "low", "unverified"}
EVERY = [
    pytest.param(release, platform, variant, id=f"{release.version}-{platform}-{name}")
    for release in torch_releases.all()
    for platform, variants in release.builds.items()
    for name, variant in variants.items()
]


@pytest.mark.parametrize(("release", "platform", "variant"), EVERY)
def test_variant(release, platform, variant) -> None:
    assert variant.source and variant.confidence in CONFIDENCE
    assert variant.archs and all(models.is_known(arch) for arch in variant.archs)
    assert set(variant.ptx or ()) <= set(variant.archs)
    assert index_url(variant.name).endswith(variant.name)
    if variant.cuda:
        toolkit = cuda.get(variant.cuda)
        assert toolkit, "every variant's CUDA is in the toolkit table"
        assert variant.driver_min == toolkit.driver_min
        assert all(toolkit.supports(arch) for arch in variant.archs), variant
    else:
        assert variant.rocm and all(arch.startswith("gfx") for arch in variant.archs)
    if Version(release.version) >= Version("2.7"):
        assert variant.cxx11_abi is True


@pytest.mark.parametrize("release", torch_releases.all(), ids=lambda r: r.version)
def test_release(release) -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", release.date) and release.source
    assert release.cxx_std in (14, 17, 20)
    for platform, tags in release.python_tags.items():
        assert tags and all(re.fullmatch(r"cp3\d+t?", tag) for tag in tags), platform
        default = release.default[platform]
        assert default == "cpu" or default in release.variants(platform)
    oldest = (
        "3." + min(release.python_tags["linux_x86_64"], key=lambda t: int(t[3:].rstrip("t")))[3:]
    )
    assert Version(oldest) in SpecifierSet(release.requires_python)
    pins = release.pins
    assert pins and pins.source and pins.variant == release.default["linux_x86_64"]
    for spec in [*pins.nvidia.values(), pins.triton, pins.nccl]:
        assert spec is None or SpecifierSet(spec)


def test_known_builds() -> None:
    builds = torch_releases.get("2.9.0+cu128").variants("linux_x86_64")
    assert builds["cu128"].archs[0] == "sm_70" and "sm_120" in builds["cu128"].archs
    assert builds["cu126"].archs[-1] == "sm_90"
    assert builds["cu128"].ptx == () and builds["cu130"].ptx == ("sm_120",)
    assert torch_releases.get("2.6.0").variants("linux_x86_64")["cu126"].cxx11_abi is True
    assert torch_releases.get("2.6.0").variants("linux_x86_64")["cu124"].cxx11_abi is False
    assert not torch_releases.get("2.7.1").variants("linux_x86_64")["cu118"].known
    assert torch_releases.get("9.9.9") is None and torch_releases.get("") is None
    assert torch_releases.versions()[-1] == "2.15.0"
    assert "cp311" in torch_releases.get("2.7.1").python_tags["linux_x86_64"]
    assert torch_releases.get("2.7.1").variants("win_amd64") == {}


def test_companions() -> None:
    for release in torch_releases.versions():
        for name, found in packages.for_torch(release).items():
            assert found.source and (found.exact or found.since or found.find_links), name
            for version in (*found.exact, *(v for v, _ in found.since)):
                Version(version)
            for _, needs in found.since:
                assert not needs or Version(release) in SpecifierSet(needs.removeprefix("torch"))
    assert packages.for_torch("2.7.1")["torchvision"].exact == ("0.22.1",)
    assert packages.for_torch("2.13.0")["torchvision"].exact == ("0.28.0",)
    assert {"kaolin", "xformers"} <= packages.names()
    assert packages.find_links("kaolin", "2.7.0", "cu128").endswith("/torch-2.7.0_cu128.html")
    assert packages.find_links("kaolin", "2.7.0", "cu129") is None
    assert packages.find_links("kaolin", "2.9.0", "cu128") is None
    assert packages.for_torch("9.9") == {}
    assert packages.for_torch("2.7.0")["kaolin"].exact == ("0.18.0",)
    assert packages.for_torch("2.8.0")["torch-scatter"].exact == ("2.1.2",)
    assert packages.for_torch("2.8.0")["pyg-lib"].exact == ()  # whichever is on its page


@pytest.mark.parametrize(
    ("release", "cuda", "found"),
    [
        ("2.1.2", "12", {"flash-attn": "2.7.4"}),
        ("2.1.2", "11", {"flash-attn": "2.6.3"}),  # later ones are for CUDA 12 alone
        ("2.0.1", "11", {"flash-attn": "2.6.3"}),
        ("2.1.2", None, {}),
        ("1.13.1", "11", {}),
    ],
)
def test_wheels_that_no_index_has(release: str, cuda: str | None, found: dict[str, str]) -> None:
    offered = {name: listings.for_cuda(name, release, cuda) for name in listings.by_file()}
    assert {name: max(them, key=Version) for name, them in offered.items() if them} == found

"""conda's names of distributions, and conda-forge's builds of pytorch."""

from __future__ import annotations

import pytest

from gpufix.evidence.torch_builds.candidates import builds
from gpufix.knowledge import conda, torch_releases
from gpufix.knowledge.data_table import table

NAMES = {
    "pytorch": ("torch",),
    "py-opencv": ("opencv-python", "opencv-python-headless"),
    "Huggingface_Hub": ("huggingface-hub",),
    "msgpack-python": ("msgpack", "msgpack-python"),
    "unheard-of": ("unheard-of",),
}


@pytest.mark.parametrize("package", NAMES)
def test_distributions(package: str) -> None:
    assert conda.distributions(package) == NAMES[package]


@pytest.mark.parametrize("release", table("conda_pytorch")["releases"])
def test_every_release_is_a_known_torch(release: str) -> None:
    known = torch_releases.get(release)
    assert known is not None
    for platform in ("linux_x86_64", "linux_aarch64"):
        found = conda.pytorch(release, platform)
        assert found is not None
        assert all(tag.startswith("cp3") for tag in found.pythons)
        assert all(v.cuda and v.archs and v.ptx for v in found.variants.values())
    assert conda.pytorch(release, "win_amd64") is None


def test_what_a_build_is_called() -> None:
    found = {
        build.requirement: build
        for vendor in ("nvidia", None, "amd")
        for build in builds("linux_x86_64", vendor, "conda-forge")
    }
    build = found["pytorch=2.9.1=cuda129*"]
    assert (build.version, build.glibc) == ("2.9.1+cu129", "2.17")
    assert build.pythons("linux_x86_64") == ("cp310", "cp311", "cp312", "cp313")
    assert found["pytorch=2.13.0=cuda130*"].glibc == "2.28"
    assert found["pytorch=2.13.0=cpu*"].variant is None
    assert not any("rocm" in name for name in found)
    assert {r.partition("=")[0] for r in found} == {"pytorch"}

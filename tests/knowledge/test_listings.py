"""Listings of published wheels: what they offer, what they do not have, and why."""

from __future__ import annotations

import re
from itertools import product
from urllib.parse import unquote

import pytest
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from gpufix.knowledge import listings, nearest, torch_releases
from gpufix.knowledge.data_table import source, table
from gpufix.knowledge.listings import Offer
from gpufix.knowledge.packages import index_url
from gpufix.knowledge.wheel_blocks import Build

X86, ARM = "linux_x86_64", "linux_aarch64"
GITHUB = "https://github.com/Dao-AILab/flash-attention/releases/download"


def build(torch: str, python: str = "cp312", platform: str = X86, **more: bool) -> Build:
    release, _, variant = torch.partition("+")
    return Build(release, variant, python, platform, **more)


def first(name: str, wanted: Build) -> Offer | None:
    return next(listings.offers(name, wanted), None)


PLACES: dict[str, tuple[str, Build, str, str | None, str | None]] = {
    "torch's index": (
        "torchvision",
        build("2.8.0+cu126"),
        "torchvision==0.23.0+cu126",
        "cu126",
        None,
    ),
    "torch's index for CPUs": (
        "torchaudio",
        build("2.8.0+cpu"),
        "torchaudio==2.8.0",
        "cpu",
        None,
    ),
    "of ROCm": ("xformers", build("2.8.0+rocm6.4"), "xformers==0.0.32.post2", "rocm6.4", None),
    "by the stable ABI, another minor of CUDA": (
        "xformers",
        build("2.13.0+cu132", "cp314"),
        "xformers==0.0.35",
        "cu130",
        None,
    ),
    "the package index": ("torchcodec", build("2.13.0+cu132"), "torchcodec==0.17.0", None, None),
    "a build for CPUs beside any torch": (
        "torchcodec",
        build("2.7.1+cu126"),
        "torchcodec==0.5",
        None,
        None,
    ),
    "a page for a release": (
        "kaolin",
        build("2.7.1+cu126"),
        "kaolin==0.18.0",
        None,
        "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.7.1_cu126.html",
    ),
    "a page for a minor": (
        "torch-sparse",
        build("2.7.1+cu126"),
        "torch-sparse==0.6.18+pt27cu126",
        None,
        "https://data.pyg.org/whl/torch-2.7.0+cu126.html",
    ),
    "whichever version its page has": (
        "pyg-lib",
        build("2.13.0+cu130"),
        "pyg-lib",
        None,
        "https://data.pyg.org/whl/torch-2.13.0+cu130.html",
    ),
    "another distribution of the package": (
        "spconv-cu120",
        build("2.8.0+cu128"),
        "spconv-cu126==2.3.8",
        None,
        None,
    ),
    "the very CUDA of several": (
        "spconv",
        build("2.5.1+cu121"),
        "spconv-cu121==2.3.8",
        None,
        None,
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_where_a_wheel_lies(case: str) -> None:
    name, wanted, requirement, index, page = PLACES[case]
    found = first(name, wanted)
    assert found and (found.requirement, found.index, found.page) == (requirement, index, page)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", found.read) and found.source


# Names as they stand in lock files, Dockerfiles and build scripts of public repositories.
FILES = {
    "flash_attn-2.8.3.post1+cu12torch2.8cxx11abiTRUE-cp312-cp312-linux_x86_64.whl": "v2.8.3.post1",
    "flash_attn-2.8.3.post1+cu12torch2.4cxx11abiFALSE-cp310-cp310-linux_x86_64.whl": "v2.8.3.post1",
    "flash_attn-2.8.3+cu12torch2.9cxx11abiTRUE-cp312-cp312-linux_aarch64.whl": "v2.8.3",
    "flash_attn-2.7.4.post1+cu12torch2.2cxx11abiFALSE-cp310-cp310-linux_x86_64.whl": "v2.7.4.post1",
    "mamba_ssm-2.3.2.post1+cu12torch2.10cxx11abiTRUE-cp312-cp312-linux_x86_64.whl": "v2.3.2.post1",
    "mamba_ssm-2.3.0+cu12torch2.4cxx11abiFALSE-cp312-cp312-linux_x86_64.whl": "v2.3.0",
    "causal_conv1d-1.6.1+cu13torch2.9cxx11abiTRUE-cp310-cp310-linux_aarch64.whl": "v1.6.1.post4",
    "causal_conv1d-1.5.4+cu12torch2.5cxx11abiTRUE-cp310-cp310-linux_x86_64.whl": "v1.5.4",
}


@pytest.mark.parametrize("file", FILES)
def test_the_address_of_a_release_s_file(file: str) -> None:
    name, version, _, _ = parse_wheel_filename(file)
    found = re.search(r"cu(\d+)torch([\d.]+?)cxx11abi(TRUE|FALSE)-(cp\d+)-cp\d+-(.*)\.whl", file)
    assert found
    cuda, minor, abi, python, platform = found.groups()
    variants = {"12": "cu126", "13": "cu130"}
    wanted = Build(f"{minor}.0", variants[cuda], python, platform, abi == "TRUE")
    offers = {o.version: o for o in listings.offers(str(name), wanted)}
    url = Requirement(offers[version.public].requirement).url
    assert url and unquote(url).endswith(f"/{FILES[file]}/{file}")
    assert listings.publishes(url)


NEAREST = {
    "no release is new enough": (
        "flash-attn",
        build("2.10.0+cu128"),
        "flash-attn has wheels for torch 2.2 – 2.9, none for torch 2.10.0 (as of 2026-08-15)",
    ),
    "the Python": (
        "flash-attn",
        build("2.8.0+cu128", "cp314"),
        "flash-attn has wheels for cp39 – cp313 with torch 2.8.0, none for cp314 (as of 2026-08-15)",
    ),
    "a Python that was left out": (
        "flash-attn",
        build("2.4.1+cu124", "cp313"),
        "flash-attn has wheels for cp39 – cp313 with torch 2.4.1, none for cp313 (as of 2026-08-15)",
    ),
    "the CUDA": (
        "kaolin",
        build("2.7.0+cu124"),
        "kaolin has wheels for cu118, cu126, cu128 with torch 2.7.0, none for cu124 (as of 2026-08-14)",
    ),
    "the platform": (
        "torch-scatter",
        build("2.8.0+cu128", platform=ARM),
        "torch-scatter has wheels for linux_x86_64 with torch 2.8.0, none for linux_aarch64 (as of "
        "2026-08-17)",
    ),
    "another C++ ABI than torch's own wheels": (
        "xformers",
        build("2.6.0+cu124", abi=True),
        "xformers has wheels for C++ ABI 0 with torch 2.6.0, none for C++ ABI 1 (as of 2026-11-30)",
    ),
    "source only": (
        "nvdiffrast",
        build("2.8.0+cu128"),
        "nvdiffrast is published as source only (as of 2025-12-05)",
    ),
    "nothing is known": (
        "unheard-of",
        build("2.8.0+cu128"),
        "which wheels of unheard-of are published is not known here",
    ),
}


@pytest.mark.parametrize("case", NEAREST)
def test_why_there_is_none(case: str) -> None:
    name, wanted, text = NEAREST[case]
    assert first(name, wanted) is None
    assert nearest.reason(name, wanted) == text


def test_a_free_threaded_python_has_its_own_wheels() -> None:
    assert first("xformers", build("2.9.0+cu128", "cp313t")) is None
    assert first("torchvision", build("2.9.0+cu128", "cp313t"))


def test_the_abi_of_torch_chooses_the_wheel() -> None:
    for abi in (False, True):
        found = first("flash-attn", build("2.5.1+cu124", abi=abi))
        assert found and f"cxx11abi{str(abi).upper()}" in found.requirement
    told = first("flash-attn", build("2.5.1+cu124"))  # as torch's own wheels have it
    assert told and "cxx11abiFALSE" in told.requirement


@pytest.mark.parametrize("name", listings.names())
def test_every_offer_can_be_asked_for(name: str) -> None:
    """Of each release, build and Python: a requirement, a known index or a known page."""
    seen = 0
    for release in torch_releases.all():
        for variant, python in product(["cpu", *release.variants(X86)], ("cp310", "cp312")):
            for offer in listings.offers(name, Build(release.version, variant, python, X86)):
                seen += 1
                requirement = Requirement(offer.requirement)
                assert requirement.name == offer.distribution
                assert requirement.url is None or listings.publishes(requirement.url)
                assert offer.page is None or listings.publishes(offer.page)
                assert offer.index is None or index_url(offer.index)
    assert bool(seen) != listings.source_alone(name)


def test_what_no_listing_publishes() -> None:
    kaolin = "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.8.0_cu128.html"
    assert listings.publishes(kaolin)
    for url in (
        kaolin + "/../evil.html",
        kaolin.replace("nvidia-kaolin", "nvidia-kaolin.evil"),
        "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.8.0/x_cu128.html",
        f"{GITHUB}/v2.8.3/flash_attn-2.8.3-cp312-cp312-linux_x86_64.whl",
        "https://example.org/flash_attn.whl",
    ):
        assert not listings.publishes(url)


def test_sources_and_days() -> None:
    for row in table("listings")["listings"].values():
        assert all(source("listings", block["source"]) for block in row["wheels"])
        assert "2025-01-01" < row["read"] < "2027-01-01"

"""CUDA toolkits, drivers, host compilers and the toolkit's wheels."""

from __future__ import annotations

import re

import pytest

from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge import cuda as cuda_wheels
from gpufix.knowledge import cuda as host_compilers
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import at_least, minor, numbers
from gpufix.knowledge.gpus import models


@pytest.mark.parametrize("version", cuda_toolkits.versions())
def test_toolkit(version: str) -> None:
    toolkit = cuda_toolkits.get(version)
    assert toolkit and toolkit.source and toolkit.driver_source
    assert re.fullmatch(r"\d\.\d", toolkit.ptx) and numbers(toolkit.driver_min)
    assert toolkit.driver_full is None or at_least(toolkit.driver_full, toolkit.driver_min)
    assert toolkit.sm and all(models.is_known(f"sm_{sm}") for sm in toolkit.sm)
    for sm in toolkit.sm:
        first, last = cuda_toolkits.first_and_last(sm)
        assert at_least(version, first) and (last is None or at_least(last, version)), sm
    for family in ("gcc", "clang"):
        limit = host_compilers.limit(version, family)
        assert limit and limit.source
        assert limit.max_major is None or 8 < limit.max_major < 30


def test_toolkits_differ_where_it_matters() -> None:
    assert not cuda_toolkits.get("12.6").supports("sm_120")
    assert cuda_toolkits.get("12.8.93").supports("sm_120")
    assert not cuda_toolkits.get("13.0").supports("sm_70")
    assert cuda_toolkits.get("12.9").supports("sm_70")
    assert cuda_toolkits.first_and_last("sm_70") == ("11.0", "12.9")
    assert cuda_toolkits.first_and_last("sm_999") is None
    assert cuda_toolkits.get("12.7") is None and cuda_toolkits.get("junk") is None


DRIVERS = [
    ("570.86.15", "12.8"),
    ("572.16", "12.8"),
    ("580.65.06", "13.0"),
    ("535", "12.2"),
    ("440.33", None),
    ("", None),
]


@pytest.mark.parametrize(("driver", "cuda"), DRIVERS)
def test_cuda_of_driver(driver: str, cuda: str | None) -> None:
    assert cuda_toolkits.cuda_of_driver(driver) == cuda


def test_min_driver() -> None:
    assert cuda_toolkits.min_driver("12.8") == "525.60.13"
    assert cuda_toolkits.min_driver("12.8", full=True) == "570.26"
    assert cuda_toolkits.min_driver("13.2") == "580.65.06"
    assert cuda_toolkits.min_driver("12.8", "windows") is None
    assert cuda_toolkits.min_driver("99.0") is None


def test_host_compilers() -> None:
    assert host_compilers.limit("12.3", "gcc").max_major == 12
    assert host_compilers.limit("12.8", "gcc").max_major == 14
    assert host_compilers.limit("99", "gcc") is None
    bounds = host_compilers.torch_bounds("2.11.0", "12.3.52", "gcc")
    assert bounds.accepts("13.2") and not bounds.accepts("14.0") and not bounds.accepts("5.5")
    assert host_compilers.torch_bounds("2.9.1", "12.8", "gcc") is None  # it does not look
    assert host_compilers.headers_need_gcc("2.13.0+cpu") == 10
    assert host_compilers.headers_need_gcc("2.8.0") == 9
    assert host_compilers.headers_need_gcc("2.0.1") is None


@pytest.mark.parametrize("release", torch_releases.versions())
def test_extension_rules(release: str) -> None:
    rules = host_compilers.extension_rules(release)
    assert rules and "8.0" in rules["archs"].split()
    for family in ("gcc", "clang"):
        for cuda, (least, below) in rules[family].items():
            assert numbers(cuda) and not at_least(least, below)


def test_extension_rules_follow_history() -> None:
    assert "12.0" not in host_compilers.extension_rules("2.6.0")["archs"].split()
    assert "12.0" in host_compilers.extension_rules("2.7.1+cu128")["archs"].split()
    assert not host_compilers.extension_rules("2.8.0")["native"]
    assert host_compilers.extension_rules("2.9.0")["native"]
    assert host_compilers.extension_rules("1.10") is None
    assert host_compilers.extension_rules("main") is None


def test_wheels() -> None:
    wheels = cuda_wheels.nvcc_wheels()
    assert [name for name, w in wheels.items() if w.has_nvcc] == ["nvidia-cuda-nvcc"]
    assert cuda_wheels.toolkit("13.0").version == "13.0.2"
    assert cuda_wheels.toolkit("13.2").version == "13.2.2"
    assert cuda_wheels.toolkit("13.2.1").version == "13.2.1"
    assert cuda_wheels.toolkit("13.0").compiles
    assert not cuda_wheels.toolkit("12.8").compiles
    assert cuda_wheels.toolkit("14.0") is None
    for wheel in wheels.values():
        assert wheel.source


@pytest.mark.parametrize(
    ("version", "short"), [("12.8.93", "12.8"), ("12", "12"), ("13.0rc1", "13.0"), ("x", "")]
)
def test_minor(version: str, short: str) -> None:
    assert minor(version) == short

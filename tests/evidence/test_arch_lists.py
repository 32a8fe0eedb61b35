"""What lists of architectures ask for, as torch, hipcc and CMake read them."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.evidence.arch_lists import (
    ArchList,
    arch_list,
    missed,
    named,
    of_cmake,
    of_rocm,
    of_torch,
    refused,
    severity,
    spelled,
    targets,
)
from gpufix.knowledge.gpus.models import resolve
from gpufix.model import ERROR, WARNING
from gpufix.source.arch_flags import ArchFlag


def words(found: ArchList) -> tuple[str, str, str]:
    """(machine code, PTX, what is refused)"""
    code = [*found.cubins, *found.gfx]
    return " ".join(map(str, code)), " ".join(map(str, found.ptx)), " ".join(found.bad)


@pytest.mark.parametrize(
    ("value", "release", "expected"),
    [
        ("8.6", "2.9.0", ("sm_86", "", "")),
        ("8.6;9.0a 12.0+PTX", "2.9.0", ("sm_86 sm_90a sm_120", "sm_120", "")),
        (" 8.0 ; 8.6 ", "2.9.0", ("sm_80 sm_86", "", "")),
        ("Ampere", "2.9.0", ("sm_80 sm_86", "sm_86", "")),
        ("Ampere+Tegra", "2.9.0", ("sm_87", "", "")),  # not Ampere, with something behind it
        ("sm_86 8.6+ptx 86", "2.9.0", ("", "", "sm_86 8.6+ptx 86")),
        ("8.6;99.0+PTX", "2.9.0", ("sm_86", "", "99.0+PTX")),
        ("12.0", "2.6.0", ("", "", "12.0")),
        ("12.0", "2.7.0+cu128", ("sm_120", "", "")),
        ("native", "2.8.0", ("", "", "native")),
        ("", "2.9.0", ("", "", "")),
    ],
)
def test_of_torch(value: str, release: str, expected: tuple[str, str, str]) -> None:
    found = of_torch(value, release)
    assert words(found) == expected
    assert not found.native


@pytest.mark.parametrize(
    ("value", "release"), [("native", "2.9.0"), (" Native ", "2.9.0"), ("8.6", "1.10.0")]
)
def test_of_torch_is_not_judged(value: str, release: str) -> None:
    assert of_torch(value, release) == ArchList(native=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("gfx1100", ("gfx1100", "", "")),
        ("gfx90a:xnack-; gfx1100", ("gfx90a:xnack- gfx1100", "", "")),
        ("gfx1100 sm_90 nonsense", ("gfx1100", "", "sm_90 nonsense")),
        ("", ("", "", "")),
    ],
)
def test_of_rocm(value: str, expected: tuple[str, str, str]) -> None:
    assert words(of_rocm(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("75", ("sm_75", "sm_75", "")),
        ("75;86-real;90-virtual", ("sm_75 sm_86", "sm_75 sm_90", "")),
        ("90a;100f-real", ("sm_90a sm_100f", "sm_90a", "")),
        ("86 120", ("sm_86 sm_120", "sm_86 sm_120", "")),
        ("8.6;sm_86;86-both;90", ("sm_90", "sm_90", "8.6 sm_86 86-both")),
        ("", ("", "", "")),
    ],
)
def test_of_cmake(value: str, expected: tuple[str, str, str]) -> None:
    assert words(of_cmake(value)) == expected


@pytest.mark.parametrize("value", ["all", "all-major", "native", "OFF"])
def test_of_cmake_is_not_judged(value: str) -> None:
    assert of_cmake(value) == ArchList(native=True)


@pytest.mark.parametrize(
    ("gpus", "release", "expected"),
    [
        (["sm_89"], "2.9.0", "8.9+PTX"),
        (["sm_120", "sm_89", "sm_89"], "2.9.0", "8.9;12.0+PTX"),
        (["sm_90a"], "2.9.0", "9.0a"),  # PTX of an exact target runs nowhere else
        (["sm_90a", "sm_120"], "2.9.0", "9.0a;12.0+PTX"),
        (["sm_89", "gfx1100"], "2.9.0", "8.9+PTX"),
    ],
)
def test_targets_as_torch_reads_them(gpus: list[str], release: str, expected: str) -> None:
    assert spelled(map(resolve, gpus), release) == expected


@pytest.mark.parametrize(
    ("gpus", "release"), [(["sm_120"], "2.6.0"), (["sm_89"], "1.10.0"), ([], "2.9.0")]
)
def test_what_torch_cannot_be_told(gpus: list[str], release: str) -> None:
    with pytest.raises(ValueError, match=f"cpp_extension of torch {release} does not know"):
        spelled(map(resolve, gpus), release)


FLAGS = [
    ArchFlag("cubin", "sm_80"),
    ArchFlag("ptx", "sm_80"),
    ArchFlag("hip", "gfx1100"),
    ArchFlag("dynamic", ""),
    ArchFlag("cubin", "nonsense"),
    ArchFlag("cubin", "sm_90"),
]


def test_flags_as_a_list() -> None:
    assert words(arch_list(FLAGS)) == ("sm_80 sm_90 gfx1100", "sm_80", "")
    assert not arch_list(FLAGS).native
    assert arch_list([ArchFlag("native", ""), *FLAGS]).native
    assert arch_list([*FLAGS, ArchFlag("native", "")]).native


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (FLAGS, "sm_80, gfx1100, nonsense, sm_90 and PTX of sm_80"),
        (FLAGS[1:2] * 2, "PTX of sm_80"),
        (FLAGS[:1] * 2, "sm_80"),
        ([ArchFlag("ptx", "")], ""),
        ([], ""),
    ],
)
def test_flags_in_words(flags: list[ArchFlag], said: str) -> None:
    assert named(flags) == said


@pytest.mark.parametrize(
    ("value", "gpu", "served"),
    [
        ("8.0", "sm_86", True),
        ("8.6", "sm_80", False),
        ("8.0+PTX", "sm_120", True),
        ("8.0", "sm_120", False),
        ("8.0", "sm_87", True),  # on Jetson it depends on the toolkit: not known counts as yes
    ],
)
def test_which_targets_a_list_serves(value: str, gpu: str, served: bool) -> None:
    view = b.view(b.healthy(), gpu)
    assert of_torch(value, "2.9.0").serves(resolve(gpu)) is served
    assert missed(view, of_torch(value, "2.9.0")) == ([] if served else [resolve(gpu)])
    assert missed(view, ArchList(native=True)) == []


def test_a_build_is_for_the_gpus_of_its_vendor() -> None:
    for facts, arch in ((b.healthy(), "sm_89"), (b.healthy_amd(), "gfx1100")):
        view = b.view(facts, "sm_89", "gfx1100")
        assert [target.arch for target in targets(view)] == [arch]
    view = b.view(b.healthy_amd(), "gfx1100", "gfx1030", "sm_89")
    assert [target.arch for target in missed(view, of_rocm("gfx1030"))] == ["gfx1100"]


@pytest.mark.parametrize(
    ("version", "value", "expected"),
    [
        ("12.6", "8.9;12.0+PTX", ("12.6", ["sm_120"])),
        ("12.8", "8.9;12.0", ("12.8", [])),
        ("13.0", "7.0;7.5", ("13.0", ["sm_70"])),
        ("99.0", "7.0", ("99.0", [])),  # a toolkit that is not known refuses nothing
        (None, "7.0", ("", [])),
    ],
)
def test_what_nvcc_refuses(version: str | None, value: str, expected: object) -> None:
    facts = b.healthy(toolkits=[b.toolkit(version, root="/usr/local/cuda")])
    assert refused(b.view(facts), of_torch(value, "2.9.0")) == expected
    assert refused(b.view(b.healthy(toolkits=[])), of_torch(value, "2.9.0")) == ("", [])


def test_nvcc_is_not_asked_for_an_amd_gpu() -> None:
    facts = b.healthy_amd(toolkits=[b.rocm(), b.toolkit("12.6")])
    assert refused(b.view(facts), of_torch("12.0", "2.9.0")) == ("12.6", [])


@pytest.mark.parametrize(
    ("named", "unserved", "certain", "expected"),
    [
        (True, 2, True, ERROR),
        (True, 1, True, ERROR),
        (True, 2, False, WARNING),
        (False, 2, True, ERROR),
        (False, 1, True, WARNING),
    ],
)
def test_how_grave_it_is(named: bool, unserved: int, certain: bool, expected: object) -> None:
    gpus = [b.gpu("sm_89"), b.gpu("sm_120", index=1)]
    view = b.view(b.healthy(gpus=gpus), *(["sm_89", "sm_120"] if named else []))
    assert severity(view, view.targets[:unserved], certain) is expected

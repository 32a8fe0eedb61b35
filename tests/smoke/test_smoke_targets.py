"""Names to targets, and when there is nothing to run on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpufix.kernels.toolchain import KernelTarget
from gpufix.model import Facts, Gpu, Host
from gpufix.smoke.devices import NoTarget, ordinals_of, programs_at_once, targets_of


def facts(*archs: str) -> Facts:
    gpus = [
        Gpu(vendor="amd" if a.startswith("gfx") else "nvidia", index=i, arch=a, source="t")
        for i, a in enumerate(archs)
    ]
    return Facts(host=Host(os="Linux", kernel="6", machine="x86_64"), gpus=gpus)


@pytest.mark.parametrize(
    ("here", "named", "compile_only", "expected"),
    [
        (("sm_90", "sm_90"), (), False, ["sm_90"]),
        (("gfx90a:xnack-",), (), False, ["gfx90a"]),
        (("sm_90", "sm_75"), ("sm_75",), False, ["sm_75"]),
        ((), ("sm_120+PTX", "gfx1030", "12.0"), True, ["sm_120+PTX", "gfx1030"]),
        (("sm_90",), ("RTX 5080",), True, ["sm_120"]),
    ],
)
def test_targets(
    here: tuple[str, ...], named: tuple[str, ...], compile_only: bool, expected: list[str]
) -> None:
    assert [str(t) for t in targets_of(facts(*here), named, compile_only)] == expected


@pytest.mark.parametrize(
    ("here", "named", "compile_only", "says"),
    [
        ((), (), False, "--compile-only --gpu"),
        ((), (), True, "--compile-only --gpu"),
        ((), ("sm_90",), False, "none"),
        (("sm_90",), ("sm_90", "sm_120"), False, "sm_120 is not among"),
    ],
)
def test_nothing_to_run_on(
    here: tuple[str, ...], named: tuple[str, ...], compile_only: bool, says: str
) -> None:
    with pytest.raises(NoTarget, match=says):
        targets_of(facts(*here), named, compile_only)


def test_quick_has_nothing_to_compile_for() -> None:
    with pytest.raises(NoTarget, match="no GPU is visible: --quick needs one"):
        targets_of(facts(), (), compile_only=False, quick=True)


@pytest.mark.parametrize(
    ("here", "shown", "expected"),
    [
        (("sm_90",), {}, [0]),
        (("sm_90", "sm_90", "sm_90"), {}, [0]),  # its programs then say why
        (("sm_90", "sm_90", "sm_90"), {0: "sm_90", 1: "sm_90", 2: "sm_90"}, [0, 1, 2]),
        (("sm_90", "sm_90", "sm_90"), {0: "sm_90", 1: "sm_90"}, [0, 1]),  # one is hidden
        (("sm_90", "sm_90"), {0: "sm_90", 1: ""}, [0, 1]),  # one does not answer
        (("sm_75", "sm_90"), {0: "sm_90", 1: "sm_75"}, [0]),  # the runtime's own order
        (("sm_75", "sm_90"), {0: "sm_75", 1: "sm_90"}, [1]),
        (("sm_75", "sm_90"), {0: "sm_75", 1: ""}, [1]),
        (("sm_75", "sm_90"), {0: "", 1: ""}, []),  # which is which cannot be known
        (("sm_75", "sm_90"), {0: "sm_75"}, []),  # CUDA_VISIBLE_DEVICES hides it
    ],
)
def test_ordinals(here: tuple[str, ...], shown: dict[int, str], expected: list[int]) -> None:
    assert ordinals_of(facts(*here), KernelTarget("sm_90"), shown.get) == expected


@pytest.mark.parametrize(
    ("changes", "devices", "expected"),
    [
        ({}, 1, 15),
        ({"cpus": 2}, 1, 1),  # the second is for gpufix and torch
        ({"memory_available": 10 << 30}, 1, 3),
        ({"memory_available": None}, 1, 1),
        ({"os": "Windows"}, 1, 1),
        ({}, 4, 3),
        ({}, 40, 1),
    ],
)
def test_how_many_run_beside_each_other(
    changes: dict[str, object], devices: int, expected: int
) -> None:
    host = replace(
        Host(os="Linux", kernel="6", machine="x86_64", cpus=16, memory_available=64 << 30),
        **changes,
    )
    gpu = Gpu(vendor="nvidia", index=0, arch="sm_90", source="t", memory_total=24 << 30)
    assert programs_at_once(Facts(host=host, gpus=[gpu]), devices) == expected
    small = replace(gpu, memory_total=16 << 30)
    assert programs_at_once(Facts(host=host, gpus=[gpu, small]), devices) == 1
    assert programs_at_once(Facts(host=host, gpus=[replace(gpu, memory_total=None)]), devices) == 1

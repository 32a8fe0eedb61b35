"""`recommend` against the researched tables, read here by a second reader that shares no code.

The oracle knows three rules of its own: machine code serves its own major version at or above its
minor one (CUDA), the very gfx or a generic of its family is needed (AMD: only equality is asked
for here, both ways), a CUDA major needs the first driver of that major, and a GPU a branch between
its first and its last one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpufix
from gpufix.evidence.torch_builds.question import Question, driver
from gpufix.evidence.torch_builds.rank import Prefer, answer
from gpufix.knowledge.gpus.models import resolve

DATA = Path(gpufix.__file__).parent / "knowledge" / "data"
RELEASES: dict[str, Any] = json.loads((DATA / "torch_releases.json").read_text())["releases"]
TOOLKITS: dict[str, Any] = json.loads((DATA / "cuda_toolkits.json").read_text())
DRIVEN: dict[str, Any] = {
    row["arch"]: row
    for row in json.loads((DATA / "drivers.json").read_text())["architectures"]
    if not row["ids"]
}
GPUS: dict[str, Any] = json.loads((DATA / "gpus.json").read_text())

NVIDIA = sorted(set(re.findall(r"sm_\d+", json.dumps(GPUS["nvidia"]))))
AMD = sorted(GPUS["amd"])
DRIVERS = [None, *TOOLKITS["branches"]]
PYTHONS = sorted(
    {tag for r in RELEASES.values() for t in r["python"].values() for tag in t.split()}
)
PLATFORMS = ("linux_x86_64", "linux_aarch64")
SURE = ("measured", "measured-by-user", "high", "medium")


def number(arch: str) -> tuple[int, int]:
    digits = arch.removeprefix("sm_")
    return int(digits[:-1]), int(digits[-1])


def by_machine_code(have: str, device: str) -> bool:
    if not re.fullmatch(r"sm_\d+", have):
        return have.rstrip("af") == device
    (major, minor), (wanted, least) = number(have), number(device)
    return major == wanted and minor <= least


def by_ptx(have: str, device: str) -> bool:
    return re.fullmatch(r"sm_\d+", have) is not None and number(have) <= number(device)


def cuda_of(variant: str) -> tuple[int, int]:
    found = re.fullmatch(r"cu(\d\d)(\d)", variant)
    assert found
    return int(found[1]), int(found[2])


def pair(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def served_cuda(branch: str | None) -> tuple[int, int] | None:
    return pair(TOOLKITS["branches"][branch]) if branch else None


def drives(branch: str | None, device: str) -> bool:
    row = DRIVEN.get(device)
    if branch is None or row is None:
        return True
    return int(row["first"] or 0) <= int(branch) <= int(row["last"] or 9999)


def rows(tag: str, platform: str, vendor: str) -> list[tuple[str, str, dict[str, Any]]]:
    prefix = {"nvidia": "cu", "amd": "rocm"}[vendor]
    return [
        (release, name, row)
        for release, about in RELEASES.items()
        if tag in about["python"].get(platform, "").split()
        for name, row in about["variants"].get(platform, {}).items()
        if name.startswith(prefix)
    ]


def surely_fits(row: dict[str, Any], name: str, device: str, branch: str | None) -> bool:
    """Machine code for the device, and a driver of the CUDA's major: no doubt is possible."""
    if row["confidence"] not in SURE or not drives(branch, device):
        return False
    archs = row["archs"].split()
    if device.startswith("gfx"):
        return device in archs
    served = served_cuda(branch)
    # Jetson's chips share numbers with servers' and need code of their own (sm_87, sm_101, sm_110).
    if device in ("sm_53", "sm_62", "sm_72", "sm_87", "sm_101", "sm_110"):
        return False
    return any(by_machine_code(a, device) for a in archs if re.fullmatch(r"sm_\d+", a)) and (
        served is None or served[0] >= cuda_of(name)[0]
    )


def cannot_fit(row: dict[str, Any], name: str, device: str, branch: str | None) -> bool:
    """No code at all for the device, or a driver of an older major."""
    archs, ptx = row["archs"].split(), (row["ptx"] or "").split()
    if device.startswith("gfx"):
        return device not in archs and not any("generic" in a for a in archs)
    served = served_cuda(branch)
    if (served is not None and served[0] < cuda_of(name)[0]) or not drives(branch, device):
        return True
    return not any(by_machine_code(a, device) for a in archs) and not any(
        by_ptx(p, device) for p in ptx
    )


def ask(device: str, branch: str | None, tag: str, platform: str) -> Question:
    return Question(
        (resolve(device),), tag, platform=platform, driver=driver(branch) if branch else None
    )


def judged(device: str, branch: str | None, tag: str, platform: str, prefer: Prefer) -> None:
    found = answer(ask(device, branch, tag, platform), prefer)
    offered = {(b.release.version, b.name) for b in found.fitting}
    assert len(offered) == len(found.fitting)
    vendor = "amd" if device.startswith("gfx") else "nvidia"
    listed = {(release, name): row for release, name, row in rows(tag, platform, vendor)}
    assert offered <= listed.keys()
    for key in offered:
        assert not cannot_fit(listed[key], key[1], device, branch), key
    for key, row in listed.items():
        if surely_fits(row, key[1], device, branch):
            assert key in offered, key
    for miss in found.misses:
        assert miss.obstacles
        assert (miss.build.release.version, miss.build.name) not in offered


@pytest.mark.slow
@pytest.mark.parametrize("device", [*NVIDIA, *AMD])
def test_every_gpu_driver_and_python(device: str) -> None:
    branches = DRIVERS if device.startswith("sm_") else [None]
    for branch in branches:
        for tag in PYTHONS:
            for platform in PLATFORMS:
                judged(device, branch, tag, platform, Prefer.newest)


@given(
    st.sampled_from([*NVIDIA, *AMD]),
    st.sampled_from(DRIVERS),
    st.sampled_from(PYTHONS),
    st.sampled_from(PLATFORMS),
    st.sampled_from(list(Prefer)),
)
def test_any_gpu_driver_and_python(
    device: str, branch: str | None, tag: str, platform: str, prefer: Prefer
) -> None:
    judged(device, branch, tag, platform, prefer)


@settings(max_examples=40)  # each asks three questions
@given(st.sampled_from(NVIDIA), st.sampled_from(NVIDIA), st.sampled_from(DRIVERS))
@pytest.mark.slow
def test_two_gpus_are_served_by_what_serves_each(one: str, other: str, branch: str | None) -> None:
    def fitting(*devices: str) -> set[str]:
        base = ask(devices[0], branch, "cp312", "linux_x86_64")
        asked = Question(tuple(resolve(d) for d in devices), base.python, driver=base.driver)
        return {b.version for b in answer(asked, Prefer.newest).fitting}

    assert fitting(one, other) == fitting(one) & fitting(other)

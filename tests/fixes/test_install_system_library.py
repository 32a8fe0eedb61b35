"""Libraries of the system: by apt, dnf and conda, this machine's own first."""

from __future__ import annotations

from typing import Any

import builders as b
import pytest

from gpufix.checks.registry import ERROR, Fault, declared
from gpufix.checks.symbols.sym402_missing_library import missing_library
from gpufix.evidence.package_manager import debian_index
from gpufix.fixes.abi.install_system_library import install_system_library
from gpufix.knowledge.system_libraries import ffmpeg, holding
from gpufix.model import Advise, Plan, Skip
from gpufix.model.payload import MissingLibrary

DEBIAN_12 = {"distro_ids": ["debian"], "distro_version": "12"}
DEBIAN_13 = {"distro_ids": ["debian"], "distro_version": "13"}
UBUNTU_24 = {"distro_ids": ["ubuntu", "debian"], "distro_version": "24.04"}
UBUNTU_22 = {"distro_ids": ["ubuntu", "debian"], "distro_version": "22.04"}
MINT = {"distro_ids": ["linuxmint", "ubuntu", "debian"], "distro_version": "22"}
ROCKY = {"distro_ids": ["rocky", "rhel", "centos", "fedora"], "distro_version": "9.4"}
CONDA = {"python": b.python(kind="conda")}


def offer(host: dict[str, Any], *names: str, **more: Any) -> Plan | Skip | None:
    payload = MissingLibrary("cv2", (), (), names, **more.pop("payload", {}))
    fault = Fault(ERROR, "cv2", "cv2 needs it", payload=payload)
    facts = b.facts(host=b.host(**host), **more)
    return install_system_library(declared(missing_library).finding(fault), b.view(facts))


COMMANDS: dict[str, tuple[dict[str, Any], list[str], dict[str, Any], list[str]]] = {
    "Debian": (DEBIAN_12, ["libGL.so.1"], {}, ["sudo apt-get install libgl1"]),
    "Debian 12": (
        DEBIAN_12,
        ["libgthread-2.0.so.0", "libglib-2.0.so.0"],
        {},
        ["sudo apt-get install libglib2.0-0"],
    ),
    "Debian 13": (
        DEBIAN_13,
        ["libgthread-2.0.so.0"],
        {},
        ["sudo apt-get install libglib2.0-0t64"],
    ),
    "Ubuntu 24.04": (UBUNTU_24, ["libasound.so.2"], {}, ["sudo apt-get install libasound2t64"]),
    "Ubuntu 22.04": (UBUNTU_22, ["libasound.so.2"], {}, ["sudo apt-get install libasound2"]),
    "RPM's own names": (ROCKY, ["libGL.so.1"], {}, ["sudo dnf install 'libGL.so.1()(64bit)'"]),
    "a conda environment on Debian": (
        DEBIAN_12,
        ["libsndfile.so.1"],
        CONDA,
        ["conda install --prefix /env --channel conda-forge libsndfile"],
    ),
    "a system that is not known": (
        {},
        ["libportaudio.so.2"],
        {},
        [
            "sudo apt-get install libportaudio2",
            "sudo dnf install 'libportaudio.so.2()(64bit)'",
            "conda install --channel conda-forge portaudio",
        ],
    ),
    "FFmpeg of one major": (
        DEBIAN_12,
        ["libavutil.so.57", "libavcodec.so.59"],
        {},
        ["sudo apt-get install libavutil57 libavcodec59"],
    ),
    "FFmpeg of any major": (
        DEBIAN_12,
        ["libavutil.so.56", "libavutil.so.57", "libavutil.so.58"],
        {},
        ["sudo apt-get install ffmpeg"],
    ),
    "no name among them is anything but a word": (
        {"distro_ids": ["rhel"]},
        ["libGL.so.1"],
        {},
        ["sudo dnf install 'libGL.so.1()(64bit)'"],
    ),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_the_packages_that_hold_it(case: str) -> None:
    host, names, more, commands = COMMANDS[case]
    plan = offer(host, *names, **more)
    assert isinstance(plan, Plan) and plan.safety == "manual"
    assert [s.command for s in plan.steps if isinstance(s, Advise)] == commands


def test_other_systems_stand_in_notes() -> None:
    plan = offer(DEBIAN_12, "libGL.so.1", "libfoo.so.7")
    assert isinstance(plan, Plan)
    assert plan.title == "install what holds libGL.so.1"
    assert plan.notes == [
        "on Fedora and RHEL: sudo dnf install 'libGL.so.1()(64bit)'",
        "in a conda environment: conda install --channel conda-forge libgl",
        "no wheel and no package of the system is known here that brings libfoo.so.7",
    ]


REASONS = {
    "a name that no table has": (
        DEBIAN_12,
        "libfoo.so.7",
        "no wheel and no package of the system is known here that brings libfoo.so.7",
    ),
    "torch's own, and there is no torch": (
        DEBIAN_12,
        "libc10.so",
        "libc10.so comes with torch, which is not installed",
    ),
    "a release without it": (
        DEBIAN_13,
        "libavutil.so.57",
        "this system's release has no package that holds libavutil.so.57; on Fedora and RHEL: sudo "
        "dnf install 'libavutil.so.57()(64bit)'; in a conda environment: conda install --channel "
        "conda-forge ffmpeg=5",
    ),
}


@pytest.mark.parametrize("case", REASONS)
def test_none_is_known(case: str) -> None:
    host, name, reason = REASONS[case]
    skip = offer(host, name)
    assert isinstance(skip, Skip) and skip.reason == reason


def test_what_its_owner_requires_and_lacks_may_bring_it() -> None:
    lacks = [b.dist("cv2", "5.0", requires=["held", "q", "r"]), b.dist("held", "1.0")]
    skip = offer(DEBIAN_12, "libfoo.so.7", distributions=lacks)
    assert isinstance(skip, Skip)
    assert skip.reason.endswith(
        "libfoo.so.7; cv2 requires q (and 1 more), not installed: install that first"
    )


def test_what_wheels_bring_or_have_brought_is_none_of_the_systems() -> None:
    assert offer(DEBIAN_12, "libGL.so.1", payload={"held": ("/x/libGL.so.1",)}) is None
    fault = Fault(ERROR, "a", "m", payload=MissingLibrary("a", ("nvidia-nccl-cu12",)))
    found = declared(missing_library).finding(fault)
    assert install_system_library(found, b.view(b.facts())) is None


@pytest.mark.parametrize(
    ("host", "index"),
    [(DEBIAN_12, 0), (DEBIAN_13, 1), (UBUNTU_22, 0), (UBUNTU_24, 1), (MINT, 0), (ROCKY, None)],
)
def test_whose_names_a_release_has(host: dict[str, Any], index: int | None) -> None:
    assert debian_index(b.host(**host)) == index


@pytest.mark.parametrize(
    ("soname", "majors"),
    [
        ("libavutil.so.56", (4,)),
        ("libswresample.so.4", (5, 6)),
        ("libavutil.so.99", ()),
        ("libavfoo.so.57", ()),
        ("libGL.so.1", ()),
    ],
)
def test_the_majors_of_ffmpeg(soname: str, majors: tuple[int, ...]) -> None:
    assert ffmpeg(soname) == majors
    assert (holding(soname) is not None) is (bool(majors) or soname == "libGL.so.1")

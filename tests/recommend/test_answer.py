"""What is offered first, what is in the way of the rest, what would break."""

from __future__ import annotations

import sys
from typing import Any

import builders as b
import pytest

from gpufix.evidence.inspected import File, Inspection, TorchNeed
from gpufix.evidence.torch_builds.candidates import Extension, TorchBuild, builds, of_inspection
from gpufix.evidence.torch_builds.companions import Moved, companion, moved_along
from gpufix.evidence.torch_builds.obstacles import Kind, obstacles
from gpufix.evidence.torch_builds.question import (
    Now,
    NvidiaDriver,
    Question,
    driver,
    of_view,
    platform_name,
    python_tag,
    specifier,
    wanted,
)
from gpufix.evidence.torch_builds.rank import Prefer, answer
from gpufix.knowledge.gpus.models import resolve
from gpufix.knowledge.listings import Offer
from gpufix.model import Target
from gpufix.recommend.install_commands import commands, known_companions
from gpufix.recommend.offer import breaks, pose, reasons

NOW = Now(release="2.6.0", variant="cu124", cuda="12.4")


def question(*gpus: str, **changes: object) -> Question:
    base: dict[str, object] = {"targets": tuple(map(resolve, gpus)), "python": "cp312"}
    return Question(**(base | changes))  # type: ignore[arg-type]


def first(asked: Question, prefer: Prefer = Prefer.newest) -> str | None:
    found = answer(asked, prefer).fitting
    return found[0].version if found else None


def build(version: str) -> TorchBuild:
    vendor = {"cu": "nvidia", "ro": "amd", "cp": None}[version.partition("+")[2][:2]]
    return next(x for x in builds("linux_x86_64", vendor) if x.version == version)


BEST = {
    "RTX 5090, its first driver": (
        question("RTX 5090", driver=driver("570.86.16")),
        Prefer.newest,
        "2.11.0+cu128",
    ),
    "RTX 5090, smallest change": (
        question("RTX 5090", now=NOW),
        Prefer.smallest_change,
        "2.7.0+cu128",
    ),
    "what is installed serves": (question("A100", now=NOW), Prefer.smallest_change, "2.6.0+cu124"),
    "oldest CUDA for Ampere": (question("sm_86"), Prefer.oldest_cuda, "2.5.1+cu118"),
    "what a plain install brings, where nothing is here": (
        question("sm_90"),
        Prefer.smallest_change,
        "2.15.0+cu132",
    ),
    "nearest to the toolkit, where torch has no CUDA": (
        question("sm_90", now=Now(release="2.8.0", variant="cpu", toolkit="12.6")),
        Prefer.smallest_change,
        "2.8.0+cu126",
    ),
    "nearest to torch's CUDA, whatever the toolkit": (
        question("sm_90", now=Now(release="2.8.0", cuda="12.9", toolkit="12.6")),
        Prefer.smallest_change,
        "2.8.0+cu129",
    ),
    "no CUDA newer than the driver's": (
        question("sm_90", now=Now(release="2.8.0"), driver=driver("560.28.03")),
        Prefer.smallest_change,
        "2.8.0+cu126",
    ),
    "one ROCm": (
        question("gfx1100", rocm="6.3", now=Now(release="2.8.0")),
        Prefer.smallest_change,
        "2.8.0+rocm6.3",
    ),
    "Volta is gone from CUDA 13": (question("V100"), Prefer.newest, "2.14.1+cu126"),
    "Volta and Blackwell together": (question("V100", "RTX 5080"), Prefer.newest, "2.10.0+cu128"),
    "no GPU": (question(), Prefer.newest, "2.15.0+cpu"),
    "only 2.8": (question("sm_90", allowed=specifier("2.8")), Prefer.newest, "2.8.0+cu128"),
    "only one build": (
        question("sm_90", allowed=specifier("2.8"), variant="cu126"),
        Prefer.newest,
        "2.8.0+cu126",
    ),
    "a build that does not exist": (
        question("sm_90", allowed=specifier("2.8"), variant="cu118"),
        Prefer.newest,
        None,
    ),
    "with a wheel of kaolin": (
        question("RTX 5090", along=("kaolin",)),
        Prefer.newest,
        "2.8.0+cu128",
    ),
    "with a wheel of kaolin for this Python": (
        question("RTX 5090", along=("kaolin",), python="cp313"),
        Prefer.newest,
        None,
    ),
    "with what is built beside any torch": (
        question("sm_90", along=("nvdiffrast",)),
        Prefer.newest,
        "2.15.0+cu132",
    ),
    "a GPU that no build serves": (question("sm_35"), Prefer.newest, None),
    "musl": (question("sm_90", libc="musl"), Prefer.newest, None),
    "Python 3.7": (question("sm_90", python="cp37"), Prefer.newest, None),
}


@pytest.mark.parametrize("case", BEST)
def test_best(case: str) -> None:
    asked, prefer, expected = BEST[case]
    assert first(asked, prefer) == expected


MISSES = {
    "driver": (question("sm_120", driver=driver("550.54.14")), Kind.driver, "550.54.14"),
    "code": (question("sm_120", allowed=specifier("2.6")), Kind.target, "sm_90"),
    "Python": (question("gfx1100", python="cp314t"), Kind.python, "cp314t"),
    "glibc": (
        question("sm_90", libc="glibc", libc_version="2.17", allowed=specifier(">=2.6")),
        Kind.system,
        "2.28",
    ),
    "musl": (question("sm_90", libc="musl", libc_version="1.2"), Kind.system, "musl"),
    "another ROCm": (question("gfx1100", rocm="9.9"), Kind.asked, "is not for ROCm 9.9"),
    "another release": (
        question("sm_90", allowed=specifier("1.0")),
        Kind.asked,
        "is not torch==1.0.*",
    ),
    "what its toolkit cannot generate": (
        question("sm_120", allowed=specifier("2.7.1"), extensions=(Extension("x", cuda="11"),)),
        Kind.unknown,
        "CUDA 11.8 cannot generate machine code for sm_120; whether it has PTX is not known",
    ),
    "no wheel of what goes along": (
        question("sm_90", allowed=specifier("2.9.0"), along=("kaolin",)),
        Kind.extension,
        "none for torch 2.9.0 (as of 2026-08-14)",
    ),
    "another build than asked for": (
        question("sm_90", allowed=specifier("2.8"), variant="cu118"),
        Kind.asked,
        "is not for cu118",
    ),
    "a build of which too little is known": (
        question("sm_90", allowed=specifier("2.7.1"), extensions=(Extension("x", cuda="11"),)),
        Kind.unknown,
        "which GPUs it has code for is not known",
    ),
}


@pytest.mark.parametrize("case", MISSES)
def test_misses_say_what_holds_them_back(case: str) -> None:
    asked, kind, word = MISSES[case]
    found = [o for m in answer(asked, Prefer.newest).misses for o in m.obstacles]
    assert any(o.kind is kind and word in o.text for o in found), found


def test_what_is_easiest_to_overcome_comes_first() -> None:
    """A version that was asked for can be asked for anew, a GPU cannot be changed."""
    easiest = ["asked", "extension", "driver", "python", "system", "unknown", "target"]
    assert [kind.name for kind in sorted(Kind)] == easiest


def test_a_build_is_kept_back_once_for_each_thing() -> None:
    asked = question("sm_90", libc="musl", libc_version="1.2", allowed=specifier("2.9.0"))
    (miss,) = answer(asked, Prefer.newest).misses
    assert [o.kind for o in miss.obstacles] == [Kind.system]


def against(version: str, *gpus: str, **changes: object) -> list[str]:
    """What keeps a build from serving."""
    return [o.text for o in obstacles(build(version), question(*gpus, **changes))]


def ext(**changes: Any) -> dict[str, object]:
    return {"extensions": (Extension("ext.so", **changes),)}


LATER = (Target(vendor="nvidia", arch="sm_130", source="--gpu"),)
OLD = {"libc": "glibc", "libc_version": "2.17"}
AGAINST: dict[str, tuple[list[str], list[str]]] = {
    "an old glibc": (against("2.5.1+cu124", "sm_90", **OLD), []),
    "a glibc of which nothing is known": (against("2.9.0+cu128", "sm_90", libc="glibc"), []),
    "a new one": (against("2.9.0+cu128", "sm_90", libc="glibc", libc_version="2.28"), []),
    "too old a glibc": (
        against("2.9.0+cu128", "sm_90", **OLD),
        ["needs glibc 2.28; here is 2.17"],
    ),
    "a driver of the same major": (
        against("2.9.0+cu128", "sm_90", driver=driver("525.60.13")),
        [],
    ),
    "a driver just too old": (
        against("2.9.0+cu128", "sm_90", driver=driver("525.60.12")),
        ["needs driver 525.60.13 or newer; here is 525.60.12 (CUDA 12.0)"],
    ),
    "no more than a CUDA is known": (against("2.9.0+cu128", "sm_90", driver=driver("12.0")), []),
    "a CUDA that is too old": (
        against("2.9.0+cu128", "sm_90", driver=driver("11.8")),
        ["needs driver 525.60.13 or newer; here is one of CUDA 11.8"],
    ),
    "a driver before the GPU's first": (
        against("2.9.0+cu128", "sm_120", driver=driver("560.35.03")),
        [
            "sm_120 needs driver 570 or newer with the open kernel modules; here is 560.35.03 "
            "(CUDA 12.6)"
        ],
    ),
    "its first would still be too old for the build": (
        against("2.11.0+cu130", "sm_120", driver=driver("560")),
        [
            "sm_120 needs driver 580.65.06 or newer with the open kernel modules; here is 560 "
            "(CUDA 12.6)"
        ],
    ),
    "a driver after the GPU's last": (
        against("2.6.0+cu126", "sm_61", driver=driver("590")),
        [
            "sm_61 needs driver 580 or older with the proprietary kernel modules; here is 590 "
            "(CUDA 13.1)"
        ],
    ),
    "the other kernel modules": (
        against("2.9.0+cu128", "sm_120", driver=NvidiaDriver("13.0", "580.95.05", "proprietary")),
        [
            "sm_120 needs the open kernel modules; here is 580.95.05 (CUDA 13.0) with the "
            "proprietary kernel modules"
        ],
    ),
    "the driver of a machine with another GPU": (
        against("2.9.0+cu128", "sm_120", driver=NvidiaDriver("12.4", "550.54.14", drives=False)),
        [],
    ),
    "PTX for a later GPU": (against("2.9.0+cu129", targets=LATER, driver=driver("575.51.03")), []),
    "PTX that the driver does not compile": (
        against("2.9.0+cu129", targets=LATER, driver=driver("570.86.15")),
        ["has PTX only for sm_130, newer than driver 570.86.15 (CUDA 12.8) compiles"],
    ),
    "no PTX for a later GPU": (
        against("2.8.0+cu126", targets=LATER),
        [
            "has no code for sm_130 (has machine code for sm_50, sm_60, sm_70, sm_75, sm_80, sm_86, "
            "sm_90)"
        ],
    ),
    "the range": (against("2.9.0+cu128", "sm_90", allowed=specifier(">=2.8,<3")), []),
    "the ROCm": (against("2.9.0+rocm6.4", "gfx1100", rocm="6.4"), []),
    "another ROCm": (against("2.9.0+rocm6.4", "gfx1100", rocm="6.3"), ["is not for ROCm 6.3"]),
    "loads with it": (against("2.9.0+cu128", "sm_90", **ext(releases=("2.8.0", "2.9.0"))), []),
    "loads with one": (
        against("2.9.0+cu128", "sm_90", **ext(releases=("2.7.0",))),
        ["ext.so loads with torch 2.7.0"],
    ),
    "loads with some": (
        against("2.9.0+cu128", "sm_90", **ext(releases=("2.7.0", "2.7.1", "2.8.0"))),
        ["ext.so loads with torch 2.7.0 – 2.8.0"],
    ),
    "loads with none": (
        against("2.9.0+cu128", "sm_90", **ext(releases=())),
        ["ext.so loads with no known torch"],
    ),
    "newer than all": (
        against("2.9.0+cu128", "sm_90", **ext(releases=(), newer=True)),
        ["ext.so asks for symbols that no known torch has"],
    ),
    "the same ABI": (against("2.9.0+cu128", "sm_90", **ext(cxx11_abi=1)), []),
    "another ABI": (
        against("2.9.0+cu128", "sm_90", **ext(cxx11_abi=0)),
        ["ext.so has C++ ABI 0, this build 1"],
    ),
    "a CPU build, whose ABI is not listed": (against("2.9.0+cpu", **ext(cxx11_abi=0)), []),
    "the same CUDA": (against("2.9.0+cu128", "sm_90", **ext(cuda="12")), []),
    "another CUDA": (
        against("2.9.0+cu128", "sm_90", **ext(cuda="13")),
        ["ext.so needs the runtime of CUDA 13"],
    ),
    "no CUDA": (
        against("2.9.0+cpu", **ext(cuda="12")),
        ["ext.so needs the runtime of CUDA 12"],
    ),
    "ROCm": (
        against("2.9.0+rocm6.4", "gfx1100", **ext(cuda="12")),
        ["ext.so needs the runtime of CUDA 12"],
    ),
    "the same Python": (against("2.9.0+cu128", "sm_90", **ext(pythons=("cp311", "cp312"))), []),
    "another Python": (
        against("2.9.0+cu128", "sm_90", **ext(pythons=("cp310", "cp311"))),
        ["ext.so is built for cp310, cp311, not for cp312"],
    ),
    "any Python from one on": (against("2.9.0+cu128", "sm_90", **ext(pythons=("abi3",))), []),
}


@pytest.mark.parametrize("case", AGAINST)
def test_what_keeps_a_build_from_serving(case: str) -> None:
    found, expected = AGAINST[case]
    assert found == expected


def test_misses_are_the_nearest() -> None:
    for asked, _, _ in BEST.values():
        counts = [len({o.kind for o in m.obstacles}) for m in answer(asked, Prefer.newest).misses]
        assert counts == sorted(counts) and len(set(counts)) <= 1


def loads_with(*releases: str, **changes: object) -> Extension:
    return Extension("ext.so", releases, **changes)  # type: ignore[arg-type]


EXTENSIONS = {
    "its releases": (loads_with("2.7.0", "2.7.1"), {"2.7.0", "2.7.1"}),
    "not one of them": (loads_with(), set()),
    "newer than all": (loads_with("2.15.0", newer=True), set()),
}


@pytest.mark.parametrize("case", EXTENSIONS)
def test_an_extension_narrows_the_releases(case: str) -> None:
    extension, expected = EXTENSIONS[case]
    asked = question("sm_90", extensions=(extension,))
    assert {x.release.version for x in answer(asked, Prefer.newest).fitting} == expected


def test_an_extension_that_says_nothing_narrows_nothing() -> None:
    silent = question("sm_90", extensions=(Extension("plain.so"),))
    assert answer(silent, Prefer.newest).fitting == answer(question("sm_90"), Prefer.newest).fitting


def test_two_extensions_must_agree() -> None:
    both = (loads_with("2.7.0", "2.8.0"), loads_with("2.8.0", "2.9.0"))
    found = answer(question("sm_90", extensions=both), Prefer.newest).fitting
    assert {x.release.version for x in found} == {"2.8.0"}


def test_the_runtime_of_an_extension_decides_the_cuda_major() -> None:
    asked = question("sm_90", extensions=(Extension("ext.so", cuda="12"),))
    names = {x.name for x in answer(asked, Prefer.newest).fitting}
    assert names and all(name.startswith("cu12") for name in names)


def test_the_abi_of_an_extension_counts() -> None:
    old = question("sm_90", extensions=(Extension("ext.so", cxx11_abi=0),))
    found = answer(old, Prefer.newest).fitting
    assert found and not any(x.variant.cxx11_abi for x in found if x.variant)


def test_an_inspection_becomes_an_extension() -> None:
    file = File("a.so", "module", python_tag="cp311", needed=["libcudart.so.12", "libc10.so"])
    need = TorchNeed(releases=["2.7.0"], newer=False)
    found = of_inspection(Inspection("dist/a.whl", "wheel", "a", "1.0", files=[file], torch=need))
    assert found == Extension("a 1.0", ("2.7.0",), cuda="12", pythons=("cp311",))
    both = File("b.so", "library", needed=["libcudart.so.12", "libcudart.so.11.0"])
    assert of_inspection(Inspection("x/b.so", "file", files=[both])) == Extension("b.so")


def test_an_extension_of_another_python_is_an_obstacle() -> None:
    asked = question("sm_90", extensions=(Extension("ext.so", pythons=("cp311",)),))
    found = answer(asked, Prefer.newest)
    assert not found.fitting and "cp311" in found.misses[0].obstacles[0].text
    stable = question("sm_90", extensions=(Extension("ext.so", pythons=("abi3",)),))
    assert answer(stable, Prefer.newest).fitting


@pytest.mark.parametrize(
    ("version", "name", "requirement"),
    [
        ("2.9.0+cu128", "torchvision", "torchvision==0.24.0+cu128"),
        ("2.9.0+cu128", "torchaudio", "torchaudio==2.9.0+cu128"),
        ("2.9.0+cpu", "torchvision", "torchvision==0.24.0"),
        ("2.7.1+cu128", "xformers", "xformers==0.0.31.post1"),  # the last of two
        ("2.7.0+cu128", "kaolin", "kaolin==0.18.0"),  # from a page of its own
        ("2.9.0+cu128", "unheard-of", None),
    ],
)
def test_the_companion_that_goes_with_a_build(
    version: str, name: str, requirement: str | None
) -> None:
    found = companion(name, build(version), question("sm_90"))
    assert (found if isinstance(found, str) else found.requirement) == (
        requirement or f"which wheels of {name} are published is not known here"
    )


def test_no_companion_that_fails_on_the_target() -> None:
    """xformers 0.0.31.post1 takes FlashAttention 3 on an RTX 50, whose kernels are Hopper's."""
    hopper, blackwell = (Question((resolve(arch),), "cp312") for arch in ("sm_90", "sm_120"))
    for_torch = build("2.7.1+cu128")
    found = companion("xformers", for_torch, hopper)
    assert isinstance(found, Offer) and found.requirement == "xformers==0.0.31.post1"
    assert isinstance(companion("xformers", for_torch, blackwell), str)


def test_installed_companions_move_along() -> None:
    installed = [b.dist("torchvision", "0.20.0"), b.dist("kaolin", "0.17.0"), b.dist("numpy")]
    view = b.view(b.facts(distributions=installed))
    found = moved_along(view, build("2.9.0+cu128"))
    assert found.along == ("torchvision==0.24.0+cu128",) and not found.later
    assert found.unknown.keys() == {"kaolin"} and found.unknown["kaolin"].startswith("kaolin has")
    assert moved_along(b.view(b.facts()), build("2.9.0+cu128")) == Moved((), (), {})


def test_an_editable_install_is_left_to_its_owner() -> None:
    view = b.view(b.facts(distributions=[b.dist("flash-attn", "2.8", editable="/src/flash")]))
    found = moved_along(view, build("2.8.0+cu128"))
    assert found == Moved((), (), {"flash-attn": "flash-attn is an editable install of /src/flash"})


def test_what_lies_elsewhere_follows_torch() -> None:
    view = b.view(b.facts(distributions=[b.dist("kaolin", "0.17.0"), b.dist("flash-attn", "2.8")]))
    found = moved_along(view, build("2.8.0+cu128"))
    assert [offer.name for offer in found.later] == ["flash-attn", "kaolin"]
    assert found.later[1].page and found.later[1].page.endswith("/torch-2.8.0_cu128.html")
    assert not found.along and not found.unknown


@pytest.mark.parametrize(
    ("version", "label", "requirement"),
    [
        ("2.9.0+cu128", "torch 2.9.0 for CUDA 12.8", "torch==2.9.0+cu128"),
        ("2.9.0+rocm6.4", "torch 2.9.0 for ROCm 6.4", "torch==2.9.0+rocm6.4"),
        ("2.9.0+cpu", "torch 2.9.0 for the CPU", "torch==2.9.0"),
    ],
)
def test_builds_in_words(version: str, label: str, requirement: str) -> None:
    found = build(version)
    assert (found.label, found.requirement) == (label, requirement)


def test_a_patients_question_is_about_the_gpus_of_the_first_ones_vendor() -> None:
    facts = b.healthy(host=b.host(libc="musl", libc_version="1.2"))
    mixed = [resolve("gfx1100"), resolve("sm_90"), resolve("gfx1030")]
    for targets, expected in ((mixed, mixed[::2]), (mixed[1:], mixed[1:2]), ([], [])):
        asked = of_view(b.view(facts), targets)
        assert asked is not None and list(asked.targets) == expected
        assert (asked.libc, asked.libc_version, asked.python) == ("musl", "1.2", "cp311")
        # The machine has an RTX 4090: its driver drives no H100.
        drives = expected != mixed[1:2]
        assert asked.driver == NvidiaDriver("13.0", "580.95.05", drives=drives)
        assert asked.now == Now("2.9.0", "cu128", "12.8", None, "12.8")
    assert of_view(b.view(b.facts(python=None)), mixed) is None
    rocm = of_view(b.view(b.healthy_amd()), mixed)
    assert rocm is not None and rocm.now == Now("2.9.0", "rocm6.4", None, "6.4.43483-0", None)


COMMANDS = {
    "2.9.0+cu128": (
        "python -m pip install torch==2.9.0+cu128 --index-url https://download.pytorch.org/whl/cu128",
        "conda install --channel conda-forge 'pytorch=2.9.0=cuda129*'",
    ),
    "2.5.1+cu124": (
        "python -m pip install torch==2.5.1+cu124 --index-url https://download.pytorch.org/whl/cu124",
        "conda install --channel conda-forge 'pytorch=2.5.1=cuda126*'",
    ),
    "2.5.1+cpu": (
        "python -m pip install torch==2.5.1 --index-url https://download.pytorch.org/whl/cpu",
        "conda install --channel conda-forge 'pytorch=2.5.1=cpu*'",
    ),
    "2.9.0+rocm6.4": (
        "python -m pip install torch==2.9.0+rocm6.4 "
        "--index-url https://download.pytorch.org/whl/rocm6.4",
        None,
    ),
}


@pytest.mark.parametrize("version", COMMANDS)
def test_commands(version: str) -> None:
    pip, conda = COMMANDS[version]
    found = commands(build(version), platform="linux_x86_64")
    assert (found.pip, found.conda) == (pip, conda)
    assert found.uv == pip.replace("python -m pip", "uv pip")


@pytest.mark.parametrize(
    ("version", "named"),
    [
        ("2.8.0+cu128", {"torchvision 0.23.0", "flash-attn 2.8.3.post1"}),
        ("2.7.0+cu126", {"kaolin 0.18.0"}),
        ("2.9.0+cu130", {"torchvision 0.24.0"}),
    ],
)
def test_companions_that_are_known(version: str, named: set[str]) -> None:
    found = set(known_companions(build(version), question("sm_90")))
    assert named <= found
    assert any(c.startswith("flash-attn") for c in found) == ("+cu12" in version)


def test_nothing_breaks_where_nothing_depends_on_torch() -> None:
    assert breaks(b.view(b.healthy()), build("2.8.0+cu128")) == []


def test_staying_breaks_nothing() -> None:
    facts = b.healthy(distributions=[b.dist("torch", "2.9.0+cu128"), b.dist("xformers", "0.0.1")])
    assert breaks(b.view(facts), build("2.9.0+cu128")) == []


def test_companions_and_pins_are_named() -> None:
    facts = b.healthy(
        distributions=[
            b.dist("torch", "2.9.0+cu128"),
            b.dist("torchvision", "0.24.0+cu128"),
            b.dist("model-zoo", "1.2", requires=["torch<2.10,>=2.9", "numpy"]),
        ]
    )
    found = breaks(b.view(facts), build("2.8.0+cu128"))
    assert any("torchvision" in line and "0.23.0" in line for line in found), found
    assert any(line.startswith("model-zoo 1.2 requires torch") for line in found), found


def test_reasons_name_the_driver_that_is_needed_when_none_is_known() -> None:
    assert any("driver 580" in r for r in reasons(build("2.11.0+cu130"), question("sm_90")))


READ = [
    (wanted, "2.7.0+cu118", (specifier("2.7.0"), "cu118")),
    (wanted, "2.8+rocm6.4", (specifier("2.8"), "rocm6.4")),
    (wanted, "cu126", (None, "cu126")),
    (wanted, ">=2.6,<2.9", (specifier(">=2.6,<2.9"), None)),
    (driver, "550.54.14", NvidiaDriver("12.4", "550.54.14")),
    (driver, "550", NvidiaDriver("12.4", branch="550")),
    (driver, "12.4", NvidiaDriver("12.4")),
    (driver, "13", NvidiaDriver("13.0")),
    (driver, "550.54.14.1", NvidiaDriver("12.4", "550.54.14.1")),
    (python_tag, None, f"cp{sys.version_info.major}{sys.version_info.minor}"),
    (python_tag, "3.12", "cp312"),
    (python_tag, "3.12.4", "cp312"),
    (python_tag, "cp313t", "cp313t"),
    (python_tag, "3.13t", "cp313t"),
    (platform_name, "linux-arm64", "linux_aarch64"),
    (platform_name, None, "linux_x86_64"),
]


@pytest.mark.parametrize(("read", "text", "expected"), READ)
def test_spellings(read: object, text: str, expected: object) -> None:
    assert read(text) == expected  # type: ignore[operator]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (driver, "new"),
        (driver, "390.12"),
        (driver, "100"),  # no CUDA is numbered so
        (driver, "1.2.3.4.5"),
        (driver, "五五〇"),
        (python_tag, "2.7"),
        (python_tag, "pypy"),
        (platform_name, "win_amd64"),
        (specifier, "about 2.8"),
    ],
)
def test_what_is_none_is_refused(read: object, text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(text)  # type: ignore[operator]


POSES = [("gfx1031", "10.3.0"), ("gfx1100", None), ("sm_35", None)]


@pytest.mark.parametrize(("arch", "value"), POSES)
def test_a_relative_is_named_where_nothing_serves(arch: str, value: str | None) -> None:
    found = pose(answer(question(arch), Prefer.newest), Prefer.newest)
    assert (found.value if found else None) == value

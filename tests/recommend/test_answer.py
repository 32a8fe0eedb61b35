"""What is offered first, what is in the way of the rest, what would break."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.evidence.inspected import File, Inspection, TorchNeed
from gpufix.evidence.torch_builds.candidates import Extension, TorchBuild, builds, of_inspection
from gpufix.evidence.torch_builds.obstacles import Kind
from gpufix.evidence.torch_builds.question import (
    Now,
    NvidiaDriver,
    Question,
    driver,
    platform_name,
    python_tag,
    specifier,
)
from gpufix.evidence.torch_builds.rank import Prefer, answer
from gpufix.knowledge.gpus.models import resolve
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
    "RTX 5090, a driver of CUDA 12.4": (
        question("RTX 5090", driver=driver("550.54.14")),
        Prefer.newest,
        "2.11.0+cu128",
    ),
    "RTX 5090, smallest change": (
        question("RTX 5090", now=NOW),
        Prefer.smallest_change,
        "2.7.0+cu128",
    ),
    "what is installed serves": (question("A100", now=NOW), Prefer.smallest_change, "2.6.0+cu124"),
    "oldest CUDA for Ampere": (question("sm_86"), Prefer.oldest_cuda, "2.1.2+cu118"),
    "Volta is gone from CUDA 13": (question("V100"), Prefer.newest, "2.14.1+cu126"),
    "Volta and Blackwell together": (question("V100", "RTX 5080"), Prefer.newest, "2.10.0+cu128"),
    "no GPU": (question(), Prefer.newest, "2.15.0+cpu"),
    "only 2.8": (question("sm_90", allowed=specifier("2.8")), Prefer.newest, "2.8.0+cu128"),
    "a GPU that no build serves": (question("sm_35"), Prefer.newest, None),
    "musl": (question("sm_90", libc="musl"), Prefer.newest, None),
    "Python 3.7": (question("sm_90", python="cp37"), Prefer.newest, None),
}


@pytest.mark.parametrize("case", BEST)
def test_best(case: str) -> None:
    asked, prefer, expected = BEST[case]
    if case == "oldest CUDA for Ampere":
        found = answer(asked, prefer).fitting
        assert min(int(x.name[2:]) for x in found) == int(found[0].name[2:])
    else:
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
    "musl": (question("sm_90", libc="musl"), Kind.system, "musl"),
}


@pytest.mark.parametrize("case", MISSES)
def test_misses_say_what_holds_them_back(case: str) -> None:
    asked, kind, word = MISSES[case]
    found = [o for m in answer(asked, Prefer.newest).misses for o in m.obstacles]
    assert any(o.kind is kind and word in o.text for o in found), found


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
    assert not any(x.variant.cxx11_abi for x in answer(old, Prefer.newest).fitting if x.variant)


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


COMMANDS = {
    "2.9.0+cu128": (
        "python -m pip install torch==2.9.0+cu128 --index-url https://download.pytorch.org/whl/cu128",
        None,
    ),
    "2.5.1+cu124": (
        "python -m pip install torch==2.5.1+cu124 --index-url https://download.pytorch.org/whl/cu124",
        "conda install pytorch==2.5.1 pytorch-cuda=12.4 -c pytorch -c nvidia",
    ),
    "2.5.1+cpu": (
        "python -m pip install torch==2.5.1 --index-url https://download.pytorch.org/whl/cpu",
        "conda install pytorch==2.5.1 cpuonly -c pytorch",
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
    found = commands(build(version))
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
    found = set(known_companions(build(version)))
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
    (driver, "550.54.14", NvidiaDriver("12.4", "550.54.14")),
    (driver, "550", NvidiaDriver("12.4")),
    (driver, "12.4", NvidiaDriver("12.4")),
    (driver, "13", NvidiaDriver("13.0")),
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

"""Thirty conda prefixes, made as conda's own programs make them: what is said of each, and what is never said."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import conda_channel as c
import pytest

import needs

pytestmark = [pytest.mark.slow, pytest.mark.needs("rattler", "conda packages", "gcc")]

_SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
_TORCH = """__version__ = '{0}'
debug = False
cuda = {1!r}
git_version = '0'
hip = None
"""
_REQUIRES = ("python", "libgcc >=13", "libstdcxx >=13", "__glibc >=2.17,<3.0.a0", "numpy >=1.23,<3")


@pytest.fixture(scope="module")
def empty_library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("c") / "a.so"
    command = [needs.path("gcc"), "-shared", "-fPIC", "-x", "c", "-", "-o", path]
    subprocess.run(command, input=b"int here;\n", check=True)
    return path.read_bytes()


def old_libstdcxx(folder: Path) -> tuple[bytes, bytes]:
    """A libstdc++ that ends with GCC 9's versions, and a module that needs GCC 13's."""
    names = {"old": ("GLIBCXX_3.4.28",), "new": ("GLIBCXX_3.4.28", "GLIBCXX_3.4.32")}
    for name, versions in names.items():
        lines = [f"int f{v.rpartition('.')[2]};" for v in versions]
        script = [f"{v} {{ global: f{v.rpartition('.')[2]}; }};" for v in versions]
        (folder / name).mkdir()
        (folder / name / "a.c").write_text("\n".join(lines))
        (folder / name / "a.map").write_text("\n".join(script))
        _gcc(
            folder / name,
            "a.c",
            "-Wl,--version-script=a.map,-soname,libstdc++.so.6",
            "-o",
            "libstdc++.so.6",
        )
    (folder / "m.c").write_text("extern int f32; int *user(void) { return &f32; }\n")
    _gcc(folder, "m.c", "new/libstdc++.so.6", "-Wl,-rpath,$ORIGIN/../../..", "-o", "m.so")
    return (folder / "old/libstdc++.so.6").read_bytes(), (folder / "m.so").read_bytes()


def _gcc(folder: Path, *words: str) -> None:
    subprocess.run([needs.path("gcc"), "-shared", "-fPIC", *words], cwd=folder, check=True)


def pytorch(library: bytes, version: str = "2.9.1", cuda: str | None = None) -> list[c.Recipe]:
    """conda-forge's: its libraries are a package of their own."""
    files = {
        f"{c.SITE}/torch/version.py": _TORCH.format(version, cuda).encode(),
        f"{c.SITE}/torch/_C{_SUFFIX}": library,
    }
    tag = f"cuda{cuda.replace('.', '')}" if cuda else "cpu"
    more = ("__cuda", f"cuda-version >={cuda},<14") if cuda else ()
    needed = (*_REQUIRES, *more, f"libtorch {version}.*")
    return [
        c.Recipe(
            "pytorch",
            version,
            f"{tag}_generic_py{c.PYTHON.replace('.', '')}_h1_0",
            needed,
            c.distribution("torch", version) | files,
        ),
        c.Recipe("libtorch", version, files={"lib/libtorch_cpu.so": library}),
        c.Recipe("libgcc", "14.1.0", files={"lib/libgcc_extra.so.1": library}),
        c.Recipe("libstdcxx", "14.1.0", files={"lib/libstdcxx_extra.so.6": library}),
        c.Recipe("numpy", "2.2.0", "py_h1_0", ("python",), c.distribution("numpy", "2.2.0")),
        c.Recipe("cuda-version", "12.9", depends=("__cuda >=12",)),
    ]


# What a channel holds beside: names, versions and builds that are none of Python's.
ODD = (
    c.Recipe("jpeg", "9e", files={"lib/jpeg.txt": b"x"}),
    c.Recipe("openssl", "3.3.2", "hb9d3cd8_0"),
    c.Recipe("tzdata", "2025b", depends=("__unix",)),
    c.Recipe("_openmp_mutex", "4.5", "2_gnu", ("libgcc >=13",)),
    c.Recipe("vs2015", "1!2.0"),
)


def brings(package: str, distribution: str, version: str = "1.0", **how: Any) -> c.Recipe:
    return c.Recipe(
        package, version, depends=("python",), files=c.distribution(distribution, version, **how)
    )


PAIRS = (
    ("pytorch", "torch", "2.9.1", "2.10.0"),
    ("pytorch", "torch", "2.9.1", "2.9.1"),
    ("numpy", "numpy", "2.2.0", "1.26.4"),
    ("py-opencv", "opencv-python", "1.0", "4.13"),
    ("tensorflow-base", "tensorflow", "1.0", "2.21"),
    ("msgpack-python", "msgpack", "1.0", "1.1"),
    ("cupy-core", "cupy", "1.0", "14.0"),
    ("pillow", "pillow", "1.0", "1.0"),
    ("pytables", "tables", "1.0", "3.10"),
    ("python-xxhash", "xxhash", "1.0", "3.5"),
)


def doctor(prefix: Path, *options: str, **environ: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "gpufix", "doctor", "--python", prefix / "bin/python"]
    run = subprocess.run(
        [*command, "--format", "json", *options],
        cwd=prefix.parent,  # no project
        env={"HOME": str(prefix.parent), "PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
    )
    assert run.returncode in (0, 1), run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def commands(report: dict[str, Any]) -> Iterator[str]:
    for finding in report["findings"]:
        yield from (fix["command"] for fix in finding["fixes"] if fix["command"])


def parsed(command: str) -> list[str]:
    """The packages that a command of conda's names, by rattler's MatchSpec; fails on any other command."""
    from rattler import MatchSpec

    words = [w for w in shlex.split(command) if not w.startswith("CONDA_OVERRIDE_CUDA=")]
    assert words[0] in ("conda", "mamba", "micromamba", "pixi"), command
    assert words[1] in ("install", "add", "reinstall"), command
    specs, valued = [], ("--prefix", "--channel", "--manifest-path", "--environment")
    rest = iter(words[2:])
    for word in rest:
        if word in valued:
            next(rest)
        elif not word.startswith("--"):
            specs.append(str(MatchSpec(word, strict=words[0] == "pixi").name.normalized))
    assert specs, command
    return specs


def found(report: dict[str, Any]) -> set[str]:
    return {f"{finding['code']} {finding['subject']}" for finding in report["findings"]}


@pytest.fixture
def channel(tmp_path: Path) -> c.Channel:
    return c.Channel(tmp_path)


Change = Callable[[Path], None]


def record(prefix: Path, name: str) -> Path:
    (path,) = (prefix / "conda-meta").glob(f"{name}-[0-9]*.json")
    return path


def by_pixi(prefix: Path) -> None:
    said = {"manifest_path": "/work/my project/pixi.toml", "environment_name": "gpu"}
    (prefix / "conda-meta/pixi").write_text(json.dumps({**said, "pixi_version": "0.50"}))


def by_micromamba(prefix: Path) -> None:
    (prefix / "conda-meta/history").write_text(
        "==> 2026-01-01 10:00:00 <==\n# cmd: /opt/conda/bin/conda create -p x\n"
        "==> 2026-02-01 10:00:00 <==\n# cmd: /usr/local/bin/micromamba install -p x y\n"
    )


def nothing(prefix: Path) -> None:
    pass


COMPLETE: dict[str, tuple[str | None, tuple[c.Recipe, ...], Change]] = {
    "CPU build": (None, (), nothing),
    "CUDA build": ("12.9", (), nothing),
    "odd names and versions": (None, ODD, nothing),
    "a package that brings two distributions": (
        None,
        (
            c.Recipe(
                "py-opencv",
                "4.12",
                files=c.distribution("opencv-python", "4.12")
                | c.distribution("opencv-python-headless", "4.12"),
            ),
        ),
        nothing,
    ),
    "conda recorded that pip built it": (None, (brings("six", "six", installer="pip"),), nothing),
    "no INSTALLER": (None, (brings("six", "six", installer=None),), nothing),
    "a dependency by another name of pip's": (
        None,
        (
            brings("dask", "dask"),
            c.Recipe("uses", depends=("dask-base",), files=c.distribution("dask-base", "1")),
            c.Recipe("dask-base"),
        ),
        nothing,
    ),
    "pixi's": (None, (), by_pixi),
    "micromamba's": (None, (), by_micromamba),
}


@pytest.mark.parametrize("case", COMPLETE)
def test_a_complete_prefix_is_clean(channel: c.Channel, empty_library: bytes, case: str) -> None:
    cuda, more, change = COMPLETE[case]
    prefix = channel.prefix(
        "env", [*pytorch(empty_library, cuda=cuda), *more], ["pytorch", *(r.name for r in more)]
    )
    change(prefix)
    report = doctor(prefix)
    assert (report["findings"], report["gaps"]) == ([], [])


@pytest.mark.parametrize(("package", "distribution", "condas", "pips"), PAIRS)
def test_pip_over_conda_has_two_owners(
    channel: c.Channel,
    empty_library: bytes,
    package: str,
    distribution: str,
    condas: str,
    pips: str,
) -> None:
    own = package not in ("pytorch", "numpy")
    more = [brings(package, distribution, condas)] if own else []
    prefix = channel.prefix("env", [*pytorch(empty_library), *more], ["pytorch", package])
    c.pip_install(prefix, channel.root / "wheels", distribution, pips)
    report = doctor(prefix)
    (finding,) = (f for f in report["findings"] if f["code"] == "WHL507")
    assert finding["subject"] == distribution
    assert f"pip, which installed {pips}" in finding["message"]
    assert f"conda, whose {package} {condas}" in finding["message"]
    assert [parsed(command) for command in commands({"findings": [finding]})] == [[package]]


def lose(name: str) -> Change:
    return lambda prefix: record(prefix, name).unlink()


def lose_file(path: str) -> Change:
    return lambda prefix: (prefix / path).unlink()


def lose_both(prefix: Path) -> None:
    lose("libgcc")(prefix)
    lose_file("lib/libgcc_extra.so.1")(prefix)


HALF: dict[str, tuple[Change, set[str], list[str]]] = {
    "a record": (lose("libgcc"), {"WHL506 pytorch"}, ["libgcc"]),
    "a record and its file": (lose_both, {"WHL506 pytorch"}, ["libgcc"]),
    "a library": (lose_file("lib/libtorch_cpu.so"), {"WHL503 libtorch"}, ["libtorch"]),
    "a module": (lose_file(f"{c.SITE}/numpy/__init__.py"), {"WHL503 numpy"}, ["numpy"]),
    "of another name": (lose_file(f"{c.SITE}/torch/__init__.py"), {"WHL503 torch"}, ["pytorch"]),
}


@pytest.mark.parametrize("case", HALF)
@pytest.mark.parametrize("manager", [nothing, by_pixi])
def test_half_removed(channel: c.Channel, empty_library: bytes, case: str, manager: Change) -> None:
    change, expected, named = HALF[case]
    prefix = channel.prefix("env", pytorch(empty_library), ["pytorch"])
    change(prefix)
    manager(prefix)
    report = doctor(prefix)
    assert found(report) == expected
    lines = list(commands(report))
    assert [parsed(line) for line in lines] == [named]
    assert lines[0].startswith("pixi" if manager is by_pixi else "conda")


def test_an_unreadable_record_is_a_gap(channel: c.Channel, empty_library: bytes) -> None:
    prefix = channel.prefix("env", pytorch(empty_library), ["pytorch"])
    record(prefix, "libgcc").write_text("{")
    report = doctor(prefix)
    assert (found(report), len(report["gaps"])) == (set(), 1)


@pytest.mark.parametrize(
    ("version", "target", "spec"),
    [
        ("2.9.1", "sm_120", "pytorch=2.9.1=cuda129*"),
        ("2.5.1", "sm_90", "pytorch=2.5.1=cuda12"),
        ("2.6.0", "sm_120", "pytorch=2.6.0=cuda126*"),  # PTX for sm_90
    ],
)
def test_a_cpu_build_and_a_gpu(
    channel: c.Channel, empty_library: bytes, version: str, target: str, spec: str
) -> None:
    prefix = channel.prefix("env", pytorch(empty_library, version), ["pytorch"])
    report = doctor(prefix, "--gpu", target)
    assert found(report) == {"TCH201 torch"}
    (command,) = commands(report)
    assert "CONDA_OVERRIDE_CUDA=12." in command and spec in command
    assert parsed(command) == ["pytorch"]
    assert any("cpu_generic" in e["text"] for e in report["findings"][0]["evidence"])


def test_an_old_libstdcxx(channel: c.Channel, empty_library: bytes, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    old, module = old_libstdcxx(tmp_path / "c")
    module_of = {f"{c.SITE}/user/_c{_SUFFIX}": module}
    user = c.Recipe("user", files=c.distribution("user", "1.0") | module_of)
    kept = [recipe for recipe in pytorch(empty_library) if recipe.name != "libstdcxx"]
    own = c.Recipe("libstdcxx", "13.1.0", files={"lib/libstdc++.so.6": old})
    prefix = channel.prefix("env", [*kept, own, user], ["pytorch", "user"])
    report = doctor(prefix)
    assert found(report) == {"ABI302 user"}
    assert [parsed(line) for line in commands(report)] == [["libstdcxx"]]


def test_two_cuda_runtimes_side_by_side(channel: c.Channel, empty_library: bytes) -> None:
    """Their sonames differ: each user finds its own."""
    more = [
        c.Recipe("cudatoolkit", "11.8.0", files={"lib/libcudart.so.11.0": empty_library}),
        c.Recipe("cuda-cudart", "12.9.79", files={"lib/libcudart.so.12": empty_library}),
    ]
    recipes = [*pytorch(empty_library, cuda="12.9"), *more]
    prefix = channel.prefix("env", recipes, ["pytorch", "cudatoolkit", "cuda-cudart"])
    report = doctor(prefix)
    assert [f for f in report["findings"] if f["severity"] == "error"] == []
    for line in commands(report):
        parsed(line)

"""A release is added from small wheels: what they say, what an index says, what nobody says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from binary.gpu_build import entry, fatbin
from build_knowledge import DATA, ROWS
from gpufix.knowledge.symbols import SymbolHistory
from gpufix.knowledge.symbols.history import NAMES
from gpufix.knowledge.symbols.symbol_names import SymbolNames
from gpufix.knowledge.symbols.symbol_table import Masks
from knowledge_build.cpp_extension import CppExtensionSource
from knowledge_build.read import load_toml
from knowledge_build.release_toml import with_companion

TOOL = ROWS.parent / "tools" / "add_torch_release.py"
NEW_ABI = "_ZN3c105checkERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
EVERY, NEW, PYTHON = "_ZN2at5everyEv", "_ZN2at3newEv", "THPVariableClass"
CUDA = "_ZN3c104cuda6streamEv"
CPP_EXTENSION = """
LEAST = (5, 0, 0)
CUDA_GCC_VERSIONS: VersionMap = {'13.0': (LEAST, (16, 0))}
CUDA_CLANG_VERSIONS: VersionMap = {'13.0': ((7, 0), (21, 0))}
def append_std17_if_no_std_present(cflags):
    cflags.append('-{}='.format('std') + 'c++20')
def _get_cuda_arch_flags(cflags=None):
    named_arches = collections.OrderedDict([('Hopper', '9.0+PTX')])
    supported_arches = ['9.0', '9.0a', '12.0']
    if _arch_list == "native":
        pass
"""
BUILDS = """
PYTORCH_RELEASES_CODE_CC: dict[str, dict[str, set[int]]] = {
    "12.6": {"x86_64": {90, 50}, "aarch64": {90}},
    "13.0": {"x86_64": {90, 120}},
}
"""
METADATA = """Metadata-Version: 2.1
Name: torch
Version: 2.16.0
Requires-Python: >=3.11
Requires-Dist: filelock
Requires-Dist: nvidia-nccl-cu13==2.31.0; platform_system == "Linux"
Requires-Dist: cuda-toolkit[nvtx,cublas]==13.0.3; platform_system == "Linux"
Requires-Dist: triton~=3.9.0; platform_system == "Linux"
"""


def library(folder: Path, functions: list[str], text: str = "", gpu: bytes = b"") -> bytes:
    """A shared library that exports functions, with a string and a section of GPU code."""
    source = "".join(f"void {function}(void) {{}}\n" for function in functions)
    source += f"const char text[] = {json.dumps(text)};\n"
    if gpu:
        numbers = ",".join(map(str, gpu))
        source += f'__attribute__((section(".nv_fatbin"), aligned(8))) const unsigned char gpu[] = {{{numbers}}};\n'
    (folder / "made.c").write_text(source, "utf-8")
    target = folder / "made.so"
    command = ["gcc", "-shared", "-fPIC", "-o", str(target), str(folder / "made.c")]
    subprocess.run(command, check=True)
    return target.read_bytes()


def gpu_code() -> bytes:
    """Three containers for sm_90 and sm_120, with PTX in one of them; sm_90a in one."""
    plain = [entry(arch=90, payload=b"x" * 8), entry(arch=120, payload=b"y" * 8)]
    more = entry(kind=1, arch=90, payload=b".version 8.0\n.target sm_90\n")
    return fatbin(*plain) + fatbin(*plain) + fatbin(*plain, more)


def torch_wheel(
    folder: Path,
    name: str = "torch-2.16.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    variant: str = "cu130",
    cuda: bool = True,
    archs: str = "sm_90 sm_120",
    cpp_extension: str = CPP_EXTENSION,
) -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("torch/version.py", f"__version__ = '2.16.0+{variant}'\n")
        archive.writestr("torch/utils/cpp_extension.py", cpp_extension)
        archive.writestr("torch/cuda/__init__.py", BUILDS)
        archive.writestr("torch-2.16.0.dist-info/METADATA", METADATA)
        archive.writestr("torch/lib/libc10.so", library(folder, [EVERY, NEW, NEW_ABI]))
        told = "numpy._core._multiarray_umath"
        python = library(folder, [PYTHON], f"{told}|{archs if cuda else ''}|")
        archive.writestr("torch/lib/libtorch_python.so", python)
        if cuda:
            made = library(folder, [CUDA], gpu=gpu_code())
            archive.writestr("torch/lib/libtorch_cuda.so", made)
    return folder / name


def companion_wheel(folder: Path, name: str, *needs: str) -> Path:
    distribution, version = name.split("-")[:2]
    with zipfile.ZipFile(folder / name, "w") as archive:
        lines = "".join(f"Requires-Dist: {need}\n" for need in needs)
        archive.writestr(
            f"{distribution}-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{lines}",
        )
    return folder / name


def answer(index: Path, project: str, about: dict[str, Any]) -> None:
    (index / "pypi" / project).mkdir(parents=True, exist_ok=True)
    (index / "pypi" / project / "json").write_text(json.dumps(about), "utf-8")


def file(name: str, day: str = "2026-12-02") -> dict[str, str]:
    return {"filename": name, "upload_time": f"{day}T10:00:00"}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """What PyPI's JSON API answers, as files."""
    folder = tmp_path / "index"
    x86, arm = "manylinux_2_28_x86_64.whl", "manylinux_2_28_aarch64.whl"
    names = [f"torch-2.16.0-cp311-cp311-{p}" for p in (x86, arm, "win_amd64.whl")]
    names += [f"torch-2.16.0-cp313-cp313t-{x86}", f"torch-2.16.0-cp313-cp313-{x86}"]
    files = [file(names[0], "2026-12-03"), *map(file, names[1:]), file("torch-2.16.0.tar.gz")]
    answer(folder, "torch", {"releases": {"2.16.0": files}})
    vision = {"0.31.0": [file("a.whl")], "0.1.6": [file("b.whl", "2017-01-01")]}
    vision["0.32.0"] = [file("c.whl", "2026-12-09")]
    answer(folder, "torchvision", {"releases": vision, "info": {"version": "0.33.0"}})
    info = {"version": "0.31.0", "requires_dist": ["numpy", "torch (==2.16.0)"]}
    answer(folder, "torchvision/0.31.0", {"info": info})
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """The rows, and beside them data/ with a symbol history of two releases."""
    shutil.copytree(DATA, tmp_path / "data")
    names = SymbolNames(("2.15.0", "2.17.0"), {EVERY: Masks(0b11, 0, 0), CUDA: Masks(0, 0, 0b11)})
    names.write(tmp_path / "data" / NAMES)
    return Path(shutil.copytree(ROWS, tmp_path / "knowledge"))


def add(rows: Path, *arguments: Path | str) -> subprocess.CompletedProcess[str]:
    folders = ["--rows", str(rows), "--data", str(rows.parent / "data")]
    command = [sys.executable, str(TOOL), *map(str, arguments), *folders]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.needs("gcc")
def test_a_release_comes_into_every_table(rows: Path, index: Path, tmp_path: Path) -> None:
    arm = torch_wheel(
        tmp_path, "torch-2.16.0-cp311-cp311-manylinux_2_28_aarch64.whl", "cpu", cuda=False
    )
    done = add(rows, torch_wheel(tmp_path), arm, "--index", index.as_uri())
    assert done.returncode == 0, done.stdout + done.stderr
    row = load_toml(rows / "torch" / "2.16.0.toml")
    assert row["date"] == "2026-12-02" and row["requires_python"] == ">=3.11"
    assert row["cxx_std"] == 20 and row["numpy2"] is True
    assert row["python"] == {"linux_x86_64": "cp311 cp313 cp313t", "linux_aarch64": "cp311"}
    assert row["default"] == {"linux_x86_64": "cu130", "linux_aarch64": "cpu"}
    assert row["pins"] == {
        "nvidia-nccl-cu13": "==2.31.0",
        "cuda-toolkit[cublas,nvtx]": "==13.0.3",
        "triton": "~=3.9.0",
    }
    assert row["cpp_extension"] == {
        "archs": "9.0 9.0a 12.0",
        "native": True,
        "gcc": {"13.0": ["5.0.0", "16.0"]},
        "clang": {"13.0": ["7.0", "21.0"]},
        "named": {"Hopper": "9.0+PTX"},
    }
    builds = row["variants"]["linux_x86_64"]
    assert builds["cu130"] == {
        "archs": "sm_90 sm_120",
        "ptx": "",
        "abi": 1,
        "source": "GPU code of torch-2.16.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "confidence": "measured",
    }
    assert builds["cu126"]["archs"] == "sm_50 sm_90" and "ptx" not in builds["cu126"]
    assert row["variants"]["linux_aarch64"]["cu126"]["archs"] == "sm_90"

    built = {p.stem: json.loads(p.read_bytes()) for p in (rows.parent / "data").glob("*.json")}
    for name in ("torch_releases", "torch_pins", "companions"):
        assert "2.16.0" in built[name]["releases"], name
    assert built["companions"]["releases"]["2.16.0"]["torchvision"]["exact"] == ["0.31.0"]
    assert built["torch_pins"]["releases"]["2.16.0"]["nccl"] == "==2.31.0"
    assert built["host_compilers"]["torch"][-1]["since"] == "2.16.0"
    history = SymbolHistory.load(rows.parent / "data")
    assert history.releases == ("2.15.0", "2.16.0", "2.17.0")
    assert history.releases_with(NEW) == {"2.16.0"}
    assert history.releases_with(EVERY) == set(history.releases)
    assert (found := history.history(CUDA)) and found.home == "cuda"

    # What it did not know, it says, and where to add it.
    assert "unknown: torchvision 0.32.0. add its METADATA's requirement" in done.stdout
    assert "unknown: ptx of variants.linux_x86_64: cu126." in done.stdout
    assert "unknown: variants of ROCm." in done.stdout and "default" not in done.stdout
    assert "# unknown: variants of ROCm." in (rows / "torch" / "2.16.0.toml").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.needs("gcc")
def test_without_an_index_the_rest_is_named(rows: Path, tmp_path: Path) -> None:
    """The file is written; the tables are not built before somebody adds what is missing."""
    before = (rows.parent / "data" / "torch_releases.json").read_bytes()
    vision = companion_wheel(tmp_path, "torchvision-0.31.0-py3-none-any.whl", "torch==2.16.0")
    audio = companion_wheel(tmp_path, "torchaudio-2.16.0-py3-none-any.whl", "numpy")
    done = add(rows, torch_wheel(tmp_path), vision, audio, "--offline")
    assert done.returncode == 1
    assert "unknown: date. https://pypi.org/project/torch/2.16.0/#files" in done.stdout
    assert "torch/2.16.0.toml: date: Field required" in done.stderr
    assert "torch/2.16.0.toml: python: Field required" in done.stderr
    assert (rows.parent / "data" / "torch_releases.json").read_bytes() == before
    assert load_toml(rows / "companions/torchvision.toml")["requires"]["0.31.0"] == "torch==2.16.0"
    found = load_toml(rows / "companions/torchaudio.toml")
    assert found["requires"]["2.16.0"] == "torch" and found["since"]["2.16.0"] == "2.16.0"


@pytest.mark.needs("gcc")
def test_nothing_is_overwritten_unasked(rows: Path, index: Path, tmp_path: Path) -> None:
    wheel = torch_wheel(tmp_path)
    target = rows / "torch" / "2.16.0.toml"
    target.write_bytes((rows / "torch" / "2.15.0.toml").read_bytes())
    before = target.read_bytes()
    done = add(rows, wheel, "--index", index.as_uri())
    assert done.returncode == 2 and "is there already" in done.stderr
    done = add(rows, wheel, "--index", index.as_uri(), "--compare")
    assert done.returncode == 0 and "recorded: 2026-10-28\n  found:    2026-12-02" in done.stdout
    assert target.read_bytes() == before
    done = add(rows, wheel, "--index", index.as_uri(), "--replace")
    assert done.returncode == 0, done.stderr
    assert load_toml(target)["date"] == "2026-12-02"


@pytest.mark.slow
@pytest.mark.needs("gcc")
def test_compare_shows_symbols(rows: Path, index: Path, tmp_path: Path) -> None:
    data = rows.parent / "data"
    SymbolNames(("2.16.0",), {EVERY: Masks(1, 0, 0), "_ZN2at3oldEv": Masks(1, 0, 0)}).write(
        data / NAMES
    )
    done = add(rows, torch_wheel(tmp_path), "--offline", "--compare")
    assert "symbols, core: only recorded: _ZN2at3oldEv\n" in done.stdout
    assert f"symbols, core: only in the wheel: {NEW}\n" in done.stdout
    assert f"symbols, cuda: only in the wheel: {CUDA}\n" in done.stdout


@pytest.mark.slow
@pytest.mark.needs("gcc")
def test_what_the_wheel_says_of_itself_is_held_against_its_code(
    rows: Path, index: Path, tmp_path: Path
) -> None:
    wheel = torch_wheel(tmp_path, archs="sm_80 sm_90 compute_90")
    done = add(rows, wheel, "--index", index.as_uri())
    assert (
        "its code is for sm_90 sm_120, torch.cuda.get_arch_list() says sm_80 sm_90\n" in done.stdout
    )


@pytest.mark.needs("gcc")
def test_a_table_in_another_form_ends_it(rows: Path, tmp_path: Path) -> None:
    source = CPP_EXTENSION.replace("supported_arches", "arches")
    done = add(rows, torch_wheel(tmp_path, cpp_extension=source), "--offline")
    assert done.returncode == 2 and "nothing is assigned to supported_arches" in done.stderr
    assert not (rows / "torch" / "2.16.0.toml").exists()


@pytest.mark.slow
@pytest.mark.needs("gcc")
def test_a_cpu_build_brings_no_symbols(rows: Path, index: Path, tmp_path: Path) -> None:
    before = (rows.parent / "data" / NAMES).read_bytes()
    done = add(rows, torch_wheel(tmp_path, variant="cpu", cuda=False), "--index", index.as_uri())
    assert "not extended" in done.stdout
    assert (rows.parent / "data" / NAMES).read_bytes() == before


@pytest.mark.parametrize(
    "name",
    [
        "torch-2.16.0.dev1-cp311-cp311-linux_x86_64.whl",
        "torch-2.16.0-cp311-cp311-win_amd64.whl",
        "torch-2.16.0-cp311-cp311-macosx_14_0_arm64.whl",
        "torchvision-0.31.0-py3-none-any.whl",
    ],
)
def test_other_wheels_are_refused(rows: Path, tmp_path: Path, name: str) -> None:
    wheel = companion_wheel(tmp_path, name)
    before = sorted(path.name for path in (rows / "torch").iterdir())
    assert add(rows, wheel, "--offline").returncode == 2
    assert sorted(path.name for path in (rows / "torch").iterdir()) == before


def test_a_standard_that_is_not_plain_is_no_guess() -> None:
    source = CPP_EXTENSION.replace("'c++20'", "('c++20' if new else 'c++17')")
    with pytest.raises(ValueError, match=r"names the C\+\+ standards \[17, 20\]"):
        CppExtensionSource(source).standard()


def test_a_version_is_put_in_its_place() -> None:
    text = '# why\nsource = "s"\n\n[requires]\n"0.9.0" = "torch==1.0"\n"0.11.0" = "torch"\n\n[since]\n"0.11.0" = "2.0.0"\n'
    placed = with_companion(text, "0.10.0", "torch==2.1.0", "2.1.0")
    assert placed == text.replace(
        '"0.11.0" = "torch"', '"0.10.0" = "torch==2.1.0"\n"0.11.0" = "torch"'
    )
    last = with_companion(text, "0.12.0", "torch", "2.1.0")
    assert (
        last.endswith('"0.11.0" = "2.0.0"\n"0.12.0" = "2.1.0"\n') and '"0.12.0" = "torch"\n' in last
    )

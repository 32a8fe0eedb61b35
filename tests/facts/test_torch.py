"""torch from its files: real ones whole and broken, and the versions that are out there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.packages import distributions
from gpufix.facts.python import interpreter, torch_package
from gpufix.model import Torch

VERSION = b"""\
from typing import Optional

__version__ = '2.7.1+cu128'
debug = False
cuda: Optional[str] = '12.8'
git_version = 'abc'
hip: Optional[str] = None
"""
NEW = b"\0_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE\0"
OLD = b"\0_ZN3c106detail14torchCheckFailEPKcS2_jRKSs\0"
LIBRARIES = "c10 c10_cuda torch torch_cpu torch_cuda torch_python torch_global_deps shm"
FILES: dict[str, bytes] = {
    "torch/__init__.py": b"raise SystemExit('imported')",
    "torch/version.py": VERSION,
    "torch/_C.cpython-311-x86_64-linux-gnu.so": b"",
    **{f"torch/lib/lib{name}.so": b"" for name in LIBRARIES.split()},
    "torch/lib/libc10.so": NEW,
}


def collect(ctx: CollectContext, site: Site, **update: object) -> Torch | None:
    patient = site.python(**update)
    return torch_package.collect(ctx, patient, distributions.collect(ctx, patient)[0])


def without(*names: str) -> dict[str, bytes]:
    return {path: data for path, data in FILES.items() if path not in names}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def test_none(ctx: CollectContext, site: Site) -> None:
    (site.folder / "torch").mkdir()  # what an uninstall leaves, or a folder of that name
    assert collect(ctx, site) is None
    assert torch_package.collect(ctx, None, []) is None


def test_whole(ctx: CollectContext, site: Site) -> None:
    site.install("torch", "2.7.1", FILES)
    assert collect(ctx, site) == Torch(
        state="ok",
        location=str(site.folder),
        version="2.7.1+cu128",
        release="2.7.1",
        cuda="12.8",
        variant="cu128",
        build="release",
        cxx11_abi=True,
        git_version="abc",
    )
    assert ctx.gaps == []


@pytest.mark.needs("torch")
def test_the_torch_that_runs_beside_these_tests(ctx: CollectContext) -> None:
    patient = interpreter.collect(ctx, sys.executable)
    assert patient is not None
    found = torch_package.collect(ctx, patient, distributions.collect(ctx, patient)[0])
    assert found is not None
    assert (found.state, found.missing, found.build) == ("ok", [], "release")
    assert found.cxx11_abi is not None and found.variant is not None
    assert ctx.gaps == []


@pytest.mark.parametrize("name", FILES)
def test_each_of_its_files_is_needed(ctx: CollectContext, site: Site, name: str) -> None:
    site.install("torch", "2.7.1+cu128", FILES)
    (site.folder / name).unlink()
    found = collect(ctx, site)
    assert found is not None
    assert (found.state, found.missing) == ("broken", [name])
    assert (found.version, found.variant) == ("2.7.1+cu128", "cu128")


def test_metadata_without_a_folder(ctx: CollectContext, site: Site) -> None:
    site.install("torch", "2.7.1+cu128", FILES)
    shutil.rmtree(site.folder / "torch")
    found = collect(ctx, site)
    assert found is not None
    assert (found.state, found.missing) == ("broken", sorted(FILES))


def test_a_folder_without_metadata(ctx: CollectContext, site: Site) -> None:
    write(site.folder, FILES)
    found = collect(ctx, site)
    assert found is not None
    assert (found.state, found.missing, found.version) == ("broken", [], "2.7.1+cu128")


def test_half_removed(ctx: CollectContext, site: Site) -> None:
    write(site.folder, without("torch/__init__.py", "torch/lib/libtorch_cuda.so"))
    found = collect(ctx, site)
    assert found is not None and found.state == "broken"
    assert found.missing == ["torch/__init__.py", "torch/lib/libtorch_cuda.so"]


def test_without_record_the_build_says_what_it_needs(ctx: CollectContext, site: Site) -> None:
    cpu = VERSION.replace(b"+cu128", b"+cpu").replace(b"'12.8'", b"None")
    gpu_files = ("torch/lib/libc10_cuda.so", "torch/lib/libtorch_cuda.so")
    (
        site.install("torch", "2.7.1+cpu", without(*gpu_files) | {"torch/version.py": cpu})
        / "RECORD"
    ).unlink()
    found = collect(ctx, site)
    assert found is not None
    assert (found.state, found.variant, found.cuda) == ("ok", "cpu", None)


def test_a_source_checkout_on_sys_path(ctx: CollectContext, site: Site, tmp_path: Path) -> None:
    source = VERSION.replace(b"2.7.1+cu128", b"2.9.0a0+git1a2b3c4")
    write(tmp_path / "pytorch", FILES | {"torch/version.py": source})
    place = str(tmp_path / "pytorch")
    found = collect(ctx, site, sys_path=[place, str(site.folder)])
    assert found is not None
    assert (found.state, found.location, found.build) == ("ok", place, "source")


def test_an_editable_install(ctx: CollectContext, site: Site, tmp_path: Path) -> None:
    write(tmp_path / "pytorch", FILES)
    url = f'{{"url": "file://{tmp_path}/pytorch", "dir_info": {{"editable": true}}}}'
    site.install("torch", "2.7.1", notes={"direct_url.json": url.encode()})
    found = collect(ctx, site)
    assert found is not None
    assert (found.state, found.location) == ("ok", str(tmp_path / "pytorch"))


@pytest.mark.parametrize(
    ("library", "config", "abi"),
    [
        (NEW, b"", True),
        (OLD, b"", False),
        (b"", b'set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=0")', False),
        (b"x", b"-D_GLIBCXX_USE_CXX11_ABI=1", True),
        (b"x", b"", None),
        (NEW + OLD, b"", None),
    ],
)
def test_abi(
    ctx: CollectContext, site: Site, library: bytes, config: bytes, abi: bool | None
) -> None:
    more = {"torch/lib/libc10.so": library, "torch/share/cmake/Torch/TorchConfig.cmake": config}
    site.install("torch", files=FILES | more)
    found = collect(ctx, site)
    assert found is not None and found.cxx11_abi is abi


VERSIONS = [
    # version, constants, variant, build
    ("2.7.1+cu128", "", "cu128", "release"),
    ("2.13.0+cpu", "", "cpu", "release"),
    ("2.5.1+cpu.cxx11.abi", "", "cpu", "release"),
    ("2.0.1+cu117.with.pypi.cudnn", "", "cu117", "release"),
    ("2.4.1+rocm6.1", "hip = '6.1.40091'", "rocm6.1", "release"),
    ("2.7.0+rocm6.2.4", "hip = '6.2.41134'", "rocm6.2.4", "release"),
    ("2.8.0+xpu", "", "xpu", "release"),
    ("2.5.1", "cuda = '12.4'", "cu124", "release"),
    ("2.5.1.post300", "cuda = None", "cpu", "release"),
    ("1.12.1", "cuda: Optional[str] = None", "cpu", "release"),
    ("2.9.0.dev20250804+cu129", "", "cu129", "nightly"),
    ("2.6.0a0+df5bbc09d1.nv24.12", "cuda = '12.6'", "cu126", "container"),
    ("2.7.1+rocm7.0.0.lw.git64359f59", "hip = '7.0.51831'", "rocm7.0.0", "container"),
    ("2.9.0+rocm7.10.0a20251120", "hip = '7.1.1'", "rocm7.10.0", "container"),
    ("2.6.0a0+git1a2b3c4", "cuda = '12.4'", "cu124", "source"),
    ("2.6.0a0", "hip = '6.2.41134'", "rocm6.2", "source"),
    ("something else", "", None, None),
]


@pytest.mark.parametrize(("version", "constants", "variant", "build"), VERSIONS)
def test_versions(
    ctx: CollectContext,
    site: Site,
    version: str,
    constants: str,
    variant: str | None,
    build: str | None,
) -> None:
    text = f"__version__ = {version!r}\n{constants}\n".encode()
    site.install("torch", files=FILES | {"torch/version.py": text})
    found = collect(ctx, site)
    assert found is not None
    assert (found.version, found.variant, found.build) == (version, variant, build)


BAD: dict[str, Callable[[Path], object]] = {
    "not Python": lambda path: path.write_text("((("),
    "nul": lambda path: path.write_bytes(b"a = 1\0"),
    "deep": lambda path: path.write_text("(" * 5000),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unreadable_version_file_is_a_gap(ctx: CollectContext, site: Site, name: str) -> None:
    site.install("torch", "2.7.1+cu128", FILES)
    BAD[name](site.folder / "torch/version.py")
    found = collect(ctx, site)
    assert found is not None
    assert (found.version, found.variant, found.cuda) == ("2.7.1+cu128", "cu128", None)
    assert [gap.section for gap in ctx.gaps] == ["torch"]


def test_code_in_the_version_file_is_not_run(
    ctx: CollectContext, site: Site, tmp_path: Path
) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n__version__ = str(1)\ncuda = '12.8'\n"
    site.install("torch", "2.7.1", FILES | {"torch/version.py": trap.encode()})
    found = collect(ctx, site)
    assert found is not None and (found.version, found.cuda) == ("2.7.1", "12.8")
    assert not (tmp_path / "ran").exists()

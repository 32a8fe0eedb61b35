"""The build: its cache, its failures, its command lines. No real compiler is needed."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fake_compiler import FakeCompiler

from gpufix.kernels import compiler, manifest
from gpufix.kernels.compiler import Built, arguments_of, build_all
from gpufix.kernels.manifest import Kernel, load
from gpufix.kernels.toolchain import Toolchain, ToolchainError, parse_target

SM90 = parse_target("sm_90")


@pytest.fixture
def fake(tmp_path: Path) -> FakeCompiler:
    folder = tmp_path / "compiler"
    folder.mkdir()
    return FakeCompiler(folder)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of two kernels and the headers, so that a test can edit them."""
    copy = tmp_path / "suite"
    for name in ("common", "stream", "launch"):
        shutil.copytree(manifest.SUITE / name, copy / name)
    monkeypatch.setattr(manifest, "SUITE", copy)
    monkeypatch.setattr(compiler, "COMMON", copy / "common")
    return copy


def compile_both(
    fake: FakeCompiler, tmp_path: Path, toolchain: Toolchain | None = None
) -> list[Built]:
    toolchain = toolchain or Toolchain("nvcc", fake.path)
    return build_all(
        toolchain, [load("stream"), load("launch")], [SM90], tmp_path / "cache", jobs=2
    )


def statuses(built: list[Built]) -> list[str]:
    return [b.status for b in built]


def test_built_once_then_cached(fake: FakeCompiler, tmp_path: Path) -> None:
    first = compile_both(fake, tmp_path)
    assert statuses(first) == ["built", "built"]
    assert [b.kernel.name for b in first] == ["stream", "launch"]
    assert all(b.program and os.access(b.program, os.X_OK) for b in first)
    second = compile_both(fake, tmp_path)
    assert statuses(second) == ["cached", "cached"]
    assert [b.program for b in second] == [b.program for b in first]
    assert len(fake.calls()) == 2
    leftovers = [p for p in (tmp_path / "cache").iterdir() if p.name.startswith("build-")]
    assert leftovers == []


@pytest.mark.parametrize(
    ("edited", "rebuilt"),
    [
        ("stream/stream.cu", ["built", "cached"]),
        ("common/wave.h", ["built", "built"]),
        ("stream/manifest.json", ["cached", "cached"]),  # formulas are read at run time
    ],
)
def test_an_edit_rebuilds_what_it_touches(
    fake: FakeCompiler, tmp_path: Path, sources: Path, edited: str, rebuilt: list[str]
) -> None:
    compile_both(fake, tmp_path)
    path = sources / edited
    path.write_text(path.read_text() + "\n")
    assert statuses(compile_both(fake, tmp_path)) == rebuilt


def test_a_new_header_rebuilds(fake: FakeCompiler, tmp_path: Path, sources: Path) -> None:
    compile_both(fake, tmp_path)
    (sources / "launch" / "extra.cuh").write_text("// new\n")
    assert statuses(compile_both(fake, tmp_path)) == ["cached", "built"]


def test_flags_version_variables_and_target_rebuild(fake: FakeCompiler, tmp_path: Path) -> None:
    plain = Toolchain("nvcc", fake.path, env={"PATH": "/usr/bin"})
    compile_both(fake, tmp_path, plain)
    assert statuses(compile_both(fake, tmp_path, plain)) == ["cached", "cached"]
    flagged = replace(plain, flags=("-ccbin=/usr/bin/g++-12",))
    assert statuses(compile_both(fake, tmp_path, flagged)) == ["built", "built"]
    steered = replace(plain, env={"PATH": "/usr/bin", "NVCC_APPEND_FLAGS": "-g"})
    assert statuses(compile_both(fake, tmp_path, steered)) == ["built", "built"]
    unrelated = replace(plain, env={"PATH": "/usr/bin", "HOME": "/nowhere"})
    assert statuses(compile_both(fake, tmp_path, unrelated)) == ["cached", "cached"]
    fake.version("fake nvcc 1.1")
    assert statuses(compile_both(fake, tmp_path, plain)) == ["built", "built"]
    other = build_all(plain, [load("stream")], [parse_target("sm_120+PTX")], tmp_path / "cache")
    assert statuses(other) == ["built"]


def test_one_failure_is_its_own_and_is_not_cached(fake: FakeCompiler, tmp_path: Path) -> None:
    fake.behave("fail:launch.cu")
    built = compile_both(fake, tmp_path)
    assert statuses(built) == ["built", "failed"]
    assert built[1].program is None
    assert "error: identifier is undefined" in built[1].log
    assert built[1].command[0] == str(fake.path)
    fake.behave("work")
    assert statuses(compile_both(fake, tmp_path)) == ["cached", "built"]


@pytest.mark.parametrize(
    ("behaviour", "status", "words"),
    [
        ("hang", "timeout", "it did not end within 2 s"),
        ("crash", "failed", "the compiler was ended by SIGABRT"),
        ("nothing", "failed", ""),
    ],
)
def test_a_compiler_that_misbehaves(
    fake: FakeCompiler, tmp_path: Path, behaviour: str, status: str, words: str
) -> None:
    fake.behave(behaviour)
    toolchain = Toolchain("nvcc", fake.path)
    [built] = build_all(toolchain, [load("stream")], [SM90], tmp_path / "cache", limit_s=2.0)
    assert (built.status, built.program) == (status, None)
    assert words in built.log


def test_what_does_not_apply_is_not_compiled(fake: FakeCompiler, tmp_path: Path) -> None:
    kernels = [load("matmul"), load("stream")]
    built = build_all(
        Toolchain("nvcc", fake.path), kernels, [parse_target("sm_75")], tmp_path / "cache"
    )
    assert statuses(built) == ["not applicable", "built"]
    assert "sm_75" in built[0].log
    assert len(fake.calls()) == 1


def test_targets_of_the_other_vendor_are_left_out(fake: FakeCompiler, tmp_path: Path) -> None:
    targets = [parse_target("gfx1030")]
    assert build_all(Toolchain("nvcc", fake.path), [load("stream")], targets, tmp_path / "c") == []


def test_progress_sees_each_as_it_ends(fake: FakeCompiler, tmp_path: Path) -> None:
    seen: list[Built] = []
    toolchain = Toolchain("nvcc", fake.path)
    kernels = [load("stream"), load("launch"), load("matmul")]
    built = build_all(toolchain, kernels, [SM90], tmp_path / "cache", progress=seen.append)
    assert sorted(b.kernel.name for b in seen) == sorted(b.kernel.name for b in built)


def test_a_compiler_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="No such file"):
        build_all(Toolchain("nvcc", tmp_path / "nvcc"), [load("stream")], [SM90], tmp_path / "c")


def test_a_compiler_that_does_not_say_what_it_is(tmp_path: Path) -> None:
    silent = tmp_path / "nvcc"
    silent.write_text("#!/bin/sh\necho 'license expired' >&2\nexit 1\n")
    silent.chmod(0o755)
    with pytest.raises(ToolchainError, match="license expired"):
        Toolchain("nvcc", silent).version()


CODE = "-gencode=arch=compute_"


@pytest.mark.parametrize(
    ("kernel", "target", "codes"),
    [
        ("stream", "sm_90", [CODE + "90,code=sm_90"]),
        ("matmul", "sm_80", [CODE + "80,code=sm_80"]),
        ("matmul", "sm_90", [CODE + "90a,code=sm_90a"]),
        ("matmul", "sm_90+PTX", [CODE + "90a,code=sm_90a", CODE + "90,code=compute_90"]),
        ("stream", "sm_120+PTX", [CODE + "120,code=sm_120", CODE + "120,code=compute_120"]),
        ("ptx", "sm_90", [CODE + "90,code=compute_90"]),
        ("ptx", "sm_120+PTX", [CODE + "120,code=compute_120"]),
    ],
)
def test_nvcc_architectures(kernel: str, target: str, codes: list[str]) -> None:
    chosen = load(kernel)
    arguments = arguments_of(
        chosen, Toolchain("nvcc", Path("nvcc")), "release 13.0", parse_target(target)
    )
    assert [a for a in arguments if a.startswith(CODE)] == codes


@pytest.mark.parametrize("version", ["release 11.8, V11.8.89", "release 12.4, V12.4.99", "words"])
def test_an_nvcc_without_tensor_maps_compiles_for_every_sm_90(version: str) -> None:
    arguments = arguments_of(
        load("matmul"), Toolchain("nvcc", Path("nvcc")), version, parse_target("sm_90")
    )
    assert CODE + "90,code=sm_90" in arguments


def test_clang_arguments() -> None:
    clang = Toolchain("clang", Path("clang++"), flags=("--rocm-path=/opt/rocm",))
    arguments = clang.arguments(parse_target("gfx90a"))
    assert arguments[:2] == ["-x", "hip"]
    assert "--offload-arch=gfx90a" in arguments
    assert not any(a.startswith("--rocm-device-lib-path") for a in arguments)
    assert clang.libraries() == ["-lamdhip64"]
    assert Toolchain("hipcc", Path("hipcc")).libraries() == []


def test_every_header_counts(tmp_path: Path) -> None:
    """No file type of the suite is left out of the cache's key."""
    kernel: Kernel
    for kernel in manifest.suite():
        kinds = {p.suffix for p in kernel.folder.iterdir() if p.is_file()}
        assert kinds <= {".cu", ".cuh", ".h", ".json", ".md"}

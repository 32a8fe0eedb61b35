"""CUDA and ROCm wherever they hide, and which one torch would take."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_site import Site
from machine import ELF64, program, write

from gpufix.facts.context import CollectContext
from gpufix.facts.toolchain import toolkits
from gpufix.facts.toolchain.cuda_toolkits import HEADERS
from gpufix.model import CondaPackage, Distribution, Toolkit


@pytest.fixture
def machine(ctx: CollectContext) -> CollectContext:
    ctx.environ = {"PATH": "/usr/local/bin:/usr/bin"}
    return ctx


def cuda(
    ctx: CollectContext, root: str, version: str = "12.8", headers: tuple[str, ...] = HEADERS
) -> None:
    """A toolkit as NVIDIA's installer lays it out."""
    program(ctx.root, f"{root}/bin/nvcc")
    table = f'{{"cuda": {{"version": "{version}.1"}}, "cuda_nvcc": {{"version": "{version}.93"}}}}'
    write(ctx.root, f"{root}/version.json", table)
    for header in headers:
        write(ctx.root, f"{root}/include/{header}")


def found(ctx: CollectContext, **where: object) -> list[Toolkit]:
    return toolkits.collect(ctx, **{"python": None, "distributions": [], **where})  # type: ignore[arg-type]


def seen(kits: list[Toolkit]) -> list[tuple[str, str, str | None, bool]]:
    return [(k.root, k.origin, k.version, k.selected) for k in kits]


def test_nothing(machine: CollectContext):
    assert found(machine) == []
    assert machine.gaps == []


def test_the_usual_place(machine: CollectContext):
    cuda(machine, "/usr/local/cuda-12.8")
    machine.at("/usr/local/cuda").symlink_to("cuda-12.8")
    (kit,) = found(machine)
    assert seen([kit]) == [("/usr/local/cuda", "/usr/local", "12.8", True)]
    assert kit.compiler == "/usr/local/cuda-12.8/bin/nvcc"
    assert (kit.wrapper, kit.missing_headers) == (None, [])


@pytest.mark.parametrize(
    ("variables", "selected"),
    [
        ({}, "/opt/nv"),  # nvcc on PATH
        ({"CUDA_PATH": "/opt/b"}, "/opt/b"),
        ({"CUDA_HOME": "/opt/a", "CUDA_PATH": "/opt/b"}, "/opt/a"),
        ({"CUDA_HOME": "", "CUDA_PATH": "/opt/b"}, "/opt/b"),
        ({"CUDA_HOME": "/gone"}, "/gone"),
        ({"PATH": "/usr/bin"}, "/usr/local/cuda"),
    ],
)
def test_the_order_of_torch(machine: CollectContext, variables: dict[str, str], selected: str):
    for root in ("/opt/a", "/opt/b", "/opt/nv", "/usr/local/cuda"):
        cuda(machine, root)
    machine.environ = {"PATH": "/opt/nv/bin", **variables}
    kits = found(machine)
    assert [k.root for k in kits if k.selected] == [selected]
    assert len({k.root for k in kits}) == len(kits)


def test_a_variable_that_leads_nowhere_is_shown(machine: CollectContext):
    machine.environ = {"CUDA_HOME": "/gone"}
    (kit,) = found(machine)
    assert (kit.root, kit.compiler, kit.version, kit.selected) == ("/gone", None, None, True)
    assert kit.missing_headers == list(HEADERS)


WRAPPERS = [
    '#!/bin/sh\nexec {} "$@"\n',
    '#!/usr/bin/env bash\nset -e\nexec "{}" -Xcompiler -fPIC "$@"\n',
    "#!/bin/sh\n{} $*\n",
]


@pytest.mark.parametrize("script", WRAPPERS)
def test_a_wrapper_and_what_is_behind_it(machine: CollectContext, script: str):
    """torch takes the wrapper's grandparent, /usr/local, which has no headers."""
    cuda(machine, "/usr/local/cuda-13.0", "13.0")
    program(machine.root, "/usr/local/bin/nvcc", script.format("/usr/local/cuda-13.0/bin/nvcc"))
    taken, real = found(machine)
    assert seen([taken]) == [("/usr/local", "PATH", "13.0", True)]
    assert taken.compiler == "/usr/local/cuda-13.0/bin/nvcc"
    assert taken.wrapper == "/usr/local/bin/nvcc"
    assert taken.missing_headers == list(HEADERS)
    assert seen([real]) == [("/usr/local/cuda-13.0", "/usr/local", "13.0", False)]
    assert real.missing_headers == []


def test_a_wrapper_of_a_toolkit_elsewhere(machine: CollectContext):
    cuda(machine, "/srv/sw/cuda/12.4", "12.4")
    program(machine.root, "/usr/bin/nvcc", '#!/bin/sh\nexec /srv/sw/cuda/12.4/bin/nvcc "$@"\n')
    assert seen(found(machine)) == [
        ("/usr", "PATH", "12.4", True),
        ("/srv/sw/cuda/12.4", "PATH", "12.4", False),
    ]


def test_links_are_taken_as_they_stand(machine: CollectContext):
    cuda(machine, "/usr/local/cuda-12.8")
    machine.at("/usr/bin").mkdir(parents=True)
    machine.at("/usr/bin/nvcc").symlink_to("../local/cuda-12.8/bin/nvcc")
    taken = found(machine)[0]
    assert (taken.root, taken.wrapper, taken.version) == ("/usr", "/usr/bin/nvcc", "12.8")


def test_ccache(machine: CollectContext):
    """torch looks for bin/nvcc two levels above ccache's link, and finds none."""
    cuda(machine, "/opt/cuda")
    program(machine.root, "/usr/bin/ccache")
    machine.at("/usr/lib/ccache").mkdir(parents=True)
    machine.at("/usr/lib/ccache/nvcc").symlink_to("../../bin/ccache")
    machine.environ = {"PATH": "/usr/lib/ccache:/opt/cuda/bin"}
    taken, real = found(machine)
    assert (taken.root, taken.compiler, taken.selected) == ("/usr/lib", None, True)
    assert (real.root, real.compiler, real.selected) == ("/opt/cuda", "/opt/cuda/bin/nvcc", False)


def test_a_wrapper_that_calls_itself(machine: CollectContext):
    program(machine.root, "/usr/bin/nvcc", '#!/bin/sh\nexec /usr/bin/nvcc "$@"\n')
    assert found(machine)[0].root == "/usr"


def test_debian(machine: CollectContext):
    target = "/usr/lib/nvidia-cuda-toolkit/bin/nvcc"
    program(machine.root, target)
    program(machine.root, "/usr/bin/nvcc", f'#!/bin/sh\nexec {target} "$@"\n')
    write(machine.root, "/usr/include/cuda.h", "#define CUDA_VERSION 11080\n")
    write(machine.root, "/usr/include/cuda_runtime.h")
    taken = found(machine)[0]
    assert (taken.root, taken.version, taken.compiler) == ("/usr", "11.8", target)
    assert taken.headers == ["cuda.h", "cuda_runtime.h"]


@pytest.mark.parametrize(
    ("file", "content", "version"),
    [
        ("version.json", '{"cuda": {"name": "CUDA SDK", "version": "11.8.0"}}', "11.8"),
        ("version.txt", "CUDA Version 11.0.194\n", "11.0"),
        ("include/cuda.h", "/* */\n#define CUDA_VERSION 13020\n", "13.2"),
        ("version.json", "[", None),
        ("version.json", '{"cuda": 7}', None),
        ("version.json", "[" * 100_000, None),
    ],
)
def test_version_files(machine: CollectContext, file: str, content: str, version: str | None):
    write(machine.root, f"/usr/local/cuda/{file}", content)
    write(machine.root, "/usr/local/cuda/include/cuda_runtime_api.h")
    assert found(machine)[0].version == version


@pytest.mark.parametrize(
    ("script", "version", "gaps"),
    [
        ("#!/bin/sh\necho 'Cuda compilation tools, release 10.2, V10.2.89'\n", "10.2", 0),
        ("#!/bin/sh\necho hello\n", None, 0),
        ("#!/nonexistent/interpreter\n", None, 1),
    ],
)
def test_nvcc_is_asked_when_no_file_tells(machine: CollectContext, script: str, version, gaps: int):
    program(machine.root, "/usr/local/cuda/bin/nvcc", script)
    assert found(machine)[0].version == version
    assert len(machine.gaps) == gaps


def test_headers_in_cccl_and_targets(machine: CollectContext):
    cuda(machine, "/opt/cuda", "13.0", headers=("cuda.h",))
    write(machine.root, "/opt/cuda/include/cccl/thrust/complex.h")
    write(machine.root, "/opt/cuda/targets/x86_64-linux/include/cusparse.h")
    assert found(machine)[0].headers == ["cuda.h", "cusparse.h", "thrust/complex.h"]


def dist(name: str, version: str, site: Path) -> Distribution:
    return Distribution(name=name, version=version, location=str(site))


def test_wheels_of_cuda_13_bring_nvcc(machine: CollectContext, site: Site):
    program(site.folder, "nvidia/cu13/bin/nvcc")
    write(site.folder, "nvidia/cu13/include/cuda.h", "#define CUDA_VERSION 13000\n")
    packages = [dist("nvidia-cuda-nvcc", "13.2.51", site.folder)]
    (kit,) = found(machine, python=site.python(), distributions=packages)
    root = f"{site.folder}/nvidia/cu13"
    assert seen([kit]) == [(root, "wheel", "13.2", False)]
    assert kit.compiler == f"{root}/bin/nvcc"


def test_wheels_of_cuda_12_bring_no_compiler(machine: CollectContext, site: Site):
    program(site.folder, "nvidia/cuda_nvcc/bin/ptxas")
    write(site.folder, "nvidia/cusparse/include/cusparse.h")
    packages = [dist("nvidia-cuda-runtime-cu12", "12.8.90", site.folder)]
    (kit,) = found(machine, python=site.python(), distributions=packages)
    assert seen([kit]) == [(f"{site.folder}/nvidia", "wheel", "12.8", False)]
    assert (kit.compiler, kit.headers) == (None, ["cusparse.h"])


def test_other_wheels_of_nvidia_are_no_toolkit(machine: CollectContext, site: Site):
    write(site.folder, "nvidia/dali/include/dali.h")
    assert found(machine, python=site.python()) == []


def test_conda(machine: CollectContext, site: Site):
    program(site.prefix, "bin/nvcc")
    write(site.prefix, "targets/x86_64-linux/include/cusparse.h")
    package = CondaPackage(name="cuda-nvcc", version="12.6.85", prefix="x", metadata="x")
    python = site.python(kind="conda")
    (kit,) = found(machine, python=python, distributions=[package])
    assert seen([kit]) == [(str(site.prefix), "conda", "12.6", False)]
    assert kit.headers == ["cusparse.h"]


def test_a_lone_hipcc_is_not_rocm(machine: CollectContext):
    program(machine.root, "/usr/bin/hipcc", "#!/usr/bin/perl\n")
    write(machine.root, "/usr/lib/x86_64-linux-gnu/libamdhip64.so.5", ELF64)
    write(machine.root, "/usr/lib/libamdhip64.so.5", ELF64)
    assert found(machine) == []


def test_rocm(machine: CollectContext):
    program(machine.root, "/opt/rocm-6.4.2/bin/hipcc")
    write(machine.root, "/opt/rocm-6.4.2/.info/version", "6.4.2-120\n")
    write(machine.root, "/opt/rocm-6.4.2/include/hip/hip_runtime.h")
    machine.at("/opt/rocm").symlink_to("rocm-6.4.2")
    (kit,) = found(machine)
    assert seen([kit]) == [("/opt/rocm", "/opt/rocm", "6.4.2", True)]
    assert (kit.kind, kit.compiler) == ("rocm", "/opt/rocm-6.4.2/bin/hipcc")
    machine.environ = {"ROCM_PATH": "/gone", "PATH": ""}
    assert [k.root for k in found(machine) if k.selected] == ["/gone"]


def test_rocm_through_links_of_hipcc(machine: CollectContext):
    """torch resolves hipcc's links, unlike nvcc's, and steps out of a folder named hip."""
    program(machine.root, "/opt/rocm-5.4/hip/bin/hipcc")
    write(machine.root, "/opt/rocm-5.4/lib/libamdhip64.so.5", ELF64)
    machine.at("/usr/bin").mkdir(parents=True)
    machine.at("/usr/bin/hipcc").symlink_to("../../opt/rocm-5.4/hip/bin/hipcc")
    (kit,) = [k for k in found(machine) if k.selected]
    assert kit.root == "/opt/rocm-5.4"

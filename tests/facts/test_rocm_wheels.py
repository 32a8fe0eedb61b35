"""ROCm from wheels, as AMD's own indexes and pytorch.org have it: environments, and what is named.

The layouts are TheRock's (docs/packaging/python_packaging.md, build_tools/build_python_packages.py).
The libraries are small ones of gcc's with real offload bundles, or with a marker and archives beside.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gpu_build as b
import pytest
from fake_site import Site

import kpack_build as k
import needs
from gpufix.binary.gpucode.amdgpu import MACH_NAMES
from gpufix.binary.gpucode.kpack import SECTION
from gpufix.checks.judge import attach, run_check
from gpufix.checks.registry import builtin_rules
from gpufix.evidence.view import View
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.packages import distributions
from gpufix.facts.python import environment, torch_package
from gpufix.facts.toolchain import rocm_toolkits
from gpufix.inspection.served import Question
from gpufix.inspection.subject import read_file
from gpufix.knowledge.gpus import models
from gpufix.model import Facts, Finding, Host, Project

RULES = {"GPU103", "GPU107", "RUN805", "TCH204", "TCH209", "WHL505", "WHL506", "WHL508", "WHL509"}
HIP = "libamdhip64.so.7"
MACH = {name: number for number, name in MACH_NAMES.items()}
PLACEHOLDER = {"dummy_pkg/_init_.py": b'__version__ = "0.0.1"\n'}


@dataclass(frozen=True)
class So:
    """A library. code: of each of its sources; archives: "NAME PATTERN", where its code lies apart."""

    needed: tuple[str, ...] = (HIP,)
    code: tuple[tuple[str, ...], ...] = ()
    archives: str = ""


@dataclass(frozen=True)
class Wheel:
    name: str
    version: str
    files: Mapping[str, bytes | So] = field(default_factory=dict)
    requires: tuple[str, ...] = ()


def core(version: str = "7.13.0") -> Wheel:
    lib = "_rocm_sdk_core/lib"
    files: dict[str, bytes | So] = {
        "_rocm_sdk_core/__init__.py": b"",
        "_rocm_sdk_core/.info/version": version.encode(),
        "_rocm_sdk_core/bin/hipcc": b"#!/bin/sh\n",
        "_rocm_sdk_core/include/hip/hip_runtime.h": b"",
        "_rocm_sdk_core/include/hip/hip_runtime_api.h": b"",
        f"{lib}/{HIP}": So(needed=()),
    }
    return Wheel("rocm-sdk-core", version, files)


def meta(version: str = "7.13.0") -> Wheel:
    extra = f'rocm-sdk-libraries=={version}; extra == "libraries"'
    requires = (f"rocm-sdk-core=={version}", extra)
    return Wheel("rocm", version, {"rocm_sdk/__init__.py": b""}, requires)


def tensile(root: str, *gfx: str) -> dict[str, bytes]:
    names = [f"TensileLibrary_lazy_{arch}.dat" for arch in gfx]
    names += [f"Kernels.so-000-{arch}.hsaco" for arch in gfx]
    names += ["TensileLibrary_Type_HH_Contraction_l_Ailk_fallback.dat"]
    return {f"{root}/rocblas/library/{name}": b"x" for name in names}


def family(name: str, *gfx: str, version: str = "7.11.0") -> Wheel:
    """Libraries with the code for a family inside."""
    root = f"_rocm_sdk_libraries_{name.replace('-', '_')}"
    files: dict[str, bytes | So] = {
        f"{root}/__init__.py": b"",
        f"{root}/lib/librocblas.so.5": So(code=(gfx,)),
        f"{root}/lib/librocsparse.so.1": So(code=(gfx, gfx)),
        f"{root}/lib/libMIOpen.so.1": So(code=(gfx,)),
        **{
            f"{root}/share/miopen/db/{arch}{n}.HIP.fdb.txt": b"x" for arch in gfx for n in (40, 104)
        },
        **tensile(f"{root}/lib", *gfx),
    }
    return Wheel(f"rocm-sdk-libraries-{name}", version, files)


KPACK = "lib/{0} ../.kpack/{1}_@GFXARCH@.kpack"


def apart(version: str = "7.13.0") -> Wheel:
    """Libraries whose code is in wheels of its own."""
    root = "_rocm_sdk_libraries"
    files: dict[str, bytes | So] = {
        f"{root}/__init__.py": b"",
        f"{root}/lib/librocblas.so.5": So(archives=KPACK.format("librocblas.so.5", "blas_lib")),
        f"{root}/lib/librocsparse.so.1": So(archives=KPACK.format("librocsparse.so.1", "blas_lib")),
        f"{root}/lib/rocblas/library/TensileLibrary_Type_HH_fallback.dat": b"x",
    }
    return Wheel("rocm-sdk-libraries", version, files)


def device(gfx: str, version: str = "7.13.0") -> Wheel:
    root, units = "_rocm_sdk_libraries", ("lib/librocblas.so.5#0", "lib/librocsparse.so.1#0")
    files = {
        f"{root}/.kpack/blas_lib_{gfx}.kpack": k.archive(dict.fromkeys(units, (gfx,))),
        **tensile(f"{root}/lib", gfx),
        f"{root}/share/miopen/db/{gfx}_32.HIP.fdb.txt": b"x",
    }
    requires = (f"rocm-sdk-libraries=={version}",)
    return Wheel(f"rocm-sdk-device-{gfx}", version, files, requires)


TORCH = "2.11.0+rocm7.13.0"


def torch(*code: str, version: str = TORCH, on: str = "7.13.0", **more: bytes | So) -> Wheel:
    """With code inside; without any: with its code in archives."""
    hip = ".".join(version.partition("+rocm")[2].split(".")[:2])
    text = f"__version__ = '{version}'\ncuda = None\nhip = '{hip}.53211'\n"
    where = "" if code else "lib/libtorch_hip.so ../.kpack/torch_@GFXARCH@.kpack"
    files: dict[str, bytes | So] = {
        "torch/__init__.py": b"from . import _rocm_init\n" if on else b"",
        "torch/version.py": text.encode(),
        "torch/lib/libtorch_hip.so": So(code=(code, code) if code else (), archives=where),
        **({"torch/_rocm_init.py": b"def initialize(): pass\n"} if on else {}),
        **more,
    }
    return Wheel("torch", version, files, (f"rocm[libraries]=={on}",) if on else ())


def torch_device(gfx: str, version: str = TORCH) -> Wheel:
    units = ("lib/libtorch_hip.so#0", "lib/libtorch_hip.so#1")
    files = {f"torch/.kpack/torch_{gfx}.kpack": k.archive(dict.fromkeys(units, (gfx,)))}
    requires = (f"torch=={version}", "rocm-sdk-device-" + gfx + "==7.13.0")
    return Wheel(f"amd-torch-device-{gfx}", version, files, requires)


def whole(*gfx: str) -> tuple[Wheel, ...]:
    """An environment of the index with a wheel of code for each GPU."""
    code = [wheel for arch in gfx for wheel in (device(arch), torch_device(arch))]
    return meta(), core(), apart(), torch(), *code


def of_family(name: str, *gfx: str) -> tuple[Wheel, ...]:
    wanted = f'rocm-sdk-libraries-{name}==7.11.0; extra == "libraries"'
    rocm = Wheel("rocm", "7.11.0", {"rocm_sdk/__init__.py": b""}, ("rocm-sdk-core==7.11.0", wanted))
    return (
        rocm,
        core("7.11.0"),
        family(name, *gfx),
        torch(*gfx, version="2.9.1+rocm7.11.0", on="7.11.0"),
    )


def plain(*gfx: str, blas: Sequence[str] = ()) -> Wheel:
    """pytorch.org's wheel, which brings its ROCm along."""
    files = {
        "torch/lib/librocblas.so": So(code=(gfx,)),
        f"torch/lib/{HIP}": So(needed=()),
        **tensile("torch/lib", *(blas or gfx)),
    }
    return torch(*gfx, version="2.10.0+rocm7.0", on="", **files)


DEVEL = {"rocm_sdk_devel/__init__.py": b"", "rocm_sdk_devel/_devel.tar.xz": b"x"}
EMPTY = [
    Wheel(f"{name}-gfx1201", "0.0.1.dev0", {f"{name.replace('-', '_')}_gfx1201/__init__.py": b""})
    for name in ("rocm-sdk-device", "amd-torch-device")
]
SYSTEM = "{tmp}/opt/rocm/lib"
NAMED = "torch 2.11.0+rocm7.13.0 has its GPU code in wheels of their own: "
SDK = "rocm-sdk-libraries 7.13.0 has its GPU code in wheels of their own: "
R1201 = "gfx1201 (--gpu gfx1201)"

# Wheels, the GPUs to serve, variables, and what is found: "CODE words". None: nothing.
Case = tuple[Sequence[Wheel], str, dict[str, str], set[str]]
CASES: dict[str, Case] = {
    "a family, and its GPU": (of_family("gfx1151", "gfx1151"), "gfx1151", {}, set()),
    "a family of several": (
        of_family("gfx110x-all", "gfx1100", "gfx1101", "gfx1102", "gfx1103"), "gfx1102", {}, set(),
    ),
    "a wheel of code for its GPU": (whole("gfx1201"), "gfx1201", {}, set()),
    "wheels of code for two GPUs": (whole("gfx1100", "gfx1201"), "gfx1100 gfx1201", {}, set()),
    "pytorch.org's wheel": ((plain("gfx1100", "gfx1201"),), "gfx1201", {}, set()),
    "an override to what is there": (
        whole("gfx1030"), "gfx1032", {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}, set(),
    ),
    "a family, and another GPU": (
        of_family("gfx1151", "gfx1151"), "gfx1201", {}, {
            f"GPU107 torch 2.9.1+rocm7.11.0 holds machine code for gfx1151; none of it runs on {R1201}",
            f"GPU103 rocm-sdk-libraries-gfx1151 holds machine code for gfx1151; none of it runs on {R1201}",
            f"GPU103 kernel files of librocblas.so.5 are for gfx1151, none for {R1201}: rocBLAS error",
        },
    ),
    "a wheel of code for another GPU": (
        whole("gfx1100"), "gfx1201", {}, {
            f"GPU107 {NAMED}machine code for gfx1100; {R1201} needs amd-torch-device-gfx1201.",
            f"GPU103 {SDK}machine code for gfx1100; {R1201} needs rocm-sdk-device-gfx1201.",
            f"GPU103 kernel files of librocblas.so.5 are for gfx1100, none for {R1201}: rocBLAS error",
        },
    ),
    "no wheel of code at all": (
        whole(), "gfx1201", {}, {
            f"GPU107 {NAMED}none of them is here; {R1201} needs amd-torch-device-gfx1201.",
            f"GPU103 {SDK}none of them is here; {R1201} needs rocm-sdk-device-gfx1201.",
            f"GPU103 kernel files of librocblas.so.5 are for no GPU, none for {R1201}: rocBLAS error",
        },
    ),
    "torch has the code, and ROCm's libraries have not": (
        (meta(), core(), apart(), torch(), device("gfx1100"), torch_device("gfx1100"), torch_device("gfx1201")),
        "gfx1201", {}, {
            "WHL506 amd-torch-device-gfx1201 2.11.0+rocm7.13.0 requires rocm-sdk-device-gfx1201==7.13.0",
            f"GPU103 {SDK}machine code for gfx1100; {R1201} needs rocm-sdk-device-gfx1201.",
            f"GPU103 kernel files of librocblas.so.5 are for gfx1100, none for {R1201}: rocBLAS error",
        },
    ),
    "empty wheels of the package index": (
        (*whole(), *EMPTY), "gfx1201", {}, {
            "WHL508 rocm-sdk-device-gfx1201 0.0.1.dev0 goes with rocm-sdk-libraries",
            "WHL509 rocm-sdk-device-gfx1201 0.0.1.dev0 is empty: the package index holds its name",
            "WHL509 amd-torch-device-gfx1201 0.0.1.dev0 is empty: the package index holds its name",
            f"GPU107 {NAMED}none of them is here; {R1201} needs amd-torch-device-gfx1201.",
            f"GPU103 {SDK}none of them is here; {R1201} needs rocm-sdk-device-gfx1201.",
            f"GPU103 kernel files of librocblas.so.5 are for no GPU, none for {R1201}: rocBLAS error",
        },
    ),
    "the libraries of one ROCm with the run time of another": (
        (meta("7.13.0"), core("7.14.0"), *whole("gfx1100")[2:]), "gfx1100", {}, {
            "WHL508 rocm-sdk-libraries 7.13.0 goes with rocm-sdk-core 7.13.0; rocm-sdk-core 7.14.0 is",
            "WHL506 rocm 7.13.0 requires rocm-sdk-core==7.13.0; rocm-sdk-core 7.14.0 is installed",
        },
    ),
    "a torch for another ROCm": (
        (meta("7.14.0"), core("7.14.0"), apart("7.14.0"), device("gfx1100", "7.14.0"), torch(),
         Wheel("amd-torch-device-gfx1100", TORCH, torch_device("gfx1100").files)),
        "gfx1100", {}, {"WHL506 torch 2.11.0+rocm7.13.0 requires rocm[libraries]==7.13.0; rocm 7.14.0 is"},
    ),
    "a ROCm of the system before the wheels'": (
        whole("gfx1100"), "gfx1100", {"LD_LIBRARY_PATH": SYSTEM}, {
            "RUN805 LD_LIBRARY_PATH makes the loader take {tmp}/opt/rocm/lib/libamdhip64.so.7 for",
        },
    ),
    "the same with pytorch.org's wheel": (
        (plain("gfx1100"),), "gfx1100", {"LD_LIBRARY_PATH": SYSTEM}, {
            "RUN805 LD_LIBRARY_PATH makes the loader take {tmp}/opt/rocm/lib/libamdhip64.so.7 for",
        },
    ),
    "the family of another GPU is asked for": (
        of_family("gfx1151", "gfx1151"), "gfx1151", {"ROCM_SDK_TARGET_FAMILY": "gfx120X-all"}, {
            'RUN805 ROCM_SDK_TARGET_FAMILY is "gfx120X-all"; rocm-sdk-libraries-gfx120x-all is not installed',
        },
    ),
    "the family that is here is asked for": (
        of_family("gfx110x-all", "gfx1100"), "gfx1100", {"ROCM_SDK_TARGET_FAMILY": "gfx110X-all"}, set(),
    ),
    "rocBLAS lacks what torch has": (
        (plain("gfx1100", "gfx1102", blas=["gfx1100"]),), "gfx1102", {}, {
            "GPU103 kernel files of librocblas.so are for gfx1100, none for gfx1102 (--gpu gfx1102)",
        },
    ),
    "a build with headers that are not unpacked": (
        (*whole("gfx1100"), Wheel("rocm-sdk-devel", "7.13.0", DEVEL)), "gfx1100", {"BUILD": "1"}, {
            "TCH204 which torch's headers include: rocm-sdk-devel is installed, and not unpacked.",
        },
    ),
    "a build without headers": (
        whole("gfx1100"), "gfx1100", {"BUILD": "1"}, {
            "TCH204 which torch's headers include: rocm-sdk-devel is not installed.",
        },
    ),
    "a build with headers": (
        (*whole("gfx1100"), Wheel("rocm-sdk-devel", "7.13.0", {
            f"_rocm_sdk_devel/{name}": b"7.13.0"
            for name in ("__init__.py", ".info/version", "bin/hipcc", *(f"include/{h}" for h in rocm_toolkits.HEADERS))
        })), "gfx1100", {"BUILD": "1", "ROCM_HOME": "{site}/_rocm_sdk_devel"}, set(),
    ),
    "a build with the headers unpacked, and not named": (
        (*whole("gfx1100"), Wheel("rocm-sdk-devel", "7.13.0", {
            f"_rocm_sdk_devel/{name}": b"7.13.0"
            for name in ("__init__.py", ".info/version", "bin/hipcc", *(f"include/{h}" for h in rocm_toolkits.HEADERS))
        })), "gfx1100", {"BUILD": "1"}, {"TCH204 {site}/_rocm_sdk_devel has them"},
    ),
    "a build by the ROCm of the system": (
        whole("gfx1100"), "gfx1100", {"BUILD": "1", "ROCM_PATH": "{tmp}/opt/rocm"}, {
            "TCH209 A build would use ROCm 6.4 in {tmp}/opt/rocm (from ROCM_PATH); torch 2.11.0+rocm7.13.0",
        },
    ),
}  # fmt: skip
# What a healthy one is silent under. TCH207 wants a compiler, which no wheel brings.
EVERY = {rule.code for rule in builtin_rules()} - {"TCH207"}
Compiled = Callable[[So, str], bytes]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Small libraries; each is built once."""
    needs.require("gcc")
    folder, made = tmp_path_factory.mktemp("compiled"), dict[tuple[So, str], bytes]()

    def build(library: So, name: str) -> bytes:
        key = library, name
        if key not in made:
            for other in library.needed:
                (folder / other).write_bytes(build(So(needed=()), other))
            source = folder / "a.s"
            note = '.section .note.GNU-stack,"",@progbits\n'  # else glibc 2.41 refuses it
            source.write_text(f".text\n.globl f\nf: ret\n{_sections(library, folder)}\n{note}")
            flags = ["-shared", "-nostdlib", "-Wl,--no-as-needed", f"-Wl,-soname,{name}"]
            flags += ["-Wl,-rpath,$ORIGIN"]
            links = [str(folder / other) for other in library.needed]
            command = ["gcc", *flags, str(source), *links, "-o", str(folder / "out.so")]
            subprocess.run(command, check=True)
            made[key] = (folder / "out.so").read_bytes()
        return made[key]

    return build


def _sections(library: So, folder: Path) -> str:
    found = {}
    if library.code:
        found[".hip_fatbin"] = b"".join(_bundle(archs) for archs in library.code)
    if library.archives:
        name, pattern = library.archives.split()
        found |= {".hip_fatbin": b"\0" * 4096, SECTION: k.marker(name, pattern)}
    text = ""
    for number, (name, data) in enumerate(found.items()):
        (folder / f"{number}.bin").write_bytes(data)
        text += f'.section {name},"a"\n.p2align 12\n.incbin "{folder}/{number}.bin"\n'
    return text


def _bundle(archs: Sequence[str]) -> bytes:
    images = {
        f"hipv4-amdgcn-amd-amdhsa--{a}": b.cubin(MACH[a], osabi=64, machine=224, abi=3)
        for a in archs
    }
    return b.bundle({"host-x86_64-unknown-linux--": b"", **images})


def install(site: Site, wheel: Wheel, compiled: Compiled) -> None:
    files = {
        path: compiled(item, Path(path).name) if isinstance(item, So) else item
        for path, item in wheel.files.items()
    }
    metadata = f"Metadata-Version: 2.1\nName: {wheel.name}\nVersion: {wheel.version}\n"
    metadata += "".join(f"Requires-Dist: {row}\n" for row in wheel.requires)
    site.install(wheel.name, wheel.version, files, metadata=f"{metadata}\n".encode())
    for path in files:
        if path.endswith("bin/hipcc"):
            (site.folder / path).chmod(0o755)


def view_of(site: Site, ctx: CollectContext, gpus: str, variables: Mapping[str, str]) -> View:
    tmp = site.prefix.parent
    values = {name: v.format(site=site.folder, tmp=tmp) for name, v in variables.items()}
    ctx.environ = {"PATH": "/nowhere", **values}
    python = site.python(executable=os.path.realpath(sys.executable), machine="x86_64")
    dists, shared = distributions.collect(ctx, python)
    package = torch_package.collect(ctx, python, dists)
    project = Project(root=str(tmp), builds_extensions=True) if "BUILD" in variables else None
    ctx.root = Path("/")
    facts = Facts(
        host=Host(os="Linux", kernel="6", machine="x86_64"),
        python=python,
        distributions=dists,
        shared_files=shared,
        torch=package,
        toolkits=rocm_toolkits.collect(ctx, python),
        environment=environment.collect(ctx, None, python),
        binaries=libraries.collect(ctx, python, dists, package),
        project=project,
        gaps=list(ctx.gaps),
    )
    return View(facts, [models.resolve(gpu) for gpu in gpus.split()])


def found(view: View, codes: Container[str] = RULES) -> list[Finding]:
    rules = (rule for rule in builtin_rules() if rule.code in codes)
    every = attach([one for rule in rules for one in run_check(rule, view)])
    return [*every, *(one for cause in every for one in cause.consequences)]


def of_the_system(folder: Path, compiled: Compiled) -> None:
    for name, data in {
        f"lib/{HIP}": compiled(So(needed=()), HIP),
        ".info/version": b"6.4.1-83",
        "bin/hipcc": b"#!/bin/sh\n",
        "include/hip/hip_runtime.h": b"",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755)


@pytest.mark.parametrize("case", CASES)
def test_an_environment(case: str, site: Site, ctx: CollectContext, compiled: Compiled) -> None:
    wheels, gpus, variables, wanted = CASES[case]
    for wheel in wheels:
        install(site, wheel, compiled)
    of_the_system(site.prefix.parent / "opt/rocm", compiled)
    view = view_of(site, ctx, gpus, variables)
    every = found(view, RULES if wanted else EVERY)
    told = [f"{one.code} {one.message}" for one in every if one.severity != "advice"]
    texts = [text.format(site=site.folder, tmp=site.prefix.parent) for text in wanted]
    unsaid = [text for text in texts if not any(_says(one, text) for one in told)]
    assert not unsaid, told
    assert len(told) == len(wanted), told


def _says(one: str, text: str) -> bool:
    code, _, words = text.partition(" ")
    return one.startswith(code) and words in one


def test_inspect_reads_the_archives(site: Site, compiled: Compiled) -> None:
    install(site, torch(), compiled)
    path = str(site.folder / "torch/lib/libtorch_hip.so")
    question = Question(("gfx1201",), None)
    alone = read_file(path, "libtorch_hip.so", question)
    assert not alone.report.code and "of which none is here" in alone.gaps[0]
    install(site, torch_device("gfx1201"), compiled)
    held = read_file(path, "libtorch_hip.so", question).report
    assert [(item.kind, item.arch, item.count) for item in held.code] == [("hip", "gfx1201", 2)]


def test_an_archive_that_cannot_be_read_is_a_gap(
    site: Site, ctx: CollectContext, compiled: Compiled
) -> None:
    for wheel in whole("gfx1201"):
        install(site, wheel, compiled)
    (site.folder / "torch/.kpack/torch_gfx1201.kpack").write_bytes(b"KPAK\1\0\0\0")
    view = view_of(site, ctx, "gfx1201", {})
    assert any("torch_gfx1201.kpack: no kpack archive" in gap.reason for gap in view.facts.gaps)


def test_miopens_databases_are_counted_by_gpu_and_compute_units(
    site: Site, ctx: CollectContext, compiled: Compiled
) -> None:
    names = (
        "gfx942130.db.txt",
        "gfx90878.HIP.fdb.txt",
        "gfx1030_36.db.txt",
        "gfx908.tn.model",
        "readme",
    )
    files = {f"torch/share/miopen/db/{name}": b"x" for name in names}
    install(site, torch("gfx942", **files, **{"torch/lib/libMIOpen.so": So()}), compiled)
    (found,) = view_of(site, ctx, "gfx942", {}).facts.binaries.kernel_files
    assert found.files == {"gfx1030": 1, "gfx908": 2, "gfx942": 1}
    assert found.units == {"gfx1030": [36], "gfx908": [78], "gfx942": [130]}


def test_tensiles_files_by_folder_and_by_name(
    site: Site, ctx: CollectContext, compiled: Compiled
) -> None:
    files = {
        "torch/lib/rocblas/library/gfx942/TensileManifest.txt": b"x",
        "torch/lib/rocblas/library/Kernels.so-000-gfx90a-xnack+.hsaco": b"x",
        "torch/lib/rocblas/library/TensileLibrary_Type_HH_fallback.dat": b"x",
        "torch/lib/librocblas.so": So(),
    }
    install(site, torch("gfx942", **files), compiled)
    (found,) = view_of(site, ctx, "gfx942", {}).facts.binaries.kernel_files
    assert found.files == {"gfx90a": 1, "gfx942": 1}

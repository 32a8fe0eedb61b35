"""Builds of one kernel, and of libraries of several units, for as many GPUs as nvcc compiles for.

Each library exports `launch_NAME() -> int` for what its users call: a cudaError, -1 for a wrong
result. Files of bare GPU code hold the kernel `solo`. manifest.json lists them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

KERNEL = """
__global__ void @(int *out) { out[threadIdx.x] = 3 * threadIdx.x + 1; }
"""
HEAD = r"""
#include <cuda_runtime.h>
static int checked(void (*kernel)(int *)) {
    int found[32] = {}, *out = nullptr;
    if (cudaError_t error = cudaMalloc(&out, sizeof found)) return error;
    kernel<<<1, 32>>>(out);
    cudaError_t error = cudaGetLastError();
    if (!error) error = cudaMemcpy(found, out, sizeof found, cudaMemcpyDeviceToHost);
    cudaFree(out);
    if (error) return error;
    for (int i = 0; i < 32; ++i) if (found[i] != 3 * i + 1) return -1;
    return 0;
}
"""
LAUNCH = """
extern "C" int launch_@() { return checked(@); }
"""
SHARED = ("-shared", "-Xcompiler", "-fPIC", "-cudart", "shared", "-Xlinker", "-rpath=$ORIGIN")
COMPILE = ("-c", "-Xcompiler", "-fPIC")


def real(*archs: str) -> tuple[str, ...]:
    """Machine code: real("90a")."""
    return tuple(f"-gencode=arch=compute_{a},code=sm_{a}" for a in archs)


def ptx(*archs: str) -> tuple[str, ...]:
    return tuple(f"-gencode=arch=compute_{a},code=compute_{a}" for a in archs)


def lto(*archs: str) -> tuple[str, ...]:
    return tuple(f"-gencode=arch=compute_{a},code=lto_{a}" for a in archs)


PLAIN = ("--compress-mode=none",)


@dataclass(frozen=True)
class Unit:
    """A source with one kernel, and nvcc's flags for it."""

    kernel: str
    flags: tuple[str, ...]
    source: str = ""  # default: the kernel and its launcher


@dataclass(frozen=True)
class Build:
    """`newer`: PTX for these targets says it is of ISA 9.9. `file`: ending of bare GPU code."""

    name: str
    units: tuple[Unit, ...]
    calls: tuple[str, ...]
    link: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    file: str = "so"
    group: str = field(default="one kernel")


def solo(name: str, *flags: str, newer: tuple[str, ...] = (), link: tuple[str, ...] = ()) -> Build:
    return Build(name, (Unit("solo", flags),), ("solo",), link, newer)


def bare(name: str, ending: str, *flags: str, newer: tuple[str, ...] = ()) -> Build:
    return Build(name, (Unit("solo", flags),), ("solo",), (), newer, ending, "bare code")


def one_kernel() -> Iterator[Build]:
    """One kernel in one container."""
    numbers = ("75", "80", "86", "87", "88", "89", "90", "100", "103", "110", "120", "121")
    variants = ("90a", "100a", "100f", "103a", "103f", "110a", "110f", "120a", "120f", "121a")
    for arch in (*numbers, *variants):
        yield solo(f"real-{arch}", *real(arch))
    for arch in ("75", "80", "86", "89", "90", "90a", "100", "100a", "100f", "120"):
        yield solo(f"ptx-{arch}", *ptx(arch))
    yield solo("real-80-90", *real("80", "90"))
    yield solo("real-86-89", *real("86", "89"))
    yield solo("real-80-90a", *real("80", "90a"))
    yield solo("real-75-80-86-89", *real("75", "80", "86", "89"))
    yield solo("real-90a-100a-120a", *real("90a", "100a", "120a"))
    yield solo("real-100-120", *real("100", "120"))
    yield solo("real-80-ptx-80", *real("80"), *ptx("80"))
    yield solo("real-86-89-ptx-89", *real("86", "89"), *ptx("89"))
    yield solo("real-90-ptx-90", *real("90"), *ptx("90"))
    yield solo("real-90a-ptx-90a", *real("90a"), *ptx("90a"))
    yield solo("real-100-ptx-90", *real("100"), *ptx("90"))
    yield solo("real-80-ptx-100", *real("80"), *ptx("100"))
    yield solo("real-80-ptx-75-120", *real("80"), *ptx("75", "120"))
    yield solo("older-ptx-for-90", "-gencode=arch=compute_80,code=sm_90")
    yield solo("all-major", "-arch=all-major")
    yield solo("all", "-arch=all")
    yield solo("arch-80", "-arch=sm_80")
    yield solo("arch-90", "-arch=sm_90")
    yield solo("debug-90", "-G", *real("90"))
    yield solo("debug-ptx-80", "-G", *ptx("80"))
    yield solo("static-90", *real("90"), link=("-cudart", "static"))
    yield solo("static-80", *real("80"), link=("-cudart", "static"))
    for mode in ("none", "size", "speed", "balance"):
        packed = f"--compress-mode={mode}"
        yield solo(f"{mode}-real-90", packed, *real("90"))
        yield solo(f"{mode}-real-80", packed, *real("80"))
        yield solo(f"{mode}-ptx-80", packed, *ptx("80"))
        yield solo(f"{mode}-real-80-ptx-90a", packed, *real("80"), *ptx("90a"))


def newer_ptx() -> Iterator[Build]:
    """PTX of an ISA that no driver of today reads, alone and beside code that serves."""
    yield solo("newer-ptx-80", *PLAIN, *ptx("80"), newer=("80",))
    yield solo("newer-ptx-90", *PLAIN, *ptx("90"), newer=("90",))
    yield solo("newer-ptx-90a", *PLAIN, *ptx("90a"), newer=("90a",))
    yield solo("newer-ptx-100", *PLAIN, *ptx("100"), newer=("100",))
    yield solo("real-80-newer-ptx-80", *PLAIN, *real("80"), *ptx("80"), newer=("80",))
    yield solo("real-90-newer-ptx-90", *PLAIN, *real("90"), *ptx("90"), newer=("90",))
    yield solo("ptx-80-newer-ptx-90", *PLAIN, *ptx("80", "90"), newer=("90",))
    yield solo("newer-ptx-80-ptx-90", *PLAIN, *ptx("80", "90"), newer=("80",))
    yield solo("ptx-80-newer-ptx-100", *PLAIN, *ptx("80", "100"), newer=("100",))
    yield solo("newer-ptx-80-90", *PLAIN, *ptx("80", "90"), newer=("80", "90"))


def linked() -> Iterator[Build]:
    """Relocatable device code and link-time optimisation."""
    rdc = ("-rdc=true",)

    def one(name: str, flags: tuple[str, ...], link: tuple[str, ...] = ()) -> Build:
        return Build(name, (Unit("solo", (*rdc, *flags)),), ("solo",), (*rdc, *(link or flags)))

    def two(name: str, a: tuple[str, ...], b: tuple[str, ...], link: tuple[str, ...]) -> Build:
        units = (Unit("alpha", (*rdc, *a)), Unit("beta", (*rdc, *b)))
        return Build(name, units, ("alpha", "beta"), (*rdc, *link), group="linked")

    yield one("rdc-real-90", real("90"))
    yield one("rdc-real-80", real("80"))
    yield one("rdc-ptx-80", (*real("80"), *ptx("80")))
    yield one("rdc-ptx-90", (*real("90"), *ptx("90")))
    yield one("rdc-80-90-linked-80", real("80", "90"), real("80"))
    yield one("dlto-90", lto("90"), ("-dlto", "-arch=sm_90"))
    yield one("dlto-80", lto("80"), ("-dlto", "-arch=sm_80"))
    yield two("rdc-two-90", real("90"), real("90"), real("90"))
    yield two("rdc-two-80", real("80"), real("80"), real("80"))
    yield two("rdc-two-80-90-linked-80", real("80", "90"), real("80", "90"), real("80"))
    yield two("rdc-one-of-two-has-90", real("80"), real("80", "90"), real("80"))
    yield two("rdc-one-of-two-has-ptx", real("80"), (*real("80"), *ptx("80")), real("80"))


def units() -> Iterator[Build]:
    """Several units in one library, each with a container of its own."""

    def two(name: str, a: tuple[str, ...], b: tuple[str, ...], **more: tuple[str, ...]) -> Build:
        pair = (Unit("alpha", a), Unit("beta", b))
        return Build(name, pair, ("alpha", "beta"), group="units", **more)

    yield two("two-90-90", real("90"), real("90"))
    yield two("two-80-90", real("80"), real("90"))
    yield two("two-90-80", real("90"), real("80"))
    yield two("two-80-80", real("80"), real("80"))
    yield two("two-80_90-90", real("80", "90"), real("90"))
    yield two("two-ptx_80-90", ptx("80"), real("90"))
    yield two("two-ptx_80-ptx_100", ptx("80"), ptx("100"))
    yield two("two-90a-90", real("90a"), real("90"))
    yield two("two-100a-90", real("100a"), real("90"))
    yield two("two-120-90", real("120"), real("90"))
    yield two("two-newer_ptx_80-90", (*PLAIN, *ptx("80")), real("90"), newer=("80",))
    yield two("two-80-90-static", real("80"), real("90"), link=("-cudart", "static"))
    yield two("two-89-ptx_89-90", (*real("89"), *ptx("89")), real("90"))
    host = Unit("host", real("80"), "int host_part() { return 0; }")
    yield Build("host-unit-80-90", (host, Unit("solo", real("90"))), ("solo",), group="units")
    yield Build("host-unit-90-80", (host, Unit("solo", real("80"))), ("solo",), group="units")
    three = [Unit(name, real("80", "90")) for name in ("alpha", "beta")]
    last = Unit("gamma", real("86"))
    yield Build("three-one-lacks", (*three, last), ("alpha", "beta", "gamma"), group="units")


def dispatch() -> Iterator[Build]:
    """Kernels for different GPUs, of which the library takes the one that fits: healthy."""
    for name, low, high in (
        ("numbered", "scale_sm80", "scale_sm90"),
        ("codenames", "scale_ampere", "scale_hopper"),
        ("unnamed", "slow", "fast"),
    ):
        for link in ("shared", "static"):
            entry = Unit("entry", real("80", "90"), _entry(low, high))
            parts = (Unit(low, real("80"), _part(low)), Unit(high, real("90a"), _part(high)))
            yield Build(
                f"dispatch-{name}-{link}",
                (*parts, entry),
                ("entry",),
                ("-cudart", link),
                group="dispatch",
            )
    for name, kind in (("tagged", "template <int Arch>"), ("typed", "template <class Arch>")):
        source = {a: _templated(kind, a) for a in ("80", "90")}
        parts = tuple(Unit(f"t{a}", real(a), source[a]) for a in ("80", "90"))
        entry = Unit("entry", real("80", "90"), _entry("run80", "run90", kernels=False))
        yield Build(f"dispatch-{name}", (*parts, entry), ("entry",), group="dispatch")


def _part(kernel: str) -> str:
    return HEAD + (KERNEL + "int run_@() { return checked(@); }").replace("@", kernel)


def _entry(low: str, high: str, kernels: bool = True) -> str:
    a, b = (f"run_{low}", f"run_{high}") if kernels else (low, high)
    return f"""
#include <cuda_runtime.h>
int {a}(); int {b}();
__global__ void touch(int *x) {{ *x = 1; }}
extern "C" int launch_entry() {{
    int major = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
    return major >= 9 ? {b}() : {a}();
}}
"""


def _templated(kind: str, arch: str) -> str:
    argument = arch if "int" in kind else f"Sm{arch}"
    return f"""{HEAD}
struct Sm80 {{}}; struct Sm90 {{}};
{kind} __global__ void scaled(int *out) {{ out[threadIdx.x] = 3 * threadIdx.x + 1; }}
int run{arch}() {{ return checked(scaled<{argument}>); }}
"""


def bare_code() -> Iterator[Build]:
    """Files that programs hand to the driver."""
    for arch in ("80", "90", "90a", "100"):
        yield bare(f"cubin-{arch}", "cubin", "-cubin", f"-arch=sm_{arch}")
    for arch in ("75", "90", "90a", "100"):
        yield bare(f"text-{arch}", "ptx", "-ptx", f"-arch=compute_{arch}")
    yield bare("text-newer-80", "ptx", "-ptx", "-arch=compute_80", newer=("80",))
    for name, flags in (
        ("80-90", real("80", "90")),
        ("80-86", real("80", "86")),
        ("80-ptx-80", (*real("80"), *ptx("80"))),
        ("90a", real("90a")),
        ("ptx-90a", ptx("90a")),
        ("100-120", real("100", "120")),
    ):
        yield bare(f"fatbin-{name}", "fatbin", "-fatbin", *flags)
    newest = ("-fatbin", *PLAIN, *real("80"), *ptx("80"))
    yield bare("fatbin-newer-ptx-80", "fatbin", *newest, newer=("80",))


def builds() -> list[Build]:
    """All of them, in a fixed order."""
    kinds = (one_kernel, newer_ptx, linked, units, dispatch, bare_code)
    return [build for kind in kinds for build in kind()]


def make(build: Build, nvcc: str, folder: Path) -> None:
    """Compile one. Raises CalledProcessError, whose stderr says why."""
    made = folder / f"{build.name}.{build.file}"
    scratch = folder / f"{build.name}.d"
    scratch.mkdir(exist_ok=True)
    objects: list[str] = []
    for number, unit in enumerate(build.units):
        source = scratch / f"unit{number}.cu"
        source.write_text(unit.source or HEAD + (KERNEL + LAUNCH).replace("@", unit.kernel))
        if build.file != "so":
            source.write_text('extern "C"' + KERNEL.replace("@", unit.kernel))
            _run([nvcc, *unit.flags, str(source), "-o", str(made)])
            continue
        objects.append(str(source.with_suffix(".o")))
        _run([nvcc, *COMPILE, *unit.flags, str(source), "-o", objects[-1]])
    if objects:
        _run([nvcc, *SHARED, *build.link, *objects, "-o", str(made)])
    if build.newer:
        made.write_bytes(aged(made.read_bytes(), build.newer))
    shutil.rmtree(scratch)


def _run(command: list[str]) -> None:
    command = [*command, "-Wno-deprecated-gpu-targets"]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)


def aged(data: bytes, archs: tuple[str, ...]) -> bytes:
    """The same with `.version 9.9` in the PTX for these targets, and in its fatbin entry."""
    out = bytearray(data)
    at = data.find(b".version ")
    changed = 0
    while at >= 0:
        line = data[at : at + 80].split(b"\n")
        target = line[1].split()[1].rstrip(b",").decode()
        if target.removeprefix("sm_") in archs:
            out[at : at + len(line[0])] = b".version 9.9"
            entry = data.rfind(b"\1\0\1\1", 0, at)
            if entry >= 0:
                out[entry + 24 : entry + 28] = b"\x09\0\x09\0"
            changed += 1
        at = data.find(b".version ", at + 1)
    if changed != len(archs):
        raise ValueError(f"{changed} of {len(archs)} texts of PTX were found")
    return bytes(out)


def build_all(folder: Path, nvcc: str, jobs: int) -> dict[str, str]:
    """Compile what is not there yet, and write the manifest; name -> why, of what did not compile."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, failed = builds(), {}
    todo = [b for b in rows if not (folder / f"{b.name}.{b.file}").exists()]
    with ThreadPoolExecutor(jobs) as pool:
        for build, job in [(b, pool.submit(make, b, nvcc, folder)) for b in todo]:
            try:
                job.result()
            except subprocess.CalledProcessError as error:
                failed[build.name] = error.stderr.strip()
    shutil.copy(runtime(nvcc), folder / "libcudart.so.13")
    shutil.copy(Path(__file__).with_name("launch_truth.py"), folder)
    made = [{k: v for k, v in asdict(b).items() if k != "units"} for b in rows]
    manifest = [row for row in made if row["name"] not in failed]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return failed


def runtime(nvcc: str) -> Path:
    """libcudart of the toolkit that nvcc is of."""
    said = subprocess.run([nvcc, "--dryrun", "x.cu"], capture_output=True, text=True).stderr
    top = next(line.split("=", 1)[1] for line in said.splitlines() if "_HERE_=" in line)
    return next(Path(top.strip().strip('"')).parent.glob("lib64/libcudart.so.*")).resolve()

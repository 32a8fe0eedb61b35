"""The compatibility rules against measured tables, and the properties that they must have."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufix.knowledge.cuda import get, versions
from gpufix.knowledge.data_table import table
from gpufix.knowledge.gpus.architectures import (
    CudaArch,
    GfxArch,
    cubin_serves,
    hip_serves,
    parse_arch,
    ptx_serves,
)
from gpufix.knowledge.gpus.serves import (
    CUDA_OF_PTX,
    Named,
    codes,
    cuda_of_ptx,
    driver_reads,
    parse_version,
    serves,
)

MEASURED = json.loads((Path(__file__).parent / "data" / "compat_measured.json").read_text())
DEVICES = sorted(
    {cc for row in MEASURED["ptx_devices"].values() for cc in row.split()} | {"3.5", "3.7"}
)


def cuda(text: str) -> CudaArch:
    arch = parse_arch(text)
    assert isinstance(arch, CudaArch)
    return arch


def gfx(text: str) -> GfxArch:
    arch = parse_arch(text)
    assert isinstance(arch, GfxArch)
    return arch


@pytest.mark.parametrize("code", MEASURED["cubin"])
def test_cubins_serve_the_devices_of_the_measured_table(code):
    verdicts = {cc: cubin_serves(cuda(code), cuda(cc), build_cuda=(12, 9)) for cc in DEVICES}
    assert [cc for cc, yes in verdicts.items() if yes] == sorted(MEASURED["cubin"][code].split())
    assert None not in verdicts.values()


@pytest.mark.parametrize("code", MEASURED["cubin_13_2"])
def test_cubins_built_with_cuda_13_2_serve_jetson(code):
    served = [cc for cc in DEVICES if cubin_serves(cuda(code), cuda(cc), build_cuda=(13, 2))]
    assert served == sorted(MEASURED["cubin_13_2"][code].split())


@pytest.mark.parametrize("code", MEASURED["ptx_devices"])
def test_ptx_serves_the_devices_of_the_measured_table(code):
    served = [cc for cc in DEVICES if cc >= "5" or len(cc) > 3 if ptx_serves(cuda(code), cuda(cc))]
    assert served == sorted(MEASURED["ptx_devices"][code].split())


@pytest.mark.parametrize("code", MEASURED["ptx"])
def test_ptx_serves_what_ptxas_compiled_it_for(code):
    """The raw matrix: an output architecture is a device, whatever its own variant."""
    outputs = {out for row in MEASURED["ptx"].values() for out in row.split()}
    assert len(outputs) == 26
    compiled = set(MEASURED["ptx"][code].split())
    # ptxas lets "a" PTX out as "a" only, and "f" PTX as any variant: the device is what counts.
    for out in outputs:
        if out in compiled:
            assert ptx_serves(cuda(code), cuda(out)), out
        elif cuda(code).variant == "" or out.rstrip("af") not in {c.rstrip("af") for c in compiled}:
            assert not ptx_serves(cuda(code), cuda(out)), out


@pytest.mark.parametrize("code", ["70", "80", "86"])
def test_jetson_is_unknown_without_the_building_cuda(code):
    jetson = cuda("7.2" if code == "70" else "8.7")
    assert cubin_serves(cuda(code), jetson) is None
    assert cubin_serves(cuda(code), jetson, (13, 1)) is False


ARCHS = st.builds(CudaArch, st.integers(5, 12), st.integers(0, 9), st.sampled_from(["", "a", "f"]))


@given(ARCHS, ARCHS)
def test_rules_follow_from_each_other(code, device):
    native = cubin_serves(code, device, (13, 2))
    if native and not (code.variant == "" and {code.number, device.number} & {101}):
        assert ptx_serves(code, device), "a driver can compile whatever would run as machine code"
    if code.variant == "" and native:
        assert code.major == device.major or 101 in (code.number, device.number)
    if code.variant == "a" and native:
        plain = CudaArch(code.major, code.minor)
        assert cubin_serves(plain, device, (13, 2)), "'a' serves no device that plain code does not"
    assert cubin_serves(code, CudaArch(code.major, code.minor))


@given(ARCHS, ARCHS, ARCHS)
def test_plain_ptx_is_monotone(code, lower, higher):
    lower, higher = sorted([lower, higher], key=lambda arch: arch.number)
    code = CudaArch(code.major, code.minor)
    if ptx_serves(code, lower):
        assert ptx_serves(code, higher)


@given(
    st.tuples(st.integers(1, 12), st.integers(0, 9)),
    st.tuples(st.integers(9, 14), st.integers(0, 9)),
)
def test_newer_drivers_read_what_older_ones_read(isa, driver):
    if driver_reads(isa, driver):
        assert driver_reads(isa, (driver[0], driver[1] + 1))
        assert driver_reads(isa, (driver[0] + 1, 0))


def test_ptx_table_agrees_with_the_toolkits():
    for version, row in table("cuda_toolkits")["toolkits"].items():
        isa = tuple(int(n) for n in row["ptx"].split("."))
        major, minor = (int(n) for n in version.split("."))
        assert CUDA_OF_PTX[isa] <= (major, minor)
        assert driver_reads(isa, (major, minor))


def test_ptx_table_is_that_of_the_toolkits():
    """A PTX ISA came with the first toolkit that writes it; the rest is from NVIDIA's PTX history."""
    toolkits = {v: parse_version(toolkit.ptx) for v in versions() if (toolkit := get(v))}
    first = {isa: parse_version(v) for v, isa in reversed(toolkits.items())}
    before = {(6, 3): (10, 0), (6, 4): (10, 1), (6, 5): (10, 2)}
    assert {**before, **first, (8, 6): (12, 7)} == CUDA_OF_PTX


@pytest.mark.parametrize(
    ("isa", "cuda"),
    [((3, 2), (10, 0)), ((6, 3), (10, 0)), ((8, 6), (12, 7)), ((8, 9), None), ((9, 9), None)],
)
def test_the_first_cuda_that_reads_an_isa(isa, cuda):
    assert cuda_of_ptx(isa) == cuda


@pytest.mark.parametrize(
    ("text", "version"), [("12.8", (12, 8)), ("13", (13, 0)), ("12.8.93", (12, 8))]
)
def test_versions_are_read(text, version):
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("sm_120", CudaArch(12, 0)),
        ("12.0", CudaArch(12, 0)),
        ("120", CudaArch(12, 0)),
        ("12.0a", CudaArch(12, 0, "a")),
        ("sm_100f", CudaArch(10, 0, "f")),
        ("compute_90", CudaArch(9, 0, "", True)),
        ("9.0+PTX", CudaArch(9, 0, "", True)),
        ("lto_80", CudaArch(8, 0)),
        ("8.6", CudaArch(8, 6)),
        ("gfx90a", GfxArch("gfx90a")),
        ("gfx90a:sramecc+:xnack-", GfxArch("gfx90a", (("sramecc", "+"), ("xnack", "-")))),
        ("GFX1151", GfxArch("gfx1151")),
        ("gfx9-4-generic", GfxArch("gfx9-4-generic")),
    ],
)
def test_spellings(text, arch):
    assert parse_arch(text) == arch
    assert parse_arch(str(arch)) == parse_arch(str(parse_arch(str(arch))))


@pytest.mark.parametrize(
    "text", ["", "sm_", "sm_9", "12.0b", "12,0", "9.0+", "gfx", "gfx90a:xnack", "gfx90a:foo+",
             "gfx90a:xnack+:xnack-", "Blackwell", "sm_90a+", "１２.０", "9.0\n8.0"],
)  # fmt: skip
def test_what_is_no_architecture_is_refused(text):
    with pytest.raises(ValueError, match="no GPU architecture"):
        parse_arch(text)


@given(st.text(max_size=12))
def test_parsing_never_fails_otherwise(text):
    with contextlib.suppress(ValueError):
        parse_arch(text)


@pytest.mark.parametrize(
    ("code", "device", "verdict"),
    [
        ("gfx1030", "gfx1030", True),
        ("gfx1030", "gfx1101", False),
        ("gfx1100", "gfx1101", False),
        ("gfx11-generic", "gfx1101", True),
        ("gfx10-3-generic", "gfx1101", False),
        ("gfx10-3-generic", "gfx1034", True),
        ("gfx10-3-generic", "gfx1030", True),
        ("gfx10-3-generic", "gfx1036", True),
        ("gfx10-3-generic", "gfx1037", False),
        ("gfx13-generic", "gfx1300", None),
        ("gfx90a", "gfx90a:sramecc+:xnack-", True),
        ("gfx90a:xnack-", "gfx90a:sramecc+:xnack-", True),
        ("gfx90a:xnack+", "gfx90a:sramecc+:xnack-", False),
        ("gfx90a:xnack+", "gfx90a", None),
        ("gfx90a", "gfx90a", True),
    ],
)
def test_hip_code_serves(code, device, verdict):
    assert hip_serves(gfx(code), gfx(device)) is verdict


PTX_90 = [Named("cubin", "sm_90"), Named("ptx", "sm_90", "9.0")]


@pytest.mark.parametrize(
    ("code", "target", "driver", "status", "by"),
    [
        (codes(["sm_90"]), "sm_90", None, "native", "sm_90"),
        (codes(["sm_80", "sm_86", "sm_90"]), "8.9", None, "native", "sm_86"),
        (PTX_90, "sm_120", None, "jit", "PTX sm_90"),
        (PTX_90, "sm_120", "13.0", "jit", "PTX sm_90"),
        (codes(["9.0+PTX"]), "sm_120", "11.0", "jit", "PTX sm_90"),
        (codes(["gfx1100", "gfx11-generic"]), "gfx1100", None, "native", "gfx1100"),
        (codes(["gfx11-generic"]), "gfx1151", None, "native", "gfx11-generic"),
        (codes(["gfx90a:xnack+", "gfx90a:xnack-"]), "gfx90a", None, "native", "gfx90a"),
        # and what does not run
        (codes(["sm_90"]), "sm_120", None, "none", None),
        (codes(["sm_90a", "sm_86"]), "sm_100", None, "none", None),
        (PTX_90, "sm_120", "12.8", "too new", "PTX sm_90"),
        ([Named("ptx", "sm_90", "9.9")], "sm_90", "13.9", "unknown", "PTX sm_90"),
        ([Named("ptx", "sm_90", "9.9")], "sm_90", "13.0", "too new", "PTX sm_90"),
        ([Named("ptx", "sm_90a", "8.0")], "sm_100", None, "none", None),
        (codes(["gfx1030"]), "gfx1101", None, "none", None),
        (codes(["gfx1030"]), "sm_90", None, "none", None),
        (codes(["sm_90"]), "gfx1030", None, "none", None),
        (codes(["gfx90a:xnack+"]), "gfx90a", None, "unknown", "gfx90a:xnack+"),
        (codes(["gfx90a:xnack+"]), "gfx90a:xnack-", None, "none", None),
        (codes(["sm_80"]), "8.7", None, "unknown", "sm_80"),
        (codes(["8.0+PTX"]), "8.7", None, "jit", "PTX sm_80"),
        ([Named("other", "")], "sm_90", None, "unknown", None),
        ([Named("lto", "sm_90")], "sm_90", None, "unknown", None),
        ([Named("cubin", "nonsense")], "sm_90", None, "none", None),
    ],
)  # fmt: skip
def test_serves(code, target, driver, status, by):
    coverage = serves(code, target, driver)
    assert (coverage.status, coverage.by) == (status, by), coverage


@pytest.mark.parametrize(
    ("code", "target", "driver", "why", "needs"),
    [
        (codes(["sm_86"]), "sm_89", None, "machine code for sm_86", None),
        (codes(["gfx1100"]), "gfx1100", None, "code object for gfx1100", None),
        (PTX_90, "sm_120", None, "compiled from PTX sm_90 at first use", "13.0"),
        (
            PTX_90, "sm_120", "12.8",
            "PTX sm_90 of ISA 9.0 needs a driver for CUDA 13.0, this one is for 12.8", "13.0",
        ),
        (
            [Named("ptx", "sm_90", "9.9")], "sm_90", "13.0",
            "PTX sm_90 of ISA 9.9 needs a driver for a newer CUDA than is known, this one is for 13.0",
            None,
        ),
        (codes(["sm_90", "sm_80"]), "sm_120", None, "holds code for sm_80, sm_90", None),
        ([Named("ptx", "sm_90a")], "sm_100", None, "holds code for PTX sm_90a", None),
        (codes(["gfx1030"]), "sm_90", None, "no code for this vendor", None),
        (codes(["sm_90"]), "gfx1030", None, "no code for this vendor", None),
        ([], "sm_90", None, "no code for this vendor", None),
        ([Named("spirv", ""), *codes(["gfx1030"])], "gfx1100", None, "nothing but spirv might serve it", None),
        ([Named("spirv", "")], "sm_90", None, "no code for this vendor", None),
        ([Named("other", ""), Named("lto", "sm_90")], "sm_120", None, "nothing but lto, other might serve it", None),
        (
            codes(["sm_80", "sm_70"]), "8.7", None,
            "sm_80 code runs on this Jetson when built with CUDA 13.2 or newer", None,
        ),
        (codes(["gfx90a:xnack+"]), "gfx90a", None, "whether this device runs code for gfx90a:xnack+ is not known", None),
    ],
)  # fmt: skip
def test_the_reason_says_what_is_there_and_what_is_needed(code, target, driver, why, needs):
    coverage = serves(code, target, driver)
    assert (coverage.why, coverage.needs_cuda) == (why, needs)


def test_older_ptx_is_no_way_out_when_the_newest_is_too_new():
    """Launched with driver 580: error 222 (benchmarks/launch_oracle.py, ptx-80-newer-ptx-90)."""
    code = [Named("ptx", "sm_90", "9.0"), Named("ptx", "sm_80", "8.0")]
    assert serves(code, "sm_120", "12.8").status == "too new"
    assert serves(code[::-1], "sm_120", "13.0").by == "PTX sm_90"
    assert serves(code, "sm_86", "12.8").by == "PTX sm_80"


def test_of_several_that_are_too_new_the_newest_architecture_is_named():
    code = [Named("ptx", "sm_80", "9.8"), Named("ptx", "sm_90", "9.9")]
    for driver, status in (("13.0", "too new"), ("13.9", "unknown")):
        coverage = serves(code, "sm_120", driver)
        assert (coverage.status, coverage.by) == (status, "PTX sm_90")

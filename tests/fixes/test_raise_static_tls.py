"""Room for thread-local variables: how much, and that the real loader then has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import builders as b
import pytest

from gpufix.evidence.view import View
from gpufix.fixes.runtime.raise_static_tls import raise_static_tls
from gpufix.model import Finding, Plan, SetVariables, Severity, Skip
from gpufix.model.payload import DamagedDistribution

NAME = "glibc.rtld.optional_static_tls"


def offer(lacking: int, given: str | None = None, **host: str) -> Plan | Skip | None:
    process = {} if given is None else {"GLIBC_TUNABLES": given}
    view = View(b.healthy(host=b.host(**host), environment=b.environment(**process)), [])
    payload = DamagedDistribution("foo", "1", sound=True, static_tls=lacking)
    finding = Finding(
        code="SYM405",
        name="unloadable-library",
        severity=Severity.error,
        subject="foo",
        message="m",
        payload=payload,
    )
    return raise_static_tls(finding, view)


ROWS = {
    # bytes that are lacking, the variable as it is, its new value
    "unset": (2368, None, f"{NAME}=2944"),
    "others are kept": (1, "glibc.malloc.check=1", f"glibc.malloc.check=1:{NAME}=640"),
    "raised before": (100, f"{NAME}=4096:x.y=1", f"x.y=1:{NAME}=4288"),
    "in hexadecimal": (64, f"{NAME}=0x1000", f"{NAME}=4224"),
    "no number": (64, f"{NAME}=much", f"{NAME}=640"),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_tunable_grows_by_what_is_lacking(name: str) -> None:
    lacking, given, expected = ROWS[name]
    plan = offer(lacking, given)
    assert isinstance(plan, Plan)
    assert plan.safety == "safe"
    assert plan.steps == [SetVariables(variables={"GLIBC_TUNABLES": expected})]


def test_what_is_no_lack_of_it_gets_no_plan() -> None:
    assert offer(0) is None


@pytest.mark.parametrize("host", [{"libc_version": "2.32"}, {"libc": "musl"}])
def test_a_loader_without_the_tunable(host: dict[str, str]) -> None:
    assert isinstance(offer(100, **host), Skip)


def test_what_no_process_should_keep_for_each_thread() -> None:
    assert isinstance(offer(1 << 20), Skip)


@pytest.mark.needs("Linux", "gcc")
@pytest.mark.parametrize("size", [2000, 4096, 60_000])
def test_the_real_loader_takes_it_then(size: int, tmp_path: Path) -> None:
    source, library = tmp_path / "a.c", tmp_path / "liba.so"
    source.write_text(
        f'__thread char x[{size}] __attribute__((tls_model("initial-exec"))) = {{1}};\n'
        "int f(void) { return x[0]; }\n"
    )
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)

    def opened(**more: str) -> subprocess.CompletedProcess[str]:
        environ = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"} | more
        code = f"import ctypes; ctypes.CDLL({str(library)!r})"
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert "static TLS" in opened().stderr
    plan = offer(size - 1728)  # 1,664 bytes, and up to 64 by rounding
    assert isinstance(plan, Plan)
    (step,) = plan.steps
    assert isinstance(step, SetVariables)
    value = step.variables["GLIBC_TUNABLES"]
    assert value is not None
    assert opened(GLIBC_TUNABLES=value).returncode == 0
    less = int(re.findall(r"\d+", value)[-1]) - 256  # and it is not far more than is needed
    assert opened(GLIBC_TUNABLES=f"{NAME}={less}").returncode != 0

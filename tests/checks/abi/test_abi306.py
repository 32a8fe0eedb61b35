"""ABI306: the Visual C++ runtime of a Windows machine."""

from __future__ import annotations

from typing import Any

import builders as b
from rows import Fires, rows

from gpufix.checks.abi.abi306_vc_runtime_too_old import vc_runtime_too_old
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import Library, Problem, RuntimeLibrary, Severity, Windows
from gpufix.model.payload import VcRuntime

SYSTEM = "/mnt/c/Windows/System32"
CORE, BESIDE = f"{SYSTEM}/msvcp140.dll", "/mnt/c/portable/python/msvcp140.dll"
SUBJECT = "Visual C++ runtime"
PYD = "_C.cp311-win_amd64.pyd"


def module(*problems: Problem, owner: str = "ext", **changes: Any) -> Library:
    base = {"distribution": owner, "module": True, "problems": list(problems), "toolset": "14.42"}
    return b.library(f"{owner}/{PYD}", **(base | changes))


def locking(owner: str = "ext", at: str = CORE) -> Library:
    return module(owner=owner, locks_new=True, uses={"MSVCP140.dll": at})


def missing(name: str) -> Problem:
    return Problem(kind="missing-library", name=name)


def lacking(name: str, at: str = CORE) -> Problem:
    return Problem(kind="undefined-symbol", name=name, provider=at)


def of(*libraries: Library, version: str | None = "14.29.30133.0", at: str = CORE) -> View:
    windows = Windows(system32=SYSTEM, runtimes=[RuntimeLibrary(path=at, version=version)])
    python = b.python(platform="win32", machine="AMD64")
    host = b.host(os="Windows", machine="AMD64")
    return b.view(
        b.facts(host=host, python=python, windows=windows, binaries=b.binaries(*libraries))
    )


def fault(
    severity: Severity, message: str, *evidence: str, owner: str = "ext", **payload: Any
) -> Fault:
    return Fault(
        severity,
        SUBJECT,
        message,
        evidence=evidence,
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        payload=VcRuntime(**payload),
    )


EXT, TORCH = module().path, module(owner="torch").path
SILENT = {
    "healthy": b.view(b.healthy()),
    "a runtime that knows the locks": of(locking(), version="14.40.33810.0"),
    "a runtime of unknown version": of(locking(), version=None),
    "an old runtime that nobody asks too much of": of(module(uses={"MSVCP140.dll": CORE})),
    "another DLL is missing": of(module(missing("cudart64_12.dll"))),
    "another DLL lacks a function": of(module(lacking("f", "/mnt/c/x/c10.dll"))),
    "not known what serves it": of(module(locks_new=True)),
}
FIRING = {
    "no runtime": Fires(
        of(module(missing("MSVCP140.dll"))),
        fault(
            ERROR,
            "ext needs MSVCP140.dll, which is in no folder that Windows searches.",
            f"{EXT} needs MSVCP140.dll",
            names=("MSVCP140.dll",),
        ),
        offers=["advise-vc-runtime manual"],
    ),
    "no function": Fires(
        of(module(lacking("_Thrd_sleep_for"))),
        fault(
            ERROR,
            f"ext needs _Thrd_sleep_for, which {CORE} (14.29) does not have.",
            f"{EXT}: _Thrd_sleep_for",
            names=("msvcp140.dll",),
            path=CORE,
        ),
        offers=["advise-vc-runtime manual"],
    ),
    "locks that it does not know": Fires(
        of(locking()),
        fault(
            WARNING,
            f"ext needs a Visual C++ runtime from 14.40 on; {CORE} (14.29) is loaded.",
            f"{EXT}: built with toolset 14.42",
            names=("msvcp140.dll",),
            path=CORE,
        ),
        offers=["advise-vc-runtime manual"],
    ),
    "torch's locks, by a copy beside python.exe": Fires(
        of(locking("torch", BESIDE), at=BESIDE),
        fault(
            ERROR,
            f"torch needs a Visual C++ runtime from 14.40 on; {BESIDE} (14.29) is loaded.",
            f"{TORCH}: built with toolset 14.42",
            owner="torch",
            names=("msvcp140.dll",),
            path=BESIDE,
        ),
        offers=["advise-vc-runtime manual"],
    ),
}
test_silent, test_firing = rows(vc_runtime_too_old, SILENT, FIRING)

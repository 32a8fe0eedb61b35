"""TCH205: the host compiler that a CUDA build would use, against nvcc and torch."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.toolchain.tch205_host_compiler_unsupported import host_compiler_unsupported
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import table
from gpufix.model import Severity, Tool
from gpufix.model.payload import ToolkitInUse

NEW = b.tool("g++", "15.1.0")
_ROW = table("host_compilers")["nvcc"]["12.8"]
OLDER = b.tool("g++-13", "13.2.0")
AT_LIMIT = b.tool("g++", "14.2.0")
NVCC = ("nvcc 12.8 accepts gcc up to 14", table("host_compilers")["sources"][_ROW["source"]])
HEADERS = ("torch 2.9.0 needs gcc 9 or newer", "c10/util/C++17.h; GCC's -std=c++20")
TABLE = (
    "torch 2.11.0 takes gcc from 6.0.0 to below 14.0 with CUDA 12.8",
    table("host_compilers")["torch_source"],
)
TORCH_2_11 = {"torch": b.torch("2.11.0+cu128")}


def of(*compilers: Tool, env: dict[str, str] | None = None, **sections: object) -> View:
    """CUDA 12.8 and torch 2.9 with these compilers."""
    environment = b.environment(**(env or {}))
    return b.view(b.healthy(tools=list(compilers), environment=environment, **sections))


def fault(compiler: Tool, *against: tuple[str, str], cuda: str = "12.8") -> Fault:
    return Fault(
        ERROR,
        compiler.path,
        f"A build would use {compiler.name} {compiler.version} ({compiler.path}); {against[0][0]}.",
        evidence=tuple(f"{text}: {source}" for text, source in against),
        needs=("toolkit",),
        payload=ToolkitInUse("cuda", cuda),
    )


def cl(version: str) -> Tool:
    root = "/mnt/c/Program Files/Microsoft Visual Studio/2022/BuildTools/VC/Tools/MSVC"
    return b.tool("cl", version, f"{root}/{version}/bin/Hostx64/x64/cl.exe")


TOO_NEW, FITS = cl("14.51.36231"), cl("14.44.35207")


def on_windows(*compilers: Tool, flags: str = "") -> View:
    env = {"NVCC_APPEND_FLAGS": flags} if flags else {}
    return of(*compilers, env=env, host=b.host(os="Windows", machine="AMD64"))


def toolset(severity: Severity, *fitting: Tool) -> Fault:
    return Fault(
        severity,
        TOO_NEW.path,
        f"A build would use Visual C++ {TOO_NEW.version} ({TOO_NEW.path}); nvcc 12.8 accepts toolsets "
        "from 14.10 on, before 14.50.",
        evidence=tuple(f"fits: {tool.path}" for tool in fitting),
        needs=("toolkit",),
        payload=ToolkitInUse("cuda", "12.8"),
    )


SILENT = {
    "a toolset that nvcc takes": on_windows(FITS),
    "no Visual C++": on_windows(),
    "a flag allows any toolset": on_windows(TOO_NEW, flags="-allow-unsupported-compiler"),
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd(tools=[NEW])),
    "the newest that nvcc takes": of(AT_LIMIT),
    "the oldest that torch takes": of(b.tool("g++", "9.5.0")),
    "nothing to build": of(NEW, project=b.project(builds=False)),
    "torch for CPUs": of(NEW, torch=b.torch("2.13.0+cpu")),
    "no toolkit": of(NEW, toolkits=[]),
    "a toolkit of unknown version": of(NEW, toolkits=[b.toolkit(None)]),
    "no compiler": of(),
    "a compiler of unknown version": of(b.tool("g++", None)),
    "another system has another compiler": of(NEW, host=b.host(os="Windows")),
    "a flag allows it": of(NEW, env={"NVCC_PREPEND_FLAGS": "-allow-unsupported-compiler"}),
    "a flag at the end allows it": of(
        NEW, env={"NVCC_APPEND_FLAGS": "-allow-unsupported-compiler"}
    ),
    "torch is told not to look": of(
        AT_LIMIT, **TORCH_2_11, env={"TORCH_DONT_CHECK_COMPILER_ABI": "1"}
    ),
    "CC names an older one": of(NEW, OLDER, env={"CC": "/usr/bin/g++-13"}),
    "-ccbin names an older one": of(
        NEW, OLDER, env={"NVCC_PREPEND_FLAGS": "-ccbin /usr/bin/g++-13"}
    ),
    "CC names something that was not looked at": of(NEW, env={"CC": "/opt/mine/gcc"}),
}

FIRING = {
    "a toolset that is too new": Fires(
        on_windows(TOO_NEW), toolset(ERROR), offers=["choose-host-compiler manual"]
    ),
    "an older toolset beside it": Fires(
        on_windows(TOO_NEW, FITS), toolset(WARNING, FITS), offers=["choose-host-compiler manual"]
    ),
    "too new for nvcc": Fires(of(NEW), fault(NEW, NVCC), offers=["choose-host-compiler manual"]),
    "another that fits is here": Fires(
        of(NEW, OLDER), fault(NEW, NVCC), offers=["choose-host-compiler safe"]
    ),
    "too old for torch's headers": Fires(
        of(b.tool("g++", "8.5.0")),
        fault(b.tool("g++", "8.5.0"), HEADERS),
        offers=["choose-host-compiler manual"],
    ),
    "torch's own table": Fires(
        of(AT_LIMIT, **TORCH_2_11),
        fault(AT_LIMIT, TABLE),
        offers=["choose-host-compiler manual"],
    ),
    "too new for both": Fires(
        of(NEW, **TORCH_2_11),
        fault(NEW, NVCC, TABLE),
        offers=["choose-host-compiler manual"],
    ),
    "a patch release of the toolkit": Fires(
        of(NEW, toolkits=[b.toolkit("12.8.93")]),
        fault(NEW, NVCC),
        offers=["choose-host-compiler manual"],
    ),
}

test_silent, test_firing = rows(host_compiler_unsupported, SILENT, FIRING)

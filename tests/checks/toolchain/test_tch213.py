"""TCH213: whether the toolkit's headers and glibc's declare functions alike."""

from __future__ import annotations

from typing import Any

import builders as b
from rows import Fires, Unseen, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.toolchain.tch213_glibc_newer_than_toolkit import glibc_newer_than_toolkit
from gpufix.evidence.view import View
from gpufix.model.payload import ToolkitInUse

PI = ["cospi", "cospif", "sinpi", "sinpif"]
RSQRT = ["rsqrt", "rsqrtf"]


def of(
    version: str = "12.8", clashing: list[str] | None = PI, glibc: str = "2.41", **sections: Any
) -> View:
    """A toolkit of this version, and what its headers declare otherwise than glibc's."""
    known = {} if clashing is None else {f"clashing-math:/usr/local/cuda-{version}": clashing}
    base = {
        "host": b.host(libc_version=glibc),
        "toolkits": [b.toolkit(version)],
        "answers": known,
    }
    return b.view(b.healthy(**(base | sections)))


def fault(names: list[str], version: str = "12.8", glibc: str = "2.41") -> Fault:
    root = f"/usr/local/cuda-{version}"
    return Fault(
        ERROR,
        "glibc",
        f"glibc {glibc} declares {', '.join(names)}; so does CUDA {version} in {root} (from "
        "/usr/local), otherwise.",
        evidence=(f"toolkit: {root}/include/crt/math_functions.h",),
        needs=("toolkit",),
        payload=ToolkitInUse("cuda", version),
    )


CONDA = [b.tool("x86_64-conda-linux-gnu-g++", path="/env/bin/x86_64-conda-linux-gnu-g++")]
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "the headers agree": of(clashing=[]),
    "nothing to build": of(project=b.project(builds=False)),
    "an older glibc is not asked for": of(clashing=None, glibc="2.40"),
    "musl": of(clashing=None, host=b.host(libc="musl", libc_version="1.2.5")),
    "of glibc no version is known": of(clashing=None, host=b.host(libc_version=None)),
    "conda's compiler brings its own glibc": of(
        clashing=None,
        tools=CONDA,
        environment=b.environment(CC="x86_64-conda-linux-gnu-g++"),
    ),
    "the headers cannot be read": Unseen(of(clashing=None), ["/usr/local/cuda-12.8"]),
}

FIRING = {
    "cospi": Fires(of(), fault(PI), offers=["advise-older-glibc manual"]),
    "rsqrt in CUDA 13.0": Fires(
        of("13.0", RSQRT, "2.42", torch=b.torch("2.11.0+cu130")),
        fault(RSQRT, "13.0", "2.42"),
        offers=["advise-older-glibc manual"],
    ),
    "another toolkit here agrees": Fires(
        of(
            "13.0",
            RSQRT,
            "2.42",
            torch=b.torch("2.11.0+cu130"),
            toolkits=[b.toolkit("13.0"), b.toolkit("13.2", selected=False)],
            answers={
                "clashing-math:/usr/local/cuda-13.0": RSQRT,
                "clashing-math:/usr/local/cuda-13.2": [],
            },
        ),
        fault(RSQRT, "13.0", "2.42"),
        offers=["advise-older-glibc manual", "point-cuda-home safe"],
    ),
    "the wheels of torch's CUDA agree": Fires(
        of("13.0", RSQRT, "2.42", torch=b.torch("2.12.0+cu132")),
        fault(RSQRT, "13.0", "2.42"),
        offers=["advise-older-glibc manual", "install-toolkit-wheels unsafe"],
    ),
}

test_silent, test_firing = rows(glibc_newer_than_toolkit, SILENT, FIRING)

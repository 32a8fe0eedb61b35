"""TCH212: whether the ptxas that Triton runs knows the targets."""

from __future__ import annotations

from typing import Any

import builders as b
from rows import Fires, Unseen, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.toolchain.tch212_triton_toolchain_lacks_target import (
    triton_toolchain_lacks_target,
)
from gpufix.evidence.view import View
from gpufix.model import Severity, Target
from gpufix.model.payload import UnfitCode

OWN = f"{b.SITE}/triton/backends/nvidia/bin/ptxas"
BLACKWELL = f"{OWN}-blackwell"
CUDA13 = "/usr/local/cuda-13.0/bin/ptxas"
ANSWERS = {"project-holders:triton": [], "project-holders:torch.compile": []}


def of(
    version: str,
    *named: str,
    reads: dict[str, str | None] | None = None,
    env: dict[str, str] | None = None,
    requires: str | None = None,
    requested: bool = True,
    **sections: Any,
) -> View:
    """A Triton beside torch; `reads`: which ptxas are there, and their CUDA."""
    answers = ANSWERS | {f"ptxas-release:{path}": cuda for path, cuda in (reads or {}).items()}
    base = {
        "gpus": [],
        "toolkits": [],
        "distributions": [
            b.dist("torch", "2.9.0+cu128", requires=[requires or f"triton=={version}"]),
            b.dist("triton", version, requested=requested),
        ],
        "environment": b.environment(**(env or {})),
        "answers": answers,
    }
    return b.view(b.healthy(**(base | sections)), *named)


def fault(text: str, arch: str = "sm_121", path: str = OWN, severity: Severity = ERROR) -> Fault:
    return Fault(
        severity,
        arch,
        f"triton {text}",
        evidence=(f"ptxas: {path}",),
        payload=UnfitCode("triton", arch),
    )


def lacks(version: str, cuda: str, needs: str = "12.9", arch: str = "sm_121") -> str:
    return (
        f"{version} compiles with the ptxas of CUDA {cuda}, which does not know {arch}: "
        f"it needs CUDA {needs}."
    )


UNKNOWN = Target(vendor="nvidia", arch="sm_999", source="--gpu sm_999")
TOOLKIT = [b.toolkit("13.0")]
WHEEL = "set-triton-ptxas unsafe"
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "the wheel's own is listed, and not read": of("3.5.1", "sm_120"),
    "one that is not listed is read": of("3.5.9", "sm_120", reads={OWN: "12.8"}),
    "no target": of("3.5.1"),
    "an AMD GPU": of("3.5.1", "gfx1100"),
    "a Triton before all that are listed": of("1.1.1", "sm_121"),
    "a version that is none": of("local", "sm_121"),
    "on Windows": of("3.5.1", "sm_121", host=b.host(os="Windows")),
    "ptxas-blackwell from 10.0 on": of("3.6.0", "sm_121", reads={BLACKWELL: "12.9"}),
    "in 3.9 from 9.0 on": of("3.9.9", "sm_90", reads={BLACKWELL: "13.4"}),
    "ptxas below it": of("3.9.9", "sm_75", reads={OWN: "12.9"}),
    "the variable names one that knows it": of(
        "3.5.1", "sm_121", env={"TRITON_PTXAS_PATH": CUDA13}, reads={CUDA13: "13.0"}
    ),
    "the variable of the newer one": of(
        "3.8.0", "sm_107", env={"TRITON_PTXAS_BLACKWELL_PATH": CUDA13}, reads={CUDA13: "13.4"}
    ),
    "a CUDA that no table lists": of("3.5.9", "sm_121", reads={OWN: "99.0"}),
    "Thor was sm_101 to CUDA 12.8": of("3.5.1", "sm_110"),
    "the variable names a script around one": Unseen(
        of("3.5.1", "sm_121", env={"TRITON_PTXAS_PATH": CUDA13}, reads={CUDA13: ""}), ["triton"]
    ),
    "there is no ptxas": Unseen(of("3.5.9", "sm_120", reads={OWN: None}), ["triton"]),
}

FIRING = {
    "too old": Fires(
        of("3.5.1", "sm_121", reads={OWN: "12.8"}, requires="triton==3.5.1"),
        fault(lacks("3.5.1", "12.8")),
        offers=[WHEEL],
    ),
    "a toolkit here knows it": Fires(
        of("3.5.1", "sm_121", reads={OWN: "12.8", CUDA13: "13.0"}, toolkits=TOOLKIT),
        fault(lacks("3.5.1", "12.8")),
        offers=["set-triton-ptxas safe"],
    ),
    "the toolkit here does not know it either": Fires(
        of(
            "3.5.1",
            "sm_107",
            reads={OWN: "12.8", CUDA13: "13.0"},
            toolkits=TOOLKIT,
        ),
        fault(lacks("3.5.1", "12.8", "13.4", "sm_107"), "sm_107"),
        offers=[WHEEL],
    ),
    "3.3 reads no variable that a shell can set; torch declares another": Fires(
        of("3.3.1", "sm_121", reads={BLACKWELL: "12.8"}, requires="triton~=3.8.0"),
        fault(lacks("3.3.1", "12.8"), path=BLACKWELL),
        offers=["install-triton unsafe"],
    ),
    "without torch any newer release will do": Fires(
        of(
            "3.1.0",
            "sm_120",
            reads={OWN: "12.4"},
            torch=None,
            distributions=[b.dist("triton", "3.1.0", requested=True)],
        ),
        fault(lacks("3.1.0", "12.4", "12.8", "sm_120"), "sm_120"),
        offers=["install-triton unsafe"],  # 3.1 takes no ptxas after CUDA 12.5
    ),
    "3.3, which torch declares": Fires(
        of("3.3.1", "sm_121", reads={BLACKWELL: "12.8"}, requires="triton==3.3.1"),
        fault(lacks("3.3.1", "12.8"), path=BLACKWELL),
    ),
    "what torch declares does not know it": Fires(
        of("3.3.1", "sm_107", reads={BLACKWELL: "12.8"}, requires="triton==3.8.0"),
        fault(lacks("3.3.1", "12.8", "13.4", "sm_107"), "sm_107", BLACKWELL),
    ),
    "3.4 takes no CUDA 13": Fires(
        of("3.4.0", "sm_121", reads={OWN: "12.8", CUDA13: "13.0"}, toolkits=TOOLKIT),
        fault(lacks("3.4.0", "12.8")),
        offers=[WHEEL],
    ),
    "the variable names one that does not": Fires(
        of(
            "3.8.0",
            "sm_121",
            env={"TRITON_PTXAS_BLACKWELL_PATH": CUDA13},
            reads={CUDA13: "12.8"},
            toolkits=TOOLKIT,
        ),
        fault(
            "3.8.0 compiles with the ptxas of CUDA 12.8 (TRITON_PTXAS_BLACKWELL_PATH), which does not "
            "know sm_121: it needs CUDA 12.9.",
            path=CUDA13,
        ),
        offers=["set-triton-ptxas safe"],
    ),
    "the variable names nothing": Fires(
        of(
            "3.5.1",
            "sm_121",
            env={"TRITON_PTXAS_PATH": "/gone/ptxas"},
            reads={"/gone/ptxas": None, OWN: "12.8"},
        ),
        fault(lacks("3.5.1", "12.8")),
        offers=[WHEEL],
    ),
    "CUDA 13 dropped it": Fires(
        of("3.5.1", "sm_70", env={"TRITON_PTXAS_PATH": CUDA13}, reads={CUDA13: "13.0"}),
        fault(
            "3.5.1 compiles with the ptxas of CUDA 13.0 (TRITON_PTXAS_PATH), which does not know sm_70: "
            "CUDA 12.9 was the last to know it.",
            "sm_70",
            CUDA13,
        ),
        offers=["set-triton-ptxas safe"],
    ),
    "nothing is seen to use it": Fires(
        of("3.5.1", "sm_121", reads={OWN: "12.8"}, requested=False),
        fault(lacks("3.5.1", "12.8"), severity=WARNING),
        offers=[WHEEL],
    ),
    "the project uses it": Fires(
        of(
            "3.5.1",
            "sm_121",
            reads={OWN: "12.8"},
            requested=False,
            answers=ANSWERS
            | {f"ptxas-release:{OWN}": "12.8", "project-holders:torch.compile": ["train.py"]},
        ),
        fault(lacks("3.5.1", "12.8")),
        offers=[WHEEL],
    ),
    "another package requires it; there is no project": Fires(
        of(
            "3.5.1",
            "sm_121",
            reads={OWN: "12.8"},
            distributions=[
                b.dist("torch", "2.9.0+cu128", requires=["triton==3.5.1"]),
                b.dist("triton", "3.5.1"),
                b.dist("liger-kernel", requires=["triton>=2.3"]),
            ],
            project=None,
        ),
        fault(lacks("3.5.1", "12.8")),
        offers=[WHEEL],
    ),
    "a visible GPU beside one that is served": Fires(
        of(
            "3.5.1",
            reads={OWN: "12.8"},
            gpus=[b.gpu("sm_120"), b.gpu("sm_121", index=1, name="NVIDIA GB10")],
        ),
        fault(
            "3.5.1 compiles with the ptxas of CUDA 12.8, which does not know sm_121 (NVIDIA GB10): it "
            "needs CUDA 12.9.",
            severity=WARNING,
        ),
        offers=[WHEEL],
    ),
    "known to no CUDA": Fires(
        View(of("3.5.1", reads={OWN: "12.8"}).facts, [UNKNOWN]),
        fault(
            "3.5.1 compiles with the ptxas of CUDA 12.8, which does not know sm_999: no listed CUDA "
            "does.",
            "sm_999",
        ),
    ),
}

test_silent, test_firing = rows(triton_toolchain_lacks_target, SILENT, FIRING)

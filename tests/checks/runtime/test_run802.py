"""RUN802: headers that nvdiffrast's OpenGL context is compiled with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import ROOT, Fires, Unseen, rows

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.checks.runtime.run802_missing_system_header import missing_system_header
from gpufix.evidence.view import View
from gpufix.model import Evidence, Severity
from gpufix.model.payload import RasteriserCall, RasteriserCalls

GL, CUDA = "dr.RasterizeGLContext()", "dr.RasterizeCudaContext()"
OLD = b.dist("nvdiffrast", "0.3.3")
UNFIT = b.binaries(b.library("_nvdiffrast_c.so", b.code("sm_70"), distribution="nvdiffrast"))
OFFERS = ["install-gl-headers manual", "switch-rasteriser unsafe"]
IMPORT = "import nvdiffrast.torch as dr\n"


def of(
    *calls: str, header: Any = False, own: dict[str, str] | None = None, **sections: Any
) -> Callable[[Path], View]:
    """A file for each call, and whether EGL's header is here. `own`: more files."""
    files: dict[str, str | bytes] = {
        f"{name}.py": IMPORT + call for name, call in zip("abc", calls, strict=False)
    }
    files |= own or {}
    base = {"distributions": [OLD], "answers": {"system-header:EGL/egl.h": header}}
    return lambda root: t.look(t.write(root, files), **(base | sections))


def fault(
    path: str, *lines: int, call: str = "RasterizeGLContext", severity: Severity = WARNING
) -> Fault:
    return Fault(
        severity,
        path,
        f"{path} makes a {call}; nvdiffrast 0.3.3 compiles it with EGL/egl.h, which is not here.",
        evidence=tuple(Evidence(text=call, path=f"{ROOT}/{path}", line=line) for line in lines),
        payload=RasteriserCalls(path, tuple(RasteriserCall(line, call) for line in lines), "cuda"),
    )


def carried(version: str) -> dict[str, str]:
    """nvdiffrast's sources in the project."""
    return {
        "sub/nvdiffrast/setup.py": "import setuptools\nsetuptools.setup(name='nvdiffrast')\n",
        "sub/nvdiffrast/nvdiffrast/__init__.py": f"__version__ = '{version}'\n",
    }


BY_RUN = f"if x():\n    ctx = {GL}\n"
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "the header is here": of(GL, header=True),
    "whether it is here could not be looked at": Unseen(
        of(GL, answers={"system-header:EGL/egl.h": "/usr/include/EGL/egl.h"}),
        gaps=["EGL/egl.h"],
    ),
    "no nvdiffrast": of(GL, distributions=[]),
    "the project's own has no OpenGL": of(GL, distributions=[], own=carried("0.4.0")),
    "nvdiffrast without OpenGL": of(GL, distributions=[b.dist("nvdiffrast", "0.4.0")]),
    "another system": of(GL, host=b.host(os="Windows")),
    "its CUDA context": of(CUDA),
    "the CUDA back end of either": of("RastContext(backend='cuda')"),
    "tried": of(f"try:\n    ctx = {GL}\nexcept Exception:\n    ctx = None\n"),
    "only on Windows": of(f"import os\nif os.name == 'nt':\n    ctx = {GL}\n"),
    "nobody makes a context": of("x = 1"),
}

FIRING = {
    "the project's own nvdiffrast": Fires(
        of(GL, distributions=[], own=carried("0.3.3")), fault("a.py", 2), offers=OFFERS
    ),
    "the header is not here": Fires(of(GL), fault("a.py", 2), offers=OFFERS),
    "the CUDA context is no way out": Fires(
        of(GL, binaries=UNFIT), fault("a.py", 2), offers=["install-gl-headers manual"]
    ),
    "the OpenGL back end of either": Fires(
        of("RastContext(backend='gl')"), fault("a.py", 2, call="RastContext"), offers=OFFERS
    ),
    "two files, one of them twice": Fires(
        of(f"{GL}\n{GL}", CUDA, GL), [fault("a.py", 2, 3), fault("c.py", 2)], offers=OFFERS
    ),
    "only a run tells": Fires(of(BY_RUN), fault("a.py", 3, severity=ADVICE), offers=OFFERS),
    "one of two is certain": Fires(of(f"{BY_RUN}{GL}\n"), fault("a.py", 3, 4), offers=OFFERS),
    "where a variable is not set": Fires(
        of(f"import os\nif not os.environ.get('GL'):\n    ctx = {GL}\n"),
        fault("a.py", 4),
        offers=OFFERS,
    ),
}

test_silent, test_firing = rows(missing_system_header, SILENT, FIRING)

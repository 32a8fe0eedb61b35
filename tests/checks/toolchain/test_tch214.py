"""TCH214: paths that are too long for Windows."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.toolchain.tch214_path_too_long import path_too_long
from gpufix.evidence.view import View
from gpufix.model import SourceFile, Windows
from gpufix.model.payload import LongPath

DEEP = "/".join(["kernels"] * 26)
BUILD = "build/temp.win-amd64-cpython-311/Release"
OBJECT = f"C:/src/project/{BUILD}/{DEEP}/a.obj"


def of(
    folder: str = DEEP,
    long_paths: bool | None = False,
    drive: str | None = "/mnt/c",
    root: str = "/mnt/c/src/project",
    builds: bool = True,
    kind: str = "cuda",
) -> View:
    source = SourceFile(path=f"{folder}/a.cu", kind=kind, size=1)  # type: ignore[arg-type]
    return b.view(
        b.facts(
            host=b.host(os="Windows", machine="AMD64"),
            python=b.python(platform="win32", machine="AMD64"),
            windows=Windows(long_paths=long_paths, drive=drive),
            project=b.project(root=root, sources=[source], builds=builds),
        )
    )


def fault(
    severity: object, state: str, path: str = OBJECT, root: str = "/mnt/c/src/project"
) -> Fault:
    return Fault(
        severity,  # type: ignore[arg-type]
        root,
        f"{path} has {len(path)} characters; Windows takes 259 {state}.",
        evidence=(f"{len(path)} characters: {path}",),
        payload=LongPath(len(path) - 259),
    )


SILENT = {
    "healthy": b.view(b.healthy()),
    "short": of("kernels"),
    "long paths are on": of(long_paths=True),
    "nothing to build": of(builds=False),
    "nothing compiled": of(kind="python"),
    "on a drive of unknown place": of(drive=None),
    "on another drive": of(root="/mnt/d/src/project"),
}
FIRING = {
    "long paths are off": Fires(
        of(), fault(ERROR, "as LongPathsEnabled is 0"), offers=["advise-long-paths manual"]
    ),
    "not known": Fires(
        of(long_paths=None),
        fault(WARNING, "unless LongPathsEnabled is 1"),
        offers=["advise-long-paths manual"],
    ),
    "on Windows itself": Fires(
        of(root="C:/src/project", drive="C:"),
        fault(ERROR, "as LongPathsEnabled is 0", root="C:/src/project"),
        offers=["advise-long-paths manual"],
    ),
}
test_silent, test_firing = rows(path_too_long, SILENT, FIRING)

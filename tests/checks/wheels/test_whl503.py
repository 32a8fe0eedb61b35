"""WHL503: files that are gone or altered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import builders as b
import pytest
from rows import Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.wheels.whl503_files_missing import files_missing
from gpufix.evidence.view import View
from gpufix.model import (
    CodeObject,
    Evidence,
    Import,
    Library,
    Problem,
    Record,
    SharedFile,
)
from gpufix.model.payload import DamagedDistribution

NCCL = "nvidia/nccl/lib/libnccl.so.2"
EDITED = "torch/utils/cpp_extension.py"
OFFER = ["reinstall-distribution safe"]


def record(
    *missing: str, altered: tuple[str, ...] = (), unlisted: int = 0, **more: list[str]
) -> Record:
    return Record(
        **more,
        files=99,
        missing=[*missing],
        altered=[*altered],
        missing_count=len(missing) + unlisted,
        altered_count=len(altered) + unlisted,
    )


PLUGIN = "onnxruntime/capi/libonnxruntime_providers_cuda.so"


def told(
    state: str, *, code: bool = False, other: Import | None = None, **more: object
) -> dict[str, object]:
    """The import of the distribution's package was followed. `code`: it has GPU code."""
    every = [
        Import(module="a", distribution=d, state=state, **more) for d in ("a", "onnxruntime-gpu")
    ]
    kernels = [CodeObject(kind="cubin", arch="sm_90")] if code else []
    libraries = [Library(path=f"{b.SITE}/a/y.so", distribution="a", code=kernels)]
    return {"binaries": b.binaries(*libraries, imports=[*every, *([other] if other else [])])}


def of_torch(lacking: str) -> dict[str, object]:
    """What torch._C lacks."""
    problem = Problem(kind="missing-library", name=lacking)
    path = f"{b.SITE}/torch/_C.so"
    root = Library(path=path, distribution="torch", module=True, problems=[problem])
    return {"binaries": b.binaries(root)}


def of(*missing: str, name: str = "a", targets: Sequence[str] = (), **more: object) -> View:
    """The record of one distribution, beside a torch that is well."""
    counted = {key: more.pop(key) for key in ("altered", "unlisted") if key in more}
    sections = {"torch": more.pop("torch", b.torch()), "shared_files": more.pop("files", [])}
    sections |= more.pop("told", {})
    counted |= {key: more.pop(key) for key in ("pointers", "emptied") if key in more}
    dist = b.dist(name, record=record(*missing, **counted), **more)
    return b.view(b.facts(distributions=[dist], **sections), *targets)


def conda(name: str, *missing: str, dists: tuple[object, ...] = ()) -> View:
    package = b.conda(name, record=record(*missing) if missing else None)
    return b.view(b.facts(distributions=[*dists], conda_packages=[package]))


def gone(
    message: str,
    *paths: str,
    severity: object = ERROR,
    name: str = "a",
    breaks: tuple[str, ...] = (),
    at: str = b.SITE,
    more: tuple[str, ...] = (),
) -> Fault:
    return Fault(
        severity,
        name,
        message,
        evidence=(*(Evidence(text="missing", path=f"{at}/{p}") for p in paths), *more),
        breaks=(*(f"file:{at}/{p}" for p in paths), *breaks),
        needs=tuple(f"shared:{p}" for p in paths),
        payload=DamagedDistribution(name, "1.0", at),
    )


def changed(message: str, *paths: str, name: str = "a") -> Fault:
    return Fault(
        WARNING,
        name,
        message,
        evidence=tuple(Evidence(text="altered", path=f"{b.SITE}/{p}") for p in paths),
        breaks=tuple(f"file:{b.SITE}/{p}" for p in paths),
        payload=DamagedDistribution(name, "1.0", b.SITE),
    )


def half(message: str, severity: object, version: str | None, *missing: str) -> Fault:
    return Fault(
        severity,
        "torch",
        f"{message}: no installer knows of it.",
        evidence=tuple(f"missing: {p}" for p in missing[:10]),
        breaks=("torch",) if missing else (),
        payload=DamagedDistribution("torch", version),
    )


def half_torch(*missing: str, version: str | None = "2.9.0+cu128") -> View:
    torch = replace(BROKEN, missing=[*missing], version=version)
    return b.view(b.facts(torch=torch))


BROKEN = b.torch(state="broken", missing=["lib/libc10.so"])
MANY = [f"lib/{i}.so" for i in range(11)]
EXPENDABLE = ("tests", "test", "testing", "docs", "doc", "examples", "benchmarks", "__pycache__")
UNLOADED = (".pyi", ".md", ".rst", ".txt", ".html", ".a", ".pyc", ".typed", ".c")


def hollow(message: str, *paths: str, severity: object = ERROR) -> Fault:
    return replace(changed(f"a 1.0 installed {message}.", *paths), severity=severity)


BC, CUBIN = "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc", "a/kernels/gemm.sm_90.cubin"


def remains(*paths: str, **sections: object) -> View:
    return b.view(b.facts(python=b.python(hollow=[*paths]), **sections))


SILENT = {
    "a package without its beginning that some metadata tells of": remains(
        f"{b.SITE}/jax", distributions=[b.dist("jax")]
    ),
    "an emptied test": of(altered=("a/tests/x.json",), emptied=["a/tests/x.json"]),
    "all is there": of(),
    "no record": b.view(b.facts(distributions=[b.dist("a")])),
    "editable": of("a.py", editable="/src/a"),
    "a script": of("../../../bin/f2py"),
    "nvidia's empty marker": of("nvidia/__init__.py"),
    "metadata": of("a.dist-info/top_level", "a.egg-info/x.py"),
    **{f"{folder}/": of(f"a/{folder}/x.py") for folder in EXPENDABLE},
    **{suffix: of(f"a/x{suffix}") for suffix in UNLOADED},
    "altered data": of(altered=("certifi/cacert.pem",)),
    "an altered test": of(altered=("a/tests/x.py",)),
    "another owner's bytes": of(
        altered=(NCCL,), files=[SharedFile(path=NCCL, owners=["a", "z"], differ=True)]
    ),
    "conda's files are there": conda("libgcc"),
    "half of a torch whose metadata is there": b.view(
        b.facts(torch=BROKEN, distributions=[b.dist("torch")])
    ),
    "torch is well, its metadata unknown": b.view(b.facts(torch=b.torch())),
}

FIRING = {
    "a package without a beginning, of which nothing tells": Fires(
        remains(f"{b.SITE}/tensorflow"),
        Fault(
            WARNING,
            "tensorflow",
            f"tensorflow lies in {b.SITE}/tensorflow without its __init__.py and without metadata: "
            "`import tensorflow` finds nothing in it, and no installer knows of it.",
            breaks=("dist:tensorflow",),
            payload=DamagedDistribution("tensorflow", None),
        ),
        ["reinstall-distribution unsafe"],
    ),
    "in a folder of pip's --target": Fires(
        b.view(
            b.facts(
                distributions=[
                    b.dist("a", location="/pkg", source="pip", record=record("a/_C.so"))
                ],
                environment=b.environment(PYTHONPATH="/pkg"),
            )
        ),
        Fault(
            ERROR,
            "a",
            "a 1.0 recorded a/_C.so, which is missing.",
            evidence=(Evidence(text="missing", path="/pkg/a/_C.so"),),
            breaks=("file:/pkg/a/_C.so", "soname:_C.so"),
            needs=("shared:a/_C.so",),
            payload=DamagedDistribution("a", "1.0", "/pkg"),
        ),
        ["reinstall-distribution manual"],
    ),
    "a pointer in the place of a device library": Fires(
        of(altered=(BC,), pointers=[BC]),
        hollow(f"{BC} with content; now it is a Git LFS pointer", BC),
        OFFER,
    ),
    "nothing left of kernels": Fires(
        of(altered=(CUBIN,), emptied=[CUBIN]),
        hollow(f"{CUBIN} with content; now it is empty", CUBIN),
        OFFER,
    ),
    "pointers and an empty file, in the place of data": Fires(
        of(
            altered=("a/x.onnx", "a/y.json", "a/z.txt"),
            pointers=["a/x.onnx"],
            emptied=["a/y.json", "a/z.txt"],
        ),
        hollow(
            "a/x.onnx and a/y.json with content; now they are pointers of Git LFS or empty",
            "a/x.onnx",
            "a/y.json",
            severity=WARNING,
        ),
        OFFER,
    ),
    "a pointer in the place of a library": Fires(
        of(altered=("a/_C.so",), pointers=["a/_C.so"]),
        changed(
            "a 1.0 installed a/_C.so with other content than is there now: a Git LFS pointer.",
            "a/_C.so",
        ),
        OFFER,
    ),
    "kernels with other content": Fires(
        of(altered=(CUBIN,)),
        changed(f"a 1.0 installed {CUBIN} with other content than is there now.", CUBIN),
        OFFER,
    ),
    "a module, and the import works without": Fires(
        of("a/x.py", told=told("works")),
        gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py", severity=WARNING),
        OFFER,
    ),
    "a module, and the import may raise for other reasons": Fires(
        of("a/x.py", told=told("unsure")),
        gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py", severity=WARNING),
        OFFER,
    ),
    "a module, and the import may want it": Fires(
        of("a/x.py", told=told("unsure", missing="a.x")),
        gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py"),
        OFFER,
    ),
    "a module, and the import fails": Fires(
        of("a/x.py", told=told("fails", missing="a.x")),
        gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py", more=("import a fails",)),
        OFFER,
    ),
    "a module, and not all of the import was followed": Fires(
        of("a/x.py", told=told("works", whole=False)),
        gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py"),
        OFFER,
    ),
    "a library that is no module, and the import works": Fires(
        of("a/libx.so.1", told=told("works")),
        gone(
            "a 1.0 recorded a/libx.so.1, which is missing.",
            "a/libx.so.1",
            severity=WARNING,
            breaks=("soname:libx.so.1",),
        ),
        OFFER,
    ),
    "a library of a package whose GPU code a target needs": Fires(
        of("a/libx.so.1", told=told("works", code=True), targets=["sm_90"]),
        gone(
            "a 1.0 recorded a/libx.so.1, which is missing.",
            "a/libx.so.1",
            breaks=("soname:libx.so.1",),
        ),
        OFFER,
    ),
    "a plug-in that a target needs": Fires(
        of(PLUGIN, name="onnxruntime-gpu", told=told("works"), targets=["sm_90"]),
        gone(
            f"onnxruntime-gpu 1.0 recorded {PLUGIN}, which is missing.",
            PLUGIN,
            name="onnxruntime-gpu",
            breaks=(f"soname:{PLUGIN.rpartition('/')[2]}",),
        ),
        OFFER,
    ),
    "a module, and the import of another package fails": Fires(
        of(
            "a/x.py",
            told=told(
                "works", other=Import(module="q", state="fails", missing="a.x", chain=["q.py:1"])
            ),
        ),
        gone(
            "a 1.0 recorded a/x.py, which is missing.", "a/x.py", more=("import q fails", "q.py:1")
        ),
        OFFER,
    ),
    "a module that compiled code names": Fires(
        of(
            "a/x.abi3.so",
            told=told("works", other=Import(module="q", state="works", named=["a.x"])),
        ),
        gone(
            "a 1.0 recorded a/x.abi3.so, which is missing.",
            "a/x.abi3.so",
            severity=WARNING,
            breaks=("soname:x.abi3.so",),
        ),
        OFFER,
        gaps=["a"],
    ),
    "a library of torch's that its import does without": Fires(
        of("torch/lib/libaoti.so", name="torch", told=of_torch("libother.so")),
        gone(
            "torch 1.0 recorded torch/lib/libaoti.so, which is missing.",
            "torch/lib/libaoti.so",
            severity=WARNING,
            name="torch",
            breaks=("soname:libaoti.so",),
        ),
        OFFER,
    ),
    "one that it needs": Fires(
        of("torch/lib/libaoti.so", name="torch", told=of_torch("libaoti.so")),
        gone(
            "torch 1.0 recorded torch/lib/libaoti.so, which is missing.",
            "torch/lib/libaoti.so",
            name="torch",
            breaks=("soname:libaoti.so",),
        ),
        OFFER,
    ),
    "a source of torch's": Fires(
        of("torch/x.py", name="torch", told=of_torch("libother.so")),
        gone("torch 1.0 recorded torch/x.py, which is missing.", "torch/x.py", name="torch"),
        OFFER,
    ),
    "a library": Fires(
        of(NCCL),
        gone(f"a 1.0 recorded {NCCL}, which is missing.", NCCL, breaks=("soname:libnccl.so.2",)),
        offers=OFFER,
    ),
    "a module": Fires(
        of("a/x.py"), gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py"), offers=OFFER
    ),
    "a header": Fires(
        of("a/x.h"),
        gone("a 1.0 recorded a/x.h, which is missing.", "a/x.h", severity=WARNING),
        offers=OFFER,
    ),
    "a header and a library, which is told first": Fires(
        of("a/x.h", "a/x.so"),
        gone(
            "a 1.0 recorded a/x.so and a/x.h, which are missing.",
            "a/x.so",
            "a/x.h",
            breaks=("soname:x.so",),
        ),
        offers=OFFER,
    ),
    "three files": Fires(
        of("a/x.h", "a/y.h", "a/z.h"),
        gone(
            "a 1.0 recorded a/x.h, a/y.h and 1 more file, which are missing.",
            "a/x.h",
            "a/y.h",
            "a/z.h",
            severity=WARNING,
        ),
        offers=OFFER,
    ),
    "many more than the facts name": Fires(
        of("a/x.py", unlisted=8),
        gone(
            "a 1.0 recorded a/x.py and 8 more files, which are missing.",
            "a/x.py",
            breaks=("damaged:a",),
        ),
        offers=OFFER,
    ),
    "one more than the facts name": Fires(
        of("a/x.py", "a/y.py", unlisted=1),
        gone(
            "a 1.0 recorded a/x.py, a/y.py and 1 more file, which are missing.",
            "a/x.py",
            "a/y.py",
            breaks=("damaged:a",),
        ),
        offers=OFFER,
    ),
    "what nobody misses is not counted": Fires(
        of("a/x.py", "a/tests/y.py"),
        gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py"),
        offers=OFFER,
    ),
    "a marker that is not nvidia's own": Fires(
        of("nvidia/nccl/__init__.py", "other/__init__.py"),
        gone(
            "a 1.0 recorded nvidia/nccl/__init__.py and other/__init__.py, which are missing.",
            "nvidia/nccl/__init__.py",
            "other/__init__.py",
        ),
        offers=OFFER,
    ),
    "a module of nvidia's": Fires(
        of("nvidia/x.py"),
        gone("a 1.0 recorded nvidia/x.py, which is missing.", "nvidia/x.py"),
        offers=OFFER,
    ),
    "a path that turns back": Fires(
        of("a/../b.py"),
        Fault(
            ERROR,
            "a",
            "a 1.0 recorded a/../b.py, which is missing.",
            evidence=(Evidence(text="missing", path=f"{b.SITE}/b.py"),),
            breaks=(f"file:{b.SITE}/b.py",),
            needs=("shared:a/../b.py",),
            payload=DamagedDistribution("a", "1.0", b.SITE),
        ),
        offers=OFFER,
    ),
    "torch cannot load": Fires(
        of("torch/lib/libc10.so", name="torch", torch=BROKEN),
        gone(
            "torch 1.0 is installed but cannot load: torch/lib/libc10.so is missing.",
            "torch/lib/libc10.so",
            name="torch",
            breaks=("soname:libc10.so", "torch"),
        ),
        offers=OFFER,
    ),
    "torch lacks what it can do without": Fires(
        of("torch/x.py", name="torch"),
        gone("torch 1.0 recorded torch/x.py, which is missing.", "torch/x.py", name="torch"),
        offers=OFFER,
    ),
    "no torch at all": Fires(
        of("torch/x.py", name="torch", torch=None),
        gone("torch 1.0 recorded torch/x.py, which is missing.", "torch/x.py", name="torch"),
        offers=OFFER,
    ),
    "another package beside a broken torch": Fires(
        of("a/x.py", torch=BROKEN),
        [
            gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py"),
            half(
                f"torch 2.9.0+cu128 lies in {b.SITE}/torch without its dist-info, and lacks "
                "lib/libc10.so",
                ERROR,
                "2.9.0+cu128",
                "lib/libc10.so",
            ),
        ],
        offers=OFFER,
    ),
    "a nightly, which no index has again": Fires(
        of("torch/x.py", name="torch", torch=b.torch(build="nightly")),
        gone("torch 1.0 recorded torch/x.py, which is missing.", "torch/x.py", name="torch"),
    ),
    "not of an index": Fires(
        of("a/x.py", direct_url="https://example.org/a.whl"),
        gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py"),
    ),
    "edited by hand": Fires(
        of(name="torch", altered=(EDITED,)),
        changed(
            f"torch 1.0 installed {EDITED} with other content than is there now.",
            EDITED,
            name="torch",
        ),
        offers=OFFER,
    ),
    "edited, beside what does not count": Fires(
        of(altered=("a/x.so", "a/cacert.pem", "a/x.py", "a/x.h"), unlisted=2),
        [
            changed(
                "a 1.0 installed a/x.so, a/x.py and 3 more files with other content than is "
                "there now.",
                "a/x.so",
                "a/x.py",
                "a/x.h",
            )
        ],
        offers=OFFER,
    ),
    "shared, but with equal bytes": Fires(
        of(altered=(NCCL,), files=[SharedFile(path=NCCL, owners=["a", "z"], differ=False)]),
        changed(f"a 1.0 installed {NCCL} with other content than is there now.", NCCL),
        offers=OFFER,
    ),
    "missing and altered": Fires(
        of("a/x.py", altered=("a/y.py",)),
        [
            gone("a 1.0 recorded a/x.py, which is missing.", "a/x.py"),
            changed("a 1.0 installed a/y.py with other content than is there now.", "a/y.py"),
        ],
        offers=OFFER,
    ),
    "an editable one, then another": Fires(
        b.view(
            b.facts(
                distributions=[
                    b.dist("e", editable="/src/e", record=record("e.py")),
                    b.dist("n"),
                    b.dist("a", record=record("a.py")),
                ]
            )
        ),
        gone("a 1.0 recorded a.py, which is missing.", "a.py"),
        offers=OFFER,
    ),
    "conda's": Fires(
        conda("libgcc", "lib/x.so"),
        gone(
            "libgcc 1.0 recorded lib/x.so, which is missing.",
            "lib/x.so",
            name="libgcc",
            breaks=("soname:x.so",),
            at="/env",
        ),
        offers=["reinstall-distribution manual"],
    ),
    "conda's torch": Fires(
        conda("pytorch", "lib/x.so", dists=(b.dist("torch", source="conda", package="pytorch"),)),
        gone(
            "torch 1.0 recorded lib/x.so, which is missing.",
            "lib/x.so",
            name="torch",
            breaks=("soname:x.so",),
            at="/env",
        ),
        offers=["reinstall-distribution manual"],
    ),
    "half of a torch": Fires(
        half_torch(*MANY),
        half(
            f"torch 2.9.0+cu128 lies in {b.SITE}/torch without its dist-info, and lacks {MANY[0]}",
            ERROR,
            "2.9.0+cu128",
            *MANY,
        ),
        offers=OFFER,
    ),
    "torch's metadata only is gone": Fires(
        half_torch(),
        half(
            f"torch 2.9.0+cu128 lies in {b.SITE}/torch without its dist-info",
            WARNING,
            "2.9.0+cu128",
        ),
        offers=OFFER,
    ),
    "a torch of no version": Fires(
        half_torch(version=None),
        half(f"torch lies in {b.SITE}/torch without its dist-info", WARNING, None),
    ),
}

test_silent, test_firing = rows(files_missing, SILENT, FIRING)


@pytest.mark.parametrize("name", ["x.so.1", "x.py", "x.h", "x.cuh", "x.hpp", "x.cmake", "x.cu"])
def test_what_is_altered_counts_when_it_is_code(name: str) -> None:
    (finding,) = b.run(files_missing, of(altered=(f"a/{name}",)).facts)
    assert finding.payload == DamagedDistribution("a", "1.0", b.SITE)

"""ABI304: extension modules that only another Python would import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import builders as b
from rows import Fires, rows

from gpufix.checks.abi.abi304_python_tag_mismatch import python_tag_mismatch
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import Distribution, Library, OtherSite, Python
from gpufix.model.payload import ExtensionModules, LeftBehind

PROJECT = "/src/project/ext"


def module(tag: str | None, path: str = f"{b.SITE}/ext/_C", **changes: Any) -> Library:
    suffix = f".{tag}.so" if tag else ".so"
    base = {"distribution": "ext", "module": True, "python_tag": tag, "path": f"{path}{suffix}"}
    return Library(**(base | changes))


def of(*libraries: Library, dists: Sequence[Distribution] = (), **sections: Any) -> View:
    base = {"binaries": b.binaries(*libraries), "distributions": list(dists)}
    return b.view(b.healthy(**(base | sections)))


def fault(*tags: str, path: str = f"{b.SITE}/ext/_C", owner: str | None = "ext") -> Fault:
    paths = tuple(f"{path}.{tag}.so" for tag in tags)
    return Fault(
        WARNING,
        owner or paths[0],
        f"{path} is there for {', '.join(sorted(tags))} only; this is Python 3.11.7 (cp311).",
        evidence=paths,
        payload=ExtensionModules(owner or paths[0], paths),
    )


def upgraded() -> Python:
    """What was installed for Python 3.10 lies where 3.11 does not look."""
    packages = ["numpy==2.2.6", "torch==2.9.0"]
    old = OtherSite(folder="/env/lib/python3.10/site-packages", version="3.10", packages=packages)
    return b.python(other_sites=[old])


SILENT = {
    "for this Python": of(module("cp311")),
    "for this Python and another": of(module("cp310"), module("cp311")),
    "the stable ABI": of(module("abi3")),
    "the stable ABI and another Python's": of(module("cp310"), module("abi3")),
    "its name says nothing": of(module("cp310"), module(None)),
    "in a wheel of the stable ABI": of(
        module("cp310"), dists=[b.dist("ext", tags=["cp310-abi3-manylinux_2_28_x86_64"])]
    ),
    "no module": of(module("cp310", module=False)),
    "no library": of(),
    "no Python": of(module("cp310"), python=None),
    "packages of the old Python that were installed again": of(
        dists=[b.dist("torch", "2.9.0")], python=upgraded()
    ),
    "in a folder of PYTHONPATH that is another Python's: RUN805's": of(
        module("cp310", path="/other/numpy/core/_umath", distribution="numpy"),
        environment=b.environment(PYTHONPATH="/other"),
    ),
}

FIRING = {
    "all packages are those of the Python before": Fires(
        of(python=upgraded()),
        Fault(
            ERROR,
            "Python 3.10",
            "2 packages (numpy and others) lie in /env/lib/python3.10/site-packages; this "
            "environment's Python is 3.11.7 (cp311), which does not search there.",
            payload=LeftBehind(
                "/env/lib/python3.10/site-packages", "3.10", ("numpy==2.2.6", "torch==2.9.0")
            ),
        ),
        ["install-left-behind safe", "return-to-python manual"],
    ),
    "in a wheel for one Python": Fires(
        of(module("cp310"), dists=[b.dist("ext", tags=["cp310-cp310-manylinux_2_28_x86_64"])]),
        fault("cp310"),
        ["match-python safe"],
    ),
    "for an older Python only": Fires(of(module("cp310")), fault("cp310")),
    "for three others": Fires(
        of(module("cp312"), module("cp310"), module("cp39")), fault("cp312", "cp310", "cp39")
    ),
    "between modules that fit": Fires(
        of(
            module("cp310"),
            module("cp311", f"{b.SITE}/ext/_A"),
            module("cp311", f"{b.SITE}/ext/_D"),
            module("cp311", f"{b.SITE}/x/_C"),
        ),
        fault("cp310"),
    ),
    "two modules": Fires(
        of(module("cp310", f"{b.SITE}/ext/_D"), module("cp310")),
        [fault("cp310"), fault("cp310", path=f"{b.SITE}/ext/_D")],
    ),
    "a wheel for this Python is listed": Fires(
        of(
            module("cp310", f"{b.SITE}/flash_attn_2_cuda", distribution="flash-attn"),
            dists=[b.dist("torch", "2.8.0+cu128"), b.dist("flash-attn", "2.8.3")],
            torch=b.torch("2.8.0+cu128"),
        ),
        fault("cp310", path=f"{b.SITE}/flash_attn_2_cuda", owner="flash-attn"),
        ["install-fallback unsafe", "match-torch-family unsafe"],
    ),
    "its source is here": Fires(
        of(module("cp310"), dists=[b.dist("ext", editable="/src/ext")]),
        fault("cp310"),
        offers=["rebuild-for-torch safe"],
    ),
    "left in the environment": Fires(
        of(module("cp310", distribution=None)),
        fault("cp310", owner=None),
        offers=["remove-leftover-module safe"],
    ),
    "left in the project": Fires(
        of(module("cp310", f"{PROJECT}/_C", distribution=None)),
        fault("cp310", path=f"{PROJECT}/_C", owner=None),
        offers=["rebuild-for-torch safe"],
    ),
    "gpufix has a replacement": Fires(
        of(
            module("cp310", distribution="fused-ssim"),
            dists=[b.dist("torch", "2.9.0+cu128"), b.dist("fused-ssim")],
        ),
        fault("cp310", owner="fused-ssim"),
        offers=["install-fallback unsafe"],
    ),
}

test_silent, test_firing = rows(python_tag_mismatch, SILENT, FIRING)

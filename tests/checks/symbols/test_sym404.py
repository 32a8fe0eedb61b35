"""SYM404: operators of a library that does not load with the installed torch."""

from __future__ import annotations

from typing import Any

import builders as b
from rows import Fires, rows
from torch_extensions import GUARD, ext, of

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.symbols.sym404_operator_not_registered import operator_not_registered
from gpufix.model import Library, Severity
from gpufix.model.payload import ExtensionModules

VISION = [b.dist("torchvision", "0.21.0")]


def ops(*lacking: str, file: str = "_C.so", **changes: Any) -> Library:
    """A library that its package's source opens."""
    base = {"owner": "torchvision", "module": False, "opened_by": "source", "file": file}
    return ext(*lacking, **(base | changes))


def fault(
    *files: str,
    severity: Severity = ERROR,
    label: str = "torchvision 0.21.0",
    owner: str = "torchvision",
    torch: str = "torch 2.7.1+cu128",
) -> Fault:
    verb = "does" if len(files) == 1 else "do"
    return Fault(
        severity,
        owner,
        f"The operators of {label} are not registered: {', '.join(files)} {verb} not load with "
        f"{torch}.",
        needs=(*(f"{kind}:{owner}" for kind in ("symbols", "abi", "family", "load")), "torch"),
        payload=ExtensionModules(owner),
    )


LOST = ops(GUARD)
OTHERS = [ops(GUARD, file=f"{name}.so") for name in "ba"]

SILENT = {
    "it loads": of(ops(), dists=VISION),
    "no library": of(dists=VISION),
    "a Python module": of(ops(GUARD, opened_by="import"), dists=VISION),
    "what another library needs": of(ops(GUARD, opened_by="library"), dists=VISION),
    "nobody was seen to open it": of(ops(GUARD, opened_by=None), dists=VISION),
    "it does not link torch": of(ops(GUARD, links_torch=False), dists=VISION),
    "an alternative serves": of(LOST, dists=VISION, imports=[b.sparing(LOST, served=True)]),
    "torch's own": of(ops(GUARD, owner="torch"), dists=VISION),
    "one loads, and the other is a module": of(
        ops(), ops(GUARD, opened_by="import", file="image.so"), dists=VISION
    ),
}

FIRING = {
    "no import tells of it": Fires(
        of(LOST, dists=VISION),
        fault("_C.so", severity=WARNING),
        ["match-torch-family unsafe"],
        gaps=["torchvision"],
    ),
    "its package's import fails by it": Fires(
        of(LOST, dists=VISION, imports=[b.importing(LOST)]),
        fault("_C.so"),
        ["match-torch-family unsafe"],
    ),
    "its package's import goes on": Fires(
        of(LOST, dists=VISION, imports=[b.sparing(LOST)]),
        fault("_C.so", severity=ADVICE),
        ["match-torch-family unsafe"],
    ),
    "two, by name": Fires(
        of(*OTHERS, ops(file="c.so"), dists=VISION, imports=[b.importing(OTHERS[0], "works")]),
        fault("a.so", "b.so", severity=ADVICE),
        ["match-torch-family unsafe"],
    ),
    "torch's version is not known": Fires(
        of(LOST, torch=None, dists=VISION, imports=[b.importing(LOST)]),
        fault("_C.so", torch="torch"),
    ),
    "no companion of torch": Fires(
        of(ops(GUARD, owner="ext"), imports=[b.importing(ops(GUARD, owner="ext"))]),
        fault("_C.so", label="ext 1.2", owner="ext"),
    ),
    "two packages": Fires(
        of(
            *(ops(GUARD, owner=name) for name in "ba"),
            imports=[b.importing(ops(GUARD, owner=name)) for name in "ba"],
        ),
        [fault("_C.so", label=owner, owner=owner) for owner in ("a", "b")],
    ),
}

test_silent, test_firing = rows(operator_not_registered, SILENT, FIRING)

"""SYM404: operators of a library that does not load with the installed torch."""

from __future__ import annotations

from typing import Any

import builders as b
from rows import Fires, rows
from torch_extensions import GUARD, ext, of

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.symbols.sym404_operator_not_registered import operator_not_registered
from gpufix.model import Library
from gpufix.model.payload import ExtensionModules

VISION = [b.dist("torchvision", "0.21.0")]


def ops(*lacking: str, file: str = "_C.so", **changes: Any) -> Library:
    """A library that its package's source opens."""
    base = {"owner": "torchvision", "module": False, "opened_by": "source", "file": file}
    return ext(*lacking, **(base | changes))


def fault(
    *files: str,
    label: str = "torchvision 0.21.0",
    owner: str = "torchvision",
    torch: str = "torch 2.7.1+cu128",
) -> Fault:
    verb = "does" if len(files) == 1 else "do"
    return Fault(
        ERROR,
        owner,
        f"The operators of {label} are not registered: {', '.join(files)} {verb} not load with "
        f"{torch}.",
        needs=(*(f"{kind}:{owner}" for kind in ("symbols", "abi", "family", "load")), "torch"),
        payload=ExtensionModules(owner),
    )


SILENT = {
    "it loads": of(ops(), dists=VISION),
    "no library": of(dists=VISION),
    "a Python module": of(ops(GUARD, opened_by="import"), dists=VISION),
    "what another library needs": of(ops(GUARD, opened_by="library"), dists=VISION),
    "nobody was seen to open it": of(ops(GUARD, opened_by=None), dists=VISION),
    "it does not link torch": of(ops(GUARD, links_torch=False), dists=VISION),
    "torch's own": of(ops(GUARD, owner="torch"), dists=VISION),
    "one loads, and the other is a module": of(
        ops(), ops(GUARD, opened_by="import", file="image.so"), dists=VISION
    ),
}

FIRING = {
    "one library": Fires(
        of(ops(GUARD), dists=VISION), fault("_C.so"), ["match-torch-family unsafe"]
    ),
    "two, by name": Fires(
        of(ops(GUARD, file="b.so"), ops(GUARD, file="a.so"), ops(file="c.so"), dists=VISION),
        fault("a.so", "b.so"),
        ["match-torch-family unsafe"],
    ),
    "torch's version is not known": Fires(
        of(ops(GUARD), torch=None, dists=VISION), fault("_C.so", torch="torch")
    ),
    "no companion of torch": Fires(
        of(ops(GUARD, owner="ext")), fault("_C.so", label="ext 1.2", owner="ext")
    ),
    "two packages": Fires(
        of(ops(GUARD, owner="b"), ops(GUARD, owner="a")),
        [fault("_C.so", label=owner, owner=owner) for owner in ("a", "b")],
    ),
}

test_silent, test_firing = rows(operator_not_registered, SILENT, FIRING)

"""ABI305: an extension of before a change of torch's inline layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import builders as b
from rows import Fires, Unseen, rows
from torch_extensions import KERNEL, MODULE, REGISTER, SCHEMA, ext, of, undefined

from gpufix.checks.abi.abi305_torch_inline_abi_break import torch_inline_abi_break
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import Library, Problem
from gpufix.model.payload import ExtensionModules

PATH = f"{b.SITE}/ext/{MODULE}"


def one(owner: str = "ext", **changes: Any) -> Library:
    """It registers an operator."""
    return ext(owner=owner, **({"torch_symbols": [REGISTER]} | changes))


def old(*libraries: Library, **sections: Any) -> View:
    """They show a destructor of c10's without the newer one."""
    base: dict[str, Any] = {"torch": "2.9.0+cu128", "inline": [SCHEMA]}
    return of(*(libraries or [one()]), **(base | sections))


def fault(
    label: str = "ext 1.2",
    torch: str = "2.9.0+cu128",
    owner: str = "ext",
    files: Sequence[str] = (MODULE,),
) -> Fault:
    return Fault(
        ERROR,
        owner,
        f"{label} is built for torch 2.8 or older; between 2.8 and 2.9 registering an operator fills "
        "a structure whose layout changed (c10::impl::OperatorEntry::registerKernel). "
        f"torch {torch} is installed.",
        evidence=tuple(f"{b.SITE}/{owner}/{file}" for file in files),
        breaks=(f"load:{owner}",),
        needs=(f"family:{owner}",),
        payload=ExtensionModules(owner),
    )


MISSING = [Problem(kind="missing-library", name="libx.so.1")]
MANY = [f"{n}.so" for n in range(10, 22)]

SILENT = {
    "the torch that it was built for": old(torch="2.8.0+cu128"),
    "it shows the newer destructor": old(inline=[SCHEMA, KERNEL]),
    "it shows none": old(inline=[]),
    "it registers nothing": old(one(torch_symbols=["_ZN2at4_ops3add4callEv"])),
    "no torch": old(absent=True),
    "torch cannot be read": old(torch=None),
    "torch of no known release": old(torch="2.9.0a0+git"),
    "symbols are lacking, which SYM401 tells": old(one(problems=undefined(REGISTER))),
    "it does not load anyhow": old(one(problems=MISSING)),
    "one of its libraries does not load": old(one(), one(file="_D.so", problems=MISSING)),
    "the history is of x86-64": old(host=b.host(machine="aarch64")),
    "no extension": of(torch="2.9.0+cu128"),
    "its symbols cannot be read": Unseen(old(answers={}), [PATH]),
}

FIRING = {
    "across the change": Fires(old(), fault()),
    "far across it": Fires(old(torch="2.13.0+cu130"), fault(torch="2.13.0+cu130")),
    "ten of its libraries are shown": Fires(
        old(*(one(file=file) for file in MANY)), fault(files=MANY[:10])
    ),
    "its source is here": Fires(
        old(dists=[b.dist("ext", "1.2", direct_url="file:///src/ext")]),
        fault(),
        offers=["rebuild-for-torch safe"],
    ),
    "a companion of torch": Fires(
        old(one("torchvision"), dists=[b.dist("torchvision", "0.23.0")]),
        fault("torchvision 0.23.0", owner="torchvision"),
        offers=["match-torch-family unsafe"],
    ),
    "gpufix has a replacement": Fires(
        old(one("fused-ssim"), dists=[b.dist("fused-ssim")]),
        fault("fused-ssim 1.0", owner="fused-ssim"),
        offers=["install-fallback unsafe"],
    ),
    "two extensions": Fires(
        old(one("b"), one("a"), dists=[]), [fault(owner, owner=owner) for owner in ("a", "b")]
    ),
}

test_silent, test_firing = rows(torch_inline_abi_break, SILENT, FIRING)

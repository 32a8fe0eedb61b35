"""JIT701: extensions in torch's cache that do not fit."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.jit.jit701_stale_jit_cache import stale_jit_cache
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import CacheEntry, Library, Problem
from gpufix.model.payload import StaleBuild

FOLDER = "/home/u/.cache/torch_extensions/py311_cu128"
OFFER = ["clear-stale-build safe"]
UNDEFINED = Problem(kind="undefined-symbol", name="_ZN3c10")
DRIVER = Problem(kind="missing-library", name="libcuda.so.1", driver=True)
TORCH = "cannot be loaded with torch 2.9.0+cu128"


def library(*problems: Problem, archs: tuple[str, ...] = (), name: str = "my_ext") -> Library:
    path = f"{FOLDER}/{name}/{name}.so"
    return Library(path=path, problems=[*problems], code=b.code(*archs))


def entry(name: str = "my_ext", **changes: object) -> CacheEntry:
    base = {
        "cache": "torch_extensions",
        "path": f"{FOLDER}/{name}",
        "name": name,
        "own": True,
        "libraries": [f"{FOLDER}/{name}/{name}.so"],
    }
    return CacheEntry(**(base | changes))


def of(
    *libraries: Library,
    entries: tuple[CacheEntry, ...] = (entry(),),
    gpus: tuple[str, ...] = ("sm_89",),
    torch: object = b.torch(),
) -> View:
    facts = b.facts(torch=torch, caches=[*entries], binaries=b.binaries(*libraries))
    return b.view(facts, *gpus)


def fault(what: str, *evidence: str, needs: tuple[str, ...] = (), name: str = "my_ext") -> Fault:
    return Fault(
        WARNING,
        name,
        f"The cached build of {name} {what}.",
        evidence=(f"{FOLDER}/{name}", *evidence),
        breaks=(f"family:{FOLDER}/{name}/{name}.so",),
        needs=needs,
        payload=StaleBuild(f"{FOLDER}/{name}"),
    )


LACKS = fault(f"{TORCH}: undefined symbol _ZN3c10", "undefined symbol _ZN3c10", needs=("torch",))
MANY = [Problem(kind="undefined-symbol", name=f"f{i}") for i in range(6)]

SILENT = {
    "no cache": of(entries=()),
    "it loads and serves": of(library(archs=("sm_89",))),
    "it holds no GPU code": of(library()),
    "one of the visible GPUs is served": b.view(
        replace(
            of(library(archs=("sm_89",))).facts,
            gpus=[b.gpu("sm_89"), b.gpu("sm_120", index=1)],
        )
    ),
    "no target": b.view(of(library(archs=("sm_50",))).facts),
    "its library was not read": of(),
    "its driver is missing": of(library(DRIVER, archs=("sm_89",))),
    "another library is stale": of(library(UNDEFINED, name="other")),
    "another Python's or CUDA's": of(library(UNDEFINED), entries=(entry(own=False),)),
    "whose it is is not known": of(library(UNDEFINED), entries=(entry(own=None),)),
    "no torch": of(library(UNDEFINED), torch=None),
}

FIRING = {
    "one of two named targets": Fires(
        of(library(archs=("sm_89",)), gpus=("sm_89", "sm_120")),
        fault("holds no code for sm_120"),
        offers=OFFER,
    ),
    "it lacks a symbol": Fires(of(library(DRIVER, UNDEFINED)), LACKS, offers=OFFER),
    "another's entry, then one's own": Fires(
        of(
            library(UNDEFINED, name="other"),
            library(UNDEFINED),
            entries=(entry("other", own=False), entry()),
        ),
        LACKS,
        offers=OFFER,
    ),
    "five of its symbols are shown": Fires(
        of(library(*MANY)),
        fault(
            f"{TORCH}: undefined symbol f0",
            *(f"undefined symbol f{i}" for i in range(5)),
            needs=("torch",),
        ),
        offers=OFFER,
    ),
    "no code for the GPU": Fires(
        of(library(archs=("sm_50",)), gpus=("sm_89",)),
        fault("holds no code for sm_89"),
        offers=OFFER,
    ),
    "no code for two GPUs, and a driver is missing": Fires(
        of(library(DRIVER, archs=("sm_50",)), gpus=("sm_89", "sm_120")),
        fault("holds no code for sm_89, sm_120"),
        offers=OFFER,
    ),
}

test_silent, test_firing = rows(stale_jit_cache, SILENT, FIRING)

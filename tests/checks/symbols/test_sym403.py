"""SYM403: symbols that the copy of a library that would be loaded lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
from rows import Fires, Unseen, rows
from torch_extensions import GUARD

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.symbols.sym403_undefined_library_symbol import undefined_library_symbol
from gpufix.evidence.view import View
from gpufix.model import Distribution, Import, Library, Problem, Record, Severity
from gpufix.model.payload import UnfitLibrary

SYMBOL = "ncclGroupSimulateEnd"
GUARD_SPELT = "c10::SymBool::guard_or_false(char const*, long) const"
MANGLED, SPELT = "_ZN3foo3barEv", "foo::bar()"
WHEELS = ("nvidia-nccl-cu11", "nvidia-nccl-cu12", "nvidia-nccl-cu13")
SYSTEM = "/usr/local/nccl/lib/libnccl.so.2"
OWN = f"{b.SITE}/nvidia/nccl/lib/libnccl.so.2"
TORCH = b.dist("torch", "2.9.0+cu128", requires=["nvidia-nccl-cu12==2.27.5"])
PINNED, OLDER = b.dist("nvidia-nccl-cu12", "2.27.5"), b.dist("nvidia-nccl-cu12", "2.21.5")
ON_PATH = {"LD_LIBRARY_PATH": "/usr/local/nccl/lib"}
REINSTALL, TRIM = ["install-declared safe"], ["trim-library-path safe"]


def lib(
    *names: str,
    at: str | None = OWN,
    why: str | None = "RUNPATH",
    owner: str | None = "torch",
    file: str = "libtorch_cuda.so",
    **changes: Any,
) -> Library:
    problems = [Problem(kind="undefined-symbol", name=n, provider=at, why=why) for n in names]
    return b.library(f"{owner}/{file}", **({"distribution": owner, "problems": problems} | changes))


def of(
    *libraries: Library,
    dists: Sequence[Distribution] = (TORCH, OLDER),
    env: dict[str, str] | None = None,
    imports: Sequence[Import] = (),
) -> View:
    return b.view(
        b.healthy(
            distributions=list(dists),
            binaries=b.binaries(*libraries, imports=imports),
            environment=b.environment(**(env or {})),
            answers={
                **{f"demangle:{name}": name for name in (SYMBOL, "a", *MANY)},
                f"demangle:{MANGLED}": SPELT,
                f"demangle:{GUARD}": GUARD_SPELT,
            },
        )
    )


def fault(
    *names: str,
    at: str | None = OWN,
    why: str | None = "RUNPATH",
    owner: str = "torch",
    file: str = "libtorch_cuda.so",
    severity: Severity = ERROR,
    holder: str | None = "nvidia-nccl-cu12",
    wheels: tuple[str, ...] = WHEELS,
    shown: str | None = None,
    evidence: Sequence[str] = (),
) -> Fault:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    found = f" (found by {why})" if why else ""
    where = f"{at}{found} does not define" if at else "no library in its scope defines"
    return Fault(
        severity,
        owner,
        f"{owner} needs {shown or names[0]}{more}, which {where}.",
        evidence=evidence or tuple(f"{file}: undefined symbol {name}" for name in names),
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        needs=(
            *((f"provider:{at}", f"file:{at}") if at else ()),
            *(
                (f"dist:{holder}", f"collision:{holder}", f"mismatch:{owner}:{holder}")
                if holder
                else ()
            ),
            *(() if at else (f"symbols:{owner}",)),
            f"family:{owner}",
        ),
        payload=UnfitLibrary(owner, wheels, path=at, chosen_by=why),
    )


MANY = [f"s{n}" for n in range(10, 22)]
FOO = "/opt/foo/libfoo.so.1"

EXT = lib(SYMBOL, owner="ext", module=True)

SILENT = {
    "nothing is lacking": of(lib()),
    "no library": of(),
    "a name of torch's, which SYM401 tells": of(lib(GUARD, owner="ext")),
    "a module, and one of its imports may fail": Unseen(
        of(EXT, imports=[b.importing(EXT, "works"), b.importing(EXT, "unsure")]), ["ext"]
    ),
    "an alternative serves": of(EXT, imports=[b.sparing(EXT, served=True)]),
    "a fault of another kind": of(lib(problems=[Problem(kind="missing-library", name=SYMBOL)])),
}

LAZY = lib(MANGLED, at=None, why=None, owner="ext", file="lazy.so")
APART = [b.importing(LAZY, "works", whole=True)]
WHOLE = b.dist("ext", record=Record(files=9))
ALTERED = b.dist("ext", record=Record(files=9, altered=["ext/lazy.so"], altered_count=1))
NOWHERE = fault(
    MANGLED, at=None, why=None, owner="ext", file="lazy.so", holder=None, wheels=(), shown=SPELT
)

FIRING = {
    "a module that its package's import does not ask for, as its wheel holds it": Fires(
        of(LAZY, dists=[TORCH, WHOLE], imports=APART),
        replace(NOWHERE, severity=ADVICE),
    ),
    "such a module, and the wheel's files are others": Fires(
        of(LAZY, dists=[TORCH, ALTERED], imports=APART),
        replace(NOWHERE, severity=WARNING),
    ),
    "a name of torch's, which torch's own library lacks": Fires(
        of(lib(GUARD, at=None, why=None)),
        fault(GUARD, at=None, why=None, holder=None, wheels=(), shown=GUARD_SPELT),
    ),
    "an older copy of the wheel": Fires(of(lib(SYMBOL)), fault(SYMBOL), REINSTALL),
    "the scan knows whose the copy is": Fires(
        of(lib(SYMBOL), b.library("nvidia/nccl/lib/libnccl.so.2", distribution="nccl-of-mine")),
        fault(SYMBOL, holder="nccl-of-mine"),
        REINSTALL,
    ),
    "the scan knows that nobody owns it": Fires(
        of(lib(SYMBOL), b.library("nvidia/nccl/lib/libnccl.so.2")),
        fault(SYMBOL, holder=None),
        REINSTALL,
    ),
    "the first wheel that is installed": Fires(
        of(lib(SYMBOL), dists=[TORCH, b.dist("nvidia-nccl-cu13", "2.27.3"), OLDER]),
        fault(SYMBOL),
        REINSTALL,
    ),
    "the system's copy, and no wheel": Fires(
        of(lib(SYMBOL, at=SYSTEM, why="cache"), dists=[TORCH]),
        fault(SYMBOL, at=SYSTEM, why="cache", holder=None),
        REINSTALL,
    ),
    "a path with turns": Fires(
        of(lib(SYMBOL, at=f"{b.SITE}/torch/lib/../../nvidia/nccl/lib/libnccl.so.2")),
        fault(SYMBOL),
        REINSTALL,
    ),
    "LD_LIBRARY_PATH puts another before the pinned one": Fires(
        of(lib(SYMBOL, at=SYSTEM, why="LD_LIBRARY_PATH"), dists=[TORCH, PINNED], env=ON_PATH),
        fault(SYMBOL, at=SYSTEM, why="LD_LIBRARY_PATH"),
        TRIM,
    ),
    "torch found it by LD_LIBRARY_PATH before": Fires(
        of(
            lib(SYMBOL, at=SYSTEM, why=None, owner="ext", module=True),
            dists=[TORCH, PINNED],
            env=ON_PATH,
        ),
        fault(SYMBOL, at=SYSTEM, why=None, owner="ext"),
        TRIM,
    ),
    "no library should have it": Fires(
        of(lib(MANGLED, at=None, why=None)),
        fault(MANGLED, at=None, why=None, holder=None, wheels=(), shown=SPELT),
    ),
    "a library of no wheel": Fires(
        of(lib("a", at=FOO, why="cache")),
        fault("a", at=FOO, why="cache", holder=None, wheels=()),
    ),
    "several symbols, one told twice": Fires(
        of(lib("a", SYMBOL), lib("a", file="libtorch.so")),
        fault(
            "a",
            SYMBOL,
            evidence=[
                "libtorch_cuda.so: undefined symbol a",
                f"libtorch_cuda.so: undefined symbol {SYMBOL}",
                "libtorch.so: undefined symbol a",
            ],
        ),
        REINSTALL,
    ),
    "ten lines of evidence at most": Fires(
        of(lib(*MANY)),
        fault(*MANY, evidence=[f"libtorch_cuda.so: undefined symbol s{n}" for n in range(10, 20)]),
        REINSTALL,
    ),
    "an extension module": Fires(
        of(lib(SYMBOL, owner="ext", module=True)), fault(SYMBOL, owner="ext"), REINSTALL
    ),
    "a module, and its import works without": Fires(
        of(EXT, imports=[b.importing(EXT, "works")]),
        fault(SYMBOL, owner="ext", severity=WARNING),
        REINSTALL,
    ),
    "a module, and another package works": Fires(
        of(EXT, imports=[b.importing(lib(SYMBOL), "works")]), fault(SYMBOL, owner="ext"), REINSTALL
    ),
    "its import fails by what is named as no module": Fires(
        of(lib(SYMBOL, owner="ext"), imports=[b.importing(lib(SYMBOL, owner="ext"))]),
        fault(
            SYMBOL,
            owner="ext",
            evidence=[f"libtorch_cuda.so: undefined symbol {SYMBOL}", *b.way("ext")],
        ),
        REINSTALL,
    ),
    "a library that nothing imports": Fires(
        of(lib(SYMBOL, owner="ext")), fault(SYMBOL, owner="ext", severity=WARNING), REINSTALL
    ),
    "one of its libraries is a module": Fires(
        of(lib(SYMBOL, owner="ext"), lib("a", owner="ext", module=True)),
        fault("a", owner="ext"),
        REINSTALL,
    ),
    "no distribution owns the asker": Fires(
        of(replace(lib(SYMBOL, owner=None, module=True), path="/src/project/x.so")),
        fault(SYMBOL, owner="/src/project/x.so", file="x.so"),
        REINSTALL,
    ),
    "two copies lack, and nobody in particular": Fires(
        of(
            replace(
                lib(SYMBOL, "a"),
                problems=[
                    *lib(SYMBOL).problems,
                    *lib("a", at=FOO, why=None).problems,
                    *lib(MANGLED, at=None, why=None).problems,
                ],
            ),
        ),
        [
            fault(MANGLED, at=None, why=None, holder=None, wheels=(), shown=SPELT),
            fault(SYMBOL),
            fault("a", at=FOO, why=None, holder=None, wheels=()),
        ],
        REINSTALL,
    ),
    "two owners": Fires(
        of(lib(SYMBOL), lib(SYMBOL, owner="ext", module=True)),
        [fault(SYMBOL, owner="ext"), fault(SYMBOL)],
        REINSTALL,
    ),
    "torch declares no wheel": Fires(
        of(lib(SYMBOL), dists=[b.dist("torch"), OLDER]), fault(SYMBOL)
    ),
}

test_silent, test_firing = rows(undefined_library_symbol, SILENT, FIRING)

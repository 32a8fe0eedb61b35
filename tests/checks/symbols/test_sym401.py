"""SYM401: symbols of torch that the installed torch does not define."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import builders as b
from rows import Fires, Unseen, rows
from torch_extensions import (
    GUARD,
    MODULE,
    NOWHERE,
    SPELT,
    STRING_0,
    STRING_1,
    ext,
    lone,
    of,
    undefined,
)

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.symbols.sym401_undefined_torch_symbol import undefined_torch_symbol
from gpufix.model import Library, Problem, Severity
from gpufix.model.payload import ExtensionModules

SINCE_28 = "it is built for torch 2.8 or newer, loads with 2.8 – 2.15"
NO_TORCH: Any = {"torch": None, "absent": True}
CUT_SHORT = [Problem(kind="missing-library", name="libx.so.1")]


def fault(
    *lacking: str,
    origin: str = f"; {SINCE_28}",
    owner: str = "ext",
    label: str = "ext 1.2",
    torch: str = "torch 2.7.1+cu128",
    lacks: str | None = None,
    severity: Severity = ERROR,
    files: Sequence[str] = (MODULE,),
    folder: str = f"{b.SITE}/ext",
    evidence: Sequence[str] = (),
) -> Fault:
    more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
    return Fault(
        severity,
        owner,
        f"{label} needs {SPELT[lacking[0]]}{more}, which {lacks or f'{torch} does not define'}{origin}.",
        evidence=tuple(f"{file}: undefined symbol {name}" for file in files for name in lacking)[
            :10
        ]
        + tuple(evidence),
        breaks=(f"symbols:{owner}", f"load:{owner}"),
        needs=(f"family:{owner}", "torch"),
        payload=ExtensionModules(owner, tuple(sorted(f"{folder}/{file}" for file in files))),
    )


def cut(*names: str, **changes: object) -> Library:
    """A missing library kept the loader from looking for symbols."""
    return ext(torch_symbols=list(names), problems=CUT_SHORT, **changes)


SILENT = {
    "nothing is lacking": of(ext(torch_symbols=[STRING_1])),
    "no extension": of(),
    "torch's own library": of(ext(GUARD, owner="torch")),
    "it does not link torch": of(ext(GUARD, links_torch=False)),
    "a symbol that is not torch's": of(ext(problems=undefined("ncclSend"))),
    "the other spelling of std::string, which ABI301 tells": of(ext(STRING_0), exports=[STRING_1]),
    "an alternative serves": of(
        ext(GUARD, file="libcore4.so"),
        ext(file="libcore5.so"),
        imports=[b.sparing(ext(GUARD, file="libcore4.so"), served=True)],
    ),
    "a bridge to torch, which nobody asks for": of(
        ext(GUARD), imports=[b.importing(ext(GUARD), "works")], **NO_TORCH
    ),
    "cut short, and the release has all": of(cut(STRING_1)),
    "cut short, and torch is of no known release": of(cut(GUARD), torch="2.7.0a0+git"),
    "cut short, and torch cannot be read": of(cut(GUARD), torch=None),
    "cut short, and no torch": of(cut(GUARD), **NO_TORCH),
    "cut short, and its names cannot be read": Unseen(
        of(cut(GUARD), answers={}), [f"{b.SITE}/ext/{MODULE}"]
    ),
}

MOVE = "install-torch-build unsafe"

FIRING = {
    "whether its import fails is not known": Fires(
        of(ext(GUARD), imports=[b.importing(ext(GUARD), "unsure")]),
        fault(GUARD, severity=WARNING),
        [MOVE],
        gaps=["ext"],
    ),
    "its import was not followed to the end": Fires(
        of(ext(GUARD), imports=[b.importing(ext(GUARD), "works", whole=False)]),
        fault(GUARD, severity=WARNING),
        [MOVE],
        gaps=["ext"],
    ),
    "compiled code names it": Fires(
        of(ext(GUARD), imports=[b.importing(ext(GUARD), "works", named=[ext(GUARD).path])]),
        fault(GUARD, severity=WARNING),
        [MOVE],
        gaps=["ext"],
    ),
    "no import tells of it": Fires(
        of(ext(GUARD, opened_by=None, module=False)),
        fault(GUARD, severity=WARNING),
        [MOVE],
        gaps=["ext"],
    ),
    "its import works without": Fires(
        of(ext(GUARD), imports=[b.importing(ext(GUARD), "works")]),
        fault(GUARD, severity=ADVICE),
        [MOVE],
    ),
    "its import does without in silence": Fires(
        of(ext(GUARD), imports=[b.sparing(ext(GUARD))]),
        fault(GUARD, severity=ADVICE, evidence=[b.tried("ext")]),
        [MOVE],
    ),
    "its import works without, and says so": Fires(
        of(ext(GUARD), imports=[b.sparing(ext(GUARD), said=True)]),
        fault(GUARD, severity=WARNING, evidence=[b.tried("ext")]),
        [MOVE],
    ),
    "all code for a GPU is lost": Fires(
        of(
            ext(GUARD, code=b.code("sm_89")),
            imports=[b.importing(ext(GUARD), "works")],
        ),
        fault(GUARD),
        [MOVE],
    ),
    "other code for a GPU is there": Fires(
        of(
            ext(GUARD, code=b.code("sm_89")),
            ext(file="other.so", code=b.code("sm_89")),
            imports=[b.importing(ext(GUARD), "works")],
        ),
        fault(GUARD, severity=ADVICE),
        [MOVE],
    ),
    "its import fails, because of missing torch": Fires(
        of(
            ext(GUARD, module=False),
            imports=[b.importing(ext(GUARD), library=None, missing="torch", chain=[])],
            **NO_TORCH,
        ),
        fault(GUARD, lacks="no torch here defines"),
        [MOVE],
    ),
    "a module of it fails": Fires(
        of(ext(GUARD), imports=[b.importing(ext(GUARD), module="ext.ops", part_of="ext")]),
        fault(GUARD, severity=WARNING, evidence=["import ext.ops fails", b.way("ext")[1]]),
        [MOVE],
    ),
    "a call fails": Fires(
        of(
            ext(GUARD),
            imports=[
                b.importing(ext(GUARD), "works"),
                b.importing(ext(GUARD), module="ext.ops", part_of="ext", call="load"),
            ],
        ),
        fault(GUARD, severity=WARNING, evidence=["ext.ops.load() fails", b.way("ext")[1]]),
        [MOVE],
    ),
    "its import fails by it": Fires(
        of(ext(GUARD), imports=[b.importing(ext(GUARD))]),
        fault(GUARD, evidence=b.way("ext")),
        [MOVE],
    ),
    "torch is older": Fires(of(ext(GUARD)), fault(GUARD), [MOVE]),
    "what torch has lost": Fires(
        of(ext(STRING_0)),
        fault(STRING_0, origin="; it is built for torch 1.13 or newer, loads with 1.13 – 2.6"),
        [MOVE],
    ),
    "the other spelling is not all that is lacking": Fires(
        of(ext(GUARD, STRING_1), exports=[STRING_0], torch="2.5.1+cu124"),
        fault(GUARD, STRING_1, torch="torch 2.5.1+cu124"),
        [MOVE],
    ),
    "it says that it is for another torch": Fires(
        of(
            ext(STRING_0),
            exports=[STRING_1],
            dists=[b.dist("ext", "1.2", requires=["torch==2.6.0"])],
        ),
        fault(STRING_0, origin="; it is built for torch 1.13 or newer, loads with 1.13 – 2.6"),
        [MOVE],
    ),
    "no torch has them all": Fires(
        of(ext(GUARD, STRING_0)),
        fault(GUARD, STRING_0, origin="; no known torch release has all of its symbols"),
    ),
    "newer than every known torch": Fires(
        of(ext(NOWHERE)),
        fault(
            NOWHERE,
            origin="; it is built for a newer torch than 2.15.0, the newest known here",
        ),
    ),
    "the history is of x86-64": Fires(
        of(ext(GUARD), host=b.host(machine="aarch64")), fault(GUARD, origin="")
    ),
    "the history is of Linux": Fires(
        of(ext(GUARD), host=b.host(os="Windows")), fault(GUARD, origin="")
    ),
    "torch cannot be read": Fires(of(ext(GUARD), torch=None), fault(GUARD, torch="torch"), [MOVE]),
    "no torch": Fires(
        of(ext(GUARD), **NO_TORCH), fault(GUARD, lacks="no torch here defines"), [MOVE]
    ),
    "one of two libraries is imported": Fires(
        of(ext(GUARD, opened_by=None, file="z.so"), ext(GUARD, file="a.so")),
        fault(GUARD, files=["z.so", "a.so"]),
        [MOVE],
    ),
    "what is imported lacks nothing": Fires(
        of(
            ext(GUARD, opened_by=None, file="z.so"),
            ext(file="a.so"),
            imports=[b.importing(ext(file="a.so"), "works")],
        ),
        fault(GUARD, severity=ADVICE, files=["z.so"]),
        [MOVE],
    ),
    "ten lines of evidence at most": Fires(
        of(*(ext(GUARD, file=f"{n}.so") for n in range(10, 22))),
        fault(GUARD, files=[f"{n}.so" for n in range(10, 22)]),
        [MOVE],
    ),
    "cut short by a missing library, and the history tells": Fires(
        of(cut(GUARD, STRING_1)), fault(GUARD), [MOVE]
    ),
    "two extensions": Fires(
        of(ext(GUARD, owner="z"), ext(GUARD, owner="a"), dists=[]),
        [fault(GUARD, owner=n, label=n, folder=f"{b.SITE}/{n}") for n in ("a", "z")],
        [MOVE],
    ),
    "its source is here": Fires(
        of(ext(GUARD), dists=[b.dist("ext", "1.2", direct_url="file:///src/ext")]),
        fault(GUARD),
        [MOVE, "rebuild-for-torch safe"],
    ),
    "no distribution owns it": Fires(
        of(lone(GUARD)),
        fault(
            GUARD,
            owner=f"/src/project/ext/{MODULE}",
            label=f"/src/project/ext/{MODULE}",
            folder="/src/project/ext",
        ),
        [MOVE, "rebuild-for-torch safe"],
    ),
    "a companion of torch": Fires(
        of(ext(GUARD, owner="torchvision"), dists=[b.dist("torchvision", "0.23.0")]),
        fault(
            GUARD,
            owner="torchvision",
            label="torchvision 0.23.0",
            folder=f"{b.SITE}/torchvision",
        ),
        ["match-torch-family unsafe"],
    ),
    "gpufix has a replacement": Fires(
        of(ext(GUARD, owner="fused-ssim"), dists=[b.dist("fused-ssim")]),
        fault(GUARD, owner="fused-ssim", label="fused-ssim 1.0", folder=f"{b.SITE}/fused-ssim"),
        [MOVE, "install-fallback unsafe"],
    ),
}

test_silent, test_firing = rows(undefined_torch_symbol, SILENT, FIRING)

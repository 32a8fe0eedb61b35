"""ABI301: the std::string of an extension's symbols against torch's."""

from __future__ import annotations

import builders as b
from rows import Fires, rows
from torch_extensions import GUARD, MODULE, SPELT, STRING_0, STRING_1, ext, lone, of

from gpufix.checks.abi.abi301_cxx11_abi_mismatch import cxx11_abi_mismatch
from gpufix.checks.registry import ERROR, Fault
from gpufix.model.payload import ExtensionModules

FILES = ("a.so", "b.so", "c.so", "d.so")
BUILT = [b.dist("ext", "1.2", direct_url="file:///src/ext")]
NAMES = {STRING_0: SPELT[STRING_0], STRING_1: SPELT[STRING_0].replace("std::", "std::__cxx11::")}


def fault(
    label: str, mine: int, torch: str, *files: str, owner: str = "ext", paths: tuple[str, ...] = ()
) -> Fault:
    wanted, has = (STRING_1, STRING_0) if mine else (STRING_0, STRING_1)
    return Fault(
        ERROR,
        owner,
        f"{label} is built with _GLIBCXX_USE_CXX11_ABI={mine}; {torch} has {1 - mine}.",
        evidence=(
            f"{', '.join(files or (MODULE,))} asks for {NAMES[wanted]} ({wanted})",
            f"torch has {NAMES[has]} ({has})",
        ),
        breaks=(f"abi:{owner}", f"load:{owner}", f"symbols:{owner}"),
        needs=(f"source-abi:{owner}", f"family:{owner}"),
        payload=ExtensionModules(owner, paths or (f"{b.SITE}/{owner}/{MODULE}",)),
    )


OURS = fault("ext 1.2", 0, "torch 2.7.1+cu128")

SILENT = {
    "nothing is lacking": of(ext(), exports=[STRING_1]),
    "no extension": of(),
    "torch's own library": of(ext(STRING_0, owner="torch"), exports=[STRING_1]),
    "it does not link torch": of(ext(STRING_0, links_torch=False), exports=[STRING_1]),
    "torch has neither spelling": of(ext(STRING_0)),
    "another name is lacking too": of(ext(STRING_0, GUARD), exports=[STRING_1]),
    "it says that it is for another torch": of(
        ext(STRING_0), exports=[STRING_1], dists=[b.dist("ext", "1.2", requires=["torch==2.6.0"])]
    ),
}

MOVE = "install-torch-build unsafe"

FIRING = {
    "0 against 1": Fires(of(ext(STRING_0), exports=[STRING_1]), OURS, [MOVE]),
    "1 against 0": Fires(
        of(ext(STRING_1), exports=[STRING_0], torch="2.5.1+cu124"),
        fault("ext 1.2", 1, "torch 2.5.1+cu124"),
        [MOVE],
    ),
    "torch is for the CPU, as the nearest that fits": Fires(
        of(ext(STRING_0), exports=[STRING_1], torch="2.7.1+cpu", gpus=[]),
        fault("ext 1.2", 0, "torch 2.7.1+cpu"),
        [MOVE],
    ),
    "no GPU is known that another torch would have to serve": Fires(
        of(ext(STRING_0), exports=[STRING_1], gpus=[]), OURS
    ),
    "it asks for another package that is not there": Fires(
        of(
            ext(STRING_0),
            exports=[STRING_1],
            dists=[
                b.dist("ext", "1.2", requires=["numpy"]),
                b.dist("a", requires=["torch==2.6.0"]),
            ],
        ),
        OURS,
        [MOVE],
    ),
    "torch's version is not known": Fires(
        of(ext(STRING_0), exports=[STRING_1], torch=None), fault("ext 1.2", 0, "torch"), [MOVE]
    ),
    "several files, one name": Fires(
        of(*(ext(STRING_0, file=f) for f in FILES[::-1]), ext(file="e.so"), exports=[STRING_1]),
        fault(
            "ext 1.2",
            0,
            "torch 2.7.1+cu128",
            *FILES,
            paths=tuple(f"{b.SITE}/ext/{file}" for file in FILES),
        ),
        [MOVE],
    ),
    "two extensions": Fires(
        of(ext(STRING_0, owner="b"), ext(STRING_0, owner="a"), exports=[STRING_1], dists=[]),
        [
            fault("a", 0, "torch 2.7.1+cu128", owner="a"),
            fault("b", 0, "torch 2.7.1+cu128", owner="b"),
        ],
        [MOVE],
    ),
    "its source is here": Fires(
        of(ext(STRING_0), exports=[STRING_1], dists=BUILT), OURS, [MOVE, "rebuild-for-torch safe"]
    ),
    "built in the project": Fires(
        of(lone(STRING_0), exports=[STRING_1]),
        fault(
            f"/src/project/ext/{MODULE}",
            0,
            "torch 2.7.1+cu128",
            owner=f"/src/project/ext/{MODULE}",
            paths=(f"/src/project/ext/{MODULE}",),
        ),
        offers=[MOVE, "rebuild-for-torch safe"],
    ),
    "a companion of torch": Fires(
        of(
            ext(STRING_0, owner="torchvision"),
            exports=[STRING_1],
            dists=[b.dist("torchvision", "0.22.1")],
        ),
        fault("torchvision 0.22.1", 0, "torch 2.7.1+cu128", owner="torchvision"),
        offers=["match-torch-family unsafe"],
    ),
    "gpufix has a replacement": Fires(
        of(
            ext(STRING_0, owner="fused-ssim"),
            exports=[STRING_1],
            dists=[b.dist("fused-ssim", "1.0.0")],
        ),
        fault("fused-ssim 1.0.0", 0, "torch 2.7.1+cu128", owner="fused-ssim"),
        offers=["install-fallback unsafe", MOVE],
    ),
}

test_silent, test_firing = rows(cxx11_abi_mismatch, SILENT, FIRING)

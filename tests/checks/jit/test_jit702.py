"""JIT702: CMake caches and libraries of another torch or Python in the project."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.jit.jit702_stale_build import stale_build
from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import CMakeCache, Library, Problem
from gpufix.model.payload import StaleBuild

ROOT = "/src/project"
CACHE = f"{ROOT}/build/CMakeCache.txt"
OFFER = ["clear-stale-build safe"]
HERE = f"{b.SITE}/torch/share/cmake/Torch"
OLD = "/opt/old/lib/python3.10/site-packages/torch/share/cmake/Torch"
UNDEFINED = Problem(kind="undefined-symbol", name="_ZN3c10")
DRIVER = Problem(kind="missing-library", name="libcuda.so.1", driver=True)


def cmake(path: str = CACHE, **found: str | None) -> CMakeCache:
    return CMakeCache(path=path, **found)


def caches(*found: CMakeCache, **sections: object) -> View:
    return b.view(b.healthy(project=b.project(cmake_caches=[*found]), **sections))


def built(name: str = "pkg/_C.so", *problems: Problem, **changes: object) -> Library:
    base = {"links_torch": True, "problems": [*problems]}
    return Library(path=f"{ROOT}/{name}", **(base | changes))


def libraries(*found: Library, known: tuple[Library, ...] = (), **sections: object) -> View:
    """Those found in the project are in the scan, unless `known` says which are."""
    project = b.project(libraries=[x.path for x in found])
    return b.view(b.healthy(project=project, binaries=b.binaries(*(known or found)), **sections))


def configured(what: str, path: str = CACHE) -> Fault:
    name = path.removeprefix(f"{ROOT}/")
    return Fault(
        WARNING,
        name,
        f"{name} was configured with {what}.",
        evidence=(path,),
        payload=StaleBuild(path),
    )


def unloadable(*shown: str) -> Fault:
    path = f"{ROOT}/pkg/_C.so"
    return Fault(
        WARNING,
        "pkg/_C.so",
        f"pkg/_C.so was built in place, and cannot be loaded with torch 2.9.0+cu128: {shown[0]}.",
        evidence=shown,
        breaks=(f"family:{path}",),
        needs=("torch",),
        payload=StaleBuild(path),
    )


ELSEWHERE = configured(f"the torch in {OLD}; this patient's is in {b.SITE}/torch")
LACKS = unloadable("undefined symbol _ZN3c10")
MANY = [Problem(kind="undefined-symbol", name=f"f{i}") for i in range(6)]

SILENT = {
    "no project": b.view(b.healthy(project=None)),
    "nothing was built": b.view(b.healthy()),
    "configured with this torch": caches(cmake(torch_dir=HERE, python="/opt/old/bin/python")),
    "configured with this Python": caches(cmake(python="/env/bin/python3")),
    "configured with its base": caches(cmake(python="/usr/bin/python3.11")),
    "configured with neither": caches(cmake()),
    "configured, and no torch": caches(
        cmake(torch_dir=OLD), cmake(python="/opt/bin/python"), torch=None
    ),
    "configured, and no Python": caches(cmake(python="/opt/bin/python"), python=None),
    "a library that loads": libraries(built()),
    "a library that lacks a driver": libraries(built("pkg/_C.so", DRIVER)),
    "a library that has nothing to do with torch": libraries(
        built("pkg/_C.so", UNDEFINED, links_torch=False)
    ),
    "a library that was not read": libraries(built("pkg/_C.so"), known=(built("x.so", UNDEFINED),)),
    "a library that a distribution owns": libraries(
        built("pkg/_C.so", UNDEFINED, distribution="pkg")
    ),
    "a library, and no torch": libraries(built("pkg/_C.so", UNDEFINED), torch=None),
}

FIRING = {
    "configured with another torch": Fires(
        caches(cmake(torch_dir=OLD, python="/env/bin/python")), ELSEWHERE, offers=OFFER
    ),
    "with one whose folder begins alike": Fires(
        caches(cmake(torch_dir=f"{b.SITE}/torch-old/share/cmake/Torch")),
        configured(
            f"the torch in {b.SITE}/torch-old/share/cmake/Torch; this patient's is in "
            f"{b.SITE}/torch"
        ),
        offers=OFFER,
    ),
    "with another Python": Fires(
        caches(cmake(python="/opt/bin/python")),
        configured("/opt/bin/python; this patient's Python is /env/bin/python"),
        offers=OFFER,
    ),
    "with one whose folder begins like its base's": Fires(
        caches(cmake(python="/usr-old/bin/python")),
        configured("/usr-old/bin/python; this patient's Python is /env/bin/python"),
        offers=OFFER,
    ),
    "with one whose folder begins like its own": Fires(
        caches(cmake(python="/env2/bin/python")),
        configured("/env2/bin/python; this patient's Python is /env/bin/python"),
        offers=OFFER,
    ),
    "one that fits, then one that does not": Fires(
        caches(cmake(f"{ROOT}/a/CMakeCache.txt", torch_dir=HERE), cmake(torch_dir=OLD)),
        ELSEWHERE,
        offers=OFFER,
    ),
    "a library that does not load": Fires(
        libraries(built("pkg/_C.so", DRIVER, UNDEFINED)), LACKS, offers=OFFER
    ),
    "a distribution's, then the project's own": Fires(
        libraries(built("a.so", UNDEFINED, distribution="a"), built("pkg/_C.so", UNDEFINED)),
        LACKS,
        offers=OFFER,
    ),
    "five reasons are shown": Fires(
        libraries(built("pkg/_C.so", *MANY)),
        unloadable(*(f"undefined symbol f{i}" for i in range(5))),
        offers=OFFER,
    ),
}

test_silent, test_firing = rows(stale_build, SILENT, FIRING)

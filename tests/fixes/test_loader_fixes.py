"""Fixes of what the loader would refuse: old C++ libraries, copies found first, leftovers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import builders as b
import pytest
from torch_extensions import GUARD, ext, of

from gpufix.checks.abi.abi302_libstdcxx_too_old import libstdcxx_too_old
from gpufix.checks.abi.abi304_python_tag_mismatch import python_tag_mismatch
from gpufix.checks.judge import run_check
from gpufix.checks.registry import ERROR, Fault, declared
from gpufix.checks.symbols.sym401_undefined_torch_symbol import undefined_torch_symbol
from gpufix.checks.symbols.sym402_missing_library import missing_library
from gpufix.checks.symbols.sym403_undefined_library_symbol import undefined_library_symbol
from gpufix.evidence.view import View
from gpufix.fixes.abi.advise_newer_system import advise_newer_system
from gpufix.fixes.abi.preload_libstdcxx import preload_libstdcxx
from gpufix.fixes.abi.remove_leftover_module import remove_leftover_module
from gpufix.fixes.abi.update_conda_libstdcxx import update_conda_libstdcxx
from gpufix.fixes.gpu.install_torch_build import install_torch_build
from gpufix.fixes.rebuild import rebuild_for_system
from gpufix.fixes.runtime.trim_library_path import trim_library_path
from gpufix.fixes.wheels.install_declared import install_declared
from gpufix.model import (
    Advise,
    Build,
    CondaPackage,
    CxxLibrary,
    Environment,
    Install,
    Library,
    Plan,
    Problem,
    Remove,
    SetVariables,
    Skip,
)
from gpufix.model.payload import MissingLibrary

Offer = Plan | Skip | None
SYSTEM, OLD = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/opt/old/libstdc++.so.6"
CONDA, LIBC = "/env/lib/libstdc++.so.6", "/lib/x86_64-linux-gnu/libc.so.6"


def offer(check: Any, fix: Callable[..., Offer], view: View) -> Offer:
    (finding,) = run_check(declared(check), view)
    return fix(finding, view)


def needs(*versions: str, at: str, why: str | None, **sections: Any) -> View:
    """An extension that needs versions of a library found in one way; the system is Debian 12."""
    problems = [Problem(kind="missing-version", name=v, provider=at, why=why) for v in versions]
    library = b.library("ext/_C.so", distribution="ext", module=True, problems=problems)
    host = b.host(libc_version="2.36", libstdcxx=SYSTEM, glibcxx="3.4.30", cxxabi="1.3.13")
    base = {"host": host, "binaries": b.binaries(library)}
    return b.view(b.healthy(**(base | sections)))


def packages(*names: str) -> dict[str, Any]:
    """A conda environment with these packages."""
    rows = [
        CondaPackage(name=n, version="11.2.0", prefix="/env", metadata=f"/env/conda-meta/{n}.json")
        for n in names
    ]
    return {"python": b.python(kind="conda"), "conda_packages": rows}


CONDA_INSTALLS = {
    "the old name": (["GLIBCXX_3.4.32"], CONDA, "RPATH", ["libstdcxx-ng"], "libstdcxx-ng>=13.2"),
    "the new name": (["GLIBCXX_3.4.32"], CONDA, "RPATH", ["libstdcxx"], "libstdcxx>=13.2"),
    "its wrapper beside it": (
        ["GLIBCXX_3.4.34"],
        CONDA,
        None,
        ["libstdcxx-ng", "libstdcxx"],
        "libstdcxx>=15.1",
    ),
    "the newest of several": (
        ["CXXABI_1.3.15", "GLIBCXX_3.4.9", "GLIBCXX_3.4.26"],
        CONDA,
        "RPATH",
        ["libstdcxx-ng"],
        "libstdcxx-ng>=14.1",
    ),
    "none of its own": (["GLIBCXX_3.4.32"], SYSTEM, "cache", [], "libstdcxx-ng>=13.2"),
    "none of its own, the default folder": (
        ["GLIBCXX_3.4.32"],
        SYSTEM,
        "default",
        [],
        "libstdcxx-ng>=13.2",
    ),
    "newer than the table": (["GLIBCXX_3.4.99"], CONDA, "RPATH", ["libstdcxx-ng"], None),
    "glibc is none of conda's": (["GLIBC_2.38"], LIBC, "cache", [], None),
}


@pytest.mark.parametrize("case", CONDA_INSTALLS)
def test_conda_installs_a_newer_libstdcxx(case: str) -> None:
    versions, at, why, names, spec = CONDA_INSTALLS[case]
    found = offer(
        libstdcxx_too_old,
        update_conda_libstdcxx,
        needs(*versions, at=at, why=why, **packages(*names)),
    )
    if spec is None:
        assert isinstance(found, Skip) and "is not known here" in found.reason
        return
    assert isinstance(found, Plan) and found.safety == "manual"
    (step,) = found.steps
    assert isinstance(step, Advise)
    assert step.command == f"conda install --prefix /env '{spec}'"
    assert (
        found.title == f"have conda install the libstdc++ of GCC {spec.partition('>=')[2]} or newer"
    )


NOT_CONDAS = {
    "no conda environment": needs("GLIBCXX_3.4.32", at=CONDA, why="RPATH"),
    "conda's is there, and another is found": needs(
        "GLIBCXX_3.4.32", at=SYSTEM, why="cache", **packages("libstdcxx-ng")
    ),
    "a stray copy": needs("GLIBCXX_3.4.32", at=OLD, why="LD_LIBRARY_PATH", **packages()),
    "no Python": needs("GLIBCXX_3.4.32", at=CONDA, why="RPATH", python=None),
}


@pytest.mark.parametrize("case", NOT_CONDAS)
def test_conda_would_change_nothing(case: str) -> None:
    assert offer(libstdcxx_too_old, update_conda_libstdcxx, NOT_CONDAS[case]) is None


SYSTEMS: dict[str, tuple[View, list[str]]] = {
    "glibc": (
        needs("GLIBC_2.38", at=LIBC, why="cache"),
        [
            "glibc is the system's own, which has 2.36, and changes with it: GLIBC_2.38 takes a newer"
        ],
    ),
    "glibc of unknown version": (
        needs("GLIBC_2.38", at=LIBC, why="cache", host=b.host(libc_version=None)),
        ["glibc is the system's own, and changes with it"],
    ),
    "libstdc++": (
        needs("GLIBCXX_3.4.32", at=SYSTEM, why=None),
        ["brings the libstdc++ of GCC 13.2 or newer."],
    ),
    "libstdc++ elsewhere in the cache": (
        needs("GLIBCXX_3.4.32", at="/usr/local/lib64/libstdc++.so.6", why="cache"),
        ["brings the libstdc++ of GCC 13.2 or newer."],
    ),
    "libstdc++ in a default folder": (
        needs("GLIBCXX_3.4.32", at="/usr/lib64/libstdc++.so.6", why="default"),
        ["brings the libstdc++ of GCC 13.2 or newer."],
    ),
    "newer than the table": (
        needs("GLIBCXX_3.4.99", at=SYSTEM, why="cache"),
        ["a container of one, brings a newer one."],
    ),
    "a wheel for a newer glibc": (
        needs(
            "GLIBC_2.38",
            at=LIBC,
            why="cache",
            distributions=[b.dist("ext", "1.2", tags=["cp311-cp311-manylinux_2_39_x86_64"])],
        ),
        ["takes a newer system", "Its wheel is for glibc 2.39"],
    ),
    "a wheel that is for this glibc too": (
        needs(
            "GLIBC_2.38",
            at=LIBC,
            why="cache",
            distributions=[
                b.dist(
                    "ext",
                    tags=["cp311-cp311-manylinux_2_36_x86_64", "cp311-cp311-manylinux_2_39_x86_64"],
                )
            ],
        ),
        ["takes a newer system"],
    ),
    "a wheel that says nothing": (
        needs(
            "GLIBC_2.38",
            at=LIBC,
            why="cache",
            distributions=[b.dist("ext", tags=["cp311-cp311-linux_x86_64"])],
        ),
        ["takes a newer system"],
    ),
    "a wheel, and a libstdc++ too old": (
        needs(
            "GLIBCXX_3.4.32",
            at=SYSTEM,
            why="cache",
            distributions=[b.dist("ext", tags=["cp311-cp311-manylinux_2_39_x86_64"])],
        ),
        ["brings the libstdc++ of GCC 13.2 or newer."],
    ),
}


@pytest.mark.parametrize("case", SYSTEMS)
def test_a_newer_system(case: str) -> None:
    view, texts = SYSTEMS[case]
    plan = offer(libstdcxx_too_old, advise_newer_system, view)
    assert isinstance(plan, Plan) and plan.safety == "manual"
    steps = [step for step in plan.steps if isinstance(step, Advise)]
    assert len(steps) == len(texts)
    for step, text in zip(steps, texts, strict=True):
        assert text in step.text
    commands = [step.command for step in steps]
    assert (
        commands
        == [None, "/env/bin/python -m pip install --force-reinstall --no-deps ext==1.2"][
            : len(texts)
        ]
    )


@pytest.mark.parametrize(("at", "why"), [(CONDA, "RPATH"), (OLD, "LD_LIBRARY_PATH"), (OLD, None)])
def test_a_newer_system_would_change_nothing(at: str, why: str | None) -> None:
    view = needs("GLIBCXX_3.4.32", at=at, why=why)
    assert offer(libstdcxx_too_old, advise_newer_system, view) is None


BUILT = [b.dist("ext", direct_url="file:///src/ext")]
GCC_13 = {"tools": [b.tool("g++", "13.2.0")], "distributions": BUILT}

REBUILDS: dict[str, tuple[View, str | None]] = {
    "the compiler is older": (
        needs("GLIBCXX_3.4.32", at=CONDA, why="RPATH", distributions=BUILT),
        None,
    ),
    "the compiler is as new": (
        needs("GLIBCXX_3.4.32", at=CONDA, why="RPATH", **GCC_13),
        "g++ 13.2.0 brings GLIBCXX_3.4.32 too, and would ask for it again",
    ),
    "as new as the lower of two": (
        needs("CXXABI_1.3.13", "GLIBCXX_3.4.32", at=CONDA, why="RPATH", distributions=BUILT),
        "g++ 12.2.0 brings CXXABI_1.3.13 too, and would ask for it again",
    ),
    "it links the copy that is loaded": (
        needs("GLIBCXX_3.4.32", at=SYSTEM, why="cache", **GCC_13),
        None,
    ),
    "glibc": (needs("GLIBC_2.38", at=LIBC, why="cache", **GCC_13), None),
    "a version of no GCC known": (needs("GLIBCXX_3.4.99", at=CONDA, why="RPATH", **GCC_13), None),
    "clang": (
        needs(
            "GLIBCXX_3.4.32",
            at=CONDA,
            why="RPATH",
            tools=[b.tool("clang++", "19.1.0")],
            distributions=BUILT,
            environment=b.environment(CC="clang++"),
        ),
        None,
    ),
    "a compiler of unknown version": (
        needs(
            "GLIBCXX_3.4.32",
            at=CONDA,
            why="RPATH",
            tools=[b.tool("g++", None)],
            distributions=BUILT,
        ),
        None,
    ),
    "the source is gone": (
        needs(
            "GLIBCXX_3.4.32",
            at=CONDA,
            why="RPATH",
            distributions=[b.dist("ext", direct_url="file:///src/ext", gone=True)],
        ),
        "the source it was built from is gone: /src/ext",
    ),
    "the source of an editable install is gone": (
        needs(
            "GLIBCXX_3.4.32",
            at=CONDA,
            why="RPATH",
            distributions=[b.dist("ext", editable="/src/my", gone=True)],
        ),
        "the source it was built from is gone: /src/my",
    ),
    "the source is not known": (
        needs("GLIBCXX_3.4.32", at=CONDA, why="RPATH"),
        "where the source of ext lies is not known",
    ),
}


@pytest.mark.parametrize("case", REBUILDS)
def test_a_rebuild_asks_for_less(case: str) -> None:
    view, reason = REBUILDS[case]
    found = offer(libstdcxx_too_old, rebuild_for_system, view)
    if reason is not None:
        assert isinstance(found, Skip) and found.reason == reason
        return
    assert isinstance(found, Plan) and found.safety == "safe"
    assert found.title == "rebuild ext with this system's libraries"
    (step,) = found.steps
    assert isinstance(step, Build) and (step.path, step.expect_archs) == ("/src/ext", [])


NCCL = "nvidia-nccl-cu12"
PINNING = b.dist("torch", "2.9.0+cu128", requires=[f"{NCCL}==2.27.5"])
PINNED, OLDER = b.dist(NCCL, "2.27.5"), b.dist(NCCL, "2.21.5")


def older_nccl(
    path: str,
    *dists: Any,
    at: str = "/opt/nccl/lib/libnccl.so.2",
    why: str | None = "LD_LIBRARY_PATH",
) -> View:
    problem = Problem(kind="undefined-symbol", name="ncclNew", provider=at, why=why)
    library = b.library("torch/lib/libtorch_cuda.so", distribution="torch", problems=[problem])
    facts = b.healthy(
        distributions=[PINNING, *dists],
        binaries=b.binaries(library),
        environment=Environment(
            process={"LD_LIBRARY_PATH": path},
            profile={"LD_LIBRARY_PATH": ["~/.bashrc:7: export LD_LIBRARY_PATH=/opt/nccl/lib"]},
        ),
        answers={"demangle:ncclNew": "ncclNew"},
    )
    return b.view(facts)


def trimmed(view: View) -> tuple[str | None, list[str]]:
    """LD_LIBRARY_PATH as the plan leaves it, and what the plan installs."""
    plan = offer(undefined_library_symbol, trim_library_path, view)
    assert isinstance(plan, Plan) and plan.safety == "safe" and plan.for_this_torch
    assert plan.title == "take /opt/nccl/lib out of LD_LIBRARY_PATH"
    assert plan.notes == ["set by ~/.bashrc:7: export LD_LIBRARY_PATH=/opt/nccl/lib"]
    first, *rest = plan.steps
    assert isinstance(first, SetVariables)
    installs = [r for step in rest if isinstance(step, Install) for r in step.install]
    assert len(installs) == len(rest)
    return first.variables["LD_LIBRARY_PATH"], installs


TRIMMED = {
    "the only folder": (older_nccl("/opt/nccl/lib", PINNED), None, []),
    "one of several": (older_nccl("/a:/opt/nccl/lib:/b", PINNED), "/a:/b", []),
    "twice, spelt otherwise, with semicolons": (
        older_nccl("/a;/opt/nccl/lib/;/opt/x/../nccl/lib", PINNED),
        "/a",
        [],
    ),
    "in a folder for newer processors": (
        older_nccl(
            "/opt/nccl/lib:/b",
            PINNED,
            at="/opt/nccl/lib/glibc-hwcaps/x86-64-v3/libnccl.so.2",
        ),
        "/b",
        [],
    ),
    "what was loaded before found it": (older_nccl("/opt/nccl/lib", PINNED, why=None), None, []),
    "the pinned wheel is absent": (older_nccl("/opt/nccl/lib"), None, [f"{NCCL}==2.27.5"]),
    "another version of it is here": (
        older_nccl("/opt/nccl/lib", OLDER),
        None,
        [f"{NCCL}==2.27.5"],
    ),
}


@pytest.mark.parametrize("case", TRIMMED)
def test_a_folder_goes_out_of_the_library_path(case: str) -> None:
    view, path, installs = TRIMMED[case]
    assert trimmed(view) == (path, installs)
    skip = offer(undefined_library_symbol, install_declared, view)
    assert isinstance(skip, Skip)
    assert skip.reason == "/opt/nccl/lib stands in LD_LIBRARY_PATH and would still come first"


UNTRIMMED = {
    "another rule of the loader found it": older_nccl("/opt/nccl/lib", why="RPATH"),
    "the variable does not name its folder": older_nccl("/opt/nccl", PINNED),
    "the variable is empty": older_nccl("", PINNED, why=None),
    "the wheel's own folder": older_nccl(
        f"{b.SITE}/nvidia/nccl/lib", OLDER, at=f"{b.SITE}/nvidia/nccl/lib/libnccl.so.2"
    ),
}


@pytest.mark.parametrize("case", UNTRIMMED)
def test_the_library_path_is_not_at_fault(case: str) -> None:
    view = UNTRIMMED[case]
    assert offer(undefined_library_symbol, trim_library_path, view) is None
    assert isinstance(offer(undefined_library_symbol, install_declared, view), Plan)


@pytest.mark.parametrize(("wheels", "planned"), [(("triton",), True), ((), False)])
def test_what_no_wheel_lacks_is_not_installed_again(wheels: tuple[str, ...], planned: bool) -> None:
    torch = b.dist("torch", "2.9.0", requires=["triton==3.5.0"])
    view = b.view(b.healthy(distributions=[torch, b.dist("triton", "3.5.0")]))
    payload = MissingLibrary("triton", wheels)
    fault = Fault(ERROR, "triton", "triton needs libx.so", payload=payload)
    found = install_declared(declared(missing_library).finding(fault), view)
    assert isinstance(found, Plan) is planned


STRAYS: dict[str, tuple[list[str], str, bool]] = {
    "the system's is newer": (["GLIBCXX_3.4.29"], OLD, True),
    "it has just that": (["CXXABI_1.3.13", "GLIBCXX_3.4.30"], OLD, True),
    "it is too old": (["GLIBCXX_3.4.31"], OLD, False),
    "it is too old for one of two": (["CXXABI_1.3.14", "GLIBCXX_3.4.29"], OLD, False),
    "a version of another library": (["OPENSSL_3.3.0"], OLD, False),
    "the copy is the system's": (["GLIBCXX_3.4.29"], SYSTEM, False),
}


@pytest.mark.parametrize("case", STRAYS)
def test_a_stray_libstdcxx(case: str) -> None:
    versions, at, good = STRAYS[case]
    folder = at.rpartition("/")[0]
    environment = b.environment(LD_LIBRARY_PATH=f"/a:{folder}")
    view = needs(*versions, at=at, why="LD_LIBRARY_PATH", environment=environment)
    found = offer(libstdcxx_too_old, trim_library_path, view)
    if good:
        assert isinstance(found, Plan) and not found.for_this_torch
        assert found.steps == [SetVariables(variables={"LD_LIBRARY_PATH": "/a"})]
    else:
        assert isinstance(found, Skip)
        reason = f"{folder} stands in LD_LIBRARY_PATH; no other copy is known here that would do"
        assert found.reason == reason


def test_the_systems_libstdcxx_is_not_known() -> None:
    view = needs(
        "GLIBCXX_3.4.29",
        at=OLD,
        why="LD_LIBRARY_PATH",
        environment=b.environment(LD_LIBRARY_PATH="/opt/old"),
        host=b.host(),
    )
    assert isinstance(offer(libstdcxx_too_old, trim_library_path, view), Skip)


def copies(*rows: tuple[str, str | None, str | None]) -> dict[str, Any]:
    """The copies of libstdc++ that are here."""
    found = [CxxLibrary(path=p, glibcxx=glibcxx, cxxabi=cxxabi) for p, glibcxx, cxxabi in rows]
    return {"host": b.host(libstdcxx=SYSTEM, cxx_libraries=found)}


NEWER = copies((SYSTEM, "3.4.33", "1.3.15"), (CONDA, "3.4.30", "1.3.13"))
PRELOADS: dict[str, tuple[View, str | None]] = {
    "the system's": (needs("GLIBCXX_3.4.32", at=CONDA, why="RPATH", **NEWER), SYSTEM),
    "the environment's": (
        needs(
            "GLIBCXX_3.4.32",
            at=SYSTEM,
            why="cache",
            **copies((SYSTEM, "3.4.30", "1.3.13"), (CONDA, "3.4.33", "1.3.15")),
        ),
        CONDA,
    ),
    "before what is loaded first already": (
        needs(
            "CXXABI_1.3.15",
            at=CONDA,
            why="RPATH",
            environment=b.environment(LD_PRELOAD="/a.so /b.so"),
            **NEWER,
        ),
        f"{SYSTEM}:/a.so:/b.so",
    ),
    "none has one of two versions": (
        needs("CXXABI_1.3.16", "GLIBCXX_3.4.32", at=CONDA, why="RPATH", **NEWER),
        None,
    ),
    "the newest is the one that is taken": (
        needs("GLIBCXX_3.4.34", at=SYSTEM, why="cache", **NEWER),
        None,
    ),
    "what a copy defines is not known": (
        needs("GLIBCXX_3.4.32", at=CONDA, why="RPATH", **copies((SYSTEM, None, None))),
        None,
    ),
}


@pytest.mark.parametrize("case", PRELOADS)
def test_a_newer_libstdcxx_is_loaded_first(case: str) -> None:
    view, value = PRELOADS[case]
    found = offer(libstdcxx_too_old, preload_libstdcxx, view)
    if value is None:
        assert isinstance(found, Skip) and "no libstdc++ that is here defines" in found.reason
    else:
        assert isinstance(found, Plan) and found.safety == "safe"
        assert found.steps == [SetVariables(variables={"LD_PRELOAD": value})]


def test_glibc_and_what_the_library_path_puts_first_are_not_preloaded() -> None:
    libc = needs("GLIBC_2.38", at=LIBC, why="cache", **NEWER)
    first = needs(
        "GLIBCXX_3.4.32",
        at=OLD,
        why="LD_LIBRARY_PATH",
        environment=b.environment(LD_LIBRARY_PATH="/opt/old"),
        **NEWER,
    )
    assert offer(libstdcxx_too_old, preload_libstdcxx, libc) is None
    assert offer(libstdcxx_too_old, preload_libstdcxx, first) is None


def left(*paths: str, owner: str | None = None, **sections: Any) -> View:
    libraries = [
        Library(path=path, distribution=owner, module=True, python_tag="cp310") for path in paths
    ]
    return b.view(b.facts(binaries=b.binaries(*libraries), **sections))


def test_a_leftover_of_the_environment_goes() -> None:
    paths = [f"{b.SITE}/ext/_C.cpython-310-x86_64.so", f"{b.SITE}/ext/_C.cpython-310-aarch64.so"]
    plan = offer(python_tag_mismatch, remove_leftover_module, left(*paths))
    assert isinstance(plan, Plan) and plan.safety == "safe"
    assert plan.steps == [Remove(path=path) for path in paths]
    assert plan.title == "remove _C.cpython-310-x86_64.so, _C.cpython-310-aarch64.so"


KEPT = {
    "a distribution's": (left(f"{b.SITE}/ext/_C.so", owner="ext"), "ext brought it"),
    "the project's": (left("/src/project/_C.so"), "outside of the environment"),
    "a folder beside": (left(f"{b.SITE}-old/_C.so"), "outside of the environment"),
}


@pytest.mark.parametrize("case", KEPT)
def test_a_leftover_that_stays(case: str) -> None:
    view, reason = KEPT[case]
    skip = offer(python_tag_mismatch, remove_leftover_module, view)
    assert isinstance(skip, Skip) and reason in skip.reason


def torch_for(*libraries: Library, **sections: Any) -> Plan | Skip:
    found = offer(undefined_torch_symbol, install_torch_build, of(*libraries, **sections))
    assert isinstance(found, (Plan, Skip))
    return found


def test_torch_moves_to_the_nearest_that_an_extension_loads_with() -> None:
    plan = torch_for(ext(GUARD))
    assert isinstance(plan, Plan) and plan.safety == "unsafe" and plan.moves_torch
    assert [s.install for s in plan.steps if isinstance(s, Install)] == [["torch==2.8.0+cu128"]]


def test_what_torch_moves_for_stays_as_it_is() -> None:
    own = ext(GUARD, owner="flash-attn")
    dists = [b.dist("torch", "2.7.1+cu128"), b.dist("flash-attn", "2.8.0")]
    plan = torch_for(own, distributions=dists)
    assert isinstance(plan, Plan)
    assert [s.install for s in plan.steps if isinstance(s, Install)] == [["torch==2.8.0+cu128"]]


def test_torch_moves_to_one_of_its_abi() -> None:
    plan = torch_for(ext(GUARD, cxx11_abi=False))
    assert isinstance(plan, Skip) and "no listed torch build" in plan.reason


def test_a_companion_follows_torch() -> None:
    skip = torch_for(ext(GUARD, owner="torchvision"), dists=[b.dist("torchvision")])
    assert isinstance(skip, Skip)
    assert skip.reason == "torch is not changed for torchvision, which follows torch"


def test_no_history_no_move() -> None:
    skip = torch_for(ext(GUARD), host=b.host(machine="aarch64"))
    assert isinstance(skip, Skip) and skip.reason == "which torch ext is made for is not known"

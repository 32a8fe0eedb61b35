"""ABI302: symbol versions that the C or C++ library to be loaded does not define."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
from rows import Fires, rows

from gpufix.checks.abi.abi302_libstdcxx_too_old import libstdcxx_too_old
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import CondaPackage, CxxLibrary, Library, OldCxx, Problem, Severity
from gpufix.model.payload import UnfitLibrary

SYSTEM = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
CONDA = "/env/lib/libstdc++.so.6"
OLD = "/opt/old/libstdc++.so.6"
MODULE = "_C.cpython-311-x86_64-linux-gnu.so"
BUILT = b.dist("ext", direct_url="file:///src/ext")
IN_CONDA = {
    "python": b.python(kind="conda"),
    "conda_packages": [
        CondaPackage(
            name="libstdcxx-ng",
            version="11.2.0",
            prefix="/env",
            metadata="/env/conda-meta/libstdcxx-ng-11.2.0.json",
        )
    ],
}


def lacking(*versions: str, at: str | None = CONDA, why: str | None = "RPATH") -> list[Problem]:
    return [Problem(kind="missing-version", name=v, provider=at, why=why) for v in versions]


def module(*problems: Problem, **changes: Any) -> Library:
    base = {"distribution": "ext", "module": True, "problems": list(problems)}
    return b.library(f"{changes.get('distribution', 'ext')}/{MODULE}", **(base | changes))


def of(*libraries: Library, env: dict[str, str] | None = None, **sections: Any) -> View:
    """Debian 12: libstdc++ of GCC 12, glibc 2.36."""
    base = {
        "host": b.host(libc_version="2.36", libstdcxx=SYSTEM, glibcxx="3.4.30", cxxabi="1.3.13"),
        "binaries": b.binaries(*libraries),
        "environment": b.environment(**(env or {})),
    }
    return b.view(b.healthy(**(base | sections)))


def fault(
    *versions: str,
    at: str | None = CONDA,
    why: str | None = "RPATH",
    owner: str = "ext",
    severity: Severity = ERROR,
    evidence: Sequence[str] = (),
    who: str | None = None,
    torch: bool = False,
) -> Fault:
    return Fault(
        severity,
        owner,
        f"{owner} needs {versions[-1]}, which {who or at} does not define.",
        evidence=evidence or tuple(f"{MODULE} needs {v}" for v in versions),
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        needs=(
            *((f"provider:{at}", f"file:{at}") if at else ()),
            *(("torch",) if torch else ()),
        ),
        payload=UnfitLibrary(owner, (), path=at, chosen_by=why, versions=versions),
    )


OTHER = Problem(kind="undefined-symbol", name="gone", provider=CONDA)
GLIBCXX_32 = lacking("GLIBCXX_3.4.32")
GLIBCXX_29 = lacking("GLIBCXX_3.4.29")
GLIBC = lacking("GLIBC_2.38", at=LIBC, why="cache")
STRAY = lacking("GLIBCXX_3.4.29", at=OLD, why="LD_LIBRARY_PATH")
BY_PATH = {"LD_LIBRARY_PATH": "/opt/old"}

BESIDE = OldCxx(
    path=OLD,
    distribution="viewer",
    user="ext",
    library=f"{b.SITE}/ext/{MODULE}",
    versions=["GLIBCXX_3.4.29", "CXXABI_1.3.9"],
)

SILENT = {
    "every version is there": of(module()),
    "no library": of(),
    "a fault of another kind": of(module(OTHER)),
}

NEWER = module(*GLIBCXX_32)

FIRING = {
    "a package brings an older one, which others get": Fires(
        of(
            binaries=replace(b.binaries(module()), old_cxx=[BESIDE]),
            host=b.host(
                libstdcxx=SYSTEM,
                cxx_libraries=[CxxLibrary(path=SYSTEM, glibcxx="3.4.30", cxxabi="1.3.13")],
            ),
        ),
        Fault(
            WARNING,
            "ext",
            f"ext needs GLIBCXX_3.4.29, which {OLD}, viewer's own copy, does not define: where viewer is imported "
            "first, ext does not load.",
            evidence=(f"{MODULE} needs CXXABI_1.3.9, GLIBCXX_3.4.29",),
            payload=UnfitLibrary("ext", (), path=OLD, versions=("CXXABI_1.3.9", "GLIBCXX_3.4.29")),
        ),
        offers=["preload-libstdcxx safe"],
    ),
    "the system's own is newer": Fires(
        of(
            module(*lacking("GLIBCXX_3.4.32")),
            host=b.host(
                libstdcxx=SYSTEM,
                cxx_libraries=[CxxLibrary(path=SYSTEM, glibcxx="3.4.33", cxxabi="1.3.15")],
            ),
        ),
        fault("GLIBCXX_3.4.32"),
        offers=["preload-libstdcxx safe"],
    ),
    "its package works without the module": Fires(
        of(NEWER, binaries=b.binaries(NEWER, imports=[b.importing(NEWER, "works")])),
        fault("GLIBCXX_3.4.32", severity=WARNING),
    ),
    "its package's import fails by it": Fires(
        of(NEWER, binaries=b.binaries(NEWER, imports=[b.importing(NEWER)])),
        fault("GLIBCXX_3.4.32", evidence=[f"{MODULE} needs GLIBCXX_3.4.32", *b.way("ext")]),
    ),
    "an extension module": Fires(of(module(*GLIBCXX_32)), fault("GLIBCXX_3.4.32")),
    "a library that is no module": Fires(
        of(module(*GLIBCXX_32, module=False)), fault("GLIBCXX_3.4.32", severity=WARNING)
    ),
    "one of a distribution's libraries is a module": Fires(
        of(module(*GLIBCXX_32, module=False), module(*GLIBCXX_32)), fault("GLIBCXX_3.4.32")
    ),
    "no distribution owns it": Fires(
        of(module(*GLIBCXX_32, distribution=None)),
        fault("GLIBCXX_3.4.32", owner=f"{b.SITE}/None/{MODULE}"),
    ),
    "the highest by number, not by letter": Fires(
        of(module(*lacking("GLIBCXX_3.4.9", "CXXABI_1.3.15", "GLIBCXX_3.4.32"))),
        fault(
            "CXXABI_1.3.15",
            "GLIBCXX_3.4.9",
            "GLIBCXX_3.4.32",
            evidence=[
                f"{MODULE} needs {v}" for v in ("GLIBCXX_3.4.9", "CXXABI_1.3.15", "GLIBCXX_3.4.32")
            ],
        ),
    ),
    "a version without a number": Fires(
        of(module(*lacking("GLIBC_2.36", "GLIBC_ABI_DT_RELR", at=LIBC, why="cache"))),
        fault(
            "GLIBC_ABI_DT_RELR",
            "GLIBC_2.36",
            at=LIBC,
            why="cache",
            evidence=[f"{MODULE} needs {v}" for v in ("GLIBC_2.36", "GLIBC_ABI_DT_RELR")],
        ),
        offers=["advise-newer-system manual"],
    ),
    "ten lines of evidence at most": Fires(
        of(module(*lacking(*(f"A_{n}" for n in range(10, 22))))),
        fault(
            *(f"A_{n}" for n in range(10, 22)),
            evidence=[f"{MODULE} needs A_{n}" for n in range(10, 20)],
        ),
    ),
    "each of two libraries that lack": Fires(
        of(module(*GLIBC, *GLIBCXX_32)),
        [fault("GLIBCXX_3.4.32"), fault("GLIBC_2.38", at=LIBC, why="cache")],
        offers=["advise-newer-system manual"],
    ),
    "found through RPATH's $ORIGIN": Fires(
        of(module(*lacking("GLIBCXX_3.4.32", at="/env/bin/../lib/libstdc++.so.6"))),
        fault("GLIBCXX_3.4.32"),
    ),
    "which library lacks it is not recorded": Fires(
        of(module(*lacking("GLIBCXX_3.4.32", at=None, why=None))),
        fault("GLIBCXX_3.4.32", at=None, why=None, who="the library that is loaded"),
    ),
    "how the copy was chosen is told once": Fires(
        of(module(*lacking("A_1", why=None), *lacking("A_2"))), fault("A_1", "A_2")
    ),
    "what it needs asks for it": Fires(
        of(
            module(
                Problem(
                    kind="missing-version",
                    name="GLIBCXX_3.4.32",
                    provider=CONDA,
                    why="RPATH",
                    needed_by=f"{b.SITE}/torch/lib/libtorch_cpu.so",
                ),
                links_torch=True,
            ),
        ),
        fault("GLIBCXX_3.4.32", evidence=["libtorch_cpu.so needs GLIBCXX_3.4.32"], torch=True),
    ),
    "one of its libraries links torch": Fires(
        of(module(*GLIBCXX_32), module(*GLIBCXX_32, links_torch=True)),
        fault("GLIBCXX_3.4.32", torch=True),
    ),
    "torch itself": Fires(
        of(module(*GLIBCXX_32, distribution="torch", links_torch=True)),
        fault("GLIBCXX_3.4.32", owner="torch"),
    ),
    "built with a newer GCC than the one here": Fires(
        of(module(*GLIBCXX_32), distributions=[BUILT]),
        fault("GLIBCXX_3.4.32"),
        offers=["rebuild-for-system safe"],
    ),
    "built with the GCC that is here": Fires(
        of(module(*GLIBCXX_29), distributions=[BUILT]), fault("GLIBCXX_3.4.29")
    ),
    "conda's libstdc++": Fires(
        of(module(*GLIBCXX_32), **IN_CONDA),
        fault("GLIBCXX_3.4.32"),
        offers=["update-conda-libstdcxx manual"],
    ),
    "the system's libstdc++": Fires(
        of(
            module(*lacking("GLIBCXX_3.4.32", at=SYSTEM, why="cache")),
            distributions=[BUILT],
            tools=[b.tool("g++", "13.2.0")],
        ),
        fault("GLIBCXX_3.4.32", at=SYSTEM, why="cache"),
        offers=["advise-newer-system manual", "rebuild-for-system safe"],
    ),
    "the system's glibc": Fires(
        of(module(*GLIBC), distributions=[BUILT]),
        fault("GLIBC_2.38", at=LIBC, why="cache"),
        offers=["advise-newer-system manual", "rebuild-for-system safe"],
    ),
    "a stray libstdc++ on LD_LIBRARY_PATH": Fires(
        of(module(*STRAY), env=BY_PATH),
        fault("GLIBCXX_3.4.29", at=OLD, why="LD_LIBRARY_PATH"),
        offers=["trim-library-path safe"],
    ),
    "the system has no better one": Fires(
        of(
            module(*lacking("GLIBCXX_3.4.32", at=OLD, why="LD_LIBRARY_PATH")),
            env=BY_PATH,
        ),
        fault("GLIBCXX_3.4.32", at=OLD, why="LD_LIBRARY_PATH"),
    ),
}

test_silent, test_firing = rows(libstdcxx_too_old, SILENT, FIRING)

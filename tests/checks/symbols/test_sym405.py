"""SYM405: files that are no libraries of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.symbols.sym405_unloadable_library import unloadable_library
from gpufix.evidence.view import View
from gpufix.model import Import, Library, Problem, Severity
from gpufix.model.payload import DamagedDistribution

SHORT, OTHER = "file too short", "built for another processor or word size"
FOO = b.dist("foo", "1.2")
OFFER = ["reinstall-distribution safe"]


def lib(*whats: str, owner: str | None = "foo", file: str = "_x.so", **changes: Any) -> Library:
    problems = [
        Problem(kind="wrong-machine" if what == OTHER else "unusable", name=what) for what in whats
    ]
    return b.library(f"{owner}/{file}", **({"distribution": owner, "problems": problems} | changes))


def of(*libraries: Library, imports: Sequence[Import] = (), dists: Sequence[Any] = (FOO,)) -> View:
    scan = b.binaries(*libraries, imports=imports)
    return b.view(b.healthy(distributions=list(dists), binaries=scan))


def fault(
    what: str,
    *files: str,
    owner: str = "foo",
    severity: Severity = WARNING,
    version: str | None = "1.2",
    way: Sequence[str] = (),
) -> Fault:
    files = files or ("_x.so",)
    more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
    return Fault(
        severity,
        owner,
        f"{files[0]} of {owner}{more} is no library that can be loaded here: {what}.",
        evidence=(*(f"{b.SITE}/{owner}/{file}: {what}" for file in files), *way),
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        needs=(*(f"file:{b.SITE}/{owner}/{file}" for file in files), f"family:{owner}"),
        payload=DamagedDistribution(owner, version),
    )


TLS = Problem(kind="refused", name="needs 4096 bytes of static TLS, of which 1728 are free")
STACK = Problem(kind="refused", name="it needs an executable stack")
ASKS = replace(STACK, provider=f"{b.SITE}/ctranslate2/libct2.so")
LACKS = Problem(kind="missing-library", name="libfoo.so.1")
BELOW = Problem(kind="unusable", name=SHORT, provider="/usr/lib/libz.so.1")

BROKEN = lib(SHORT, file="libz.so")
USES = Problem(kind="unusable", name=SHORT, provider=BROKEN.path)
STRAY = lib(SHORT, distribution=None)

SILENT = {
    "libraries load": of(lib()),
    "no library": of(),
    "an alternative serves": of(lib(SHORT), imports=[b.sparing(lib(SHORT), served=True)]),
    "a fault of another kind": of(lib(problems=[LACKS])),
    "a library that it needs is none, which that one's finding tells": of(lib(problems=[BELOW])),
}

FIRING = {
    "whether its import fails is not known": Fires(
        of(lib(SHORT), imports=[b.importing(lib(SHORT), "unsure")]),
        fault(SHORT),
        OFFER,
        gaps=["foo"],
    ),
    "a module of a package": Fires(of(lib(SHORT)), fault(SHORT), OFFER),
    "a file that no package brought has one name": Fires(
        of(STRAY),
        Fault(
            WARNING,
            STRAY.path,
            f"{STRAY.path} is no library that can be loaded here: {SHORT}.",
            evidence=(f"{STRAY.path}: {SHORT}",),
            breaks=(f"load:{STRAY.path}",),
            needs=(f"file:{STRAY.path}", f"family:{STRAY.path}"),
            payload=DamagedDistribution(STRAY.path, None),
        ),
    ),
    "for another processor": Fires(of(lib(OTHER)), fault(OTHER), OFFER),
    "the import fails by it": Fires(
        of(lib(SHORT), imports=[b.importing(lib(SHORT))]),
        fault(SHORT, severity=ERROR, way=b.way()),
        OFFER,
    ),
    "the import works without, and says so": Fires(
        of(lib(SHORT), imports=[b.sparing(lib(SHORT), said=True)]),
        fault(SHORT, way=[b.tried("foo")]),
        OFFER,
    ),
    "the import works without": Fires(
        of(lib(SHORT), imports=[b.importing(lib(SHORT), "works")]), fault(SHORT), OFFER
    ),
    "torch": Fires(
        of(lib(SHORT, owner="torch"), dists=[b.dist("torch", "2.9.0")]),
        fault(SHORT, owner="torch", severity=ERROR, version="2.9.0"),
        OFFER,
    ),
    "a sound file that asks for too much: reinstalling it would change nothing": Fires(
        of(lib(problems=[TLS])),
        replace(
            fault(TLS.name), payload=DamagedDistribution("foo", "1.2", sound=True, static_tls=2368)
        ),
        ["raise-static-tls safe"],
    ),
    "two that ask for too much of one process": Fires(
        of(lib(problems=[TLS]), lib(problems=[TLS], file="_y.so")),
        replace(
            fault(TLS.name, "_x.so", "_y.so"),
            payload=DamagedDistribution("foo", "1.2", sound=True, static_tls=6464),
        ),
        ["raise-static-tls safe"],
    ),
    "a sound file that asks for an executable stack": Fires(
        of(lib(problems=[STACK])),
        replace(fault(STACK.name), payload=DamagedDistribution("foo", "1.2", sound=True)),
        [],
    ),
    "one that a module needs, of a package with later releases": Fires(
        of(
            lib(owner="ctranslate2", problems=[ASKS]),
            lib(owner="ctranslate2", file="libct2.so", problems=[LACKS]),
            imports=[b.importing(lib(owner="ctranslate2", problems=[ASKS]))],
            dists=[b.dist("ctranslate2", "4.5.0")],
        ),
        Fault(
            ERROR,
            "ctranslate2",
            f"libct2.so of ctranslate2 is no library that can be loaded here: {STACK.name}.",
            evidence=(f"{b.SITE}/ctranslate2/_x.so: {STACK.name}", *b.way("ctranslate2")),
            breaks=("load:ctranslate2",),
            needs=(f"file:{b.SITE}/ctranslate2/_x.so", "family:ctranslate2"),
            payload=DamagedDistribution("ctranslate2", "4.5.0", sound=True),
        ),
        ["install-later-release unsafe"],
    ),
    "the import fails by a module that needs it": Fires(
        of(lib(problems=[USES]), BROKEN, imports=[b.importing(lib(problems=[USES]))]),
        fault(SHORT, "libz.so", severity=ERROR, way=b.way()),
        OFFER,
    ),
    "two of a package": Fires(
        of(lib(SHORT), lib(SHORT, file="_y.so")), fault(SHORT, "_x.so", "_y.so"), OFFER
    ),
    "two packages": Fires(
        of(lib(SHORT), lib(SHORT, owner="bar")),
        [fault(SHORT, owner="bar", version=None), fault(SHORT)],
        OFFER,
    ),
}

test_silent, test_firing = rows(unloadable_library, SILENT, FIRING)

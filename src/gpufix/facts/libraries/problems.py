"""Why the loader would refuse a library, as facts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from gpufix.binary.loader.model import Undefined, Unusable, Verdict
from gpufix.facts.reading import text
from gpufix.model import Problem

# Which library should define an unversioned C name; longer prefixes first.
_HOMES = (
    (re.compile(r"p?nccl[A-Z]"), "libnccl.so"),
    (re.compile(r"cudnn[A-Z]"), "libcudnn"),
    (re.compile(r"cublasLt[A-Z]"), "libcublasLt.so"),
    (re.compile(r"cublas[A-Z]"), "libcublas.so"),
    (re.compile(r"cusparseLt[A-Z]"), "libcusparseLt.so"),
    (re.compile(r"cusparse[A-Z]"), "libcusparse.so"),
    (re.compile(r"cusolver[A-Z]"), "libcusolver.so"),
    (re.compile(r"cufft[A-Z]"), "libcufft.so"),
    (re.compile(r"curand[A-Z]"), "libcurand.so"),
    (re.compile(r"cufile[A-Z]"), "libcufile.so"),
    (re.compile(r"nvrtc[A-Z]"), "libnvrtc.so"),
    (re.compile(r"_*nvJitLink[A-Z]"), "libnvJitLink.so"),
    (re.compile(r"nvshmem"), "libnvshmem"),
    (re.compile(r"cupti[A-Z]"), "libcupti.so"),
    (re.compile(r"(?:cuda[A-Z]|__cuda[A-Z])"), "libcudart.so"),
    (re.compile(r"hip[A-Z]"), "libamdhip64.so"),
)
_SPELLING = {"rpath": "RPATH", "runpath": "RUNPATH", "preload": "LD_PRELOAD"}
_LISTED = 200  # undefined symbols kept of one library


def problems_of(verdict: Verdict) -> list[Problem]:
    """Every reason for which the loader would refuse the library; [] when it would take it."""
    return list(_problems(verdict))


def _problems(verdict: Verdict) -> Iterator[Problem]:
    for unusable in verdict.unusable:
        yield _unusable(verdict, unusable)
    for missing in verdict.missing:
        yield Problem(
            kind="missing-library",
            name=text(missing.name),
            needed_by=_other(verdict, missing.needed_by),
            driver=missing.driver,
        )
    for version in verdict.versions:
        yield Problem(
            kind="missing-version",
            name=text(version.version),
            needed_by=_other(verdict, version.needed_by),
            provider=text(version.path),
            why=_why(verdict, version.path),
        )
    for symbol in verdict.undefined[:_LISTED]:
        yield _undefined(verdict, symbol)


def _unusable(verdict: Verdict, file: Unusable) -> Problem:
    wrong = "another processor" in file.what
    return Problem(
        kind="refused" if file.sound else "wrong-machine" if wrong else "unusable",
        name=text(file.what),
        needed_by=_other(verdict, file.needed_by) if file.needed_by else None,
        provider=text(normpath(file.path)) if file.path != verdict.path else None,
        why=_why(verdict, file.path),
    )


def _undefined(verdict: Verdict, symbol: Undefined) -> Problem:
    provider = _provider(verdict, symbol)
    return Problem(
        kind="undefined-symbol",
        name=text(symbol.name),
        version=text(symbol.version) if symbol.version else None,
        needed_by=_other(verdict, symbol.needed_by),
        provider=text(provider) if provider else None,
        why=_why(verdict, provider) if provider else None,
    )


def _provider(verdict: Verdict, symbol: Undefined) -> str | None:
    """The file that serves the library which should define the symbol."""
    if symbol.library:
        return next((used.path for used in verdict.uses if used.name == symbol.library), None)
    home = next((library for name, library in _HOMES if name.match(symbol.name)), None)
    if home is None:
        return None
    return next((used.path for used in verdict.uses if used.name.startswith(home)), None)


def _why(verdict: Verdict, path: str) -> str | None:
    """By which rule of the loader this file was chosen."""
    reasons = [used.reason for used in verdict.uses if used.path == path]
    chosen = next((r for r in reasons if r != "already loaded"), None)
    return _SPELLING.get(chosen, chosen) if chosen else None


def _other(verdict: Verdict, needed_by: str) -> str | None:
    return text(needed_by) if needed_by != verdict.path else None

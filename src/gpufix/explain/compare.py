"""Facts of the patient that bear on what a message captured, one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.binary.mangle import is_torch_name
from gpufix.explain.told import Told
from gpufix.knowledge import torch_releases
from gpufix.knowledge.versions import numbers
from gpufix.view import View


def statements(told: Told, view: View) -> Iterator[str]:
    """Found here, against what the message says is needed. Unknown is left out."""
    for about in (_symbol, _library, _architecture, _toolkit, _symbol_version, _driver, _package):
        said = about(told, view)
        if said:
            yield said


def _symbol(told: Told, view: View) -> str | None:
    """Does the installed torch define the symbol: asked of its libraries, else of the history."""
    name, torch = told.captures.get("symbol", ""), view.facts.torch
    if torch is None or torch.release is None or not is_torch_name(name):
        return None
    has = view.ask("exports", name)
    if has is None:
        from gpufix.checks.torch_symbols import history

        known = history()
        if torch.release not in known.releases or torch.build not in (None, "release"):
            return None
        has = torch.release in (known.releases_with(name) or ())
    return f"torch {torch.version} here {'defines' if has else 'does not define'} this symbol."


def _library(told: Told, view: View) -> str | None:
    """Is the library lacking to somebody here."""
    soname = told.captures.get("soname", "")
    if not soname or view.facts.python is None:
        return None
    lacking = sorted(
        library.distribution or library.path
        for library in view.facts.binaries.libraries
        if any(p.kind == "missing-library" and p.name == soname for p in library.problems)
    )
    if lacking:
        return f"{soname} is not found here either; {lacking[0]} needs it."
    users = [lib for lib in view.facts.binaries.libraries if lib.uses.get(soname)]
    return f"{soname} is found here: {users[0].uses[soname]}." if users else None


def _architecture(told: Told, view: View) -> str | None:
    """What torch's build carries, against the architecture named."""
    arch, torch = told.captures.get("arch", ""), view.facts.torch
    release = torch_releases.get(torch.version) if torch and torch.version else None
    if torch is None or release is None or torch.variant is None or not arch:
        return None
    platform = torch_releases.platform(view.facts.host.os, view.facts.host.machine)
    build = release.variants(platform).get(torch.variant)
    if build is None or not build.known:
        return None
    return f"torch {torch.version} here carries {', '.join(build.archs)}."


def _toolkit(told: Told, view: View) -> str | None:
    """Toolkit and torch, for rules about the toolkit."""
    torch = view.facts.torch
    if told.rule not in ("TCH202", "TCH203", "TCH204", "TCH206") or torch is None:
        return None
    chosen = next((t for t in view.facts.toolkits if t.kind == "cuda" and t.selected), None)
    has = f"CUDA {chosen.version or '?'} at {chosen.root}" if chosen else "no CUDA toolkit"
    return f"A build here would use {has}; torch is built for CUDA {torch.cuda or 'none'}."


def _symbol_version(told: Told, view: View) -> str | None:
    """The highest GLIBCXX, CXXABI or GLIBC of this system, against the one asked for."""
    found = re.fullmatch(r"(GLIBCXX|CXXABI|GLIBC)_([\d.]+)", told.captures.get("symver", ""))
    if found is None:
        return None
    host = view.facts.host
    has = {"GLIBCXX": host.glibcxx, "CXXABI": host.cxxabi, "GLIBC": host.libc_version}[found[1]]
    if has is None:
        return None
    enough = numbers(has) >= numbers(found[2])
    return f"This system has {found[1]}_{has}: {'new enough' if enough else 'too old'}."


def _driver(told: Told, view: View) -> str | None:
    """The driver, for rules about it."""
    if told.rule not in ("GPU104", "GPU105", "GPU106"):
        return None
    driver = next((d for d in view.facts.drivers if d.version or d.kernel_version), None)
    if driver is None:
        return "No GPU driver is seen here."
    serves = f", which serves CUDA {driver.cuda}" if driver.cuda else ""
    return f"The driver here is {driver.version or driver.kernel_version}{serves}."


def _package(told: Told, view: View) -> str | None:
    """Is the module's or requirement's distribution installed here, and at which version."""
    named = told.captures.get("module") or told.captures.get("requirement")
    if not named or view.facts.python is None:
        return None
    name = re.sub(r"[-_.]+", "-", re.split(r"[.=<>!~\[]", named)[0]).lower()
    dist = view.dist(name)
    return f"{dist.name} {dist.version} is installed here." if dist else None

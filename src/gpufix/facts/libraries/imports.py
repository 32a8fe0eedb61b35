"""Which imports fail by libraries that the loader would refuse: their packages' sources are read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping

from gpufix.facts.libraries.modules import Modules
from gpufix.facts.libraries.site import Site
from gpufix.facts.libraries.verdicts import Judge
from gpufix.facts.reading import text
from gpufix.model import Import, Python
from gpufix.source.python.importing import outcome

_APART = {"torch"}  # judged by its own libraries; its sources decide by hundreds of conditions
_MODULES = 40  # of one package whose own imports are tried one by one


def imports(
    python: Python,
    environ: Mapping[str, str],
    judge: Judge,
    suspect: Collection[str],
    belongs: Mapping[str, str],
) -> list[Import]:
    """What importing each package that holds a suspect library would do."""
    groups: dict[str, list[str]] = {}
    for path in suspect:
        name = module_above(path, python.sys_path)
        if name and name.partition(".")[0] not in _APART:
            groups.setdefault(name, []).append(path)
    found, places = [], Modules(python)
    for name, own in groups.items():
        siblings = any(judge.may_be_served(path) for path in own)
        top = {name.partition(".")[0]}
        site = Site(python, environ, judge.preloaded, suspect, places, top, siblings)
        lazily = (m for p in own[:_MODULES] if p not in site.tried and (m := dotted(p, python)))
        told = outcome(site, name, lazily if siblings else ())
        site.try_rest(own if siblings else ())
        judge.verdicts |= site.loaded
        if told.state == "fails" and told.library in site.refused:
            judge.verdicts[told.library] = site.refused[told.library]
        found.append(
            Import(
                module=name,
                distribution=belongs.get(own[0]),
                state=told.state,
                library=text(told.library) or None,
                missing=text(told.missing) or None,
                chain=[text(place) for place in told.chain],
            )
        )
    return found


def dotted(path: str, python: Python) -> str | None:
    """The name by which an extension module is imported; None for another file."""
    base = max((p for p in python.sys_path if path.startswith(f"{p}/")), key=len, default=None)
    suffix = next((s for s in python.extension_suffixes if path.endswith(s)), None)
    if base is None or suffix is None:
        return None
    parts = path[len(base) + 1 : -len(suffix)].split("/")
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None


def module_above(path: str, sys_path: Iterable[str]) -> str | None:
    """The outermost importable module that a file belongs to; of namespaces, the first below."""
    base = max((p for p in sys_path if path.startswith(f"{p}/")), key=len, default=None)
    if base is None:
        return None
    parts = path[len(base) + 1 :].split("/")
    for end in range(1, len(parts) + 1):
        if end == len(parts):
            parts[-1] = parts[-1].partition(".")[0]
        if not parts[end - 1].isidentifier():
            return None
        if end == len(parts) or os.path.exists("/".join([base, *parts[:end], "__init__.py"])):
            return ".".join(parts[:end])
    return None

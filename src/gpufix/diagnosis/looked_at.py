"""What was read for a diagnosis, in counts: `gpufix doctor -v` lists it."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.model import Facts
from gpufix.text.clean import counted


def looked_at(facts: Facts, rules: int) -> tuple[str, ...]:
    """A line for each kind of thing, as "packages: 143 distributions"."""
    rows = [*_rows(facts), ("rules", counted(rules, "rule") or "none")]
    return tuple(f"{kind}: {what}" for kind, what in rows if what)


def _rows(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.python:
        yield "interpreter", facts.python.executable
    packages = [counted(len(facts.distributions), "distribution")]
    packages += [counted(len(facts.conda_packages), "conda package")]
    yield "packages", ", ".join(filter(None, packages))
    yield "compiled libraries", counted(facts.binaries.scanned, "file")
    if facts.node is None:
        yield "GPUs", ", ".join(gpu.name or "?" for gpu in facts.gpus) or "none visible"
    yield "drivers", ", ".join(f"{d.vendor} {d.version or '?'}" for d in facts.drivers)
    yield "toolkits", ", ".join(kit.root for kit in facts.toolkits)
    yield "programs", ", ".join(tool.name for tool in facts.tools if tool.path)
    yield "JIT caches", counted(len(facts.caches), "folder")
    if facts.project:
        files = counted(len(facts.project.sources), "source file") or "no source file"
        yield "project", f"{facts.project.root}, {files}"

"""SRC601 in Python build files: flags for nvcc and hipcc, knobs, overwritten lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.evidence import arch_lists as arch
from gpufix.evidence.arch_lists import ArchList, of_installed_torch, of_rocm
from gpufix.evidence.arch_runs import Asked, AskedFlag, is_malformed, load_flags, of_run
from gpufix.evidence.jit_runs import loads
from gpufix.evidence.source_view import active, at, for_tests, python_files
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model import Evidence
from gpufix.model.source_payload import (
    ArchAssignment,
    ArchFlags,
    ArchWord,
    ProjectVariable,
)
from gpufix.source.arch_flags import ArchFlag, switches_off_torch
from gpufix.source.source_facts import is_setup

if TYPE_CHECKING:
    from gpufix.source.source_facts import ArchKnob, PythonFacts


def faults(view: View) -> Iterator[Fault]:
    """Every fault of the project's Python files."""
    torch = view.facts.torch
    if torch is not None and not (torch.cuda or torch.hip):
        return
    for path, facts in python_files(view).items():
        if for_tests(path):
            continue
        asked = of_run(view, path) if is_setup(path) else None
        told = asked or _loaded(view, path, facts)
        yield from _flags(view, path, told)
        yield from _overwritten(view, path, told, facts.extension)


def _as_written(facts: PythonFacts) -> Asked:
    """What the text of a file asks for that is not followed."""
    flags = tuple(AskedFlag(r.line, r.text, r.archs, r.guards, "") for r in facts.nvcc)
    return Asked(flags=flags, writes=facts.writes, knobs=facts.knobs, detects=facts.detects)


def _loaded(view: View, path: str, facts: PythonFacts) -> Asked:
    """The same with the flags of load() as runs of the file hand them on, where these tell."""
    written = _as_written(facts)
    runs = loads(view, path) if facts.nvcc and path.rpartition("/")[2] != "setup.py" else ()
    flags = tuple(load_flags(path, runs))
    return replace(written, flags=flags) if flags else written


def _flags(view: View, path: str, facts: Asked) -> Iterator[Fault]:
    head = "gfx" if _amd(view) else "sm"
    rows = [r for r in facts.flags if active(view, r.guards) is not False]
    flags = [r for r in rows if any(not a or a.startswith(head) for _, a in r.archs)]
    certain = [r for r in flags if active(view, r.guards)]
    if not flags:
        yield from _switched_off(view, path, rows)
        return
    pairs = [pair for r in flags for pair in r.archs]
    knob = None if _amd(view) and not facts.followed else next(iter(facts.knobs), None)
    dynamic = any(kind == "dynamic" for kind, _ in pairs)
    detected = _detected(view) if facts.detects else []
    value = (view.env(knob.name) or knob.default) if knob and not facts.followed else None
    if value:
        pairs = [ArchFlag("cubin", f"sm_{n}") for n in re.findall(r"\d{2,3}[af]?", value)]
    elif dynamic and detected:
        pairs = [ArchFlag("cubin" if a.startswith("sm") else "hip", a) for a in detected]
    elif dynamic and (not _fixed(pairs) or not (knob or facts.detects)):
        yield from _refused(view, path, certain, flags)
        return  # the rest is computed in a way that reading does not tell
    asked_archs = arch.arch_list(pairs)
    missed = arch.missed(view, asked_archs)
    if not missed or not pairs:
        yield from _refused(view, path, certain, flags)
        return
    variants = arch.variants(pairs)
    sure = bool(certain) or bool(value) or (dynamic and not detected and knob is not None)
    message = f"{path} builds for {arch.named(pairs)}"
    message += f" ({knob.name} is its own setting)" if knob else ""
    yield Fault(
        severity=ADVICE if variants else arch.severity(view, missed, sure),
        subject=path,
        message=f"{message}; nothing of that runs on {arch.listed(missed)}, and torch's own "
        f"architecture flags are left out.",
        evidence=tuple(_seen(view, path, r) for r in _places(flags)[:8]),
        payload=ArchFlags(
            path,
            _lines(r for r in flags if all(kind != "dynamic" for kind, _ in r.archs)),
            _setting(knob) if knob else None,
            variants,
        ),
    )


def _fixed(pairs: list[ArchFlag]) -> bool:
    return any(kind in ("cubin", "ptx", "hip") for kind, _ in pairs)


def _setting(knob: ArchKnob) -> ProjectVariable:
    value = knob.default or "" if knob.separator == "" else ""
    return ProjectVariable(knob.name, knob.separator, tuple(knob.accepts), value)


def _seen(view: View, path: str, row: AskedFlag) -> Evidence:
    return at(view, row.path or path, row.line, row.text)


def _places(rows: Sequence[AskedFlag]) -> list[AskedFlag]:
    """The first flag of each line."""
    return [*{(row.path, row.line): row for row in reversed(rows)}.values()][::-1]


def _lines(rows: Iterable[AskedFlag]) -> tuple[int, ...]:
    """Of flags that stand in the build file itself."""
    return tuple(dict.fromkeys(row.line for row in rows if not row.path))


def _detected(view: View) -> list[str]:
    """What torch.cuda.get_device_capability() of the first device gives."""
    gpus = [g for g in view.facts.gpus if g.vendor == arch.vendor(view) and g.arch]
    return [str(gpus[0].arch)] if gpus else []


def _refused(
    view: View, path: str, certain: list[AskedFlag], flags: list[AskedFlag]
) -> Iterator[Fault]:
    asked_archs = arch.arch_list(pair for r in certain for pair in r.archs)
    cuda, bad = arch.refused(view, asked_archs)
    if not bad:
        return
    lines = [r for r in certain if any(name in bad for _, name in r.archs)]
    them = "it" if len(bad) == 1 else "them"
    yield Fault(
        severity=ERROR,
        subject=path,
        message=f"{path} asks nvcc for {', '.join(bad)}; nvcc {cuda} generates no code for {them}.",
        evidence=tuple(_seen(view, path, r) for r in _places(lines)),
        # Any that stays keeps torch's own out.
        payload=ArchFlags(path, _lines(flags)),
    )


def _switched_off(view: View, path: str, rows: list[AskedFlag]) -> Iterator[Fault]:
    """A flag that only contains "arch", such as an include path below a folder `research`."""
    words = [
        r
        for r in rows
        if not r.archs
        and switches_off_torch(r.text)
        and not is_malformed(r.text)
        and active(view, r.guards)
    ]
    stated = " ".join(view.env(n) or "" for n in ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"))
    if not words or _amd(view) or "arch" in stated:
        return
    first = words[0]
    cuda = arch.refused(view, arch.arch_list([]))[0]
    default = ("sm_75" if at_least(cuda, "13.0") else "sm_52") if cuda else "its default GPU"
    yield Fault(
        severity=WARNING,
        subject=path,
        message=f'{path} hands nvcc {first.text!r}; torch takes any flag that contains "arch" '
        f"for a choice of architecture and leaves its own out: code and PTX for {default} only.",
        evidence=tuple(_seen(view, path, r) for r in words),
        payload=ArchWord(path, tuple(r.line for r in words)),
    )


def _overwritten(view: View, path: str, facts: Asked, extension: bool) -> Iterator[Fault]:
    """os.environ["TORCH_CUDA_ARCH_LIST"] = "7.5"; alternatives are judged together."""
    name = "PYTORCH_ROCM_ARCH" if _amd(view) else "TORCH_CUDA_ARCH_LIST"
    rows = [r for r in facts.writes if r.name == name]
    rows = [r for r in rows if active(view, r.guards) is not False]
    values = [r.value for r in rows if r.value is not None]
    if not rows or len(values) < len(rows) or any(r.archs for r in facts.flags):
        return
    stated = [_stated(view, value) for value in values if value.strip()]
    sure = [r for r in rows if active(view, r.guards) and not r.function]
    certain = bool(sure) and extension
    missed = [t for t in arch.targets(view) if not any(x.native or x.serves(t) for x in stated)]
    cuda, bad = arch.refused(view, stated[0]) if len(stated) == 1 and certain else ("", [])
    default = all(f"!env:{name}" in r.guards for r in rows)
    payload = ArchAssignment(path, rows[0].line, name, default)
    evidence = tuple(at(view, path, r.line, f'os.environ["{name}"] = "{r.value}"') for r in rows)
    if not all(v.strip() for v in values):
        yield from _blanked(view, payload, certain and not any(v.strip() for v in values), evidence)
    elif missed:
        shown = " or ".join(f'"{v}"' for v in values)
        message = (
            f"{path} sets {name} to {shown}, whose code does not run on {arch.listed(missed)}."
        )
        yield Fault(arch.severity(view, missed, certain), path, message, evidence, payload=payload)
    elif bad:
        message = f'{path} sets {name} to "{values[0]}"; nvcc {cuda} generates no code for '
        yield Fault(ERROR, path, f"{message}{', '.join(bad)}.", evidence, payload=payload)


def _stated(view: View, value: str) -> ArchList:
    if _amd(view):
        return of_rocm(value)
    return of_installed_torch(view, value) or ArchList(native=True)


def _blanked(
    view: View, payload: ArchAssignment, certain: bool, evidence: tuple[Evidence, ...]
) -> Iterator[Fault]:
    """Blank is unset: torch asks the GPUs that it sees. On ROCm it takes what itself was built for."""
    path = payload.path
    if view.facts.torch is None:
        return
    if not _amd(view) and not any(g.vendor == "nvidia" for g in view.facts.gpus):
        yield Fault(
            ERROR if certain and path.endswith("setup.py") else ADVICE,
            path,
            f"{path} blanks {payload.variable}; without a visible GPU torch has no architecture to build for.",
            evidence,
            payload=payload,
        )


def _amd(view: View) -> bool:
    return arch.vendor(view) == "amd"

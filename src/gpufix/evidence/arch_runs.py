"""The architectures that a setup.py asks for, as it would run here, and what of it can be steered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gpufix.evidence import arch_lists
from gpufix.evidence.builds import SEARCH, arch_flags, builds_of, compiles_gpu_code, variables_of
from gpufix.evidence.gpu_build import lost_to_cuda, lost_to_rocm, spellings, wanted_run
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.source.arch_flags import ArchFlag, parse
from gpufix.source.builds.run import UNKNOWN_PART, BuildRun, EnvironmentWrite
from gpufix.source.source_facts import ArchKnob, ArchListWrite, Guards

_LISTS = ("TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH")
_MOST = 80  # runs to find a variable
# What no build takes architectures from.
_NEVER = ("CC", "CXX", "PATH", "HOME", "MAX_JOBS", "CUDA_HOME", "CUDA_PATH", "CFLAGS", "CXXFLAGS")


class AskedFlag(NamedTuple):
    """A flag for nvcc or hipcc that names architectures, or contains "arch".

    path: the file that it stands in, where that is not the build file itself.
    """

    line: int
    text: str
    archs: tuple[ArchFlag, ...]
    guards: Guards
    path: str


class Asked(Frozen):
    """What a build file asks for. followed: an abstract run tells so, not the text."""

    flags: tuple[AskedFlag, ...] = ()
    writes: tuple[ArchListWrite, ...] = ()
    knobs: tuple[ArchKnob, ...] = ()
    detects: bool = False
    followed: bool = False


def of_run(view: View, path: str) -> Asked | None:
    """What a setup.py asks for; None where its run does not come to its extensions.

    Nothing where it ends because torch is another maker's: SRC613 says so.
    """
    run = builds_of(view).run(path)
    if not _builds(run):
        run = builds_of(view).run(path, **with_gpu(view))
    if not _builds(run):
        other = lost_to_cuda(view, path) or lost_to_rocm(view, path)
        return Asked(followed=True) if other is not None and other.stops else None
    flags = tuple(_flags(run, path))
    if (wanted := wanted_run(view, path)) is not None:
        known = {(row.path, row.line, row.text) for row in flags}
        more = (row for row in _flags(wanted, path) if (row.path, row.line, row.text) not in known)
        flags += tuple(row._replace(guards=("?",)) for row in more)
    knobs = _knob(view, path, run) if _misses(view, run) else None
    writes = _writes(view, path, run)
    detects = any(question.kind == "capability" for question in run.asked)
    return Asked(
        flags=flags,
        writes=writes,
        knobs=(knobs,) if knobs else (),
        detects=detects,
        followed=True,
    )


def _builds(run: BuildRun) -> bool:
    return run.called and not run.fails and any(map(compiles_gpu_code, run.extensions))


def _flags(run: BuildRun, path: str) -> Iterator[AskedFlag]:
    """Each once; a flag of an extension that is perhaps not built is not sure."""
    seen: dict[tuple[str, int, str], AskedFlag] = {}
    for each in filter(compiles_gpu_code, run.extensions):
        for said, archs in arch_flags(each.nvcc):
            sure = said.sure and each.sure and run.whole
            other = said.place.path if said.place.path != path else ""
            shown = said.text.replace(UNKNOWN_PART, "…")
            row = AskedFlag(said.place.line, shown, tuple(archs), () if sure else ("?",), other)
            key = (other, said.place.line, shown)
            if key not in seen or (seen[key].guards and sure):
                seen[key] = row
    yield from sorted(seen.values(), key=lambda row: (row.path, row.line))


def load_flags(path: str, runs: Sequence[BuildRun]) -> list[AskedFlag]:
    """Those of a file's load() calls, each once."""
    rows = dict.fromkeys(flag for run in runs for flag in _flags(run, path))
    return sorted(rows, key=lambda row: (row.path, row.line))


def _served(view: View, run: BuildRun) -> bool:
    """Whether every extension's own flags serve all targets, surely."""
    built = [each for each in run.extensions if compiles_gpu_code(each)]
    for each in built:
        rows = arch_flags(each.nvcc)
        archs = [a for said, found in rows for a in found if said.sure]
        unread = any(not found and is_malformed(said.text) for said, found in rows)
        if unread or any(kind == "dynamic" for kind, _ in archs) or not each.sure:
            return False
        asked = arch_lists.arch_list(archs)
        if archs and (arch_lists.missed(view, asked) or arch_lists.refused(view, asked)[1]):
            return False
    return bool(built) and run.fails is None


def is_malformed(text: str) -> bool:
    """Whether a flag names architectures that nobody knows: compute_native."""
    return bool(re.search(r"(?:compute|sm)_", text)) and not parse(text)


def _is_open(run: BuildRun) -> bool:
    """Whether some architecture is not known."""
    rows = [row for each in run.extensions for row in arch_flags(each.nvcc)]
    return any(kind == "dynamic" or not said.sure for said, found in rows for kind, _ in found)


def _misses(view: View, run: BuildRun) -> bool:
    rows = [a for e in run.extensions for _, archs in arch_flags(e.nvcc) for a in archs]
    return bool(rows) and not _served(view, run)


def for_targets(view: View, path: str, settings: Mapping[str, str]) -> tuple[bool, ArchKnob | None]:
    """The variable of its own that limits a build with these settings to the targets, and its value.

    The first: whether the runs tell, with a variable or without.
    """
    world = {**variables_of(view), **settings}
    run = builds_of(view).run(path, environment=world)
    told = _builds(run)
    if told and (not _misses(view, run) and not _more(view, run)):
        return True, None
    found = _knob(view, path, run, world)
    return told or found is not None, found


def _more(view: View, run: BuildRun) -> bool:
    """Whether it names more architectures than there are targets, by default."""
    named = {a for e in run.extensions for _, archs in arch_flags(e.nvcc) for k, a in archs}
    return len(named) > len(arch_lists.targets(view))


def _knob(
    view: View, path: str, run: BuildRun, world: Mapping[str, str] | None = None
) -> ArchKnob | None:
    """The variable that makes the build serve the targets, and the value that does so."""
    runs = builds_of(view)
    world = variables_of(view) if world is None else world
    tried, limit = 0, runs.steps + SEARCH
    for question in run.asked:
        if question.kind != "variable" or question.subject in _NEVER:
            continue
        if question.subject in world and _served(view, run):
            continue  # somebody chose
        probe = runs.run(path, environment={**world, question.subject: UNKNOWN_PART})
        if list(_flags(probe, path)) == list(_flags(run, path)):
            continue  # whatever its value
        for value in dict.fromkeys(_values(view, question.default)):
            tried += 1
            if tried > _MOST or runs.steps > limit:
                return None
            again = runs.run(path, environment={**world, question.subject: value})
            named = question.subject in _LISTS or any(_flags(again, path))
            if named and again.called and _served(view, again):
                return ArchKnob(question.subject, question.place.line, value, "", ())
    return None


def _values(view: View, default: str | None) -> Iterator[str]:
    """What a variable may take, beginning with what looks like its default.

    Last the architectures of the default whose code runs on the targets: 80 for sm_86.
    """
    parts = re.split(r"([;, ]+)", (default or "").strip())
    glue = parts[1] if len(parts) > 1 else ";"
    usual = spellings(view)
    if all(re.fullmatch(r"\d{1,2}\.\d|\d{2,3}", part) for part in parts[::2]):
        alike = [v for v in usual if ("." in v) == ("." in parts[0]) and not v.endswith("+PTX")]
        yield from (v for v in alike if glue in v or not re.search(r"[;, ]", v))
        yield from usual
        yield from _serving(view, parts[::2], glue)
    else:
        yield from usual


def _serving(view: View, names: list[str], glue: str) -> Iterator[str]:
    """Of these architectures the newest for each target that its GPU runs."""
    chosen: dict[str, None] = {}
    for target in arch_lists.targets(view):
        rows = [(ArchFlag("cubin", f"sm_{name.replace('.', '')}"), name) for name in names]
        fitting = [name for flag, name in rows if arch_lists.arch_list([flag]).serves(target)]
        if not fitting:
            return
        chosen[max(fitting, key=float)] = None
    yield glue.join(chosen)


def _writes(view: View, path: str, run: BuildRun) -> tuple[ArchListWrite, ...]:
    """The values of torch's lists in force when it builds: the last that is sure, and later ones."""
    found = []
    for name in _LISTS:
        rows = [row for row in run.writes if row.name == name]
        sure = [at for at, row in enumerate(rows) if row.sure]
        found += rows[sure[-1] if sure else 0 :]
    return tuple(_as_written(view, path, row) for row in found)


def _as_written(view: View, path: str, row: EnvironmentWrite) -> ArchListWrite:
    value = None if row.value is None or UNKNOWN_PART in row.value else row.value
    guards = () if row.sure else ("?",)
    unset = (f"!env:{row.name}",) if _gives_way(view, path, row.name) else ()
    return ArchListWrite(row.name, row.place.line, value, (*guards, *unset), False)


def _gives_way(view: View, path: str, name: str) -> bool:
    """Whether a file leaves the list alone where it is set."""
    if view.env(name):
        return False
    world = dict(view.facts.environment.process) | {name: next(iter(spellings(view)), "9.0")}
    again = builds_of(view).run(path, environment=world)
    return not any(row.name == name for row in again.writes)


def follows(view: View, path: str, text: str, variables: dict[str, str]) -> BuildRun:
    """What the edited text does with these variables set."""
    world = variables_of(view)
    runs = builds_of(view)
    run = runs.run(path, edited={path: text}, environment=world | variables)
    if _builds(run):
        return run
    return runs.run(path, edited={path: text}, environment=world | variables, **with_gpu(view))


def serves(view: View, run: BuildRun) -> bool:
    """Whether a run's flags, or torch's list where it has none, may serve the targets."""
    if not _served(view, run) and not _is_open(run):
        return False
    lists = [row for row in run.writes if row.name in _LISTS]
    if not lists or all(arch_flags(e.nvcc) for e in run.extensions if compiles_gpu_code(e)):
        return True
    value = lists[-1].value or ""
    archs = (
        arch_lists.of_rocm(value)
        if lists[-1].name == "PYTORCH_ROCM_ARCH"
        else arch_lists.of_installed_torch(view, value)
    )
    return archs is None or not arch_lists.missed(view, archs)

"""What a setup.py builds without a visible GPU, against what it builds with the targets visible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, product
from posixpath import basename
from typing import Any

from gpufix.evidence import switch_values
from gpufix.evidence.arch_lists import spelled, targets, vendor
from gpufix.evidence.building import cuda_torch
from gpufix.evidence.builds import SEARCH, Builds, builds_of, compiles_gpu_code, variables_of
from gpufix.evidence.supposed_worlds import with_cuda, with_gpu, with_rocm, with_toolkit
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.source.builds.run import UNKNOWN_PART, BuildRun, Ending, Place, Question

_YES = ("1", "ON", "TRUE", "true", "YES", "cuda")
_MOST = 120  # runs to find what forces a build


class Made(Frozen):
    """What a run makes for GPUs: its extensions, and their sources; `sure`: that of all ways."""

    kinds: frozenset[tuple[str, str]]  # name, "cuda" for one with code for GPUs
    sources: frozenset[str]
    sure: bool


class Lost(Frozen):
    """What a build lacks without a visible GPU. `stops`: it ends there, and builds nothing."""

    place: Place
    stops: Ending | None = None
    names: tuple[str, ...] = ()  # of extensions without code for GPUs, or that are not built
    sources: tuple[str, ...] = ()  # that are left out


def made(run: BuildRun) -> Made:
    """What a run makes."""
    gpu = (".cu", ".hip", "\0")
    rows = []
    for each in run.extensions:
        on_gpu = each.kind == "cuda" or any(s.text.endswith(gpu[:2]) for s in each.sources)
        rows.append((each.name, "cuda" if on_gpu else "cpp"))
    sources = (s.text for each in run.extensions for s in each.sources if s.text.endswith(gpu[:2]))
    whole = run.whole and all(e.state == "done" or not e.sure for e in run.endings)
    parts = [each.sure and all(s.sure for s in each.sources) for each in run.extensions]
    return Made(kinds=frozenset(rows), sources=frozenset(sources), sure=whole and all(parts))


def lost(view: View, path: str, **here: Any) -> Lost | None:
    """What a setup.py leaves out where no GPU is visible, as is so here; None: nothing, or not known.

    here: what of the world differs from this machine's.
    """
    run = builds_of(view).run(path, **with_toolkit(view), **here)
    asks = [q for q in run.asked if q.kind in ("gpu", "capability")]
    if not asks:
        return None
    there = builds_of(view).run(path, **with_toolkit(view), **with_gpu(view))
    if there.fails or not there.called:
        return None
    if run.fails is not None:
        return Lost(place=run.fails.place, stops=run.fails)
    now, then = made(run), made(there)
    if not now.sure or not then.sure:
        return None
    names = [name for name, kind in then.kinds if kind == "cuda" and (name, kind) not in now.kinds]
    sources = sorted(then.sources - now.sources)
    if not names and not sources:
        return None
    return Lost(place=asks[0].place, names=tuple(sorted(names)), sources=tuple(sources))


def lost_in_image(view: View, path: str, variable: str) -> Lost | None:
    """What it leaves out where an image is built: no GPU is visible, and the variable is not set."""
    environment = {n: v for n, v in variables_of(view).items() if n != variable}
    return lost(view, path, gpu=False, capabilities=(), environment=environment)


def lost_to_rocm(view: View, path: str) -> Lost | None:
    """What a setup.py builds for GPUs only with a torch for CUDA; None: nothing, or not known.

    It has no code for GPUs at all with the installed torch for ROCm and its toolkit, or ends there.
    """
    torch = view.facts.torch
    if torch is None or not torch.hip:
        return None
    run = builds_of(view).run(path, **with_gpu(view), **with_toolkit(view))
    now = made(run)
    if run.fails is None and (not now.sure or any(kind == "cuda" for _, kind in now.kinds)):
        return None
    there = builds_of(view).run(path, **with_cuda(view))
    kept = [each for each in there.extensions if each.sure and compiles_gpu_code(each)]
    if there.fails or not there.called or not kept:
        return None
    if (end := run.fails) is not None:
        if any((each.error, each.message) == (end.error, end.message) for each in there.endings):
            return None  # what else decides ends it with a torch for CUDA too
        return Lost(place=end.place, stops=end)
    return Lost(place=kept[0].place, names=tuple(sorted({each.name for each in kept})))


def lost_to_cuda(view: View, path: str) -> Lost | None:
    """How a setup.py ends with the installed torch for CUDA and its toolkit, and not with one for ROCm."""
    torch = view.facts.torch
    if torch is None or not torch.cuda:
        return None
    end = builds_of(view).run(path, **with_gpu(view), **with_toolkit(view)).fails
    there = builds_of(view).run(path, **with_rocm(view)) if end is not None else None
    if end is None or there is None or there.fails or not there.called:
        return None
    if any((each.error, each.message) == (end.error, end.message) for each in there.endings):
        return None  # what else decides ends it with a torch for ROCm too
    return Lost(place=end.place, stops=end)


def for_amd_alone(view: View, path: str) -> Place | None:
    """Where a setup.py surely starts hipcc, with a torch for CUDA too, and builds nothing for NVIDIA's GPUs."""
    if cuda_torch(view) is None or view.env("HIP_PLATFORM"):
        return None
    run = builds_of(view).run(path, **with_gpu(view), **with_toolkit(view))
    programs = [(basename(each.arguments[0]), each) for each in run.started if each.arguments]
    if any(built.kind == "cuda" for built in run.extensions) or "nvcc" in dict(programs):
        return None
    return next((each.place for name, each in programs if name == "hipcc" and each.sure), None)


class SetupSwitch(Frozen):
    """What a setup.py asks for and is not given. value: a variable's; "" for an argument."""

    question: Question
    value: str
    nothing: bool  # it builds no extension without it; else none with code for GPUs


def switched_off(view: View, path: str) -> SetupSwitch | None:
    """The variable, or the argument, without which a setup.py surely builds no extension, or none with
    code for GPUs, and by which it has some. Asked where a GPU is visible and a toolkit is here."""
    runs, world = builds_of(view), variables_of(view)
    seen = {**with_gpu(view), **with_toolkit(view)}
    base = runs.run(path, **seen)
    here = made(base)
    if base.fails or not (base.whole and base.called) or _has_gpu_code(base):
        return None
    if base.extensions and not here.sure:
        return None
    for question, value in islice(_tries(view, path, base), _MOST_SWITCHES):
        if value:
            run = runs.run(path, environment=world | {question.subject: value}, **seen)
        else:
            run = runs.run(path, argv=("setup.py", "bdist_wheel", question.subject), **seen)
        if not run.fails and _has_gpu_code(run):
            return SetupSwitch(question=question, value=value, nothing=not base.extensions)
    return None


def _tries(view: View, path: str, base: BuildRun) -> Iterator[tuple[Question, str]]:
    """What it asks for, by its name, and any variable with what the file compares with."""
    world = variables_of(view)
    asked = [q for q in base.asked if q.kind in ("variable", "argument") and q.subject not in world]
    by_name = _SWITCH if not base.extensions else _GPU_SWITCH
    for question in sorted(asked, key=lambda q: len(q.subject)):
        if by_name.search(question.subject):
            yield question, "1" if question.kind == "variable" else ""
    values = switch_values.in_python(view, path)
    for question in (q for q in asked if q.kind == "variable" and q.default):
        yield from ((question, value) for value in values)


def _has_gpu_code(run: BuildRun) -> bool:
    return any(kind == "cuda" for _, kind in made(run).kinds)


_SWITCH = re.compile(r"(?i)(?<!no_)(?<!skip_)(?:build|ext|cuda|gpu|kernel)")
_GPU_SWITCH = re.compile(r"(?i)cuda|gpu")
_MOST_SWITCHES = 8


def sees_none(view: View) -> bool:
    """Whether a torch for GPUs is installed, some are to be served, and none is visible here."""
    torch = view.facts.torch
    if torch is None or not (torch.cuda or torch.hip) or not targets(view):
        return False
    return all(gpu.vendor != vendor(view) for gpu in view.facts.gpus)


def wanted_run(view: View, path: str) -> BuildRun | None:
    """What a setup.py does once SRC613 is answered; None where it loses nothing here."""
    if not sees_none(view) or lost(view, path) is None:
        return None
    return builds_of(view).run(path, **with_gpu(view))


def forced_by(view: View, path: str) -> Mapping[str, str] | None:
    """The variables by which a setup.py builds here what it builds with a GPU; None: there are none."""
    runs = builds_of(view)
    there = runs.run(path, **with_gpu(view))
    world = variables_of(view)
    wanted, here = made(there), runs.run(path)
    limit = runs.steps + SEARCH
    matters = partial(_matters, runs, path, here, world)
    names = sorted(_variables(here), key=lambda n: "CUDA" not in n)
    for tried, chosen in enumerate(_combinations(view, names, matters)):
        if tried > _MOST or runs.steps > limit:
            return None
        run = runs.run(path, environment=world | chosen)
        names += [name for name in _variables(run) if name not in names]
        if not run.fails and run.called and made(run) == replace(wanted, sure=True):
            return chosen
    return None


def forced_as(view: View, path: str, text: str, variable: str) -> bool:
    """Whether a setup.py with this text builds what it builds with a GPU where a variable is "1", and
    does what it did where that is not set."""
    runs, world = builds_of(view), variables_of(view)
    there, here = runs.run(path, **with_gpu(view)), runs.run(path)
    given = runs.run(path, edited={path: text}, environment={**world, variable: "1"})
    rest = {name: value for name, value in world.items() if name != variable}
    unset = runs.run(path, edited={path: text}, environment=rest)
    if given.fails or not given.called or made(given) != replace(made(there), sure=True):
        return False
    return made(unset) == made(here) and bool(unset.fails) == bool(here.fails)


def options_of(view: View, path: str) -> tuple[str, ...]:
    """The option of setup.py's own command line that does so; () for none."""
    runs = builds_of(view)
    there = runs.run(path, **with_gpu(view))
    for question in runs.run(path).asked:
        if question.kind == "argument" and question.subject.startswith("-"):
            argv = ("setup.py", "bdist_wheel", question.subject)
            run = runs.run(path, argv=argv)
            if not run.fails and run.called and made(run) == made(there):
                return (question.subject,)
    return ()


def _matters(runs: Builds, path: str, here: BuildRun, world: Mapping[str, str], name: str) -> bool:
    """Whether some value of a variable makes the build another."""
    probe = runs.run(path, environment={**world, name: UNKNOWN_PART})
    same = made(probe) == made(here) and bool(probe.fails) == bool(here.fails)
    return not same and not (here.fails and probe.fails)


def _variables(run: BuildRun) -> Iterator[str]:
    for question in run.asked:
        if question.kind == "variable" and not question.subject.startswith(("PATH", "HOME")):
            yield question.subject


def _combinations(
    view: View, names: list[str], matters: Callable[[str], bool]
) -> Iterator[dict[str, str]]:
    """One variable at a time, and then beside torch's list; `names` grows meanwhile."""
    idle: dict[str, bool] = {}
    seen: set[tuple[str, str]] = set()
    standing: list[dict[str, str]] = [{}]
    if vendor(view) == "nvidia":
        standing += [{"TORCH_CUDA_ARCH_LIST": value} for value in spellings(view)[:1]]
    for beside in standing:
        if beside:
            yield beside
        at = 0
        while at < len(names):
            if names[at] not in idle:
                idle[names[at]] = not matters(names[at])
            if idle[names[at]]:
                at += 1
                continue
            for value in _values(view, names[at]):
                if (names[at], f"{beside}{value}") not in seen and names[at] not in beside:
                    seen.add((names[at], f"{beside}{value}"))
                    yield {names[at]: value, **beside}
            at += 1


def _values(view: View, name: str) -> Sequence[str]:
    return spellings(view) if "ARCH" in name else (*_YES, *spellings(view)[1:2])


def spellings(view: View) -> list[str]:
    """The targets in the usual spellings."""
    archs = sorted({a for t in targets(view) if isinstance(a := parse_arch(t.arch), CudaArch)})
    if not archs:
        return [t.arch for t in targets(view)]
    release = view.facts.torch.release if view.facts.torch else None
    try:
        found = [spelled(targets(view), release)]
    except ValueError:
        found = [";".join(f"{a.major}.{a.minor}" for a in archs)]
    plain = [f"{a.number}{a.variant}" for a in archs]
    dotted = [f"{a.major}.{a.minor}" for a in archs]
    spellings = product((plain, dotted, [f"sm_{n}" for n in plain]), (";", ",", " "))
    return list(dict.fromkeys([*found, *(glue.join(words) for words, glue in spellings)]))

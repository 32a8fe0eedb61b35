"""Let the environment say for which GPUs a project builds."""

from __future__ import annotations

from dataclasses import replace

from gpufix.evidence.arch_lists import targets, vendor
from gpufix.evidence.arch_runs import follows, of_run, serves
from gpufix.evidence.script_rows import leaves
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source import cmake_plans
from gpufix.fixes.source.planned_edits import rewrite, source
from gpufix.fixes.toolchain.set_arch_list import value_for
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.model import Finding, Plan, SetVariables, Skip, Step, WriteFile
from gpufix.model.source_payload import (
    ArchAssignment,
    ArchExport,
    ArchFlags,
    ArchWord,
    CMakeArchs,
    NvccFlags,
    ProjectVariable,
)
from gpufix.source import edits
from gpufix.source.python import python_edits
from gpufix.source.source_facts import is_setup

NAME = "follow-arch-list"
_WRITES = 4  # of the list in one file, that give way
_Editable = ArchFlags | ArchAssignment | ArchExport


@fix(NAME, "SRC601")
def follow_arch_list(finding: Finding, view: View) -> Plan | Skip:
    """What is written stays the default; a variable that is set for the targets outranks it."""
    try:
        match finding.payload:
            case ArchExport(file="docker", variable=name):
                return finding.skip(NAME, f"an image takes {name} from its Dockerfile only")
            case ArchExport(file="command", path=path, variable=words):
                return finding.skip(NAME, f"{path} gives {words} to a program: change it there")
            case NvccFlags() as place:
                return _started(finding, view, place)
            case ArchWord():
                return _appended(finding, view)
            case ArchFlags(setting=ProjectVariable() as setting):
                return _set(finding, view, setting)
            case CMakeArchs() as place:
                chosen = cmake_plans.choose(view, place)
                return _plan(finding, chosen.title, list(chosen.steps))
            case ArchFlags() | ArchAssignment() | ArchExport() as editable:
                return _edited(finding, view, editable)
            case other:
                raise TypeError(f"SRC601 hands over {type(other).__name__}")
    except ValueError as error:
        return finding.skip(NAME, str(error))


def _set(finding: Finding, view: View, setting: ProjectVariable) -> Plan | Skip:
    """The project's own variable, in its own spelling."""
    if setting.value:
        step = SetVariables(variables={setting.name: setting.value})
        return _plan(finding, f"set {setting.name} to {setting.value}", [step])
    numbers = _numbers(view)
    unknown = [n for n in numbers if setting.accepts and n not in setting.accepts]
    if unknown:
        return finding.skip(NAME, f"{setting.name} does not know {', '.join(unknown)}")
    value = setting.separator.join(numbers)
    steps: list[Step] = [SetVariables(variables={setting.name: value})]
    return _plan(finding, f"set {setting.name} to {value}", steps)


def _edited(finding: Finding, view: View, place: _Editable) -> Plan | Skip:
    path = place.path
    if isinstance(place, ArchFlags) and place.variants:
        return finding.skip(NAME, f"{path} holds code written for {', '.join(place.variants)} only")
    variable = _variable(view, place)
    value = value_for(view, variable)
    if value is None:
        return finding.skip(NAME, "no target is known that the variable could name")

    write = rewrite(view, path, lambda text: _changed(text, place, variable))
    if isinstance(write, WriteFile) and isinstance(place, ArchFlags | ArchAssignment):
        write = _proven(view, path, write, {variable: value})
    guarded = isinstance(place, ArchAssignment) and place.default
    if isinstance(place, ArchExport):
        text = write.content if write else _text(view, path)
        if not leaves(view, path, text, variable, value):
            return finding.skip(
                NAME, f"{path} sets it in a form that is not changed with confidence"
            )
        guarded = True
    if write is None and not guarded:
        return finding.skip(
            NAME, f"{path} does not set it in a form that is changed with confidence"
        )
    steps: list[Step] = [write] if write else []
    steps.append(SetVariables(variables={variable: value}))
    return _plan(finding, f"let {path} follow {variable}, set to {value}", steps)


def _text(view: View, path: str) -> str:
    found = source(view, path)
    return found.text if found else ""


def _proven(view: View, path: str, write: WriteFile, variables: dict[str, str]) -> WriteFile:
    """The edited setup.py, run again with the variables set: it must serve the targets.

    A list that it sets itself gives way as well. Raises ValueError where it does not serve them.
    """
    if not is_setup(path) or of_run(view, path) is None:
        return write
    text = write.content
    for _ in range(_WRITES):
        run = follows(view, path, text, variables)
        rows = [r for r in run.writes if r.name in variables and r.place.path == path]
        if serves(view, run) and not rows:
            break
        changed = [c for r in rows if (c := python_edits.set_default(text, r.place.line, r.name))]
        if not changed:
            break
        text = changed[0]
    if not serves(view, run):
        raise ValueError(f"{path}, edited, would still not build for the targets")
    return replace(write, content=text)


def _changed(text: str, place: _Editable, variable: str) -> str | None:
    match place:
        case ArchExport():
            return edits.shell_default(text, place.line, variable)
        case ArchAssignment():
            return python_edits.set_default(text, place.line, variable)
        case ArchFlags():
            return python_edits.follow_arch_list(text, set(place.lines), variable)


def _variable(view: View, place: _Editable) -> str:
    if isinstance(place, ArchAssignment | ArchExport):
        return place.variable
    return "PYTORCH_ROCM_ARCH" if vendor(view) == "amd" else "TORCH_CUDA_ARCH_LIST"


def _started(finding: Finding, view: View, place: NvccFlags) -> Plan | Skip:
    if place.refused:
        return finding.skip(NAME, f"{place.path} hands nvcc what it refuses: change it there")
    if place.one:
        return finding.skip(NAME, f"{place.path} has nvcc write code for one GPU: change it there")
    if place.variants:
        return finding.skip(
            NAME, f"{place.path} holds code written for {', '.join(place.variants)} only"
        )
    return _appended(finding, view)


def _appended(finding: Finding, view: View) -> Plan | Skip:
    """Torch's own flags stay out; nvcc itself reads NVCC_APPEND_FLAGS."""
    if view.env("NVCC_APPEND_FLAGS"):
        return finding.skip(NAME, "NVCC_APPEND_FLAGS is in use")
    numbers = _numbers(view)
    flags = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in numbers]
    step = SetVariables(variables={"NVCC_APPEND_FLAGS": " ".join(flags)})
    return _plan(finding, f"hand nvcc the architectures {', '.join(numbers)}", [step])


def _numbers(view: View) -> list[str]:
    """ "90", "120" for the NVIDIA targets. Raises ValueError without any."""
    archs = {a for t in targets(view) if isinstance(a := parse_arch(t.arch), CudaArch)}
    if not archs:
        raise ValueError("no NVIDIA GPU is a target")
    return [f"{a.number}{a.variant}" for a in sorted(archs)]


def _plan(finding: Finding, title: str, steps: list[Step]) -> Plan:
    return finding.plan(
        NAME,
        "safe",
        title,
        *steps,
        notes=["what the file says stays its default where the variable is not set"],
    )

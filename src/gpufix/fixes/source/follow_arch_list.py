"""Let the environment say for which GPUs a project builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpufix.evidence.arch_lists import targets, vendor
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.fixes.toolchain.set_arch_list import value_for
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.model import Finding, Plan, SetVariables, Skip, Step
from gpufix.source import edits
from gpufix.source.python import python_edits

if TYPE_CHECKING:
    from gpufix.source.facts import ArchKnob

NAME = "follow-arch-list"


@fix(NAME, "SRC601")
def follow_arch_list(finding: Finding, view: View) -> Plan | Skip:
    """What is written stays the default; a variable that is set for the targets outranks it."""
    data = finding.data
    try:
        if data["part"] == "force":
            return _plan(
                finding, "set FORCE_CUDA to 1", [SetVariables(variables={"FORCE_CUDA": "1"})]
            )
        if data["part"] == "docker":
            return _skip(finding, f"an image takes {data['name']} from its Dockerfile alone")
        if data["part"] == "word":
            return _appended(finding, view)
        if data["part"] == "python" and data.get("knob"):
            return _knob(finding, view, data["knob"])
        return _edited(finding, view)
    except ValueError as error:
        return _skip(finding, str(error))


def _knob(finding: Finding, view: View, knob: ArchKnob) -> Plan | Skip:
    """The project's own variable, in its own spelling."""
    numbers = _numbers(view)
    unknown = [n for n in numbers if knob.accepts and n not in knob.accepts]
    if unknown:
        return _skip(finding, f"{knob.name} does not know {', '.join(unknown)}")
    value = (knob.separator or ";").join(numbers)
    steps: list[Step] = [SetVariables(variables={knob.name: value})]
    return _plan(finding, f"set {knob.name} to {value}", steps)


def _edited(finding: Finding, view: View) -> Plan | Skip:
    data, path = finding.data, finding.data["path"]
    if data.get("variants"):
        return _skip(finding, f"{path} holds code written for {', '.join(data['variants'])} alone")
    variable = _variable(view, data)
    if variable is None:
        return _skip(finding, "the old FindCUDA reads no variable for architectures")
    value = value_for(view, variable)
    if value is None:
        return _skip(finding, "no target is known that the variable could name")

    def change(text: str) -> str | None:
        if data["part"] == "cmake":
            return edits.follow_archs(text, data["line"], variable)
        if data["part"] == "shell":
            return edits.shell_default(text, data["line"], variable)
        if data["part"] == "write":
            return python_edits.set_default(text, data["line"], variable)
        return python_edits.follow_arch_list(text, set(data["lines"]), variable)

    write = rewrite(view, path, change)
    guarded = data["part"] == "write" and data.get("default")
    if write is None and not guarded:
        return _skip(finding, f"{path} does not set it in a form that is changed with confidence")
    steps: list[Step] = [write] if write else []
    steps.append(SetVariables(variables={variable: value}))
    return _plan(finding, f"let {path} follow {variable}, set to {value}", steps)


def _variable(view: View, data: dict[str, Any]) -> str | None:
    if data["part"] == "cmake":
        follows: str | None = data["follows"]
        return follows
    if data["part"] in ("write", "shell"):
        return str(data["name"])
    return "PYTORCH_ROCM_ARCH" if vendor(view) == "amd" else "TORCH_CUDA_ARCH_LIST"


def _appended(finding: Finding, view: View) -> Plan | Skip:
    """Torch's own flags stay out; nvcc itself reads NVCC_APPEND_FLAGS."""
    if view.env("NVCC_APPEND_FLAGS"):
        return _skip(finding, "NVCC_APPEND_FLAGS is in use")
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
    return Plan(
        fix=NAME,
        codes=["SRC601"],
        subjects=[finding.subject],
        title=title,
        safety="safe",
        steps=steps,
        notes=["what the file says stays its default where the variable is not set"],
    )


def _skip(finding: Finding, reason: str) -> Skip:
    return Skip(fix=NAME, code="SRC601", subject=finding.subject, reason=reason)

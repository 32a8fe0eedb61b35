"""Make a setup.py build its GPU code where no GPU is visible."""

from __future__ import annotations

import re
from functools import partial
from shlex import quote

from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.builds import asks_torch_for_archs, builds_of
from gpufix.evidence.gpu_build import forced_as, forced_by, options_of
from gpufix.evidence.script_words import exports_in
from gpufix.evidence.source_view import absolute, setups_above
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source import cmake_plans
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.fixes.toolchain.set_arch_list import value_for
from gpufix.model import Advise, Finding, Plan, SetVariables, Skip, WriteFile
from gpufix.model.source_payload import (
    CargoFeature,
    CMakeGpuAsked,
    CMakeOption,
    GpuAsked,
    PlainSetting,
    ProjectFile,
    SwitchedBuild,
)
from gpufix.source.python import python_edits

NAME = "force-gpu-build"
_LIST = "TORCH_CUDA_ARCH_LIST"
_FORCE = "FORCE_CUDA"  # the name that most such files read


@fix(NAME, "SRC613")
def force_gpu_build(finding: Finding, view: View) -> Plan | Skip:
    """Set the variable that the file reads for it; each was tried in an abstract run of the file."""
    if isinstance(finding.payload, CMakeGpuAsked):
        return _of_cmake(finding, view, finding.payload)
    if isinstance(finding.payload, CMakeOption):
        return _switched_on(finding, view, finding.payload)
    if isinstance(finding.payload, CargoFeature):
        return _with_feature(finding, view, finding.payload)
    if isinstance(finding.payload, SwitchedBuild):
        return _switched_build(finding, view, finding.payload)
    if isinstance(finding.payload, PlainSetting):
        return _exported(finding, view, finding.payload)
    if isinstance(finding.payload, ProjectFile):
        return finding.skip(NAME, _of_authors(view, finding.payload.path))
    path = finding.payload_as(GpuAsked).path
    variables = forced_by(view, path)
    if variables is not None:
        return _variables(finding, view, path, dict(variables))
    if options := options_of(view, path):
        return _option(finding, view, path, options[0])
    if (write := rewrite(view, path, partial(_asking, view, path))) is not None:
        return _edited(finding, view, path, write)
    reason = (
        f"nothing that {path} reads was found to make it build its GPU code without a visible GPU"
    )
    return finding.skip(NAME, reason)


def _of_authors(view: View, path: str) -> str:
    """Why no variable helps a build that has code for another maker's GPUs."""
    torch = view.facts.torch
    if path.endswith("CMakeLists.txt"):
        return f"nothing that {path} reads of the machine makes it enable HIP"
    if torch is not None and torch.cuda:
        return f"{path} builds only with a torch for ROCm: its authors have to port it"
    return f"{path} has GPU code only for CUDA: its authors have to port it"


def _of_cmake(finding: Finding, view: View, place: CMakeGpuAsked) -> Plan | Skip:
    """Named architectures take the place of those of the visible GPU."""
    try:
        chosen = cmake_plans.choose(view, place)
    except ValueError as error:
        return finding.skip(NAME, str(error))
    return finding.plan(
        NAME,
        "safe",
        chosen.title,
        *chosen.steps,
        notes=["what the file says stays its default where the variable is not set"],
    )


def _switched_on(finding: Finding, view: View, place: CMakeOption) -> Plan:
    """-D on cmake's command line: who calls it decides."""
    folder = absolute(view, place.root.rpartition("/")[0]).rstrip("/")
    given = f"-D{place.option}={place.value}"
    if place.by_pip:
        package = absolute(view, _package(view, place.root)).rstrip("/")
        command = f"CMAKE_ARGS={quote(given)} pip install {quote(package)}"
    else:
        command = f"cmake -S {quote(folder)} -B {quote(f'{folder}/build')} {quote(given)}"
    return finding.plan(
        NAME,
        "manual",
        f"give cmake {given}",
        Advise(
            text=f"{place.root} leaves CUDA out without it, as it does by default", command=command
        ),
    )


def _package(view: View, path: str) -> str:
    """The folder with the pyproject.toml by which pip builds a CMakeLists.txt."""
    project = view.facts.project
    paths = {source.path for source in project.sources} if project else set()
    folders = [setup.rpartition("/")[0] for setup in setups_above(path.rpartition("/")[0])]
    return next((f for f in folders if f"{f}/pyproject.toml".lstrip("/") in paths), folders[0])


def _switched_build(finding: Finding, view: View, build: SwitchedBuild) -> Plan:
    """Who builds decides: the project installs without what it compiles, too."""
    folder = absolute(view, build.path.rpartition("/")[0]).rstrip("/")
    if build.value:
        given = f"{build.name}={build.value}"
        command = f"{given} pip install --no-build-isolation {quote(folder)}"
    else:
        given = build.name
        command = f"cd {quote(folder)} && python setup.py bdist_wheel {quote(build.name)}"
    return finding.plan(
        NAME,
        "manual",
        f"build with {given}",
        Advise(text=f"{build.path} compiles no GPU code without it", command=command),
    )


def _with_feature(finding: Finding, view: View, crate: CargoFeature) -> Plan:
    """maturin takes the command line's features in the place of pyproject.toml's."""
    folder = absolute(view, crate.path.rpartition("/")[0]).rstrip("/")
    features = ",".join(crate.features)
    return finding.plan(
        NAME,
        "manual",
        f"build with the feature {crate.features[-1]}",
        Advise(
            text=f"{crate.path} leaves the GPU code out without it",
            command=f"cd {quote(folder)} && maturin develop --release --features {quote(features)}",
        ),
    )


def _asking(view: View, path: str, text: str) -> str | None:
    """The file with a question for FORCE_CUDA beside each for a GPU, where that is enough."""
    new = python_edits.forced_by(text, _FORCE)
    return new if new is not None and forced_as(view, path, new, _FORCE) else None


def _edited(finding: Finding, view: View, path: str, write: WriteFile) -> Plan:
    variables: dict[str, str | None] = {_FORCE: "1"}
    if vendor(view) == "nvidia" and not view.env(_LIST) and (value := _value(view)):
        variables[_LIST] = value
    return finding.plan(
        NAME,
        "safe",
        f"let {path} build for GPUs where {_FORCE} is 1, and set it",
        write,
        SetVariables(variables=variables),
        notes=["where the variable is not set the file does what it did"],
    )


def _value(view: View) -> str | None:
    try:
        return value_for(view, _LIST)
    except ValueError:
        return None


def _exported(finding: Finding, view: View, place: PlainSetting) -> Plan | Skip:
    """The line of a Dockerfile with `export` before the variable."""
    name = place.variable

    def change(text: str) -> str | None:
        lines = text.split("\n")
        lines[place.line - 1], count = re.subn(
            rf"(?<![\w$-])({re.escape(name)}=)", r"export \1", lines[place.line - 1], count=1
        )
        changed = "\n".join(lines)
        return changed if count and exports_in(view, place.path, changed, name) else None

    write = rewrite(view, place.path, change)
    if write is None:
        reason = f"{place.path} sets {name} in a form that is not changed with confidence"
        return finding.skip(NAME, reason)
    return finding.plan(NAME, "safe", f"let {place.path} export {name}", write)


def _variables(finding: Finding, view: View, path: str, variables: dict[str, str]) -> Plan:
    process = dict(view.facts.environment.process)
    run = builds_of(view).run(path, environment=process | variables)
    torch_asked = vendor(view) == "nvidia" and asks_torch_for_archs(run) and not view.env(_LIST)
    if torch_asked and (value := _value(view)):
        variables.setdefault(_LIST, value)
    title = " and ".join(f"set {name} to {value}" for name, value in variables.items())
    return finding.plan(
        NAME,
        "safe",
        title,
        SetVariables(variables=dict(variables)),
        notes=[
            "in a Dockerfile: as ENV, or before the command itself; `NAME=1 && pip` sets nothing"
        ],
    )


def _option(finding: Finding, view: View, path: str, option: str) -> Plan:
    folder = absolute(view, path.rpartition("/")[0]).rstrip("/")
    return finding.plan(
        NAME,
        "manual",
        f"build with {option}",
        Advise(
            text=f"{path} takes {option} from its own command line, which pip does not write",
            command=f"cd {quote(folder)} && python setup.py bdist_wheel {option}",
        ),
    )

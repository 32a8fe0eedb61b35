"""What would be done: steps, plans, and the reasons for which there is none."""

from __future__ import annotations

from dataclasses import field
from typing import Literal, NamedTuple, TypeAlias

from gpufix.model.base import INNER, Model

Safety = Literal["safe", "unsafe", "manual"]


class WriteFile(Model):
    """Replace or create one file. `expect` is the sha256 of the bytes to be replaced, None = absent."""

    kind: Literal["write"] = "write"
    path: str
    content: str
    encoding: str = "utf-8"
    expect: str | None = None
    mode: int | None = None


class Remove(Model):
    """Delete a file or a folder tree."""

    kind: Literal["remove"] = "remove"
    path: str


class Install(Model):
    """Install, reinstall and remove distributions in the patient, in one installer transaction."""

    kind: Literal["install"] = "install"
    install: list[str] = field(
        default_factory=list
    )  # exact requirements: "nvidia-nccl-cu12==2.27.5"
    uninstall: list[str] = field(default_factory=list)
    reinstall: bool = False  # --force-reinstall
    dependencies: bool = False  # False = --no-deps
    index: str | None = None  # a torch index name such as "cu128"; None = the user's own
    links: str | None = None  # a page of links to wheels, one that knowledge/listings has
    freeze: bool = False  # with dependencies: nothing that is installed moves but what is named
    sought: str | None = (
        None  # a name that the first requirement's release must have; it is looked for before anything moves
    )
    environment: dict[str, str] = field(
        default_factory=dict
    )  # of a build from source, which is then made anew


class InstallFallback(Model):
    """Install one of gpufix's fallbacks under the name of the distribution that it replaces."""

    kind: Literal["fallback"] = "fallback"
    name: str  # of the catalogue
    distribution: str
    version: str  # "1.0.0+gpufix"
    uninstall: list[str] = field(default_factory=list)  # other distributions with the same modules
    archs: list[str] = field(default_factory=list)  # to compile for, when it has sources of its own
    requires: list[str] = field(default_factory=list)  # what its metadata shall require


class Build(Model):
    """Build and install an extension folder with the given environment."""

    kind: Literal["build"] = "build"
    path: str
    environment: dict[str, str] = field(default_factory=dict)
    editable: bool = False
    expect_archs: list[str] = field(default_factory=list)
    abi: bool | None = None  # _GLIBCXX_USE_CXX11_ABI forced on every file, whatever setup.py says


class InitSubmodules(Model):
    """Fetch the submodules at the named paths, each at the commit that git's index records."""

    kind: Literal["submodules"] = "submodules"
    root: str
    paths: list[str]


class SetVariables(Model):
    """Set (or, with None, unset) variables in the environment file."""

    kind: Literal["environment"] = "environment"
    variables: dict[str, str | None]


class Advise(Model):
    """Something that only the user can do: printed, never run."""

    kind: Literal["advise"] = "advise"
    text: str
    command: str | None = None


# `kind` tells them apart. (A declared discriminator cannot be deferred in pydantic 2.0.)
Step: TypeAlias = (
    WriteFile | Remove | Install | InstallFallback | Build | InitSubmodules | SetVariables | Advise
)


class FindingKey(NamedTuple):
    """By which a finding is told from others."""

    code: str
    subject: str


class ServedFinding(NamedTuple):
    """A finding that a plan serves; several about one file differ in the line."""

    code: str
    subject: str
    line: int | None


class TorchMove(Model):
    """The torch build that a plan installs in place of the present one."""

    release: str  # "2.9.0"
    variant: str  # "cu128", "rocm6.4", "cpu"


class Elsewhere(Model):
    """Steps that do the same with files of another place."""

    title: str
    steps: list[Step]


class Plan(Model):
    """Ordered steps that remove one finding (or, once merged, several)."""

    fix: str  # the fix's name
    codes: list[str]
    subjects: list[str] = field(default_factory=list)
    title: str  # the remedy, in the imperative
    safety: Safety
    steps: list[Step]
    notes: list[str] = field(default_factory=list)  # what the preview must say
    finding: FindingKey | None = None  # that it was planned for, and must remove
    fallback: str | None = None  # the fallback of gpufix's that it installs or has called, by name
    asked: bool = False  # for, by the fallback's name: carried out whatever its safety
    served: tuple[ServedFinding, ...] = ()  # of a plan that was asked for: these need no other plan
    alternative: str | None = None  # a command that would do in place of this plan
    moves_torch: TorchMove | None = None  # to this build
    for_this_torch: bool = False  # of no use beside a plan that moves torch
    elsewhere: Elsewhere | None = None  # carried out where these steps fail: an index out of reach


class Skip(Model):
    """Why a fix offers no plan for a finding."""

    fix: str
    code: str
    subject: str
    reason: str
    asked: bool = False  # by name: what was wanted is not there


class PlanSummary(Model):
    """A plan as a finding's report shows it."""

    title: str
    safety: Safety
    command: str | None = None
    fix: str = field(default="", metadata=INNER)  # which made it; "" = none did
    keep: str | None = None  # commands that record it in a project of uv, pixi, poetry or pdm

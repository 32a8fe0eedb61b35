"""What a build file can ask of the machine, the variables, torch, and the files beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Protocol

from gpufix.frozen import Frozen


class BuildFiles(Protocol):
    """The files of a project, by absolute paths. None: nobody can tell."""

    def text(self, path: str) -> str | None:
        """The text of a file."""
        ...

    def exists(self, path: str) -> bool | None:
        """Whether a file or a folder lies there."""
        ...

    def names_in(self, folder: str) -> Collection[str] | None:
        """The names in a folder, of files and folders; empty where there is no such folder."""
        ...

    def is_folder(self, path: str) -> bool | None:
        """Whether a folder lies there."""
        ...


class TorchSeen(Frozen):
    """The torch that a build file would import."""

    version: str  # torch.__version__: "2.9.0+cu128"
    cuda: str | None = None  # torch.version.cuda
    hip: str | None = None
    cxx11_abi: bool | None = None
    location: str = "/usr/lib/python3/dist-packages"  # the folder that holds it
    archs: tuple[str, ...] | None = None  # of its own code, as get_arch_list() gives them


class BuildWorld(Frozen):
    """What a build file can ask. A `replace` of one is the same question on another machine.

    root: the folder of the project; environment: every variable that is set, so that another is not;
    gpu: whether torch.cuda.is_available(); capabilities: of the visible GPUs, None where it is not
    known; torch: None where it cannot be imported; modules: others, by whether they can be imported,
    where that is known; programs: others on PATH that are known to be there, with their paths;
    cmake: its release, None where that is not known; cuda_home, nvcc: None for none, "?" for an unknown one.
    """

    root: str
    files: BuildFiles
    environment: Mapping[str, str] = field(default_factory=dict)
    gpu: bool | None = False
    capabilities: tuple[tuple[int, int], ...] | None = ()
    torch: TorchSeen | None = None
    modules: Mapping[str, bool] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    cmake: str | None = None  # "3.25.1"
    cuda_home: str | None = None
    nvcc: str | None = None  # "13.0"
    rocm_home: str | None = None
    python: tuple[int, int, int] = (3, 11, 0)
    platform: str = "linux"
    machine: str = "x86_64"
    argv: tuple[str, ...] = ("setup.py", "bdist_wheel")
    network: bool | None = None  # whether what a file fetches can be fetched

"""The project's build files as they would run in this patient, or in one that differs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.building import tool, toolkit_in_use
from gpufix.evidence.gpu_code import torch_code
from gpufix.evidence.requirements import is_among
from gpufix.evidence.source_view import python_files, toml_files
from gpufix.evidence.view import EVERY, View
from gpufix.knowledge.data_table import minor, numbers
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.source.arch_flags import TWO_WORDS, ArchFlag, codes, parse_word, switches_off_torch
from gpufix.source.builds.run import UNKNOWN_PART, BuildRun, BuiltExtension, Said
from gpufix.source.builds.setup_py import run_setup
from gpufix.source.builds.world import BuildWorld, TorchSeen
from gpufix.source.source_facts import is_setup

SEARCH = 300_000  # steps that a search for a variable may follow
_PROSE = (".md", ".rst")  # much text, which seldom decides about a build
_GPUS = ("gpu", "capabilities")  # fields of a world
_OF_GPUS = ("gpu", "capability")  # kinds of questions for them
_READ_BY_TORCH = ("CUDNN_HOME",)  # when cpp_extension is imported


class ViewFiles:
    """The files of the project, asked of a view."""

    def __init__(self, view: View, root: str) -> None:
        self._view, self._root = view, root
        self._edited: Mapping[str, str] = {}
        self._names: dict[str, dict[str, bool] | None] = {}  # by folder: name -> is a folder
        self.reads_prose = False
        self.withheld = False  # a text was asked for that `reads_prose` would have given

    def edited(self, texts: Mapping[str, str]) -> ViewFiles:
        """The same files, with these texts in the place of theirs."""
        made = ViewFiles(self._view, self._root)
        made._names, made._edited = self._names, texts
        return made

    def with_prose(self) -> ViewFiles:
        """The same files, README.md and its like too."""
        made = ViewFiles(self._view, self._root)
        made._names, made._edited, made.reads_prose = self._names, self._edited, True
        return made

    def text(self, path: str) -> str | None:
        """The text of a file; None where nobody can tell."""
        if path in self._edited:
            return self._edited[path]
        if not self.exists(path) or self.is_folder(path):
            return None
        if path.endswith(_PROSE) and not self.reads_prose:
            self.withheld = True
            return None
        source = self._view.source(path)
        return source.text if source else None

    def exists(self, path: str) -> bool | None:
        """Whether something lies there."""
        if path == self._root:
            return True
        torch = self._view.facts.torch
        if torch is not None and path.startswith(f"{torch.location}/torch/include/"):
            return self._view.torch_header(path.partition("/torch/include/")[2])
        folder, _, name = path.rpartition("/")
        names = self._listed(folder)
        return None if names is None else name in names

    def is_folder(self, path: str) -> bool | None:
        """Whether a folder lies there."""
        if path == self._root:
            return True
        folder, _, name = path.rpartition("/")
        names = self._listed(folder)
        return None if names is None else names.get(name, False)

    def names_in(self, folder: str) -> Collection[str] | None:
        """The names in a folder."""
        return self._listed(folder)

    def _listed(self, folder: str) -> dict[str, bool] | None:
        if folder != self._root and not folder.startswith(f"{self._root}/"):
            return None
        if folder not in self._names:
            there = folder == self._root or self.is_folder(folder)
            names = self._view.project_names(folder) if there else ()
            known = None if names is None or there is None else names
            self._names[folder] = (
                None if known is None else {n.rstrip("/"): n.endswith("/") for n in known}
            )
        return self._names[folder]


class _Ran(NamedTuple):
    """A run, and what it met."""

    environment: Mapping[str, str]
    gpus: tuple[Any, Any]  # whether one is visible, their capabilities
    run: BuildRun

    def answers(self, environment: Mapping[str, str], gpus: tuple[Any, Any]) -> bool:
        """Whether the run is the same with these variables and GPUs: it asked for none that differ."""
        if gpus != self.gpus and any(q.kind in _OF_GPUS for q in self.run.asked):
            return False
        return _reads_alike(self.run, self.environment, environment)


class Builds:
    """Runs of one view's build files.

    A run answers for each world in which the variables and the GPUs that it asked for are those that
    it met.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._runs: dict[Any, list[_Ran]] = _shared(view)
        project = view.facts.project
        self._root = project.root if project else ""
        self._files = ViewFiles(view, self._root)
        self.steps = 0  # that were followed so far

    def run(self, path: str, edited: Mapping[str, str] | None = None, **changes: Any) -> BuildRun:
        """What a setup.py would do; `changes`: fields of the world that differ."""
        texts = dict(edited or {})
        environment = changes.pop("environment", None)
        if environment is None:
            environment = variables_of(self._view)
        files = self._files.edited({f"{self._root}/{p}": t for p, t in texts.items()})
        given = {**changes, "environment": environment}
        world = replace(world_of(self._view, self._root, files), **given)
        others = sorted((name, changes[name]) for name in changes if name not in _GPUS)
        known = self._runs.setdefault((path, tuple(sorted(texts.items())), repr(others)), [])
        gpus = (world.gpu, world.capabilities)
        run = next((ran.run for ran in known if ran.answers(environment, gpus)), None)
        if run is None:
            if brings(self._view, path, "cmake"):
                world = replace(world, cmake=None)
            run = self._followed(world, path, files)
            known.append(_Ran(environment, gpus, run))
        for question in run.asked:  # a plan that sets one of them asks this run again
            if question.kind == "variable":
                self._view.env(question.subject)
        if run.takes_all:
            self._view.asked.add(EVERY)
        return run

    def _followed(self, world: BuildWorld, path: str, files: ViewFiles) -> BuildRun:
        run = run_setup(world, path)
        self.steps += run.steps
        if files.withheld and not (run.whole and all(e.sure for e in run.endings)):
            run = run_setup(replace(world, files=files.with_prose()), path)
            self.steps += run.steps
        return run


def _shared(view: View) -> dict[Any, list[_Ran]]:
    """The runs of the view that this one came of, where nothing but variables differs."""
    base, root = view.with_other_variables(), view.facts.project.root if view.facts.project else ""
    if base is None:
        return {}
    files = ViewFiles(view, root)
    worlds = (replace(world_of(v, root, files), environment={}) for v in (view, base))
    return builds_of(base)._runs if next(worlds) == next(worlds) else {}


def _reads_alike(run: BuildRun, one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    if one is other or one == other:
        return True
    names = [q.subject for q in run.asked if q.kind == "variable"]
    return not run.takes_all and all(one.get(n) == other.get(n) for n in (*names, *_READ_BY_TORCH))


def builds_of(view: View) -> Builds:
    """The runs of a view."""
    return view.derive(Builds)


def setup_runs(view: View) -> Iterator[tuple[str, BuildRun]]:
    """Every setup.py of the project that calls setup() or builds with torch, as it would run here.

    One of another name, setup_cuda.py, counts where it does both.
    """
    for path, facts in python_files(view).items():
        own = path.rpartition("/")[2] == "setup.py"
        both = is_setup(path) and facts.calls_setup and facts.extension
        if both or (own and (facts.calls_setup or facts.extension)):
            yield path, builds_of(view).run(path)


def variables_of(view: View) -> dict[str, str]:
    """Those that are set, with the environment file applied."""
    environment = view.facts.environment
    values: dict[str, str | None] = {**environment.process, **environment.overlay}
    return {name: value for name, value in values.items() if value is not None}


def brings(view: View, path: str, name: str) -> bool:
    """Whether the pyproject.toml beside a setup.py requires a distribution: which release it is, pip decides."""
    folder = path.rpartition("/")[0]
    toml = toml_files(view).get(f"{folder}/pyproject.toml".lstrip("/"))
    return toml is not None and is_among(name, toml.requires or ())


def world_of(view: View, root: str, files: ViewFiles) -> BuildWorld:
    """The patient as a build file sees it."""
    return replace(view.derive(world_here), root=root, files=files)


def world_here(view: View) -> BuildWorld:
    """The same without a project."""
    facts, variables = view.facts, variables_of(view)
    toolkit = toolkit_in_use(view)
    rocm = toolkit_in_use(view, "rocm")
    view.env("ROCM_HOME")
    release = numbers(facts.python.version) if facts.python else ()
    torch, cmake = torch_seen(view), tool(view, "cmake")
    return BuildWorld(
        root="",
        files=ViewFiles(view, ""),
        environment=variables,
        gpu=_gpu(view),
        capabilities=tuple(capabilities_of(g.arch for g in facts.gpus if g.vendor == vendor(view))),
        torch=torch,
        modules=dict.fromkeys((d.name.replace("-", "_") for d in facts.distributions), True),
        programs={tool.name: tool.path for tool in facts.tools},
        cmake=cmake.version if cmake else None,
        cuda_home=toolkit.root if toolkit else variables.get("CUDA_HOME"),
        nvcc=minor(toolkit.version) if toolkit and toolkit.version else None,
        rocm_home=rocm.root if rocm else variables.get("ROCM_HOME"),
        python=(release[0], release[1], release[2] if len(release) > 2 else 0)
        if len(release) > 1
        else (3, 11, 0),
        machine=facts.host.machine if hasattr(facts.host, "machine") else "x86_64",
        platform=facts.python.platform if facts.python else "linux",
    )


def torch_seen(view: View) -> TorchSeen:
    """The installed torch; without one, some torch for the targets' vendor."""
    torch = view.facts.torch
    if torch is None:
        amd = vendor(view) == "amd"
        unknown = UNKNOWN_PART
        return TorchSeen(
            version=unknown, cuda=None if amd else unknown, hip=unknown if amd else None
        )
    return TorchSeen(
        version=torch.version or UNKNOWN_PART,
        cuda=torch.cuda,
        hip=torch.hip,
        cxx11_abi=torch.cxx11_abi,
        location=torch.location,
        archs=_archs_of_torch(view),
    )


def _archs_of_torch(view: View) -> tuple[str, ...] | None:
    """What torch.cuda.get_arch_list() gives, of a torch for CUDA."""
    code = torch_code(view) if view.facts.torch and view.facts.torch.cuda else None
    if code is None or not code.complete:
        return None
    heads = {"cubin": "sm", "ptx": "compute"}
    written = [(o.kind, parse_arch(o.arch)) for o in code.objects if o.kind in heads and o.arch]
    archs = {(kind, arch) for kind, arch in written if isinstance(arch, CudaArch)}
    ordered = sorted(archs, key=lambda row: (row[0] != "cubin", row[1].number))
    names = tuple(f"{heads[kind]}_{arch.number}" for kind, arch in ordered)
    return names if names else None


def _gpu(view: View) -> bool:
    torch = view.facts.torch
    able = torch is None or torch.cuda or torch.hip
    return bool(able) and any(gpu.vendor == vendor(view) for gpu in view.facts.gpus)


def capabilities_of(archs: Iterable[str | None]) -> Iterator[tuple[int, int]]:
    """Of those that are NVIDIA's."""
    for name in archs:
        arch = parse_arch(name) if name else None
        if isinstance(arch, CudaArch):
            yield arch.major, arch.minor


def without_module(view: View, path: str, name: str) -> BuildRun:
    """The run of a setup.py where a module cannot be imported that is else taken to be there."""
    modules = {d.name.replace("-", "_"): True for d in view.facts.distributions}
    return builds_of(view).run(path, modules={**modules, name: False})


def arch_flags(flags: tuple[Said, ...]) -> list[tuple[Said, list[ArchFlag]]]:
    """The flags that name architectures, those in two words as one; and those with "arch" in them."""
    rows: list[tuple[Said, list[ArchFlag]]] = []
    listed = codes([said.text for said in flags])
    for at, said in enumerate(flags):
        before = flags[at - 1].text if at else ""
        whole = f"{before}={said.text}" if before in TWO_WORDS else said.text
        archs = parse_word(whole, listed)
        if archs or switches_off_torch(said.text):
            rows.append((said, archs))
    return rows


def compiles_gpu_code(extension: BuiltExtension) -> bool:
    """Whether nvcc or hipcc has something to do for an extension."""
    return any(s.text.endswith((".cu", ".hip", UNKNOWN_PART)) for s in extension.sources)


def asks_torch_for_archs(run: BuildRun) -> BuiltExtension | None:
    """An extension for which torch itself chooses the architectures, surely; None: none is known."""
    if run.fails or not run.whole:
        return None
    for each in run.extensions:
        named = any("arch" in s.text for s in each.nvcc)
        hidden = any(UNKNOWN_PART in s.text for s in each.nvcc)
        theirs = each.sure and each.kind in ("cuda", "cpp") and compiles_gpu_code(each)
        if theirs and not named and not hidden:
            return each
    return None

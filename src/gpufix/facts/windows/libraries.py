"""All DLLs and compiled modules of a Windows environment, as the loader of Windows would treat them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from posixpath import basename

from gpufix.binary.loader.model import Verdict
from gpufix.binary.pe import PeError, PeFile
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.import_outcomes import asked_in_vain, import_outcomes
from gpufix.facts.libraries.library_facts import Opener, gpu_code
from gpufix.facts.libraries.library_files import owners, python_tag, stray
from gpufix.facts.libraries.library_walk import find
from gpufix.facts.libraries.problems import problems_of
from gpufix.facts.reading import text
from gpufix.facts.windows.judge import WindowsJudge
from gpufix.knowledge.cuda_libraries import is_cuda_dll
from gpufix.knowledge.plugins import plugin
from gpufix.model import Binaries, Distribution, Library, Problem, Python, Torch

_ENDINGS = (b".dll", b".pyd", b".DLL")
# A mutex of a toolset from 14.40 on is made without a call of the runtime, which older ones need:
# https://github.com/microsoft/STL/wiki/Changelog (VS 2022 17.10), https://github.com/pytorch/pytorch/issues/169429
_LOCKS, _MAKES = "_Mtx_lock", "_Mtx_init_in_situ"


def collect(
    ctx: CollectContext,
    python: Python,
    distributions: Sequence[Distribution],
    torch: Torch | None,
    system32: str | None,
    extra: Sequence[str] = (),
) -> Binaries:
    """Scan every DLL and compiled module in the site folders and editable projects."""
    walked = find(ctx, python, distributions)
    walked.add(extra)
    paths = walked.paths
    belongs = owners(distributions, (), walked.every(), _ENDINGS)
    judge = WindowsJudge(python, ctx.environ, paths, belongs, system32)
    if judge.files.assumed and system32 is not None:
        names = ", ".join(sorted(judge.files.assumed)[:5])
        ctx.gap("windows", text(system32), f"it is not whole: whether it has {names} is not known")
    suspect = [path for path, verdict in judge.verdicts.items() if verdict.refused]
    of_gpu = {belongs[path] for path in belongs if judge.links_torch(path)}
    told = import_outcomes(ctx, python, judge, suspect, of_gpu, belongs, torch, distributions)
    opened = asked_in_vain(told)
    versions = {dist.name: dist.version for dist in reversed(distributions)}
    describer = _Describer(ctx, judge, belongs, stray(paths, python.tag), opened, versions)
    kept = [library for path in paths if (library := describer.describe(path))]
    return Binaries(
        scanned=len(paths),
        libraries=kept,
        with_code=sum(1 for library in kept if library.code),
        imports=told,
        modules=Counter(belongs[path] for path in paths if path in belongs and python_tag(path)),
        cuda=_named_of_cuda(judge, paths, belongs),
    )


def _named_of_cuda(
    judge: WindowsJudge, paths: Sequence[str], belongs: Mapping[str, str]
) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for path in paths:
        named = [name for name in _needed(judge.pe(path)) if is_cuda_dll(name)]
        if named:
            found.setdefault(belongs.get(path) or text(path), set()).update(named)
    return {owner: sorted(map(text, names)) for owner, names in sorted(found.items())}


def _needed(file: PeFile | None) -> tuple[str, ...]:
    try:
        return file.needed if file else ()
    except PeError:
        return ()


class _Describer:
    """Turns what was read of a file into its facts."""

    def __init__(
        self,
        ctx: CollectContext,
        judge: WindowsJudge,
        belongs: Mapping[str, str],
        stray: Collection[str],
        opened: Collection[str],
        versions: Mapping[str, str],
    ) -> None:
        self._ctx, self._judge, self._belongs = ctx, judge, belongs
        self._versions = versions
        self._stray, self._opened = stray, opened

    def describe(self, path: str) -> Library | None:
        """The file's facts; None when no rule could speak of it."""
        verdict, file = self._judge.verdicts.get(path), self._judge.pe(path)
        owner = self._belongs.get(path)
        problems = self._placed(verdict) if verdict else []
        links = self._judge.links_torch(path)
        opener = self._opener(path, owner, bool(problems))
        known = plugin(text(path), owner, self._versions.get(owner or ""))
        if known and known.wanted(self._versions):
            opener = "plugin"
        if opener == "library" or (opener is None and not links):
            problems = []  # judged with what needs it, or asked for by nobody
        objects, parts = gpu_code(self._ctx, path)
        vendor = owner == "torch" or (owner or "").startswith("nvidia-")
        locks = locks_new(file)
        if not (problems or objects or links or vendor or locks or path in self._stray):
            return None
        return Library(
            path=text(path),
            distribution=owner,
            module=python_tag(path) is not None,
            python_tag=python_tag(path),
            opened_by=opener,
            needed=[text(name) for name in _needed(file)],
            links_torch=links,
            problems=problems,
            code=objects,
            parts=parts,
            uses=_uses(verdict) if verdict else {},
            toolset="{}.{}".format(*file.headers.linker) if file else None,
            locks_new=locks,
        )

    def _placed(self, verdict: Verdict) -> list[Problem]:
        """With the file of the environment that is there, and in no folder that is searched."""
        return [
            Problem(
                kind=problem.kind,
                name=problem.name,
                needed_by=problem.needed_by,
                provider=problem.provider or self._elsewhere(problem),
                why=problem.why,
                driver=problem.driver,
            )
            for problem in problems_of(verdict)
        ]

    def _elsewhere(self, problem: Problem) -> str | None:
        if problem.kind != "missing-library":
            return None
        return next((text(path) for path in self._judge.found(problem.name)), None)

    def _opener(self, path: str, owner: str | None, faulty: bool) -> Opener | None:
        if python_tag(path):
            return "import"
        if owner == "torch" and "/torch/lib/" in path:
            return "source"  # `import torch` loads each of them, and ends where one fails
        if text(path) in self._opened:
            return "source"
        if path in self._judge.needed:
            return "library"
        return "source" if faulty and self._judge.named_in_source(path) else None


def _uses(verdict: Verdict) -> dict[str, str]:
    """Which file serves each DLL that this one imports, Windows' own left out."""
    return {
        text(used.name): text(used.path)
        for used in verdict.uses
        if used.needed_by == verdict.path and basename(used.path)
    }


def locks_new(file: PeFile | None) -> bool:
    """Whether it locks mutexes that are made without a call of the runtime."""
    if file is None or file.headers.linker < (14, 40):
        return False
    try:
        names = {name for one in file.imports for name in one.names}
    except PeError:
        return False
    return _LOCKS in names and _MAKES not in names

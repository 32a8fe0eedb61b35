"""`gpufix inspect`: files, and what is installed in the environment at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from gpufix.binary.elf import ElfError
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Process, Verdict
from gpufix.binary.loader.scan import predict
from gpufix.evidence.inspected import Inspection
from gpufix.inspection.rendering import render
from gpufix.inspection.served import Question
from gpufix.inspection.subject import CannotInspect, inspect_files, inspect_path
from gpufix.knowledge.symbols import SymbolHistory
from gpufix.knowledge.symbols.judgement import minor
from gpufix.model import Facts
from gpufix.text.json_output import dumps

# Judged when none is named: the architectures that CUDA and ROCm wheels are built for.
NVIDIA = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_103", "sm_120")
AMD = ("gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1101", "gfx1151", "gfx1201")


def run(
    files: Sequence[str],
    targets: Sequence[str] = (),
    facts: Facts | None = None,
    judged: bool = False,
    as_json: bool = False,
    verbose: bool = False,
    driver: str | None = None,
) -> str:
    """The report on all files. `facts`: of the patient, where packages are looked up by name, and
    where, when `judged`, the libraries are asked to load. `driver`: the CUDA that NVIDIA's serves.
    Raises CannotInspect."""
    found = [_one(file, targets, facts, judged, driver) for file in files]
    if as_json:
        rows = [asdict(one) for one in found]
        return dumps({"schema_version": 1, "inspections": rows}) + "\n"
    return "\n".join(render(one, verbose) for one in found)


def inspect(
    file: str, facts: Facts | None = None, targets: Sequence[str] = (), driver: str | None = None
) -> Inspection:
    """One file, wheel, folder, or package installed in the patient. Raises CannotInspect."""
    return _one(file, targets, facts, judged=False, driver=driver)


def _one(
    file: str, named: Sequence[str], facts: Facts | None, judged: bool, driver: str | None
) -> Inspection:
    question = Question(tuple(named) or (*NVIDIA, *AMD), driver)
    try:
        there = Path(file).exists()
        found = inspect_path(file, question) if there else _installed(file, question, facts)
    except (OSError, ValueError) as error:
        if isinstance(error, CannotInspect):
            raise
        raise CannotInspect(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    if not named:
        _drop_other_vendor(found)
    found.driver = driver
    if judged and facts is not None:
        roots = {"wheel": None, "file": str(Path(file).parent), "distribution": "/"}
        judge_here(found, facts, roots.get(found.kind, file))
    return found


def _installed(name: str, question: Question, facts: Facts | None) -> Inspection:
    """The libraries that an installed distribution records."""
    from gpufix.text.names import normalise

    dists = {d.name: d for d in facts.distributions} if facts else {}
    dist = dists.get(normalise(name))
    if dist is None or facts is None or facts.python is None:
        raise CannotInspect(f"{name}: no such file, and no installed package of this name")
    from gpufix.facts.context import CollectContext
    from gpufix.facts.libraries.library_files import owners
    from gpufix.facts.libraries.library_walk import find

    found = find(CollectContext(), facts.python, facts.distributions)
    endings = (b".dll", b".pyd") if facts.python.platform == "win32" else (b".so",)
    belongs = owners(facts.distributions, facts.conda_packages, found.every(), endings)
    found.prefer(belongs)
    own = [path for path in found.paths if belongs.get(path) == dist.name]
    return inspect_files(dist.name, dist.version, own, question)


def _drop_other_vendor(found: Inspection) -> None:
    """Without --gpu, AMD's GPUs are no news of a CUDA library, and the reverse."""
    kinds = {c.kind for file in found.files for c in file.code}
    for prefix, own in (("gfx", {"hip", "bitcode", "spirv"}), ("sm_", {"cubin", "ptx", "lto"})):
        if not kinds & own:
            found.served = {t: s for t, s in found.served.items() if not t.startswith(prefix)}


def judge_here(inspection: Inspection, facts: Facts, root: str | None) -> None:
    """Fill `here` of each library that lies on disk, and of the whole.

    `root`: the folder that the files' names are relative to; None inside a wheel, whose files are
    judged by their symbols alone.
    """
    if facts.python is None:
        return
    torch = facts.torch.version if facts.torch else None
    if root is not None and facts.python.platform == "win32":
        _load_on_windows(inspection, facts, root)
    elif root is not None:
        process = Process(
            facts.python.program or facts.python.executable,
            tuple(facts.python.site_dirs),
            dict(facts.environment.process),
        )
        _load(inspection, process, root)
    inspection.here = {
        "python": facts.python.executable,
        "torch": torch,
        "promise": _promise(inspection, torch),
        "python_tags": sorted({f.python_tag for f in inspection.files if f.python_tag}),
        "python_tag": facts.python.tag,
    }


def _load_on_windows(inspection: Inspection, facts: Facts, root: str) -> None:
    from gpufix.facts.windows.judge import WindowsJudge

    files = {
        str(Path(root, f.path)): f for f in inspection.files if f.kind in ("module", "library")
    }
    system = facts.windows.system32 if facts.windows else None
    assert facts.python is not None
    judge = WindowsJudge(facts.python, {}, list(files), {}, system)
    for path, file in files.items():
        if path in judge.verdicts:
            file.here = list(_faults(judge.verdicts[path]))


def _load(inspection: Inspection, process: Process, root: str) -> None:
    files = Files()
    for file in inspection.files:
        if file.kind not in ("module", "library"):
            continue
        try:
            verdict = predict(process, str(Path(root, file.path)), files)
        except ElfError as error:
            inspection.gaps.append(f"{file.path}: {error}")
            continue
        file.here = list(_faults(verdict))


def _faults(verdict: Verdict) -> Iterable[str]:
    for unusable in verdict.unusable:
        yield f"{unusable.path}: {unusable.what}"
    for missing in verdict.missing:
        yield f"{missing.name} is found nowhere" + (" (a GPU driver's)" if missing.driver else "")
    for version in verdict.versions:
        yield f"{version.path} lacks version {version.version}"
    for symbol in verdict.undefined:
        yield f"undefined symbol {symbol.name}"


def _promise(inspection: Inspection, torch: str | None) -> str | None:
    """What the symbol history promises for the installed torch: see knowledge.symbols."""
    need = inspection.torch
    if need is None or torch is None:
        return None
    release = torch.partition("+")[0]
    if need.interface == "stable" and release in need.releases:
        return "stable"
    if release not in SymbolHistory.load().releases:
        return "unknown"
    if release not in need.releases:
        return "lacks-symbols"
    only = len({minor(release) for release in need.releases}) == 1
    return "same-minor" if only else "layout-not-promised"

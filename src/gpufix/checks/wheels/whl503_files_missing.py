"""WHL503."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename, normpath

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.foreign_folders import is_foreign
from gpufix.evidence.importing import Imports
from gpufix.evidence.installed_copies import InstalledCopy, of_distribution, of_package
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.knowledge.plugins import plugin
from gpufix.model import Evidence, Gap, Record, Severity
from gpufix.model.payload import DamagedDistribution
from gpufix.text.clean import counted
from gpufix.text.names import module_name, normalise

# What an image builder removes on purpose, and nothing misses at run time.
_EXPENDABLE = ("tests", "test", "testing", "docs", "doc", "examples", "benchmarks", "__pycache__")
_SUFFIXES_NOBODY_LOADS = (".pyi", ".md", ".rst", ".txt", ".html", ".a", ".pyc", ".typed", ".c")


@rule("WHL503", "files-missing")
def files_missing(view: View) -> Iterator[Fault | Gap]:
    """Files that a distribution recorded are gone, or are no longer what it installed.

    ## What it does
    Compares every RECORD with the disk: existence and size of all files, and the hash of those
    that are newer than their RECORD or that people edit by hand (`torch/utils/cpp_extension.py`).
    `--deep` hashes everything. Folders of known packages without a beginning and without metadata count as well. Data is changed on purpose, and counts where a pointer of Git LFS is in
    its place, where nothing is left of it, or where it holds GPU code. Of conda's packages, whether the
    files are there.

    ## Why it matters
    Removing one distribution can take a file of another along: `nvidia-nccl-cu11` and
    `nvidia-nccl-cu12` own the same `libnccl.so.2`, and `pip check` stays silent. An edited file
    of torch is lost at the next upgrade, and hides the cause that it was edited for.

    ## Example
    `nvidia-nccl-cu12 2.27.5 recorded nvidia/nccl/lib/libnccl.so.2, which is missing.`

    ## Severity
    Error when a shared library or Python module is missing, and for GPU code of which a pointer or
    nothing is left; warning where the imports of the package
    and of those that require it do without, as their sources show (of torch, what its own import does
    not load), for other missing files and for altered ones. A gap for a module that compiled code
    names, and may import. Tests, documentation and type stubs are not missed.

    ## Fix
    Safe: reinstall the same version. Unsafe where no metadata tells which it was: the newest one. Manual for a package of
    conda's, and for what lies in a folder of `pip install --target`: the command.

    ## Source
    PEP 376 and the PyPA specification of RECORD.
    """
    overwritten = {f.path for f in view.facts.shared_files if f.differ}
    copies = [of_distribution(d) for d in view.facts.distributions if d.editable is None]
    copies += map(of_package, view.facts.conda_packages)
    for copy in copies:
        if copy.record is not None and not is_foreign(view, copy.location):
            yield from _judge(view, copy, copy.record, overwritten)
            yield from _gaps(view, copy, copy.record)
    yield from _half_removed(view)
    yield from _hollow_packages(view)


def _hollow_packages(view: View) -> Iterator[Fault]:
    """What is left of a package whose beginning and metadata are gone; Python takes it for a namespace."""
    users = view.derive(Requirements.of).required_by
    for path in view.facts.python.hollow if view.facts.python else ():
        name = basename(path)
        if normalise(name) == "torch" or view.dist(normalise(name)):
            continue
        yield Fault(
            severity=ERROR if users.get(normalise(name)) else WARNING,
            subject=normalise(name),
            message=f"{name} lies in {path} without its __init__.py and without metadata: "
            f"`import {name}` finds nothing in it, and no installer knows of it.",
            breaks=(f"dist:{normalise(name)}",),
            payload=DamagedDistribution(normalise(name), None),
        )


def _half_removed(view: View) -> Iterator[Fault]:
    """torch's folder without the metadata that would tell what it should hold."""
    torch = view.facts.torch
    if torch is None or torch.state != "broken" or view.dist("torch") is not None:
        return
    folder = f"{torch.location}/torch"
    named = f"torch {torch.version}" if torch.version else "torch"
    lacking = f", and lacks {torch.missing[0]}" if torch.missing else ""
    yield Fault(
        severity=ERROR if torch.missing else WARNING,
        subject="torch",
        message=f"{named} lies in {folder} without its dist-info{lacking}: no "
        "installer knows of it.",
        evidence=tuple(f"missing: {path}" for path in torch.missing[:10]),
        breaks=("torch",) if torch.missing else (),
        payload=DamagedDistribution("torch", torch.version),
    )


def _judge(
    view: View, dist: InstalledCopy, record: Record, overwritten: set[str]
) -> Iterator[Fault]:
    missing = sorted(filter(_matters, record.missing), key=lambda p: not _is_library(p))
    # A file that another distribution's bytes replaced is WHL502's to tell.
    lost = [p for p in dict.fromkeys((*record.pointers, *record.emptied)) if _is_missed(p)]
    altered = [p for p in record.altered if _is_code(p) and _matters(p) and p not in overwritten]
    altered = [path for path in altered if path not in lost]
    if missing:
        yield Fault(
            severity=_severity(view, dist, missing),
            subject=dist.name,
            message=_message(view, dist, missing, record.missing_count - len(record.missing)),
            evidence=(
                *(Evidence(text="missing", path=_absolute(dist, p)) for p in missing),
                *view.derive(Imports.of).way_without(_names_of(dist, missing)),
            ),
            breaks=_broken(view, dist, missing),
            needs=tuple(f"shared:{path}" for path in missing),
            payload=DamagedDistribution(dist.name, dist.version, dist.location),
        )
    if lost:
        yield _hollow(dist, record, lost)
    if altered:
        unlisted = record.altered_count - len(record.altered)
        seen = {*record.pointers, *record.emptied}
        now = f": {_now(record, altered)}" if seen.issuperset(altered) and not unlisted else ""
        yield Fault(
            severity=WARNING,
            subject=dist.name,
            message=f"{dist.name} {dist.version} installed {_names(altered, unlisted)} with other "
            f"content than is there now{now}.",
            evidence=tuple(Evidence(text="altered", path=_absolute(dist, p)) for p in altered),
            breaks=tuple(f"file:{_absolute(dist, path)}" for path in altered),
            payload=DamagedDistribution(dist.name, dist.version, dist.location),
        )


def _hollow(dist: InstalledCopy, record: Record, lost: list[str]) -> Fault:
    one = len(lost) == 1
    return Fault(
        severity=ERROR if any(map(_is_gpu_code, lost)) else WARNING,
        subject=dist.name,
        message=f"{dist.name} {dist.version} installed {_names(lost, 0)} with content; now "
        f"{'it is' if one else 'they are'} {_now(record, lost)}.",
        evidence=tuple(Evidence(text="altered", path=_absolute(dist, p)) for p in lost),
        breaks=tuple(f"file:{_absolute(dist, path)}" for path in lost),
        payload=DamagedDistribution(dist.name, dist.version, dist.location),
    )


def _now(record: Record, lost: list[str]) -> str:
    """What lies where the files were."""
    pointers = [path for path in lost if path in record.pointers]
    if not pointers:
        return "empty"
    if pointers != lost:
        return "pointers of Git LFS or empty"
    return "a Git LFS pointer" if len(lost) == 1 else "Git LFS pointers"


def _is_missed(path: str) -> bool:
    """Shared libraries are SYM405's; an empty __init__.py is as good as one with a comment."""
    return _matters(path) and not _is_library(path) and not path.endswith("/__init__.py")


def _message(view: View, dist: InstalledCopy, missing: list[str], unlisted: int) -> str:
    names = _names(missing, unlisted)
    verb = "is" if len(missing) + unlisted == 1 else "are"
    torch = view.facts.torch
    if dist.name == "torch" and torch is not None and torch.state == "broken":
        return f"torch {dist.version} is installed but cannot load: {names} {verb} missing."
    return f"{dist.name} {dist.version} recorded {names}, which {verb} missing."


def _names(paths: list[str], unlisted: int) -> str:
    """The first of them and how many more; `unlisted`: those that the facts count without a name."""
    shown, rest = paths[:2], len(paths[2:]) + unlisted
    if not rest:
        return " and ".join(shown)
    return f"{', '.join(shown)} and {counted(rest, 'more file')}"


def _severity(view: View, dist: InstalledCopy, missing: list[str]) -> Severity:
    code = [p for p in missing if _is_library(p) or p.endswith(".py")]
    return ERROR if code and not _is_spared(view, dist, code) else WARNING


def _is_spared(view: View, dist: InstalledCopy, code: list[str]) -> bool:
    """Whether imports do without, and no GPU loses what the distribution has for it."""
    told = view.derive(Imports.of)
    if dist.name == "torch":
        torch = view.facts.torch
        whole = torch is not None and not torch.missing and all(map(_is_library, code))
        return whole and not told.torch_lacks({basename(path) for path in code})
    libraries = [path for path in code if not _is_module(path)]
    if libraries and view.targets and _has_gpu_code(view, dist.name, libraries):
        return False
    return told.works(dist.name) and told.failing_for(_names_of(dist, code)) is None


def _has_gpu_code(view: View, name: str, libraries: list[str]) -> bool:
    others = (lib for lib in view.facts.binaries.libraries if lib.distribution == name)
    return any(lib.code for lib in others) or any(plugin(f"/{path}", name) for path in libraries)


def _names_of(dist: InstalledCopy, code: list[str]) -> set[str]:
    """What an import that fails by one of these files is said to lack."""
    files = {name for path in code for name in (_absolute(dist, path), basename(path))}
    return files | {module_name(path) for path in code if _is_module(path)}


def _gaps(view: View, dist: InstalledCopy, record: Record) -> Iterator[Gap]:
    """Modules that compiled code names, where no import is known to fail by them."""
    lost = [path for path in record.missing if _matters(path) and _is_module(path)]
    told = view.derive(Imports.of)
    named = told.named_of(map(module_name, lost))
    if named and told.failing_for(_names_of(dist, lost)) is None:
        reason = f"{named[0]} is missing, and compiled code names it: whether an import needs it is not known"
        yield Gap(section="imports", subject=dist.name, reason=reason)


def _matters(path: str) -> bool:
    *folders, name = path.split("/")
    if name == "__init__.py" and folders == ["nvidia"]:
        return False  # empty, and taken along by every nvidia-* wheel that is removed
    if any(f in _EXPENDABLE or f.endswith((".dist-info", ".egg-info")) for f in folders):
        return False
    return not path.startswith("..") and not name.endswith(_SUFFIXES_NOBODY_LOADS)


def _is_code(path: str) -> bool:
    """Data is adapted on purpose (certificates, configuration); code is not."""
    sources = (".py", ".h", ".cuh", ".hpp", ".cmake", ".cu")
    return _is_library(path) or _is_gpu_code(path) or path.endswith(sources)


def _is_gpu_code(path: str) -> bool:
    """Device libraries and kernels that are read when a program runs."""
    return path.endswith((".bc", ".cubin", ".fatbin", ".ptx", ".hsaco", ".co", ".kpack", ".spv"))


def _is_module(path: str) -> bool:
    return path.endswith((".py", ".abi3.so")) or ".cpython-" in path


def _is_library(path: str) -> bool:
    return ".so" in basename(path)


def _absolute(dist: InstalledCopy, path: str) -> str:
    return normpath(f"{dist.location}/{path}")


def _broken(view: View, dist: InstalledCopy, missing: list[str]) -> tuple[str, ...]:
    keys = [f"file:{_absolute(dist, path)}" for path in missing]
    keys += [f"soname:{basename(path)}" for path in missing if _is_library(path)]
    if dist.record and dist.record.missing_count > len(dist.record.missing):
        keys.append(f"damaged:{dist.name}")  # of the others it is not known which they are
    torch = view.facts.torch
    return (*keys, "torch") if dist.name == "torch" and torch and torch.missing else tuple(keys)

"""Imports the repaired modules in processes of the patient's own, with a time limit."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.loader.search import is_driver_library
from gpufix.evidence.requirements import parse
from gpufix.files import read
from gpufix.model import Distribution, Facts, Install, InstallFallback, Probe, Step
from gpufix.model.outcome import BuildResult
from gpufix.process import NoAnswer, ask
from gpufix.text.names import normalise

_TIMEOUT = 180.0
_CODE = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
_MODULE = re.compile(r"([A-Za-z_]\w*)(/__init__\.py|\.py|(\.[\w-]+)?\.so)")
_ABSENT = re.compile(r"(lib[\w.+-]+\.so[.\d]*): cannot open shared object file")
_RECORD_LIMIT = 64 << 20


def probe(
    steps: Sequence[Step],
    facts: Facts,
    environ: dict[str, str],
    also: Collection[str] = (),
    accused: Collection[str] = (),
) -> list[Probe]:
    """One import for each top-level module of what was installed; `facts` are those after.

    also: further distributions, of which findings are repaired. accused: compiled modules that these
    findings named, by their files: a package may do without its own until somebody calls it.
    """
    if facts.python is None:
        return []
    python, variables = facts.python.executable, _variables(facts, environ)
    modules = dict.fromkeys(m for dist in _installed(steps, facts, also) for m in _modules(dist))
    linked = {x.distribution for x in facts.binaries.libraries if x.links_torch} - {"torch"}
    after_torch = {m for d in facts.distributions if d.name in linked for m in _modules(d)}
    places = facts.python.site_dirs
    modules |= dict.fromkeys(_compiled(accused, places))
    # A program imports torch first: its libraries are then where such an extension finds them.
    return [
        _import(python, module, variables, module.partition(".")[0] in after_torch)
        for module in modules
    ]


def _variables(facts: Facts, environ: dict[str, str]) -> dict[str, str]:
    variables = {k: v for k, v in environ.items() if not k.startswith("PYTHON")}
    for name, value in facts.environment.overlay.items():
        variables.pop(name, None)
        variables |= {} if value is None else {name: value}
    return variables


def imports(built: Sequence[BuildResult], facts: Facts, environ: dict[str, str]) -> list[Probe]:
    """One import for each Python module that was compiled, after torch, which brings its libraries."""
    if facts.python is None:
        return []
    places = [*facts.python.site_dirs, *(d.editable for d in facts.distributions if d.editable)]
    libraries = (x.path for result in built if result.ok for x in result.libraries)
    modules = dict.fromkeys(_compiled(libraries, places))
    python, variables = facts.python.executable, _variables(facts, environ)
    return [_import(python, module, variables, torch=facts.torch is not None) for module in modules]


def _compiled(paths: Iterable[str], places: Sequence[str]) -> Iterator[str]:
    """The modules among them: torch.ops.load_library opens others, as torchvision's `_C.so`."""
    for path in paths:
        if (module := module_of(path, places)) is not None and _defines(path, module):
            yield module


def _defines(path: str, module: str) -> bool:
    """Whether it has the function that Python calls; True where the file cannot be read."""
    name = b"PyInit_" + module.rpartition(".")[2].encode()
    try:
        return ElfFile(path).find(name) is not None
    except (OSError, ElfError):
        return True


def module_of(path: str, places: Sequence[str]) -> str | None:
    """The name by which Python imports a library; None for one that is no module."""
    name = path.rpartition("/")[2].partition(".")[0]
    place = max((p for p in places if path.startswith(f"{p.rstrip('/')}/")), key=len, default=None)
    if place is None or name.startswith("lib"):
        return None
    words = [*path[len(place.rstrip("/")) + 1 :].split("/")[:-1], name]
    if words[0] == "src":
        words = words[1:]
    return ".".join(words) if all(word.isidentifier() for word in words) else None


def _installed(
    steps: Sequence[Step], facts: Facts, also: Collection[str]
) -> Iterator[Distribution]:
    names = {
        normalise(requirement.name)
        for step in steps
        if isinstance(step, Install)
        for text in step.install
        if (requirement := parse(text))
    }
    names |= {normalise(s.distribution) for s in steps if isinstance(s, InstallFallback)}
    names |= {normalise(name) for name in also}
    yield from (dist for dist in facts.distributions if dist.name in names)


def _modules(dist: Distribution) -> list[str]:
    """What can be imported by a plain name, from RECORD."""
    record = Path(dist.metadata or "", "RECORD")
    try:
        lines = read(record, _RECORD_LIMIT).decode("utf-8", "replace").splitlines()
        found = [m[1] for row in csv.reader(lines) if row and (m := _MODULE.fullmatch(row[0]))]
    except (OSError, csv.Error):
        return []
    return [m for m in dict.fromkeys(found) if not m.startswith("_")]


def _import(python: str, module: str, environ: dict[str, str], torch: bool = False) -> Probe:
    # No bytecode is written: an import must leave the patient as it is.
    command = [python, "-B", "-c", _CODE, *(["torch"] if torch else []), module]
    try:
        answer = ask(command, {**environ, "PYTHONDONTWRITEBYTECODE": "1"}, _TIMEOUT)
    except NoAnswer as error:
        return Probe(module=module, ok=False, said=str(error))
    if answer.code == 0:
        return Probe(module=module, ok=True)
    errors = answer.err.decode("utf-8", "replace").strip().splitlines()
    last = errors[-1] if errors else f"exits with {answer.code}"
    missing = _ABSENT.search(last)
    driver = missing is not None and is_driver_library(missing[1])
    return Probe(module=module, ok=False, said=last[:500], driver=driver)

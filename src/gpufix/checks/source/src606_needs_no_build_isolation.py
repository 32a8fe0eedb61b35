"""SRC606."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.build_modules import may_add, undeclared_modules
from gpufix.evidence.builds import builds_of
from gpufix.evidence.cmake_builds import roots
from gpufix.evidence.requirements import parse
from gpufix.evidence.script_installs import (
    TorchInstall,
    installs_file,
    isolated_installs,
    torch_builds,
)
from gpufix.evidence.source_view import (
    absolute,
    aside,
    at,
    for_documentation,
    for_tests,
    is_vendored,
    python_files,
    requirement_files,
    toml_files,
)
from gpufix.evidence.supposed_worlds import isolated
from gpufix.evidence.view import View
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.torch_importers import of_address, of_name
from gpufix.model import Severity
from gpufix.model.source_payload import InstallFile, IsolatedBuild, IsolatedInstalls
from gpufix.source.builds.run import Ending, Place
from gpufix.source.requirement_files import names_torch
from gpufix.source.source_facts import TomlFacts
from gpufix.text.names import normalise

# pip 25.3 builds every source through PEP 517, in isolation, pyproject.toml or not.
_ALWAYS_ISOLATED = "25.3"


@rule("SRC606", "needs-no-build-isolation")
def needs_no_build_isolation(view: View) -> Iterator[Fault]:
    """A setup.py needs torch, and nothing declares that its build does.

    ## What it does
    Follows each setup.py without running it, in an environment that holds the build requirements of
    the pyproject.toml beside it, and no torch. An import under `try` counts where the handler ends
    the build, or goes on without extensions that are built otherwise. Other modules count where they are
    installed here, and what is declared surely brings none of them. Lines of install scripts that
    have pip build such a folder in isolation are named. Scripts, Dockerfiles and requirement files that clone or fetch a public package
    known for such a setup.py (nvdiffrast since 0.4, tiny-cuda-nn, pytorch3d, flash-attn …) are a
    finding, with the option that leads there: `setup.sh has pip build diffoctreerast
    (--diffoctreerast) in isolation`.

    ## Why it matters
    pip and uv build in a fresh environment that holds the declared requirements only:
    `ModuleNotFoundError: No module named 'torch'`, or, where the file goes on, a package without its
    compiled part. A torch that is declared is downloaded again: the newest that the requirement allows,
    and an extension that was built with one torch seldom loads with another.

    ## Example
    `submodules/simple-knn/setup.py imports torch, which its build does not declare.`

    ## Severity
    Warning when this patient's installer builds in isolation; advice when it does not (pip before
    25.3, for a folder without pyproject.toml), and for a line that only an option leads to. A torch that is declared is a warning where
    its pin excludes the installed one, or where it is not pinned and a newer release is known, and an extension is built with it, by setup.py or CMake. Silent for what is installed already, for a back end of the project's own, which may ask for torch, and when
    isolation is switched off in the environment or uv's settings.

    ## Fix
    Safe: build it without isolation; give pip `--no-build-isolation` in the script or Dockerfile. Unsafe: the
    same where one line installs other packages too. Manual: the command for a requirement file,
    which cannot say it itself, and for a folder that is only advice: nothing is built unasked.

    ## Source
    PEP 517 and 518; pip's changelog, 25.3.
    """
    if _switched_off(view):
        return
    yield from _of_scripts(view)
    tomls = toml_files(view)
    for path, declared in tomls.items():
        if names_torch(declared.requires) and not declared.no_isolation:
            yield from _declared(view, path, declared)
    for path, facts in python_files(view).items():
        name = facts.setup
        if path.rpartition("/")[2] != "setup.py" or name is None:
            continue
        folder = path.rpartition("/")[0]
        toml = tomls.get(f"{folder}/pyproject.toml" if folder else "pyproject.toml")
        if _installed(view, folder, name or (toml.name if toml else "")):
            continue
        if toml and (toml.no_isolation or names_torch(toml.requires) or may_add(toml)):
            continue
        told = _without_torch(view, path)
        if told is None:
            yield from _undeclared(view, path, toml is not None)
            continue
        place, end = told
        yield Fault(
            severity=_severity(view, toml is not None),
            subject=path,
            message=f"{path} imports torch, which its build does not declare: a build in isolation "
            f"{end}.",
            evidence=(
                at(view, place.path, place.line, "import of torch"),
                *(at(view, *row) for row in torch_builds(view, folder)),
            ),
            payload=IsolatedBuild(folder),
        )


def _of_scripts(view: View) -> Iterator[Fault]:
    """Lines of install scripts: one finding a script, with the options that lead to each."""
    if any(toml.no_isolation for toml in toml_files(view).values()):
        return
    met: dict[str, list[TorchInstall]] = {}
    for row in isolated_installs(view):
        if view.dist(row.package.name) is None:
            met.setdefault(row.path, []).append(row)
    for path, rows in met.items():
        levels = [_severity(view, r.package.pyproject) if not r.when else ADVICE for r in rows]
        yield _lines(view, path, rows, WARNING if WARNING in levels else ADVICE, "shell")
    yield from _of_images(view)
    yield from _of_requirements(view)


def _of_images(view: View) -> Iterator[Fault]:
    """Lines of Dockerfiles. Which pip an image has is not known: before 25.3 it isolates by pyproject.toml."""
    met: dict[str, list[TorchInstall]] = {}
    for row in isolated_installs(view, of_images=True):
        met.setdefault(row.path, []).append(row)
    for path, rows in met.items():
        sure = any(row.package.pyproject for row in rows)
        yield _lines(view, path, rows, WARNING if sure else ADVICE, "docker")


def _of_requirements(view: View) -> Iterator[Fault]:
    """Requirement files that no script installs without isolation."""
    for path, facts in requirement_files(view).items():
        if for_tests(path) or for_documentation(path) or is_vendored(path):
            continue
        rows = [
            TorchInstall(path, each.line, each.text[:100], "", package, True)
            for each in facts.requirements
            if (package := of_address(each.text) or of_name(each.text))
            and view.dist(package.name) is None
        ]
        calls = list(installs_file(view, path)) if rows else []
        if not rows or (calls and not any(isolated for *_, isolated in calls)):
            continue
        levels = [ADVICE if aside(path) else _severity(view, r.package.pyproject) for r in rows]
        fault = _lines(view, path, rows, WARNING if WARNING in levels else ADVICE, "requirements")
        places = (at(view, *call[:3]) for call in calls if call[3])
        yield replace(fault, evidence=(*fault.evidence, *places))


def _lines(
    view: View, path: str, rows: Sequence[TorchInstall], severity: Severity, file: InstallFile
) -> Fault:
    names = {r.package.name + (f" ({r.when})" if r.when else ""): None for r in rows}
    build, imports = ("build", "imports") if len(names) == 1 else ("builds", "import")
    return Fault(
        severity=severity,
        subject=path,
        message=f"{path} has pip build {', '.join(names)} in isolation: the {build} {imports} "
        "torch, and nothing declares it.",
        evidence=tuple(at(view, r.path, r.line, r.command) for r in rows),
        payload=IsolatedInstalls(
            path, tuple(sorted({r.line for r in rows})), any(r.others for r in rows), file
        ),
    )


def _declared(view: View, path: str, toml: TomlFacts) -> Iterator[Fault]:
    """A declared torch that is another one than the installed: extensions are built for that one."""
    torch, newest = view.facts.torch, torch_releases.all()[-1].version
    written = next((r for r in toml.requires or () if names_torch([r])), "")
    requirement = parse(written)
    if torch is None or torch.release is None or requirement is None or requirement.url:
        return
    allowed = requirement.specifier.contains
    if allowed(torch.release) and (at_least(torch.release, newest) or not allowed(newest)):
        return
    folder = path.rpartition("/")[0]
    setup = f"{folder}/setup.py" if folder else "setup.py"
    facts = python_files(view).get(setup)
    name = (facts.setup if facts else None) or toml.name
    if (name and _installed(view, folder, name)) or not _built_with_torch(view, folder, setup):
        return
    takes = f"takes the newest torch, at least {newest}" if allowed(newest) else "takes another one"
    yield Fault(
        severity=WARNING,
        subject=setup if facts else path,
        message=f'{path} has "{written}" among its build requirements: a build in isolation {takes}; '
        f"torch {torch.version} is installed.",
        evidence=(
            at(view, path, _line_of(view, path, written), written),
            *(at(view, *row) for row in torch_builds(view, folder)),
        ),
        payload=IsolatedBuild(folder),
    )


def _undeclared(view: View, path: str, has_toml: bool) -> Iterator[Fault]:
    """Modules besides torch that are here, and surely not where an extension is built in isolation."""
    if not any(e.sure for e in builds_of(view).run(path).extensions):
        return
    absent = undeclared_modules(view, path)
    if absent:
        names = ", ".join(name for name, _ in absent)
        yield Fault(
            severity=_severity(view, has_toml),
            subject=path,
            message=f"{path} imports {names}, which its build does not declare: a build in isolation "
            f"does not find {'it' if len(absent) == 1 else 'them'}.",
            evidence=tuple(at(view, *place, f"import of {name}") for name, place in absent),
            payload=IsolatedBuild(path.rpartition("/")[0]),
        )


def _built_with_torch(view: View, folder: str, setup: str) -> bool:
    """Whether a build of the folder compiles against torch: by its extensions, or by CMake."""
    if setup in python_files(view):
        run = builds_of(view).run(setup)
        if any(e.sure and e.kind in ("cuda", "cpp") for e in run.extensions):
            return True
    prefix = f"{folder}/" if folder else ""
    return any(
        root.build.with_torch is not None and root.caller in ("setup.py", "scikit-build-core")
        for root in roots(view)
        if root.path.startswith(prefix)
    )


def _line_of(view: View, path: str, word: str) -> int:
    source = view.source(absolute(view, path))
    lines = source.text.split("\n") if source else []
    return next((n for n, line in enumerate(lines, 1) if word in line), 1)


def _without_torch(view: View, path: str) -> tuple[Place, str] | None:
    """Where torch is asked for, and how a build without it ends; None: as well as with it."""
    alone = builds_of(view).run(path, **isolated(view, path))
    asked = [q.place for q in alone.asked if q.kind == "torch"]
    if not asked:
        return None
    beside = builds_of(view).run(path)
    if alone.fails is not None:
        if beside.fails is not None and _ends(beside.fails) == _ends(alone.fails):
            return None
        found = "does not find it" if alone.fails.missing == "torch" else _ends(alone.fails)
        return asked[0], found
    if beside.fails is None and beside.whole and alone.whole:
        names = sorted(
            {e.name for e in beside.extensions if e.sure} - {e.name for e in alone.extensions}
        )
        if names and "?" not in names:
            return asked[0], f"leaves {', '.join(names)} out"
    return None


def _ends(end: Ending) -> str:
    said = f": {end.message[:120]}" if end.message else ""
    return f"ends ({end.error}{said})"


def _switched_off(view: View) -> bool:
    """pip reads PIP_NO_BUILD_ISOLATION=0 and =1 alike as: do not isolate."""
    return bool(view.env("PIP_NO_BUILD_ISOLATION") or view.env("UV_NO_BUILD_ISOLATION"))


def _installed(view: View, folder: str, name: str) -> bool:
    place = absolute(view, folder).rstrip("/")
    return view.dist(normalise(name)) is not None or any(
        dist.editable and dist.editable.rstrip("/") == place for dist in view.facts.distributions
    )


def _severity(view: View, has_toml: bool) -> Severity:
    pip = view.dist("pip")
    python = view.facts.python
    uv = python is not None and python.kind == "uv"
    if has_toml or uv or (pip is not None and at_least(pip.version, _ALWAYS_ISOLATED)):
        return WARNING
    return ADVICE

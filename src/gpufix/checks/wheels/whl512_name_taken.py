"""WHL512."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from packaging.specifiers import SpecifierSet

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.knowledge.families import Lookalike
from gpufix.model import Distribution, Shadow
from gpufix.model.payload import HiddenModule, NameTaken
from gpufix.text.names import normalise


@rule("WHL512", "name-taken")
def name_taken(view: View) -> Iterator[Fault]:
    """A module's name is taken by something else than what is meant by it.

    ## What it does
    Looks whether a file or folder of the project, else of the current folder, or one on PYTHONPATH
    has the name of an installed module, and lacks what the scripts there ask of that one. And finds
    distributions that are not what their name lets people expect, and distributions without the module
    of their name, which a script imports.

    ## Why it matters
    `ModuleNotFoundError: No module named 'cuda.bindings'; 'cuda' is not a package`, where a script is
    called cuda.py. `pip install warp` installs another project than NVIDIA's Warp.

    ## Example
    `/work/cuda.py hides cuda of site-packages: main.py:3 asks for cuda.bindings, which it does not have.`

    ## Severity
    Error where a script asks for what is not there: it ends at that line. Warning for an installed
    distribution that is known to hold nothing. Silent where nobody asks for what is hidden, for a
    checkout that is installed from where it lies, and where only a run could tell what a module binds.

    ## Fix
    Unsafe: the distribution that is meant, in the place of the one that is here, where it is listed;
    another name for a file of the project, where nothing in it asks for what is in the file. Manual:
    another name for a file that is imported on purpose, too, or lies elsewhere.

    ## Source
    Python's documentation of sys.path and of import; what the distributions record; the rows name
    the projects.
    """
    for shadow in view.facts.shadows:
        yield _hidden(shadow)
    told = set()
    for module, place in view.facts.unmet_imports.items():
        dist = view.dist(normalise(module.partition(".")[0]))
        if dist is not None and dist.name not in told and dist.editable is None:
            told.add(dist.name)
            yield from _lacking(dist, module, place)
    for row in families.lookalikes():
        for name in row.distributions if row.empty else ():
            dist = view.dist(name)
            known = dist is not None and dist.editable is None and name not in told
            if dist is not None and known and _is_meant(row, dist):
                yield _empty(row, dist)


def _hidden(shadow: Shadow) -> Fault:
    what = f"{shadow.hidden} of the same name" if "/" in shadow.hidden else "the installed package"
    return Fault(
        severity=ERROR,
        subject=shadow.path,
        message=f"{shadow.path} hides {what}: {basename(shadow.place)} asks for {shadow.lost}, which "
        "it does not have.",
        evidence=(shadow.place,),
        payload=HiddenModule(shadow.path),
    )


def _is_meant(row: Lookalike, dist: Distribution) -> bool:
    version = version_of(dist.version)
    return version is not None and SpecifierSet(row.versions).contains(version, prereleases=True)


def _lacking(dist: Distribution, module: str, place: str) -> Iterator[Fault]:
    """A script imports what the distribution of that name does not bring."""
    rows = (r for r in families.lookalikes() if dist.name in r.distributions and _is_meant(r, dist))
    row = next(rows, None)
    if row is None and ("." in module or not _is_whole(dist)):
        return  # a module that the package has no more, or that it lost: not of its name
    what = f"is another project; {row.meant}" if row else "does not bring it"
    meant = row.meant if row else f"which distribution brings {module} is not known here"
    yield Fault(
        severity=ERROR,
        subject=dist.name,
        message=f"{basename(place)} imports {module}; {dist.name} {dist.version} {what}.",
        evidence=(place, *([f"source: {row.source}"] if row else [])),
        payload=NameTaken(dist.name, meant, row.instead if row else None),
    )


def _is_whole(dist: Distribution) -> bool:
    return dist.record is not None and not dist.record.missing_count


def _empty(row: Lookalike, dist: Distribution) -> Fault:
    return Fault(
        severity=WARNING,
        subject=dist.name,
        message=f"{dist.name} {dist.version} holds no module; {row.meant}.",
        evidence=(f"source: {row.source}",),
        payload=NameTaken(dist.name, row.meant, row.instead),
    )

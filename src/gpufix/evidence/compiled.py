"""Which sources a project's setup.py files really compile, as an abstract run of each tells."""

from __future__ import annotations

from gpufix.evidence.builds import builds_of, setup_runs, with_gpu
from gpufix.evidence.source_view import for_tests, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.source.builds.run import UNKNOWN_PART, BuildRun


def compiled(view: View) -> frozenset[str] | None:
    """Sources that are compiled here, or with the targets visible; None where others may be."""
    return view.derive(_compiled)


def _compiled(view: View) -> frozenset[str] | None:
    project = view.facts.project
    if project is None or _others_build(view):
        return None
    found: set[str] = set()
    runs = 0
    for path, run in setup_runs(view):
        if for_tests(path) or is_vendored(path):
            continue
        for each in (run, builds_of(view).run(path, **with_gpu(view))):
            if each is run and each.fails:
                continue  # SRC613's, or one that the other run has as well
            if not _is_settled(each):
                return None
            found |= {said.text for built in each.extensions for said in built.sources}
            runs += 1
    return frozenset(found) if runs and found else None


def _others_build(view: View) -> bool:
    """Whether CMake, or a program when it runs, compiles something too."""
    project = view.facts.project
    kinds = [s for s in project.sources if s.kind == "cmake"] if project else []
    if any(not is_vendored(source.path) for source in kinds):
        return True
    return any(
        facts.extension and path.rpartition("/")[2] != "setup.py"
        for path, facts in python_files(view).items()
    )


def _is_settled(run: BuildRun) -> bool:
    sources = (said for built in run.extensions for said in built.sources)
    known = run.whole and run.called and not run.fails and not run.unsure
    return known and not any(UNKNOWN_PART in said.text for said in sources)

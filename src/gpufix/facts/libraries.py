"""The patient's compiled libraries: would they load, and for which GPUs do they hold code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpufix.binary.elf import ElfError
from gpufix.binary.loader import Files, Process, Verdict, scan
from gpufix.facts import extension_names
from gpufix.facts.context import Context
from gpufix.facts.files import text
from gpufix.facts.library_files import find
from gpufix.facts.library_owners import owners
from gpufix.facts.library_record import Scanned, describe, worth_keeping
from gpufix.model import Binaries, Distribution, Python, Torch


def collect(
    ctx: Context,
    python: Python | None,
    distributions: Sequence[Distribution],
    torch: Torch | None,
) -> Binaries:
    """Scan every shared library in the site folders and editable projects.

    Kept are torch's own, NVIDIA's, those with GPU code, torch's users, faulty ones, and modules
    that lie here for another Python alone. A library for another Python is not asked to load.
    """
    if python is None:
        return Binaries()
    paths = find(ctx, python, distributions)
    stray = extension_names.stray(paths, python.tag)
    loadable = [path for path in paths if not extension_names.foreign(path, python.tag)]
    files = Files()
    verdicts = _scan(ctx, python, loadable, files)
    if verdicts is None:
        return Binaries()
    belongs = owners(distributions, paths)
    opened = _opened_by_others(verdicts.values())
    described = [
        describe(
            ctx, Scanned(path, verdicts.get(path), belongs.get(path), path in opened), files, python
        )
        for path in paths
    ]
    kept = [lib for lib in described if lib.path in stray or worth_keeping(lib, torch)]
    return Binaries(
        scanned=len(paths), libraries=kept, with_code=sum(1 for lib in kept if lib.code)
    )


def _scan(
    ctx: Context, python: Python, paths: Iterable[str], files: Files
) -> dict[str, Verdict] | None:
    process = Process(python.executable, tuple(python.site_dirs), dict(ctx.environ))
    try:
        return {verdict.path: verdict for verdict in scan(process, paths, files)}
    except ElfError as error:
        ctx.gap("binaries", "binaries", text(f"the interpreter cannot be read: {error}"))
        return None


def _opened_by_others(verdicts: Iterable[Verdict]) -> set[str]:
    """Files that the loader takes because another library needs them."""
    return {used.path for verdict in verdicts for used in verdict.uses}

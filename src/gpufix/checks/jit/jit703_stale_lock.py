"""JIT703."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.model import CacheEntry, Torch
from gpufix.model.payload import StaleLock


@rule("JIT703", "stale-lock")
def stale_lock(view: View) -> Iterator[Fault]:
    """A lock file in a JIT cache that no living process holds: the next import waits forever.

    ## What it does
    Looks for `lock` files in torch_extensions (and caches laid out like it), and for a living
    process that can hold them. When the process list cannot be read, nothing is said.

    ## Why it matters
    Up to torch 2.13 the lock is a plain file made with O_EXCL. A build that is killed leaves it,
    and every later `load()` of that extension waits for it without a word.

    ## Example
    `The lock of my_ext was made 3 hours ago, and no living process holds it.`

    ## Severity
    Error: importing that extension hangs. Silent from torch 2.14 on, whose lock is released with
    its process.

    ## Fix
    Safe: remove the lock file.

    ## Source
    torch/utils/file_baton.py in the wheels of torch 1.13 – 2.13; filelock since 2.14.
    """
    if _releases_itself(view.facts.torch):
        return
    for entry in view.facts.caches:
        if entry.own is not False and entry.lock and entry.lock_judged and not entry.lock_holders:
            yield Fault(
                severity=ERROR,
                subject=entry.name,
                message=f"The build lock of {entry.name} is {_age(entry)} old and held by no "
                "living process; loading it waits until the lock is gone.",
                evidence=(f"{entry.lock}",),
                payload=StaleLock(entry.lock),
            )


def _releases_itself(torch: Torch | None) -> bool:
    version = version_of(torch.release) if torch and torch.release else None
    return version is not None and version.release[:2] >= (2, 14)


def _age(entry: CacheEntry) -> str:
    seconds = entry.lock_age or 0.0
    for limit, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= limit:
            number = int(seconds // limit)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{int(seconds)} seconds"

"""JIT703."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.model import CacheEntry, Gap, Torch
from gpufix.model.payload import StaleLock
from gpufix.text.clean import counted


@rule("JIT703", "stale-lock")
def stale_lock(view: View) -> Iterator[Fault | Gap]:
    """A lock file in a JIT cache that no living process holds: the next import waits forever.

    ## What it does
    Looks for `lock` files in torch_extensions (and caches laid out like it), and for a living
    process that can hold them. When the process list cannot be read, the lock is a gap.

    ## Why it matters
    Up to torch 2.13 the lock is a plain file made with O_EXCL. A build that is killed leaves it,
    and every later `load()` of that extension waits for it without a word.

    ## Example
    `The lock of my_ext was made 3 hours ago, and no living process holds it.`

    ## Severity
    Error: importing that extension hangs. Warning where the release of torch, or whether it would
    use the entry, is not known. Silent from torch 2.14 on, whose lock is released with its process.

    ## Fix
    Safe: remove the lock file.

    ## Source
    torch/utils/file_baton.py in the wheels of torch 1.13 – 2.13; filelock since 2.14.
    """
    known = _release(view.facts.torch)
    if known and known >= (2, 14):
        return
    for entry in view.facts.caches:
        if entry.own is False or entry.lock is None or entry.lock_holders:
            continue
        if not entry.lock_judged:
            yield Gap(
                section="caches",
                subject=entry.lock,
                reason="whether a living process holds this lock is not known",
            )
            continue
        yield Fault(
            severity=ERROR if entry.own and known else WARNING,
            subject=entry.name,
            message=f"The build lock of {entry.name} is {_age(entry)} old and held by no "
            "living process; loading it waits until the lock is gone.",
            evidence=(entry.lock,),
            payload=StaleLock(entry.lock),
        )


def _release(torch: Torch | None) -> tuple[int, ...] | None:
    version = version_of(torch.release) if torch and torch.release else None
    return version.release if version else None


def _age(entry: CacheEntry) -> str:
    seconds = int(entry.lock_age or 0)
    for limit, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= limit:
            return counted(seconds // limit, unit)
    return "less than a second"

"""JIT703: locks that a killed build left behind."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, Unseen, rows

from gpufix.checks.jit.jit703_stale_lock import stale_lock
from gpufix.checks.judge import run_check
from gpufix.checks.registry import ERROR, WARNING, Fault, declared
from gpufix.evidence.view import View
from gpufix.model import CacheEntry, Gap, Severity
from gpufix.model.payload import StaleLock

FOLDER = "/home/u/.cache/torch_extensions/py311_cu128"
LOCK = f"{FOLDER}/my_ext/lock"
OFFER = ["remove-stale-lock safe"]
ENTRY = CacheEntry(
    cache="torch_extensions",
    path=f"{FOLDER}/my_ext",
    name="my_ext",
    own=True,
    lock=LOCK,
    lock_age=10_800.0,
)


def of(torch: str | None = "2.9.0+cu128", **changes: object) -> View:
    """One entry with a lock of three hours that nobody holds."""
    return entries(replace(ENTRY, **changes), torch=torch)


def entries(*caches: CacheEntry, torch: str | None = "2.9.0+cu128", **more: object) -> View:
    installed = b.torch(torch, **more) if torch else None
    return b.view(b.facts(torch=installed, caches=[*caches]))


def fault(age: str = "3 hours", severity: Severity = ERROR) -> Fault:
    return Fault(
        severity,
        "my_ext",
        f"The build lock of my_ext is {age} old and held by no living process; loading it waits "
        "until the lock is gone.",
        evidence=(LOCK,),
        payload=StaleLock(LOCK),
    )


UNREAD = replace(ENTRY, lock=f"{FOLDER}/unread/lock", lock_judged=False)
AGES = {
    None: "less than a second",
    0.9: "less than a second",
    1.0: "1 second",
    59.0: "59 seconds",
    60.0: "1 minute",
    3_599.0: "59 minutes",
    3_600.0: "1 hour",
    86_399.0: "23 hours",
    86_400.0: "1 day",
    172_800.0: "2 days",
}

SILENT = {
    "no cache": entries(),
    "no lock": of(lock=None),
    "a build is running": of(lock_holders=[4711]),
    "a build is running, though not all processes could be read": of(
        lock_holders=[4711], lock_judged=False
    ),
    "another Python's or CUDA's": of(own=False),
    "another's that could not be judged": of(own=False, lock_judged=False),
    "torch 2.14 locks with its process": of("2.14.0+cu130"),
    "torch 3": of("3.0.0+cu130"),
    "who holds it could not be read": Unseen(of(lock_judged=False), gaps=[LOCK]),
}

FIRING = {
    "nobody holds it": Fires(of(), fault(), offers=OFFER),
    "the last torch with such locks": Fires(of("2.13.1+cu130"), fault(), offers=OFFER),
    "whose it is is not known": Fires(of(own=None), fault(severity=WARNING), offers=OFFER),
    "no torch": Fires(of(None), fault(severity=WARNING), offers=OFFER),
    "a torch of no known release": Fires(
        entries(ENTRY, release=None), fault(severity=WARNING), offers=OFFER
    ),
    "a release that is no version": Fires(
        entries(ENTRY, release="main"), fault(severity=WARNING), offers=OFFER
    ),
    "another's, one that could not be read, then one's own": Fires(
        entries(replace(ENTRY, own=False), UNREAD, ENTRY), fault(), offers=OFFER, gaps=[UNREAD.lock]
    ),
    **{
        f"{age} s": Fires(of(lock_age=age), fault(text), offers=OFFER) for age, text in AGES.items()
    },
}

test_silent, test_firing = rows(stale_lock, SILENT, FIRING)


def test_what_could_not_be_judged_is_said() -> None:
    view = of(lock_judged=False)
    run_check(declared(stale_lock), view)
    reason = "whether a living process holds this lock is not known"
    assert view.gaps == [Gap(section="caches", subject=LOCK, reason=reason)]

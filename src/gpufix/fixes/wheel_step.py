"""The step that installs a published wheel."""

from __future__ import annotations

from collections.abc import Collection

from gpufix.evidence.declared import spelled
from gpufix.knowledge.listings import Offer
from gpufix.model import Distribution, Install


def install(
    offer: Offer, replaced: Distribution | None = None, extras: Collection[str] = ()
) -> Install:
    """The step that installs a published wheel in place of what is there, with what extras bring."""
    rest = offer.requirement.removeprefix(offer.distribution)
    other = replaced is not None and replaced.name != offer.distribution
    return Install(
        install=[spelled(offer.distribution, extras, rest)],
        uninstall=[replaced.name] if replaced and other else [],
        reinstall=True,
        index=offer.index,
        links=offer.page,
    )

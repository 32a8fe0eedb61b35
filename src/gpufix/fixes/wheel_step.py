"""The step that installs a published wheel."""

from __future__ import annotations

from gpufix.knowledge.listings import Offer
from gpufix.model import Distribution, Install


def install(offer: Offer, replaced: Distribution | None = None) -> Install:
    """The step that installs a published wheel in place of what is there."""
    other = replaced is not None and replaced.name != offer.distribution
    return Install(
        install=[offer.requirement],
        uninstall=[replaced.name] if replaced and other else [],
        reinstall=True,
        index=offer.index,
        links=offer.page,
    )

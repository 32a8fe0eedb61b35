"""What an Xid in the kernel's log means, and what NVIDIA would have done first."""

from __future__ import annotations

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit
from gpufix.knowledge.node import xid


def catalogued(explanation: Explanation, _: Hit) -> Explanation | None:
    """The row of NVIDIA's catalogue."""
    about = xid(int(explanation.captures["number"]))
    do = f"{about.do[:1].upper()}{about.do[1:]}: that is NVIDIA's first action. {explanation.do}"
    return explanation.but(what=f"Xid {about.number}: {about.meaning}.", do=do)

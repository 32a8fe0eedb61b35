"""SRC612."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.source_view import at
from gpufix.evidence.stale_devices import Stale, stale
from gpufix.evidence.view import View
from gpufix.text.clean import counted

_SHOWN = 40


@rule("SRC612", "stale-device-lookup")
def stale_device_lookup(view: View) -> Iterator[Fault]:
    """A `device` property answers for one of several modules that are moved one by one.

    ## What it does
    Looks for classes whose `device` property returns at the first of a collection of modules,
    while a method, or another file, moves single ones with `.to()`, `.cpu()` or `.cuda()`. Lists
    every place that reads `self.device` in the class and in those that derive from it.

    ## Why it matters
    Once models are swapped between CPU and GPU, the first one's device is not the one in use:
    `Expected all tensors to be on the same device, but found at least two devices`.

    ## Example
    `Pipeline.device in pipelines/base.py asks the first module, while line 80 moves single ones; 4
    places read it.`

    ## Severity
    Advice.

    ## Fix
    None is offered: which module's device is meant at each use, only the author knows. Ask the
    module that is about to run: `next(model.parameters()).device`.

    ## Source
    torch.nn.Module.to moves the parameters of the module it is called on.
    """
    for found in stale(view):
        yield _fault(view, found)


def _fault(view: View, found: Stale) -> Fault:
    path, line = found.moved
    where = f"line {line}" if path == found.path else f"line {line} of {path}"
    count = len(found.uses)
    read = f"; {counted(count, 'place')} read it" if count > 1 else "; one place reads it"
    return Fault(
        severity=ADVICE,
        subject=found.path,
        message=f"{found.row.class_}.device in {found.path} asks the first module, while {where} "
        f"moves single ones{read}.",
        evidence=(
            at(view, found.path, found.row.line, "def device(self)"),
            at(view, path, line, "one module is moved"),
            *(
                at(view, place, use, f"self.device, in {function or 'the class'}")
                for place, use, function in found.uses[:_SHOWN]
            ),
        ),
    )

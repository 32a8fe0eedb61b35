"""SRC612."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.source_view import at, python_files
from gpufix.evidence.view import View


@rule("SRC612", "stale-device-lookup")
def stale_device_lookup(view: View) -> Iterator[Fault]:
    """A `device` property answers for one of several modules that are moved one by one.

    ## What it does
    Looks for classes whose `device` property returns at the first of a collection of modules,
    while a method moves single ones with `.to()`, `.cpu()` or `.cuda()`.

    ## Why it matters
    Once models are swapped between CPU and GPU, the first one's device is not the one in use:
    `Expected all tensors to be on the same device, but found at least two devices`.

    ## Example
    `Pipeline.device in pipelines/base.py asks the first module, while line 80 moves single ones.`

    ## Severity
    Advice.

    ## Fix
    None is offered: which module's device is meant at each use, only the author knows. Ask the
    module that is about to run: `next(model.parameters()).device`.

    ## Source
    torch.nn.Module.to moves the parameters of the module it is called on.
    """
    for path, facts in python_files(view).items():
        for row in facts.stale_device:
            yield Fault(
                severity=ADVICE,
                subject=path,
                message=f"{row.class_}.device in {path} asks the first module, while line "
                f"{row.moved} moves single ones.",
                evidence=(
                    at(view, path, row.line, "def device(self)"),
                    at(view, path, row.moved, "one module is moved"),
                ),
            )

"""SRC611."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence.source_view import at, python_files
from gpufix.evidence.view import View
from gpufix.model.source_payload import UnfitArgument


@rule("SRC611", "half-into-float-kernel")
def half_into_float_kernel(view: View) -> Iterator[Fault]:
    """A call that takes float32 alone is handed half precision, or `ranges` on the GPU.

    ## What it does
    Looks within one function for a tensor that is made half (`.half()`, `dtype=torch.float16`) and
    handed to a Gaussian or triangle rasteriser, and for nvdiffrast's `ranges` made on the GPU.

    ## Why it matters
    `expected scalar type Float but found Half`; nvdiffrast reads `ranges` on the CPU and refuses
    a GPU tensor.

    ## Example
    `render.py hands x.half() to rasterize_gaussians, which takes float32.`

    ## Severity
    Advice.

    ## Fix
    Unsafe: a cast at the call, shown as a diff.

    ## Source
    diff-gaussian-rasterization's rasterize_points.cu (`.data<float>()`); nvdiffrast's
    torch_rasterize.cpp (NVDR_CHECK_CPU(ranges),
    NVDR_CHECK_I32(tri, ranges)).
    """
    for path, facts in python_files(view).items():
        for row in facts.half:
            if row.kind == "ranges":
                what = f"hands {row.call} `ranges` on the GPU, which nvdiffrast reads on the CPU"
            else:
                what = f"hands {row.text} to {row.call}, which takes float32"
            yield Fault(
                severity=ADVICE,
                subject=path,
                message=f"{path} {what}.",
                evidence=(at(view, path, row.line, row.text),),
                payload=UnfitArgument(path, row.line, row.call, row.text, row.kind),
            )

"""SRC611."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence import half_precision
from gpufix.evidence.source_view import at, python_files
from gpufix.evidence.view import View
from gpufix.model.source_payload import HalfPlace, UnfitArgument
from gpufix.source.source_facts import HalfSink


@rule("SRC611", "half-into-float-kernel")
def half_into_float_kernel(view: View) -> Iterator[Fault]:
    """A call that takes float32 only is handed half precision, or `ranges` on the GPU.

    ## What it does
    Looks within one function for a tensor that is made half (`.half()`, `dtype=torch.float16`) and
    handed to a Gaussian or triangle rasteriser, and for nvdiffrast's `ranges` made on the GPU.

    Where the project casts all of its models to half (`for m in self.models.values(): m.half()`,
    `pipeline.to_dtype(torch.float16)`), in whatever file, it also looks in all files for what cannot
    take that. Examples are `index_add_` into a container that is float32 by default, and a value that is always
    float32 handed to a Linear. So are rasterisers that get what the models made without `.float()`. What is
    cast on the way, or follows the type of a weight, is passed over.

    ## Why it matters
    `expected scalar type Float but found Half`, `mat1 and mat2 must have the same dtype`,
    `index_add_(): self (Float) and source (Half) must have the same scalar type`; nvdiffrast reads
    `ranges` on the CPU and refuses a GPU tensor.

    ## Example
    `render.py hands x.half() to rasterize_gaussians, which takes float32.`

    ## Severity
    Advice.

    ## Fix
    Unsafe: a cast at the call, or where the value comes from; shown as a diff.

    ## Source
    diff-gaussian-rasterization's rasterize_points.cu (`.data<float>()`); nvdiffrast's
    torch_rasterize.cpp (NVDR_CHECK_CPU(ranges),
    NVDR_CHECK_I32(tri, ranges)); torch's index_add_ and linear, which promote no types.
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
    cast = half_precision.whole_cast(view)
    for path, sink in half_precision.sinks(view) if cast else ():
        assert cast is not None
        where, made = cast
        yield Fault(
            severity=ADVICE,
            subject=path,
            message=f"{path} {_WHAT[sink.kind].format(sink.call)}; "
            f"line {made.line} of {where} makes all models half.",
            evidence=(
                *(at(view, path, line, _shown(sink, line)) for line in sink.lines[:8]),
                at(view, where, made.line, made.text),
            ),
            payload=HalfPlace(path, sink.line, sink.kind, sink.call),
        )


_WHAT = {
    "index_add": "adds what it is handed to a container that is float32 by default ({})",
    "gaussian": "hands {} attributes as they are, and it takes float32",
    "nvdiffrast": "hands nvdiffrast's {} vertices as they are, and it takes float32",
    "linear": "hands {}, whose weights become half, a value that is always float32",
}


def _shown(sink: HalfSink, line: int) -> str:
    return sink.text if line == sink.line else sink.call

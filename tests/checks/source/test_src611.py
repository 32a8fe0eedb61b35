"""SRC611: half precision, or `ranges` on the GPU, for calls that take neither."""

from __future__ import annotations

from typing import Literal

import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.source.src611_half_into_float_kernel import half_into_float_kernel
from gpufix.model.source_payload import UnfitArgument

CAST = ["cast-argument unsafe"]
IMPORT = "import nvdiffrast.torch as dr\n"
HALF = "def f(x):\n    y = x.half()\n    return rasterize_gaussians({})\n"
RANGES = IMPORT + "def f(c, p, t):\n    r = torch.tensor([[0, 1]], device={})\n    return {}\n"


def of(text: str, **sections: object) -> Given:
    return t.project({"a.py": text}, **sections)


def hands(
    text: str,
    call: str,
    line: int = 3,
    kind: Literal["half", "ranges"] = "half",
    path: str = "a.py",
) -> Fault:
    what = {
        "half": f"hands {text} to {call}, which takes float32",
        "ranges": f"hands {call} `ranges` on the GPU, which nvdiffrast reads on the CPU",
    }
    return Fault(
        ADVICE,
        path,
        f"{path} {what[kind]}.",
        evidence=(t.at(path, line, text),),
        payload=UnfitArgument(path, line, call, text, kind),
    )


SILENT = {
    "float": of("def f(x):\n    x = x.float()\n    return rasterize_gaussians(x)\n"),
    "another's interpolate": of(f"{IMPORT}def f(x):\n    return F.interpolate(x.half())\n"),
    "half, and then float": of(HALF.replace("return", "y = y.float()\n    return").format("y")),
    "ranges on the CPU": of(RANGES.format("'cpu'", "dr.rasterize(c, p, t, ranges=r)")),
}

FIRING = {
    "a half tensor": Fires(of(HALF.format("y")), hands("y", "rasterize_gaussians"), offers=CAST),
    "no torch": Fires(
        of(HALF.format("y"), torch=None), hands("y", "rasterize_gaussians"), offers=CAST
    ),
    "made at the call": Fires(
        of("def f(x):\n    return rasterize_gaussians(x.half())\n"),
        hands("x.half()", "rasterize_gaussians", 2),
        offers=CAST,
    ),
    "ranges by name": Fires(
        of(RANGES.format("'cuda'", "dr.rasterize(c, p, t, ranges=r)")),
        hands("r", "rasterize", 4, "ranges"),
        offers=CAST,
    ),
    "ranges by place": Fires(
        of(RANGES.format("'cuda'", "dr.rasterize(c, p, t, s, r)")),
        hands("r", "rasterize", 4, "ranges"),
        offers=CAST,
    ),
    "several, in two files": Fires(
        t.project({"a.py": HALF.format("y, y"), "b.py": HALF.format("*z, y")}),
        [
            hands("y", "rasterize_gaussians"),
            hands("y", "rasterize_gaussians"),
            hands("y", "rasterize_gaussians", path="b.py"),
        ],
        offers=CAST,
    ),
}

test_silent, test_firing = rows(half_into_float_kernel, SILENT, FIRING)

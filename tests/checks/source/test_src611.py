"""SRC611: half precision, or `ranges` on the GPU, for calls that take neither."""

from __future__ import annotations

from typing import Literal

import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.source.src611_half_into_float_kernel import half_into_float_kernel
from gpufix.model.source_payload import HalfPlace, UnfitArgument

CAST_OFFER = ["cast-argument unsafe"]
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


# Every model of a pipeline is cast in one file, by a call in another.
CAST = """\
class Pipeline:
    def to_dtype(self, dtype):
        for model in self.models.values():
            model.to(dtype)
"""
APP = "import torch\npipeline.to_dtype(torch.float16)\n"
ADDS = """\
import torch
def vertices(weights, index, n):
    total = torch.zeros((n, 1), device="cuda")
    return total.index_add_(0, index, {})
"""
EMBEDS = """\
import torch
import torch.nn as nn
class Embedder(nn.Module):
    def __init__(self):
        self.mlp = nn.Sequential(nn.Linear(8, 8), nn.SiLU())
    @staticmethod
    def waves(t):
        freqs = torch.arange(4, dtype=torch.float32).to(device=t.device)
        args = t[:, None].float() * freqs[None]
        return torch.cat([torch.cos(args), torch.sin(args)], dim=-1)
    def forward(self, t):
        x = self.waves(t)
        return self.mlp({})
"""
SPLATS = """\
from diff_gaussian_rasterization import GaussianRasterizer
import torch
def render(camera, pc):
    rasterizer = GaussianRasterizer(raster_settings=camera.settings)
    scales = None
    means = pc.get_xyz{0}
    opacity = pc.get_opacity{0}
    return rasterizer(means3D=means, opacities=opacity, scales=scales)
"""
MESH = """\
import nvdiffrast.torch as dr
import torch
def render(ctx, mesh, camera, faces):
    vertices = mesh.vertices{}.unsqueeze(0)
    whole = torch.cat([vertices, torch.ones_like(vertices[..., :1])], dim=-1)
    return dr.rasterize(ctx, torch.bmm(whole, camera), faces, (8, 8))
"""


def half(text: str, cast: str = CAST, app: str = APP) -> Given:
    return t.project({"pipeline.py": cast, "app.py": app, "sink.py": text})


def meets(what: str, line: int, kind: str, call: str, text: str, where: str = "app.py") -> Fault:
    cast = "pipeline.to_dtype(torch.float16)" if where == "app.py" else "m.half()"
    at = 2 if where == "app.py" else 3
    return Fault(
        ADVICE,
        "sink.py",
        f"sink.py {what}; line {at} of {where} makes all models half.",
        evidence=(t.at("sink.py", line, text), t.at(where, at, cast)),
        payload=HalfPlace("sink.py", line, kind, call),
    )


ADDED = meets(
    "adds what it is handed to a container that is float32 by default (index_add_)",
    4,
    "index_add",
    "index_add_",
    "total.index_add_(0, index, weights)",
)
ALL_HALF = "def to_fp16(pipe):\n    for m in pipe.models.values():\n        m.half()\n"

SILENT = {
    "models are not cast": half(ADDS.format("weights"), app="pipeline.cuda()\n"),
    "one module is cast": half(
        ADDS.format("weights"), cast="", app="import torch\nunet.to(torch.float16)\n"
    ),
    "they are moved, and one is cast": half(
        ADDS.format("weights"),
        cast=CAST.replace("to_dtype", "to").replace("dtype", "device"),
        app="import torch\nunet.to(torch.float16)\n",
    ),
    "a cast that nobody calls": half(
        ADDS.format("weights"), cast=ALL_HALF, app="pipeline.cuda()\n"
    ),
    "added as float32": half(ADDS.format("weights.float()")),
    "into a container of its type": half(
        ADDS.format("weights").replace('device="cuda"', "dtype=weights.dtype")
    ),
    "what the function makes itself": half(ADDS.format("torch.ones(3)")),
    "cast to the weights' type": half(EMBEDS.format("x.to(self.mlp[0].weight.dtype)")),
    "rasterised as float32": half(SPLATS.format(".float()")),
    "a mesh as float32": half(MESH.format(".float()")),
    "float": of("def f(x):\n    x = x.float()\n    return rasterize_gaussians(x)\n"),
    "another's interpolate": of(f"{IMPORT}def f(x):\n    return F.interpolate(x.half())\n"),
    "half, and then float": of(HALF.replace("return", "y = y.float()\n    return").format("y")),
    "ranges on the CPU": of(RANGES.format("'cpu'", "dr.rasterize(c, p, t, ranges=r)")),
}

FIRING = {
    "added as it is": Fires(half(ADDS.format("weights")), ADDED, offers=CAST_OFFER),
    "by a loop": Fires(
        half(ADDS.format("weights"), cast=ALL_HALF, app="to_fp16(pipe)\n"),
        meets(
            "adds what it is handed to a container that is float32 by default (index_add_)",
            4,
            "index_add",
            "index_add_",
            "total.index_add_(0, index, weights)",
            "pipeline.py",
        ),
        offers=CAST_OFFER,
    ),
    "always float32 before a Linear": Fires(
        half(EMBEDS.format("x")),
        meets(
            "hands self.mlp, whose weights become half, a value that is always float32",
            13,
            "linear",
            "self.mlp",
            "self.mlp(x)",
        ),
        offers=CAST_OFFER,
    ),
    "splats as they are": Fires(
        half(SPLATS.format("")),
        meets(
            "hands GaussianRasterizer attributes as they are, and it takes float32",
            8,
            "gaussian",
            "GaussianRasterizer",
            "rasterizer(means3D=means, opacities=opacity, scales=scales)",
        ),
        offers=CAST_OFFER,
    ),
    "a mesh as it is": Fires(
        half(MESH.format("")),
        meets(
            "hands nvdiffrast's rasterize vertices as they are, and it takes float32",
            6,
            "nvdiffrast",
            "rasterize",
            "dr.rasterize(ctx, torch.bmm(whole, camera), faces, (8, 8))",
        ),
        offers=CAST_OFFER,
    ),
    "a half tensor": Fires(
        of(HALF.format("y")), hands("y", "rasterize_gaussians"), offers=CAST_OFFER
    ),
    "no torch": Fires(
        of(HALF.format("y"), torch=None), hands("y", "rasterize_gaussians"), offers=CAST_OFFER
    ),
    "made at the call": Fires(
        of("def f(x):\n    return rasterize_gaussians(x.half())\n"),
        hands("x.half()", "rasterize_gaussians", 2),
        offers=CAST_OFFER,
    ),
    "ranges by name": Fires(
        of(RANGES.format("'cuda'", "dr.rasterize(c, p, t, ranges=r)")),
        hands("r", "rasterize", 4, "ranges"),
        offers=CAST_OFFER,
    ),
    "ranges by place": Fires(
        of(RANGES.format("'cuda'", "dr.rasterize(c, p, t, s, r)")),
        hands("r", "rasterize", 4, "ranges"),
        offers=CAST_OFFER,
    ),
    "several, in two files": Fires(
        t.project({"a.py": HALF.format("y, y"), "b.py": HALF.format("*z, y")}),
        [
            hands("y", "rasterize_gaussians"),
            hands("y", "rasterize_gaussians"),
            hands("y", "rasterize_gaussians", path="b.py"),
        ],
        offers=CAST_OFFER,
    ),
}

test_silent, test_firing = rows(half_into_float_kernel, SILENT, FIRING)

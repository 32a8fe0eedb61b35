"""The Triton kernels against plain torch in float64: interpreted, and on a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

import needs

torch = needs.module("torch")
HERE = str(Path(__file__).parent)
EVERYTHING = (
    "sh_degree=3, render_mode='RGB+ED', rasterize_mode='antialiased', absgrad=True, backs=3"
)
PLAIN = "channels=1, covariances=True, packed=False"
TEXT = """
import sys, warnings
warnings.simplefilter("ignore")  # the interpreter's own, of lanes that are not used
sys.path.insert(0, {here!r})
import gsplat
from gsplat_tiers import both
assert gsplat.tier("cpu").name == "triton", gsplat.tier("cpu")
for found in (both("cpu", 6, 2, {everything}), both("cpu", 5, 1, {plain})):
    assert all(error < 1e-4 for error in found.values()), found
print("done")
"""


def test_interpreted(script, interpreter):
    text = TEXT.format(here=HERE, everything=EVERYTHING, plain=PLAIN)
    assert script("gsplat", text, **interpreter).stdout.endswith("done\n")


CASES = {
    "everything": {
        "sh_degree": 3,
        "render_mode": "RGB+ED",
        "rasterize_mode": "antialiased",
        "backs": 3,
    },
    "everything, whole": {"sh_degree": 3, "render_mode": "RGB+D", "packed": False, "absgrad": True},
    "degree 0": {"sh_degree": 0, "absgrad": True},
    "degree 1": {"sh_degree": 1, "packed": False},
    "depth": {"channels": 3, "render_mode": "ED"},
    "covariances": {"channels": 2, "covariances": True, "rasterize_mode": "antialiased"},
    "eleven channels": {"channels": 11, "backs": 11},
    "small tiles": {"channels": 3, "tile_size": 8, "packed": False},
}


@pytest.mark.parametrize("name", CASES)
def test_on_a_gpu(gsplat, name):
    """A pixel whose alpha falls to the other side of 1/255 in float32 is worth that much of a color."""
    needs.require("CUDA GPU")
    from gsplat_tiers import both

    assert gsplat.tier("cuda").name == "triton", gsplat.tier("cuda")
    found = both("cuda", 300, 3, **CASES[name])
    print({key: f"{value:.1e}" for key, value in found.items()})
    for key, error in found.items():
        assert error < (1e-2 if key.startswith("by ") else 2e-3), key

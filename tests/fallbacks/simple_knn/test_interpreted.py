"""The Triton kernel, interpreted on the CPU, against float64 over all pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

TEXT = """
import sys, warnings
warnings.simplefilter("ignore")  # the interpreter's own, of overflows that are meant
sys.path.insert(0, {here!r})
from knn_reference import SETS, error, mean_distance
import simple_knn
from simple_knn._C import distCUDA2
assert simple_knn.tier("cpu").name == "triton", simple_knn.tier("cpu")
for n in (1, 2, 3, 4, 5, 31, 33):
    points = SETS["uniform"](n)
    assert error(distCUDA2(points), mean_distance(points)) < 1e-6, n
for name, make in SETS.items():
    points = make(70)
    assert error(distCUDA2(points), mean_distance(points)) < 1e-6, name
from simple_knn._order import curve_order
from simple_knn._triton import search
points = SETS["uniform"](130)
assert error(search(points, curve_order(points), 64), mean_distance(points)) < 1e-6, "64 lanes"
print("done")
"""


def test_interpreted(script, interpreter):
    text = TEXT.format(here=str(Path(__file__).parent))
    assert script("simple_knn", text, **interpreter).stdout.endswith("done\n")


@pytest.mark.slow
def test_a_broken_triton_is_named(script, tmp_path):
    """A triton that cannot be imported is a reason, not an error."""
    fake = tmp_path / "fake" / "triton"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("raise ImportError('no driver stub')")
    text = (
        f"import sys; sys.path.insert(0, {str(fake.parent)!r})\n"
        "import simple_knn; print(simple_knn.tier('cpu'))"
    )
    done = script("simple_knn", text, TRITON_INTERPRET="1")
    assert "eager on cpu; not triton: ImportError: no driver stub" in done.stdout

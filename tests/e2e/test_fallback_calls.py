"""fix --fallback of what a project must call: its calls are changed, it draws the same, undo."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import venvs
from test_fallback_install import GPU, run, state
from venvs import Venv

from gpufix.fallbacks.pack import build

RASTERISER = Path(__file__).parent.parent / "fallbacks/nvdiffrast_chunked/rasteriser.py"
# Stands in for nvdiffrast: its signature, what it refuses, and a look at what it was handed.
STAND_IN = """
import torch
from nvdiffrast.torch._rasteriser import image

handed = []


class RasterizeCudaContext:
    pass


def rasterize(glctx, pos, tri, resolution, ranges=None, grad_db=True):
    assert isinstance(glctx, RasterizeCudaContext) and (grad_db is True or grad_db is False)
    if pos.ndim == 3:
        spans = [(0, len(tri))] * len(pos)
    else:
        assert ranges.device.type == "cpu" and ranges.dtype == torch.int32
        spans = ranges.tolist()
        pos = [pos] * len(spans)
    handed.extend(count for _, count in spans)
    shown = [image(p, tri, range(a, a + n), resolution) for p, (a, n) in zip(pos, spans)]
    return tuple(torch.stack(part) for part in zip(*shown))
"""
RENDER = """\
import sys\r
import torch\r
import nvdiffrast.torch as dr  # the renderer\r
\r
def draw(ctx, pos, tri, ranges=None):\r
    rast, db = dr.rasterize(ctx, pos, tri, resolution=(9, 11), ranges=ranges,\r
                            grad_db=True)  # Größe\r
    return rast, db\r
\r
torch.manual_seed(0)\r
xy = 2.4 * torch.rand(2, 27, 2, dtype=torch.float64) - 1.2\r
z = torch.randint(-2, 3, (2, 9, 1, 1)).expand(-1, -1, 3, 1).reshape(2, 27, 1) / 4\r
pos = torch.cat([xy, z, torch.ones_like(z)], -1).requires_grad_()\r
tri = torch.arange(27, dtype=torch.int32).reshape(9, 3)\r
parts = torch.tensor([[0, 5], [4, 5]], dtype=torch.int32)\r
ctx = dr.RasterizeCudaContext()\r
drawn = [*draw(ctx, pos, tri), *draw(ctx, pos[0], tri, parts)]\r
sum((part * part).sum() for part in drawn).backward()\r
torch.save([*[d.detach() for d in drawn], pos.grad, max(dr.handed)], sys.argv[1])\r
"""
# As the program is started, but with few triangles in a chunk.
IN_CHUNKS = """
import runpy, sys
import nvdiffrast_chunked
nvdiffrast_chunked.rasterize.__kwdefaults__["max_triangles"] = 2
sys.argv = ["render.py", sys.argv[1]]
runpy.run_path("render.py", run_name="__main__")
"""
SAME = """
import sys, torch
one, other = (torch.load(path) for path in sys.argv[1:])
assert all(torch.equal(a, b) for a, b in zip(one[:4], other[:4])), "values"
assert torch.allclose(one[4], other[4], rtol=1e-12) and one[4].abs().sum() > 0, "gradients"
assert (one[0][..., 3] > 0).sum() > 20, "something is drawn"
print(one[5], other[5])
"""


@pytest.fixture
def patient(tmp_path: Path) -> Venv:
    venv = venvs.create(tmp_path / "torch", *venvs.with_requirements("torch", "numpy"))
    files = {
        "nvdiffrast/__init__.py": b"",
        "nvdiffrast/torch/__init__.py": STAND_IN.encode(),
        "nvdiffrast/torch/_rasteriser.py": RASTERISER.read_bytes(),
    }
    made = build("nvdiffrast", "0.3.3", files, "stands in")
    (tmp_path / made.name).write_bytes(made.data)
    venv.pip("install", "--no-deps", "--no-index", "--no-compile", str(tmp_path / made.name))
    return venv


def python(venv: Venv, project: Path, *arguments: str) -> str:
    command = [str(venv.python), "-B", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env=venv.environ(), check=False, cwd=project
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_calls_are_changed_and_draw_the_same(patient: Venv, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "lib").mkdir(parents=True)
    (project / "pyproject.toml").write_text("[project]\nname = 'viewer'\nversion = '1'\n")
    (project / "render.py").write_bytes(RENDER.encode())
    (project / "lib" / "other.py").write_text("import nvdiffrast.torch as dr\nf = dr.rasterize\n")
    once, chunked = str(tmp_path / "once.pt"), str(tmp_path / "chunked.pt")
    python(patient, project, "render.py", once)
    before = state(patient.path), state(project)

    options = (str(project), "--fallback", "nvdiffrast_chunked", *GPU)
    code, shown = run(patient, "fix", *options)
    assert code == 1
    (plan,) = shown["plans"]
    assert "lib/other.py:2 is left as it is: handed on, not called" in plan["notes"]
    assert [step["kind"] for step in shown["steps"]] == ["write", "fallback"]
    assert "+import nvdiffrast_chunked" in shown["steps"][0]["diff"]
    assert (state(patient.path), state(project)) == before, "a preview writes nothing"

    code, applied = run(patient, "fix", *options, "--apply")
    assert (code, applied["state"]) == (0, "kept"), applied
    text = (project / "render.py").read_bytes().decode()
    wanted = RENDER.replace("dr.rasterize(", "nvdiffrast_chunked.rasterize(")
    renderer = "# the renderer\r\n"
    assert text == wanted.replace(renderer, f"{renderer}import nvdiffrast_chunked\r\n")
    python(patient, project, "-c", IN_CHUNKS, chunked)
    assert python(patient, project, "-c", SAME, once, chunked).split() == ["9", "2"]

    assert run(patient, "fix", *options, "--apply")[1]["state"] == "nothing"
    assert patient.gpufix("undo", "--python", str(patient.python)).returncode == 0
    assert (state(patient.path), state(project)) == before

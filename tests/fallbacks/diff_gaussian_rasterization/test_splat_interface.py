"""What can be said without a GPU: names, errors, the layout of structs, compilation."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import needs
from gpufix.binary.gpucode.extract import code_objects
from gpufix.engine.builds.native_fallback import compiled as build
from gpufix.engine.run_context import RunContext
from gpufix.fallbacks.catalogue import get
from gpufix.fallbacks.pack import tree
from gpufix.kernels.manifest import COMMON, SUITE
from gpufix.kernels.toolchain import Toolchain, parse_target
from gpufix.model import Facts, Host, Toolkit

SOURCE = SUITE / "splat" / "gaussians_c.cu"
FIELDS = (
    "image_height", "image_width", "tanfovx", "tanfovy", "bg", "scale_modifier", "viewmatrix",
    "projmatrix", "sh_degree", "campos", "prefiltered", "debug",
)  # fmt: skip


def test_the_settings_of_both_versions(module):
    """The first version has 12 fields; the one with inverse depth has antialiasing last."""
    settings = module.GaussianRasterizationSettings
    assert settings._fields == (*FIELDS, "antialiasing")
    assert settings(*range(12)).antialiasing is None
    assert settings(*range(13)).antialiasing == 12


def small(module, **changes):
    import torch

    values = {
        "image_height": 8, "image_width": 8, "tanfovx": 1.0, "tanfovy": 1.0, "bg": torch.zeros(3),
        "scale_modifier": 1.0, "viewmatrix": torch.eye(4), "projmatrix": torch.eye(4),
        "sh_degree": 0, "campos": torch.zeros(3), "prefiltered": False, "debug": False,
    }  # fmt: skip
    return module.GaussianRasterizer(module.GaussianRasterizationSettings(**{**values, **changes}))


SH, COLORS, SCALES = "shs", "colors_precomp", "scales"
ROTATIONS, COVARIANCES = "rotations", "cov3D_precomp"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((SCALES, ROTATIONS), "either shs or colors_precomp"),
        ((SH, COLORS, SCALES, ROTATIONS), "either shs or colors_precomp"),
        ((SH,), "either scales and rotations or cov3D_precomp"),
        ((SH, SCALES), "either scales and rotations or cov3D_precomp"),
        ((SH, SCALES, ROTATIONS, COVARIANCES), "either scales and rotations or cov3D_precomp"),
        ((SH, ROTATIONS, COVARIANCES), "either scales and rotations or cov3D_precomp"),
    ],
)
def test_one_of_each_pair(module, names, words):
    import torch

    shapes = {SH: (2, 1, 3), COLORS: (2, 3), SCALES: (2, 3), ROTATIONS: (2, 4), COVARIANCES: (2, 6)}
    given = {name: torch.zeros(shapes[name]) for name in names}
    with pytest.raises(ValueError, match=words):
        small(module)(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2, 1), **given)


def arguments():
    """What rasterize_gaussians takes, in its order, empty tensors for what is not given."""
    import torch

    empty = torch.Tensor([])
    means = torch.zeros(2, 3)
    return [
        means,
        means,
        torch.zeros(2, 1, 3),
        empty,
        torch.ones(2, 1),
        means,
        torch.ones(2, 4),
        empty,
    ]


def test_tensors_on_the_cpu_are_refused(module):
    with pytest.raises(RuntimeError, match="means3D must be on a GPU, not on cpu"):
        module.rasterize_gaussians(*arguments(), small(module).raster_settings)


def test_points_of_another_shape_are_refused(module):
    import torch

    with pytest.raises(RuntimeError, match=r"means3D must have dimensions \[num_points, 3\]"):
        module.rasterize_gaussians(torch.zeros(3), *arguments()[1:], small(module).raster_settings)


def test_mark_visible(module):
    """Strictly farther than 0.2 along the third column of the transposed view."""
    import torch

    points = torch.tensor([[9.0, 9.0, 0.21], [0.0, 0.0, 0.2], [0.0, 0.0, -3.0], [0.0, 0.0, 50.0]])
    rasterizer = small(module)
    assert rasterizer.markVisible(points).tolist() == [True, False, False, True]
    view = torch.eye(4)
    view[3, 2] = 4.0
    assert small(module, viewmatrix=view).markVisible(points).tolist() == [True, True, True, True]
    assert rasterizer.markVisible(points[:0]).shape == (0,)


def test_prefiltered_is_checked_first(module):
    import torch

    rasterizer = small(module, prefiltered=True)
    means = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.1]])
    with pytest.raises(RuntimeError, match=r"points nearer than 0\.2"):
        rasterizer(
            means, means, torch.ones(2, 1), torch.zeros(2, 1, 3), None, means, torch.ones(2, 4)
        )


@pytest.mark.slow
def test_a_missing_library_is_named(script):
    text = (
        "from diff_gaussian_rasterization import _library\n"
        "_library.PATH = _library.PATH.with_name('not_gaussians.so')\n"
        "try: _library.library()\nexcept RuntimeError as error: print(error)\n"
    )
    assert "_gaussians.so" in script("diff_gaussian_rasterization", text).stdout


def test_import_is_cheap_and_opens_nothing(script):
    text = (
        "import sys, torch; before = set(sys.modules); import diff_gaussian_rasterization as d\n"
        "print(*{m.split('.')[0] for m in sys.modules.keys() - before} - {d.__name__})\n"
        "print(*[m for m in sys.modules.keys() - before if m.startswith('torch.')])"
    )
    names, parts = script("diff_gaussian_rasterization", text).stdout.splitlines()
    import sys

    assert set(names.split()) <= sys.stdlib_module_names and not parts


def test_the_original_s_rules_in_closed_form(module):
    """One Gaussian straight ahead, of one color, half opaque: every number by hand."""
    import torch
    from splat_reference import Camera, render

    eye = torch.eye(4, dtype=torch.float64)
    flat = eye.clone()
    flat[2, 3], flat[3, 3] = 1, 0  # transposed: w is z
    background = torch.tensor([0.1, 0.1, 0.1], dtype=torch.float64)
    camera = Camera(33, 33, 0.5, 0.5, background, 1.0, eye, flat, 0, background * 0)
    p = dict.fromkeys(("shs", "cov3D_precomp"))
    p |= {
        "means3D": torch.tensor([[0.0, 0.0, 2.0]]), "colors_precomp": torch.tensor([[0.9, 0.5, 0.2]]),
        "opacities": torch.tensor([[0.5]]), "scales": torch.tensor([[0.1, 0.1, 0.1]]),
        "rotations": torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
    }  # fmt: skip
    p = {k: None if v is None else v.double() for k, v in p.items()}
    color, radii, depth = render(p, camera)
    variance = (0.1 * 33 / 2) ** 2 + 0.3  # focal length 33, depth 2, and the low pass
    # The eigenvalues differ by 2 sqrt(0.1) at least, as the original has them.
    assert radii.tolist() == [int(-(-3 * (variance + 0.1**0.5) ** 0.5 // 1))]
    assert color[:, 16, 16].tolist() == pytest.approx([0.5, 0.3, 0.15])
    assert float(depth[0, 16, 16]) == pytest.approx(0.25)
    falloff = 0.5 * torch.tensor(-0.5 * 9 / variance).exp()
    assert float(color[0, 16, 19]) == pytest.approx(float(0.1 + falloff * 0.8))
    assert color[:, 0, 0].tolist() == pytest.approx([0.1] * 3)
    dilated = render(p, camera, antialiasing=True)[0]
    share = ((0.1 * 33 / 2) ** 2) / variance  # square root of the ratio of determinants
    assert float(dilated[0, 16, 16]) == pytest.approx(0.1 + 0.5 * share * 0.8)


# ---- compilation ---------------------------------------------------------------------------------
LAYOUT = """
#include <cstdio>
#include <cstddef>
#include "splat/gaussians_project.cuh"
using namespace gpufix_splat;
int main() {
    std::printf("%zu %zu %zu %zu\\n", sizeof(Gaussians), sizeof(View), sizeof(GaussiansGradient), sizeof(Frame));
    std::printf("%zu %zu %zu %zu\\n", offsetof(Gaussians, colors), offsetof(View, background),
                offsetof(GaussiansGradient, colors), offsetof(Frame, instances));
    std::printf("%zu %zu %zu %zu\\n", offsetof(Gaussians, means), offsetof(View, tan_x),
                offsetof(GaussiansGradient, screen), offsetof(Frame, order));
}
"""


@pytest.mark.slow
@pytest.mark.needs("nvcc")
def test_python_s_structs_are_the_library_s(module, tmp_path):
    from diff_gaussian_rasterization import _library as ours

    (tmp_path / "layout.cu").write_text(LAYOUT)
    flags = ["-std=c++17", "-arch=sm_90", "-Xcicc", "-O0", f"-I{SUITE}", f"-I{COMMON}"]
    command = [needs.path("nvcc"), *flags]
    program = tmp_path / "layout"
    subprocess.run([*command, str(tmp_path / "layout.cu"), "-o", str(program)], check=True)
    said = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    kinds = (ours.Gaussians, ours.View, ours.Gradient, ours.Frame)
    import ctypes

    fields = [
        ("colors", "background", "colors", "instances"),
        ("means", "tan_x", "screen", "order"),
    ]
    wanted = [[ctypes.sizeof(kind) for kind in kinds]]
    wanted += [
        [getattr(kind, f).offset for kind, f in zip(kinds, row, strict=True)] for row in fields
    ]
    assert [[int(word) for word in line.split()] for line in said.splitlines()] == wanted


def compiled(arch: str, folder: Path, quick: bool) -> str:
    """The compiler's words; ``quick`` stops before machine code."""
    target = parse_target(arch)
    if arch.startswith("sm_"):
        tools = Toolchain("nvcc", Path(needs.path("nvcc")))
    else:
        needs.require("hip")
        tools = Toolchain("clang", Path(needs.path("clang")))
    output = ["-o", str(folder / "out")]
    if arch.startswith("sm_"):
        strict = ["-Werror", "all-warnings", "-Xcompiler=-Wall,-Wextra,-Werror"]
        rest = (
            ["-std=c++17", f"-arch={arch}", "-ptx", "-Xcicc", "-O0"]
            if quick
            else [*tools.arguments(target), "-c"]
        )
    else:
        strict = ["-Wall", "-Wextra", "-Werror"]
        rest = [
            *tools.arguments(target),
            *(["-fsyntax-only", "--cuda-device-only"] if quick else ["-c"]),
        ]
        output = [] if quick else output
    command = [str(tools.compiler), *rest, *strict, f"-I{COMMON}", str(SOURCE), *output]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    return (ended.stderr + ended.stdout + ("" if ended.returncode == 0 else "\nfailed")).strip()


@pytest.mark.parametrize("arch", [pytest.param("sm_90", marks=pytest.mark.slow), "gfx1030"])
def test_compiles(arch, tmp_path):
    assert compiled(arch, tmp_path, quick=True) == ""


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["sm_75", "sm_90", "sm_120", "gfx1030", "gfx90a"])
def test_compiles_whole(arch, tmp_path):
    assert compiled(arch, tmp_path, quick=False) == ""


@pytest.mark.slow
@pytest.mark.needs("nvcc")
def test_the_library_that_is_installed(tmp_path):
    nvcc = needs.path("nvcc")
    root = Path(nvcc).resolve().parent.parent
    kit = Toolkit(kind="cuda", root=str(root), version="13.0", origin="PATH", compiler=nvcc)
    facts = Facts(host=Host(os="Linux", kernel="6", machine="x86_64"), toolkits=[kit])
    context = RunContext(facts, environ=dict(os.environ), folder=tmp_path)
    [(path, library)] = build(get("diff_gaussian_rasterization"), ["sm_90"], context).items()
    assert path == "diff_gaussian_rasterization/_gaussians.so"
    (tmp_path / "a.so").write_bytes(library)
    assert {image.arch for image in code_objects(str(tmp_path / "a.so")).images} == {"sm_90"}


def test_what_is_installed():
    fallback = get("diff-gaussian-rasterization")
    assert fallback.name == "diff_gaussian_rasterization"
    [native] = fallback.build
    assert SUITE.parent / native.source == SOURCE and SOURCE.exists()
    assert Path(native.library).parent.name in {
        Path(name).parent.name for name in tree(fallback.name)
    }

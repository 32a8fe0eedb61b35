"""What training scripts import beside the rasterization: export, the optimizer, the launcher."""

from __future__ import annotations

import importlib

import pytest

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")


def splats(n: int = 6, k: int = 3):
    wave = torch.arange(n * (14 + 3 * k), dtype=torch.float32).mul(0.7).sin().view(n, -1)
    parts = dict(
        zip(
            ("means", "scales", "quats", "opacities", "sh0", "shN"),
            wave.split([3, 3, 4, 1, 3, 3 * k], 1),
            strict=True,
        )
    )
    return parts | {
        "opacities": parts["opacities"][:, 0],
        "sh0": parts["sh0"][:, None],
        "shN": parts["shN"].reshape(n, k, 3),
    }


def test_a_ply_file(gsplat, tmp_path):
    """The columns of 3D Gaussian splatting, coefficients by channel; what is no number is left out."""
    given = splats()
    given["scales"][2, 1] = float("nan")
    given["opacities"][4] = float("inf")
    data = gsplat.export_splats(**given, save_to=str(tmp_path / "out.ply"))
    assert (tmp_path / "out.ply").read_bytes() == data
    head, body = data.split(b"end_header\n", 1)
    lines = head.decode().splitlines()
    assert lines[:3] == ["ply", "format binary_little_endian 1.0", "element vertex 4"]
    names = [line.removeprefix("property float ") for line in lines[3:]]
    rows = torch.frombuffer(bytearray(body), dtype=torch.float32).view(4, len(names))
    column = dict(zip(names, rows.T, strict=True))
    kept = [0, 1, 3, 5]
    assert torch.equal(column["z"], given["means"][kept, 2])
    assert torch.equal(column["f_dc_1"], given["sh0"][kept, 0, 1])
    assert torch.equal(column["f_rest_4"], given["shN"][kept, 1, 1])
    assert torch.equal(column["opacity"], given["opacities"][kept])
    assert torch.equal(column["rot_3"], given["quats"][kept, 3])
    with pytest.raises(NotImplementedError, match='"ply"'):
        gsplat.export_splats(**given, format="splat")
    with pytest.raises(ValueError, match="f_dc"):
        gsplat.export_splats(**{**given, "sh0": given["shN"]})


def test_adam_of_what_is_visible(gsplat):
    """Its rows are those of Adam without a correction; the others stay, and their averages."""
    p = torch.nn.Parameter(torch.ones(5, 2))
    optimizer = gsplat.SelectiveAdam([{"params": [p], "lr": 0.1}], eps=1e-8, betas=(0.9, 0.99))
    visible = torch.tensor([True, False, True, False, False])
    average, square, wanted = torch.zeros(5, 2), torch.zeros(5, 2), torch.ones(5, 2)
    for step in range(3):
        p.grad = torch.arange(10.0).view(5, 2) - 3 + step
        optimizer.step(visible)
        average = torch.where(visible[:, None], 0.9 * average + 0.1 * p.grad, average)
        square = torch.where(visible[:, None], 0.99 * square + 0.01 * p.grad**2, square)
        moved = wanted - 0.1 * average / (square.sqrt() + 1e-8)
        wanted = torch.where(visible[:, None], moved, wanted)
        assert torch.allclose(p, wanted)
    assert torch.equal(p[1], torch.ones(2)) and not optimizer.state[p]["exp_avg"][1].any()


def test_one_process(gsplat, monkeypatch):
    called = []
    cli = importlib.import_module("gsplat.distributed").cli
    assert cli(lambda *arguments: called.append(arguments), "args") is True
    assert called == [(0, 0, 1, "args")]
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(NotImplementedError, match="start one"):
        cli(print, None)


def test_imports_do_not_compress(gsplat):
    assert importlib.import_module("gsplat.compression").PngCompression is gsplat.PngCompression
    with pytest.raises(NotImplementedError, match="leave the compression out"):
        gsplat.PngCompression()
    assert not hasattr(gsplat, "rasterization_2dgs")

"""Public packages whose build imports torch without declaring it, by the address of their source.

Read from setup.py and pyproject.toml of each (the commits are in docs/accuracy.md).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gpufix.knowledge.data_table import at_least


class TorchImporter(NamedTuple):
    """since: the first release of which it is true. pyproject: pip isolates it whatever its release."""

    address: str  # "owner/name", in small letters; with a folder where setup.py lies in one
    name: str  # of the distribution
    since: str | None = None
    pyproject: bool = False


_ROWS = (
    TorchImporter("nvlabs/nvdiffrast", "nvdiffrast", "0.4.0", True),
    TorchImporter("nvlabs/tiny-cuda-nn/bindings/torch", "tinycudann"),
    TorchImporter("jeffreyxiang/diffoctreerast", "diffoctreerast"),
    TorchImporter("graphdeco-inria/diff-gaussian-rasterization", "diff-gaussian-rasterization"),
    TorchImporter("ashawkey/diff-gaussian-rasterization", "diff-gaussian-rasterization"),
    TorchImporter("slothfulxtx/diff-gaussian-rasterization", "diff-gaussian-rasterization"),
    TorchImporter(
        "jonathonluiten/diff-gaussian-rasterization-w-depth", "diff-gaussian-rasterization"
    ),
    TorchImporter(
        "autonomousvision/mip-splatting/submodules/diff-gaussian-rasterization",
        "diff-gaussian-rasterization",
    ),
    TorchImporter("autonomousvision/mip-splatting/submodules/simple-knn", "simple-knn"),
    TorchImporter("hbb1/diff-surfel-rasterization", "diff-surfel-rasterization"),
    TorchImporter("camenduru/simple-knn", "simple-knn"),
    TorchImporter("facebookresearch/pytorch3d", "pytorch3d"),
    TorchImporter("facebookresearch/detectron2", "detectron2"),
    TorchImporter("nvidiagameworks/kaolin", "kaolin"),
    TorchImporter("nvidia/minkowskiengine", "minkowskiengine"),
    TorchImporter("nvidia/apex", "apex", pyproject=True),
    TorchImporter("dao-ailab/flash-attention", "flash-attn"),
    TorchImporter("dao-ailab/fast-hadamard-transform", "fast-hadamard-transform"),
    TorchImporter("mit-han-lab/torchsparse", "torchsparse"),
    TorchImporter("ashawkey/cubvh", "cubvh", pyproject=True),
    TorchImporter("ashawkey/raytracing", "raytracing"),
    TorchImporter("rusty1s/pytorch_sparse", "torch-sparse"),
    TorchImporter("eliphatfs/cumesh2sdf", "cumesh2sdf"),
    TorchImporter("ist-daslab/marlin", "marlin"),
)
# These have nothing but a source distribution on PyPI.
_SOURCES_ONLY = {"flash-attn": TorchImporter("", "flash-attn")}

_GITHUB = re.compile(
    r"(?:git\+)?(?:https?|ssh|git)://(?:git@)?github\.com/(.+)|git@github\.com:(.+)"
)


def of_address(address: str, tag: str | None = "") -> TorchImporter | None:
    """The row of a repository at a tag or branch, "" for its newest state; tag None: unknown.

    A folder in it may follow the address, as a path or as #subdirectory=.
    """
    found = _GITHUB.fullmatch(re.sub(r"^[\w.-]+(\[[^]]*\])?\s*@\s*(?=git\+)", "", address.strip()))
    if found is None:
        return None
    path, _, fragment = (found[1] or found[2]).partition("#")
    path, _, written = path.partition("@")
    inner = re.search(r"subdirectory=([^&]+)", fragment)
    parts = [part.removesuffix(".git") for part in path.split("/") if part]
    place = "/".join([*parts, *([inner[1].strip("/")] if inner else [])]).lower()
    row = next((r for r in _ROWS if r.address == place), None)
    return row if row is not None and _holds(row, written or tag) else None


def of_name(requirement: str) -> TorchImporter | None:
    """The row of a distribution that pip must build, as it is required: "flash-attn==2.8.3"."""
    if re.search(r"@\s*\S+\.whl(?:[\s;#?]|$)", requirement):
        return None  # built already
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    name = re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""
    return _SOURCES_ONLY.get(name)


def _holds(row: TorchImporter, tag: str | None) -> bool:
    """Whether it is so at a tag. Of a commit or a branch nobody knows the release."""
    if row.since is None or tag == "":
        return True
    release = re.fullmatch(r"v?(\d+(?:\.\d+)+)", tag or "")
    return release is not None and at_least(release[1], row.since)

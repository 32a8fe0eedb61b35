"""The loader model of Windows against wine: real wheels, four processes.

Measured with wine 8.0: 0 unexplained differences, in sets of missing DLLs and of unresolved symbols.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from wine_lab import Wine, asked_of, download, stand_in, unpack

from gpufix.binary.pe import PeFile
from gpufix.facts.windows.libraries import locks_new

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WHEELS = [
    "numpy==2.4.6",
    "scipy==1.17.1",
    "pandas==3.1.1",
    "pillow==13.0.0",
    "torch==2.9.1",
    "torchvision==0.24.1",
    "torchaudio==2.9.1",
    "torchcodec==0.17.0",
    "xformers==0.0.35",
    "bitsandbytes==0.50.2",
    "ctranslate2==4.8.5",
    "cupy-cuda12x==14.2.0",
    "h5py==3.16.0",
    "av==18.1.0",
    "llvmlite==0.50.0",
    "scikit-learn==1.9.1",
    "pyarrow==26.0.1",
    "tokenizers==0.23.3",
    "safetensors==0.8.0",
    "sentencepiece==0.2.3",
    "triton-windows==3.8.0.post29",
    "onnxruntime-gpu==1.31.1",
    "numba==0.68.1",
    "nvidia-cuda-runtime-cu12==12.9.79",
    "nvidia-curand-cu12==10.3.10.19",
    "nvidia-nvjitlink-cu12==12.9.86",
    "nvidia-cuda-nvrtc-cu12==12.9.86",
]
OTHER_TORCH, RUNTIME = "torch==2.4.1", "msvc-runtime==14.44.35112"
OLD_RUNTIME = "msvc-runtime==14.34.31931"
EACH = 8  # files of one distribution
OF_PYTHON = ("python311.dll", "python3.dll")


@dataclass
class Tree:
    wine: Wine
    site: Path
    other_torch: Path
    files: dict[str, list[Path]]  # by distribution


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    folder = tmp_path_factory.mktemp("wine")
    runtime = folder / "runtime"
    runtime.mkdir()
    with zipfile.ZipFile(download([RUNTIME], folder / "wheels")[0]) as archive:
        for name in archive.namelist():
            if "/Scripts/" in name and name.endswith(".dll"):
                (runtime / Path(name).name).write_bytes(archive.read(name))
    wine = Wine(folder, runtime)
    site = wine.drive / "py/Lib/site-packages"
    other = wine.drive / "other"
    files = {}
    for name, wheel in zip(WHEELS, download(WHEELS, folder / "wheels"), strict=True):
        files[name] = [site / one for one in unpack(wheel, site)]
    unpack(download([OTHER_TORCH], folder / "wheels")[0], other)
    every = [path for paths in files.values() for path in paths]
    for library, names in asked_of(every, *OF_PYTHON).items():
        stand_in(wine.application / library, names)
    stand_in(wine.system / "nvcuda.dll", asked_of(every, "nvcuda.dll")["nvcuda.dll"] | {"cuInit"})
    yield Tree(wine, site, other / "torch/lib", files)
    wine.close()


def spread(paths: list[Path]) -> list[Path]:
    """Some of them, from the first to the last."""
    step = max(1.0, len(paths) / EACH)
    return [paths[int(at * step)] for at in range(min(EACH, len(paths)))]


@pytest.mark.needs("wine", "mingw-w64", "package index")
def test_wine_agrees(tree: Tree, tmp_path: Path) -> None:
    libs = sorted(tree.site.glob("*.libs"))
    cuda = sorted(tree.site.glob("nvidia/*/bin"))
    torch = tree.site / "torch/lib"
    processes = {
        "complete": (True, [*libs, torch, *cuda]),
        "without the VC runtime": (False, [*libs, torch, *cuda]),
        "without CUDA's folders": (True, [*libs, torch]),
        "another torch": (True, [*libs, tree.other_torch, *cuda]),
    }
    differ, seen, unresolved = [], Counter[str](), Counter[str]()
    for process, (runtime, added) in processes.items():
        tree.wine.with_runtime(runtime)
        state = tree.wine.state(tmp_path / "system", added)
        for distribution, paths in tree.files.items():
            chosen = spread(paths)
            for path, said in tree.wine.ask(chosen, added).items():
                verdict = state.predict(str(path))
                seen[process] += 1
                unresolved[process] += len(verdict.undefined)
                found = tree.wine.differences(verdict, said)
                differ += [f"{process}: {distribution}: {path.name}: {one}" for one in found]
    print(dict(seen), dict(unresolved))
    assert differ == []
    assert sum(seen.values()) >= 500
    assert len(tree.files) >= 12
    assert unresolved["another torch"] > 100


@pytest.mark.needs("wine", "mingw-w64", "package index")
def test_torch_starts_with_a_runtime_that_is_new_enough(tree: Tree, tmp_path: Path) -> None:
    """ABI306: c10.dll of torch 2.9.1 locks mutexes that runtimes before 14.40 do not know; 2.4.1's does not."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    with zipfile.ZipFile(download([OLD_RUNTIME], tmp_path / "wheels", "3.9")[0]) as archive:
        for name in archive.namelist():
            if "/Scripts/" in name and name.endswith(".dll"):
                (runtime / Path(name).name).write_bytes(archive.read(name))
    new, old = tree.site / "torch/lib", tree.other_torch
    tree.wine.with_runtime(True)
    codes = {}
    for with_old in (False, True):
        if with_old:
            tree.wine.replace_runtime(runtime)
        for folder in (new, old):
            said = tree.wine.ask([folder / "c10.dll"], [folder])[folder / "c10.dll"]
            codes[folder, with_old] = said.code
    assert codes == {(new, False): 0, (old, False): 0, (old, True): 0, (new, True): 998}
    assert [locks_new(PeFile(f"{f}/c10.dll")) for f in (new, old)] == [True, False]

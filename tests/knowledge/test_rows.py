"""The rows kept by hand: complete, with real sources; and what the builder refuses."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import build_knowledge
from build_knowledge import DATA, ROWS
from gpufix.knowledge import cuda, packages, torch_releases
from gpufix.knowledge.data_table import table
from gpufix.knowledge.gpus.models import arch_by_words
from gpufix.knowledge.symbols import SymbolHistory
from knowledge_build.read import BadRows, check_data, read
from knowledge_build.sources import real_source

RELEASES = torch_releases.versions()


@pytest.mark.parametrize(
    "having",
    [
        pytest.param(lambda: table("torch_pins")["releases"], id="pins"),
        pytest.param(lambda: table("companions")["releases"], id="companions"),
        pytest.param(lambda: SymbolHistory.load().releases, id="symbols"),
        pytest.param(lambda: read(ROWS).torch, id="knowledge/torch"),
    ],
)
def test_no_table_lacks_a_release(having: Callable[[], Any]) -> None:
    assert sorted(having()) == sorted(RELEASES)


@pytest.mark.parametrize("release", RELEASES)
def test_each_release_has_its_companions_and_compilers(release: str) -> None:
    found = packages.for_torch(release)
    assert found["torchvision"].exact or found["torchvision"].since
    assert found["torchaudio"].exact or found["torchaudio"].since
    rules = cuda.extension_rules(release)
    assert rules and set(rules) == {"since", "gcc", "clang", "archs", "named", "native"}


def test_each_toolkit_has_its_compilers() -> None:
    assert list(table("host_compilers")["nvcc"]) == list(table("cuda_toolkits")["toolkits"])


@pytest.mark.parametrize("name", [n for n, _ in table("gpus")["nvidia"]["names"].items()])
def test_no_pattern_contradicts_a_product(name: str) -> None:
    assert arch_by_words(name) in (None, table("gpus")["nvidia"]["names"][name][0])


def _texts(value: Any) -> Iterator[str]:
    """Every source in a table."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("source", "caps_source", "torch_source") and isinstance(item, str):
                yield item
            elif key == "sources":
                yield from item.values() if isinstance(item, dict) else item
            else:
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


# Their rows point into `sources`, or one text holds for all of them.
SOURCED = {
    "companions", "conda_names", "conda_pytorch", "conflicts", "cuda_toolkits", "cuda_wheels",
    "dispatchers", "drivers", "families", "gpus", "hip", "host_compilers", "import_names", "libstdcxx", "listings",
    "node", "plugins", "removed_cxx", "removed_names", "rocm_wheels", "successors", "system_headers", "system_libraries",
    "system_programs", "torch_pins", "torch_releases", "triton",
    "windows",
}  # fmt: skip


# The sources of messages have names, by which their rows point to them: `read` judges both.
@pytest.mark.parametrize("name", sorted({p.stem for p in DATA.glob("*.json")}))
def test_every_table_has_its_sources(name: str) -> None:
    assert name in SOURCED
    texts = list(_texts(table(name)))
    assert texts
    known = {"Requires-Dist in the METADATA", "Requires-Dist of the releases named"}
    for text in texts:
        if not any(text.startswith(start) for start in known):
            real_source(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://developer.nvidia.com/cuda-gpus",
        "pytorch/builder manywheel/build_cuda.sh @release/2.0 (9f0fad92f3)",
        "METADATA of torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "gradio 4.44.1 with starlette 1.0.0: `gr.Blocks().launch()` raises",
        "crt/host_config.h",
        "ld.so(8)",
    ],
)
def test_what_says_where_to_look_is_a_source(text: str) -> None:
    assert real_source(text) == text


@pytest.mark.parametrize(
    "text", ["", "tested", "METADATA", "derived", "wheel contents", "measured: wheel contents"]
)
def test_a_word_is_no_source(text: str) -> None:
    with pytest.raises(ValueError, match="names no place to look"):
        real_source(text)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROWS, tmp_path / "knowledge"))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert re.search(old, text, re.M | re.S), old
    file.write_text(re.sub(old, new, text, count=1, flags=re.M | re.S), "utf-8")


TORCH = "torch/2.9.0.toml"


@pytest.mark.some(6)
@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        (TORCH, "^numpy2 =", "numpyy =", r"torch/2.9.0.toml: numpyy: Extra inputs"),
        (TORCH, "^numpy2 = true\n", "", r"torch/2.9.0.toml: numpy2: Field required"),
        (TORCH, "^cxx_std = 17", "cxx_std = 18", r"torch/2.9.0.toml: cxx_std: "),
        (TORCH, '^source = "https[^"]*"', 'source = "measured"', r"cu126.source: 'measured' names no"),
        (TORCH, 'confidence = "high"', 'confidence = "sure"', r"cu126.confidence: "),
        (TORCH, 'archs = "sm_50', 'archs = "5.0', r"cu126.archs: "),
        (TORCH, 'linux_x86_64 = "cu128"', 'linux_x86_64 = "cu127"', r"there is no variants.linux_x86"),
        (TORCH, r"x86_64\.cu126\]", "x86_64.cu999]", r"cu999: cuda/toolkits.toml has no toolkit 99.9"),
        (TORCH, "^native = true\n", "", r"torch/2.9.0.toml: cpp_extension: either same_as, or all"),
        (TORCH, "^date = ", "date == ", r"torch/2.9.0.toml: cannot be read: .*line 2"),
        ("torch/2.9.1.toml", '"2.9.0"', '"2.9.1"', r"2.9.1.toml: cpp_extension: 2.9.1 has no tables"),
        ("companions/xformers.toml", '"torch==2.9.0"', '"torhc"', r"'torhc' is no requirement of torch"),
        ("companions/torchaudio.toml", r"^\[since\].*", "", r"requires.2.11.0: names no torch"),
        ("cuda/toolkits.toml", "^gcc = 9", 'gcc = "9"', r"toolkits.toml: toolkit.11.0.gcc: "),
        ("gpus/nvidia.toml", "names = ", "nmaes = ", r"nvidia.toml: products.0.names: Field required"),
        ("gpus/nvidia.toml", r"regex = 'GB10\\b'", "regex = 'GB10('", r"nvidia.toml: pattern.0.regex: "),
        ("gpus/amd.toml", "^wave = 64", "wave = 63", r"amd.toml: gfx.gfx900.wave: "),
        ("conflicts.toml", 'source = "[^"]*"', 'source = "tested"', r"conflict.0.source: 'tested' names"),
        ("messages/loader.json", '"ld.so[^"]*"', '"man page"', r"sources.ldso: 'man page' names no"),
        ("messages/loader.json", '"source": "ldso"', '"source": "x"', r"there is no source 'x'"),
        ("messages/loader.json", '"texts"', '"text"', r"messages.0.texts: Field required"),
        ("messages/cuda_errors.json", '"source": "[^"]*"', '"source": "CUDA"', r"'CUDA' names no"),
        ("caps.toml", "needs", "need", r"caps.toml: gradio: caps.pillow.0.needs: Field required"),
    ],
)  # fmt: skip
def test_bad_rows_are_named(rows: Path, file: str, old: str, new: str, fault: str) -> None:
    edit(rows / file, old, new)
    with pytest.raises(BadRows) as refused:
        read(rows)
    assert any(re.search(fault, line) for line in refused.value.faults), refused.value.faults


def test_every_bad_row_is_named_at_once(rows: Path) -> None:
    edit(rows / TORCH, "^numpy2 = true\n", "")
    edit(rows / "conflicts.toml", 'id = "gradio-hffolder"', "id = 1")
    (rows / "torch" / "2.9.1.toml").rename(rows / "torch" / "2.9.toml")
    with pytest.raises(BadRows) as refused:
        read(rows)
    assert [fault.split(": ")[0] for fault in sorted(refused.value.faults)] == [
        "conflicts.toml",
        "torch/2.9.0.toml",
        "torch/2.9.toml",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("removed_names.json", '"NumPy 1.24[^"]*"', '"NumPy"', r"removed_names.json: sources.0: 'NumPy'"),
        ("removed_names.json", '"source": 0', '"source": 99', r"there is no source 99"),
    ],
)  # fmt: skip
def test_hand_written_tables_are_held_to_the_same(
    tmp_path: Path, file: str, old: str, new: str, fault: str
) -> None:
    data = Path(shutil.copytree(DATA, tmp_path / "data"))
    check_data(data)
    edit(data / file, old, new)
    with pytest.raises(BadRows, match=fault):
        check_data(data)


def test_what_is_shipped_is_what_the_rows_say() -> None:
    assert build_knowledge.stale(ROWS, DATA) == {}


def test_check_names_what_is_not_current(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(DATA, tmp_path / "data"))
    edit(rows / TORCH, 'triton = "==3.5.0"', 'triton = "==3.5.1"')
    (data / "torch_symbols.bin").unlink()
    command = ["build_knowledge.py", "--rows", str(rows), "--data", str(data)]
    monkeypatch.setattr("sys.argv", [*command, "--check"])
    assert build_knowledge.main() == 1
    said = capsys.readouterr().err
    assert "torch_pins.json is not current" in said and "torch_symbols.bin is not current" in said
    assert said.count("not current") == 2
    monkeypatch.setattr("sys.argv", command)
    assert build_knowledge.main() == 0
    assert '"triton":"==3.5.1"' in (data / "torch_pins.json").read_text("utf-8")
    assert (data / "torch_symbols.bin").read_bytes() == (DATA / "torch_symbols.bin").read_bytes()

"""The wheels that the loader's predictions are compared on, and the folders made of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TORCH = "torch==2.13.0"
QUICK = ("scipy", "pandas", "opencv-python-headless", "pyarrow", "pyproj", "lxml")
FULL = (
    *QUICK,
    *[
        "grpcio",
        "scikit-learn",
        "scikit-image",
        "matplotlib",
        "statsmodels",
        "h5py",
        "numba",
        "spacy",
        "shapely",
    ],
    *[
        "pyogrio",
        "rasterio",
        "netCDF4",
        "astropy",
        "onnxruntime",
        "faiss-cpu",
        "polars",
        "duckdb",
        "mypy",
        "black",
    ],
    *[
        "gevent",
        "pygame",
        "av",
        "vtk",
        "PySide6",
        "PySide6-Addons",
        "aiohttp",
        "cryptography",
        "orjson",
        "tokenizers",
    ],
    *[
        "safetensors",
        "sentencepiece",
        "psycopg2-binary",
        "pymunk",
        "numexpr",
        "tables",
        "blosc2",
        "pywavelets",
    ],
    *[
        "cvxpy",
        "osqp",
        "ecos",
        "scs",
        "highspy",
        "lightgbm",
        "PyMuPDF",
        "pyzmq",
        "msgpack",
        "ujson",
        "rapidfuzz",
        "regex",
    ],
    *[
        "SimpleITK",
        "itk-core",
        "zstandard",
        "lz4",
        "brotli",
        "soxr",
        "soundfile",
        "pyyaml",
        "greenlet",
        "sqlalchemy",
    ],
    *["cftime", "contourpy", "bcrypt", "pynacl", "rpds-py", "uvloop", "httptools", "dipy"],
)
# Each with its torch: none of these releases was made for torch 2.13 but the last ones.
QUICK_EXTENSIONS = {"torchvision": ("0.20.1", "0.28.0"), "torchaudio": ("2.5.1",)}
EXTENSIONS = {
    "torchvision": (
        *("0.15.2", "0.16.2", "0.17.2", "0.18.1", "0.19.1", "0.20.1", "0.21.0", "0.22.1"),
        *("0.23.0", "0.24.1", "0.25.0", "0.26.0", "0.28.0", "0.29.2"),
    ),
    "torchaudio": (
        *("2.0.2", "2.1.2", "2.2.2", "2.3.1", "2.4.1", "2.5.1"),
        *("2.6.0", "2.7.1", "2.8.0", "2.9.1", "2.10.0", "2.11.0"),
    ),
    "torchtext": ("0.15.2", "0.16.2", "0.17.2", "0.18.0"),
    "torchrl": ("0.4.0", "0.6.0", "0.8.1", "0.10.0", "0.12.0", "0.14.1"),
    "tensordict": ("0.6.0", "0.8.3", "0.10.0", "0.13.0", "0.15.3"),
    "torchao": ("0.5.0", "0.7.0", "0.9.0", "0.11.0", "0.13.0", "0.15.0", "0.17.0", "0.18.0"),
    "torchcodec": ("0.1.1", "0.4.0", "0.7.0", "0.9.1", "0.12.0", "0.15.0", "0.17.0"),
    "xformers": ("0.0.22", "0.0.28.post3", "0.0.31", "0.0.33", "0.0.35"),
    "torchdata": ("0.6.1", "0.7.1"),
    "fbgemm-gpu-cpu": ("0.6.0", "1.0.0", "1.4.2", "1.9.0"),
}


def build_packages(folder: Path, listed: Path) -> None:
    """Make `folder`/venv of the wheels in a list, without what they require."""
    venv = _venv(folder)
    for line in listed.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            _pip(venv, line, line, "--no-deps")


def build(folder: Path, quick: bool) -> None:
    """Make `folder`/venv and `folder`/ext/NAME-VERSION; what is there already is kept."""
    venv = _venv(folder)
    _pip(venv, "torch", TORCH)
    for name in QUICK if quick else FULL:
        _pip(venv, name, name)
    for name, releases in (QUICK_EXTENSIONS if quick else EXTENSIONS).items():
        for release in releases:
            target = folder / "ext" / f"{name}-{release}"
            _pip(venv, target.name, f"{name}=={release}", "--no-deps", "--target", str(target))


def _venv(folder: Path) -> Path:
    venv = folder / "venv"
    if not (venv / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return venv


def _pip(venv: Path, mark: str, *arguments: str) -> None:
    """Install once; a wheel that is not to be had is reported and left out."""
    done = venv.parent / "done" / mark
    if done.exists():
        return
    # Wheels only: the corpus is what users get, and building takes hours.
    command = [str(venv / "bin/python"), "-m", "pip", "install", "-q", "--only-binary", ":all:"]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True)
    done.parent.mkdir(parents=True, exist_ok=True)
    if result.returncode == 0:
        done.touch()
    else:
        print(f"left out {mark}: {result.stderr.strip().splitlines()[-1:]}", file=sys.stderr)


def site_of(venv: Path) -> Path:
    """The site-packages folder of a venv."""
    return next((venv / "lib").glob("python*/site-packages"))


def libraries(folder: Path) -> list[str]:
    """All shared libraries below a folder, links left out, sorted."""
    found = (path for path in folder.rglob("*.so*") if path.is_file() and not path.is_symlink())
    return sorted(str(p) for p in found if p.suffix == ".so" or ".so." in p.name)

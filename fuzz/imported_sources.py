"""Module code that is followed as an import would run it: source/python/importing.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fuzz_target import Target

if TYPE_CHECKING:
    from gpufix.source.python.import_world import Found, Loads

_SEEDS = (
    b"from importlib import import_module\nfor n in ('bad', 'good'):\n    try:\n        m = import_module(f'.{n}', __package__)\n"
    b"        break\n    except ImportError as e:\n        last = e\nelse:\n    raise ImportError('no') from last\n",
    b"import ctypes, glob, os\nhere = os.path.dirname(os.path.abspath(__file__))\nfor f in sorted(glob.glob(os.path.join(here, '*.so'))):\n"
    b"    ctypes.CDLL(f, mode=ctypes.RTLD_GLOBAL)\nfrom . import bad\n",
    b"import functools\nclass A:\n    x = {'a': [1, 2]}\n    def __init__(self, n='bad'):\n        self.n = n\n    def load(self):\n"
    b"        return __import__('p.' + self.n)\nclass B(A):\n    pass\n@functools.lru_cache(maxsize=None)\ndef f(*a, k=1, **o):\n"
    b"    global z\n    z = [y for y in a if y]\n    z.append(k)\n    return B().load()\nf(1, 2, k=3)\n",
    b"import contextlib, importlib.machinery as m, torch, warnings\ntry:\n    X\nexcept NameError:\n    X = None\n"
    b"with contextlib.suppress(OSError, ImportError):\n    torch.ops.load_library(m.FileFinder(__path__[0], ()).find_spec('bad').origin)\n"
    b"@torch.library.register_fake('p::op')\ndef g(x: int = 1 if X else 2) -> None:\n    '''a\n b\n'''\n    yield x\n",
    b"import ctypes.util, os\nos.add_dll_directory('/s/p')\nctypes.CDLL(ctypes.util.find_library('good') or 'libgood.so')\n"
    b"from cuda.pathfinder import load_nvidia_dynamic_lib\nload_nvidia_dynamic_lib('good')\nctypes.CDLL('libno.so')\n",
    b"def f(n):\n    return f(n + 1) + f(n)\ntry:\n    f(0)\nfinally:\n    while True:\n        x = '%d{}' % 3\n        x += x.format(x)\n",
)


class Memory:
    """A package `p`: the input, a library that loads and one that does not."""

    version, platform, machine = (3, 11, 7), "linux", "x86_64"
    environ: Mapping[str, str] = {"A": "1"}
    suffixes: Sequence[str] = (".so",)
    known: Mapping[str, Any] = {"torch.version.cuda": "12.8"}

    def __init__(self, text: str) -> None:
        self._text = text

    def find(self, name: str) -> Found | None:
        from gpufix.source.python.import_world import Found

        if name == "p":
            return Found("source", "/s/p/__init__.py", is_package=True)
        if name in ("p.bad", "p.good"):
            return Found("extension", f"/s/{name.replace('.', '/')}.so")
        return None if name.startswith("p.") else Found("outside")

    def lost(self) -> Collection[str]:
        return ("gone",)

    def folder(self, package: str) -> str | None:
        return {"p": "/s/p", "torch": "/s/torch"}.get(package)

    def text(self, path: str) -> str:
        return self._text

    def names_in(self, folder: str) -> Collection[str] | None:
        return ("__init__.py", "bad.so", "good.so") if folder == "/s/p" else None

    def exists(self, path: str) -> bool:
        return path.startswith("/s/p")

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        return "loads" if path.endswith("good.so") else "lacks"

    def named_in(self, extension: str) -> Sequence[str]:
        return ["p.bad"]

    def defines(self, library: str, operator: str) -> bool | None:
        return None

    def locate(self, name: str) -> str | None:
        return {"libgood.so": "/usr/lib/libgood.so", "libcuda.so.1": None}.get(name, "")

    def find_library(self, name: str) -> str | None:
        return self.locate(f"lib{name}.so")

    def load_nvidia(self, name: str) -> bool:
        return name == "good"

    def add_folder(self, folder: str) -> None:
        pass

    def entered(self, name: str) -> None:
        pass

    def lacks(self, name: str) -> bool:
        return name == "p.gone"

    def lacks_name(self, module: str, name: str) -> bool:
        return (module, name) == ("p", "gone")


def _followed() -> Callable[[bytes], object]:
    from gpufix.source.python.importing import Session
    from gpufix.source.source_text import decode

    def follow(data: bytes) -> object:
        session = Session(Memory(decode(data).text))
        return session.follow("p"), [told for _, told in session.calls("p")]

    return follow


def _errors() -> tuple[type[BaseException], ...]:
    return (ValueError,)  # a text that cannot be decoded


def _seeds() -> Iterator[bytes]:
    yield from _SEEDS


TARGETS = {"imported": Target(_followed, _errors, _seeds)}

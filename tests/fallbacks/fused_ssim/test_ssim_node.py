"""The C++ step of fused_ssim, compiled here; a stand-in for the driver computes on the CPU."""

from __future__ import annotations

import ctypes
import importlib
import struct
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ssim_reference import images

import needs

torch = needs.module("torch")
pytestmark = [pytest.mark.slow, pytest.mark.needs("torch", "g++", "Python.h")]

FORWARD, BACKWARD = 1, 2
LAUNCH = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, *[ctypes.c_uint] * 7, ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p,
)  # fmt: skip
SHAPE = 1, 2, 24, 19
NAMES = "mean", "add", "clear"


@pytest.fixture(scope="session")
def compiled(
    imported: Callable[[str], types.ModuleType], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """What the compiler makes of the source."""
    imported("fused_ssim")
    node = importlib.import_module("fused_ssim._node")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("GPUFIX_FALLBACK_NATIVE", "1")
        node.NATIVE.start()
    assert node.NATIVE.reason == ""
    module = node.NATIVE.module
    node.NATIVE.module = None
    return module


def tensor(address: int, *shape: int) -> Any:
    memory = (ctypes.c_float * torch.Size(shape).numel()).from_address(address)
    return torch.frombuffer(memory, dtype=torch.float32).view(shape)


def stand_in(eager: Any, counts: dict[int, int]) -> Any:
    """The driver: its "kernels" are eager torch on the memory that they are pointed at."""

    def launch(function: int, programs: int, *rest: Any) -> int:
        parameters = rest[-2]
        counts[function] = counts.get(function, 0) + 1
        if counts.get(-function, 0) > 0:  # refused this often
            counts[-function] -= 1
            return 201
        pointers = 7 if function == FORWARD else 5
        at = [ctypes.c_void_p.from_address(parameters[i]).value for i in range(pointers)]
        numbers = [ctypes.string_at(parameters[pointers + i], 8) for i in range(6)]
        margin, count, *shape = (struct.unpack("<q", number)[0] for number in numbers)
        x, y = tensor(at[0], *shape), tensor(at[1], *shape)
        with torch.no_grad():
            if function == FORWARD:
                mean, derivatives = eager.mean(x, y, 0.01**2, 0.03**2, 5, margin, True)
                tensor(at[6]).copy_(mean)
                tensor(at[3], 3, *shape).copy_(derivatives)
            else:
                kept, chain = tensor(at[2], 3, *shape), tensor(at[3])
                gradient = eager.mean_backward(x, y, kept, chain, count, 5)
                tensor(at[4], *shape).copy_(gradient)
        return 0

    return LAUNCH(launch)


@pytest.fixture(params=[False, True], ids=["at once", "deferred"])
def stepped(
    fused: types.ModuleType,
    compiled: Any,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Any]:
    """The package with its C++ step in use, and in ``counts`` how often each kernel was launched."""
    node = importlib.import_module("fused_ssim._node")
    eager = importlib.import_module("fused_ssim._eager")
    counts: dict[int, int] = {}
    launch = stand_in(eager.Eager(), counts)
    compiled.setup(ctypes.cast(launch, ctypes.c_void_p).value, 0, lambda _index: 0)
    memory = torch.zeros((), dtype=torch.int32), torch.empty(16), torch.ones(())

    class OnTheCpu(eager.Eager):  # type: ignore[misc, name-defined]
        def plan(self, x: Any, c1: float, c2: float, margin: int) -> Any:
            height, width = (max(size - 2 * margin, 0) for size in x.shape[2:])
            count = x.shape[0] * x.shape[1] * height * width
            numbers = struct.pack("<6q", margin, count, *x.shape)
            kernels = [(which, 128, 0, 3, numbers) for which in (FORWARD, BACKWARD)]
            return eager.Plan(0, *kernels, *memory, request.param and x.shape == SHAPE, 3)

    run = OnTheCpu()
    raw = "_cuda_getCurrentRawStream"
    monkeypatch.setattr(torch._C, raw, lambda _index: 0, raising=False)
    monkeypatch.setattr(node, "address", lambda _name: 1)
    monkeypatch.setattr(node, "mean", node._nothing)
    monkeypatch.setattr(node, "_known", set())
    monkeypatch.setattr(node.NATIVE, "reason", "")
    module = types.SimpleNamespace(**{name: getattr(compiled, name) for name in NAMES})
    module.setup = lambda *_: None  # with the driver's addresses
    monkeypatch.setattr(node.NATIVE, "module", module)
    monkeypatch.setattr(fused, "implementation", lambda _x, _radius: run)
    yield types.SimpleNamespace(fused=fused, counts=counts, node=node)
    compiled.clear()


def pair() -> tuple[Any, Any]:
    x, y = images(*SHAPE)
    return x.requires_grad_(), y


def taught(stepped: Any, padding: str = "same") -> tuple[Any, Any, Any]:
    """Images whose shape C++ knows, and what Python said of them."""
    x, y = pair()
    value = stepped.fused.fused_ssim(x, y, padding)
    (gradient,) = torch.autograd.grad(value, x)
    stepped.counts.clear()
    return x, y, (value.detach(), gradient)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_same_as_python(stepped: Any, padding: str) -> None:
    x, y, wanted = taught(stepped, padding)
    value = stepped.fused.fused_ssim(x, y, padding)
    assert value.grad_fn.name() == "FusedSSIM" and stepped.counts[FORWARD] == 1
    (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
    torch.testing.assert_close((value.detach(), gradient), wanted)
    (thrice,) = torch.autograd.grad(3 * value, x)
    torch.testing.assert_close(thrice, 3 * wanted[1])
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(value, x)


def test_into_a_parameter_and_further(stepped: Any) -> None:
    x, y, (_, gradient) = taught(stepped)
    weight = torch.nn.Parameter(x.detach().clone())
    for _ in range(2):
        stepped.fused.fused_ssim(weight * 1.0, y).backward()
        stepped.fused.fused_ssim(weight, y).backward()
    assert stepped.counts[FORWARD] == 4
    torch.testing.assert_close(weight.grad, 4 * gradient)


def test_no_second_derivative(stepped: Any) -> None:
    x, y, _ = taught(stepped)
    value = stepped.fused.fused_ssim(x, y)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    assert not slope.requires_grad
    (slope,) = torch.autograd.grad(value * x.sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_what_was_changed_in_between_is_noticed(stepped: Any) -> None:
    x, y, _ = taught(stepped)
    value = stepped.fused.fused_ssim(x, y)
    y.add_(1)
    if stepped.counts.get(BACKWARD):
        value.backward()  # the gradient was there
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            value.backward()


def test_a_refusal_of_the_driver(stepped: Any) -> None:
    x, y, wanted = taught(stepped)
    stepped.counts[-FORWARD] = 1
    value = stepped.fused.fused_ssim(x, y)  # Python did it
    assert value.grad_fn.name() != "FusedSSIM"
    stepped.counts[-BACKWARD] = 1
    (gradient,) = torch.autograd.grad(stepped.fused.fused_ssim(x, y), x)
    torch.testing.assert_close(gradient, wanted[1])


DECLINED: dict[str, Callable[[Any, Any], tuple[Any, ...]]] = {
    "another window": lambda x, y: (x, y, "same", True, 9),
    "nothing to keep": lambda x, y: (x, y, "same", False, 11),
    "an unknown padding": lambda x, y: (x, y, "reflect", True, 11),
    "no gradient": lambda x, y: (x.detach(), y, "same", True, 11),
    "float64": lambda x, y: (x.double(), y.double(), "same", True, 11),
    "three dimensions": lambda x, y: (x[0], y[0], "same", True, 11),
    "another shape": lambda x, y: (x, y[..., :-1].contiguous(), "same", True, 11),
    "not contiguous": lambda x, y: (
        x.contiguous(memory_format=torch.channels_last), y, "same", True, 11,
    ),
    "a shape that is new": lambda x, y: (
        x[..., :-1].contiguous(), y[..., :-1].contiguous(), "same", True, 11,
    ),
    "another device": lambda x, y: (x.to("meta"), y.to("meta"), "same", True, 11),
    "a subclass": lambda x, y: (
        x.as_subclass(type("Mine", (torch.Tensor,), {})), y, "same", True, 11,
    ),
    "no tensor": lambda x, y: (x, 1.0, "same", True, 11),
    "a window beyond numbers": lambda x, y: (x, y, "same", True, 10**40),
    "too few": lambda x, y: (x, y),
}  # fmt: skip


@pytest.mark.parametrize("what", DECLINED)
def test_what_is_pythons(stepped: Any, what: str) -> None:
    x, y, _ = taught(stepped)
    assert stepped.node.mean(*DECLINED[what](x, y)) is None
    with torch.no_grad():
        assert stepped.node.mean(x, y, "same", True, 11) is None
    assert stepped.node.mean(x, y, "same", True, 11) is not None


def test_under_a_transform_it_is_pythons(stepped: Any) -> None:
    x, y, _ = taught(stepped)
    mean = stepped.node.mean

    def step(image: Any) -> Any:
        assert mean(image, y, "same", True, 11) is None
        return image.sum()

    torch.func.grad(step)(x.detach())
    torch.func.vmap(step)(x.detach()[None])


@pytest.mark.parametrize(
    ("module", "flag"),
    [
        ("torch._dynamo.compiled_autograd", "compiled_autograd_enabled"),
        ("torch._dynamo.config", "compiled_autograd"),
    ],
)
def test_a_backward_pass_that_is_compiled_is_pythons(
    stepped: Any, monkeypatch: pytest.MonkeyPatch, module: str, flag: str
) -> None:
    x, y, _ = taught(stepped)
    for name in ("torch._dynamo.compiled_autograd", "torch._dynamo.config"):
        known = types.SimpleNamespace(**({flag: True} if name == module else {}))
        monkeypatch.setitem(sys.modules, name, known)
    assert stepped.fused.fused_ssim(x, y).grad_fn.name() != "FusedSSIM"


def test_one_that_differs_is_refused(stepped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stepped.node.NATIVE.module.mean = lambda x, *_: x.sum()
    x, y = pair()
    stepped.fused.fused_ssim(x, y)
    assert stepped.node.mean is stepped.node._nothing
    assert stepped.fused.launcher() == "Python: a small image came out differently"


ON_A_GPU = """
import threading
import torch
import fused_ssim
from fused_ssim import _node

def step(x, y, padding, factor):
    value = fused_ssim.fused_ssim(x, y, padding)
    (gradient,) = torch.autograd.grad(value * factor, x)
    return value.detach(), gradient, value.grad_fn.name()

for shape in [(1, 3, 545, 980), (2, 1, 12, 70), (1, 1, 11, 11), (1, 3, 2160, 3840)]:
    for padding in ("same", "valid"):
        y = torch.rand(shape, device="cuda")
        x = (0.7 * y + 0.3 * torch.rand_like(y)).requires_grad_()
        wanted = [step(x, y, padding, 1.5) for _ in range(4)][0]
        found = step(x, y, padding, 1.5)
        assert found[2] == "FusedSSIM"
        assert torch.equal(found[0], wanted[0]) and torch.equal(found[1], wanted[1]), shape
assert fused_ssim.launcher() == "C++"

y = torch.rand(1, 3, 545, 980, device="cuda")
x = (0.7 * y + 0.3 * torch.rand_like(y)).requires_grad_()
wanted = step(x, y, "same", 1.0)
failed = []
def work(stream):
    try:
        with torch.cuda.stream(stream):
            for _ in range(200):
                found = step(x, y, "same", 1.0)
                assert torch.equal(found[0], wanted[0]) and torch.equal(found[1], wanted[1])
        stream.synchronize()
    except BaseException as error:
        failed.append(error)
torch.cuda.synchronize()
streams = [torch.cuda.Stream() for _ in range(4)]
threads = [threading.Thread(target=work, args=(stream,)) for stream in streams]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not failed, failed

still = x.detach().clone().requires_grad_()
side = torch.cuda.Stream()
with torch.cuda.stream(side):
    for _ in range(5):
        still.grad = None
        fused_ssim.fused_ssim(still, y).backward()
torch.cuda.synchronize()
still.grad = None
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph, stream=side):
    value = fused_ssim.fused_ssim(still, y)
    value.backward()
with torch.no_grad():
    still.mul_(0.5)
graph.replay()
wanted = step(still.detach().requires_grad_(), y, "same", 1.0)
torch.testing.assert_close(value, wanted[0], rtol=0, atol=0)
torch.testing.assert_close(still.grad, wanted[1], rtol=0, atol=0)
print("done")
"""


@pytest.mark.needs("CUDA GPU", "gcc")
def test_on_a_gpu_as_python(script: Any) -> None:
    done = script("fused_ssim", ON_A_GPU, GPUFIX_FALLBACK_NATIVE="1")
    assert done.stdout.split() == ["done"]


@pytest.mark.needs("CUDA GPU", "gcc")
def test_in_the_background(script: Any) -> None:
    text = """
import time
import torch
import fused_ssim
y = torch.rand(1, 3, 64, 64, device="cuda")
x = torch.rand_like(y).requires_grad_()
names, end = [], time.monotonic() + 200
while "FusedSSIM" not in names[-1:] and time.monotonic() < end:
    value = fused_ssim.fused_ssim(x, y)
    value.backward()
    names.append(value.grad_fn.name())
    if len(names) == 1:
        print(fused_ssim.launcher())
print(names[0] != "FusedSSIM", fused_ssim.launcher())
"""
    done = script("fused_ssim", text)
    assert done.stdout.splitlines() == ["Python: it is being compiled", "True C++"]
    again = script("fused_ssim", text)
    assert again.stdout.splitlines() == ["C++", "True C++"]
    none = script("fused_ssim", text.replace("200", "5"), GPUFIX_FALLBACK_NATIVE="0")
    assert none.stdout.splitlines()[0] == "Python: GPUFIX_FALLBACK_NATIVE=0"

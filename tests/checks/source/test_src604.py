"""SRC604: names of Python packages, CUDA and torch's headers that are gone."""

from __future__ import annotations

from typing import Any

import builders as b
import source_tree as t
from cxx_sources import SETUP, cuda
from rows import ROOT, Fires, Given, Unseen, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source.src604_removed_api import removed_api
from gpufix.model import Severity
from gpufix.model.source_payload import RemovedNameUse

PYTHON = ["replace-removed-name safe"]
CXX = ["replace-removed-cuda safe"]


def py(text: str, numpy: str | None = "2.3.5", **sections: Any) -> Given:
    """a.py, and an environment with this numpy."""
    dists = [b.dist("torchvision", "0.24.0"), *([b.dist("numpy", numpy)] if numpy else [])]
    return t.project({"a.py": text}, **({"distributions": dists} | sections))


def cu(text: str, version: str = "13.0", path: str = "ext.cu", **sections: Any) -> Given:
    """A source that setup.py builds, and CUDA."""
    return t.project({"setup.py": SETUP, "ext.cu": "", path: text}, **(cuda(version) | sections))


def lacks(
    name: str,
    who: str,
    *lines: int,
    gone: str = "does not have",
    path: str = "a.py",
    severity: Severity = ERROR,
) -> Fault:
    return Fault(
        severity,
        path,
        f"{path} uses {name}, which {who} {gone}.",
        evidence=tuple(t.at(path, line, name) for line in lines),
        payload=RemovedNameUse(path, name, lines, "python" if path.endswith(".py") else "cxx"),
    )


def lacking(
    name: str,
    *lines: int,
    who: str = "CUDA 13.0",
    path: str = "ext.cu",
    severity: Severity = ERROR,
) -> Fault:
    return lacks(name, who, *lines, path=path, severity=severity)


def beside(files: dict[str, str], folder: str = "csrc/lib") -> Given:
    """An extension that looks for headers in a folder with a CMake project of its own."""
    setup = SETUP.replace('["ext.cu"]', f'["ext.cu"], include_dirs=["{folder}/include"]')
    cmake = "project(lib CUDA)\nadd_executable(t t.cu)\n"
    found = {"setup.py": setup, "ext.cu": "", f"{folder}/CMakeLists.txt": cmake, **files}
    return t.project(found, **cuda("13.0"))


FLOAT = "import numpy as np\nx = np.float\n"
MAX = "auto m = cub::Max();"
NUMPY = b.dist("numpy", "2.0.2")
CHECK = "void f() { AT_CHECK(1); }\n"
SAYS = "torch-declares:c10/util/Exception.h AT_CHECK"
NO_THC = {"torch-header:THC/THC.h": False}
NO_HEADERS = {**NO_THC, SAYS: False}
THC = """\
#include <THC/THC.h>
extern THCState *state;
cudaStream_t s = THCState_getCurrentStream(state);
void f() { THCudaCheck(THCudaMalloc(state, 4)); }
"""

SILENT = {
    "names that exist": py("import numpy as np\nx = np.float32, np.bool, np.intp\n"),
    "under try": py("try:\n    from torch._six import inf\nexcept ImportError:\n    inf = 0\n"),
    "under a version": py("import numpy as np\nif np.__version__ < '1.24':\n    x = np.float\n"),
    "under hasattr": py("import numpy as np\nx = np.float if hasattr(np, 'float') else float\n"),
    "only where the newer name is not there": py(
        "import numpy as np\nf = getattr(np, 'trapezoid', None) or np.trapz\n"
    ),
    "a version asked before": py(
        "import numpy as np\nold = np.__version__ < '1.24'\nif old and y:\n    x = np.float\n"
    ),
    "where what was tried worked": py(
        "import numpy as np\ntry:\n    import a\n    old = True\nexcept ImportError:\n"
        "    old = False\nx = np.float if old else float\n"
    ),
    "where a function tried and it worked": py(
        "import torch\ndef old():\n    try:\n        torch.nn.backends.thnn\n"
        "        return True\n    except AttributeError:\n        return False\n"
        "if old():\n    x = torch.nn._functions.thnn\n"
    ),
    "another np": py("np = object()\nx = np.float\n"),
    "another total_mem": py("import torch\nx = stats().total_mem\n"),
    "numpy still has it": py(FLOAT, "1.23.5"),
    "numpy has it again": py("import numpy as np\nx = np.bool\n", "2.0.0"),
    "no numpy": py(FLOAT, None),
    "no torch": Unseen(py("from torch._six import inf\n", torch=None), [f"{ROOT}/a.py"]),
    "no environment": Unseen(py(FLOAT, None, python=None), [f"{ROOT}/a.py"]),
    "torch's release is not known": py("from torch._six import inf\n", torch=b.torch(release=None)),
    "torch still has it": py("from torch._six import inf\n", torch=b.torch("1.13.1+cu117")),
    "CUDA: guarded": cu(f"#if CUDART_VERSION >= 13000\nint m;\n#else\n{MAX}\n#endif\n"),
    "CUDA: guarded by CUB's own version": cu(f"#if CUB_VERSION < 300000\n{MAX}\n#endif\n"),
    "CUDA: guarded by nvcc's": cu(f"#if __CUDACC_VER_MAJOR__ < 13\n{MAX}\n#endif\n"),
    "torch: a guard that nobody knows": cu(
        f"#ifdef WITH_OLD_TORCH\n{CHECK}#endif\n", answers=NO_HEADERS
    ),
    "CUDA: what the project defines itself": t.project(
        {
            "setup.py": SETUP,
            "ext.cu": '#include "compat.h"\n__global__ void k(float* o) { o[0] = __shfl(o[0], 1); }\n'
            "thrust::identity<int> i; int m = CUB_MAX(1, 2);\n",
            "compat.h": "#define CUB_MAX(a, b) 1\nnamespace thrust { template <class T> struct identity; }\n"
            "__device__ inline float __shfl(float v, int i) { return v; }\n",
        },
        **cuda("13.0"),
    ),
    "CUDA: a project of HIP's alone": t.project(
        {
            "setup.py": SETUP,
            "ext.cu": '#include "ours.h"\n__device__ float f(float v) { return __shfl_xor(v, 1); }\n',
            "ours.h": "#include <hip/hip_runtime.h>\n",
        },
        **cuda("13.0"),
    ),
    "CUDA: a header beside another maker's sources": t.project(
        {
            "setup.py": SETUP,
            "ext.cu": "",
            "moore/a.mu": '#include "max.h"\n',
            "moore/max.h": "#include <cub/cub.cuh>\ncub::Max m;\n",
        },
        **cuda("13.0"),
    ),
    "CUDA: a header that HIP may compile": t.project(
        {
            "setup.py": SETUP,
            "ext.cu": '#include "hip/warp.h"\n',
            "hip/warp.h": "__device__ float f(float v) { return __shfl_xor(v, 1); }\n",
        },
        **cuda("13.0"),
    ),
    "CUDA: the calls of today": cu(
        "void f(void* p, cudaMemLocation l) {\n  cudaMemPrefetchAsync(p, 4, l, 0);\n"
        "  cudaMemPrefetchAsync(p, 4, l, 0, 0);\n  cudaMemAdvise(p, 4, cudaMemAdviseSetReadMostly, l);\n"
        "  cudaMemAdvise(p, 4, cudaMemAdviseSetReadMostly, {cudaMemLocationTypeDevice, 0});\n"
        "  cuCtxCreate(&c, nullptr, 0, d);\n  cub::DeviceReduce::Sum(t, n, i, o, 4, s);\n}\n"
        "using B = cub::BlockReduce<int, 128, cub::BLOCK_REDUCE_RAKING, (1 > 0), 1>;\n"
    ),
    "CUDA: an argument of which nobody tells": cu(
        "void f(void* p, L l) { cudaMemPrefetchAsync(p, 4, l, 0); cudaMemAdvise(p, 4, a, l.id()); }\n"
    ),
    "CUDA: what is not gone": cu(
        "#include <cub/thread/thread_operators.cuh>\n#include <device_functions.h>\n"
        "cub::ArgMax a; cub::CacheModifiedInputIterator<cub::LOAD_LDG, int> i(p);\n"
        "thrust::maximum<int> m; thrust::plus<int>::result_type r; double4 d; cub::TexObjInputIterator<int> t;\n"
        "void f() { cudaMemcpyToArray(a, 0, 0, p, 4, k); cudaFuncSetSharedMemConfig(g, c); }\n"
        "__global__ void g() { cub::BFE(1u, 2u, 3u); __syncwarp(); __shfl_sync(m, v, 1); }\n"
    ),
    "torch: what is not gone": cu(
        "c10::optional<int> o; float* p = x.data<float>(); AT_ASSERT(1); AT_ERROR(2); x.packed_accessor<float, 1>();\n"
    ),
    "CUDA: older": cu(MAX, "12.9"),
    "CUDA: older, fields": cu("cudaDeviceProp p;\nint a = p.clockRate;", "12.9"),
    "CUDA: older, textures": cu("void f() { cudaBindTexture(0, t, p); }", "11.8"),
    "CUDA: in a comment": cu(f"// {MAX}\n"),
    "numpy's flags, with a numpy that has them": cu("int f = NPY_IN_ARRAY;", distributions=[NUMPY]),
    "numpy's flags, without numpy": cu("int f = NPY_IN_ARRAY;"),
    "CUDA: in a text": cu('const char* s = "cub::Max()";'),
    "CUDA: members of the same name": cu(
        "using R = cub::WarpReduce<int>; R(t).Max(1); cub::ArgMax a;"
    ),
    "CUDA: a struct's own clock": cu("struct P { int clockRate; } p; int a = p.clockRate;"),
    "CUDA: other functions": cu("void cudaThreadSynchronizeAll(); self.cudaThreadExit();"),
    "CUDA: a header of the project's own": cu('#include "thrust/optional.h"\n'),
    "CUDA: carried along": cu(MAX, path="third_party/x/a.cu"),
    "CUDA: a test of a project whose headers alone are used": beside({"csrc/lib/t.cu": MAX}),
    "CUDA: no toolkit, no torch": Unseen(cu(MAX, toolkits=[], torch=None), [f"{ROOT}/ext.cu"]),
    "CUDA: no toolkit, no torch, and nothing that went": cu(
        "cub::DeviceScan s;\n", toolkits=[], torch=None
    ),
    "CUDA: a toolkit without a version, torch for the CPU": cu(
        MAX, toolkits=[b.toolkit(None)], torch=b.torch("2.13.0+cpu")
    ),
    "ROCm": cu(MAX, torch=b.torch("2.9.0+rocm6.4")),
    "torch: its headers have it": cu(
        f"#include <THC/THC.h>\n{CHECK}", answers={"torch-header:THC/THC.h": True, SAYS: True}
    ),
    "torch: not here": Unseen(
        cu(f"#include <THC/THC.h>\n{CHECK}", torch=None, answers=NO_HEADERS), [f"{ROOT}/ext.cu"]
    ),
    "torch: not a header": cu(
        "#include <ATen/cuda/x.inc>\n", answers={"torch-header:ATen/cuda/x.inc": False}
    ),
    "torch: a CPU build has none of CUDA's": cu(
        "#include <ATen/cuda/X.h>\n",
        torch=b.torch("2.13.0+cpu"),
        answers={"torch-header:ATen/cuda/X.h": False},
    ),
    "THC's atomics, which torch still has": cu(
        "#include <THC/THCAtomics.cuh>\n",
        answers={**NO_THC, "torch-header:THC/THCAtomics.cuh": True},
    ),
    "a THCState of one's own": cu("struct THCState {};\nTHCState* state;\n", answers=NO_THC),
    "THC as it was mended": cu("extern struct THCState *state;\n", answers=NO_THC),
    "torch: no headers of it here": Unseen(
        cu(f"#include <THC/THC.h>\n{CHECK}"), ["THC/THC.h", "c10/util/Exception.h AT_CHECK"]
    ),
}

FIRING = {
    "torch._six": Fires(
        py("import os\nfrom torch._six import inf\n"), lacks("torch._six", "torch 2.9.0", 2)
    ),
    "total_mem": Fires(
        py("import torch\np = torch.cuda.get_device_properties(0)\nx = p.total_mem\n"),
        lacks("torch.cuda.get_device_properties().total_mem", "torch 2.9.0", 3),
        offers=PYTHON,
    ),
    "np.float": Fires(
        py("import numpy as np\nx = np.zeros(3, np.float)\n"),
        lacks("numpy.float", "numpy 2.3.5", 2),
        offers=PYTHON,
    ),
    "np.float, the first numpy without": Fires(
        py(FLOAT, "1.24.0"), lacks("numpy.float", "numpy 1.24.0", 2), offers=PYTHON
    ),
    "several names, lines in order": Fires(
        py("import numpy as np\ndef f():\n    return np.NaN\nx = np.NaN, np.NaN, np.float\n"),
        [lacks("numpy.NaN", "numpy 2.3.5", 3, 4), lacks("numpy.float", "numpy 2.3.5", 4)],
        offers=PYTHON,
    ),
    "under an option, a constant and a function that test nothing": Fires(
        py(
            "import numpy as np\ndef f():\n    return y\nuse = True\n"
            "if use and f() and getattr(args, 'old', False):\n    x = np.float or getattr(np, 'a', 0)\n"
        ),
        lacks("numpy.float", "numpy 2.3.5", 6),
        offers=PYTHON,
    ),
    "functional_tensor": Fires(
        py("from torchvision.transforms.functional_tensor import rgb_to_grayscale\n"),
        lacks("torchvision.transforms.functional_tensor", "torchvision 0.24.0", 1),
    ),
    "kept, and only raises": Fires(
        py("import torch\nx = torch.symeig(y)\n"),
        lacks("torch.symeig", "torch 2.9.0", 2, gone="keeps only to raise RuntimeError"),
    ),
    "CUDA: a header of a project whose headers alone are used": Fires(
        beside({"csrc/lib/include/m.cuh": MAX, "ext.cu": '#include "m.cuh"\n'}),
        lacking("cub::Max", 1, path="csrc/lib/include/m.cuh"),
        offers=CXX,
    ),
    "CUDA: a project that another CMake build adds": Fires(
        beside(
            {"csrc/lib/t.cu": MAX, "CMakeLists.txt": "project(d)\nadd_subdirectory(csrc/lib)\n"}
        ),
        lacking("cub::Max", 1, path="csrc/lib/t.cu"),
        offers=CXX,
    ),
    "CUDA: a project of whose sources some are built": Fires(
        beside(
            {
                "csrc/lib/t.cu": MAX,
                "setup.py": SETUP.replace(
                    '["ext.cu"]', '["csrc/lib/t.cu"], include_dirs=["csrc/lib/include"]'
                ),
            }
        ),
        lacking("cub::Max", 1, path="csrc/lib/t.cu"),
        offers=CXX,
    ),
    "cub::Max": Fires(cu(f"\n{MAX}\n"), lacking("cub::Max", 2), offers=CXX),
    "cub::Max, a later CUDA": Fires(
        cu(MAX, "13.1"), lacking("cub::Max", 1, who="CUDA 13.1"), offers=CXX
    ),
    "cub::Sum": Fires(cu("\n\ncub::Sum sum;"), lacking("cub::Sum", 3), offers=CXX),
    "numpy's flags": Fires(
        cu("int f = NPY_IN_ARRAY;", distributions=[b.dist("numpy", "2.3.5")]),
        lacking("NPY_IN_ARRAY", 1, who="numpy 2.3.5"),
        offers=CXX,
    ),
    "numpy's functions": Fires(
        cu("void* f(int* d) { return PyArray_FromDims(1, d, 3); }", distributions=[NUMPY]),
        lacking("PyArray_FromDims", 1, who="numpy 2.0.2"),
    ),
    "numpy's headers": Fires(
        cu("#include <numpy/noprefix.h>\n", distributions=[NUMPY]),
        lacking("<numpy/noprefix.h>", 1, who="numpy 2.0.2"),
    ),
    "cub::Max and cub::Sum, of one block": Fires(
        cu("cub::Sum s;\ncub::Max m;\ncub::Sum t;\n"),
        Fault(
            ERROR,
            "ext.cu",
            "ext.cu uses cub::Sum and cub::Max, which CUDA 13.0 does not have.",
            evidence=(
                t.at("ext.cu", 1, "cub::Sum"),
                t.at("ext.cu", 2, "cub::Max"),
                t.at("ext.cu", 3, "cub::Sum"),
            ),
            payload=RemovedNameUse("ext.cu", "cub::Sum", (1, 2, 3), "cxx", ("cub::Max",)),
        ),
        offers=CXX,
    ),
    "an iterator": Fires(
        cu("cub::CountingInputIterator<int> it(0);"),
        lacking("cub::CountingInputIterator", 1),
        offers=CXX,
    ),
    "a function": Fires(
        cu("void f() { cudaThreadSynchronize(); }"),
        lacking("cudaThreadSynchronize", 1),
        offers=CXX,
    ),
    "a function, twice in a line": Fires(
        cu("void f() { cudaThreadExit(); cudaThreadExit();\n cudaThreadExit(); }"),
        lacking("cudaThreadExit", 1, 2),
        offers=CXX,
    ),
    "a guard that nobody knows": Fires(
        cu(f"#ifdef WITH_OLD_CUB\n{MAX}\n#endif\n"),
        Fault(
            ADVICE,
            "ext.cu",
            "ext.cu may use cub::Max, which CUDA 13.0 does not have: only a build decides the condition"
            " around it.",
            evidence=(t.at("ext.cu", 2, "cub::Max"),),
            payload=RemovedNameUse("ext.cu", "cub::Max", (2,), "cxx"),
        ),
    ),
    "thrust": Fires(
        cu("thrust::identity<int> f;\nstruct F : thrust::unary_function<int, int> {};\n"),
        [lacking("thrust::identity", 1), lacking("thrust::unary_function", 2)],
        offers=CXX,
    ),
    "a call with the arguments of before": Fires(
        cu(
            "void f(void* p, int n, int dev) {\n  cudaMemPrefetchAsync(p, n, 0, 0);\n"
            "  cudaMemPrefetchAsync(p, n, dev);\n  cudaMemAdvise(p, n, cudaMemAdviseSetReadMostly, dev);\n}\n"
        ),
        [lacking("cudaMemPrefetchAsync(…)", 2, 3), lacking("cudaMemAdvise(…)", 4)],
        offers=CXX,
    ),
    "a last argument that is gone": Fires(
        cu("void f() { cub::DeviceScan::InclusiveSum(t, n, i, o, 4, s, false); }\n"),
        lacking("cub::DeviceScan(…)", 1),
    ),
    "a template's argument that is gone": Fires(
        cu("typedef cub::WarpReduce<int, 32, 750> W;\n"), lacking("cub::WarpReduce<…>", 1)
    ),
    "a header with another name": Fires(
        cu("#include <nvToolsExt.h>\n"), lacking("<nvToolsExt.h>", 1), offers=CXX
    ),
    "a header and what it declares": Fires(
        cu(
            "#include <cub/iterator/counting_input_iterator.cuh>\n#include <cub/cub.cuh>\n"
            "cub::CountingInputIterator<int> it(0);\n"
        ),
        [
            lacking("cub::CountingInputIterator", 3),
            lacking("<cub/iterator/counting_input_iterator.cuh>", 1),
        ],
        offers=CXX,
    ),
    "a field with another name": Fires(
        cu("int f(cudaPointerAttributes a) { return a.memoryType; }\n"),
        lacking("cudaPointerAttributes::memoryType", 1),
        offers=CXX,
    ),
    "texture references": Fires(
        cu("texture<float, 2, cudaReadModeElementType> t;\n"), lacking("texture<…>", 1)
    ),
    "of a torch header that is gone": Fires(
        cu("c10::variant<int> v;\n", answers={"torch-header:c10/util/variant.h": False}),
        lacking("c10::variant", 1, who="torch 2.13.0+cu130"),
    ),
    "textures": Fires(
        cu("void f() { cudaBindTexture(0, t, p); }", "12.4"),
        lacking("cudaBindTexture", 1, who="CUDA 12.4"),
    ),
    "a field": Fires(
        cu("cudaDeviceProp p;\nint a = p.clockRate;"), lacking("cudaDeviceProp::clockRate", 2)
    ),
    "fields of one structure, one cause": Fires(
        cu("cudaDeviceProp p;\nint a = p.clockRate;\nint b = p.memoryClockRate;"),
        Fault(
            ERROR,
            "ext.cu",
            "ext.cu uses cudaDeviceProp::clockRate and cudaDeviceProp::memoryClockRate, which CUDA 13.0"
            " does not have.",
            evidence=(
                t.at("ext.cu", 2, "cudaDeviceProp::clockRate"),
                t.at("ext.cu", 3, "cudaDeviceProp::memoryClockRate"),
            ),
            payload=RemovedNameUse(
                "ext.cu",
                "cudaDeviceProp::clockRate",
                (2, 3),
                "cxx",
                ("cudaDeviceProp::memoryClockRate",),
            ),
        ),
    ),
    "a field that nothing replaces, by itself": Fires(
        cu("cudaDeviceProp p;\nint a = p.clockRate;\nint b = p.cooperativeMultiDeviceLaunch;"),
        [
            lacking("cudaDeviceProp::clockRate", 2),
            lacking("cudaDeviceProp::cooperativeMultiDeviceLaunch", 3),
        ],
    ),
    "a header": Fires(cu("#include <thrust/optional.h>\n"), lacking("<thrust/optional.h>", 1)),
    "in a header that a source includes": Fires(
        t.project(
            {"setup.py": SETUP, "ext.cu": '#include "a/max.cuh"\n', "a/max.cuh": f"{MAX}\n"},
            **cuda("13.0"),
        ),
        lacking("cub::Max", 1, path="a/max.cuh"),
        offers=CXX,
    ),
    "no build file names the source": Fires(
        cu(MAX, path="sample.cu"),
        lacking("cub::Max", 1, path="sample.cu", severity=WARNING),
        offers=CXX,
    ),
    "no toolkit: CUDA is torch's": Fires(
        cu(MAX, toolkits=[]), lacking("cub::Max", 1, severity=ADVICE), offers=CXX
    ),
    "a toolkit without a version: CUDA is torch's": Fires(
        cu(MAX, toolkits=[b.toolkit(None)]), lacking("cub::Max", 1, severity=ADVICE), offers=CXX
    ),
    "a toolkit without torch": Fires(cu(MAX, torch=None), lacking("cub::Max", 1), offers=CXX),
    "torch's headers": Fires(
        cu(
            f'{CHECK}#include "ATen/cuda/X.h"\n#include <THC/THC.h>\n',
            toolkits=[],
            answers=NO_HEADERS | {"torch-header:ATen/cuda/X.h": False},
        ),
        [
            lacking("AT_CHECK", 1, who="torch 2.13.0+cu130"),
            lacking("<ATen/cuda/X.h>", 2, who="torch 2.13.0+cu130"),
            lacking("<THC/THC.h>", 3, who="torch 2.13.0+cu130"),
        ],
        offers=CXX,
    ),
    "THC, one cause": Fires(
        cu(THC, answers=NO_THC),
        Fault(
            ERROR,
            "ext.cu",
            "ext.cu uses <THC/THC.h>, THCState, THCState_getCurrentStream, THCudaCheck and THCudaMalloc,"
            " which torch 2.13.0+cu130 does not have.",
            evidence=(
                t.at("ext.cu", 1, "<THC/THC.h>"),
                t.at("ext.cu", 2, "THCState"),
                t.at("ext.cu", 3, "THCState_getCurrentStream"),
                t.at("ext.cu", 4, "THCudaCheck"),
                t.at("ext.cu", 4, "THCudaMalloc"),
            ),
            payload=RemovedNameUse(
                "ext.cu",
                "<THC/THC.h>",
                (1, 2, 3, 4),
                "cxx",
                ("THCState", "THCState_getCurrentStream", "THCudaCheck", "THCudaMalloc"),
            ),
        ),
        offers=CXX,
    ),
    "THC's tensors": Fires(
        cu("float* f(THCudaTensor* x);\n", answers=NO_THC),
        lacking("other names of THC", 1, who="torch 2.13.0+cu130"),
    ),
    "torch's headers, a CPU build": Fires(
        cu(
            CHECK + "#include <TH/TH.h>\n",
            torch=b.torch("2.13.0+cpu"),
            answers={"torch-header:TH/TH.h": False, SAYS: False},
        ),
        [
            lacking("AT_CHECK", 1, who="torch 2.13.0+cpu"),
            lacking("<TH/TH.h>", 2, who="torch 2.13.0+cpu"),
        ],
        offers=CXX,
    ),
    "torch's headers, no build file names the source": Fires(
        cu(CHECK, path="sample.cu", answers={SAYS: False}),
        lacking("AT_CHECK", 1, who="torch 2.13.0+cu130", path="sample.cu", severity=WARNING),
        offers=CXX,
    ),
    "beside a file that is fine": Fires(
        t.project(
            {"a.py": "import numpy as np\n", "b.py": FLOAT}, distributions=[b.dist("numpy", "2.0")]
        ),
        lacks("numpy.float", "numpy 2.0", 2, path="b.py"),
        offers=PYTHON,
    ),
}

test_silent, test_firing = rows(removed_api, SILENT, FIRING)

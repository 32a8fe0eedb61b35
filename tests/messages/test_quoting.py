"""Documents that quote errors are asked which one the reader has; reports of people are answered."""

from __future__ import annotations

import pytest
from test_messages import HERE, UNSEEN, texts, tomllib

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain

MEASURED = tomllib.loads((HERE / "quoting.toml").read_text("utf-8"))["document"]
QUOTED = "quoted-errors"

# Documents as projects write them.
DOCUMENTS = {
    "a guide in Chinese": """# 安装

- 注意:
   - 我们提供了预先构建的安装包。如果您的环境报如下错误：
     ```bash
     Traceback (most recent call last):
     ImportError: libcudart.so.12: cannot open shared object file: No such file or directory
     ```
     请安装另一个包:
     ```bash
     pip install heater-cpu
     ```

## 编译选项

建议使用下面的选项。
""",
    "a changelog of years": "## 0.1.0\n\n### Fixed\n\n"
    + "- Document the new heater of the year (#12) [@somebody](https://example.org)\n" * 1500
    + "- Document that the minimum required CMake version is now 3.23.1 ([#13](https://example.org))\n",
    "a list of troubles": """# Example detector

## Troubleshooting

- **`ModuleNotFoundError: No module named 'mmcv.ops'`**: the lite edition of mmcv is installed. Install the full one.
- **`RuntimeError: CUDA error: no kernel image is available for execution on the device`**: build the extension
  for your GPU, see [building](docs/build.md).
- **`ImportError: libGL.so.1: cannot open shared object file`**: install `libgl1`.
""",
    "release notes": """## 1.4.0

### Fixed
- `undefined symbol: _ZN3c104cuda9SetDeviceEi` with the wheels for torch 2.6 (#112)
- The demo no longer ends with `RuntimeError: CUDA out of memory` on 8 GB (#120)
- `fatal error: cuda_runtime.h: No such file or directory` when CUDA_HOME is not set (#131)

### Added
- Wheels for Python 3.13
""",
    "questions and answers": """## Frequently asked questions

### `OSError: CUDA_HOME environment variable is not set`

Install the CUDA toolkit, or set the variable to the folder in which it lies.

### `ninja: build stopped: subcommand failed`

The reason stands above this line. If the compiler was killed, set `MAX_JOBS=2`.
""",
    "a form for reports": """---
name: Bug report
about: Something does not work
---

<!-- Before you report: if you see "CUDA_HOME environment variable is not set", install the CUDA toolkit first. -->

### Describe the bug

### To reproduce

### Environment
""",
    "an installation guide": """### Building from source

You need the CUDA toolkit and a C++ compiler:

```bash
pip install -v --no-build-isolation .
```

If you get `ModuleNotFoundError: No module named 'torch'`, the build ran in isolation: pass the option above. If you
see `unsupported GNU version! gcc versions later than 13 are not supported!`, choose an older compiler with `CC`.

See also the [wiki](https://example.org/wiki).
""",
}

# What people write of themselves, with what a program printed: (rule, text).
REPORTS = (
    (
        "SYM404",
        """### 问题描述

大佬，我按照说明安装，如果运行就报错，请问怎么解决？

- 系统: Ubuntu
- 显卡: 4090

### 错误日志

RuntimeError: operator torchvision::nms does not exist""",
    ),
    (
        "SYM404",
        """Hi, I installed everything as the README says but the demo fails:

```
Traceback (most recent call last):
  File "demo.py", line 3, in <module>
    import torchvision
RuntimeError: operator torchvision::nms does not exist
```

What can I do?""",
    ),
    (
        "GPU101",
        """### Describe the bug
Running the training script stops with this error.

### To Reproduce
1. Clone the repository
2. `pip install -r requirements.txt`
3. `python train.py`

### Logs
```shell
RuntimeError: CUDA error: no kernel image is available for execution on the device
```

### Environment
- OS: Ubuntu 22.04
- GPU: RTX 5090
- torch 2.5.1+cu124""",
    ),
    (
        "GPU105",
        """## Problem

After updating the driver, `import torch` works, but the first call does not:

    RuntimeError: The NVIDIA driver on your system is too old (found version 11040).

- GPU: A100
- **Driver**: 470.82""",
    ),
    (
        "SRC606",
        """pip install flash-attn stops here, torch 2.9 is installed:

ModuleNotFoundError: No module named 'torch'
error: subprocess-exited-with-error

Please help""",
    ),
    (
        "SYM401",
        """When running on a 4090 with the latest release you get

ImportError: /opt/x/_C.cpython-310-x86_64-linux-gnu.so: undefined symbol: _ZN3c104cuda9SetDeviceEi

Any ideas? Tried reinstalling, did not help.""",
    ),
    (
        "RUN806",
        """**Describe the issue**

Training crashes after some steps.

**Error**

```
torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.69 GiB total capacity)
```

**Setup**: 2x 4090, see [config](https://example.org/x.yaml)""",
    ),
    (
        "TCH205",
        """# Build fails on Fedora 42

`pip install .` prints

```
/usr/local/cuda/include/crt/host_config.h:143:2: error: #error -- unsupported GNU version! gcc versions later than 13 are not supported!
```

nvcc is 12.6, gcc is 15.""",
    ),
    (
        "TCH204",
        """Following the install guide (step 4, "build the extension") the compiler says "fatal error: cuda_runtime.h: No such file or directory". CUDA 12.4 is installed under /opt/cuda.""",
    ),
    (
        "GPU106",
        """We tried the docker image on our cluster. Output:

docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].

You can reproduce this with `docker run --gpus all image`.""",
    ),
    (
        "TCH206",
        """$ make
nvcc fatal   : Unsupported gpu architecture 'compute_120'
make: *** [Makefile:12: all] Error 1

Do you need a newer toolkit for this? If so, which one? Thanks""",
    ),
    (
        "WHL505",
        """#### What happened
- installed torch 2.8.0
- installed xformers 0.0.28
- started ComfyUI

```
WARNING[XFORMERS]: xFormers can't load C++/CUDA extensions. xFormers was built for:
    PyTorch 2.5.1+cu124 with CUDA 1204 (you have 2.8.0+cu128)
    Python  3.11.9 (you have 3.11.9)
  Please reinstall xformers (see https://github.com/facebookresearch/xformers#installing-xformers)
```""",
    ),
    (
        "TCH205",
        """The build on the runner fails. See the log:

  Building wheel for pytorch3d (setup.py) ... error
  error: command '/usr/bin/nvcc' failed with exit code 1
  /usr/include/c++/13/bits/std_function.h:435:145: error: parameter packs not expanded with '...':

I already checked the FAQ, where it says to "make sure your gcc is old enough", but you can see gcc is 11 here.""",
    ),
    (
        "GPU101",
        """# ComfyUI Error Report
## Error Details
- **Node ID:** 3
- **Node Type:** KSampler
- **Exception Type:** RuntimeError
- **Exception Message:** CUDA error: no kernel image is available for execution on the device
## Stack Trace
```
  File "/app/ComfyUI/execution.py", line 323, in execute
    output_data = get_output_data(obj, input_data_all)
  File "/app/ComfyUI/comfy/ops.py", line 96, in forward
    return torch.nn.functional.linear(input, weight, bias)
```
## System Information
- **ComfyUI Version:** 0.3.10
- **Pytorch Version:** 2.5.1+cu124
## Attached Workflow
Please make sure that workflow does not contain any sensitive information such as API keys or passwords.
## Additional Context
(Please add any additional context or steps to reproduce the error here)""",
    ),
    (
        "TCH206",
        """##[section]Starting: Build wheel
##[command]python -m build
- Installing build dependencies
- Getting requirements
##[warning]You should set TORCH_CUDA_ARCH_LIST to avoid compiling for all visible cards
  /usr/include/c++/14/x.h: note: in instantiation
nvcc fatal   : Unsupported gpu architecture 'compute_120'
##[error]Process completed with exit code 1.
##[section]Finishing: Build wheel""",
    ),
    (
        "RUN806",
        """### Loading: ComfyUI-Manager (V2.55.5)
### ComfyUI Revision: 2801 [8afb97cd] | Released on '2024-11-06'

WARNING: You need pytorch with cu121 or higher to use optimized CUDA operations.

Import times for custom nodes:
   0.0 seconds: /app/custom_nodes/websocket_image_save.py

RuntimeError: Attempting to run cuBLAS, but there was no current CUDA context!
torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.
""",
    ),
    (
        "TCH201",
        """**Bug**: demo.py does not start on Windows 11

1. Installed the requirements
2. Started the demo

The output is

AssertionError: Torch not compiled with CUDA enabled

**Version**: main, Python 3.11""",
    ),
    (
        "WHL510",
        """> I get `ImportError: libcudart.so.11.0: cannot open shared object file: No such file or directory`

Same here. On torch 2.3.0+cu121:

```
ImportError: libcudart.so.11.0: cannot open shared object file: No such file or directory
```

- pip list: [gist](https://gist.github.com/x/1)""",
    ),
    (
        "SRC606",
        """## Summary

`pip install -e .` fails in a fresh venv (uv 0.5), see the [full log](https://example.org/log).

```text
  × Failed to build `flash-attn==2.7.4`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)
      ModuleNotFoundError: No module named 'torch'
```

## Notes

- torch is in the environment
- `--no-build-isolation` was not given""",
    ),
    (
        "SYM404",
        """= Test run =
ImportError while loading conftest '/app/tests/conftest.py'.
tests/conftest.py:3: in <module>
    import torchvision
/usr/lib/python3/torchvision/_meta_registrations.py:163: in <module>
    @torch.library.register_fake("torchvision::nms")
E   RuntimeError: operator torchvision::nms does not exist
=========================== short test summary info ============================
You can rerun with -v to see more.""",
    ),
    (
        "TCH205",
        """Env:
* Ubuntu 24.04
* gcc 14.2
* nvcc 12.4

Command: `python setup.py install`

Result: error: #error -- unsupported GNU version! gcc versions later than 13 are not supported!

What is the right way to fix this?""",
    ),
    (
        "TCH204",
        """Step 3 of the [install guide](https://example.org/install) ("Build the extension") ends with

`/usr/bin/ld: cannot find -lcudart: No such file or directory`

CUDA 12.4 was installed with the runfile; the libraries are in /opt/cuda/lib64.

**Expected**: the guide says which variable to set.""",
    ),
)


def primary(text: str) -> Explanation | None:
    answer, _ = explain([text.encode()])
    return answer.primary if answer.recognised else None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_quotes_errors_is_given_no_cause(name: str) -> None:
    answer = primary(DOCUMENTS[name])
    assert answer is not None and answer.id == QUOTED and answer.rule is None


def test_the_answer_to_a_document_names_what_it_quotes_and_asks() -> None:
    answer = primary(DOCUMENTS["a list of troubles"])
    assert answer is not None
    assert "Which one do you have?" in answer.what
    assert any("mmcv.ops" in note for note in answer.notes)


def test_a_sentence_that_says_whom_it_concerns_is_quoted_even_alone() -> None:
    answer = primary("If you get `Torch not compiled with CUDA enabled`, reinstall torch.")
    assert answer is not None and answer.id == QUOTED


@pytest.mark.parametrize("name", ["seen", *UNSEEN])
def test_no_error_text_is_taken_for_a_document(name: str) -> None:
    taken = [t.id for t in texts(name) if (one := primary(t.text)) and one.id == QUOTED]
    assert not taken


@pytest.mark.parametrize(("rule", "text"), REPORTS, ids=range(len(REPORTS)))
def test_a_report_with_prose_around_is_answered(rule: str, text: str) -> None:
    one = primary(text)
    assert one is not None and one.rule == rule


def test_the_documents_that_were_measured_can_be_found() -> None:
    assert len({document["id"] for document in MEASURED}) == len(MEASURED) >= 100
    for document in MEASURED:
        assert document["source"].startswith("https://")
        assert document["kind"] in ("readme", "release notes", "troubleshooting", "issue template")

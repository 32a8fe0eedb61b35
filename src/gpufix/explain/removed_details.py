"""What CUDA, CCCL, torch or numpy took away, as compilers complain of it: the row of that name."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, Told
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import removed_apis
from gpufix.knowledge.removed_apis import Removed

_CALLS = ("arguments", "trailing", "template")
_ECHO = 600  # characters of the source that a compiler shows below its message
_LACKING = re.compile(
    r"namespace \W{0,3}(?P<space>thrust|cub|cuda)\W{0,3} has no member (?:class )?\W{0,3}(?P<name>\w+)"
)
# Names of Thrust whose header is not called like them.
_OF_THRUST = {
    "get": "tuple.h", "tuple": "tuple.h", "make_tuple": "tuple.h", "tie": "tuple.h", "tuple_element": "tuple.h", "tuple_size": "tuple.h",
    "pair": "pair.h", "make_pair": "pair.h", "distance": "distance.h", "advance": "advance.h", "swap": "swap.h",
    "raw_pointer_cast": "device_ptr.h", "plus": "functional.h", "multiplies": "functional.h", "greater": "functional.h", "less": "functional.h",
    "equal_to": "functional.h", "seq": "execution_policy.h", "minmax_element": "extrema.h", "min_element": "extrema.h",
    "inner_product": "inner_product.h", "iterator_traits": "iterator/iterator_traits.h", "zip_function": "zip_function.h",
}  # fmt: skip
_REST_OF_THC = "other names of THC"  # its row: those without one of their own
_VERSION = re.compile(r"_v\d\b")  # cuda.h: #define cuCtxCreate cuCtxCreate_v4


def removed_name(explanation: Explanation, _: Hit) -> Explanation:
    """The name in the message, where it is one that the table has."""
    row = _named(explanation.shown, calls=False)
    if row:
        return _told(explanation, row)
    rest = removed_apis.removed()[_REST_OF_THC]
    if of_thc := re.search(rest.pattern, explanation.shown):
        return _told(explanation, rest, of_thc[1])
    lacking = _LACKING.search(explanation.shown)
    if lacking is None:
        return explanation
    space, name = lacking["space"], lacking["name"]
    if space == "thrust" and (header := _OF_THRUST.get(name)):
        return explanation.but(
            rule="SRC603",
            what=f"The source uses thrust::{name} without its header, which older toolkits brought along.",
            do=f"Insert `#include <thrust/{header}>` in the file that uses it (or take a newer release of the source).",
        )
    return explanation.but(
        do=f"Include the name's own header (<{space}/{name}.h> or the one that its documentation names): "
        f"older toolkits brought it along. Where it is gone, use its successor in cuda:: or cuda::std (a "
        "newer release of the source does), or build with an older toolkit."
    )


def changed_call(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The call that the compiler shows below, where its arguments have changed; else no message of ours."""
    row = _named(_VERSION.sub("", f"{explanation.shown}\n{hit.after[:_ECHO]}"), calls=True)
    if row is None and "emLocation" in explanation.shown:
        return (_NEWER if _FROM.search(explanation.shown) else _OLDER).of(explanation)
    return _told(explanation, row) if row else None


_FROM = re.compile(r"(?:from|function from) ['\"]C?U?(?:cudaM|m)emLocation")
_OLDER = Told(
    "A number is given where CUDA 13 takes a cudaMemLocation (cudaMemPrefetchAsync, cudaMemAdvise): the source was written for CUDA 12.",
    "The source's newest release, or a toolkit of CUDA 12. In a source of your own: `cudaMemLocation{cudaMemLocationTypeDevice, device}` and a "
    "stream after flags, below `#if CUDART_VERSION >= 13000`.",
)
_NEWER = Told(
    "The source gives a cudaMemLocation, as CUDA 13 takes it (cudaMemPrefetchAsync, cudaMemAdvise), to a toolkit that takes a device's number: it is older.",
    "Build with a newer CUDA toolkit (13.0; the functions with _v2 in their name take one from 12.2 on), or an older release of the source. In a source of your own: the "
    "number of the device below `#if CUDART_VERSION < 13000`.",
)


def removed_header(explanation: Explanation, name: str) -> Explanation | None:
    """A header that is gone; None = the table has none of that name."""
    row = removed_apis.removed().get(f"<{name}>")
    return _told(explanation, row) if row else None


def _named(text: str, calls: bool) -> Removed | None:
    """The row with the longest name of which every part stands in a text."""
    words = set(re.findall(r"\w+", text))
    found = [
        row
        for row in removed_apis.removed().values()
        if (row.kind in _CALLS) == calls
        and (
            row.kind not in ("header", "regex")
            or (row.kind == "regex" and (row.owner == "torch" or "is not a template" in text))
        )
        and words.issuperset(re.findall(r"\w+", row.name))
    ]
    return max(found, key=lambda row: len(row.name), default=None)


def _told(explanation: Explanation, row: Removed, name: str = "") -> Explanation:
    plain = name or row.name.strip("<>…()")
    gone = "takes other arguments" if row.kind in _CALLS else "is gone"
    if row.owner == "torch":
        what, do = f"{plain} {gone} from torch.", f"Instead: {row.do}."
    else:
        what = f"{plain} {gone} since {row.owner} {row.gone}."
        older = "toolkit" if row.owner == "CUDA" else row.owner
        do = f"Instead: {row.do}. Or build with an older {older}."
    return explanation.but(rule="SRC604", role="cause", what=what, do=do, source=row.source)

"""What CUDA, CCCL, torch or numpy took away, as compilers complain of it: the row of that name."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import removed_apis
from gpufix.knowledge.removed_apis import Removed

_CALLS = ("arguments", "trailing", "template")
_ECHO = 600  # characters of the source that a compiler shows below its message
_LACKING = re.compile(
    r"namespace \W{0,3}(?P<space>thrust|cub|cuda)\W{0,3} has no member (?:class )?\W{0,3}(?P<name>\w+)"
)
_VERSION = re.compile(r"_v\d\b")  # cuda.h: #define cuCtxCreate cuCtxCreate_v4


def removed_name(explanation: Explanation, _: Hit) -> Explanation:
    """The name in the message, where it is one that the table has."""
    row = _named(explanation.shown, calls=False)
    if row:
        return _told(explanation, row)
    lacking = _LACKING.search(explanation.shown)
    if lacking is None:
        return explanation
    space, name = lacking["space"], lacking["name"]
    return explanation.but(
        do=f"Include the name's own header (<{space}/{name}.h> or the one that its documentation names): "
        f"older toolkits brought it along. Where it is gone, use its successor in cuda:: or cuda::std (a "
        "newer release of the source does), or build with an older toolkit."
    )


def changed_call(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The call that the compiler shows below, where its arguments have changed; else no message of ours."""
    row = _named(_VERSION.sub("", f"{explanation.shown}\n{hit.after[:_ECHO]}"), calls=True)
    return _told(explanation, row) if row else None


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
        and row.kind not in ("header", "regex")
        and words.issuperset(re.findall(r"\w+", row.name))
    ]
    return max(found, key=lambda row: len(row.name), default=None)


def _told(explanation: Explanation, row: Removed) -> Explanation:
    plain = row.name.strip("<>…()")
    gone = "takes other arguments" if row.kind in _CALLS else "is gone"
    if row.owner == "torch":
        what, do = f"{plain} {gone} from torch.", f"Instead: {row.do}."
    else:
        what = f"{plain} {gone} since {row.owner} {row.gone}."
        older = "toolkit" if row.owner == "CUDA" else row.owner
        do = f"Instead: {row.do}. Or build with an older {older}."
    return explanation.but(rule="SRC604", role="cause", what=what, do=do, source=row.source)

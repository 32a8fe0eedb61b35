"""SRC609: kernels that count, sum up and fill."""

from __future__ import annotations

import source_tree as t
from cxx_sources import PIPELINE, SETUP
from rows import Fires, Given, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.source.src609_unwritten_output import unwritten_output
from gpufix.model.source_payload import UnwrittenOutputs

SKIPS = PIPELINE % "if (a < limit) continue;"
CLEARED = ["clear-outputs unsafe"]
COUNT, REST = SKIPS.split("__global__ void fill")
FILL, RUN = ("__global__ void fill" + REST).split("void run")
RUN = f"void run{RUN}"
PRODUCT = "(b.y - a.y) * (b.x - a.x)"


def of(text: str, **files: str) -> Given:
    more = {name.replace("__", "."): content for name, content in files.items()}
    return t.project({"setup.py": SETUP, "ext.cu": text, **more})


def apart(count: str, fill: str, run: str) -> Given:
    """The three parts in files of their own."""
    return t.project({"setup.py": SETUP, "ext.cu": "", count: COUNT, fill: FILL, run: RUN})


def skips(
    line: int = 7,
    at: int = 2,
    path: str = "ext.cu",
    where: str = "ext.cu",
    more: tuple[tuple[int, str], ...] = (),
) -> Fault:
    conditions = ((line, "if (a < limit)"), *more)
    return Fault(
        ADVICE,
        path,
        f'fill ({path}) decides by "if (a < limit)" (line {line}) what it writes, which the count of '
        f"pre ({where}, line {at}) does not know: slots stay unwritten.",
        evidence=(
            *(t.at(path, number, text) for number, text in conditions),
            t.at(where, at, PRODUCT),
        ),
        payload=UnwrittenOutputs(path, "fill", (1, 2)),
    )


TWICE = """\
  cudaMemset(c.first, 0, n);
  cudaMemset(c.second, 0, n);
  fill<<<1, 256>>>(g.offsets, c.first, c.second);
  fill<<<"""
CLEAR = "  cudaMemset(b.{0}, 0, n);\n  fill<<<"

SILENT = {
    "every slot is filled": of(PIPELINE % ""),
    "the host clears them": of(
        SKIPS.replace("  fill<<<", "  cudaMemset(b.keys, 0, n);\n" + CLEAR.format("values"))
    ),
    "another kernel is launched": of(SKIPS.replace("  fill<<<", "  other<<<")),
    "it is not launched": of(COUNT + FILL),
    "too few arguments": of(SKIPS.replace("(g.offsets, b.keys, b.values)", "(g.offsets, b.keys)")),
    "another's sums": of(SKIPS.replace("g.touched, g.offsets, P", "g.touched, g.others, P")),
    "another's counts": of(SKIPS.replace("g.touched, g.offsets, P", "g.seen, g.offsets, P")),
    "not a closed count": of(SKIPS.replace(PRODUCT, "seen")),
    "not compiled": of(f"#ifdef _WIN32\n{SKIPS}#endif\n"),
    "perhaps compiled": of(f"{COUNT}#ifdef WITH_IT\n{FILL}#endif\n{RUN}"),
    "carried along": t.project({"setup.py": SETUP, "third_party/x/a.cu": SKIPS}),
    "counted in another folder": apart("a/count.cu", "b/fill.cu", "b/run.cu"),
    "launched in another folder": apart("b/count.cu", "b/fill.cu", "a/run.cu"),
}

FIRING = {
    "it passes over some": Fires(of(SKIPS), skips(), offers=CLEARED),
    "the host clears one of two": Fires(
        of(SKIPS.replace("  fill<<<", CLEAR.format("values"))), skips(), offers=CLEARED
    ),
    "files of one folder": Fires(
        apart("a/count.cu", "a/fill.cu", "a/run.cu"),
        skips(4, 2, "a/fill.cu", "a/count.cu"),
        offers=CLEARED,
    ),
    "files of the root": Fires(
        apart("count.cu", "fill.cu", "run.cu"), skips(4, 2, "fill.cu", "count.cu"), offers=CLEARED
    ),
    "two conditions": Fires(
        of(PIPELINE % "if (a < limit) continue;\n    if (c) continue;"),
        skips(more=((8, "if (c)"),)),
        offers=CLEARED,
    ),
    "how many are sorted is not known": Fires(of(SKIPS.replace("SortPairs", "SortKeys")), skips()),
    "launched twice, cleared before the first": Fires(
        of(SKIPS.replace("  fill<<<", TWICE)), skips(), offers=CLEARED
    ),
    "after another launch": Fires(
        of(SKIPS.replace("  fill<<<1", "  other<<<1, 2>>>(g.offsets);\n  fill<<<1")),
        skips(),
        offers=CLEARED,
    ),
}

test_silent, test_firing = rows(unwritten_output, SILENT, FIRING)

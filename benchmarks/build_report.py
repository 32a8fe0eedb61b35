"""Joins what build_oracle.py and whole_builds.py wrote, and counts: foretold, repaired.

usage: python benchmarks/build_report.py [--add WORK --what headers|first|whole] [--results FILE]

`--add` takes the before.jsonl and after.jsonl of a build_oracle.py run (or the file of whole_builds.py)
into the results, a line for each build file of a tree, without paths of the machine; lines that are
there stay. Without it the table is printed.

A failing build is *foretold* where a rule that belongs to what the compiler or the file says (CAUSES) has a
finding on that tree. What no row of CAUSES knows is "not known": to be read by a person.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
Row = dict[str, Any]
# What a compiler, setuptools or the file says, and the rules that foretell it.
CAUSES = (
    (
        r"C\+\+\d\d or later compatible compiler|requires at least C\+\+\d\d"
        r"|not a member of .at::symint",  # what torch 2.14's ExpandUtils.h says below C++20, before that
        ("TCH211",),
    ),
    (r"Unsupported gpu architecture|unsupported gpu arch", ("SRC601", "TCH206", "TCH210")),
    (r"No module named 'torch'", ("SRC606",)),
    (r"No module named '(?:pkg_resources|setuptools|wheel|packaging|psutil)", ("TCH207", "SRC604")),
    (r"(?:THC/|TH/)\S+: No such file", ("SRC604",)),
    (r"(?:cublas|cusparse|cusolver|cudnn)\S*: No such file", ("TCH204",)),
    (r"DeprecatedTypeProperties|has no member|is not a member", ("SRC604",)),
    (r"was not declared|is undefined|does not name a type", ("SRC604", "SRC603")),
    (
        r"SM targets|compute capabilit|NVIDIA driver|not implemented|not available|availabel",
        ("SRC613",),
    ),
    (r"list index out of range", ("SRC613", "TCH210")),
    (r"name '\w+' is not defined", ("SRC613",)),
    (r"submodule|git clone|is missing", ("SRC605",)),
    (
        r"No such file or directory|does not exist",
        ("SRC605", "SRC603", "SRC604", "TCH204", "SRC615", "SRC616"),
    ),
)
GOOD = ("compiles", "built", "no CUDA source")
WHATS = ("whole", "first", "headers")  # the most thorough first


def essence(lines: list[str]) -> list[str]:
    """Without the machine's paths."""
    shown = (re.sub(r"\w*(?:/[\w.+-]+)*/(?=[\w.+-]+)", "", line)[:200] for line in lines)
    return list(dict.fromkeys(filter(None, shown)))[:4]


def lines_of(setup: Row) -> list[str]:
    """What went wrong with one build file."""
    failed = [each["output"] for each in setup["objects"] if each["code"]]
    texts = [setup["failure"] or "", setup["said"], *failed]
    return [line for text in texts for line in text.split("\n") if line.strip()]


def causes(lines: list[str]) -> list[str]:
    """The rules that foretell the first line that is known."""
    return next((list(c) for line in lines for text, c in CAUSES if re.search(text, line)), [])


def converted(work: Path, what: str) -> Iterator[Row]:
    """The rows of one build_oracle.py run."""
    for part in ("before", "after"):
        path = work / f"{part}.jsonl"
        for line in path.read_text().splitlines() if path.exists() else ():
            row = json.loads(line)
            for setup, told in row["setups"].items():
                made = {"tree": row["tree"], "setup": setup, "what": what, "part": part}
                lines = lines_of(told)
                made |= {"outcome": told["outcome"], "said": essence(lines), "rules": causes(lines)}
                if part == "after":
                    keys = ("code", "severity", "subject")
                    made["findings"] = [[each[k] for k in keys] for each in row["findings"]]
                    titles = re.findall(r'"title": "((?:[^"\\]|\\.)*)"', row["fix"])
                    made["plans"] = list(dict.fromkeys(titles))
                    made["revision"] = row.get("revision", "")
                yield made


def of_whole(path: Path) -> Iterator[Row]:
    """The rows of whole_builds.py."""
    for line in path.read_text().splitlines():
        row = json.loads(line)
        tree, _, folder = row["tree"].partition(":")
        made = {"tree": tree, "setup": f"{folder}/setup.py".lstrip("/"), "what": "whole"}
        made |= {"part": row["part"], "outcome": row["outcome"], "said": essence(row["said"])}
        made |= {"rules": causes(row["said"]), "libraries": row["libraries"]}
        keys = ("code", "severity", "subject")
        if row["part"] == "before":
            made["findings"] = [[each[k] for k in keys] for each in row["findings"]]
        yield made | {key: row[key] for key in ("plans", "revision", "cpu") if key in row}


def report(rows: list[Row]) -> None:
    """A line for each build file, by its most thorough build, and the totals."""
    every: dict[tuple[str, str], dict[str, dict[str, Row]]] = {}
    for row in rows:
        builds = every.setdefault((row["tree"], row["setup"]), {})
        builds.setdefault(row["what"], {})[row["part"]] = row
    failing = foretold = tried = repaired = whole = 0
    for (tree, setup), builds in sorted(every.items()):
        what = max(builds, key=lambda each: (len(builds[each]), -WHATS.index(each)))
        parts = builds[what]
        whole += what == "whole" and len(parts) == 2
        first, last = parts.get("before", {}), parts.get("after", {})
        codes = {code for code, *_ in last.get("findings") or first.get("findings") or []}
        asked = any(
            "findings" in part for part in parts.values()
        )  # else the doctor was not asked yet
        bad = asked and first.get("outcome") not in (*GOOD[:2], None)
        rules = first.get("rules") or (["SRC601", "SRC613"] if bad else [])
        known = sorted(codes & set(rules))
        failing += bad
        foretold += bad and bool(known)
        tried += bad and bool(last)
        repaired += bad and last.get("outcome") in GOOD[:2]
        print(
            f"| {tree}/{setup} | {what} | {first.get('outcome')} | {'; '.join(first.get('said', [])[:1])} "
            f"| {', '.join(known) or ('-' if bad else '')} | {last.get('outcome', '')} "
            f"| {'; '.join(last.get('said', [])[:1])} |"
        )
    print(
        f"{len(every)} build files, {len({tree for tree, _ in every})} trees, {whole} built whole before "
        f"and after; {failing} fail or lack the target,"
    )
    print(f"{foretold} of them foretold; {repaired} of {tried} accepted after the plans")


def main() -> int:
    """Add, or report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--add", type=Path)
    parser.add_argument("--what", choices=("headers", "first", "whole"), default="first")
    parser.add_argument("--results", type=Path, default=HERE.with_name("build_results.jsonl"))
    options = parser.parse_args()
    there = options.results.read_text().splitlines() if options.results.exists() else []
    rows = [json.loads(line) for line in there]
    if options.add is None:
        report(rows)
        return 0
    known = {(row["tree"], row["setup"], row["what"], row["part"]) for row in rows}
    given = (
        of_whole(options.add) if options.what == "whole" else converted(options.add, options.what)
    )
    with options.results.open("a") as file:
        for row in given:
            if (row["tree"], row["setup"], row["what"], row["part"]) not in known:
                file.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

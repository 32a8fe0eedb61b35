"""The abstract run of CMake's language against `cmake -P`, snippet by snippet.

Each snippet sets variables; what the abstract run knows of them must be what cmake has. With WHO
unknown to it, what it says must hold for each value that a caller may give.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import needs
from cmake_oracle import Disk, cmake_release
from gpufix.source.builds.cmake_run import CMakeRun
from gpufix.source.builds.cmake_start import begin
from gpufix.source.builds.cmake_state import CMakeCall
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.world import BuildWorld

pytestmark = pytest.mark.needs("cmake")

LEAST = "cmake_minimum_required(VERSION 3.10)\n"
KNOWN = {  # snippet -> variables that the abstract run must know
    "quoted, unquoted, bracket": ('set(a "x;y z" [[${b}]] [=[]]]=])', "a"),
    "nested references": ('set(b c)\nset(x_c 5)\nset(a "${x_${b}}")', "a"),
    "an unset variable is empty": ('set(a "-${none}-")', "a"),
    "escapes": (r'set(a "\"\$\{b\}\t;\;" x\;y)', "a"),
    "list of one with semicolons": ("set(a 1;2;;3)\nlist(LENGTH a n)", "a n"),
    "continued line": ('set(a "x\\\ny")', "a"),
    "comments": ("set(a #[[ x ]] 1 # 2\n 3)", "a"),
    "set without a value": (
        "set(a 1)\nset(a)\nif(DEFINED a)\n set(b yes)\nelse()\n set(b no)\nendif()",
        "b",
    ),
    "environment": (
        'set(ENV{Q} 5)\nset(a "$ENV{Q}")\nunset(ENV{Q})\nif(DEFINED ENV{Q})\n set(b 1)\nendif()',
        "a b",
    ),
    "cache": ('set(a 1 CACHE STRING "")\nset(a 2 CACHE STRING "")\nset(b "$CACHE{a}${a}")', "a b"),
    "cache forced": ('set(a 1 CACHE STRING "")\nset(a 2 CACHE STRING "" FORCE)', "a"),
    "cache beside a variable, new": (
        'cmake_minimum_required(VERSION 3.21)\nset(a 1)\nset(a 2 CACHE STRING "")',
        "a",
    ),
    "cache beside a variable, old": (
        'cmake_minimum_required(VERSION 3.10)\nset(a 1)\nset(a 2 CACHE STRING "")',
        "a",
    ),
    "option beside a variable, new": (
        'cmake_minimum_required(VERSION 3.13)\nset(a 1)\noption(a "" OFF)',
        "a",
    ),
    "option beside a variable, old": (
        'cmake_minimum_required(VERSION 3.10)\nset(a 1)\noption(a "" OFF)',
        "a",
    ),
    "constants": (
        "foreach(v ON yes True Y 1 2.5 -3 OFF no FALSE N 0 0.0 IGNORE NOTFOUND x-NOTFOUND other)\n"
        " if(v)\n  list(APPEND a 1)\n else()\n  list(APPEND a 0)\n endif()\n"
        " if(${v})\n  list(APPEND b 1)\n else()\n  list(APPEND b 0)\n endif()\nendforeach()",
        "a b",
    ),
    "a quoted string is no variable": (
        'cmake_minimum_required(VERSION 3.10)\nset(x ON)\nset(a 0)\nif("x")\n set(a 1)\nendif()',
        "a",
    ),
    "a quoted operand, old policy": (  # CMake 4 knows the new one alone
        'set(x y)\nset(a 0)\nif("x" STREQUAL "y")\n set(a 1)\nendif()',
        "a",
    ),
    "a quoted operand, new policy": (
        'cmake_minimum_required(VERSION 3.10)\nset(x y)\nset(a 0)\nif("x" STREQUAL "y")\n set(a 1)\nendif()',
        "a",
    ),
    "precedence": (
        "set(a 0)\nif(NOT OFF AND OFF OR ON)\n set(a 1)\nendif()\n"
        "if(ON OR ON AND OFF)\n set(b 1)\nendif()\nif(NOT (ON OR OFF))\n set(c 1)\nendif()",
        "a b c",
    ),
    "versions": (
        'foreach(p 11.8/11.8.0 12.0/11.8 9/10 3.5.1/3.5 a/1 1.2.3.4/1.2.3)\n string(REPLACE / ";" p ${p})\n'
        " list(GET p 0 l)\n list(GET p 1 r)\n"
        " foreach(o LESS GREATER EQUAL LESS_EQUAL GREATER_EQUAL)\n"
        "  if(l VERSION_${o} r)\n   list(APPEND a 1)\n  else()\n   list(APPEND a 0)\n  endif()\n endforeach()\nendforeach()",
        "a",
    ),
    "numbers and texts": (
        "if(10 GREATER 9)\n list(APPEND a 1)\nendif()\nif(10 STRGREATER 9)\n list(APPEND a 2)\nendif()\n"
        "if(x EQUAL 0)\n list(APPEND a 3)\nendif()\nif(1.0 EQUAL 1)\n list(APPEND a 4)\nendif()",
        "a",
    ),
    "matches and groups": (
        'if("release 12.8, V12" MATCHES "release ([0-9]+)\\\\.([0-9]+)")\n'
        ' set(a "${CMAKE_MATCH_1}-${CMAKE_MATCH_2}-${CMAKE_MATCH_COUNT}")\nendif()',
        "a",
    ),
    "in list": (
        "cmake_minimum_required(VERSION 3.10)\nset(l 70 80)\nset(x 80)\n"
        "if(x IN_LIST l)\n set(a 1)\nendif()\nif(90 IN_LIST l)\n set(b 1)\nelse()\n set(b 0)\nendif()",
        "a b",
    ),
    "elseif": (
        "set(x 2)\nif(x EQUAL 1)\n set(a 1)\nelseif(x EQUAL 2)\n set(a 2)\nelse()\n set(a 3)\nendif()",
        "a",
    ),
    "foreach": (
        "set(l a b)\nset(m 1 2)\nforeach(i IN LISTS l m ITEMS z)\n list(APPEND a <${i}>)\nendforeach()\n"
        "foreach(i RANGE 3)\n list(APPEND b ${i})\nendforeach()\nforeach(i RANGE 1 9 4)\n list(APPEND b ${i})\nendforeach()",
        "a b",
    ),
    "zip": (
        "set(l a b c)\nset(m 1 2)\nforeach(i j IN ZIP_LISTS l m)\n list(APPEND a ${i}=${j})\nendforeach()",
        "a",
    ),
    "the loop variable is restored": ("set(i x)\nforeach(i 1 2)\nendforeach()\nset(a ${i})", "a"),
    "break and continue": (
        "foreach(i RANGE 9)\n if(i EQUAL 2)\n  continue()\n endif()\n if(i EQUAL 5)\n  break()\n endif()\n list(APPEND a ${i})\nendforeach()",
        "a",
    ),
    "while": ('set(i 0)\nwhile(i LESS 5)\n math(EXPR i "${i}+2")\nendwhile()', "i"),
    "function": (
        "function(f x)\n set(y ${x}${ARGN}${ARGC} PARENT_SCOPE)\n set(z 1)\n set(w ${ARGV1})\n set(w ${w} PARENT_SCOPE)\nendfunction()\n"
        "f(1 2 3)",
        "y z w",
    ),
    "macro": (
        "macro(m x)\n set(y ${x}-${ARGN}-${ARGC})\n if(DEFINED x)\n  set(z 1)\n endif()\nendmacro()\nm(1 2 3)",
        "y z",
    ),
    "return": (
        "function(f)\n set(a 1 PARENT_SCOPE)\n if(ON)\n  return()\n endif()\n set(a 2 PARENT_SCOPE)\nendfunction()\nf()",
        "a",
    ),
    "return in a macro": (
        "macro(m)\n return()\nendmacro()\nfunction(f)\n set(a 1 PARENT_SCOPE)\n m()\n set(a 2 PARENT_SCOPE)\nendfunction()\nf()",
        "a",
    ),
    "a condition of no policy": ("set(a 1)\nset(x ON)\nif(x)\n set(b 1)\nendif()", "a b"),
    "recursion": (
        'function(f n)\n if(n GREATER 0)\n  math(EXPR m "${n}-1")\n  f(${m})\n endif()\n set(r "${r}${n}" PARENT_SCOPE)\nendfunction()\nf(4)',
        "r",
    ),
    "list operations": (
        "set(l c a b a)\nlist(SORT l)\nset(a ${l})\nlist(REMOVE_DUPLICATES l)\nset(b ${l})\nlist(REVERSE l)\nset(c ${l})\n"
        "list(INSERT l 1 x y)\nset(d ${l})\nlist(REMOVE_ITEM l x b)\nset(e ${l})\nlist(REMOVE_AT l 0)\nset(f ${l})\n"
        "list(GET d -1 0 g)\nlist(FIND d y h)\nlist(JOIN d + i)\nlist(SUBLIST d 1 2 j)\nlist(POP_BACK d k)\nlist(POP_FRONT d l1)",
        "a b c d e f g h i j k l1",
    ),
    "list filter and transform": (
        'set(l a.cu b.cpp c.cu)\nset(m ${l})\nlist(FILTER m INCLUDE REGEX "[.]cu$")\nset(n ${l})\nlist(FILTER n EXCLUDE REGEX "^a")\n'
        'list(TRANSFORM l PREPEND src/)\nlist(TRANSFORM n TOUPPER OUTPUT_VARIABLE o)\nlist(TRANSFORM l REPLACE "src/(.)" "\\\\1/" OUTPUT_VARIABLE p)',
        "l m n o p",
    ),
    "list natural sort": ("set(l a10 a9 a1)\nlist(SORT l COMPARE NATURAL ORDER DESCENDING)", "l"),
    "list append to nothing": (
        'list(APPEND a x)\nlist(APPEND a)\nlist(PREPEND a y z)\nset(b "")\nlist(APPEND b q)',
        "a b",
    ),
    "string operations": (
        'string(TOUPPER aB a)\nstring(LENGTH abc b)\nstring(SUBSTRING abcdef 2 3 c)\nstring(STRIP " x " d)\nstring(FIND abcb b e)\n'
        "string(FIND abcb b f REVERSE)\nstring(CONCAT g a b)\nstring(APPEND g c)\nstring(PREPEND g 0)\nstring(JOIN - h 1 2)\n"
        "string(REPEAT ab 3 i)\nstring(MAKE_C_IDENTIFIER 1a-b j)\nstring(COMPARE LESS a b k)\nstring(SHA256 l abc)",
        "a b c d e f g h i j k l",
    ),
    "string replace": ('string(REPLACE "." "" a 7.5 8.0)\nstring(REPLACE ";" " " b "1;2")', "a b"),
    "string regex": (
        'string(REGEX MATCH "[0-9]+" a "x12y34")\nstring(REGEX MATCHALL "[0-9]" b "x12y34")\n'
        'string(REGEX REPLACE "([0-9])\\\\.([0-9])" "sm_\\\\1\\\\2" c "7.5 8.6")\nstring(REGEX REPLACE "-O[0-9]" "" d "-O3 -g")',
        "a b c d",
    ),
    "math": (
        'math(EXPR a "3 * (4 + 2) % 5")\nmath(EXPR b "-7 / 2")\nmath(EXPR c "1 << 4 | 3")\nmath(EXPR d "0x1F & ~3")\nmath(EXPR e 255 OUTPUT_FORMAT HEXADECIMAL)',
        "a b c d e",
    ),
    "file names": (
        "foreach(k DIRECTORY NAME EXT NAME_WE LAST_EXT NAME_WLE)\n get_filename_component(r /a/b.c/d.tar.gz ${k})\n list(APPEND a ${r})\nendforeach()\n"
        "get_filename_component(b ../x ABSOLUTE BASE_DIR /p/q)",
        "a b",
    ),
    "arguments": (
        'include(CMakeParseArguments)\nfunction(f)\n cmake_parse_arguments(P "FAST" "NAME;OUT" "SRC" ${ARGN})\n'
        ' set(a "${P_FAST}|${P_NAME}|${P_SRC}|${P_UNPARSED_ARGUMENTS}|${P_OUT}" PARENT_SCOPE)\nendfunction()\n'
        "f(u NAME n SRC a.cu b.cu FAST v)",
        "a",
    ),
    "separate arguments": (
        'separate_arguments(a UNIX_COMMAND "-O3 \\"x y\\" -I z")\nset(b "1 2")\nseparate_arguments(b)',
        "a b",
    ),
    "include of a file and where it lies": (
        'file(WRITE ${CMAKE_CURRENT_LIST_DIR}/inc.cmake "set(a 1)")\ninclude(${CMAKE_CURRENT_LIST_DIR}/inc.cmake)',
        "",
    ),
    "policies": (
        'cmake_policy(SET CMP0054 NEW)\nset(x y)\nset(a 0)\nif("x" STREQUAL y)\n set(a 1)\nendif()',
        "a",
    ),
    "exists": (
        "if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/CMakeLists.txt)\n set(a 1)\nendif()\nif(EXISTS ${CMAKE_CURRENT_LIST_DIR}/none)\n set(b 1)\nelse()\n set(b 0)\nendif()",
        "a b",
    ),
    "glob": (
        "file(GLOB a RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/src/*.cu)\n"
        "file(GLOB_RECURSE b RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/src/*.cu ${CMAKE_CURRENT_LIST_DIR}/src/x*)\n"
        "file(GLOB c RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/src/*/?.cu)",
        "a b c",
    ),
    "file strings": (
        'file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/v.h a REGEX "define V")\nfile(READ ${CMAKE_CURRENT_LIST_DIR}/v.h b)',
        "a b",
    ),
    "dereferencing operands": (
        "set(x y)\nset(y 5)\nif(x STREQUAL y)\n set(a 1)\nelse()\n set(a 2)\nendif()\nif(${x} EQUAL 5)\n set(b 1)\nendif()",
        "a b",
    ),
    "lists within brackets": ('set(a "[x;y];z")\nlist(LENGTH a n)\nlist(GET a 0 b)', "n b"),
    "names are of any case": ("SET(a 1)\nIF(a)\n Set(b 2)\nENDIF(a)", "a b"),
    "command names in lists": ('set(opts -Xptxas=-v)\nset(a ${opts} "--x;${opts}")', "a"),
}
UNSURE = {  # what a caller decides: WHO may be ON, OFF or a text
    "a branch": "set(a 1)\nif(WHO)\n set(a 2)\nendif()\nset(b x)",
    "both": "if(WHO)\n set(a 2)\nelse()\n set(a 3)\n set(b 1)\nendif()",
    "appended": 'set(a -O3)\nif(WHO)\n list(APPEND a -DX)\n string(APPEND f " -g")\nendif()\nlist(APPEND a -DY)\nstring(APPEND f " -z")',
    "prepended": "set(a z)\nif(WHO)\n list(PREPEND a q r)\nendif()\nset(b ${a} w)",
    "a return": "function(f)\n set(a 1 PARENT_SCOPE)\n if(WHO)\n  return()\n endif()\n set(a 2 PARENT_SCOPE)\n set(b 3 PARENT_SCOPE)\nendfunction()\nf()\nset(c 4)",
    "a return within": "function(f)\n if(NOT FOO)\n  if(WHO)\n   set(b 1 PARENT_SCOPE)\n   return()\n  endif()\n endif()\n set(b 3 PARENT_SCOPE)\nendfunction()\nf()",
    "a return deep": "function(f)\n set(c 0 PARENT_SCOPE)\n if(WHO OR WHO)\n  set(c 1 PARENT_SCOPE)\n  if(WHO STREQUAL ON)\n   set(b 1 PARENT_SCOPE)\n   return()\n  endif()\n  set(d 1 PARENT_SCOPE)\n endif()\n set(b 3 PARENT_SCOPE)\nendfunction()\nf()",
    "a break": "foreach(i 1 2 3)\n if(WHO AND i EQUAL 2)\n  break()\n endif()\n list(APPEND a ${i})\nendforeach()\nset(b 1)",
    "a continue": "foreach(i 1 2 3)\n if(WHO)\n  continue()\n endif()\n list(APPEND a ${i})\nendforeach()",
    "a loop": "foreach(i ${WHO} k)\n list(APPEND a x${i})\n set(last ${i})\nendforeach()",
    "a chain": "set(x 1)\nset(y 1)\nset(z 9)\nforeach(i ${WHO} ${WHO})\n set(x ${y})\n set(y ${z})\nendforeach()",
    "a name": "set(v_ON 1)\nset(v_OFF 2)\nset(a ${v_${WHO}})\nset(b 3)",
    "a function": "if(WHO)\n function(f)\n  set(a 1 PARENT_SCOPE)\n endfunction()\nelse()\n function(f)\n  set(a 2 PARENT_SCOPE)\n endfunction()\nendif()\nf()\nset(b 1)",
    "a comparison": "if(WHO STREQUAL ON)\n set(a 1)\nelseif(WHO STREQUAL OFF)\n set(a 2)\nelse()\n set(a 3)\nendif()",
    "an and": "set(no OFF)\nif(WHO AND no)\n set(a 1)\nelse()\n set(a 2)\nendif()\nif(WHO OR NOT no)\n set(b 1)\nendif()",
    "unset": "set(a 1)\nif(WHO)\n unset(a)\nendif()\nif(DEFINED a)\n set(b 1)\nelse()\n set(b 2)\nendif()",
    "arguments": "function(f x)\n set(a ${x} PARENT_SCOPE)\n set(n ${ARGC} PARENT_SCOPE)\nendfunction()\nf(q ${WHO} r)",
    "a default": 'if(NOT DEFINED WHO)\n set(WHO 70)\nendif()\nset(a "${WHO}")',
    "matches": 'if(WHO MATCHES "^(O)N")\n set(a "${CMAKE_MATCH_1}")\nendif()\nset(b "${CMAKE_MATCH_0}")',
    "a while": 'set(i 0)\nwhile(WHO STREQUAL ON AND i LESS 3)\n math(EXPR i "${i}+1")\nendwhile()',
}


def make(folder: Path, text: str) -> Path:
    (folder / "src/sub").mkdir(parents=True)
    for name in ("src/a.cu", "src/b.cpp", "src/sub/c.cu", "src/x.h", "src/sub/xy.h"):
        (folder / name).touch()
    (folder / "v.h").write_text('#define V 12\n#define W 3\n#define V2 "x"\n')
    path = folder / "CMakeLists.txt"
    path.write_text(text)
    return path


def real(path: Path, names: list[str], define: str | None) -> dict[str, str | None]:
    """What cmake has for the variables; None: undefined."""
    shown = "".join(f'if(DEFINED {n})\n message("@@{n}=${{{n}}}@@")\nendif()\n' for n in names)
    script = path.with_name("script.cmake")
    script.write_text(f"{path.read_text()}\n{shown}")
    flags = [] if define is None else [f"-DWHO={define}"]
    done = subprocess.run(
        [needs.path("cmake"), *flags, "-P", str(script)], capture_output=True, text=True, check=True
    )
    return {**dict.fromkeys(names), **dict(re.findall(r"@@(\w+)=(.*?)@@", done.stderr, re.DOTALL))}


def abstract(path: Path, defines: dict[str, str | None], cmake: str | None = None) -> CMakeRun:
    world = BuildWorld(root=str(path.parent), files=Disk())
    cmake = cmake or cmake_release()
    run = CMakeRun(CMakeCall(world=world, source=str(path.parent), defines=defines, cmake=cmake))
    begin(run)
    run.run_file(str(path))
    assert run.whole
    return run


def holds(run: CMakeRun, name: str, truth: str | None) -> bool:
    """Whether what is known of a variable holds."""
    said = run.read(name)
    if truth is None:
        return said.defined is not True
    if said.defined is False:
        return False
    if said.defined is None:
        return True
    pattern = "(?:.*)".join(
        re.escape(part).replace(";", "(?:;|$|^)?").replace(r"\ ", r"\ ?")
        for part in said.text.split(UNKNOWN_PART)
    )
    return (
        re.fullmatch(pattern, truth, re.DOTALL) is not None
        if UNKNOWN_PART in said.text
        else said.text == truth
    )


@pytest.mark.some(20)
@pytest.mark.parametrize("case", KNOWN)
def test_known(case: str, tmp_path: Path) -> None:
    text, names = KNOWN[case]
    path = make(tmp_path, text if "cmake_minimum" in text or "policy" in case else f"{LEAST}{text}")
    truth = real(path, names.split(), None)
    run = abstract(path, {})
    said = {n: run.read(n) for n in names.split()}
    assert {n: v.text if v.defined else None for n, v in said.items()} == truth


@pytest.mark.parametrize(("cmake", "a"), [("3.31.6", "1"), ("4.0.0", "0")])
def test_old_policies_end_with_cmake_4(tmp_path: Path, cmake: str, a: str) -> None:
    path = make(tmp_path, KNOWN["a quoted operand, old policy"][0])
    assert abstract(path, {}, cmake).read("a").text == a


@pytest.mark.some(30)
@pytest.mark.parametrize("who", ["ON", "OFF", "a;b", "", None])
@pytest.mark.parametrize("case", UNSURE)
def test_unsure(case: str, who: str | None, tmp_path: Path) -> None:
    path = make(tmp_path, LEAST + UNSURE[case])
    names = sorted(
        set(re.findall(r"\b(?:set|unset|list\(\w+|string\(\w+)[( ](\w+)\b", UNSURE[case]))
        | set("abcd")
    )
    truth = real(path, names, who)
    run = abstract(path, {"WHO": None})
    assert {n: run.read(n) for n in names if not holds(run, n, truth[n])} == {}, truth

"""C++ ABI and owner told from mangled names."""

from __future__ import annotations

import pytest

from gpufix.binary.demangle.mangled import cxx11_abi, entity, is_torch_name, neutral, string_abi

NEW = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
CHECK_0 = "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs"
CHECK_1 = f"_ZN3c106detail14torchCheckFailEPKcS2_jRK{NEW}"
OTHER_0 = "_ZN6google11SetLogLevelERKSs"
OTHER_1 = f"_ZN6google11SetLogLevelERK{NEW}"
PLAIN = "_ZN2at6Tensor3sumEv"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_Z",
        "memcpy",
        "PyList_New",
        "torchaudio_init",
        "_ZN10torchaudio4loadERN2at6TensorE",  # takes a Tensor, is torchaudio's
        "_ZNSt6vectorIN2at6TensorESaIS1_EE9push_backERKS1_",
        "_ZTISt6vectorIN2at6TensorESaIS1_EE",
        "_Z7forwardN2at6TensorE",
        "_ZN8pybind116detail11type_casterIN2at6TensorEvE4loadENS_6handleEb",
        "_ZN4c10x3fooEv",
    ],
)
def test_not_torchs(name: str) -> None:
    assert not is_torch_name(name)


@pytest.mark.parametrize(
    "name",
    [
        CHECK_0,
        PLAIN,
        "_ZNK2at10TensorBase8data_ptrIfEEPT_v",
        "_ZNR5torch7Library4_defEON3c1014FunctionSchemaE",
        "_ZTVN3c1010TensorImplE",
        "_ZTIN3c105ErrorE",
        "_ZThn16_N3c1010TensorImplD1Ev",
        "_ZGVZN3c104impl3fooEvE1x",
        "_ZN4c10d12ProcessGroup9broadcastEv",
        "_ZN6caffe28TypeMeta5matchEv",
        "_Z16THPVariable_WrapN2at10TensorBaseE",
        "THPVariableClass",
        "aoti_torch_get_dtype",
        "torch_call_dispatcher",
    ],
)
def test_torchs(name: str) -> None:
    assert is_torch_name(name)


@pytest.mark.parametrize(
    "name",
    [
        PLAIN,
        "Ss",
        "plainSs",
        "_ZN2at7ClaSsesEv",  # within an identifier
        "_ZN2at3SsXEv",
        "_ZTSs",  # the typeinfo name of short
        "_ZN2at1fESt17basic_string_viewIcSt11char_traitsIcEE",  # one layout in both ABIs
        "_Z99999999999999999999x",
        "_ZN2at5cxx11E",
    ],
)
def test_no_string(name: str) -> None:
    assert string_abi(name) is None


@pytest.mark.parametrize(
    ("name", "abi"),
    [
        (CHECK_0, 0),
        ("_ZN3c105ErrorC2ENS_14SourceLocationESs", 0),
        ("_ZN2at4testILi3EEEvSs", 0),
        (CHECK_1, 1),
        ("_ZNK3c106Device3strB5cxx11Ev", 1),
        ("_ZN3c104testERKNSt7__cxx114listIiSaIiEEE", 1),
    ],
)
def test_string(name: str, abi: int) -> None:
    assert string_abi(name) == abi


@pytest.mark.parametrize(
    ("undefined", "defined", "abi", "strength"),
    [
        ([], [], None, None),
        ([PLAIN, "memcpy"], [], None, None),
        ([PLAIN, "_ZNSt6vectorIiSaIiEE4sizeEv"], ["PyInit_x"], None, None),
        ([CHECK_0, CHECK_1], [], None, "torch"),  # contradiction
        ([OTHER_0, OTHER_1], [], None, "other"),
        ([CHECK_0], [], 0, "torch"),
        ([CHECK_1, PLAIN], [], 1, "torch"),
        ([CHECK_1, OTHER_0], [], 1, "torch"),  # another library's ABI is its own affair
        ([PLAIN, OTHER_1], [CHECK_0], 0, "torch"),
        ([PLAIN, OTHER_0], [], 0, "other"),
        ([PLAIN], [OTHER_1], 1, "other"),
    ],
)
def test_library(
    undefined: list[str], defined: list[str], abi: int | None, strength: str | None
) -> None:
    verdict = cxx11_abi(undefined, defined)
    assert (verdict.abi, verdict.strength) == (abi, strength)
    assert bool(verdict.evidence) == (strength is not None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (CHECK_0, CHECK_1),
        ("_ZNK3c106Device3strEv", "_ZNK3c106Device3strB5cxx11Ev"),
        ("_ZN2at1fESt6vectorISsSaISsEE", f"_ZN2at1fESt6vectorI{NEW}SaIS5_EE"),
        ("_ZN2at1fERKSsS1_", f"_ZN2at1fERK{NEW}S6_"),
    ],
)
def test_both_abis_have_one_neutral_form(old: str, new: str) -> None:
    assert neutral(old) == neutral(new)
    assert neutral(old) != neutral(PLAIN)


@pytest.mark.parametrize(
    ("name", "front"),
    [
        (CHECK_0, "_ZN3c106detail14torchCheckFail"),
        ("_ZN2at6Tensor3fooIiEEvi", "_ZN2at6Tensor3foo"),
        ("_ZNK3c106Device3strB5cxx11Ev", "_ZNK3c106Device3str"),
        ("_ZN2atlsERSoRKNS_6TensorE", "_ZN2atls"),
        ("_ZN3c105ErrorC2ENS_14SourceLocationESs", "_ZN3c105ErrorC"),
        ("_Z16THPVariable_WrapN2at10TensorBaseE", "_Z16THPVariable_Wrap"),
        ("_ZTVN3c1010TensorImplE", "_ZTVN3c1010TensorImpl"),
        ("aoti_torch_get_dtype", "aoti_torch_get_dtype"),
    ],
)
def test_entity(name: str, front: str) -> None:
    assert entity(name) == front
    assert name.startswith(entity(name))

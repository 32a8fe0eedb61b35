import ctypes


def test_usage():
    stencil = ctypes.CDLL("build/libstencil.so")
    stencil.stencil_usage.restype = ctypes.c_char_p
    assert b"#include <THC/THC.h>" in stencil.stencil_usage()

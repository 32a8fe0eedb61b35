"""ctypes front of libboxes.so."""

import ctypes
from pathlib import Path

lib = ctypes.CDLL(str(Path(__file__).with_name("libboxes.so")))
lib.box_area.restype = ctypes.c_float

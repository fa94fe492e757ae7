"""What libraries without NumPy's or PyTorch's classes hand over: DLPack capsules of a tensor of floats."""

from __future__ import annotations

import ctypes
from typing import Any

CUDA = 2  #: DLPack's number of the kind of device


class Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("index", ctypes.c_int32)]


class Tensor(ctypes.Structure):
    """DLPack's DLManagedTensor; the deleter is null."""

    _fields_ = [
        ("data", ctypes.c_void_p), ("device", Device), ("dimensions", ctypes.c_int32), ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)), ("offset", ctypes.c_uint64), ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]  # fmt: skip


class Floats:
    """``count`` floats at an address of CUDA device ``index``. What capsules point to lives as long as this does."""

    def __init__(self, address: int, count: int, index: int = 0) -> None:
        self.sizes = (ctypes.c_int64 * 1)(count)
        self.tensor = Tensor(address, Device(CUDA, index), 1, 2, 32, 1, self.sizes, None, 0, None, None)

    def capsule(self) -> Any:
        make = ctypes.pythonapi.PyCapsule_New
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return make(ctypes.addressof(self.tensor), b"dltensor", None)

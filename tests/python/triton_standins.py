"""What stands in for PyTorch and a GPU where Triton compiles and nothing is launched by it."""

from __future__ import annotations

from typing import Any

import numpy as np


class Driver:
    """Says that there is an H100; launches nothing."""

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)

    def get_active_torch_device(self) -> str:
        return "cpu"

    def get_benchmarker(self) -> Any:
        raise AssertionError("nothing is timed on a GPU that is not there")


class Dtype(str):
    """PyTorch's types as Triton's descriptors see them."""

    itemsize = 4
    is_floating_point = True


class Tensor:
    """NumPy's memory as Triton sees a tensor."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array, self.dtype = array, Dtype(f"torch.{array.dtype}")

    @property
    def __array_interface__(self) -> Any:
        return self.array.__array_interface__

    def data_ptr(self) -> int:
        return int(self.array.ctypes.data)

    def zero_(self) -> None:
        self.array[:] = 0


def tensor(values: Any, dtype: Any = np.float32) -> Tensor:
    """At an address that is a multiple of 16."""
    values = np.asarray(values, dtype)
    memory = np.zeros(values.size + 64 // values.itemsize, dtype)
    skip = -memory.ctypes.data % 64 // values.itemsize
    out = memory[skip : skip + values.size]
    out[:] = values.ravel()
    return Tensor(out)

"""Arrays of other libraries: whose stream a launch goes to, what is waited for, and which device memory is on."""

from __future__ import annotations

import ctypes
from typing import Any

import gpu_tuned
import numpy as np
import pytest
from dlpack import CUDA, Floats
from gpu_tuned import _core


class Seen(Exception):
    """Stops a call where it asks for its build, and tells what it saw of its arrays."""


class Kernel(_core.Dispatcher):
    """Takes x, writes y; resolves nothing."""

    def __new__(cls) -> Kernel:
        return super().__new__(cls)

    def __init__(self) -> None:
        super().__init__((("x", False), ("y", True)))
        self.streams: list[Any] = []

    def _resolve(self, arrays: Any) -> Any:
        raise Seen(arrays)

    def _stream(self, array: Any) -> int | None:
        self.streams.append(array)
        return getattr(array, "current", None)


class Foreign:
    """An array of a library with DLPack on CUDA device ``index``; remembers which stream it was asked to wait with."""

    def __init__(self, index: int = 0, current: int | None = None) -> None:
        self.index, self.current = index, current
        self.asked: list[int | None] = []
        self.floats = Floats(0x10000, 16, index)

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.index

    def __dlpack__(self, *, stream: int | None = None) -> Any:
        self.asked.append(stream)
        return self.floats.capsule()


class Other(Foreign):
    """Of another library."""


def seen(kernel: Kernel, x: Any, y: Any, **options: Any) -> Any:
    with pytest.raises(Seen) as stopped:
        kernel(x, y, **options)
    return stopped.value.args[0]


def test_the_library_of_the_first_array_with_a_stream_is_not_waited_for_and_others_are() -> None:
    kernel, x, y = Kernel(), Foreign(index=1, current=0x77), Other(index=1)
    arrays = seen(kernel, x, y)
    assert [array[4] for array in arrays] == ["cuda:1", "cuda:1"]
    assert x.asked == [-1], "its own stream is the one that is launched on"
    assert y.asked == [0x77]
    assert kernel.streams == [x], "asked once, with the array and not a number"


def test_where_no_library_has_a_stream_all_wait_with_the_default_one() -> None:
    kernel, x, y = Kernel(), Foreign(), Other()
    seen(kernel, x, y)
    assert x.asked == [1] and y.asked == [1], "1 is DLPack's word for the default stream"


def test_a_stream_that_is_given_is_waited_with() -> None:
    kernel, x, y = Kernel(), Foreign(current=0x77), Other()
    seen(kernel, x, y, stream=0x99)
    assert x.asked == [0x99] and y.asked == [0x99] and kernel.streams == []


class Named:
    """An array of a library with CUDA's interface alone, which names the stream that makes it; empty, as no GPU is here."""

    def __init__(self, stream: int | None, **more: Any) -> None:
        interface = {"data": (0, False), "shape": (0,), "typestr": "<f4", "version": 3, "stream": stream}
        self.__cuda_array_interface__ = {**interface, **more}


class Refusing(Named):
    """Has DLPack's method, and refuses it."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, 0

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("not now")


@pytest.mark.parametrize("first, second", [(1, 0x77), (0x77, 1), (0x77, 0x88)])
def test_two_arrays_that_name_two_streams_are_refused(first: int, second: int) -> None:
    """1, the default stream, is one like any other."""
    with pytest.raises(gpu_tuned.InvalidInputError, match="'y' is made on a stream .* pass stream="):
        Kernel()(Named(first), Named(second))
    seen(Kernel(), Named(first), Named(first))
    seen(Kernel(), Named(first), Named(None))


def test_libraries_are_told_of_the_stream_that_an_interface_names() -> None:
    for wanted in (0x77, 1):
        before, after = Foreign(), Foreign()
        seen(Kernel(), before, Named(wanted))
        seen(Kernel(), Named(wanted), after)
        assert before.asked == [wanted] and after.asked == [wanted]


def test_a_stream_is_not_changed_once_a_library_was_told_of_it() -> None:
    told = Foreign()
    with pytest.raises(gpu_tuned.InvalidInputError, match="pass stream="):
        Kernel()(told, Refusing(0x77))
    assert told.asked == [1]
    told = Foreign()
    seen(Kernel(), Refusing(0x77), told)
    assert told.asked == [0x77]
    seen(Kernel(), Refusing(None), Refusing(0x77))


def test_the_current_stream_of_a_library_is_not_anothers_to_change() -> None:
    with pytest.raises(gpu_tuned.InvalidInputError, match="'y' is made on a stream"):
        Kernel()(Foreign(current=0x77), Named(0x88))
    seen(Kernel(), Foreign(current=0x77), Named(0x77))


def test_a_stream_that_is_given_is_right_whatever_arrays_name() -> None:
    """It is what the error asks for."""
    foreign = Foreign()
    seen(Kernel(), Named(0x77), Named(0x88), stream=0x99)
    seen(Kernel(), Named(0x77), foreign, stream=0x99)
    assert foreign.asked == [0x99]
    seen(Kernel(), Named(0x77), Named(0x88), stream=0)


def test_host_arrays_ask_for_no_stream() -> None:
    kernel = Kernel()
    arrays = seen(kernel, np.zeros(16, np.float32), np.zeros(16, np.float32))
    assert [array[4] for array in arrays] == ["cpu", "cpu"] and kernel.streams == []


def test_whose_stream_it_is_depends_on_the_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may have PyTorch and CuPy: a CuPy array is launched on CuPy's current stream of its own device."""
    import sys
    import types

    entered: list[str] = []

    class CupyDevice:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> None:
            entered.append(self.name)

        def __exit__(self, *_: Any) -> None:
            entered.append("left")

    stream = types.SimpleNamespace(ptr=0x55)
    cupy = types.SimpleNamespace(cuda=types.SimpleNamespace(get_current_stream=lambda: stream))
    monkeypatch.setitem(sys.modules, "cupy", cupy)  # type: ignore[arg-type]
    Array = type("ndarray", (), {"__module__": "cupy"})
    array = Array()
    array.device = CupyDevice("cuda:3")
    assert gpu_tuned.Kernel._stream(None, array) == 0x55  # type: ignore[arg-type]
    assert entered == ["cuda:3", "left"]
    assert gpu_tuned.Kernel._stream(None, Foreign()) is None  # type: ignore[arg-type]


def test_arrays_that_never_change_are_no_outputs() -> None:
    Jax = type("ArrayImpl", (Foreign,), {"__module__": "jaxlib._jax"})
    arrays = seen(Kernel(), Foreign(), Jax())
    assert [array[6] for array in arrays] == [False, True]


def test_the_device_of_cudas_array_interface_is_the_drivers_to_tell() -> None:
    class Interface:
        __cuda_array_interface__ = {"data": (0x10000, False), "shape": (16,), "typestr": "<f4", "version": 3}

    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        with pytest.raises(gpu_tuned.UnavailableError, match="driver"):
            _core.describe(Interface())
    else:  # a driver without a GPU does not start, and is as good as none
        with pytest.raises((gpu_tuned.InvalidInputError, gpu_tuned.UnavailableError), match="no CUDA device|driver"):
            _core.describe(Interface())


def test_nobody_is_asked_where_an_empty_array_is() -> None:
    for shape in ((0,), (4, 0), (0, 4)):
        for address in (0, 0x10000):
            dtype, device, found, _ = _core.describe(Named(None, shape=shape, data=(address, False)))
            assert (dtype, device, found) == ("f32", "cuda:0", address)
    with pytest.raises(gpu_tuned.Error):  # null, and not empty: of no device
        _core.describe(Named(None, shape=(4,)))


def test_jaxs_own_arrays_are_inputs_and_no_outputs(connected: Any) -> None:
    jax = pytest.importorskip("jax")
    softmax = gpu_tuned.kernel("softmax")
    values = np.random.default_rng(5).standard_normal((8, 64), dtype=np.float32)
    x = jax.jit(lambda a: a * 2.0)(jax.device_put(values, jax.devices("cpu")[0]))  # made behind; it is waited for
    y = np.empty((8, 64), np.float32)
    assert softmax(x, out=y) is y
    e = np.exp(2 * values - (2 * values).max(-1, keepdims=True))
    np.testing.assert_allclose(y, e / e.sum(-1, keepdims=True), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(np.asarray(x), 2 * values)
    with pytest.raises(gpu_tuned.errors.UnsupportedError, match="no f32 array can be made like a ArrayImpl; pass"):
        softmax(x)
    with pytest.raises(gpu_tuned.errors.LayoutError, match="may not be written"):
        softmax(values, out=x)
    with pytest.raises(gpu_tuned.errors.DtypeError, match="is f16; f32 is expected"):
        softmax(x.astype(jax.numpy.float16), out=y)
    with pytest.raises(gpu_tuned.errors.DtypeError, match="is bf16; f32 is expected"):
        softmax(x.astype(jax.numpy.bfloat16), out=y)


class Called(_core.Dispatcher):
    """Takes x and y, writes out; counts its calls, as a subclass may."""

    def __init__(self) -> None:
        super().__init__((("x", False), ("y", False), ("z", True)))
        self.calls = 0

    def _resolve(self, arrays: Any) -> Any:
        raise Seen([array[0] + str(array[5]) for array in arrays])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return super().__call__(*args, **kwargs)


def test_a_class_that_calls_by_itself_is_asked() -> None:
    kernel, arrays = Called(), [np.zeros(4, np.float32) for _ in range(3)]
    told = [name + str(array.ctypes.data) for name, array in zip("xyz", arrays)]
    for way in (
        lambda: kernel(*arrays),
        lambda: kernel(*arrays[:2], out=arrays[2]),
        lambda: kernel(arrays[0], **{"".join(("o", "u", "t")): arrays[2], "".join(("", "y")): arrays[1]}),
        lambda: kernel(y=arrays[1], z=arrays[2], x=arrays[0], stream=0),
    ):
        with pytest.raises(Seen) as stopped:
            way()
        assert stopped.value.args[0] == told
    assert kernel.calls == 4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda kernel, x: kernel(x, x, x, x), "takes 3 arrays, got 4"),
        (lambda kernel, x: kernel(x, x, x=x), "'x' is given twice"),
        (lambda kernel, x: kernel(x, x, where=x), "'where' is no array of this kernel"),
        (lambda kernel, x: kernel(x, out=x), "the array 'y' is missing"),
        (lambda kernel, x: kernel(x, x, out=x, stream="main"), "int"),
    ],
)
def test_calls_that_are_none_are_said(call: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call(Called(), np.zeros(4, np.float32))

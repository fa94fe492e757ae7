"""PyTorch's operators on the CPU, through a real daemon."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gpu_tuned.torch  # noqa: E402
from gpu_tuned.torch import _formulas, _operators  # noqa: E402

ops = torch.ops.gpu_tuned


@pytest.fixture(autouse=True)
def _everything_connected(connected: Any) -> None:
    torch.manual_seed(0)


def random(*shape: int, dtype: Any = torch.float32, grad: bool = False) -> Any:
    return torch.randn(*shape, dtype=dtype).requires_grad_(grad)


CALLS = {
    "softmax": (lambda x: ops.softmax(x), lambda x: torch.softmax(x, -1), [(3, 5, 64)]),
    "matmul": (lambda a, b: ops.matmul(a, b), lambda a, b: a @ b, [(2, 16, 32), (32, 48)]),
    "matmul with bias": (lambda a, b, c: ops.matmul(a, b, c), lambda a, b, c: a @ b + c, [(16, 32), (32, 48), (48,)]),
    "matmul with relu": (lambda a, b, c: ops.matmul(a, b, c, "relu"), lambda a, b, c: torch.relu(a @ b + c),
                         [(16, 32), (32, 48), (48,)]),
    "matmul with gelu": (lambda a, b, c: ops.matmul(a, b, c, "gelu"),
                         lambda a, b, c: torch.nn.functional.gelu(a @ b + c), [(16, 32), (32, 48), (48,)]),
    "matmul with silu": (lambda a, b: ops.matmul(a, b, None, "silu"),
                         lambda a, b: torch.nn.functional.silu(a @ b), [(16, 32), (32, 48)]),
    "layer_norm": (lambda x, w, b: ops.layer_norm(x, w, b, 1e-3),
                   lambda x, w, b: torch.nn.functional.layer_norm(x, x.shape[-1:], w, b, 1e-3), [(6, 4, 96), (96,), (96,)]),
    "rms_norm": (lambda x, w: ops.rms_norm(x, w), lambda x, w: _formulas.rms_norm(x, w, 1e-6), [(24, 96), (96,)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_right_with_gradients_and_without_a_fallback(name: str) -> None:
    ours, theirs, shapes = CALLS[name]
    inputs = [random(*shape, grad=True) for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = ours(*inputs)
    expected = theirs(*inputs)
    torch.testing.assert_close(y, expected, rtol=2e-3, atol=2e-3)
    g = torch.randn_like(expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradients = torch.autograd.grad(y, inputs, g)
    for got, wanted in zip(gradients, torch.autograd.grad(expected, inputs, g)):
        torch.testing.assert_close(got, wanted, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("activation", ["none", "silu"])
def test_matmul_with_bias_of_short_types(dtype: Any, activation: str) -> None:
    a, b, c = random(32, 64, dtype=dtype), random(64, 48, dtype=dtype), random(48, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the library's kernel, in either type
        y = ops.matmul(a, b, c, activation)
    expected = _formulas.matmul(a.float(), b.float(), c.float(), activation)
    torch.testing.assert_close(y.float(), expected, rtol=2e-2, atol=5e-2)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kv_heads", [2, 4])
def test_attention(causal: bool, kv_heads: int) -> None:
    q, k, v = (random(1, heads, 64, 16, dtype=torch.float16, grad=True) for heads in (4, kv_heads, kv_heads))
    y = ops.attention(q, k, v, causal)
    wide = [t.detach().float().requires_grad_() for t in (q, k, v)]
    shared = [wide[0], *(t.repeat_interleave(4 // kv_heads, 1) for t in wide[1:])]
    expected = torch.nn.functional.scaled_dot_product_attention(*shared, is_causal=causal)
    torch.testing.assert_close(y.float(), expected, rtol=1e-2, atol=1e-2)
    g = torch.randn_like(expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the gradient is the library's, too
        gradients = torch.autograd.grad(y, (q, k, v), g.half())
    for got, wanted in zip(gradients, torch.autograd.grad(expected, wide, g)):
        torch.testing.assert_close(got.float(), wanted, rtol=3e-2, atol=3e-2)


@pytest.mark.parametrize("name", CALLS)
def test_opcheck(name: str) -> None:
    _, _, shapes = CALLS[name]
    arguments = {"softmax": (), "layer_norm": (1e-5,), "rms_norm": (1e-6,)}
    operator = getattr(ops, name.split()[0])
    inputs = [random(*shape, grad=True) for shape in shapes]
    rest: tuple[Any, ...] = arguments.get(name, ())
    if name.startswith("matmul with"):
        rest = (None,) * (3 - len(inputs)) + ((name.split()[-1],) if not name.endswith("bias") else ())
    torch.library.opcheck(operator, (*inputs, *rest))


def test_opcheck_of_attention() -> None:
    inputs = [random(1, 2, 32, 16, dtype=torch.float16, grad=True) for _ in range(3)]
    torch.library.opcheck(ops.attention, (*inputs, True))
    torch.library.opcheck(ops.attention_forward, (*inputs, True))


def test_gradients_without_a_kernel_are_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    """f32 attention: forward and backward are PyTorch's, said once each, and right."""
    monkeypatch.setattr(_operators, "_said", set())  # whatever tests before this one had said
    q, k, v = (random(1, 2, 24, 16, grad=True) for _ in range(3))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            y = ops.attention(q, k, v, True)
            g = torch.randn_like(y)
            gradients = torch.autograd.grad(y, (q, k, v), g)
    texts = [str(warning.message) for warning in said if "computed by PyTorch" in str(warning.message)]
    assert [text.partition(" is computed by PyTorch: ")[0] for text in texts] == [
        "gpu_tuned: attention", "gpu_tuned: the gradient of attention"
    ]  # fmt: skip
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    for got, wanted in zip(gradients, torch.autograd.grad(expected, (q, k, v), g)):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    x, w, b = random(6, 32, dtype=torch.float64, grad=True), *(random(32, dtype=torch.float64, grad=True) for _ in range(2))
    with pytest.warns(RuntimeWarning, match="layer_norm is computed by PyTorch"):
        y = ops.layer_norm(x, w, b)
        gradients = torch.autograd.grad(y.sum(), (x, w, b))
    for got, wanted in zip(gradients, torch.autograd.grad(torch.nn.functional.layer_norm(x, (32,), w, b).sum(), (x, w, b))):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_compile_keeps_the_operators() -> None:
    seen: list[str] = []

    def backend(module: Any, _: Any) -> Any:
        seen.extend(str(node.target) for node in module.graph.nodes if node.op == "call_function")
        return module.forward

    def block(x: Any, w: Any) -> Any:
        return ops.matmul(ops.softmax(x * 2), w, None, "relu") + 1

    x, w = random(8, 32), random(32, 16)
    y = torch.compile(block, backend=backend, fullgraph=True)(x, w)
    torch.testing.assert_close(y, torch.relu(torch.softmax(x * 2, -1) @ w) + 1, rtol=2e-3, atol=2e-3)
    assert any("gpu_tuned.softmax" in name for name in seen) and any("gpu_tuned.matmul" in name for name in seen)


def test_what_has_no_kernel_is_pytorchs_and_said_once() -> None:
    x = random(4, 8, dtype=torch.float64)
    with pytest.warns(RuntimeWarning, match="softmax is computed by PyTorch: there is no"):
        torch.testing.assert_close(ops.softmax(x), torch.softmax(x, -1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ops.softmax(x)
    torch.testing.assert_close(ops.softmax(random(0, 8)), torch.empty(0, 8))


def test_views_and_strides_are_taken_as_they_are() -> None:
    x = random(64, 33)
    torch.testing.assert_close(ops.softmax(x.t()), torch.softmax(x.t(), -1), rtol=1e-4, atol=1e-6)
    shifted = random(1 + 8 * 64)[1:].reshape(8, 64)
    torch.testing.assert_close(ops.softmax(shifted), torch.softmax(shifted, -1), rtol=1e-4, atol=1e-6)


def test_wrong_arguments_are_said() -> None:
    with pytest.raises(ValueError, match="is none of none, relu"):
        ops.matmul(random(2, 3), random(3, 4), None, "tanh")
    with pytest.raises(ValueError, match="do not fit"):
        ops.matmul(random(2, 3), random(4, 4))
    with pytest.raises(ValueError, match="several types"):
        ops.matmul(random(2, 3), random(3, 4, dtype=torch.float16))

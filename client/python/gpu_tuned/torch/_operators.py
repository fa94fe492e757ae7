"""The operators: a tuned kernel each, what is known of its result without computing it, and its gradient.

Layer norm and attention have kernels for their gradients, too; the forward operators keep what these need. The gradients of
the others are formulas over PyTorch's operators (``_formulas``).
"""

# torch.library's decorators have no types.
# mypy: disallow-untyped-decorators=False, warn-return-any=False
from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, Optional

import torch
from torch import Tensor

from .._kernel import Kernel, variant
from ..errors import (
    FaultedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from . import _formulas
from ._formulas import ACTIVATIONS

_types = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
_said: set[str] = set()


class NoKernel(Exception):
    """The library has none for this."""


def _type(x: Tensor) -> str:
    try:
        return _types[x.dtype]
    except KeyError:
        raise NoKernel(f"there is no kernel of {x.dtype}") from None


@lru_cache(maxsize=None)
def _kernel(name: str, constants: tuple[tuple[str, Any], ...] = (), epsilon: float | None = None) -> Kernel:
    try:
        return variant(name, dict(constants), {} if epsilon is None else {"epsilon": epsilon})
    except NotFoundError as error:
        raise NoKernel(str(error)) from None


def _launch(kernel: Kernel, *arrays: Tensor, **outputs: Tensor) -> Any:
    arrays = tuple(array.detach().contiguous() for array in arrays)
    # A view that begins in the middle of something is copied: the winner is worth more than that.
    return kernel(*(array.clone() if array.data_ptr() % 16 else array for array in arrays), **outputs)


def _leave(operator: str, reason: Exception) -> None:
    text = f"gpu_tuned: {operator} is computed by PyTorch: {reason}"
    if text not in _said:
        _said.add(text)
        warnings.warn(text, RuntimeWarning, stacklevel=2)


def _composed(function: Any) -> Any:
    """An operator made of others, whose gradients are theirs."""
    name = f"gpu_tuned::{function.__name__}"
    torch.library.define(name, torch.library.infer_schema(function, mutates_args=()))
    torch.library.impl(name, "CompositeImplicitAutograd")(function)
    return function


_reasons = (NoKernel, UnavailableError, UnsupportedError, InvalidInputError, FaultedError)


@torch.library.custom_op("gpu_tuned::softmax", mutates_args=())
def softmax(x: Tensor) -> Tensor:
    """Softmax over the last axis."""
    if x.numel() == 0 or x.dim() == 0:
        return torch.softmax(x, -1).contiguous().clone()
    try:
        if _type(x) != "f32":
            raise NoKernel(f"there is no softmax of {x.dtype}")
        rows = x.detach().reshape(-1, x.shape[-1])
        return _launch(_kernel("softmax"), rows).reshape(x.shape)
    except _reasons as reason:
        _leave("softmax", reason)
        return torch.softmax(x, -1).contiguous()


@softmax.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty(x.shape, dtype=x.dtype, device=x.device)


def _softmax_backward(ctx: Any, g: Tensor) -> Tensor:
    return _formulas.softmax_gradient(g, *ctx.saved_tensors)


softmax.register_autograd(
    _softmax_backward, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(output)
)


def _matmul_kernel(dtype: str, bias: bool, activation: str) -> Kernel:
    if not bias:
        return _kernel(f"matmul_{dtype}", (("ACTIVATION", ACTIVATIONS.index(activation)),))
    base = "f32" if dtype == "f32" else "f16"
    constants = (("ACTIVATION", ACTIVATIONS.index(activation)), ("IN", dtype), ("OUT", dtype))
    return _kernel(f"matmul_{base}_bias_relu", constants)


@torch.library.custom_op("gpu_tuned::matmul", mutates_args=())
def matmul(a: Tensor, b: Tensor, bias: Optional[Tensor] = None, activation: str = "none") -> Tensor:  # noqa: UP045
    """activation(a @ b + bias); a: [..., K], b: [K, N], bias: [N]."""
    _check_matmul(a, b, bias, activation)
    shape = (*a.shape[:-1], b.shape[-1])
    if a.numel() == 0 or b.numel() == 0:
        return _formulas.matmul(a, b, bias, activation).contiguous()
    try:
        kernel = _matmul_kernel(_type(a), bias is not None, activation)
        given = (a.detach().reshape(-1, a.shape[-1]), b) if bias is None else (a.detach().reshape(-1, a.shape[-1]), b, bias)
        return _launch(kernel, *given).reshape(shape)
    except _reasons as reason:
        _leave("matmul", reason)
        return _formulas.matmul(a, b, bias, activation).contiguous()


def _check_matmul(a: Tensor, b: Tensor, bias: Tensor | None, activation: str) -> None:
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation {activation!r} is none of {', '.join(ACTIVATIONS)}")
    if a.dim() < 2 or b.dim() != 2:
        raise ValueError(f"matmul takes a: [..., K] and b: [K, N]; a has {a.dim()} axes, b {b.dim()}")
    if a.shape[-1] != b.shape[0] or (bias is not None and (bias.dim() != 1 or bias.shape[0] != b.shape[1])):
        raise ValueError(f"matmul: {tuple(a.shape)} by {tuple(b.shape)}"
                         + (f" plus {tuple(bias.shape)}" if bias is not None else "") + " do not fit")  # fmt: skip
    if b.dtype != a.dtype or (bias is not None and bias.dtype != a.dtype):
        raise ValueError("matmul: its arrays are of several types")


@matmul.register_fake
def _(a: Tensor, b: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    _check_matmul(a, b, bias, activation)
    return torch.empty((*a.shape[:-1], b.shape[-1]), dtype=a.dtype, device=a.device)


def _matmul_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    a, b, bias, ctx.activation = inputs
    ctx.with_bias = bias is not None
    ctx.save_for_backward(a, b, *((bias,) if bias is not None else ()))


def _matmul_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    a, b, *rest = ctx.saved_tensors
    if ctx.activation != "none":  # what went into it is computed again
        z = torch.matmul(a, b)
        g = _formulas.activation_gradient(g, z + rest[0] if ctx.with_bias else z, ctx.activation)
    flat, rows = g.reshape(-1, g.shape[-1]), a.reshape(-1, a.shape[-1])
    da = torch.matmul(g, b.t()) if ctx.needs_input_grad[0] else None
    db = torch.matmul(rows.t(), flat) if ctx.needs_input_grad[1] else None
    return da, db, flat.sum(0) if ctx.with_bias and ctx.needs_input_grad[2] else None, None


matmul.register_autograd(_matmul_backward, setup_context=_matmul_setup)


@torch.library.custom_op("gpu_tuned::layer_norm_forward", mutates_args=())
def layer_norm_forward(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """What layer_norm gives, and mean and 1 / standard deviation of each row, in f32, for its gradient."""
    if x.numel() > 0:
        try:
            rows = x.detach().reshape(-1, x.shape[-1])
            y, mean, rstd = _launch(_kernel(f"layer_norm_{_type(x)}", (), eps), rows, weight, bias)
            return y.reshape(x.shape), mean, rstd
        except _reasons as reason:
            _leave("layer_norm", reason)
    y = torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias, eps).contiguous()
    return (y, *_formulas.row_statistics(x, eps))


@layer_norm_forward.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    rows = x.numel() // x.shape[-1] if x.shape[-1] != 0 else 0
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    return y, *(torch.empty((rows,), dtype=torch.float32, device=x.device) for _ in range(2))


@torch.library.custom_op("gpu_tuned::layer_norm_backward", mutates_args=())
def layer_norm_backward(
    g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, weight and bias; the library's kernel adds those of weight and bias up in f32."""
    if x.numel() > 0:
        try:
            kernel, columns = _kernel(f"layer_norm_backward_{_type(x)}"), x.shape[-1]
            sums = [torch.zeros(columns, dtype=torch.float32, device=x.device) for _ in range(2)]
            rows, slope = x.detach().reshape(-1, columns), g.detach().reshape(-1, columns)
            dx, dweight, dbias = _launch(kernel, rows, slope, weight, mean, rstd, dweight=sums[0], dbias=sums[1])
            return dx.reshape(x.shape), dweight.to(weight.dtype), dbias.to(weight.dtype)
        except _reasons as reason:
            _leave("the gradient of layer_norm", reason)
    return _formulas.layer_norm_gradients(g, x, weight, mean, rstd)


@layer_norm_backward.register_fake
def _(g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty(x.shape, dtype=x.dtype, device=x.device), *(
        torch.empty(weight.shape, dtype=weight.dtype, device=weight.device) for _ in range(2)
    )


def _layer_norm_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, weight, _, _ = inputs
    ctx.save_for_backward(x, weight, *output[1:])


def _layer_norm_gradients(ctx: Any, g: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
    return (*layer_norm_backward(g.contiguous(), *ctx.saved_tensors), None)


layer_norm_forward.register_autograd(_layer_norm_gradients, setup_context=_layer_norm_setup)


@_composed
def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Layer normalisation over the last axis."""
    return layer_norm_forward(x, weight, bias, eps)[0]


@torch.library.custom_op("gpu_tuned::rms_norm", mutates_args=())
def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x²) + eps) · weight over the last axis."""
    if x.numel() > 0:
        try:
            rows = x.detach().reshape(-1, x.shape[-1])
            return _launch(_kernel(f"rms_norm_{_type(x)}", (), eps), rows, weight)[0].reshape(x.shape)
        except _reasons as reason:
            _leave("rms_norm", reason)
    return _formulas.rms_norm(x, weight, eps).contiguous()


@rms_norm.register_fake
def _(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    return torch.empty(x.shape, dtype=x.dtype, device=x.device)


def _rms_norm_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, ctx.eps = inputs
    ctx.save_for_backward(x, weight)


def _rms_norm_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, weight = ctx.saved_tensors
    return (*_formulas.rms_norm_gradients(g, x, weight, ctx.eps), None)


rms_norm.register_autograd(_rms_norm_backward, setup_context=_rms_norm_setup)


def _attention_name(part: str, causal: bool, x: Tensor) -> str:
    return f"attention{part}{'_causal' if causal else ''}_{_type(x)}"


@torch.library.custom_op("gpu_tuned::attention_forward", mutates_args=())
def attention_forward(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    """What attention gives, and ln of the sum of each row's exponentials, in f32, for its gradient."""
    try:
        o, lse = _launch(_kernel(_attention_name("", causal, q)), q, k, v)
        return o, lse
    except _reasons as reason:
        _leave("attention", reason)
        return _formulas.attention(q, k, v, causal)


@attention_forward.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    o = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    return o, torch.empty(q.shape[:-1], dtype=torch.float32, device=q.device)


@torch.library.custom_op("gpu_tuned::attention_backward", mutates_args=())
def attention_backward(
    g: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, causal: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v, by three kernels of the library."""
    try:
        delta = _launch(_kernel(f"attention_delta_{_type(q)}"), o, g)
        dk, dv = _launch(_kernel(_attention_name("_dkdv", causal, q)), q, k, v, g, lse, delta)
        dq = _launch(_kernel(_attention_name("_dq", causal, q)), q, k, v, g, lse, delta)
        return dq, dk, dv
    except _reasons as reason:
        _leave("the gradient of attention", reason)
        return _formulas.attention_gradients(g, q, k, v, causal)


@attention_backward.register_fake
def _(
    g: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, causal: bool
) -> tuple[Tensor, Tensor, Tensor]:
    dq, dk, dv = (torch.empty(t.shape, dtype=t.dtype, device=t.device) for t in (q, k, v))
    return dq, dk, dv


def _attention_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    q, k, v, ctx.causal = inputs
    ctx.save_for_backward(q, k, v, *output)


def _attention_gradients(ctx: Any, g: Tensor, _: Any) -> tuple[Tensor | None, ...]:
    return (*attention_backward(g.contiguous(), *ctx.saved_tensors, ctx.causal), None)


attention_forward.register_autograd(_attention_gradients, setup_context=_attention_setup)


@_composed
def attention(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    """softmax(q kᵀ / √D) v of [Z, H, N, D] by [Z, HKV, N, D]."""
    return attention_forward(q, k, v, causal)[0]

"""What the operators mean, in PyTorch's own operators: for types without a kernel, and for gradients."""

from __future__ import annotations

import torch
from torch import Tensor

ACTIVATIONS = ("none", "relu", "gelu", "silu")  # by the number that kernel documents have for them


def activate(z: Tensor, activation: str) -> Tensor:
    if activation == "relu":
        return torch.relu(z)
    if activation == "gelu":
        return torch.nn.functional.gelu(z)
    return torch.nn.functional.silu(z) if activation == "silu" else z


def activation_gradient(g: Tensor, z: Tensor, activation: str) -> Tensor:
    """The gradient of ``z`` from that of ``activate(z)``, in f32 and back."""
    if activation == "none":
        return g
    wide = z.float()
    if activation == "relu":
        slope = (wide > 0).float()
    elif activation == "gelu":
        density = torch.exp(-0.5 * wide * wide) * 0.3989422804014327  # 1 / sqrt(2 pi)
        slope = 0.5 * (1 + torch.erf(wide * 0.7071067811865476)) + wide * density
    else:
        sigmoid = torch.sigmoid(wide)
        slope = sigmoid * (1 + wide * (1 - sigmoid))
    return (g.float() * slope).to(g.dtype)


def matmul(a: Tensor, b: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    z = torch.matmul(a, b)
    return activate(z if bias is None else z + bias, activation)


def softmax_gradient(g: Tensor, y: Tensor) -> Tensor:
    wide, product = y.float(), g.float() * y.float()
    return (product - wide * product.sum(-1, keepdim=True)).to(g.dtype)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps) * weight.float()).to(x.dtype)


def rms_norm_gradients(g: Tensor, x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    wide, slope = x.float(), g.float()
    rstd = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    unit, scaled = wide * rstd, slope * weight.float()
    dx = rstd * (scaled - unit * (scaled * unit).mean(-1, keepdim=True))
    return dx.to(x.dtype), (slope * unit).reshape(-1, x.shape[-1]).sum(0).to(weight.dtype)


def row_statistics(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1 / standard deviation of each row, in f32."""
    rows = x.float().reshape(-1, x.shape[-1]) if x.shape[-1] else x.float().reshape(0, 1)
    mean = rows.mean(-1)
    return mean, torch.rsqrt((rows - mean[:, None]).pow(2).mean(-1) + eps)


def layer_norm_gradients(g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, slope = (t.float().reshape(-1, x.shape[-1]) for t in (x, g))
    unit, scaled = (rows - mean[:, None]) * rstd[:, None], slope * weight.float()
    dx = rstd[:, None] * (scaled - scaled.mean(-1, keepdim=True) - unit * (scaled * unit).mean(-1, keepdim=True))
    return dx.reshape(x.shape).to(x.dtype), (slope * unit).sum(0).to(weight.dtype), slope.sum(0).to(weight.dtype)


def _scores(q: Tensor, k: Tensor, causal: bool) -> Tensor:
    scores = torch.matmul(q.float(), k.float().transpose(-1, -2)) * q.shape[-1] ** -0.5
    if causal:
        rows = torch.arange(q.shape[-2], device=q.device)
        scores = scores.masked_fill(rows[None, :] > rows[:, None], float("-inf"))
    return scores


def _shared(t: Tensor, heads: int) -> Tensor:
    return t.repeat_interleave(heads // t.shape[1], 1)


def attention(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    """The output, and ln of the sum of each row's exponentials in f32."""
    heads = q.shape[1]
    scores = _scores(q, _shared(k, heads), causal)
    return torch.matmul(torch.softmax(scores, -1), _shared(v, heads).float()).to(q.dtype), torch.logsumexp(scores, -1)


def attention_gradients(g: Tensor, q: Tensor, k: Tensor, v: Tensor, causal: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Takes N² of memory for each head: for types and widths that the library has no kernel for."""
    heads, scale = q.shape[1], q.shape[-1] ** -0.5
    keys, values, slope = _shared(k, heads).float(), _shared(v, heads).float(), g.float()
    p = torch.softmax(_scores(q, keys, causal), -1)
    dp = torch.matmul(slope, values.transpose(-1, -2))
    ds = p * (dp - (dp * p).sum(-1, keepdim=True)) * scale
    dk, dv = torch.matmul(ds.transpose(-1, -2), q.float()), torch.matmul(p.transpose(-1, -2), slope)
    folded = (k.shape[0], k.shape[1], heads // k.shape[1], *k.shape[2:])
    return (
        torch.matmul(ds, keys).to(q.dtype),
        dk.reshape(folded).sum(2).to(k.dtype),
        dv.reshape(folded).sum(2).to(v.dtype),
    )

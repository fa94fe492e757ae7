"""The library's kernels as operators of PyTorch: ``import gpu_tuned.torch`` defines ``torch.ops.gpu_tuned.softmax`` and others.

They have fake kernels and gradients, so that ``torch.compile`` keeps them and training works. Forward passes are tuned
kernels, and so are the gradients of layer norm and attention; the other gradients are PyTorch's operators. Where the
library has no kernel for a type, or no daemon answers, PyTorch computes the same formula, and a warning says so once.

| operator | computes |
|---|---|
| ``softmax(x)`` | over the last axis |
| ``matmul(a, b, bias=None, activation="none")`` | ``activation(a @ b + bias)``; a: [..., K], b: [K, N], bias: [N]; "none", "relu", "gelu" (erf), "silu" |
| ``layer_norm(x, weight, bias, eps=1e-5)`` | over the last axis |
| ``rms_norm(x, weight, eps=1e-6)`` | over the last axis |
| ``attention(q, k, v, causal=False)`` | softmax(q kᵀ / √D) v; q: [Z, H, N, D], k and v: [Z, HKV, N, D], H a multiple of HKV |
"""  # noqa: E501

from __future__ import annotations

import os

from ._operators import attention, layer_norm, matmul, rms_norm, softmax

if os.environ.get("GPU_TUNED_INDUCTOR", "0") not in ("", "0"):
    from .. import inductor

    inductor.install()

__all__ = ["attention", "layer_norm", "matmul", "rms_norm", "softmax"]

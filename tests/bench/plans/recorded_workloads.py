"""Kernels of Liger-Kernel and of flash-linear-attention at sizes of training, for recorded_plan.py."""
import torch
from recorded_plan import Workload

ROWS, HIDDEN, INNER, VOCABULARY = 8192, 4096, 11008, 32000
BATCH, LENGTH, HEADS, DEPTH, CHUNK = 2, 4096, 16, 128, 64


def bf16(*shape):
    return torch.empty(shape, dtype=torch.bfloat16)


def f32(*shape):
    return torch.empty(shape, dtype=torch.float32)


def liger(module, name):
    import importlib

    return getattr(importlib.import_module("liger_kernel.ops." + module), name)


def fla(module, name):
    import importlib

    return getattr(importlib.import_module("fla." + module), name)


def heads(depth=DEPTH):
    return bf16(BATCH, LENGTH, HEADS, depth)


def gates():
    return f32(BATCH, LENGTH, HEADS)


def states():
    return bf16(BATCH, LENGTH // CHUNK, HEADS, DEPTH, DEPTH)


def pairs():
    return bf16(BATCH, LENGTH, HEADS, CHUNK)


STATISTICS = {r"(?i)rstd.*": "uniform"}
X = (ROWS, HIDDEN)
LIGER = [
    Workload("liger.rms_norm", lambda: liger("rms_norm", "rms_norm_forward")(bf16(*X), bf16(HIDDEN), 1e-6, 0.0, "llama", True)),
    Workload("liger.rms_norm", lambda: liger("rms_norm", "rms_norm_backward")(
        bf16(*X), bf16(*X), bf16(HIDDEN), f32(ROWS), 0.0, 0, 4096, 8, False, True), STATISTICS),
    Workload("liger.layer_norm", lambda: liger("layer_norm", "layer_norm_forward")(bf16(*X), bf16(HIDDEN), bf16(HIDDEN), 1e-6)),
    Workload("liger.layer_norm", lambda: liger("layer_norm", "layer_norm_backward")(
        bf16(*X), bf16(*X), bf16(HIDDEN), bf16(HIDDEN), f32(ROWS), f32(ROWS)), STATISTICS),
    Workload("liger.fused_add_rms_norm", lambda: liger("fused_add_rms_norm", "fused_add_rms_norm_forward")(
        bf16(*X), bf16(*X), bf16(HIDDEN), 1e-6, 0.0, "llama")),
    Workload("liger.fused_add_rms_norm", lambda: liger("fused_add_rms_norm", "fused_add_rms_norm_backward")(
        bf16(*X), bf16(*X), bf16(*X), bf16(HIDDEN), f32(ROWS), 0.0, 0, 4096, 8, 2, False), STATISTICS),
    Workload("liger.swiglu", lambda: liger("swiglu", "swiglu_forward")(bf16(4096, INNER), bf16(4096, INNER))),
    Workload("liger.swiglu", lambda: liger("swiglu", "swiglu_backward")(*(bf16(4096, INNER) for _ in range(3)))),
    Workload("liger.geglu", lambda: liger("geglu", "geglu_forward")(bf16(4096, INNER), bf16(4096, INNER))),
    Workload("liger.geglu", lambda: liger("geglu", "geglu_backward")(*(bf16(4096, INNER) for _ in range(3)))),
    Workload("liger.rope", lambda: liger("rope", "rope_forward")(
        bf16(4, 2048, 32, 128).transpose(1, 2), bf16(4, 2048, 8, 128).transpose(1, 2), bf16(1, 2048, 128), bf16(1, 2048, 128))),
    Workload("liger.cross_entropy", lambda: liger("cross_entropy", "cross_entropy_forward")(
        bf16(2048, VOCABULARY), torch.zeros(2048, dtype=torch.int64), None, -100, 0.0, 0.0, "mean", None, False),
        tolerance=(2e-2, 1e-4)),
    Workload("liger.cross_entropy_and_gradient", lambda: liger("cross_entropy", "cross_entropy_forward")(
        bf16(2048, VOCABULARY).requires_grad_(), torch.zeros(2048, dtype=torch.int64), None, -100, 0.0, 0.0, "mean", None, False),
        partial="loss_ptr"),
    Workload("liger.softmax", lambda: liger("softmax", "_softmax_forward")(bf16(*X)), tolerance=(2e-2, 1e-6)),
    # These three sum in bf16, so that Triton's own builds differ with the number of warps.
    Workload("liger.softmax", lambda: liger("softmax", "_softmax_backward")(bf16(*X), bf16(*X), 4096, 8, False),
             {"dy_ptr|y_ptr": "uniform"}, tolerance=(0.1, 1.0)),
    Workload("liger.poly_norm", lambda: liger("poly_norm", "poly_norm_forward")(bf16(*X), bf16(3), bf16(1), 1e-6),
             tolerance=(5e-2, 5e-2)),
    Workload("liger.poly_norm", lambda: liger("poly_norm", "poly_norm_backward")(
        bf16(*X), bf16(*X), bf16(3), f32(ROWS, 3), 4096, 8, False), STATISTICS, tolerance=(3e-2, 0.1)),
    Workload("liger.group_norm", lambda: liger("group_norm", "group_norm_forward")(
        bf16(32, 256, 2048), 256, 32, bf16(256), bf16(256), 1e-6), tolerance=(5e-2, 5e-2)),
    Workload("liger.group_norm", lambda: liger("group_norm", "group_norm_backward")(
        bf16(32, 256, 2048), bf16(32, 256, 2048), bf16(256), bf16(256), bf16(32, 32), bf16(32, 32), 256, 32), STATISTICS),
    Workload("liger.tvd", lambda: liger("tvd", "tv_distance_forward_triton")(
        bf16(2048, VOCABULARY), bf16(2048, VOCABULARY), None, "batchmean", -100, False), {"[pq]_ptr": "uniform"},
        tolerance=(2e-2, 1e-6)),
    Workload("liger.kl_div", lambda: liger("kl_div", "kldiv_forward_triton")(
        bf16(2048, VOCABULARY), bf16(2048, VOCABULARY), False, "batchmean", 1e-10), {"gt_ptr": "uniform"}),
    Workload("liger.kl_div", lambda: liger("kl_div", "kldiv_backward_triton")(
        bf16(2048, VOCABULARY), torch.tensor(1.0), bf16(2048, VOCABULARY), False), {"target_ptr": "uniform"}),
    Workload("liger.jsd", lambda: liger("jsd", "jsd_forward")(
        bf16(2048, VOCABULARY), bf16(2048, VOCABULARY), None, 0.5, -100, False), tolerance=(2e-2, 1e-6)),
    Workload("liger.dyt", lambda: liger("dyt", "liger_dyt_fwd")(bf16(*X), bf16(1), bf16(HIDDEN), bf16(HIDDEN))),
    Workload("liger.dyt", lambda: liger("dyt", "liger_dyt_bwd")(bf16(*X), bf16(*X), bf16(1), bf16(HIDDEN), bf16(HIDDEN)),
             partial="DA", tolerance=(2e-2, 2e-2)),
    Workload("liger.relu_squared", lambda: liger("relu_squared", "relu_squared_forward")(bf16(4096, INNER))),
]
FLA = [
    Workload("fla.simple_gla", lambda: fla("ops.common.chunk_o", "chunk_fwd_o")(
        heads(), heads(), heads(), states(), gates(), scale=DEPTH**-0.5), {"g": "uniform"}),
    Workload("fla.retention", lambda: fla("ops.common.chunk_h", "chunk_fwd_h")(
        heads(), heads(), g_gamma=f32(HEADS)), {"g_gamma": -0.01}, tolerance=(2e-2, 1.0)),
    Workload("fla.retention", lambda: fla("ops.common.chunk_o", "chunk_bwd_dv_local")(
        heads(), heads(), heads(), g_gamma=f32(HEADS), scale=DEPTH**-0.5), {"g_gamma": -0.01}),
    Workload("fla.linear_attn", lambda: fla("ops.common.chunk_o", "chunk_bwd_dqkwg")(
        heads(), heads(), heads(), heads(), states(), states(), scale=DEPTH**-0.5), tolerance=(2e-2, 1.0)),
    Workload("fla.gated_delta_rule", lambda: fla("ops.common.chunk_delta_h", "chunk_gated_delta_rule_fwd_h")(
        heads(), heads(), heads(), gates()), {"g": "uniform", "w": 0.001}, tolerance=(3e-2, 2.0)),
    Workload("fla.gated_delta_rule", lambda: fla("ops.gated_delta_rule.wy_fast", "recompute_w_u_fwd")(
        heads(), heads(), gates(), pairs(), gates()), {"g|beta": "uniform"}),
    Workload("fla.delta_rule", lambda: fla("ops.delta_rule.wy_fast", "recompute_w_u_fwd")(
        heads(), heads(), gates(), pairs(), None), {"beta": "uniform"}),
    Workload("fla.gated_delta_rule", lambda: fla("ops.common.chunk_scaled_dot_kkt", "chunk_scaled_dot_kkt_fwd")(
        heads(), gates(), gates()), {"g|beta": "uniform"}, tolerance=(2e-2, 0.5)),
    Workload("fla.solve_tril", lambda: fla("ops.utils.solve_tril", "solve_tril")(f32(BATCH, LENGTH, HEADS, CHUNK)), {"A": 0.01},
             partial="Ai"),
    Workload("fla.gla", lambda: fla("ops.gla.chunk", "chunk_gla_fwd_o_gk")(
        heads(), heads(), f32(BATCH, LENGTH, HEADS, DEPTH), pairs(), states(), DEPTH**-0.5), {"g": "uniform"}),
    Workload("fla.gla", lambda: fla("ops.gla.chunk", "chunk_gla_fwd_intra_gk")(
        heads(), heads(), f32(BATCH, LENGTH, HEADS, DEPTH), DEPTH**-0.5), {"g": "uniform"}, "intra", partial="A"),
    Workload("fla.gated_delta_rule", lambda: fla("ops.gated_delta_rule.fused_recurrent", "fused_recurrent_gated_delta_rule_fwd")(
        bf16(16, 256, HEADS, DEPTH), bf16(16, 256, HEADS, DEPTH), bf16(16, 256, HEADS, DEPTH), f32(16, 256, HEADS),
        beta=f32(16, 256, HEADS), scale=DEPTH**-0.5, use_qk_l2norm_in_kernel=True), {"g": -0.1, "beta": "uniform"},
        tolerance=(2e-2, 1e-2)),
    Workload("fla.simple_gla", lambda: fla("ops.common.fused_recurrent", "fused_recurrent_fwd")(
        bf16(16, 256, HEADS, DEPTH), bf16(16, 256, HEADS, DEPTH), bf16(16, 256, HEADS, DEPTH), f32(16, 256, HEADS),
        scale=DEPTH**-0.5), {"g": -0.1}, tolerance=(2e-2, 2e-2)),
    Workload("fla.l2norm", lambda: fla("modules.norm.l2norm", "l2norm_fwd")(heads())),
    Workload("fla.l2norm", lambda: fla("modules.norm.l2norm", "l2norm_bwd")(heads(), gates(), heads()), STATISTICS),
    Workload("fla.rms_norm_gated", lambda: fla("modules.norm.fused_norm_gate", "layer_norm_gated_fwd")(
        bf16(BATCH * LENGTH * HEADS, DEPTH), bf16(BATCH * LENGTH * HEADS, DEPTH), bf16(DEPTH), None, is_rms_norm=True)),
    Workload("fla.layer_norm", lambda: fla("modules.norm.layernorm", "layer_norm_fwd")(bf16(*X), bf16(HIDDEN), bf16(HIDDEN))),
    Workload("fla.rotary", lambda: fla("modules.rotary.ops", "rotary_embedding_fwdbwd")(
        heads(), bf16(LENGTH, DEPTH // 2), bf16(LENGTH, DEPTH // 2))),
    Workload("fla.causal_conv1d", lambda: fla("modules.causal_conv1d.ops", "causal_conv1d_fwd")(
        bf16(BATCH, LENGTH, 2048), bf16(2048, 4), None, None, activation="silu")),
    Workload("fla.cumsum", lambda: fla("ops.utils.cumsum", "chunk_local_cumsum")(f32(BATCH, LENGTH, HEADS, DEPTH), CHUNK)),
    Workload("fla.swiglu", lambda: fla("modules.activations.ops", "swiglu_fwd")(bf16(4096, INNER), bf16(4096, INNER))),
    Workload("fla.hgrn", lambda: fla("ops.hgrn.fused_recurrent", "fused_recurrent_hgrn_fwd")(
        bf16(8, 1024, 4096), bf16(8, 1024, 4096)), {"g": -0.1}, tolerance=(2e-2, 2e-2)),
]
WORKLOADS = LIGER + FLA

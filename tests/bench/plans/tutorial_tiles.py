"""Tiles that case_plan.py plans beside the recorded ones: those that were fastest for one compiler or another.

num_warps and num_stages are Triton's; `hints` are Tile IR's, a build each (gpu_prepare --hints).
"""


def matmul(m, n, k, warps, stages, hints, **more):
    return {"BLOCK_SIZE_M": m, "BLOCK_SIZE_N": n, "BLOCK_SIZE_K": k, "GROUP_SIZE_M": 8, "num_warps": warps,
            "num_stages": stages, "hints": hints} | more


def forward(m, n, warps, stages, hints):
    return {"BLOCK_M": m, "BLOCK_N": n, "num_warps": warps, "num_stages": stages, "hints": hints}


def backward(m1, n1, slices, warps, stages, hints):
    return {"BLOCK_M1": m1, "BLOCK_N1": n1, "BLOCK_M2": n1, "BLOCK_N2": m1, "BLK_SLICE_FACTOR": slices,
            "num_warps": warps, "num_stages": stages, "hints": hints}


EIGHT, PAIR = "worker_warps=8", "worker_warps=8,num_ctas=2"
TWICE, FOUR = "worker_warps=8,occupancy=2", "worker_warps=4,occupancy=2"

SQUARE = [
    matmul(128, 256, 64, 8, 3, [EIGHT]),
    matmul(128, 128, 64, 4, 4, []),
    matmul(256, 256, 64, 8, 3, [PAIR]),
]
HALVES = [tile | {"EPILOGUE_SUBTILE": halves} for tile in SQUARE for halves in (True, False)]
ROWS = [
    matmul(16, 64, 64, 4, 4, ["worker_warps=4"]),
    matmul(16, 64, 128, 4, 4, ["worker_warps=4"]),
    matmul(16, 64, 256, 4, 3, ["worker_warps=8"]),
    matmul(16, 64, 256, 8, 4, ["worker_warps=8"]),
    matmul(16, 64, 512, 8, 4, ["worker_warps=8"]),
    matmul(64, 64, 128, 4, 4, ["worker_warps=4"]),
]
FORWARD_64 = [forward(128, 64, 4, 3, [TWICE]), forward(64, 64, 4, 3, [FOUR])]
FORWARD_128 = [forward(128, 128, 8, 3, [EIGHT]), forward(64, 128, 4, 3, [FOUR]), forward(64, 64, 4, 3, [])]
BACKWARD = [
    backward(64, 64, 1, 4, 3, [FOUR, "worker_warps=4"]),
    backward(64, 128, 2, 8, 3, [EIGHT]),
    backward(32, 128, 2, 4, 3, [EIGHT]),
]

def rows(warps, **block):
    return block | {"num_warps": warps, "num_stages": 3, "hints": []}


VECTORS = [rows(4, BLOCK_SIZE=1024), rows(8, BLOCK_SIZE=2048), rows(8, BLOCK_SIZE=4096)]
WIDE = [rows(4, BLOCK_SIZE=4096), rows(8, BLOCK_SIZE=4096), rows(16, BLOCK_SIZE=4096)]

GROUPED = [
    matmul(m, n, k, warps, stages, hints, NUM_SM=132 * programs)
    for m, n, k, warps, stages, hints, programs in (
        (128, 128, 32, 4, 3, [], 1), (128, 128, 64, 4, 3, [EIGHT, ""], 1), (128, 128, 64, 8, 3, [], 1),
        (128, 256, 64, 8, 3, [EIGHT], 1), (64, 64, 32, 4, 3, [], 2), (128, 128, 64, 8, 4, ["worker_warps=8,latency=5"], 1))
]

# By the name of the task, or by what of it stands before the last "_".
TILES = {
    "tutorial03": SQUARE,
    "tutorial03_16x8192x8192": ROWS,
    "tutorial09_plain": SQUARE,
    "tutorial09_persistent": SQUARE,
    "tutorial09_tma": SQUARE,
    "tutorial09_tma_persistent": HALVES,
    "tutorial09_descriptor_persistent": HALVES,
    "tutorial06_forward_d64": FORWARD_64,
    "tutorial06_forward_d128": FORWARD_128,
    "tutorial06_backward_d64": BACKWARD,
    "tutorial06_backward_d128": BACKWARD,
    "tutorial01_add": VECTORS,
    "tutorial02_softmax": WIDE,
    "tutorial04_dropout": VECTORS,
    "tutorial04_seeded_dropout": VECTORS,
    "tutorial05_forward": WIDE,
    "tutorial05_backward_dx": [rows(4, BLOCK_SIZE_N=1024), rows(8, BLOCK_SIZE_N=1024)],
    "tutorial05_backward_dwdb": [],
    "tutorial07_asin": VECTORS,
    "tutorial08_grouped_matmul": GROUPED,
}

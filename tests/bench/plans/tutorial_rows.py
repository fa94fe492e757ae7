"""Triton's tutorials 01, 02, 04, 05, 07 and 08 at sizes that are worth timing: what case_plan.py scales them by."""
from plan_arguments import cdiv, float_bits, hidden, integer, listed, pointer, real

EPSILON = float_bits(1e-5)
SEED = 123


def elementwise(case, sizes):
    """01, 04 and 07: vectors of n elements, the last pointer written."""
    count = sizes["n_elements"]
    last = [argument["name"] for argument in case["args"] if argument["type"].startswith("*")][-1]
    arguments, moved = [], 0
    for argument in case["args"]:
        name, kind = argument["name"], argument["type"].removeprefix("*")
        if argument["type"].startswith("*"):
            arguments.append(pointer(name, kind, count, "uniform", name == last))
            moved += 4 * count
        elif kind == "fp32":
            arguments.append(real(name, float_bits(0.5)))
        else:
            arguments.append(integer(name, count if name == "n_elements" else SEED))
    return arguments, [cdiv(count, case["constants"]["BLOCK_SIZE"]), 1, 1], 0, moved


def softmax(case, sizes):
    """02: as many programs as fill an H100's 132 multiprocessors, each of which takes every so manieth row."""
    rows, columns = sizes["n_rows"], sizes["n_cols"]
    values = {"input_row_stride": columns, "output_row_stride": columns, "n_rows": rows, "n_cols": columns}
    arguments = [pointer(each["name"], "fp32", rows * columns, output=each["name"].startswith("output"))
                 if each["type"].startswith("*") else integer(each["name"], values[each["name"]]) for each in case["args"]]
    resident = min(16, 227 * 1024 // (4 * columns * 3), 64 // case["options"]["num_warps"])
    return arguments, [min(rows, 132 * resident), 1, 1], 0, 8.0 * rows * columns


def layer_norm(case, sizes):
    """05: forward, the gradient of the input with partial sums under locks, and the sum of those."""
    rows, columns = sizes["M"], sizes["N"]
    constants = case["constants"]
    groups = constants.get("GROUP_SIZE_M", rows)
    lengths = {"X": rows * columns, "Y": rows * columns, "DX": rows * columns, "DY": rows * columns, "DW": groups * columns,
               "DB": groups * columns, "Mean": rows, "Rstd": rows, "Lock": 2 * groups}
    outputs = {"_layer_norm_fwd_fused": ("Y", "Mean", "Rstd"), "_layer_norm_bwd_dx_fused": ("DX",),
               "_layer_norm_bwd_dwdb": ("FINAL_DW", "FINAL_DB")}[case["kernel"]]
    arguments, moved = [], 0
    for argument in case["args"]:
        name, kind = argument["name"], argument["type"].removeprefix("*")
        if argument["type"].startswith("*"):
            fill = "constant" if name == "Lock" else "uniform" if name in ("Mean", "Rstd") else "normal"
            arguments.append(pointer(name, kind, lengths.get(name, columns), fill, name in outputs))
            moved += arguments[-1]["elements"] * arguments[-1]["bytes"] if name != "Lock" else 0
        elif name == "eps":
            arguments.append(real(name, EPSILON))
        else:
            arguments.append(integer(name, {"stride": columns, "M": rows, "N": columns}[name]))
    wide = constants.get("BLOCK_SIZE_N") if "BLOCK_SIZE_M" in constants else None
    return arguments, [cdiv(columns, wide) if wide else rows, 1, 1], 0, moved


def grouped(case, sizes):
    """08: square products of several sizes, told by arrays of addresses; all a, all b and all c are a buffer each."""
    squares = sizes["squares"]
    starts = [2 * sum(each * each for each in squares[:i]) for i in range(len(squares))]
    elements = sum(each * each for each in squares)
    threes = [each for each in squares for _ in range(3)]
    arrays = {"group_gemm_sizes": threes, "g_lds": threes}
    arguments = []
    for argument in case["args"]:
        name = argument["name"]
        if name in arrays:
            arguments.append(listed(name, "i32", arrays[name]))
        elif name == "group_size":
            arguments.append(integer(name, len(squares)))
        else:
            arguments.append(listed(name, "i64", starts, name.split("_")[1]))
    arguments += [hidden(name, "fp16", elements, name == "c") for name in "abc"]
    return arguments, [case["constants"]["NUM_SM"], 1, 1], 2.0 * sum(each ** 3 for each in squares), 6.0 * elements


#: Tutorial 08 is not among the recorded launches: its arguments as the tutorial passes them.
GROUPED = {
    "kernel": "grouped_matmul_kernel", "constants": {"NUM_SM": 132},
    "options": {"num_warps": 4, "num_stages": 3, "num_ctas": 1},
    "args": [{"name": name, "type": kind} for name, kind in (
        ("group_a_ptrs", "*i64"), ("group_b_ptrs", "*i64"), ("group_c_ptrs", "*i64"), ("group_gemm_sizes", "*i32"),
        ("g_lds", "*i32"), ("group_size", "i32"))],
}


def torch_rows(op, **more):
    return lambda sizes, constants: {"op": op} | sizes | more


EXACT, HALVES = (1e-5, 1e-6), (1e-2, 2e-2)
VECTOR, MATRIX = {"n_elements": 1 << 25}, {"n_rows": 8192, "n_cols": 4096}
# Arguments of case_plan.Task: name, tutorial, recorded test or a launch, kernel, constants, scale, sizes, tolerance,
# PyTorch's side.
ROW_TASKS = [
    ("tutorial01_add", "01", "01_add", "add_kernel", {}, elementwise, VECTOR, EXACT, torch_rows("add")),
    ("tutorial02_softmax_8192x4096", "02", "02_softmax", "softmax_kernel", {"BLOCK_SIZE": 4096}, softmax, MATRIX, EXACT,
     torch_rows("softmax")),
    ("tutorial04_dropout", "04", "04_dropout", "_dropout", {}, elementwise, VECTOR, EXACT, None),
    ("tutorial04_seeded_dropout", "04", "04_dropout", "_seeded_dropout", {}, elementwise, VECTOR, EXACT, None),
    ("tutorial05_forward_8192x4096", "05", "05_layer_norm", "_layer_norm_fwd_fused", {"BLOCK_SIZE": 4096}, layer_norm,
     {"M": 8192, "N": 4096}, HALVES, torch_rows("layer_norm")),
    ("tutorial05_backward_dx_8192x1024", "05", "05_layer_norm", "_layer_norm_bwd_dx_fused", {"BLOCK_SIZE_N": 1024}, layer_norm,
     {"M": 8192, "N": 1024}, HALVES, None),
    ("tutorial05_backward_dwdb_256x8192", "05", "05_layer_norm", "_layer_norm_bwd_dwdb", {}, layer_norm, {"M": 256, "N": 8192},
     (2e-2, 0.25), None),
    ("tutorial07_asin", "07", "07_extern", "asin_kernel", {}, elementwise, VECTOR, (1e-5, 1e-6), None),
    ("tutorial08_grouped_matmul", "08", GROUPED, "grouped_matmul_kernel", {}, grouped, {"squares": [4096, 2048, 1024, 512]},
     (1e-2, 0.5), torch_rows("matmuls")),
]

"""Triton's tutorials without dots, 01, 02, 04, 05 and 07, at sizes that are worth timing: what case_plan.py scales them by.

08 is not among them: its arguments are arrays of pointers, which a plan does not carry.
"""
from plan_arguments import cdiv, float_bits, integer, pointer, real

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


def torch_rows(op, **more):
    return lambda sizes, constants: {"op": op} | sizes | more


EXACT, HALVES = (1e-5, 1e-6), (1e-2, 2e-2)
VECTOR, MATRIX = {"n_elements": 1 << 25}, {"n_rows": 8192, "n_cols": 4096}
# Arguments of case_plan.Task: name, tutorial, recorded test, kernel, constants, scale, sizes, tolerance, PyTorch's side.
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
]

"""Arguments of a plan's kernels, as gpu_prepare and gpu_compare read them."""
import struct

BYTES = {"fp16": 2, "bf16": 2, "fp32": 4, "i32": 4, "i64": 8}
NAMES = {"fp16": "f16", "bf16": "bf16", "fp32": "f32", "i32": "i32", "i64": "i64"}


def cdiv(a, b):
    return -(-a // b)


def pointer(name, kind, elements, fill="normal", output=False):
    return {"name": name, "type": "*" + NAMES[kind], "fill": fill, "elements": elements, "bytes": BYTES[kind],
            "bits": 0, "output": output}


def descriptor(name, kind, rows, columns, block, output=False):
    return pointer(name, kind, rows * columns, output=output) | {
        "shape": [rows, columns], "strides": [columns, 1], "block": block}


def listed(name, kind, values, into=None):
    """A buffer of these integers; with `into`, of the addresses so many bytes behind the start of that buffer."""
    told = {"values": values} | ({"into": into} if into else {})
    return pointer(name, kind, len(values), "addresses" if into else "values") | told


def hidden(name, kind, elements, output=False):
    """A buffer that is reached through addresses alone."""
    return pointer(name, kind, elements, output=output) | {"hidden": True}


def integer(name, value):
    return {"name": name, "type": "i32", "fill": "", "elements": 0, "bytes": 4, "bits": value, "output": False}


def real(name, bits):
    return {"name": name, "type": "f32", "fill": "", "elements": 0, "bytes": 4, "bits": bits, "output": False}


HALF = 0x3F000000  # 0.5 as the bits of an f32


def float_bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def block_of(argument):
    """The block of "tensordesc<fp16[128, 64]>"."""
    inside = argument["type"].split("[")[1].split("]")[0]
    return [int(each) for each in inside.split(",")]

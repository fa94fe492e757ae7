#!/usr/bin/env python3
"""Writes small launches, at random but always the same for one seed, in the format of recorded ones:

    variations.py FOLDER [SEED]

They vary what compilers got wrong before: tiles changed in place, arithmetic that wraps and is widened, quotients of
negative numbers, divisions by zero in lanes that are dropped, conversions near ties, remainders of far-apart floats,
while loops. What is right is the evaluator's answer: conformance --cases FOLDER --against reference.
"""
import json
import pathlib
import random
import shutil
import struct
import sys

# TTIR's name of an element type: Triton's, bytes, and for floats the mantissa's digits, the exponents of the smallest
# and largest numbers.
TYPES = {
    "i8": ("i8", 1), "i16": ("i16", 2), "i32": ("i32", 4), "i64": ("i64", 8),
    "f16": ("fp16", 2, 11, -24, 15), "bf16": ("bf16", 2, 8, -133, 127), "f32": ("fp32", 4, 24, -149, 127),
    "f64": ("fp64", 8, 53, -1074, 1023), "f8E4M3FN": ("fp8e4nv", 1, 4, -9, 8), "f8E5M2": ("fp8e5", 1, 3, -16, 15),
}
INTEGERS = ["i8", "i16", "i32", "i64"]


def bits(type):
    return 8 * TYPES[type][1]


def signed(value, type):
    half = 1 << (bits(type) - 1)
    return (value + half) % (2 * half) - half


def element(type, value):
    """A value's bytes in a buffer."""
    if type.startswith("i"):
        return (int(value) % (1 << bits(type))).to_bytes(TYPES[type][1], "little")
    if type == "bf16":
        return struct.pack("<f", value)[2:]
    return struct.pack({"f16": "<e", "f32": "<f", "f64": "<d"}[type], value)


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


class Launch:
    """A kernel in the making; methods add an operation and give its result's name."""

    def __init__(self, name, warps=4, programs=1):
        self.name, self.warps, self.programs = name, warps, programs
        self.arguments, self.lines, self.results = [], [], 0

    def buffer(self, name, type, values):
        self.arguments.append((name, f"!tt.ptr<{type}>", type, values, 16))
        return f"%{name}"

    def scalar(self, name, type, value, divisor=1):
        self.arguments.append((name, type, type, value, divisor))
        return f"%{name}"

    def add(self, text, results=1):
        self.results += 1
        name = f"%v{self.results}"
        self.lines.append(f"{name}{f':{results}' if results > 1 else ''} = {text}")
        return name

    def do(self, text):
        self.lines.append(text)

    def range(self, size):
        return self.add(f"tt.make_range {{end = {size} : i32, start = 0 : i32}} : tensor<{size}xi32>")

    def number(self, value, type):
        return self.add(f"arith.constant {value} : {type}")

    def numbers(self, value, type, shape):
        return self.add(f"arith.constant dense<{value}> : tensor<{shape}x{type}>")

    def splat(self, value, type, shape):
        return self.add(f"tt.splat {value} : {type} -> tensor<{shape}x{type}>")

    def binary(self, op, a, b, type):
        return self.add(f"arith.{op} {a}, {b} : {type}")

    def cast(self, op, value, before, after):
        return self.add(f"arith.{op} {value} : {before} to {after}")

    def compare(self, predicate, a, b, type):
        return self.add(f"arith.cmpi {predicate}, {a}, {b} : {type}")

    def moved(self, pointer, type, offset):
        return self.add(f"tt.addptr {pointer}, {offset} : !tt.ptr<{type}>, i32")

    def pointers(self, base, type, offsets, shape, offset_type="i32"):
        tile = self.splat(base, f"!tt.ptr<{type}>", shape)
        return self.add(f"tt.addptr {tile}, {offsets} : tensor<{shape}x!tt.ptr<{type}>>, tensor<{shape}x{offset_type}>")

    def load(self, pointers, type, shape, *mask_and_other):
        return self.add(f"tt.load {', '.join((pointers,) + mask_and_other)} : tensor<{shape}x!tt.ptr<{type}>>")

    def store(self, pointers, value, type, shape, *mask):
        self.do(f"tt.store {', '.join((pointers, value) + mask)} : tensor<{shape}x!tt.ptr<{type}>>")

    def write(self, root):
        folder = root / self.name
        folder.mkdir(parents=True)
        data, described, signature = b"", [], []
        for name, ir_type, type, value, divisor in self.arguments:
            signature.append(f"%{name}: {ir_type}" + (f" {{tt.divisibility = {divisor} : i32}}" if divisor > 1 else ""))
            if ir_type == type:
                described.append({"name": name, "type": TYPES[type][0], "value": signed(value, type)})
                continue
            image = b"".join(element(type, v) for v in value) if isinstance(value, list) else bytes(value * TYPES[type][1])
            described.append({"name": name, "type": "*" + TYPES[type][0], "before": [len(data), len(image)]})
            data += image
        body = "\n".join("    " + line for line in self.lines)
        text = f"module {{\n  tt.func public @k({', '.join(signature)}) {{\n{body}\n    tt.return\n  }}\n}}\n"
        (folder / "kernel.ttir").write_text(text)
        (folder / "data.bin").write_bytes(data)
        case = {"test": self.name, "kernel": "k", "grid": [self.programs, 1, 1], "options": {"num_warps": self.warps},
                "args": described}
        (folder / "case.json").write_text(json.dumps(case, indent=1))


class Variations:
    def __init__(self, root, seed):
        self.root, self.random, self.count = root, random.Random(seed), 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def launch(self, kind, *words, **options):
        self.count += 1
        name = "_".join([f"{self.count:03}"] + [str(word) for word in words])
        return Launch(f"{kind}/{name}", warps=options.pop("warps", self.pick(1, 4, 8)), **options)

    def some(self, type, count):
        if type.startswith("i"):
            return [self.random.randrange(-100, 100) for _ in range(count)]
        return [self.random.randrange(-64, 64) / 4 for _ in range(count)]

    def edges(self, type, count):
        half = 1 << (bits(type) - 1)
        known = [0, 1, -1, 2, -2, half - 1, -half, 7, -7]
        return [self.pick(*known) if self.random.random() < 0.4 else self.random.randrange(-half, half) for _ in range(count)]

    # Tiles that a kernel reads and writes.

    def permuted(self, k, how, size, index):
        tile = f"tensor<{size}xi32>"
        if how == "reverse":
            return k.binary("subi", k.numbers(size - 1, "i32", size), index, tile)
        if how == "swap":
            return k.binary("xori", index, k.numbers(self.pick(1, size // 2), "i32", size), tile)
        if how == "halves":
            return k.binary("remsi", index, k.numbers(size // 2, "i32", size), tile)
        by, op = (self.pick(1, 7), "addi") if how == "rotate" else (5, "muli")
        return k.binary("remsi", k.binary(op, index, k.numbers(by, "i32", size), tile), k.numbers(size, "i32", size), tile)

    def in_place(self):
        form = self.pick("load", "store", "loop", "while", "twice", "both", "masked", "shift", "rows", "chain")
        how = self.pick("reverse", "rotate", "swap", "stride") if form in ("store", "twice", "chain") else \
            self.pick("reverse", "rotate", "swap", "stride", "halves")
        size, type = self.pick(8, 32, 64, 128, 256, 1024), self.pick("i8", "i16", "i32", "i64", "f32", "f16")
        k = self.launch("in_place", form, how, type, size)
        tile, plus = f"tensor<{size}x{type}>", "addf" if type.startswith("f") else "addi"
        x = k.buffer("x", type, self.some(type, 2 * size + 64))
        index = k.range(size)
        here = k.pointers(x, type, index, size)
        there = k.pointers(x, type, self.permuted(k, how, size, index), size)
        if form == "load":
            value = k.load(there, type, size)
            k.store(here, k.binary(plus, value, k.load(here, type, size), tile), type, size)
        elif form == "store":
            k.store(there, k.load(here, type, size), type, size)
        elif form == "loop":
            k.do(f"scf.for %k = {k.number(0, 'i32')} to {k.scalar('n', 'i32', self.pick(1, 2, 5))} step {k.number(1, 'i32')} : i32 {{")
            k.store(here, k.binary(plus, k.load(there, type, size), k.load(here, type, size), tile), type, size)
            k.do("}")
        elif form == "while":
            zero, one, limit = k.number(0, "i32"), k.number(1, "i32"), k.scalar("n", "i32", self.pick(0, 1, 4))
            k.add(f"scf.while (%s = {zero}) : (i32) -> i32 {{\n      %more = arith.cmpi slt, %s, {limit} : i32\n"
                  "      scf.condition(%more) %s : i32\n    } do {\n    ^bb0(%t: i32):")
            k.store(here, k.load(there, type, size), type, size)
            k.do(f"%next = arith.addi %t, {one} : i32\n      scf.yield %next : i32\n    }}")
        elif form == "twice":
            y = k.pointers(k.buffer("y", type, size), type, index, size)
            value = k.load(here, type, size)
            k.store(there, value, type, size)
            k.store(y, value, type, size)
        elif form == "both":
            y = k.pointers(k.buffer("y", type, self.some(type, size)), type, index, size)
            first, second = k.load(there, type, size), k.load(y, type, size)
            k.store(here, second, type, size)
            k.store(y, first, type, size)
        elif form == "masked":
            limit = k.splat(k.scalar("n", "i32", self.random.randrange(size)), "i32", size)
            mask = k.compare("slt", index, limit, f"tensor<{size}xi32>")
            k.store(here, k.load(there, type, size, mask), type, size, mask)
        elif form == "shift":
            by = k.numbers(self.pick(1, 2, size // 2), "i32", size)
            ahead = k.pointers(x, type, k.binary("addi", index, by, f"tensor<{size}xi32>"), size)
            to, source = self.pick((here, ahead), (ahead, here))
            k.store(to, k.load(source, type, size), type, size)
        elif form == "rows":
            stride = k.scalar("stride", "i32", self.pick(1, 5, size // 2))
            k.do(f"scf.for %k = {k.number(0, 'i32')} to {k.scalar('n', 'i32', 3)} step {k.number(1, 'i32')} : i32 {{")
            row = k.pointers(k.moved(x, type, k.binary("muli", "%k", stride, "i32")), type, index, size)
            value = k.load(row, type, size)
            k.store(row, k.binary(plus, value, value, tile), type, size)
            k.do("}")
        else:
            k.store(there, k.load(here, type, size), type, size)
            again = k.load(here, type, size)
            k.store(k.pointers(x, type, self.permuted(k, "reverse", size, index), size), again, type, size)
        k.write(self.root)

    def transposed_in_place(self):
        side, type, form = self.pick(4, 16, 32), self.pick("i32", "f32", "f16"), self.pick("pointers", "trans", "loop", "next row")
        shape = f"{side}x{side}"
        k = self.launch("transposed_in_place", form.replace(" ", "_"), type, side)
        x = k.buffer("x", type, self.some(type, side * side + side))
        line = k.range(side)
        tile = f"tensor<{shape}xi32>"

        def along(axis):
            inner = f"{side}x1" if axis == 1 else f"1x{side}"
            wide = k.add(f"tt.expand_dims {line} {{axis = {axis} : i32}} : tensor<{side}xi32> -> tensor<{inner}xi32>")
            return k.add(f"tt.broadcast {wide} : tensor<{inner}xi32> -> {tile}")

        rows, columns = along(1), along(0)
        stride = self.pick(k.numbers(side, "i32", shape), k.splat(k.scalar("stride", "i32", side), "i32", shape))
        here = k.pointers(x, type, k.binary("addi", k.binary("muli", rows, stride, tile), columns, tile), shape)
        there = k.pointers(x, type, k.binary("addi", k.binary("muli", columns, stride, tile), rows, tile), shape)
        if form == "loop":
            k.do(f"scf.for %k = {k.number(0, 'i32')} to {k.scalar('n', 'i32', 3)} step {k.number(1, 'i32')} : i32 {{")
        value = k.load(here if form in ("trans", "next row") else there, type, shape)
        if form == "trans":
            value = k.add(f"tt.trans {value} {{order = array<i32: 1, 0>}} : tensor<{shape}x{type}> -> tensor<{shape}x{type}>")
        if form == "next row":
            offset = k.numbers(side, "i32", shape)
            here = k.add(f"tt.addptr {here}, {offset} : tensor<{shape}x!tt.ptr<{type}>>, {tile}")
        k.store(here, value, type, shape)
        if form == "loop":
            k.do("}")
        k.write(self.root)

    # Integers.

    def wrapping(self):
        type, size = self.pick("i8", "i16", "i32", "i32"), self.pick(2, 16, 64, 256)
        form = self.pick("add", "multiply", "shift", "hash", "compare", "index", "extreme", "offset")
        k = self.launch("wrapping", form, type, size)
        half, tile, wide = 1 << (bits(type) - 1), f"tensor<{size}x{type}>", f"tensor<{size}xi64>"
        out = k.buffer("out", "i64", size)
        x = k.buffer("x", "i32", self.some("i32", 600))
        start = k.scalar("start", type, self.pick(half - self.random.randrange(1, size + 2), self.random.randrange(size) - half,
                                                  self.random.randrange(-half, half)))
        index = k.range(size)
        narrow = index if type == "i32" else k.cast("trunci", index, f"tensor<{size}xi32>", tile)
        starts = k.splat(start, type, size)
        value = k.binary("addi", narrow, starts, tile)
        factor = k.numbers(self.pick(3, half // 2 + 1, half - 1, 747796405 % half), type, size)
        if form == "multiply":
            value = k.binary("muli", value, factor, tile)
        elif form == "shift":
            value = k.binary("shli", value, k.numbers(self.pick(1, bits(type) // 2, bits(type) - 1), type, size), tile)
        elif form == "hash":
            value = k.binary("addi", k.binary("muli", narrow, factor, tile), starts, tile)
        elif form == "extreme":
            value = k.binary(self.pick("minsi", "maxsi", "minui", "maxui"), value, starts, tile)
        to = k.pointers(out, "i64", index, size)
        if form == "compare":
            limit = k.splat(k.scalar("limit", type, self.pick(0, -1, 5, half - 1, -half)), type, size)
            mask = k.compare(self.pick("slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"), value, limit, tile)
            loaded = k.load(k.pointers(x, "i32", index, size), "i32", size, mask, k.numbers(-77, "i32", size))
            k.store(to, k.cast("extsi", loaded, f"tensor<{size}xi32>", wide), "i64", size)
        elif form in ("index", "offset"):
            if form == "index" or type != "i8":
                value = k.binary("remui" if form == "index" else "remsi", value, k.numbers(64, type, size), tile)
            base = k.moved(x, "i32", k.number(300, "i32"))
            loaded = k.load(k.pointers(base, "i32", value, size, type), "i32", size)
            k.store(to, k.cast("extsi", loaded, f"tensor<{size}xi32>", wide), "i64", size)
        else:
            value = k.cast(self.pick("extsi", "extsi", "extui"), value, tile, wide)
            if form == "hash":
                value = k.binary("shrsi", k.binary("muli", value, k.numbers(277803737, "i64", size), wide), k.numbers(7, "i64", size), wide)
            k.store(to, value, "i64", size)
        k.write(self.root)

    def negative(self):
        size, divisor, step = self.pick(32, 64, 256), self.pick(2, 8, 16, 32, 64, 3, 12), self.pick(1, 16, 32)
        source = self.pick("argument", "argument", "loaded", "loop", "program", "range")
        use = self.pick("value", "mask", "remainder mask", "address", "remainder address", "byte", "argument divisor", "shift")
        k = self.launch("negative", source, use.replace(" ", "_"), divisor, size)
        tile = f"tensor<{size}xi32>"
        out = k.buffer("out", "i32", 4 * size)
        x = k.buffer("x", "i32", self.some("i32", 1400))
        index = k.range(size)
        value = step * -self.pick(1, 2, 3, 64 // step)
        place = index
        if source == "argument":
            start = k.scalar("start", "i32", value, step)
        elif source == "loaded":
            start = k.add(f"tt.load {k.buffer('starts', 'i32', [value])} : !tt.ptr<i32>")
        elif source == "loop":
            k.do(f"scf.for %k = {k.number(-2 * step, 'i32')} to {k.number(2 * step, 'i32')} step {k.number(step, 'i32')} : i32 {{")
            start = "%k"
            turn = k.binary("addi", k.binary("divsi", "%k", k.number(step, "i32"), "i32"), k.number(2, "i32"), "i32")
            place = k.binary("addi", index, k.splat(k.binary("muli", turn, k.number(size, "i32"), "i32"), "i32", size), tile)
        elif source == "program":
            k.programs = 4
            program = k.add("tt.get_program_id x : i32")
            start = k.binary("subi", k.binary("muli", program, k.number(step, "i32"), "i32"), k.number(2 * step, "i32"), "i32")
            place = k.binary("addi", index, k.splat(k.binary("muli", program, k.number(size, "i32"), "i32"), "i32", size), tile)
        if source == "range":
            dividend = k.binary("subi", index, k.numbers(self.pick(size // 2, 16, size), "i32", size), tile)
        else:
            dividend = k.binary("addi", index, k.splat(start, "i32", size), tile)
        by = k.numbers(divisor, "i32", size)
        if use == "argument divisor":
            by = k.splat(k.scalar("divisor", "i32", self.pick(divisor, -divisor), 16 if divisor % 16 == 0 else 1), "i32", size)
        quotient, rest = k.binary("divsi", dividend, by, tile), k.binary("remsi", dividend, by, tile)
        if use == "shift":
            quotient = k.binary(self.pick("shrsi", "shrui"), dividend, k.numbers(self.pick(1, 3, 5), "i32", size), tile)
        to = k.pointers(out, "i32", place, size)
        if "mask" in use:
            mask = k.compare(self.pick("eq", "ne", "sge", "slt"), quotient if use == "mask" else rest,
                             k.numbers(self.pick(0, -1, 1), "i32", size), tile)
            k.store(to, k.load(k.pointers(x, "i32", index, size), "i32", size, mask, k.numbers(-5, "i32", size)), "i32", size)
        elif "address" in use:
            middle = k.moved(x, "i32", k.number(700, "i32"))
            k.store(to, k.load(k.pointers(middle, "i32", quotient if use == "address" else rest, size), "i32", size), "i32", size)
        elif use == "byte":
            byte = k.cast("trunci", dividend, tile, f"tensor<{size}xi8>")
            byte = k.binary("divsi", byte, k.numbers(divisor, "i8", size), f"tensor<{size}xi8>")
            k.store(to, k.cast("extsi", byte, f"tensor<{size}xi8>", tile), "i32", size)
        else:
            mixed = k.binary("xori", quotient, k.binary("muli", rest, k.numbers(1000, "i32", size), tile), tile)
            k.store(to, mixed, "i32", size)
        if source == "loop":
            k.do("}")
        k.write(self.root)

    def transposed_quotient(self):
        rows, columns, divisor = self.pick((32, 64), (64, 32)) + (self.pick(4, 8, 16),)
        k = self.launch("transposed_quotient", rows, columns, divisor)
        before, after = f"tensor<{rows}x{columns}xi32>", f"tensor<{columns}x{rows}xi32>"
        out = k.buffer("out", "i32", rows * columns)
        tall = k.add(f"tt.expand_dims {k.range(rows)} {{axis = 1 : i32}} : tensor<{rows}xi32> -> tensor<{rows}x1xi32>")
        tile = k.add(f"tt.broadcast {tall} : tensor<{rows}x1xi32> -> {before}")
        value = k.binary(self.pick("divsi", "remsi", "divui"), tile, k.numbers(divisor, "i32", f"{rows}x{columns}"), before)
        value = k.add(f"tt.trans {value} {{order = array<i32: 1, 0>}} : {before} -> {after}")
        place = k.add(f"tt.reshape {k.range(rows * columns)} : tensor<{rows * columns}xi32> -> {after}")
        k.store(k.pointers(out, "i32", place, f"{columns}x{rows}"), value, "i32", f"{columns}x{rows}")
        k.write(self.root)

    def division(self):
        type, op = self.pick(*INTEGERS), self.pick("divsi", "remsi", "divui", "remui", "ceildivsi", "floordivsi", "ceildivui")
        form, size = self.pick("select", "mask", "plain", "scalar", "scalar select", "scalar if"), 64
        k = self.launch("division", form.replace(" ", "_"), op, type, programs=size if "scalar" in form else 1)
        tile = f"tensor<{size}x{type}>"
        a, b = k.buffer("a", type, self.edges(type, size)), k.buffer("b", type, [self.pick(0, 0, -1, 1, 2, -3, 7) for _ in range(size)])
        out = k.buffer("out", type, size)
        if "scalar" in form:
            program = k.add("tt.get_program_id x : i32")
            x, y = (k.add(f"tt.load {k.moved(base, type, program)} : !tt.ptr<{type}>") for base in (a, b))
            to, there = k.moved(out, type, program), k.compare("ne", y, k.number(0, type), type)
            value = k.binary(op, x, y, type)
            if form == "scalar select":
                value = k.add(f"arith.select {there}, {value}, {k.number(5, type)} : {type}")
            store = f"tt.store {to}, {value} : !tt.ptr<{type}>"
            k.do(f"scf.if {there} {{\n      {store}\n    }}" if form == "scalar if" else store)
        else:
            index = k.range(size)
            x, y = (k.load(k.pointers(base, type, index, size), type, size) for base in (a, b))
            there = k.compare("ne", y, k.numbers(0, type, size), tile)
            value = k.binary(op, x, y, tile)
            if form == "select":
                value = k.add(f"arith.select {there}, {value}, {k.numbers(77, type, size)} : tensor<{size}xi1>, {tile}")
            k.store(k.pointers(out, type, index, size), value, type, size, *([there] if form == "mask" else []))
        k.write(self.root)

    def shift(self):
        type, op, size = self.pick(*INTEGERS), self.pick("shli", "shrsi", "shrui"), 64
        k = self.launch("shift", op, type)
        width, index = bits(type), k.range(size)
        by = [self.pick(0, 1, width - 1, width, width + 1, 100) for _ in range(size)]
        x, y = (k.load(k.pointers(k.buffer(name, type, values), type, index, size), type, size)
                for name, values in (("a", self.edges(type, size)), ("b", by)))
        k.store(k.pointers(k.buffer("out", type, size), type, index, size), k.binary(op, x, y, f"tensor<{size}x{type}>"), type, size)
        k.write(self.root)

    # Floats.

    def near_ties(self, to, source, count):
        """Numbers half way between two of a narrower type, or a little off."""
        digits, low, high = TYPES[to][2:]
        values = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), *((1e300, 5e-324) if source == "f64" else (1e38, 1e-45))]
        while len(values) < count:
            exponent = self.random.randrange(low - 2, min(high, low + 40) + 1) if self.random.random() < 0.5 else self.random.randrange(-6, 8)
            tie = self.random.randrange(1 << (digits - 1), 1 << digits) + 0.5
            off = self.pick(0, 0, 1, -1) * 2.0 ** -self.pick(*((25, 40, 52) if source == "f64" else (12, 20, 23)))
            value = tie * 2.0 ** max(exponent - (digits - 1), low) * (1 + off) * self.pick(1, -1)
            values.append(value if source == "f64" else single(value))
        return values

    def conversions(self):
        size = 256
        pairs = [(a, b) for a in ("f64", "f32") for b in ("f32", "f16", "bf16", "f8E4M3FN", "f8E5M2") if a != b]
        for source, to in pairs:
            for rounding in ("rtne",) if to == "f32" else ("rtne", "rtz"):
                k = self.launch("conversion", source, to, rounding)
                index = k.range(size)
                x = k.load(k.pointers(k.buffer("x", source, self.near_ties(to, source, size)), source, index, size), source, size)
                before, after = f"tensor<{size}x{source}>", f"tensor<{size}x{to}>"
                y = k.cast("truncf", x, before, after) if rounding == "rtne" and to in ("f32", "f16", "bf16") else \
                    k.add(f"tt.fp_to_fp {x}, rounding = {rounding} : {before} -> {after}")
                k.store(k.pointers(k.buffer("y", to, size), to, index, size), y, to, size)
                k.write(self.root)
        for source in ("i32", "i64"):
            for to in ("f16", "bf16", "f32", "f64"):
                op = self.pick("sitofp", "uitofp")
                values = []
                for _ in range(size):
                    digits = self.pick(8, 11, 24, *((53,) if source == "i64" else ()))
                    half_way = 2 * self.random.randrange(1 << (digits - 1), 1 << digits) + 1
                    values.append((half_way << self.random.randrange(max(1, bits(source) - digits - 1))) + self.pick(0, 0, 1, -1))
                k = self.launch("conversion", source, to, op)
                index = k.range(size)
                x = k.load(k.pointers(k.buffer("x", source, values), source, index, size), source, size)
                y = k.cast(op, x, f"tensor<{size}x{source}>", f"tensor<{size}x{to}>")
                k.store(k.pointers(k.buffer("y", to, size), to, index, size), y, to, size)
                k.write(self.root)

    def remainders(self):
        size = 256
        for type in ("f16", "bf16", "f32", "f64"):
            low, high = TYPES[type][3:]

            def number():
                value = self.random.uniform(1, 2) * 2.0 ** self.random.randrange(low, high) * self.pick(1, -1)
                return value if type == "f64" else single(value)

            known = [(0.0, 1.0), (-0.0, 1.0), (1.0, 0.0), (float("inf"), 2.0), (3.0, float("inf")), (float("nan"), 1.0), (5.5, 5.5),
                     (-5.5, 5.5), (7.5, 2.0), (-7.5, 2.0), (3.0, -2.0)]
            pairs = known + [(self.random.randrange(-400, 400) / 8, self.random.randrange(1, 50) / 8) for _ in range(60)]
            pairs += [(number(), number()) for _ in range(size - len(pairs))]
            k = self.launch("remainder", type)
            index = k.range(size)
            x, y = (k.load(k.pointers(k.buffer(name, type, [p[side] for p in pairs]), type, index, size), type, size)
                    for side, name in enumerate("ab"))
            k.store(k.pointers(k.buffer("out", type, size), type, index, size), k.binary("remf", x, y, f"tensor<{size}x{type}>"), type, size)
            k.write(self.root)

    # Loops whose condition passes on what a branch made.

    def while_loop(self):
        k = self.launch("while", warps=4)
        out, limit = k.buffer("out", "i32", 3), k.scalar("n", "i32", self.pick(0, 3, 7))
        zero, by, end = k.number(0, "i32"), k.number(self.pick(1, 2, 3), "i32"), k.number(100, "i32")
        passed = ", ".join(["%v"] + self.random.sample(["%v", "%s"], 2))
        back = self.pick("scf.yield %a : i32", f"%e = arith.addi %b, {by} : i32\n      scf.yield %e : i32", f"%e = arith.addi %c, {by} : i32\n      scf.yield %e : i32")
        result = k.add(f"""scf.while (%s = {zero}) : (i32) -> (i32, i32, i32) {{
      %more = arith.cmpi slt, %s, {limit} : i32
      %v = scf.if %more -> (i32) {{
        %t = arith.addi %s, {by} : i32
        scf.yield %t : i32
      }} else {{
        scf.yield {end} : i32
      }}
      scf.condition(%more) {passed} : i32, i32, i32
    }} do {{
    ^bb0(%a: i32, %b: i32, %c: i32):
      {back}
    }}""", 3)
        for number in range(3):
            k.do(f"tt.store {k.moved(out, 'i32', k.number(number, 'i32'))}, {result}#{number} : !tt.ptr<i32>")
        k.write(self.root)


def main():
    root, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    shutil.rmtree(root, ignore_errors=True)
    variations = Variations(root, seed)
    for make, times in ((variations.in_place, 80), (variations.transposed_in_place, 15), (variations.wrapping, 60),
                        (variations.negative, 80), (variations.transposed_quotient, 8), (variations.division, 60),
                        (variations.shift, 16), (variations.conversions, 1), (variations.remainders, 1),
                        (variations.while_loop, 12)):
        for _ in range(times):
            make()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes small launches that read and write one or two buffers in every order, at random but always the same for one
seed, in the format of recorded ones:

    random_memory.py FOLDER [SEED [COUNT]]

Tiles are loaded and stored through index maps (reversed, rotated, shifted, transposed, spread), under masks, in loops
and branches, between atomics, single elements and sums. Stores and exchanges never hit an element twice, so that there
is one right answer, the evaluator's: conformance --cases FOLDER --against reference.
"""
import pathlib
import random
import shutil
import sys

from variations import Launch


class Program:
    """One kernel over buffers x and y of three tiles, whose last value goes to o."""

    def __init__(self, name, random):
        self.random, pick = random, random.choice
        self.type = pick(["i32", "i32", "i32", "i16", "i8", "i64"])
        self.size = pick([4, 8, 16, 32, 64, 64, 128, 256, 512])
        self.rows = pick([m for m in (2, 4, 8, 16, 32) if m <= self.size // 2]) if random.random() < 0.35 else 0
        self.shape = f"{self.rows}x{self.size // self.rows}" if self.rows else str(self.size)
        self.tile, self.places = f"tensor<{self.shape}x{self.type}>", f"tensor<{self.shape}xi32>"
        self.launch = Launch(name, warps=pick([1, 1, 2, 4, 4, 8]))
        for buffer, elements in (("x", 3 * self.size), ("y", 3 * self.size), ("o", self.size)):
            self.launch.buffer(buffer, self.type, [random.randrange(-100, 100) for _ in range(elements)])
        self.numbers = [self.launch.scalar("n", "i32", pick([0, 1, 2, 5, self.size // 2, -1, -3])),
                        self.launch.scalar("m", "i32", pick([0, 1, 2, 3, 7, 16]))]
        self.values, self.scalars, self.depth = [], [], 0
        indices = self.launch.range(self.size)
        if self.rows:
            indices = self.launch.add(f"tt.reshape {indices} : tensor<{self.size}xi32> -> {self.places}")
        self.indices = indices

    def place(self, op, a, number):
        return self.launch.binary(op, a, self.launch.numbers(number, "i32", self.shape), self.places)

    def index_map(self, apart):
        """Places within three tiles; apart: no two are equal."""
        size, pick = self.size, self.random.choice
        kind = pick(["same", "same", "reversed", "rotated", "exchanged", "multiplied", "shifted", "shifted", "turned",
                     "somewhere", "spread" if apart else "repeated"])
        if kind == "reversed":
            last = self.launch.numbers(size - 1, "i32", self.shape)
            return self.launch.binary("subi", last, self.indices, self.places)
        if kind == "rotated":
            return self.place("remui", self.place("addi", self.indices, pick([1, 2, size // 2, size - 1])), size)
        if kind == "exchanged":
            return self.place("xori", self.indices, pick([1, size // 2, size - 1]))
        if kind == "multiplied":
            return self.place("andi", self.place("muli", self.indices, pick([3, 5, 7])), size - 1)
        if kind == "shifted":
            return self.place("addi", self.indices, pick([1, size // 2, size, size + 1, 2 * size]))
        if kind == "turned" and self.rows:
            columns = size // self.rows
            column = self.place("muli", self.place("remui", self.indices, columns), self.rows)
            return self.launch.binary("addi", self.place("divui", self.indices, columns), column, self.places)
        if kind == "somewhere":
            limit = self.launch.number(2 * size - 1, "i32")
            start = self.launch.binary("andi", pick(self.numbers), limit, "i32")
            tile = self.launch.splat(start, "i32", self.shape)
            return self.launch.binary("addi", self.indices, tile, self.places)
        if kind == "spread":
            return self.place("shli", self.indices, 1)
        if kind == "repeated":
            return self.place("shrui", self.indices, pick([1, 2]))
        return self.indices

    def pointers(self, apart):
        return self.launch.pointers(self.random.choice(["%x", "%x", "%x", "%y"]), self.type, self.index_map(apart),
                                    self.shape)

    def mask(self):
        """None or one mask, as a list."""
        if self.random.random() < 0.7:
            return []
        limit = self.random.choice([self.launch.numbers(self.random.randrange(self.size), "i32", self.shape),
                                    self.launch.splat(self.numbers[0], "i32", self.shape)])
        return [self.launch.compare(self.random.choice(["slt", "sge", "ne"]), self.indices, limit, self.places)]

    def value(self):
        if not self.values or self.random.random() < 0.1:
            self.load()
        return self.random.choice(self.values[-4:])

    def load(self):
        masked = self.mask()
        if masked:
            masked.append(self.random.choice(self.values[-3:]) if self.values else
                          self.launch.numbers(7, self.type, self.shape))
        self.values.append(self.launch.load(self.pointers(False), self.type, self.shape, *masked))

    def compute(self):
        op = self.random.choice(["addi", "subi", "xori", "minsi", "maxsi"])
        self.values.append(self.launch.binary(op, self.value(), self.value(), self.tile))

    def store(self):
        if self.random.random() < 0.5:
            self.compute()
        masked = self.mask()
        self.launch.store(self.pointers(True), self.value(), self.type, self.shape, *masked)

    def element(self):
        at = self.launch.number(self.random.randrange(3 * self.size), "i32")
        pointer = self.launch.moved(self.random.choice(["%x", "%y"]), self.type, at)
        if self.scalars and self.random.random() < 0.5:
            self.launch.do(f"tt.store {pointer}, {self.random.choice(self.scalars[-2:])} : !tt.ptr<{self.type}>")
            return
        self.scalars.append(self.launch.add(f"tt.load {pointer} : !tt.ptr<{self.type}>"))
        self.values.append(self.launch.splat(self.scalars[-1], self.type, self.shape))

    def sum(self):
        axis = self.random.choice([0, 1]) if self.rows else 0
        left = (self.size // self.rows, self.rows)[axis] if self.rows else 0
        result = f"tensor<{left}x{self.type}>" if self.rows else self.type
        total = self.launch.add(
            f'"tt.reduce"({self.value()}) <{{axis = {axis} : i32}}> ({{\n'
            f"^bb0(%a: {self.type}, %b: {self.type}):\n%s = arith.addi %a, %b : {self.type}\n"
            f"tt.reduce.return %s : {self.type}\n}}) : ({self.tile}) -> {result}")
        if not self.rows:
            self.scalars.append(total)
            self.values.append(self.launch.splat(total, self.type, self.shape))
            return
        wide = f"tensor<{f'1x{left}' if axis == 0 else f'{left}x1'}x{self.type}>"
        total = self.launch.add(f"tt.expand_dims {total} {{axis = {axis} : i32}} : {result} -> {wide}")
        self.values.append(self.launch.add(f"tt.broadcast {total} : {wide} -> {self.tile}"))

    def atomic(self):
        if self.type not in ("i32", "i64"):
            return self.store()
        op = self.random.choice(["add", "max", "xor", "exch", "add", "umin"])
        apart = op == "exch" or self.random.random() < 0.6
        masked, pointers, value = self.mask(), self.pointers(apart), self.value()
        flags = f"tensor<{self.shape}xi1>"
        types = ", ".join([f"tensor<{self.shape}x!tt.ptr<{self.type}>>", self.tile] + [flags] * len(masked))
        old = self.launch.add(f"tt.atomic_rmw {op}, acq_rel, gpu, {', '.join([pointers, value] + masked)} : "
                              f"({types}) -> {self.tile}")
        if not apart:
            return  # what each lane finds depends on their order
        if masked:
            old = self.launch.add(f"arith.select {masked[0]}, {old}, {value} : {flags}, {self.tile}")
        self.values.append(old)

    def region(self):
        self.depth += 1
        kept = list(self.values), list(self.scalars), list(self.numbers)
        if self.random.random() < 0.6:
            rounds = self.launch.number(self.random.choice([1, 2, 3]), "i32")
            if self.random.random() < 0.4:
                rounds = self.launch.binary("remui", self.numbers[1], self.launch.number(4, "i32"), "i32")
            zero, one = self.launch.number(0, "i32"), self.launch.number(1, "i32")
            counter = f"%k{self.launch.results}"
            self.launch.do(f"scf.for {counter} = {zero} to {rounds} step {one} : i32 {{")
            self.numbers.append(counter)
        else:
            limit = self.launch.number(self.random.choice([0, 1, 2]), "i32")
            chosen = self.launch.compare(self.random.choice(["slt", "sgt", "ne"]), self.random.choice(self.numbers), limit,
                                         "i32")
            self.launch.do(f"scf.if {chosen} {{")
        self.block(self.random.choice([2, 3, 4]))
        self.launch.do("}")
        self.values, self.scalars, self.numbers = kept
        self.depth -= 1

    def block(self, steps):
        kinds = [self.load] * 34 + [self.store] * 32 + [self.compute] * 8 + [self.element] * 8 + [self.sum] * 5 + \
                [self.atomic] * 6 + [self.region] * (7 if self.depth < 2 else 0)
        for _ in range(steps):
            self.random.choice(kinds)()

    def write(self, root):
        self.block(self.random.choice([3, 5, 8, 12]))
        result = self.value()
        self.launch.store(self.launch.pointers("%o", self.type, self.indices, self.shape), result, self.type, self.shape)
        self.launch.write(root)


def main():
    root = pathlib.Path(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 400
    shutil.rmtree(root, ignore_errors=True)
    generator = random.Random(seed)
    for i in range(count):
        Program(f"memory/{i:04}", generator).write(root)
    print(f"{count} launches in {root}")


if __name__ == "__main__":
    main()

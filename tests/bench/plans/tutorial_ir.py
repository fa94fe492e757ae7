"""Kernel IR of Triton's tutorials at tiles other than the recorded ones, printed by Triton; no GPU is needed.

Of a tutorial's file only the functions under @triton.jit are taken: the rest would look for a device. The types of a
kernel's arguments are those of a recorded launch of it.
"""
import ast
import importlib.util
import pathlib
import tempfile


class Tutorials:
    """FOLDER is python/tutorials of a checkout of Triton, of about the version that is installed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.scratch = tempfile.TemporaryDirectory()
        self.modules = {}

    def function(self, number, name):
        """The kernel `name` of tutorial "03", …; LookupError says what is missing."""
        if number not in self.modules:
            self.modules[number] = self.load(number)
        found = getattr(self.modules[number], name, None)
        if found is None:
            raise LookupError(f"tutorial {number} of {self.folder} has no kernel {name}")
        return found

    def load(self, number):
        files = sorted(self.folder.glob(f"{number}-*.py"))
        if not files:
            raise LookupError(f"{self.folder} has no tutorial {number}")
        kept = ["import triton", "import triton.language as tl", "from triton.language.extra import libdevice"]
        for node in ast.parse(files[0].read_text()).body:
            if isinstance(node, ast.FunctionDef) and any(is_jit(each) for each in node.decorator_list):
                node.decorator_list = [ast.parse("triton.jit", mode="eval").body]
                kept.append(ast.unparse(node))
        # Triton reads the source of its functions, so that they have to be in a file.
        file = pathlib.Path(self.scratch.name) / f"tutorial{number}.py"
        file.write_text("\n\n".join(kept) + "\n")
        spec = importlib.util.spec_from_file_location(f"tutorial{number}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def is_jit(decorator):
    inner = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(inner, ast.Attribute) and inner.attr == "jit"


def print_ir(function, types, constants, values, capability=90):
    """The IR as Triton's launcher would have it made.

    `types`: Triton's name of each argument's type; `constants`: the others; `values`: what is known of integers, so
    that those which 16 divides are marked. LookupError names an argument that is in neither.
    """
    from triton._C.libtriton import ir
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.compiler.compiler import make_backend

    names = function.arg_names
    unknown = [name for name in names if name not in types and name not in constants]
    if unknown:
        raise LookupError(f"{function.__name__} takes {', '.join(unknown)}, which the recorded launch does not")
    divisible = [["tt.divisibility", 16]]
    attributes = {
        (i,): divisible
        for i, name in enumerate(names)
        if name not in constants and (types[name].startswith("*") or values.get(name, 1) % 16 == 0)
    }
    source = ASTSource(
        fn=function,
        signature={name: "constexpr" if name in constants else types[name] for name in names},
        constexprs={(i,): constants[name] for i, name in enumerate(names) if name in constants},
        attrs=attributes,
    )
    target = GPUTarget("cuda", capability, 32)
    backend = make_backend(target)
    options = backend.parse_options({})
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    module = source.make_ir(
        target, options, backend.get_codegen_implementation(options), backend.get_module_map(), context
    )
    return str(backend.make_ttir(module, {}, options, capability))

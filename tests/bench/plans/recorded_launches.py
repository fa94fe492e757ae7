"""Records the launches that a Python package makes of Triton kernels, without a GPU.

Nothing is computed: tensors are the CPU's and untouched, while PyTorch and Triton are told that device 0 is an H100.
A recorded launch knows what Triton's launcher would know: each argument's type, whether 16 divides it, whether it is 1.
"""
import contextlib
import re
import types

import torch
import triton
from torch.overrides import TorchFunctionMode
from triton._C.libtriton import ir
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.compiler.compiler import make_backend
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction, create_function_from_signature

TARGET = GPUTarget("cuda", 90, 32)
H100 = types.SimpleNamespace(name="NVIDIA H100 80GB HBM3", multi_processor_count=132, major=9, minor=0, warp_size=32,
                             total_memory=80 << 30, shared_memory_per_block=49152, shared_memory_per_block_optin=232448,
                             regs_per_multiprocessor=65536, max_threads_per_multi_processor=2048, L2_cache_size=50 << 20)


class FakeDriver:
    def get_current_target(self):
        return TARGET

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def get_active_torch_device(self):
        return torch.device("cuda", 0)

    def get_device_interface(self):
        return torch.cuda

    def get_benchmarker(self):
        raise RuntimeError("nothing is measured while launches are recorded")

    @property
    def utils(self):
        properties = {"multiprocessor_count": 132, "max_shared_mem": 232448, "max_num_regs": 65536, "warpSize": 32}
        return types.SimpleNamespace(get_device_properties=lambda device: properties)


def pretend_gpu():
    """What packages ask of the device before they launch."""
    cuda = torch.cuda
    cuda.is_available = lambda: True
    cuda.device_count = lambda: 1
    cuda.current_device = lambda: 0
    cuda.get_device_name = lambda device=None: H100.name
    cuda.get_device_capability = lambda device=None: (9, 0)
    cuda.get_device_properties = lambda device=None: H100
    cuda.device = lambda device=None: contextlib.nullcontext()
    cuda.synchronize = lambda device=None: None
    cuda.is_bf16_supported = lambda *args, **kwargs: True
    triton.runtime.driver.set_active(FakeDriver())


class OnTheGpu(TorchFunctionMode):
    """Tensors are the CPU's, and their memory is never touched; they say that they are the GPU's."""

    def __torch_function__(self, function, kinds, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function == torch.Tensor.device.__get__:
            return torch.device("cuda", 0)
        if function == torch.Tensor.is_cuda.__get__:
            return True
        if kwargs.get("device") is not None:
            kwargs["device"] = "cpu"
        if function is torch.Tensor.to:
            args = args[:1] + tuple("cpu" if str(each).startswith("cuda") else each for each in args[1:])
        return function(*args, **kwargs)


class Launch:
    """One launch: the kernel, what the compiler knows of its arguments, and the arguments."""

    def __init__(self, function, args, kwargs, grid):
        self.function = function
        self.backend = make_backend(TARGET)
        binder = create_function_from_signature(function.signature, function.params, self.backend)
        self.bound, specialization, options = binder(*args, **kwargs)
        self.options, self.signature, self.constants, self.attributes = function._pack_args(
            self.backend, kwargs, self.bound, specialization, options)
        grid = list(grid(self.bound) if callable(grid) else grid)
        self.grid = [int(each) for each in grid] + [1] * (3 - len(grid))

    @property
    def name(self):
        return self.function.__name__

    def ttir(self):
        source = ASTSource(self.function, self.signature, self.constants, self.attributes)
        context = ir.context()
        ir.load_dialects(context)
        self.backend.load_dialects(context)
        module = source.make_ir(TARGET, self.options, self.backend.get_codegen_implementation(self.options),
                                self.backend.get_module_map(), context)
        return str(self.backend.make_ttir(module, {}, self.options, TARGET.arch))

    def arguments(self):
        """(name, type, value) of those that the IR takes."""
        return [(name, kind, self.bound[name]) for name, kind in self.signature.items() if kind != "constexpr"]

    def values(self):
        """The blocks, for a line about the configuration."""
        named = {name: self.bound[name] for name, kind in self.signature.items() if kind == "constexpr"}
        return {name: value for name, value in named.items()
                if isinstance(value, int) and not isinstance(value, bool) and re.match(r"BLOCK|B[A-Z]$", name)}


class Recorder:
    """While it is entered, launches are recorded; each is a list, of an autotuned kernel one for each configuration."""

    def __init__(self, configs):
        self.configs, self.launches, self.open = configs, [], None

    def __enter__(self):
        self.kept = JITFunction.run, Autotuner.run
        recorder = self

        def run(function, *args, grid, warmup=False, **kwargs):
            launch = Launch(function, args, kwargs, grid)
            if recorder.open is None:
                recorder.launches.append([launch])
            else:
                recorder.open.append(launch)

        def run_all(tuner, *args, **kwargs):
            tuner.nargs = dict(zip(tuner.arg_names, args))
            recorder.open = []
            for config in spread(tuner.prune_configs(kwargs), recorder.configs):
                tuner.fn.run(*args, **kwargs, **config.all_kwargs())
            recorder.launches.append(recorder.open)
            recorder.open = None

        JITFunction.run, Autotuner.run = run, run_all
        return self

    def __exit__(self, *problem):
        JITFunction.run, Autotuner.run = self.kept


def spread(configs, limit):
    """At most `limit` of them, evenly spread; of those that differ in stages alone first those with three, or most."""
    stages = {config.num_stages for config in configs}
    wanted = 3 if 3 in stages else max(stages)
    some = [config for config in configs if config.num_stages == wanted and config.num_warps >= 2] or configs
    if len(some) <= limit:
        return some
    return [some[round(i * (len(some) - 1) / (limit - 1))] for i in range(limit)]

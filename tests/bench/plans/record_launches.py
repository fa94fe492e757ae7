"""Records what Triton 3.6 launches on a GPU as cases for build/bin/conformance: buffers before and after, IR, options.

As a pytest plugin, each kernel once, up to RECORD_LIMIT bytes of buffers a launch and RECORD_CAP of all:

    PYTHONPATH=tests/bench/plans RECORD_TO=DIR python3 -m pytest -p record_launches TESTS

inductor_workloads.py VARIANT 0 1 DIR SECONDS records what Inductor makes of some 410 small functions. Then
`build/bin/conformance --cases DIR --device cuda:0`. A buffer that an earlier launch of the same kernel had filled is
recorded as one that stays as it was.
"""
import atexit, collections, hashlib, json, os, sys
import torch
LIMIT = int(os.environ.get("RECORD_LIMIT", 1 << 20)); CAP = int(os.environ.get("RECORD_CAP", 80 << 20))
counts = collections.Counter(); seen = collections.Counter(); kernels = {}; spent = 0; folder = None

def span(t):
    if t.numel() == 0: return 0
    return 1 + sum((n - 1) * s for n, s in zip(t.shape, t.stride()))
def bytes_of(t):
    n = span(t)
    flat = torch.as_strided(t, (n,), (1,), t.storage_offset())
    return flat.clone().view(torch.uint8).cpu().numpy().tobytes()
def tensor_of(v):
    if isinstance(v, torch.Tensor): return v
    if hasattr(v, "_base") and hasattr(v, "_strides"):
        t = v._base if v._base.dtype == v.dtype else v._base.view(v.dtype)
        return torch.as_strided(t, tuple(v.shape), tuple(v._strides), t.storage_offset() + v.offset)
    return getattr(v, "base", None) if hasattr(v, "block_shape") and isinstance(getattr(v, "base", None), torch.Tensor) else None
KIND = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}

def prepare(kernel, grid, args):
    """Before the launch: what to compare, or None with a count of why not."""
    sig = list(kernel.src.signature.items())
    if len(sig) != len(args): counts["other number of arguments"] += 1; return None
    entries, tensors, total = [], [], 0
    for (name, type), value in zip(sig, args):
        if type == "constexpr": continue
        if not isinstance(type, str): counts["tuples"] += 1; return None
        if type.startswith("*") or type.startswith("tensordesc"):
            t = tensor_of(value)
            if t is None: counts[f"no tensor for {type[:12]}"] += 1; return None
            if span(t) == 0: counts["empty"] += 1; return None
            total += span(t) * t.element_size()
            if total > LIMIT: counts["large"] += 1; return None
            e = {"name": str(name), "type": type, "shape": list(t.shape), "strides": list(t.stride()), "dtype": str(t.dtype).removeprefix("torch.")}
            if type.startswith("tensordesc"):
                e.update(desc_shape=list(value.shape), desc_strides=list(value.strides), block_shape=list(value.block_shape))
                if getattr(value, "padding", "zero") != "zero": counts["padding"] += 1; return None
            entries.append(e); tensors.append(t)
        else:
            if not isinstance(value, (int, float, bool)): counts[f"value {value.__class__.__name__}"] += 1; return None
            entries.append({"name": str(name), "type": type, "value": value}); tensors.append(None)
    ranges = sorted((t.data_ptr(), t.data_ptr() + span(t) * t.element_size()) for t in tensors if t is not None)
    overlap = any(a[1] > b[0] for a, b in zip(ranges, ranges[1:]))
    return entries, tensors, [None if t is None else bytes_of(t) for t in tensors], overlap

def finish(kernel, grid, prepared, key):
    global spent
    entries, tensors, before, overlap = prepared
    after = [None if t is None else bytes_of(t) for t in tensors]
    if overlap and any(a != b for a, b in zip(after, before)): counts["overlapping buffers"] += 1; return
    if all(a == b for a, b in zip(after, before)): counts["nothing changed"] += 1; return
    data = bytearray()
    for e, t, b, a in zip(entries, tensors, before, after):
        if t is None: continue
        e["before"] = [len(data), len(b)]; data += b
        if a != b: e["after"] = [len(data), len(a)]; data += a
    m = kernel.metadata
    options = {k: getattr(m, k, None) for k in ("num_warps", "num_stages", "num_ctas", "maxnreg", "enable_fp_fusion", "launch_cooperative_grid", "launch_pdl", "shared", "name")}
    constants = {}
    for k, v in getattr(kernel.src, "constants", {}).items():
        n = k if isinstance(k, str) else (kernel.src.fn.arg_names[k[0]] if len(k) == 1 else str(k))
        if isinstance(v, (int, float, bool, str)) or v is None: constants[n] = v
    test = os.environ.get("PYTEST_CURRENT_TEST", os.environ.get("RECORD_TEST", "x::y")).split(" ")[0]
    suite = os.path.basename(test.split("::")[0]).removesuffix(".py").removeprefix("test_")
    name = test.split("::")[-1].split("[")[0].removeprefix("test_")[:60]
    d = os.path.join(folder, suite, f"{name}-{key}"); os.makedirs(d, exist_ok=True)
    json.dump({"test": os.path.basename(test), "kernel": m.name, "grid": list(grid), "options": options, "constants": constants, "args": entries,
               "triton": "3.6.0", "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "none"}, open(d + "/case.json", "w"), indent=1)
    open(d + "/data.bin", "wb").write(data); open(d + "/kernel.ttir", "w").write(kernel.asm["ttir"])
    spent += len(data); counts["recorded"] += 1

def key_of(kernel, grid, args):
    h = hashlib.sha256(kernel.asm["ttir"].encode())
    h.update(repr((kernel.metadata.num_warps, kernel.metadata.num_stages, kernel.metadata.num_ctas)).encode())
    return h.hexdigest()[:16]

def record(kernel, grid, args, launch):
    key = key_of(kernel, grid, args)
    if spent > CAP or seen[key] or torch.cuda.is_available() and torch.cuda.is_current_stream_capturing(): counts["seen"] += 1; return launch()
    try: prepared = prepare(kernel, grid, args)
    except Exception as e: counts[f"before: {e!r}"[:80]] += 1; prepared = None
    result = launch()
    if prepared:
        try:
            if torch.cuda.is_available(): torch.cuda.synchronize()
            finish(kernel, grid, prepared, key); seen[key] += 1
        except Exception as e: counts[f"after: {e!r}"[:80]] += 1
    return result

def install(to):
    global folder
    folder = to
    from triton.compiler.compiler import CompiledKernel
    from triton.backends.nvidia.driver import CudaLauncher
    init = CompiledKernel._init_handles
    def init_handles(self):
        init(self)
        if getattr(self, "function", None) is not None: kernels[self.function] = self
    CompiledKernel._init_handles = init_handles
    call = CudaLauncher.__call__
    def launcher(self, x, y, z, stream, function, *args):
        kernel = kernels.get(function)
        go = lambda: call(self, x, y, z, stream, function, *args)
        return record(kernel, (x, y, z), args[4:], go) if kernel is not None else go()
    CudaLauncher.__call__ = launcher
    atexit.register(lambda: print("RECORDER", os.path.basename(str(folder)), dict(counts), f"{spent/1e6:.1f} MB", file=sys.stderr))
if os.environ.get("RECORD_TO"): install(os.environ["RECORD_TO"])

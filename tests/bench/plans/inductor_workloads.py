"""Compiles many small functions with Inductor in the variants of its code generation; recorder.py records what it launches."""
import os, sys, time, random, traceback
variant, shard, of, out, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], float(sys.argv[5])
start = time.time()
import torch, torch.nn.functional as F
import torch._inductor.config as C
import record_launches; record_launches.install(out + f"/{variant}{shard}")
C.use_static_cuda_launcher = False; C.compile_threads = 1; C.fx_graph_cache = False; C.triton.unique_kernel_names = True
if hasattr(C, "force_disable_caches"): C.force_disable_caches = True
V = {"plain": {}, "loop": {"triton.persistent_reductions": False}, "block_ptr": {"triton.use_block_ptr": True, "triton.prefer_nd_tiling": True, "triton.max_tiles": 3},
 "desc": {"triton.use_tensor_descriptor": True, "assume_aligned_inputs": True, "triton.prefer_nd_tiling": True}, "coop": {"triton.force_cooperative_reductions": True},
 "nd": {"triton.prefer_nd_tiling": True, "triton.tile_reductions": True, "triton.max_tiles": 3}, "emulate": {"emulate_precision_casts": True, "triton.codegen_upcast_to_fp32": False},
 "tune": {"max_autotune": True, "max_autotune_gemm_backends": "TRITON", "max_autotune_conv_backends": "TRITON", "autotune_in_subproc": False}}[variant]
d = "cuda"; g = torch.Generator(d).manual_seed(1)
def r(*s, dt=torch.float32): return torch.randn(*s, device=d, generator=g).to(dt)
def i(*s, lo=-100, hi=100, dt=torch.int64): return torch.randint(lo, hi, s, device=d, generator=g).to(dt)
h, b, f64, i32, i8, u8, bo = torch.float16, torch.bfloat16, torch.float64, torch.int32, torch.int8, torch.uint8, torch.bool
L = []
def add(name, fn, *args, grad=False): L.append((name, fn, args, grad))
un = "abs acos acosh asin asinh atan atanh ceil cos cosh digamma erf erfc erfinv exp exp2 expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round rsqrt sigmoid sign sin sinh sqrt square tan tanh trunc isnan isinf signbit".split()
for n in un:
    for dt in (torch.float32, h, b, f64) if n in "exp log tanh erf round".split() else (torch.float32,): add(f"{n}_{str(dt)[6:]}", getattr(torch, n), r(7, 33, dt=dt))
for n in "special.i0 special.i0e special.i1 special.i1e special.bessel_j0 special.bessel_j1 special.bessel_y0 special.modified_bessel_i0 special.ndtri special.log_ndtr special.erfcx special.entr special.zeta special.spherical_bessel_j0".split():
    fn = torch; 
    for p in n.split("."): fn = getattr(fn, p)
    add(n, (lambda x, fn=fn: fn(x.abs() + 1.5, x.abs() + .5)) if "zeta" in n else fn, r(5, 40).abs() * .8)
bi = "add sub mul div maximum minimum fmod remainder atan2 hypot copysign pow nextafter eq lt logaddexp fmax fmin floor_divide".split()
for n in bi:
    for dt in (torch.float32, b): 
        if not (n == "nextafter" and dt == b): add(f"{n}_{str(dt)[6:]}", getattr(torch, n), r(6, 1, 17, dt=dt), r(9, 17, dt=dt).abs() + .25)
for n in "add sub mul floor_divide remainder bitwise_and bitwise_or bitwise_xor gcd maximum fmod lt".split():
    for dt in (torch.int64, i32, i8, u8, torch.int16): add(f"{n}_{str(dt)[6:]}", getattr(torch, n), i(5, 31, dt=dt), i(31, lo=1, hi=90, dt=dt))
add("shift", lambda x, y: (x << y) ^ (x >> y), i(100, dt=i32), i(100, lo=0, hi=31, dt=i32)); add("shift64", lambda x, y: (x << y) ^ (x >> y), i(100), i(100, lo=0, hi=63))
add("not", lambda x: (~x, -x, x.bitwise_not()), i(77, dt=i8)); add("bools", lambda x, y: (x & y, x | y, x ^ y, ~x, x.any(), y.all(), (x & y).sum()), i(9, 30) > 0, i(9, 30) > 20)
for a in (torch.float32, h, b, f64, torch.int64, i32, i8, u8, bo):
    for z in (torch.float32, h, b, i32, i8, u8, bo, torch.int64): 
        if a != z: add(f"cast_{str(a)[6:]}_{str(z)[6:]}", lambda x, z=z: x.to(z) , (r(3, 50).abs() * 20).to(a))
for z in (torch.float8_e4m3fn, torch.float8_e5m2): add(f"fp8_{z}", lambda x, z=z: (x.to(z).to(torch.float32) + 1), r(8, 40) * 30)
for n in "sum mean amax amin prod argmax argmin var std logsumexp any all nansum norm median".split():
    for shape, dim in (((17, 300), 1), ((300, 17), 0), ((5, 40, 9), (0, 2)), ((3000,), 0)):
        if isinstance(dim, tuple) and n in "prod argmax argmin any all median".split(): continue
        for dt in (torch.float32, b) if n in "sum amax argmax var".split() else (torch.float32,):
            x = r(*shape, dt=dt)
            add(f"{n}_{len(shape)}_{dim}_{str(dt)[6:]}".replace(" ", ""), (lambda x, n=n, dim=dim: getattr(x > 0, n)(dim) if n in ("any", "all") else getattr(x, n)(dim=dim) if n != "norm" else torch.norm(x, dim=dim)), x)
for dt in (torch.int64, i32, i8): add(f"isum_{str(dt)[6:]}", lambda x: (x.sum(1), x.amax(0), x.argmin(1), x.prod(1)), i(9, 130, dt=dt))
for n in "cumsum cumprod logcumsumexp cummax cummin".split():
    for shape in ((6, 70), (2, 2500), (1, 9000)): add(f"{n}_{shape[1]}", lambda x, n=n: getattr(torch, n)(x, 1), r(*shape) * .1 + (1 if n == "cumprod" else 0))
add("cumsum_i64", lambda x: x.cumsum(1), i(3, 500)); add("cumsum_0", lambda x: x.cumsum(0), r(90, 7)); add("cumsum_bf16", lambda x: x.cumsum(-1), r(4, 90, dt=b))
for s in ((4, 16), (3, 100), (1, 512)): add(f"sort{s[1]}", lambda x: torch.sort(x, dim=1, stable=True), r(*s)); add(f"argsort{s[1]}", lambda x: torch.argsort(x, dim=1, stable=True, descending=True), i(*s, dt=i32))
for dt in (torch.float32, h, b):
    t = str(dt)[6:]
    add(f"softmax_{t}", lambda x: F.softmax(x, -1), r(9, 200, dt=dt)); add(f"logsoftmax_{t}", lambda x: F.log_softmax(x, 0), r(50, 13, dt=dt))
    add(f"layernorm_{t}", lambda x, w, z: F.layer_norm(x, (96,), w, z), r(7, 96, dt=dt), r(96, dt=dt), r(96, dt=dt), grad=True)
    add(f"rmsnorm_{t}", lambda x, w: F.rms_norm(x, (160,), w), r(5, 160, dt=dt), r(160, dt=dt), grad=True)
    add(f"groupnorm_{t}", lambda x: F.group_norm(x, 4), r(2, 8, 5, 6, dt=dt), grad=True); add(f"gelu_{t}", lambda x: (F.gelu(x), F.silu(x), F.mish(x), F.softplus(x), F.elu(x), F.hardswish(x), F.gelu(x, approximate="tanh")), r(6, 50, dt=dt), grad=True)
    add(f"batchnorm_{t}", lambda x: F.batch_norm(x, None, None, training=True), r(6, 5, 7, dt=dt), grad=True); add(f"instnorm_{t}", lambda x: F.instance_norm(x), r(3, 4, 9, 5, dt=dt))
    add(f"glu_{t}", lambda x: F.glu(x), r(6, 50, dt=dt), grad=True)
add("xent", lambda x, y: F.cross_entropy(x, y), r(20, 130), i(20, lo=0, hi=130), grad=True); add("nll2d", lambda x, y: F.nll_loss(F.log_softmax(x, 1), y, ignore_index=3), r(4, 7, 5), i(4, 5, lo=0, hi=7), grad=True)
add("huber", lambda x, y: (F.huber_loss(x, y), F.smooth_l1_loss(x, y), F.kl_div(x.log_softmax(1), y.softmax(1)), F.binary_cross_entropy_with_logits(x, y.sigmoid())), r(20, 30), r(20, 30), grad=True)
add("embed", lambda w, x: F.embedding(x, w) * 2, r(50, 24), i(6, 7, lo=0, hi=50), grad=True); add("gather", lambda x, y: torch.gather(x, 1, y), r(9, 30), i(9, 12, lo=0, hi=30), grad=True)
add("scatter_add", lambda x, y, z: x.scatter_add(0, y, z), r(20, 8), i(40, 8, lo=0, hi=20), r(40, 8)); add("index_put", lambda x, y, z: x.index_put((y,), z, accumulate=True), r(30), i(64, lo=-30, hi=30), r(64)); add("index", lambda x, y: x[y, :, None] + 1, r(12, 5), i(9, lo=-12, hi=12))
add("scatter_reduce", lambda x, y, z: x.scatter_reduce(0, y, z, "amax"), r(20), i(60, lo=0, hi=20), r(60)); add("masked", lambda x: (x.masked_fill(x > 0, -1), torch.where(x > .5, x, x * x), x.clamp(-1, 1), x.tril(), x.triu(1)), r(15, 14))
add("where_nan", lambda x: (torch.nan_to_num(x / (x > 0)), (x / 0).isnan().sum(), torch.isfinite(1 / (x - x))), r(50)); add("bucketize", lambda x, y: torch.bucketize(x, y), r(6, 20), torch.linspace(-2, 2, 17, device=d)); add("searchsorted", lambda x, y: torch.searchsorted(y, x, right=True), r(3, 20), r(3, 40).sort(1)[0])
add("cat", lambda x, y: torch.cat([x, y * 2, x[:, :3]], 1), r(5, 9), r(5, 4)); add("stack", lambda x, y: torch.stack([x, y], 1).flip(0), r(5, 9), r(5, 9)); add("pad", lambda x: (F.pad(x, (1, 2, 3, 0), value=7), F.pad(x[None], (2, 2), mode="reflect"), F.pad(x[None], (1, 3), mode="replicate"), F.pad(x[None], (2, 1), mode="circular")), r(5, 9), grad=True)
add("roll", lambda x: (x.roll(3, 1), x.T.contiguous(), x.unfold(1, 4, 2).contiguous(), x[::2, 1::3].clone(), x.repeat(2, 3), x.repeat_interleave(2, 0), x.diagonal().clone()), r(8, 13)); add("permute", lambda x: x.permute(2, 0, 1).contiguous() + 1, r(6, 7, 8)); add("transposed", lambda x, y: x.T + y, r(33, 20), r(20, 33))
add("pool", lambda x: (F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 2, ceil_mode=True), F.adaptive_avg_pool2d(x, 3), F.max_pool2d(x, 2, return_indices=True)[1]), r(2, 3, 11, 10), grad=True); add("interp", lambda x: (F.interpolate(x, scale_factor=2, mode="bilinear"), F.interpolate(x, size=(7, 5), mode="nearest"), F.interpolate(x, scale_factor=1.5, mode="bicubic", align_corners=True)), r(1, 2, 6, 5), grad=True); add("grid", lambda x, y: F.grid_sample(x, y.tanh(), align_corners=False), r(1, 2, 6, 5), r(1, 4, 4, 2)); add("pixel", lambda x: (F.pixel_shuffle(x, 2), F.pixel_unshuffle(x, 2), F.channel_shuffle(x, 2)), r(1, 4, 6, 6))
add("rand", lambda x: (torch.rand_like(x), torch.randn_like(x), torch.randint_like(x, 100), F.dropout(x, .3)), r(7, 33)); add("rand_big", lambda: (torch.rand(3, 1000, device=d), torch.randint(-5, 1 << 40, (77,), device=d), torch.randint(0, 9, (50,), dtype=i32, device=d)))
add("arange", lambda: (torch.arange(50, device=d), torch.linspace(0, 1, 33, device=d), torch.eye(9, device=d), torch.full((3, 4), 7, device=d), torch.arange(0, 5, .3, device=d))); add("complex", lambda x: torch.view_as_real(torch.polar(x.abs(), x)), r(30)); add("fft_like", lambda x, y: x * y.cos() - y * x.sin(), r(400, dt=f64), r(400, dt=f64))
add("rope", lambda q, c, s: torch.cat([q[..., :16] * c - q[..., 16:] * s, q[..., 16:] * c + q[..., :16] * s], -1), r(2, 5, 3, 32, dt=b), r(5, 1, 16, dt=b), r(5, 1, 16, dt=b)); add("quant", lambda x: ((x / (x.abs().amax(1, keepdim=True) / 127)).round().clamp(-128, 127).to(i8), x.abs().amax(1) / 127), r(9, 130, dt=b)); add("dequant", lambda x, s: (((x & 15).to(i8) - 8).to(b) * s, ((x >> 4).to(i8) - 8).to(b) * s), i(9, 64, lo=0, hi=255, dt=u8), r(9, 1, dt=b))
add("adam", lambda p, m, v, gr: (m.lerp_(gr, .1), v.mul_(.99).addcmul_(gr, gr, value=.01), p.addcdiv_(m, v.sqrt().add_(1e-8), value=-.01)), r(33, 20), r(33, 20), r(33, 20).abs(), r(33, 20)); add("foreach", lambda *a: torch._foreach_add(torch._foreach_mul(list(a), 2), list(a), alpha=.5), r(9, 9), r(50), r(3, 4, 5, dt=h), r(1)); add("foreach_norm", lambda *a: torch._foreach_sqrt(torch._foreach_abs(list(a))), r(9, 9), r(50), r(1000))
add("attn", lambda q, k, v: (q @ k.transpose(-1, -2) * .1).softmax(-1) @ v, r(2, 3, 20, 16), r(2, 3, 20, 16), r(2, 3, 20, 16), grad=True); add("welford2", lambda x: torch.var_mean(x, (0, 2), correction=0), r(9, 6, 50)); add("welford_big", lambda x: torch.var_mean(x), r(40000)); add("sum_big", lambda x: (x.sum(), x.amax(), x.argmax(), (x > 0).any()), r(60000)); add("mean_rows", lambda x: x.mean(0), r(5000, 6)); add("histc", lambda x: torch.histc(x, 10, -2, 2), r(500)); add("topk", lambda x: x.topk(5), r(4, 50)); add("mode", lambda x: x.sum(1).cumsum(0), r(50, 50)); add("triu_sum", lambda x: (x.triu() * x.sigmoid()).sum(-1), r(40, 40), grad=True); add("renorm", lambda x: x / x.norm(dim=1, keepdim=True).clamp_min(1e-6), r(9, 77), grad=True); add("cdist", lambda x, y: (x[:, None] - y[None]).abs().sum(-1), r(20, 8), r(30, 8)); add("mse_mm", lambda x, w: F.mse_loss(x @ w, x), r(20, 20), r(20, 20), grad=True); add("scan_max", lambda x: x.cummax(1), r(3, 300)); add("prod_b", lambda x: x.prod(0), r(3, 40)); add("sumi8", lambda x: x.sum(1, dtype=i32), i(5, 99, dt=i8)); add("ldexp", lambda x, y: (torch.ldexp(x, y), torch.frexp(x)[0], x.frexp()[1], torch.xlogy(x.abs(), x.abs())), r(60), i(60, lo=-5, hi=5)); add("heaviside", lambda x: (torch.heaviside(x, x), x.sgn(), torch.logit(x.sigmoid()), torch.sinc(x), x.deg2rad(), torch.polygamma(1, x.abs() + 1)), r(60))
if variant == "tune":
    L = []
    for dt in (h, b, torch.float32):
        for M, N, K in ((64, 64, 64), (130, 70, 50), (16, 256, 100), (1, 128, 256)):
            add(f"mm{M}_{str(dt)[6:]}", lambda x, y: torch.relu(x @ y), r(M, K, dt=dt), r(K, N, dt=dt)); add(f"addmm{M}_{str(dt)[6:]}", lambda c, x, y: F.silu(torch.addmm(c, x, y.T)), r(N, dt=dt), r(M, K, dt=dt), r(N, K, dt=dt))
        add(f"bmm_{str(dt)[6:]}", lambda x, y: x @ y, r(3, 40, 50, dt=dt), r(3, 50, 33, dt=dt)); add(f"conv_{str(dt)[6:]}", lambda x, w: F.relu(F.conv2d(x, w, padding=1)), r(2, 8, 12, 12, dt=dt), r(16, 8, 3, 3, dt=dt)); add(f"conv1_{str(dt)[6:]}", lambda x, w: F.conv2d(x, w, stride=2), r(2, 16, 9, 9, dt=dt), r(8, 16, 1, 1, dt=dt)); add(f"mmt_{str(dt)[6:]}", lambda x, y: (x.T @ y).sum(0), r(64, 40, dt=dt), r(64, 48, dt=dt)); add(f"mlp_{str(dt)[6:]}", lambda x, w, v: F.gelu(x @ w) @ v, r(40, 64, dt=dt), r(64, 96, dt=dt), r(96, 32, dt=dt))
    add("int8mm", lambda x, y: torch._int_mm(x, y), i(32, 64, dt=i8), i(64, 32, dt=i8))
    from torch.nn.attention.flex_attention import flex_attention
    for dt in (h, torch.float32):
        for n, m in (("plain", None), ("causal", lambda s, b_, h_, q, k: torch.where(q >= k, s, -float("inf"))), ("alibi", lambda s, b_, h_, q, k: s + (q - k) * .1 * (h_ + 1))): add(f"flex_{n}_{str(dt)[6:]}", lambda q, k, v, m=m: flex_attention(q, k, v, score_mod=m), r(1, 2, 128, 64, dt=dt), r(1, 2, 128, 64, dt=dt), r(1, 2, 128, 64, dt=dt), grad=True)
random.Random(7).shuffle(L); bad = 0; done = 0
for name, fn, args, grad in L[shard::of]:
    if time.time() - start > limit: break
    os.environ["RECORD_TEST"] = f"inductor_{variant}::{name}"
    try:
        torch._dynamo.reset(); a = [x.clone() for x in args]
        if grad: a = [x.requires_grad_() if x.is_floating_point() else x for x in a]
        y = torch.compile(fn, dynamic=False, options=V)(*a)
        if grad:
            ys = [t for t in (y if isinstance(y, (tuple, list)) else [y]) if t.requires_grad]
            torch.autograd.backward(ys, [torch.randn_like(t) for t in ys])
        done += 1
    except Exception as e:
        bad += 1; print("FAILED", variant, name, repr(e)[:150].replace("\n", " "), flush=True)
print(f"{variant}{shard}: {done} of {len(L[shard::of])} functions, {bad} failed, {time.time()-start:.0f} s")

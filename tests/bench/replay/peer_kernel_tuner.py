"""Kernel Tuner's strategies on the recorded spaces that bench_replay reads, through its own simulation runner.

    python3 -m venv V && V/bin/pip install kernel-tuner
    V/bin/python tests/bench/replay/peer_kernel_tuner.py --spaces DIR [--seeds N] [--cap N] [--strategies a,b] --csv FILE

A row a space and strategy, in the columns of `bench_replay --csv`. A run ends within 1 % of the optimum (not before
its last mark), or after `cap` evaluations; one that did not come near enough counts as `cap`, which favours it. Repeated visits cost nothing, as in Kernel Tuner's own
count. Strategies have their default options.
"""
import argparse, csv, gzip, json, os, random, statistics, sys, time, warnings
from collections import namedtuple

import numpy
from kernel_tuner import util
from kernel_tuner.interface import Options, strategy_map
from kernel_tuner.runners.simulation import SimulationRunner
from kernel_tuner.searchspace import Searchspace

STRATEGIES = ["genetic_algorithm", "simulated_annealing", "pso", "diff_evo", "greedy_ils", "greedy_mls", "mls", "firefly_algorithm",
              "dual_annealing", "basinhopping", "hybrid_vndx", "adaptive_tabu_greywolf", "bayes_opt", "random_sample"]
MARKS = [25, 50, 100, 220]
Named = namedtuple("Named", "kernel_name quiet")


class Reached(Exception):
    pass


class Recorder(SimulationRunner):
    """Notes the best time after each new configuration, and ends the run within 1 % of the optimum."""

    def __init__(self, optimum):
        super().__init__(None, Named("recorded", True), Named("recorded", True), 1, [])
        self.optimum, self.best, self.trace = optimum, [], []

    def run(self, parameter_space, tuning_options):
        results = []
        for element in parameter_space:
            before = len(self.visited_results)
            results += super().run([element], tuning_options)
            if len(self.visited_results) > before:
                seconds = results[-1].get("time")
                best = self.trace[-1] if self.trace else float("inf")
                self.trace.append(min(best, seconds) if isinstance(seconds, float) else best)
                if self.trace[-1] <= 1.01 * self.optimum and len(self.trace) >= MARKS[-1]:
                    raise Reached
        return results


def load(path):
    with gzip.open(path) as file:
        document = json.load(file)
    # Positions stand for values that are no numbers.
    names = list(document["params"])
    numeric = {n: all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in document["params"][n]) for n in names}
    place = {n: {json.dumps(v): i for i, v in enumerate(document["params"][n])} for n in names}
    value = lambda n, v: v if numeric[n] else place[n][json.dumps(v)]
    params = {n: [value(n, v) for v in document["params"][n]] for n in names}
    cache = {}
    for row, milliseconds in zip(document["configs"], document["time_ms"]):
        config = {n: value(n, v) for n, v in zip(names, row)}
        config["time"] = float(milliseconds) if milliseconds is not None else util.RuntimeFailedConfig()
        if milliseconds is None:
            config["__error__"] = config["time"]
        cache[",".join(str(config[n]) for n in names)] = config
    optimum = min(t for t in document["time_ms"] if t is not None)
    return {"tune_params": params, "cache": cache}, optimum


def replay(space, searchspace, optimum, strategy, seed, cap):
    random.seed(seed)
    numpy.random.seed(seed)
    runner = Recorder(optimum)
    options = Options(objective=["time"], objective_higher_is_better=[False], strategy_options=Options(max_fevals=cap), restrictions=[],
                      cache=space["cache"], cachefile=None, tune_params=space["tune_params"], metrics=None, verbose=False, seed=None,
                      simulation_mode=True, budget=util.TuningBudget(None, min(cap, searchspace.size)))
    begun = time.perf_counter()
    # Strategies that end by themselves before the budget are started again, as their users would.
    try:
        while not options.budget.is_done():
            spent = options.budget.num_fevals
            strategy_map[strategy].tune(searchspace, runner, options)
            if options.budget.num_fevals == spent:
                break
    except (Reached, util.StopCriterionReached):
        pass
    return runner.trace, 1e3 * (time.perf_counter() - begun) / max(1, len(runner.trace))


def evaluations(trace, bar, cap):
    return next((i + 1 for i, best in enumerate(trace) if best <= bar), cap)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spaces", required=True)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--cap", type=int, default=1000)
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--csv", required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    paths = sorted(f for f in os.listdir(options.spaces) if f.endswith(".json.gz"))
    with open(options.csv, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["space", "strategy", "history", "seeds", "median_5", "mean_5", "median_1", "mean_1"]
                     + [f"share_{m}" for m in MARKS] + ["ms_per_proposal"])
        spaces = [(name[:-8], *load(os.path.join(options.spaces, name))) for name in paths]
        for strategy in options.strategies.split(","):
            for name, space, optimum in spaces:
                searchspace = Searchspace(None, None, None, from_cache=space)
                five, one, shares, cost = [], [], [[] for _ in MARKS], []
                for seed in range(options.seeds):
                    trace, milliseconds = replay(space, searchspace, optimum, strategy, seed, options.cap)
                    five.append(evaluations(trace, 1.05 * optimum, options.cap))
                    one.append(evaluations(trace, 1.01 * optimum, options.cap))
                    for mark, share in zip(MARKS, shares):
                        share.append(optimum / trace[min(mark, len(trace)) - 1] if trace else 0)
                    cost.append(milliseconds)
                out.writerow([name, "kernel_tuner:" + strategy, 0, options.seeds, statistics.median(five), statistics.mean(five),
                              statistics.median(one), statistics.mean(one)] + [f"{statistics.mean(s):.4f}" for s in shares]
                             + [f"{statistics.mean(cost):.3f}"])
                file.flush()
                print(strategy, name, statistics.median(five), statistics.median(one), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

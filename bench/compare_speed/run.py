#!/usr/bin/env python3
"""How long `churon compare` takes with its full search: five models, three workloads, fifteen chips (own ones at each
of their derate sets), dollars included.

  bench/compare_speed/run.py [--rounds 5] [--threads 2] [--json]

From exec to exit; medians of wall and processor time on the machine as it is. Exit 1 beyond 5 s."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

CHURON = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "churon"
MODELS = "Llama-3.1-70B,Llama-3.1-405B,DeepSeek-V3,gpt-oss-120b,Qwen3-235B-A22B"
CHIPS = ("a100,h100,h200,b200,gb200,mi300x,mi325x,mi355x,tpu-v5e,tpu-v6e,tpu-v7x,trainium2,inferentia2,gaudi3,"
         "churon-1")
LIMIT_S = 5


def once(threads):
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([str(CHURON), "compare", "--models", MODELS, "--workload", "1k/1k,8k/1k,1k/8k", "--chips",
                           CHIPS, "--threads", str(threads), "--json"], check=True, capture_output=True)
    wall, after = time.perf_counter() - start, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, processor, json.loads(done.stdout)["configuration_count"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    runs = [once(options.threads) for _ in range(options.rounds)]
    wall, processor = (statistics.median(run[i] for run in runs) for i in (0, 1))
    configurations = runs[0][2]
    if options.json:
        print(json.dumps({"schema": "churon.bench.compare", "threads": options.threads, "load_before": load,
                          "wall_s": wall, "processor_s": processor, "configuration_count": configurations}, indent=2))
    else:
        print(f"compare, 5 models x 3 workloads x 15 chips, {configurations} configurations served: {wall:.2f} s wall, "
              f"{processor:.2f} s of processors ({options.threads} threads; load before {load:.1f})")
    sys.exit(wall > LIMIT_S)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""How long costs take: a million draws of everything that `churon cost` prints of a chip, at one and two threads with the
same bytes, and `churon cost churon-1` from start to end.

  bench/cost_speed/run.py [--draws 1000000] [--rounds 5] [--chips b200,churon-1] [--json]

Medians of wall and processor time on the machine as it is; exit 1 where two threads give other bytes than one."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

CHURON = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "churon"


def once(arguments):
    """Wall seconds, processor seconds, stdout."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([str(CHURON), "cost", *arguments], check=True, capture_output=True)
    wall, after = time.perf_counter() - start, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system, done.stdout


def median(arguments, rounds):
    runs = [once(arguments) for _ in range(rounds)]
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs), runs[0][2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chips", default="b200,churon-1")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = {"load_before": os.getloadavg()[0]}
    same = True
    for chip in options.chips.split(","):
        bytes_of = []
        for threads in (1, 2):
            wall, processor, output = median(
                [chip, "--json", "--draws", str(options.draws), "--threads", str(threads)], options.rounds)
            figures[f"{chip}_draws_{threads}_threads_s"] = wall
            figures[f"{chip}_draws_{threads}_threads_processor_s"] = processor
            bytes_of.append(output)
        same = same and bytes_of[0] == bytes_of[1]
    figures["same_bytes"] = same
    figures["cost_churon_1_s"], figures["cost_churon_1_processor_s"], _ = median(["churon-1"], 4 * options.rounds)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:40} {value if isinstance(value, bool) else format(value, '.3f')}")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Churon's analytic level beside GenZ (PyPI package genz-llm): decode steps per second on one core, alternating in one
run, and what both say of measured rows.

  bench/against_genz/run.py [--rounds 5] [--steps 30] [--speed-only] [--json]

Speed: whole decode steps of Llama-3.1-70B in fp8 on 8 x H100, batch and context drawn anew for each step, both pinned to
one core; medians and the ratio. Predictions: rows of data/measured of Llama-3.1-70B on H100 (TPOT, milliseconds).
Churon's are those of its test folds: parameters fitted without the row's group. GenZ has no parameters and is asked at
its default efficiency of 1; its decode step is taken at input + output / 2 positions, and to it is added what the
prompts of the other requests take while a token is made, batch / output * prefill, as the rows' definition has it.
GenZ is installed once, in a virtual environment under build/peers."""
import argparse
import csv
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build" / "release"
PEER = ROOT / "build" / "peers" / "genz"
PACKAGE = "genz-llm==0.0.16"
MODEL, SYSTEM, CHIP = "meta-llama/Llama-3.1-70B", "H100_GPU", "H100-SXM"


def peer():
    python = PEER / "bin" / "python"
    if not (PEER / "installed").exists():
        print(f"installing {PACKAGE} under {PEER} (once)", file=sys.stderr)
        venv.create(PEER, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PACKAGE], check=True)
        (PEER / "installed").touch()
    return python


def genz(python, questions, core=None):
    done = subprocess.run([*pin(core), python, pathlib.Path(__file__).with_name("genz_steps.py")], check=True,
                          input=json.dumps(questions), capture_output=True, text=True)
    return json.loads(done.stdout[done.stdout.index("["):])


def pin(core):
    return [] if core is None else ["taskset", "-c", str(core)]


def speeds(python, rounds, steps):
    core = min(os.sched_getaffinity(0))
    ours, theirs = [], []
    for _ in range(rounds):
        done = subprocess.run([*pin(core), RELEASE / "bench_estimate", "Llama-3.1-70B", "50000", "--json"], text=True,
                              capture_output=True)
        row = next(row for row in json.loads(done.stdout)["rows"] if row["chip"] == "h100")
        ours.append(row["steps_per_s"])
        question = {"model": MODEL, "system": SYSTEM, "bits": "fp8", "tp": row["tp"], "steps": steps}
        theirs.append(genz(python, [question], core)[0]["steps_per_s"])
    return {"churon_steps_per_s": statistics.median(ours), "genz_steps_per_s": statistics.median(theirs),
            "ratio": statistics.median(a / b for a, b in zip(ours, theirs))}


def measured_rows():
    done = subprocess.run([RELEASE / "churon", "validate", ROOT / "data" / "measured", "--test", "--csv", "--quiet"],
                          check=True, capture_output=True, text=True)
    return [row for row in csv.DictReader(io.StringIO(done.stdout))
            if row["chip"] == CHIP and row["model"] == "Llama-3.1-70B" and row["metric"] == "TPOT"
            and row["grade"] == "A" and row["test_predicted"]]


def predictions(python):
    rows = measured_rows()
    answers = genz(python, [{"model": MODEL, "system": SYSTEM, "bits": "fp8", "tp": int(row["parallelism"][2:]),
                             "input": int(row["input_len"]), "output": int(row["output_len"]),
                             "batch": int(row["batch"])} for row in rows])
    return [{"parallelism": row["parallelism"], "input_tokens": int(row["input_len"]),
             "output_tokens": int(row["output_len"]), "batch": int(row["batch"]), "measured_s": float(row["measured"]),
             "churon_s": float(row["test_predicted"]), "genz_decode_s": answer["decode_s"],
             "genz_s": answer["decode_s"] + int(row["batch"]) / int(row["output_len"]) * answer["prefill_s"]}
            for row, answer in zip(rows, answers)]


def error(row, key):
    return row[key] / row["measured_s"] - 1


def print_predictions(rows):
    print(f"\nTPOT of {MODEL}, fp8, {CHIP}, ms\n"
          "chips   in/out      batch   measured   Churon   error     GenZ   error   its decode alone")
    for row in rows:
        print(f"{row['parallelism']:5} {row['input_tokens']:6}/{row['output_tokens']:<6}{row['batch']:5} "
              f"{1e3 * row['measured_s']:10.2f} {1e3 * row['churon_s']:8.2f} {100 * error(row, 'churon_s'):+6.0f} % "
              f"{1e3 * row['genz_s']:8.2f} {100 * error(row, 'genz_s'):+6.0f} % {1e3 * row['genz_decode_s']:14.2f}")
    for name, key in (("Churon", "churon_s"), ("GenZ", "genz_s")):
        print(f"mean absolute error of {len(rows)} rows, {name}: "
              f"{100 * statistics.fmean(abs(error(row, key)) for row in rows):.0f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30, help="of GenZ in a round")
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    python = peer()
    speed = speeds(python, options.rounds, options.steps)
    rows = [] if options.speed_only else predictions(python)
    if options.json:
        print(json.dumps({"schema": "churon.bench.genz", "peer": PACKAGE, "speed": speed, "rows": rows}, indent=2))
        return
    print(f"Llama-3.1-70B, fp8, 8 x H100: Churon {speed['churon_steps_per_s']:,.0f} decode steps/s, GenZ "
          f"{speed['genz_steps_per_s']:,.1f}; ratio {speed['ratio']:,.0f}")
    if rows:
        print_predictions(rows)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""From exec to the first byte on stdout, and the largest resident memory, of `churon run`.

  bench/start/run.py [--models smollm2,PATH] [--threads 2] [--rounds 7] [--json]

A raw prompt of 32 tokens, the model's file in the page cache; medians. The memory allowed is what the program
itself names: matrices as the host keeps them, the cache of keys and values for -c 2048, and 150 MB."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

CHURON = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "churon"
CONTEXT, PROMPT_TOKENS, ALLOWANCE_BYTES = 2048, 32, 150e6
TEXT = ("Memory bandwidth is the rate at which data can be read from or stored into a semiconductor memory by a "
        "processor, and it is one of the most important limits of all modern computers that serve language models")


def command(model, prompt, threads, *more):
    return [str(CHURON), "run", model, "--raw", "-p", prompt, "-n", "8", "-c", str(CONTEXT), "--threads", str(threads),
            "--ignore-eos", *more]


def document(model, prompt, threads):
    done = subprocess.run(command(model, prompt, threads, "--json"), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def prompt_of(model, threads):
    """The longest beginning of the text, in words, of at most 32 tokens."""
    words = TEXT.split()
    while len(document(model, " ".join(words), threads)["prompt_ids"]) > PROMPT_TOKENS:
        words.pop()
    return " ".join(words)


def once(arguments):
    read, write = os.pipe()
    start = time.perf_counter()
    child = subprocess.Popen(arguments, stdout=write, stderr=subprocess.DEVNULL)
    os.close(write)
    os.read(read, 1)
    first = time.perf_counter() - start
    while os.read(read, 65536):
        pass
    os.close(read)
    _, _, usage = os.wait4(child.pid, 0)
    return first, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="smollm2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for model in options.models.split(","):
        prompt = prompt_of(model, options.threads)
        host = document(model, prompt, options.threads)
        runs = [once(command(model, prompt, options.threads, "--quiet")) for _ in range(options.rounds)]
        peak = max(memory for _, memory in runs)
        allowed = host["host_weight_bytes"] + host["host_kv_bytes"] + ALLOWANCE_BYTES
        rows.append({"model": host["model"], "threads": options.threads, "prompt_tokens": len(host["prompt_ids"]),
                     "first_byte_s": statistics.median(first for first, _ in runs), "peak_memory_bytes": peak,
                     "allowed_bytes": allowed, "peak_over_allowed": peak / allowed})
    if options.json:
        print(json.dumps({"schema": "churon.bench.start", "rows": rows}, indent=2))
        return
    for row in rows:
        print(f"{row['model']}: exec to first byte {row['first_byte_s'] * 1e3:.0f} ms ({row['prompt_tokens']} tokens, "
              f"{row['threads']} threads); peak memory {row['peak_memory_bytes'] / 1e6:.0f} MB of "
              f"{row['allowed_bytes'] / 1e6:.0f} MB allowed ({row['peak_over_allowed']:.2f})")


if __name__ == "__main__":
    main()

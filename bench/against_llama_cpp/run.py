#!/usr/bin/env python3
"""Host speed of `churon bench` beside llama.cpp's `llama-bench`, in one run: the two alternate, pinned to the same
cores; medians and the ratio are printed.

  bench/against_llama_cpp/run.py [--models smollm2,gemma3-270m,PATH] [--threads 1,2] [--rounds 5] [--json]

The peer is built from the source distribution of the PyPI package llama-cpp-python 0.3.36 with native flags, once,
under build/peers. Run it on an idle machine: nothing else may use the cores."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHURON = ROOT / "build" / "release" / "churon"
PEERS = ROOT / "build" / "peers"
PACKAGE = "llama-cpp-python==0.3.36"
PROMPT, GENERATE = 512, 128


def sh(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def build_peer():
    binary = PEERS / "llama.cpp" / "bin" / "llama-bench"
    if binary.exists():
        return binary
    print(f"building llama.cpp from {PACKAGE} under {PEERS} (once)", file=sys.stderr)
    PEERS.mkdir(parents=True, exist_ok=True)
    archives = list(PEERS.glob("llama_cpp_python-*.tar.gz"))
    if not archives:
        # pip also prepares metadata, which may fail for want of build tools after the archive is here.
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d",
                        str(PEERS), PACKAGE])
        archives = list(PEERS.glob("llama_cpp_python-*.tar.gz"))
    if not archives:
        sys.exit(f"cannot download {PACKAGE}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(PEERS)
    source = next(PEERS.glob("llama_cpp_python-*/vendor/llama.cpp"))
    flags = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF",
             "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DBUILD_SHARED_LIBS=OFF"]
    sh("cmake", "-S", source, "-B", PEERS / "llama.cpp", "-G", "Ninja", *flags, stdout=subprocess.DEVNULL)
    sh("ninja", "-C", PEERS / "llama.cpp", "llama-bench", stdout=subprocess.DEVNULL)
    return binary


def model_path(name):
    if pathlib.Path(name).exists():
        return name
    return subprocess.run([CHURON, "models", "path", name], check=True, capture_output=True, text=True).stdout.strip()


def churon(model, threads, what):
    prompt, generate = (PROMPT, 0) if what == "prefill" else (0, GENERATE)
    out = pinned(threads, CHURON, "bench", model, "-p", prompt, "-n", generate, "-t", threads, "-r", 1, "--json")
    return json.loads(out)[f"host_{what}_tok_s"]


def peer(binary, model, threads, what):
    prompt, generate = (PROMPT, 0) if what == "prefill" else (0, GENERATE)
    out = pinned(threads, binary, "-m", model, "-p", prompt, "-n", generate, "-t", threads, "-r", 1, "-o", "json")
    return json.loads(out)[0]["avg_ts"]


def pinned(threads, *command):
    cores = sorted(os.sched_getaffinity(0))[:threads]
    words = ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="smollm2,gemma3-270m")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    binary = build_peer()
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"note: the load is {load:.1f}; on a busy machine the figures are not worth quoting", file=sys.stderr)

    rows = []
    if not arguments.json:
        print(f"{'model':<32} {'what':<8} {'threads':>7} {'churon tok/s':>14} {'llama.cpp tok/s':>16} {'ratio':>6}   range of ratios")
    for name in arguments.models.split(","):
        path = model_path(name)
        for threads in map(int, arguments.threads.split(",")):
            for what in ("decode", "prefill"):
                ours, theirs = [], []
                for _ in range(arguments.rounds):
                    ours.append(churon(path, threads, what))
                    theirs.append(peer(binary, path, threads, what))
                ratios = [a / b for a, b in zip(ours, theirs)]
                row = {"model": pathlib.Path(path).stem, "what": what, "threads": threads,
                       "churon_tok_s": statistics.median(ours), "llama_cpp_tok_s": statistics.median(theirs),
                       "ratio": statistics.median(ours) / statistics.median(theirs),
                       "ratio_min": min(ratios), "ratio_max": max(ratios)}
                rows.append(row)
                if not arguments.json:
                    print(f"{row['model'][:32]:<32} {what:<8} {threads:>7} {row['churon_tok_s']:>14.1f} "
                          f"{row['llama_cpp_tok_s']:>16.1f} {row['ratio']:>6.2f}   {row['ratio_min']:.2f} .. {row['ratio_max']:.2f}",
                          flush=True)
    if arguments.json:
        json.dump({"schema": "churon.bench_against_llama_cpp", "schema_version": 1, "rows": rows}, sys.stdout, indent=2)


if __name__ == "__main__":
    main()

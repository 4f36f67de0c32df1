#!/usr/bin/env python3
"""End-to-end checks of the built binary with the real default model: e2e.py CHURON TEST_NAME [TRUNCATION_TEST]."""
import json
import math
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "golden"
MODEL = "smollm2"
STEM = "smollm2-135m-instruct-q4_1"
BINARY = sys.argv[1]


def churon(*words, expect=0, env=None, **options):
    done = subprocess.run([BINARY, *map(str, words)], capture_output=True, env={**os.environ, **(env or {})},
                          timeout=600, **options)
    assert done.returncode == expect, \
        f"{words}: exit {done.returncode}, expected {expect}\n{done.stdout[-2000:]}\n{done.stderr[-2000:].decode()}"
    return done


def run_json(*words, **options):
    return json.loads(churon("run", MODEL, *words, "--json", **options).stdout)


def golden(name):
    return json.loads((GOLDEN / name).read_text())


def answers_a_question():
    result = run_json("-p", "What is a GPU?", "-n", 40)
    assert "Graphics Processing Unit" in result["text"], result["text"]
    for field in ("prompt_ids", "ids", "ttft_s", "tpot_s", "energy_per_token_j", "host_prefill_tok_s",
                  "host_decode_tok_s", "chip", "fidelity", "model_digest", "chip_digest", "tool_version"):
        assert field in result, field
    assert 0 < result["ttft_s"] < 1 and 0 < result["tpot_s"] < 1 and 0 < result["energy_per_token_j"] < 10
    text = churon("run", MODEL, "-p", "What is a GPU?", "-n", 40, "--quiet").stdout.decode()
    assert text.strip() == result["text"].strip(), (text, result["text"])


def same_text_on_every_chip_thread_count_and_kernel_set():
    words = ("-p", "Explain what a compiler does.", "-n", 48)
    first = run_json(*words, "-t", 1)
    assert run_json(*words, "-t", 2)["ids"] == first["ids"], "threads"
    assert run_json(*words, "--chip", "churon-0")["ids"] == first["ids"], "churon-0"
    kernels = ["portable", "avx2"] + (["avx512"] if "avx512_vnni" in pathlib.Path("/proc/cpuinfo").read_text() else [])
    for name in kernels:
        assert run_json(*words, env={"CHURON_KERNELS": name})["ids"] == first["ids"], name


def every_shipped_chip_gives_time_and_energy():
    chips = json.loads(churon("chips", "--json").stdout)["chips"]
    assert len(chips) >= 18, len(chips)
    for chip in chips:
        result = run_json("-p", "Hi", "-n", 2, "--chip", chip["name"])
        for field in ("ttft_s", "tpot_s", "energy_per_token_j"):
            assert math.isfinite(result[field]) and result[field] > 0, (chip["name"], field, result[field])


def perplexity(*words):
    return json.loads(churon("perplexity", MODEL, GOLDEN / "ppl-a.txt", "--json", *words).stdout)


def f32_mode_equals_the_golden_reference():
    reference = golden(f"ppl-f32ref-{STEM}.json")
    ours = perplexity("--arith", "f32")
    assert abs(ours["ppl"] / reference["ppl"] - 1) < 1e-4, (ours["ppl"], reference["ppl"])
    assert len(ours["nll"]) == len(reference["nll"])
    worst = max(abs(a - b) for a, b in zip(ours["nll"], reference["nll"]))
    assert worst < 2e-3, worst
    for case in golden(f"gen-f32ref-{STEM}.json")["cases"][:4]:
        result = run_json("--raw", "--parse-special", "--arith", "f32", "-n", len(case["ids"]), "-p", case["prompt"])
        assert result["prompt_ids"] == case["prompt_ids"], case["id"]
        firm = next((i for i, gap in enumerate(case["gap"]) if gap < 0.01), len(case["ids"]))
        assert result["ids"][:firm] == case["ids"][:firm], case["id"]


def datapath_stays_near_the_f32_reference():
    reference = golden(f"ppl-f32ref-{STEM}.json")
    ours = perplexity()
    assert abs(ours["ppl"] / reference["ppl"] - 1) < 0.015, (ours["ppl"], reference["ppl"])
    mean = sum(abs(a - b) for a, b in zip(ours["nll"], reference["nll"])) / len(ours["nll"])
    assert mean < 0.09, mean


def token_ids_equal_the_golden_files():
    cases = golden(f"tok-{STEM}.json")["cases"]
    lines = "".join(json.dumps({"text": case["text"]}) + "\n" for case in cases)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write(lines)
        file.flush()
        for column, flags in (("ids", []), ("ids_special", ["--special"])):
            out = churon("tokenize", MODEL, "--jsonl", file.name, *flags).stdout.decode().splitlines()
            assert len(out) == len(cases)
            wrong = [c["text"] for c, line in zip(cases, out) if json.loads(line)["ids"] != c[column]]
            assert not wrong, (column, len(wrong), wrong[:3])


def survives_truncation_at_every_4_kib():
    """Run by the test program, which opens each cut without starting a process."""
    path = churon("models", "path", MODEL).stdout.decode().strip()
    print(subprocess.run([sys.argv[3], path], check=True, capture_output=True, text=True).stdout)


def stays_within_its_memory():
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result = run_json("-p", "Hello", "-n", 8, "-c", 2048)
    peak = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024
    budget = result["host_weight_bytes"] + result["host_kv_bytes"] + 150e6
    assert peak <= budget, f"peak {peak / 1e6:.0f} MB, budget {budget / 1e6:.0f} MB"


def refuses_what_does_not_fit_the_chip():
    done = churon("run", MODEL, "-p", "x", "--set", "memory.ram.capacity_per_stack=0.02 GB", "--chip", "churon-0", expect=3)
    assert b"fit" in done.stderr, done.stderr


globals()[sys.argv[2]]()

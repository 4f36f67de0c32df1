#!/usr/bin/env python3
"""One layer of GPT-3 175B on 4 x A100, beside LLMCompass and the machine it was measured on.

  bench/against_llmcompass/run.py [--churon build/release/churon] [--json]

Measured times and LLMCompass's error: Zhang et al., "LLMCompass", ISCA 2024 (batch 8; decode at a context of 3072, prefill
of 2048 tokens; sums of a layer's operators in eager PyTorch, 4 A100 of one NVLink domain). Nothing is fitted to them.

A layer is the difference between models of eight and of four layers, so embedding and head fall out; the host's time is
left out, as it is there.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUESTS = 8
MEASURED_MS = {"decode": 1.111, "prefill": 66.75}
LLMCOMPASS_ERROR = {"decode": 0.124}
LOAD = {"decode": (3071, 2), "prefill": (2048, 1)}  # a step in the middle of the answer sees 3072 positions
GPT3 = {"model_type": "gpt2", "n_embd": 12288, "n_head": 96, "n_positions": 4096, "vocab_size": 50257,
        "activation_function": "gelu_new", "tie_word_embeddings": True}
KINDS = {"attention": ("attention", "kv_append"), "collectives": ("_sum",),
         "matrices": ("attn_qkv", "attn_output", "ffn_up", "ffn_down"), "norms, activation, rest": ("",)}


def operators(churon, layers, phase):
    """Operator kind -> seconds of all of them in a step, expected and bound."""
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "gpt3.json"
        model.write_text(json.dumps(GPT3 | {"n_layer": layers}))
        tokens_in, tokens_out = LOAD[phase]
        answer = json.loads(subprocess.run(
            [churon, "estimate", "--chip", "a100", "--model", model, "--tp", "4", "--batch", str(REQUESTS), "--input",
             str(tokens_in), "--output", str(tokens_out), "--weights", "fp16", "--kv", "fp16", "--framework",
             "static_batch", "--json"], check=True, capture_output=True, text=True).stdout)
    sums = {kind: [0.0, 0.0] for kind in KINDS}
    for op in answer[f"{phase}_step"]["operators"]:
        kind = next(kind for kind, marks in KINDS.items()
                    if any(op["name"].startswith(mark) if mark[:1] != "_" else op["name"].endswith(mark)
                           for mark in marks) and not (kind != "collectives" and op["name"].endswith("_sum")))
        # Times are of all alike; the step of a prefill is that of one prompt.
        count = REQUESTS if phase == "prefill" else 1
        sums[kind][0] += count * op["time_s"]
        sums[kind][1] += count * op["bound_s"]
    return sums


def layer(churon, phase):
    few, many = operators(churon, 4, phase), operators(churon, 8, phase)
    return {kind: [(b - a) / 4 for a, b in zip(few[kind], many[kind])] for kind in KINDS}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--churon", default=ROOT / "build" / "release" / "churon")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = {}
    for phase, measured in MEASURED_MS.items():
        kinds = layer(options.churon, phase)
        expected, bound = (1e3 * sum(value[i] for value in kinds.values()) for i in (0, 1))
        result[phase] = {"measured_ms": measured, "expected_ms": expected, "bound_ms": bound,
                         "error": expected / measured - 1, "llmcompass_error": LLMCOMPASS_ERROR.get(phase),
                         "kinds_ms": {kind: 1e3 * value[0] for kind, value in kinds.items()}}
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print("GPT-3 175B, one layer, 4 x A100, batch 8\n")
    print(f"{'':<8} {'measured':>10} {'expected':>10} {'error':>8} {'bound':>10}  LLMCompass's error")
    for phase, r in result.items():
        theirs = f"{100 * r['llmcompass_error']:.1f} %" if r["llmcompass_error"] else "-"
        print(f"{phase:<8} {r['measured_ms']:>7.3f} ms {r['expected_ms']:>7.3f} ms {100 * r['error']:>+6.1f} % "
              f"{r['bound_ms']:>7.3f} ms  {theirs}")
    for phase, r in result.items():
        print(f"\n{phase}, expected")
        for kind, ms in r["kinds_ms"].items():
            print(f"  {kind:<24} {ms:>8.3f} ms")


if __name__ == "__main__":
    main()

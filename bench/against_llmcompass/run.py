#!/usr/bin/env python3
"""One layer of GPT-3 175B on 4 x A100, beside LLMCompass and the machine it was measured on, operator by operator.

  bench/against_llmcompass/run.py [--churon build/release/churon] [--json]

Measured: github.com/PrincetonUniversity/LLMCompass, ae/figure5/ijkl/real_hardware/transformerAR_A100.csv (a step of 8
requests that see 3072 positions) and transformer_A100.csv (prefill, 8 x 2048 tokens); LLMCompass's error of the decode
step is that of Zhang et al., "LLMCompass", ISCA 2024. fp16, 4 A100 of one NVLink domain. Nothing is fitted to these rows.

Two expected times. `in service`: what `churon estimate` says, with the kernels of a serving framework: one product for
queries, keys and values, fused attention, norms joined with sums, its own all-reduce. `one by one`: products and
reductions as they were measured there, by `estimate --op`: three products for queries, keys and values, NCCL. A layer in
service is the difference between models of eight and of four layers, so embedding, head and host time fall out.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUESTS, RANKS, WIDTH, HEADS = 8, 4, 12288, 96
KINDS = {"Q, K, V": ("attn_qkv",), "attention": ("attention", "kv_append"), "output": ("attn_output",),
         "W1, W2": ("ffn_up", "ffn_down"), "all-reduce, 2": ("attn_output_sum", "ffn_down_sum"),
         "norms, GELU": ()}  # … and what is left
# Seconds, in the order of KINDS: attention is Q x K, softmax, A x V; norms and GELU are three kernels.
MEASURED = {"decode": (212.43e-6, 106.10e-6 + 16.69e-6 + 138.64e-6, 68.90e-6, 185.97e-6 + 186.09e-6, 2 * 26.04e-6,
                       2 * 48.04e-6 + 47.92e-6),
            "prefill": (13.7218e-3, 1.8811e-3 + 2.8015e-3 + 1.1832e-3, 4.5403e-3, 17.4643e-3 + 17.4856e-3,
                        2 * 2.8909e-3, 2 * 0.6816e-3 + 0.5243e-3)}
LLMCOMPASS_ERROR = {"decode": 0.124}
LOAD = {"decode": (3071, 2), "prefill": (2048, 1)}  # a step in the middle of the answer sees 3072 positions
GPT3 = {"model_type": "gpt2", "n_embd": WIDTH, "n_head": HEADS, "n_positions": 4096, "vocab_size": 50257,
        "activation_function": "gelu_new", "tie_word_embeddings": True}


def kind_of(name):
    return next((kind for kind, names in KINDS.items() if name in names), "norms, GELU")


def ask(churon, *words):
    return json.loads(subprocess.run([churon, "estimate", "--chip", "a100", *map(str, words), "--json"], check=True,
                                     capture_output=True, text=True).stdout)


def in_service(churon, layers, phase):
    """Kind -> seconds of all its operators in a step, expected and bound."""
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "gpt3.json"
        model.write_text(json.dumps(GPT3 | {"n_layer": layers}))
        tokens_in, tokens_out = LOAD[phase]
        answer = ask(churon, "--model", model, "--tp", RANKS, "--batch", REQUESTS, "--input", tokens_in, "--output",
                     tokens_out, "--weights", "fp16", "--kv", "fp16", "--framework", "static_batch")
    sums = {kind: [0.0, 0.0] for kind in KINDS}
    for op in answer[f"{phase}_step"]["operators"]:
        # Times are of all alike; the step of a prefill is that of one prompt.
        count = REQUESTS if phase == "prefill" else 1
        sums[kind_of(op["name"])][0] += count * op["time_s"]
        sums[kind_of(op["name"])][1] += count * op["bound_s"]
    return sums


def layer(churon, phase):
    few, many = in_service(churon, 4, phase), in_service(churon, 8, phase)
    return {kind: [(b - a) / 4 for a, b in zip(few[kind], many[kind])] for kind in KINDS}


def one_by_one(churon, phase):
    """Kind -> seconds, of the kinds that are products or reductions."""
    rows = REQUESTS * (1 if phase == "decode" else LOAD[phase][0])
    share = WIDTH // RANKS

    def product(n, k):
        return ask(churon, "--op", "gemm", "--format", "fp16", "--m", rows, "--n", n, "--k", k)["time_s"]

    return {"Q, K, V": 3 * product(share, WIDTH), "output": product(WIDTH, share),
            "W1, W2": product(4 * share, WIDTH) + product(WIDTH, 4 * share),
            "all-reduce, 2": 2 * ask(churon, "--op", "allreduce", "--ranks", RANKS, "--bytes",
                                     2 * rows * WIDTH)["time_s"]}


def compared(churon, phase):
    kinds, alone = layer(churon, phase), one_by_one(churon, phase)
    rows = [{"kind": kind, "measured_s": measured, "expected_s": kinds[kind][0], "bound_s": kinds[kind][1],
             "one_by_one_s": alone.get(kind)} for kind, measured in zip(KINDS, MEASURED[phase])]
    total = {key: sum(row[key] for row in rows) for key in ("measured_s", "expected_s", "bound_s")}
    total["one_by_one_s"] = sum(row["one_by_one_s"] or row["expected_s"] for row in rows)
    return {"rows": rows, "total": total, "error": total["expected_s"] / total["measured_s"] - 1,
            "error_one_by_one": total["one_by_one_s"] / total["measured_s"] - 1,
            "llmcompass_error": LLMCOMPASS_ERROR.get(phase)}


def printed(phase, result):
    total = result["total"]
    theirs = result["llmcompass_error"]
    print(f"\n{phase}: {1e3 * total['measured_s']:.3f} ms measured, {1e3 * total['expected_s']:.3f} ms in service "
          f"({100 * result['error']:+.1f} %), {1e3 * total['one_by_one_s']:.3f} ms one by one "
          f"({100 * result['error_one_by_one']:+.1f} %), bound {1e3 * total['bound_s']:.3f} ms"
          f"{f'; LLMCompass {100 * theirs:.1f} % off' if theirs else ''}")
    print(f"  {'ms':<14} {'measured':>9} {'in service':>11} {'one by one':>11} {'bound':>8}")
    for row in result["rows"]:
        alone = f"{1e3 * row['one_by_one_s']:11.3f}" if row["one_by_one_s"] else f"{'':11}"
        print(f"  {row['kind']:<14} {1e3 * row['measured_s']:9.3f} {1e3 * row['expected_s']:11.3f} {alone} "
              f"{1e3 * row['bound_s']:8.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--churon", default=ROOT / "build" / "release" / "churon")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {phase: compared(options.churon, phase) for phase in MEASURED}
    if options.json:
        print(json.dumps({"schema": "churon.bench.llmcompass", "phases": results}, indent=2))
        return
    print("GPT-3 175B, one layer, fp16, 4 x A100, batch 8")
    for phase, result in results.items():
        printed(phase, result)


if __name__ == "__main__":
    main()

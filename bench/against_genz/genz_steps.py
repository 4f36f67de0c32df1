"""GenZ's side, run by its own Python: reads a JSON list of questions on stdin, writes one of answers to stdout.

A question has model, system, bits, tp, and either `steps` (how many decode steps to time, batch and context drawn anew
for each) or input, output, batch (decode and prefill times in seconds)."""
import json
import random
import sys
import time
import warnings

warnings.filterwarnings("ignore")
from GenZ import decode_moddeling, prefill_moddeling  # noqa: E402


def common(question):
    return {"model": question["model"], "system_name": question["system"], "bits": question["bits"],
            "tensor_parallel": question["tp"], "model_offload": True,
            "parallelism_heirarchy": f"TP{{{question['tp']}}}_EP{{1}}_PP{{1}}"}


def decode_s(question, batch, context):
    return decode_moddeling(**common(question), batch_size=batch, Bb=1, input_tokens=context,
                            output_tokens=0)["Latency"] / 1e3


def answer(question):
    if "steps" in question:
        draw = random.Random(1)
        start = time.perf_counter()
        for _ in range(question["steps"]):
            decode_s(question, draw.randint(1, 256), draw.randint(1, 65536))
        return {"steps_per_s": question["steps"] / (time.perf_counter() - start)}
    context = question["input"] + question["output"] // 2
    return {"decode_s": decode_s(question, question["batch"], context),
            "prefill_s": prefill_moddeling(**common(question), batch_size=1,
                                           input_tokens=question["input"])["Latency"] / 1e3}


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)

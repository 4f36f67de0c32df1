#!/usr/bin/env python3
"""How long a plan of 6 options x 16 quarters x 50 futures with CVaR takes, and how near its optimum it is.

  bench/plan/run.py [--gap 0.005] [--threads 2] [--solver highs] [--full] [--json]

The scenario is written anew each time: ten paths of demand by five slips of the own chip; minimum orders, steps of price,
take-or-pay, two sites, packaging and dual-sourced memory. --full adds the other plans (waiting, no own chip, one vendor
alone)."""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

CHURON = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "churon"

HEAD = """
name = "bench"
start = "2027-Q1"
quarters = 16
discount_rate = "finance.wacc"
risk = { tail = "10 %", weight = "30 %" }
capital = "900 million USD"
vendor_share = { max = "80 %", from = "2028-Q1" }
slip = { quarters = [0, 1, 2, 3, 4], probability = ["40 %", "20 %", "20 %", "10 %", "10 %"] }

[[class]]
name = "chat"
demand = "120 Mtok/s"
growth = "70 %"
utilisation = "60 %"
unmet = "0.6 USD/Mtok"
[[class]]
name = "agents"
demand = "6 Mtok/s"
growth = "110 %"
utilisation = "60 %"
unmet = "8 USD/Mtok"

[[site]]
name = "east"
power = [{ from = "2027-Q1", v = "60 MW" }, { from = "2028-Q3", v = "110 MW" }]
[[site]]
name = "west"
power = [{ from = "2027-Q3", v = "30 MW" }, { from = "2029-Q1", v = "90 MW" }]

[[resource]]
name = "cowos"
unit = "wafers"
booking = "4 quarters"
fee = "3000 USD"
source = [{ vendor = "tsmc", cap = "900 chips" }]
[[resource]]
name = "hbm"
unit = "stacks"
booking = "3 quarters"
fee = "40 USD"
source_share_max = "70 %"
source = [{ vendor = "sk-hynix", cap = "60000 chips" }, { vendor = "samsung", cap = "45000 chips" }]
"""

OPTIONS = """
[[option]]
name = "old"
kind = "buy"
vendor = "a"
price = "40000 USD"
power = "2.1 kW"
running = "0.6 USD/h"
tokens = { chat = "12000 tok/s", agents = "650 tok/s" }
lead = "1 quarter"
booking = "2 quarters"
price_change = "-15 %"
residual = "30 %"
installed = "9000 chips"
installed_until = "2030-Q4"
minimum_order = "500 chips"
[[option]]
name = "new"
kind = "buy"
vendor = "a"
price = "65000 USD"
power = "2.2 kW"
running = "0.7 USD/h"
tokens = { chat = "30000 tok/s", agents = "1800 tok/s" }
lead = "2 quarters"
booking = "4 quarters"
price_change = "-8 %"
residual = "30 %"
discount = "15 %"
alternatives = ["own", "other"]
credible_from = "3000 chips"
max = "9000 chips"
[[option]]
name = "other"
kind = "buy"
vendor = "b"
price = "48000 USD"
power = "2.5 kW"
running = "0.75 USD/h"
tokens = { chat = "24000 tok/s", agents = "1400 tok/s" }
lead = "2 quarters"
booking = "3 quarters"
take_or_pay = "60 %"
deposit = "10 %"
price_change = "-10 %"
residual = "25 %"
steps = [{ from = "10000 chips", change = "-8 %" }]
max = "8000 chips"
[[option]]
name = "own"
kind = "own"
vendor = "own"
price = "20000 USD"
power = "1.3 kW"
running = "0.35 USD/h"
tokens = { chat = "26000 tok/s", agents = "800 tok/s" }
gate = { nre = "400 million USD", decide_by = "2027-Q4", tapeout = "4 quarters", qualification = "2 quarters", ramp = ["20 %", "50 %"] }
lead = "2 quarters"
booking = "3 quarters"
take_or_pay = "60 %"
residual = "10 %"
max = "12000 chips"
[[option.uses]]
resource = "cowos"
chips_per_unit = 16
[[option.uses]]
resource = "hbm"
per_chip = 8
[[option]]
name = "rent-old"
kind = "rent"
price = "3.5 USD/h"
tokens = { chat = "12000 tok/s", agents = "650 tok/s" }
max = "20000 chips"
[[option]]
name = "rent-new"
kind = "rent"
price = "6 USD/h"
tokens = { chat = "30000 tok/s", agents = "1800 tok/s" }
max = "6000 chips"
booking = "1 quarter"
"""


def scenario():
    text = HEAD
    begins = ["2027-Q3", "2028-Q1", "2028-Q3", "2029-Q1", "2029-Q3"]
    paths = [("base", 0.28, None, 1)] + [
        (f"surge{i}", 0.09, begins[i], 1.3 + 0.2 * i) for i in range(5)] + [
        (f"lull{i}", 0.0675, begins[i], 0.8 - 0.1 * i) for i in range(4)]
    for name, probability, begin, factor in paths:
        text += f'\n[[scenario]]\nname = "{name}"\nprobability = {probability}\n'
        if begin:
            text += f'begins = "{begin}"\nfactor = {factor:.2f}\n'
    return text + OPTIONS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gap", default="0.005")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--solver", default="highs")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "bench.toml"
        path.write_text(scenario())
        words = [str(CHURON), "plan", str(path), "--json", "--gap", options.gap, "--threads", options.threads,
                 "--solver", options.solver] + ([] if options.full else ["--quick"])
        begin = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True)
        seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    plan = json.loads(done.stdout)
    row = {"futures": len(plan["futures"]), "seconds": seconds, "gap": plan["solver"]["gap"],
           "objective_usd": plan["objective_usd"], "rows": plan["solver"]["rows"], "columns": plan["solver"]["columns"],
           "integers": plan["solver"]["integers"], "own_chip": any(one["build"] for one in plan["own_chips"])}
    if options.json:
        print(json.dumps({"schema": "churon.bench.plan", **row}, indent=2))
        return
    print(f"{row['futures']} futures, {row['rows']} rows, {row['columns']} columns ({row['integers']} integer): "
          f"{seconds:.1f} s, gap {100 * row['gap']:.2f} %, objective {row['objective_usd']:.5g} USD, "
          f"own chip {'yes' if row['own_chip'] else 'no'}")


if __name__ == "__main__":
    main()

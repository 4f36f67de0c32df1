#!/bin/sh
# What more users at once do to speed and energy: batch_sweep.sh MODEL CHIP
set -eu
model=${1:-smollm2}
chip=${2:-churon-1}
printf '%6s %12s %14s %12s\n' users us/token tok/s mJ/token
for users in 1 4 16 64 256; do
  churon run "$model" -p "Hello" -n 8 --chip "$chip" --sim-batch $users --json |
    python3 -c 'import json, sys
r = json.load(sys.stdin)
print("%6d %12.1f %14.0f %12.3f" % (r["batch"], 1e6 * r["tpot_s"], r["tokens_per_s"], 1e3 * r["energy_per_token_j"]))'
done

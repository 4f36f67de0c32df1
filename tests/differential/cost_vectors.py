#!/usr/bin/env python3
"""The tables of `churon cost --vectors` against a second implementation, written from data/cost/README.md alone.

  cost_vectors.py PROGRAM DATA KIND   KIND is chiplet-actuary, harvest or dies; exit 1 where one row differs
"""
import csv
import io
import itertools
import math
import pathlib
import subprocess
import sys


def through(program, kind, rows):
    """The rows (dictionaries) as the program completes them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    ended = subprocess.run([program, "cost", "--vectors", kind, "-"], input=text.getvalue(), capture_output=True,
                           text=True, check=True)
    return list(csv.DictReader(io.StringIO(ended.stdout)))


# --- Chiplet Actuary ------------------------------------------------------------------------------------------------

def read(path, key, value):
    with open(path, newline="") as file:
        return {row[key]: float(row[value]) for row in csv.DictReader(file)}


class Actuary:
    def __init__(self, data):
        self.p = read(data / "chiplet_actuary_process.csv", "parameter", "value")
        self.d0 = read(data / "chiplet_actuary_params.csv", "node_nm", "d0_per_cm2")
        self.wafer = read(data / "chiplet_actuary_params.csv", "node_nm", "wafer_usd")

    def gross(self, area):
        d, e, s = self.p["wafer_diameter_mm"], self.p["edge_loss_mm"], self.p["scribe_lane_mm"]
        street = area + 2 * s * math.sqrt(area) + s * s
        return math.pi * (d / 2 - e) ** 2 / street - math.pi * (d - 2 * e) / math.sqrt(2 * street)

    @staticmethod
    def good(area, d0, alpha):
        return (1 + area / 100 * d0 / alpha) ** -alpha

    def cost(self, node, module, n, d2d, how):
        p = self.p
        area = module / n * (1 + (d2d if n > 1 else 0))
        gross, good = self.gross(area), self.good(area, self.d0[node], p["alpha_die"])
        bump = p["c4_bump_usd_mm2"] if how == "OS" else p["ubump_usd_mm2"]
        die = self.wafer[node] / gross
        raw, defect = n * (die + area * bump), n * die * (1 / good - 1)
        total = n * area
        if how == "OS":
            factor = 1 if n == 1 else p["os_factor_multi_gt900mm2"] if total > 900 else \
                p["os_factor_multi_gt289mm2"] if total > 289 else p["os_factor_multi_else"]
            package = 4 * total * p["os_cost_usd_mm2"] * factor
            lost = 1 / p["bond_yield_os"] ** n - 1
            package_lost, wasted = package * lost, (raw + defect) * lost
        else:
            x = {"FO": "rdl", "SI": "si"}[how]
            size = total * p[x + "_area_scale"]
            made = p[x + "_wafer_usd"] / self.gross(size) + size * p["c4_bump_usd_mm2"]
            substrate = 4 * size * p["os_cost_usd_mm2"]
            bonded = p["bond_yield_" + x] ** n * 0.99
            package = made + substrate
            package_lost = made * (1 / (self.good(size, p["d0_" + x], p["alpha_" + x]) * bonded) - 1) + \
                substrate * (1 / 0.99 - 1)
            wasted = (raw + defect) * (1 / bonded - 1)
        return {"die_area_mm2": area, "gross_dies": gross, "die_yield": good, "raw_chips_usd": raw,
                "defect_chips_usd": defect, "raw_package_usd": package, "defect_package_usd": package_lost,
                "wasted_chips_usd": wasted, "total_RE_usd": raw + defect + package + package_lost + wasted}


def chiplet_actuary(program, data):
    words = {"OS": ["OS", "organic", "MCM"], "FO": ["FO", "InFO"], "SI": ["SI", "2.5D"]}
    model, rows, expected = Actuary(data), [], []
    for node, module, n, d2d, how in itertools.product(
            ["14", "7", "5", "3"], [33, 100, 289, 300, 545, 800, 900], [1, 2, 3, 5], [0, 0.1], ["OS", "FO", "SI"]):
        word = words[how][len(rows) % len(words[how])] if n > 1 or how != "OS" else "SoC"
        rows.append({"case": f"{node} nm, {n} x", "node_nm": node, "module_area_mm2": module, "n_chiplets": n,
                     "d2d_overhead": d2d, "integration": word})
        expected.append(model.cost(node, module, n, d2d, how))
    found = through(program, "chiplet-actuary", rows)
    return [(row, name, float(row[name]), value, 1e-9 * abs(value) + 1e-12)
            for row, values in zip(found, expected) for name, value in values.items()]


# --- harvest --------------------------------------------------------------------------------------------------------

def expectation(alpha, d0, inside, points=4_000):
    """E of inside(D), D ~ Gamma(shape alpha, mean d0): the trapezoid rule in log D, whose ends vanish."""
    if d0 == 0:
        return inside(0.0)
    width = 45 / alpha if alpha < 1 else 40 / math.sqrt(alpha)
    low, high = -width - (5 if alpha < 30 else 0), min(width, 12.0)
    step = (high - low) / points
    logs = [alpha * (t - math.exp(t)) for t in (low + i * step for i in range(points + 1))]
    top = max(logs)
    weights = [math.exp(log - top) for log in logs]
    values = (weight * inside(d0 * math.exp(low + i * step)) for i, weight in enumerate(weights) if weight > 1e-25)
    return math.fsum(values) / math.fsum(weights)


def at_most(bad, n, q):
    """P(at most `bad` of n), each with probability q; all terms are positive."""
    if q <= 0 or bad >= n:
        return 1.0
    if q >= 1:
        return 0.0
    log_n = math.lgamma(n + 1)
    return math.fsum(math.exp(log_n - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(q) +
                              (n - k) * math.log1p(-q)) for k in range(bad + 1))


def harvest(program, _):
    rows, expected = [], []
    for n, core, uncore, spares, d0, alpha in itertools.chain(
            itertools.product([1, 34, 200], [0.5, 7.1], [0, 120], [0, 1, "most"], [0, 0.1, 2], [0.1, 3, 1e6]),
            [(34, 7.1, 120, 34, 0.1, 3), (200, 1, 10, 200, 0.2, 0.1), (1, 10, 0, 1, 5, 1e6), (64, 5, 100, 4, 0.1, 10)]):
        spare = n // 2 if spares == "most" else min(spares, n)
        rows.append({"n_cores": n, "core_area_mm2": core, "uncore_area_mm2": uncore, "spare_cores": spare,
                     "d0_per_cm2": d0, "alpha": alpha})
        a, u = core / 100, uncore / 100
        expected.append({
            "yield_all_good": (1 + d0 * (n * a + u) / alpha) ** -alpha if alpha < 1e5
            else math.exp(-alpha * math.log1p(d0 * (n * a + u) / alpha)),
            "yield_with_spares": expectation(
                alpha, d0, lambda d: math.exp(-d * u) * at_most(spare, n, -math.expm1(-d * a)))})
    found = through(program, "harvest", rows)
    return [(row, name, float(row[name]), value, 1e-6 * value + 1e-15)
            for row, values in zip(found, expected) for name, value in values.items()]


# --- dies -----------------------------------------------------------------------------------------------------------

class Wafer:
    def __init__(self, width, height, wafer, edge, street):
        self.w, self.h, self.px, self.py = width, height, width + street, height + street
        self.r = wafer / 2 - edge

    def count(self, x, y):
        """Dies of the grid with a lower left corner at x, y whose four corners are inside."""
        slack, total = 1e-9, 0
        first = math.ceil((-self.r - y) / self.py - slack)
        for j in range(first, first + int(2 * self.r / self.py) + 2):
            low = y + j * self.py
            reach = max(abs(low), abs(low + self.h))
            if reach > self.r + slack:
                continue
            half = math.sqrt(max(self.r ** 2 - reach ** 2, 0)) + slack
            left, right = math.ceil((-half - x) / self.px), math.floor((half - self.w - x) / self.px)
            total += max(0, right - left + 1)
        return total

    def best(self):
        """The most over all offsets. A corner on the rim is a circle in the plane of offsets; the set of offsets at
        which most dies fit has a corner where two such circles meet, or is bounded by one: its leftmost point."""
        if self.r <= 0:
            return 0
        reach = int(self.r / min(self.px, self.py)) + 2
        centres = [(-i * self.px - cx, -j * self.py - cy) for i in range(-reach, reach + 1)
                   for j in range(-reach, reach + 1) for cx in (0, self.w) for cy in (0, self.h)]
        near = [c for c in centres if self.crosses(c)]
        points = [(0.0, 0.0), (self.px / 2, self.py / 2), (-self.w / 2, -self.h / 2)]
        points += [(x + sign * self.r, y) for x, y in near for sign in (-1, 1)]
        for (ax, ay), (bx, by) in itertools.combinations(near, 2):
            dx, dy = bx - ax, by - ay
            d2 = dx * dx + dy * dy
            if 0 < d2 <= 4 * self.r ** 2:
                k = math.sqrt(max(self.r ** 2 / d2 - 0.25, 0))
                points += [(ax + dx / 2 - dy * k, ay + dy / 2 + dx * k), (ax + dx / 2 + dy * k, ay + dy / 2 - dx * k)]
        inside = {(round(x % self.px, 9), round(y % self.py, 9)) for x, y in points
                  if -1e-6 <= x <= self.px + 1e-6 and -1e-6 <= y <= self.py + 1e-6}
        return max((self.count(x, y) for x, y in inside), default=0)

    def crosses(self, centre):
        """Whether the circle around it passes through the cell of offsets."""
        xs = [centre[0], centre[0] - self.px]
        ys = [centre[1], centre[1] - self.py]
        nearest = math.hypot(0 if xs[0] >= 0 >= xs[1] else min(map(abs, xs)),
                             0 if ys[0] >= 0 >= ys[1] else min(map(abs, ys)))
        return nearest <= self.r <= math.hypot(max(map(abs, xs)), max(map(abs, ys)))


def dies(program, _):
    cases = [(26, 33, 300, 3, 0.1), (27.8, 13.1, 300, 3, 0.1), (25.5, 31.92, 300, 3, 0.08), (58, 40, 300, 3, 0.1),
             (20, 20, 200, 3, 0.1), (11, 13, 200, 5, 0), (33, 26, 450, 0, 0.2), (300, 300, 300, 0, 0), (150, 10, 300, 0, 0),
             (400, 1, 300, 3, 0.1), (212, 212, 300, 0, 0), (50, 50, 200, 100, 0.1), (50, 50, 100, 60, 0.1), (99, 7, 300, 3, 2)]
    names = ["die_w_mm", "die_h_mm", "wafer_mm", "edge_mm", "scribe_mm"]
    found = through(program, "dies", [dict(zip(names, case)) for case in cases])
    result = []
    for case, row in zip(cases, found):
        result.append((row, "dies", int(row["dies"]), Wafer(*case).best(), 0))
        w, h, d, e, s = case
        usable, area = d - 2 * e, (w + s) * (h + s)
        # The closed formula knows no sides: long dies lose more at the rim than it thinks.
        if usable > 0 and max(w, h) <= 4 * min(w, h):
            least = math.floor(math.pi * (usable / 2) ** 2 / area - math.pi * usable / math.sqrt(2 * area))
            if int(row["dies"]) < least:
                result.append((row, "dies, at least", int(row["dies"]), least, 0))
    return result


def main():
    program, data, kind = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    compared = {"chiplet-actuary": chiplet_actuary, "harvest": harvest, "dies": dies}[kind](program, data)
    wrong = [one for one in compared if not abs(one[2] - one[3]) <= one[4]]
    for row, name, found, expected, _ in wrong[:20]:
        print(f"{name}: {found!r}, expected {expected!r} in {row}")
    print(f"{kind}: {len(compared)} values, {len(wrong)} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

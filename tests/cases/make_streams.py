"""Makes the golden case files of the stream detectors beside ADWIN and Page-Hinkley. README.md says how to run it.

`make_streams.py river` writes every file: River's numbers, Python's own `random`, and plain statements of CUSUM and of control charts.
`make_streams.py frouros` writes nothing: it stops unless Frouros agrees with `cusum.json` wherever it has an answer.
Nothing here uses a clock or an unseeded source: the same pins give the same bytes.
"""

import json
import random
import sys
import warnings
from collections import deque
from importlib.metadata import version

from make import FOLDER, P, R, rows_of, streamed, streams, write

PINS = {
    "river": {"numpy": "2.4.6", "scipy": "1.17.1", "river": "0.26.1"},
    "frouros": {"frouros": "0.9.0"},
}


def errors():
    """The streams whose rows are 0 or 1."""
    return [(name, segments) for name, segments in streams() if all("probability" in s for s in segments)]


def losses():
    """Streams of losses in [0, 1] that are neither 0 nor 1."""
    return [
        ("losses without drift", [R(821, 20000, 0.5, 0.0)]),
        ("losses whose mean doubles", [R(822, 4000, 0.4, 0.0), R(823, 4000, 0.8, 0.0)]),
        ("losses whose mean halves", [R(824, 4000, 1.0, 0.0), R(825, 4000, 0.5, 0.0)]),
        ("losses that alternate between two laws", [R(826 + i, 2500, 0.3 + 0.4 * (i % 2), 0.0) for i in range(8)]),
    ]


def run(make, parameters, rows, warns):
    """Rows of detections, and how many rows left the detector in a state of warning."""
    detector = make(**parameters)
    detections, warned = [], 0
    for i, x in enumerate(rows):
        detector.update(x)
        if detector.drift_detected:
            detections.append(i)
        warned += warns and detector.warning_detected
    return detections, warned


def stream_file(file, header, make, base, parameter_sets, warns=False):
    """Every stream of `base` with the defaults, and every other parameter set on the streams it names."""
    by_name = dict(base)
    runs = [(name, {}, name) for name in by_name]
    for label, parameters, names in parameter_sets:
        runs += [(f"{name}, {label}", parameters, name) for name in names]
    cases = []
    for name, parameters, stream in runs:
        rows = streamed(by_name[stream])
        detections, warned = run(make, parameters, rows, warns)
        expected = {"rows": len(rows), "detections": detections}
        if warns:
            expected["warnings"] = warned
        cases.append({"name": name, "parameters": parameters, "sample": {"stream": by_name[stream]},
                      "expected": expected, "tolerance": {key: 0 for key in expected}})
    write(file, header, cases)


JUMP, FALL = "two tenths jump to four tenths", "four tenths fall to one tenth"
MANY, TURNS = "fifty thousand rows that change every five thousand", "up, down and up again"
BURST, STEADY = "a short burst of errors", "ten thousand rows without drift at one tenth"
RISES = "a slow rise over ten thousand rows"
AFTER = "detections are the rows, counted from 0, after whose update drift_detected is true; the detector starts anew on the next row"
WARNED = "; warnings is the number of rows after whose update warning_detected is true"


def ddm():
    from river.drift.binary import DDM

    stream_file("ddm.json", {
        "statistic": "ddm", "function": "river.drift.binary.DDM(**parameters), update row by row",
        "version": "river " + version("river"),
        "defaults": {"warm_start": 30, "warning_threshold": 2.0, "drift_threshold": 3.0},
        "definition": AFTER + WARNED,
    }, DDM, errors() + losses(), [
        ("after five hundred rows", {"warm_start": 500}, [JUMP, BURST, MANY]),
        ("from the first row", {"warm_start": 0}, [JUMP, TURNS]),
        ("four deviations are a change", {"drift_threshold": 4.0}, [JUMP, RISES, MANY]),
        ("a warning only beyond the alarm", {"warning_threshold": 3.0, "drift_threshold": 2.0}, [JUMP, MANY]),
        ("all changed", {"warm_start": 100, "warning_threshold": 1.5, "drift_threshold": 2.5}, [FALL, TURNS, MANY]),
    ], warns=True)


def eddm():
    from river.drift.binary import EDDM

    stream_file("eddm.json", {
        "statistic": "eddm", "function": "river.drift.binary.EDDM(**parameters), update row by row",
        "version": "river " + version("river"),
        "defaults": {"warm_start": 30, "alpha": 0.95, "beta": 0.9},
        "definition": AFTER + WARNED + "; rows other than 1 are no errors",
    }, EDDM, errors() + losses(), [
        ("after five hundred errors", {"warm_start": 500}, [JUMP, TURNS, MANY]),
        ("from the first error", {"warm_start": 0}, [JUMP, STEADY]),
        ("less sensitive", {"alpha": 0.8, "beta": 0.75}, [JUMP, FALL, MANY]),
        ("warning and change alike", {"alpha": 0.9, "beta": 0.9}, [JUMP, BURST]),
        ("all changed", {"warm_start": 100, "alpha": 0.97, "beta": 0.85}, [TURNS, RISES]),
    ], warns=True)


def hddm_a():
    from river.drift.binary import HDDMA

    stream_file("hddm_a.json", {
        "statistic": "hddm_a", "function": "river.drift.binary.HDDMA(**parameters), update row by row",
        "version": "river " + version("river"),
        "defaults": {"drift_confidence": 0.001, "warning_confidence": 0.005, "two_sided_test": False},
        "definition": AFTER + WARNED,
    }, HDDMA, errors() + losses(), [
        ("both sides", {"two_sided_test": True}, [name for name, _ in errors()[6:]] + [name for name, _ in losses()]),
        ("confidence 1e-6", {"drift_confidence": 1e-6}, [JUMP, BURST, MANY]),
        ("confidence 0.2", {"drift_confidence": 0.2, "warning_confidence": 0.4}, [STEADY, MANY]),
        ("all changed", {"drift_confidence": 0.01, "warning_confidence": 0.1, "two_sided_test": True}, [FALL, TURNS, MANY]),
    ], warns=True)


def hddm_w():
    from river.drift.binary import HDDMW

    stream_file("hddm_w.json", {
        "statistic": "hddm_w", "function": "river.drift.binary.HDDMW(**parameters), update row by row",
        "version": "river " + version("river"),
        "defaults": {"drift_confidence": 0.001, "warning_confidence": 0.005, "lambda_val": 0.05, "two_sided_test": False},
        "definition": AFTER + WARNED,
    }, HDDMW, errors() + losses(), [
        ("both sides", {"two_sided_test": True}, [name for name, _ in errors()[6:]] + [name for name, _ in losses()]),
        ("long memory", {"lambda_val": 0.005}, [JUMP, RISES, MANY]),
        ("short memory", {"lambda_val": 0.3}, [JUMP, BURST]),
        ("confidence 1e-6", {"drift_confidence": 1e-6}, [JUMP, BURST, MANY]),
        ("all changed", {"drift_confidence": 0.01, "warning_confidence": 0.1, "lambda_val": 0.02, "two_sided_test": True}, [FALL, TURNS, MANY]),
    ], warns=True)


def kswin():
    from river.drift import KSWIN

    real, spread = "real values whose mean rises by a tenth", "real values whose spread alone doubles"
    below = "real values below zero"
    short = [
        ("ten thousand rows without drift at one tenth", [P(701, 10000, 0.1)]),
        ("ten thousand rows without drift at one half", [P(702, 10000, 0.5)]),
        ("all zeros", [P(704, 3000, 0.0)]),
        ("nine rows", [P(706, 9, 0.5)]),
        ("a hundred rows, the first look", [R(834, 100, 1.0, 0.0)]),
        (JUMP, [P(709, 1500, 0.2), P(710, 1500, 0.4)]),
        (TURNS, [P(717, 1000, 0.1), P(718, 1000, 0.5), P(719, 1000, 0.2), P(720, 1000, 0.7)]),
        ("zeros, then ones", [P(713, 1000, 0.0), P(714, 1000, 1.0)]),
        ("real values without drift", [R(801, 10000, 1.0, 0.0)]),
        (real, [R(802, 2500, 1.0, 0.0), R(803, 2500, 1.0, 0.1)]),
        (spread, [R(806, 2500, 1.0, 0.0), R(807, 2500, 2.0, -0.5)]),
        (below, [R(810, 1000, 3.0, -10.0), R(811, 1000, 3.0, -9.0), R(812, 1000, 3.0, -11.0)]),
    ]
    seeded = lambda seed=0, **parameters: KSWIN(seed=seed, **parameters)
    stream_file("kswin.json", {
        "statistic": "kswin", "function": "river.drift.KSWIN(seed=0, **parameters), update row by row",
        "version": "river " + version("river") + ", scipy " + version("scipy"),
        "defaults": {"alpha": 0.005, "window_size": 100, "stat_size": 30, "seed": 0},
        "definition": AFTER + ", the draws of random.Random(seed) included",
    }, seeded, short, [
        ("seed 42", {"seed": 42}, [real, JUMP]),
        ("a seed of more than 32 bits", {"seed": 2**40 + 7}, [real, spread]),
        ("level 1e-4", {"alpha": 0.0001}, [real, spread, below]),
        ("level 0.9, where the distance decides", {"alpha": 0.9, "window_size": 60, "stat_size": 20}, ["zeros, then ones", "nine rows"]),
        ("a window of four hundred rows, drawn as a set", {"window_size": 400, "stat_size": 30}, [real, spread]),
        ("fifty rows against all fifty older ones", {"window_size": 100, "stat_size": 50}, [real, spread]),
        ("all changed", {"alpha": 0.02, "window_size": 57, "stat_size": 11, "seed": 9}, [real, TURNS, below]),
    ])


def mersenne_twister():
    """Python's own generator: raw words, numbers below a bound, and samples without replacement."""
    cases = []
    for seed in (0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**40 + 7, 2**53 - 1):
        rng = random.Random(seed)
        words = [rng.getrandbits(32) for _ in range(1300)]
        rng = random.Random(seed)
        sizes = [(70, 30), (370, 30), (277, 30), (278, 30), (5, 5), (21, 3), (22, 3), (1000, 1), (46, 11), (5000, 2000), (1, 1)]
        expected = {"first_words": words[:8], "last_words": words[-8:]}
        for number, (population, count) in enumerate(sizes):
            expected[f"sample_{number}"] = rng.sample(range(population), count)[-12:]
        cases.append({"name": f"seed {seed}", "seed": seed, "words": 1300, "samples": sizes,
                      "expected": expected, "tolerance": {key: 0 for key in expected}})
    for seed in range(100, 108):  # More seeds, one size: the one that the default window asks for, ten times over.
        rng = random.Random(seed)
        drawn = [rng.sample(range(70), 30) for _ in range(10)]
        expected = {f"sample_{number}": one[-12:] for number, one in enumerate(drawn)}
        cases.append({"name": f"ten samples with seed {seed}", "seed": seed, "words": 0, "samples": [(70, 30)] * 10,
                      "expected": expected, "tolerance": {key: 0 for key in expected}})
    write("mersenne_twister.json", {
        "statistic": "mersenne_twister", "function": "random.Random(seed).getrandbits(32) and .sample(range(population), count)",
        "version": "Python 3.11 (the algorithms are those of 3.9 to 3.14)",
        "definition": "words from a fresh generator, the first and last 8 of 1300; samples from another fresh one, one after the other, the last 12 numbers of each",
    }, cases)


class Cusum:
    """Page's two-sided cumulative sum, stated plainly: both sums from zero, never below it, begun again after an alarm."""

    def __init__(self, min_rows=30, delta=0.005, threshold=50.0, target=None, mode="both"):
        self.settings = min_rows, delta, threshold, target, mode
        self.drift_detected = True

    def update(self, x):
        min_rows, delta, threshold, target, mode = self.settings
        if self.drift_detected:
            self.rows, self.mean, self.up, self.down = 0, 0.0, 0.0, 0.0
        self.rows += 1
        self.mean += (x - self.mean) / self.rows
        centre = self.mean if target is None else target
        self.up = max(0.0, self.up + x - centre - delta)
        self.down = max(0.0, self.down - x + centre - delta)
        alarm = (mode != "down" and self.up > threshold) or (mode != "up" and self.down > threshold)
        self.drift_detected = self.rows >= min_rows and alarm


def cusum():
    real, below, hundreds = "real values whose mean rises by a tenth", "real values below zero", "real values in hundreds"
    stream_file("cusum.json", {
        "statistic": "cusum", "function": "make_streams.Cusum(**parameters), update row by row: the recursion of Page (1954) on both sides; "
        "with mode up and no target equal to frouros.detectors.concept_drift.CUSUM 0.9.0, reset after each detection",
        "version": "a plain statement in Python; Frouros 0.9.0",
        "defaults": {"min_rows": 30, "delta": 0.005, "threshold": 50.0, "target": None, "mode": "both"},
        "definition": "centre = target, or the mean of all rows including x; up = max(0, up + x - centre - delta), down = max(0, down - x + centre - delta); "
        "a detection where one is above threshold and there were min_rows rows; all starts anew on the next row",
    }, Cusum, streams(), [
        ("upwards only", {"mode": "up"}, [JUMP, TURNS, FALL, MANY, real, hundreds]),
        ("downwards only", {"mode": "down"}, [TURNS, FALL]),
        ("threshold 10", {"threshold": 10.0}, [STEADY, JUMP, TURNS]),
        ("threshold 10, upwards only", {"threshold": 10.0, "mode": "up"}, [STEADY, JUMP, TURNS, BURST]),
        ("delta 0.1, upwards only", {"delta": 0.1, "threshold": 8.0, "mode": "up"}, [JUMP, below]),
        ("a target of one tenth", {"target": 0.1, "delta": 0.05, "threshold": 8.0}, [STEADY, JUMP, FALL]),
        ("after five hundred rows", {"min_rows": 500, "mode": "up"}, [TURNS, below]),
        ("all changed", {"min_rows": 100, "delta": 0.02, "threshold": 20.0, "target": -8.5, "mode": "both"}, [below]),
    ])


class Chart:
    """A control chart, stated plainly: points kept as numbers, and each rule looked up among the newest ones."""

    RULES = {1: (1, 1, 3.0), 2: (2, 3, 2.0), 3: (4, 5, 1.0), 4: (8, 8, 0.0)}

    def __init__(self, subgroup=50, baseline_points=50, mean=None, sd=None, rules=(1, 2, 3, 4), relearn=False):
        self.subgroup, self.baseline_points, self.given, self.rules, self.relearn = subgroup, baseline_points, (mean, sd), rules, relearn
        self.rows, self.baseline, self.points = [], [], deque(maxlen=8)
        self.drift_detected = False

    def limits(self):
        if self.given[0] is not None:
            return self.given
        if len(self.baseline) < self.baseline_points or len(set(self.baseline)) == 1:
            return None
        mean = squares = 0.0
        for n, x in enumerate(self.baseline, 1):  # Welford (1962): the order of operations decides the last bit.
            before, mean = mean, mean + (x - mean) / n
            squares += (x - before) * (x - mean)
        return mean, (squares / (len(self.baseline) - 1)) ** 0.5

    def update(self, x):
        if self.drift_detected:
            self.points.clear()
            if self.relearn:
                self.baseline, self.known = [], None
        self.drift_detected = False
        self.rows.append(x)
        if len(self.rows) < self.subgroup:
            return
        total = 0.0
        for row in self.rows:
            total += row
        point, self.rows = total / self.subgroup, []
        known = getattr(self, "known", None) or self.limits()
        self.known = known
        if known is None:
            self.baseline.append(point)
            return
        mean, sd = known
        self.points.append(point)
        for number in self.rules:
            wanted, of, zone = self.RULES[number]
            newest = list(self.points)[-of:]
            above = sum(p - mean > zone * sd for p in newest)
            below = sum(mean - p > zone * sd for p in newest)
            if max(above, below) >= wanted:
                self.drift_detected = True


def spc():
    real, spread, hundreds = "real values whose mean rises by a tenth", "real values whose spread alone doubles", "real values in hundreds"
    stream_file("spc.json", {
        "statistic": "spc", "function": "make_streams.Chart(**parameters), update row by row",
        "version": "a plain statement in Python of Western Electric (1956), as in Montgomery (2019), section 5.3.4",
        "defaults": {"subgroup": 50, "baseline_points": 50, "mean": None, "sd": None, "rules": [1, 2, 3, 4], "relearn": False},
        "definition": "points are means of subgroups; limits are the mean and the standard deviation (divisor n - 1) of the baseline's points, which goes on while all are alike; "
        "1: a point beyond 3 sd, 2: two of three beyond 2 sd, 3: four of five beyond 1 sd, 4: eight beyond the centre line, all on one side; "
        "a detection is the last row of the point that completes a rule, and the points before it no longer count",
    }, Chart, streams(), [
        ("limits learned anew after an alarm", {"relearn": True}, [JUMP, TURNS, MANY, hundreds]),
        ("single rows", {"subgroup": 1, "baseline_points": 500}, [real, spread, hundreds]),
        ("limits given", {"mean": 0.2, "sd": 0.05656854249492381, "subgroup": 50}, [JUMP, FALL, BURST]),
        ("rule 1 alone", {"rules": [1]}, [STEADY, BURST, MANY]),
        ("rule 2 alone", {"rules": [2]}, [MANY, RISES]),
        ("rule 3 alone", {"rules": [3]}, [MANY, RISES]),
        ("rule 4 alone", {"rules": [4]}, [MANY, RISES]),
        ("all changed", {"subgroup": 7, "baseline_points": 100, "rules": [1, 4], "relearn": True}, [TURNS, real, MANY]),
    ])


def frouros():
    """Frouros has one side and the running mean: wherever a case asks for no more, it must agree."""
    from frouros.detectors.concept_drift import CUSUM, CUSUMConfig

    agreed = 0
    for case in json.loads((FOLDER / "cusum.json").read_text(encoding="utf-8"))["cases"]:
        parameters = case["parameters"]
        if parameters.get("mode") != "up" or "target" in parameters:
            continue
        detector = CUSUM(CUSUMConfig(delta=parameters.get("delta", 0.005), lambda_=parameters.get("threshold", 50.0),
                                     min_num_instances=parameters.get("min_rows", 30)))
        detections = []
        for i, x in enumerate(rows_of(case["sample"])):
            detector.update(value=x)
            if detector.drift:
                detections.append(i)
                detector.reset()
        if detections != case["expected"]["detections"]:
            raise SystemExit(f"{case['name']}: Frouros finds {detections}")
        agreed += 1
    print(f"Frouros agrees with {agreed} cases of cusum.json")
    assert agreed >= 10


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in PINS:
        raise SystemExit("usage: make_streams.py river|frouros")
    for package, pin in PINS[sys.argv[1]].items():
        if version(package) != pin:
            raise SystemExit(f"{package} {version(package)} is installed, but the cases are made with {pin}")
    warnings.simplefilter("error")
    if sys.argv[1] == "frouros":
        frouros()
        return
    for make in (ddm, eddm, hddm_a, hddm_w, kswin, mersenne_twister, cusum, spc):
        make()


if __name__ == "__main__":
    main()

"""Data, CPU seconds and peak memory for the comparison scripts beside this file."""

import resource
import sys

import numpy

NUMERIC = 20
CATEGORIES = (2, 5, 10, 50, 100)


def rows(seed, count, mean):
    """Columns by name: distinct normal numbers, and codes of which the lower ones are more frequent."""
    random = numpy.random.default_rng(seed)
    columns = {f"x{i:02}": random.normal(mean, 1.0, count) for i in range(NUMERIC)}
    for categories in CATEGORIES:
        codes = random.integers(0, categories, count)
        limits = random.integers(0, 2 * categories, count)
        columns[f"c{categories:03}"] = numpy.minimum(codes, limits).astype(numpy.int32)
    return columns


def sizes():
    """Rows of the reference and of the current window, from the command line."""
    reference, current = sys.argv[1:] or (100_000, 100_000)
    return int(reference), int(current)


def _status(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


class Measured:
    """CPU seconds of a block, and the bytes it took at its peak above what was there before (Linux)."""

    def __enter__(self):
        with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
            clear.write("5")  # The peak starts from now.
        self.before = _status("VmRSS:")
        self.start = resource.getrusage(resource.RUSAGE_SELF)
        return self

    def __exit__(self, *_):
        end = resource.getrusage(resource.RUSAGE_SELF)
        seconds = end.ru_utime + end.ru_stime - self.start.ru_utime - self.start.ru_stime
        peak = _status("VmHWM:") - self.before
        print(f"CPU {seconds:.2f} s, peak memory above the data {peak / 1e6:.0f} MB")

"""The whole comparison with scipy: KS, Wasserstein and Jensen-Shannon of 20 numeric columns,
Jensen-Shannon and chi-square of 5 categorical ones. `compare_scipy.py REFERENCE_ROWS CURRENT_ROWS`."""

import numpy
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from measure import Measured, rows, sizes

BINS = 10


def numeric(reference, current):
    edges = numpy.quantile(reference, numpy.arange(1, BINS) / BINS)
    counts = [numpy.bincount(numpy.searchsorted(edges, x), minlength=BINS) for x in (reference, current)]
    return ks_2samp(reference, current), wasserstein_distance(reference, current), jensenshannon(*counts)


def categorical(reference, current):
    length = max(reference.max(), current.max()) + 1
    counts = [numpy.bincount(x, minlength=length) for x in (reference, current)]
    return jensenshannon(*counts), chi2_contingency(counts, correction=False)


def main():
    reference_rows, current_rows = sizes()
    reference, current = rows(1, reference_rows, 0.0), rows(2, current_rows, 0.01)
    with Measured():
        for name, values in reference.items():
            test = numeric if name.startswith("x") else categorical
            test(values, current[name])


main()

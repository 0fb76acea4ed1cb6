"""What a detector in Python is written with. Part of leeway; change `detector.py` instead.

A column answers questions (`quantiles`, `cdf`, `counts_in_bins`, `distinct`, `category_counts`, `moments`),
computed by the host and quick however many rows there are; or it hands over its rows (`numbers`, `codes`,
`embeddings`) as arrays, if the detector says `needs = "rows"`. Arrays come as bytes: a list costs 200 ns an element.
"""

import json
import linecache
import math
import sys
import traceback
from array import array

from componentize_py_types import Err
from wit_world.imports import kernels, logging, types

FILE = "detector.py"
MISSING_CODE = 0xFFFFFFFF
CHUNK = 65_536


class Declined(Exception):
    """Raise it where a window cannot be judged at all: the message says why."""


def _enum(kind, name):
    return kind[name.upper().replace("-", "_")]


class Metric:
    """A metric: direction is higher-is-drift, lower-is-drift, two-sided or informational."""

    def __init__(self, name, help, direction, unit="", minimum=None, maximum=None, default_threshold=None):
        direction = _enum(types.Direction, direction)
        self.wit = types.Metric(name, help, unit, direction, minimum, maximum, default_threshold)


class Column:
    """One column of a window: `name`, `role`, `kind`, `rows`, `missing`, `non_finite`, `exact`, `dimension`."""

    def __init__(self, window, index, about):
        self._window, self._index = window, index
        self.name, self.rows, self.missing = about.name, about.rows, about.missing
        self.non_finite, self.exact, self.dimension = about.non_finite, about.exact, about.dimension
        self.rank_error = about.rank_error
        self.role = about.role.name.lower().replace("_", "-")
        self.kind = about.kind.name.lower()

    def quantiles(self, levels):
        return kernels.quantiles(self._window, self._index, list(levels))

    def cdf(self, points):
        return kernels.cdf(self._window, self._index, list(points))

    def counts_in_bins(self, edges):
        return kernels.counts_in_bins(self._window, self._index, list(edges))

    def distinct(self):
        """All distinct values, ascending, and how often each occurs: two arrays of doubles."""
        both = array("d", kernels.distinct_le(self._window, self._index))
        return both[: len(both) // 2], both[len(both) // 2 :]

    def category_counts(self):
        """Names with their counts, and the count of all names beyond the dictionary's limit."""
        counts = kernels.category_counts(self._window, self._index)
        return dict(zip(counts.names, counts.counts)), counts.rest

    def moments(self):
        return kernels.value_moments(self._window, self._index)

    def _rows(self, typecode, read):
        rows, values = self._window.kept_rows(), array(typecode)
        for offset in range(0, rows, CHUNK):
            values.frombytes(read(self._index, offset, min(CHUNK, rows - offset)))
        return values

    def numbers(self):
        """Kept rows of a numeric column as doubles; missing is NaN."""
        return self._rows("d", self._window.numbers_le)

    def codes(self):
        """Kept rows of a categorical column: places in `dictionary()`; missing is MISSING_CODE."""
        return self._rows("I", self._window.codes_le)

    def dictionary(self):
        size = self._window.dictionary_size(self._index)
        return self._window.dictionary(self._index, 0, size)

    def embeddings(self):
        """Kept rows of an embedding column as floats, `dimension` a row."""
        return self._rows("f", self._window.embeddings_le)


class Window:
    """Rows of a model: the reference window or the current one."""

    def __init__(self, handle):
        self._handle = handle

    def rows(self):
        return self._handle.rows()

    def kept_rows(self):
        return self._handle.kept_rows()

    def complete(self):
        return self._handle.complete()

    def span(self):
        return self._handle.span()

    def columns(self):
        return [Column(self._handle, at, about) for at, about in enumerate(self._handle.columns())]


class Detector:
    """Overwrite what differs, and `fit` and `evaluate`. A baseline is anything that JSON can hold."""

    name = version = summary = ""
    kind = "data"
    accepts = ["numeric"]
    roles = ["feature"]
    needs = "profiles"
    rows_min = 1
    metrics = []
    config_schema = {"type": "object", "additionalProperties": False}
    state_format = 1

    def check_config(self, config):
        """Raise ValueError where a configuration is wrong beyond its schema."""

    def fit(self, reference, config, seed):
        raise NotImplementedError

    def evaluate(self, baseline, current, config, seed):
        raise NotImplementedError


def judge(metric, column, value, threshold, drifted, effect=None, p_value=None, detail=None):
    """A column judged against a fixed threshold. None, NaN and infinity leave it `insufficient`."""
    known = all(number is not None and math.isfinite(number) for number in (value, threshold))
    verdict = types.Verdict.INSUFFICIENT
    if known:
        verdict = types.Verdict.DRIFTED if drifted else types.Verdict.STABLE
    return types.Measurement(
        metric=metric,
        column=column.name if column else None,
        value=float(value) if known else 0.0,
        effect=effect,
        p_value=p_value,
        p_adjusted=None,
        threshold=float(threshold) if known else None,
        threshold_kind=types.ThresholdKind.FIXED if known else None,
        reference_rows=0,
        current_rows=column.rows - column.missing - column.non_finite if column else 0,
        missing_share=column.missing / column.rows if column and column.rows else 0.0,
        unseen_share=0.0,
        verdict=verdict,
        row=None,
        detail=json.dumps(detail) if detail is not None else None,
    )


def log(message):
    """Writes a line that whoever reads the evaluation sees. `print` does the same."""
    logging.log(logging.Level.INFO, str(message))


class _Lines:
    """The place of the standard output, which does not exist: what is printed becomes lines of the log."""

    def __init__(self):
        self._rest = ""

    def write(self, text):
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            log(line)
        return len(text)

    def flush(self):
        if self._rest:
            self.write("\n")


_LINES = _Lines()


def _tell(error):
    """What went wrong and where, on one line. Reads no files: there are none."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        line = f": {error.text.strip()}" if error.text else ""
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}{line}"
    places = [
        (frame.f_code.co_name, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename.endswith(FILE)
    ]
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if not places:
        return told
    (name, number), *callers = reversed(places)
    line = linecache.cache.get(FILE, (0, None, []))[2][number - 1 : number]
    told = f"{FILE}, line {number}, in {name}: {told}" + "".join(f": {text.strip()}" for text in line)
    return told + "".join(f"; called by {name}, line {number}" for name, number in callers[:4])


def _seeded(seed):
    """Chance comes with the call: the same seed, the same numbers."""
    if "random" in sys.modules:
        sys.modules["random"].seed(seed)


def guarded(call):
    """What is raised leaves the sandbox through the log; the trap alone would not tell it."""
    sys.stdout = sys.stderr = _LINES
    try:
        return call()
    except Declined as why:
        raise Err(types.Failure_UnusableData(str(why)))
    except Err as error:
        if type(error.value).__name__.startswith("Failure"):
            raise
        raise Err(types.Failure_UnusableData(repr(error.value)))
    except BaseException as error:
        logging.log(logging.Level.ERROR, _tell(error))
        raise
    finally:
        _LINES.flush()


def _describe(own):
    return types.Descriptor(
        name=own.name,
        version=own.version,
        summary=own.summary,
        kind=_enum(types.DriftKind, own.kind),
        accepts=[_enum(types.ColumnKind, kind) for kind in own.accepts],
        roles=[_enum(types.Role, role) for role in own.roles],
        needs=_enum(types.Needs, own.needs),
        rows_min=own.rows_min,
        metrics=[metric.wit for metric in own.metrics],
        config_schema=json.dumps(own.config_schema),
        state_format=own.state_format,
    )


def export(detector):
    """The class that componentize-py looks for: `Batch = export(MyDetector)`."""
    own = detector()

    class Batch:
        def describe(self):
            return guarded(lambda: _describe(own))

        def check_config(self, config):
            def check():
                try:
                    own.check_config(json.loads(config))
                except ValueError as why:
                    raise Err(types.Failure_InvalidConfig(str(why)))

            guarded(check)

        def fit(self, reference, config, seed):
            _seeded(seed)
            with reference:
                return guarded(lambda: json.dumps(own.fit(Window(reference), json.loads(config), seed)).encode())

        def evaluate(self, baseline, current, config, seed):
            try:
                learned = json.loads(baseline)
            except ValueError as why:
                raise Err(types.Failure_UnusableBaseline(str(why)))
            _seeded(seed)
            with current:
                return guarded(lambda: list(own.evaluate(learned, Window(current), json.loads(config), seed)))

    return Batch

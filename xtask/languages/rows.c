// Takes each column row by row, and counts the answers of the host that differ from what is found in there.

#include <math.h>

#include "leeway/leeway.h"

#define CHUNK 4096

const leeway_detector leeway_this = {
    .name = "rows-agree",
    .version = "0.1.0",
    .summary = "Holds the host's answers against the rows.",
    .metrics = {{"disagreements", "Answers that differ from the rows.", LEEWAY_HIGHER_IS_DRIFT}},
    .needs_rows = true,
    .categories = true,
};

static bool near(double one, double other) {
    return fabs(one - other) <= 1e-9 * fmax(1, fmax(fabs(one), fabs(other)));
}

static int numeric(const leeway_window *window, const leeway_column *column) {
    double count = 0, missing = 0, sum = 0, least = INFINITY, most = -INFINITY, below = 0, median = 0, share = 0;
    double bins[2] = {0, 0};
    bool known = leeway_quantiles(column, (double[]){0.5}, &median, 1);
    for (uint32_t at = 0; at < window->kept_rows; at += CHUNK) {
        uint32_t length = window->kept_rows - at < CHUNK ? window->kept_rows - at : CHUNK;
        const double *rows = leeway_numbers(column, at, length);
        for (uint32_t i = 0; rows && i < length; i++) {
            if (isnan(rows[i])) missing++;
            if (!isfinite(rows[i])) continue;
            count++;
            sum += rows[i];
            least = fmin(least, rows[i]);
            most = fmax(most, rows[i]);
            below += rows[i] <= median;
        }
    }
    leeway_detector_kernels_moments_t moments = leeway_moments(column);
    int wrong = (window->kept_rows != column->rows) + (missing != (double)column->missing) + (moments.count != count);
    if (!known || count == 0) return wrong + (known != (count > 0));
    wrong += !near(moments.mean, sum / count) + (moments.minimum != least) + (moments.maximum != most);
    wrong += !leeway_cdf(column, &median, &share, 1) || !near(share, below / count);
    wrong += !leeway_counts_in_bins(column, &median, 1, bins) || bins[0] != below || bins[1] != count - below;
    const double *values, *counts;
    size_t distinct = leeway_distinct(column, &values, &counts);
    for (size_t i = 0; i < distinct; i++) {
        count -= counts[i];
        wrong += i > 0 && values[i] <= values[i - 1];
    }
    return wrong + (count != 0);
}

static int categorical(const leeway_window *window, const leeway_column *column) {
    uint64_t missing = 0;
    for (uint32_t at = 0; at < window->kept_rows; at += CHUNK) {
        uint32_t length = window->kept_rows - at < CHUNK ? window->kept_rows - at : CHUNK;
        const uint32_t *codes = leeway_codes(column, at, length);
        for (uint32_t i = 0; codes && i < length; i++) missing += codes[i] == LEEWAY_MISSING_CODE;
    }
    return (window->kept_rows != column->rows) + (missing != column->missing);
}

void leeway_fit(leeway_window *reference) { (void)reference; }

void leeway_evaluate(leeway_window *current) {
    for (size_t i = 0; i < current->columns; i++) {
        leeway_column *column = &current->column[i];
        int wrong = column->categorical ? categorical(current, column) : numeric(current, column);
        if (!current->complete) wrong = 0; // A sample has other answers.
        leeway_judge("disagreements", column, wrong, 0, wrong > 0);
    }
}

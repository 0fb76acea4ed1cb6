// How far did the middle of each column move? The ratio of trimmed means.

#include <math.h>

#include "leeway/leeway.h"

#define LEVELS 81
static const double tolerance = 0.1; // A mean that moved by more than this share has drifted.

const leeway_detector leeway_this = {
    .name = "NAME",
    .version = "0.1.0",
    .summary = "Compares trimmed means.",
    .metrics = {{"trimmed_mean_ratio", "Trimmed mean over the reference's.", LEEWAY_TWO_SIDED}},
};

// The mean between the 10% and the 90% quantile; NaN of a column without values.
static double trimmed_mean(const leeway_column *column) {
    double levels[LEVELS], values[LEVELS], sum = 0;
    for (int i = 0; i < LEVELS; i++) levels[i] = (10 + i) / 100.0;
    if (!leeway_quantiles(column, levels, values, LEVELS)) return NAN;
    for (int i = 0; i < LEVELS; i++) sum += values[i];
    return sum / LEVELS;
}

void leeway_fit(leeway_window *reference) {
    for (size_t i = 0; i < reference->columns; i++) {
        double mean = trimmed_mean(&reference->column[i]);
        leeway_remember(&reference->column[i], &mean, 1);
    }
}

void leeway_evaluate(leeway_window *current) {
    for (size_t i = 0; i < current->columns; i++) {
        double before = NAN;
        leeway_recall(&current->column[i], &before, 1);
        double ratio = trimmed_mean(&current->column[i]) / before;
        double threshold = ratio < 1 ? 1 - tolerance : 1 + tolerance;
        leeway_judge("trimmed_mean_ratio", &current->column[i], ratio, threshold, fabs(ratio - 1) > tolerance);
    }
}

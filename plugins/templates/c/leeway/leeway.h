// What a detector in C is written with. Part of leeway; change `detector.c` instead.
//
// Define `leeway_this`, `leeway_fit` and `leeway_evaluate`. A column answers questions (quantiles, cdf, bins,
// distinct, moments), computed by the host and quick however many rows there are; or it hands over its rows
// (numbers, codes), if the detector says `.needs_rows = true`. What needs more than this stands in
// batch_detector.h, which is generated from the contract. Memory need not be freed: an instance lives for one call.

#ifndef LEEWAY_H
#define LEEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch_detector.h"

#define LEEWAY_METRICS 16
#define LEEWAY_MISSING_CODE 0xffffffffu

typedef enum {
    LEEWAY_HIGHER_IS_DRIFT,
    LEEWAY_LOWER_IS_DRIFT,
    LEEWAY_TWO_SIDED,
    LEEWAY_INFORMATIONAL,
} leeway_direction;

typedef struct {
    const char *name, *help;
    leeway_direction direction;
} leeway_metric;

// What the detector says of itself. Metrics end at the first without a name.
typedef struct {
    const char *name, *version, *summary;
    leeway_metric metrics[LEEWAY_METRICS];
    bool needs_rows;   // Rows, not only what the host computed of them.
    bool categories;   // Also categorical columns.
    const char *config_schema; // JSON Schema; no settings where absent.
} leeway_detector;

typedef struct {
    leeway_detector_windows_borrow_window_t window;
    uint32_t index;
    const char *name; // Ends in a zero, and may have others inside.
    size_t name_length;
    uint64_t rows, missing, non_finite;
    bool categorical;
} leeway_column;

typedef struct {
    leeway_column *column;
    size_t columns;
    uint64_t rows;
    uint32_t kept_rows;
    bool complete; // Whether the kept rows are all rows.
    const char *config; // JSON, ends in a zero.
    uint64_t seed;
} leeway_window;

extern const leeway_detector leeway_this;
void leeway_fit(leeway_window *reference);
void leeway_evaluate(leeway_window *current);

// Answers of the host. False where the column has no values.
bool leeway_quantiles(const leeway_column *column, const double *levels, double *values, size_t count);
bool leeway_cdf(const leeway_column *column, const double *points, double *shares, size_t count);
// Counts in (-inf, e0], (e0, e1], ..., (ek, inf): one more than there are edges.
bool leeway_counts_in_bins(const leeway_column *column, const double *edges, size_t edge_count, double *counts);
// All distinct values, ascending, and how often each occurs; the number of them.
size_t leeway_distinct(const leeway_column *column, const double **values, const double **counts);
leeway_detector_kernels_moments_t leeway_moments(const leeway_column *column);

// Kept rows [offset, offset + count) of a numeric column; missing is NaN.
const double *leeway_numbers(const leeway_column *column, uint32_t offset, uint32_t count);
// Kept rows of a categorical column as codes.
const uint32_t *leeway_codes(const leeway_column *column, uint32_t offset, uint32_t count);

// In leeway_fit: numbers of a column that leeway_evaluate will want.
void leeway_remember(const leeway_column *column, const double *numbers, size_t count);
// In leeway_evaluate: as many of them as there are and fit; how many that is.
size_t leeway_recall(const leeway_column *column, double *numbers, size_t count);

// Judges a column against a fixed threshold. A value that is not finite leaves it `insufficient`.
// The measurement may be changed until leeway_evaluate returns.
exports_leeway_detector_batch_measurement_t *leeway_judge(const char *metric, const leeway_column *column,
                                                          double value, double threshold, bool drifted);

// Declines the window as a whole; the first reason counts.
void leeway_decline(const char *why);
// Writes a line that whoever reads the evaluation sees.
void leeway_log(const char *message);

#endif

// Glue between leeway.h and the bindings generated from the contract. Part of leeway.

#include "leeway.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// What the call gathers. An instance serves one call, so nothing here is ever reset.
static struct {
    uint8_t *bytes;
    size_t length;
} memory; // The baseline: name length, name, count and numbers of each column.
static struct {
    exports_leeway_detector_batch_measurement_t *items;
    size_t length, room;
} judged;
static const char *declined;

static void *room_for(void *old, size_t bytes) {
    void *room = realloc(old, bytes ? bytes : 1);
    if (!room) {
        leeway_log("out of memory");
        abort();
    }
    return room;
}

static const char *text_of(const uint8_t *bytes, size_t length) {
    char *text = room_for(NULL, length + 1);
    memcpy(text, bytes, length);
    text[length] = 0;
    return text;
}

static batch_detector_string_t string_of(const char *text) {
    batch_detector_string_t copy;
    batch_detector_string_dup(&copy, text ? text : "");
    return copy;
}

static leeway_window window_of(exports_leeway_detector_batch_own_window_t own, batch_detector_string_t *config, uint64_t seed) {
    leeway_detector_windows_borrow_window_t handle = leeway_detector_windows_borrow_window(own);
    leeway_detector_windows_list_column_t about;
    leeway_detector_windows_method_window_columns(handle, &about);
    leeway_column *columns = room_for(NULL, about.len * sizeof *columns);
    for (size_t i = 0; i < about.len; i++) {
        columns[i] = (leeway_column){
            .window = handle,
            .index = (uint32_t)i,
            .name = text_of(about.ptr[i].name.ptr, about.ptr[i].name.len),
            .name_length = about.ptr[i].name.len,
            .rows = about.ptr[i].rows,
            .missing = about.ptr[i].missing,
            .non_finite = about.ptr[i].non_finite,
            .categorical = about.ptr[i].kind == LEEWAY_DETECTOR_TYPES_COLUMN_KIND_CATEGORICAL,
        };
    }
    return (leeway_window){
        .column = columns,
        .columns = about.len,
        .rows = leeway_detector_windows_method_window_rows(handle),
        .kept_rows = leeway_detector_windows_method_window_kept_rows(handle),
        .complete = leeway_detector_windows_method_window_complete(handle),
        .config = text_of(config->ptr, config->len),
        .seed = seed,
    };
}

// An answer that the host refuses declines the window.
static bool answered(bool good, const leeway_detector_windows_access_error_t *error) {
    static const char *const reasons[] = {
        "the window has no such column", "the column is of another kind", "asked past the last row",
        "the window holds no rows, only profiles", "an argument is not usable",
    };
    if (!good) leeway_decline(error->tag < 5 ? reasons[error->tag] : "the window could not answer");
    return good;
}

static bool filled(const batch_detector_list_f64_t *list, double *to, size_t count) {
    if (list->len < count) return false;
    memcpy(to, list->ptr, count * sizeof *to);
    return true;
}

bool leeway_quantiles(const leeway_column *column, const double *levels, double *values, size_t count) {
    batch_detector_list_f64_t asked = {(double *)levels, count}, answer;
    leeway_detector_kernels_access_error_t error;
    return answered(leeway_detector_kernels_quantiles(column->window, column->index, &asked, &answer, &error), &error)
        && filled(&answer, values, count);
}

bool leeway_cdf(const leeway_column *column, const double *points, double *shares, size_t count) {
    batch_detector_list_f64_t asked = {(double *)points, count}, answer;
    leeway_detector_kernels_access_error_t error;
    return answered(leeway_detector_kernels_cdf(column->window, column->index, &asked, &answer, &error), &error)
        && filled(&answer, shares, count);
}

bool leeway_counts_in_bins(const leeway_column *column, const double *edges, size_t edge_count, double *counts) {
    batch_detector_list_f64_t asked = {(double *)edges, edge_count}, answer;
    leeway_detector_kernels_access_error_t error;
    return answered(leeway_detector_kernels_counts_in_bins(column->window, column->index, &asked, &answer, &error), &error)
        && filled(&answer, counts, edge_count + 1);
}

size_t leeway_distinct(const leeway_column *column, const double **values, const double **counts) {
    leeway_detector_kernels_distribution_t answer;
    leeway_detector_kernels_access_error_t error;
    if (!answered(leeway_detector_kernels_distinct(column->window, column->index, &answer, &error), &error)) return 0;
    *values = answer.values.ptr;
    *counts = answer.counts.ptr;
    return answer.values.len;
}

leeway_detector_kernels_moments_t leeway_moments(const leeway_column *column) {
    leeway_detector_kernels_moments_t answer = {0};
    leeway_detector_kernels_access_error_t error;
    answered(leeway_detector_kernels_value_moments(column->window, column->index, &answer, &error), &error);
    return answer;
}

const double *leeway_numbers(const leeway_column *column, uint32_t offset, uint32_t count) {
    batch_detector_list_f64_t answer;
    leeway_detector_windows_access_error_t error;
    bool good = leeway_detector_windows_method_window_numbers(column->window, column->index, offset, count, &answer, &error);
    return answered(good, &error) ? answer.ptr : NULL;
}

const uint32_t *leeway_codes(const leeway_column *column, uint32_t offset, uint32_t count) {
    batch_detector_list_u32_t answer;
    leeway_detector_windows_access_error_t error;
    bool good = leeway_detector_windows_method_window_codes(column->window, column->index, offset, count, &answer, &error);
    return answered(good, &error) ? answer.ptr : NULL;
}

static void append(const void *bytes, size_t length) {
    memory.bytes = room_for(memory.bytes, memory.length + length);
    memcpy(memory.bytes + memory.length, bytes, length);
    memory.length += length;
}

void leeway_remember(const leeway_column *column, const double *numbers, size_t count) {
    uint32_t lengths[2] = {(uint32_t)column->name_length, (uint32_t)count};
    append(lengths, sizeof lengths);
    append(column->name, lengths[0]);
    append(numbers, count * sizeof *numbers);
}

size_t leeway_recall(const leeway_column *column, double *numbers, size_t count) {
    size_t at = 0, name_length = column->name_length;
    uint32_t lengths[2];
    while (memory.length - at >= sizeof lengths) {
        memcpy(lengths, memory.bytes + at, sizeof lengths);
        at += sizeof lengths;
        uint64_t size = (uint64_t)lengths[0] + (uint64_t)lengths[1] * sizeof *numbers;
        if (size > memory.length - at) break; // No baseline of ours: nothing is remembered.
        if (lengths[0] == name_length && memcmp(memory.bytes + at, column->name, name_length) == 0) {
            size_t there = lengths[1] < count ? lengths[1] : count;
            memcpy(numbers, memory.bytes + at + name_length, there * sizeof *numbers);
            return there;
        }
        at += size;
    }
    return 0;
}

exports_leeway_detector_batch_measurement_t *leeway_judge(const char *metric, const leeway_column *column,
                                                          double value, double threshold, bool drifted) {
    if (judged.length == judged.room) {
        // Pointers to earlier measurements would dangle: there is room for a metric of every column from the start.
        leeway_log("more than 16 measurements a column");
        abort();
    }
    exports_leeway_detector_batch_measurement_t *one = &judged.items[judged.length++];
    memset(one, 0, sizeof *one);
    one->metric = string_of(metric);
    one->verdict = LEEWAY_DETECTOR_TYPES_VERDICT_INSUFFICIENT;
    if (column) {
        one->column.is_some = true;
        batch_detector_string_dup_n(&one->column.val, column->name, column->name_length);
        one->current_rows = column->rows - column->missing - column->non_finite;
        one->missing_share = column->rows ? (double)column->missing / (double)column->rows : 0;
    }
    if (isfinite(value) && isfinite(threshold)) {
        one->value = value;
        one->threshold = (batch_detector_option_f64_t){true, threshold};
        one->threshold_kind.is_some = true;
        one->threshold_kind.val = LEEWAY_DETECTOR_TYPES_THRESHOLD_KIND_FIXED;
        one->verdict = drifted ? LEEWAY_DETECTOR_TYPES_VERDICT_DRIFTED : LEEWAY_DETECTOR_TYPES_VERDICT_STABLE;
    }
    return one;
}

void leeway_decline(const char *why) {
    if (!declined) declined = why;
}

void leeway_log(const char *message) {
    batch_detector_string_t line = {(uint8_t *)message, strlen(message)};
    leeway_detector_logging_log(LEEWAY_DETECTOR_LOGGING_LEVEL_INFO, &line);
}

static bool done(exports_leeway_detector_batch_failure_t *failure) {
    if (declined) {
        failure->tag = LEEWAY_DETECTOR_TYPES_FAILURE_UNUSABLE_DATA;
        failure->val.unusable_data = string_of(declined);
    }
    return !declined;
}

void exports_leeway_detector_batch_describe(exports_leeway_detector_batch_descriptor_t *ret) {
    memset(ret, 0, sizeof *ret);
    ret->name = string_of(leeway_this.name);
    ret->version = string_of(leeway_this.version);
    ret->summary = string_of(leeway_this.summary);
    ret->kind = LEEWAY_DETECTOR_TYPES_DRIFT_KIND_DATA;
    ret->accepts.len = leeway_this.categories ? 2 : 1;
    ret->accepts.ptr = room_for(NULL, 2 * sizeof *ret->accepts.ptr);
    ret->accepts.ptr[0] = LEEWAY_DETECTOR_TYPES_COLUMN_KIND_NUMERIC;
    ret->accepts.ptr[1] = LEEWAY_DETECTOR_TYPES_COLUMN_KIND_CATEGORICAL;
    ret->roles.len = 1;
    ret->roles.ptr = room_for(NULL, sizeof *ret->roles.ptr);
    ret->roles.ptr[0] = LEEWAY_DETECTOR_TYPES_ROLE_FEATURE;
    ret->needs = leeway_this.needs_rows ? LEEWAY_DETECTOR_TYPES_NEEDS_ROWS : LEEWAY_DETECTOR_TYPES_NEEDS_PROFILES;
    ret->rows_min = 1;
    ret->state_format = 1;
    ret->config_schema = string_of(leeway_this.config_schema ? leeway_this.config_schema
                                                             : "{\"type\":\"object\",\"additionalProperties\":false}");
    ret->metrics.ptr = room_for(NULL, LEEWAY_METRICS * sizeof *ret->metrics.ptr);
    memset(ret->metrics.ptr, 0, LEEWAY_METRICS * sizeof *ret->metrics.ptr);
    while (ret->metrics.len < LEEWAY_METRICS && leeway_this.metrics[ret->metrics.len].name) {
        const leeway_metric *metric = &leeway_this.metrics[ret->metrics.len];
        leeway_detector_types_metric_t *to = &ret->metrics.ptr[ret->metrics.len++];
        to->name = string_of(metric->name);
        to->help = string_of(metric->help);
        to->unit = string_of("");
        to->direction = (leeway_detector_types_direction_t)metric->direction;
    }
}

bool exports_leeway_detector_batch_check_config(batch_detector_string_t *config, exports_leeway_detector_batch_failure_t *err) {
    (void)config, (void)err;
    return true;
}

bool exports_leeway_detector_batch_fit(exports_leeway_detector_batch_own_window_t reference, batch_detector_string_t *config,
                                       uint64_t seed, batch_detector_list_u8_t *ret,
                                       exports_leeway_detector_batch_failure_t *err) {
    leeway_window window = window_of(reference, config, seed);
    leeway_fit(&window);
    leeway_detector_windows_window_drop_own(reference);
    ret->ptr = memory.bytes;
    ret->len = memory.length;
    return done(err);
}

bool exports_leeway_detector_batch_evaluate(batch_detector_list_u8_t *baseline, exports_leeway_detector_batch_own_window_t current,
                                            batch_detector_string_t *config, uint64_t seed,
                                            exports_leeway_detector_batch_list_measurement_t *ret,
                                            exports_leeway_detector_batch_failure_t *err) {
    memory.bytes = baseline->ptr;
    memory.length = baseline->len;
    leeway_window window = window_of(current, config, seed);
    judged.room = LEEWAY_METRICS * (window.columns + 1);
    judged.items = room_for(NULL, judged.room * sizeof *judged.items);
    leeway_evaluate(&window);
    leeway_detector_windows_window_drop_own(current);
    ret->ptr = judged.items;
    ret->len = judged.length;
    return done(err);
}

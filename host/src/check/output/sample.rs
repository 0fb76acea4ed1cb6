//! Reports for the tests of every format: small, and the same each time.

use crate::check::report::{
    Chunk, ColumnPicture, Evaluation, ModelSummary, Report, Shape, WindowSummary,
};
use crate::domain::{ColumnKind, DriftKind, Measurement, ModelType, Role, ThresholdKind, Verdict};

fn measurement(metric: &str, column: Option<&str>, verdict: Verdict) -> Measurement {
    Measurement {
        metric: metric.into(),
        column: column.map(Into::into),
        value: 0.0,
        effect: None,
        p_value: None,
        p_adjusted: None,
        threshold: None,
        threshold_kind: None,
        reference_rows: 27_902,
        current_rows: 28_293,
        missing_share: 0.0,
        unseen_share: 0.0,
        verdict,
        row: None,
        detail: None,
        segment: None,
        began: None,
    }
}

/// A distance beyond its floor.
pub(super) fn drifted(column: &str, effect: f64, p: f64) -> Measurement {
    Measurement {
        value: effect,
        effect: Some(effect),
        p_value: Some(p),
        p_adjusted: Some(p),
        threshold: Some(0.05),
        threshold_kind: Some(ThresholdKind::Floor),
        ..measurement("ks", Some(column), Verdict::Drifted)
    }
}

/// A distance within its calibrated threshold.
pub(super) fn stable(column: &str, effect: f64, p: f64) -> Measurement {
    Measurement {
        threshold: Some(0.061_23),
        threshold_kind: Some(ThresholdKind::Calibrated),
        verdict: Verdict::Stable,
        ..drifted(column, effect, p)
    }
}

/// A column without a number.
pub(super) fn unjudged(column: &str, verdict: Verdict) -> Measurement {
    measurement("ks", Some(column), verdict)
}

/// The share of drifted columns, with a limit of one half.
pub(super) fn share(value: f64) -> Measurement {
    Measurement {
        value,
        effect: Some(value),
        threshold: Some(0.5),
        threshold_kind: Some(ThresholdKind::Fixed),
        verdict: if value > 0.5 {
            Verdict::Drifted
        } else {
            Verdict::Stable
        },
        ..measurement("drifted_share", None, Verdict::Stable)
    }
}

/// A detector's answer; its kind is the word in front of the first hyphen.
pub(super) fn evaluation(detector: &str, measurements: Vec<Measurement>) -> Evaluation {
    let kind = match detector.split('-').next() {
        Some("data") => DriftKind::Data,
        Some("prior") => DriftKind::Prior,
        _ => DriftKind::Concept,
    };
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into();
    Evaluation {
        detector: detector.into(),
        digest,
        kind,
        seed: 7,
        measurements,
        error: None,
        log: Vec::new(),
        calls: Vec::new(),
    }
}

fn window(file: &str, rows: u64, from: &str, to: &str) -> WindowSummary {
    WindowSummary {
        file: file.into(),
        rows,
        from: Some(from.into()),
        to: Some(to.into()),
    }
}

/// A numeric column as a histogram of `counts`.
pub(super) fn histogram(
    name: &str,
    role: Role,
    edges: &[f64],
    reference: &[f64],
    current: &[f64],
) -> ColumnPicture {
    let shape = Shape::Histogram {
        edges: edges.to_vec(),
        reference: reference.to_vec(),
        current: current.to_vec(),
        outside: [[0.0, 1.0], [2.0, 0.0]],
        moments: [[41.12, 12.3], [81.6, 7.25]],
    };
    picture(name, role, ColumnKind::Numeric, shape)
}

/// A categorical column.
pub(super) fn categories(
    name: &str,
    names: &[&str],
    reference: &[f64],
    current: &[f64],
) -> ColumnPicture {
    let shape = Shape::Categories {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        reference: reference.to_vec(),
        current: current.to_vec(),
        others: [0.0, 0.0],
    };
    picture(name, Role::Feature, ColumnKind::Categorical, shape)
}

fn picture(name: &str, role: Role, kind: ColumnKind, shape: Shape) -> ColumnPicture {
    ColumnPicture {
        name: name.into(),
        role,
        kind,
        shape,
        reference_rows: 27_902,
        current_rows: 28_293,
        reference_missing: 279,
        current_missing: 0,
    }
}

/// Nothing but two windows.
pub(super) fn empty() -> Report {
    Report {
        model: ModelSummary {
            id: "flights".into(),
            model_type: Some(ModelType::Classifier),
        },
        reference: window(
            "2013-03.csv.gz",
            27_902,
            "2013-03-01T05:15:00-05:00",
            "2013-03-31T23:59:00-04:00",
        ),
        current: window(
            "2013-07.csv.gz",
            28_293,
            "2013-07-01T04:59:00Z",
            "2013-08-01T02:30:00Z",
        ),
        evaluations: Vec::new(),
        chunks: Vec::new(),
        columns: Vec::new(),
        notes: Vec::new(),
        leeway: "0.1.0".into(),
    }
}

/// Every verdict, two kinds of drift, a stream detector, pictures of both shapes.
pub(super) fn report() -> Report {
    let missing = Measurement {
        metric: "missing".into(),
        missing_share: 0.112,
        ..stable("temperature", 0.004, 0.06)
    };
    let origin = Measurement {
        metric: "chi_square".into(),
        value: 0.4214,
        unseen_share: 0.0213,
        ..stable("origin", 0.002_74, 0.81)
    };
    let failed = Measurement {
        detail: Some(
            serde_json::json!({ "reason": "the baseline was fitted without what this test needs" }),
        ),
        ..unjudged("precipitation", Verdict::Failed)
    };
    let few = Measurement {
        current_rows: 12,
        ..unjudged("visibility", Verdict::Insufficient)
    };
    let data = vec![
        Measurement {
            p_value: Some(0.0),
            missing_share: 0.112,
            current_rows: 25_124,
            ..drifted("temperature", 0.9987, 0.0)
        },
        missing,
        origin,
        failed,
        few,
        unjudged("country", Verdict::Constant),
        share(0.5),
    ];
    let error = Measurement {
        metric: "chi_square".into(),
        value: 41.28,
        p_value: Some(6e-11),
        ..drifted("error", 0.0567, 1.2e-10)
    };
    let change = Measurement {
        value: 0.3491,
        row: Some(4_211),
        reference_rows: 0,
        current_rows: 4_212,
        ..measurement("change", Some("error"), Verdict::Drifted)
    };
    let detections = Measurement {
        value: 1.0,
        reference_rows: 0,
        ..measurement("detections", Some("error"), Verdict::Drifted)
    };
    let mut report = empty();
    report.evaluations = vec![
        evaluation("data-drift@0.1.0", data),
        evaluation("concept-drift@0.1.0", vec![error]),
        evaluation("adwin@0.1.0", vec![change, detections]),
    ];
    report.columns = vec![
        histogram(
            "temperature",
            Role::Feature,
            &[0.0, 40.0, 80.0, 120.0],
            &[700.0, 300.0, 0.0],
            &[0.0, 400.0, 600.0],
        ),
        categories(
            "origin",
            &["EWR", "JFK", "LGA"],
            &[9_800.0, 9_200.0, 8_902.0],
            &[10_000.0, 9_300.0, 8_993.0],
        ),
        categories("country", &["US"], &[27_902.0], &[28_293.0]),
        histogram(
            "error",
            Role::Error,
            &[0.0, 0.5, 1.0],
            &[74.1, 25.9],
            &[68.8, 31.2],
        ),
    ];
    report.notes = vec!["column 'late' has no positive label in the reference".into()];
    report
}

/// The same in two chunks; in the second, one detector gives no answer.
pub(super) fn chunked() -> Report {
    let mut report = report();
    let mut failed = evaluation("concept-drift@0.1.0", Vec::new());
    failed.error = Some("stopped at its deadline of 10 s".into());
    let first = window(
        "2013-07.csv.gz",
        14_000,
        "2013-07-01T04:59:00Z",
        "2013-07-16T04:00:00Z",
    );
    let second = window(
        "2013-07.csv.gz",
        14_293,
        "2013-07-16T04:00:00Z",
        "2013-08-01T02:30:00Z",
    );
    report.chunks = vec![
        Chunk {
            number: 1,
            window: first,
            evaluations: vec![
                evaluation(
                    "data-drift@0.1.0",
                    vec![
                        stable("temperature", 0.03, 0.3),
                        stable("origin", 0.01, 0.4),
                    ],
                ),
                evaluation("concept-drift@0.1.0", vec![stable("error", 0.01, 0.7)]),
            ],
        },
        Chunk {
            number: 2,
            window: second,
            evaluations: vec![
                evaluation(
                    "data-drift@0.1.0",
                    vec![
                        drifted("temperature", 0.4, 1e-20),
                        drifted("origin", 0.2, 1e-9),
                    ],
                ),
                failed,
            ],
        },
    ];
    report
}

/// `count` columns, every tenth drifted, with histograms of forty bins.
pub(super) fn wide(count: usize) -> Report {
    let edges: Vec<f64> = (0..=40).map(f64::from).collect();
    let counts: Vec<f64> = (0..40_u32)
        .map(|bin| f64::from((bin * 37 % 41) * 113))
        .collect();
    let mut report = empty();
    let mut measurements = Vec::new();
    for number in 0..count {
        let name = format!("a_column_with_a_longer_name_{number}");
        report
            .columns
            .push(histogram(&name, Role::Feature, &edges, &counts, &counts));
        let share = number as f64 / count as f64;
        measurements.push(if number % 10 == 0 {
            drifted(&name, 0.1 + share, 0.0)
        } else {
            stable(&name, 0.01, share)
        });
    }
    measurements.push(share(0.1));
    report.evaluations = vec![evaluation("data-drift@0.1.0", measurements)];
    report
}

/// The small report with names and notes that mean harm.
pub(super) fn hostile() -> Report {
    let harm = "<script>alert(\"1\")</script>'&\u{1b}[31m\u{202e}\n";
    let mut report = chunked();
    report.model.id = harm.into();
    report.reference.file = harm.into();
    report.current.from = Some(harm.into());
    report.notes = vec![harm.into()];
    report.leeway = harm.into();
    let chunks = report
        .chunks
        .iter_mut()
        .flat_map(|chunk| &mut chunk.evaluations);
    for evaluation in report.evaluations.iter_mut().chain(chunks) {
        evaluation.detector.push_str(harm);
        evaluation.digest = harm.into();
        evaluation.error = Some(harm.into());
        evaluation.log = vec![harm.into()];
        for one in &mut evaluation.measurements {
            one.metric.push_str(harm);
            one.detail = Some(serde_json::json!({ harm: harm, "reason": harm }));
            if let Some(column) = &mut one.column {
                column.push_str(harm);
            }
        }
    }
    for column in &mut report.columns {
        column.name.push_str(harm);
        if let Shape::Categories { names, .. } = &mut column.shape {
            names.fill(harm.into());
        }
    }
    report
}

//! How all models stand: searched, sorted, page by page.

use std::cmp::Ordering;

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::Verdict;
use crate::monitor::OverviewRow;

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Query, query_integer, query_text};
use super::page;
use super::problem::ProblemKind;
use super::views::{OverviewView, StandingView, TotalsView, VerdictView};

/// Which models, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OverviewQuery {
    /// Whose name has this in it, in capitals or not.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    search: Option<String>,
    /// With a verdict on this kind of drift.
    #[serde(default)]
    #[param(nullable = false, inline)]
    kind: Option<Kind>,
    /// With this verdict on that kind, or on any.
    #[serde(default)]
    #[param(nullable = false, inline)]
    verdict: Option<VerdictView>,
    /// What comes first: `drift` where nothing is said, the models with most kinds of drift, then the largest changes.
    #[serde(default)]
    #[param(nullable = false, inline)]
    sort: Sort,
    /// Turns the order round.
    #[serde(default)]
    #[param(default = false)]
    reverse: bool,
    /// Models before the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 0, maximum = 1_000_000_000, default = 0, nullable = false)]
    offset: Option<i64>,
    /// Most models of the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<i64>,
}

/// A kind of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A change of P(X).
    Data,
    /// A change of P(Y).
    Prior,
    /// A change of P(Y given X).
    Concept,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Sort {
    /// Most kinds of drift, then the largest change.
    #[default]
    Drift,
    /// By name.
    Model,
    /// Data drift first, the largest change before.
    Data,
    /// The same by prior drift.
    Prior,
    /// The same by concept drift.
    Concept,
    /// The latest drift.
    Since,
    /// Most rows.
    Rows,
    /// The latest evaluation.
    Evaluated,
}

/// Shows how all models stand
///
/// Of each model the worst verdict by kind of drift, its worst column, and since when it drifts; searched, sorted, page by page.
#[utoipa::path(get, path = "/v1/overview", tag = "measurements", params(OverviewQuery), responses(
    (status = 200, description = "One page of the models, and counts over all of them", body = OverviewView)))]
pub(super) async fn overview(
    State(app): State<App>,
    Query(query): Query<OverviewQuery>,
) -> ApiResult<axum::Json<OverviewView>> {
    let limit = usize::from(page::items(query.limit)?);
    let offset = usize::try_from(query.offset.unwrap_or(0)).map_err(|_| {
        let detail = "offset is below 0";
        ApiError::new(ProblemKind::BadQuery, detail).at("offset")
    })?;
    let snapshot = app.overview.look().await?;
    let found = chosen(&snapshot.rows, &query);
    let shown = found.iter().skip(offset).take(limit);
    Ok(axum::Json(OverviewView {
        items: shown.map(|row| StandingView::from(*row)).collect(),
        found: found.len() as u64,
        totals: TotalsView::of(&snapshot.rows),
    }))
}

/// The models that a query asks for, in its order.
fn chosen<'a>(rows: &'a [OverviewRow], query: &OverviewQuery) -> Vec<&'a OverviewRow> {
    let search = query.search.as_deref().unwrap_or_default().to_lowercase();
    let verdict = query.verdict.map(Verdict::from);
    let wanted = |row: &&OverviewRow| {
        let kinds = row.kinds.iter();
        let mut of = kinds.filter(|(kind, _)| query.kind.is_none_or(|it| it.name() == **kind));
        let judged = match verdict {
            Some(verdict) => of.any(|(_, standing)| standing.verdict == verdict),
            None => query.kind.is_none() || of.next().is_some(),
        };
        judged && (search.is_empty() || row.model_id.to_lowercase().contains(&search))
    };
    let mut found: Vec<&OverviewRow> = rows.iter().filter(wanted).collect();
    found.sort_by(|a, b| {
        let order = query.sort.order(a, b);
        let order = if query.reverse {
            order.reverse()
        } else {
            order
        };
        // Names are unique: each model has one place.
        order.then_with(|| a.model_id.cmp(&b.model_id))
    });
    found
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Prior => "prior",
            Self::Concept => "concept",
        }
    }
}

impl Sort {
    fn order(self, a: &OverviewRow, b: &OverviewRow) -> Ordering {
        let by = |kind: Kind| {
            strength(b, kind)
                .0
                .cmp(&strength(a, kind).0)
                .then_with(|| strength(b, kind).1.total_cmp(&strength(a, kind).1))
        };
        match self {
            Self::Drift => b
                .drifted()
                .cmp(&a.drifted())
                .then_with(|| b.effect().total_cmp(&a.effect())),
            Self::Model => a.model_id.cmp(&b.model_id),
            Self::Data => by(Kind::Data),
            Self::Prior => by(Kind::Prior),
            Self::Concept => by(Kind::Concept),
            Self::Since => b.since.cmp(&a.since),
            Self::Rows => b.rows.cmp(&a.rows),
            Self::Evaluated => b.evaluated_at.cmp(&a.evaluated_at),
        }
    }
}

/// How strongly a model drifts in one way: whether it does, and how much. Below all others where nothing was judged.
fn strength(row: &OverviewRow, kind: Kind) -> (u8, f64) {
    let Some(standing) = row.kinds.get(kind.name()) else {
        return (0, 0.0);
    };
    let drifted = standing.verdict == Verdict::Drifted;
    (1 + u8::from(drifted), standing.effect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::monitor::KindStanding;
    use crate::store::Worst;

    fn row(model_id: &str, kinds: &[(&'static str, Verdict, f64)]) -> OverviewRow {
        let standing = |&(kind, verdict, effect): &(&'static str, Verdict, f64)| {
            let standing = KindStanding {
                verdict,
                monitor: kind.to_owned(),
                judged: 1,
                drifted: u64::from(verdict == Verdict::Drifted),
                worst: Some(Worst {
                    column: None,
                    metric: "ks".to_owned(),
                    value: effect,
                    threshold: Some(0.5),
                    effect: Some(effect),
                }),
                reason: None,
                since: None,
                since_known: false,
            };
            (kind, standing)
        };
        OverviewRow {
            model_id: model_id.to_owned(),
            model_type: None,
            rows: model_id.len() as u64,
            created_at: Timestamp::UNIX_EPOCH,
            evaluated_at: None,
            window_to: None,
            current_rows: 0,
            labelled_rows: 0,
            monitors: 1,
            failing: 0,
            kinds: kinds.iter().map(standing).collect::<BTreeMap<_, _>>(),
            since: None,
            since_known: false,
        }
    }

    fn names(rows: &[OverviewRow], query: &OverviewQuery) -> Vec<String> {
        let found = chosen(rows, query);
        found.iter().map(|row| row.model_id.clone()).collect()
    }

    fn rows() -> Vec<OverviewRow> {
        vec![
            row("calm", &[("data", Verdict::Stable, 0.4)]),
            row(
                "Loud",
                &[
                    ("data", Verdict::Drifted, 2.0),
                    ("prior", Verdict::Stable, 0.1),
                ],
            ),
            row(
                "both",
                &[
                    ("data", Verdict::Drifted, 0.6),
                    ("prior", Verdict::Drifted, 0.7),
                ],
            ),
            row("new", &[]),
        ]
    }

    #[test]
    fn most_kinds_of_drift_come_first_then_the_largest_change() {
        let sorted = |sort, reverse| {
            let query = OverviewQuery {
                sort,
                reverse,
                ..OverviewQuery::default()
            };
            names(&rows(), &query)
        };
        assert_eq!(sorted(Sort::Drift, false), ["both", "Loud", "calm", "new"]);
        assert_eq!(sorted(Sort::Drift, true), ["new", "calm", "Loud", "both"]);
        assert_eq!(sorted(Sort::Model, false), ["Loud", "both", "calm", "new"]);
        assert_eq!(sorted(Sort::Data, false), ["Loud", "both", "calm", "new"]);
        assert_eq!(sorted(Sort::Prior, false), ["both", "Loud", "calm", "new"]);
        assert_eq!(sorted(Sort::Rows, false), ["Loud", "both", "calm", "new"]);
    }

    #[test]
    fn a_search_finds_names_and_verdicts() {
        let found = |search: &str, kind, verdict| {
            let query = OverviewQuery {
                search: Some(search.to_owned()),
                kind,
                verdict,
                ..OverviewQuery::default()
            };
            names(&rows(), &query)
        };
        assert_eq!(found("LO", None, None), ["Loud"]);
        assert_eq!(
            found("", None, Some(VerdictView::Drifted)),
            ["both", "Loud"]
        );
        assert_eq!(found("", Some(Kind::Prior), None), ["both", "Loud"]);
        assert_eq!(
            found("", Some(Kind::Prior), Some(VerdictView::Stable)),
            ["Loud"]
        );
        assert!(found("zz", None, None).is_empty());
    }

    #[test]
    fn totals_count_every_model_once_a_kind() {
        let totals = TotalsView::of(&rows());

        assert_eq!((totals.models, totals.drifted, totals.failing), (4, 2, 0));
        assert_eq!(
            (totals.kinds["data"].drifted, totals.kinds["data"].stable),
            (2, 1)
        );
        assert_eq!(
            (totals.kinds["prior"].drifted, totals.kinds["prior"].stable),
            (1, 1)
        );
    }
}

//! Detectors: which there are, and what they say of themselves.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Descriptor;

use super::app::App;
use super::views::DetectorView;

/// Detectors that monitors may name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DetectorList {
    /// By name.
    items: Vec<DetectorView>,
}

/// Lists the detectors
///
/// With their metrics and the JSON Schema of their configuration.
#[utoipa::path(get, path = "/v1/detectors", tag = "monitors",
    responses((status = 200, description = "The detectors", body = DetectorList)))]
pub(super) async fn list_detectors(State(app): State<App>) -> axum::Json<DetectorList> {
    let detectors = app.watch.detectors();
    let view = |descriptor: Descriptor| {
        let plugin = detectors.find(&descriptor.name)?;
        Some(DetectorView::new(&descriptor, plugin.digest().to_string()))
    };
    let items = detectors
        .descriptors()
        .into_iter()
        .filter_map(view)
        .collect();
    axum::Json(DetectorList { items })
}

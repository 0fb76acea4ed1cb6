//! Every route, who may use it, and what surrounds all of them.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use bytes::Bytes;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::domain::access::Scope;

use super::app::App;
use super::auth::{self, Access, NoTokens};
use super::{
    calibrate, detectors, distributions, gate, labels, legacy, measurements, models, monitors,
    openapi, overview, predictions, reference, replay, service, sql, ui,
};

/// Answers smaller than this, in bytes, are sent as they are.
const COMPRESS_BYTES_MIN: u16 = 1_024;

/// All of HTTP.
pub fn router(app: App) -> Router {
    let (routes, document) = described(&app.access).split_for_parts();
    let document = Bytes::from(text(&document));
    let openapi = get(move || async move { ([(CONTENT_TYPE, "application/json")], document) });
    let swagger = Config::from("/openapi.json")
        .try_it_out_enabled(true)
        .persist_authorization(true)
        .display_request_duration(true);
    let gate = app.gate.clone();
    routes
        .route("/openapi.json", openapi)
        .merge(ui::routes())
        .merge(SwaggerUi::new("/docs").config(swagger))
        .fallback(gate::no_route)
        .method_not_allowed_fallback(gate::no_method)
        .layer(from_fn_with_state(gate, gate::pass))
        .with_state(app)
}

/// The OpenAPI document as it is served.
pub fn openapi_json() -> String {
    text(described(&Access::new(NoTokens)).get_openapi())
}

fn text(document: &OpenApi) -> String {
    // A document is maps and strings: writing it cannot fail.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// Routes and document, made together so that they cannot part.
fn described(access: &Access) -> OpenApiRouter<App> {
    let open = OpenApiRouter::new()
        .routes(routes!(service::index))
        .routes(routes!(service::live))
        .routes(routes!(service::ready))
        .routes(routes!(service::list_problems))
        .routes(routes!(service::get_problem));
    let ingest = OpenApiRouter::new()
        .routes(routes!(reference::add_reference))
        .routes(routes!(predictions::add_predictions))
        .routes(routes!(labels::add_labels))
        .routes(routes!(legacy::post_metrics));
    let admin = OpenApiRouter::new()
        .routes(routes!(models::create_model))
        .routes(routes!(models::change_model, models::delete_model))
        .routes(routes!(reference::activate_reference))
        .routes(routes!(reference::delete_reference))
        .routes(routes!(monitors::create_monitor))
        .routes(routes!(monitors::put_monitor, monitors::delete_monitor))
        .routes(routes!(monitors::start_backtest));
    let detectors = OpenApiRouter::new()
        .routes(routes!(detectors::upload_detector))
        .routes(routes!(detectors::activate_version))
        .routes(routes!(detectors::shadow_version))
        .routes(routes!(detectors::retire_version))
        .routes(routes!(detectors::delete_version))
        .routes(routes!(detectors::try_version));
    let read = OpenApiRouter::new()
        .routes(routes!(models::list_models))
        .routes(routes!(models::get_model))
        .routes(routes!(reference::list_references))
        .routes(routes!(predictions::list_predictions))
        .routes(routes!(detectors::list_detectors))
        .routes(routes!(detectors::list_events))
        .routes(routes!(detectors::get_detector))
        .routes(routes!(detectors::get_version))
        .routes(routes!(detectors::get_card))
        .routes(routes!(detectors::read_log))
        .routes(routes!(monitors::list_monitors))
        .routes(routes!(monitors::get_monitor))
        .routes(routes!(monitors::evaluate_model))
        .routes(routes!(monitors::evaluate_monitor))
        .routes(routes!(monitors::get_backtest))
        .routes(routes!(overview::overview))
        .routes(routes!(measurements::latest_results))
        .routes(routes!(distributions::distributions))
        .routes(routes!(measurements::list_evaluations))
        .routes(routes!(replay::replay_evaluation))
        .routes(routes!(calibrate::calibrate_model))
        .routes(routes!(measurements::list_measurements))
        .routes(routes!(sql::run_sql))
        .routes(routes!(service::exposition))
        .routes(routes!(legacy::prediction_history))
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESS_BYTES_MIN)));
    let mut routes = OpenApiRouter::with_openapi(openapi::skeleton())
        .merge(group(open, None, access))
        .merge(group(admin, Some(Scope::Admin), access))
        .merge(group(detectors, Some(Scope::Detectors), access))
        .merge(group(ingest, Some(Scope::Ingest), access))
        .merge(group(read, Some(Scope::Read), access));
    openapi::close(routes.get_openapi_mut());
    routes
}

/// Routes that need the same scope, and a document that says so.
fn group(
    mut routes: OpenApiRouter<App>,
    scope: Option<Scope>,
    access: &Access,
) -> OpenApiRouter<App> {
    openapi::complete(routes.get_openapi_mut(), scope);
    match scope {
        None => routes,
        Some(scope) => {
            let state = (access.clone(), scope);
            routes.route_layer(from_fn_with_state(state, auth::require))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(
            committed == openapi_json(),
            "docs/openapi.json is out of date: run `cargo xtask openapi`"
        );
    }

    #[test]
    fn every_operation_has_a_summary_a_tag_a_success_and_its_errors() {
        let mut document = described(&Access::new(NoTokens)).to_openapi();
        let mut operations = 0;
        for (path, item) in &mut document.paths.paths {
            for operation in openapi::operations(item) {
                operations += 1;
                let responses = &operation.responses.responses;
                assert!(operation.summary.is_some(), "{path}");
                assert_eq!(operation.tags.as_ref().map(Vec::len), Some(1), "{path}");
                assert!(responses.keys().any(|status| status.starts_with('2')));
                for status in ["500", "503"] {
                    assert!(!openapi::is_own(&responses[status]), "{path}");
                }
                let open = operation.security.is_none();
                assert_eq!(open, !responses.contains_key("401"), "{path}");
            }
        }
        assert_eq!(operations, 49);
    }
}

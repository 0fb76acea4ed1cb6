//! The model API over HTTP: routes, documentation, and how it ends.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::form::{AnswerView, HealthView, ModelView, PredictForm, PredictView, ProblemView};
use super::model::Model;
use super::{BODY_BYTES_MAX, INSTANCES_MAX};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Leeway's example model",
        description = "A model to be watched: send it instances, and its answers to the drift service."
    ),
    tags((name = "model", description = "The model and its answers."))
)]
struct Document;

/// All routes of a model.
pub fn router(model: Model) -> Router {
    let described = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(predict))
        .routes(routes!(show_model))
        .routes(routes!(ready));
    let (routes, document) = described.split_for_parts();
    let document = with_example(&document, &model);
    let openapi = get(move || async move { ([(CONTENT_TYPE, "application/json")], document) });
    let swagger = Config::from("/openapi.json")
        .try_it_out_enabled(true)
        .display_request_duration(true);
    routes
        .route("/", get(async || Redirect::temporary("/docs")))
        .route("/openapi.json", openapi)
        .merge(SwaggerUi::new("/docs").config(swagger))
        .fallback(async || problem(StatusCode::NOT_FOUND, "there is no such path; see /docs"))
        .method_not_allowed_fallback(async || {
            problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path takes another method; see /docs",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(model))
}

/// Serves a model until it is told to stop.
///
/// # Errors
/// If connections can no longer be accepted.
pub async fn serve(
    listener: TcpListener,
    model: Model,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router(model))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// The document with an instance of this very model to try.
fn with_example(document: &utoipa::openapi::OpenApi, model: &Model) -> Bytes {
    // A document is maps and strings: writing it cannot fail.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let content = &mut document["paths"]["/predict"]["post"]["requestBody"]["content"];
    content["application/json"]["example"] = json!({"instances": [model.example]});
    Bytes::from(document.to_string())
}

/// Classifies instances
///
/// Up to 1,000 at a time. One that cannot be read refuses the request and is named.
#[utoipa::path(post, path = "/predict", tag = "model", request_body = PredictForm, responses(
    (status = 200, description = "An answer an instance", body = PredictView),
    (status = 400, description = "The body is no JSON", body = ProblemView, content_type = "application/problem+json"),
    (status = 413, description = "The body is too large", body = ProblemView, content_type = "application/problem+json"),
    (status = 415, description = "The body is no application/json", body = ProblemView, content_type = "application/problem+json"),
    (status = 422, description = "An instance cannot be read", body = ProblemView, content_type = "application/problem+json")))]
async fn predict(
    State(model): State<Arc<Model>>,
    form: Result<Json<PredictForm>, JsonRejection>,
) -> Response {
    let instances = match form {
        Ok(Json(form)) => form.instances,
        Err(refused) => return problem(refused.status(), &refused.body_text()),
    };
    if !(1..=INSTANCES_MAX).contains(&instances.len()) {
        let detail = format!("{} instances are not 1 to {INSTANCES_MAX}", instances.len());
        return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail);
    }
    let mut predictions = Vec::with_capacity(instances.len());
    for (at, instance) in instances.iter().enumerate() {
        match model.answer(instance) {
            Ok(answer) => predictions.push(AnswerView::new(&model, answer)),
            Err(error) => {
                let detail = format!("instance {at}: {error}");
                return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail);
            }
        }
    }
    let model = &model.name;
    Json(PredictView { model, predictions }).into_response()
}

/// Shows what the model is
#[utoipa::path(get, path = "/model", tag = "model",
    responses((status = 200, description = "The model", body = ModelView)))]
async fn show_model(State(model): State<Arc<Model>>) -> Response {
    Json(ModelView::new(&model)).into_response()
}

/// Says whether the model API takes requests
#[utoipa::path(get, path = "/health/ready", tag = "model",
    responses((status = 200, description = "It takes requests", body = HealthView)))]
async fn ready() -> Json<HealthView> {
    Json(HealthView { status: "ready" })
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = ProblemView {
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail: detail.to_owned(),
    };
    let body = serde_json::to_value(body).unwrap_or(Value::Null);
    let header = [(CONTENT_TYPE, "application/problem+json")];
    (status, header, body.to_string()).into_response()
}

#[cfg(test)]
mod tests;

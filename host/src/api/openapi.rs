//! The OpenAPI document: what is said once for all operations, and the checks that each says the rest.

use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder,
    OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder, Schema, Type, tag::TagBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::access::Scope;
use crate::domain::model::MODEL_ID_BYTES_MAX;
use crate::domain::monitor::MONITOR_NAME_BYTES_MAX;

use super::problem::{InputProblem, PROBLEM_JSON, Problem, ProblemKind};
use super::views::feature_form;

/// Names of models and monitors have no control characters.
const NAME: &str = r"^[^\x00-\x1f\x7f-\x9f]+$";
/// Name of the security scheme.
const BEARER: &str = "bearer";

/// Tags in the order in which their operations can be tried one after the other.
const TAGS: [(&str, &str); 11] = [
    ("models", "The watched models."),
    ("reference", "Data sets that define normal."),
    ("predictions", "Rows of models in service."),
    ("labels", "The truth about rows, which often arrives later."),
    (
        "monitors",
        "Which detector watches which model, on which windows, when.",
    ),
    (
        "detectors",
        "What judges: those that come with the host, and those that teams upload.",
    ),
    ("evaluations", "Runs of monitors: now, and over the past."),
    ("measurements", "What was measured."),
    ("sql", "Reading statements over the history."),
    ("service", "The service itself."),
    ("legacy", "Calls of the Python service, unchanged."),
];
const REMOVAL: (&str, &str) = ("removal", "Deletes what was made above.");

const ABOUT: &str = "Leeway watches machine-learning models in service and says when the world has moved away from what they were trained on.

Send the rows of a model as it answers, and labels when they arrive; three monitors (data, prior and concept drift) exist from the first row. Results stand here, in SQL (`POST /v1/sql`) and on `/metrics`.

Errors are RFC 9457 problem documents: `type` names the kind and leads to its explanation, `errors` says where input is wrong. A `503` carries `Retry-After`; rows may always be sent again, for the same `record_id` at the same `prediction_time` counts once.

While the server has tokens, every operation with a lock needs a bearer token with the scope that it names: `ingest`, `read`, `detectors`, or `admin`, which holds the others.";

/// The document before there are operations in it.
pub(super) fn skeleton() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token that `leeway token` made."))
        .build();
    let feature = feature_form();
    let mut components = ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .schema(Problem::name(), Problem::schema())
        .schema(InputProblem::name(), InputProblem::schema())
        .schema(feature.0, feature.1);
    for &kind in &SHARED {
        components = components.response(kind.name, problem_response(kind));
    }
    let info = InfoBuilder::new()
        .title("Leeway")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").build(),
        ))
        .build();
    let tags = TAGS.iter().chain([&REMOVAL]).map(|(name, about)| {
        TagBuilder::new()
            .name(*name)
            .description(Some(*about))
            .build()
    });
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components.build()))
        .tags(Some(tags))
        .build()
}

/// Answers that many operations share.
#[derive(Clone, Copy)]
struct Shared {
    name: &'static str,
    status: &'static str,
    kinds: &'static [ProblemKind],
    header: Option<(&'static str, &'static str)>,
}

const RETRY: Option<(&str, &str)> = Some(("Retry-After", "Seconds after which to try again"));
const CHALLENGE: Option<(&str, &str)> = Some(("WWW-Authenticate", "What kind of token is needed"));
const BAD_REQUEST: Shared = Shared {
    name: "BadRequest",
    status: "400",
    kinds: &[
        ProblemKind::BadBody,
        ProblemKind::BadQuery,
        ProblemKind::BadPath,
    ],
    header: None,
};
const UNAUTHORIZED: Shared = Shared {
    name: "Unauthorized",
    status: "401",
    kinds: &[ProblemKind::Unauthorized],
    header: CHALLENGE,
};
const FORBIDDEN: Shared = Shared {
    name: "Forbidden",
    status: "403",
    kinds: &[ProblemKind::Forbidden],
    header: CHALLENGE,
};
const NOT_FOUND: Shared = Shared {
    name: "NotFound",
    status: "404",
    kinds: &[
        ProblemKind::NoModel,
        ProblemKind::NoMonitor,
        ProblemKind::NoColumn,
        ProblemKind::NoReference,
        ProblemKind::NoBacktest,
        ProblemKind::NoEvaluation,
        ProblemKind::NoDetector,
        ProblemKind::NoProblem,
        ProblemKind::NoRoute,
    ],
    header: None,
};
const SLOW_BODY: Shared = Shared {
    name: "SlowBody",
    status: "408",
    kinds: &[ProblemKind::SlowBody],
    header: None,
};
const TOO_LARGE: Shared = Shared {
    name: "TooLarge",
    status: "413",
    kinds: &[ProblemKind::TooLarge],
    header: None,
};
const UNSUPPORTED_TYPE: Shared = Shared {
    name: "UnsupportedType",
    status: "415",
    kinds: &[ProblemKind::UnsupportedType],
    header: Some(("Accept-Post", "Content types that are taken")),
};
const UNPROCESSABLE: Shared = Shared {
    name: "Unprocessable",
    status: "422",
    kinds: &[
        ProblemKind::BadRows,
        ProblemKind::BadText,
        ProblemKind::BadModel,
        ProblemKind::BadMonitor,
        ProblemKind::BadDetector,
        ProblemKind::BadSql,
    ],
    header: None,
};
const INTERNAL: Shared = Shared {
    name: "Internal",
    status: "500",
    kinds: &[ProblemKind::Internal],
    header: None,
};
const UNAVAILABLE: Shared = Shared {
    name: "Unavailable",
    status: "503",
    kinds: &[
        ProblemKind::Busy,
        ProblemKind::Timeout,
        ProblemKind::Stopping,
        ProblemKind::DatabaseAway,
        ProblemKind::NotReady,
    ],
    header: RETRY,
};
const SHARED: [Shared; 10] = [
    BAD_REQUEST,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    SLOW_BODY,
    TOO_LARGE,
    UNSUPPORTED_TYPE,
    UNPROCESSABLE,
    INTERNAL,
    UNAVAILABLE,
];

fn problem_response(shared: Shared) -> Response {
    let slugs: Vec<&str> = shared.kinds.iter().map(|kind| kind.row().slug).collect();
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .example(shared.kinds.first().copied().map(example))
        .build();
    let mut response = ResponseBuilder::new()
        .description(slugs.join(", "))
        .content(PROBLEM_JSON, content);
    if let Some((name, about)) = shared.header {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let header = HeaderBuilder::new()
            .schema(Some(text))
            .description(Some(about))
            .build();
        response = response.header(name, header);
    }
    response.build()
}

/// A problem document of a kind, as far as it is always the same.
fn example(kind: ProblemKind) -> serde_json::Value {
    serde_json::to_value(Problem::new(kind)).unwrap_or_default()
}

/// Schemas whose types refuse fields that they do not know, which the derive does not say.
const CLOSED: [&str; 19] = [
    "CadenceView",
    "ColumnForm",
    "CurrentSpecView",
    "ExtentView",
    "LabelBatch",
    "LabelForm",
    "LegacyBatch",
    "LegacyForm",
    "ModelForm",
    "ModelPatch",
    "ModelSettingsView",
    "MonitorForm",
    "MonitorSpecForm",
    "PredictionBatch",
    "ReferenceBatch",
    "ReferenceSpecView",
    "RowForm",
    "SqlForm",
    "TrialForm",
];

/// Says of the schemas in [`CLOSED`] that they take no other fields, and sorts the paths, so that what is made stands before what
/// is inside of it.
pub(super) fn close(document: &mut OpenApi) {
    document.paths.paths.sort_keys();
    let schemas = document
        .components
        .iter_mut()
        .flat_map(|components| &mut components.schemas);
    for (name, schema) in schemas {
        if CLOSED.contains(&name.as_str()) {
            close_schema(schema);
        }
    }
}

fn close_schema(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.iter_mut().for_each(close_schema),
        _ => {}
    }
}

/// Says of every operation which scope it needs, and which errors follow from its having a token, a body or parameters.
pub(super) fn complete(document: &mut OpenApi, scope: Option<Scope>) {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            complete_operation(path, operation, scope);
        }
    }
}

fn complete_operation(path: &str, operation: &mut Operation, scope: Option<Scope>) {
    operation
        .parameters
        .iter_mut()
        .flatten()
        .for_each(limit_name);
    let mut errors = vec![INTERNAL, UNAVAILABLE];
    if let Some(scope) = scope {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, [scope.as_str()])]);
        errors.extend([UNAUTHORIZED, FORBIDDEN]);
        let about = operation.description.get_or_insert_default();
        let gap = if about.is_empty() { "" } else { "\n\n" };
        *about = format!("{about}{gap}Scope: `{scope}`.");
    }
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    if !parameters.is_empty() || operation.request_body.is_some() {
        errors.push(BAD_REQUEST);
    }
    if path.contains('{') || parameters.iter().any(names_a_model) {
        errors.push(NOT_FOUND);
    }
    if path.contains("/monitors/") || path.ends_with("/evaluate") {
        errors.push(UNPROCESSABLE);
    }
    if operation.request_body.is_some() {
        // A model can be deleted while its rows are on their way.
        errors.extend([
            NOT_FOUND,
            SLOW_BODY,
            TOO_LARGE,
            UNSUPPORTED_TYPE,
            UNPROCESSABLE,
        ]);
    }
    for response in operation.responses.responses.values_mut() {
        show_problem(response);
    }
    for shared in errors {
        operation
            .responses
            .responses
            .entry(shared.status.to_owned())
            .or_insert_with(|| Ref::from_response_name(shared.name).into());
    }
}

/// Gives the problem of a response that is described by its kind that kind's document as an example.
fn show_problem(response: &mut RefOr<Response>) {
    let RefOr::T(response) = response else {
        return;
    };
    let kind = ProblemKind::ALL
        .iter()
        .find(|kind| kind.row().slug == response.description);
    if let (Some(&kind), Some(RefOr::T(content))) = (kind, response.content.get_mut(PROBLEM_JSON)) {
        content.example = Some(example(kind));
    }
}

/// Says what a name in the path may be, which is the same everywhere.
fn limit_name(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else {
        return;
    };
    let length = match parameter.name.as_str() {
        "model_id" => MODEL_ID_BYTES_MAX,
        "monitor" => MONITOR_NAME_BYTES_MAX,
        _ => return,
    };
    if parameter.parameter_in != ParameterIn::Path {
        return;
    }
    if let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema {
        schema.min_length = Some(1);
        schema.max_length = Some(length);
        schema.pattern = Some(NAME.to_owned());
    }
}

fn names_a_model(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == "model_id")
}

/// The operations of a path.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

/// Whether a response is described where it stands, rather than shared.
#[cfg(test)]
pub(super) fn is_own(response: &RefOr<Response>) -> bool {
    matches!(response, RefOr::T(_))
}

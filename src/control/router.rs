//! The paths of the API, and the OpenAPI document that follows from them.

use axum::Router;
use axum::response::IntoResponse;
use axum::{Json, http::Method};
use margay_control::Problem;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api::Api;
use super::error::ApiError;
use super::{
    bfd, birdwatcher, event_stream, explain, groups, kernel, log, maintenance, metrics, peer_handlers,
    routes, rpki, status, turns,
};

/// Everything.
pub(super) fn router(api: Api) -> Router {
    finish(reading().merge(writing()), api)
}

/// What changes nothing, shows no file of this node, and asks the speaker for no more than a page at a time.
pub(super) fn reading_router(api: Api) -> Router {
    let birdwatcher = birdwatcher::router().with_state(api.clone());
    finish(reading(), api).nest(BIRDWATCHER, birdwatcher)
}

fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(metrics::get_metrics))
        .routes(routes!(status::get_status))
        .routes(routes!(peer_handlers::get_peers))
        .routes(routes!(peer_handlers::get_peer))
        .routes(routes!(routes::get_routes))
        .routes(routes!(explain::get_explanation))
        .routes(routes!(groups::get_groups))
        .routes(routes!(kernel::get_kernel))
        .routes(routes!(bfd::get_bfd))
        .routes(routes!(rpki::get_rpki))
        .routes(routes!(turns::get_turns))
        .routes(routes!(log::get_log))
        .routes(routes!(event_stream::get_events))
}

fn writing() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(peer_handlers::post_peer))
        .routes(routes!(turns::get_state))
        .routes(routes!(turns::post_turns))
        .routes(routes!(log::post_log))
        .routes(routes!(maintenance::post_reload))
        .routes(routes!(maintenance::post_confirm))
        .routes(routes!(maintenance::get_configuration))
        .routes(routes!(maintenance::post_drain))
        .routes(routes!(maintenance::post_undrain))
        .routes(routes!(maintenance::post_shutdown))
}

/// The document serves what is in the router, and nothing else.
fn finish(router: OpenApiRouter<Api>, api: Api) -> Router {
    let (router, document) = router.split_for_parts();
    router
        .route(OPENAPI, axum::routing::get(move || async move { Json(document) }))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(api)
}

async fn no_such_path(uri: axum::http::Uri) -> ApiError {
    ApiError::not_found(format!("there is no {:?} here: {OPENAPI} lists the paths", uri.path()))
}

async fn no_such_method(method: Method) -> impl IntoResponse {
    ApiError::method_not_allowed(format!("{method} is not possible here"))
}

/// What the document says besides its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "margayd",
        description = "The control API of a BGP daemon. Prefixes, addresses, AS paths and communities are text in the usual \
                       notation; durations are whole seconds. Fields may be added to answers."
    ),
    components(schemas(Problem))
)]
struct Document;

/// Below this path is what looking glasses ask birdwatcher for.
const BIRDWATCHER: &str = "/birdwatcher";

/// The path of the OpenAPI document.
pub(super) const OPENAPI: &str = "/openapi.json";

#[cfg(test)]
mod tests {
    use super::*;
    use margay_control::path;

    #[test]
    fn the_document_has_the_paths_of_the_clients() {
        let (_, document) = reading().merge(writing()).split_for_parts();
        let mut documented: Vec<String> = document.paths.paths.keys().cloned().collect();
        documented.sort();
        let one_peer = format!("{}/{{name}}", path::PEERS);
        let mut expected: Vec<String> =
            path::ALL.iter().map(|&path| path.to_owned()).chain([one_peer]).collect();
        expected.sort();
        assert_eq!(documented, expected);
    }

    #[test]
    fn every_answer_with_an_error_is_a_problem_document() {
        let (_, document) = reading().merge(writing()).split_for_parts();
        let json = serde_json::to_value(&document).unwrap();
        let paths = json["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|path| path.as_object().unwrap().values());
        let mut errors = 0;
        for operation in operations {
            for (status, response) in operation["responses"].as_object().unwrap() {
                // A file with errors has a report.
                if status.starts_with('2') || status == "422" {
                    continue;
                }
                let schema = &response["content"][Problem::MEDIA_TYPE]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{operation} {status}");
                errors += 1;
            }
        }
        assert!(errors >= 20, "{errors}");
    }
}

//! The page for operators: plain HTML and a script that reads the API. It loads nothing from anywhere else.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::get;

/// The files of the page. None of them has anything of the daemon's state: they need no token.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", include_str!("index.html")) }))
        .route("/page.css", get(|| async { file("text/css; charset=utf-8", include_str!("page.css")) }))
        .route("/page.js", get(|| async { file("text/javascript; charset=utf-8", include_str!("page.js")) }))
}

fn file(media_type: &'static str, text: &'static str) -> ([(HeaderName, &'static str); 5], &'static str) {
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // It changes with the daemon.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}

/// Nothing from other servers, no scripts or styles within the page, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_has_no_markup_from_data_and_nothing_from_elsewhere() {
        let script = include_str!("page.js");
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!script.contains(forbidden), "{forbidden}");
        }
        for text in [include_str!("index.html"), include_str!("page.css"), script] {
            let urls = text
                .split('"')
                .filter(|word| word.contains("://") || word.starts_with("//") && !word.contains(' '));
            let foreign: Vec<&str> = urls.filter(|url| *url != "http://www.w3.org/2000/svg").collect();
            assert!(foreign.is_empty(), "{foreign:?}");
        }
        // The policy forbids both.
        assert!(!include_str!("index.html").contains(" style="));
        assert!(!include_str!("index.html").contains(" on"));
    }
}

//! Where the control API is served.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use margay_config::Http;

use super::api::Api;
use super::page;
use super::router::{reading_router, router};
use super::tcp;
use super::unix_socket;

/// Opens the socket, readable and writable for its owner and group, and answers requests until the future is
/// dropped.
///
/// # Errors
///
/// The socket cannot be created, or another daemon answers on it.
pub async fn serve(socket: &Path, api: Api) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
    let listener = unix_socket::bind(socket).await?;
    let router = router(api);
    Ok(async move { axum::serve(listener, router).await })
}

/// Serves the reading part of the API and the page over TCP, and never ends.
pub async fn serve_tcp(http: Http, api: Api) -> Infallible {
    tcp::serve(http, reading_router(api), page::router()).await
}

//! The status over HTTP on a Unix socket.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::net::UnixListener;

use crate::metrics::metrics;
use crate::status::SharedStatus;

/// Serves the status, readable and writable for owner and group, until the program ends: `GET /v1/status` as JSON, `GET /metrics` for Prometheus.
///
/// # Errors
///
/// When the socket cannot be made, as when another margay-confd has it.
pub(crate) fn serve(socket: &Path, status: SharedStatus) -> io::Result<()> {
    if let Some(folder) = socket.parent() {
        fs::create_dir_all(folder)?;
    }
    remove_leftover(socket)?;
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o660))?;
    let router = Router::new()
        .route("/v1/status", get(async |State(status): State<SharedStatus>| axum::Json(status.get())))
        .route("/metrics", get(async |State(status): State<SharedStatus>| metrics(&status.get())))
        .with_state(status);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the status is no longer served");
        }
    });
    Ok(())
}

/// Removes the socket of a program that has ended. One that answers is left alone.
fn remove_leftover(socket: &Path) -> io::Result<()> {
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another margay-confd runs")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(socket),
        Err(_) => Ok(()),
    }
}

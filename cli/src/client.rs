//! The connection to the daemon: HTTP on its Unix socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use margay_control::{ErrorBody, Method, ReloadReport, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Asks the daemon behind one socket. Each request has a connection of its own.
pub(crate) struct Client {
    socket: PathBuf,
    runtime: tokio::runtime::Runtime,
}

/// A request that got no answer, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("no daemon at {}: the socket does not exist; is margayd running? --socket names another", .0.display())]
    NoSocket(PathBuf),
    #[error("no daemon at {}: nobody listens on the socket; is margayd running?", .0.display())]
    NobodyListens(PathBuf),
    #[error("no permission to use {}: try as root, or as the user margayd runs as", .0.display())]
    NoPermission(PathBuf),
    #[error("cannot reach the daemon at {}: {error}", socket.display())]
    Unreachable { socket: PathBuf, error: io::Error },
    #[error("the daemon at {} does not answer within {} seconds", .0.display(), PATIENCE.as_secs())]
    NoAnswer(PathBuf),
    #[error("the connection to the daemon broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("{0}")]
    Refused(String),
    #[error("the daemon's answer is not understood ({0}); are margay and margayd of the same version?")]
    NotUnderstood(String),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
}

impl Client {
    pub(crate) fn new(socket: &Path) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ClientError::Runtime)?;
        Ok(Self { socket: socket.to_owned(), runtime })
    }

    /// The answer to a request, as it came: fields this version does not know are kept.
    pub(crate) fn ask(&self, request: &Request) -> Result<Value, ClientError> {
        let answer = self.runtime.block_on(async { timeout(PATIENCE, self.exchange(request)).await });
        let (status, body) = answer.map_err(|_| ClientError::NoAnswer(self.socket.clone()))??;
        if status.is_success() || is_reload_report(request, status) {
            return serde_json::from_slice(&body)
                .map_err(|error| ClientError::NotUnderstood(error.to_string()));
        }
        Err(match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(refusal) => ClientError::Refused(refusal.error),
            Err(_) => ClientError::NotUnderstood(format!("status {status}")),
        })
    }

    async fn exchange(&self, request: &Request) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.unreachable(error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response: Response<_> = sender.send_request(http_request(request)?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok((status, body))
    }

    fn unreachable(&self, error: io::Error) -> ClientError {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound => ClientError::NoSocket(socket),
            io::ErrorKind::ConnectionRefused => ClientError::NobodyListens(socket),
            io::ErrorKind::PermissionDenied => ClientError::NoPermission(socket),
            _ => ClientError::Unreachable { socket, error },
        }
    }
}

/// An answer as one of the control API's types.
pub(crate) fn understand<T: DeserializeOwned>(answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|error| ClientError::NotUnderstood(error.to_string()))
}

/// A file with errors is an answer to a reload, not a failure of the request.
fn is_reload_report(request: &Request, status: StatusCode) -> bool {
    *request == Request::Reload && status == ReloadReport::STATUS_OF_ERRORS
}

fn http_request(request: &Request) -> Result<hyper::Request<Empty<Bytes>>, ClientError> {
    let method = match request.method() {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    hyper::Request::builder()
        .method(method)
        .uri(request.target())
        .header(hyper::header::HOST, "margay")
        .body(Empty::new())
        .map_err(|error| ClientError::Refused(error.to_string()))
}

const PATIENCE: Duration = Duration::from_secs(30);

//! The connection to the daemon or to margay-confd: HTTP on its Unix socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use margay_control::{Method, Problem, ReloadReport, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Client of the program behind one socket, with one connection for each request.
pub(crate) struct Client {
    server: Server,
    socket: PathBuf,
    runtime: tokio::runtime::Runtime,
}

/// A program that answers requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Server {
    /// Its name.
    program: &'static str,
    /// The option that says where its socket is.
    option: &'static str,
}

impl Server {
    /// The BGP daemon.
    pub(crate) const MARGAYD: Self = Self { program: "margayd", option: "--socket" };
    /// The program that keeps the daemon's file.
    pub(crate) const CONFD: Self = Self { program: "margay-confd", option: "--confd-socket" };
}

/// A request without a valid answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("no daemon at {}: the socket does not exist; is {} running? {} names another", .1.display(), .0.program, .0.option)]
    NoSocket(Server, PathBuf),
    #[error("no daemon at {}: nobody listens on the socket; is {} running?", .1.display(), .0.program)]
    NobodyListens(Server, PathBuf),
    #[error("no permission to use {}: try as root, or as the user {} runs as", .1.display(), .0.program)]
    NoPermission(Server, PathBuf),
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
    pub(crate) fn new(server: Server, socket: &Path) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ClientError::Runtime)?;
        Ok(Self { server, socket: socket.to_owned(), runtime })
    }

    /// The answer to a request, unchanged: fields unknown to this version are kept.
    pub(crate) fn ask(&self, request: &Request) -> Result<Value, ClientError> {
        let (status, body) = self.send(http_request(request.method(), &request.target())?)?;
        if is_reload_report(request, status) { parse(&body) } else { understand_status(status, &body) }
    }

    /// The answer to a `GET` of a target that is not the daemon's.
    pub(crate) fn get(&self, target: &str) -> Result<Value, ClientError> {
        let (status, body) = self.send(http_request(Method::Get, target)?)?;
        understand_status(status, &body)
    }

    /// The body of the answer to a `GET` as text.
    pub(crate) fn get_text(&self, target: &str) -> Result<String, ClientError> {
        let (status, body) = self.send(http_request(Method::Get, target)?)?;
        if status.is_success() {
            Ok(String::from_utf8_lossy(&body).into_owned())
        } else {
            Err(refusal(status, &body))
        }
    }

    /// Passes on the body of an answer as it arrives, until the daemon ends it or `take` fails.
    pub(crate) fn stream<E: From<ClientError>>(
        &self,
        request: &Request,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let request = http_request(request.method(), &request.target())?;
        self.runtime.block_on(async {
            let (response, connection) = match timeout(PATIENCE, self.begin(request)).await {
                Ok(begun) => begun?,
                Err(_) => return Err(ClientError::NoAnswer(self.socket.clone()).into()),
            };
            let status = response.status();
            let mut body = response.into_body();
            if !status.is_success() {
                let body = body.collect().await.map_err(ClientError::Broken)?.to_bytes();
                return Err(refusal(status, &body).into());
            }
            while let Some(frame) = body.frame().await {
                if let Ok(octets) = frame.map_err(ClientError::Broken)?.into_data() {
                    take(&octets)?;
                }
            }
            connection.abort();
            Ok(())
        })
    }

    fn send(&self, request: hyper::Request<Empty<Bytes>>) -> Result<(StatusCode, Bytes), ClientError> {
        let answer = self.runtime.block_on(async { timeout(PATIENCE, self.exchange(request)).await });
        answer.map_err(|_| ClientError::NoAnswer(self.socket.clone()))?
    }

    async fn exchange(
        &self,
        request: hyper::Request<Empty<Bytes>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let (response, connection) = self.begin(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok((status, body))
    }

    /// Sends a request, and returns the beginning of the answer with the task of its connection.
    async fn begin(
        &self,
        request: hyper::Request<Empty<Bytes>>,
    ) -> Result<(Response<Incoming>, JoinHandle<hyper::Result<()>>), ClientError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.unreachable(error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        Ok((sender.send_request(request).await?, connection))
    }

    fn unreachable(&self, error: io::Error) -> ClientError {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound => ClientError::NoSocket(self.server, socket),
            io::ErrorKind::ConnectionRefused => ClientError::NobodyListens(self.server, socket),
            io::ErrorKind::PermissionDenied => ClientError::NoPermission(self.server, socket),
            _ => ClientError::Unreachable { socket, error },
        }
    }
}

/// An answer as one of the control API's types.
pub(crate) fn understand<T: DeserializeOwned>(answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|error| ClientError::NotUnderstood(error.to_string()))
}

/// A file with errors is a valid answer to a reload, not a failure of the request.
fn is_reload_report(request: &Request, status: StatusCode) -> bool {
    matches!(request, Request::Reload(_)) && status == ReloadReport::STATUS_OF_ERRORS
}

fn parse(body: &[u8]) -> Result<Value, ClientError> {
    serde_json::from_slice(body).map_err(|error| ClientError::NotUnderstood(error.to_string()))
}

fn understand_status(status: StatusCode, body: &[u8]) -> Result<Value, ClientError> {
    if status.is_success() {
        return parse(body);
    }
    Err(refusal(status, body))
}

/// The error that an answer without success stands for.
fn refusal(status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ClientError::Refused(problem.detail),
        Err(_) => ClientError::NotUnderstood(format!("status {status}")),
    }
}

fn http_request(method: Method, target: &str) -> Result<hyper::Request<Empty<Bytes>>, ClientError> {
    let method = match method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    hyper::Request::builder()
        .method(method)
        .uri(target)
        .header(hyper::header::HOST, "margay")
        .body(Empty::new())
        .map_err(|error| ClientError::Refused(error.to_string()))
}

const PATIENCE: Duration = Duration::from_secs(30);

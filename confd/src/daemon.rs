//! Reloading the daemon over its control socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use margay_control::{Problem, ReloadReport};
use tokio::net::UnixStream;

/// What became of a reload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reload {
    /// The daemon has the new file. Keys that it takes over at its next start are named.
    Done { needs_restart: Vec<String> },
    /// The daemon has the former configuration, and says why.
    Refused(String),
    /// No daemon answers: it will read the file when it starts.
    Absent(String),
}

/// How long the daemon may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the daemon to read its file again, and waits for its answer.
pub(crate) async fn reload(socket: &Path) -> Reload {
    match tokio::time::timeout(PATIENCE, ask(socket)).await {
        Ok(Ok(reload)) => reload,
        Ok(Err(error)) => Reload::Absent(format!("{}: {error}", socket.display())),
        Err(_) => Reload::Absent(format!("{}: no answer within {} s", socket.display(), PATIENCE.as_secs())),
    }
}

async fn ask(socket: &Path) -> io::Result<Reload> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let request = hyper::Request::post("/v1/reload").header("host", "margay").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    Ok(understand(status.is_success(), &body))
}

fn understand(success: bool, body: &[u8]) -> Reload {
    match serde_json::from_slice::<ReloadReport>(body) {
        Ok(report) if report.errors.is_empty() && success => {
            Reload::Done { needs_restart: report.needs_restart }
        }
        Ok(report) => {
            let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
            Reload::Refused(errors.join("; "))
        }
        Err(error) => match serde_json::from_slice::<Problem>(body) {
            Ok(refusal) => Reload::Refused(refusal.detail),
            Err(_) => Reload::Refused(format!("the answer is not understood: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Reload, understand};

    #[test]
    fn only_a_report_without_errors_is_a_success() {
        let done = br#"{"errors":[],"changes":[],"needs_restart":["global.asn"]}"#;
        assert_eq!(understand(true, done), Reload::Done { needs_restart: vec!["global.asn".to_owned()] });
        let errors = br#"{"errors":[{"file":"f","line":1,"column":2,"text":"wrong"}],"changes":[],"needs_restart":[]}"#;
        assert_eq!(understand(false, errors), Reload::Refused("f:1:2: wrong".to_owned()));
        let problem = br#"{"type":"about:blank","title":"Conflict","status":409,"detail":"busy"}"#;
        assert_eq!(understand(false, problem), Reload::Refused("busy".to_owned()));
        assert!(matches!(understand(true, b"<html>"), Reload::Refused(_)));
    }
}

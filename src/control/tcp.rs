//! Read-only access over TCP: an allow list, a token, and bounds on what clients can occupy.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bgp_codec::Prefix;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use margay_config::{Http, token_line};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::error::ApiError;

/// Serves `router` as `http` says, and `open` without a token, and never ends. While the address cannot be used, it is
/// tried again: a port that another program uses must not keep the daemon from routing.
pub(super) async fn serve(http: Http, router: Router, open: Router) -> Infallible {
    let door = Door::new(http, router, open);
    let mut last_error = None;
    loop {
        match TcpListener::bind(door.http.listen).await {
            Ok(listener) => {
                info!(address = %door.http.listen, "serving HTTP");
                door.accept_from(&listener).await;
            }
            Err(error) => {
                if last_error.replace(error.kind()) != Some(error.kind()) {
                    warn!(address = %door.http.listen, %error, "cannot serve HTTP; trying again every {RETRY:?}");
                }
                sleep(RETRY).await;
            }
        }
    }
}

/// Clients are divided at the door: refused ones cannot occupy what others need.
struct Door {
    http: Http,
    /// For clients on the allow list.
    router: Router,
    clients: Arc<Semaphore>,
    /// For all others.
    refusal: Router,
    refused: Arc<Semaphore>,
}

impl Door {
    fn new(http: Http, router: Router, open: Router) -> Self {
        let router = match http.token_file.clone() {
            Some(file) => router.layer(middleware::from_fn_with_state(file.into(), require_token)),
            None => router,
        };
        Self {
            http,
            router: router.merge(open),
            clients: Arc::new(Semaphore::new(CLIENTS)),
            refusal: Router::new().fallback(refuse),
            refused: Arc::new(Semaphore::new(REFUSED_CLIENTS)),
        }
    }

    async fn accept_from(&self, listener: &TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, client)) => self.admit(stream, client),
                Err(error) => {
                    warn!(%error, "cannot accept HTTP connections");
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Serves a client in a task of its own. A connection for which there is no room is closed.
    fn admit(&self, stream: TcpStream, client: SocketAddr) {
        let address = client.ip().to_canonical();
        let (router, room) = if self.allows(address) {
            (&self.router, &self.clients)
        } else {
            debug!(%client, "not on the allow list of HTTP");
            (&self.refusal, &self.refused)
        };
        match Arc::clone(room).try_acquire_owned() {
            Ok(permit) => drop(tokio::spawn(serve_connection(stream, router.clone(), permit))),
            Err(_) => debug!(%client, "too many HTTP connections"),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.http.allow.iter().any(|prefix| prefix.contains(Prefix::host(address)))
    }
}

async fn serve_connection(stream: TcpStream, router: Router, _permit: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(CONNECTION_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "an HTTP connection ended"),
        Err(_) => debug!("an HTTP connection was closed after {CONNECTION_TIME:?}"),
    }
}

async fn refuse() -> ApiError {
    ApiError::forbidden("control.http_allow of the configuration does not name your address")
}

/// Passes on requests with the token in the file, which is read every time: a new token needs no reload.
async fn require_token(State(file): State<Arc<Path>>, request: Request, next: Next) -> Response {
    let read = Arc::clone(&file);
    let content = tokio::task::spawn_blocking(move || std::fs::read(&read)).await;
    let content = match content.map_err(io::Error::other).flatten() {
        Ok(content) => content,
        Err(error) => {
            warn!(file = %file.display(), %error, "cannot read the token for HTTP");
            return ApiError::unavailable("the token file cannot be read").into_response();
        }
    };
    match token_line(&content) {
        Ok(token) if bears(request.headers(), token) => next.run(request).await,
        Ok(_) => {
            let error = ApiError::unauthorized("the request needs the header `Authorization: Bearer TOKEN`");
            ([(WWW_AUTHENTICATE, "Bearer")], error).into_response()
        }
        Err(error) => {
            warn!(file = %file.display(), %error, "no valid token for HTTP");
            ApiError::unavailable("the token file has no valid token").into_response()
        }
    }
}

/// Whether the headers hold the token (RFC 6750 §2.1).
fn bears(headers: &HeaderMap, token: &[u8]) -> bool {
    let Some((scheme, given)) =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '))
    else {
        return false;
    };
    scheme.eq_ignore_ascii_case("bearer") && equals(given.trim().as_bytes(), token)
}

/// Compares in a time that does not depend on where the first difference is.
fn equals(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |seen, (left, right)| seen | (left ^ right)) == 0
}

/// Connections of clients on the allow list.
const CLIENTS: usize = 64;

/// Connections that are open to tell a client that it is not on the list.
const REFUSED_CLIENTS: usize = 8;

/// Time in which a request's headers must arrive, and in which the next request must begin.
const HEADER_TIME: Duration = Duration::from_secs(75);

/// Time after which a connection is closed, whatever happens on it: one that reads nothing ends, too.
const CONNECTION_TIME: Duration = Duration::from_secs(600);

/// Time between attempts to use an address.
const RETRY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_bears_exactly_the_token() {
        let token = "0123456789abcdef";
        let rows = [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef ", true),
            ("Basic 0123456789abcdef", false),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Bearer", false),
            ("0123456789abcdef", false),
            ("Bearer ", false),
        ];
        for (value, expected) in rows {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(bears(&headers, token.as_bytes()), expected, "{value:?}");
        }
        assert!(!bears(&HeaderMap::new(), token.as_bytes()));
    }
}

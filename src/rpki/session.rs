//! The task of one cache: the connection, and the clock of its session.

use std::io;
use std::time::Duration;

use margay_config::RpkiCache;
use margay_rpki::{CacheIndex, Client, ClientOptions, ClientStatus};
use margay_timestamp::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::union::News;

/// How long an attempt to connect may take, and sending a query.
const PATIENCE: Duration = Duration::from_secs(30);

/// Octets that are read at once.
const READ_OCTETS: usize = 65_536;

/// What operators are shown of a cache.
#[derive(Clone, Debug, Default)]
pub struct CacheStatus {
    /// The session; `None` before its task has run.
    pub session: Option<ClientStatus>,
    /// Why the last connection ended, or could not be made.
    pub last_error: Option<String>,
    /// When the last transfer was complete.
    pub updated_at: Option<Instant>,
    /// When the payloads are dropped, unless they are refreshed.
    pub expires_at: Option<Instant>,
}

/// The session, and where its news go.
struct Session {
    cache: RpkiCache,
    index: CacheIndex,
    client: Client,
    start: Instant,
    news: mpsc::Sender<News>,
    status: watch::Sender<CacheStatus>,
}

/// Keeps the session until the task is aborted.
pub(super) async fn run(
    cache: RpkiCache,
    index: CacheIndex,
    news: mpsc::Sender<News>,
    status: watch::Sender<CacheStatus>,
) {
    let RpkiCache { refresh, retry, expire, .. } = cache;
    let client = Client::new(ClientOptions { refresh, retry, expire }, Timestamp::START);
    let mut session = Session { cache, index, client, start: Instant::now(), news, status };
    loop {
        session.wait_to_connect().await;
        let error = match timeout(PATIENCE, TcpStream::connect(cache.address)).await {
            Ok(Ok(stream)) => session.serve(stream).await,
            Ok(Err(error)) => session.close(None, format!("cannot connect: {error}")),
            Err(_) => session.close(None, "cannot connect: it takes too long".to_owned()),
        };
        warn!(cache = %cache.address, "RPKI cache: {error}");
        session.publish();
    }
}

impl Session {
    fn now(&self) -> Timestamp {
        Timestamp::at(self.start.elapsed())
    }

    fn at(&self, at: Timestamp) -> Instant {
        self.start + at.since_start()
    }

    /// Waits for the next attempt. Payloads may expire meanwhile.
    async fn wait_to_connect(&mut self) {
        while let Some(at) = self.client.connect_at().filter(|at| *at > self.now()) {
            let until = [Some(at), self.client.next_timeout()].into_iter().flatten().min().unwrap_or(at);
            sleep_until(self.at(until)).await;
            // Without a connection there is no error.
            if self.client.handle_timeout(self.now()).is_ok() {
                self.hand_on().await;
            }
        }
    }

    /// Serves a connection until its end. Returns why it ended.
    async fn serve(&mut self, mut stream: TcpStream) -> String {
        self.client.handle_connected(self.now());
        self.publish();
        let mut buffer = Vec::with_capacity(READ_OCTETS);
        loop {
            let end = match self.turn(&mut stream, &mut buffer).await {
                Ok(()) => continue,
                Err(end) => end,
            };
            let error = match &end {
                End::Io(error) => error.to_string(),
                End::Closed => "the cache has closed the connection".to_owned(),
                End::Client(error) => error.to_string(),
            };
            if let End::Client(client_error) = &end {
                // The report of the error; the connection is at its end anyway.
                if let Some(octets) = self.client.poll_transmit()
                    && let Err(error) = stream.write_all(&octets).await
                {
                    info!(cache = %self.cache.address, %error, "the error report was not sent");
                }
                return self.close(Some(client_error), error);
            }
            return self.close(None, error);
        }
    }

    /// Sends what is due, and waits for octets or for the clock.
    async fn turn(&mut self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), End> {
        if let Some(octets) = self.client.poll_transmit() {
            let sent = timeout(PATIENCE, stream.write_all(&octets)).await;
            sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut)).flatten()?;
        }
        let deadline = self.client.next_timeout().map(|at| self.at(at));
        buffer.reserve(READ_OCTETS);
        tokio::select! {
            read = stream.read_buf(buffer) => {
                if read? == 0 {
                    return Err(End::Closed);
                }
                let taken = self.client.handle_octets(buffer, self.now())?;
                buffer.drain(..taken);
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                self.client.handle_timeout(self.now())?;
            }
        }
        self.hand_on().await;
        Ok(())
    }

    /// Tells the union what has changed.
    async fn hand_on(&mut self) {
        let Some(change) = self.client.poll_change() else { return };
        let has_data = self.client.has_data();
        info!(
            cache = %self.cache.address,
            added = change.added.len(),
            removed = change.removed.len(),
            "RPKI payloads changed"
        );
        self.publish();
        // The union ends with the daemon.
        if self.news.send(News::Changed(self.index, change, has_data)).await.is_err() {
            info!("no more RPKI payloads are taken");
        }
    }

    fn close(&mut self, error: Option<&margay_rpki::ClientError>, text: String) -> String {
        self.client.handle_closed(self.now(), error);
        self.status.send_modify(|status| status.last_error = Some(text.clone()));
        text
    }

    /// Makes the session's state visible.
    fn publish(&self) {
        let session = self.client.status();
        self.status.send_modify(|status| {
            status.updated_at = session.updated_at.map(|at| self.at(at));
            status.expires_at = session.expires_at.map(|at| self.at(at));
            status.session = Some(session);
        });
    }
}

/// Why a connection has ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("closed")]
    Closed,
    #[error(transparent)]
    Client(#[from] margay_rpki::ClientError),
}

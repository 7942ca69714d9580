//! A mock daemon with a list of answers.

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixListener;

/// Requests, each with the status and body of its answer.
type Answers = Vec<(&'static str, u16, Value)>;

/// Listens until it is dropped.
pub(crate) struct Daemon {
    directory: Directory,
    _runtime: tokio::runtime::Runtime,
}

impl Daemon {
    pub(crate) fn start(answers: Answers) -> Self {
        let directory = Directory::create();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let guard = runtime.enter();
        let listener = UnixListener::bind(directory.path("control.sock")).expect("the directory is empty");
        drop(guard);
        runtime.spawn(serve(listener, Arc::new(answers)));
        Self { directory, _runtime: runtime }
    }

    pub(crate) fn socket(&self) -> String {
        self.directory.path("control.sock")
    }

    pub(crate) fn margay(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_margay"))
            .args(["--socket", &self.socket()])
            .args(words)
            .output()
            .expect("the binary was built for this test")
    }
}

/// A directory that is removed when it is dropped. Its path is short, because the path of a socket has at
/// most 107 octets.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("margay-cli-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("its name is unique");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("it is made of ASCII").to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {error}", self.0.display());
        }
    }
}

async fn serve(listener: UnixListener, answers: Arc<Answers>) {
    loop {
        let (stream, _) = listener.accept().await.expect("the listener stays open");
        let answers = Arc::clone(&answers);
        let service = service_fn(move |request: Request<Incoming>| {
            let response = answer(&answers, &request);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // The client may close the connection as soon as it has its answer.
            if let Err(error) = connection.await {
                eprintln!("connection: {error}");
            }
        });
    }
}

fn answer(answers: &Answers, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let wanted = format!("{} {}", request.method(), request.uri());
    let (status, body) = answers
        .iter()
        .find(|(request, _, _)| *request == wanted)
        .map(|(_, status, body)| (*status, body.clone()))
        .unwrap_or_else(|| (404, problem(404, &format!("no such request in this test: {wanted}"))));
    Response::builder().status(status).body(Full::new(body.to_string().into())).expect("the status is valid")
}

/// The body of an answer without success.
pub(crate) fn problem(status: u16, detail: &str) -> Value {
    json!({"type": "about:blank", "title": "Not Found", "status": status, "detail": detail})
}

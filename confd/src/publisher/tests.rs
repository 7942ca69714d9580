//! The file and a daemon that accepts, refuses or is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use tempfile::TempDir;
use tokio::net::UnixListener;

use super::{Outcome, Publisher};
use crate::daemon::Reload;

const FIRST: &str = "[global]\nasn = 64512\nrouter_id = \"10.0.0.1\"\n";
const SECOND: &str = "[global]\nasn = 64513\nrouter_id = \"10.0.0.1\"\n";
const WRONG: &str = "[global]\nasn = 64513\nrouter_id = \"10.0.0.300\"\n";
const DONE: &str = r#"{"errors":[],"changes":[],"needs_restart":[]}"#;
const REFUSED: &str =
    r#"{"errors":[{"file":"f","line":1,"column":1,"text":"no"}],"changes":[],"needs_restart":[]}"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("margay.toml")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("control.sock")
    }

    fn publisher(&self) -> Publisher {
        Publisher::new(&self.target(), &self.socket())
    }

    /// A daemon that gives an answer, and notes what was in the file when it was asked.
    fn daemon(&self, status: StatusCode, answer: &'static str) -> Arc<Mutex<Vec<String>>> {
        fs::remove_file(self.socket()).ok();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (noted, target) = (Arc::clone(&seen), self.target());
        let handler = move || {
            let text = fs::read_to_string(&target).expect("a file");
            noted.lock().expect("not poisoned").push(text);
            async move { (status, answer) }
        };
        let listener = UnixListener::bind(self.socket()).expect("a socket");
        let router = Router::new().route("/v1/reload", post(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        seen
    }

    fn text(&self) -> Option<String> {
        fs::read_to_string(self.target()).ok()
    }

    /// Everything in the folder but the socket.
    fn files(&self) -> usize {
        fs::read_dir(self.folder.path())
            .expect("a folder")
            .filter(|entry| entry.as_ref().expect("an entry").file_name() != "control.sock")
            .count()
    }
}

#[tokio::test]
async fn a_new_text_is_in_the_file_when_the_daemon_is_asked_and_an_equal_one_is_nothing() {
    let place = Place::new();
    let seen = place.daemon(StatusCode::OK, DONE);
    let mut publisher = place.publisher();
    let done = Outcome::Published(Reload::Done { needs_restart: Vec::new() });
    assert_eq!(publisher.publish(FIRST, false).await, done);
    assert_eq!(publisher.publish(FIRST, false).await, Outcome::Unchanged);
    assert_eq!(publisher.publish(SECOND, false).await, done);
    assert_eq!(publisher.publish(SECOND, true).await, done, "a password has changed");
    assert_eq!(*seen.lock().unwrap(), [FIRST, SECOND, SECOND]);
    assert_eq!(fs::metadata(place.target()).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(place.files(), 1, "no stage is left");
}

#[tokio::test]
async fn a_text_with_errors_never_reaches_the_file() {
    let place = Place::new();
    let seen = place.daemon(StatusCode::OK, DONE);
    let mut publisher = place.publisher();
    publisher.publish(FIRST, false).await;
    let Outcome::Wrong(errors) = publisher.publish(WRONG, false).await else { panic!("it is wrong") };
    assert!(errors[0].contains("10.0.0.300"), "{errors:?}");
    assert_eq!((place.text().as_deref(), seen.lock().unwrap().len(), place.files()), (Some(FIRST), 1, 1));
}

#[tokio::test]
async fn what_the_daemon_refuses_is_taken_back() {
    let place = Place::new();
    place.daemon(StatusCode::OK, DONE);
    let mut publisher = place.publisher();
    publisher.publish(FIRST, false).await;
    place.daemon(StatusCode::UNPROCESSABLE_ENTITY, REFUSED);
    assert_eq!(publisher.publish(SECOND, false).await, Outcome::PutBack("f:1:1: no".to_owned()));
    assert_eq!((place.text().as_deref(), publisher.owes_reload()), (Some(FIRST), false));
    // Where there was no file before, there is none.
    fs::remove_file(place.target()).unwrap();
    assert!(matches!(publisher.publish(SECOND, false).await, Outcome::PutBack(_)));
    assert_eq!(place.text(), None);
}

#[tokio::test]
async fn an_absent_daemon_finds_the_file_and_is_told_when_it_is_back() {
    let place = Place::new();
    let mut publisher = place.publisher();
    assert!(matches!(publisher.publish(FIRST, false).await, Outcome::Published(Reload::Absent(_))));
    assert_eq!((place.text().as_deref(), publisher.owes_reload()), (Some(FIRST), true));
    let seen = place.daemon(StatusCode::OK, DONE);
    assert!(matches!(publisher.publish(FIRST, false).await, Outcome::Published(Reload::Done { .. })));
    assert_eq!((seen.lock().unwrap().len(), publisher.owes_reload()), (1, false));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_stays_as_it_was() {
    let place = Place::new();
    let seen = place.daemon(StatusCode::OK, DONE);
    let mut publisher = place.publisher();
    publisher.publish(FIRST, false).await;
    // A folder stands where the stage would be: as good as a full disk, and works for root, too.
    fs::create_dir(place.folder.path().join("margay.toml.stage")).unwrap();
    assert!(matches!(publisher.publish(SECOND, false).await, Outcome::Unwritten(_)));
    assert_eq!((place.text().as_deref(), seen.lock().unwrap().len()), (Some(FIRST), 1));
}

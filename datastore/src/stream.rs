//! The stream of one watch.

use margay_watch::{ClusterId, Failure, WatchEvent, WatchMessage, WatchRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::DatastoreError;
use crate::api::watch_request::RequestUnion;
use crate::api::{self, WatchCreateRequest, WatchProgressRequest};
use crate::client::{Client, end_of, revision_of, start_of, wire};

/// One watch on a stream of its own.
#[derive(Debug)]
pub(crate) struct WatchStream {
    /// The number of the member.
    pub(crate) member: usize,
    requests: mpsc::Sender<api::WatchRequest>,
    responses: Streaming<api::WatchResponse>,
}

impl WatchStream {
    pub(crate) async fn open(client: &Client, request: &WatchRequest) -> Result<Self, Failure> {
        let connection = client.connection().await.map_err(failure_of)?;
        // The creation, and a question for progress.
        let (requests, receiver) = mpsc::channel(2);
        let creation = WatchCreateRequest {
            key: start_of(&request.range),
            range_end: end_of(&request.range),
            start_revision: wire(request.from),
            progress_notify: true,
            watch_id: WATCH_ID,
            fragment: true,
        };
        let creation = api::WatchRequest { request_union: Some(RequestUnion::CreateRequest(creation)) };
        requests.try_send(creation).map_err(|error| Failure::Unavailable(error.to_string()))?;
        let member = connection.member;
        match connection.watch(ReceiverStream::new(receiver)).await {
            Ok(response) => Ok(Self { member, requests, responses: response.into_inner() }),
            Err(status) => {
                client.leave_member(member).await;
                Err(failure_of(DatastoreError::of_status(&status)))
            }
        }
    }

    /// The next message. May be given up and called again.
    pub(crate) async fn next(&mut self) -> Result<WatchMessage, Failure> {
        match self.responses.message().await {
            Ok(Some(response)) => Ok(message_of(response)),
            Ok(None) => Err(Failure::Unavailable("the member closed the watch".to_owned())),
            Err(status) => Err(failure_of(DatastoreError::of_status(&status))),
        }
    }

    /// Asks for progress. Does nothing when the last question has not even been sent.
    pub(crate) fn ask_for_progress(&self) {
        let question = RequestUnion::ProgressRequest(WatchProgressRequest {});
        let question = api::WatchRequest { request_union: Some(question) };
        if let Err(error) = self.requests.try_send(question) {
            tracing::debug!(%error, "no question for progress");
        }
    }
}

fn message_of(response: api::WatchResponse) -> WatchMessage {
    let header = response.header.unwrap_or_default();
    let compacted = response.compact_revision != 0;
    WatchMessage {
        cluster: ClusterId(header.cluster_id),
        revision: revision_of(header.revision),
        of_watch: response.watch_id == WATCH_ID,
        created: response.created && !response.canceled,
        canceled: response.canceled.then_some(response.cancel_reason),
        compacted,
        fragment: response.fragment,
        events: response.events.into_iter().filter_map(event_of).collect(),
    }
}

fn event_of(event: api::Event) -> Option<WatchEvent> {
    let is_put = event.r#type() == api::event::EventType::Put;
    let key_value = event.kv?;
    let revision = revision_of(key_value.mod_revision);
    Some(WatchEvent { key: key_value.key, value: is_put.then_some(key_value.value), revision })
}

fn failure_of(error: DatastoreError) -> Failure {
    match error {
        DatastoreError::Compacted => Failure::Compacted,
        DatastoreError::TooLarge => Failure::TooLarge,
        other => Failure::Unavailable(other.to_string()),
    }
}

/// The watch's number on its stream.
const WATCH_ID: i64 = 1;

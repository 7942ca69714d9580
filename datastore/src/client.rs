//! Calls to the store, over whichever member answers.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use margay_watch::{
    Backoff, ClusterId, Current, Entry, Expected, Failure, KeyRange, KeyValue, ListRequest, Page, Revision,
    Stamp, Swap, SwapOptions, SwapOutcome, SwapReply, SwapRequest, SwapStep,
};
use tonic::{Response, Status};

use crate::api;
use crate::connection::Connection;
use crate::jitter::jitter;
use crate::members::Members;
use crate::{DatastoreError, DatastoreOptions};

/// A client of the store; clones share its connection.
///
/// It uses one member at a time. When that one fails, the next call goes to another, and the one that failed is avoided for a
/// time that grows with its failures. Every call ends within its time.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

/// Everything in a range, at one revision.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The revision.
    pub revision: Revision,
    /// The keys in their order.
    pub key_values: Vec<KeyValue>,
}

#[derive(Debug)]
struct Inner {
    options: DatastoreOptions,
    members: Mutex<Members>,
    /// The connection in use. Held while a new one is made, so that there is only one attempt at a time.
    connection: tokio::sync::Mutex<Option<Connection>>,
}

impl Client {
    /// A client that connects with its first call.
    ///
    /// # Errors
    ///
    /// When the options name no member.
    pub fn new(options: DatastoreOptions) -> Result<Self, DatastoreError> {
        if options.endpoints.is_empty() {
            return Err(DatastoreError::Options("no member of the store is given".to_owned()));
        }
        let members = Mutex::new(Members::new(options.endpoints.len(), jitter().into()));
        Ok(Self(Arc::new(Inner { options, members, connection: tokio::sync::Mutex::new(None) })))
    }

    /// What stands at a key.
    ///
    /// # Errors
    ///
    /// When the store was not to be reached, or refuses it.
    pub async fn get(&self, key: &[u8]) -> Result<Option<Current>, DatastoreError> {
        let request = api::RangeRequest { key: Bytes::copy_from_slice(key), ..api::RangeRequest::default() };
        let answer = self.read(&request, Connection::range).await?;
        Ok(answer.kvs.into_iter().next().map(current_of))
    }

    /// Everything in a range at one revision, in as many pages as it takes.
    ///
    /// # Errors
    ///
    /// When the store was not to be reached or refuses it, or compaction was always faster than the list.
    pub async fn list(&self, range: &KeyRange) -> Result<Listed, DatastoreError> {
        for _ in 0..LIST_ATTEMPTS {
            match self.list_once(range).await {
                Err(DatastoreError::Compacted) => (),
                other => return other,
            }
        }
        Err(DatastoreError::Compacted)
    }

    /// Writes a value if what is expected stands at the key, or deletes the key when there is no value.
    ///
    /// A call without an answer is read back; see [`Swap`] for what each outcome means.
    pub async fn swap(&self, key: &[u8], expected: Expected, value: Option<Bytes>) -> SwapOutcome {
        self.swap_with_lease(key, expected, value, 0).await
    }

    pub(crate) async fn swap_with_lease(
        &self,
        key: &[u8],
        expected: Expected,
        value: Option<Bytes>,
        lease: i64,
    ) -> SwapOutcome {
        let mut swap = Swap::new(expected, value.clone(), &SwapOptions::default());
        let transaction = transaction_of(key, expected, value, lease);
        loop {
            match swap.step().clone() {
                SwapStep::Done(outcome) => return outcome,
                SwapStep::Wait(interval) => {
                    tokio::time::sleep(interval).await;
                    swap.handle_waited();
                }
                SwapStep::Send(SwapRequest::Write) => {
                    let answer = self.call(&transaction, Connection::transaction).await;
                    swap.handle_reply(reply_to_write(answer), jitter());
                }
                SwapStep::Send(SwapRequest::Read) => {
                    let reply = match self.get(key).await {
                        Ok(current) => SwapReply::Found(current),
                        Err(error) => SwapReply::Unknown(error.to_string()),
                    };
                    swap.handle_reply(reply, jitter());
                }
            }
        }
    }

    /// Makes the store forget what was before a revision.
    ///
    /// # Errors
    ///
    /// When the store was not to be reached, or has forgotten it already.
    pub async fn compact(&self, revision: Revision) -> Result<(), DatastoreError> {
        let request = api::CompactionRequest { revision: wire(revision), physical: true };
        self.call(&request, Connection::compact).await.map(drop)
    }

    pub(crate) fn options(&self) -> &DatastoreOptions {
        &self.0.options
    }

    pub(crate) async fn page(&self, request: &ListRequest) -> Result<Page, Failure> {
        let wire = api::RangeRequest {
            key: start_of(&request.range),
            range_end: end_of(&request.range),
            limit: request.limit.into(),
            revision: request.at.map_or(0, wire),
            ..api::RangeRequest::default()
        };
        let answer = self.call(&wire, Connection::range).await;
        let answer = answer.map_err(|error| match error {
            DatastoreError::Compacted => Failure::Compacted,
            DatastoreError::TooLarge => Failure::TooLarge,
            other => Failure::Unavailable(other.to_string()),
        })?;
        let header = answer.header.unwrap_or_default();
        Ok(Page {
            cluster: ClusterId(header.cluster_id),
            revision: revision_of(header.revision),
            key_values: answer.kvs.into_iter().map(key_value_of).collect(),
            more: answer.more,
        })
    }

    /// The connection in use, or a new one.
    pub(crate) async fn connection(&self) -> Result<Connection, DatastoreError> {
        let mut slot = self.0.connection.lock().await;
        if let Some(connection) = &*slot {
            return Ok(connection.clone());
        }
        let (member, wait) = self.with_members(|members| members.choose(Instant::now()));
        tokio::time::sleep(wait).await;
        let opened =
            tokio::time::timeout(self.0.options.call_within, Connection::open(member, &self.0.options));
        let opened = opened.await.unwrap_or_else(|_| {
            let url = self.0.options.endpoints.get(member).map_or("", String::as_str);
            Err(DatastoreError::Refused(format!("{url}: no answer within its time")))
        });
        match opened {
            Ok(connection) => {
                *slot = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                if error.is_of_the_member() {
                    self.with_members(|members| members.on_failure(member, Instant::now(), jitter()));
                }
                // A connection that could not be made has carried nothing.
                Err(match error {
                    DatastoreError::Unanswered(why) => DatastoreError::Refused(why),
                    error => error,
                })
            }
        }
    }

    /// Gives the connection to a member up, and avoids that member for a while.
    pub(crate) async fn leave_member(&self, member: usize) {
        self.with_members(|members| members.on_failure(member, Instant::now(), jitter()));
        self.drop_connection(member).await;
    }

    pub(crate) fn on_answer(&self, member: usize) {
        self.with_members(|members| members.on_answer(member));
    }

    /// One call, without a second attempt.
    pub(crate) async fn call<R: Clone, T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        request: &R,
        method: impl Fn(Connection, R) -> F,
    ) -> Result<T, DatastoreError> {
        let connection = self.connection().await?;
        match within(self.0.options.call_within, method(connection.clone(), request.clone())).await {
            Ok(answer) => {
                self.on_answer(connection.member);
                Ok(answer.into_inner())
            }
            Err(status) => {
                let error = DatastoreError::of_status(&status);
                if DatastoreError::asks_for_a_new_token(&status) {
                    // The store carries out nothing for a token that it does not know.
                    self.drop_connection(connection.member).await;
                } else if error.is_of_the_member() {
                    self.leave_member(connection.member).await;
                }
                Err(error)
            }
        }
    }

    /// A call that changes nothing, and may be made again.
    async fn read<R: Clone, T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        request: &R,
        method: impl Fn(Connection, R) -> F,
    ) -> Result<T, DatastoreError> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        for _ in 1..READ_ATTEMPTS {
            match self.call(request, &method).await {
                Err(error) if error.is_of_the_member() || matches!(error, DatastoreError::Denied(_)) => {
                    tokio::time::sleep(backoff.next_interval(jitter())).await;
                }
                other => return other,
            }
        }
        self.call(request, &method).await
    }

    async fn list_once(&self, range: &KeyRange) -> Result<Listed, DatastoreError> {
        let mut listed: Option<Listed> = None;
        let mut rest = range.clone();
        let mut page_keys = self.0.options.page_keys.max(1);
        loop {
            let request = api::RangeRequest {
                key: start_of(&rest),
                range_end: end_of(&rest),
                limit: page_keys.into(),
                revision: listed.as_ref().map_or(0, |listed| wire(listed.revision)),
                ..api::RangeRequest::default()
            };
            let answer = match self.read(&request, Connection::range).await {
                Err(DatastoreError::TooLarge) if page_keys > 1 => {
                    page_keys /= 2;
                    continue;
                }
                answer => answer?,
            };
            let revision = revision_of(answer.header.unwrap_or_default().revision);
            let list = listed.get_or_insert(Listed { revision, key_values: Vec::new() });
            list.key_values.extend(answer.kvs.into_iter().map(key_value_of));
            match list.key_values.last().filter(|_| answer.more) {
                Some(last) => rest = rest.after(&last.key),
                None => break,
            }
        }
        Ok(listed.unwrap_or_else(|| Listed { revision: Revision::default(), key_values: Vec::new() }))
    }

    async fn drop_connection(&self, member: usize) {
        let mut slot = self.0.connection.lock().await;
        if slot.as_ref().is_some_and(|connection| connection.member == member) {
            *slot = None;
        }
    }

    fn with_members<T>(&self, work: impl FnOnce(&mut Members) -> T) -> T {
        work(&mut self.0.members.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    tokio::time::timeout(limit, call)
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded(format!("within {} s", limit.as_secs_f32()))))
}

fn transaction_of(key: &[u8], expected: Expected, value: Option<Bytes>, lease: i64) -> api::TxnRequest {
    use api::compare::{CompareResult, CompareTarget, TargetUnion};
    use api::request_op::Request;

    let key = Bytes::copy_from_slice(key);
    let (target, target_union) = match expected {
        Expected::Absent => (CompareTarget::Version, TargetUnion::Version(0)),
        Expected::At(stamp) => (CompareTarget::Mod, TargetUnion::ModRevision(wire(stamp.revision))),
    };
    let compare = api::Compare {
        result: CompareResult::Equal.into(),
        target: target.into(),
        key: key.clone(),
        target_union: Some(target_union),
    };
    let write = match value {
        Some(value) => Request::RequestPut(api::PutRequest { key: key.clone(), value, lease }),
        None => {
            Request::RequestDeleteRange(api::DeleteRangeRequest { key: key.clone(), ..Default::default() })
        }
    };
    let read = Request::RequestRange(api::RangeRequest { key, ..Default::default() });
    api::TxnRequest {
        compare: vec![compare],
        success: vec![api::RequestOp { request: Some(write) }],
        failure: vec![api::RequestOp { request: Some(read) }],
    }
}

fn reply_to_write(answer: Result<api::TxnResponse, DatastoreError>) -> SwapReply {
    match answer {
        Ok(answer) if answer.succeeded => {
            SwapReply::Written(revision_of(answer.header.unwrap_or_default().revision))
        }
        Ok(answer) => {
            let found = answer.responses.into_iter().find_map(|response| match response.response {
                Some(api::response_op::Response::ResponseRange(range)) => range.kvs.into_iter().next(),
                _ => None,
            });
            SwapReply::Found(found.map(current_of))
        }
        Err(DatastoreError::Unanswered(why)) => SwapReply::Unknown(why),
        Err(DatastoreError::Full(why)) => SwapReply::Full(why),
        Err(error) => SwapReply::Refused(error.to_string()),
    }
}

fn key_value_of(key_value: api::KeyValue) -> KeyValue {
    let entry = Entry { value: key_value.value, revision: revision_of(key_value.mod_revision) };
    KeyValue { key: key_value.key, entry }
}

fn current_of(key_value: api::KeyValue) -> Current {
    let stamp = Stamp {
        revision: revision_of(key_value.mod_revision),
        created: revision_of(key_value.create_revision),
        version: key_value.version.try_into().unwrap_or(0),
    };
    Current { value: key_value.value, stamp }
}

/// A revision as etcd writes it. No store gets near the end of 63 bits.
pub(crate) fn wire(revision: Revision) -> i64 {
    revision.0.try_into().unwrap_or(i64::MAX)
}

pub(crate) fn revision_of(wire: i64) -> Revision {
    Revision(wire.try_into().unwrap_or(0))
}

/// The first key of a range; a zero octet stands for the first key there can be.
pub(crate) fn start_of(range: &KeyRange) -> Bytes {
    if range.from().is_empty() { Bytes::from_static(&[0]) } else { range.from().clone() }
}

/// The end of a range; a zero octet stands for no end.
pub(crate) fn end_of(range: &KeyRange) -> Bytes {
    range.to().cloned().unwrap_or(Bytes::from_static(&[0]))
}

const LIST_ATTEMPTS: u32 = 5;
const READ_ATTEMPTS: u32 = 4;

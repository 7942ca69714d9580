//! The task behind a feed: carries out what the follower asks for.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use margay_timestamp::Timestamp;
use margay_watch::{
    Attempt, Change, Failure, Follower, FollowerOptions, KeyRange, Output, Page, Request, WatchMessage,
};
use tokio::time::Instant;

use super::event::Decoded;
use super::shared::{Item, Link, Shared};
use crate::Client;
use crate::jitter::jitter;
use crate::stream::WatchStream;

/// Follows a range of keys for ever.
pub(super) async fn follow<T>(
    client: Client,
    range: KeyRange,
    shared: Arc<Shared<T>>,
    decode: impl Fn(&[u8], &[u8]) -> Decoded<T>,
) {
    let start = Instant::now();
    let now = || Timestamp::at(start.elapsed());
    let options = FollowerOptions { page_keys: client.options().page_keys, ..FollowerOptions::default() };
    let mut follower = Follower::new(range, options, Timestamp::START);
    let mut work = Work::Idle;
    loop {
        follower.handle_timeout(now(), jitter());
        while let Some(request) = follower.poll_request() {
            work = work.take_on(request, &client).await;
        }
        while let Some(output) = follower.poll_output() {
            publish(output, &shared, &decode);
        }
        let timeout = start + follower.next_timeout().since_start();
        tokio::select! {
            (attempt, happened) = work.next() => match happened {
                Happened::Page(page) => follower.handle_page(now(), attempt, page),
                Happened::Message(message) => {
                    follower.handle_watch(now(), jitter(), attempt, message);
                }
                Happened::Failure(failure) => {
                    follower.handle_failure(now(), jitter(), attempt, failure);
                }
            },
            () = tokio::time::sleep_until(timeout) => (),
        }
    }
}

/// What is under way.
enum Work {
    Idle,
    Listing(Attempt, Pending<Page>),
    Opening(Attempt, Pending<WatchStream>),
    Watching(Attempt, Box<WatchStream>),
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

enum Happened {
    Page(Page),
    Message(WatchMessage),
    Failure(Failure),
}

impl Work {
    async fn take_on(self, request: Request, client: &Client) -> Self {
        let client = client.clone();
        match request {
            Request::List(attempt, request) => {
                Self::Listing(attempt, Box::pin(async move { client.page(&request).await }))
            }
            Request::Watch(attempt, request) => {
                Self::Opening(attempt, Box::pin(async move { WatchStream::open(&client, &request).await }))
            }
            Request::Progress(_) => {
                if let Self::Watching(_, stream) = &self {
                    stream.ask_for_progress();
                }
                self
            }
            Request::ChangeMember(_) => {
                // Lists leave a member that fails them themselves.
                if let Self::Watching(_, stream) = &self {
                    client.leave_member(stream.member).await;
                }
                Self::Idle
            }
        }
    }

    /// The next thing that happens. May be given up and called again.
    async fn next(&mut self) -> (Attempt, Happened) {
        loop {
            match self {
                Self::Idle => pending().await,
                Self::Listing(attempt, page) => {
                    let (attempt, answer) = (*attempt, page.await);
                    *self = Self::Idle;
                    return (attempt, answer.map_or_else(Happened::Failure, Happened::Page));
                }
                Self::Opening(attempt, opened) => {
                    let (attempt, answer) = (*attempt, opened.await);
                    match answer {
                        Ok(stream) => *self = Self::Watching(attempt, Box::new(stream)),
                        Err(failure) => {
                            *self = Self::Idle;
                            return (attempt, Happened::Failure(failure));
                        }
                    }
                }
                Self::Watching(attempt, stream) => {
                    let (attempt, message) = (*attempt, stream.next().await);
                    return (attempt, message.map_or_else(Happened::Failure, Happened::Message));
                }
            }
        }
    }
}

fn publish<T>(output: Output, shared: &Shared<T>, decode: &impl Fn(&[u8], &[u8]) -> Decoded<T>) {
    match output {
        Output::Changes(changes) => {
            // Objects are read before the log is taken, which readers wait for.
            let items: Vec<_> = changes.into_iter().map(|change| item_of(change, decode)).collect();
            shared.write(items);
        }
        Output::InSync(_) => shared.set_in_sync(),
        Output::Connected => shared.set_link(Link::Connected),
        Output::Disconnected(why) => shared.set_link(Link::Disconnected(why.into())),
    }
}

fn item_of<T>(change: Change, decode: &impl Fn(&[u8], &[u8]) -> Decoded<T>) -> (Bytes, Option<Item<T>>) {
    let Some(entry) = change.entry else { return (change.key, None) };
    let object = match decode(&change.key, &entry.value) {
        Decoded::Object(object) => Ok(Arc::new(object)),
        Decoded::Invalid(why) => Err(why.into()),
        Decoded::Foreign => return (change.key, None),
    };
    (change.key, Some(Item { object, revision: entry.revision }))
}

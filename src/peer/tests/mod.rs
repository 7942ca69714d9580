//! Peer tasks over real sockets on the loopback interface.

mod back_pressure;
mod bench_speaker;
mod closing;
mod long_messages;
mod meeting;
mod path;
mod scripted_peer;
mod strangers;

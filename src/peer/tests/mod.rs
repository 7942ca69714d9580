//! Peer tasks over real sockets on the loopback interface.

mod back_pressure;
mod bench_speaker;
mod closing;
mod meeting;
mod scripted_peer;

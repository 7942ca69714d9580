//! The session from outside: what goes in, what comes out, in virtual time.

mod collision;
mod negotiation;
mod random_events;
mod restart;
mod rig;
mod state_table;
mod strangers;
mod timers;

//! Requests and answers between the daemon and its clients.

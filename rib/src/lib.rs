//! Adj-RIB-In, decision process, Loc-RIB and export logs, without I/O.

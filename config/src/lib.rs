//! The operator's file: TOML text to a typed, checked configuration.

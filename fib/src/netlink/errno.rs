//! Kernel errors with a special meaning (errno(3)).

/// The object to be removed does not exist: "No such file or directory".
pub const ENOENT: i32 = 2;
/// The route to be removed does not exist: "No such process".
pub const ESRCH: i32 = 3;
/// The route or object to be created exists already: "File exists".
pub const EEXIST: i32 = 17;

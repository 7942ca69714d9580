//! The errors of the kernel that mean something special (errno(3)).

/// What was to be removed is not there: "No such file or directory", for next hop objects.
pub const ENOENT: i32 = 2;
/// What was to be removed is not there: "No such process", for routes.
pub const ESRCH: i32 = 3;
/// What was to be made is there already: "File exists".
pub const EEXIST: i32 = 17;

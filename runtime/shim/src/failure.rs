//! A short way to say why a command is not carried out.

use hotdev_protocol::{Failure, FailureKind};

/// What the parts of the shim return.
pub type Result<T> = std::result::Result<T, Failure>;

/// A failure of `kind`, told in words.
pub fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into() }
}

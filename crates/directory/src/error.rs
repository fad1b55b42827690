use dolab_wire::cloud::MAX_ID_LEN;

/// Why a device could not join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The content has no name, or the name or the group id is too long. The device's fault.
    #[error("`{field}` has {len} bytes: 1 to {MAX_ID_LEN} are possible")]
    Name {
        /// The field of the join.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// No memory is left for another registration. Nobody's fault: it passes as registrations end.
    #[error(
        "the directory is full: {registrations} registrations take {bytes} bytes; let the device come again later, or allow more memory"
    )]
    Full {
        /// Registrations that there are.
        registrations: usize,
        /// Bytes that they take, as allocated.
        bytes: usize,
    },
}

/// Why a snapshot could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It does not begin as a snapshot does.
    #[error("this is no snapshot of a directory")]
    Magic,
    /// It was written by another version.
    #[error("the snapshot has version {0}: only version {known} is read", known = crate::snapshot::VERSION)]
    Version(u8),
    /// It ends too early, or holds what it can not hold.
    #[error("the snapshot is damaged at byte {at}: {what}")]
    Damaged {
        /// Where, in bytes from its start.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// It holds more than the directory may.
    #[error("the snapshot does not fit: {0}")]
    Full(JoinError),
}

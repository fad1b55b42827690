//! Delivery Optimization's own error codes (documented: `deliveryoptimizationerrors.h`).
//!
//! Administrators search for these numbers, so every error of ours that has an equivalent there
//! carries it.

use std::fmt;

/// An HRESULT of facility 0xD0, such as `0x80D06812`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DoCode(pub u32);

macro_rules! codes {
    ($($name:ident = $value:literal, $text:literal;)*) => {
        impl DoCode {
            $(#[doc = $text] pub const $name: Self = Self($value);)*

            /// What the code means, in a few words, or `None` for a code that dolab never raises.
            pub fn meaning(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    NO_PROGRESS = 0x80D0_2002, "the download made no progress within the time allowed";
    PIECES_HASH_FILE_MISSING = 0x80D0_2017, "the pieces hash file could not be had";
    MODE_BY_CONTENT_POLICY = 0x80D0_3802, "the content's policy does not allow peers";
    CLOUD_UNREACHABLE = 0x80D0_380A, "the cloud service could not be reached";
    UNREGISTERED_CALLER = 0x80D0_380B, "the caller is not one of those that may use peers";
    ODD_SUCCESS = 0x80D0_380D, "the server answered with a status of success that means something else";
    SIZE_MISMATCH = 0x80D0_5001, "the server sent another number of bytes than the content has";
    CERTIFICATE = 0x80D0_5002, "the server's certificate is not trusted";
    BAD_RANGE = 0x80D0_5010, "the server answered with another range of bytes than was asked for";
    NO_RANGE_SUPPORT = 0x80D0_5011, "the server does not answer requests for ranges of bytes";
    UPLOADING_BAD_PIECES = 0x80D0_6800, "this host found bad pieces in its own copy and stopped sharing it";
    EMPTY_SERVICE_JSON = 0x80D0_6803, "the cloud service answered with JSON that is empty";
    BAD_DATA = 0x80D0_6804, "the peer sent data that was not asked for or makes no sense";
    BAD_HASH_BANNED = 0x80D0_6805, "a piece failed its hash, and the peer that sent it is banned";
    BAD_HASH = 0x80D0_6806, "a piece failed its hash";
    PIECES_HASH_FILE_INVALID = 0x80D0_6809, "the pieces hash file is not valid";
    SWARM_NOT_RUNNING = 0x80D0_680B, "the swarm is not running on this host";
    PEER_BANNED = 0x80D0_680D, "the peer is banned";
    SELF_CONNECTION = 0x80D0_680E, "the peer is this host itself";
    ALREADY_CONNECTED = 0x80D0_680F, "the peer is already connected";
    NO_MORE_CONNECTIONS = 0x80D0_6810, "no more connections are allowed";
    CONNECTION_LOST = 0x80D0_6811, "the connection was lost";
    UNRECOGNIZED_SWARM = 0x80D0_6812, "the peer asked for a swarm that this host does not have";
    INVALID_HANDSHAKE_LEN = 0x80D0_6813, "the handshake has a length that is not allowed";
    SOCKET_CLOSED = 0x80D0_6814, "the peer closed the connection";
    MESSAGE_TOO_LONG = 0x80D0_6815, "the peer sent a message that is too long";
    INVALID_MESSAGE = 0x80D0_6816, "the peer sent a message that is not valid";
    PIECES_HASH_FILE_DIGEST = 0x80D0_681A, "the pieces hash file does not match its digest";
    HASH_OF_HASHES_STATED = 0x80D0_681B, "the hash of hashes stated in the pieces hash file is not the one expected";
    HASH_OF_HASHES_COMPUTED = 0x80D0_681C, "the hash of hashes computed over the pieces is not the one expected";
}

impl fmt::Display for DoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

impl fmt::Debug for DoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

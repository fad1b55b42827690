use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dolab_wire::DoCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{ContentId, Layout, LayoutError, PieceHasher};

/// The hash of every piece of a content, and with it the content's identity: Delivery
/// Optimization's pieces hash file.
///
/// The JSON form is the observed one. How Delivery Optimization computes its `HashOfHashes` is not
/// known: here it is the SHA-256 over the raw piece hashes (**assumed**), so a file that Microsoft
/// made is likely to be refused with [`HashFileError::HashOfHashesComputed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PiecesHashFile {
    id: ContentId,
    layout: Layout,
    hashes: Vec<[u8; 32]>,
}

/// Bytes that are no pieces hash file, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashFileError {
    /// More bytes than [`PiecesHashFile::MAX_JSON_LEN`].
    #[error("the pieces hash file has {0} bytes: at most {max} are read", max = PiecesHashFile::MAX_JSON_LEN)]
    TooLong(usize),
    /// No JSON, or a field is missing or of the wrong form. A proxy's HTML page ends here.
    #[error("the pieces hash file is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// A version other than 1.x.
    #[error("the pieces hash file has version {major}.{minor}: only 1.x is known")]
    Version {
        /// Major version.
        major: u32,
        /// Minor version.
        minor: u32,
    },
    /// Sizes that make no layout.
    #[error("the pieces hash file is not valid: {0}")]
    Layout(#[from] LayoutError),
    /// Not one hash for each piece.
    #[error("the pieces hash file has {got} hashes for {pieces} pieces")]
    Pieces {
        /// Pieces in the content.
        pieces: u32,
        /// Hashes in the file.
        got: usize,
    },
    /// The file states another hash of hashes than the one that was asked for.
    #[error("the pieces hash file is that of content {stated}, not of {expected}")]
    HashOfHashesStated {
        /// What was asked for.
        expected: ContentId,
        /// What the file says.
        stated: ContentId,
    },
    /// The file states another hash of hashes than its own hashes give.
    #[error(
        "the pieces hash file states the hash of hashes {stated}, and its pieces give {computed}: it was altered, or comes from a service that computes it differently"
    )]
    HashOfHashesComputed {
        /// What the file says.
        stated: ContentId,
        /// What follows from its pieces.
        computed: ContentId,
    },
}

impl HashFileError {
    /// Delivery Optimization's code for this error.
    pub fn do_code(&self) -> DoCode {
        match self {
            Self::TooLong(_)
            | Self::Json(_)
            | Self::Version { .. }
            | Self::Layout(_)
            | Self::Pieces { .. } => DoCode::PIECES_HASH_FILE_INVALID,
            Self::HashOfHashesStated { .. } => DoCode::HASH_OF_HASHES_STATED,
            Self::HashOfHashesComputed { .. } => DoCode::HASH_OF_HASHES_COMPUTED,
        }
    }
}

impl PiecesHashFile {
    /// Longest JSON that is read, in bytes: enough for 1.4 million pieces.
    pub const MAX_JSON_LEN: usize = 64 << 20;

    /// The hash file of a content whose pieces have these hashes, in order.
    ///
    /// # Errors
    /// [`HashFileError::Pieces`] when there is not one hash for each piece.
    pub fn from_hashes(layout: Layout, hashes: Vec<[u8; 32]>) -> Result<Self, HashFileError> {
        let pieces = layout.pieces();
        if hashes.len() != pieces as usize {
            return Err(HashFileError::Pieces {
                pieces,
                got: hashes.len(),
            });
        }
        let id = ContentId(PieceHasher::hash(hashes.as_flattened()));
        Ok(Self { id, layout, hashes })
    }

    /// Reads the JSON form. Fields that are not known are passed over.
    ///
    /// # Errors
    /// When it is not valid, or does not give the hash of hashes that it states.
    pub fn from_json(json: &[u8]) -> Result<Self, HashFileError> {
        Self::read(json, None)
    }

    /// Reads the JSON form of the content `expected`.
    ///
    /// # Errors
    /// As [`Self::from_json`], and when it states another content's hash of hashes.
    pub fn from_json_of(expected: ContentId, json: &[u8]) -> Result<Self, HashFileError> {
        Self::read(json, Some(expected))
    }

    fn read(json: &[u8], expected: Option<ContentId>) -> Result<Self, HashFileError> {
        if json.len() > Self::MAX_JSON_LEN {
            return Err(HashFileError::TooLong(json.len()));
        }
        // Looked at alone first: another major version may have other fields altogether.
        let Version { major, minor } = serde_json::from_slice(json)?;
        if major != 1 {
            return Err(HashFileError::Version { major, minor });
        }
        let form: Form = serde_json::from_slice(json)?;
        // First what is stated, then what follows from the pieces: the order of the error codes.
        let stated = ContentId(form.hash_of_hashes.0);
        if let Some(expected) = expected.filter(|&expected| expected != stated) {
            return Err(HashFileError::HashOfHashesStated { expected, stated });
        }
        let piece_size = form
            .piece_size
            .try_into()
            .map_err(|_| LayoutError::PieceSize(form.piece_size))?;
        let layout = Layout::new(form.content_length, piece_size)?;
        let hashes = form.pieces.into_iter().map(|Hash(hash)| hash).collect();
        let file = Self::from_hashes(layout, hashes)?;
        if stated != file.id {
            return Err(HashFileError::HashOfHashesComputed {
                stated,
                computed: file.id,
            });
        }
        Ok(file)
    }

    /// The JSON form, as short as Delivery Optimization's own.
    pub fn to_json(&self) -> Vec<u8> {
        let form = Form {
            major: 1,
            minor: 0,
            hash_of_hashes: Hash(self.id.0),
            content_length: self.layout.length(),
            piece_size: self.layout.piece_size().into(),
            pieces: self.hashes.iter().copied().map(Hash).collect(),
        };
        serde_json::to_vec(&form).expect("numbers and texts always serialise")
    }

    /// The content's id.
    pub fn id(&self) -> ContentId {
        self.id
    }

    /// How the content is cut.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The hash that a piece has to have; `None` when there is no such piece.
    pub fn hash(&self, piece: u32) -> Option<&[u8; 32]> {
        self.hashes.get(piece as usize)
    }

    /// Whether these bytes are that piece.
    pub fn matches(&self, piece: u32, bytes: &[u8]) -> bool {
        self.hash(piece) == Some(&PieceHasher::hash(bytes))
    }
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "MajorVersion")]
    major: u32,
    #[serde(rename = "MinorVersion")]
    minor: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Form {
    #[serde(rename = "MajorVersion")]
    major: u32,
    #[serde(rename = "MinorVersion")]
    minor: u32,
    hash_of_hashes: Hash,
    content_length: u64,
    piece_size: u64,
    pieces: Vec<Hash>,
}

/// 32 bytes, in base64.
struct Hash([u8; 32]);

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Hash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SHA-256 in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hash, E> {
                // 36 bytes are what base64 may take for 32 before it knows better.
                let mut bytes = [0; 36];
                match STANDARD.decode_slice(text, &mut bytes) {
                    Ok(32) => Ok(Hash(*bytes.first_chunk().expect("32 of 36 bytes"))),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }

        from.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests;

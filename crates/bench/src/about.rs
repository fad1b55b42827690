//! What a host is and has.

use std::{io, path::Path};

use crate::{limits::Limits, proto::About};

/// Less than this is not worth storing, in bytes.
const LEAST_STORED: u64 = 16 << 20;

/// What this host is and has. Asks the disk, so it may block.
pub(crate) fn about(store: &Path, limits: &Limits) -> About {
    let room = room(store).map(|free| limits.stored.min(free / 2));
    let (store_bytes, store_error) = match room {
        Ok(bytes) if bytes >= LEAST_STORED => (Some(bytes), None),
        Ok(_) => (
            None,
            Some(format!("{}: too little space is left", store.display())),
        ),
        Err(error) => (None, Some(format!("{}: {error}", store.display()))),
    };
    About {
        cores: std::thread::available_parallelism()
            .ok()
            .map(|cores| cores.get() as u32),
        sha_instructions: sha_instructions(),
        store_bytes,
        store_error,
        longest_ms: limits.longest.as_millis() as u64,
    }
}

/// Bytes that are free where a folder is.
fn room(folder: &Path) -> io::Result<u64> {
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    fs4::available_space(folder)
}

/// Whether the processor has instructions of its own for SHA-256; `None` where it does not say.
fn sha_instructions() -> Option<bool> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return Some(std::arch::is_x86_feature_detected!("sha"));
    #[cfg(target_arch = "aarch64")]
    return Some(std::arch::is_aarch64_feature_detected!("sha2"));
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_hold_nothing_says_why() {
        let limits = Limits::default();
        let there = about(&std::env::temp_dir(), &limits);
        assert!(there.store_bytes.is_some() != there.store_error.is_some());
        assert!(there.store_bytes.unwrap_or(0) <= limits.stored);
        let nowhere = about(Path::new("/no/such/folder"), &limits);
        assert_eq!(nowhere.store_bytes, None);
        assert!(
            nowhere
                .store_error
                .is_some_and(|why| why.contains("folder"))
        );
        let tight = Limits {
            stored: 1,
            ..limits
        };
        assert_eq!(about(&std::env::temp_dir(), &tight).store_bytes, None);
    }
}

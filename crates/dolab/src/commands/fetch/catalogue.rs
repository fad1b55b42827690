//! The piece hashes of a content: from a file, or from a peer that has it.

use std::{
    collections::BTreeMap, io::ErrorKind, net::SocketAddr, path::Path, sync::Arc, time::Duration,
};

use dolab_check::{FetchHashesError, Key, SessionError, fetch_hashes};
use dolab_content::{ContentId, PiecesHashFile};
use dolab_discovery::Candidate;
use tokio::{task::JoinSet, time::timeout};

use crate::failure::Failure;

/// For one address: a name lookup may have given several, of which some lead nowhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be downloaded.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its file name, where a peer stated one.
    pub(super) name: Option<String>,
    /// Its pieces.
    pub(super) hashes: Arc<PiecesHashFile>,
}

/// Why a host gave no hashes, by the host. Each names the address that was asked.
pub(super) type Reasons = BTreeMap<String, String>;

/// Reads the hashes from a file.
pub(super) fn read(path: &Path, content: ContentId) -> Result<Wanted, Failure> {
    let shown = path.display();
    let json = std::fs::read(path)
        .map_err(|error| Failure::wrong_use(format!("--pieces-hash-file {shown}: {error}")))?;
    let hashes = PiecesHashFile::from_json_of(content, &json).map_err(|error| {
        Failure::wrong_use(format!("--pieces-hash-file {shown}: {error}"))
            .do_code(error.do_code())
            .hint("leave it out to take the hashes from a peer")
    })?;
    Ok(Wanted {
        name: None,
        hashes: Arc::new(hashes),
    })
}

/// Asks all hosts at once, and takes the first answer. The hashes prove themselves: together they
/// give the content's id.
///
/// # Errors
/// When no host has it: why, of each.
pub(super) async fn ask(
    hosts: &[Candidate],
    content: ContentId,
    key: Option<&Key>,
) -> Result<Wanted, Reasons> {
    let mut asked = JoinSet::new();
    for host in hosts {
        let (name, addrs, key) = (host.name.clone(), host.addrs.clone(), key.cloned());
        asked.spawn(async move {
            let mut why = "it has no address".to_owned();
            for addr in addrs {
                match ask_one(addr, content, key.as_ref()).await {
                    Ok(wanted) => return Ok(wanted),
                    Err(reason) => why = reason,
                }
            }
            Err((name, why))
        });
    }
    let mut reasons = Reasons::new();
    while let Some(answer) = asked.join_next().await {
        match answer.expect("asking does not panic, and nobody cancels it") {
            Ok(wanted) => return Ok(wanted),
            Err((host, why)) => {
                reasons.insert(host, why);
            }
        }
    }
    Err(reasons)
}

async fn ask_one(
    addr: SocketAddr,
    content: ContentId,
    key: Option<&Key>,
) -> Result<Wanted, String> {
    match timeout(PATIENCE, fetch_hashes(addr, content, key)).await {
        Ok(Ok(offered)) => Ok(Wanted {
            name: Some(offered.name),
            hashes: offered.hashes,
        }),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err(format!(
            "{addr}: no answer within 5 s: the host is off, or a firewall drops it"
        )),
    }
}

/// The reason in the words of whoever looks after that host. That no connection came about has
/// nothing to do with what was to be said over it.
fn reason(error: &FetchHashesError) -> String {
    let FetchHashesError::Session {
        addr,
        error: SessionError::Io(error),
    } = error
    else {
        return error.to_string();
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others speak for themselves"
    )]
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("{addr}: connection refused: nothing listens there, or a firewall rejects it")
        }
        ErrorKind::TimedOut => {
            format!("{addr}: no answer: the host is off, or a firewall drops it")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("{addr}: unreachable: {error}")
        }
        _ => format!("{addr}: the connection broke: {error}"),
    }
}

//! A closer look at an exchange that went wrong: is the other side still there, and do large
//! messages pass?

use std::{net::SocketAddr, time::Duration};

use dolab_wire::session::{Ask, Reply};
use tokio::time::timeout;

use super::Run;
use crate::{contents::anonymous, evidence::Echo, probe, session::asker::Asker};

/// Bytes in the small message, which fits every packet.
const SMALL: usize = 200;

/// Bytes in the large one: several packets of any usual size.
const LARGE: u32 = 6000;

/// Time for each.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What the closer look found.
#[derive(Default)]
pub(super) struct Closer {
    /// Neither the session nor a new connection is answered.
    pub(super) gone: bool,
    pub(super) echo: Option<Echo>,
}

/// Looks. `again` is where a new connection on TCP 7680 can be opened.
pub(super) async fn look(run: &Run, asker: &Asker, again: Option<SocketAddr>) -> Closer {
    let (alive, fresh) = tokio::join!(echo(asker, SMALL), async {
        match again {
            Some(addr) => timeout(PATIENCE * 2, fresh(run, addr)).await.ok().flatten(),
            None => None,
        }
    });
    Closer {
        gone: !alive && fresh.is_none(),
        echo: fresh,
    }
}

/// Messages over a connection of its own, in segments of the usual size: one that stalls must not
/// take the session with it.
async fn fresh(run: &Run, addr: SocketAddr) -> Option<Echo> {
    let key = run.shared.key();
    let from = run.shared.source(addr, None);
    let opened = probe::open_session(addr, from, key).await.ok()?;
    let hello = anonymous();
    let asker = Asker::new(opened.establish(key, hello).await.ok()?);
    let small = echo(&asker, SMALL).await;
    let large = small && echo(&asker, LARGE as usize).await;
    Some(Echo {
        small,
        large,
        large_size: LARGE,
    })
}

async fn echo(asker: &Asker, size: usize) -> bool {
    let padding = "x".repeat(size);
    let reply = asker
        .ask(
            Ask::Echo {
                padding: padding.clone(),
            },
            PATIENCE,
        )
        .await;
    matches!(reply, Ok(Reply::Echo { padding: back }) if back == padding)
}

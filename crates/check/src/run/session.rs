//! The session with the other side: over the best path that opens, or over one that the other side
//! opens when it is called on the link.

use std::{sync::Arc, time::Duration};

use dolab_discovery::CallTarget;
use dolab_wire::session::Role;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::Run;
use crate::{
    control,
    probe::Reached,
    report::Via,
    session::{
        SessionError,
        asker::Asker,
        opening::{Mine, Session, random},
    },
};

/// How long a session over an own connection is hoped for before the other side is called.
const BEFORE_CALLING: Duration = Duration::from_millis(1200);

/// When a call that nobody answered is given up, counted from the start.
const CALL_ENDS: Duration = Duration::from_millis(5300);

/// What became of the session.
pub(super) enum Outcome {
    /// It stands.
    Held(Box<Asker>),
    /// What answers is this station itself.
    Oneself,
    /// There is none.
    None(SessionError),
    /// Nothing was sent.
    NotTried,
}

/// Waits for the session.
pub(super) async fn establish(
    run: &Arc<Run>,
    ways: mpsc::UnboundedReceiver<(usize, Reached)>,
) -> Outcome {
    let direct = direct(run, ways);
    let called = called(run);
    tokio::pin!(direct, called);
    let mut nobody_called = false;
    let session = loop {
        tokio::select! {
            direct = &mut direct => break match direct {
                Ok(session) => Ok(session),
                // The other side's word holds on every way.
                Err(error @ (SessionError::Declined(_) | SessionError::Refused(_))) => Err(error),
                Err(error) if nobody_called => Err(error),
                Err(error) => called.await.ok_or(error),
            },
            session = &mut called, if !nobody_called => match session {
                Some(session) => break Ok(session),
                None => nobody_called = true,
            },
        }
    };
    match session {
        Ok(session) if session.theirs.peer == run.shared.peer_id() => Outcome::Oneself,
        Ok(session) => Outcome::Held(Box::new(Asker::new(session))),
        Err(error) => {
            tracing::info!(%error, "no session");
            Outcome::None(error)
        }
    }
}

async fn direct(
    run: &Run,
    ways: mpsc::UnboundedReceiver<(usize, Reached)>,
) -> Result<Session, SessionError> {
    let key = run.shared.key();
    let mine = Mine {
        role: Role::Asker,
        key,
        call: None,
    };
    let opened = control::choose(ways, &mine).await?;
    let hello = run.shared.hello();
    opened.establish(key, hello).await
}

/// Calls the other side on the link, and waits for it to call back.
async fn called(run: &Run) -> Option<Session> {
    let ip = run.addr.ip().to_canonical();
    if !run.shared.announces() || !(ip.is_loopback() || super::dns_sd::on_link(ip)) {
        return None;
    }
    let discovery = run.shared.discovery.as_ref()?;
    sleep(BEFORE_CALLING.saturating_sub(run.began.elapsed())).await;
    let nonce = u64::from_le_bytes(random());
    let answer = run.shared.expect_call(nonce);
    let call = discovery
        .call(CallTarget::Addr(ip), nonce)
        .inspect_err(|error| tracing::info!(%error, "the other side can not be called"))
        .ok()?;
    tracing::debug!(addr = %run.addr, "calling on the link");
    let left = CALL_ENDS.saturating_sub(run.began.elapsed());
    let session = timeout(left, answer).await.ok()?.ok();
    drop(call);
    session.map(|mut session| {
        session.channel.carrier.via = Via::DnsSdCallback;
        session
    })
}

impl Outcome {
    /// The session, if there is one.
    pub(super) fn asker(&self) -> Option<&Asker> {
        match self {
            Self::Held(asker) => Some(asker),
            Self::Oneself | Self::None(_) | Self::NotTried => None,
        }
    }
}

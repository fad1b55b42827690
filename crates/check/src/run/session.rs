//! The session with the other side: over the best path that opens, over one that the other side
//! opens when it is called on the link, or through the cloud, which both can reach.

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
        channel::Channel,
        opening::{self, Mine, Session, random},
    },
    station::go_between,
};

/// How long a session over an own connection is hoped for before the other side is called.
const BEFORE_CALLING: Duration = Duration::from_millis(1200);

/// How long any other way is hoped for before the cloud is asked to go between.
const BEFORE_THE_CLOUD: Duration = Duration::from_millis(2000);

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
    let around = around(run);
    tokio::pin!(direct, around);
    let mut no_way_around = false;
    let session = loop {
        tokio::select! {
            direct = &mut direct => break match direct {
                Ok(session) => Ok(session),
                // The other side's word holds on every way.
                Err(error @ (SessionError::Declined(_) | SessionError::Refused(_))) => Err(error),
                Err(error) if no_way_around => Err(error),
                Err(error) => around.await.unwrap_or(Err(error)),
            },
            session = &mut around, if !no_way_around => match session {
                Some(session) => break session,
                None => no_way_around = true,
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

/// The ways for which no connection to the other side has to open: it is called on the link, or
/// through the cloud.
async fn around(run: &Run) -> Option<Result<Session, SessionError>> {
    let (called, through_cloud) = (called(run), through_cloud(run));
    tokio::pin!(called, through_cloud);
    tokio::select! {
        session = &mut called => match session {
            Some(session) => Some(Ok(session)),
            None => through_cloud.await,
        },
        session = &mut through_cloud => match session {
            Some(session) => Some(session),
            None => called.await.map(Ok),
        },
    }
}

/// Calls the other side through the cloud, where it waits. An error is the other side's word.
async fn through_cloud(run: &Run) -> Option<Result<Session, SessionError>> {
    let relay = run.shared.config.relay.as_ref()?;
    sleep(BEFORE_THE_CLOUD.saturating_sub(run.began.elapsed())).await;
    let ip = run.addr.ip().to_canonical();
    let session = async {
        let failed = |error| tracing::info!(%error, "the cloud is no go-between");
        let stations = relay.stations().await.map_err(failed).ok()?;
        let others = || {
            let own = run.shared.peer_id();
            stations.iter().filter(move |station| station.id != own)
        };
        let behind_a_nat = || others().find(|station| station.external == ip);
        let station = others()
            .find(|station| station.is_at(ip))
            .or_else(behind_a_nat)?;
        tracing::debug!(station = station.id, "calling through the cloud");
        let stream = relay.call(&station.id).await.map_err(failed).ok()?;
        let channel = Channel::new(stream, go_between::carrier(run.addr), &[]);
        Some(through(run, channel).await)
    };
    let left = CALL_ENDS.saturating_sub(run.began.elapsed());
    match timeout(left, session).await.ok()?? {
        Err(SessionError::Declined(why)) => Some(Err(SessionError::Declined(why))),
        Err(SessionError::Refused(why)) => Some(Err(SessionError::Refused(why))),
        session => session.ok().map(Ok),
    }
}

async fn through(run: &Run, channel: Channel) -> Result<Session, SessionError> {
    let mine = asker(run);
    let opened = opening::dial(channel, &mine).await?;
    opened.establish(mine.key, run.shared.hello()).await
}

fn asker(run: &Run) -> Mine<'_> {
    Mine {
        role: Role::Asker,
        key: run.shared.key(),
        call: None,
    }
}

async fn direct(
    run: &Run,
    ways: mpsc::UnboundedReceiver<(usize, Reached)>,
) -> Result<Session, SessionError> {
    let mine = asker(run);
    let opened = control::choose(ways, &mine).await?;
    opened.establish(mine.key, run.shared.hello()).await
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

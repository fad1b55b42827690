//! Moves the bytes, shows how far it is, and ends well or says why not.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_content::Store;
use dolab_discovery::Candidate;
use dolab_engine::{CloseReason, Event as Exchange};
use dolab_peer::{Background, Event, Peer, Progress, Transfer, TransferError, TransferReport};
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{catalogue::Wanted, destination, member::Member};
use crate::{
    args::FetchArgs,
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    units::{self, Rate, Size},
};

/// Between two looks at how far it is, and so between two `progress` events.
const TICK: Duration = Duration::from_millis(100);

pub(super) async fn run(
    args: &FetchArgs,
    hosts: &[Candidate],
    wanted: &Wanted,
    store: Arc<Store>,
    path: &Path,
    output: &Output,
) -> CommandResult {
    let layout = wanted.hashes.layout();
    let have = store.pieces();
    let resumed: u64 = have
        .iter()
        .filter_map(|piece| layout.piece_len(piece))
        .map(u64::from)
        .sum();
    let began = Instant::now();
    let (report, member, background) = if have.is_full() {
        (None, None, None)
    } else {
        if resumed > 0 {
            output.note(format_args!(
                "going on: {} are there already",
                Size(resumed)
            ));
        }
        let fetched = download(args, hosts, wanted, &store, output).await;
        let Fetched {
            report,
            member,
            background,
        } = fetched.map_err(|end| not_whole(end, args, &store, path, layout.length()))?;
        (Some(report), member, background)
    };
    finish(store, layout.length()).await?;
    let elapsed = report
        .as_ref()
        .map_or_else(|| began.elapsed(), |report| report.elapsed);
    let mut document = Document {
        schema: "dolab.fetch/1",
        id: args.id().to_string(),
        path: path.display().to_string(),
        bytes: layout.length(),
        pieces: layout.pieces(),
        resumed_bytes: resumed,
        bad_pieces: report.as_ref().map_or(0, |report| report.bad_pieces),
        seconds: (elapsed.as_secs_f64() * 1e6).round() / 1e6,
        bits_per_second: Rate::of(layout.length() - resumed, elapsed)
            .bits_per_second
            .round(),
        sources: report.iter().flat_map(sources).collect(),
        shared_bytes: None,
        background: background.map(Yielding::from),
    };
    tell(&document, output);
    if let (Some(sharer), Some(how_long)) = (member, args.share_for) {
        document.shared_bytes = Some(go_on(sharer, how_long, output).await);
    }
    output.document(&document);
    Ok(Exit::Good)
}

/// Shares what is whole now. Returns the bytes that were sent to others, before and now.
async fn go_on(sharer: Member, how_long: Duration, output: &Output) -> u64 {
    #[derive(Serialize)]
    struct Fields {
        share_seconds: f64,
    }
    let share_seconds = how_long.as_secs_f64();
    output.event("whole", Fields { share_seconds });
    if !how_long.is_zero() {
        let time = units::span(how_long);
        output.line(format_args!("sharing it for {time}: Ctrl-C ends it"));
        tokio::select! {
            () = tokio::time::sleep(how_long) => {}
            // When the system lets nobody listen for Ctrl-C, it ends the program by itself.
            Ok(()) = interrupted() => {}
        }
    }
    let shared = sharer.stop().await;
    output.line(format_args!("shared: {}", Size(shared)));
    shared
}

/// Why a transfer ended before it was whole.
enum End {
    /// The peer could not run.
    Setup(Failure),
    /// This host could not keep a piece, or was stopped.
    Transfer(TransferError),
    /// No peer sends: why, by address.
    NoPeer {
        why: &'static str,
        reasons: BTreeMap<SocketAddr, String>,
    },
    /// Ctrl-C.
    Interrupted,
}

/// What a transfer leaves.
struct Fetched {
    report: TransferReport,
    /// The member of the swarm, where it is to go on.
    member: Option<Member>,
    /// How the background transfer stood last, when it was one.
    background: Option<Background>,
}

async fn download(
    args: &FetchArgs,
    hosts: &[Candidate],
    wanted: &Wanted,
    store: &Arc<Store>,
    output: &Output,
) -> Result<Fetched, End> {
    let member = Member::start(args, output).await.map_err(End::Setup)?;
    let events = member.peer().subscribe();
    let transfer = member
        .fetch(args, wanted, store)
        .await
        .map_err(End::Setup)?;
    for &addr in hosts.iter().flat_map(|host| &host.addrs) {
        member.peer().candidate(args.id(), addr).await;
    }
    let mut background = None;
    let watch = watch(
        &transfer,
        member.peer(),
        events,
        args.patience,
        &mut background,
        output,
    );
    let end = tokio::select! {
        end = watch => end,
        never = member.find_others(args.id()) => match never {},
    };
    match end {
        Ok(report) if args.share_for.is_some() => Ok(Fetched {
            report,
            member: Some(member),
            background,
        }),
        end => {
            member.stop().await;
            end.map(|report| Fetched {
                report,
                member: None,
                background,
            })
        }
    }
}

/// Waits for the end, whatever it is, and shows how far it is meanwhile.
async fn watch(
    transfer: &Transfer,
    peer: &Peer,
    mut events: Receiver<Event>,
    patience: Duration,
    background: &mut Option<Background>,
    output: &Output,
) -> Result<TransferReport, End> {
    let start = transfer.progress();
    let bar = output.transfer("fetching", start.of_bytes);
    bar.set_position(start.bytes);
    bar.reset_eta();
    let mut reasons = BTreeMap::new();
    let mut shown = (start.bytes, Instant::now());
    let mut tick = tokio::time::interval(TICK);
    let mut interrupted = std::pin::pin!(interrupted());
    let mut finished = std::pin::pin!(transfer.finished());
    let end = loop {
        tokio::select! {
            end = &mut finished => break end.map_err(End::Transfer),
            // When the system lets nobody listen for Ctrl-C, it ends the program by itself.
            Ok(()) = &mut interrupted => break Err(End::Interrupted),
            event = events.recv() => match event {
                Ok(event) => {
                    if note(&event, &mut reasons, output) {
                        let why = "no peer is left to fetch from";
                        break Err(End::NoPeer { why, reasons });
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                // The transfer, too, knows that the peer was stopped.
                Err(RecvError::Closed) => break finished.await.map_err(End::Transfer),
            },
            _ = tick.tick() => {
                let now = transfer.progress();
                let yielding = peer.background();
                let taken = |view: &Option<Background>| view.map_or(0, |view| view.received);
                let moves = taken(&yielding) > taken(background);
                *background = yielding.or(*background);
                if now.bytes != shown.0 {
                    shown = (now.bytes, Instant::now());
                    bar.set_position(now.bytes);
                    progress(&now, yielding, output);
                } else if moves {
                    // A piece takes its time where next to nothing is left free.
                    shown.1 = Instant::now();
                } else if shown.1.elapsed() > patience {
                    let why = "no piece came for too long";
                    break Err(End::NoPeer { why, reasons });
                }
            }
        }
    };
    bar.finish_and_clear();
    end
}

/// Keeps in mind what happened with each peer. Returns whether none is left.
fn note(event: &Event, reasons: &mut BTreeMap<SocketAddr, String>, output: &Output) -> bool {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the events are of many kinds, and may grow"
    )]
    match event {
        Event::Exchange(Exchange::PeerJoined { remote, .. }) => {
            tracing::info!(%remote, "connected");
            output.event("peer-joined", Address::from(remote));
        }
        Event::Exchange(Exchange::PeerLeft { remote, why, .. }) => {
            tracing::info!(%remote, %why, "gone");
            if !matches!(why, CloseReason::Duplicate | CloseReason::Stopped) {
                reasons.insert(*remote, why.to_string());
                let why = Some(why.to_string());
                output.event(
                    "peer-left",
                    Address {
                        address: remote.to_string(),
                        why,
                    },
                );
            }
        }
        Event::Exchange(Exchange::PieceBad {
            remote,
            piece,
            banned,
            ..
        }) => {
            let ban = if *banned {
                ", and it is not asked any more"
            } else {
                ""
            };
            tracing::warn!(%remote, piece, "a bad piece was thrown away{ban}");
            reasons.insert(*remote, "it sent bad pieces".to_owned());
        }
        Event::RefusedPublic { addr } => {
            reasons.insert(
                *addr,
                "a public address: --allow-public lifts that".to_owned(),
            );
        }
        Event::Exchange(Exchange::Starved { .. }) => return true,
        _ => {}
    }
    false
}

/// Where something happened.
#[derive(Serialize)]
struct Address {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<&SocketAddr> for Address {
    fn from(addr: &SocketAddr) -> Self {
        Self {
            address: addr.to_string(),
            why: None,
        }
    }
}

fn progress(now: &Progress, background: Option<Background>, output: &Output) {
    #[derive(Serialize)]
    struct Fields {
        bytes: u64,
        total: u64,
        bits_per_second: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        background: Option<Yielding>,
    }
    output.event(
        "progress",
        Fields {
            bytes: now.bytes,
            total: now.of_bytes,
            bits_per_second: (now.bytes_per_second * 8.0).round(),
            background: background.map(Yielding::from),
        },
    );
}

/// Gives the file its name. Until then there is none under it.
async fn finish(store: Arc<Store>, length: u64) -> Result<(), Failure> {
    tokio::task::spawn_blocking(move || store.finish())
        .await
        .expect("the store does not panic")
        .map_err(|error| destination::cannot_keep(&error, length))
}

/// What did not work out, for the user. What is there is kept, and the same command goes on.
fn not_whole(end: End, args: &FetchArgs, store: &Store, path: &Path, length: u64) -> Failure {
    // Makes durable what came; if that fails, the next run rehashes it.
    if let Err(error) = store.sync() {
        tracing::warn!(%error, "what came may not be on the disk yet");
    }
    let pieces = store.pieces();
    let kept = format!(
        "{} of {} pieces are kept beside {}: the same command goes on from there",
        pieces.count(),
        pieces.pieces(),
        path.display()
    );
    match end {
        End::Setup(failure) => failure,
        End::Interrupted => Failure::new(Exit::Inconclusive, "interrupted").hint(kept),
        End::Transfer(TransferError::Store { error, .. }) => {
            destination::cannot_keep(&error, length)
        }
        End::Transfer(error) => Failure::new(Exit::Finding, error).hint(kept),
        End::NoPeer { why, reasons } => {
            let why = match reasons.is_empty() {
                true => format!("{why}: waited {}", units::span(args.patience)),
                false => {
                    let list: Vec<_> = reasons
                        .iter()
                        .map(|(addr, why)| format!("{addr}: {why}"))
                        .collect();
                    format!("{why}: {}", escape(&list.join("; ")))
                }
            };
            let hint = if pieces.count() > 0 {
                kept
            } else {
                "`dolab check HOST` finds what is in the way".to_owned()
            };
            Failure::new(Exit::Finding, why).hint(hint)
        }
    }
}

/// How a background transfer stands.
#[derive(Clone, Copy, Serialize)]
struct Yielding {
    /// What all background transfers of this device may take now.
    limit_bits_per_second: f64,
    /// The path's own round trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_ms: Option<f64>,
    /// What the queue on the path adds to it.
    queueing_ms: f64,
}

impl From<Background> for Yielding {
    fn from(view: Background) -> Self {
        let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        Self {
            limit_bits_per_second: view.rate as f64 * 8.0,
            base_ms: view.base.map(ms),
            queueing_ms: ms(view.queueing),
        }
    }
}

/// The final document.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    id: String,
    path: String,
    bytes: u64,
    pieces: u32,
    resumed_bytes: u64,
    bad_pieces: u32,
    seconds: f64,
    bits_per_second: f64,
    sources: Vec<SourceOfBytes>,
    /// Sent to others, where that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_bytes: Option<u64>,
    /// How it stood last, when it was fetched in the background.
    #[serde(skip_serializing_if = "Option::is_none")]
    background: Option<Yielding>,
}

/// Who sent what.
#[derive(Serialize)]
struct SourceOfBytes {
    address: String,
    bytes: u64,
    pieces: u32,
    bad_pieces: u32,
}

fn sources(report: &TransferReport) -> Vec<SourceOfBytes> {
    let source = |sender: &dolab_peer::Sender| SourceOfBytes {
        address: sender.addr.to_string(),
        bytes: sender.bytes,
        pieces: sender.pieces,
        bad_pieces: sender.bad_pieces,
    };
    report.senders.iter().map(source).collect()
}

fn tell(document: &Document, output: &Output) {
    let Document {
        path,
        bytes,
        pieces,
        resumed_bytes,
        bad_pieces,
        ..
    } = document;
    let fetched = bytes - resumed_bytes;
    output.line(format_args!(
        "fetched: {}, whole and verified, {} in {pieces} pieces",
        escape(path),
        Size(*bytes)
    ));
    if fetched > 0 {
        let rate = Rate {
            bits_per_second: document.bits_per_second,
        };
        let time = units::span(Duration::from_secs_f64(document.seconds));
        output.line(format_args!("  {} in {time}, {rate}", Size(fetched)));
    }
    if let Some(view) = &document.background {
        let limit = Rate {
            bits_per_second: view.limit_bits_per_second,
        };
        let base = view
            .base_ms
            .map_or_else(|| "not measured".to_owned(), |base| format!("{base} ms"));
        output.line(format_args!(
            "  in the background: at last up to {limit}, round trip {base}, {} ms of queue",
            view.queueing_ms
        ));
    }
    for source in &document.sources {
        let share = 100.0 * source.bytes as f64 / fetched.max(1) as f64;
        output.line(format_args!(
            "  from {}: {} ({share:.0}%)",
            source.address,
            Size(source.bytes)
        ));
    }
    if *resumed_bytes > 0 {
        output.line(format_args!(
            "  from an earlier run: {}",
            Size(*resumed_bytes)
        ));
    }
    if *bad_pieces > 0 {
        output.line(format_args!(
            "  bad pieces, thrown away and fetched again: {bad_pieces}"
        ));
    }
}

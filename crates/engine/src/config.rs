use std::time::Duration;

use dolab_content::Layout;

/// How the engine behaves. What Delivery Optimization does is known for few of these: each field
/// says whether its default is documented, observed or assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How a piece is asked for. Assumed: the size of real requests is not known; that a whole
    /// piece fits one message is inferred.
    pub request_size: RequestSize,
    /// Bytes that may be asked for and not there yet, on one connection. At least one piece is
    /// always allowed. Assumed.
    pub max_outstanding_per_connection: u64,
    /// Bytes of all pieces that are being received or verified, each counted whole: the bound of
    /// the driver's buffers. One content takes at most two thirds of it. Raised to [`Layout::MAX_PIECE_SIZE`] when it is less. Assumed.
    pub max_outstanding: u64,
    /// Requests that a peer may have waiting here, and that this device has waiting at a peer.
    /// Assumed.
    pub max_requests_per_connection: usize,
    /// Bodies that are handed to the driver and not sent yet, on one connection where they leave
    /// within [`Config::BRISK`]; half of it, at least one, where they take [`Config::LATE`]; one in
    /// between, since what was handed over also leaves to a peer that is choked or no longer wants
    /// it. Assumed.
    pub max_unsent_bodies: usize,
    /// Contents that are uploaded at one time (documented: 4).
    pub upload_contents: usize,
    /// Peers that are served at one time, for each content that is uploaded. Assumed.
    pub unchoked_per_content: usize,
    /// How often upload slots go round, when more want one than there are. The rotation is
    /// documented, its pace assumed.
    pub rotation_interval: Duration,
    /// How long a peer may keep an upload slot that others wait for, and take nothing. Assumed.
    pub slot_patience: Duration,
    /// Connections at one time. That there is a limit is documented, the number assumed.
    pub max_connections: usize,
    /// Connections at one time with one remote address. Assumed.
    pub max_connections_per_address: usize,
    /// Candidates that are remembered for one content; more are dropped. Observed: 255 are asked
    /// for in the one known request.
    pub max_candidates: usize,
    /// From the wish to connect until the connection stands. Assumed.
    pub dial_timeout: Duration,
    /// From the connection until the other side has shaken hands. Assumed.
    pub handshake_timeout: Duration,
    /// Silence after which a peer counts as gone. Assumed.
    pub idle_timeout: Duration,
    /// Silence of our own after which a keepalive is sent. Assumed; the message is observed.
    pub keepalive_interval: Duration,
    /// How long a request, or the body that answers it, may make no progress. Assumed.
    pub request_timeout: Duration,
    /// How long a peer may take for what it asked for, since it last took something. Assumed.
    pub send_timeout: Duration,
    /// How long a peer that has something we miss may keep us choked. Assumed.
    pub choked_timeout: Duration,
    /// How long a connection between two complete peers is kept. Assumed; observed is that
    /// connections end right after the bitfields when nothing is wanted.
    pub linger: Duration,
    /// How long a connection is kept over which nothing is wanted, while one side misses pieces:
    /// the other may get them yet. Assumed.
    pub idle_linger: Duration,
    /// Bad pieces from one peer until it is banned. Documented as several; three is assumed.
    pub bad_pieces_until_ban: u32,
    /// How long a ban lasts. Documented as hours; the number is assumed.
    pub ban_duration: Duration,
    /// Pause before a peer is dialled again, doubled with each failure. Assumed.
    pub redial_first: Duration,
    /// Longest such pause. Assumed.
    pub redial_longest: Duration,
    /// A content is starved when it has no connection and nobody is dialled for it within this
    /// time. Also what a new content is given to get candidates. Assumed.
    pub starved_after: Duration,
    /// Connections over which one piece may be fetched at once, when no other piece is left to
    /// ask for. Assumed.
    pub endgame_copies: usize,
    /// Requests over HTTP at one time for one content. Assumed.
    pub max_fetches: usize,
    /// Pieces in one such request at most. It begins with one and doubles. Assumed.
    pub max_pieces_per_fetch: u32,
    /// Pause before an HTTP source that failed is asked again, doubled with each failure. Assumed.
    pub source_retry_first: Duration,
    /// Longest such pause (documented, of the client for Linux: 30 s).
    pub source_retry_longest: Duration,
    /// How long a cache that can not be reached, or that refuses, is left alone (documented, of the
    /// client for Linux: 15 minutes).
    pub source_ban: Duration,
    /// How often it is looked whether a content with HTTP sources moves (documented, of the client
    /// for Linux: 10 s).
    pub progress_interval: Duration,
    /// Such looks without progress until it is given up (documented, of the client for Linux: 30).
    pub progress_checks: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            request_size: RequestSize::WholePieces,
            max_outstanding_per_connection: 32 << 20,
            max_outstanding: 64 << 20,
            max_requests_per_connection: 512,
            max_unsent_bodies: 8,
            upload_contents: 4,
            unchoked_per_content: 8,
            rotation_interval: Duration::from_secs(30),
            slot_patience: Duration::from_secs(3),
            max_connections: 512,
            max_connections_per_address: 64,
            max_candidates: 255,
            dial_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            keepalive_interval: Duration::from_secs(45),
            request_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(120),
            choked_timeout: Duration::from_secs(600),
            linger: Duration::from_secs(2),
            idle_linger: Duration::from_secs(60),
            bad_pieces_until_ban: 3,
            ban_duration: Duration::from_secs(4 * 3600),
            redial_first: Duration::from_secs(1),
            redial_longest: Duration::from_secs(300),
            starved_after: Duration::from_secs(5),
            endgame_copies: 2,
            max_fetches: 2,
            max_pieces_per_fetch: 8,
            source_retry_first: Duration::from_secs(1),
            source_retry_longest: Duration::from_secs(30),
            source_ban: Duration::from_secs(15 * 60),
            progress_interval: Duration::from_secs(10),
            progress_checks: 30,
        }
    }
}

impl Config {
    /// A body that left this soon after it was handed over was no burden to the queue.
    pub const BRISK: Duration = Duration::from_millis(20);
    /// A body that takes so long waits for its receiver where nothing of it leaves, or others get far
    /// more meanwhile, and nobody waits for it.
    pub const LATE: Duration = Duration::from_millis(500);

    /// Takes away what would make the engine stand still or spin: every limit allows at least one,
    /// and what repeats itself has a pause.
    pub(crate) fn normalized(mut self) -> Self {
        self.max_outstanding = self.max_outstanding.max(Layout::MAX_PIECE_SIZE.into());
        for limit in [
            &mut self.max_requests_per_connection,
            &mut self.max_unsent_bodies,
            &mut self.upload_contents,
            &mut self.unchoked_per_content,
            &mut self.endgame_copies,
            &mut self.max_fetches,
        ] {
            *limit = (*limit).max(1);
        }
        let pauses = [
            &mut self.rotation_interval,
            &mut self.keepalive_interval,
            &mut self.redial_first,
            &mut self.source_retry_first,
            &mut self.source_retry_longest,
            &mut self.source_ban,
            &mut self.progress_interval,
        ];
        for pause in pauses {
            *pause = (*pause).max(Duration::from_millis(1));
        }
        self.bad_pieces_until_ban = self.bad_pieces_until_ban.max(1);
        self.max_pieces_per_fetch = self.max_pieces_per_fetch.max(1);
        self.progress_checks = self.progress_checks.max(1);
        if let RequestSize::Blocks(len) = &mut self.request_size {
            *len = (*len).max(1);
        }
        self
    }
}

/// How a piece is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSize {
    /// One request for each piece.
    WholePieces,
    /// Requests of at most so many bytes, one after the other, all over the same connection.
    Blocks(u32),
}

impl RequestSize {
    /// Bytes of the next request, when `left` bytes of a piece are still to be asked for.
    pub(crate) fn next(self, left: u32) -> u32 {
        match self {
            Self::WholePieces => left,
            Self::Blocks(len) => left.min(len),
        }
    }
}

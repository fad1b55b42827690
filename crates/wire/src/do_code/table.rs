//! Every code of the public header.

use super::{DoCode, Explanation, Fault};

macro_rules! codes {
    ($($name:ident = $value:literal, $fault:ident, $meaning:literal, $advice:literal;)*) => {
        impl DoCode {
            $(#[doc = $meaning] pub const $name: Self = Self($value);)*
        }

        /// Every code of the public header, in the order of their numbers.
        pub static CODES: &[Explanation] = &[
            $(Explanation {
                code: DoCode::$name,
                meaning: $meaning,
                fault: Fault::$fault,
                advice: $advice,
            },)*
        ];
    };
}

codes! {
    NO_SERVICE = 0x80D0_1001, ThisHost,
        "delivery optimization could not do its work",
        "see whether the service dosvc runs and may start, and restart it";
    NO_PROGRESS = 0x80D0_2002, Network,
        "the download made no progress within the time allowed",
        "see whether the content's own server and its proxy can be reached, then start the download again";
    JOB_NOT_FOUND = 0x80D0_2003, Caller,
        "there is no such download job",
        "the job is over or was of another user: start a new one";
    JOB_EMPTY = 0x80D0_2004, Caller,
        "the download job has no files",
        "the program has to add a file before it starts the job";
    NO_DOWNLOADS = 0x80D0_2005, Nobody,
        "there are no downloads at the moment",
        "nothing to do";
    STREAM_NOT_SUPPORTED = 0x80D0_200B, Caller,
        "this download can not go into memory",
        "the program has to give a file to write to";
    JOB_TOO_OLD = 0x80D0_200C, Caller,
        "the job was neither completed nor cancelled for so long that it was given up",
        "start the download again, and see why the program let it lie";
    LOCAL_PATH_NOT_SET = 0x80D0_200D, Caller,
        "the job has no file to write to",
        "the program has to give one";
    FILE_NOT_AVAILABLE = 0x80D0_2010, Caller,
        "there is no file to tell about, since no address has failed",
        "ask again once the download has an error";
    UNKNOWN_PROPERTY = 0x80D0_2011, Caller,
        "the program asked for a property that does not exist",
        "see whether the program is made for this version of Windows";
    READ_ONLY_PROPERTY = 0x80D0_2012, Caller,
        "the program tried to set a property that can only be read",
        "report it to the program's maker";
    INVALID_STATE = 0x80D0_2013, Caller,
        "the job's state does not allow what was asked for",
        "the job is probably completed or cancelled: start a new one";
    NO_ERROR_INFORMATION = 0x80D0_2014, Nobody,
        "there was no error to tell about",
        "nothing to do";
    WRITE_ONLY_PROPERTY = 0x80D0_2015, Caller,
        "the program tried to read a property that can only be set",
        "report it to the program's maker";
    PIECES_HASH_FILE_UNSPECIFIED = 0x80D0_2016, Caller,
        "the job has to be verified, but the program did not say against what",
        "the program has to hand in the integrity information, or not ask for verification";
    PIECES_HASH_FILE_MISSING = 0x80D0_2017, Network,
        "the pieces hash file could not be had",
        "let this host fetch over http, port 80, from the hosts of the content and its metadata; until then it runs without peers";
    NO_SINK = 0x80D0_2018, Caller,
        "the download has neither a file nor a stream to go to",
        "the program has to give one";
    SINK_ALREADY_SET = 0x80D0_2019, Caller,
        "the download already goes to a file or a stream, and can not change",
        "report it to the program's maker";
    SIZE_UNKNOWN_200 = 0x80D0_201A, Server,
        "the server's whole answer did not say how large the content is",
        "the server or a proxy has to send the length of the content";
    ENCRYPTION_EXPECTED = 0x80D0_201B, Server,
        "the content should be encrypted, and on the server it is not",
        "publish the content again, or correct its key";
    SIZE_UNKNOWN_206 = 0x80D0_201C, Server,
        "the server's partial answer did not say how large the content is",
        "the server or a proxy has to send the whole length with a range";
    SIZE_UNKNOWN_2XX = 0x80D0_201D, Server,
        "the server answered with an unusual status of success, and no size of the content",
        "see what the server and the proxies before it answer to a request for a range";
    CONSENT_NEEDED = 0x80D0_201E, Settings,
        "the user has to agree before the network is used",
        "sign in and answer the question";
    NO_URI = 0x80D0_2200, Caller,
        "the download was started without an address",
        "the program has to give one";
    NO_CONTENT_ID = 0x80D0_2201, Caller,
        "the download was started without a content id",
        "the program has to give one";
    INVALID_CONTENT_ID = 0x80D0_2202, Caller,
        "the content id is not valid",
        "correct it where the content is published";
    RANGES_UNEXPECTED = 0x80D0_2203, Caller,
        "the program gave ranges to a download that takes none",
        "report it to the program's maker";
    RANGES_EXPECTED = 0x80D0_2204, Caller,
        "the program gave no ranges to a download that needs them",
        "report it to the program's maker";
    PARTICIPATION_THROTTLED = 0x80D0_3001, Service,
        "the download is not let through at the moment, to hold back how many take part",
        "wait: it is let through later";
    NOT_ALLOWED_BY_SETTINGS = 0x80D0_3002, Settings,
        "settings of the user or an administrator do not allow the download",
        "look for DODownloadMode 100 (Bypass), which Windows 11 no longer supports: set 0 or 99 instead";
    COST_POLICY = 0x80D0_3801, Settings,
        "the download waits because the network is metered",
        "use another network, or mark this one as not metered";
    MODE_BY_CONTENT_POLICY = 0x80D0_3802, Service,
        "the content's policy does not allow peers",
        "nothing to do: some contents are never shared; a connected cache may still help";
    CELLULAR = 0x80D0_3803, Settings,
        "the download waits because the network is cellular",
        "use another network, or allow downloads over cellular ones";
    POWER_STATE = 0x80D0_3804, Settings,
        "sharing waits because the device runs on battery",
        "plug it in, or set DOMinBatteryPercentageAllowedToUpload to the charge down to which it may serve";
    NO_NETWORK = 0x80D0_3805, Network,
        "the download waits because there is no network",
        "see whether the adapter is connected";
    MODE_BY_POLICY = 0x80D0_3806, Settings,
        "the download mode that is set has no peers",
        "set DODownloadMode to 1, 2 or 3: Get-DOConfig tells who has set it now";
    VPN = 0x80D0_3807, Settings,
        "sharing waits because a vpn is connected",
        "set DOAllowVPNPeerCaching to 1; an adapter that is no vpn is taken for one when its description or name has one of DOVpnKeywords' words in it, such as secure";
    CRITICAL_MEMORY = 0x80D0_3808, ThisHost,
        "sharing waits because memory is scarce",
        "close programs, or add memory";
    CACHE_FOLDER_MISSING = 0x80D0_3809, ThisHost,
        "the cache's folder is not there or can not be used",
        "see whether the drive of DOModifyCacheDrive exists and the service may write to it";
    CLOUD_UNREACHABLE = 0x80D0_380A, Network,
        "the cloud service could not be reached",
        "let this host reach *.prod.do.dsp.mp.microsoft.com on tcp 443 without inspection of tls";
    UNREGISTERED_CALLER = 0x80D0_380B, Nobody,
        "the caller is not one of those that may use peers",
        "nothing to do: downloads of this program never use peers; a connected cache may still help";
    SIMPLE_RANGES = 0x80D0_380C, Nobody,
        "a download in simple mode fetches ranges",
        "nothing to do";
    ODD_SUCCESS = 0x80D0_380D, Server,
        "the server answered with a status of success that means something else",
        "see what the server and the proxies before it answer: 204 for instance has no content";
    SIZE_MISMATCH = 0x80D0_5001, Server,
        "the server sent another number of bytes than the content has",
        "see whether a proxy or a cache on the way changes or cuts answers";
    CERTIFICATE = 0x80D0_5002, Network,
        "the server's certificate is not trusted",
        "exempt delivery optimization's hosts from inspection of tls, and see whether the clock is right";
    BAD_RANGE = 0x80D0_5010, Server,
        "the server answered with another range of bytes than was asked for",
        "see whether the content on the server was replaced, and whether a proxy rewrites ranges";
    NO_RANGE_SUPPORT = 0x80D0_5011, Server,
        "the server does not answer requests for ranges of bytes",
        "let the server and every proxy pass the header Range: such a request must be answered with 206";
    OVERLAPPING_RANGES = 0x80D0_5012, Caller,
        "the program asked for ranges that overlap",
        "report it to the program's maker";
    UPLOADING_BAD_PIECES = 0x80D0_6800, ThisHost,
        "this host found bad pieces in its own copy and stopped sharing it",
        "check the disk, then delete the cache: Delete-DeliveryOptimizationCache";
    CORE_FAILED = 0x80D0_6802, ThisHost,
        "delivery optimization failed beyond repair",
        "restart the service dosvc; if it comes again, look into its log";
    EMPTY_SERVICE_JSON = 0x80D0_6803, Service,
        "the cloud service answered with JSON that is empty",
        "see whether something on the way answers in the service's name, and try later";
    BAD_DATA = 0x80D0_6804, Peer,
        "the peer sent data that was not asked for or makes no sense",
        "nothing to do here: another source is used; look at the peer if it stays the same one";
    BAD_HASH_BANNED = 0x80D0_6805, Peer,
        "a piece failed its hash, and the peer that sent it is banned",
        "check the disk of that peer and delete its cache; the ban lasts hours";
    BAD_HASH = 0x80D0_6806, Peer,
        "a piece failed its hash",
        "nothing to do: it is fetched again, and a peer that goes on is banned";
    ALREADY_HAVE_PIECE = 0x80D0_6807, Nobody,
        "the piece is already in the cache",
        "nothing to do";
    PIECE_GONE = 0x80D0_6808, Nobody,
        "the piece that a peer asked for is no longer in the cache",
        "nothing to do; DOMaxCacheAge and DOMaxCacheSize decide how long pieces stay";
    PIECES_HASH_FILE_INVALID = 0x80D0_6809, Network,
        "the pieces hash file is not valid",
        "see whether a proxy answers with a page of its own, such as a sign-in page, instead of the file";
    PIECES_HASH_FILE_VERSION = 0x80D0_680A, Service,
        "the pieces hash file is of a version that is not known",
        "update the system";
    SWARM_NOT_RUNNING = 0x80D0_680B, Nobody,
        "the swarm is not running on this host",
        "nothing to do: the content is no longer shared here";
    UNRECOGNIZED_CONNECTION = 0x80D0_680C, Peer,
        "the connection belongs to no peer that is known",
        "nothing to do: it is closed";
    PEER_BANNED = 0x80D0_680D, Peer,
        "the peer is banned",
        "it sent bad pieces: check its disk, delete its cache, and wait for some hours";
    SELF_CONNECTION = 0x80D0_680E, Nobody,
        "the peer is this host itself",
        "nothing to do";
    ALREADY_CONNECTED = 0x80D0_680F, Nobody,
        "the peer is already connected",
        "nothing to do";
    NO_MORE_CONNECTIONS = 0x80D0_6810, Nobody,
        "no more connections are allowed",
        "nothing to do; where it stays so, more devices have to have the content";
    CONNECTION_LOST = 0x80D0_6811, Network,
        "the connection was lost",
        "see whether tcp 7680 is open in both directions and stays so: `dolab check HOST`";
    UNRECOGNIZED_SWARM = 0x80D0_6812, Nobody,
        "the peer asked for a swarm that this host does not have",
        "nothing to do: the content has left the cache, or the list of peers is old";
    INVALID_HANDSHAKE_LEN = 0x80D0_6813, Peer,
        "the handshake has a length that is not allowed",
        "see what speaks to port 7680: it is no peer";
    SOCKET_CLOSED = 0x80D0_6814, Peer,
        "the peer closed the connection",
        "nothing to do; where it is always so, see whether the peer has the content and a free connection";
    MESSAGE_TOO_LONG = 0x80D0_6815, Peer,
        "the peer sent a message that is too long",
        "see what speaks to port 7680: it is no peer, or something on the way changes its bytes";
    INVALID_MESSAGE = 0x80D0_6816, Peer,
        "the peer sent a message that is not valid",
        "see what speaks to port 7680: it is no peer, or something on the way changes its bytes";
    PEER_IS_UPLOAD = 0x80D0_6817, Nobody,
        "the peer only takes, and has nothing to give",
        "nothing to do";
    PIN_WITHOUT_PEERS = 0x80D0_6818, Settings,
        "the content can not be pinned, since it was not fetched in a mode with peers",
        "fetch it with DODownloadMode 1, 2 or 3";
    PINNED = 0x80D0_6819, Settings,
        "the content is pinned and can not be deleted",
        "delete it by force, or take the pin away";
    PIECES_HASH_FILE_DIGEST = 0x80D0_681A, Network,
        "the pieces hash file does not match its digest",
        "see whether a proxy changes the file; without it there are no peers";
    HASH_OF_HASHES_STATED = 0x80D0_681B, Network,
        "the hash of hashes stated in the pieces hash file is not the one expected",
        "see whether a proxy or a cache hands out an old file; without it there are no peers";
    HASH_OF_HASHES_COMPUTED = 0x80D0_681C, Network,
        "the hash of hashes computed over the pieces is not the one expected",
        "see whether a proxy changes the file; without it there are no peers";
    PIECES_HASH_FILE_LENGTH = 0x80D0_681D, Service,
        "the content's length in the pieces hash file is not possible",
        "see whether a proxy changes the file, or publish the content again";
    PIECES_HASH_FILE_PIECE_SIZE = 0x80D0_681E, Service,
        "the size of a piece in the pieces hash file is not possible",
        "see whether a proxy changes the file, or publish the content again";
    PIECES_HASH_FILE_HASH_OF_HASHES = 0x80D0_681F, Service,
        "the hash of hashes in the pieces hash file can not be read",
        "see whether a proxy changes the file, or publish the content again";
    PIECES_HASH_FILE_HASHES = 0x80D0_6820, Service,
        "the list of hashes in the pieces hash file can not be read",
        "see whether a proxy changes the file, or publish the content again";
    PIECES_HASH_FILE_ONE_HASH = 0x80D0_6821, Service,
        "one of the hashes in the pieces hash file can not be read",
        "see whether a proxy changes the file, or publish the content again";
    PIECES_HASH_FILE_SIZE = 0x80D0_6822, Network,
        "the pieces hash file's own size is not known or not possible",
        "see whether a proxy cuts the file or answers in its place";
}

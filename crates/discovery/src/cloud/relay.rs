use std::{net::IpAddr, time::Duration};

use dolab_http::{Client, Error, Request, Upgraded};
use dolab_wire::{
    cloud::with_query,
    relay::{BEGIN, CALL_PATH, PROTOCOL, STATIONS_PATH, Station, TICK, WAIT_PATH},
};
use tokio::{io::AsyncReadExt, time::timeout};

/// A cloud that says nothing for so long is gone. It sends something four times as often.
const SILENCE: Duration = Duration::from_secs(60);

/// Bytes of the longest address in text, and the line feed behind it.
const MAX_ADDRESS: usize = 46;

/// The cloud as go-between of two lab peers (ours), each of which can reach it but not the other.
#[derive(Clone, Debug)]
pub struct Relay {
    client: Client,
    base: String,
}

/// Why waiting to be called came to an end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The cloud was not reached, or does not serve as go-between.
    #[error(transparent)]
    Http(#[from] Error),
    /// The connection broke while it waited.
    #[error("the connection to the cloud ended: {0}")]
    Io(#[from] std::io::Error),
    /// What came is not what a go-between says.
    #[error("the cloud does not speak {PROTOCOL}: {0}")]
    Protocol(&'static str),
}

impl Relay {
    /// The go-between at a cloud's address, such as `https://10.0.0.9`. A path behind that does not
    /// count.
    ///
    /// # Errors
    /// [`Error::Url`] when it is no absolute address.
    pub fn new(client: Client, cloud: &str) -> Result<Self, Error> {
        let base = Request::get(cloud)?.origin();
        Ok(Self { client, base })
    }

    /// Lab peers that wait to be called.
    ///
    /// # Errors
    /// When the cloud can not be asked, or answers otherwise.
    pub async fn stations(&self) -> Result<Vec<Station>, Error> {
        let request = Request::get(&format!("{}{STATIONS_PATH}", self.base))?;
        let stations: Vec<Station> = self.client.send(request).await?.ok()?.json().await?;
        Ok(stations.into_iter().map(Station::bounded).collect())
    }

    /// Calls a station by its id. What is sent then arrives there.
    ///
    /// # Errors
    /// [`Error::Status`] with 404 when no such station waits, and whatever keeps the cloud from
    /// being asked.
    pub async fn call(&self, station: &str) -> Result<Upgraded, Error> {
        let url = format!("{}{CALL_PATH}", self.base);
        let url = with_query(&url, &[("station", station)]);
        self.client.upgrade(Request::get(&url)?, PROTOCOL).await
    }

    /// Waits, as this station, until somebody calls. Yields the connection and the address that the
    /// cloud sees the caller at.
    ///
    /// # Errors
    /// When the cloud can not be reached, or no longer.
    pub async fn wait(&self, station: &Station) -> Result<(Upgraded, IpAddr), RelayError> {
        let addresses: Vec<_> = station.addresses.iter().map(ToString::to_string).collect();
        let query = [
            ("station", station.id.as_str()),
            ("name", station.name.as_str()),
            ("addresses", &addresses.join(",")),
        ];
        let url = with_query(&format!("{}{WAIT_PATH}", self.base), &query);
        let mut stream = self.client.upgrade(Request::get(&url)?, PROTOCOL).await?;
        tracing::debug!(cloud = self.base, "waits at the cloud to be called");
        loop {
            match self.byte(&mut stream).await? {
                TICK => {}
                BEGIN => break,
                _ => return Err(RelayError::Protocol("an unknown byte came")),
            }
        }
        let mut address = Vec::new();
        loop {
            match self.byte(&mut stream).await? {
                b'\n' => break,
                byte => address.push(byte),
            }
            if address.len() > MAX_ADDRESS {
                return Err(RelayError::Protocol("the caller's address has no end"));
            }
        }
        let caller = str::from_utf8(&address).ok().and_then(|it| it.parse().ok());
        let caller = caller.ok_or(RelayError::Protocol("the caller's address is none"))?;
        Ok((stream, caller))
    }

    async fn byte(&self, stream: &mut Upgraded) -> Result<u8, RelayError> {
        let byte = timeout(SILENCE, stream.read_u8()).await;
        Ok(byte.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??)
    }
}

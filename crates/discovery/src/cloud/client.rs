use dolab_content::{ContentId, PiecesHashFile};
use dolab_http::{Client, Request, Response, StatusCode, header};
use dolab_wire::cloud::{
    ContentPolicy, Discovered, Document, Geo, GeoVersion, Join, Joined, KeyValue, Leave,
    MAX_REPLY_LEN, REQUEST_CONTENT_TYPE, ReplyError, with_content_id, with_query,
};

use super::{CloudClientConfig, CloudError};

/// Asks the services of the cloud, each when it is told to. Clones share their connections.
#[derive(Clone, Debug)]
pub struct CloudClient {
    config: CloudClientConfig,
    http: Client,
}

/// Where the client is and whom it has to ask: what geo and key-value said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// What the geo service said.
    pub geo: Geo,
    /// What the key-value service said.
    pub key_value: KeyValue,
}

/// What names a content to the cloud: its id, its URL, or both. At least one has to be there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentName {
    /// Its id.
    pub id: Option<String>,
    /// Its URL (`altCatalogId`).
    pub url: Option<String>,
}

/// What the cloud says of one content, and how its pieces are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its policy.
    pub policy: ContentPolicy,
    /// Its pieces hash file, which is the one that the policy states.
    pub hashes: PiecesHashFile,
}

impl ContentName {
    /// Names a content by the id that its hash of hashes gives it.
    pub fn of(content: ContentId) -> Self {
        Self {
            id: Some(ContentPolicy::content_id_of(&content.0)),
            url: None,
        }
    }

    /// What stands in an endpoint where the content id goes. With a URL alone any text does
    /// (observed: `test`).
    fn path_id(&self) -> &str {
        self.id.as_deref().unwrap_or("url")
    }

    fn url(&self) -> &str {
        self.url.as_deref().unwrap_or_default()
    }

    fn shown(&self) -> String {
        let name = self.id.as_deref().unwrap_or_else(|| self.url());
        dolab_wire::text::printable(name, 128)
    }
}

impl CloudClient {
    /// A client without connections.
    pub fn new(config: CloudClientConfig) -> Self {
        Self {
            http: Client::new(config.http.clone()),
            config,
        }
    }

    /// How it asks.
    pub fn config(&self) -> &CloudClientConfig {
        &self.config
    }

    /// Asks geo and then key-value.
    ///
    /// # Errors
    /// When one of them does not answer, or not as it should.
    pub async fn learn(&self) -> Result<Endpoints, CloudError> {
        let geo = self.geo().await?;
        let key_value = self.key_value(&geo).await?;
        Ok(Endpoints { geo, key_value })
    }

    /// What the cloud says of a content, and its pieces hash file, for a download with peers.
    ///
    /// # Errors
    /// When the caller is not registered, the content is unknown or its policy allows no peers, the
    /// pieces hash file can not be had or is another one, or a service does not answer as it
    /// should.
    pub async fn content(
        &self,
        endpoints: &Endpoints,
        content: &ContentName,
    ) -> Result<Metadata, CloudError> {
        let caller = &self.config.caller;
        if !endpoints.key_value.is_registered(caller) {
            return Err(CloudError::NotRegistered(caller.clone()));
        }
        let policy = self.content_policy(endpoints, content).await?;
        if let Some(mode) = policy.policies.download_mode.filter(|mode| !mode.peers()) {
            return Err(CloudError::NoPeersForContent(mode));
        }
        let hashes = self.pieces_hash_file(&policy).await?;
        Ok(Metadata { policy, hashes })
    }

    /// Asks the geo service.
    ///
    /// # Errors
    /// When it does not answer, or not as it should.
    pub async fn geo(&self) -> Result<Geo, CloudError> {
        let call = getrandom::u32().unwrap_or_default().to_string();
        let parameters = [
            ("doClientVersion", &*self.config.version.to_string()),
            ("profile", &*self.config.profile.to_string()),
            ("callId", &*call),
            ("groupID", self.config.group.as_deref().unwrap_or_default()),
        ];
        let url = with_query(&self.config.geo, &parameters);
        self.get(Document::Geo, &url, Geo::parse).await
    }

    /// Asks whether a geo answer still holds: it does while its version is the one that the service
    /// states (that this is what the version is for is **assumed**). Where nobody can be asked, it
    /// holds.
    ///
    /// # Errors
    /// As [`Self::geo`].
    pub async fn is_current(&self, geo: &Geo) -> Result<bool, CloudError> {
        let Some(endpoint) = self.config.geo_version() else {
            return Ok(true);
        };
        let parameters = [
            ("doClientVersion", &*self.config.version.to_string()),
            ("profile", &*self.config.profile.to_string()),
            ("groupID", self.config.group.as_deref().unwrap_or_default()),
        ];
        let url = with_query(&endpoint, &parameters);
        let told = self.get(Document::GeoVersion, &url, GeoVersion::parse);
        Ok(told.await?.version == geo.version)
    }

    /// Asks the key-value service that geo named.
    ///
    /// # Errors
    /// As [`Self::geo`].
    pub async fn key_value(&self, geo: &Geo) -> Result<KeyValue, CloudError> {
        let parameters = [
            ("doClientVersion", &*self.config.version.to_string()),
            ("countryCode", &*geo.country_code),
            ("profile", &*self.config.profile.to_string()),
            ("CacheId", geo.cache_id.as_deref().unwrap_or_default()),
        ];
        let url = with_query(&geo.key_value_endpoint, &parameters);
        self.get(Document::KeyValue, &url, KeyValue::parse).await
    }

    /// Asks for a content's policy.
    ///
    /// # Errors
    /// [`CloudError::UnknownContent`] when the service does not know the content, and as
    /// [`Self::geo`].
    pub async fn content_policy(
        &self,
        endpoints: &Endpoints,
        content: &ContentName,
    ) -> Result<ContentPolicy, CloudError> {
        let endpoint = &endpoints.key_value.content_policy_endpoint;
        let url = self.content_url(endpoint, endpoints, content, &[]);
        let policy = self
            .get(Document::ContentPolicy, &url, ContentPolicy::parse)
            .await;
        if let Err(CloudError::Unreachable { source, .. }) = &policy
            && matches!(source, dolab_http::Error::Status { status, .. }
                if *status == StatusCode::NOT_FOUND)
        {
            return Err(CloudError::UnknownContent(content.shown()));
        }
        policy
    }

    /// Downloads a content's pieces hash file from the places that its policy names, one after the
    /// other, and verifies it against the hash there.
    ///
    /// # Errors
    /// When the policy names no hash or place, or none of them gave the right file: then what went
    /// wrong at the last.
    pub async fn pieces_hash_file(
        &self,
        policy: &ContentPolicy,
    ) -> Result<PiecesHashFile, CloudError> {
        let missing = |what| CloudError::NoHashes {
            content: dolab_wire::text::printable(&policy.content_id, 128),
            what,
        };
        let hash = policy
            .hash_of_hashes
            .ok_or_else(|| missing("hash of hashes"))?;
        let mut last = missing("pieces hash file");
        for url in policy.pieces_hash_file_cdn_urls.iter().take(MAX_PLACES) {
            let url = url.clone();
            let file = match self.file(&url).await {
                Ok(file) => PiecesHashFile::from_json_of(ContentId(hash), &file),
                Err(source) => {
                    last = CloudError::HashFileUnavailable { url, source };
                    continue;
                }
            };
            match file {
                Ok(file) => return Ok(file),
                Err(source) => last = CloudError::HashFile { url, source },
            }
        }
        Err(last)
    }

    /// Asks which array serves a content.
    ///
    /// # Errors
    /// As [`Self::geo`].
    pub async fn array(
        &self,
        endpoints: &Endpoints,
        content: &ContentName,
    ) -> Result<Discovered, CloudError> {
        let endpoint = &endpoints.key_value.discovery_endpoint;
        let url = self.content_url(endpoint, endpoints, content, &[("partitionId", "0")]);
        let arrays = self
            .get(Document::Discovery, &url, Discovered::parse)
            .await?;
        let first = arrays.into_iter().next();
        first.ok_or_else(|| CloudError::Reply {
            host: host_of(&url),
            source: ReplyError::Empty(Document::Discovery),
        })
    }

    /// Registers with an array, or renews the registration.
    ///
    /// # Errors
    /// As [`Self::geo`].
    pub async fn join(&self, array: &Discovered, join: &Join) -> Result<Joined, CloudError> {
        let url = array.join_url();
        let response = self.post(Document::Join, &url, join.to_json()).await?;
        read(Document::Joined, &url, response, Joined::parse).await
    }

    /// Takes a registration back.
    ///
    /// # Errors
    /// As [`Self::geo`]. That there was no registration is none.
    pub async fn leave(&self, array: &Discovered, leave: &Leave) -> Result<(), CloudError> {
        let url = array.leave_url();
        let response = self.post(Document::Leave, &url, leave.to_json()).await?;
        match response.status {
            StatusCode::NOT_FOUND => Ok(()),
            _ => response
                .ok()
                .map(drop)
                .map_err(unreachable(Document::Leave)),
        }
    }

    /// The endpoint for one content, with what every request for one states.
    fn content_url(
        &self,
        endpoint: &str,
        endpoints: &Endpoints,
        content: &ContentName,
        first: &[(&str, &str)],
    ) -> String {
        let version = self.config.version.to_string();
        let profile = self.config.profile.to_string();
        let mut parameters = first.to_vec();
        parameters.extend([
            ("doClientVersion", &*version),
            ("countryCode", &*endpoints.geo.country_code),
            ("profile", &*profile),
            ("altCatalogId", content.url()),
        ]);
        with_query(&with_content_id(endpoint, content.path_id()), &parameters)
    }

    async fn get<T>(
        &self,
        step: Document,
        url: &str,
        parse: impl FnOnce(Option<&str>, &[u8]) -> Result<T, ReplyError>,
    ) -> Result<T, CloudError> {
        let request = Request::get(url).map_err(unreachable(step))?;
        let response = self.http.send(request).await.map_err(unreachable(step))?;
        read(step, url, response, parse).await
    }

    async fn post(&self, step: Document, url: &str, body: Vec<u8>) -> Result<Response, CloudError> {
        let request = Request::post(url, body)
            .and_then(|request| request.header("content-type", REQUEST_CONTENT_TYPE))
            .map_err(unreachable(step))?;
        self.http.send(request).await.map_err(unreachable(step))
    }

    async fn file(&self, url: &str) -> Result<Vec<u8>, dolab_http::Error> {
        let response = self.http.send(Request::get(url)?).await?.ok()?;
        let body = response.body.collect(PiecesHashFile::MAX_JSON_LEN).await?;
        Ok(body.into())
    }
}

/// Places of a pieces hash file that are tried.
const MAX_PLACES: usize = 8;

/// Reads an answer. A web page is told as one whatever its status: captive portals use several.
async fn read<T>(
    step: Document,
    url: &str,
    response: Response,
    parse: impl FnOnce(Option<&str>, &[u8]) -> Result<T, ReplyError>,
) -> Result<T, CloudError> {
    let reply = |source| CloudError::Reply {
        host: host_of(url),
        source,
    };
    if response.is_web_page() {
        return Err(reply(ReplyError::CaptivePortal(step)));
    }
    let response = response.ok().map_err(unreachable(step))?;
    let kind = response.header(&header::CONTENT_TYPE).map(str::to_owned);
    let body = response.body.collect(MAX_REPLY_LEN).await;
    let body = body.map_err(unreachable(step))?;
    parse(kind.as_deref(), &body).map_err(reply)
}

fn unreachable(step: Document) -> impl Fn(dolab_http::Error) -> CloudError {
    move |source| CloudError::Unreachable { step, source }
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    dolab_wire::text::printable(host, 253)
}

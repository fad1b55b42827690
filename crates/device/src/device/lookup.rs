//! What is to be known before a download can begin: by which mode it runs, where the content may be
//! had, and how its pieces are verified.

use std::sync::Arc;

use dolab_content::PiecesHashFile;
use dolab_discovery::cloud::{CloudClient, CloudError, ContentName, Endpoints};
use dolab_policy::gates::{Gate, Judgement, Transfer};
use dolab_wire::{DoCode, DownloadMode, cloud::ContentPolicy, cloud::ContentPolicyValues};
use sha1::{Digest, Sha1};

use super::Inner;
use crate::{
    DownloadError, Request, What,
    report::{Level, LogEntry},
    state::Trouble,
};

/// What is known of a content.
#[derive(Debug)]
pub(super) struct Known {
    /// What the file is called by: its content id, or 40 hex digits of its URL.
    pub(super) file_id: String,
    /// The content's own addresses.
    pub(super) urls: Vec<String>,
    /// Connected Caches, each with how it was found.
    pub(super) caches: Vec<(&'static str, String)>,
    /// The hashes of its pieces.
    pub(super) hashes: Option<Arc<PiecesHashFile>>,
    /// What the cloud said of it.
    pub(super) values: ContentPolicyValues,
    /// Where the cloud's other services are.
    pub(super) endpoints: Option<Endpoints>,
    /// Every gate.
    pub(super) judgement: Judgement,
    /// Why it runs in the mode that it does, where that is not the policy's.
    pub(super) reason: Option<DoCode>,
    /// What failed when the cloud was asked.
    pub(super) trouble: Option<Trouble>,
}

/// What the cloud came to.
#[derive(Default)]
struct Answer {
    /// Whether it answers.
    cloud: Option<bool>,
    registered: Option<bool>,
    policy: Option<ContentPolicy>,
    hashes: Option<Arc<PiecesHashFile>>,
    /// Whether the pieces can be verified.
    integrity: Option<bool>,
    endpoints: Option<Endpoints>,
    /// The code of what failed.
    code: Option<DoCode>,
    why: String,
    trouble: Option<Trouble>,
}

impl Inner {
    /// Asks whom the gates let it ask.
    ///
    /// # Errors
    /// When the download may not run, or nothing tells where the content is.
    pub(super) async fn look_up(&self, request: &Request) -> Result<Known, DownloadError> {
        let transfer = Transfer {
            priority: request.priority,
            size: request.size,
            ..Transfer::default()
        };
        let first = self.judge(None, &transfer);
        self.allowed(&first)?;
        let answer = match first.mode {
            // Neither of them asks the cloud (documented).
            DownloadMode::Simple | DownloadMode::Bypass => Answer::default(),
            DownloadMode::CdnOnly
            | DownloadMode::Lan
            | DownloadMode::Group
            | DownloadMode::Internet => self.ask_cloud(request).await,
        };
        let size = answer.hashes.as_ref().map(|it| it.layout().length());
        let bound = answer.policy.as_ref().map(|it| it.policies.download_mode);
        let transfer = Transfer {
            size: size.or(request.size),
            registered_caller: answer.registered,
            peers_allowed: bound.map(|mode| mode.is_none_or(DownloadMode::peers)),
            integrity: answer.integrity,
            ..transfer
        };
        let judgement = self.judge(answer.cloud, &transfer);
        self.allowed(&judgement)?;
        self.log_closed(&request.name, &judgement);
        self.known(request, answer, judgement).await
    }

    fn allowed(&self, judgement: &Judgement) -> Result<(), DownloadError> {
        if judgement.allowed.download {
            return Ok(());
        }
        let shut = judgement
            .closed()
            .find(|it| it.blocks.contains(&dolab_policy::gates::Use::Download));
        Err(DownloadError::NotAllowed {
            gate: shut.map_or(Gate::Network, |it| it.gate),
            reason: shut.map(|it| it.reason.clone()).unwrap_or_default(),
            code: shut.and_then(|it| it.code),
        })
    }

    async fn ask_cloud(&self, request: &Request) -> Answer {
        let Some(client) = &self.cloud else {
            return Answer {
                cloud: Some(false),
                why: "no cloud service is configured".to_owned(),
                code: Some(DoCode::CLOUD_UNREACHABLE),
                ..Answer::default()
            };
        };
        let mut answer = Answer::default();
        if let Err(error) = ask(client, request, &mut answer).await {
            let entry = LogEntry::new(Level::Warning, function_of(&error), &error);
            self.write(&entry.coded(error.do_code()));
            answer.code = Some(error.do_code());
            answer.why = error.to_string();
            answer.trouble = Some(Trouble::from(&error));
        }
        if let Some(endpoints) = &answer.endpoints {
            self.cloud_answered(endpoints);
        }
        if answer.cloud == Some(false) {
            let about = &mut self.book().state.about;
            about.cloud_trouble.clone_from(&answer.trouble);
        }
        answer
    }

    /// The cloud tells where this device is.
    pub(super) fn cloud_answered(&self, endpoints: &Endpoints) {
        let about = &mut self.book().state.about;
        about.external_ip = Some(endpoints.geo.external_ip_address);
        about.cloud_trouble = None;
    }

    async fn known(
        &self,
        request: &Request,
        answer: Answer,
        judgement: Judgement,
    ) -> Result<Known, DownloadError> {
        let policy_urls = answer.policy.as_ref().map(|it| it.content_cdn_urls.clone());
        let mut urls = policy_urls.unwrap_or_default();
        if let What::Url(url) = &request.what {
            urls.retain(|other| other != url);
            urls.insert(0, url.clone());
        }
        if urls.is_empty() && answer.hashes.is_none() {
            let gate = || {
                let shut = judgement.closed().next();
                shut.map_or_else(
                    || "nobody was asked".to_owned(),
                    |it| format!("the cloud was not asked: {}: {}", it.gate, it.reason),
                )
            };
            return Err(DownloadError::Unknown {
                content: request.name.clone(),
                why: Some(answer.why)
                    .filter(|why| !why.is_empty())
                    .unwrap_or_else(gate),
                code: answer.code,
            });
        }
        let file_id = match (&answer.hashes, &request.what) {
            (Some(hashes), _) => hashes.id().to_string(),
            (None, What::Id(id)) => id.to_string(),
            (None, What::Url(url)) => id_of_url(url),
        };
        // The cloud's own code says more than the gate's, which knows only that it fails.
        let gates = [Gate::Cloud, Gate::Integrity];
        let told = gates.iter().any(|&gate| {
            let decision = judgement.gate(gate);
            decision.code.is_some() && decision.code == judgement.mode_reason
        });
        let reason = match (told, answer.code) {
            (true, Some(code)) => Some(code),
            _ => judgement.mode_reason,
        };
        Ok(Known {
            file_id,
            urls,
            caches: self.caches(&judgement, answer.endpoints.as_ref()).await,
            hashes: answer.hashes,
            values: answer.policy.map(|it| it.policies).unwrap_or_default(),
            endpoints: answer.endpoints,
            judgement,
            reason,
            trouble: answer.trouble,
        })
    }
}

/// Goes through the services in their order, as far as they answer.
async fn ask(
    client: &CloudClient,
    request: &Request,
    answer: &mut Answer,
) -> Result<(), CloudError> {
    let name = match &request.what {
        What::Id(id) => ContentName::of(*id),
        What::Url(url) => ContentName {
            id: None,
            url: Some(url.clone()),
        },
    };
    let endpoints = client.learn().await.inspect_err(|_| {
        answer.cloud = Some(false);
    })?;
    answer.cloud = Some(true);
    answer.registered = Some(endpoints.key_value.is_registered(&request.caller));
    let endpoints = answer.endpoints.insert(endpoints);
    let policy = client.content_policy(endpoints, &name).await;
    let policy = policy.inspect_err(|error| {
        if matches!(error, CloudError::UnknownContent(_)) {
            answer.integrity = Some(false);
        } else {
            answer.cloud = Some(false);
        }
    })?;
    let policy = answer.policy.insert(policy);
    let hashes = client.pieces_hash_file(policy).await;
    answer.integrity = Some(hashes.is_ok());
    answer.hashes = Some(Arc::new(hashes?));
    Ok(())
}

/// The function of the real client in whose words such an error stands.
fn function_of(error: &CloudError) -> &'static str {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others come from the services"
    )]
    match error {
        CloudError::HashFile { .. } | CloudError::HashFileUnavailable { .. } => {
            "CTelemetryLogger::TraceErrorCdnComm"
        }
        _ => "CServiceConfigProvider::_CallService",
    }
}

/// 40 hex digits, as observed for contents that are known by their URL alone. Which function of the
/// URL they are is not known: SHA-1 is assumed.
fn id_of_url(url: &str) -> String {
    let digest = Sha1::digest(url.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

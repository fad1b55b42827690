//! This host's name.

/// The host's own name: the first label of it, as DNS-SD wants it, or `dolab` where it has none.
pub fn host_name() -> String {
    let full = system_name().unwrap_or_default();
    let label = full.split('.').next().unwrap_or_default().trim();
    if label.is_empty() || label == "localhost" {
        "dolab".into()
    } else {
        label.into()
    }
}

#[cfg(unix)]
fn system_name() -> Option<String> {
    rustix::system::uname()
        .nodename()
        .to_str()
        .ok()
        .map(Into::into)
}

#[cfg(not(unix))]
fn system_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

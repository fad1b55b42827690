//! What a user would do by hand: a web server, curl, and a checksum afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;

use super::{Competitor, Entry, Sending, wait_for_port};
use crate::{
    stage::{NAME, Stage},
    tools,
};

pub(super) const CURL: Entry = Entry {
    name: "curl",
    verifies: "nothing",
    stores: true,
    find: |_| Nginx::find(""),
};

pub(super) const CURL_OPENSSL: Entry = Entry {
    name: "curl-openssl",
    verifies: "SHA-256",
    stores: true,
    find: |_| {
        tools::program("openssl", "openssl")?;
        Nginx::find(r#" && test "$(openssl dgst -sha256 -r "$0")" = "$2 *$0""#)
    },
};

pub(super) const CURL_SHA256SUM: Entry = Entry {
    name: "curl-sha256sum",
    verifies: "SHA-256",
    stores: true,
    find: |_| Nginx::find(r#" && echo "$2  $0" | sha256sum --check --quiet"#),
};

struct Nginx {
    program: PathBuf,
    /// Shell that follows the download: `$0` is the file, `$2` the hash that it should have.
    check: &'static str,
}

impl Nginx {
    fn find(check: &'static str) -> Result<Box<dyn Competitor>, String> {
        tools::program("curl", "curl")?;
        let program = tools::program("nginx", "nginx-light")?;
        Ok(Box::new(Self { program, check }))
    }
}

impl Competitor for Nginx {
    fn send(&self, stage: &Stage) -> Sending {
        let (host, folder) = (stage.sender(), stage.empty_folder("nginx"));
        let config = folder.join("nginx.conf");
        let text = format!(
            "daemon off; worker_processes 1; user root; pid {pid}; error_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on;\n\
             server {{ listen {address}:8080; root {root}; }} }}\n",
            pid = folder.join("pid").display(),
            address = host.address,
            root = stage.shared.display(),
        );
        fs::write(&config, text).expect("there is room for a few lines");
        let mut server = host.command(&self.program);
        server.arg("-p").arg(&folder).arg("-c").arg(&config);
        let process = Process::start(server);
        wait_for_port(&process, 8080);
        let url = format!("http://{}:8080/{NAME}", host.address);
        let script = format!(
            r#"curl --silent --show-error --output "$0" "$1"{}"#,
            self.check
        );
        let sha256 = stage.sha256.clone();
        let receive = move |folder: &Path| {
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).arg(folder.join(NAME));
            shell.args([&url, &sha256]);
            shell.into()
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }
}

//! avahi, the mDNS implementation of most Linux systems, on a host of the lab.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Instant,
};

use crate::lab::{DEADLINE, Host, skip, works};

/// An avahi daemon with a message bus of its own. Ended when dropped.
pub(crate) struct Avahi {
    daemon: Child,
    dir: PathBuf,
}

/// A service that avahi announces, until it is dropped.
pub(crate) struct Published(Child);

/// What `avahi-browse` prints of a service that it resolved.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) protocol: String,
    pub(crate) instance: String,
    pub(crate) host: String,
    pub(crate) addr: String,
    pub(crate) port: String,
    pub(crate) txt: String,
}

impl Avahi {
    /// Starts it, or says why not: see [`skip`].
    pub(crate) fn start(host: &Host, name: &str) -> Option<Self> {
        let programs = [
            "avahi-daemon",
            "avahi-browse",
            "avahi-publish-service",
            "dbus-daemon",
        ];
        if let Some(missing) = programs
            .iter()
            .find(|program| !works(program, &["--version"]))
        {
            return skip(&format!("{missing} is not installed"));
        }
        let dir = std::env::temp_dir().join(&host.namespace);
        fs::create_dir(&dir).expect("the name is new");
        let conf = dir.join("avahi.conf");
        let options = format!("[server]\nhost-name={name}\nallow-interfaces=eth0\n");
        fs::write(&conf, options).expect("the directory is ours");
        // Its sockets have fixed places, so that it gets a /run of its own.
        let script = format!(
            "mount -t tmpfs tmpfs /run && mkdir -p /run/dbus /run/avahi-daemon && \
             dbus-daemon --system --fork --nopidfile --print-pid \
             --address=unix:path=/run/dbus/system_bus_socket >{dir}/bus.pid && \
             exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {conf}",
            dir = dir.display(),
            conf = conf.display(),
        );
        let mut daemon = Command::new("ip")
            .args([
                "netns",
                "exec",
                &host.namespace,
                "unshare",
                "-m",
                "sh",
                "-c",
                &script,
            ])
            .stderr(Stdio::piped())
            .spawn()
            .expect("ip is there");
        let log = daemon.stderr.take().expect("it is piped");
        read_until(log, |line| line.contains("Server startup complete"));
        Some(Self { daemon, dir })
    }

    /// Announces a `_dosvc._tcp` service with these TXT strings.
    pub(crate) fn publish(&self, instance: &str, port: &str, txt: &[&str]) -> Published {
        self.publish_as(instance, "_dosvc._tcp", port, txt)
    }

    /// The same of any type of service.
    pub(crate) fn publish_as(
        &self,
        instance: &str,
        service: &str,
        port: &str,
        txt: &[&str],
    ) -> Published {
        let mut publisher = self
            .command("avahi-publish-service")
            .args([instance, service, port])
            .args(txt)
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter is there");
        let log = publisher.stderr.take().expect("it is piped");
        read_until(log, |line| line.starts_with("Established"));
        Published(publisher)
    }

    /// Resolves all of `_dosvc._tcp`, again and again, until a service is there as wanted.
    pub(crate) fn browse(&self, wanted: impl Fn(&Resolved) -> bool) -> Resolved {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            let output = self
                .command("avahi-browse")
                .args(["-rpt", "_dosvc._tcp"])
                .output();
            let lines = String::from_utf8(output.expect("nsenter is there").stdout);
            let lines = lines.expect("avahi prints UTF-8");
            if let Some(found) = lines.lines().filter_map(Resolved::parse).find(&wanted) {
                return found;
            }
        }
        panic!("avahi did not see it");
    }

    /// Browses `_dosvc._tcp` until `and_then`, done when all is there that is known, made avahi
    /// drop a service.
    pub(crate) fn browse_until_gone(&self, instance: &str, and_then: impl FnOnce()) {
        let mut and_then = Some(and_then);
        let mut browser = self
            .command("avahi-browse")
            .args(["-rp", "_dosvc._tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("nsenter is there");
        let output = browser.stdout.take().expect("it is piped");
        read_until(output, |line| {
            let mut parts = line.split(';');
            let mark = parts.next();
            if mark == Some("=") {
                and_then.take().into_iter().for_each(|act| act());
            }
            mark == Some("-") && parts.nth(2) == Some(instance)
        });
        end(&mut browser);
    }

    /// A program in the daemon's namespaces, which ends by itself when a test hangs.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "-t",
            &self.daemon.id().to_string(),
            "-m",
            "-n",
            "timeout",
            "30",
            program,
        ]);
        command
    }
}

impl Drop for Avahi {
    fn drop(&mut self) {
        end(&mut self.daemon);
        if let Ok(bus) = fs::read_to_string(self.dir.join("bus.pid")) {
            works("kill", &[bus.trim()]);
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

impl Resolved {
    fn parse(line: &str) -> Option<Self> {
        let parts: Vec<String> = line.splitn(10, ';').map(Into::into).collect();
        let [mark, _, protocol, instance, _, _, host, addr, port, txt] = parts.try_into().ok()?;
        (mark == "=").then_some(Self {
            protocol,
            instance,
            host,
            addr,
            port,
            txt,
        })
    }
}

/// Ends a child by SIGTERM, which `timeout` hands on.
fn end(child: &mut Child) {
    works("kill", &[&child.id().to_string()]);
    let _ = child.wait();
}

/// Reads lines until one is as wanted, and goes on reading beside, so that nobody blocks.
fn read_until(from: impl Read + Send + 'static, mut wanted: impl FnMut(&str) -> bool) {
    let mut lines = BufReader::new(from).lines();
    let mut seen = Vec::new();
    loop {
        match lines.next() {
            Some(Ok(line)) if wanted(&line) => break,
            Some(Ok(line)) => seen.push(line),
            Some(Err(_)) | None => panic!("it ended after {seen:#?}"),
        }
    }
    std::thread::spawn(move || lines.for_each(drop));
}

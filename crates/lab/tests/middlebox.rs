//! What stands in between and takes part, as curl and openssl see it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod common;

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
};

use common::{connect, outcome, routed, topology};
use dolab_lab::{
    topology::{Middlebox, MiddleboxKind},
    world::World,
};

fn with(kind: MiddleboxKind) -> Option<World> {
    let mut topology = topology(&routed());
    let ports = Vec::new();
    let middlebox = Middlebox {
        kind,
        ports,
        from: None,
    };
    topology
        .routers
        .get_mut("r1")
        .unwrap()
        .middleboxes
        .push(middlebox);
    match World::build(&topology, &[]) {
        Ok(world) => Some(world),
        Err(error @ dolab_lab::world::WorldError::NotAllowed(_)) => {
            dolab_tests::not_run(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn curl(world: &World, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30"]).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = world
        .spawn("a", command)
        .unwrap()
        .wait_with_output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.success(),
        said + &String::from_utf8_lossy(&output.stderr),
    )
}

/// Answers one request after the other with its head.
fn mirror(world: &World, port: u16) {
    let listener = world
        .run("b", move || TcpListener::bind(("0.0.0.0", port)))
        .unwrap()
        .unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len());
            stream.write_all(answer.as_bytes()).unwrap();
            stream.write_all(&head).unwrap();
        }
    });
}

#[test]
fn ranges_are_stripped() {
    let Some(world) = with(MiddleboxKind::StripRange) else {
        return;
    };
    mirror(&world, 80);
    mirror(&world, 8080);
    let (ok, seen) = curl(&world, &["-r", "0-9", "http://10.2.0.2/x"]);
    assert!(
        ok && seen.starts_with("GET /x HTTP/1.1") && !seen.contains("Range"),
        "{seen}"
    );
    let (ok, seen) = curl(&world, &["-r", "0-9", "http://10.2.0.2:8080/x"]);
    assert!(ok && seen.contains("Range: bytes=0-9"), "{seen}");
}

#[test]
fn a_captive_portal_answers_for_everyone() {
    let Some(world) = with(MiddleboxKind::CaptivePortal) else {
        return;
    };
    let (ok, page) = curl(&world, &["-i", "http://10.2.0.2/connecttest.txt"]);
    assert!(
        ok && page.contains("text/html") && page.contains("Sign in"),
        "{page}"
    );
    let (ok, page) = curl(
        &world,
        &[
            "-k",
            "--resolve",
            "geo.example:443:10.2.0.2",
            "https://geo.example/geo",
        ],
    );
    assert!(ok && page.contains("Sign in"), "{page}");
    assert_eq!(
        outcome(connect(&world, "a", "10.2.0.2:7680")),
        "ECONNREFUSED"
    );
}

#[test]
fn tls_is_inspected() {
    let Some(world) = with(MiddleboxKind::InspectTls) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| folder.path().join(name));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]);
    openssl.args([
        "-subj",
        "/CN=geo.example",
        "-addext",
        "subjectAltName=DNS:geo.example",
        "-keyout",
    ]);
    openssl
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null());
    if !openssl.status().is_ok_and(|status| status.success()) {
        dolab_tests::not_run("openssl is not installed");
        return;
    }
    let mut server = Command::new("openssl");
    server.args(["s_server", "-accept", "443", "-www", "-quiet", "-cert"]);
    server
        .arg(&certificate)
        .arg("-key")
        .arg(&key)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut server = world.spawn("b", server).unwrap();
    let patience = std::time::Instant::now() + common::PATIENCE;
    let arguments = [
        "--resolve",
        "geo.example:443:10.2.0.2",
        "https://geo.example/",
        "--cacert",
    ];
    let own = certificate.to_str().unwrap().to_owned();
    let (ok, said) = loop {
        // Without looking at the certificate: the server's page, through the inspection.
        let (ok, said) = curl(
            &world,
            &["-k", "-v", arguments[0], arguments[1], arguments[2]],
        );
        if ok || std::time::Instant::now() > patience {
            break (ok, said);
        }
    };
    assert!(ok && said.contains("s_server"), "{said}");
    assert!(said.contains("TLS Inspection"), "{said}");
    // Who trusts the server's certificate only is told.
    let (ok, said) = curl(&world, &[&arguments[..], &[&own]].concat());
    assert!(!ok && said.contains("certificate"), "{said}");
    server.kill().unwrap();
    server.wait().unwrap();
}

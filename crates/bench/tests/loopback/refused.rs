//! What is declined, by whom, and in which words.

use std::time::Duration;

use dolab_bench::{
    BenchError, Limits,
    report::{Layer, RunResult, Sink},
};
use dolab_check::{Key, Station, bench::BenchClient};
use dolab_wire::session::Refusal;
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpStream, sync::mpsc};

use crate::common::{self, Served, plan, run, target};

async fn error_of(addr: std::net::SocketAddr, plan: &dolab_bench::Plan) -> BenchError {
    let (events, _) = mpsc::unbounded_channel();
    dolab_bench::run(&[target(addr)], plan, events)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn nobody_there_and_somebody_else_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let error = error_of(addr, &plan()).await;
    assert!(matches!(error, BenchError::Unreachable { .. }), "{error}");

    // A web server, more or less.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt;
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        }
    });
    let error = error_of(addr, &plan()).await;
    assert!(matches!(error, BenchError::Session { .. }), "{error}");
}

#[tokio::test]
async fn a_peer_without_benchmarks_declines() {
    let station = Station::start(common::config()).await.unwrap();
    let error = error_of(common::addr(&station), &plan()).await;
    let why = match error {
        BenchError::Declined { why, .. } => why,
        other => panic!("{other}"),
    };
    assert_eq!(why, Refusal::NoBench);
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_has_to_be_the_same() {
    let key = |text| Some(Key::new(text).unwrap());
    let served = Served::with(Limits::default(), key("right")).await;
    let mut plan = plan();
    plan.options.layers = vec![Layer::Raw];
    for wrong in [None, key("wrong")] {
        plan.key = wrong;
        let error = error_of(served.addr(), &plan).await;
        assert!(
            matches!(
                error,
                BenchError::Declined { .. } | BenchError::Session { .. }
            ),
            "{error}"
        );
    }
    assert_eq!(*served.server.sessions().borrow(), 0);
    plan.key = key("right");
    let (report, _) = run(&[served.target()], &plan).await;
    common::figures(&report);
    served.station.stop().await;
}

#[tokio::test]
async fn one_session_too_many_and_a_run_too_long() {
    let limits = Limits {
        sessions: 1,
        longest: Duration::from_secs(2),
        ..Limits::default()
    };
    let served = Served::with(limits, None).await;
    let mut plan = plan();
    plan.options.size_bytes = None;
    plan.options.duration_ms = Some(3000);
    let error = error_of(served.addr(), &plan).await;
    assert!(matches!(error, BenchError::TooLong { .. }), "{error}");
    served.until_free().await;

    let first = BenchClient::connect(served.addr(), None).await.unwrap();
    let about = json!({ "type": "about" });
    first.ask(about, common::DEADLINE).await.unwrap();
    let error = error_of(served.addr(), &plan).await;
    let declined = matches!(
        &error,
        BenchError::Declined {
            why: Refusal::TooMany { .. },
            ..
        }
    );
    assert!(declined, "{error}");
    drop(first);
    served.until_free().await;
    served.station.stop().await;
}

#[tokio::test]
async fn what_would_cost_a_host_too_much_is_not_prepared() {
    let served = Served::start().await;
    let client = BenchClient::connect(served.addr(), None).await.unwrap();
    let good = json!({
        "layer": "raw", "part": "sender", "streams": 1, "duration_ms": 1000, "length": null,
        "warm_up_ms": 0, "interval_ms": 100, "source": "zero", "sink": "null",
        "piece_bytes": 1 << 20, "block_bytes": 1 << 20, "request_depth": 1,
        "congestion_control": null, "buffer_bytes": null, "rate_limit": null,
    });
    let prepare = async |spec: serde_json::Value| {
        let body = json!({ "type": "prepare", "spec": spec });
        client.ask(body, common::DEADLINE).await
    };
    let wrong = [
        ("streams", json!(0)),
        ("streams", json!(33)),
        ("duration_ms", json!(301_000)),
        ("duration_ms", json!(u64::MAX)),
        ("duration_ms", json!(null)),
        ("length", json!(0)),
        ("length", json!(u64::MAX)),
        ("interval_ms", json!(0)),
        ("piece_bytes", json!(1 << 30)),
        ("block_bytes", json!(1)),
        ("request_depth", json!(0)),
        ("buffer_bytes", json!(u32::MAX)),
        ("rate_limit", json!(0.0)),
        ("congestion_control", json!("no such thing")),
        ("layer", json!("dream")),
    ];
    for (name, value) in wrong {
        let mut spec = good.clone();
        spec[name] = value.clone();
        assert!(prepare(spec).await.is_err(), "{name}: {value}");
    }
    // A receiver without a word on what it is to receive, and one with too many hashes.
    let mut spec = good.clone();
    (spec["layer"], spec["part"]) = (json!("verified"), json!("receiver"));
    spec["length"] = json!(65 << 20);
    assert!(prepare(spec.clone()).await.is_err());
    let hashes = vec!["00".repeat(32); 65];
    spec["offer"] = json!({ "length": 65 << 20, "piece_size": 1 << 20, "hashes": hashes });
    assert!(prepare(spec).await.is_err());
    // Two are as many as one session may have.
    for _ in 0..2 {
        prepare(good.clone()).await.unwrap();
    }
    assert!(prepare(good).await.is_err());
    drop(client);
    served.until_free().await;
    served.station.stop().await;
}

#[tokio::test]
async fn a_connection_without_a_good_token_is_closed() {
    use tokio::io::AsyncWriteExt;

    let served = Served::start().await;
    for token in [&[7; 32][..], &[7; 33], &[7; 3]] {
        let mut stream = TcpStream::connect(served.addr()).await.unwrap();
        let first = [b"\x0bdolab bench", token].concat();
        stream.write_all(&first).await.unwrap();
        stream.shutdown().await.unwrap();
        let closed = tokio::time::timeout(common::DEADLINE, stream.read_u8())
            .await
            .unwrap();
        assert!(closed.is_err(), "{}", token.len());
    }
    served.station.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_can_be_stored_the_rest_is_measured() {
    let served = Served::start().await;
    let mut plan = plan();
    plan.store = "/no/such/folder".into();
    let (report, _) = run(&[served.target()], &plan).await;
    for run in &report.runs {
        match (&run.result, run.id.layer) {
            (RunResult::Skipped { reason }, Layer::Stored) => assert!(reason.contains("folder")),
            (RunResult::Done { .. }, Layer::Raw | Layer::Exchange | Layer::Verified) => {}
            other => panic!("{other:?}"),
        }
    }
    // Nothing is stored without a sink.
    plan.options.sink = Sink::Null;
    let (report, _) = run(&[served.target()], &plan).await;
    assert_eq!(common::figures(&report).len(), 4);
    served.station.stop().await;
}

use super::*;

fn parsed(text: &str) -> Fault {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_fault_is_typed_as_it_is_meant() {
    assert_eq!(
        parsed("path=/geo,status=503,times=3"),
        Fault::new(FaultKind::Status(503)).on_path("/geo").times(3)
    );
    assert_eq!(
        parsed("host=geo.*,certificate=expired"),
        Fault::new(FaultKind::Certificate(WrongCertificate::Expired)).on_host("geo.*")
    );
    assert_eq!(
        parsed("delay=2s").kind,
        FaultKind::Delay(Duration::from_secs(2))
    );
    assert_eq!(parsed("delay=20ms, after=1").after, 1);
    assert_eq!(parsed("slow=64k").kind, FaultKind::SlowBody(65536));
    assert_eq!(parsed("cut=10").kind, FaultKind::CutBody(10));
}

#[test]
fn what_is_no_fault_says_why() {
    for (text, why) in [
        ("", "is not known"),
        ("path=/x", "does not say what goes wrong"),
        ("status=999", "200 to 599"),
        ("status=99999999", "200 to 599"),
        ("html,drop", "two kinds"),
        ("html=yes", "takes no value"),
        ("path=/x,certificate=name", "leave the path out"),
        ("certificate=odd", "name, expired or authority"),
        ("times=-1,html", "takes a number"),
        ("slow=0", "at least 1"),
        ("cut=99999999999999999999g", "takes bytes"),
        ("cut=ü", "takes bytes"),
        ("\x1b[2J", "is not known"),
    ] {
        let error = text.parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
        assert!(!error.contains('\x1b'), "{error:?}");
    }
}

#[test]
fn a_fault_is_written_as_it_is_typed() {
    for text in [
        "host=geo*,path=/geo,after=2,times=3,status=503",
        "delay=1500ms",
        "certificate=authority",
        "slow=7",
        "wrong-hash-of-hashes",
    ] {
        let json = serde_json::to_string(&parsed(text)).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), parsed(text));
    }
    assert!(serde_json::from_str::<Fault>("\"odd\"").is_err());
}

#[test]
fn it_happens_after_and_as_often_as_it_should() {
    let faults = Faults::default();
    let id = faults.set(parsed("path=/x*,html,after=1,times=2")).unwrap();
    let html = || faults.request("any", "/x/y").html;
    assert!(!faults.request("any", "/y").html);
    assert_eq!([html(), html(), html(), html()], [false, true, true, false]);
    assert_eq!(faults.all()[0].2, 2);
    assert_eq!(faults.take_back(id), Some(2));
    assert_eq!(faults.take_back(id), None);
}

#[test]
fn several_happen_together_and_of_one_kind_the_first() {
    let faults = Faults::default();
    for text in [
        "status=503",
        "status=404",
        "delay=1s",
        "certificate=name,host=geo*",
    ] {
        faults.set(parsed(text)).unwrap();
    }
    let effects = faults.request("h", "/");
    assert_eq!(effects.status, Some(503));
    assert_eq!(effects.delay, Some(Duration::from_secs(1)));
    assert_eq!(faults.certificate("kv601"), None);
    assert_eq!(faults.certificate("GEO.prod"), Some(WrongCertificate::Name));
    faults.clear();
    assert_eq!(faults.request("h", "/"), Effects::default());
}

#[test]
fn there_is_an_end_to_them() {
    let faults = Faults::default();
    for _ in 0..AT_MOST {
        faults.set(parsed("html")).unwrap();
    }
    assert_eq!(faults.set(parsed("html")), Err(TooManyFaults));
}

#[test]
fn stars_stand_for_anything() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("/a*", "/abc", true),
        ("*.example", "a.b.example", true),
        ("*a*b", "xaxaxb", true),
        ("*a*b", "xaxaxbc", false),
        ("", "", true),
        ("", "x", false),
        ("/A", "/a", true),
        ("/a", "/ab", false),
    ] {
        assert_eq!(matches_pattern(pattern, text), fits, "{pattern} {text}");
    }
}

//! What has to be true of any bytes that `dolab-policy` reads. The fuzz target calls this with
//! bytes that it makes up, the crate's own tests with the corpus.

use dolab_policy::{
    GroupFacts, MAX_PROBLEMS, Os, Policies, Priority, Settings, Value,
    gates::{Conditions, Transfer, judge},
};

/// Whatever is set, its values are such as their policies may have, and every decision can be made.
pub(crate) fn policies(data: &[u8]) {
    for name in ["policies.reg", "policies.toml"] {
        let settings = match Settings::read(name, data) {
            Ok(settings) => settings,
            Err(error) => {
                assert!((1..=MAX_PROBLEMS).contains(&error.problems.len()));
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let policies = Policies::new(Os::Windows11, &settings);
        for it in policies.all() {
            assert!(
                !policies.show(it.name).is_empty() || it.value == Some(Value::Text(String::new()))
            );
        }
        let percent = policies
            .download_limits(Priority::Background, Some(23))
            .percent;
        assert!((1..=100).contains(&percent));
        let judgement = judge(&policies, &Conditions::usual(), &Transfer::default());
        assert!(judgement.allowed.download);
        let group = policies.group(&GroupFacts::default());
        assert_eq!(group.id.is_some(), policies.group_id().is_some());
        let _ = policies.notes();
    }
}

//! What was measured, as people and programs read it.

use dolab_tests::note;

/// One transfer of one competitor.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// What the receiver has compared the bytes with.
    pub(crate) verified: &'static str,
    /// Bytes of the file in a second, from the start of the receiver to its end.
    pub(crate) goodput: f64,
    /// Processor seconds for each GiB, of the sender and of the receiver.
    pub(crate) cpu: (f64, f64),
    /// The most resident memory, of the sender and of the receiver.
    pub(crate) peak_kib: (u64, u64),
}

/// Prints the medians.
pub(crate) fn print(figures: &[Figure]) {
    let mut names: Vec<_> = Vec::new();
    for figure in figures {
        if !names.contains(&(figure.name, figure.verified)) {
            names.push((figure.name, figure.verified));
        }
    }
    let of = |name: &str, value: fn(&Figure) -> f64| {
        let own = figures.iter().filter(|figure| figure.name == name);
        median(own.map(value).collect())
    };
    let pipe = of("pipe", |figure| figure.goodput);
    note("            GB/s  of pipe   CPU s/GiB s/r   peak MiB s/r   verified");
    for (name, verified) in names {
        let goodput = of(name, |figure| figure.goodput);
        note(&format!(
            "{name:<10} {:>5.3}  {:>7.3}   {:.3} / {:.3}   {:.1} / {:.1}   {}",
            goodput / 1e9,
            goodput / pipe,
            of(name, |figure| figure.cpu.0),
            of(name, |figure| figure.cpu.1),
            of(name, |figure| figure.peak_kib.0 as f64) / 1024.0,
            of(name, |figure| figure.peak_kib.1 as f64) / 1024.0,
            verified,
        ));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

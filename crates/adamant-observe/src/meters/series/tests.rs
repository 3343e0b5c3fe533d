//! Label sets: their keys, their buckets, and their bounds in number and memory.

use super::*;

const LABELS: Labels = Labels {
    method: Method::Get,
    scheme: Scheme::Https,
    protocol: Protocol::Http2,
    status: Some(200),
    failure: None,
};

fn sample(micros: u64) -> Sample {
    Sample {
        duration: Duration::from_micros(micros),
        bytes_in: 1,
        bytes_out: 10,
    }
}

#[test]
fn a_key_gives_its_labels_back() {
    for &method in Method::ALL {
        for &failure in Failure::ALL {
            for status in [None, Some(100), Some(599)] {
                let labels = Labels {
                    method,
                    failure: Some(failure),
                    status,
                    ..LABELS
                };
                assert_eq!(Labels::of(labels.key()), Some(labels));
            }
        }
    }
    assert_eq!(Labels::of(LABELS.key()), Some(LABELS));
    assert_eq!(Labels::of(0), None);
}

#[test]
fn a_value_falls_into_the_bucket_of_its_bound() {
    let histograms = Histograms::new(1, 1);
    let cases = [
        (0, 0),
        (5_000, 0),
        (5_001, 1),
        (10_000_000, 13),
        (10_000_001, 14),
        (u64::MAX / 2000, 14),
    ];
    for (micros, _) in cases {
        histograms.record(Worker(0), 0, LABELS, &sample(micros));
    }
    let mut expected = [0; BUCKETS];
    cases.iter().for_each(|(_, bucket)| expected[*bucket] += 1);
    assert_eq!(
        histograms.totals().first().map(|total| total.buckets),
        Some(expected)
    );
}

#[test]
fn workers_are_summed_and_owners_kept_apart() {
    let histograms = Histograms::new(3, 2);
    histograms.record(Worker(0), 0, LABELS, &sample(1_000));
    histograms.record(Worker(1), 0, LABELS, &sample(2_000));
    histograms.record(Worker(5), 2, LABELS, &sample(7));
    let totals = histograms.totals();
    let seen: Vec<_> = totals
        .iter()
        .map(|t| (t.owner, t.count(), t.micros, t.bytes_in, t.bytes_out))
        .collect();
    assert_eq!(seen, [(Some(0), 2, 3_000, 2, 20), (Some(2), 1, 7, 1, 10)]);
}

#[test]
fn a_noisy_owner_ends_in_the_overflow_series() {
    let histograms = Histograms::new(2, 1);
    for status in 100..=599 {
        histograms.record(
            Worker(0),
            0,
            Labels {
                status: Some(status),
                ..LABELS
            },
            &sample(1),
        );
    }
    histograms.record(Worker(0), 1, LABELS, &sample(1));
    let totals = histograms.totals();
    assert_eq!(totals.len(), OWNER_SERIES_MAX + 2);
    let overflow = totals.last().expect("not empty");
    assert_eq!(
        (overflow.labels, overflow.count()),
        (None, 500 - OWNER_SERIES_MAX as u64)
    );
}

#[test]
fn all_owners_together_are_bounded() {
    let owners = 200;
    let histograms = Histograms::new(owners, 1);
    for owner in 0..owners {
        for status in 100..300 {
            histograms.record(
                Worker(0),
                owner,
                Labels {
                    status: Some(status),
                    ..LABELS
                },
                &sample(1),
            );
        }
    }
    let totals = histograms.totals();
    assert_eq!(totals.len(), SERIES_MAX as usize + 1);
    assert_eq!(totals.iter().map(Total::count).sum::<u64>(), owners as u64 * 200);
}

#[test]
fn workers_that_meet_a_label_set_together_share_it() {
    let histograms = Histograms::new(1, 4);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let histograms = &histograms;
            scope.spawn(move || {
                for status in 200..300 {
                    histograms.record(
                        Worker(worker),
                        0,
                        Labels {
                            status: Some(status),
                            ..LABELS
                        },
                        &sample(1),
                    );
                }
            });
        }
    });
    let totals = histograms.totals();
    assert_eq!(
        (totals.len(), totals.iter().all(|total| total.count() == 4)),
        (100, true)
    );
    assert_eq!(histograms.left.load(Ordering::Relaxed), SERIES_MAX - 100);
}

#[test]
fn ten_thousand_unused_routes_take_little_memory() {
    assert!(size_of::<OnceLock<Box<Chunk>>>() * 10_000 <= 256 * 1024);
    // A route with one label set on two workers, in bytes.
    let used = size_of::<Chunk>() + 2 * (size_of::<OnceLock<Box<Cells>>>() + size_of::<Cells>());
    assert!(used <= 768, "{used}");
}

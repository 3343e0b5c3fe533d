//! Tests of the table of keys.

use proptest::prelude::*;

use super::*;

fn table(remember: usize) -> (Table, Counter) {
    let forgotten = Counter::default();
    (Table::new(remember, [7, 11], forgotten.clone()), forgotten)
}

fn set(table: &Table, key: &[u8], due: u128, now: u128) {
    table.update(key, |due| due.saturating_sub(now), |_| ((), Some(due)));
}

fn due(table: &Table, key: &[u8]) -> u128 {
    table.update(key, |due| due, |due| (due, None))
}

#[test]
fn every_key_is_remembered_up_to_the_promised_number() {
    for remember in [1, 2, 31, 32, 33, 1_000, 50_000_usize] {
        let (table, forgotten) = table(remember);
        for n in 0..remember as u64 {
            set(&table, &n.to_be_bytes(), u128::from(n) + 1, 0);
        }
        let kept = (0..remember as u64).filter(|n| due(&table, &n.to_be_bytes()) == u128::from(*n) + 1);
        assert_eq!((kept.count(), forgotten.value()), (remember, 0), "of {remember}");
    }
}

#[test]
fn a_full_table_forgets_the_key_that_is_due_first() {
    let (table, forgotten) = table(3);
    for (key, due) in [(b"a", 30), (b"b", 10), (b"c", 20)] {
        set(&table, key, due, 5);
    }
    set(&table, b"d", 6, 5);
    assert_eq!(
        [b"a", b"b", b"c", b"d"].map(|key| due(&table, key)),
        [30, 0, 20, 6]
    );
    assert_eq!(forgotten.value(), 1, "b had debt");
    set(&table, b"e", 40, 15);
    assert_eq!(
        (due(&table, b"d"), forgotten.value()),
        (0, 1),
        "d had none any more"
    );
}

#[test]
fn a_key_that_is_only_asked_about_takes_no_place() {
    let (table, _) = table(10);
    assert_eq!((due(&table, b"nobody"), table.len()), (0, 0));
}

#[test]
fn long_keys_are_told_apart_from_each_other_and_from_their_hashes() {
    let (table, _) = table(10);
    let long = |last: u8| [[b'x'; KEY_MAX].as_slice(), &[last]].concat();
    set(&table, &long(1), 1, 0);
    set(&table, &long(2), 2, 0);
    assert_eq!(
        (
            due(&table, &long(1)),
            due(&table, &long(2)),
            due(&table, &long(3))
        ),
        (1, 2, 0)
    );
    let digest: [u8; 32] = Sha256::digest(long(1)).into();
    assert_eq!(due(&table, &digest), 0);
}

#[test]
fn the_bound_covers_a_table_full_of_the_longest_keys() {
    // Growth by sixteen places leaves at most fifteen of them empty in every shard.
    for remember in [1_usize, 100, 50_000] {
        let shards = shards_for(remember);
        let columns = size_of::<u32>() + size_of::<u128>() + size_of::<Held>();
        let worst = (remember + shards) * (columns + KEY_MAX) + shards * (GROWTH - 1) * columns;
        assert!(Table::bound(remember) >= worst as u64);
    }
    assert!(
        Table::bound(50_000) <= 50_000 * 210,
        "the manual says 210 bytes: {}",
        Table::bound(50_000)
    );
}

#[test]
fn threads_never_lose_an_update() {
    let (table, _) = table(1_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..20_000_u64 {
                    table.update(&(n % 100).to_be_bytes(), |due| due, |due| ((), Some(due + 1)));
                }
            });
        }
    });
    assert!((0..100_u64).all(|n| due(&table, &n.to_be_bytes()) == 800));
}

proptest! {
    #[test]
    fn a_table_with_room_is_a_map(updates in prop::collection::vec((any::<u8>(), 1_u128..1_000), 0..400)) {
        let (table, _) = table(256);
        let mut map = std::collections::HashMap::new();
        for (key, due) in updates {
            set(&table, &[key], due, 0);
            map.insert(key, due);
        }
        for key in 0..=u8::MAX {
            prop_assert_eq!(due(&table, &[key]), map.get(&key).copied().unwrap_or(0));
        }
    }

    #[test]
    fn a_small_table_never_holds_more_than_it_may(keys in prop::collection::vec(any::<u16>(), 0..2_000)) {
        let (table, _) = table(100);
        for (now, key) in keys.iter().enumerate() {
            set(&table, &key.to_be_bytes(), now as u128 + 10, now as u128);
        }
        prop_assert!(table.len() <= 100 + shards_for(100));
    }
}

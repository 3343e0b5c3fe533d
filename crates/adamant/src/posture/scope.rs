//! Who counts together under a limit, in the words of the posture.
//!
//! Reads the canonical form of a limit's configuration; one that knows no scope has nothing to say here.

use std::num::NonZeroU64;

use adamant_filter::{Period, Rate};
use serde_json::Value;

/// What is added to the name of a limit: the whole and the share of this instance, or the store. Nothing when each
/// instance counts by itself.
pub(super) fn told(config: &Value) -> Option<String> {
    if let Some(store) = config.pointer("/scope/shared/store").and_then(Value::as_str) {
        return Some(format!(" (shared in {store})"));
    }
    let replicas = config.pointer("/scope/fleet/replicas").and_then(Value::as_u64)?;
    let several = config.get("limits").and_then(Value::as_array);
    let limits = several.map_or_else(|| std::slice::from_ref(config), Vec::as_slice);
    let shares: Vec<String> = limits.iter().filter_map(|limit| share(limit, replicas)).collect();
    Some(format!(" ({})", shares.join(", ")))
}

/// Whether requests pass while the store cannot be asked.
pub(super) fn passes_when_gone(config: &Value) -> bool {
    config
        .pointer("/scope/shared/when-gone")
        .is_some_and(|word| word == "allow")
}

fn share(limit: &Value, replicas: u64) -> Option<String> {
    let whole: Rate = limit.get("allow")?.as_str()?.parse().ok()?;
    let millis = u64::try_from(whole.window().as_millis()).ok()?;
    // An even limit gives each the same number in a longer time, a window gives each a part of the number.
    let part = if limit.get("algorithm").is_some_and(|word| word == "sliding") {
        Rate::new(
            NonZeroU64::new(whole.count() / replicas)?,
            Period::from_millis(millis),
        )
    } else {
        let longer = Period::from_millis(millis.saturating_mul(replicas));
        Rate::new(NonZeroU64::new(whole.count())?, longer)
    };
    Some(format!("{whole} in all, {} here", part?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fleet_shows_the_whole_and_the_share() {
        let fleet = json!({"fleet": {"replicas": 3}});
        for (config, expected) in [
            (
                json!({"allow": "100/s", "scope": fleet}),
                Some(" (100/s in all, 100/3s here)"),
            ),
            (
                json!({"allow": "100/s", "algorithm": "sliding", "scope": fleet}),
                Some(" (100/s in all, 33/s here)"),
            ),
            (
                json!({"limits": [{"allow": "3/m"}, {"allow": "6/h"}], "scope": fleet}),
                Some(" (3/m in all, 3/3m here, 6/h in all, 6/3h here)"),
            ),
            (
                json!({"scope": {"shared": {"store": "counters", "when-gone": "allow"}}}),
                Some(" (shared in counters)"),
            ),
            (json!({"allow": "100/s", "scope": "instance"}), None),
            (json!({}), None),
        ] {
            assert_eq!(told(&config).as_deref(), expected, "{config}");
        }
    }
}

//! Waiting for something with a deadline.
//!
//! Never a pause for its own sake: a test that needs one has not said what it waits for.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long anything may take that should happen at once. Generous, as machines may be busy.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// Time between two looks at a condition that nobody announces.
const LOOK: Duration = Duration::from_millis(5);

/// The value of a future, or a failed test that names what did not happen.
pub async fn within<T>(what: impl Display, deadline: Duration, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(deadline, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {deadline:?}: {what}"),
    }
}

/// The value of a future that should be ready at once.
pub async fn soon<T>(what: impl Display, future: impl Future<Output = T>) -> T {
    within(what, DEADLINE, future).await
}

/// Waits until a condition holds.
pub async fn until(what: impl Display, mut condition: impl FnMut() -> bool) {
    some(what, || condition().then_some(())).await;
}

/// Waits until there is a value.
pub async fn some<T>(what: impl Display, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until an asynchronous look finds a value.
pub async fn polled<T, F>(what: impl Display, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether a condition stays true for this long; for things that must not happen.
pub async fn stays(period: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < period {
        if !condition() {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

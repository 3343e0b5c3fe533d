//! The deadlines of one connection: how long each wait may last, and one timer that ends it.
//!
//! Nothing happens here while bytes flow. Only when a read or write really waits is a deadline computed,
//! and the timer is touched only when it would otherwise ring too late; it may ring too early, which
//! costs one wake-up. So a keep-alive exchange neither allocates nor reaches the timer wheel.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use adamant_policy::config::Bounds;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may take, per kind of wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) idle: Duration,
    pub(super) head: Duration,
    pub(super) body_idle: Duration,
    /// Bytes per second; 0 demands none.
    pub(super) body_rate: u64,
    pub(super) send_idle: Duration,
    pub(super) handshake: Duration,
}

impl Times {
    pub(super) fn of(bounds: &Bounds) -> Self {
        Self {
            idle: bounds.idle_time,
            head: bounds.header_time,
            body_idle: bounds.body_idle,
            body_rate: bounds.body_rate.bytes(),
            send_idle: bounds.send_idle,
            handshake: bounds.handshake_time,
        }
    }
}

/// What a read waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The first byte of a request.
    Request,
    /// The rest of a request head.
    Head,
    /// The rest of a request body.
    Body,
    /// Nothing that has an end.
    Unbounded,
}

/// The deadlines and the timer of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    times: Times,
    /// Kept for the life of the connection once a wait has needed it.
    timer: Option<Pin<Box<Sleep>>>,
    read_by: Option<Instant>,
    write_by: Option<Instant>,
    /// Absolute, because a drip of bytes must not move it.
    head_by: Option<Instant>,
    body: Waits,
}

/// Time that we waited for a body against the bytes that came. Time in which nobody wanted to read
/// (the endpoint is slow) is not the client's fault and does not count.
#[derive(Clone, Copy, Debug, Default)]
struct Waits {
    bytes: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
}

impl Pace {
    pub(super) const fn new(times: Times) -> Self {
        let body = Waits {
            bytes: 0,
            waited: Duration::ZERO,
            waiting_since: None,
        };
        Self {
            times,
            timer: None,
            read_by: None,
            write_by: None,
            head_by: None,
            body,
        }
    }

    /// A new request begins.
    pub(super) fn restart(&mut self) {
        self.read_by = None;
        self.head_by = None;
        self.body = Waits::default();
    }

    /// Bytes were read; the next wait gets a deadline of its own.
    #[inline]
    pub(super) fn has_read(&mut self, count: usize) {
        self.read_by = None;
        self.body.bytes += count as u64;
        if let Some(since) = self.body.waiting_since.take() {
            self.body.waited += since.elapsed();
        }
    }

    /// Bytes were written.
    #[inline]
    pub(super) fn has_written(&mut self) {
        self.write_by = None;
    }

    /// A read waits. Ready: it has waited too long.
    pub(super) fn poll_read_expired(&mut self, wait: Wait, cx: &mut Context<'_>) -> Poll<()> {
        let by = match (wait, self.read_by) {
            (Wait::Unbounded, _) => return Poll::Pending,
            (_, Some(by)) => by,
            (Wait::Request, None) => Instant::now() + self.times.idle,
            (Wait::Head, None) => {
                let head = self.times.head;
                *self.head_by.get_or_insert_with(|| Instant::now() + head)
            }
            (Wait::Body, None) => {
                let now = Instant::now();
                self.body.waiting_since = Some(now);
                now + self.body.patience(self.times.body_idle, self.times.body_rate)
            }
        };
        self.read_by = Some(by);
        self.poll_timer(by, cx)
    }

    /// A write waits. Ready: it has waited too long.
    pub(super) fn poll_write_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let by = *self
            .write_by
            .get_or_insert_with(|| Instant::now() + self.times.send_idle);
        self.poll_timer(by, cx)
    }

    /// Ready when `by` has passed; else the timer will wake the task by the earliest deadline.
    fn poll_timer(&mut self, by: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let earliest = [self.read_by, self.write_by]
            .into_iter()
            .flatten()
            .fold(by, Instant::min);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(earliest)));
        if timer.deadline() > earliest {
            timer.as_mut().reset(earliest);
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if by <= now {
                return Poll::Ready(());
            }
            // It rang for an older wait, or for the other direction, which looks for itself when the
            // task polls it; a deadline that has passed must not ring again and again.
            let next = if earliest > now { earliest } else { by };
            timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}

impl Waits {
    /// How long the next wait may last.
    fn patience(&self, idle: Duration, rate: u64) -> Duration {
        let earned = match rate {
            0 => return idle,
            rate => Duration::from_millis(self.bytes.saturating_mul(1000) / rate),
        };
        let allowed = idle.saturating_add(earned);
        allowed.saturating_sub(self.waited).min(idle)
    }
}

/// The pace of one body that shares its connection with others, where the connection's deadlines see none
/// of them stall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyPace {
    idle: Duration,
    rate: u64,
    waits: Waits,
}

impl BodyPace {
    pub(crate) fn of(bounds: &Bounds) -> Self {
        Self {
            idle: bounds.body_idle,
            rate: bounds.body_rate.bytes(),
            waits: Waits::default(),
        }
    }

    /// Waits for the next piece; `None` when the client is too slow.
    pub(crate) async fn read<T>(&mut self, piece: impl Future<Output = T>) -> Option<T> {
        let since = Instant::now();
        let patience = self.waits.patience(self.idle, self.rate);
        let read = tokio::time::timeout(patience, piece).await.ok();
        self.waits.waited += since.elapsed();
        read
    }

    /// Bytes came.
    pub(crate) const fn came(&mut self, count: usize) {
        self.waits.bytes += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        idle: Duration::from_secs(60),
        head: Duration::from_secs(10),
        body_idle: Duration::from_secs(30),
        body_rate: 1000,
        send_idle: Duration::from_secs(30),
        handshake: Duration::from_secs(5),
    };

    #[test]
    fn patience_is_the_idle_time_until_the_rate_is_missed() {
        let seconds = Duration::from_secs;
        for (bytes, waited, patience) in [
            (0, 0, 30),
            (0, 20, 10),
            (0, 30, 0),
            (10_000, 30, 10),
            (10_000, 41, 0),
            (1_000_000, 100, 30),
        ] {
            let body = Waits {
                bytes,
                waited: seconds(waited),
                waiting_since: None,
            };
            assert_eq!(
                body.patience(TIMES.body_idle, TIMES.body_rate),
                seconds(patience),
                "{bytes} bytes after {waited} s"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_does_not_move_the_deadline_of_a_head() {
        let mut pace = Pace::new(TIMES);
        let start = Instant::now();
        loop {
            let one_byte = tokio::time::sleep(Duration::from_secs(1));
            tokio::select! {
                () = std::future::poll_fn(|cx| pace.poll_read_expired(Wait::Head, cx)) => break,
                () = one_byte => pace.has_read(1),
            }
        }
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn one_timer_serves_both_directions() {
        let mut pace = Pace::new(Times {
            send_idle: Duration::from_secs(3),
            ..TIMES
        });
        let start = Instant::now();
        std::future::poll_fn(|cx| {
            assert!(pace.poll_read_expired(Wait::Request, cx).is_pending());
            pace.poll_write_expired(cx)
        })
        .await;
        assert_eq!(start.elapsed().as_secs(), 3);
        pace.has_written();
        std::future::poll_fn(|cx| pace.poll_read_expired(Wait::Request, cx)).await;
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_ring_of_the_past_is_no_expiry() {
        let mut pace = Pace::new(TIMES);
        let _ = futures_poll(|cx| pace.poll_read_expired(Wait::Request, cx));
        tokio::time::sleep(Duration::from_secs(59)).await;
        pace.has_read(1);
        pace.restart();
        let start = Instant::now();
        std::future::poll_fn(|cx| pace.poll_read_expired(Wait::Request, cx)).await;
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    fn futures_poll(mut poll: impl FnMut(&mut Context<'_>) -> Poll<()>) -> Poll<()> {
        poll(&mut Context::from_waker(std::task::Waker::noop()))
    }
}

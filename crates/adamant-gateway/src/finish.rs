//! The end of an exchange: filters that look back, numbers, and the line in the log.
//!
//! Runs on the worker after the last byte; never waits, writes to no file and cannot fail.

use adamant_filter::Identity;
use adamant_policy::plan::End;

use crate::engine::Engine;
use crate::exchange::Exchange;
use crate::observation;
use crate::upstream::retry::{FailedAttempt, is_retried};

impl Engine {
    /// Writes an exchange down. Its request's head must be in it.
    pub(crate) fn finish(&self, exchange: &mut Exchange) {
        if std::mem::take(&mut exchange.is_open)
            && let Some(overload) = &self.overload
        {
            overload.end(observation::worker().0);
        }
        exchange.upstream.picked = None;
        let now = self.clock.tick();
        self.observation.attempt(exchange, now);
        let duration = now.since(exchange.plan.request.now());
        let end = End {
            status: exchange.status,
            reason: exchange.refused.map(|(_, reason)| reason),
            duration,
            bytes_in: exchange.bytes_in,
            bytes_out: exchange.bytes_out,
        };
        if self.moments_of(exchange).finish {
            self.plan.finish(&exchange.plan, &end);
        }
        let identity = self
            .identity_slot
            .and_then(|slot| exchange.plan.request.slot::<Identity>(slot));
        self.observation.finish(exchange, &end, identity);
    }

    /// Whether the file allows another attempt, and there is time for it.
    pub(crate) fn retries(&self, exchange: &Exchange, attempt: &FailedAttempt) -> bool {
        let upstream = exchange
            .upstream
            .id
            .and_then(|id| self.plan.config().upstreams.get(id.0));
        upstream.is_some_and(|upstream| is_retried(&upstream.retry, attempt)) && self.left(exchange).is_ok()
    }
}

//! What the gateway does when more comes than it can carry: bounds, and who waits first.
//!
//! Measures nothing; that is the gateway's.

use std::time::Duration;

use adamant_filter::Span;

/// When requests are shed.
#[derive(Clone, Debug)]
pub struct Overload {
    /// Exchanges at a time in the whole process, of all priorities together.
    pub in_flight: u32,
    /// How long work that is ready may wait for its worker.
    pub queue_delay: Duration,
    /// Place of the key in the file.
    pub span: Span,
}

/// Which requests are shed before which others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Shed first.
    Low,
    /// Shed when nothing of low priority is left.
    #[default]
    Normal,
    /// Shed only when all exchanges that may be in flight are.
    High,
}

impl Priority {
    /// All priorities, in the order in which they are shed.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// As it is written in the file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// Position in [`Priority::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

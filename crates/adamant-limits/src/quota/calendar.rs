//! Periods of the calendar in a time zone: when the one of a moment began, and when it ends.
//!
//! The database of time zones is linked in; no file is read. Two processes with the same database give the same answer
//! for any two moments of one period, which is what makes counts in a store common to them.

use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

use adamant_filter::prelude::*;
use adamant_filter::schemars::{Schema, SchemaGenerator, json_schema};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, Zoned};

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// A period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Per {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first to the first.
    Month,
}

impl Per {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// A time zone by its name in the database of the IANA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn time_zone(&self) -> TimeZone {
        self.zone.clone()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }
}

/// A text that names no time zone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownZone(String);

impl std::fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is not a time zone such as `UTC` or `Europe/Berlin`",
            self.0
        )
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone(text.chars().take(40).collect());
        let zone = TimeZoneDatabase::bundled().get(text).map_err(|_| unknown())?;
        // Names are found whatever their capitals; equal zones must be written alike.
        let name = zone.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self { name, zone })
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(text: String) -> Result<Self, UnknownZone> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl JsonSchema for Zone {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A time zone by its name in the database of the IANA, such as `UTC` or `Europe/Berlin`.",
        })
    }
}

/// A period that began and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) starts: Wall,
    /// The first moment of the next one.
    pub(super) ends: Wall,
}

impl Window {
    const fn holds(&self, now: Wall) -> bool {
        self.starts.0 <= now.0 && now.0 < self.ends.0
    }

    /// Seconds from its beginning to its end, rounded up.
    pub(super) const fn seconds(&self) -> u64 {
        self.ends.0.saturating_sub(self.starts.0).div_ceil(1000)
    }
}

/// The periods of one kind in one time zone.
#[derive(Debug)]
pub(super) struct Calendar {
    zone: TimeZone,
    per: Per,
    // The last answer, which is the next one nearly always. Written once in a period.
    current: RwLock<Window>,
}

impl Calendar {
    pub(super) fn new(zone: TimeZone, per: Per) -> Self {
        Self {
            zone,
            per,
            current: RwLock::default(),
        }
    }

    /// The period of a moment.
    pub(super) fn window(&self, now: Wall) -> Window {
        let current = *self.current.read().unwrap_or_else(PoisonError::into_inner);
        if current.holds(now) {
            return current;
        }
        // Beyond the year 9999 there is no calendar, and one period.
        let window = self.find(now).unwrap_or(Window {
            starts: now,
            ends: Wall(u64::MAX),
        });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = window;
        window
    }

    fn find(&self, now: Wall) -> Option<Window> {
        let now = Timestamp::from_millisecond(i64::try_from(now.0).ok()?).ok()?;
        let zoned = now.to_zoned(self.zone.clone());
        if self.per == Per::Hour {
            return self.hour(&zoned);
        }
        let today = zoned.date();
        let (first, length) = match self.per {
            Per::Week => {
                let since_monday = zoned.weekday().to_monday_zero_offset();
                let first = today.checked_sub(Span::new().days(since_monday)).ok()?;
                (first, Span::new().days(7))
            }
            Per::Month => (today.first_of_month(), Span::new().months(1)),
            Per::Day | Per::Hour => (today, Span::new().days(1)),
        };
        Some(Window {
            starts: self.beginning(first)?,
            ends: self.beginning(first.checked_add(length).ok()?)?,
        })
    }

    /// The first moment of a day: midnight, or the moment to which clocks are put forward at midnight.
    fn beginning(&self, day: Date) -> Option<Wall> {
        wall(day.to_zoned(self.zone.clone()).ok()?.timestamp())
    }

    /// From one full hour on the clock to the next, or to the moment at which clocks are changed in between.
    fn hour(&self, now: &Zoned) -> Option<Window> {
        let here = now.timestamp();
        let shift = i64::from(now.offset().seconds()) * 1000;
        let local = here.as_millisecond() + shift;
        let starts = Timestamp::from_millisecond(local - local.rem_euclid(HOUR) - shift).ok()?;
        let ends = Timestamp::from_millisecond(starts.as_millisecond() + HOUR).ok()?;
        let changed = self
            .zone
            .preceding(here.checked_add(Span::new().nanoseconds(1)).ok()?)
            .next();
        let changes = self.zone.following(here).next();
        Some(Window {
            starts: wall(changed.map_or(starts, |change| change.timestamp().max(starts)))?,
            ends: wall(changes.map_or(ends, |change| change.timestamp().min(ends)))?,
        })
    }
}

fn wall(timestamp: Timestamp) -> Option<Wall> {
    // Periods that began before 1970 began then, as far as anybody counts.
    u64::try_from(timestamp.as_millisecond().max(0)).ok().map(Wall)
}

#[cfg(test)]
mod tests;

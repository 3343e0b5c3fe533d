//! Host and path patterns against one host or path: the plain definition that the router must agree with.

use std::sync::Arc;

use adamant_filter::CAPTURES_MAX;

use crate::config::{HostPattern, PathPattern, Segment};

/// Whether `host` (lower case, no port) fits.
pub(crate) fn host_fits(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(name) => name.as_ref() == host,
        HostPattern::Suffix(suffix) => host
            .strip_suffix(suffix.as_ref())
            .and_then(|labels| labels.strip_suffix('.'))
            .is_some_and(|labels| !labels.is_empty()),
    }
}

/// Whether the canonical `path` fits.
pub(crate) fn path_fits(pattern: &PathPattern, path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    for segment in &pattern.segments {
        let Some(part) = parts.next() else { return false };
        let fits = match segment {
            Segment::Literal(text) => text.as_ref() == part,
            Segment::Capture(_) => !part.is_empty(),
        };
        if !fits {
            return false;
        }
    }
    pattern.open || parts.next().is_none()
}

/// Names of the parameters of a pattern, left to right.
pub(crate) fn captures(pattern: &PathPattern) -> impl Iterator<Item = &Arc<str>> {
    pattern.segments.iter().filter_map(|segment| match segment {
        Segment::Capture(name) => Some(name),
        Segment::Literal(_) => None,
    })
}

/// Byte ranges of `path` that the captures of a fitting pattern stand for, left to right.
pub(crate) fn captured(pattern: &PathPattern, path: &str) -> [(u16, u16); CAPTURES_MAX] {
    let mut ranges = [(0, 0); CAPTURES_MAX];
    let mut places = ranges.iter_mut();
    let mut start = 1usize;
    for (segment, part) in pattern.segments.iter().zip(path.split('/').skip(1)) {
        let end = start + part.len();
        if matches!(segment, Segment::Capture(_))
            && let Some(place) = places.next()
        {
            // Targets are bounded at 65,535 bytes by the transport, so both ends fit.
            *place = (u16::try_from(start).unwrap_or(0), u16::try_from(end).unwrap_or(0));
        }
        start = end + 1;
    }
    ranges
}

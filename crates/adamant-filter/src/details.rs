//! Where in a request something is wrong: the places that a refusal tells the client besides its reason.
//!
//! Never a value that a client sent, and no name of its own: whoever makes a place writes only what stands in the
//! policy's own files, or a number.

/// Places that one refusal tells at most; more are dropped.
pub const DETAILS_MAX: usize = 8;

/// The places of a refusal, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(Vec<Detail>);

impl Details {
    /// One place.
    #[must_use]
    pub fn of(place: Place, code: &'static str) -> Self {
        Self(vec![Detail { place, code }])
    }

    /// Adds a place, unless there are [`DETAILS_MAX`] already or it is told.
    pub fn add(&mut self, place: Place, code: &'static str) {
        let detail = Detail { place, code };
        if !self.is_full() && !self.0.contains(&detail) {
            self.0.push(detail);
        }
    }

    /// Whether a further place would be dropped.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.0.len() >= DETAILS_MAX
    }

    /// Whether nothing is told.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The places.
    pub fn iter(&self) -> impl Iterator<Item = &Detail> {
        self.0.iter()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Where.
    pub place: Place,
    /// What: a constant word, such as the keyword of a schema.
    pub code: &'static str,
}

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON pointer (RFC 6901) of names that the schema declares and of positions in lists.
    Pointer(Box<str>),
    /// A byte of the body, counted from 0.
    Offset(u64),
    /// A parameter that the policy or its files declare, such as `query.limit`.
    Parameter(Box<str>),
}

impl Place {
    /// The member of a problem document that holds the place.
    #[must_use]
    pub const fn member(&self) -> &'static str {
        match self {
            Self::Pointer(_) => "pointer",
            Self::Offset(_) => "offset",
            Self::Parameter(_) => "parameter",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_bounded_and_told_once() {
        let mut details = Details::of(Place::Offset(0), "x");
        for at in 0..20 {
            details.add(Place::Offset(at), "x");
        }
        assert!(details.is_full());
        let places: Vec<_> = details.iter().map(|detail| detail.place.clone()).collect();
        assert_eq!(places, (0..8).map(Place::Offset).collect::<Vec<_>>());
    }
}

//! The request as filters see it: an owned head, the facts of its connection, and slots.
//!
//! The path is canonical and the client address is decided before any filter runs; nobody parses them
//! again. A `Request` knows no socket and has no lifetime, so that `async` hooks need no annotations.

mod asked;
mod origin;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::Method;
use http::header::{HeaderName, HeaderValue};
use pingora_http::RequestHeader;

pub use self::origin::{Origin, RouteFacts, Told};

use crate::fields::NameBatch;
use crate::identity::TlsFacts;
use crate::journal::{Before, Journal, Mark};
use crate::query::without_parameter;
use crate::slot::{Facts, MayRead, Reads, Slot, Word, Writes};
use crate::time::{Tick, Wall};

/// Captures that a path pattern may have.
pub const CAPTURES_MAX: usize = 8;

/// Notes that one exchange may carry; more are dropped.
const NOTES_MAX: usize = 4;

/// A request on its way through the filters.
#[derive(Debug)]
pub struct Request {
    head: RequestHeader,
    origin: Origin,
    host: (usize, Box<[u8; 256]>),
    route: Option<Arc<RouteFacts>>,
    captured: [(u16, u16); CAPTURES_MAX],
    facts: Facts,
    notes: [Option<&'static str>; NOTES_MAX],
    journal: Journal,
}

impl Request {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The canonical path; starts with `/`, without query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The parts of the path between slashes. `/a/` has the segments `a` and an empty one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path().split('/').skip(1)
    }

    /// The query as sent, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    /// The host asked for: lower case, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        let (length, bytes) = &self.host;
        bytes
            .get(..*length)
            .and_then(|name| str::from_utf8(name).ok())
            .unwrap_or_default()
    }

    /// The host asked for as it was sent, with its port if it has one; HTTP/2 sends it as `:authority`. Whoever
    /// compares hosts uses [`Request::host`].
    #[must_use]
    pub fn authority(&self) -> &str {
        let field = || self.head.headers.get(http::header::HOST)?.to_str().ok();
        let named = self.head.uri.authority().map(http::uri::Authority::as_str);
        named.or_else(field).unwrap_or_default()
    }

    /// The value of a field that must not occur twice; `None` when it is absent.
    /// A field that occurs twice gives [`Single::Several`], which a security filter must refuse.
    #[must_use]
    pub fn single(&self, name: &HeaderName) -> Single<'_> {
        let mut values = self.head.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Single::Absent,
            (Some(value), None) => Single::One(value),
            (Some(_), Some(_)) => Single::Several,
        }
    }

    /// The first value of a field.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.head.headers.get(name)
    }

    /// All fields with their values.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.head.headers.iter()
    }

    /// Length that the client declared for the body; `None` when it is chunked, unframed or absent.
    #[must_use]
    pub fn declared_length(&self) -> Option<u64> {
        self.head
            .headers
            .get(http::header::CONTENT_LENGTH)?
            .to_str()
            .ok()?
            .parse()
            .ok()
    }

    /// The client's address, with trusted proxies taken into account.
    #[must_use]
    pub const fn client(&self) -> IpAddr {
        self.origin.client
    }

    /// The other end of the TCP connection: the client, or the last proxy before us.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.origin.peer
    }

    /// Name of the listener that accepted the client.
    #[must_use]
    pub fn listener(&self) -> &str {
        &self.origin.listener
    }

    /// TLS and certificate facts; `None` on a clear-text connection.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.origin.tls.as_deref()
    }

    /// Name of the matched route; empty before routing.
    #[must_use]
    pub fn route(&self) -> &str {
        self.route.as_ref().map_or("", |route| &route.name)
    }

    /// The value that the path pattern captured under `name`.
    #[must_use]
    pub fn capture(&self, name: &str) -> Option<&str> {
        let index = self
            .route
            .as_ref()?
            .captures
            .iter()
            .position(|capture| capture.as_ref() == name)?;
        let (start, end) = *self.captured.get(index)?;
        self.path().get(usize::from(start)..usize::from(end))
    }

    /// Monotonic time of arrival.
    #[must_use]
    pub const fn now(&self) -> Tick {
        self.origin.now
    }

    /// Wall time of arrival.
    #[must_use]
    pub const fn wall(&self) -> Wall {
        self.origin.wall
    }

    /// Reads a slot that an earlier filter wrote. `None` only when that filter runs in shadow or
    /// faulted and the file says `on-fault: pass`.
    #[must_use]
    pub fn get<T: Slot>(&self, slot: &Reads<T>) -> Option<&T> {
        self.facts.get(slot.index)
    }

    /// Looks into a slot that may be empty.
    #[must_use]
    pub fn peek<T: Slot>(&self, slot: &MayRead<T>) -> Option<&T> {
        self.facts.get(slot.index)
    }

    /// Writes a slot. Hand over an `Arc` that lives elsewhere (a cache, a table) and nothing is allocated.
    pub fn put<T: Slot>(&mut self, slot: &Writes<T>, value: impl Into<Arc<T>>) {
        self.journal.slot(slot.index, || self.facts.raw(slot.index));
        self.facts.put(slot.index, value.into());
    }

    /// Reads a word of this filter; 0 until it is set.
    #[must_use]
    pub fn word(&self, word: Word) -> u64 {
        self.facts.word(word)
    }

    /// Sets a word of this filter, at any moment that sees the request.
    pub fn set_word(&self, word: Word, value: u64) {
        self.facts.set_word(word, value);
    }

    /// Puts a field in place of all fields of that name. It reaches the upstream: clients cannot remove
    /// it through `Connection`, since a nomination of anything but hop-by-hop fields is refused before.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.journal.field(&self.head.headers, &name);
        // Only a head with more than 32,768 fields refuses an insertion, and bounds refuse that earlier.
        let _ = self.head.insert_header(name, value);
    }

    /// Adds a field beside those of the same name.
    pub fn append_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.journal.field(&self.head.headers, &name);
        // See `set_header`.
        let _ = self.head.append_header(name, value);
    }

    /// Takes a field away; the upstream and later filters do not see it.
    pub fn remove_header(&mut self, name: &HeaderName) {
        self.journal.field(&self.head.headers, name);
        self.head.remove_header(name);
    }

    /// Takes a field away for good: what a client may never send does not come back either when a group of steps tries
    /// another branch.
    pub fn discard_header(&mut self, name: &HeaderName) {
        self.head.remove_header(name);
    }

    /// Whether no step of the group that is being asked has written this field: what stands in it came to the group.
    /// For [`Hooks::conceal`](crate::Hooks::conceal), which must not take away what another branch has set.
    #[must_use]
    pub fn came_to_group(&self, name: &HeaderName) -> bool {
        !self.journal.has_field(name)
    }

    /// Takes away all fields whose name `matches`. Allocates nothing.
    pub fn remove_headers(&mut self, matches: impl Fn(&HeaderName) -> bool) {
        loop {
            let names = NameBatch::of(self.head.headers.keys(), &matches);
            names.iter().for_each(|name| self.remove_header(name));
            if !names.is_full() {
                return;
            }
        }
    }

    /// Takes away all pairs of the query with this name, in whatever spelling; the upstream and later filters do not
    /// see them. Allocates the new target if there is one.
    pub fn remove_query(&mut self, name: &str) {
        let Some(query) = self.query().and_then(|query| without_parameter(query, name)) else {
            return;
        };
        let target = format!("{}{query}", self.path());
        // HTTP/2 keeps the authority in the target, so that only this part may change. A target without a
        // part of its query is as valid as it was.
        let mut parts = self.head.uri.clone().into_parts();
        parts.path_and_query = target.parse().ok();
        if let Ok(uri) = http::Uri::from_parts(parts) {
            self.journal.target(&self.head.uri);
            self.head.set_uri(uri);
        }
    }

    /// Adds a word to the log line of this exchange.
    pub fn note(&mut self, note: &'static str) {
        if let Some(free) = self.notes.iter_mut().find(|place| place.is_none()) {
            *free = Some(note);
        }
    }

    /// The notes of this exchange.
    pub fn notes(&self) -> impl Iterator<Item = &'static str> {
        self.notes.iter().flatten().copied()
    }
}

/// How often a field occurs, with its value when that is once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single<'h> {
    /// Not at all.
    Absent,
    /// Exactly once.
    One(&'h HeaderValue),
    /// More than once.
    Several,
}

/// What only the engine does with a request.
#[cfg(feature = "engine")]
impl Request {
    /// An empty request, to be filled by [`Request::begin`] and reused by the next exchange.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            head: spare_head(),
            origin: Origin {
                client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                peer: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
                listener: Arc::default(),
                tls: None,
                told: Told::Nothing,
                now: Tick(0),
                wall: Wall(0),
            },
            host: (0, Box::new([0; 256])),
            route: None,
            captured: [(0, 0); CAPTURES_MAX],
            facts: Facts::default(),
            notes: [None; NOTES_MAX],
            journal: Journal::default(),
        }
    }

    /// Starts an exchange: forgets the last one and makes room for `slots` and `words`.
    pub fn begin(&mut self, origin: Origin, slots: usize, words: usize) {
        self.origin = origin;
        self.host.0 = 0;
        self.route = None;
        self.facts.reset(slots, words);
        self.notes = [None; NOTES_MAX];
        self.journal.end();
    }

    /// Remembers from here on what filters change, and tells the place for [`Request::undo`].
    pub fn mark(&mut self) -> Mark {
        self.journal.mark(self.facts.words())
    }

    /// Puts back what filters have changed since `mark`: fields, target, slots and words.
    pub fn undo(&mut self, mark: Mark) {
        self.facts.set_words(self.journal.words(mark));
        while let Some(before) = self.journal.pop(mark) {
            match before {
                Before::Field(name) => drop(self.head.remove_header(&name)),
                Before::Value(name, value) => drop(self.head.append_header(name, value)),
                Before::Target(uri) => self.head.set_uri(uri),
                Before::Slot(index, value) => self.facts.put_raw(index, value),
            }
        }
    }

    /// Lets stand what was changed.
    pub fn settle(&mut self) {
        self.journal.end();
    }

    /// Forgets what the exchange referred to, so that a pooled request keeps nothing alive.
    pub fn end(&mut self) {
        self.route = None;
        self.origin.tls = None;
        self.facts.reset(0, 0);
        self.journal.end();
        // An exchange that was dropped in its middle keeps the head of its request. Whoever borrows it next as a
        // spare one must find no field in it, least of all one that declares a body.
        if !self.head.headers.is_empty() {
            self.head = spare_head();
        }
    }

    /// Exchanges the head with the carrier's. Two moves of 352 bytes, no copy of fields.
    pub fn swap_head(&mut self, head: &mut RequestHeader) {
        std::mem::swap(&mut self.head, head);
    }

    /// The head.
    #[must_use]
    pub const fn head(&self) -> &RequestHeader {
        &self.head
    }

    /// The head, to be changed.
    pub const fn head_mut(&mut self) -> &mut RequestHeader {
        &mut self.head
    }

    /// Where the request came from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where the request came from, to be changed.
    pub const fn origin_mut(&mut self) -> &mut Origin {
        &mut self.origin
    }

    /// Sets the host asked for; returns `false` when it is longer than 255 bytes.
    #[must_use]
    pub fn set_host(&mut self, name: &[u8]) -> bool {
        put_host(&mut self.host, name)
    }

    /// Sets the host asked for to the name that `find` sees in the head; returns `false` when it is longer
    /// than 255 bytes.
    ///
    /// # Errors
    /// What `find` says.
    pub fn take_host<E>(&mut self, find: impl FnOnce(&RequestHeader) -> Result<&[u8], E>) -> Result<bool, E> {
        let name = find(&self.head)?;
        Ok(put_host(&mut self.host, name))
    }

    /// Sets the matched route and what its pattern captured, as byte ranges of the path.
    pub fn set_route(&mut self, route: Arc<RouteFacts>, captured: [(u16, u16); CAPTURES_MAX]) {
        self.route = Some(route);
        self.captured = captured;
    }

    /// The matched route.
    #[must_use]
    pub fn route_facts(&self) -> Option<&Arc<RouteFacts>> {
        self.route.as_ref()
    }

    /// Copies everything, for a step in shadow that must not change the exchange.
    ///
    /// # Errors
    /// Never in practice: a head that was accepted can be copied.
    #[must_use]
    pub fn shadow_copy(&self) -> Self {
        Self {
            head: self.head.clone(),
            origin: self.origin.clone(),
            host: self.host.clone(),
            route: self.route.clone(),
            captured: self.captured,
            facts: self.facts.shadow_copy(),
            notes: self.notes,
            journal: Journal::default(),
        }
    }

    /// Takes over the words that a step in shadow wrote into its copy: they belong to that step alone, and its
    /// moment after the last byte needs them to give back what it took.
    pub fn take_words(&self, copy: &Self) {
        self.facts.take_words(&copy.facts);
    }

    /// Reads the slot at `index` of the layout.
    #[must_use]
    pub fn slot<T: Slot>(&self, index: usize) -> Option<&T> {
        self.facts.get(index)
    }
}

/// Builds requests for tests and for `explain`.
#[cfg(feature = "engine")]
impl Request {
    /// A request with this method and target from 192.0.2.1 to host `example.test`.
    ///
    /// # Errors
    /// When the target is not a URI reference.
    pub fn build(method: Method, target: &str) -> Result<Self, InvalidTarget> {
        let mut request = Self::empty();
        let head = RequestHeader::build_no_case(method, target.as_bytes(), Some(8));
        request.head = head.map_err(|_| InvalidTarget {
            target: target.to_owned(),
        })?;
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 40_000));
        request.origin.peer = peer;
        request.origin.client = peer.ip();
        let _ = request.set_host(b"example.test");
        Ok(request)
    }

    /// The same request from another client address.
    #[must_use]
    pub fn from_client(mut self, client: IpAddr) -> Self {
        self.origin.client = client;
        self.origin.peer.set_ip(client);
        self
    }

    /// The same request at another time.
    #[must_use]
    pub fn at(mut self, now: Tick, wall: Wall) -> Self {
        self.origin.now = now;
        self.origin.wall = wall;
        self
    }

    /// The same request with one more field. Bytes that no field may have make it unchanged.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            let _ = self.head.append_header(HeaderName::from_static(name), value);
        }
        self
    }
}

/// A request target that is not a URI reference.
#[cfg(feature = "engine")]
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{target}` is not a request target")]
pub struct InvalidTarget {
    /// The text as given.
    pub target: String,
}

/// Writes a host in the form in which hosts are compared.
#[cfg(feature = "engine")]
fn put_host((length, bytes): &mut (usize, Box<[u8; 256]>), name: &[u8]) -> bool {
    let Some(room) = bytes.get_mut(..name.len()).filter(|room| room.len() < 256) else {
        return false;
    };
    room.copy_from_slice(name);
    room.make_ascii_lowercase();
    *length = name.len();
    true
}

/// A head without content, to stand in while the real one is elsewhere.
#[cfg(feature = "engine")]
fn spare_head() -> RequestHeader {
    #[expect(
        clippy::expect_used,
        reason = "the target is a constant that every parser accepts"
    )]
    RequestHeader::build_no_case(Method::GET, b"/", None).expect("`/` is a request target")
}

#[cfg(all(test, feature = "engine"))]
mod tests {
    use super::*;

    #[test]
    fn pairs_leave_the_query_and_nothing_else_moves() {
        let cases = [
            ("/a", "/a"),
            ("/a?token=1", "/a"),
            ("/a?token", "/a"),
            ("/a?x=1&token=1&y=%2F", "/a?x=1&y=%2F"),
            ("/a?token=1&token=2&z", "/a?z"),
            ("/a?tokens=1&my-token=2", "/a?tokens=1&my-token=2"),
        ];
        for (before, after) in cases {
            let mut request = Request::build(Method::GET, before).unwrap();
            request.remove_query("token");
            assert_eq!(request.head().raw_path(), after.as_bytes(), "{before}");
        }
        let mut request = Request::build(Method::GET, "/").unwrap();
        request
            .head_mut()
            .set_uri("https://example.test/a?token=1&x".parse().unwrap());
        request.remove_query("token");
        assert_eq!(request.head().uri, "https://example.test/a?x");
    }

    #[test]
    fn the_authority_is_what_was_sent() {
        let request = Request::build(Method::GET, "/").unwrap();
        assert_eq!(request.authority(), "");
        let mut request = request.with_header("host", "Example.test:8443");
        assert_eq!(request.authority(), "Example.test:8443");
        let uri = "https://api.test:9/".parse().unwrap();
        request.head_mut().set_uri(uri);
        assert_eq!(request.authority(), "api.test:9");
    }

    #[test]
    fn a_spare_head_has_nothing_of_a_request_that_was_dropped() {
        let mut dropped = RequestHeader::build(Method::POST, b"/a", None).unwrap();
        dropped.append_header("content-length", "5").unwrap();
        let mut request = Request::empty();
        request.swap_head(&mut dropped);
        request.end();
        assert!(request.head().headers.is_empty());
    }
}

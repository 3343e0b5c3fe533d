//! Filters that follow an exchange from its connection to its end: facts of TLS, slots, every moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adamant_filter::TlsFacts;
use adamant_filter::prelude::*;
use adamant_filter::serde_json::json;
use adamant_filter::trial::Trial;
use pingora_http::{RequestHeader, ResponseHeader};

use super::{Nothing, get};

/// Knows a client by the certificate of its connection.
struct Certificate {
    identity: Writes<Identity>,
}

impl Certificate {
    const ABSENT: Reason = Reason::new("absent", 401, "a client certificate is needed");

    fn check(&self, request: &mut Request) -> Verdict {
        let leaf = request.tls().and_then(|tls| tls.client_chain.first());
        let Some(name) = leaf.and_then(|der| str::from_utf8(der).ok()) else {
            return Self::ABSENT.deny();
        };
        let identity = Identity::new(Self::NAME, "test authority", name);
        request.put(&self.identity, identity);
        Verdict::Pass
    }
}

impl Filter for Certificate {
    const NAME: &'static str = "certificate";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = &[&Self::ABSENT];
    type Config = Nothing;

    fn build(_: Nothing, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            identity: boot.writes(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

#[test]
fn a_certificate_of_the_connection_becomes_an_identity() {
    let trial = Trial::of::<Certificate>(&json!({}));
    trial.request(get("/")).denied("certificate.absent");
    let mut request = get("/");
    let chain = vec![Arc::from(b"robot".as_slice())];
    let facts = TlsFacts {
        version: "TLSv1.3",
        client_chain: chain,
        ..TlsFacts::default()
    };
    request.origin_mut().tls = Some(Arc::new(facts));
    let mut request = trial.prepare(request);
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    let identity: &Identity = request.slot(0).expect("it was written");
    assert_eq!((identity.consumer(), identity.method()), ("robot", "certificate"));
}

/// Tells consumers apart after the request: slots and words from the request to the end.
struct Ledger {
    identity: Reads<Identity>,
    tenant: MayRead<Tenant>,
    sent: Word,
    total: Arc<AtomicU64>,
}

/// A slot of this test.
struct Tenant(&'static str);

impl Slot for Tenant {
    const NAME: &'static str = "tenant";
}

impl Ledger {
    const LONG: Reason = Reason::new("long", 502, "the answer is too long");

    fn look(&self, request: &mut Request) -> Verdict {
        request.set_word(self.sent, 100);
        Verdict::Pass
    }

    fn sign(&self, response: &mut Response<'_>) -> Verdict {
        let consumer = response.get(&self.identity).map_or("nobody", Identity::consumer);
        let tenant = response.peek(&self.tenant).map_or("none", |tenant| tenant.0);
        let text = format!("{consumer} of {tenant}, {}", response.word(self.sent));
        response.set_header(
            HeaderName::from_static("x-ledger"),
            HeaderValue::try_from(text).expect("plain text"),
        );
        response.set_word(self.sent, 0);
        Verdict::Pass
    }

    fn measure(&self, request: &Request, chunk: &mut Chunk) -> Verdict {
        let sent = request.word(self.sent) + chunk.data().len() as u64;
        request.set_word(self.sent, sent);
        if sent > 10 {
            return Self::LONG.deny();
        }
        chunk.replace(chunk.data().to_ascii_uppercase().into());
        Verdict::Pass
    }

    fn book(&self, finished: &Finished<'_>) {
        if finished.get(&self.identity).is_some()
            && finished.peek(&self.tenant).is_some()
            && finished.reason.is_none()
        {
            self.total.fetch_add(finished.word(self.sent), Ordering::Relaxed);
        }
    }
}

impl Filter for Ledger {
    const NAME: &'static str = "ledger";
    const ROLE: Role = Role::Observe;
    const REASONS: &'static [&'static Reason] = &[&Self::LONG];
    type Config = Nothing;

    fn build(_: Nothing, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            identity: boot.reads(),
            tenant: boot.may_read(),
            sent: boot.word(),
            total: Arc::default(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        let total = Arc::clone(&self.total);
        hooks
            .request(Self::look)
            .response(Self::sign)
            .response_body(Self::measure)
            .finish(Self::book)
            // A closure is a hook, too: this one shows the sum to the test.
            .response(move |_, response| {
                let sum = HeaderValue::from(total.load(Ordering::Relaxed));
                response.set_header(HeaderName::from_static("x-total"), sum);
                Verdict::Pass
            })
    }
}

fn answered(trial: &Trial, request: &Request) -> (String, String) {
    let mut head = ResponseHeader::build_no_case(200, None).expect("a head");
    assert!(matches!(trial.response(request, &mut head, false), Verdict::Pass));
    let text = |name| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    (text("x-ledger"), text("x-total"))
}

#[test]
fn slots_and_words_are_readable_until_the_end() {
    let trial = Trial::of::<Ledger>(&json!({}));
    assert_eq!(
        trial.built().needs.reads.len(),
        1,
        "what may be empty is not needed"
    );
    let mut request = trial.prepare(get("/"));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    assert_eq!(answered(&trial, &request).0, "nobody of none, 100");
    trial.put(&mut request, Identity::new("api-key", "", "acme"));
    trial.put(&mut request, Tenant("t1"));
    assert_eq!(answered(&trial, &request).0, "acme of t1, 0");
}

#[test]
fn pieces_of_an_answer_are_counted_changed_and_cut_short() {
    let trial = Trial::of::<Ledger>(&json!({}));
    let request = trial.prepare(get("/"));
    let mut piece = Chunk::new("hello".into(), false);
    assert!(matches!(trial.response_body(&request, &mut piece), Verdict::Pass));
    assert_eq!(piece.data().as_ref(), b"HELLO");
    let Verdict::Deny(denial) = trial.response_body(&request, &mut Chunk::new("longer".into(), true)) else {
        panic!("eleven bytes are too many")
    };
    assert_eq!(denial.reason, &Ledger::LONG);
}

/// Signs what each endpoint will see, and cannot do more than that.
struct Sign;

impl Sign {
    const NUMBER: HeaderName = HeaderName::from_static("x-attempt");
    const EXHAUSTED: Reason = Reason::new("exhausted", 503, "a third try would not be signed");

    fn sign(&self, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
        if attempt.number() > 2 {
            return Err(Fault {
                reason: &Self::EXHAUSTED,
            });
        }
        let text = format!(
            "{} to {} for {}",
            attempt.number(),
            attempt.upstream(),
            attempt.request().path()
        );
        attempt.set_header(
            Self::NUMBER,
            HeaderValue::try_from(text).map_err(|_| Fault {
                reason: &Self::EXHAUSTED,
            })?,
        );
        attempt.remove_header(&HeaderName::from_static("x-secret"));
        Ok(())
    }
}

impl Filter for Sign {
    const NAME: &'static str = "sign";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[&Self::EXHAUSTED];
    type Config = Nothing;

    fn build(_: Nothing, _boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.attempt(Self::sign)
    }
}

#[test]
fn every_try_has_a_head_of_its_own() {
    let trial = Trial::of::<Sign>(&json!({}));
    let request = trial.prepare(get("/orders").with_header("x-secret", "1"));
    for number in [1, 2] {
        let mut head = RequestHeader::clone(request.head());
        assert_eq!(trial.attempt(&request, &mut head, number, "orders"), Ok(()));
        assert_eq!(
            head.headers.get("x-attempt").expect("signed"),
            &*format!("{number} to orders for /orders")
        );
        assert!(!head.headers.contains_key("x-secret"));
    }
    let mut head = RequestHeader::clone(request.head());
    assert_eq!(
        trial.attempt(&request, &mut head, 3, "orders"),
        Err(Fault {
            reason: &Sign::EXHAUSTED
        })
    );
    assert!(
        request.header(&HeaderName::from_static("x-secret")).is_some(),
        "the request itself is untouched"
    );
}

/// Refuses bodies that are not what they should be, before the upstream sees anything of them.
struct Balanced;

impl Balanced {
    const BOUND: Size = Size::from_kib(64);
    const UNBALANCED: Reason = Reason::new("unbalanced", 422, "the brackets of the body do not match");

    fn check(&self, _: &mut Request, body: &mut Chunk) -> Verdict {
        let count = |bracket| body.data().iter().filter(|byte| **byte == bracket).count();
        if body.is_last() && count(b'{') == count(b'}') {
            Verdict::Pass
        } else {
            Self::UNBALANCED.deny()
        }
    }
}

impl Filter for Balanced {
    const NAME: &'static str = "balanced";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::UNBALANCED];
    type Config = Nothing;

    fn build(_: Nothing, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        boot.buffer_request(Self::BOUND);
        Ok(Self)
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request_body(Self::check)
    }
}

#[test]
fn a_body_that_must_be_seen_whole_is_asked_for_with_a_bound() {
    let trial = Trial::of::<Balanced>(&json!({}));
    assert_eq!(trial.built().needs.buffer_request, Some(Balanced::BOUND));
    let ask =
        |body: &'static str| trial.body(&mut trial.prepare(get("/")), &mut Chunk::new(body.into(), true));
    assert!(matches!(ask("{{}}"), Verdict::Pass));
    assert!(matches!(ask("{{}"), Verdict::Deny(_)));
}

#[test]
fn the_end_of_an_exchange_is_seen_with_its_facts() {
    let trial = Trial::of::<Ledger>(&json!({}));
    let end = |request: &Request, reason| {
        let duration = Duration::from_millis(3);
        trial.finish(&Finished {
            request,
            status: 200,
            reason,
            duration,
            bytes_in: 0,
            bytes_out: 7,
        });
    };
    let mut request = trial.prepare(get("/"));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    end(&request, None);
    assert_eq!(answered(&trial, &request).1, "0", "nobody's bytes are not booked");

    trial.put(&mut request, Identity::new("api-key", "", "acme"));
    trial.put(&mut request, Tenant("t1"));
    assert!(matches!(trial.ask(&mut request), Verdict::Pass));
    end(&request, Some(&Ledger::LONG));
    end(&request, None);
    assert_eq!(answered(&trial, &request).1, "100");
}

//! `cors`: which other sites may use this one from a browser (Fetch §3.2).
//!
//! Authorises nobody: a browser that is told nothing hides the answer from the site, and everyone else reads it.
//! Whoever wants requests of other sites refused says `enforce: true`.

mod config;
mod origins;

use adamant_filter::prelude::*;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};

use config::CorsConfig;
pub(crate) use config::sorted;
pub(crate) use origins::{Asker, Origins};

const TRUE: HeaderValue = HeaderValue::from_static("true");
const ANYONE: HeaderValue = HeaderValue::from_static("*");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// Private Network Access: whether a public site may ask a host of a private network.
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The filter.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Origins,
    /// Fields of the answer to a preflight of a trusted site, but for those that every answer gets.
    preflight: Fields,
    expose: Option<HeaderValue>,
    credentials: bool,
    enforce: bool,
    private_network: bool,
    /// What the request hook found, since a later filter may take the field `Origin` away.
    found: Word,
    origin: Writes<SiteOrigin>,
    written: MayRead<SiteOrigin>,
}

/// The origin that a pattern trusted.
#[derive(Debug)]
struct SiteOrigin(HeaderValue);

impl Slot for SiteOrigin {
    const NAME: &'static str = "cors origin";
}

impl Filter for Cors {
    const NAME: &'static str = "cors";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::FOREIGN];
    type Config = CorsConfig;

    fn build(config: CorsConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        boot.answers_preflights();
        let origins = config.origins()?;
        let mut preflight = vec![(ACCESS_CONTROL_ALLOW_METHODS, config.methods()?)];
        preflight.extend(
            config
                .headers()?
                .map(|names| (ACCESS_CONTROL_ALLOW_HEADERS, names)),
        );
        preflight.extend(config.max_age()?.map(|seconds| (ACCESS_CONTROL_MAX_AGE, seconds)));
        Ok(Self {
            preflight,
            expose: config.expose()?,
            credentials: config.credentials,
            enforce: config.enforce,
            private_network: config.private_network,
            origins,
            found: boot.word(),
            origin: boot.writes(),
            written: boot.may_read(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check).response(Self::mark)
    }
}

impl Cors {
    const FOREIGN: Reason = Reason::new("foreign", 403, "this site may not use the service from a browser");

    fn check(&self, request: &mut Request) -> Verdict {
        let asker = self.origins.asker(request.single(&ORIGIN));
        request.set_word(self.found, asker.word());
        if asker == Asker::ByPattern
            && let Some(origin) = request.header(&ORIGIN).cloned()
        {
            // Allocates: a field that a later filter takes away would be gone when the answer has to name it.
            request.put(&self.origin, SiteOrigin(origin));
        }
        if asker == Asker::Foreign && self.enforce {
            return Self::FOREIGN.deny();
        }
        let is_preflight = *request.method() == Method::OPTIONS
            && asker != Asker::Nobody
            && request.header(&ACCESS_CONTROL_REQUEST_METHOD).is_some();
        if is_preflight {
            return self.answer(request, asker);
        }
        Verdict::Pass
    }

    /// Answers a preflight. One of a site that is not trusted gets an answer that permits nothing.
    fn answer(&self, request: &Request, asker: Asker) -> Verdict {
        let mut fields = Fields::new();
        if asker != Asker::Foreign {
            fields.clone_from(&self.preflight);
            if self.private_network && request.header(&REQUEST_PRIVATE_NETWORK) == Some(&TRUE) {
                fields.push((ALLOW_PRIVATE_NETWORK, TRUE));
            }
        }
        Verdict::Reply(Box::new(Reply {
            refuses: false,
            status: 204,
            fields,
            body: Bytes::new(),
        }))
    }

    /// Says on every answer, refusals included, who may read it. What the upstream says about that goes: two answers
    /// to one question break every browser.
    fn mark(&self, response: &mut Response<'_>) -> Verdict {
        if response.is_ours() {
            // An answer to a preflight has fields of this filter besides.
            response.remove_header(&ACCESS_CONTROL_ALLOW_ORIGIN);
            response.remove_header(&ACCESS_CONTROL_ALLOW_CREDENTIALS);
            response.remove_header(&ACCESS_CONTROL_EXPOSE_HEADERS);
        } else {
            response.remove_headers(|name| name.as_str().starts_with("access-control-"));
        }
        if !self.origins.are_all() {
            vary_by_origin(response);
        }
        let Some(origin) = self.reader(response) else {
            return Verdict::Pass;
        };
        response.set_header(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            response.set_header(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(names) = &self.expose {
            response.set_header(ACCESS_CONTROL_EXPOSE_HEADERS, names.clone());
        }
        Verdict::Pass
    }

    /// The origin that may read the answer.
    fn reader(&self, response: &Response<'_>) -> Option<HeaderValue> {
        if self.origins.are_all() {
            return Some(ANYONE);
        }
        let request = response.request();
        let asker = Asker::of_word(request.word(self.found))
            // A step above refused, so that the request hook was not reached.
            .unwrap_or_else(|| self.origins.asker(request.single(&ORIGIN)));
        match asker {
            Asker::Nobody | Asker::Foreign | Asker::Anyone => None,
            Asker::Listed(position) => self.origins.listed(position).cloned(),
            Asker::ByPattern => {
                let written = request.peek(&self.written).map(|SiteOrigin(origin)| origin);
                written.or_else(|| request.header(&ORIGIN)).cloned()
            }
        }
    }
}

/// Tells caches that another origin gets another answer.
fn vary_by_origin(response: &mut Response<'_>) {
    let is_told = response.header_all(&VARY).any(|value| {
        let names = value.as_bytes().split(|byte| *byte == b',');
        names
            .map(<[u8]>::trim_ascii)
            .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
    });
    if !is_told {
        response.append_header(VARY, BY_ORIGIN);
    }
}

#[cfg(test)]
mod tests;

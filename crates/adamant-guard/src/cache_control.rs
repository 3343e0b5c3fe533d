//! `cache-control`: what may be kept of an answer, and by whom.
//!
//! Keeps nothing itself.

mod directives;

use std::collections::BTreeSet;

use adamant_filter::prelude::*;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, PRAGMA};

use crate::media_range::{MediaRange, all_of, essence};
use crate::statuses::Statuses;

/// Says to caches what they may keep.
///
/// Answers to callers who proved who they are get `private, no-store`, unless the upstream itself says `private` or
/// `no-store`, or one of the rules fits. Other answers stay as they are where no rule fits. The first rule that fits
/// decides, whatever the upstream says.
///
/// Example: `cache-control: { rules: [{ media: [image/*], set: "public, max-age=3600" }] }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CacheControlConfig {
    /// For callers who proved who they are. Default: `private, no-store`. Example: `private, max-age=60`
    #[serde(default = "nobody")]
    authenticated: String,
    /// Rules for some answers. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<CacheRule>,
}

/// What caches may keep of some answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CacheRule {
    /// Statuses; `2xx` is all from 200 to 299. Default: all. Example: `[200, 404]`
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    statuses: BTreeSet<String>,
    /// Media types. Default: all. Example: `[image/*, text/css]`
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "crate::media_range::canonical"
    )]
    media: Vec<String>,
    /// The value of the field `Cache-Control`. Example: `public, max-age=3600`
    set: String,
}

fn nobody() -> String {
    "private, no-store".to_owned()
}

/// The filter.
#[derive(Debug)]
pub(crate) struct CacheControl {
    authenticated: HeaderValue,
    rules: Box<[Compiled]>,
    identity: MayRead<Identity>,
}

#[derive(Debug)]
struct Compiled {
    statuses: Option<Statuses>,
    media: Box<[MediaRange]>,
    value: HeaderValue,
}

impl Filter for CacheControl {
    const NAME: &'static str = "cache-control";
    const ROLE: Role = Role::Shape;
    const REASONS: &'static [&'static Reason] = &[];
    type Config = CacheControlConfig;

    fn build(config: CacheControlConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let mut rules: Vec<Compiled> = Vec::with_capacity(config.rules.len());
        for (position, rule) in config.rules.iter().enumerate() {
            let at = format!("rules[{position}]");
            if rules
                .iter()
                .any(|rule| rule.statuses.is_none() && rule.media.is_empty())
            {
                return Err(Problem::at(&at, "the rule before it fits every answer"));
            }
            let statuses = (!rule.statuses.is_empty())
                .then(|| Statuses::of(&format!("{at}.statuses"), &rule.statuses, 200))
                .transpose()?;
            let media = if rule.media.is_empty() {
                Box::default()
            } else {
                all_of(&format!("{at}.media"), &rule.media)?
            };
            let value = directives::value(&format!("{at}.set"), &rule.set)?;
            rules.push(Compiled {
                statuses,
                media,
                value,
            });
        }
        let authenticated = directives::value("authenticated", &config.authenticated)?;
        if directives::is_public(&authenticated) {
            let problem = Problem::at("authenticated", "everyone would get what one caller may see");
            return Err(problem
                .with_help("write `private` or `no-store`, and a rule for what is the same for everyone"));
        }
        Ok(Self {
            authenticated,
            rules: rules.into(),
            identity: boot.may_read(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.response(Self::mark)
    }
}

impl CacheControl {
    fn mark(&self, response: &mut Response<'_>) -> Verdict {
        // The gateway's own refusals say `no-store`.
        if response.is_ours() {
            return Verdict::Pass;
        }
        let status = response.status().as_u16();
        let media = response.header(&CONTENT_TYPE).map(essence).unwrap_or_default();
        let rule = self.rules.iter().find(|rule| rule.fits(status, media));
        let value = match rule {
            Some(rule) => Some(&rule.value),
            None if response.peek(&self.identity).is_some() && !is_kept_private(response) => {
                Some(&self.authenticated)
            }
            None => None,
        };
        if let Some(value) = value.cloned() {
            response.set_header(CACHE_CONTROL, value);
            // Older fields with the same purpose would contradict.
            response.remove_header(&EXPIRES);
            response.remove_header(&PRAGMA);
        }
        Verdict::Pass
    }
}

impl Compiled {
    fn fits(&self, status: u16, media: &[u8]) -> bool {
        let fits_status = self.statuses.as_ref().is_none_or(|statuses| statuses.has(status));
        fits_status && (self.media.is_empty() || self.media.iter().any(|range| range.holds(media)))
    }
}

/// Whether the upstream itself keeps shared caches from the answer.
fn is_kept_private(response: &Response<'_>) -> bool {
    let directives = response
        .header_all(&CACHE_CONTROL)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut names = directives.map(<[u8]>::trim_ascii);
    // `private="x"` is about one field alone.
    names.any(|name| name.eq_ignore_ascii_case(b"private") || name.eq_ignore_ascii_case(b"no-store"))
}

#[cfg(test)]
mod tests {
    use adamant_filter::serde_json::{Value, json};
    use adamant_filter::trial::{Trial, TrialHost};
    use pingora_http::ResponseHeader;

    use super::*;

    fn answered(
        config: &Value,
        known: bool,
        status: u16,
        fields: &[(&'static str, &'static str)],
    ) -> Vec<String> {
        let mut trial = Trial::of::<CacheControl>(config);
        let request = Request::build(Method::GET, "/").unwrap();
        let request = if known {
            trial.prepare_with(request, Identity::new("api-key", "", "acme"))
        } else {
            trial.prepare(request)
        };
        let mut head = ResponseHeader::build_no_case(status, None).unwrap();
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        assert!(matches!(
            trial.response(&request, &mut head, false),
            Verdict::Pass
        ));
        let all = ["cache-control", "expires", "pragma"]
            .iter()
            .flat_map(|name| head.headers.get_all(*name));
        all.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_one_caller_may_see_is_kept_by_nobody_else() {
        let config = json!({});
        let public = [
            ("cache-control", "public, max-age=60"),
            ("expires", "0"),
            ("pragma", "x"),
        ];
        assert_eq!(answered(&config, true, 200, &public), ["private, no-store"]);
        assert_eq!(answered(&config, true, 200, &[]), ["private, no-store"]);
        assert_eq!(
            answered(&config, false, 200, &public[..1]),
            ["public, max-age=60"]
        );
        for own in ["private", "max-age=5, PRIVATE", "no-store"] {
            assert_eq!(answered(&config, true, 200, &[("cache-control", own)]), [own]);
        }
        assert_eq!(
            answered(&config, true, 200, &[("cache-control", "private=\"x\"")]),
            ["private, no-store"]
        );
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let config = json!({"rules": [
            {"statuses": ["404"], "set": "no-store"},
            {"statuses": ["2xx"], "media": ["image/*"], "set": "public, max-age=60"},
        ]});
        let image = [("content-type", "image/png")];
        assert_eq!(answered(&config, true, 200, &image), ["public, max-age=60"]);
        assert_eq!(answered(&config, false, 404, &image), ["no-store"]);
        assert_eq!(answered(&config, true, 500, &image), ["private, no-store"]);
        assert_eq!(answered(&config, false, 200, &[]), [""; 0]);
    }

    #[test]
    fn what_contradicts_itself_is_refused_at_boot() {
        for config in [
            json!({"authenticated": "public"}),
            json!({"authenticated": "max-age=60"}),
            json!({"authenticated": "privat"}),
            json!({"authenticated": ""}),
            json!({"rules": [{"set": "public, private"}]}),
            json!({"rules": [{"set": "no-store, max-age=60"}]}),
            json!({"rules": [{"set": "max-age"}]}),
            json!({"rules": [{"set": "max-age=x"}]}),
            json!({"rules": [{"set": "public=1"}]}),
            json!({"rules": [{"set": "public, public"}]}),
            json!({"rules": [{"set": "public"}, {"statuses": ["200"], "set": "private"}]}),
            json!({"rules": [{"statuses": ["1xx"], "set": "private"}]}),
        ] {
            assert!(
                Trial::try_build::<CacheControl>(&config, &mut TrialHost::new()).is_err(),
                "{config}"
            );
        }
    }
}

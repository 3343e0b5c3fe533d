//! `addresses`: who may knock, by network address.
//!
//! Looks at the client's address after trusted proxies were taken into account, and reads no field itself.

mod networks;
mod written;

use adamant_filter::prelude::*;

use networks::Networks;
use written::{Listed, lines};

/// Lets clients pass or not by the networks that they come from.
///
/// `deny` wins over `allow`; with `allow`, whoever is in none of its networks is refused. At least one of
/// them is needed. The client's address is that of the connection, or what a proxy that the listener trusts
/// says. An IPv4 address inside IPv6 (`::ffff:192.0.2.1`) counts as IPv4, so `::/0` is all of IPv6 and no
/// IPv4. A look-up in 100,000 networks takes at most seventeen comparisons.
///
/// Example: `addresses: { allow: [10.0.0.0/8, "2001:db8::/32"], deny: { file: lists/abuse.txt } }`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AddressesConfig {
    /// Networks that may pass, all others may not: a list, or `{ file: PATH }` with one network per line
    /// (empty lines and whatever follows a `#` do not count). Default: everyone. Example: `[192.0.2.0/24]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow: Option<Listed>,
    /// Networks that may not pass, written like `allow`. Default: none. Example: `{ file: lists/abuse.txt }`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deny: Option<Listed>,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Addresses {
    allow: Option<Networks>,
    deny: Networks,
}

impl Filter for Addresses {
    const NAME: &'static str = "addresses";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::OUTSIDE, &Self::DENIED];
    type Config = AddressesConfig;

    fn build(config: AddressesConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if config.allow.is_none() && config.deny.is_none() {
            let problem = Problem::at("", "without `allow` and `deny` everyone may pass");
            return Err(problem.with_help("write `allow` with the networks that may pass, or `deny`"));
        }
        let mut networks = |key, listed: Option<Listed>| match listed {
            Some(listed) => compile(key, listed, boot).map(Some),
            None => Ok(None),
        };
        let (allow, deny) = (networks("allow", config.allow)?, networks("deny", config.deny)?);
        Ok(Self {
            allow,
            deny: deny.unwrap_or_default(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request(Self::check)
    }
}

fn compile(key: &str, listed: Listed, boot: &mut Boot<'_>) -> Result<Networks, Problem> {
    let cidrs = match listed {
        Listed::Here(cidrs) => cidrs.into_iter().collect(),
        Listed::InFile(source) => {
            let bytes = boot.file(&source.file)?;
            lines(&bytes).map_err(|wrong| {
                let problem = Problem::at(
                    key,
                    format!("`{}`, line {}: {}", source.file.display(), wrong.line, wrong.what),
                );
                match wrong.help {
                    Some(help) => problem.with_help(help),
                    None => problem,
                }
            })?
        }
    };
    match (cidrs.is_empty(), key) {
        (true, "allow") => Err(Problem::at(key, "an empty list would refuse everyone")),
        (true, _) => Err(Problem::at(key, "an empty list refuses nobody")),
        (false, _) => {
            let networks = Networks::of(cidrs);
            boot.reserve("networks", Size::from_bytes(networks.bytes()));
            Ok(networks)
        }
    }
}

impl Addresses {
    const OUTSIDE: Reason = Reason::new("outside", 403, "the address is not in an allowed network");
    const DENIED: Reason = Reason::new("denied", 403, "the address is in a denied network");

    fn check(&self, request: &mut Request) -> Verdict {
        let client = request.client().to_canonical();
        if self.deny.contain(client) {
            return Self::DENIED.deny();
        }
        match &self.allow {
            Some(allow) if !allow.contain(client) => Self::OUTSIDE.deny(),
            Some(_) | None => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests;

//! Kinds of attacks: what a policy refuses, and the reason of each refusal.
//!
//! Holds no pattern; which rule belongs to which kind is said by its pack.

use adamant_filter::prelude::*;

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Category {
    /// Text that leaves its place in a statement of SQL and changes it.
    SqlInjection,
    /// Markup or script that would run in the browser of somebody else.
    CrossSiteScripting,
    /// Names of files outside of where a program looks for them.
    PathTraversal,
    /// Commands of a shell, and code of PHP, Java and others that runs on the server.
    CommandInjection,
    /// Addresses that make the server call itself, its network or its cloud.
    ServerSideRequestForgery,
    /// Expressions of template engines.
    TemplateInjection,
    /// Line feeds and zero bytes where none belong, requests within requests, operators of LDAP, XPath and document
    /// stores, entities of XML, serialised objects, look-ups of log libraries.
    ProtocolAttack,
    /// Tools that look for weaknesses, and the files that they look for.
    Scanner,
    /// What the rules of a pack call a kind of their own.
    Other,
}

impl Category {
    /// How many there are.
    pub(super) const COUNT: usize = 9;

    /// All of them, in the order of [`Category::index`].
    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::SqlInjection,
        Self::CrossSiteScripting,
        Self::PathTraversal,
        Self::CommandInjection,
        Self::ServerSideRequestForgery,
        Self::TemplateInjection,
        Self::ProtocolAttack,
        Self::Scanner,
        Self::Other,
    ];

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Its word in files.
    pub(super) const fn word(self) -> &'static str {
        self.reason().code()
    }

    /// Why a request with such an attack is refused.
    pub(super) const fn reason(self) -> &'static Reason {
        match self {
            Self::SqlInjection => &SQL_INJECTION,
            Self::CrossSiteScripting => &CROSS_SITE_SCRIPTING,
            Self::PathTraversal => &PATH_TRAVERSAL,
            Self::CommandInjection => &COMMAND_INJECTION,
            Self::ServerSideRequestForgery => &SERVER_SIDE_REQUEST_FORGERY,
            Self::TemplateInjection => &TEMPLATE_INJECTION,
            Self::ProtocolAttack => &PROTOCOL_ATTACK,
            Self::Scanner => &SCANNER,
            Self::Other => &OTHER,
        }
    }
}

pub(super) const SQL_INJECTION: Reason =
    Reason::new("sql-injection", 403, "the request looks like an injection of SQL");
pub(super) const CROSS_SITE_SCRIPTING: Reason = Reason::new(
    "cross-site-scripting",
    403,
    "the request looks like script for the browser of somebody else",
);
pub(super) const PATH_TRAVERSAL: Reason = Reason::new(
    "path-traversal",
    403,
    "the request looks like a way to other files",
);
pub(super) const COMMAND_INJECTION: Reason = Reason::new(
    "command-injection",
    403,
    "the request looks like a command for the server",
);
pub(super) const SERVER_SIDE_REQUEST_FORGERY: Reason = Reason::new(
    "server-side-request-forgery",
    403,
    "the request looks like a call that the server shall make",
);
pub(super) const TEMPLATE_INJECTION: Reason = Reason::new(
    "template-injection",
    403,
    "the request looks like an expression of a template",
);
pub(super) const PROTOCOL_ATTACK: Reason = Reason::new(
    "protocol-attack",
    403,
    "the request looks like an attack on what reads it",
);
pub(super) const SCANNER: Reason =
    Reason::new("scanner", 403, "the request looks like a search for weaknesses");
pub(super) const OTHER: Reason = Reason::new("other", 403, "the request matches a rule of this site");

/// How much a rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// An attack and hardly anything else: 5.
    Critical,
    /// Mostly an attack: 4.
    Error,
    /// Suspicious: 3.
    Warning,
    /// Noteworthy: 2.
    Notice,
}

impl Severity {
    /// What it adds to the score of a request.
    pub(super) const fn score(self) -> u32 {
        match self {
            Self::Critical => 5,
            Self::Error => 4,
            Self::Warning => 3,
            Self::Notice => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_indexes_agree() {
        for (index, category) in Category::ALL.into_iter().enumerate() {
            assert_eq!(category.index(), index);
            let word = adamant_filter::serde_json::to_value(category).unwrap();
            assert_eq!(word, category.word());
        }
    }
}

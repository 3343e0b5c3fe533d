//! `basic`: proves who is calling by a name and a password (RFC 7617).
//!
//! Passwords are checked against argon2id or bcrypt hashes, on threads of their own and few at once, and a guard
//! makes whoever fails wait. Never stores, prints or compares a password; never hashes one on a request thread.

mod check;
mod credential;
mod hash;
mod user_file;
mod users;

use std::path::PathBuf;
use std::sync::Arc;

use adamant_filter::Pending;
use adamant_filter::prelude::*;

use self::check::{Checked, Checker};
use self::credential::{Credential, NoCredential, Room, TEXT_MAX};
use self::user_file::UserFile;
use self::users::Record;
use crate::api_key::{grants, quoted};
use crate::backoff::{Blocked, GuardConfig};
use crate::challenge::{Challenge, default_realm};
use crate::flight::{Boarding, Wait};

/// Proves the consumer by a name and a password; `adamant keygen --user NAME` makes the hash.
///
/// Names and passwords are compared byte by byte in UTF-8, together at most 768 bytes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BasicConfig {
    /// Where the users are.
    pub users: UserList,
    /// Pass the password on to the upstream. Otherwise it is taken out of the request once it is proved.
    #[serde(default)]
    pub forward: bool,
    /// Name of the protected area in `WWW-Authenticate`.
    #[serde(default = "default_realm")]
    pub realm: String,
    /// How long a password that was proved need not be hashed again, such as `5m` (the default); at most `1d`,
    /// and `0s` hashes it for each request.
    #[serde(default = "default_remember_for")]
    pub remember_for: Period,
    /// How many passwords are hashed at once, 1 to 64. Each takes the memory that its hash names and one thread;
    /// when all are taken, a request whose password is new is a fault.
    #[serde(default = "default_at_once")]
    pub at_once: u32,
    /// How guessing is slowed down.
    #[serde(default)]
    pub guard: GuardConfig,
}

/// The list of users.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserList {
    /// A file with the list `users`; each entry has `name` and `hash` (argon2id or bcrypt), and may have `scopes`
    /// and `not-after`. Its contents enter the digest.
    pub file: PathBuf,
}

const fn default_remember_for() -> Period {
    Period::from_secs(300)
}

const REMEMBER_FOR_MAX: Period = Period::from_secs(86_400);

const fn default_at_once() -> u32 {
    4
}

const AT_ONCE_MAX: u32 = 64;

/// The filter `basic`.
#[derive(Debug)]
pub struct Basic {
    checker: Arc<Checker>,
    forward: bool,
    challenge: Challenge,
    identity: Writes<Identity>,
}

impl Filter for Basic {
    const NAME: &'static str = "basic";
    const ROLE: Role = Role::Authenticate;
    const REASONS: &'static [&'static Reason] = &[
        &Self::MISSING,
        &Self::SEVERAL,
        &Self::UNREADABLE,
        &Self::WRONG,
        &Self::EXPIRED,
        &Self::ACCOUNT_BLOCKED,
        &Self::SOURCE_BLOCKED,
        &Self::BUSY,
        &Self::BROKEN,
    ];
    type Config = BasicConfig;

    fn build(config: BasicConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        if !(1..=AT_ONCE_MAX).contains(&config.at_once) {
            let message = format!("it is a number from 1 to {AT_ONCE_MAX}");
            return Err(Problem::at("at-once", message));
        }
        if config.remember_for > REMEMBER_FOR_MAX {
            let message = format!("a proof is good for {REMEMBER_FOR_MAX} at most");
            return Err(Problem::at("remember-for", message));
        }
        Ok(Self {
            challenge: Challenge::new("Basic", &config.realm, &[("charset", "UTF-8")])?,
            forward: config.forward,
            identity: boot.writes::<Identity>(),
            checker: Arc::new(Checker::build(
                &config,
                UserFile::load(&config.users.file, boot)?,
                boot,
            )?),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks
            .request_or_async(Self::recall, Self::check)
            .conceal(Self::conceal)
    }
}

/// Work that was begun, if nobody else had begun it, and its result.
type Begun<'b> = (Option<Pending<'b, ()>>, Wait<Checked>);

impl Basic {
    const MISSING: Reason = Reason::new("missing", 401, "a name and a password are required");
    const SEVERAL: Reason = Reason::new("several", 400, "the credentials must be sent once");
    const UNREADABLE: Reason = Reason::new(
        "unreadable",
        400,
        "the credentials are not base64 of a name and a password in UTF-8",
    );
    const WRONG: Reason = Reason::new("wrong", 401, "the name or the password is wrong");
    const EXPIRED: Reason = Reason::new("expired", 401, "the account has expired");
    const ACCOUNT_BLOCKED: Reason = Reason::new(
        "account-blocked",
        429,
        "too many wrong passwords for this name, so the next try has to wait",
    );
    const SOURCE_BLOCKED: Reason = Reason::new(
        "source-blocked",
        429,
        "too many wrong passwords from this network, so the next try has to wait",
    );
    const BUSY: Reason = Reason::new("busy", 503, "too many passwords are being checked at this moment");
    const BROKEN: Reason = Reason::new("broken", 503, "the check of the password did not come to an end");

    /// The argon2id hash of a password for a user file, with 16 bytes of a cryptographic random source; `None`
    /// for a password that no client could send.
    #[must_use]
    pub fn hash(password: &str, salt: &[u8; 16]) -> Option<String> {
        let is_sendable = password.len() < TEXT_MAX && !password.chars().any(char::is_control);
        is_sendable.then(|| hash::make(password, salt))?
    }

    /// Whether a user file may name this user.
    #[must_use]
    pub fn is_user(name: &str) -> bool {
        user_file::is_name(name)
    }

    /// The entry for the list `users` of the user file; `not_after` is a timestamp of RFC 3339.
    #[must_use]
    pub fn yaml_entry(name: &str, hash: &str, scopes: &[&str], not_after: Option<&str>) -> String {
        let start = format!("  - name: {}\n    hash: {}\n", quoted(name), quoted(hash));
        start + &grants(scopes, not_after)
    }

    /// Everything but a password that must be hashed.
    fn recall(&self, request: &mut Request) -> Option<Verdict> {
        let mut room: Room = [0; TEXT_MAX + 3];
        let credential = match Credential::read(request, &mut room) {
            Ok(credential) => credential,
            Err(none) => return Some(self.refuse(none)),
        };
        let asked = self.checker.ask(credential, request);
        match self.checker.recall(credential.name, &asked)? {
            Ok(record) => Some(self.conclude(request, record)),
            Err(blocked) => Some(Self::blocked(blocked)),
        }
    }

    async fn check(&self, request: &mut Request) -> Verdict {
        let (work, wait) = match self.begin(request) {
            Ok(begun) => begun,
            Err(verdict) => return verdict,
        };
        if let Some(work) = work {
            work.await;
        }
        match wait.await {
            Some(Checked::Right(number)) => match self.checker.user(number) {
                Some(record) => self.conclude(request, record),
                None => Self::BROKEN.fault(),
            },
            Some(Checked::Wrong) => self.challenge.deny(&Self::WRONG),
            Some(Checked::Blocked(blocked)) => Self::blocked(blocked),
            None => Self::BROKEN.fault(),
        }
    }

    /// Begins the check, or joins one of the same name and password.
    fn begin(&self, request: &Request) -> Result<Begun<'_>, Verdict> {
        let mut room: Room = [0; TEXT_MAX + 3];
        let credential = Credential::read(request, &mut room).map_err(|none| self.refuse(none))?;
        let asked = self.checker.ask(credential, request);
        match self.checker.board(&asked) {
            Boarding::Joined(wait) => Ok((None, wait)),
            Boarding::Full => Err(Self::BUSY.fault()),
            Boarding::First(landing, wait) => {
                let work = Checker::work(&self.checker, credential, asked, landing);
                Ok((Some(self.checker.run(work)), wait))
            }
        }
    }

    fn conclude(&self, request: &mut Request, record: &Record) -> Verdict {
        if record.not_after.is_some_and(|end| request.wall().0 >= end) {
            return self.challenge.deny(&Self::EXPIRED);
        }
        request.put(&self.identity, Arc::clone(&record.identity));
        if !self.forward {
            Credential::strip(request);
        }
        Verdict::Pass
    }

    fn conceal(&self, request: &mut Request) {
        if !self.forward && Credential::is_sent(request) {
            Credential::strip(request);
        }
    }

    fn refuse(&self, none: NoCredential) -> Verdict {
        match none {
            NoCredential::Absent => self.challenge.deny(&Self::MISSING),
            NoCredential::Several => Self::SEVERAL.deny(),
            NoCredential::Unreadable => Self::UNREADABLE.deny(),
        }
    }

    fn blocked(blocked: Blocked) -> Verdict {
        let reason = match blocked {
            Blocked::Account(_) => &Self::ACCOUNT_BLOCKED,
            Blocked::Source(_) => &Self::SOURCE_BLOCKED,
        };
        let retry_after = HeaderName::from_static("retry-after");
        reason.deny_with(vec![(retry_after, blocked.retry_after())])
    }
}

#[cfg(test)]
mod tests;

//! A password at rest: argon2id or bcrypt, with parameters that are neither weak nor a way to stop the gateway.
//!
//! Every other hash is refused when the file is read: MD5, SHA and plain text fall to whoever gets the file, and
//! argon2i and argon2d are not what RFC 9106 recommends for passwords.

use argon2::password_hash::{PasswordHash as Phc, PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use subtle::ConstantTimeEq;

/// Memory and work of argon2id, in KiB: the least of what OWASP's password storage cheat sheet lists, and a bound.
const MEMORY_MIN: u32 = 7 * 1024;
const MEMORY_MAX: u32 = 256 * 1024;
/// Memory times passes: the list of OWASP is about even in it.
const WORK_MIN: u32 = 35 * 1024;
const WORK_MAX: u32 = 1024 * 1024;
const LANES_MAX: u32 = 16;

/// Costs of bcrypt: ten is the least that OWASP lists, fourteen takes about a second.
const COST_MIN: u32 = 10;
const COST_MAX: u32 = 14;

/// Longest password that bcrypt reads; it ignores what follows.
const BCRYPT_MAX: usize = 72;

/// What `adamant keygen` makes: the first of OWASP's list.
const MADE: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Memory of bcrypt.
const BCRYPT_MEMORY: u64 = 8 * 1024;

/// A hash of the file.
#[derive(Clone)]
pub(super) enum PasswordHash {
    Argon2id {
        params: Params,
        salt: Box<[u8]>,
        output: Box<[u8]>,
    },
    Bcrypt(Box<str>),
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Argon2id { .. } => "Argon2id",
            Self::Bcrypt(_) => "Bcrypt",
        })
    }
}

/// Why a text is no hash that passwords may be kept by. Says nothing of the text, which may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HashError {
    #[error("the hash is neither argon2id nor bcrypt")]
    Unknown,
    #[error("the hash is not well formed")]
    Malformed,
    #[error("the hash is weak: argon2id needs at least 7 MiB of memory, and 35 MiB times passes")]
    WeakArgon2id,
    #[error(
        "the hash is a way to stop the gateway: argon2id with more than 256 MiB, 1 GiB times passes, or 16 lanes"
    )]
    HeavyArgon2id,
    #[error("the hash is weak: bcrypt needs a cost of at least 10")]
    WeakBcrypt,
    #[error("the hash is a way to stop the gateway: bcrypt with a cost of more than 14")]
    HeavyBcrypt,
    #[error("the salt has less than 8 bytes, or the hash less than 16")]
    Short,
}

impl PasswordHash {
    /// Reads `$argon2id$v=19$m=…,t=…,p=…$salt$hash` or `$2b$cost$…`.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        if text.starts_with("$argon2id$") {
            return Self::parse_argon2id(text);
        }
        // `2x` marks the hashes of an implementation that lost bits.
        if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            return Self::parse_bcrypt(text);
        }
        Err(HashError::Unknown)
    }

    fn parse_argon2id(text: &str) -> Result<Self, HashError> {
        let phc = Phc::new(text).map_err(|_| HashError::Malformed)?;
        if phc.version != Some(Version::V0x13.into()) {
            return Err(HashError::Malformed);
        }
        let number = |name: &str| phc.params.get_decimal(name).ok_or(HashError::Malformed);
        let (memory, passes, lanes) = (number("m")?, number("t")?, number("p")?);
        // A key id or associated data would be part of the hash, and nobody could give them.
        if phc.params.iter().count() != 3 {
            return Err(HashError::Malformed);
        }
        let work = memory.saturating_mul(passes);
        if memory < MEMORY_MIN || work < WORK_MIN {
            return Err(HashError::WeakArgon2id);
        }
        if memory > MEMORY_MAX || work > WORK_MAX || lanes > LANES_MAX {
            return Err(HashError::HeavyArgon2id);
        }
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(HashError::Malformed);
        };
        let mut bytes = [0; 64];
        let salt = salt.decode_b64(&mut bytes).map_err(|_| HashError::Malformed)?;
        if salt.len() < 8 || output.len() < 16 {
            return Err(HashError::Short);
        }
        let params = Params::new(memory, passes, lanes, Some(output.len()));
        Ok(Self::Argon2id {
            params: params.map_err(|_| HashError::Malformed)?,
            salt: salt.into(),
            output: output.as_bytes().into(),
        })
    }

    fn parse_bcrypt(text: &str) -> Result<Self, HashError> {
        let cost = text
            .get(4..6)
            .filter(|cost| cost.bytes().all(|digit| digit.is_ascii_digit()));
        let cost: u32 = cost
            .and_then(|cost| cost.parse().ok())
            .ok_or(HashError::Malformed)?;
        let rest = text.get(6..).unwrap_or_default();
        let Some((salt, output)) = rest.strip_prefix('$').and_then(|rest| rest.split_at_checked(22)) else {
            return Err(HashError::Malformed);
        };
        // The check itself reads both in this way, and a hash that it cannot read would be of no password.
        let length = |text: &str| bcrypt::BASE_64.decode(text).map_or(0, |bytes| bytes.len());
        if length(salt) != 16 || length(output) != 23 {
            return Err(HashError::Malformed);
        }
        match cost {
            ..COST_MIN => Err(HashError::WeakBcrypt),
            COST_MIN..=COST_MAX => Ok(Self::Bcrypt(text.into())),
            _ => Err(HashError::HeavyBcrypt),
        }
    }

    /// Whether this is the password. Takes the time that the hash was made for, whatever the answer.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2id { params, salt, output } => {
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
                let mut found = vec![0; output.len()];
                let is_done = argon2.hash_password_into(password, salt, &mut found).is_ok();
                bool::from(found.ct_eq(output)) && is_done
            }
            Self::Bcrypt(text) => {
                let is_same = bcrypt::verify(password, text).unwrap_or(false);
                is_same && password.len() <= BCRYPT_MAX
            }
        }
    }

    /// Bytes of memory that one check takes.
    pub(super) fn memory(&self) -> u64 {
        match self {
            Self::Argon2id { params, .. } => u64::from(params.m_cost()) * 1024,
            Self::Bcrypt(_) => BCRYPT_MEMORY,
        }
    }
}

/// The argon2id hash of a password, with 16 random bytes as its salt.
pub(super) fn make(password: &str, salt: &[u8; 16]) -> Option<String> {
    let (memory, passes, lanes) = MADE;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    let salt = SaltString::encode_b64(salt).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argon2id(parameters: &str) -> String {
        format!(
            "$argon2id$v=19${parameters}$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        )
    }

    const BCRYPT: &str = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    #[test]
    fn only_what_keeps_passwords_is_a_hash() {
        let malformed = Err(HashError::Malformed);
        let (weak, heavy) = (Err(HashError::WeakArgon2id), Err(HashError::HeavyArgon2id));
        let cases = [
            (argon2id("m=19456,t=2,p=1"), Ok(())),
            (argon2id("m=7168,t=5,p=1"), Ok(())),
            (argon2id("m=262144,t=4,p=16"), Ok(())),
            (argon2id("m=7167,t=100,p=1"), weak),
            (argon2id("m=19456,t=1,p=1"), weak),
            (argon2id("m=4096,t=3,p=1"), weak),
            (argon2id("m=262145,t=1,p=1"), heavy),
            (argon2id("m=65536,t=17,p=1"), heavy),
            (argon2id("m=4294967295,t=4294967295,p=1"), heavy),
            (argon2id("m=65536,t=3,p=17"), heavy),
            (argon2id("m=19456,t=2"), malformed),
            (argon2id("m=19456,t=2,p=1,data=YWJj"), malformed),
            (argon2id("m=19456,t=2,p=0"), malformed),
            (argon2id("m=19456,t=2,p=1").replace("v=19", "v=16"), malformed),
            (argon2id("m=19456,t=2,p=1").replace("$v=19", ""), malformed),
            (
                argon2id("m=19456,t=2,p=1").replace("c29tZXNhbHRzb21lc2FsdA", "c29tZQ"),
                Err(HashError::Short),
            ),
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA".to_owned(),
                malformed,
            ),
            (
                argon2id("m=19456,t=2,p=1").replace("argon2id", "argon2i"),
                Err(HashError::Unknown),
            ),
            (
                argon2id("m=19456,t=2,p=1").replace("argon2id", "argon2d"),
                Err(HashError::Unknown),
            ),
            (BCRYPT.to_owned(), Ok(())),
            (BCRYPT.replace("$2b$", "$2y$"), Ok(())),
            (BCRYPT.replace("$2b$", "$2a$"), Ok(())),
            (BCRYPT.replace("$2b$", "$2x$"), Err(HashError::Unknown)),
            (BCRYPT.replace("$10$", "$09$"), Err(HashError::WeakBcrypt)),
            (BCRYPT.replace("$10$", "$15$"), Err(HashError::HeavyBcrypt)),
            (BCRYPT.replace("$10$", "$1$"), malformed),
            (format!("{BCRYPT}A"), malformed),
            (BCRYPT.replace('E', "-"), malformed),
            (
                "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=".to_owned(),
                Err(HashError::Unknown),
            ),
            (
                "$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0".to_owned(),
                Err(HashError::Unknown),
            ),
            ("$5$rounds=5000$saltsalt$x".to_owned(), Err(HashError::Unknown)),
            ("sha256:00".to_owned(), Err(HashError::Unknown)),
            ("secret".to_owned(), Err(HashError::Unknown)),
            (String::new(), Err(HashError::Unknown)),
        ];
        for (text, expected) in cases {
            assert_eq!(PasswordHash::parse(&text).map(drop), expected, "{text}");
        }
    }

    #[test]
    fn a_made_hash_is_of_its_password_alone() {
        let text = make("correct horse", &[7; 16]).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        let hash = PasswordHash::parse(&text).unwrap();
        assert!(hash.is_of(b"correct horse"));
        for other in ["", "correct", "correct horse ", "Correct horse"] {
            assert!(!hash.is_of(other.as_bytes()), "{other:?}");
        }
        assert_ne!(make("correct horse", &[8; 16]).unwrap(), text);
        assert_eq!(hash.memory(), 19 * 1024 * 1024);
    }

    #[test]
    fn bcrypt_reads_no_more_than_it_can() {
        let long = "x".repeat(72);
        let text = bcrypt::hash(&long, 10).unwrap();
        let hash = PasswordHash::parse(&text).unwrap();
        assert!(hash.is_of(long.as_bytes()));
        assert!(
            !hash.is_of(format!("{long}y").as_bytes()),
            "bcrypt would take it for the same"
        );
        // A vector of crypt_blowfish: the hash of `U*U`.
        let known = PasswordHash::parse("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
        assert_eq!(known.map(drop), Err(HashError::WeakBcrypt));
        assert!(
            PasswordHash::Bcrypt("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".into())
                .is_of(b"U*U")
        );
    }
}

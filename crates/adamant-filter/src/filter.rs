//! The trait: a name, a role, a type of configuration, a constructor, and the wiring of its hooks.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::boot::Boot;
use crate::hooks::Hooks;
use crate::problem::Problem;
use crate::verdict::Reason;

/// A step of policy: something that may look at an exchange and decide about it.
pub trait Filter: Sized + Send + Sync + 'static {
    /// The word written in `gateway.yaml`; kebab-case, a noun. Also its metric and log name.
    const NAME: &'static str;

    /// What it is for. Sets the default on faults and which protections it can satisfy.
    const ROLE: Role;

    /// Every reason for which it may refuse or fail.
    const REASONS: &'static [&'static Reason];

    /// What a policy author writes under the name. Its doc comments are the manual; written out again
    /// it is the canonical form that enters the digest, so equal meaning must serialize equally.
    type Config: Serialize + DeserializeOwned + JsonSchema;

    /// Who vouches for the identities that a step with this configuration proves, exactly as they carry it
    /// ([`Identity::issuer`](crate::Identity::issuer)). A consumer of the file is known by a name of this issuer.
    /// Empty where the method has no issuer, and for everything that proves no identity.
    #[must_use]
    fn issuer(_config: &Self::Config) -> String {
        String::new()
    }

    /// Compile the configuration and ask `boot` for everything the filter will ever need.
    /// Pure: no file, socket, clock or thread is touched here.
    ///
    /// # Errors
    /// A [`Problem`] that names the key at fault with [`Problem::at`].
    fn build(config: Self::Config, boot: &mut Boot<'_>) -> Result<Self, Problem>;

    /// Wire methods to moments. A moment that is not wired costs nothing.
    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self>;
}

/// What a filter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Proves who is calling and writes the identity.
    Authenticate,
    /// Decides what the identity may do.
    Authorize,
    /// Decides how much.
    Limit,
    /// Decides what may pass.
    Guard,
    /// Changes requests or responses.
    Shape,
    /// Only looks.
    Observe,
}

impl Role {
    /// Whether a fault refuses the request unless the file says otherwise.
    #[must_use]
    pub const fn denies_on_fault(self) -> bool {
        matches!(
            self,
            Self::Authenticate | Self::Authorize | Self::Limit | Self::Guard
        )
    }

    /// The role as a word for the posture table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Authorize => "authorize",
            Self::Limit => "limit",
            Self::Guard => "guard",
            Self::Shape => "shape",
            Self::Observe => "observe",
        }
    }
}

//! Whose host this is: `tenant-header` asks a service and tells the upstream, `tenants` says who may pass.
//!
//! The two show a hook that waits, a cache with a bound, and a fact that one filter writes and another one reads. No
//! client's own word about its tenant is believed.

mod directory;
mod tenant_header;
mod tenants;

use adamant_filter::Slot;

pub use tenant_header::{TenantHeader, TenantHeaderConfig};
pub use tenants::{Tenants, TenantsConfig};

/// Whose host was asked for: written by [`TenantHeader`], read by [`Tenants`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant(pub(crate) Box<str>);

impl Slot for Tenant {
    const NAME: &'static str = "tenant";
}

#[cfg(test)]
#[global_allocator]
static HEAP: adamant_filter::trial::Heap = adamant_filter::trial::Heap;

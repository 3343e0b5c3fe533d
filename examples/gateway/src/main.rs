//! A gateway with the example filters beside the built-in ones. Decides nothing itself.

use std::process::ExitCode;

use maintenance::Maintenance;
use tenant_header::{TenantHeader, Tenants};

fn main() -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    adamant::Adamant::with_builtins()
        .filter::<Maintenance>(version)
        .filter::<TenantHeader>(version)
        .filter::<Tenants>(version)
        .main()
}

//! Pingora with every public lever and the duties of any gateway, nothing else.

use load_floor::duties::GatewayDuties;
use load_floor::lean::run;
use load_floor::server::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    run::<GatewayDuties>()
}

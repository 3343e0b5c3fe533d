//! Pingora with every public lever, carrying bytes and doing nothing else.

use load_floor::duties::NoDuties;
use load_floor::lean::run;
use load_floor::server::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    run::<NoDuties>()
}

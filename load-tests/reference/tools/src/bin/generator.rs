//! Load generator: does the job that its only argument describes as JSON and prints what it measured as JSON.
//!
//! It starts and stops no gateway.

use std::error::Error;

use load_tools::load::run;

fn main() -> Result<(), Box<dyn Error>> {
    let job = std::env::args()
        .nth(1)
        .ok_or("usage: generator JOB, where JOB is a JSON object")?;
    println!("{}", run(serde_json::from_str(&job)?)?);
    Ok(())
}

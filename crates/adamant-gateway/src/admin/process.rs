//! What Linux tells of this process, for the `process_…` metrics.
//!
//! Reads a few files below `/proc`; tells nothing where there are none.

use std::fs;
use std::time::Duration;

use adamant_filter::Wall;
use adamant_observe::Process;

/// Unit of CPU and start times in `/proc`: the kernel promises 100 per second to user space.
const TICKS_PER_SECOND: u64 = 100;

/// Reads the state of this process; `None` where the system does not tell.
#[must_use]
pub fn read() -> Option<Process> {
    let stat = Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let booted = after(&fs::read_to_string("/proc/stat").ok()?, "btime ")?;
    Some(Process {
        started: Wall(booted * 1_000 + stat.start_ticks * 1_000 / TICKS_PER_SECOND),
        cpu: Duration::from_millis(stat.cpu_ticks * 1_000 / TICKS_PER_SECOND),
        resident_bytes: after(&status, "VmRSS:")? * 1_024,
        // The descriptor of the folder that is being read is not one of ours.
        open_fds: (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
        fds_max: after(&fs::read_to_string("/proc/self/limits").ok()?, "Max open files").unwrap_or(u64::MAX),
        threads: stat.threads,
    })
}

/// What is needed of `/proc/self/stat`, see proc(5).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses and may contain anything, also those.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<_> = rest.split_ascii_whitespace().collect();
        let number = |position: usize| fields.get(position - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: number(14)? + number(15)?,
            threads: number(20)?,
            start_ticks: number(22)?,
        })
    }
}

/// The number behind `key` on the line that begins with it.
fn after(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let text =
            "7 (a) b) c) S 1 7 7 0 -1 4194304 100 0 0 0 25 5 0 0 20 0 9 0 12345 1000 50 18446744073709551615";
        assert_eq!(
            Stat::parse(text),
            Some(Stat {
                cpu_ticks: 30,
                threads: 9,
                start_ticks: 12_345
            })
        );
    }

    #[test]
    fn this_process_is_told() {
        let Some(process) = read() else {
            println!("SKIPPED: there is no /proc here");
            return;
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis() as u64;
        assert!(
            process.started.0 <= now + 2_000 && process.started.0 > now - 3_600_000 * 24,
            "{process:?}"
        );
        assert!(
            process.resident_bytes > 1 << 20 && process.open_fds >= 3,
            "{process:?}"
        );
        assert!(
            process.threads >= 1 && process.fds_max >= process.open_fds,
            "{process:?}"
        );
    }
}

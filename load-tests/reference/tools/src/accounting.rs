//! What processes and cores have used, as the kernel counts it.
//!
//! It measures others: it never influences them.

use std::fs;

use serde::Serialize;

/// Nanoseconds that all threads of these processes have run, from the scheduler's own clock.
pub fn run_time(processes: &[u32]) -> u64 {
    processes.iter().map(|process| threads_run_time(*process)).sum()
}

fn threads_run_time(process: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return 0;
    };
    // A thread that ends between the listing and the reading had a negligible last slice.
    let times = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_ascii_whitespace().next()?.parse::<u64>().ok()
    });
    times.sum()
}

/// Time of processes by mode, in ticks of 10 ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Modes {
    /// In their own code.
    pub user: u64,
    /// In the kernel on their behalf.
    pub kernel: u64,
}

/// Ticks that these processes have used.
pub fn modes(processes: &[u32]) -> Modes {
    let mut sum = Modes::default();
    for process in processes {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name in brackets may hold anything; what follows the last bracket is numbers.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let mut fields = after
            .split_ascii_whitespace()
            .skip(11)
            .map(|field| field.parse().unwrap_or(0));
        sum.user += fields.next().unwrap_or(0);
        sum.kernel += fields.next().unwrap_or(0);
    }
    sum
}

/// Ticks of one core.
#[derive(Clone, Copy, Debug, Default)]
pub struct Core {
    busy: u64,
    idle: u64,
    stolen: u64,
}

/// How one core spent a stretch of time, as shares of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CoreUse {
    /// Working for this machine.
    pub busy: f64,
    /// Taken away by the host.
    pub stolen: f64,
}

/// Ticks of every core so far.
pub fn cores() -> Vec<Core> {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let lines = stat
        .lines()
        .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    lines.map(core).collect()
}

fn core(line: &str) -> Core {
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .skip(1)
        .map(|tick| tick.parse().unwrap_or(0))
        .collect();
    let at = |field: usize| ticks.get(field).copied().unwrap_or(0);
    // user, nice, system, (idle, iowait), irq, softirq, steal: proc(5).
    Core {
        busy: at(0) + at(1) + at(2) + at(5) + at(6),
        idle: at(3) + at(4),
        stolen: at(7),
    }
}

/// How the cores spent the time between two readings.
pub fn core_use(before: &[Core], after: &[Core]) -> Vec<CoreUse> {
    let pairs = before.iter().zip(after);
    pairs
        .map(|(before, after)| {
            let busy = after.busy.saturating_sub(before.busy);
            let stolen = after.stolen.saturating_sub(before.stolen);
            let all = (busy + stolen + after.idle.saturating_sub(before.idle)).max(1) as f64;
            CoreUse {
                busy: busy as f64 / all,
                stolen: stolen as f64 / all,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_run_time_grows() {
        let own = [std::process::id()];
        let before = run_time(&own);
        let mut sum = 0_u64;
        for number in 0..5_000_000_u64 {
            sum = std::hint::black_box(sum ^ number);
        }
        assert!(run_time(&own) > before, "work is counted");
    }

    #[test]
    fn shares_of_a_core_add_up_to_at_most_one() {
        let before = Core {
            busy: 10,
            idle: 10,
            stolen: 0,
        };
        let after = Core {
            busy: 40,
            idle: 70,
            stolen: 10,
        };
        let shares = core_use(&[before], &[after]);
        assert!(
            matches!(shares.as_slice(), [one] if one.busy == 0.3 && one.stolen == 0.1),
            "{shares:?}"
        );
    }
}

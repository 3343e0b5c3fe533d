//! Facts about a running process, from `/proc`.
//!
//! It looks and never changes anything.

use std::fs;

/// Resident memory in bytes.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    status_kib(pid, "VmRSS:") * 1024
}

/// The most resident memory that the process has had, in bytes.
#[must_use]
pub fn peak_resident_bytes(pid: u32) -> u64 {
    status_kib(pid, "VmHWM:") * 1024
}

/// Open file descriptors.
#[must_use]
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// TCP sockets in state LISTEN among the descriptors of the process.
#[must_use]
pub fn listening_sockets(pid: u32) -> usize {
    let table = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let inodes: Vec<String> = [table("tcp"), table("tcp6")]
        .iter()
        .flat_map(|text| text.lines().skip(1))
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // 0A is TCP_LISTEN.
            (columns.get(3) == Some(&"0A"))
                .then(|| columns.get(9).map(|inode| format!("socket:[{inode}]")))?
        })
        .collect();
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str()))
        .count()
}

fn status_kib(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .expect("the kernel tells memory");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number of kibibytes")
}

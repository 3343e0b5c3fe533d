//! Where access log lines end: a file or standard output, and the one thread that writes them.
//!
//! A worker never comes here. Failures are told to the writer, which counts them; nothing here panics
//! or stops the gateway.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use adamant_filter::Tick;
use adamant_observe::{AccessLog, Sink, Writer};
use adamant_policy::config::LogTarget;

/// Longest time that a line waits in a quiet gateway.
const ROUND: Duration = Duration::from_millis(100);

/// Who may read a log file that we create: its owner and group.
const MODE: u32 = 0o640;

/// Where lines go.
#[derive(Debug)]
pub(crate) enum LogSink {
    /// Standard output.
    Stdout,
    /// A file.
    File(LogFile),
}

/// A file that is appended to, and opened anew when somebody moved or removed it.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    identity: (u64, u64),
    /// The last write stopped inside a line.
    is_torn: bool,
}

impl LogSink {
    /// Opens the target; `folder` is what the file's paths are relative to.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub(crate) fn open(target: &LogTarget, folder: &Path) -> io::Result<Self> {
        match target {
            LogTarget::Stdout => Ok(Self::Stdout),
            LogTarget::File(path) => LogFile::open(folder.join(path)).map(Self::File),
        }
    }
}

impl Sink for LogSink {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines)?;
                out.flush()
            }
            Self::File(file) => file.append(lines),
        }
    }
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(MODE)
            .open(&path)?;
        let identity = identity(&file.metadata()?);
        Ok(Self {
            path,
            file,
            identity,
            is_torn: false,
        })
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        // Asked at every write, of which there are some ten per second: whoever rotates needs no signal.
        let is_in_place = std::fs::metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity);
        if !is_in_place {
            *self = Self::open(self.path.clone())?;
        }
        if self.is_torn {
            self.file.write_all(b"\n")?;
            self.is_torn = false;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.is_torn = rest.get(written.saturating_sub(1)) != Some(&b'\n');
                    rest = rest.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Device and inode: what a path names, whatever it is called.
fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The running thread that writes.
#[derive(Debug)]
pub(crate) struct LogWriter {
    thread: Thread,
    is_stopping: Arc<AtomicBool>,
    ended: Receiver<()>,
}

impl LogWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses it.
    pub(crate) fn start(log: Arc<AccessLog>, sink: LogSink) -> io::Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (end, ended) = sync_channel(1);
        let attached = Arc::clone(&log);
        let stopping = Arc::clone(&is_stopping);
        let thread = thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_until(&stopping, Writer::new(log, sink), &end))?
            .thread()
            .clone();
        attached.attach(thread.clone());
        Ok(Self {
            thread,
            is_stopping,
            ended,
        })
    }

    /// Writes what still waits and ends the thread. Returns `false` when the sink took longer than
    /// `at_most`: nobody reads standard output any more, and a shutdown does not wait for that.
    pub(crate) fn stop(self, at_most: Duration) -> bool {
        self.is_stopping.store(true, Ordering::Release);
        self.thread.unpark();
        self.ended.recv_timeout(at_most).is_ok()
    }
}

fn write_until(is_stopping: &AtomicBool, mut writer: Writer<LogSink>, end: &SyncSender<()>) {
    let start = Instant::now();
    let now = || Tick(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    while !is_stopping.load(Ordering::Acquire) {
        writer.round(now());
        thread::park_timeout(ROUND);
    }
    // Lines may lie in both halves of a worker's buffer, and a round takes one.
    writer.round(now());
    writer.round(now());
    // Nobody listens any more when the time to stop was over.
    let _ = end.send(());
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use adamant_filter::Wall;
    use adamant_observe::{AccessLogShape, Record, Worker};

    use super::*;

    /// A folder of this test alone, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("adamant-log-sink-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("a temporary folder");
            Self(path)
        }

        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.0.join(name)).unwrap_or_default()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn sink(folder: &Folder) -> LogSink {
        LogSink::open(&LogTarget::File("access.log".into()), &folder.0).expect("a writable folder")
    }

    #[test]
    fn a_moved_file_is_opened_anew() {
        let folder = Folder::new("moved");
        let mut sink = sink(&folder);
        sink.write(b"one\n").expect("writes");
        std::fs::rename(folder.0.join("access.log"), folder.0.join("access.log.1")).expect("renames");
        sink.write(b"two\n").expect("writes");
        assert_eq!(
            (
                folder.read("access.log.1").as_str(),
                folder.read("access.log").as_str()
            ),
            ("one\n", "two\n")
        );
    }

    #[test]
    fn a_removed_file_is_opened_anew() {
        let folder = Folder::new("removed");
        let mut sink = sink(&folder);
        std::fs::remove_file(folder.0.join("access.log")).expect("removes");
        sink.write(b"two\n").expect("writes");
        assert_eq!(folder.read("access.log"), "two\n");
    }

    #[test]
    fn a_truncated_file_goes_on_at_its_new_end() {
        let folder = Folder::new("truncated");
        let mut sink = sink(&folder);
        sink.write(b"one\n").expect("writes");
        File::create(folder.0.join("access.log")).expect("truncates");
        sink.write(b"two\n").expect("writes");
        assert_eq!(folder.read("access.log"), "two\n");
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        let full = LogTarget::File("/dev/full".into());
        let Ok(mut sink) = LogSink::open(&full, Path::new("/")) else {
            println!("SKIPPED: this system has no /dev/full");
            return;
        };
        let error = sink.write(b"line\n").expect_err("the device is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_line_after_a_torn_one_begins_anew() {
        let folder = Folder::new("torn");
        let LogSink::File(mut file) = sink(&folder) else {
            panic!("a file was asked for")
        };
        file.append(b"half of a li").expect("writes");
        file.append(b"whole\n").expect("writes");
        assert_eq!(folder.read("access.log"), "half of a li\nwhole\n");
    }

    #[test]
    fn the_thread_writes_within_its_round_and_what_waits_at_the_end() {
        let folder = Folder::new("thread");
        let shape = AccessLogShape {
            fields: &[],
            redact: &[],
            queue_lines: 100,
            workers: 2,
        };
        let log = Arc::new(AccessLog::new(&shape).expect("no fields"));
        let writer = LogWriter::start(Arc::clone(&log), sink(&folder)).expect("a thread");
        let record = Record::unread("public", IpAddr::V4(Ipv4Addr::LOCALHOST), Wall(0));
        log.record(Worker(0), &record);
        let deadline = Instant::now() + Duration::from_secs(10);
        while log.counts().written == 0 && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(folder.read("access.log").lines().count(), 1);
        log.record(Worker(0), &record);
        log.record(Worker(1), &record);
        assert!(writer.stop(Duration::from_secs(10)), "the thread ends");
        assert_eq!(folder.read("access.log").lines().count(), 3);
    }
}

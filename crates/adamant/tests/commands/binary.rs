//! The binary in a folder of files. Never leaves a folder behind when a test passes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A folder that is removed with the value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("commands-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    /// A folder with this `gateway.yaml`.
    pub(crate) fn with(policy: &str) -> Self {
        Self::new().file("gateway.yaml", policy)
    }

    /// With one more file.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder in the folder");
        fs::write(path, content).expect("a file in the folder");
        self
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A command in this folder that cannot see the surroundings of the test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adamant"));
        command
            .current_dir(&self.0)
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind lies in the target folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Ended {
    /// Checks the exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Standard output as one JSON value a line.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines().map(serde_json::from_str);
        lines
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A small policy: a status, and orders behind a key and a limit.
pub(crate) const POLICY: &str = r#"
adamant: 1
listeners:
  public: { bind: "127.0.0.1:0", trust: { proxies: [10.0.0.0/8] } }
upstreams:
  echo: { built-in: echo }
policies:
  partner:
    - api-key: { keys: { file: keys.yaml } }
    - rate: { by: consumer, allow: 1/s, burst: 2 }
routes:
  - name: status
    match: { path: /status }
    public: true
    respond: { status: 200, json: { ok: true } }
  - name: old
    match: { path: /old }
    public: true
    redirect: /status
  - name: orders
    match: { host: api.example.com, path: /orders/**, methods: [GET] }
    filters: [{ use: partner }]
    to: echo
"#;

/// The key of the consumer `acme` is `secret-of-acme`, that of `late` ended in 2020.
pub(crate) const KEYS: &str = r#"
keys:
  - id: one
    consumer: acme
    hash: sha256:a350aa34bafeb5432544ced04ca4343b2a46d239ceb8f0f4ba9e71a7d307feb2
  - id: two
    consumer: late
    hash: sha256:f1e6331687be1d9c68bdb52ddf3353f4e8085a7ed245cb7af2d5160cd5d8d8a5
    not-after: 2020-01-01T00:00:00Z
"#;

/// A folder with [`POLICY`] and [`KEYS`].
pub(crate) fn small() -> Folder {
    Folder::with(POLICY).file("keys.yaml", KEYS)
}

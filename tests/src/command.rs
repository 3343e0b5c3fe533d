//! The binary as a command: arguments in, exit code and text out.
//!
//! It never builds the binary; it says how when there is none.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::wait;

/// Longest time that a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Adamant {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// The binary that cargo put beside the folder of the running test.
#[must_use]
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own executable");
    let folder = test
        .parent()
        .and_then(Path::parent)
        .expect("a test runs inside the target folder");
    let path = folder.join("adamant");
    assert!(
        path.is_file(),
        "there is no binary to test yet; build it first: cargo build -p adamant"
    );
    path
}

/// A command whose surroundings are those of the test, without what may change the binary's behaviour.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

impl Adamant {
    /// Runs the binary with these arguments in this folder.
    pub async fn run(folder: &Path, arguments: &[&str]) -> Self {
        Self::run_with(folder, arguments, &[], "").await
    }

    /// Runs the binary with these variables set and this text on its standard input.
    pub async fn run_with(
        folder: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Self {
        let mut command = command(folder);
        command.args(arguments).envs(variables.iter().copied());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("the binary can be started: {error}"));
        let mut stdin = child.stdin.take().expect("it is a pipe");
        // A command that does not read may end before everything is written.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = wait::within(
            format!("`adamant {}` ends", arguments.join(" ")),
            PATIENCE,
            child.wait_with_output(),
        );
        let output = output.await.expect("its output can be read");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The same, after checking the exit code.
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code; stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The standard output as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("the output is not JSON ({error}): {}{}", self.stdout, self.stderr)
        })
    }

    /// Both outputs together.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

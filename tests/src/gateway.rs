//! The real binary, running.
//!
//! It ends with the value, by its own process id; a test that ends it earlier says how.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Adamant, Folder, Policy, command, wait};

/// A gateway that serves.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    folder: Folder,
    listeners: BTreeMap<String, SocketAddr>,
    admin: Option<SocketAddr>,
    digest: String,
}

/// The command that starts a gateway.
const RUN: [&str; 5] = ["run", "--config", "gateway.yaml", "--announce", "announced.json"];

/// What a gateway needs to start.
#[derive(Debug, Default)]
pub struct Setup {
    folder: Folder,
    variables: Vec<(String, String)>,
    workers: Option<usize>,
}

impl Setup {
    /// A folder with this file as `gateway.yaml`.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self::text(&policy.yaml())
    }

    /// A folder with this text as `gateway.yaml`.
    #[must_use]
    pub fn text(yaml: &str) -> Self {
        let setup = Self::default();
        setup.folder.write("gateway.yaml", yaml);
        setup
    }

    /// With another file in the folder.
    #[must_use]
    pub fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        self.folder.write(name, contents);
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this many workers instead of one for each processor.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the gateway and waits until it serves.
    pub async fn start(self) -> Gateway {
        Gateway::launch(self).await
    }

    /// Runs a command of the binary in the folder.
    pub async fn run(&self, arguments: &[&str]) -> Adamant {
        self.run_input(arguments, "").await
    }

    /// Runs a command of the binary in the folder with this standard input.
    pub async fn run_input(&self, arguments: &[&str], input: &str) -> Adamant {
        let variables: Vec<(&str, &str)> = self
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Adamant::run_with(self.path(), arguments, &variables, input).await
    }

    /// Runs `adamant run`, which must not serve but end by itself.
    pub async fn refuses(&self) -> Adamant {
        let workers = self.workers.map(workers_flag);
        let mut arguments = RUN.to_vec();
        arguments.extend(workers.as_deref());
        let ended = self.run(&arguments).await;
        assert!(
            !self.path().join("announced.json").exists(),
            "it served: {}",
            ended.text()
        );
        ended
    }
}

impl Gateway {
    /// A gateway with this policy.
    pub async fn start(policy: &Policy) -> Self {
        Setup::new(policy).start().await
    }

    async fn launch(setup: Setup) -> Self {
        let Setup {
            folder,
            variables,
            workers,
        } = setup;
        let workers = workers.map(workers_flag);
        let log = |name: &str| {
            let path = folder.path().join(name);
            Stdio::from(std::fs::File::create(path).expect("a file of the test is writable"))
        };
        let child = command::command(folder.path())
            .args(RUN)
            .args(workers)
            .envs(variables)
            .stdout(log("stdout"))
            .stderr(log("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("the binary can be started: {error}"));
        let mut gateway = Self {
            child,
            folder,
            listeners: BTreeMap::new(),
            admin: None,
            digest: String::new(),
        };
        let announced = gateway.announced().await;
        let address = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        for (name, value) in announced["listeners"]
            .as_object()
            .expect("`listeners` is announced")
        {
            gateway
                .listeners
                .insert(name.clone(), address(value).expect("an address is announced"));
        }
        gateway.admin = address(&announced["admin"]);
        announced["digest"]
            .as_str()
            .expect("`digest` is announced")
            .clone_into(&mut gateway.digest);
        gateway
    }

    async fn announced(&mut self) -> Value {
        let start = Instant::now();
        let path = self.folder.path().join("announced.json");
        loop {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if let Ok(value) = serde_json::from_str(&text) {
                return value;
            }
            if let Some(status) = self.child.try_wait().expect("our own child") {
                panic!("the gateway ended ({status}) before it served\n{}", self.logs());
            }
            assert!(
                start.elapsed() < wait::DEADLINE,
                "the gateway does not serve\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn logs(&self) -> String {
        format!(
            "file:\n{}\nstdout:\n{}\nstderr:\n{}",
            self.file("gateway.yaml"),
            self.stdout(),
            self.stderr()
        )
    }

    /// Where the listener `public` listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener("public")
    }

    /// Where this listener listens.
    #[must_use]
    pub fn listener(&self, name: &str) -> SocketAddr {
        *self
            .listeners
            .get(name)
            .unwrap_or_else(|| panic!("no listener `{name}`: {:?}", self.listeners))
    }

    /// Where the operators' listener listens.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin.expect("the file has an admin listener")
    }

    /// The digest, 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What it has written to its standard output.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.file("stdout")
    }

    /// What it has written to its standard error.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.file("stderr")
    }

    fn file(&self, name: &str) -> String {
        let bytes = std::fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The lines of the access log (JSON objects) on its standard output.
    #[must_use]
    pub fn access_log(&self) -> Vec<Value> {
        let text = self.stdout();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits for this many lines of the access log.
    pub async fn logged(&self, count: usize) -> Vec<Value> {
        let enough = || Some(self.access_log()).filter(|lines| lines.len() >= count);
        wait::some(format!("{count} lines of the access log"), enough).await
    }

    /// A metric of this name with these labels (as written), or nothing.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let text = crate::client::get(self.admin(), "/metrics", &["Host: localhost"])
            .await
            .text();
        let fits = |line: &&str| {
            line.starts_with(name)
                && line[name.len()..].starts_with(['{', ' '])
                && labels.iter().all(|label| line.contains(label))
        };
        let values = text
            .lines()
            .filter(fits)
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.reduce(|sum, value| sum + value)
    }

    /// Waits until a metric has this value: exchanges are counted after their last byte.
    pub async fn counts(&self, name: &str, labels: &[&str], value: f64) {
        wait::polled(format!("{name}{labels:?} is {value}"), || async {
            (self.metric(name, labels).await == Some(value)).then_some(())
        })
        .await;
    }

    /// Asks it to stop (SIGTERM) without waiting.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        wait::some("the gateway ends", || {
            self.child.try_wait().expect("our own child")
        })
        .await
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Sends a signal to this process and no other.
    pub fn signal(&self, signal: i32) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("process ids are small");
        #[expect(unsafe_code, reason = "std sends SIGKILL only")]
        // SAFETY: no memory is involved, and the child has not been waited for, so its id is still its own.
        let _ = unsafe { libc::kill(pid, signal) };
    }
}

fn workers_flag(count: usize) -> String {
    format!("--workers={count}")
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the gateway's side of the failed test:\n{}", self.logs());
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

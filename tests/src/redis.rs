//! A real server of the Redis protocol, and somebody who asks it what it holds.
//!
//! It is started on a free port of loopback, keeps nothing on disk, and ends when it is dropped.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Folder, wait};

/// How often another port is tried.
const TRIES: usize = 10;

/// A server.
#[derive(Debug)]
pub struct Redis {
    child: Option<Child>,
    folder: Folder,
    address: SocketAddr,
    is_tls: bool,
    arguments: Vec<String>,
}

impl Redis {
    /// A server in clear text without a password.
    pub async fn start() -> Self {
        Self::start_with(Folder::new(), false, &[]).await
    }

    /// A server with these arguments, in a folder that holds the files which they name, behind TLS or not.
    pub async fn start_with(mut folder: Folder, is_tls: bool, arguments: &[&str]) -> Self {
        for _ in 0..TRIES {
            let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = held.local_addr().expect("a bound listener has an address");
            drop(held);
            let mut server = Self {
                child: None,
                folder,
                address,
                is_tls,
                arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            };
            if server.launch().await {
                return server;
            }
            folder = server.into_folder();
        }
        panic!("redis-server does not start; is it installed? See tests/setup");
    }

    fn into_folder(mut self) -> Folder {
        std::mem::take(&mut self.folder)
    }

    /// Whether it serves; it does not when somebody else has the port.
    async fn launch(&mut self) -> bool {
        let port = self.address.port().to_string();
        let ports = if self.is_tls {
            ["--tls-port", &port, "--port", "0"]
        } else {
            ["--port", &port, "--tls-port", "0"]
        };
        let child = Command::new("redis-server")
            .current_dir(self.folder.path())
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--daemonize",
                "no",
            ])
            .args(ports)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("redis-server can be started: {error}")));
        let start = Instant::now();
        loop {
            let child = self.child.as_mut().expect("it was started");
            if child.try_wait().expect("our own child").is_some() {
                return false;
            }
            if TcpStream::connect(self.address).await.is_ok() {
                return true;
            }
            assert!(start.elapsed() < wait::DEADLINE, "redis-server does not serve");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it at once, with all that it holds.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again at the same address, with nothing in it.
    pub async fn restart(&mut self) {
        self.kill();
        assert!(
            self.launch().await,
            "somebody took the port of a server that was killed"
        );
    }

    /// Lets it hang: its connections stay open, and nothing is answered.
    pub fn hang(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        let child = self.child.as_ref().expect("it runs");
        let pid = libc::pid_t::try_from(child.id()).expect("process ids are small");
        #[expect(unsafe_code, reason = "std sends SIGKILL only")]
        // SAFETY: no memory is involved, and the child has not been waited for, so its id is still its own.
        let _ = unsafe { libc::kill(pid, signal) };
    }

    /// Sends lines of inline commands over one connection and returns all answers as they came.
    pub async fn ask(&self, commands: &[&str]) -> String {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            let lines: String = commands.iter().map(|command| format!("{command}\r\n")).collect();
            stream.write_all(format!("{lines}QUIT\r\n").as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = wait::soon("an answer of redis-server", exchange).await;
        answer.expect("redis-server answers")
    }

    /// How often it was asked about limits since it began.
    pub async fn questions(&self) -> u64 {
        let told = self.ask(&["INFO commandstats"]).await;
        let calls = |line: &str| {
            let rest = line.strip_prefix("cmdstat_evalsha:calls=")?;
            rest.split(',').next()?.parse().ok()
        };
        told.lines().find_map(calls).unwrap_or(0)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

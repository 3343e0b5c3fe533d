//! The text of a `gateway.yaml` for one test, put together from pieces of YAML.
//!
//! It checks nothing: the binary does. What a test is about stands in the test as YAML, not here.

use std::fmt::Write as _;

use crate::Origin;

/// The pieces, each already indented as a part of its section.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    listeners: String,
    admin: String,
    upstreams: String,
    stores: String,
    policies: String,
    routes: String,
    observe: String,
    others: String,
}

impl Policy {
    /// An admin listener and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self {
            admin: "{ bind: 127.0.0.1:0 }".to_owned(),
            ..Self::default()
        }
    }

    /// A public listener in clear text (`h1`), the upstream `origin`, and the public route `all` to it.
    #[must_use]
    pub fn proxy(origin: &Origin) -> Self {
        Self::new()
            .listener("public", "")
            .upstream("origin", &to(origin))
            .route(ALL)
    }

    /// The same without a route.
    #[must_use]
    pub fn before(origin: &Origin) -> Self {
        Self::new().listener("public", "").upstream("origin", &to(origin))
    }

    /// A listener on a free port of loopback, with further keys.
    #[must_use]
    pub fn listener(self, name: &str, keys: &str) -> Self {
        self.listener_at(name, "127.0.0.1:0", keys)
    }

    /// A listener at an address, with further keys.
    #[must_use]
    pub fn listener_at(mut self, name: &str, bind: &str, keys: &str) -> Self {
        entry(&mut self.listeners, name, &format!("bind: {bind}\n{keys}"));
        self
    }

    /// Instead of the listeners so far: one named `public` with these further keys.
    #[must_use]
    pub fn public(mut self, keys: &str) -> Self {
        self.listeners.clear();
        self.listener("public", keys)
    }

    /// Another value of `admin`.
    #[must_use]
    pub fn admin(mut self, value: &str) -> Self {
        value.clone_into(&mut self.admin);
        self
    }

    /// An upstream with these keys.
    #[must_use]
    pub fn upstream(mut self, name: &str, keys: &str) -> Self {
        entry(&mut self.upstreams, name, keys);
        self
    }

    /// A store with these keys of `redis`.
    #[must_use]
    pub fn store(mut self, name: &str, keys: &str) -> Self {
        entry(&mut self.stores, name, &format!("redis: {{ {keys} }}"));
        self
    }

    /// A named policy: a list of steps.
    #[must_use]
    pub fn policy(mut self, name: &str, steps: &str) -> Self {
        entry(&mut self.policies, name, steps);
        self
    }

    /// A route with these keys; `name` is one of them.
    #[must_use]
    pub fn route(mut self, keys: &str) -> Self {
        for (number, line) in keys.trim_matches('\n').lines().enumerate() {
            let _ = writeln!(self.routes, "  {} {line}", if number == 0 { "-" } else { " " });
        }
        self
    }

    /// `observe` with these keys.
    #[must_use]
    pub fn observe(mut self, keys: &str) -> Self {
        indent(&mut self.observe, keys);
        self
    }

    /// Further keys of the file, as they are written at its top level.
    #[must_use]
    pub fn top(mut self, keys: &str) -> Self {
        self.others += keys.trim_matches('\n');
        self.others.push('\n');
        self
    }

    /// The text of the file.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut text = "adamant: 1\n".to_owned();
        let mut section = |name: &str, body: &str| {
            if !body.is_empty() {
                let _ = write!(text, "{name}:\n{body}");
            }
        };
        section("listeners", &self.listeners);
        section(
            "admin",
            &if self.admin.is_empty() {
                String::new()
            } else {
                format!("  {}\n", self.admin)
            },
        );
        section("upstreams", &self.upstreams);
        section("stores", &self.stores);
        section("policies", &self.policies);
        section("routes", &self.routes);
        section("observe", &self.observe);
        text + &self.others
    }
}

/// The public route `all` to the upstream `origin`.
pub const ALL: &str = "name: all\nmatch: { path: /** }\npublic: true\nto: origin";

/// The key `endpoints` with this origin.
#[must_use]
pub fn to(origin: &Origin) -> String {
    format!("endpoints: [\"{}\"]", origin.address())
}

/// The key `endpoints` with these origins.
#[must_use]
pub fn to_all(origins: &[&Origin]) -> String {
    let all: Vec<String> = origins
        .iter()
        .map(|origin| format!("\"{}\"", origin.address()))
        .collect();
    format!("endpoints: [{}]", all.join(", "))
}

fn entry(section: &mut String, name: &str, keys: &str) {
    let _ = writeln!(section, "  {name}:");
    for line in keys.trim_matches('\n').lines().filter(|line| !line.is_empty()) {
        let _ = writeln!(section, "    {line}");
    }
}

fn indent(section: &mut String, keys: &str) {
    for line in keys.trim_matches('\n').lines() {
        let _ = writeln!(section, "  {line}");
    }
}

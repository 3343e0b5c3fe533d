//! One gateway that has secrets: what is asked of it, everything that it says, and the search for the secrets there.
//!
//! Knows no filter.

use std::collections::BTreeSet;

use adamant_tests::gateway::Setup;
use adamant_tests::{Client, Gateway, H2Client, Response};

use crate::broken::{broken_requests, twisted};
use crate::listen::{Asked, listen};
use crate::rows::Row;
use crate::said::Said;

/// A gateway, and what it has said.
pub(crate) struct Story<'v> {
    gateway: Gateway,
    variables: Vec<(&'v str, &'v str)>,
    asked: Vec<Asked>,
    secrets: BTreeSet<String>,
    pub(crate) said: Said,
}

impl<'v> Story<'v> {
    /// Starts a gateway that logs all it can, with these variables of the environment, which are secrets.
    pub(crate) async fn begin(setup: Setup, variables: &[(&'v str, &'v str)]) -> Self {
        let setup = setup.variable("RUST_LOG", "trace");
        let setup = variables
            .iter()
            .fold(setup, |setup, (name, value)| setup.variable(name, value));
        Self {
            gateway: setup.start().await,
            variables: variables.to_vec(),
            asked: Vec::new(),
            secrets: variables.iter().map(|(_, value)| (*value).to_owned()).collect(),
            said: Said::default(),
        }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Nobody may tell these.
    pub(crate) fn hides(&mut self, secrets: impl IntoIterator<Item = impl Into<String>>) {
        self.secrets.extend(secrets.into_iter().map(Into::into));
    }

    /// Commands are to explain this request, too.
    pub(crate) fn explains(&mut self, target: &str, lines: &[String]) {
        self.asked.push(Asked {
            url: format!("http://api.test{target}"),
            lines: lines.to_vec(),
        });
    }

    /// Sends a request and keeps its answer.
    pub(crate) async fn ask(&mut self, method: &str, target: &str, lines: &[String], body: &str) -> Response {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let text = adamant_tests::client::request(method, target, &lines, body);
        let answer = Client::connect(self.gateway.address()).await.exchange(text).await;
        self.said.response(target, &answer);
        answer
    }

    /// Sends a GET over HTTP/2 and keeps its answer.
    pub(crate) async fn ask_h2(&mut self, target: &str, lines: &[String]) -> Response {
        let fields = lines.iter().filter_map(|line| line.split_once(": "));
        let fields: Vec<(String, &str)> = fields
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let mut client = H2Client::connect(self.gateway.address()).await;
        let answer = client.get(target, &fields).await;
        self.said.response(target, &answer);
        answer
    }

    /// Sends everything that must not pass with these secrets in it.
    pub(crate) async fn misuse(&mut self, target: &str, lines: &[String], shown: &[String]) {
        let row = Row {
            lines: lines.to_vec(),
            shown: shown.to_vec(),
            ..Row::default()
        };
        for text in broken_requests(&row, target) {
            let mut client = Client::connect(self.gateway.address()).await;
            client.send(&text).await;
            client.finish().await;
            self.said
                .add(target, String::from_utf8_lossy(&client.bytes().await));
        }
        self.hides(shown.iter().flat_map(|secret| [secret.clone(), twisted(secret)]));
    }

    /// Listens to everything else, ends the gateway, and searches.
    pub(crate) async fn ends(mut self) {
        listen(&self.gateway, &self.variables, &self.asked, &mut self.said).await;
        self.gateway.terminate();
        self.gateway.ended().await;
        self.said.add("the access log", self.gateway.stdout());
        self.said.add("the diagnostics", self.gateway.stderr());
        assert!(!self.said.has("panicked"), "{}", self.gateway.stderr());
        assert_eq!(self.said.leaks(&self.secrets), Vec::<String>::new());
    }
}

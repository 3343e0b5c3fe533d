//! A browser as far as a login needs one: it keeps cookies, says that it wants pages, and follows nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::client::{exchange, request};
use crate::{Gateway, Issuer, Response};

/// A browser at `app.test`.
#[derive(Clone, Debug)]
pub struct Browser {
    at: SocketAddr,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A browser without cookies.
    #[must_use]
    pub fn new(gateway: &Gateway) -> Self {
        Self {
            at: gateway.address(),
            cookies: BTreeMap::new(),
        }
    }

    /// The same browser at another instance.
    #[must_use]
    pub fn at(&self, gateway: &Gateway) -> Self {
        Self {
            at: gateway.address(),
            cookies: self.cookies.clone(),
        }
    }

    /// Sends a request with its cookies, and forgets what the answer sets.
    pub async fn send(&self, method: &str, target: &str, lines: &[&str]) -> Response {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let own = lines.iter().find_map(|line| line.strip_prefix("Cookie: "));
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).chain(own).collect();
        let cookies = format!("Cookie: {}", cookies.join("; "));
        let mut all: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| !line.starts_with("Cookie: "))
            .collect();
        if !all.iter().any(|line| line.starts_with("Host:")) {
            all.push("Host: app.test");
        }
        if cookies != "Cookie: " {
            all.push(&cookies);
        }
        exchange(self.at, request(method, target, &all, "")).await
    }

    /// Sends a request and keeps what the answer sets.
    pub async fn take(&mut self, method: &str, target: &str, lines: &[&str]) -> Response {
        let answer = self.send(method, target, lines).await;
        for cookie in answer.fields.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            if attributes.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Opens a page.
    pub async fn open(&mut self, target: &str) -> Response {
        let lines = [
            "Accept: text/html,*/*;q=0.8",
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Dest: document",
        ];
        self.take("GET", target, &lines).await
    }

    /// Opens a page, and tells where the browser is sent to sign in.
    pub async fn begin(&mut self, target: &str) -> String {
        let answer = self.open(target).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        answer.field("location").expect("a redirect").to_owned()
    }

    /// Signs in.
    pub async fn sign_in(&mut self, issuer: &Issuer) {
        let back = issuer.sign_in(&self.begin("/").await).await;
        let answer = self.open(&back).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
    }

    /// Names of its cookies.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.cookies.keys().cloned().collect()
    }

    /// The value of a cookie.
    #[must_use]
    pub fn value(&self, name: &str) -> String {
        self.cookies
            .get(name)
            .expect("the browser has this cookie")
            .clone()
    }
}

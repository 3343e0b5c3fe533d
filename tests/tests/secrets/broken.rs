//! What else may be sent with a credential: it twisted, doubled, cut off, and in places where it does not belong.
//!
//! Expects nothing of the answers.

use adamant_tests::client::request;

use crate::rows::Row;

/// The same text with another letter at its end.
pub(crate) fn twisted(text: &str) -> String {
    let last = if text.ends_with('A') { "B" } else { "A" };
    format!("{}{last}", &text[..text.len() - 1])
}

/// Requests with the credential that must not pass, or are none.
pub(crate) fn broken_requests(row: &Row, target: &str) -> Vec<String> {
    let mut requests = Vec::new();
    for secret in &row.shown {
        let with = |change: &dyn Fn(&str) -> String| {
            let lines: Vec<String> = row.lines.iter().map(|line| change(line)).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            request("GET", &format!("{target}{}", change(&row.query)), &lines, "")
        };
        requests.push(with(&|text| text.replace(secret, &twisted(secret))));
        requests.push(with(&|text| text.replace(secret, &format!("{secret} {secret}"))));
        requests.push(with(&|text| text.replace(secret, &format!("{secret}\u{1}"))));
        requests.push(with(&|text| {
            text.replace(secret, &format!("{secret}{}", "x".repeat(70_000)))
        }));
        requests.push(with(&|text| text.replace(": ", " ")));
        let plain = |lines: &[&str]| request("GET", target, lines, "");
        requests.push(plain(&[
            &format!("Authorization: Bearer {secret}"),
            &format!("Authorization: Bearer {secret}"),
        ]));
        requests.push(plain(&[&format!("Authorization: Basic {secret}")]));
        requests.push(plain(&[&format!("Authorization: {secret}")]));
        requests.push(plain(&[&format!("Proxy-Authorization: Bearer {secret}")]));
        requests.push(plain(&[&format!("Cookie: session={secret}; session={secret}")]));
        requests.push(plain(&[
            &format!("X-Secret-Key: {secret}"),
            &format!("X-Secret-Key: {secret}"),
        ]));
        requests.push(plain(&[&format!("Connection: {secret}")]));
        requests.push(plain(&[&format!("Transfer-Encoding: {secret}")]));
        requests.push(plain(&[&format!("Content-Length: {secret}")]));
        requests.push(request(
            "GET",
            &format!("{target}?access_token={secret}&token={secret}&token={secret}"),
            &[],
            "",
        ));
        requests.push(request("POST", target, &[], &format!("access_token={secret}")));
        requests.push(format!(
            "GET {target} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {secret}"
        ));
    }
    requests
}

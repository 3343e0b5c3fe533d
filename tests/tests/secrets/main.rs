//! No secret is told: neither to clients nor in logs, metrics, health answers or what commands print.
//!
//! A row of the table is one way to show or to hold a credential; another filter with credentials is another row.
//! Each row is asked in good order, wrongly, in broken form, and with its upstream broken, at log level trace. Then
//! everything that the gateway has ever said is searched for the secret, in each form in which it could stand
//! there.

mod boot;
mod broken;
mod listen;
mod logins;
mod rows;
mod said;
mod services;
mod signed;
mod stores;
mod story;

use adamant_tests::client::{CARRIERS, request};
use adamant_tests::gateway::Setup;
use adamant_tests::{Answer, Authority, Client, Gateway, H2Client, Idp, Origin, Policy};
use jsonwebtoken::Algorithm;

use broken::{broken_requests, twisted};
use listen::{Asked, listen};
use rows::{Row, UPSTREAM_TOKEN, rows};
use said::Said;

/// The ways in which an upstream may be, and what comes of a good request; 0 where the answer breaks off.
const UPSTREAMS: [(&str, u16); 4] = [("good", 200), ("down", 502), ("broken", 502), ("cut", 0)];

struct Upstreams {
    good: Origin,
    broken: Origin,
    cut: Origin,
}

impl Upstreams {
    async fn start() -> Self {
        Self {
            good: Origin::hello().await,
            // An upstream may say anything, such as what it was sent.
            broken: Origin::start(|seen| {
                let credential = seen
                    .field("authorization")
                    .or(seen.field("x-key"))
                    .unwrap_or_default();
                Answer::raw(format!("this is no HTTP: {credential}\r\n\r\n"))
            })
            .await,
            cut: Origin::start(|_| Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")).await,
        }
    }
}

fn policy(upstreams: &Upstreams, rows: &[Row]) -> Policy {
    let to = |origin: &Origin| adamant_tests::policy::to(origin);
    let mut policy = Policy::new()
        .listener("public", "protocols: [h1, h2]")
        .listener(
            "secure",
            "tls: { certificate: site.pem, key: { file: site.key } }",
        )
        .upstream("good", &to(&upstreams.good))
        .upstream("down", "endpoints: [\"127.0.0.1:1\"]")
        .upstream("broken", &to(&upstreams.broken))
        .upstream("cut", &to(&upstreams.cut))
        .observe("access-log: { to: stdout, fields: [x-marker] }");
    for row in rows {
        for (upstream, _) in UPSTREAMS {
            let (name, step, public) = (row.name, &row.step, row.public);
            policy = policy.route(&format!(
                "name: {name}-{upstream}\nmatch: {{ path: /{name}/{upstream}/** }}\npublic: {public}\nto: {upstream}\nfilters:\n  - {step}"
            ));
        }
    }
    policy
}

/// Sends what a client may send with this credential, and keeps what it is answered.
async fn ask(gateway: &Gateway, row: &Row, said: &mut Said) {
    for (upstream, status) in UPSTREAMS {
        let target = format!("/{}/{upstream}/x", row.name);
        for carrier in CARRIERS {
            let mut lines: Vec<&str> = row.lines.iter().map(String::as_str).collect();
            lines.push("X-Marker: here");
            lines.extend(carrier);
            let asked = request("GET", &format!("{target}{}", row.query), &lines, "");
            let mut client = Client::connect(gateway.address()).await;
            if status == 0 {
                client.send(&asked).await;
                said.add(&target, String::from_utf8_lossy(&client.bytes().await));
                continue;
            }
            let answer = client.exchange(&asked).await;
            assert_eq!(answer.status, status, "{target}: {}", answer.text());
            said.response(&target, &answer);
        }
    }
    let target = format!("/{}/good/x", row.name);
    for broken in broken_requests(row, &target) {
        let mut client = Client::connect(gateway.address()).await;
        client.send(&broken).await;
        client.finish().await;
        said.add(&target, String::from_utf8_lossy(&client.bytes().await));
    }
    let fields: Vec<(String, String)> = row
        .lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut client = H2Client::connect(gateway.address()).await;
    let answer = client.get(&format!("{target}{}", row.query), &fields).await;
    assert_eq!(answer.status, 200, "{target} over HTTP/2: {}", answer.text());
    said.response(&target, &answer);
}

#[tokio::test]
async fn no_secret_is_told_anywhere() {
    let idp = Idp::new(&[Algorithm::ES256]);
    let rows = rows(&idp);
    let upstreams = Upstreams::start().await;
    let site = Authority::new("ours").site(&["a.test"]);
    let mut setup = Setup::new(&policy(&upstreams, &rows))
        .variable("RUST_LOG", "trace")
        .file("site.pem", &site.certificate)
        .file("site.key", &site.key);
    let mut variables = Vec::new();
    for row in &rows {
        for (name, contents) in &row.files {
            setup = setup.file(name, contents);
        }
        for (name, value) in &row.variables {
            setup = setup.variable(name, value);
            variables.push((*name, value.as_str()));
        }
    }
    let gateway = setup.start().await;
    let mut said = Said::default();
    for row in &rows {
        ask(&gateway, row, &mut said).await;
    }
    // Bytes that are no TLS, and a request in clear text, at the listener that has a private key.
    said.add(
        "the listener with TLS",
        String::from_utf8_lossy(&clear_text(&gateway).await),
    );
    let asked: Vec<Asked> = rows
        .iter()
        .map(|row| Asked {
            url: format!("http://api.test/{}/good/x{}", row.name, row.query),
            lines: row.lines.clone(),
        })
        .collect();
    listen(&gateway, &variables, &asked, &mut said).await;
    assert!(said.has("DEBUG"), "the diagnostics go into detail");
    assert!(said.has("\"x-marker\":\"here\""), "the access log was read");
    assert!(
        said.has("adamant_") && said.has("\"jwt.signature\""),
        "metrics and refusals were read"
    );
    let seen = upstreams.good.seen();
    let mut seen = seen.iter().flat_map(|seen| seen.fields.all("authorization"));
    assert!(
        seen.any(|value| value.contains(UPSTREAM_TOKEN)),
        "the upstream sees its credential"
    );
    let secrets = secrets(&rows, &site.key);
    assert_eq!(said.leaks(&secrets), Vec::<String>::new());
}

/// All that must be found nowhere, what clients sent by mistake included.
fn secrets(rows: &[Row], private_key: &str) -> Vec<String> {
    let key = private_key.lines().filter(|line| !line.starts_with('-'));
    let mut secrets: Vec<String> = key.map(str::to_owned).collect();
    for row in rows {
        secrets.extend(row.held.iter().cloned());
        let shown = row.shown.iter();
        secrets.extend(shown.flat_map(|secret| [secret.clone(), twisted(secret)]));
        secrets.extend(row.variables.iter().map(|(_, value)| value.clone()));
    }
    secrets
}

/// Whatever comes of a request in clear text where TLS is spoken.
async fn clear_text(gateway: &Gateway) -> Vec<u8> {
    let mut client = Client::connect(gateway.listener("secure")).await;
    client.send(request("GET", "/", &[], "")).await;
    client.finish().await;
    client.bytes().await
}

//! What the keys of an upstream do to its connections: how long they may take, how long they are kept, whom
//! they name, and an upstream inside the process.

use std::time::Duration;

use adamant_tests::client::get;
use adamant_tests::policy::to;
use adamant_tests::{Answer, Client, Gateway, Origin, Policy, covers, wait};
use tokio::net::{TcpSocket, TcpStream};

/// The public route `all` to an upstream with these keys.
fn policy(keys: &str) -> Policy {
    Policy::new()
        .listener("public", "")
        .upstream("origin", keys)
        .route("name: all\nmatch: { path: /** }\npublic: true\nto: origin")
}

#[tokio::test]
async fn an_endpoint_that_accepts_nobody_costs_the_time_to_connect() {
    covers(&["upstreams.*.timeouts.connect"]);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let listener = socket.listen(1).expect("it listens");
    let address = listener.local_addr().expect("a bound address");
    // Its queue is full when a further connection is not made.
    let mut queue = Vec::new();
    while let Ok(made) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queue.push(made.expect("the queue has room"));
        assert!(queue.len() < 64, "the queue is bounded");
    }
    let keys = format!("endpoints: [\"{address}\"]\ntimeouts: {{ connect: 200ms, total: 60s }}");
    let gateway = Gateway::start(&policy(&keys)).await;
    let answer = tokio::time::timeout(Duration::from_secs(20), get(gateway.address(), "/", &[]));
    let answer = answer
        .await
        .expect("the gateway does not wait for the total time");
    assert!(
        (502..=504).contains(&answer.status) && answer.reason().starts_with("upstream."),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn an_idle_connection_is_kept_as_long_as_the_file_says() {
    covers(&["upstreams.*.keep-idle"]);
    let origin = Origin::hello().await;
    for (keep, stays) in [("1s", false), ("10m", true)] {
        let gateway = Gateway::start(&policy(&format!("{}\nkeep-idle: {keep}", to(&origin)))).await;
        let mut client = Client::connect(gateway.address()).await;
        assert_eq!(client.get("/", &[]).await.status, 200);
        assert_eq!(origin.open_connections(), 1, "{keep}");
        if stays {
            // As long as the other one took at most.
            tokio::time::sleep(Duration::from_secs(7)).await;
            assert_eq!(origin.open_connections(), 1, "{keep}");
        } else {
            wait::until("the idle connection is closed", || origin.open_connections() == 0).await;
        }
        drop(gateway);
        wait::until("all connections are closed", || origin.open_connections() == 0).await;
    }
}

#[tokio::test]
async fn a_probe_names_the_host_that_the_file_says() {
    covers(&["upstreams.*.health.host"]);
    let origin = Origin::start(|_| Answer::ok("")).await;
    let keys = format!(
        "{}\nhealth: {{ path: /healthz, host: probe.test, every: 100ms }}",
        to(&origin)
    );
    let _gateway = Gateway::start(&policy(&keys)).await;
    let probe = origin.received(1).await.remove(0);
    assert_eq!(
        (probe.target.as_str(), probe.host.as_str()),
        ("/healthz", "probe.test")
    );
}

#[tokio::test]
async fn an_upstream_inside_the_process_tells_what_it_received() {
    covers(&["upstreams.*.built-in"]);
    let gateway = Gateway::start(&policy("built-in: echo")).await;
    let answer = get(gateway.address(), "/a/b?c=d", &["X-Mine: 1"]).await;
    assert_eq!(answer.status, 200);
    let told = answer.json().to_string();
    assert!(told.contains("/a/b") && told.contains("x-mine"), "{told}");
}

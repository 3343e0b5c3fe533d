//! Calls to services on loopback, from the runtimes that the gateway has.

use adamant_filter::offline::NO_ANSWER;
use adamant_filter::{Host as _, unanswered};
use bytes::Bytes;
use http::{HeaderValue, Method};
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::LiveHost;
use crate::upstream::sample::origin::{Authority, Origin, Speech};

fn target(origin: &str) -> Target {
    Target {
        origin: origin.to_owned(),
        timeout: Duration::from_secs(5),
        answer_max: 100,
        authorities: None,
    }
}

/// A service that these authorities vouch for.
fn secure(origin: &str, authorities: &str) -> Arc<dyn Transport> {
    let target = Target {
        authorities: Some("authorities.pem".into()),
        ..target(origin)
    };
    let read = |_: &Path| Ok(authorities.as_bytes().to_vec());
    Service::new(&target, &read)
        .unwrap()
        .live(&Handle::current())
        .unwrap()
}

fn plain(target: &Target) -> Arc<dyn Transport> {
    LiveHost::live(Path::new(""), Handle::current())
        .outbound(target)
        .unwrap()
}

fn get(target: &str) -> Call {
    Call {
        method: Method::GET,
        target: target.to_owned(),
        fields: Vec::new(),
        body: Bytes::new(),
    }
}

async fn fault(service: &dyn Transport) -> &'static Reason {
    service.call(get("/")).await.unwrap_err().reason
}

#[tokio::test]
async fn a_call_brings_an_answer_and_keeps_its_connection() {
    let origin = Origin::start(Speech::H1).await;
    let service = plain(&target(&format!("http://{}", origin.address)));
    let call = Call {
        method: Method::POST,
        target: "/decide?x=1".to_owned(),
        fields: vec![
            (header::ACCEPT, HeaderValue::from_static("application/json")),
            (header::HOST, HeaderValue::from_static("elsewhere.test")),
            (header::CONTENT_LENGTH, HeaderValue::from_static("7")),
            (header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
            (header::CONNECTION, HeaderValue::from_static("accept")),
        ],
        body: Bytes::from_static(b"a=1"),
    };
    for _ in 0..3 {
        let answer = service.call(call.clone()).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"ok"[..]));
        let value = HeaderValue::from_static("test");
        assert!(
            answer
                .fields
                .contains(&(HeaderName::from_static("x-origin"), value))
        );
    }
    assert_eq!(origin.connections(), 1);
    let expected = format!(
        "POST /decide?x=1 HTTP/1.1\r\nHost: {}\r\naccept: application/json\r\nContent-Length: 3\r\n\r\na=1",
        origin.address
    );
    assert_eq!(origin.requests()[0], expected);
}

#[tokio::test]
async fn a_service_proves_who_it_is() {
    let (ours, other) = (Authority::new(), Authority::new());
    let right = Origin::start(Speech::H1Tls(
        ours.acceptor(&["localhost", "127.0.0.1"], b"http/1.1"),
    ))
    .await;
    let wrong = Origin::start(Speech::H1Tls(ours.acceptor(&["other.test"], b"http/1.1"))).await;
    let at = |host: &str, origin: &Origin| format!("https://{host}:{}", origin.address.port());
    for (place, authorities, passes) in [
        (at("localhost", &right), &ours.pem, true),
        (at("127.0.0.1", &right), &ours.pem, true),
        (at("localhost", &right), &other.pem, false),
        (at("localhost", &wrong), &ours.pem, false),
        (at("127.0.0.1", &wrong), &ours.pem, false),
    ] {
        let service = secure(&place, authorities);
        for _ in 0..2 {
            match service.call(get("/")).await {
                Ok(answer) => assert!(passes && answer.status == StatusCode::OK, "{place}"),
                Err(fault) => assert!(!passes && *fault.reason == UNREACHABLE, "{place}: {fault:?}"),
            }
        }
    }
    assert_eq!(
        right.connections(),
        4,
        "one for each service that was proved, and two for the other"
    );
}

#[tokio::test]
async fn services_that_trust_others_share_no_connection() {
    let (ours, other) = (Authority::new(), Authority::new());
    let origin = Origin::start(Speech::H1Tls(ours.acceptor(&["localhost"], b"http/1.1"))).await;
    let place = format!("https://localhost:{}", origin.address.port());
    secure(&place, &ours.pem).call(get("/")).await.unwrap();
    assert_eq!(*fault(&*secure(&place, &other.pem)).await, UNREACHABLE);
}

/// Where the child of the test below finds the service.
const PORT: &str = "ADAMANT_TEST_PORT";

/// The system's authorities are a matter of the environment, so this is played by a child with one of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_authorities_of_the_system_vouch_where_a_target_names_none() {
    if let Ok(port) = std::env::var(PORT) {
        let place = target(&format!("https://localhost:{port}"));
        let told = match LiveHost::live(Path::new(""), Handle::current()).outbound(&place) {
            Err(problem) => problem.code().to_owned(),
            Ok(service) => match service.call(get("/")).await {
                Ok(answer) => answer.status.to_string(),
                Err(fault) => fault.reason.code().to_owned(),
            },
        };
        println!("told: {told}.");
        return;
    }
    let (ours, other) = (Authority::new(), Authority::new());
    let origin = Origin::start(Speech::H1Tls(ours.acceptor(&["localhost"], b"http/1.1"))).await;
    let folder = std::env::temp_dir().join(format!("adamant-outbound-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("system.pem");
    for (authorities, expected) in [
        (&*ours.pem, "told: 200 OK."),
        (&*other.pem, "told: service-unreachable."),
        ("", "told: capabilities.outbound."),
    ] {
        std::fs::write(&file, authorities).unwrap();
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child
            .args([name.as_str(), "--exact", "--nocapture"])
            .env(PORT, origin.address.port().to_string())
            .env("SSL_CERT_FILE", &file)
            .env_remove("SSL_CERT_DIR");
        let ended = tokio::task::block_in_place(|| child.output()).unwrap();
        let text = String::from_utf8_lossy(&ended.stdout);
        assert!(text.contains(expected), "{expected} {text}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn every_way_to_bring_no_answer_has_its_reason() {
    let origin = Origin::start(Speech::H1).await;
    let usual = target(&format!("http://{}", origin.address));
    let short = Target {
        answer_max: 1,
        ..usual.clone()
    };
    assert_eq!(*fault(&*plain(&short)).await, LONG);
    for call in [
        get("decide"),
        get("/a b"),
        get("http://elsewhere.test/"),
        get("/\r\nx: y"),
        get(""),
    ] {
        let refused = plain(&usual).call(call).await.unwrap_err();
        assert_eq!(*refused.reason, UNSENDABLE);
    }
    origin.answers(0);
    assert_eq!(*fault(&*plain(&usual)).await, BROKEN);

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let late = Target {
        timeout: Duration::from_millis(50),
        ..target(&format!("http://{}", silent.local_addr().unwrap()))
    };
    assert_eq!(*fault(&*plain(&late)).await, LATE);
    let (_held, dead) = dead();
    let nobody = target(&format!("http://{dead}"));
    assert_eq!(*fault(&*plain(&nobody)).await, UNREACHABLE);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let origin = Origin::start(Speech::H1).await;
    origin.answers(302);
    let service = plain(&target(&format!("http://{}", origin.address)));
    assert_eq!(service.call(get("/")).await.unwrap().status, StatusCode::FOUND);
    assert_eq!(origin.requests().len(), 1);
}

/// A port on which nobody listens, for as long as its socket lives.
fn dead() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn worker() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_connection_serves_only_the_runtime_on_which_it_was_made() {
    let origin = Origin::start(Speech::H1).await;
    let service = plain(&target(&format!("http://{}", origin.address)));
    let called = Arc::clone(&origin_calls(&service));
    tokio::task::block_in_place(|| {
        let (one, other) = (worker(), worker());
        for (runtime, connections) in [(&one, 1), (&one, 1), (&other, 2), (&other, 2)] {
            runtime.block_on(called()).unwrap();
            assert_eq!(origin.connections(), connections);
        }
    });
    // Background work, on the runtime of this test.
    for _ in 0..3 {
        tokio::spawn(called()).await.unwrap().unwrap();
    }
    assert_eq!(origin.connections(), 3);
    let workers = (0..2).map(|_| {
        let called = Arc::clone(&called);
        std::thread::spawn(move || {
            let runtime = worker();
            (0..3).for_each(|_| assert!(runtime.block_on(called()).is_ok()));
        })
    });
    let workers: Vec<_> = workers.collect();
    tokio::task::block_in_place(|| workers.into_iter().for_each(|worker| worker.join().unwrap()));
    assert_eq!(origin.connections(), 5, "each worker has a connection of its own");
}

type Made = Arc<dyn Fn() -> Pending<'static, Result<Answer, Fault>> + Send + Sync>;

/// Makes the same call wherever it is asked for.
fn origin_calls(service: &Arc<dyn Transport>) -> Made {
    let service = Arc::clone(service);
    Arc::new(move || {
        let service = Arc::clone(&service);
        Box::pin(async move { service.call(get("/")).await })
    })
}

/// A service whose addresses the test tells.
fn told(origin: &Origin, timeout: Duration) -> (watch::Sender<Arc<[SocketAddr]>>, Arc<Live>) {
    let target = Target {
        timeout,
        ..target(&format!("http://{}", origin.address))
    };
    let service = Service::new(&target, &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
    let (tell, addresses) = watch::channel(Arc::default());
    let live = Live {
        host: service.origin.authority(),
        service,
        addresses,
        first: AtomicUsize::new(0),
        is_failing: AtomicBool::new(false),
    };
    (tell, Arc::new(live))
}

#[tokio::test]
async fn a_call_waits_for_its_name_and_tries_what_it_resolves_to() {
    let origin = Origin::start(Speech::H1).await;
    let (tell, service) = told(&origin, Duration::from_secs(5));
    let waiting = Arc::clone(&service);
    let call = tokio::spawn(async move { waiting.call(get("/")).await.map(|answer| answer.status) });
    tokio::task::yield_now().await;
    assert!(!call.is_finished());
    let (_held, dead) = dead();
    tell.send_replace(Arc::from([dead, origin.address]));
    assert_eq!(call.await.unwrap().unwrap(), StatusCode::OK);
    service.call(get("/")).await.unwrap();
    assert_eq!(
        service.first.load(Ordering::Relaxed),
        1,
        "what was reached comes first"
    );
    drop(tell);
    service.call(get("/")).await.unwrap();

    let (tell, service) = told(&origin, Duration::from_millis(50));
    assert_eq!(*fault(&*service).await, LATE);
    drop(tell);
    assert_eq!(*fault(&*service).await, UNREACHABLE);
}

#[tokio::test]
async fn a_name_is_followed_for_as_long_as_somebody_wants_to_know() {
    let (tell, mut addresses) = watch::channel(Arc::default());
    let following = tokio::spawn(resolve::follow(
        "localhost".into(),
        81,
        "service".to_owned(),
        tell,
    ));
    let known = addresses
        .wait_for(|known: &Arc<[SocketAddr]>| !known.is_empty())
        .await;
    assert!(
        known
            .unwrap()
            .iter()
            .all(|at| at.ip().is_loopback() && at.port() == 81)
    );
    drop(addresses);
    following.await.unwrap();
}

#[tokio::test]
async fn offline_hosts_refuse_the_same_targets_and_call_nobody() {
    let folder = Path::new("/nonexistent");
    let hosts = || {
        [
            LiveHost::offline(folder),
            LiveHost::live(folder, Handle::current()),
        ]
    };
    let with_authorities = |origin: &str| Target {
        authorities: Some("ca.pem".into()),
        ..target(origin)
    };
    for (target, code, part) in [
        (target("http://id.test"), "capabilities.outbound", "clear text"),
        (
            target("https://id.test/keys"),
            "capabilities.outbound",
            "more than",
        ),
        (
            with_authorities("https://id.test"),
            "files.unreadable",
            "cannot read",
        ),
        (
            with_authorities("http://127.0.0.1"),
            "capabilities.outbound",
            "vouch",
        ),
    ] {
        for mut host in hosts() {
            let Err(problem) = host.outbound(&target) else {
                panic!("{target:?} is granted")
            };
            assert_eq!(problem.code(), code);
            assert!(problem.message().contains(part), "{problem}");
        }
    }
    let service = LiveHost::offline(folder)
        .outbound(&target("https://id.test"))
        .unwrap();
    assert_eq!(*fault(&*service).await, NO_ANSWER);
}

#[tokio::test]
async fn equal_targets_are_one_service() {
    let mut host = LiveHost::live(Path::new(""), Handle::current());
    let [one, same, other] = [5, 5, 6].map(|seconds| {
        let timeout = Duration::from_secs(seconds);
        let target = target("http://127.0.0.1:1");
        host.outbound(&Target { timeout, ..target }).unwrap()
    });
    assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
}

#[test]
fn reasons_of_calls_are_told_apart() {
    let codes: std::collections::HashSet<_> = unanswered::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), unanswered::ALL.len());
}

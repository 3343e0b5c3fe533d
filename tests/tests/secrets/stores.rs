//! The password of a store: right, wrong, and while the store is gone.

use adamant_tests::client::get;
use adamant_tests::gateway::Setup;
use adamant_tests::{Folder, Policy, Redis, wait};

use crate::story::Story;

const PASSWORD: &str = "store-password-T0PS3CRET-0123456789";
const WRONG: &str = "wrong-password-T0PS3CRET-0123456789";

fn setup(redis: &Redis, password: &str) -> Setup {
    let keys = format!(
        "address: \"{}\", timeout: 2s, password: {password}",
        redis.address()
    );
    let policy = Policy::new()
        .listener("public", "")
        .store("counters", &keys)
        .observe("access-log: { to: stdout }")
        .route("name: all\nmatch: { path: /** }\npublic: true\nrespond: { status: 204 }\nfilters:\n  - rate: { by: address, allow: 1000/h, remember: 100, scope: { shared: { store: counters, when-gone: deny } } }\n    id: all");
    Setup::new(&policy)
}

#[tokio::test]
async fn the_password_of_a_store_is_told_nobody() {
    let mut redis = Redis::start_with(Folder::new(), false, &["--requirepass", PASSWORD]).await;
    for (source, word, expected) in [
        ("{ env: PASSWORD }", PASSWORD, 204),
        ("{ file: password }", PASSWORD, 204),
        ("{ env: PASSWORD }", WRONG, 503),
        ("{ file: password }", WRONG, 503),
    ] {
        let setup = setup(&redis, source).file("password", word);
        let mut story = Story::begin(setup, &[("PASSWORD", word)]).await;
        story.hides([PASSWORD, WRONG]);
        story.explains("/", &[]);
        for _ in 0..3 {
            let answer = story.ask("GET", "/", &[], "").await;
            assert_eq!(answer.status, expected, "{source}: {}", answer.text());
        }
        if expected == 204 {
            redis.kill();
            let address = story.gateway().address();
            let refused = wait::polled("the store is missed", || async {
                Some(get(address, "/", &[]).await).filter(|answer| answer.status == 503)
            });
            let refused = refused.await;
            story.said.response("/", &refused);
            redis.restart().await;
            wait::polled("the store is asked again", || async {
                (get(address, "/", &[]).await.status == 204).then_some(())
            })
            .await;
        } else {
            assert!(
                story
                    .gateway()
                    .stderr()
                    .contains("the store `counters` cannot be reached")
            );
        }
        story.ends().await;
    }
}

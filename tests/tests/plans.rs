//! One consumer with several kinds of credentials: the same rights, one count, and the allowance of its plan.

use std::sync::Arc;

use adamant_tests::idp::api_key_entry;
use adamant_tests::mutual::{SPIFFE, h1};
use adamant_tests::{Gateway, Idp, Mutual, Response, Site, covers};
use jsonwebtoken::Algorithm;
use tokio_rustls::rustls::{ClientConfig, version};

/// Requests that everybody has, and those of the plan.
const USUAL: usize = 2;
const GOLD: usize = 6;

const ACME: &str = "spiffe://example.org/acme";
const NAMESAKE: &str = "spiffe://example.org/other";

/// A consumer who is known by each kind of credential, and one in another group and without a plan.
const CONSUMERS: &str = r#"
plans: { gold: {} }
consumers:
  acme:
    plan: gold
    groups: [partners, beta]
    known-by:
      - jwt: { issuer: "https://id.test/", name: acme-app }
      - api-key: { name: acme-key }
      - client-certificate: { name: "spiffe://example.org/acme" }
  visitor:
    groups: [visitors]
    known-by:
      - api-key: { name: visitor }
      - jwt: { issuer: "https://id.test/", name: visitor }
  absent:
    groups: [elsewhere]
    known-by: [{ api-key: { name: absent } }]
"#;

/// A credential: the certificate that is shown, and the line that is sent.
#[derive(Clone, Copy)]
struct Shown<'s> {
    certificate: Option<&'s Site>,
    line: &'s str,
}

struct World {
    mutual: Mutual,
    idp: Idp,
    ours: Site,
    namesakes: Site,
}

impl World {
    async fn new() -> Self {
        let mutual = Mutual::new().await;
        Self {
            ours: mutual.spiffe(ACME),
            namesakes: mutual.spiffe(NAMESAKE),
            idp: Idp::new(&[Algorithm::ES256]),
            mutual,
        }
    }

    /// A gateway where each kind of credential proves somebody, with these steps behind.
    async fn gateway(&self, steps: &[&str]) -> Gateway {
        let jwt = "jwt: { keys: { file: jwks.json }, issuer: \"https://id.test/\", audience: orders, algorithms: [ES256], type: at+jwt }";
        let proofs = format!(
            "  - any-of: [{{ api-key: {{ keys: {{ file: keys.yaml }} }} }}, {{ {jwt} }}, {{ {SPIFFE} }}]"
        );
        let steps: String = steps.iter().map(|step| format!("\n  - {step}")).collect();
        let route = format!("name: all\nmatch: {{ path: /** }}\nto: origin\nfilters:\n{proofs}{steps}");
        let policy = self
            .mutual
            .policy(", required: false")
            .route(&route)
            .top(CONSUMERS);
        let keys: String = ["acme-key", "visitor", "acme", "acme-app"]
            .map(|name| api_key_entry(name, &format!("adm_{name}"), name, ""))
            .concat();
        let setup = self.mutual.with(&policy).file("jwks.json", self.idp.jwks());
        setup.file("keys.yaml", format!("keys:\n{keys}")).start().await
    }

    fn token(&self, subject: &str) -> String {
        format!("Authorization: Bearer {}", self.idp.token(subject, ""))
    }

    fn config(&self, shown: Option<&Site>) -> Arc<ClientConfig> {
        self.mutual.config(shown, "http/1.1", &version::TLS13)
    }

    async fn ask(&self, gateway: &Gateway, shown: Shown<'_>) -> Response {
        let lines: Vec<&str> = Some(shown.line)
            .filter(|line| !line.is_empty())
            .into_iter()
            .collect();
        h1(gateway, self.config(shown.certificate), &lines).await
    }
}

fn line(line: &str) -> Shown<'_> {
    Shown {
        certificate: None,
        line,
    }
}

fn certificate(site: &Site) -> Shown<'_> {
    Shown {
        certificate: Some(site),
        line: "",
    }
}

#[tokio::test]
async fn a_group_is_reached_by_every_credential_of_its_consumers_and_by_nobody_else() {
    covers(&["policies.*[].authorize.groups", "consumers.*.groups"]);
    let world = World::new().await;
    let (token, visitors, namesakes) = (
        world.token("acme-app"),
        world.token("visitor"),
        world.token("acme"),
    );
    let ours = [
        line("X-Api-Key: adm_acme-key"),
        line(&token),
        certificate(&world.ours),
    ];
    let others = [
        line("X-Api-Key: adm_visitor"),
        line(&visitors),
        line("X-Api-Key: adm_acme"),
        line("X-Api-Key: adm_acme-app"),
        line(&namesakes),
        certificate(&world.namesakes),
    ];
    for groups in ["[partners]", "[beta]", "[elsewhere, partners]"] {
        let gateway = world
            .gateway(&[&format!("authorize: {{ groups: {groups} }}")])
            .await;
        for shown in ours {
            let answer = world.ask(&gateway, shown).await;
            assert_eq!(answer.status, 200, "{groups} {}: {}", shown.line, answer.text());
        }
        for shown in others {
            let answer = world.ask(&gateway, shown).await;
            assert_eq!(answer.refused(403), "authorize.group", "{groups} {}", shown.line);
        }
        assert_eq!(world.ask(&gateway, line("")).await.status, 401);
    }
    let gateway = world.gateway(&["authorize: { groups: [visitors] }"]).await;
    for shown in ours {
        assert_eq!(world.ask(&gateway, shown).await.refused(403), "authorize.group");
    }
    for shown in &others[..2] {
        assert_eq!(world.ask(&gateway, *shown).await.status, 200);
    }
    assert_eq!(world.mutual.origin.count(), 3 * 3 + 2);
}

/// A parameter of a field such as `"all";q=6;w=3600`.
fn parameter(answer: &Response, field: &str, name: &str) -> usize {
    let value = answer
        .field(field)
        .unwrap_or_else(|| panic!("{field}: {answer:?}"));
    let found = value
        .split(';')
        .find_map(|part| part.strip_prefix(&format!("{name}=")));
    let found = found.unwrap_or_else(|| panic!("{name} of {value}"));
    found.parse().expect("a number")
}

/// Asks once for each number that is left after it, and then once in vain by each of these credentials.
async fn uses_up(world: &World, gateway: &Gateway, all: &[Shown<'_>], quota: usize, reason: &str) {
    for (number, shown) in all.iter().cycle().take(quota).enumerate() {
        let answer = world.ask(gateway, *shown).await;
        assert_eq!(answer.status, 200, "{} {number}: {}", shown.line, answer.text());
        assert_eq!(
            parameter(&answer, "ratelimit-policy", "q"),
            quota,
            "{}",
            shown.line
        );
        assert_eq!(
            parameter(&answer, "ratelimit", "r"),
            quota - 1 - number,
            "{}",
            shown.line
        );
    }
    for shown in all {
        let answer = world.ask(gateway, *shown).await;
        assert_eq!(answer.refused(429), reason, "{}", shown.line);
        assert_eq!(
            parameter(&answer, "ratelimit-policy", "q"),
            quota,
            "{}",
            shown.line
        );
        assert_eq!(parameter(&answer, "ratelimit", "r"), 0, "{}", shown.line);
    }
}

#[tokio::test]
async fn one_consumer_has_one_count_and_the_allowance_of_its_plan_by_every_credential() {
    covers(&[
        "consumers.*.plan",
        "policies.*[].quota.plans.*",
        "policies.*[].rate.plans.*.allow",
    ]);
    let world = World::new().await;
    let limits = [
        (
            format!("rate: {{ by: consumer, allow: {USUAL}/h, plans: {{ gold: {{ allow: {GOLD}/h }} }} }}"),
            "rate.exhausted",
        ),
        (
            format!(
                "quota: {{ by: consumer, allow: {USUAL}, per: month, keep-local: true, plans: {{ gold: {GOLD} }} }}"
            ),
            "quota.exhausted",
        ),
    ];
    let (token, namesakes) = (world.token("acme-app"), world.token("acme"));
    let ours = [
        line("X-Api-Key: adm_acme-key"),
        line(&token),
        certificate(&world.ours),
    ];
    let others = [
        line("X-Api-Key: adm_visitor"),
        line("X-Api-Key: adm_acme"),
        line(&namesakes),
        certificate(&world.namesakes),
    ];
    for (limit, reason) in limits {
        let gateway = world.gateway(&[&limit]).await;
        uses_up(&world, &gateway, &ours, GOLD, reason).await;
        // Whoever is nobody in the file, or has no plan, has what everybody has, and a count of their own.
        for shown in others {
            uses_up(&world, &gateway, &[shown], USUAL, reason).await;
        }
    }
}

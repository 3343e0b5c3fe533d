//! What a decision costs in instructions: a number that no neighbour on the machine can disturb.
//!
//! `valgrind --tool=callgrind` counts inside one function of a small program that holds the plan and all
//! filters, but neither socket nor proxy (`crates/adamant-policy/examples/decisions.rs`). The program is
//! built with the profile `counted`, which optimises like a release. Time is never measured here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use adamant_tests::repository;

/// Decisions of the shorter run. The longer one has twice as many: the difference is what they cost once
/// memory has grown and tables are filled.
const ROUNDS: u64 = 400;

/// A case of the program, what it cost when this was written (Rust 1.95, x86-64), and what it may cost.
/// The ceiling leaves room for other compilers and processors. SHA-256 of the API key takes 6,950 of these
/// instructions, since the tool does not know the ones that processors have for it.
struct Case {
    name: &'static str,
    measured: u64,
    ceiling: u64,
}

const fn case(name: &'static str, measured: u64, ceiling: u64) -> Case {
    Case {
        name,
        measured,
        ceiling,
    }
}

const CASES: [Case; 19] = [
    // Public, one route for everything.
    case("plain", 2_571, 3_100),
    // Public, one route in the middle of so many.
    case("ten-routes", 2_571, 3_100),
    case("many-routes", 2_570, 3_100),
    case("ten-hosts", 2_704, 3_300),
    case("many-hosts", 2_708, 3_300),
    // API key and rate.
    case("api-key", 11_744, 14_000),
    // ES256 token that was proved before, rate, scopes.
    case("token", 5_022, 6_000),
    // API key alone; rate by address alone; the token alone.
    case("key-alone", 10_993, 13_200),
    case("rate-alone", 3_294, 4_000),
    case("token-alone", 5_031, 6_000),
    // The token, and scopes; scopes, method of proof, consumer, claim and a bound parameter; an expression.
    case("scopes", 5_460, 6_500),
    case("authorize", 6_549, 7_900),
    case("expression", 12_779, 15_500),
    // Methods, body size, header changes, API key, rate, scopes.
    case("full", 13_225, 16_000),
    // 401: no API key.
    case("missing", 3_069, 3_700),
    // 404 among 10,000 routes.
    case("unknown", 2_122, 2_600),
    // 501 among 10,000 routes: a method that none of them names.
    case("odd-method", 250, 400),
    // 403 by network.
    case("outside", 2_878, 3_500),
    // 429 after a good API key.
    case("exhausted", 12_414, 15_000),
];

/// What a step may cost alone: the case that has it, less the case that does not.
const STEPS: [(&str, &str, u64); 6] = [
    // With SHA-256, as above.
    ("key-alone", "ten-routes", 10_100),
    ("rate-alone", "ten-routes", 1_150),
    // With a parameter of the path, which the next ones need.
    ("token-alone", "ten-routes", 3_000),
    ("scopes", "token-alone", 550),
    ("authorize", "token-alone", 1_900),
    ("expression", "token-alone", 9_500),
];

/// What 10,000 routes may cost for each instruction that ten cost.
const RATIO_MAX: f64 = 1.02;

/// The folder that cargo builds into, from the place of this test.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own executable");
    let profile = test.parent().and_then(Path::parent);
    profile
        .and_then(Path::parent)
        .expect("a test lies in target/PROFILE/deps")
        .to_owned()
}

fn run(command: &mut Command, help: &str) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; {help}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output
}

/// Builds the program; quick when nothing has changed since.
fn program() -> PathBuf {
    let target = target();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(repository::root())
        .args(["build", "--locked", "--profile", "counted"])
        .args(["--package", "adamant-policy", "--example", "decisions"])
        .arg("--target-dir")
        .arg(&target);
    run(&mut cargo, "cargo runs this test, so it is there");
    target.join("counted/examples/decisions")
}

/// Instructions of so many decisions.
fn count(program: &Path, case: &str, rounds: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=decisions::decide"])
        .arg(program)
        .args([case, &rounds.to_string()]);
    let output = run(
        &mut valgrind,
        "tests/setup installs what the tests need, valgrind included",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .filter_map(|line| line.split_once("Collected : "))
        .find_map(|(_, number)| number.trim().parse().ok());
    collected.unwrap_or_else(|| panic!("callgrind tells what it has counted:\n{said}"))
}

fn per_decision(program: &Path, case: &str) -> f64 {
    let (short, long) = (count(program, case, ROUNDS), count(program, case, 2 * ROUNDS));
    assert!(
        short > 0 && long > short,
        "{case}: {short} and {long} were counted"
    );
    (long - short) as f64 / ROUNDS as f64
}

/// Instructions per decision of every case; counted once for all tests of this file.
fn counts() -> &'static BTreeMap<&'static str, f64> {
    static COUNTS: OnceLock<BTreeMap<&'static str, f64>> = OnceLock::new();
    COUNTS.get_or_init(|| {
        let program = program();
        let (next, counts) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || {
            while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                let found = per_decision(&program, case.name);
                let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                counts.insert(case.name, found);
            }
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
        counts.into_inner().unwrap_or_else(PoisonError::into_inner)
    })
}

#[test]
fn a_decision_costs_no_more_than_is_written_here() {
    let counts = counts();
    for case in &CASES {
        println!(
            "{:12} {:8.0}, was {}, may be {}",
            case.name, counts[case.name], case.measured, case.ceiling
        );
    }
    for case in &CASES {
        let found = counts[case.name];
        assert!(
            found <= case.ceiling as f64,
            "{} costs {found:.0} instructions, {} are allowed",
            case.name,
            case.ceiling
        );
    }
}

#[test]
fn a_step_costs_no_more_than_is_written_here() {
    let counts = counts();
    for (case, base, ceiling) in STEPS {
        let found = counts[case] - counts[base];
        println!("{case:12} {found:8.0} beyond {base}, may be {ceiling}");
        assert!(found <= ceiling as f64, "{case} costs {found:.0} beyond {base}");
    }
}

#[test]
fn ten_thousand_routes_cost_like_ten() {
    let counts = counts();
    for (many, ten) in [("many-routes", "ten-routes"), ("many-hosts", "ten-hosts")] {
        let ratio = counts[many] / counts[ten];
        println!("{many} / {ten} = {ratio:.4}");
        assert!(ratio <= RATIO_MAX, "{many} costs {ratio:.4} of {ten}");
    }
}

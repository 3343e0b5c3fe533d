//! The files of the repository itself: its `gateway.yaml`, and the one of the image.

use std::path::{Path, PathBuf};

use super::binary::Folder;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn holds(config: &Path) {
    let config = config.to_str().unwrap();
    let folder = Folder::new();
    folder.run(&["check", "--config", config]).exits(0);
    let told = folder.run(&["test", "--config", config]).exits(0).stdout;
    assert!(told.ends_with(" 0 failed\n"), "{told}");
}

#[test]
fn the_gateway_of_the_repository_holds_what_its_tests_say() {
    holds(&root().join("gateway.yaml"));
}

#[test]
fn the_gateway_of_the_image_holds_what_its_tests_say() {
    holds(&root().join("crates/adamant/image/gateway.yaml"));
}

#[test]
fn the_demo_key_of_the_repository_reads_orders() {
    let key = std::fs::read_to_string(root().join("demo/api-key.txt")).unwrap();
    let config = root().join("gateway.yaml");
    let field = format!("x-api-key: {}", key.trim());
    let asked = [
        "explain",
        "--json",
        "--config",
        config.to_str().unwrap(),
        "-H",
        &field,
    ];
    let asked: Vec<&str> = asked
        .into_iter()
        .chain(["--url", "http://127.0.0.1:8080/v1/orders/7"])
        .collect();
    assert_eq!(Folder::new().run(&asked).exits(0).json()["upstream"], "echo");
}

/// `UPDATE=1` writes it anew.
#[test]
fn the_manual_of_the_filters_is_what_they_say_of_themselves() {
    let path = root().join("docs/filters.md");
    let told = Folder::new().run(&["schema", "--manual"]).exits(0).stdout;
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(root().join("docs")).unwrap();
        std::fs::write(&path, &told).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        told == kept,
        "docs/filters.md is not the manual of these filters; write it with UPDATE=1"
    );
}

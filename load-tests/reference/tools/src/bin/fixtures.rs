//! Fixture maker: `fixtures FOLDER` fills it with keys, a certificate, tokens, API keys and route lists.
//!
//! Keys and the certificate come from the `openssl` command. Everything is for tests on loopback.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use load_tools::tokens::Signer;

/// Consumers that come back: each has an API key, a client name and a token of every kind.
const CONSUMERS: usize = 10_000;

/// Tokens of which none is sent twice within a window.
const UNSEEN: usize = 200_000;

/// Lengths of the route lists.
const ROUTES: [usize; 3] = [10, 1_000, 10_000];

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Folder(PathBuf);

impl Folder {
    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Outcome<()> {
        fs::write(self.at(name), text).map_err(|error| format!("{name}: {error}").into())
    }

    fn openssl(&self, arguments: &str) -> Outcome<()> {
        let mut command = Command::new("openssl");
        command
            .args(arguments.split_ascii_whitespace())
            .current_dir(&self.0);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("openssl {arguments}: {status}").into())
        }
    }
}

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).ok_or("usage: fixtures FOLDER")?;
    fs::create_dir_all(&folder)?;
    let folder = Folder(PathBuf::from(folder));
    certificate(&folder)?;
    let signers = signers(&folder)?;
    tokens(&folder, &signers)?;
    keys_and_clients(&folder)?;
    for count in ROUTES {
        let list: String = (1..=count).map(|number| format!("/r/{number:05}/\n")).collect();
        folder.write(&format!("routes-{count}.txt"), list)?;
    }
    Ok(())
}

/// A self-signed certificate on P-256, and one file with both parts for those who want that.
fn certificate(folder: &Folder) -> Outcome<()> {
    folder.openssl("ecparam -name prime256v1 -genkey -noout -out site.key")?;
    let name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
    folder.openssl(&format!(
        "req -x509 -new -key site.key -days 3650 {name} -out site.pem"
    ))?;
    let mut both = fs::read(folder.at("site.pem"))?;
    both.extend(fs::read(folder.at("site.key"))?);
    folder.write("site-both.pem", both)
}

/// The issuer's keys: the secret as text, the pairs as PKCS #8, their public halves as PEM.
fn signers(folder: &Folder) -> Outcome<[Signer; 3]> {
    folder.openssl("rand -hex -out hs256.secret 32")?;
    // A secret file holds the secret and nothing else.
    let secret = fs::read_to_string(folder.at("hs256.secret"))?
        .trim_end()
        .to_string();
    folder.write("hs256.secret", &secret)?;
    folder.openssl("ecparam -name prime256v1 -genkey -noout -out es256.pem")?;
    folder.openssl("ec -in es256.pem -pubout -out es256.public.pem")?;
    folder.openssl("genrsa -out rs256.pem 2048")?;
    folder.openssl("rsa -in rs256.pem -pubout -out rs256.public.pem")?;
    for name in ["es256", "rs256"] {
        folder.openssl(&format!(
            "pkcs8 -topk8 -nocrypt -in {name}.pem -outform DER -out {name}.p8"
        ))?;
    }
    Ok([
        Signer::hs256(secret.as_bytes()),
        Signer::es256(&fs::read(folder.at("es256.p8"))?)?,
        Signer::rs256(&fs::read(folder.at("rs256.p8"))?)?,
    ])
}

/// Tokens of every kind beside the names of the clients that send them, and key sets that verify them.
fn tokens(folder: &Folder, signers: &[Signer]) -> Outcome<()> {
    for signer in signers {
        let name = signer.algorithm().to_ascii_lowercase();
        folder.write(&format!("{name}.jwks.json"), signer.key_set().to_string())?;
        folder.write(&format!("{name}.txt"), list(signer, 0, CONSUMERS)?)?;
        if name == "es256" {
            folder.write("es256-unseen.txt", list(signer, CONSUMERS, UNSEEN)?)?;
        }
    }
    Ok(())
}

fn list(signer: &Signer, from: usize, count: usize) -> Outcome<String> {
    let mut lines = String::new();
    for number in from..from + count {
        writeln!(lines, "{}\t{}", signer.token(number)?, client(number))?;
    }
    Ok(lines)
}

/// API keys beside the names of the clients that send them.
fn keys_and_clients(folder: &Folder) -> Outcome<()> {
    let mut lines = String::new();
    let mut keys = String::new();
    for number in 0..CONSUMERS {
        let key = api_key(number);
        writeln!(lines, "{key}\t{}", client(number))?;
        writeln!(keys, "{key}")?;
    }
    folder.write("api-key.txt", lines)?;
    folder.write("api-keys.txt", keys)
}

fn client(number: usize) -> String {
    format!("client-{number:06}")
}

/// Spread over the whole range, so that no index profits from an order.
fn api_key(number: usize) -> String {
    let spread = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    format!("load-{spread:032x}")
}

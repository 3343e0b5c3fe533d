//! The words of SecLang and those of a pack that mean the same. A word without a like is a reason to leave a rule out.

/// A text as YAML reads it again.
pub(super) fn quoted(text: &str) -> String {
    // A text of JSON is one of YAML.
    serde_json::to_string(text).unwrap_or_default()
}

/// Where a variable looks.
pub(super) fn targets(variable: &str) -> Result<Vec<String>, String> {
    if variable.starts_with('!') || variable.starts_with('&') {
        return Err(format!(
            "a pack has no `{variable}`; write an exception into the policy"
        ));
    }
    let (name, part) = match variable.split_once(':') {
        Some((name, part)) => (name, Some(part)),
        None => (variable, None),
    };
    if part.is_some_and(|part| part.starts_with('/') && name != "XML") {
        return Err(format!("names of parts are no expressions, as in `{variable}`"));
    }
    let places: &[&str] = match (name.to_ascii_uppercase().as_str(), part) {
        ("ARGS", None) => &["query-values", "form-values", "json"],
        ("ARGS", Some(_)) => &["query", "form", "json"],
        ("ARGS_GET", None) => &["query-values"],
        ("ARGS_GET", Some(_)) => &["query"],
        ("ARGS_POST", None) => &["form-values", "json"],
        ("ARGS_POST", Some(_)) => &["form", "json"],
        ("ARGS_NAMES", None) => &["query-names", "form-names", "json-keys"],
        ("ARGS_GET_NAMES", None) => &["query-names"],
        ("ARGS_POST_NAMES", None) => &["form-names", "json-keys"],
        ("REQUEST_URI" | "REQUEST_URI_RAW", None) => &["path", "query"],
        ("REQUEST_FILENAME" | "REQUEST_BASENAME", None) => &["path"],
        ("QUERY_STRING", None) => &["query"],
        ("REQUEST_HEADERS", _) => &["header"],
        ("REQUEST_COOKIES", None) => &["cookie-values"],
        ("REQUEST_COOKIES", Some(_)) => &["cookie"],
        ("REQUEST_COOKIES_NAMES", None) => &["cookie-names"],
        ("REQUEST_BODY", None) => &["form", "json", "body"],
        ("FILES" | "FILES_NAMES", None) => &["file-names"],
        ("XML", _) => &["body"],
        _ => return Err(format!("packs do not look at `{variable}`")),
    };
    let named = |place: &&str| match part {
        Some(part) if name != "XML" => format!("{place}:{part}"),
        _ => (*place).to_owned(),
    };
    Ok(places.iter().map(named).collect())
}

/// What an operator looks for, as the value of `match`.
pub(super) fn matches(operator: &str) -> Result<String, String> {
    if operator.starts_with('!') {
        return Err("a pack does not ask for what is absent".to_owned());
    }
    let (name, argument) = match operator.strip_prefix('@') {
        Some(rest) => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        None => ("rx", operator),
    };
    let argument = argument.trim();
    if argument.contains("%{") {
        return Err("its operator has a macro".to_owned());
    }
    let list = |word: &str, texts: Vec<&str>| {
        let texts: Vec<String> = texts.into_iter().map(quoted).collect();
        match texts.is_empty() {
            true => Err(format!("`@{name}` has nothing to look for")),
            false => Ok(format!("{{ {word}: [{}] }}", texts.join(", "))),
        }
    };
    match name {
        "rx" if argument.is_empty() => Err("its expression is empty".to_owned()),
        "rx" => match adamant_guard::expression_problem(argument) {
            Some(problem) => Err(format!("its expression cannot be matched here: {problem}")),
            None => Ok(format!("{{ regex: {} }}", quoted(argument))),
        },
        "pm" => list("contains", argument.split_whitespace().collect()),
        "contains" => list("contains", vec![argument]),
        "streq" => list("equals", vec![argument]),
        "beginsWith" => list("begins", vec![argument]),
        "endsWith" => list("ends", vec![argument]),
        "within" => list("equals", argument.split_whitespace().collect()),
        "detectSQLi" => Ok("{ class: sql }".to_owned()),
        "detectXSS" => Ok("{ class: xss }".to_owned()),
        _ => Err(format!("packs have no operator `@{name}`")),
    }
}

pub(super) fn transform(name: &str) -> Result<&'static str, String> {
    Ok(match name {
        "urlDecode" | "urlDecodeUni" => "url-decode",
        "htmlEntityDecode" => "html-entity-decode",
        "lowercase" => "lower-case",
        "removeNulls" => "remove-nulls",
        "compressWhitespace" => "compress-whitespace",
        "jsDecode" => "unescape",
        "cssDecode" => "css-unescape",
        "base64Decode" | "base64DecodeExt" => "base64-decode",
        "normalizePath" | "normalisePath" | "normalizePathWin" | "normalisePathWin" => "normalise-path",
        "removeComments" | "replaceComments" => "remove-comments",
        _ => return Err(format!("packs have no transformation `{name}`")),
    })
}

pub(super) fn severity(word: &str) -> Result<&'static str, String> {
    Ok(match word.to_ascii_uppercase().as_str() {
        "EMERGENCY" | "ALERT" | "CRITICAL" | "0" | "1" | "2" => "critical",
        "ERROR" | "3" => "error",
        "WARNING" | "4" => "warning",
        "NOTICE" | "INFO" | "DEBUG" | "5" | "6" | "7" => "notice",
        _ => return Err(format!("`{word}` is no severity")),
    })
}

/// The severity that adds as much as `tx.anomaly_score=+N` does.
pub(super) fn score(assignment: &str) -> Option<&'static str> {
    let (name, value) = assignment.split_once("=+")?;
    if !name.contains("score") {
        return None;
    }
    let words = ["critical", "error", "warning", "notice"];
    let named = words
        .into_iter()
        .find(|word| value.contains(&format!("{word}_anomaly_score")));
    named.or(match value {
        "5" => Some("critical"),
        "4" => Some("error"),
        "3" => Some("warning"),
        "2" => Some("notice"),
        _ => None,
    })
}

/// The kind of attack that a tag names.
pub(super) fn category(tag: &str) -> Option<&'static str> {
    Some(match tag.strip_prefix("attack-")? {
        "sqli" => "sql-injection",
        "xss" => "cross-site-scripting",
        "lfi" | "rfi" => "path-traversal",
        "rce" | "injection-php" | "injection-java" | "injection-generic" => "command-injection",
        "ssrf" => "server-side-request-forgery",
        "ssti" => "template-injection",
        "protocol" | "ldap" | "fixation" => "protocol-attack",
        "reputation-scanner" | "scanner" => "scanner",
        _ => return None,
    })
}

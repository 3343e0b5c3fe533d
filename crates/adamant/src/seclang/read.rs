//! Lines, words and lists of SecLang. Knows no directive.

/// A directive with everything that continues it.
pub(super) struct Line {
    /// Where it begins.
    pub(super) number: usize,
    pub(super) text: String,
}

/// The directives of a file, without comments.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut goes_on = false;
    for (number, written) in (1..).zip(text.lines()) {
        let written = written.trim();
        if !goes_on && (written.is_empty() || written.starts_with('#')) {
            continue;
        }
        let (part, continues) = match written.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (written, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some(line) => line.text.push_str(part),
            None => lines.push(Line {
                number,
                text: part.to_owned(),
            }),
        }
        goes_on = continues;
    }
    lines
}

/// The words of a directive; what stands in quotation marks is one.
pub(super) fn quoted_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let mut word = String::new();
        let mut letters = rest.chars();
        if first == '"' {
            letters.next();
            while let Some(letter) = letters.next() {
                match letter {
                    '"' => break,
                    // Only the mark itself is escaped; a backslash belongs to the expression.
                    '\\' if letters.as_str().starts_with('"') => word.extend(letters.next()),
                    _ => word.push(letter),
                }
            }
            rest = letters.as_str();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (start, after) = rest.split_at(end);
            word.push_str(start);
            rest = after;
        }
        words.push(word);
        rest = rest.trim_start();
    }
    words
}

/// A list with commas; what stands in `'` is not divided.
pub(super) fn split(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for letter in list.chars() {
        match letter {
            ',' if !is_quoted => parts.push(String::new()),
            _ => {
                is_quoted ^= letter == '\'';
                parts.last_mut().into_iter().for_each(|part| part.push(letter));
            }
        }
    }
    let parts = parts.iter().map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

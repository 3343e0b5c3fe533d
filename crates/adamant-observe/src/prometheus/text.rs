//! The Prometheus text format, version 0.0.4: families, samples, labels and numbers as bytes.
//!
//! Knows no metric by name. It writes to memory that the caller owns and cannot fail.

use crate::decimal;
use crate::meters::{BOUNDS, Metric};

/// Writes families of samples.
pub(super) struct Text<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// Labels of the sample that is being written, rendered once for all of its lines.
    labels: Vec<u8>,
    metric: &'static Metric,
}

/// A number as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    /// A whole number.
    Whole(u64),
    /// Thousandths: `1500` is `1.500`.
    Thousandths(u64),
    /// Millionths.
    Millionths(u64),
}

impl<'o> Text<'o> {
    /// Begins with the family of `metric`.
    pub(super) fn new(out: &'o mut Vec<u8>, metric: &'static Metric) -> Self {
        let mut text = Self {
            out,
            labels: Vec::new(),
            metric,
        };
        text.family(metric);
        text
    }

    /// Begins the next family.
    pub(super) fn family(&mut self, metric: &'static Metric) {
        self.metric = metric;
        push_head(self.out, metric.name, metric.help, metric.kind.word());
    }

    /// Adds a label to the next sample; an empty value is the same as no label.
    pub(super) fn label(&mut self, name: &'static str, value: &str) -> &mut Self {
        debug_assert!(
            self.metric.labels.contains(&name),
            "{} has no label `{name}`",
            self.metric.name
        );
        if !value.is_empty() {
            if !self.labels.is_empty() {
                self.labels.push(b',');
            }
            self.labels.extend_from_slice(name.as_bytes());
            self.labels.extend_from_slice(b"=\"");
            push_escaped(&mut self.labels, value, true);
            self.labels.push(b'"');
        }
        self
    }

    /// Adds a label with a number, unless it is absent.
    pub(super) fn label_number(&mut self, name: &'static str, value: Option<u16>) -> &mut Self {
        let mut digits = Vec::with_capacity(5);
        if let Some(value) = value {
            decimal::push(&mut digits, value.into());
        }
        self.label(name, str::from_utf8(&digits).unwrap_or_default())
    }

    /// Ends the sample of a counter or gauge.
    pub(super) fn value(&mut self, value: Number) {
        self.line(b"", None, value);
        self.labels.clear();
    }

    /// Ends the sample of a histogram over the duration bounds: `buckets` are counts per bucket.
    pub(super) fn durations(&mut self, buckets: &[u64], micros: u64) {
        let mut sum = 0;
        for (bound, count) in BOUNDS.iter().zip(buckets) {
            sum += count;
            self.line(b"_bucket", Some(*bound), Number::Whole(sum));
        }
        let count = sum + buckets.get(BOUNDS.len()).copied().unwrap_or(0);
        self.sum_and_count(Number::Millionths(micros), count);
    }

    /// Ends the sample of a histogram of which only sum and count are kept.
    pub(super) fn sum_and_count(&mut self, sum: Number, count: u64) {
        self.line(b"_bucket", Some(u64::MAX), Number::Whole(count));
        self.line(b"_sum", None, sum);
        self.line(b"_count", None, Number::Whole(count));
        self.labels.clear();
    }

    fn line(&mut self, suffix: &[u8], bound: Option<u64>, value: Number) {
        let out = &mut *self.out;
        out.extend_from_slice(self.metric.name.as_bytes());
        out.extend_from_slice(suffix);
        if bound.is_some() || !self.labels.is_empty() {
            out.push(b'{');
            out.extend_from_slice(&self.labels);
            if let Some(bound) = bound {
                out.extend_from_slice(if self.labels.is_empty() {
                    b"le=\""
                } else {
                    b",le=\""
                });
                push_bound(out, bound);
                out.push(b'"');
            }
            out.push(b'}');
        }
        push_value(out, value);
    }
}

/// Appends help and type of a family.
pub(super) fn push_head(out: &mut Vec<u8>, name: &str, help: &str, kind: &str) {
    for (word, text) in [("HELP", help), ("TYPE", kind)] {
        out.extend_from_slice(b"# ");
        out.extend_from_slice(word.as_bytes());
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        push_escaped(out, text, false);
        out.push(b'\n');
    }
}

/// Appends the number that ends a line.
pub(super) fn push_value(out: &mut Vec<u8>, value: Number) {
    out.push(b' ');
    match value {
        Number::Whole(value) => decimal::push(out, value),
        Number::Thousandths(value) => decimal::push_thousandths(out, value),
        Number::Millionths(value) => decimal::push_millionths(out, value),
    }
    out.push(b'\n');
}

/// A bound in µs as seconds, without trailing zeros: `0.005`, `1`, `2.5`.
fn push_bound(out: &mut Vec<u8>, micros: u64) {
    if micros == u64::MAX {
        out.extend_from_slice(b"+Inf");
        return;
    }
    decimal::push_millionths(out, micros);
    while out.last() == Some(&b'0') {
        out.pop();
    }
    if out.last() == Some(&b'.') {
        out.pop();
    }
}

fn push_escaped(out: &mut Vec<u8>, text: &str, is_quoted: bool) {
    for byte in text.bytes() {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' if is_quoted => out.extend_from_slice(b"\\\""),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::{CONFIG_INFO, SERVER_DURATION};

    #[test]
    fn label_values_are_escaped() {
        let mut out = Vec::new();
        let mut text = Text::new(&mut out, &CONFIG_INFO);
        text.label("digest", "a\"b\\c\nd")
            .label("version", "")
            .value(Number::Whole(1));
        let written = String::from_utf8(out).expect("text");
        assert!(
            written.ends_with("adamant_config_info{digest=\"a\\\"b\\\\c\\nd\"} 1\n"),
            "{written}"
        );
    }

    #[test]
    fn buckets_are_cumulative_and_bounds_short() {
        let mut out = Vec::new();
        let mut text = Text::new(&mut out, &SERVER_DURATION);
        let mut buckets = [0; 15];
        (buckets[0], buckets[10], buckets[14]) = (1, 2, 3);
        text.durations(&buckets, 1_500_000);
        let written = String::from_utf8(out).expect("text");
        for line in [
            "_bucket{le=\"0.005\"} 1\n",
            "{le=\"1\"} 1\n",
            "{le=\"2.5\"} 3\n",
            "{le=\"10\"} 3\n",
            "{le=\"+Inf\"} 6\n",
        ] {
            assert!(written.contains(line), "{line} in {written}");
        }
        assert!(
            written.ends_with("_sum 1.500000\nhttp_server_request_duration_seconds_count 6\n"),
            "{written}"
        );
    }
}

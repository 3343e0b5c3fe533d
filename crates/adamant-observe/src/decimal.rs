//! Numbers as decimal digits, appended to bytes without the formatting machinery.
//!
//! Knows neither JSON nor Prometheus; both use it.

/// Digits of the largest `u64`.
const DIGITS_MAX: usize = 20;

/// Appends `value`.
pub(crate) fn push(out: &mut Vec<u8>, value: u64) {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut used = 0;
    let mut rest = value;
    for place in digits.iter_mut().rev() {
        *place = digit(rest % 10);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(DIGITS_MAX - used..).unwrap_or_default());
}

/// Appends the last `N` digits of `value`, with leading zeros.
pub(crate) fn push_padded<const N: usize>(out: &mut Vec<u8>, value: u64) {
    let mut digits = [b'0'; N];
    let mut rest = value;
    for place in digits.iter_mut().rev() {
        *place = digit(rest % 10);
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends thousandths with three decimals: `1234` is `1.234`.
pub(crate) fn push_thousandths(out: &mut Vec<u8>, value: u64) {
    push(out, value / 1_000);
    out.push(b'.');
    push_padded::<3>(out, value % 1_000);
}

/// Appends millionths with six decimals.
pub(crate) fn push_millionths(out: &mut Vec<u8>, value: u64) {
    push(out, value / 1_000_000);
    out.push(b'.');
    push_padded::<6>(out, value % 1_000_000);
}

/// The ASCII digit of a number below ten.
const fn digit(below_ten: u64) -> u8 {
    b'0' + (below_ten % 10) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn fractions_keep_their_zeros() {
        assert_eq!(text(|out| push_thousandths(out, 0)), "0.000");
        assert_eq!(text(|out| push_thousandths(out, 1_042)), "1.042");
        assert_eq!(text(|out| push_millionths(out, 61_000_007)), "61.000007");
        assert_eq!(text(|out| push(out, u64::MAX)), u64::MAX.to_string());
    }

    proptest! {
        #[test]
        fn digits_equal_the_standard_formatting(value: u64) {
            prop_assert_eq!(text(|out| push(out, value)), value.to_string());
            prop_assert_eq!(text(|out| push_padded::<5>(out, value)), format!("{:05}", value % 100_000));
        }
    }
}

//! How random a text looks.

/// Shannon entropy of the bytes of `text` in bits per byte, 0 to 8. Empty text has none.
pub(super) fn shannon(text: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let total = text.len() as f32;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = *count as f32 / total;
            -share * share.log2()
        })
        .sum()
}

/// How many different bytes `text` has.
pub(super) fn distinct(text: &[u8]) -> u32 {
    let mut seen = [0u64; 4];
    for byte in text {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|word| word.count_ones()).sum()
}

/// The length of the longest run of one byte or of bytes that count up or down, as in `aaaa`,
/// `1234` and `fedc`.
pub(super) fn longest_sequence(text: &[u8]) -> usize {
    let mut longest = usize::from(!text.is_empty());
    let mut current = 1;
    let mut step = None;
    for pair in text.windows(2) {
        let difference = i16::from(pair[1]) - i16::from(pair[0]);
        if difference.abs() <= 1 && step == Some(difference) {
            current += 1;
        } else {
            current = if difference.abs() <= 1 { 2 } else { 1 };
            step = Some(difference);
        }
        longest = longest.max(current);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_known_texts() {
        assert_eq!(shannon(b""), 0.0);
        assert_eq!(shannon(b"aaaa"), 0.0);
        assert_eq!(shannon(b"abab"), 1.0);
        assert_eq!(shannon(b"abcdefgh"), 3.0);
    }

    #[test]
    fn distinct_bytes() {
        assert_eq!(distinct(b""), 0);
        assert_eq!(distinct(b"abca\xff\xff"), 4);
    }

    #[test]
    fn sequences_up_down_and_flat() {
        assert_eq!(longest_sequence(b""), 0);
        assert_eq!(longest_sequence(b"q"), 1);
        assert_eq!(longest_sequence(b"x1234y"), 4);
        assert_eq!(longest_sequence(b"fedc77777z"), 5);
        assert_eq!(longest_sequence(b"akgx"), 1);
    }
}

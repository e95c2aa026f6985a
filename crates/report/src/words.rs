//! Sentences: what figures and words of the snapshot are called in front of people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::snapshot::{Consequence, Leak, Mode, Snapshot};

/// `23 November 2026`, in UTC.
pub(crate) fn date(at: i64) -> String {
    format(at, "%-d %B %Y")
}

/// `23 November 2026, 16:06 UTC`.
pub(crate) fn moment(at: i64) -> String {
    format(at, "%-d %B %Y, %H:%M UTC")
}

/// `2026-11-23`, in UTC.
pub(crate) fn day(at: i64) -> String {
    format(at, "%Y-%m-%d")
}

fn format(at: i64, pattern: &str) -> String {
    match Timestamp::from_second(at) {
        Ok(time) => time.to_zoned(TimeZone::UTC).strftime(pattern).to_string(),
        // Years that no calendar holds.
        Err(_) => format!("second {at}"),
    }
}

/// `1 leak`, `2 leaks`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A word in kebab-case as a person writes it: `payment or deploy`.
pub(crate) fn spoken(word: &str) -> String {
    word.replace('-', " ")
}

/// The same with a capital letter.
pub(crate) fn title(word: &str) -> String {
    let spoken = spoken(word);
    let mut rest = spoken.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => spoken,
    }
}

/// What a stranger can do, as half a sentence behind "A stranger can".
pub(crate) fn harm(consequence: Consequence) -> &'static str {
    match consequence {
        Consequence::Breach => "read or take data",
        Consequence::Fraud => "move money or send messages in your name",
        Consequence::SupplyChain => "change code that others run",
        Consequence::Disruption => "stop or destroy services",
    }
}

/// How far a leak is protected, in a few words.
pub(crate) fn protection(leak: &Leak, nodes: u64) -> String {
    match &leak.patch {
        None => "No patch".to_owned(),
        Some(patch) if patch.mode == Mode::Monitor => {
            format!("Monitored since {}", date(patch.since))
        }
        Some(patch) if patch.everywhere => format!("Blocked since {}", date(patch.since)),
        Some(patch) => {
            format!("Block decided, {} of {} nodes confirm", patch.confirmed, grouped(nodes))
        }
    }
}

/// The state of things in one or two sentences.
pub(crate) fn headline(snapshot: &Snapshot) -> String {
    let totals = &snapshot.totals;
    if totals.opened == 0 {
        return "No leak is open.".to_owned();
    }
    let open = if totals.opened == 1 { "leak is open" } else { "leaks are open" };
    let mut text = format!("{} {open}", grouped(totals.opened));
    match (totals.high, totals.high_protected) {
        (0, _) => text.push_str(", none of high risk."),
        (1, 0) => text.push_str(", one of high risk, which nothing stops yet."),
        (1, _) => text.push_str(", one of high risk, whose use is blocked."),
        (high, 0) => text.push_str(&format!(", {high} of high risk. Nothing stops their use yet.")),
        (high, all) if high == all => {
            text.push_str(&format!(", {high} of high risk. The use of all of those is blocked."));
        }
        (high, some) => text.push_str(&format!(
            ", {high} of high risk. The use of {some} of those is blocked; {} can still be used.",
            high - some
        )),
    }
    text
}

/// What changed in the period, in a sentence.
pub(crate) fn changes(snapshot: &Snapshot) -> String {
    let totals = &snapshot.totals;
    format!(
        "Since {}: {} found, {} closed, {} marked false, {} decided.",
        date(snapshot.since),
        count(totals.found_recently, "leak", "leaks"),
        grouped(totals.closed_recently),
        grouped(totals.false_recently),
        count(totals.patched_recently, "patch", "patches"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(moment(1_795_449_600), "23 November 2026, 16:00 UTC");
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!(date(i64::MAX), "second 9223372036854775807");
    }

    #[test]
    fn numbers_and_words_read_well() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(count(1, "leak", "leaks"), "1 leak");
        assert_eq!(title("public-repository"), "Public repository");
        assert_eq!(title(""), "");
    }
}

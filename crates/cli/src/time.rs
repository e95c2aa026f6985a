//! Times, as people write and read them.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// The seconds since 1970-01-01 UTC that `text` stands for: a time with an offset
/// (`2030-01-01T12:00:00Z`), a day, which begins at midnight UTC (`2030-01-01`), or how long from now
/// (`12h`, `90d`, `1y 6mo`).
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let time = text.parse::<Timestamp>().ok().or_else(|| of_day(text)).or_else(|| from_now(text));
    time.and_then(|time| u64::try_from(time.as_second()).ok()).ok_or_else(|| {
        format!(
            "{text:?} is no time: give 2030-01-01T12:00:00Z, 2030-01-01, or 12h, 90d, 1y from now"
        )
    })
}

/// The same for what is over: how long is how long ago (`30d`, `12h ago`).
pub(crate) fn parse_past(text: &str) -> Result<u64, String> {
    let time = text.parse::<Timestamp>().ok().or_else(|| of_day(text)).or_else(|| ago(text));
    match time.and_then(|time| u64::try_from(time.as_second()).ok()) {
        None => Err(format!(
            "{text:?} is no time: give 2030-01-01T12:00:00Z, 2030-01-01, or 12h, 90d, 1y for how long ago"
        )),
        Some(time) if time > now() => Err(format!("{text:?} is not over yet")),
        Some(time) => Ok(time),
    }
}

/// How long `text` says that something takes: `30s`, `5m`, `1h`; a second to thirty days.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let longest = Duration::from_secs(30 * 86_400);
    let duration = text.parse::<SignedDuration>().ok();
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| (Duration::from_secs(1)..=longest).contains(duration))
        .ok_or_else(|| format!("{text:?} is no time from a second to 30 days: give 30s, 5m, 1h"))
}

/// How many seconds from now on the time is that an HTTP header gives (RFC 9110, section 5.6.7); none
/// if it is over.
pub(crate) fn until_http_date(text: &str) -> Option<Duration> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = time.duration_since(Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// What time it is, in seconds since 1970-01-01 UTC.
pub(crate) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or(0)
}

/// A time as text in UTC; `None` if no calendar holds it.
pub(crate) fn shown(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

/// The same, whatever it is.
pub(crate) fn told(seconds: u64) -> String {
    shown(seconds).unwrap_or_else(|| "at a time that no calendar holds".to_owned())
}

fn of_day(text: &str) -> Option<Timestamp> {
    Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn from_now(text: &str) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    Some(now.checked_add(span).ok()?.timestamp())
}

fn ago(text: &str) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    Some(now.checked_sub(span.abs()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        assert_eq!(parse("2030-01-01T00:00:00Z"), Ok(1_893_456_000));
        assert_eq!(parse("2030-01-01T02:00:00+02:00"), Ok(1_893_456_000));
        assert_eq!(parse("2030-01-01"), Ok(1_893_456_000));
        assert_eq!(shown(1_893_456_000).unwrap(), "2030-01-01T00:00:00Z");
        assert_eq!(shown(u64::MAX), None);
        let now = Timestamp::now().as_second() as u64;
        for (text, seconds) in
            [("90s", 90), ("12h", 43_200), ("90d", 7_776_000), ("2 weeks", 1_209_600)]
        {
            assert!(parse(text).unwrap().abs_diff(now + seconds) < 5, "{text}");
        }
        for text in ["", "soon", "2030-13-01", "1960-01-01", "5", "10 parsecs"] {
            assert!(parse(text).unwrap_err().contains("no time"), "{text}");
        }
    }

    #[test]
    fn durations_are_read_within_bounds() {
        for (text, seconds) in
            [("1s", 1), ("30s", 30), ("5m", 300), ("1h 30m", 5400), ("720h", 2_592_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "0s", "999ms", "-5s", "721h", "soon"] {
            assert!(parse_duration(text).unwrap_err().contains("no time"), "{text}");
        }
    }

    #[test]
    fn http_dates_are_so_far_away() {
        assert_eq!(until_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let far = until_http_date("Tue, 31 Dec 2999 23:59:59 GMT").unwrap();
        assert!(far > Duration::from_secs(365 * 86_400));
        for text in ["", "120", "tomorrow", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(until_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_over_is_so_long_ago() {
        assert_eq!(parse_past("2020-01-01"), Ok(1_577_836_800));
        for (text, seconds) in [("90s", 90), ("30d", 2_592_000), ("30d ago", 2_592_000)] {
            assert!(parse_past(text).unwrap().abs_diff(now() - seconds) < 5, "{text}");
        }
        assert!(parse_past("9999-01-01").unwrap_err().contains("not over"));
        for text in ["", "yesterday", "200y"] {
            assert!(parse_past(text).unwrap_err().contains("no time"), "{text}");
        }
    }
}

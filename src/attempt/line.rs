//! A line of a log.

use crate::patch::{Action, Hit, Part, View};

/// A request that carried a leaked token.
///
/// Its texts come from the client or the host, as bytes: a line is valid JSON and UTF-8 whatever they
/// hold. Each is cut off where it gets longer, escaped as it is, than its limit ([`Attempt::NODE`] and so
/// on); what is no UTF-8 becomes U+FFFD; empty ones are left out. The token never stands in a line, as
/// far as the hit says where it is: the path is left out if the token was found there, and so is the host
/// if it was found in the header that names it. Whoever fills this in must not give a path that holds
/// *another* token of the set.
///
/// ```
/// use stanch::attempt::Attempt;
/// use stanch::patch::{Action, Header, Patch, PatchSetBuilder, Scan};
/// use stanch::secret::{ImprintKey, Secret};
///
/// let key = ImprintKey::generate()?;
/// let token = "ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi";
/// let mut builder = PatchSetBuilder::new(&key);
/// builder.add(&key.imprint(&Secret::new("github-pat", token))?, Patch::block(7))?;
/// let set = builder.build()?;
/// let mut state = vec![0; set.state_len()];
/// let mut scan = Scan::new(&set, &mut state)?;
/// scan.headers(&[Header { name: b"X-Key", value: token.as_bytes() }]);
/// let hit = scan.finish().hit.ok_or("no token")?;
///
/// let attempt = Attempt {
///     time: 1_795_450_373_481,
///     node: b"edge-1",
///     client: b"203.0.113.7",
///     host: b"api.example.com",
///     method: b"GET",
///     path: b"/v1/orders",
///     hit,
///     action: Action::Block,
///     left_out: 0,
/// };
/// let mut buffer = [0; Attempt::LINE];
/// assert_eq!(
///     str::from_utf8(attempt.write(&mut buffer))?,
///     "{\"type\":\"vpatch\",\"time\":\"2026-11-23T16:12:53.481Z\",\"node\":\"edge-1\",\"client\":\"203.0.113.7\",\
///      \"host\":\"api.example.com\",\"method\":\"GET\",\"path\":\"/v1/orders\",\"part\":\"header\",\"name\":\"X-Key\",\
///      \"view\":\"raw\",\"action\":\"block\",\"leak\":7}"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// When, in milliseconds since 1970-01-01 UTC. What lies behind the year 9999 is its end.
    pub time: u64,
    /// The node that saw it.
    pub node: &'a [u8],
    /// The client's address, as text.
    pub client: &'a [u8],
    /// The host that was asked.
    pub host: &'a [u8],
    /// The method.
    pub method: &'a [u8],
    /// The path as the client sent it, without the query. One with a `?` in it is left out.
    pub path: &'a [u8],
    /// What was found.
    pub hit: Hit,
    /// What the host did: [`Action::Monitor`] or [`Action::Block`].
    pub action: Action,
    /// How many attempts, of any leak, were left out of the log since the line before ([`Cap`](super::Cap)).
    pub left_out: u64,
}

/// The headers that name the host, in lower case.
const HOST_HEADERS: [&[u8]; 2] = [b"host", b":authority"];

/// The last millisecond of the year 9999.
const LAST: u64 = 253_402_300_799_999;

const MS_A_DAY: u64 = 86_400_000;

/// All that a line may hold beside its texts, with the longest numbers and words.
const FRAME: &str = concat!(
    r#"{"type":"vpatch","time":"9999-12-31T23:59:59.999Z","node":"","client":"","host":"","method":"","#,
    r#""path":"","part":"header","name":"","view":"","action":"monitor","#,
    r#""leak":18446744073709551615,"left_out":18446744073709551615}"#
);

// The longest line has room in `LINE`, and a line's end behind it.
const _: () = {
    let (mut views, mut number) = (0, 0);
    while number < View::EACH.len() {
        views += View::EACH[number].as_str().len() + 1;
        number += 1;
    }
    let texts = Attempt::NODE
        + Attempt::CLIENT
        + Attempt::HOST
        + Attempt::METHOD
        + Attempt::PATH
        + Attempt::NAME;
    assert!(FRAME.len() + views + texts < Attempt::LINE);
};

impl Attempt<'_> {
    /// The bytes that any line has room in, and a line's end behind it. It is not written here.
    pub const LINE: usize = 2048;
    /// The most bytes of the node's name in a line.
    pub const NODE: usize = 128;
    /// The most bytes of the client's address in a line.
    pub const CLIENT: usize = 64;
    /// The most bytes of the host in a line: a domain name has at most 253 (RFC 1035).
    pub const HOST: usize = 256;
    /// The most bytes of the method in a line.
    pub const METHOD: usize = 32;
    /// The most bytes of the path in a line.
    pub const PATH: usize = 1024;
    /// The most bytes of the header's, cookie's or parameter's name in a line.
    pub const NAME: usize = 128;

    /// Writes the attempt to `buffer` as a JSON object on one line, without the line's end, and gives it
    /// back.
    pub fn write<'b>(&self, buffer: &'b mut [u8; Attempt::LINE]) -> &'b [u8] {
        let mut line = Line { buffer, len: 0 };
        line.put(br#"{"type":"vpatch","time":""#);
        line.time(self.time.min(LAST));
        line.put(b"\"");
        line.member("node", self.node, Attempt::NODE);
        line.member("client", self.client, Attempt::CLIENT);
        let name = self.hit.name.as_bytes();
        if !(self.hit.part == Part::Header && is_one_of(name, &HOST_HEADERS)) {
            line.member("host", self.host, Attempt::HOST);
        }
        line.member("method", self.method, Attempt::METHOD);
        if self.hit.part != Part::Path && !self.path.contains(&b'?') {
            line.member("path", self.path, Attempt::PATH);
        }
        line.member("part", self.hit.part.as_str().as_bytes(), usize::MAX);
        line.member("name", name, Attempt::NAME);
        for (number, view) in self.hit.views.iter().enumerate() {
            line.put(if number == 0 { br#","view":""# } else { b"+" });
            line.put(view.as_str().as_bytes());
        }
        line.put(if self.hit.views.iter().next().is_some() { b"\"" } else { b"" });
        line.member("action", self.action.as_str().as_bytes(), usize::MAX);
        line.put(br#","leak":"#);
        line.number(self.hit.leak, 1);
        if self.left_out > 0 {
            line.put(br#","left_out":"#);
            line.number(self.left_out, 1);
        }
        line.put(b"}");
        let Line { buffer, len } = line;
        &buffer[..len]
    }
}

/// A line that is being written.
struct Line<'b> {
    buffer: &'b mut [u8; Attempt::LINE],
    len: usize,
}

impl Line<'_> {
    /// Adds these bytes. There is always room: see above.
    fn put(&mut self, bytes: &[u8]) {
        if let Some(room) = self.buffer.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// Adds a member with this text, cut off before it would have more than `most` bytes; none if it is
    /// empty.
    fn member(&mut self, key: &str, text: &[u8], most: usize) {
        if text.is_empty() {
            return;
        }
        self.put(b",\"");
        self.put(key.as_bytes());
        self.put(b"\":\"");
        self.text(text, most);
        self.put(b"\"");
    }

    fn text(&mut self, text: &[u8], most: usize) {
        // No byte becomes less than one, and no character has more than four: nothing behind this can
        // have a place.
        let text = &text[..text.len().min(most.saturating_add(3))];
        let mut left = most;
        for chunk in text.utf8_chunks() {
            let replaced =
                if chunk.invalid().is_empty() { None } else { Some(char::REPLACEMENT_CHARACTER) };
            for char in chunk.valid().chars().chain(replaced) {
                let mut room = [0; 6];
                let escaped = escape(char, &mut room);
                match left.checked_sub(escaped.len()) {
                    Some(rest) => left = rest,
                    None => return,
                }
                self.put(escaped);
            }
        }
    }

    /// Adds a number of at least this many digits.
    fn number(&mut self, number: u64, digits: usize) {
        let (mut text, mut at, mut rest) = ([b'0'; 20], 20, number);
        while rest > 0 {
            at -= 1;
            text[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.put(&text[at.min(20 - digits)..]);
    }

    /// Adds a time of RFC 3339 in UTC, `2026-11-23T16:12:53.481Z`.
    fn time(&mut self, ms: u64) {
        let (year, month, day) = date(ms / MS_A_DAY);
        let of_day = ms % MS_A_DAY;
        let parts = [
            (year, 4, "-"),
            (month, 2, "-"),
            (day, 2, "T"),
            (of_day / 3_600_000, 2, ":"),
            (of_day / 60_000 % 60, 2, ":"),
            (of_day / 1000 % 60, 2, "."),
            (of_day % 1000, 3, "Z"),
        ];
        for (number, digits, behind) in parts {
            self.number(number, digits);
            self.put(behind.as_bytes());
        }
    }
}

/// A character as it stands in a JSON string. Control characters are escaped, those behind ASCII, too: a
/// terminal that shows the log must not obey it.
fn escape(char: char, room: &mut [u8; 6]) -> &[u8] {
    let digit = |nibble: u32| b"0123456789abcdef"[(nibble & 15) as usize];
    match char {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        char if char.is_control() => {
            let code = u32::from(char);
            *room = [b'\\', b'u', b'0', b'0', digit(code >> 4), digit(code)];
            room
        }
        char => char.encode_utf8(room).as_bytes(),
    }
}

/// Year, month and day of the day with this number, counted from 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years that begin in March, so that a leap day is the last one of its year, from 0000-03-01 on; in
    // eras of 400 years, which all have 146,097 days.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    // Months from March on have 31, 30, 31, 30, 31 days, twice, and then what is left.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

fn is_one_of(name: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::patch::{Name, Views};

    const PARTS: [Part; 5] = [Part::Path, Part::Query, Part::Header, Part::Cookie, Part::Body];

    fn hit(part: Part, name: &[u8]) -> Hit {
        Hit { leak: 7, part, views: Views::RAW, offset: 0, name: Name::new(name) }
    }

    fn attempt<'a>(part: Part, name: &[u8]) -> Attempt<'a> {
        Attempt {
            time: 0,
            node: b"edge",
            client: b"192.0.2.1",
            host: b"example.com",
            method: b"GET",
            path: b"/a",
            hit: hit(part, name),
            action: Action::Monitor,
            left_out: 0,
        }
    }

    fn written(attempt: &Attempt<'_>) -> String {
        let mut buffer = [0xff; Attempt::LINE];
        str::from_utf8(attempt.write(&mut buffer)).unwrap().to_owned()
    }

    fn parsed(attempt: &Attempt<'_>) -> Value {
        serde_json::from_str(&written(attempt)).unwrap()
    }

    #[test]
    fn members_stand_in_their_order_and_empty_ones_do_not() {
        let whole = r#"{"type":"vpatch","time":"1970-01-01T00:00:00.000Z","node":"edge","client":"192.0.2.1","host":"example.com","method":"GET","path":"/a","part":"query","name":"key","view":"raw","action":"monitor","leak":7}"#;
        assert_eq!(written(&attempt(Part::Query, b"key")), whole);
        let empty: &[u8] = b"";
        let bare = Attempt {
            node: empty,
            client: empty,
            host: empty,
            method: empty,
            path: empty,
            left_out: 12,
            ..attempt(Part::Body, b"")
        };
        let expected = r#"{"type":"vpatch","time":"1970-01-01T00:00:00.000Z","part":"body","view":"raw","action":"monitor","leak":7,"left_out":12}"#;
        assert_eq!(written(&bare), expected);
    }

    #[test]
    fn what_may_hold_the_token_is_left_out() {
        let has = |attempt: &Attempt<'_>, key: &str| !parsed(attempt)[key].is_null();
        for part in PARTS {
            assert_eq!(has(&attempt(part, b""), "path"), part != Part::Path, "{part}");
        }
        let with_query = Attempt { path: b"/a?key=s3cret", ..attempt(Part::Query, b"key") };
        assert!(!has(&with_query, "path") && !written(&with_query).contains("s3cret"));
        for (part, name, host) in [
            (Part::Header, &b"Host"[..], false),
            (Part::Header, b":authority", false),
            (Part::Header, b"X-Host", true),
            (Part::Query, b"host", true),
        ] {
            assert_eq!(has(&attempt(part, name), "host"), host, "{part} {name:?}");
        }
    }

    #[test]
    fn texts_are_escaped_and_cut_off() {
        let path = |path: &[u8]| {
            let line = written(&Attempt { path, ..attempt(Part::Body, b"") });
            let start = line.split_once(r#""path":""#).unwrap().1;
            start.split_once(r#"","part""#).unwrap().0.to_owned()
        };
        let cases: [(&[u8], &str); 7] = [
            (b"/\"\\/", r#"/\"\\/"#),
            (b"\0\n\x1b[2J\x7f", r"\u0000\u000a\u001b[2J\u007f"),
            ("\u{9b}2J".as_bytes(), r"\u009b2J"),
            ("/ä/€/𝄞".as_bytes(), "/ä/€/𝄞"),
            (b"/\xff/\xc3", "/\u{fffd}/\u{fffd}"),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xf0\x9d\x84", "\u{fffd}"),
        ];
        for (given, expected) in cases {
            assert_eq!(path(given), expected);
        }
        assert_eq!(path(&[b'a'; 5000]), "a".repeat(Attempt::PATH));
        assert_eq!(path(&[b'"'; 5000]), r#"\""#.repeat(Attempt::PATH / 2));
        assert_eq!(path(&[0; 5000]), r"\u0000".repeat(Attempt::PATH / 6));
        assert_eq!(path(&[0xff; 5000]), "\u{fffd}".repeat(Attempt::PATH / 3));
        // A character that has no room is left out as a whole, and not for what is no character.
        for lead in Attempt::PATH - 4..=Attempt::PATH {
            let rest = if lead + 4 <= Attempt::PATH { "𝄞" } else { "" };
            let text = format!("{}{}", "a".repeat(lead), "𝄞".repeat(9));
            assert_eq!(path(text.as_bytes()), format!("{}{rest}", "a".repeat(lead)));
        }
    }

    #[test]
    fn the_longest_line_has_room() {
        let longest = Attempt {
            time: u64::MAX,
            node: &[b'n'; 9999],
            client: &[b'c'; 9999],
            host: &[b'h'; 9999],
            method: &[b'm'; 9999],
            path: &[b'p'; 9999],
            hit: Hit {
                leak: u64::MAX,
                part: Part::Header,
                views: Views::ALL,
                offset: u64::MAX,
                name: Name::new(&[b'"'; 99]),
            },
            action: Action::Monitor,
            left_out: u64::MAX,
        };
        let line = written(&longest);
        assert!(
            line.len() < Attempt::LINE && line.ends_with(r#","left_out":18446744073709551615}"#)
        );
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["time"], "9999-12-31T23:59:59.999Z");
        assert_eq!(value["view"], Views::ALL.to_string());
        assert_eq!(value["path"].as_str().unwrap().len(), Attempt::PATH);
    }

    #[test]
    fn days_follow_each_other_as_the_calendar_says() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for number in 0..=LAST / MS_A_DAY {
            assert_eq!(date(number), (year, month, day), "day {number}");
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > last {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
    }

    /// What a text is to come to, written down naively: cut by the length of its escaped characters.
    fn expected(text: &[u8], most: usize) -> Option<String> {
        let mut left = most;
        let text = String::from_utf8_lossy(text);
        let fits = |char: &char| {
            let len = match char {
                '"' | '\\' => 2,
                char if char.is_control() => 6,
                char => char.len_utf8(),
            };
            let is_room = len <= left;
            left = left.saturating_sub(len);
            is_room
        };
        let text: String = text.chars().take_while(fits).collect();
        Some(text)
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let odd = prop::sample::select(vec![
            &b"\""[..],
            b"\\",
            b"\0",
            b"\n",
            b"\xc3",
            b"\xf0\x9d\x84\x9e",
            b"\xed\xa0\x80",
            b"a",
            "\u{2028}".as_bytes(),
            "\u{85}".as_bytes(),
            b"?",
        ]);
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            prop::collection::vec(odd, 0..900).prop_map(|parts| parts.concat()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// Any bytes make a line that parses back to what they are, as far as they fit.
        #[test]
        fn any_bytes_make_a_valid_line(
            texts in prop::collection::vec(bytes(), 6),
            (part, views, leak) in (0..5_usize, 1..4096_u32, any::<u64>()),
            (time, left_out, blocks) in (0..=LAST, any::<u64>(), any::<bool>()),
        ) {
            let [node, client, host, method, path, name] = &texts[..] else { unreachable!() };
            let name = Name::new(name);
            let hit = Hit { leak, part: PARTS[part], views: Views::from_bits(views), offset: 0, name };
            let action = if blocks { Action::Block } else { Action::Monitor };
            let attempt = Attempt { time, node, client, host, method, path, hit, action, left_out };
            let line = written(&attempt);
            prop_assert!(line.len() < Attempt::LINE);
            prop_assert!(!line.chars().any(char::is_control));
            let value: Value = serde_json::from_str(&line).unwrap();
            let text = |key: &str| value[key].as_str().map(str::to_owned);
            let told = |text: &[u8], most| if text.is_empty() { None } else { expected(text, most) };
            prop_assert_eq!(text("node"), told(node, Attempt::NODE));
            prop_assert_eq!(text("client"), told(client, Attempt::CLIENT));
            prop_assert_eq!(text("host"), told(host, Attempt::HOST));
            prop_assert_eq!(text("method"), told(method, Attempt::METHOD));
            let is_told = hit.part != Part::Path && !path.contains(&b'?');
            prop_assert_eq!(text("path"), told(path, Attempt::PATH).filter(|_| is_told));
            prop_assert_eq!(text("name"), told(name.as_bytes(), Attempt::NAME));
            prop_assert_eq!(text("part"), Some(hit.part.to_string()));
            prop_assert_eq!(text("view"), Some(hit.views.to_string()));
            prop_assert_eq!(text("action"), Some(action.to_string()));
            prop_assert_eq!(value["leak"].as_u64(), Some(leak));
            prop_assert_eq!(value["left_out"].as_u64(), Some(left_out).filter(|count| *count > 0));
        }
    }
}

//! Every row of the table of views, in every part of a request that it can stand in, with tokens of
//! all kinds: found, and its near misses not. `docs/views.md` cites the rows by name.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use oracle::compare::{contradiction, disagreement, scan, scan_with, set, shown};
use oracle::draw::{BASE62, Draw, changed};
use oracle::encode::{self, CODERS};
use oracle::rows::{Place, Row, beyond, rows, tokens};
use oracle::steps::names;
use oracle::{Request, Token, find};
use stanch::patch::{Action, Part, PatchSet, Views};

/// Text that is glued to a token on both sides, before both are encoded; and then to both sides of
/// what they are encoded to.
type Glue = [(&'static [u8], &'static [u8]); 2];

const GLUES: [Glue; 5] = [
    [(b"", b""), (b"", b"")],
    [(b"", b"Zz0-tail"), (b"", b"")],
    [(b"head-0Zz", b""), (b"", b"")],
    [(b"Zz0", b"9aB"), (b"0aB", b"Zz9")],
    [(b"", b""), (b"key/", b"/x")],
];

struct Case {
    row: Row,
    place: Place,
    kind: &'static str,
    token: Vec<u8>,
}

/// Every row in every place with every token that it takes.
fn cases(rows: Vec<Row>) -> Vec<Case> {
    let mut cases = Vec::new();
    for row in rows {
        let before = cases.len();
        for place in row.places {
            for (kind, token) in tokens().into_iter().filter(|(_, token)| row.takes(token, *place))
            {
                cases.push(Case { row, place: *place, kind, token });
            }
        }
        assert!(cases.len() > before, "{}: no token can be written like this", row.name);
    }
    cases
}

impl Case {
    fn what(&self) -> String {
        format!("{} in {:?}, token {}", self.row.name, self.place, self.kind)
    }

    fn request(&self, token: &[u8], [inner, outer]: Glue) -> Request {
        let seed = token.len() as u64;
        let text = (self.row.write)(&mut Draw(seed), inner.0, token, inner.1);
        self.row.request(self.place, &[outer.0, &text, outer.1].concat())
    }

    fn tokens(&self) -> [Token; 1] {
        [Token { bytes: self.token.clone(), leak: 7, action: Action::Block }]
    }

    fn part(&self) -> Part {
        match self.place {
            Place::Path => Part::Path,
            Place::Query => Part::Query,
            Place::Header | Place::Basic => Part::Header,
            Place::Cookie => Part::Cookie,
            Place::Field | Place::Body => Part::Body,
        }
    }

    /// What is wrong with what a scan against `set` says of `request`, which holds the token.
    fn complaint(&self, set: &PatchSet, request: &Request) -> Option<String> {
        let expected = self.row.views_in(self.place);
        let verdict = scan(set, request);
        let Some(hit) = verdict.hit else { return Some("not found".to_owned()) };
        let views = hit.views.bits();
        let fits = match self.row.exact {
            true => views == expected,
            false => views & !expected == 0,
        };
        let name: &[u8] = match self.place {
            Place::Header => b"X-Api-Key",
            Place::Basic => b"Authorization",
            _ => hit.name.as_bytes(),
        };
        let right = fits
            && hit.views.to_string() == names(views)
            && (verdict.action, hit.part) == (Action::Block, self.part())
            && hit.name.as_bytes() == name;
        (!right).then(|| format!("{verdict:?}, {} expected", names(expected)))
    }
}

/// Fails with how many complaints there are about each row, and the first of each in full.
#[track_caller]
fn none(complaints: &[(&'static str, String)]) {
    let mut rows: Vec<(&str, usize, &str)> = Vec::new();
    for (row, complaint) in complaints {
        match rows.iter_mut().find(|known| known.0 == *row) {
            Some(known) => known.1 += 1,
            None => rows.push((row, 1, complaint)),
        }
    }
    let rows = rows.iter().map(|(row, count, first)| format!("{row}: {count}, first {first}"));
    assert!(complaints.is_empty(), "{}", rows.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_row_is_found() {
    let mut complaints = Vec::new();
    for case in cases(rows()) {
        let set = set(&case.tokens());
        for (number, glue) in GLUES.into_iter().enumerate() {
            let request = case.request(&case.token, glue);
            let complaint = case.complaint(&set, &request);
            // The oracle has more to say, and takes its time.
            let asked = case.token.len() <= 64 && number % 3 == 0;
            let asked = asked.then(|| disagreement(&set, &case.tokens(), &request)).flatten();
            let complaint = complaint.or(asked);
            if let Some(complaint) = complaint {
                complaints.push((
                    case.row.name,
                    format!("{}, glue {number}: {complaint}: {}", case.what(), shown(&request)),
                ));
            }
        }
    }
    none(&complaints);
}

/// The same with all tokens in one set: they are found beside each other, and its ceiling on length
/// is that of its longest.
#[test]
fn every_row_is_found_by_one_set() {
    let ascii: Vec<Token> = (0..)
        .zip(tokens().into_iter().filter(|(_, token)| token.is_ascii()))
        .map(|(leak, (_, bytes))| Token { bytes, leak, action: Action::Block })
        .collect();
    let set = set(&ascii);
    let mut complaints = Vec::new();
    for case in cases(rows()).into_iter().filter(|case| case.token.is_ascii()) {
        let request = case.request(&case.token, GLUES[3]);
        let known = ascii.iter().find(|token| token.bytes == case.token).map(|token| token.leak);
        let found = scan(&set, &request).hit.map(|hit| hit.leak);
        let complaint = case
            .complaint(&set, &request)
            .or_else(|| (found != known).then(|| format!("leak {found:?}, not {known:?}")));
        if let Some(complaint) = complaint {
            complaints.push((
                case.row.name,
                format!("{}: {complaint}: {}", case.what(), shown(&request)),
            ));
        }
    }
    none(&complaints);
}

/// One byte changed at the start, in the middle and at the end; and the same length and the same
/// start, and another end.
#[test]
fn near_misses_are_never_found() {
    let mut complaints = Vec::new();
    for case in cases(rows()) {
        let set = set(&case.tokens());
        let token = &case.token;
        let (start, end) = token.split_at(token.len() / 2);
        let draw = &mut Draw(token.len() as u64);
        let other_end = [start, &draw.text(end.len(), BASE62)].concat();
        let mut misses = vec![other_end];
        misses.extend([0, token.len() / 2, token.len() - 1].map(|at| changed(token, at)));
        for (number, miss) in misses.iter().enumerate() {
            for glue in [GLUES[0], GLUES[3]] {
                let request = case.request(miss, glue);
                if scan(&set, &request).action != Action::Pass {
                    complaints.push((
                        case.row.name,
                        format!("{}, miss {number}: {}", case.what(), shown(&request)),
                    ));
                }
            }
        }
    }
    none(&complaints);
}

/// The same verdict for a body that is cut in two at every byte, and for one that comes byte by byte.
#[test]
fn bodies_may_be_cut_anywhere() {
    let mut complaints = Vec::new();
    let bodies = cases(rows()).into_iter().filter(|case| {
        matches!(case.place, Place::Field | Place::Body)
            && matches!(case.kind, "8" | "20" | "UUID" | "base64" | "spaces" | "non-ASCII")
    });
    for case in bodies {
        let set = set(&case.tokens());
        let whole = case.request(&case.token, GLUES[3]);
        let found = find(&case.tokens(), &whole);
        let body = whole.body.concat();
        let pieces = |longest: usize| body.chunks(longest).map(<[u8]>::to_vec).collect();
        let mut cuts: Vec<(String, Vec<Vec<u8>>)> = (1..body.len())
            .map(|cut| (format!("cut at {cut}"), vec![body[..cut].to_vec(), body[cut..].to_vec()]))
            .collect();
        cuts.extend([1, 2, 3, 7].map(|longest| (format!("pieces of {longest}"), pieces(longest))));
        for (what, body) in cuts {
            let verdict = scan(&set, &Request { body, ..whole.clone() });
            if let Some(why) = contradiction(&found, &verdict) {
                complaints.push((
                    case.row.name,
                    format!("{}, {what}: {why}: {}", case.what(), shown(&whole)),
                ));
                break;
            }
        }
    }
    none(&complaints);
}

#[test]
fn nothing_is_found_beyond_the_ceiling() {
    let mut complaints = Vec::new();
    for case in cases(beyond()) {
        let set = set(&case.tokens());
        for glue in [GLUES[0], GLUES[3]] {
            let request = case.request(&case.token, glue);
            let verdict = scan(&set, &request);
            if verdict.action != Action::Pass {
                complaints.push((
                    case.row.name,
                    format!("{}: {verdict:?}: {}", case.what(), shown(&request)),
                ));
            }
        }
    }
    none(&complaints);
}

/// A view that is switched off is not undone, and the others are.
#[test]
fn a_row_needs_its_views_and_no_others() {
    let mut complaints = Vec::new();
    for case in cases(rows()).into_iter().filter(|case| case.kind == "20" || case.kind == "UUID") {
        let set = set(&case.tokens());
        let request = case.request(&case.token, GLUES[3]);
        let needed = case.row.views_in(case.place);
        let found = |on: u32| {
            let views = Views::ALL.iter().filter(|view| on & *view as u32 != 0);
            let on = views.fold(Views::RAW, Views::with);
            scan_with(&set, &request, on).action == Action::Block
        };
        if !found(needed) {
            complaints
                .push((case.row.name, format!("{}: not found by its views alone", case.what())));
        }
        for bit in (1..32).map(|bit| 1 << bit).filter(|bit| needed & bit != 0 && case.row.exact) {
            if found(!bit) {
                complaints.push((
                    case.row.name,
                    format!("{}: found without {}", case.what(), names(bit)),
                ));
            }
        }
    }
    none(&complaints);
}

/// Short lines in base64 are beyond a ceiling, and so is everything longer than it: found or not, but
/// nothing else.
#[test]
fn what_is_beyond_a_ceiling_is_found_rightly_or_not_at_all() {
    let draw = &mut Draw(61);
    for (kind, token) in tokens().into_iter().filter(|(_, token)| token.len() <= 64) {
        let tokens = [Token { bytes: token.clone(), leak: 7, action: Action::Block }];
        let set = set(&tokens);
        let encoded = encode::base64(&token, true);
        let mut texts: Vec<Vec<u8>> =
            [1, 2, 4, 8, 16, 31].map(|width| encode::lines(&encoded, width, b"\r\n")).to_vec();
        for first in CODERS {
            for second in CODERS {
                let inner = first.encode(draw, &token);
                let inner = second.encode(draw, &inner);
                texts.push(first.encode(draw, &inner));
            }
        }
        for text in texts {
            for body in [vec![text.clone()], text.chunks(5).map(<[u8]>::to_vec).collect()] {
                let request = Request { target: b"/".to_vec(), body, ..Request::default() };
                let why = disagreement(&set, &tokens, &request);
                assert!(why.is_none(), "{kind}: {}: {}", why.unwrap_or_default(), shown(&request));
            }
        }
    }
}

/// The table in the documentation names every row.
#[test]
fn every_row_is_documented() {
    let page = include_str!("../docs/views.md");
    for row in rows().iter().chain(&beyond()) {
        let cited = format!("`{}`", row.name.replace('|', "\\|"));
        assert!(page.contains(&cited), "docs/views.md does not cite {cited}");
    }
}

//! A strict reader of Prometheus' text format, version 0.0.4: it takes nothing that some scraper may not.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};

/// A page of metrics.
#[derive(Debug)]
pub struct Exposition {
    families: BTreeMap<String, Family>,
}

/// The samples of one name, by their labels.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: BTreeMap<Labels, f64>,
}

type Labels = BTreeMap<String, String>;

impl Exposition {
    /// Reads a page, or says what is wrong with it.
    pub fn parse(page: &str) -> Result<Exposition> {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut helped = BTreeSet::new();
        let mut current = String::new();
        let lines = page.strip_suffix('\n').context("the last line does not end")?;
        for line in lines.split('\n') {
            let sample = |why: &str| format!("{why}: `{line}`");
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').with_context(|| sample("no help"))?;
                check_name(name, ":").with_context(|| sample("name"))?;
                unescape(help, false).with_context(|| sample("help"))?;
                ensure!(helped.insert(name.to_owned()), sample("help for a second time"));
                ensure!(!families.contains_key(name), sample("help behind the type"));
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').with_context(|| sample("no type"))?;
                ensure!(helped.contains(name), sample("a type without help"));
                ensure!(matches!(kind, "counter" | "gauge"), sample("no type that is used here"));
                ensure!((kind == "counter") == name.ends_with("_total"), sample("the name's end"));
                let family = Family { kind: kind.to_owned(), ..Family::default() };
                ensure!(families.insert(name.to_owned(), family).is_none(), sample("type twice"));
                current = name.to_owned();
            } else {
                let (name, labels, value) =
                    read_sample(line).with_context(|| sample("no sample"))?;
                ensure!(name == current, sample("a sample outside its group"));
                let family = families.get_mut(name).with_context(|| sample("no type"))?;
                let is_count = value >= 0.0 && value.fract() == 0.0;
                ensure!(family.kind == "gauge" || is_count, sample("no count"));
                ensure!(family.samples.insert(labels, value).is_none(), sample("a second time"));
            }
        }
        ensure!(helped.len() == families.len(), "help for something that has no type");
        Ok(Exposition { families })
    }

    /// The value of a sample with exactly these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
            .collect();
        self.families.get(name)?.samples.get(&labels).copied()
    }

    /// All values that a label has in the samples of a name.
    pub fn values_of(&self, name: &str, label: &str) -> BTreeSet<&str> {
        let samples = self.families.get(name).into_iter().flat_map(|family| family.samples.keys());
        samples.filter_map(|labels| labels.get(label)).map(String::as_str).collect()
    }

    /// The sum of all samples of a name.
    pub fn sum(&self, name: &str) -> f64 {
        self.families.get(name).map_or(0.0, |family| family.samples.values().sum())
    }
}

/// The name, the labels and the value of a line.
fn read_sample(line: &str) -> Result<(&str, Labels, f64)> {
    let end = line.find(['{', ' ']).context("no value")?;
    let (name, mut rest) = line.split_at(end);
    check_name(name, ":")?;
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").context("a label without a value")?;
            check_name(label, "")?;
            ensure!(!label.starts_with("__"), "a label of Prometheus' own");
            let end = end_of_text(after).context("a value that does not end")?;
            let value = unescape(&after[..end], true)?;
            ensure!(labels.insert(label.to_owned(), value).is_none(), "a label twice");
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').context("labels that do not end")?;
    }
    let value = rest.strip_prefix(' ').context("no space before the value")?;
    ensure!(value.bytes().all(|byte| byte.is_ascii_digit()), "no plain number");
    Ok((name, labels, value.parse()?))
}

/// A name has letters, digits and `_`, and what else is allowed, and does not begin with a digit.
fn check_name(name: &str, also: &str) -> Result<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || also.contains(c);
    ensure!(name.chars().all(is_allowed), "`{name}` is no name");
    ensure!(name.starts_with(|c: char| !c.is_ascii_digit()), "`{name}` is no name");
    Ok(())
}

/// Where the quote stands that ends a label's value.
fn end_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Some(at),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

fn unescape(text: &str, quotes: bool) -> Result<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('"') if quotes => '"',
                other => bail!("the escape \\{other:?}"),
            },
            c => c,
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# HELP a_total Some \\\\ help.
# TYPE a_total counter
a_total{leak=\"7\",action=\"block\"} 3
a_total{leak=\"7\",action=\"monitor\"} 0
# HELP b Other help.
# TYPE b gauge
b{set=\"/a \\\"b\\\" \\\\ c\"} 12
b 5
";

    #[test]
    fn a_page_is_read() {
        let page = Exposition::parse(PAGE).unwrap();
        assert_eq!(page.value("a_total", &[("action", "block"), ("leak", "7")]), Some(3.0));
        assert_eq!(page.value("a_total", &[("leak", "7")]), None);
        assert_eq!(page.value("b", &[("set", "/a \"b\" \\ c")]), Some(12.0));
        assert_eq!(page.value("b", &[]), Some(5.0));
        assert_eq!(page.values_of("a_total", "leak"), BTreeSet::from(["7"]));
        assert_eq!(page.sum("a_total"), 3.0);
        assert_eq!(page.sum("none"), 0.0);
    }

    #[test]
    fn what_is_not_quite_right_is_refused() {
        for (from, to) in [
            ("b 5\n", "b 5"),
            ("b 5\n", "b 5\n\n"),
            ("b 5\n", "b 5\nb 5\n"),
            ("b 5\n", "b 5\na_total 1\n"),
            ("b 5\n", "b 5 \n"),
            ("b 5\n", "b  5\n"),
            ("b 5\n", "b -5\n"),
            ("b 5\n", "b five\n"),
            ("b 5\n", "c 5\n"),
            ("b 5\n", "# HELP c Help alone.\n"),
            ("# HELP b Other help.\n", ""),
            ("# TYPE b gauge\n", ""),
            ("# TYPE b gauge\n", "# TYPE b gauge\n# TYPE b gauge\n"),
            ("# TYPE b gauge\n", "# TYPE b histogram\n"),
            ("# TYPE a_total counter", "# TYPE a_total gauge"),
            ("Some \\\\ help", "Some \\ help"),
            ("7\",action=\"block\"", "7\",action=\"monitor\""),
            ("{leak=\"7\",action=\"block\"}", "{leak=\"7\",leak=\"7\"}"),
            ("{leak=\"7\",action=\"block\"}", "{leak=\"7\",}"),
            ("{leak=\"7\",action=\"block\"}", "{leak=7}"),
            ("{leak=\"7\",action=\"block\"}", "{7leak=\"7\"}"),
            ("{leak=\"7\",action=\"block\"}", "{leak=\"7\"action=\"block\"}"),
            ("\\\"b\\\"", "\"b\""),
            ("\\\\ c", "\\c"),
        ] {
            let page = PAGE.replacen(from, to, 1);
            assert_ne!(page, PAGE, "{from}");
            assert!(Exposition::parse(&page).is_err(), "{from} -> {to}");
        }
    }
}

//! Policies as they lie in the container: what entries name by number.
//!
//! A policy is a list of rules; of those whose scope a request is in, the strongest action counts.
//! `docs/patch-set-format.md` says where each byte stands. Reading one allocates nothing and is
//! linear in its length, which is bounded.

use super::network::Network;
use super::scope::{Parts, Rule, Scope, is_host, is_method, is_path};
use super::verdict::Action;

/// The longest policy in bytes.
pub(super) const MAX_POLICY: usize = 4096;

/// How many different policies a set may have: entries have 16 bits for their number.
pub(super) const MAX_POLICIES: usize = u16::MAX as usize;

/// The bytes of a policy's start.
pub(super) const START: usize = 4;

/// The bytes of a rule before its lists.
const FIXED: usize = 24;

/// The policies of a set, as they lie in the container.
#[derive(Clone, Copy)]
pub(super) struct Policies<'s> {
    starts: &'s [u8],
    records: &'s [u8],
}

/// A rule as it lies in the container. Its lists are items, each behind a byte with its length.
#[derive(Clone, Copy)]
pub(super) struct RuleRecord<'s> {
    pub(super) action: Action,
    pub(super) parts: Parts,
    /// Zero if there is none.
    pub(super) not_before: u64,
    /// The highest number if there is none.
    pub(super) not_after: u64,
    pub(super) hosts: Items<'s>,
    pub(super) methods: Items<'s>,
    pub(super) paths: Items<'s>,
    pub(super) networks: Items<'s>,
}

/// Items of a list.
#[derive(Clone, Copy)]
pub(super) struct Items<'s>(&'s [u8]);

/// The rules of a policy.
#[derive(Clone, Copy)]
pub(super) struct Rules<'s> {
    left: u8,
    bytes: &'s [u8],
}

impl<'s> Policies<'s> {
    /// The policies in these two sections. `starts` holds one number more than there are policies.
    pub(super) fn new(starts: &'s [u8], records: &'s [u8]) -> Policies<'s> {
        Policies { starts, records }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        (self.starts.len() / START).saturating_sub(1)
    }

    /// The rules of the policy with this number; none if there is no such policy.
    pub(super) fn rules(&self, number: u16) -> Rules<'s> {
        self.record(usize::from(number))
            .and_then(Rules::new)
            .unwrap_or(Rules { left: 0, bytes: &[] })
    }

    /// Checks all of them, and says whether any of them has a scope.
    pub(super) fn check(&self) -> Result<bool, &'static str> {
        if !(1..=MAX_POLICIES).contains(&self.len()) {
            return Err("the number of policies is out of range");
        }
        let first = self.start(0);
        if first != Some(0) || self.start(self.len()) != Some(self.records.len()) {
            return Err("the policies are not all there");
        }
        let mut scoped = false;
        for number in 0..self.len() {
            let rules = self.record(number).and_then(Rules::checked);
            let mut rules = rules.ok_or("a policy is malformed")?;
            scoped |= rules.any(|rule| rule.is_scoped());
        }
        Ok(scoped)
    }

    /// All of them, to be told.
    pub(super) fn to_rules(self) -> Vec<Vec<Rule>> {
        (0..self.len()).map(|number| self.rules(number as u16).map(Rule::from).collect()).collect()
    }

    fn start(&self, number: usize) -> Option<usize> {
        let start = self.starts.get(number * START..)?.first_chunk()?;
        Some(u32::from_le_bytes(*start) as usize)
    }

    fn record(&self, number: usize) -> Option<&'s [u8]> {
        let record = self.records.get(self.start(number)?..self.start(number + 1)?)?;
        (record.len() <= MAX_POLICY).then_some(record)
    }
}

impl<'s> Rules<'s> {
    /// The rules of a policy that was checked.
    fn new(record: &'s [u8]) -> Option<Rules<'s>> {
        let (left, bytes) = record.split_first()?;
        Some(Rules { left: *left, bytes })
    }

    /// The rules of a policy, if it is well formed to its last byte.
    fn checked(record: &'s [u8]) -> Option<Rules<'s>> {
        let rules = Rules::new(record).filter(|rules| rules.left > 0)?;
        let mut rest = rules;
        while rest.left > 0 {
            rest.next().filter(RuleRecord::is_sound)?;
        }
        rest.bytes.is_empty().then_some(rules)
    }

    fn take(&mut self, len: usize) -> Option<&'s [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }

    fn items(&mut self, count: u8) -> Option<Items<'s>> {
        let all = self.bytes;
        for _ in 0..count {
            let len = self.take(1)?[0];
            self.take(len.into())?;
        }
        Some(Items(&all[..all.len() - self.bytes.len()]))
    }

    fn rule(&mut self) -> Option<RuleRecord<'s>> {
        let fixed: &[u8; FIXED] = self.take(FIXED)?.first_chunk()?;
        let long = |at: usize| fixed[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        Some(RuleRecord {
            action: match fixed[..2] {
                [1, 0] => Action::Monitor,
                [2, 0] => Action::Block,
                _ => return None,
            },
            parts: Parts::from_bits(u16::from_le_bytes([fixed[2], fixed[3]]))?,
            not_before: long(8)?,
            not_after: long(16)?,
            hosts: self.items(fixed[4])?,
            methods: self.items(fixed[5])?,
            paths: self.items(fixed[6])?,
            networks: self.items(fixed[7])?,
        })
    }
}

impl<'s> Iterator for Rules<'s> {
    type Item = RuleRecord<'s>;

    fn next(&mut self) -> Option<RuleRecord<'s>> {
        self.left = self.left.checked_sub(1)?;
        self.rule()
    }
}

impl<'s> RuleRecord<'s> {
    /// Whether it has any condition.
    fn is_scoped(&self) -> bool {
        let lists = [self.hosts, self.methods, self.paths, self.networks];
        (self.not_before, self.not_after) != (0, u64::MAX)
            || self.parts.bits() != 0
            || lists.iter().any(|items| !items.0.is_empty())
    }

    /// Whether every item is what a builder would write.
    fn is_sound(&self) -> bool {
        let all = |mut items: Items<'s>, is: fn(&str) -> bool| {
            items.all(|item| str::from_utf8(item).is_ok_and(is))
        };
        all(self.hosts, is_host)
            && all(self.methods, is_method)
            && all(self.paths, is_path)
            && self.networks.clone().all(|item| Network::from_bytes(item).is_some())
    }
}

impl Items<'_> {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'s> Iterator for Items<'s> {
    type Item = &'s [u8];

    fn next(&mut self) -> Option<&'s [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (item, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(item)
    }
}

impl From<RuleRecord<'_>> for Rule {
    fn from(record: RuleRecord<'_>) -> Rule {
        let texts = |items: Items<'_>| {
            items.map(|item| String::from_utf8_lossy(item).into_owned()).collect()
        };
        Rule {
            action: record.action,
            scope: Scope {
                hosts: texts(record.hosts),
                methods: texts(record.methods),
                paths: texts(record.paths),
                parts: record.parts,
                networks: record.networks.filter_map(Network::from_bytes).collect(),
                not_before: Some(record.not_before).filter(|time| *time > 0),
                not_after: Some(record.not_after).filter(|time| *time < u64::MAX),
            },
        }
    }
}

/// The policy of `rules` as it lies in the container; `None` if it would be longer than
/// [`MAX_POLICY`], or a list than 255 items.
pub(super) fn encode<'r>(rules: impl ExactSizeIterator<Item = &'r Rule>) -> Option<Vec<u8>> {
    let mut bytes = vec![u8::try_from(rules.len()).ok()?];
    for Rule { action, scope } in rules {
        bytes.extend([*action as u8, 0]);
        bytes.extend(scope.parts.bits().to_le_bytes());
        let lists = [&scope.hosts, &scope.methods, &scope.paths];
        for count in lists.map(|list| list.len()).into_iter().chain([scope.networks.len()]) {
            bytes.push(u8::try_from(count).ok()?);
        }
        bytes.extend(scope.not_before.unwrap_or(0).to_le_bytes());
        bytes.extend(scope.not_after.unwrap_or(u64::MAX).to_le_bytes());
        let texts = lists.into_iter().flatten().map(|text| text.clone().into_bytes());
        for item in texts.chain(scope.networks.iter().map(|network| network.to_bytes())) {
            bytes.push(u8::try_from(item.len()).ok()?);
            bytes.extend(item);
        }
    }
    (bytes.len() <= MAX_POLICY).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::Part;

    fn rules() -> Vec<Rule> {
        let scope = Scope::new()
            .with_host("*.example.com")
            .and_then(|scope| scope.with_host("[::1]"))
            .and_then(|scope| scope.with_method("GET"))
            .and_then(|scope| scope.with_path("/v1"))
            .and_then(|scope| scope.with_path("/"))
            .unwrap()
            .with_part(Part::Body)
            .except("10.0.0.0/8".parse().unwrap())
            .except("2001:db8::/32".parse().unwrap())
            .not_before(5)
            .not_after(u64::MAX - 1);
        vec![
            Rule { action: Action::Monitor, scope: Scope::new() },
            Rule { action: Action::Block, scope },
        ]
    }

    fn starts(lens: &[usize]) -> Vec<u8> {
        let mut at = 0;
        let ends = lens.iter().map(|len| {
            at += *len as u32;
            at
        });
        [0].into_iter().chain(ends).flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn policies_come_back_from_their_records() {
        let rules = rules();
        let records = [encode(rules[..1].iter()), encode(rules[1..].iter()), encode(rules.iter())];
        let records = records.map(Option::unwrap);
        let (starts, all) = (starts(&records.each_ref().map(Vec::len)), records.concat());
        let policies = Policies::new(&starts, &all);
        assert_eq!(policies.check(), Ok(true));
        assert_eq!(
            policies.to_rules(),
            [vec![rules[0].clone()], vec![rules[1].clone()], rules.clone()]
        );
        assert_eq!(policies.rules(3).count(), 0);
        let only = Policies::new(&starts[..8], &records[0]);
        assert_eq!(only.check(), Ok(false));
    }

    /// Every byte of a record, changed in every way, and every length: read without a panic, and
    /// refused or of use.
    #[test]
    fn forged_records_are_refused_or_harmless() {
        let record = encode(rules().iter()).unwrap();
        let check = |record: &[u8]| {
            let starts = starts(&[record.len()]);
            let policies = Policies::new(&starts, record);
            policies.rules(0).for_each(drop);
            let sound = policies.check().is_ok();
            if sound {
                assert_eq!(policies.to_rules().len(), 1);
            }
            sound
        };
        assert!(check(&record));
        for len in 0..record.len() {
            assert!(!check(&record[..len]), "{len}");
        }
        assert!(!check(&[&record[..], &[0]].concat()));
        let mut refused = 0;
        for at in 0..record.len() {
            for byte in 0..=255 {
                let mut forged = record.clone();
                forged[at] = byte;
                refused += usize::from(!check(&forged));
            }
        }
        assert!(refused > 5000, "{refused}");
    }

    #[test]
    fn what_is_too_long_has_no_record() {
        let scope = (0..40).try_fold(Scope::new(), |scope, number| {
            scope.with_host(&format!("{number}{}", "a".repeat(100)))
        });
        let rule = |scope| Rule { action: Action::Block, scope };
        assert_eq!(encode([rule(scope.unwrap())].iter()), None);
        let many = (0..256).try_fold(Scope::new(), |scope, n| scope.with_path(&format!("/{n}")));
        assert_eq!(encode([rule(many.unwrap())].iter()), None);
        let rules = vec![rule(Scope::new()); 256];
        assert_eq!(encode(rules.iter()), None);
    }
}

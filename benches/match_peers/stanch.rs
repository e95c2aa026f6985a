//! The library itself, by its public interface: a scan for each request.

use std::time::{Duration, Instant};

use stanch::patch::{Header, Patch, PatchSet, Scan, Survey, Views};
use stanch::secret::{ImprintKey, Secret};

use crate::traffic::Block;
use crate::{Contender, Engine};

/// A compiled set, and how long that took.
pub(crate) struct Set {
    set: PatchSet,
    imprint: Duration,
    build: Duration,
}

/// Sees what the peers see: a header block as one text.
struct Whole<'s> {
    set: &'s PatchSet,
    views: Views,
    state: Vec<u8>,
}

/// Sees what a host has: the fields of the block.
struct Fields<'s> {
    set: &'s PatchSet,
    state: Vec<u8>,
}

impl Set {
    pub(crate) fn compile(tokens: &[Vec<u8>]) -> Set {
        let key = ImprintKey::from_bytes([0x5a; 32]);
        let secrets: Vec<Secret> =
            tokens.iter().map(|token| Secret::new("bench", token.clone())).collect();
        let start = Instant::now();
        let imprints: Result<Vec<_>, _> = key.imprint_all(&secrets).collect();
        let imprint = start.elapsed();
        let imprints = imprints.expect("every token can be imprinted");
        let start = Instant::now();
        let mut survey = Survey::new(&key, imprints.len());
        for (leak, imprint) in (0..).zip(&imprints) {
            survey.see(imprint, Patch::block(leak)).expect("the same key");
        }
        let mut placement = survey.finish().expect("tokens");
        for (leak, imprint) in (0..).zip(&imprints) {
            placement.place(imprint, Patch::block(leak)).expect("the same imprints");
        }
        let set = placement.build(0).expect("a set");
        Set { set, imprint, build: start.elapsed() }
    }

    pub(crate) fn contenders(&self) -> Vec<Contender<'_>> {
        let set = &self.set;
        let state = || vec![0; set.state_len()];
        let contender = |name, engine| Contender {
            engine,
            name,
            kind: format!("tiers {:?}", set.info().tiers),
            imprint: self.imprint,
            build: self.build,
            bytes: set.info().bytes as usize,
        };
        vec![
            contender("stanch", Box::new(Whole { set, views: Views::ALL, state: state() })),
            contender("stanch-raw", Box::new(Whole { set, views: Views::RAW, state: state() })),
            contender("stanch-headers", Box::new(Fields { set, state: state() })),
        ]
    }
}

impl Engine for Whole<'_> {
    #[inline]
    fn in_block(&mut self, block: &Block<'_>) -> bool {
        let header = Header { name: b"block", value: block.bytes };
        headers(self.set, self.views, &mut self.state, &[header])
    }

    #[inline]
    fn in_body(&mut self, bytes: &[u8]) -> bool {
        body(self.set, self.views, &mut self.state, bytes)
    }
}

impl Engine for Fields<'_> {
    #[inline]
    fn in_block(&mut self, block: &Block<'_>) -> bool {
        headers(self.set, Views::ALL, &mut self.state, &block.headers)
    }

    #[inline]
    fn in_body(&mut self, bytes: &[u8]) -> bool {
        body(self.set, Views::ALL, &mut self.state, bytes)
    }
}

#[inline]
fn headers(set: &PatchSet, views: Views, state: &mut [u8], headers: &[Header<'_>]) -> bool {
    let scan = Scan::new(set, state).expect("as much state as the set asks for");
    let mut scan = scan.with_views(views);
    scan.headers(headers);
    scan.finish().hit.is_some()
}

#[inline]
fn body(set: &PatchSet, views: Views, state: &mut [u8], body: &[u8]) -> bool {
    let scan = Scan::new(set, state).expect("as much state as the set asks for");
    let mut scan = scan.with_views(views);
    scan.body(&[body]);
    scan.finish().hit.is_some()
}

//! The other engines. Each is asked the cheapest question that answers "is there any token?".

use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use daachorse::DoubleArrayAhoCorasick;

use crate::hyperscan::Hyperscan;
use crate::traffic::Block;
use crate::{Contender, Engine};

/// Up to so many tokens aho-corasick is built as a DFA, its fastest kind. It takes a row of
/// transitions for every byte of every token: gigabytes for more of them.
const DFA_TOKENS: usize = 1_000;

/// Every peer that can hold these tokens; the others are reported on the terminal.
pub(crate) fn all(tokens: &[Vec<u8>]) -> Vec<Contender<'static>> {
    [aho_corasick(tokens), daachorse(tokens), hyperscan(tokens)].into_iter().flatten().collect()
}

fn aho_corasick(tokens: &[Vec<u8>]) -> Option<Contender<'static>> {
    let kind = match tokens.len() {
        0..=DFA_TOKENS => AhoCorasickKind::DFA,
        _ => AhoCorasickKind::ContiguousNFA,
    };
    built("aho-corasick", format!("{kind:?}"), || {
        let engine = AhoCorasick::builder().kind(Some(kind)).build(tokens);
        let engine = engine.map_err(|error| error.to_string())?;
        let bytes = engine.memory_usage();
        Ok((engine, bytes))
    })
}

fn daachorse(tokens: &[Vec<u8>]) -> Option<Contender<'static>> {
    built("daachorse", "double array".to_owned(), || {
        let engine = DoubleArrayAhoCorasick::<u32>::new(tokens);
        let engine = engine.map_err(|error| error.to_string())?;
        let bytes = engine.heap_bytes();
        Ok((engine, bytes))
    })
}

fn hyperscan(tokens: &[Vec<u8>]) -> Option<Contender<'static>> {
    built("hyperscan", "literals, block mode".to_owned(), || {
        let engine = Hyperscan::compile(tokens)?;
        let bytes = engine.bytes();
        Ok((engine, bytes))
    })
}

fn built<E: Engine + 'static>(
    name: &'static str,
    kind: String,
    build: impl FnOnce() -> Result<(E, usize), String>,
) -> Option<Contender<'static>> {
    let start = Instant::now();
    match build() {
        Ok((engine, bytes)) => {
            let build = start.elapsed();
            let engine = Box::new(engine);
            Some(Contender { engine, name, kind, imprint: Duration::ZERO, build, bytes })
        }
        Err(error) => {
            println!("{name} ({kind}) does not build: {error}");
            None
        }
    }
}

impl Engine for AhoCorasick {
    #[inline]
    fn in_block(&mut self, block: &Block<'_>) -> bool {
        self.is_match(block.bytes)
    }

    #[inline]
    fn in_body(&mut self, body: &[u8]) -> bool {
        self.is_match(body)
    }
}

impl Engine for DoubleArrayAhoCorasick<u32> {
    #[inline]
    fn in_block(&mut self, block: &Block<'_>) -> bool {
        self.find_iter(block.bytes).next().is_some()
    }

    #[inline]
    fn in_body(&mut self, body: &[u8]) -> bool {
        self.find_iter(body).next().is_some()
    }
}

impl Engine for Hyperscan {
    #[inline]
    fn in_block(&mut self, block: &Block<'_>) -> bool {
        self.is_match(block.bytes)
    }

    #[inline]
    fn in_body(&mut self, body: &[u8]) -> bool {
        self.is_match(body)
    }
}

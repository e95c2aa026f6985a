//! The sets that scripts scan for, and what a scan over one of them must say.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::null_mut;
use std::sync::LazyLock;

use stanch::patch::{Patch, PatchSetBuilder, Scope};
use stanch::secret::{ImprintKey, Secret, SigningKey};

use crate::abi::*;

/// The key of all sets.
pub(crate) const KEY: [u8; 32] = [0x3c; 32];
/// Leaks from here on are monitored, others blocked.
const MONITORED: u64 = 100;

/// Tokens with their leaks.
pub(crate) type Tokens = [(u64, Vec<u8>)];

/// A set to open, and the tokens in it.
pub(crate) struct Compiled {
    pub(crate) content: Box<[u8]>,
    /// The same set, signed with [`signer`].
    pub(crate) signed: Box<[u8]>,
    pub(crate) tokens: Vec<(u64, Vec<u8>)>,
}

/// Who signs sets.
pub(crate) fn signer() -> SigningKey {
    SigningKey::from_bytes([0x3d; 32])
}

/// The tokens of the last one have a scope, which every request is in.
pub(crate) static SETS: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let lengths: [&[usize]; 5] = [&[20, 40, 24], &[8, 13], &[33, 200, 64], &[4096, 19], &[30, 21]];
    let mut state = 7_u64;
    let mut letter = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            [(state >> 33) as usize % 62]
    };
    let key = ImprintKey::from_bytes(KEY);
    let compile = |(number, lengths): (usize, &&[usize])| {
        let scope = if number == 4 { Scope::new().not_before(1) } else { Scope::new() };
        let mut builder = PatchSetBuilder::new(&key).floor(0);
        let mut tokens = Vec::new();
        for (number, len) in lengths.iter().enumerate() {
            let token: Vec<u8> = (0..*len).map(|_| letter()).collect();
            let imprint = key.imprint(&Secret::new("test", token.clone())).expect("a strong token");
            let leak = if number % 2 == 1 { MONITORED } else { 1 } + number as u64;
            let patch = if leak < MONITORED { Patch::block(leak) } else { Patch::monitor(leak) };
            builder.add(&imprint, patch.with_scope(scope.clone())).expect("the same key");
            tokens.push((leak, token));
        }
        let set = builder.build().expect("tokens");
        let content = set.as_bytes().into();
        let signed = set.sign(&signer()).expect("memory").as_bytes().into();
        Compiled { content, signed, tokens }
    };
    lengths.iter().enumerate().map(compile).collect()
});

/// Memory with a scan in it, and what the scan was fed.
pub(crate) struct Slot {
    pub(crate) memory: *mut u8,
    pub(crate) layout: Layout,
    pub(crate) scan: *mut stanch_scan,
    /// Which of the open sets it looks for.
    pub(crate) set: usize,
    pub(crate) finished: Option<stanch_verdict>,
    pub(crate) fed: Fed,
    /// For the scans of this slot; NULL until one asks for it.
    pub(crate) inflater: *mut stanch_inflater,
    pub(crate) texts: Vec<Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

/// What a scan was fed so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fed {
    Nothing,
    Head,
    Body,
}

impl Slot {
    /// Memory of `size` bytes, each of them `fill`, with no scan in it yet.
    pub(crate) fn new(size: usize, align: usize, fill: u8) -> Slot {
        let layout = Layout::from_size_align(size, align).expect("a power of two");
        assert!(size > 0);
        // SAFETY: the layout is not empty, and all of the memory may be written to.
        let memory = unsafe { alloc(layout) };
        assert!(!memory.is_null());
        // SAFETY: as above.
        unsafe { memory.write_bytes(fill, size) };
        Slot {
            memory,
            layout,
            scan: null_mut(),
            set: 0,
            finished: None,
            fed: Fed::Nothing,
            inflater: null_mut(),
            texts: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Whether a call was taken; its status must be `refused` if that is no success, and what a
    /// finished scan says if it is finished.
    pub(crate) fn expect(&self, code: i32, refused: i32) -> bool {
        let expected = if self.finished.is_some() { ERROR_STATE } else { refused };
        assert_eq!(code, expected);
        code == OK
    }

    /// The strongest action that what was fed asks for.
    pub(crate) fn expected(&self, tokens: &Tokens) -> u32 {
        let texts = || self.texts.iter().chain([&self.body]);
        let holds = |token: &[u8]| texts().any(|text| stands_in(text, token));
        let found = tokens.iter().filter(|(_, token)| holds(token));
        found.map(|(leak, _)| action(*leak)).max().unwrap_or(PASS)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and the scan in it is forgotten; so nobody has the
        // inflater any more.
        unsafe {
            dealloc(self.memory, self.layout);
            stanch_inflater_free(self.inflater);
        }
    }
}

fn action(leak: u64) -> u32 {
    if leak < MONITORED { BLOCK } else { MONITOR }
}

/// Whether a verdict is whole in itself.
pub(crate) fn check_fields(verdict: &stanch_verdict, tokens: &Tokens) {
    let name = verdict.name_len as usize;
    assert!(verdict.size == size_of::<stanch_verdict>() && name <= 64);
    assert!(verdict.body <= 4 && verdict.reserved == 0);
    if verdict.action == PASS {
        let rest = (verdict.part, verdict.views, verdict.name_len, verdict.leak, verdict.offset);
        return assert_eq!(rest, (0, 0, 0, 0, 0));
    }
    assert!(tokens.iter().any(|(leak, _)| *leak == verdict.leak), "an unknown leak");
    assert_eq!(verdict.action, action(verdict.leak));
    assert!((1..=5).contains(&verdict.part) && verdict.views > 0);
    assert!(verdict.name[name..].iter().all(|byte| *byte == 0));
}

/// Whether `needle` stands in `text`.
fn stands_in(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

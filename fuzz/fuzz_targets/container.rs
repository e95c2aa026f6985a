//! Any bytes as a patch set: refused, or harmless to every request.
//!
//! The input is tried as it is, and once more with what a forger would put right: magic, version,
//! lengths, expiry, key id, no signature and the content hash. Without that hardly any input would get past the hash.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch::patch::{Action, Context, FORMAT_VERSION, Header, PatchSet, Scan};
use stanch::secret::ImprintKey;

const HEADER: usize = 448;

fuzz_target!(|bytes: &[u8]| {
    let key = ImprintKey::from_bytes([0x3c; 32]);
    try_scans(bytes, bytes, &key);
    if bytes.len() >= HEADER {
        let mut forged = bytes.to_vec();
        forge(&mut forged, &key);
        try_scans(&forged, bytes, &key);
    }
});

fn forge(bytes: &mut [u8], key: &ImprintKey) {
    let len = bytes.len() as u64;
    bytes[..8].copy_from_slice(b"stanchPS");
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
    bytes[16..24].copy_from_slice(&len.to_le_bytes());
    bytes[40..48].fill(0);
    bytes[48..56].copy_from_slice(&key.id().0);
    bytes[320..HEADER].fill(0);
    let mut hash = blake3::Hasher::new();
    hash.update(&bytes[..288]).update(&bytes[HEADER..]);
    bytes[288..320].copy_from_slice(hash.finalize().as_bytes());
}

/// Scans `text`, whatever it is, in every part of a request, and as what scopes ask for.
fn try_scans(set: &[u8], text: &[u8], key: &ImprintKey) {
    let Ok(opened) = PatchSet::from_bytes(set, key) else { return };
    assert_eq!(opened.as_bytes(), set);
    let mut state = vec![0xa5; opened.state_len()];
    let text = &text[..text.len().min(4096)];
    for longest in [1, 61, 4096] {
        let mut scan = Scan::new(&opened, &mut state).expect("as much state as the set asks for");
        if longest == 61 {
            let text = Some(&text[..text.len().min(300)]);
            let context = Context { host: text, method: text, path: text, ..Context::default() };
            scan.context(&Context { client: Some([10, 0, 0, 1].into()), now: Some(1), ..context });
        }
        scan.request(b"GET", text);
        scan.headers(&[
            Header { name: b"cookie", value: text },
            Header { name: b"host", value: text },
            Header { name: b"authorization", value: b"Basic dXNlcjpodW50ZXIyLWh1bnRlcjI=" },
        ]);
        text.chunks(longest).for_each(|piece| scan.body(&[piece, b"%"]));
        let verdict = scan.finish();
        assert_eq!(verdict.hit.is_none(), verdict.action == Action::Pass);
    }
}

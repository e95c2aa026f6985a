//! Any bytes as a file that may be packed: no panic, an end, and no more than the limits allow.

#![no_main]

use std::io::Cursor;
use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use stanch_unpack::{Fault, Limits, Step, is_container, walk};

/// Small, so that limits are reached.
const LIMITS: Limits = Limits { total: 1 << 20, entries: 64, ratio: 250, depth: 4, held: 1 << 18 };

/// Errors that are told of one file.
const TOLD: usize = 20;

fuzz_target!(|bytes: &[u8]| {
    let (mut documents, mut faults, mut unpacked) = (0u64, Vec::new(), 0);
    let mut buffer = [0; 4096];
    let flow = walk("x.gz", Cursor::new(bytes), &LIMITS, &mut |step| {
        match step {
            Step::Document { trail, content } => {
                documents += 1;
                assert!(trail.len() <= LIMITS.depth + 1);
                loop {
                    match content.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(read) => unpacked += read as u64,
                        Err(error) => panic!("a stream ends, it does not fail: {error}"),
                    }
                }
            }
            Step::Fault { fault, .. } => faults.push(fault),
        }
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    if !is_container(bytes) {
        assert_eq!((documents, unpacked, faults.len()), (1, bytes.len() as u64, 0));
    }
    // A property list grows up to 16 times, and what is held may be handed over twice: as a zip
    // without a directory, file by file, and as bytes.
    let len = bytes.len() as u64;
    assert!(unpacked <= (LIMITS.total + 9 * len) * 18 + (1 << 16), "{unpacked} bytes of {len}");
    assert!(faults.len() <= TOLD);
    let ends = |fault: &&Fault| matches!(fault, Fault::Total(_) | Fault::Entries(_));
    assert!(faults.iter().filter(ends).count() <= 1, "{faults:?}");
});

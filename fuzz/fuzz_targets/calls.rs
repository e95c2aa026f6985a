//! Any sequence of calls of the C interface: no crash, the documented status codes, and a token is found
//! if and only if it was fed.
//!
//! The input is a script. A letter is a call, as `call` lists them, and the bytes behind it say with
//! what; bytes that are no call are passed over. So a new call gets a new letter, and what there is
//! goes on to mean the same. A text ends with `;`. In it `T` and a byte stand for a token, `P` for a
//! token without its last byte, `S` for one without its first, `H` for its first half, `U` for its
//! second, `L` for a long run of one letter.
//!
//! What C leaves undefined is not done: a handle is not used after it was freed, nor a scan without
//! memory or whose set is gone.
//!
//! A script that begins with `W` is wild: its texts are taken as they are, so the views of the library
//! may find more than what stands there. In others, all that could be an encoding is a dot.

#![no_main]

mod abi;
mod slot;
mod trust;

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use abi::*;
use libfuzzer_sys::fuzz_target;
use slot::{Compiled, Fed, KEY, SETS, Slot, Tokens, check_fields, signer};

const SLOTS: usize = 3;
/// How many calls a script makes, and how many bytes its texts have, at most.
const CALLS: usize = 200;
const BYTES: usize = 1 << 17;

/// Made once: that takes longer than all the rest of a script.
static DETECTOR: LazyLock<AtomicPtr<stanch_detector>> = LazyLock::new(|| {
    let mut detector = null_mut();
    // SAFETY: what is made first is freed at once and forgotten, what is made then is kept.
    unsafe {
        assert_eq!(stanch_detector_new(null_mut(), null_mut()), ERROR_NULL);
        assert_eq!(stanch_detector_new(null_mut(), &mut detector), OK);
        stanch_detector_free(detector);
        stanch_detector_free(null_mut());
        assert_eq!(stanch_detector_new(null_mut(), &mut detector), OK);
    }
    AtomicPtr::new(detector)
});

fuzz_target!(|script: &[u8]| {
    let (wild, script) = match script {
        [b'W', rest @ ..] => (true, rest),
        _ => (false, script),
    };
    let mut world = World { script: script.iter(), wild, left: BYTES, sets: vec![], slots: vec![] };
    world.slots.resize_with(SLOTS, || None);
    for _ in 0..CALLS {
        let Some(letter) = world.script.next() else { break };
        // SAFETY: `World` keeps what the functions ask for: every pointer is NULL where that is
        // documented, or points to what it should.
        unsafe { world.call(*letter) };
    }
});

/// What a caller has.
struct World<'s> {
    script: std::slice::Iter<'s, u8>,
    wild: bool,
    /// How many bytes of text may still be made.
    left: usize,
    /// The sets that are open, with the numbers of what they were compiled from.
    sets: Vec<(usize, *mut stanch_set)>,
    slots: Vec<Option<Slot>>,
}

impl World<'_> {
    unsafe fn call(&mut self, letter: u8) {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            match letter {
                b'o' => self.open(),
                b'p' => self.open_path(),
                b'k' => self.open_trusted(),
                b'K' => self.public_key(),
                b'c' => self.context(),
                b'z' => self.inflate(),
                b'd' => self.describe(),
                b'm' => self.size(),
                b'i' => self.init(),
                b'r' => self.request(),
                b'h' => self.headers(),
                b'b' => self.body(),
                b'v' => self.verdict(),
                b'f' => self.finish(),
                b'e' => self.empty_memory(),
                b'x' => self.free(),
                b't' => self.detect(),
                b's' => self.names(),
                _ => {}
            }
        }
    }

    unsafe fn open(&mut self) {
        let (number, how) = (self.number() % SETS.len(), self.byte());
        let content = &SETS[number].content;
        let mut set = null_mut();
        let mut error = stanch_error::sized(size_of::<stanch_error>());
        let cut = match how {
            b'c' => self.number() % content.len(),
            _ => 0,
        };
        let (good, key) = (stanch_slice::of(content), stanch_slice::of(&KEY));
        let (content, key, expected) = match how {
            b'k' => (good, stanch_slice::of(&KEY[1..]), ERROR_ARGUMENT),
            b'w' => (good, stanch_slice::of(&[1; 32]), ERROR_WRONG_KEY),
            b'c' => (stanch_slice::of(&content[..cut]), key, ERROR_FORMAT),
            b'n' => (stanch_slice::NULL, key, ERROR_NULL),
            b'0' => (stanch_slice::NONE, key, ERROR_FORMAT),
            b'l' => (stanch_slice::endless(content), key, ERROR_ARGUMENT),
            b'N' => (good, stanch_slice::NULL, ERROR_NULL),
            b'q' => (good, key, ERROR_NULL),
            b'e' => (good, key, ERROR_ARGUMENT),
            _ if self.sets.len() >= 4 => return,
            _ => (good, key, OK),
        };
        error.size -= usize::from(how == b'e');
        let error = if how == b'-' { null_mut() } else { &mut error };
        let out = if how == b'q' { null_mut() } else { &mut set };
        // SAFETY: what is not valid is refused before it is looked at.
        unsafe {
            let code = stanch_set_from_memory(content, key, error, out);
            assert_eq!(code, expected, "{}", char::from(how));
            assert_eq!(set.is_null(), code != OK);
            if let Some(error) = error.as_ref().filter(|_| code != OK && how != b'e') {
                assert_eq!((error.code, error.reserved), (code, 0));
                assert!(!CStr::from_ptr(error.message.as_ptr()).is_empty());
            }
        }
        if !set.is_null() {
            self.sets.push((number, set));
        }
    }

    unsafe fn open_path(&mut self) {
        let how = self.byte();
        let nowhere = stanch_slice::of(b"/nowhere/at/all");
        let (path, expected) = match how {
            b'0' => (stanch_slice::NONE, ERROR_ARGUMENT),
            b'z' => (stanch_slice::of(b"a\0b"), ERROR_ARGUMENT),
            b'n' => (stanch_slice::NULL, ERROR_NULL),
            b'l' => (stanch_slice::endless(b"a"), ERROR_ARGUMENT),
            _ => (nowhere, ERROR_IO),
        };
        let mut set = null_mut();
        // SAFETY: what is not valid is refused before it is looked at.
        unsafe {
            assert_eq!(stanch_set_open(path, nowhere, null_mut(), &mut set), expected);
            assert_eq!(stanch_set_open(path, nowhere, null_mut(), null_mut()), ERROR_NULL);
        }
        assert!(set.is_null());
    }

    unsafe fn context(&mut self) {
        let (at, how, client) = (self.number(), self.byte(), self.byte());
        let text = self.text(at);
        let Some(slot) = self.slot(at) else { return };
        let good = stanch_slice::of(&text);
        let mut context = stanch_context {
            size: size_of::<stanch_context>(),
            host: good,
            method: stanch_slice::of(b"POST"),
            path: good,
            now: 0,
            client_len: 4,
            reserved: 0,
            client: [client; 16],
        };
        let mut refused = OK;
        match how {
            b's' => (context.size, refused) = (context.size - 1, ERROR_ARGUMENT),
            b'h' => (context.host, refused) = (stanch_slice::NULL, ERROR_NULL),
            b'm' => (context.method, refused) = (stanch_slice::NULL, ERROR_NULL),
            b'p' => (context.path, refused) = (stanch_slice::endless(&text), ERROR_ARGUMENT),
            b'c' => (context.client_len, refused) = (5, ERROR_ARGUMENT),
            b'6' => context.client_len = 16,
            b'0' => {
                (context.host, context.path) = (stanch_slice::NONE, stanch_slice::NONE);
                (context.client_len, context.now) = (0, u64::from(client));
            }
            _ => {}
        }
        if refused == OK && slot.fed > Fed::Nothing {
            refused = ERROR_STATE;
        }
        // SAFETY: the scan is set up; what is not valid is refused before it is looked at.
        unsafe {
            assert_eq!(stanch_scan_context(null_mut(), &context), ERROR_NULL);
            let none = if slot.finished.is_some() { ERROR_STATE } else { ERROR_NULL };
            assert_eq!(stanch_scan_context(slot.scan, null()), none);
            let code = stanch_scan_context(slot.scan, &context);
            slot.expect(code, refused);
        }
    }

    /// Gives the slot's inflater to its scan.
    unsafe fn inflate(&mut self) {
        let (at, how) = (self.number(), self.byte());
        let Some(slot) = self.slot(at) else { return };
        let mut limits = stanch_inflate_limits {
            size: size_of::<stanch_inflate_limits>() - usize::from(how == b's'),
            total: if how == b't' { 64 } else { 0 },
            ratio: if how == b'r' { 1 } else { 0 },
        };
        // SAFETY: the scan is set up, and has the inflater to itself.
        unsafe {
            stanch_inflater_free(null_mut());
            assert_eq!(stanch_inflater_new(&limits, null_mut(), null_mut()), ERROR_NULL);
            if how == b's' {
                let code = stanch_inflater_new(&limits, null_mut(), &mut slot.inflater);
                assert_eq!(code, ERROR_ARGUMENT);
                limits.size = size_of::<stanch_inflate_limits>();
            }
            if slot.inflater.is_null() {
                let limits = if how == b'-' { null() } else { &raw const limits };
                assert_eq!(stanch_inflater_new(limits, null_mut(), &mut slot.inflater), OK);
            }
            assert_eq!(stanch_scan_inflate(null_mut(), slot.inflater), ERROR_NULL);
            let none = if slot.finished.is_some() { ERROR_STATE } else { ERROR_NULL };
            assert_eq!(stanch_scan_inflate(slot.scan, null_mut()), none);
            let code = stanch_scan_inflate(slot.scan, slot.inflater);
            slot.expect(code, if slot.fed == Fed::Body { ERROR_STATE } else { OK });
        }
    }

    unsafe fn describe(&mut self) {
        let (set, size) = (self.number(), self.number());
        let Some(&(number, set)) = self.set(set) else { return };
        let whole = size_of::<stanch_set_info>();
        let mut info = stanch_set_info {
            size: if size < whole { size } else { whole },
            tokens: 77,
            serial: 0,
            created: 0,
            bytes: 0,
            longest_token: 0,
            format_version: 0,
            key_id: [0; 8],
            leaks: 0,
            expires: 77,
            recovery_bits: 0,
            is_signed: 77,
            signer_id: [0; 8],
        };
        // SAFETY: the set is open.
        unsafe {
            assert_eq!(stanch_set_describe(null(), &mut info), ERROR_NULL);
            assert_eq!(stanch_set_describe(set, null_mut()), ERROR_NULL);
            let code = stanch_set_describe(set, &mut info);
            assert_eq!(code, if size < whole { ERROR_ARGUMENT } else { OK });
        }
        let Compiled { content, tokens, .. } = &SETS[number];
        let longest = tokens.iter().map(|(_, token)| token.len()).max().unwrap_or(0);
        if size >= whole {
            assert_eq!((info.tokens, info.bytes), (tokens.len() as u64, content.len() as u64));
            assert_eq!(info.longest_token as usize, longest);
            assert_eq!((info.leaks, info.expires), (tokens.len() as u64, 0));
            assert_eq!(info.is_signed == 1, info.signer_id == signer().public().id().0);
        } else {
            assert_eq!(info.tokens, 77);
        }
    }

    unsafe fn size(&mut self) {
        let set = self.number();
        let mut size = 77;
        // SAFETY: the set is open.
        unsafe {
            assert_eq!(stanch_scan_size(null(), &mut size), ERROR_NULL);
            if let Some(&(_, set)) = self.set(set) {
                assert_eq!(stanch_scan_size(set, null_mut()), ERROR_NULL);
                assert_eq!(size, 77);
                assert_eq!(stanch_scan_size(set, &mut size), OK);
                assert!(size > 77);
            }
        }
    }

    /// Sets up a scan, in the memory of the slot if it is large enough, whatever is in there.
    unsafe fn init(&mut self) {
        let (at, index, how) = (self.number() % SLOTS, self.number(), self.byte());
        let Some(&(_, set)) = self.set(index) else { return };
        let index = index % self.sets.len();
        let (mut size, align) = (0, unsafe { stanch_scan_align() });
        // SAFETY: the set is open; the memory is as large as the set asks for, and aligned.
        unsafe {
            assert_eq!(stanch_scan_size(set, &mut size), OK);
            if self.slots[at].as_ref().is_none_or(|slot| slot.layout.size() < size) {
                self.slots[at] = Some(Slot::new(size, align, how));
            }
            let Some(slot) = &mut self.slots[at] else { return };
            let mut scan = null_mut();
            let memory = slot.memory.cast::<c_void>();
            for (set, memory, size, out, expected) in [
                (null(), memory, size, &raw mut scan, ERROR_NULL),
                (set, null_mut(), size, &raw mut scan, ERROR_NULL),
                (set, memory, size, null_mut(), ERROR_NULL),
                (set, memory, size - 1, &raw mut scan, ERROR_ARGUMENT),
                (set, memory.byte_add(1), size, &raw mut scan, ERROR_ARGUMENT),
            ] {
                assert_eq!(stanch_scan_init(set, memory, size, out), expected);
            }
            assert!(scan.is_null());
            assert_eq!(stanch_scan_init(set, memory, slot.layout.size(), &mut scan), OK);
            (slot.scan, slot.set, slot.finished) = (scan, index, None);
            slot.fed = Fed::Nothing;
            slot.texts.clear();
            slot.body.clear();
        }
    }

    unsafe fn request(&mut self) {
        let (at, how) = (self.number(), self.byte());
        let text = self.text(at);
        let Some(slot) = self.slot(at) else { return };
        let (method, good) = (stanch_slice::of(b"POST"), stanch_slice::of(&text));
        let (method, target, refused) = match how {
            b'n' => (method, stanch_slice::NULL, ERROR_NULL),
            b'm' => (stanch_slice::NULL, good, ERROR_NULL),
            b'l' => (method, stanch_slice::endless(&text), ERROR_ARGUMENT),
            b'0' => (stanch_slice::NONE, good, OK),
            _ => (method, good, OK),
        };
        // An empty text has a pointer that is not NULL, so its endless twin is as bad as any.
        // SAFETY: the scan is set up; the text is valid.
        unsafe {
            assert_eq!(stanch_scan_request(null_mut(), method, good), ERROR_NULL);
            let code = stanch_scan_request(slot.scan, method, target);
            if slot.expect(code, refused) {
                slot.texts.push(text.into());
                slot.fed = slot.fed.max(Fed::Head);
            }
        }
    }

    unsafe fn headers(&mut self) {
        const NAMES: [&[u8]; 4] = [b"x-key", b"Cookie", b"authorization", b""];
        const WILD: [&[u8]; 4] =
            [b"content-encoding", b"Cookie", b"authorization", b"Content-Type"];
        let (at, how, count) = (self.number(), self.byte(), self.number() % 40);
        let values: Vec<Box<[u8]>> = (0..count).map(|_| self.text(at)).collect();
        let names = if self.wild { WILD } else { NAMES };
        let Some(slot) = self.slot(at) else { return };
        let mut headers: Vec<stanch_header> = (0..)
            .zip(&values)
            .map(|(number, value)| stanch_header {
                name: stanch_slice::of(names[number % names.len()]),
                value: stanch_slice::of(value),
            })
            .collect();
        let mut refused = OK;
        let first = headers.first_mut();
        match (how, first) {
            (b'n', Some(first)) => (first.value, refused) = (stanch_slice::NULL, ERROR_NULL),
            (b'N', Some(first)) => (first.name, refused) = (stanch_slice::NULL, ERROR_NULL),
            (b'l', Some(first)) => {
                (first.value, refused) = (stanch_slice::endless(&values[0]), ERROR_ARGUMENT);
            }
            _ => {}
        }
        let (data, count) = match how {
            b'0' => (null(), 0),
            b'a' => (null(), headers.len() + 1),
            b'h' => (null(), usize::MAX),
            b'g' => (headers.as_ptr(), usize::MAX / 8),
            _ => (headers.as_ptr(), headers.len()),
        };
        match how {
            b'a' | b'h' => refused = ERROR_NULL,
            b'g' => refused = ERROR_ARGUMENT,
            _ => {}
        }
        // SAFETY: the scan is set up; the array and its texts are valid, or refused before they are
        // looked at.
        unsafe {
            assert_eq!(stanch_scan_headers(null_mut(), data, count), ERROR_NULL);
            let code = stanch_scan_headers(slot.scan, data, count);
            if slot.expect(code, refused) && how != b'0' {
                slot.fed = slot.fed.max(if values.is_empty() { Fed::Nothing } else { Fed::Head });
                slot.texts.extend(values.into_iter().map(Vec::from));
            }
        }
    }

    unsafe fn body(&mut self) {
        let (at, how, count) = (self.number(), self.byte(), self.number() % 20);
        let texts: Vec<Box<[u8]>> = (0..count).map(|_| self.text(at)).collect();
        let Some(slot) = self.slot(at) else { return };
        let mut pieces: Vec<stanch_slice> =
            texts.iter().map(|text| stanch_slice::of(text)).collect();
        let mut refused = OK;
        match (how, pieces.first_mut()) {
            (b'n', Some(first)) => (*first, refused) = (stanch_slice::NULL, ERROR_NULL),
            (b'l', Some(first)) => {
                (*first, refused) = (stanch_slice::endless(&texts[0]), ERROR_ARGUMENT);
            }
            _ => {}
        }
        let (data, count) = match how {
            b'0' => (null(), 0),
            b'a' => (null(), pieces.len() + 1),
            b'g' => (pieces.as_ptr(), usize::MAX / 8),
            _ => (pieces.as_ptr(), pieces.len()),
        };
        match how {
            b'a' => refused = ERROR_NULL,
            b'g' => refused = ERROR_ARGUMENT,
            _ => {}
        }
        // SAFETY: as for the headers.
        unsafe {
            assert_eq!(stanch_scan_body(null_mut(), data, count), ERROR_NULL);
            let code = stanch_scan_body(slot.scan, data, count);
            if slot.expect(code, refused) && how != b'0' {
                slot.fed = if texts.is_empty() { slot.fed } else { Fed::Body };
                slot.body.extend(texts.concat());
            }
        }
    }

    unsafe fn verdict(&mut self) {
        let (at, size) = (self.number(), self.number());
        let wild = self.wild;
        let Some((slot, tokens)) = self.slot_and_tokens(at) else { return };
        let whole = size_of::<stanch_verdict>();
        let mut verdict = stanch_verdict::sized(size.min(whole));
        let before = verdict;
        // SAFETY: the scan is set up.
        unsafe {
            assert_eq!(stanch_scan_verdict(null(), &mut verdict), ERROR_NULL);
            assert_eq!(stanch_scan_verdict(slot.scan, null_mut()), ERROR_NULL);
            let code = stanch_scan_verdict(slot.scan, &mut verdict);
            assert_eq!(code, if size < whole { ERROR_ARGUMENT } else { OK });
        }
        if size < whole {
            return assert_eq!(verdict, before);
        }
        match slot.finished {
            Some(finished) => assert_eq!(verdict, finished),
            None => {
                assert!(wild || verdict.action <= slot.expected(tokens));
                check_fields(&verdict, tokens);
            }
        }
    }

    unsafe fn finish(&mut self) {
        let (at, size) = (self.number(), self.number());
        let wild = self.wild;
        let Some((slot, tokens)) = self.slot_and_tokens(at) else { return };
        let whole = size_of::<stanch_verdict>();
        let mut verdict = stanch_verdict::sized(size.min(whole));
        // SAFETY: the scan is set up.
        unsafe {
            assert_eq!(stanch_scan_finish(null_mut(), &mut verdict), ERROR_NULL);
            let none = if slot.finished.is_some() { ERROR_STATE } else { ERROR_NULL };
            assert_eq!(stanch_scan_finish(slot.scan, null_mut()), none);
            let code = stanch_scan_finish(slot.scan, &mut verdict);
            if !slot.expect(code, if size < whole { ERROR_ARGUMENT } else { OK }) {
                return;
            }
        }
        let expected = slot.expected(tokens);
        let right = if wild { verdict.action >= expected } else { verdict.action == expected };
        assert!(right, "{} instead of {expected}", verdict.action);
        check_fields(&verdict, tokens);
        slot.finished = Some(verdict);
    }

    /// Memory of zeroes is no scan.
    unsafe fn empty_memory(&mut self) {
        let zeroes = [0_u64; 512];
        let scan = zeroes.as_ptr().cast_mut().cast::<stanch_scan>();
        let mut verdict = stanch_verdict::sized(size_of::<stanch_verdict>());
        // SAFETY: nothing is written to what is not marked as a scan.
        unsafe {
            let none = stanch_slice::NONE;
            assert_eq!(stanch_scan_request(scan, none, none), ERROR_STATE);
            assert_eq!(stanch_scan_headers(scan, null(), 0), ERROR_STATE);
            assert_eq!(stanch_scan_body(scan, null(), 0), ERROR_STATE);
            assert_eq!(stanch_scan_verdict(scan, &mut verdict), ERROR_STATE);
            assert_eq!(stanch_scan_finish(scan, &mut verdict), ERROR_STATE);
            assert_eq!(stanch_scan_context(scan, null()), ERROR_STATE);
            assert_eq!(stanch_scan_inflate(scan, null_mut()), ERROR_STATE);
        }
    }

    /// Frees a set that no scan looks for any more, and NULL.
    unsafe fn free(&mut self) {
        let index = self.number();
        // SAFETY: NULL is fine; the set is open, and forgotten.
        unsafe { stanch_set_free(null_mut()) };
        let index = index % self.sets.len().max(1);
        if self.slots.iter().flatten().all(|slot| slot.set < index) && index < self.sets.len() {
            for (_, set) in self.sets.drain(index..) {
                // SAFETY: as above.
                unsafe { stanch_set_free(set) };
            }
        }
    }

    unsafe fn detect(&mut self) {
        unsafe extern "C" fn count(context: *mut c_void, finding: *const stanch_finding) -> i32 {
            // SAFETY: the context is what was passed below, the finding valid for this call.
            let (seen, finding) = unsafe { (&mut *context.cast::<[usize; 3]>(), &*finding) };
            assert!(finding.start < finding.end && finding.end <= seen[2]);
            assert!(finding.line > 0 && finding.column > 0 && finding.rule.len > 0);
            seen[0] += 1;
            i32::from(seen[0] == seen[1])
        }
        let stop_after = self.number();
        let text = self.text(0);
        let mut seen = [0, stop_after, text.len()];
        let detector = DETECTOR.load(Ordering::Relaxed);
        // SAFETY: the detector was made and is never freed; the text is valid.
        unsafe {
            let context = (&raw mut seen).cast::<c_void>();
            let good = stanch_slice::of(&text);
            assert_eq!(stanch_detector_scan(null(), good, Some(count), context), ERROR_NULL);
            assert_eq!(stanch_detector_scan(detector, good, None, context), ERROR_NULL);
            let code = stanch_detector_scan(detector, good, Some(count), context);
            let stopped = stop_after > 0 && seen[0] == stop_after;
            assert_eq!(code, if stopped { ERROR_STOPPED } else { OK });
        }
    }

    unsafe fn names(&mut self) {
        let number = u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]);
        for number in [number, number & 15] {
            // SAFETY: all of them are static texts.
            unsafe {
                for text in [
                    stanch_status_text(number as i32),
                    stanch_action_name(number),
                    stanch_part_name(number),
                    stanch_view_name(number),
                    stanch_body_name(number),
                ] {
                    assert!(!text.is_null() && !CStr::from_ptr(text).is_empty());
                }
            }
        }
        // In memory of exactly the size that is told; no more than that may be written.
        let room = self.number() % (VIEWS_TEXT + 4);
        let mut text: Box<[c_char]> = vec![77; room].into();
        // SAFETY: the memory has `room` bytes.
        unsafe {
            assert_eq!(stanch_views_text(number, null_mut(), room), 0);
            let len = stanch_views_text(number, text.as_mut_ptr(), room);
            if room > 0 {
                assert_eq!(CStr::from_ptr(text.as_ptr()).count_bytes(), len);
                assert!(len > 0 || room == 1);
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.script.next().copied().unwrap_or(0)
    }

    /// A number: a digit stands for itself.
    fn number(&mut self) -> usize {
        let byte = self.byte();
        usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte })
    }

    fn set(&self, index: usize) -> Option<&(usize, *mut stanch_set)> {
        self.sets.get(index % self.sets.len().max(1))
    }

    fn slot(&mut self, at: usize) -> Option<&mut Slot> {
        self.slots[at % SLOTS].as_mut()
    }

    fn slot_and_tokens(&mut self, at: usize) -> Option<(&mut Slot, &'static Tokens)> {
        let slot = self.slots[at % SLOTS].as_mut()?;
        let (number, _) = self.sets.get(slot.set)?;
        Some((slot, &SETS[*number].tokens))
    }

    /// A text for the slot, in memory of exactly its length.
    fn text(&mut self, at: usize) -> Box<[u8]> {
        let number = self.slots[at % SLOTS].as_ref().and_then(|slot| self.sets.get(slot.set));
        let tokens = &SETS[number.map_or(0, |(number, _)| *number)].tokens;
        let mut text = Vec::new();
        while let Some(&byte) = self.script.next() {
            let mut token = || &tokens[self.number() % tokens.len()].1[..];
            match byte {
                b';' => break,
                b'T' => text.extend(token()),
                b'P' => text.extend(token().split_last().map_or(&[][..], |(_, rest)| rest)),
                b'S' => text.extend(&token()[1..]),
                b'H' => text.extend(token().chunks(token().len() / 2).next().unwrap_or_default()),
                b'U' => text.extend({
                    let token = token();
                    &token[token.len() / 2..]
                }),
                b'L' => text.extend(vec![b'q'; self.number() * 16]),
                byte if self.wild || byte.is_ascii_alphanumeric() => text.push(byte),
                _ => text.push(b'.'),
            }
            if text.len() >= self.left {
                text.truncate(self.left);
                break;
            }
        }
        self.left -= text.len();
        text.into()
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        self.slots.clear();
        for (_, set) in self.sets.drain(..) {
            // SAFETY: it is open, no scan looks for it, and it is forgotten.
            unsafe { stanch_set_free(set) };
        }
    }
}

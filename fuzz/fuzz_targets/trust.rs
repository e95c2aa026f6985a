//! The calls that say which sets are taken.

use std::ptr::{null, null_mut};

use stanch::secret::SigningKey;

use crate::World;
use crate::abi::*;
use crate::slot::{Compiled, KEY, SETS, signer};

impl World<'_> {
    /// Opens a set as somebody does who does not take every set.
    pub(crate) unsafe fn open_trusted(&mut self) {
        let (number, how, held) = (self.number() % SETS.len(), self.byte(), self.number());
        let Compiled { content, signed, .. } = &SETS[number];
        let mut forged = signed.clone();
        // Where the signature stands.
        forged[352 + held % 64] ^= 1;
        let held = self.set(held).copied();
        let usual = stanch_public_key { bytes: *signer().public().as_bytes() };
        let other = SigningKey::from_bytes([0x3e; 32]).public();
        let other = stanch_public_key { bytes: *other.as_bytes() };
        let weak = [usual, stanch_public_key { bytes: [0; 32] }];
        let mut trust = stanch_trust {
            size: size_of::<stanch_trust>(),
            keys: &usual,
            key_count: 0,
            replaces: null(),
            serial: 0,
            now: 0,
        };
        let mut content = &content[..];
        let mut expected = OK;
        match how {
            b's' => (trust.size, expected) = (trust.size - 1, ERROR_ARGUMENT),
            b'S' => (trust.size, expected) = (trust.size + 1, ERROR_ARGUMENT),
            b'n' => expected = ERROR_NULL,
            b'N' => (trust.keys, trust.key_count, expected) = (null(), 1, ERROR_NULL),
            b'l' => (trust.key_count, expected) = (usize::MAX, ERROR_ARGUMENT),
            b'u' => (trust.key_count, expected) = (1, ERROR_UNSIGNED),
            b'w' => (trust.keys, trust.key_count, expected) = (weak.as_ptr(), 2, ERROR_KEY),
            b'G' => {
                (content, trust.keys, trust.key_count) = (signed, &other, 1);
                expected = ERROR_SIGNER;
            }
            b'r' => (trust.serial, expected) = (1, ERROR_ROLLBACK),
            b'f' => (content, expected) = (&forged, ERROR_SIGNATURE),
            b'g' => (content, trust.key_count) = (signed, 1),
            b'h' => match held {
                Some((held, set)) if held == number => trust.replaces = set,
                Some((_, set)) => (trust.replaces, expected) = (set, ERROR_ROLLBACK),
                None => {}
            },
            _ => {}
        }
        if expected == OK && self.sets.len() >= 4 {
            return;
        }
        let trust = if how == b'n' { null() } else { &raw const trust };
        let (content, key) = (stanch_slice::of(content), stanch_slice::of(&KEY));
        let mut set = null_mut();
        // SAFETY: what is not valid is refused before it is looked at; the other set is open.
        unsafe {
            let code = stanch_set_from_memory_trusted(content, key, trust, null_mut(), &mut set);
            assert_eq!(code, expected, "{}", char::from(how));
        }
        assert_eq!(set.is_null(), expected != OK);
        if !set.is_null() {
            self.sets.push((number, set));
        }
    }

    pub(crate) unsafe fn public_key(&mut self) {
        let line = signer().public().to_string();
        let text = self.text(0);
        let mut key = stanch_public_key { bytes: [77; 32] };
        // SAFETY: the texts are valid.
        unsafe {
            let good = stanch_slice::of(line.as_bytes());
            for (code, expected) in [
                (stanch_public_key_parse(good, null_mut(), null_mut()), ERROR_NULL),
                (stanch_public_key_parse(stanch_slice::NULL, null_mut(), &mut key), ERROR_NULL),
                (stanch_public_key_parse(stanch_slice::of(&text), null_mut(), &mut key), ERROR_KEY),
                (stanch_public_key_open(stanch_slice::NONE, null_mut(), &mut key), ERROR_ARGUMENT),
                (
                    stanch_public_key_open(stanch_slice::of(b"/nowhere"), null_mut(), &mut key),
                    ERROR_IO,
                ),
            ] {
                assert_eq!(code, expected);
            }
            assert_eq!(key.bytes, [77; 32]);
            assert_eq!(stanch_public_key_parse(good, null_mut(), &mut key), OK);
        }
        assert_eq!(key.bytes, *signer().public().as_bytes());
    }
}

//! A binary property list as text.

use std::io::Cursor;

use plist::stream::{BinaryReader, Event};
use zeroize::Zeroizing;

use crate::budget::said;
use crate::fault::Fault;

/// The longest list that is turned into text. Reading one takes up to 16 times its length.
pub(crate) const LONGEST: u64 = 4 << 20;

/// How many times longer than the list its text may be: lists store equal strings once.
const GROWTH: usize = 16;

/// A collection that is being read.
enum Open {
    Array,
    /// A dictionary, and the key whose value is next.
    Dictionary(Option<String>),
}

/// The strings, numbers and data of the list, each on a line of its own, behind its key where it
/// has one: `key = "value"`. And what is wrong with the list.
pub(crate) fn text(list: &[u8]) -> (Zeroizing<Vec<u8>>, Option<Fault>) {
    // Made as long as it may become, so that no copy is left behind when it grows.
    let most = list.len() * GROWTH;
    let mut text = Zeroizing::new(Vec::with_capacity(list.len() * 2));
    let fault = collect(list, most, &mut text).err();
    (text, fault.map(Fault::Damaged))
}

fn collect(list: &[u8], most: usize, text: &mut Zeroizing<Vec<u8>>) -> Result<(), String> {
    let mut open: Vec<Open> = Vec::new();
    // References to what is inside of the open collections. They take a byte each at least and
    // share none, except in a bomb.
    let mut references = Vec::new();
    let mut referred = 0u64;
    let mut events = 0;
    for event in BinaryReader::new(Cursor::new(list)) {
        let event = event.map_err(|error| said(&error))?;
        events += 1;
        if text.len() > most || events > most || referred > list.len() as u64 {
            return Err("a property list that repeats itself too often".to_owned());
        }
        let key = match open.last_mut() {
            Some(Open::Dictionary(key)) => match (key.take(), &event) {
                (None, Event::String(name)) => {
                    *key = Some(name.to_string());
                    continue;
                }
                (key, _) => key,
            },
            _ => None,
        };
        match event {
            Event::StartArray(len) => {
                references.push(len.unwrap_or(0));
                referred = referred.saturating_add(len.unwrap_or(0));
                open.push(Open::Array);
            }
            Event::StartDictionary(len) => {
                let len = len.unwrap_or(0).saturating_mul(2);
                references.push(len);
                referred = referred.saturating_add(len);
                open.push(Open::Dictionary(None));
            }
            Event::EndCollection => {
                referred = referred.saturating_sub(references.pop().unwrap_or(0));
                open.pop();
            }
            Event::String(value) => line(text, key, &[b"\"", value.as_bytes(), b"\""]),
            Event::Data(value) => line(text, key, &[&value]),
            Event::Integer(value) => line(text, key, &[value.to_string().as_bytes()]),
            _ => {}
        }
    }
    Ok(())
}

fn line(text: &mut Zeroizing<Vec<u8>>, key: Option<String>, value: &[&[u8]]) {
    let key = Zeroizing::new(key.map(|key| format!("{key} = ")).unwrap_or_default());
    let len = key.len() + value.iter().map(|part| part.len()).sum::<usize>() + 1;
    if text.capacity() - text.len() < len {
        let mut larger = Zeroizing::new(Vec::with_capacity((text.len() + len) * 2));
        larger.extend_from_slice(text);
        *text = larger;
    }
    text.extend_from_slice(key.as_bytes());
    value.iter().for_each(|part| text.extend_from_slice(part));
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use plist::{Dictionary, Value};

    use super::*;

    fn list(value: &Value) -> Vec<u8> {
        let mut list = Vec::new();
        value.to_writer_binary(&mut list).unwrap();
        list
    }

    fn sample() -> Vec<u8> {
        let mut inner = Dictionary::new();
        inner.insert("apiKey".to_owned(), Value::String("kü".to_owned()));
        inner.insert("retries".to_owned(), Value::Integer(3.into()));
        let mut root = Dictionary::new();
        root.insert("config".to_owned(), Value::Dictionary(inner));
        root.insert("names".to_owned(), Value::Array(vec!["a".into(), Value::Boolean(true)]));
        root.insert("blob".to_owned(), Value::Data(b"bytes".to_vec()));
        list(&Value::Dictionary(root))
    }

    #[test]
    fn values_stand_behind_their_keys() {
        let (text, fault) = text(&sample());
        let text = std::str::from_utf8(&text).unwrap();
        assert_eq!(text, "apiKey = \"kü\"\nretries = 3\n\"a\"\nblob = bytes\n");
        assert_eq!(fault, None);
    }

    #[test]
    fn a_cut_or_changed_list_is_told() {
        let whole = sample();
        for cut in 0..whole.len() {
            assert!(text(&whole[..cut]).1.is_some(), "{cut}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            let _ = text(&changed);
        }
    }

    #[test]
    fn a_list_that_doubles_itself_ends() {
        // Objects 0 to 39 are arrays of the next one twice; the last is a string.
        let mut bomb = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for n in 0..40u8 {
            offsets.push(bomb.len() as u8);
            bomb.extend_from_slice(&[0xa2, n + 1, n + 1]);
        }
        offsets.push(bomb.len() as u8);
        bomb.extend_from_slice(b"\x54aaaa");
        let table = bomb.len() as u64;
        bomb.extend_from_slice(&offsets);
        bomb.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 1]);
        for number in [offsets.len() as u64, 0, table] {
            bomb.extend_from_slice(&number.to_be_bytes());
        }
        let (text, fault) = text(&bomb);
        assert!(fault.unwrap().to_string().contains("repeats itself"));
        assert!(text.len() <= bomb.len() * (GROWTH + 1));
    }
}

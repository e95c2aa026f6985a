//! Texts in the encodings that requests carry them in. Those of whole bodies are made by another library
//! than the one that is tested.

use std::io::Write as _;

use anyhow::Result;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// In gzip (RFC 1952).
pub fn gzip(text: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    Ok(encoder.finish()?)
}

/// In what HTTP calls deflate: zlib (RFC 1950).
pub fn zlib(text: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    Ok(encoder.finish()?)
}

/// Every third byte as `%XX`, so that neither the raw text nor a full encoding is what is seen.
pub fn percent(text: &str) -> String {
    text.bytes()
        .enumerate()
        .map(|(i, byte)| if i % 3 == 1 { format!("%{byte:02X}") } else { char::from(byte).into() })
        .collect()
}

/// Every third byte as `\uXXXX`, as JSON escapes.
pub fn json(text: &str) -> String {
    text.bytes()
        .enumerate()
        .map(
            |(i, byte)| {
                if i % 3 == 1 { format!("\\u{:04x}", byte) } else { char::from(byte).into() }
            },
        )
        .collect()
}

/// In UTF-16, lower bytes first.
pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// In base64 (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0;
        for i in 0..3 {
            bits = bits << 8 | u32::from(group.get(i).copied().unwrap_or(0));
        }
        for i in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        // RFC 4648, section 10
        for (text, code) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), code);
        }
    }

    #[test]
    fn escapes_change_every_third_byte() {
        assert_eq!(percent("abcde"), "a%62cd%65");
        assert_eq!(json("abcde"), "a\\u0062cd\\u0065");
        assert_eq!(utf16("ab"), b"a\0b\0");
    }
}

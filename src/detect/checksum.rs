//! Checksums that providers build into their tokens.
//!
//! A right checksum makes a finding certain, a wrong one makes it less so; none drops it, because
//! examples, older generations and truncated copies carry wrong ones.

/// How a token's last characters are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// The last six characters are the CRC-32 of what stands before them, in base 62, zero-padded:
    /// GitHub's tokens, where the prefix (up to its underscore) is left out, and npm's, of which
    /// some are seen with the prefix left out and some with it taken in. Either will do.
    /// Source: <https://github.blog/engineering/behind-githubs-new-authentication-token-formats/>.
    Crc32,
}

/// Characters that hold the checksum.
const WIDTH: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Checksum {
    /// Whether `token` carries the checksum that its other characters demand.
    pub(super) fn holds(self, token: &[u8]) -> bool {
        let Some(split) = token.len().checked_sub(WIDTH) else {
            return false;
        };
        let (body, sum) = token.split_at(split);
        let Checksum::Crc32 = self;
        let Some(underscore) = body.iter().rposition(|b| *b == b'_') else {
            return false;
        };
        [&body[underscore + 1..], body].iter().any(|covered| encode(crc32(covered)) == sum)
    }
}

/// CRC-32 as in ISO-HDLC: reflected polynomial 0xEDB88320.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

/// The value in base 62, most significant digit first, zero-padded.
pub(super) fn encode(mut value: u32) -> [u8; WIDTH] {
    let mut out = [b'0'; WIDTH];
    for digit in out.iter_mut().rev() {
        *digit = BASE62[(value % 62) as usize];
        value /= 62;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_of_the_standard_check_input() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn base62_is_padded_and_most_significant_first() {
        assert_eq!(&encode(0), b"000000");
        assert_eq!(&encode(62), b"000010");
        assert_eq!(&encode(u32::MAX), b"4gfFC3");
    }

    #[test]
    fn the_sum_covers_the_body_with_or_without_the_prefix() {
        let body = b"r4nd0mB0dyOfThirtyCharacters12";
        for prefix in [&b"ghp_"[..], b"npm_"] {
            for covered in [body.to_vec(), [prefix, body].concat()] {
                let mut token = [prefix, body, &encode(crc32(&covered))].concat();
                assert!(Checksum::Crc32.holds(&token));
                token[10] ^= 1;
                assert!(!Checksum::Crc32.holds(&token));
            }
        }
    }

    #[test]
    fn a_short_token_holds_nothing() {
        for token in [&b""[..], b"x", b"ghp_", b"000000", b"_000000"] {
            assert_eq!(Checksum::Crc32.holds(token), token == b"_000000", "{token:?}");
        }
    }
}

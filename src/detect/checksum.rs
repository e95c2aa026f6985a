//! Checksums that providers build into their tokens.
//!
//! A right checksum makes a finding certain, a wrong one makes it less so; none drops it, because examples,
//! older generations and truncated copies carry wrong ones.

/// How a token's last characters are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// The last six characters are the CRC-32 of what stands between the prefix (up to its underscore) and them,
    /// in base 62, zero-padded. Source:
    /// <https://github.blog/engineering/behind-githubs-new-authentication-token-formats/>.
    Github,
    /// The same arithmetic over everything before the last six characters, prefix included, as npm's tokens have it.
    /// Source: <https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/>.
    Npm,
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
        let covered = match self {
            Checksum::Npm => body,
            Checksum::Github => match body.iter().rposition(|b| *b == b'_') {
                Some(underscore) => &body[underscore + 1..],
                None => return false,
            },
        };
        encode(crc32(covered)) == sum
    }
}

/// CRC-32 as in ISO-HDLC: reflected polynomial 0xEDB88320.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

fn encode(mut value: u32) -> [u8; WIDTH] {
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
    fn github_skips_the_prefix_and_npm_covers_it() {
        let body = b"r4nd0mB0dyOfThirtyCharacters12";
        let mut github = b"ghp_".to_vec();
        github.extend_from_slice(body);
        github.extend_from_slice(&encode(crc32(body)));
        assert!(Checksum::Github.holds(&github));
        assert!(!Checksum::Npm.holds(&github));
        let mut npm = b"npm_".to_vec();
        npm.extend_from_slice(body);
        let sum = encode(crc32(&npm));
        npm.extend_from_slice(&sum);
        assert!(Checksum::Npm.holds(&npm));
        assert!(!Checksum::Github.holds(&npm));
    }

    #[test]
    fn a_short_token_holds_nothing() {
        assert!(!Checksum::Github.holds(b"x"));
        assert!(!Checksum::Npm.holds(b""));
    }
}

//! Finds tokens in bytes.
//!
//! ```
//! use stanch::detect::Detector;
//!
//! let detector = Detector::new();
//! let text = b"url = https://deploy:kV9-tr4in-Lq8@db.invalid/main";
//! let findings = detector.scan(text);
//! assert_eq!(findings[0].rule().id(), "url-password");
//! assert_eq!(&text[findings[0].range()], b"kV9-tr4in-Lq8");
//! ```
//!
//! A [`Detector`] looks for the token first and for words second: one pass finds runs of token
//! characters, and words that show what has no such run. [`Rule`]s confirm the candidates within
//! bounded windows. What the rules know is data; see `docs/detector.md`.

mod base64;
#[cfg(feature = "rule-files")]
mod call;
mod candidate;
mod checksum;
mod context;
mod decode;
#[cfg(feature = "rule-files")]
mod definition;
mod detector;
mod entropy;
mod finding;
mod generic;
mod keyword;
mod likeness;
mod marks;
mod misfit;
mod name;
mod needle;
mod pair;
mod password;
#[cfg(feature = "rule-files")]
mod pattern;
mod position;
mod prefix;
mod rule;
#[cfg(feature = "rule-files")]
mod rule_file;
mod runs;
mod shape;
mod start;
mod stream;
mod table;
mod value;

pub use decode::{Budget, Encoding, Step};
pub use detector::Detector;
pub use finding::Finding;
pub use rule::{Confidence, Consequence, Environment, Family, Issuer, Privilege, Rule};
#[cfg(feature = "rule-files")]
pub use rule_file::{Complaint, RuleFile, RuleFileError};
pub use stream::DetectorStream;

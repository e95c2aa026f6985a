//! The built-in rules, as the build made them from `src/detect/rules/*.toml`.

use super::checksum::Checksum;
use super::rule::{Confidence, Consequence, Environment, Family, Issuer, Look, Privilege, Rule};
use super::shape::{ByteSet, Part, Shape};

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

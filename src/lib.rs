//! Stops leaked API tokens from being used.
//!
//! API tokens leak, and replacing one everywhere takes weeks. In between, stanch refuses the
//! requests that carry it: a virtual patch. The whole trip:
//!
//! 1. [`detect::Detector`] finds tokens in text.
//! 2. [`secret::ImprintKey`] turns each into an [`secret::Imprint`], which recognises the token and
//!    does not contain it; [`leak::Registry`] makes leaks of them.
//! 3. Somebody decides to patch a leak, [`leak::Leak::decide`]; [`patch::PatchSetBuilder`] compiles the patches.
//! 4. In a proxy, a [`patch::Scan`] over the [`patch::PatchSet`] comes to a [`patch::Verdict`] on
//!    each request.
//!
//! ```
//! use stanch::detect::Detector;
//! use stanch::leak::{Actor, Circumstances, Decision, Mode, Registry, Sighting, Source, Time};
//! use stanch::patch::{Action, Header, Patch, PatchSetBuilder, Scan};
//! use stanch::secret::ImprintKey;
//!
//! let key = ImprintKey::generate()?;
//! let text = b"GITHUB_TOKEN=ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";
//!
//! let findings = Detector::new().scan(text);
//! let secrets: Vec<_> = findings.iter().map(|finding| finding.secret(text)).collect();
//! let imprints: Vec<_> = key.imprint_all(&secrets).collect::<Result<_, _>>()?;
//! let tokens = imprints.into_iter().zip(findings.iter().map(|finding| finding.facts()));
//!
//! let mut registry = Registry::new();
//! let sighting = Sighting::new(Source::file("deploy/.env", findings[0].line()), tokens);
//! let id = registry.register(sighting, Time(0), &Actor::System)?.new.unwrap();
//!
//! // GitHub accepts the token, not an API of our own, so a patch would be refused: "revoke instead".
//! let circumstances = Circumstances { nodes: &["gateway".into()], anyway: true };
//! let (patch, ann) = (Decision::Patch(Mode::Block), Actor::Person("ann".into()));
//! let entry = registry.leak(id).unwrap().decide(patch, None, &circumstances, Time(1), ann)?;
//! registry.apply(&entry)?;
//!
//! let leak = registry.leak(id).unwrap();
//! let mut builder = PatchSetBuilder::new(&key);
//! for token in leak.tokens() {
//!     builder.add(token.imprint(), Patch::block(leak.id().0))?;
//! }
//! let set = builder.build()?;
//!
//! let mut state = vec![0; set.state_len()];
//! let mut scan = Scan::new(&set, &mut state)?;
//! let value = b"token ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";
//! scan.headers(&[Header { name: b"authorization", value }]);
//! assert_eq!(scan.finish().action, Action::Block);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate has no async, no network and no thread in it. The request path, [`patch::Scan`], does
//! not allocate. The C ABI over all of it is declared in `include/stanch.h`.

pub mod attempt;
pub mod class;
pub mod detect;
mod ffi;
pub mod leak;
pub mod patch;
pub mod risk;
pub mod secret;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

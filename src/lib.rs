//! Stops leaked API tokens from being used.
//!
//! API tokens leak, and replacing one everywhere takes weeks. In between, stanch refuses the
//! requests that carry it: a virtual patch. The whole trip:
//!
//! 1. [`detect::Detector`] finds tokens in text.
//! 2. [`secret::ImprintKey`] turns each into an [`secret::Imprint`], which recognises the token and
//!    does not contain it; [`leak::Registry`] makes leaks of them.
//! 3. Somebody decides to patch a leak; [`patch::PatchSetBuilder`] compiles the patches.
//! 4. In a proxy, a [`patch::Scan`] over the [`patch::PatchSet`] comes to a [`patch::Verdict`] on
//!    each request.
//!
//! ```
//! use stanch::detect::Detector;
//! use stanch::leak::{Actor, Decision, Mode, Registry, Source, Time};
//! use stanch::patch::{Action, Header, Patch, PatchSetBuilder, Scan};
//! use stanch::secret::ImprintKey;
//!
//! let key = ImprintKey::generate()?;
//! let text = b"GITHUB_TOKEN=ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";
//!
//! let findings = Detector::new().scan(text);
//! let secrets: Vec<_> = findings.iter().map(|finding| finding.secret(text)).collect();
//! let imprints: Vec<_> = key.imprint_all(&secrets).collect::<Result<_, _>>()?;
//!
//! let mut registry = Registry::new();
//! let found = Source::file("deploy/.env", findings[0].line());
//! let id = registry.register(imprints, found, None, Time(0), Actor::System).new.unwrap();
//! let leak = registry.leak_mut(id).unwrap();
//! leak.decide(Decision::Patch(Mode::Block), Time(1), Actor::Person("ann".into()))?;
//!
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

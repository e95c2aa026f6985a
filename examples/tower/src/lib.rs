//! A [tower] layer that looks at requests with stanch, and refuses those that carry a leaked token.
//!
//! It stands in front of any service of `http` requests, as those of axum, tonic and hyper are. It is an
//! example: copy it, and change what differs. `tests/loopback.rs` runs it behind a real server.
//!
//! [tower]: https://docs.rs/tower

mod layer;
mod log;
mod read;

pub use layer::{Client, GuardLayer, GuardService};
pub use log::Log;
pub use read::ReadError;

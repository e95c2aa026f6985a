//! What is known of a request, and whether a patch acts on it.

use std::net::IpAddr;

use super::network::Network;
use super::normal;
use super::policy::{Items, Policies, RuleRecord};
use super::scan::Header;
use super::scope::{MAX_METHOD, MAX_NAME};
use super::trust;
use super::verdict::{Action, Part};

/// What a host knows of a request that scopes of patches may ask for.
///
/// What is not given here is taken from the request as it is fed, as far as it is in there: the
/// method and the path from the request line, the host from a target in absolute form or a `Host`
/// header. What is given here wins. What nobody tells is unknown, and a condition on it holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'r> {
    /// The host that the request is for, as the host routes it. With or without a port.
    pub host: Option<&'r [u8]>,
    /// Its method.
    pub method: Option<&'r [u8]>,
    /// The path of its target, escaped, as it was sent or is passed on. What follows a `?` does not
    /// count.
    pub path: Option<&'r [u8]>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The time in seconds since 1970-01-01 UTC. If it is not given, the system is asked once a patch
    /// needs it.
    pub now: Option<u64>,
}

/// The bytes of state that a set with scopes needs for what is known of a request.
pub(super) const ROOM: usize = HOST_ROOM + MAX_METHOD + PATH_ROOM;

const HOST_ROOM: usize = MAX_NAME;

/// One more than the longest prefix: the byte behind it says whether it ends with a segment.
const PATH_ROOM: usize = MAX_NAME + 1;

/// How many tokens are located in vain, in one request, to learn in which part they stand. Locating
/// one may take as long as the value that it stands in, so a value that is full of them must not cost
/// its square. From then on the part counts as unknown.
const MAX_LOCATED: u8 = 64;

/// What is known of the request at hand.
pub(super) struct Known<'s> {
    /// The host, the method and the path, [`ROOM`] bytes; empty if the set has no scopes.
    room: &'s mut [u8],
    host: Fact,
    method: Fact,
    path: Fact,
    client: Option<IpAddr>,
    now: Option<u64>,
    /// The policy that was asked last, and what it said whatever the part.
    last: Option<(u16, Action)>,
    located: u8,
}

/// How much of something is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fact {
    /// Nothing yet.
    #[default]
    Untold,
    /// It was told by the request: so many bytes in its room, or `None` if it was told in a way that
    /// can be read differently.
    Seen(Option<usize>),
    /// The same, told by the host; the request says nothing to that.
    Given(Option<usize>),
}

impl Fact {
    fn len(self) -> Option<usize> {
        match self {
            Fact::Untold => None,
            Fact::Seen(len) | Fact::Given(len) => len,
        }
    }

    fn is_given(self) -> bool {
        matches!(self, Fact::Given(_))
    }
}

impl<'s> Known<'s> {
    /// Nothing, so far. `room` has [`ROOM`] bytes, or none if the set has no scopes.
    pub(super) fn new(room: &'s mut [u8]) -> Known<'s> {
        Known {
            room,
            host: Fact::Untold,
            method: Fact::Untold,
            path: Fact::Untold,
            client: None,
            now: None,
            last: None,
            located: 0,
        }
    }

    /// Whether anything that is told can matter. If not, there is no room for it; otherwise the room
    /// is to be wiped once something was told.
    #[inline]
    pub(super) fn matters(&self) -> bool {
        !self.room.is_empty()
    }

    /// Takes note of what the host knows.
    pub(super) fn context(&mut self, context: &Context<'_>) {
        self.last = None;
        if let Some(host) = context.host {
            self.host = Fact::Given(normal::host(host, self.host_room()));
        }
        if let Some(method) = context.method {
            self.method = Fact::Given(self.put_method(method));
        }
        if let Some(path) = context.path {
            self.path = Fact::Given(normal::path(path, self.path_room()));
        }
        self.client = context.client.or(self.client);
        self.now = context.now.or(self.now);
    }

    /// Takes note of the request line.
    pub(super) fn request(&mut self, method: &[u8], target: &[u8]) {
        self.last = None;
        let target = normal::target(target);
        if !self.method.is_given() {
            self.method = Fact::Seen(self.put_method(method));
        }
        if !self.path.is_given() {
            let room = self.path_room();
            self.path = Fact::Seen(target.and_then(|(_, path)| normal::path(path, room)));
        }
        if let Some((Some(authority), _)) = target {
            self.see_host(authority);
        }
    }

    /// Takes note of the `Host` among `headers`.
    pub(super) fn headers(&mut self, headers: &[Header<'_>]) {
        for header in headers.iter().filter(|header| header.name.eq_ignore_ascii_case(b"host")) {
            self.see_host(header.value);
        }
    }

    /// What `policies` ask for in `policy`, of a token in `part` of the request, if that is known.
    pub(super) fn action(
        &mut self,
        policies: Policies<'_>,
        policy: u16,
        part: Option<Part>,
    ) -> Action {
        if let Some((last, action)) = self.last
            && (last, part) == (policy, None)
        {
            return action;
        }
        let mut strongest = Action::Pass;
        for rule in policies.rules(policy) {
            if rule.action > strongest && self.is_in(&rule, part) {
                strongest = rule.action;
            }
        }
        if part.is_none() {
            self.last = Some((policy, strongest));
        }
        strongest
    }

    /// What counts of the part of a token that was located in vain before: see [`MAX_LOCATED`].
    pub(super) fn located(&mut self, part: Part) -> Option<Part> {
        self.located = self.located.saturating_add(u8::from(part != Part::Body));
        (self.located <= MAX_LOCATED).then_some(part)
    }

    /// Wipes what was told.
    pub(super) fn wipe(&mut self) {
        self.room.fill(0);
        std::hint::black_box(&mut *self.room);
    }

    fn is_in(&mut self, rule: &RuleRecord<'_>, part: Option<Part>) -> bool {
        rule.parts.admit(part)
            && lists(rule.hosts, self.host(), is_host_in)
            && lists(rule.methods, self.method(), <[u8]>::eq_ignore_ascii_case)
            && lists(rule.paths, self.path(), is_path_in)
            && !self.is_exempt(rule.networks)
            && self.is_time(rule)
    }

    fn is_exempt(&self, mut networks: Items<'_>) -> bool {
        let Some(client) = self.client else { return false };
        networks.any(|item| Network::from_bytes(item).is_some_and(|it| it.contains(client)))
    }

    fn is_time(&mut self, rule: &RuleRecord<'_>) -> bool {
        let (from, to) = (rule.not_before, rule.not_after);
        (from, to) == (0, u64::MAX) || (from..=to).contains(self.now.get_or_insert_with(trust::now))
    }

    fn host(&self) -> Option<&[u8]> {
        self.room.get(..self.host.len()?)
    }

    fn method(&self) -> Option<&[u8]> {
        self.room.get(HOST_ROOM..)?.get(..self.method.len()?)
    }

    fn path(&self) -> Option<&[u8]> {
        self.room.get(HOST_ROOM + MAX_METHOD..)?.get(..self.path.len()?)
    }

    fn host_room(&mut self) -> &mut [u8] {
        &mut self.room[..HOST_ROOM]
    }

    fn path_room(&mut self) -> &mut [u8] {
        &mut self.room[HOST_ROOM + MAX_METHOD..]
    }

    /// A method that is longer than any in a scope has no room, and counts as one that can be read
    /// differently.
    fn put_method(&mut self, method: &[u8]) -> Option<usize> {
        let room = self.room[HOST_ROOM..][..MAX_METHOD].get_mut(..method.len());
        room.filter(|room| !room.is_empty())?.copy_from_slice(method);
        Some(method.len())
    }

    /// Takes note of a host that the request names. If it names several, it is not known for which of
    /// them it is.
    fn see_host(&mut self, authority: &[u8]) {
        if self.host.is_given() {
            return;
        }
        self.last = None;
        let mut room = [0; HOST_ROOM];
        let len = normal::host(authority, &mut room);
        let seen = match (self.host, len) {
            (Fact::Untold, Some(len)) => {
                self.host_room()[..len].copy_from_slice(&room[..len]);
                Some(len)
            }
            (Fact::Seen(Some(seen)), Some(len)) if self.room[..seen] == room[..len] => Some(seen),
            _ => None,
        };
        self.host = Fact::Seen(seen);
    }
}

/// Whether a condition holds: there is none, or what it is about is not known, or it is listed.
fn lists(mut items: Items<'_>, known: Option<&[u8]>, is: fn(&[u8], &[u8]) -> bool) -> bool {
    items.is_empty() || known.is_none_or(|known| items.any(|item| is(item, known)))
}

fn is_host_in(pattern: &[u8], host: &[u8]) -> bool {
    match pattern.strip_prefix(b"*") {
        Some(end) => host.len() > end.len() && host.ends_with(end),
        None => host == pattern,
    }
}

fn is_path_in(prefix: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

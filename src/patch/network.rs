//! Networks of clients.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// An IPv4 or IPv6 network: an address and how many of its bits count (`10.0.0.0/8`, `2001:db8::/32`).
/// A single address is a network of its own.
///
/// An IPv4 address that came in mapped to IPv6 (`::ffff:10.0.0.1`) is that IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a network: {reason}")]
pub struct NetworkError {
    text: String,
    reason: &'static str,
}

impl Network {
    /// The network of the addresses that agree with `address` in the first `prefix` bits; `None` if
    /// it has not so many, or if a bit behind them is set.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Network> {
        let len = len(address);
        (prefix <= len && masked(address, prefix) == bits(address))
            .then_some(Network { address, prefix })
    }

    /// Whether `client` is in the network.
    pub fn contains(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        client.is_ipv4() == self.address.is_ipv4()
            && masked(client, self.prefix) == bits(self.address)
    }

    /// The network as it lies in the container: the prefix and the address.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![self.prefix];
        match self.address {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
        bytes
    }

    /// The network as it lies in the container.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Network> {
        let (prefix, address) = bytes.split_first()?;
        let address = match <[u8; 4]>::try_from(address) {
            Ok(octets) => IpAddr::from(octets),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        };
        Network::new(address, *prefix)
    }
}

/// The address as a number, from the highest bit on.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

fn len(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> u128 {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
    bits(address) & mask
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let error = |reason| NetworkError { text: text.to_owned(), reason };
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr =
            address.parse().map_err(|_| error("it does not begin with an IP address"))?;
        let prefix = match prefix {
            None => len(address),
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|prefix| *prefix <= len(address))
                .ok_or_else(|| error("the address has not so many bits"))?,
        };
        Network::new(address, prefix)
            .ok_or_else(|| error("the address has bits set behind those that count"))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.prefix < len(self.address) { write!(f, "/{}", self.prefix) } else { Ok(()) }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "a00::", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("192.0.2.128/25", "192.0.2.200", true),
            ("192.0.2.128/25", "192.0.2.100", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::1", "::1", true),
            ("::1", "::2", false),
        ];
        for (network, client, inside) in cases {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(client.parse().unwrap()), inside, "{network} {client}");
            assert_eq!(network.to_string().parse(), Ok(network));
            assert_eq!(Network::from_bytes(&network.to_bytes()), Some(network));
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "IP address"),
            ("example.com", "IP address"),
            ("10.0.0/8", "IP address"),
            ("10.0.0.0/33", "so many bits"),
            ("::/129", "so many bits"),
            ("10.0.0.0/", "so many bits"),
            ("10.0.0.0/-1", "so many bits"),
            ("10.0.0.1/8", "behind those that count"),
            ("2001:db8::1/32", "behind those that count"),
        ] {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        for bytes in
            [&b""[..], &[8], &[8, 10, 0, 0], &[33, 0, 0, 0, 0], &[8, 10, 0, 0, 1], &[0; 16]]
        {
            assert_eq!(Network::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}

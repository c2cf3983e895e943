//! Counts wrong tokens by the address that they come from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);
/// How many addresses are counted at a time.
const ADDRESSES: usize = 4_096;

/// The wrong tokens of the last minute. Only wrong ones are counted and limited: a right token is always accepted, so that one client cannot keep others out by sending
/// wrong ones from the address that they share, such as that of a proxy. A token is too long to be guessed, so the limit bounds the work for wrong ones.
pub(super) struct WrongTokens {
    /// How many wrong tokens of an address are answered within a [`WINDOW`].
    most: u32,
    counted: Mutex<HashMap<IpAddr, Wrong>>,
}

struct Wrong {
    count: u32,
    since: Instant,
}

impl WrongTokens {
    pub(super) fn new(most: u32) -> WrongTokens {
        WrongTokens { most, counted: Mutex::default() }
    }

    /// Counts a wrong token. Returns how long the address has to wait if it sent too many.
    pub(super) fn count(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |wrong: &Wrong| now.duration_since(wrong.since) >= WINDOW;
        if counted.len() >= ADDRESSES {
            counted.retain(|_, wrong| !is_over(wrong));
        }
        if counted.len() >= ADDRESSES {
            // So many addresses are no accident, and counting anew is better than using more memory.
            counted.clear();
        }
        let wrong = counted.entry(network(address)).or_insert(Wrong { count: 0, since: now });
        if is_over(wrong) {
            *wrong = Wrong { count: 0, since: now };
        }
        wrong.count = wrong.count.saturating_add(1);
        (wrong.count > self.most).then(|| WINDOW.saturating_sub(now.duration_since(wrong.since)))
    }
}

/// Returns the address, or for IPv6 its network of 64 bits, because a machine has all addresses of one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ten_wrong_tokens_an_address_waits_for_the_rest_of_the_minute() {
        let (limit, now) = (WrongTokens::new(10), Instant::now());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(limit.count(address, now), None);
        }
        assert_eq!(limit.count(address, now + Duration::from_secs(20)), Some(Duration::from_secs(40)));
        assert_eq!(limit.count("192.0.2.2".parse().unwrap(), now), None);
        assert_eq!(limit.count(address, now + WINDOW), None);
    }

    #[test]
    fn the_addresses_of_an_ipv6_network_are_counted_together() {
        let (limit, now) = (WrongTokens::new(10), Instant::now());
        let waits: Vec<_> = (0..11_u16)
            .map(|number| limit.count(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, number)), now))
            .collect();
        assert!(waits[9].is_none() && waits[10].is_some(), "{waits:?}");
    }

    #[test]
    fn the_number_of_counted_addresses_is_bounded() {
        let (limit, now) = (WrongTokens::new(10), Instant::now());
        for number in 0..20_000_u32 {
            limit.count(IpAddr::V4(number.into()), now);
        }
        assert!(limit.counted.lock().unwrap().len() <= ADDRESSES);
    }
}

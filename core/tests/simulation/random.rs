//! The random source of the simulation.

use headcount::system::Random;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A random source with a seed (SplitMix64). Clones share their state.
#[derive(Clone)]
pub(crate) struct SeededRandom(Arc<AtomicU64>);

impl SeededRandom {
    pub(crate) fn new(seed: u64) -> SeededRandom {
        SeededRandom(Arc::new(AtomicU64::new(seed)))
    }

    /// Makes another random source, whose seed is the next number of this one.
    pub(crate) fn fork(&self) -> SeededRandom {
        SeededRandom::new(self.bits())
    }

    /// Sets the seed. The clones get it too.
    pub(crate) fn reset(&self, seed: u64) {
        self.0.store(seed, Ordering::Relaxed);
    }

    /// Returns a number from 0 to `bound - 1`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// Returns a number from `low` to `high`, both included.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Returns true with a probability of `percent` %.
    pub(crate) fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

impl Random for SeededRandom {
    fn bits(&self) -> u64 {
        let mut bits = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

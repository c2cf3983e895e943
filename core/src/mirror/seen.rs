//! Which rows a listing has named: one bit a row, in blocks where there are any. A million users take 128 kB.

use std::collections::HashMap;

/// The numbers of one block.
const BLOCK: i64 = 4096;

/// A set of row numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    blocks: HashMap<i64, Box<[u64; (BLOCK / 64) as usize]>>,
    count: u64,
}

impl Seen {
    /// Adds a number; whether it is new.
    pub(super) fn insert(&mut self, number: i64) -> bool {
        let block = self.blocks.entry(number.div_euclid(BLOCK)).or_insert_with(|| Box::new([0; (BLOCK / 64) as usize]));
        let within = number.rem_euclid(BLOCK);
        let (word, bit) = ((within / 64) as usize, 1_u64 << (within % 64));
        let is_new = block[word] & bit == 0;
        block[word] |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// Whether it is there.
    pub(super) fn contains(&self, number: i64) -> bool {
        let within = number.rem_euclid(BLOCK);
        self.blocks
            .get(&number.div_euclid(BLOCK))
            .is_some_and(|block| block[(within / 64) as usize] & (1_u64 << (within % 64)) != 0)
    }

    /// Adds all of another set.
    pub(super) fn add(&mut self, other: &Seen) {
        for (block, words) in &other.blocks {
            let own = self.blocks.entry(*block).or_insert_with(|| Box::new([0; (BLOCK / 64) as usize]));
            for (word, more) in own.iter_mut().zip(words.iter()) {
                self.count += u64::from((more & !*word).count_ones());
                *word |= more;
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn is_a_set(numbers in proptest::collection::vec(0_i64..20_000, 0..300), other in 0_i64..20_000) {
            let (mut seen, mut model) = (Seen::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(seen.insert(number), model.insert(number));
            }
            prop_assert_eq!(seen.len(), model.len() as u64);
            prop_assert_eq!(seen.contains(other), model.contains(&other));
        }
    }
}

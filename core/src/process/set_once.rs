//! A cell that is set once, without a lock.
#![allow(unsafe_code, reason = "a value behind an atomic pointer has no safe interface")]

use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A cell that is set at most once, without a lock. `OnceLock` has a lock, which stays locked in a child that is forked while another thread sets
/// the cell.
pub struct SetOnce<T>(AtomicPtr<T>, PhantomData<Box<T>>);

// SAFETY: threads share the value, which is `Sync`. Another thread than the one that set it may drop it, and it is `Send`.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    /// Makes an empty cell.
    pub const fn new() -> SetOnce<T> {
        SetOnce(AtomicPtr::new(null_mut()), PhantomData)
    }

    /// Returns the value, or `None` if the cell has not been set.
    pub fn get(&self) -> Option<&T> {
        // SAFETY: the pointer is NULL, or that of a value that exists as long as the cell.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Returns the value. If there is none, first sets the cell to the value that `make` returns. If several threads call `make` at the same time, one
    /// of the values is set, and the others are dropped.
    pub fn get_or_set(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let made = Box::into_raw(Box::new(make()));
        match self.0.compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: the cell owns the value now, which exists as long as the cell.
            Ok(_) => unsafe { &*made },
            Err(earlier) => {
                // SAFETY: the value was made above, and nothing else has its pointer.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: the pointer is not NULL, and its value exists as long as the cell.
                unsafe { &*earlier }
            }
        }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> SetOnce<T> {
        SetOnce::new()
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        let value = *self.0.get_mut();
        if !value.is_null() {
            // SAFETY: the cell owns the value, and nothing borrows it any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::{Arc, Barrier};

    #[test]
    fn a_cell_keeps_the_value_that_was_set_first() {
        let cell = SetOnce::<String>::new();
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_set(|| "first".to_owned()), "first");
        assert_eq!(cell.get_or_set(|| "second".to_owned()), "first");
        assert_eq!(cell.get().map(String::as_str), Some("first"));
    }

    #[test]
    fn a_value_that_is_made_after_the_cell_was_set_is_dropped() {
        let (cell, late) = (SetOnce::new(), Arc::new("late"));
        let value = cell.get_or_set(|| {
            cell.get_or_set(|| Arc::new("in time"));
            Arc::clone(&late)
        });
        assert_eq!(**value, "in time");
        assert_eq!(Arc::strong_count(&late), 1);
    }

    #[test]
    fn threads_that_set_a_cell_at_the_same_time_get_the_same_value() {
        let (cell, made, barrier) = (SetOnce::new(), Arc::new(()), Barrier::new(8));
        let addresses: BTreeSet<usize> = std::thread::scope(|scope| {
            let set = || {
                barrier.wait();
                std::ptr::from_ref(cell.get_or_set(|| Arc::clone(&made))).addr()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(set)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(addresses.len(), 1);
        assert_eq!(Arc::strong_count(&made), 2, "the cell has the only other copy");
        drop(cell);
        assert_eq!(Arc::strong_count(&made), 1);
    }
}

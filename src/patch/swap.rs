//! A place for something shared that is exchanged now and then while others use it.
//!
//! Why not the crate `arc-swap`: it keeps state for each thread, with a destructor that runs when the
//! thread ends. A library that is loaded into a host must not leave such a thing behind when it is
//! unloaded. Taking an `Arc` from here costs four atomic operations instead of one, and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock, TryLockError};

/// So many that the writer finds a free one even where a reader was interrupted in one or two.
const SLOTS: usize = 4;

/// A place that always holds something. No lock is ever waited for: readers and the writer only try.
pub(super) struct Swap<T> {
    /// All but the current one are empty, or about to be.
    slots: [RwLock<Option<Arc<T>>>; SLOTS],
    current: AtomicUsize,
}

impl<T> Swap<T> {
    /// A place that holds `first`.
    pub(super) fn new(first: Arc<T>) -> Swap<T> {
        let [a, b, c, d] = [Some(first), None, None, None].map(RwLock::new);
        Swap { slots: [a, b, c, d], current: AtomicUsize::new(0) }
    }

    /// What the place holds. It tries again only where the writer was done in between.
    pub(super) fn get(&self) -> Arc<T> {
        loop {
            let current = self.current.load(Ordering::Acquire);
            let found = match self.slots[current % SLOTS].try_read() {
                Ok(slot) => slot.clone(),
                Err(TryLockError::Poisoned(slot)) => slot.into_inner().clone(),
                Err(TryLockError::WouldBlock) => None,
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Puts `next` in the place of what is there, unless readers are in the midst of all other slots:
    /// then it says `false`. Not for two threads at the same time.
    pub(super) fn put(&self, next: Arc<T>) -> bool {
        let current = self.current.load(Ordering::Relaxed);
        for step in 1..SLOTS {
            let free = (current + step) % SLOTS;
            if self.fill(free, Some(&next)) {
                // Only now, when the slot is open to readers: nobody waits for it.
                self.current.store(free, Ordering::Release);
                self.sweep();
                return true;
            }
        }
        false
    }

    /// Lets go of what was replaced. `put` does so itself, but for slots that a reader was just in. Not
    /// for two threads at the same time, nor beside `put`.
    pub(super) fn sweep(&self) {
        let current = self.current.load(Ordering::Relaxed);
        for step in 1..SLOTS {
            self.fill((current + step) % SLOTS, None);
        }
    }

    /// Fills a slot that is not current, and says whether that could be done.
    fn fill(&self, slot: usize, value: Option<&Arc<T>>) -> bool {
        let mut slot = match self.slots[slot].try_write() {
            Ok(slot) => slot,
            Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let old = std::mem::replace(&mut *slot, value.cloned());
        drop(slot);
        // What this frees may take its time: nobody finds the slot closed meanwhile.
        drop(old);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::{RwLockReadGuard, Weak};
    use std::thread;

    use super::*;

    /// Holds the slot that is current, as a reader does that was interrupted in it.
    fn enter<T>(swap: &Swap<T>) -> RwLockReadGuard<'_, Option<Arc<T>>> {
        swap.slots[swap.current.load(Ordering::Relaxed)].try_read().unwrap()
    }

    #[test]
    fn what_is_put_is_got_and_what_was_replaced_is_let_go() {
        let swap = Swap::new(Arc::new(0));
        for value in 1..20 {
            let old = Arc::downgrade(&swap.get());
            assert!(swap.put(Arc::new(value)));
            assert_eq!(*swap.get(), value);
            assert!(old.upgrade().is_none());
        }
    }

    #[test]
    fn readers_that_are_interrupted_hold_up_nobody() {
        let swap = Swap::new(Arc::new(0));
        let mut inside = Vec::new();
        for value in 1..SLOTS {
            inside.push(enter(&swap));
            assert!(swap.put(Arc::new(value)));
            assert_eq!(*swap.get(), value);
        }
        // The first slot is the only other one, and somebody is in it.
        let last = *swap.get();
        assert!(!swap.put(Arc::new(99)));
        assert_eq!(*swap.get(), last);
        let old: Vec<Weak<usize>> =
            inside.iter().map(|slot| Arc::downgrade(slot.as_ref().unwrap())).collect();
        assert!(old.iter().all(|old| old.upgrade().is_some()));
        drop(inside);
        swap.sweep();
        assert!(old.iter().all(|old| old.upgrade().is_none()));
        assert!(swap.put(Arc::new(99)));
        assert_eq!(*swap.get(), 99);
    }

    #[test]
    fn a_panic_in_a_slot_does_not_close_it() {
        let swap = Swap::new(Arc::new(0));
        for _ in 0..2 * SLOTS {
            let broken = |slot: &RwLock<_>| {
                let _inside = slot.write();
                panic!("on purpose");
            };
            thread::scope(|scope| {
                for slot in &swap.slots {
                    assert!(scope.spawn(|| broken(slot)).join().is_err());
                }
            });
            let next = *swap.get() + 1;
            assert!(swap.put(Arc::new(next)));
            assert_eq!(*swap.get(), next);
        }
    }

    #[test]
    fn readers_see_whole_values_in_their_order() {
        let swap = Swap::new(Arc::new([0_u64; 8]));
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !over.load(Ordering::Relaxed) {
                        let value = swap.get();
                        assert!(value.iter().all(|part| *part == value[0]));
                        assert!(value[0] >= last);
                        last = value[0];
                    }
                });
            }
            for value in 1..=20_000 {
                while !swap.put(Arc::new([value; 8])) {}
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(*swap.get(), [20_000; 8]);
    }
}

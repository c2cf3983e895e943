//! A store that dies: before a write or behind it, and then for good. What it had written is on the disk.

use super::world::Dice;
use headcount::store::{Durability, Lease, Store, StoreFuture, Work};
use headcount::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct MortalStore {
    disk: Arc<dyn Store>,
    dice: Dice,
    alive: AtomicBool,
    immortal: AtomicBool,
}

impl MortalStore {
    pub(crate) fn new(disk: Arc<dyn Store>, dice: Dice) -> MortalStore {
        MortalStore { disk, dice, alive: AtomicBool::new(true), immortal: AtomicBool::new(false) }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    pub(crate) fn immortal(&self) {
        self.immortal.store(true, Ordering::Relaxed);
    }

    /// Dies now and then; whether it is still alive.
    fn lives(&self) -> bool {
        if !self.immortal.load(Ordering::Relaxed) && self.dice.below(250) == 0 {
            self.alive.store(false, Ordering::Relaxed);
        }
        self.is_alive()
    }

    /// The error of a store that has ended.
    fn ended() -> Result<()> {
        Err(Error::store("the process died"))
    }
}

impl Store for MortalStore {
    fn write(&self, durability: Durability, work: Work) -> StoreFuture<'_> {
        Box::pin(async move {
            if !self.lives() {
                return MortalStore::ended();
            }
            self.disk.write(durability, work).await?;
            if self.lives() { Ok(()) } else { MortalStore::ended() }
        })
    }

    fn read(&self, work: Work) -> StoreFuture<'_> {
        Box::pin(async move {
            if !self.is_alive() {
                return MortalStore::ended();
            }
            self.disk.read(work).await
        })
    }

    fn lease(&self, name: &str) -> Result<Option<Lease>> {
        self.disk.lease(name)
    }
}

//! Processes with one mirror, while the database fails over between two servers: what they have acknowledged stays, the feed's numbers have no gap and
//! no repetition, leases stay, and in the end the mirror equals the directories.
//!
//! `HEADCOUNT_FAILOVERS` sets the number of failovers, 4 if it is not set. In turn, Patroni switches over, the primary is killed, and the primary is
//! paused, so that it continues after the standby has become the primary. It continues while the processes work, before the next failover.
//! `HEADCOUNT_FAILOVERS_SEED` sets the seed of the random numbers by which the test changes the directories; each run prints its seed.

use super::cluster::Cluster;
use super::processes::{Place, Running, SeededRandom, Seen, World, check};
use super::*;
use headcount::store::Lease;
use headcount::system::{Clock, OsRandom, Random, SystemClock};
use std::collections::BTreeMap;
use std::time::Instant;

/// What each of the processes does.
const ROLES: [&str; 4] = ["receiver", "receiver", "sync", "consumer_1"];

/// The argument for [`schema`].
const NAME: &str = "failover";

/// The longest time that a failover may take, with all of its checks.
const LONGEST: Duration = Duration::from_secs(90);

/// The name of the lease that the test holds during each failover.
const LEASE: &str = "of_the_test";

#[derive(Clone, Copy, Debug)]
enum Failover {
    /// [`Cluster::switch_over`].
    Switchover,
    /// [`Cluster::kill_primary`].
    Kill,
    /// [`Cluster::freeze_primary`].
    Freeze,
}

/// The processes, what they have printed, and the directories that change while they run.
struct Load {
    world: World,
    random: SeededRandom,
    processes: Vec<Running>,
    seen: Seen,
}

impl Load {
    fn start(place: &Place, world: World, seed: u64) -> Load {
        let processes = ROLES.iter().map(|role| Running::start(role, place, &world.sandbox)).collect();
        Load { world, random: SeededRandom(seed), processes, seen: Seen::default() }
    }

    /// Changes the directories and reads what the processes print, until `is_done` returns true.
    fn run_until(&mut self, what: &str, mut is_done: impl FnMut(&Seen) -> bool) {
        let started = Instant::now();
        while !is_done(&self.seen) {
            assert!(started.elapsed() < LONGEST, "{what} takes too long: {:?}", self.seen);
            self.world.change(&mut self.random);
            for process in &mut self.processes {
                process.read(&mut self.seen);
            }
            std::thread::sleep(Duration::from_millis(20 + self.random.below(60) as u64));
        }
    }

    /// Runs until each role has completed another call.
    fn run_until_all_have_worked(&mut self, what: &str) {
        for process in &mut self.processes {
            process.read(&mut self.seen);
        }
        let before = self.seen.successes.clone();
        self.run_until(what, |seen| {
            ROLES.iter().all(|role| seen.successes.get(role).copied() > before.get(role).copied())
        });
    }

    fn end(mut self) -> (World, Seen) {
        for process in self.processes {
            process.kill(&mut self.seen);
        }
        (self.world, self.seen)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_go_on_at_the_new_primary_after_a_failover() {
    let failovers = number_of("HEADCOUNT_FAILOVERS").unwrap_or(4);
    let seed = number_of("HEADCOUNT_FAILOVERS_SEED").unwrap_or_else(|| OsRandom.bits());
    println!("HEADCOUNT_FAILOVERS_SEED={seed}");
    let cluster = Arc::new(block_in_place(Cluster::start));
    let test = async {
        let place = Place { url: cluster.url.clone(), name: NAME };
        let world = World::new().await;
        let mirror = place.open(&world.sandbox).await;
        mirror.sync_all().await.unwrap();
        let mut options = options(NAME);
        // A server that is paused counts as lost after the sum of both.
        (options.lock_timeout, options.statement_timeout) = (Duration::from_secs(4), Duration::from_secs(4));
        let store = Arc::new(PostgresStore::connect_with(&place.url, options).await.unwrap());
        let mut load = Load::start(&place, world, seed);
        block_in_place(|| load.run_until("the start", |seen| seen.has_all(&ROLES)));
        for number in 0..failovers {
            let kind = [Failover::Switchover, Failover::Kill, Failover::Freeze][number as usize % 3];
            fail_over(kind, &cluster, &place, &store, &mut load).await;
        }
        let (world, seen) = load.end();
        seen.print_with(&format!("{failovers} failovers"));
        place.expire_leases();
        check(&mirror, &world, seen, &ROLES).await;
    };
    let limit = LONGEST * u32::try_from(failovers + 1).unwrap();
    tokio::time::timeout(limit, test).await.unwrap();
}

/// Makes the standby the primary while the processes work. Checks that all of them go on, that the lease that was held before is still held, and that no
/// lease has a smaller token than before. Prints for how long no event was received.
async fn fail_over(kind: Failover, cluster: &Arc<Cluster>, place: &Place, store: &Arc<PostgresStore>, load: &mut Load) {
    let old = block_in_place(|| {
        cluster.revive();
        load.run_until("the replication", |_| cluster.is_redundant());
        cluster.primary().unwrap()
    });
    let lease = take(store).await;
    let tokens = tokens(place);
    assert_eq!(tokens.get(LEASE), Some(&lease.fence().token));
    block_in_place(|| {
        load.run_until_all_have_worked("the work before a failover");
        load.seen.longest_pause();
        let acting = Arc::clone(cluster);
        let action = std::thread::spawn(move || match kind {
            Failover::Kill => acting.kill_primary(),
            Failover::Switchover => acting.switch_over(),
            Failover::Freeze => acting.freeze_primary(),
        });
        load.run_until("the failover", |_| {
            action.is_finished() && cluster.primary().is_some_and(|primary| primary != old)
        });
        action.join().unwrap();
        load.run_until_all_have_worked("the work after a failover");
        println!("{kind:?}: no event was received for {:.1?}", load.seen.longest_pause());
    });
    check_lease(&*lease, store, place).await;
    for (name, token) in self::tokens(place) {
        let before = tokens.get(&name).copied().unwrap_or_default();
        assert!(token >= before, "the token of {name} was {before}, and is {token} after the failover");
    }
    drop(lease);
    store.released().await.unwrap();
}

/// Checks that a lease is held, and that a write with it succeeds, but not one with the token of an earlier lease.
async fn check_lease(lease: &dyn Lease, store: &Arc<PostgresStore>, place: &Place) {
    let other = open(&place.url, NAME).await.unwrap();
    let hour = Duration::from_secs(3_600);
    assert!(other.lease(LEASE.to_owned(), SystemClock.now(), hour).await.unwrap().is_none(), "the lease was taken");
    let fenced = |token: i64| {
        let mut fence = lease.fence().clone();
        fence.token = token;
        Write { fence: Some(fence), ..write("org_of_the_test", Keys::default(), |_| Batch::default()) }
    };
    let token = lease.fence().token;
    store.write(fenced(token)).await.unwrap();
    let error = other.write(fenced(token - 1)).await.unwrap_err();
    assert!(error.message().contains("the lease was lost"), "{error}");
}

/// Takes the lease of the test as soon as it is free.
async fn take(store: &PostgresStore) -> Box<dyn Lease> {
    loop {
        match store.lease(LEASE.to_owned(), SystemClock.now(), Duration::from_secs(3_600)).await.unwrap() {
            Some(lease) => return lease,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Reads the tokens of all leases by their names.
fn tokens(place: &Place) -> BTreeMap<String, i64> {
    let sql = format!("SELECT coalesce(json_object_agg(name, token), '{{}}') FROM {}.lease", schema(place.name));
    serde_json::from_str(&block_in_place(|| server::psql(&place.url, &sql)).unwrap()).unwrap()
}

//! The speed of single writes.

use super::*;
use std::time::Instant;

/// Runs `count` writes like those of `receive`, one after another: an event, a user and a change, durable.
async fn receive_events(store: &PostgresStore, organization_id: &str, worker: usize, count: usize) {
    for n in 0..count {
        let (organization, id) = (organization_id.to_owned(), format!("diruser_{worker}_{}", n % 50));
        let event = format!("evt_{worker}_{n}");
        let keys = Keys {
            organizations: [organization.clone()].into(),
            users: [id.clone()].into(),
            events: [event.clone()].into(),
            ..Keys::default()
        };
        let one = write(organization_id, keys, move |set| {
            let mut row = set.users.get(&id).cloned().unwrap_or_else(|| user(&organization, &id));
            row.user.given_name = n.to_string();
            row.trail.revision = set.revision;
            let event = EventRow {
                id: event.clone(),
                organization_id: organization.clone(),
                received_at: Timestamp::UNIX_EPOCH,
                state: EventState::Settled,
                body: None,
            };
            Batch { events: vec![event], ..with_user(row) }
        });
        store.write(one).await.unwrap();
    }
}

/// Prints the speed of durable single writes on a server that flushes, beside pgbench's inserts of single rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures the speed"]
async fn speed_of_single_writes() {
    const COUNT: usize = 400;
    let server = Server::start(Start { flushes: true, ..Start::default() });
    for (title, workers, organizations) in
        [("warm up", 8, 8), ("1 at once", 1, 1), ("8 at once", 8, 8), ("8 at once, one organization", 8, 1)]
    {
        let store = Arc::new(open(&server.url, &format!("speed {title}")).await.unwrap());
        let started = Instant::now();
        let running: Vec<_> = (0..workers)
            .map(|worker| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    receive_events(&store, &format!("org_{}", worker % organizations), worker, COUNT).await;
                })
            })
            .collect();
        for one in running {
            one.await.unwrap();
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("{title}: {:.0} writes/s", (workers * COUNT) as f64 / seconds);
    }
    for clients in [1, 8] {
        println!("pgbench, {clients} at once: {} inserts/s", server.pgbench(clients));
    }
}

//! A store recognizes a former primary, which continues after a standby has become the primary, by its older timeline.

use super::*;
use headcount::ErrorStatus;
use std::path::{Path, PathBuf};

/// A server, a copy of it that has become a primary as well, and an address that leads to one of them, as a name in DNS does.
struct Split {
    former: &'static Server,
    new: &'static Server,
    /// A symbolic link to the folder of the sockets of one of them.
    address: PathBuf,
}

impl Split {
    /// Starts both. The address leads to the former primary.
    fn start() -> Split {
        let former = Server::of_a_test(Start::default());
        let address = former.folder().join("address");
        let copied = Some(former.folder().to_owned());
        let new = Server::of_a_test(Start { standby: true, copied, ..Start::default() });
        assert_eq!(new.psql("SELECT pg_promote()"), "t");
        let split = Split { former, new, address };
        split.lead_to(former);
        split
    }

    /// Makes the address lead to a server.
    fn point_to(&self, server: &Server) {
        let next = self.address.with_extension("next");
        std::os::unix::fs::symlink(server.folder(), &next).unwrap();
        std::fs::rename(&next, &self.address).unwrap();
    }

    /// Makes the address lead to a server, and closes the connections to the other one.
    fn lead_to(&self, server: &Server) {
        self.point_to(server);
        let other = if std::ptr::eq(server, self.former) { self.new } else { self.former };
        other
            .psql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'headcount'");
    }

    fn url(&self) -> String {
        url(&self.address)
    }
}

fn url(folder: &Path) -> String {
    format!("postgresql:///postgres?user=headcount&host={}", folder.display())
}

async fn add_user(store: &PostgresStore, id: &'static str) -> Result<()> {
    store.write(write("org_1", Keys::default(), move |_| with_user(user("org_1", id)))).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_primary_is_refused_after_the_new_one_was_used() {
    let test = async {
        let split = block_in_place(Split::start);
        let store = open_that_repeats_once(&split.url(), "timelines").await;
        add_user(&store, "diruser_of_former").await.unwrap();

        block_in_place(|| split.lead_to(split.new));
        // The copy was made before the store created its tables.
        let new = open(&split.url(), "timelines").await.unwrap();
        add_user(&new, "diruser_of_new").await.unwrap();
        drop(new);
        assert_eq!(user_ids(&store).await, ["diruser_of_new"]);

        block_in_place(|| split.lead_to(split.former));
        let error = store.users(UserFilter::default(), 0, 1).await.unwrap_err();
        assert!(error.message().contains("its timeline 1 is older than 2, which this process has used"), "{error}");
        assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
        let error = add_user(&store, "diruser_later").await.unwrap_err();
        assert!(error.message().contains("the server is a former primary"), "{error}");

        block_in_place(|| split.lead_to(split.new));
        assert_eq!(user_ids(&store).await, ["diruser_of_new"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_is_opened_again_accepts_a_server_that_was_restored_from_a_backup() {
    let test = async {
        let split = block_in_place(Split::start);
        let before = open_that_repeats_once(&split.url(), "timelines").await;
        add_user(&before, "diruser_of_former").await.unwrap();
        block_in_place(|| split.lead_to(split.new));
        open(&split.url(), "timelines").await.unwrap();
        assert!(user_ids(&before).await.is_empty());
        block_in_place(|| split.lead_to(split.former));
        before.users(UserFilter::default(), 0, 1).await.unwrap_err();

        let opened_again = open(&split.url(), "timelines").await.unwrap();
        assert_eq!(user_ids(&opened_again).await, ["diruser_of_former"]);
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_a_former_primary_committed_is_done_again_on_the_new_one() {
    let test = async {
        let split = block_in_place(Split::start);
        let store = Arc::new(open(&split.url(), "timelines").await.unwrap());
        // Another call connects to the new primary while the write is decided.
        let (entered, deciding) = mpsc::channel();
        let (resume, resumed) = mpsc::channel::<()>();
        let slow = write("org_1", Keys::default(), move |_| {
            let _ = entered.send(());
            let _ = block_in_place(|| resumed.recv());
            with_user(user("org_1", "diruser_1"))
        });
        let writing = Arc::clone(&store);
        let writing = tokio::spawn(async move { writing.write(slow).await });
        receive(deciding).await;
        block_in_place(|| split.point_to(split.new));
        let new = open(&split.url(), "timelines").await.unwrap();
        assert!(user_ids(&store).await.is_empty());
        drop(resume);
        writing.await.unwrap().unwrap();

        assert_eq!(user_ids(&new).await, ["diruser_1"]);
        assert_eq!(user_ids(&store).await, ["diruser_1"]);
        let former = open(&url(split.former.folder()), "timelines").await.unwrap();
        assert_eq!(user_ids(&former).await, ["diruser_1"], "the former primary has committed it as well");
    };
    tokio::time::timeout(LIMIT, test).await.unwrap();
}

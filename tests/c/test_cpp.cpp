/* The classes of headcount.hpp: ownership, exceptions and loops, with a sandbox in the same process. */
#include "check.h"
#include <atomic>
#include <headcount.hpp>
#include <set>
#include <string>
#include <thread>
#include <type_traits>

using namespace headcount;

/* Whether [] can be used with an object of this type. It cannot with a temporary list, which would be destroyed before its item is used. */
template <class T>
auto has_items(int) -> decltype(std::declval<T>()[0], std::true_type());
template <class T>
auto has_items(...) -> std::false_type;
static_assert(decltype(has_items<const Changes &>(0))::value && !decltype(has_items<Changes>(0))::value);
static_assert(decltype(has_items<const Holds &>(0))::value && !decltype(has_items<Holds>(0))::value);

/* Checks that a call throws an Error with this status and a message that contains `text`. Returns the error. */
template <class Call>
static Error thrown(hc_status status, const std::string &text, Call call) {
    try {
        call();
    } catch (const Error &error) {
        CHECK(error.status() == status);
        CHECK(std::string(error.what()).find(text) != std::string::npos);
        return error;
    }
    CHECK(!"no exception was thrown");
    return Error(HC_OK, nullptr);
}

static_assert(!std::is_copy_constructible_v<Client> && std::is_nothrow_move_constructible_v<Client>);
static_assert(!std::is_copy_constructible_v<Changes> && std::is_nothrow_move_constructible_v<Changes>);
static_assert(std::is_copy_constructible_v<Error>);

static void a_client_calls_every_endpoint(const Sandbox &sandbox, const Client &client) {
    const std::string organization = sandbox.organization_id(), directory = sandbox.directory_id();
    std::set<std::string> ids;
    for (const hc_user &user : client.all_users(organization, directory)) ids.insert(hc_user_id(&user));
    CHECK(ids.size() == 40);
    auto two = options<hc_user_options>();
    two.page_size = 2;
    Users page = client.users(organization, directory, &two);
    CHECK(page.size() == 2 && !page.empty() && hc_user_page_total_size(page.get()) == 40);
    CHECK(ids.count(hc_user_id(&page[1])) == 1);
    try {
        (void)page[2];
        CHECK(!"an index after the last item was accepted");
    } catch (const std::out_of_range &) {
        CHECK(true);
    }
    std::size_t groups = 0;
    for (const hc_group &group : client.groups(organization, directory)) groups += hc_group_display_name(&group)[0] != 0;
    CHECK(groups == 2);
    CHECK(client.all_groups(organization, directory).next() != nullptr && client.all_organizations().next() != nullptr);
    CHECK(client.organizations().size() == 1 && client.directories(organization).size() == 1);
    CHECK(hc_directory_id(client.primary_directory(organization).get()) == directory);
    CHECK(hc_directory_id(client.directory(organization, directory).get()) == directory);
    CHECK(hc_organization_id(client.organization(organization).get()) == organization);
    auto fields = options<hc_organization_fields>();
    fields.display_name = "Acme";
    fields.external_id = "acme";
    Organization acme = client.create_organization(fields);
    const std::string id = hc_organization_id(acme.get());
    CHECK(hc_organization_id(client.organization_by_external_id("acme").get()) == id);
    fields.display_name = "Acme Aviation";
    CHECK_TEXT(hc_organization_display_name(client.update_organization(id, fields).get()), "Acme Aviation");
    CHECK_TEXT(hc_organization_display_name(client.update_organization_by_external_id("acme", fields).get()), "Acme Aviation");
    const Organization without = client.update_organization_settings(id, {{"sso", false}});
    CHECK(std::string(hc_organization_json(without.get())).find("{\"name\":\"sso\",\"enabled\":false}") != std::string::npos);
    const PortalLink link = client.generate_portal_link(id, {"sso", "dir_sync"});
    CHECK(std::string(hc_portal_link_location(link.get())).find("http") == 0);
    client.delete_organization(id);
    Error missing = thrown(HC_NOT_FOUND, id, [&] { client.organization(id); });
    CHECK(missing.http_status() == 404 && missing.reason().empty());
    CHECK(!hc_directory_toggle_enabled(client.disable_directory(organization, directory).get()));
    CHECK(hc_directory_toggle_enabled(client.enable_directory(organization, directory).get()));

    auto once = options<hc_call_options>();
    once.max_attempts = 1;
    Client without_retries = client.with(once);
    sandbox.fault({"503"});
    thrown(HC_SERVER, "", [&] { without_retries.directories(organization); });
    sandbox.fault({});
    CHECK(client.stats().requests > 0 && client.stats().pages > 0 && client.stats().bytes > 0);
    Cancel cancel;
    auto cancellable = options<hc_call_options>();
    cancellable.cancel = cancel.get();
    Client stopped = client.with(cancellable);
    CHECK(!cancel.is_cancelled() && stopped.directories(organization).size() == 1);
    cancel.cancel();
    CHECK(cancel.is_cancelled());
    thrown(HC_CANCELLED, "", [&] { stopped.directories(organization); });
    Client moved = std::move(without_retries);
    CHECK(moved && !without_retries && moved.directories(organization).size() == 1);
    thrown(HC_INVALID_ARGUMENT, "client is NULL", [&] { without_retries.directories(organization); });
    thrown(HC_CONFIG, "", [] { Client("ftp://example.com", "skc_1", "secret"); });
}

static void a_verifier_accepts_only_signed_requests(const Sandbox &sandbox) {
    Webhook webhook({sandbox.webhook_secret()});
    std::string body = Sandbox::event_body("role.created");
    Headers headers = webhook.sign(body, "msg_1");
    Event event = webhook.verify(headers, body);
    CHECK_TEXT(hc_event_type(event.get()), "role.created");
    CHECK_TEXT(hc_event_message_id(event.get()), "msg_1");
    CHECK(thrown(HC_WEBHOOK_VERIFICATION, "", [&] { webhook.verify(headers, body + " "); }).reason() == "no_match");
    CHECK(thrown(HC_WEBHOOK_VERIFICATION, "", [&] { webhook.verify(webhook.sign(body, std::nullopt, 0), body); }).reason() == "too_old");
    CHECK(thrown(HC_CONFIG, "", [] { Webhook({"whsec_"}); }).reason() == "invalid_secret");
    /* While a secret is rotated, the old and the new one are accepted. */
    Webhook rotated({"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", sandbox.webhook_secret()});
    CHECK_TEXT(hc_event_type(rotated.verify(headers, body).get()), "role.created");
    thrown(HC_BAD_REQUEST, "role.made", [] { Sandbox::event_body("role.made"); });
}

static void a_mirror_syncs_receives_webhooks_and_gives_changes_to_consumers(const Sandbox &sandbox, const Client &client) {
    const std::string organization = sandbox.organization_id(), directory = sandbox.directory_id(), secret = sandbox.webhook_secret();
    auto settings = options<hc_mirror_options>();
    settings.webhook_secret = secret.c_str();
    settings.guard_users = 3;
    Mirror mirror(":memory:", client, &settings);
    std::atomic<std::uint64_t> seen{0};
    SyncReports reports = mirror.sync(organization, std::nullopt, options<hc_sync_options>(), [&](const hc_sync_progress &progress) {
        if (std::string(progress.phase) == "users") seen = progress.items;
    });
    CHECK(reports.size() == 1 && seen == 40 && hc_sync_report_created(&reports[0]) == 40);
    CHECK(mirror.sync_all().size() == 1);
    std::int64_t last = 0;
    std::size_t users = 0;
    for (const hc_change &change : mirror.poll("app", 1000)) {
        users += std::string(hc_change_kind(&change)) == "user.created";
        last = hc_change_seq(&change);
    }
    CHECK(users == 40);
    mirror.ack("app", last);
    CHECK(mirror.poll("app").empty() && mirror.wait("app", 1, 0).empty() && mirror.poll_groups("app").empty());
    std::size_t grouped = 0;
    for (const ChangeGroup &group : mirror.poll_groups("by group", 1000)) {
        for (const hc_change &change : group) grouped += std::string(hc_change_kind(&change)) == "user.created";
        last = hc_change_seq(&group.back());
    }
    CHECK(grouped == 40);
    ChangeGroups groups = mirror.poll_groups("by group", 1);
    CHECK(groups.size() == 1 && hc_change_seq(&groups[0][0]) == 1);
    bool refused = false;
    try {
        groups[0][groups[0].size()];
    } catch (const std::out_of_range &) {
        refused = true;
    }
    CHECK(refused);
    mirror.ack("by group", last);
    CHECK(mirror.poll_groups("by group").empty() && mirror.drop_consumer("by group"));

    auto fields = options<hc_sandbox_user>();
    fields.email = "ada@example.com";
    User ada = sandbox.create_user(fields);
    const std::string id = hc_user_id(ada.get());
    Group crew = sandbox.create_group("Crew");
    sandbox.add_member(hc_group_id(crew.get()), id);
    Plan plan = mirror.plan(organization, directory);
    CHECK(plan.outcome() == "done" && plan.count("user.created") == 1 && plan.incomplete().empty() && plan.error() == nullptr);
    CHECK(hc_sync_reports_len(plan.reports()) == 1 && hc_hold_list_len(plan.holds()) == 0 && !mirror.user(id));
    std::size_t planned = 0;
    for (const hc_change &change : plan.changes()) planned += std::string(hc_change_kind(&change)) == "user.created";
    CHECK(planned == 1);
    thrown(HC_INVALID_ARGUMENT, "kind", [&] { plan.count("user.hired"); });
    mirror.sync(organization, directory);
    mirror.link(id, "acct_42");
    mirror.set_role_map({{"Crew", "sailor"}});
    CHECK(mirror.role_map().size() == 1 && mirror.role_map()[0].second == "sailor");
    MirrorUser mirrored = mirror.user(id);
    CHECK(mirrored && !mirror.user("diruser_0") && !mirror.group("dirgroup_0"));
    CHECK_TEXT(hc_mirror_user_linked_id(mirrored.get()), "acct_42");
    CHECK_TEXT(hc_mirror_user_roles_at(mirrored.get(), 0), "sailor");
    CHECK(mirror.find_users("ADA@example.com").size() == 1 && mirror.groups(organization).size() == 3 && mirror.directories().size() == 1);
    mirror.link(id, std::nullopt);
    CHECK(hc_mirror_user_linked_id(mirror.user(id).get()) == nullptr);

    Webhook webhook({secret});
    std::string body = Sandbox::event_body("organization.directory.user_deleted",
                                           "{\"organization_id\":\"" + organization + "\",\"data\":{\"id\":\"" + id + "\"}}");
    ReplayGuard guard;
    Event carried = webhook.verify(webhook.sign(body, "msg_1"), body);
    CHECK(!guard.check(carried) && !guard.check("msg_1"));
    guard.commit(carried);
    CHECK(guard.check(carried) && guard.check("msg_1") && !guard.check("msg_2"));
    guard.commit("msg_2");
    CHECK(guard.check("msg_2"));
    Event claimed = webhook.verify(webhook.sign(body, "msg_3"), body);
    CHECK(!guard.claim(claimed) && guard.claim(claimed) && guard.claim("msg_3") && guard.check("msg_3"));
    guard.release(claimed);
    CHECK(!guard.check("msg_3") && !guard.claim("msg_3") && guard.claim(claimed));
    guard.release("msg_3");
    CHECK(!guard.claim("msg_3") && guard.claim("msg_1") && !guard.claim("msg_4"));
    hc_replay_store bare{};
    bare.struct_size = sizeof bare;
    bare.contains = [](void *, const char *) { return 0; };
    bare.record = [](void *, const char *, std::int64_t) { return 0; };
    hc_replay_guard *custom = nullptr;
    CHECK(hc_replay_guard_custom(&bare, nullptr, &custom, nullptr) == HC_OK);
    ReplayGuard without_claims(custom);
    thrown(HC_INVALID_ARGUMENT, "claim", [&] { CHECK(without_claims.claim("msg_1")); });
    thrown(HC_INVALID_ARGUMENT, "release", [&] { without_claims.release("msg_1"); });
    thrown(HC_STORE, "", [] { ReplayGuard::sqlite("/no/such/folder/x.db"); });
    CHECK(mirror.receive(webhook.sign(body), body) == HC_OUTCOME_APPLIED);
    CHECK(mirror.apply(webhook.verify(webhook.sign(body), body)) == HC_OUTCOME_DUPLICATE);
    CHECK(thrown(HC_WEBHOOK_VERIFICATION, "", [&] { mirror.receive(webhook.sign(body), body + " "); }).reason() == "no_match");

    Changes changes = mirror.poll("app");
    CHECK(!changes.empty());
    mirror.park("app", hc_change_seq(&changes[0]), "not now");
    CHECK(mirror.parked_changes("app").size() == 1 && mirror.consumers().size() == 1);
    CHECK(mirror.drop_parked("app", hc_change_seq(&changes[0])) && !mirror.drop_parked("app", hc_change_seq(&changes[0])));
    mirror.start_from_snapshot("late");
    Changes late = mirror.poll("late");
    CHECK(hc_change_seq(&late[0]) < 0);
    CHECK(mirror.drop_consumer("late") && !mirror.drop_consumer("late"));
    mirror.trim();

    std::vector<std::string> leavers;
    for (const hc_mirror_user &user : mirror.users(organization)) {
        if (leavers.size() < 8) leavers.emplace_back(hc_mirror_user_id(&user));
    }
    for (const auto &leaver : leavers) sandbox.delete_user(leaver);
    auto full = options<hc_sync_options>();
    full.mode = HC_SYNC_FULL;
    Error held = thrown(HC_MASS_REMOVAL, "", [&] { mirror.sync(organization, directory, full); });
    CHECK(hc_error_removals_count(held.get()) == 8 && mirror.held_removals(directory).size() == 8);
    DirectoryStatuses statuses = mirror.status();
    CHECK_TEXT(hc_hold_reason(hc_mirror_directory_status_held(&statuses[0])), "mass_removal");
    full.approve_removals = 1;
    SyncReports reported = mirror.sync(organization, directory, full);
    CHECK(hc_sync_report_deleted(&reported[0]) == 8);
    auto approvals = mirror.approvals(organization);
    CHECK(mirror.approvals().size() == 1 && hc_approval_is_approved(&approvals[0]));
    Erasure erasure = mirror.erase_user("diruser_nobody");
    CHECK(hc_erasure_was_mirrored(erasure.get()) == 0 && hc_erasure_changes(erasure.get()) == 0);
    OrganizationErasure forgotten = mirror.forget_organization("org_nobody");
    CHECK(hc_organization_erasure_was_mirrored(forgotten.get()) == 0 && hc_organization_erasure_directories(forgotten.get()) == 0);
    CHECK(mirror.retirements().empty() && mirror.pending_events(organization).empty());
    auto newest = options<hc_run_options>();
    newest.limit = 1;
    Runs runs = mirror.runs(newest);
    CHECK(runs.size() == 1 && mirror.runs().size() > 1);
    CHECK_TEXT(hc_run_directory_id(&runs[0]), directory.c_str());
    Explanation why = mirror.explain("diruser_0");
    CHECK_TEXT(hc_explanation_state(why.get()), "unknown");
    CHECK(why.text().find("not known") != std::string::npos && why.text(true) == why.text());
    CHECK(!mirror.event("evt_0") && !mirror.events().empty());

    mirror.set_role_map_entries({{"Crew", "sailor", HC_ROLE_BY_NAME, organization}, {"dirgroup_0", "ghost"}});
    CHECK(mirror.role_map_entries().size() == 2 && mirror.unmatched_roles().size() == 1);
    auto unmatched = mirror.unmatched_roles();
    CHECK_TEXT(hc_role_map_entry_key(&unmatched[0]), "id");
    auto changed = options<hc_mirror_options>();
    changed.guard_users = 9;
    mirror.configure(changed);
    CHECK(hc_guard_settings_users(hc_settings_guard(mirror.settings().get())) == 9);
    mirror.unbind_environment();
    CHECK(mirror.id().value().size() == 36);
    thrown(HC_CONFIG, "", [&] { mirror.copy_to(":memory:"); });
    thrown(HC_CONFIG, "", [&] { mirror.backup(":memory:"); });
    CHECK(mirror.reconcile({"diruser_z", "diruser_a", "diruser_z"}, organization) == std::vector<std::string>({"diruser_a", "diruser_z"}));
    thrown(HC_INVALID_ARGUMENT, "", [&] { mirror.reconcile({"diruser_a"}, organization, "2999-01-01"); });
    CHECK(mirror.metrics().find("\n# EOF\n") != std::string::npos && mirror.metrics(true).find(organization) != std::string::npos);

    /* Changes of an iterator are acknowledged or parked one by one. The first change is neither, so the cursor stays before it. */
    AllChanges shared = mirror.changes("loop", 0);
    Change first = shared.next();
    std::size_t others = 0;
    for (const hc_change &change : shared) {
        if (others++ == 0) shared.park(change, "not now");
        else shared.ack(change);
    }
    CHECK(first && others > 40 && !shared.next());
    Changes polled = mirror.poll("loop", 1);
    CHECK(hc_change_seq(&polled[0]) == hc_change_seq(first.get()));
    shared.ack(*first.get());
    CHECK(mirror.poll("loop").empty() && mirror.parked_changes("loop").size() == 1);
    auto four = options<hc_worker_options>();
    four.partitions = 4;
    Worker worker = mirror.consumer("partitioned", four, 0);
    std::size_t taken = 0;
    for (const hc_change &change : worker) {
        if (taken++ == 0) worker.ack(change);
    }
    CHECK(taken == others + 1 && worker.partitions() == 4);
    worker.ack_all();
    worker.close();
    CHECK(!worker.next() && worker.partitions() == 0);
    Worker next = mirror.consumer("partitioned", four, 0);
    for (const hc_change &change : next) CHECK(hc_change_seq(&change) == 0);
    AllChanges waiting = mirror.changes("loop");
    std::thread closer([&] { mirror.close(); });
    /* All changes are acknowledged, so the loop has no iteration; it ends when the mirror is closed. */
    for (const hc_change &change : waiting) CHECK(hc_change_seq(&change) == 0);
    closer.join();

    thrown(HC_CONFIG, "no client", [&] { Mirror(":memory:").sync(organization); });
    thrown(HC_STORE, "", [] { Mirror("/no/such/folder/x.db"); });
}

int main() {
    auto sizes = options<hc_sandbox_options>();
    sizes.users = 40;
    sizes.groups = 2;
    Sandbox sandbox(sizes);
    Client client = sandbox.client();
    a_client_calls_every_endpoint(sandbox, client);
    a_verifier_accepts_only_signed_requests(sandbox);
    a_mirror_syncs_receives_webhooks_and_gives_changes_to_consumers(sandbox, client);
    return closing_line("test_cpp");
}

/* headcount for C++17: headcount.h with owning classes, exceptions instead of statuses, and range-for.
 *
 * Header-only; link with -lheadcount. Owning classes are move-only. Borrowed objects are const pointers or references of headcount.h, to be
 * read with its accessors; they are valid as long as the object that they come from (from a Range: until the next iteration):
 *
 *     headcount::Client client = headcount::Client::from_env();
 *     for (const hc_user &user : client.all_users("org_1", "dir_1")) std::puts(hc_user_email(&user));
 *
 * A method without a comment does what the function of headcount.h does that it calls. If that function fails, the method throws
 * headcount::Error. Text arguments are copied and may be temporaries. Options are the structs of headcount.h, created by
 * headcount::options<T>(). Thread-safety is that of headcount.h. Functions with callbacks (observers, replay stores, hc_..._async) have no
 * methods here: call those of headcount.h, and pass them the objects that get() returns. */
#ifndef HEADCOUNT_HPP
#define HEADCOUNT_HPP

#include <headcount.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headcount {

/* Returns options with their size set and all other fields at their defaults. */
template <class T>
T options() {
    T made{};
    made.struct_size = sizeof made;
    return made;
}

/* Copies a C string to a std::string; "" for NULL. */
inline std::string text(const char *value) { return value == nullptr ? std::string() : std::string(value); }

/* A deleter for std::unique_ptr that calls a function of headcount.h. */
template <auto Free>
struct Freed {
    template <class T>
    void operator()(T *object) const noexcept {
        Free(object);
    }
};

/* A unique owner of an object. */
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

/* The exception for a call that failed. what() is the message, of one line and without secrets. */
class Error : public std::runtime_error {
  public:
    /* Takes ownership of the error, which may be NULL. */
    Error(hc_status status, hc_error *error)
        : std::runtime_error(error == nullptr ? hc_status_name(status) : hc_error_message(error)), status_(status), error_(error, hc_error_free) {}

    hc_status status() const noexcept { return status_; }
    /* Why a webhook or its secret was refused, such as "too_old"; "" for errors of other kinds. */
    std::string reason() const { return text(hc_error_reason(error_.get())); }
    /* HTTP status of the server's answer; 0 if there was none. */
    int http_status() const noexcept { return hc_error_http_status(error_.get()); }
    /* The vendor's error code; "" if the server sent none. */
    std::string code() const { return text(hc_error_code(error_.get())); }
    /* Returns the error for functions of headcount.h, or NULL if there is none. It is valid as long as any copy of this exception exists. */
    const hc_error *get() const noexcept { return error_.get(); }

  private:
    hc_status status_;
    std::shared_ptr<hc_error> error_;
};

namespace detail {

/* Calls `call` with the out-parameter for the error. Throws an Error if the status is not HC_OK. */
template <class Call>
void check(Call call) {
    hc_error *error = nullptr;
    hc_status status = call(&error);
    if (status != HC_OK) throw Error(status, error);
}

/* Calls `call` with an out-parameter of type T and the one for the error, and returns the value that was written to the first. Throws as check does. */
template <class T, class Call>
T given(Call call) {
    T value{};
    check([&](hc_error **error) { return call(&value, error); });
    return value;
}

/* Returns the text as a C string, or NULL for nullopt. */
inline const char *c_str(const std::optional<std::string> &value) { return value ? value->c_str() : nullptr; }

} // namespace detail

/* Base of the owning classes. get() returns the object for functions of headcount.h. Converts to false if there is no object. */
template <class T, auto Free>
class Object {
  public:
    /* Takes ownership of the object, which may be NULL. */
    explicit Object(T *object) noexcept : object_(object) {}
    T *get() const noexcept { return object_.get(); }
    explicit operator bool() const noexcept { return object_ != nullptr; }

  private:
    Owned<T, Free> object_;
};

/* A list or a page: size(), [] and range-for over its items. */
template <class T, class Item, auto Len, auto At, auto Free>
class List : public Object<T, Free> {
  public:
    using Object<T, Free>::Object;

    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Item;
        using difference_type = std::ptrdiff_t;
        using pointer = const Item *;
        using reference = const Item &;
        iterator(const T *list, std::size_t index) : list_(list), index_(index) {}
        reference operator*() const { return *At(list_, index_); }
        pointer operator->() const { return At(list_, index_); }
        iterator &operator++() {
            index_++;
            return *this;
        }
        bool operator==(const iterator &other) const { return index_ == other.index_; }
        bool operator!=(const iterator &other) const { return index_ != other.index_; }

      private:
        const T *list_;
        std::size_t index_;
    };

    std::size_t size() const noexcept { return Len(this->get()); }
    bool empty() const noexcept { return size() == 0; }
    /* Throws std::out_of_range if the index is out of range. */
    const Item &operator[](std::size_t index) const & {
        const Item *item = At(this->get(), index);
        if (item == nullptr) throw std::out_of_range("headcount: index " + std::to_string(index) + " of " + std::to_string(size()) + " items");
        return *item;
    }
    /* Deleted, because the item would be freed together with the temporary list: keep the list in a variable. */
    const Item &operator[](std::size_t index) const && = delete;
    iterator begin() const { return {this->get(), 0}; }
    iterator end() const { return {this->get(), size()}; }
};

/* An iterator that reads items as they are needed, and throws if reading fails. It can be looped over once. */
template <class T, class Item, auto Next, auto Free>
class Range : public Object<T, Free> {
  public:
    using Object<T, Free>::Object;

    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Item;
        using difference_type = std::ptrdiff_t;
        using pointer = const Item *;
        using reference = const Item &;
        iterator(T *of, const Item *item) : of_(of), item_(item) {}
        reference operator*() const { return *item_; }
        pointer operator->() const { return item_; }
        iterator &operator++() {
            item_ = next(of_);
            return *this;
        }
        bool operator==(const iterator &other) const { return item_ == other.item_; }
        bool operator!=(const iterator &other) const { return item_ != other.item_; }

      private:
        T *of_;
        const Item *item_;
    };

    /* Returns the next item, or NULL after the last one. */
    const Item *next() { return next(this->get()); }
    iterator begin() { return {this->get(), next()}; }
    iterator end() { return {this->get(), nullptr}; }

  private:
    /* Returns the next item of the C iterator `of`, or NULL after the last one. */
    static const Item *next(T *of) {
        return detail::given<const Item *>([&](const Item **item, hc_error **error) { return Next(of, item, error); });
    }
};

using Organization = Object<hc_organization, hc_organization_free>;
using Organizations = List<hc_organization_page, hc_organization, hc_organization_page_len, hc_organization_page_at, hc_organization_page_free>;
using PortalLink = Object<hc_portal_link, hc_portal_link_free>;
using AllOrganizations = Range<hc_organization_iter, hc_organization, hc_organization_iter_next, hc_organization_iter_free>;
using Directory = Object<hc_directory, hc_directory_free>;
using Directories = List<hc_directory_list, hc_directory, hc_directory_list_len, hc_directory_list_at, hc_directory_list_free>;
using DirectoryToggle = Object<hc_directory_toggle, hc_directory_toggle_free>;
using User = Object<hc_user, hc_user_free>;
using Users = List<hc_user_page, hc_user, hc_user_page_len, hc_user_page_at, hc_user_page_free>;
using AllUsers = Range<hc_user_iter, hc_user, hc_user_iter_next, hc_user_iter_free>;
using Group = Object<hc_group, hc_group_free>;
using Groups = List<hc_group_page, hc_group, hc_group_page_len, hc_group_page_at, hc_group_page_free>;
using AllGroups = Range<hc_group_iter, hc_group, hc_group_iter_next, hc_group_iter_free>;
using Event = Object<hc_event, hc_event_free>;
using SignedHeaders = Object<hc_signed_headers, hc_signed_headers_free>;
using MirrorUser = Object<hc_mirror_user, hc_mirror_user_free>;
using MirrorUsers = List<hc_mirror_user_list, hc_mirror_user, hc_mirror_user_list_len, hc_mirror_user_list_at, hc_mirror_user_list_free>;
using AllMirrorUsers = Range<hc_mirror_user_iter, hc_mirror_user, hc_mirror_user_iter_next, hc_mirror_user_iter_free>;
using AllExported = Range<hc_export_iter, hc_text, hc_export_iter_next, hc_export_iter_free>;
using AllHistory = Range<hc_history_iter, hc_history_entry, hc_history_iter_next, hc_history_iter_free>;
using MirrorGroup = Object<hc_mirror_group, hc_mirror_group_free>;
using MirrorGroups = List<hc_mirror_group_list, hc_mirror_group, hc_mirror_group_list_len, hc_mirror_group_list_at, hc_mirror_group_list_free>;
using MirrorDirectories =
    List<hc_mirror_directory_list, hc_mirror_directory, hc_mirror_directory_list_len, hc_mirror_directory_list_at, hc_mirror_directory_list_free>;
using DirectoryStatuses = List<hc_mirror_directory_status_list, hc_mirror_directory_status, hc_mirror_directory_status_list_len,
                               hc_mirror_directory_status_list_at, hc_mirror_directory_status_list_free>;
using Holds = List<hc_hold_list, hc_hold, hc_hold_list_len, hc_hold_list_at, hc_hold_list_free>;
using Approvals = List<hc_approval_list, hc_approval, hc_approval_list_len, hc_approval_list_at, hc_approval_list_free>;
using Retirements = List<hc_retirement_list, hc_retirement, hc_retirement_list_len, hc_retirement_list_at, hc_retirement_list_free>;
using CopyReport = Object<hc_copy_report, hc_copy_report_free>;
using Erasure = Object<hc_erasure, hc_erasure_free>;
using OrganizationErasure = Object<hc_organization_erasure, hc_organization_erasure_free>;
using PendingEvents = List<hc_pending_event_list, hc_pending_event, hc_pending_event_list_len, hc_pending_event_list_at, hc_pending_event_list_free>;
using Runs = List<hc_run_list, hc_run, hc_run_list_len, hc_run_list_at, hc_run_list_free>;
using ReceivedEvent = Object<hc_received_event, hc_received_event_free>;
/* An explanation of a user's access. get() is read with the functions hc_explanation_.... */
class Explanation : public Object<hc_explanation, hc_explanation_free> {
  public:
    using Object::Object;

    /* Returns the explanation as English text for a ticket. Without `personal`, people are named by their directory ids only. */
    std::string text(bool personal = false) const {
        Object<hc_text, hc_text_free> owned(
            detail::given<hc_text *>([&](hc_text **out, hc_error **error) { return hc_explanation_text(get(), personal, out, error); }));
        return std::string(hc_text_value(owned.get()), hc_text_len(owned.get()));
    }
};
using ReceivedEvents =
    List<hc_received_event_list, hc_received_event, hc_received_event_list_len, hc_received_event_list_at, hc_received_event_list_free>;
using RoleMapEntries =
    List<hc_role_map_entry_list, hc_role_map_entry, hc_role_map_entry_list_len, hc_role_map_entry_list_at, hc_role_map_entry_list_free>;
using MirrorSettings = Object<hc_settings, hc_settings_free>;
using SyncReports = List<hc_sync_reports, hc_sync_report, hc_sync_reports_len, hc_sync_reports_at, hc_sync_reports_free>;
using PlannedChanges = Range<hc_plan_iter, hc_change, hc_plan_iter_next, hc_plan_iter_free>;
using Changes = List<hc_change_batch, hc_change, hc_change_batch_len, hc_change_batch_at, hc_change_batch_free>;
using Change = Object<hc_change, hc_change_free>;

/* One group of a ChangeGroups, which owns it: size(), [] and range-for over its changes. It has at least one. */
class ChangeGroup {
  public:
    explicit ChangeGroup(const hc_change_batch *changes) noexcept : changes_(changes) {}
    std::size_t size() const noexcept { return hc_change_batch_len(changes_); }
    /* Throws std::out_of_range if the index is out of range. */
    const hc_change &operator[](std::size_t index) const {
        const hc_change *change = hc_change_batch_at(changes_, index);
        if (change == nullptr) throw std::out_of_range("headcount: index " + std::to_string(index) + " of " + std::to_string(size()) + " changes");
        return *change;
    }
    const hc_change &back() const { return (*this)[size() - 1]; }
    Changes::iterator begin() const { return {changes_, 0}; }
    Changes::iterator end() const { return {changes_, size()}; }

  private:
    const hc_change_batch *changes_;
};

/* The groups of changes that Mirror::poll_groups returns: size(), [] and range-for. */
class ChangeGroups : public Object<hc_change_groups, hc_change_groups_free> {
  public:
    /* Takes ownership of the groups. */
    explicit ChangeGroups(hc_change_groups *groups) : Object(groups) {
        for (std::size_t i = 0; i < hc_change_groups_len(groups); i++) groups_.emplace_back(hc_change_groups_at(groups, i));
    }
    std::size_t size() const noexcept { return groups_.size(); }
    bool empty() const noexcept { return groups_.empty(); }
    /* Throws std::out_of_range if the index is out of range. */
    const ChangeGroup &operator[](std::size_t index) const & { return groups_.at(index); }
    /* Deleted, because the group would be freed together with the temporary object: keep the groups in a variable. */
    const ChangeGroup &operator[](std::size_t index) const && = delete;
    std::vector<ChangeGroup>::const_iterator begin() const { return groups_.begin(); }
    std::vector<ChangeGroup>::const_iterator end() const { return groups_.end(); }

  private:
    std::vector<ChangeGroup> groups_;
};

using ParkedChanges = List<hc_parked_list, hc_parked_change, hc_parked_list_len, hc_parked_list_at, hc_parked_list_free>;
using Consumers = List<hc_consumer_list, hc_consumer, hc_consumer_list_len, hc_consumer_list_at, hc_consumer_list_free>;

/* A request's headers, in any order and case. */
using Headers = std::vector<std::pair<std::string, std::string>>;

namespace detail {

/* Returns the headers as an array for headcount.h, which points to the texts of `given`. */
inline std::vector<hc_header> headers(const Headers &given) {
    std::vector<hc_header> made;
    made.reserve(given.size());
    for (const auto &[name, value] : given) made.push_back({name.c_str(), value.data(), value.size()});
    return made;
}

} // namespace detail

/* Cancels calls: pass get() in the options of Client::with. It may be destroyed while the calls run. */
class Cancel : public Object<hc_cancel, hc_cancel_free> {
  public:
    using Object::Object;

    Cancel() : Object(detail::given<hc_cancel *>([](hc_cancel **out, hc_error **error) { return hc_cancel_new(out, error); })) {}
    /* Cancels the running and all later calls that use this object: they throw an Error with HC_CANCELLED. Any thread may call it. */
    void cancel() const {
        detail::check([&](hc_error **error) { return hc_cancel_cancel(get(), error); });
    }
    bool is_cancelled() const noexcept { return hc_cancel_is_cancelled(get()); }
};

/* Counters of a client since it was created. The functions hc_client_requests, hc_client_retries, ... describe the fields of the same names. */
struct Stats {
    std::uint64_t requests, retries, throttled, token_renewals, pages, bytes;
};

/* The REST client of one environment. */
class Client : public Object<hc_client, hc_client_free> {
  public:
    using Object::Object;

    explicit Client(const hc_client_options &options)
        : Object(detail::given<hc_client *>([&](hc_client **out, hc_error **error) { return hc_client_new(&options, out, error); })) {}
    Client(const std::string &environment_url, const std::string &client_id, const std::string &client_secret)
        : Client(of(environment_url, client_id, client_secret)) {}
    static Client from_env(const hc_client_options *options = nullptr) {
        return Client(detail::given<hc_client *>([&](hc_client **out, hc_error **error) { return hc_client_from_env(options, out, error); }));
    }
    /* Returns a client that shares connections, access token and settings with this one, and uses `options` for its calls. */
    Client with(const hc_call_options &options) const {
        return Client(detail::given<hc_client *>([&](hc_client **out, hc_error **error) { return hc_client_with(get(), &options, out, error); }));
    }

    Stats stats() const noexcept {
        return {hc_client_requests(get()),       hc_client_retries(get()), hc_client_throttled(get()),
                hc_client_token_renewals(get()), hc_client_pages(get()),   hc_client_bytes(get())};
    }

    Organizations organizations(const hc_organization_options *options = nullptr) const {
        return made<Organizations, hc_organization_page>(hc_organizations, options);
    }
    AllOrganizations all_organizations(const hc_organization_options *options = nullptr) const {
        return made<AllOrganizations, hc_organization_iter>(hc_organizations_iter, options);
    }
    Organization organization(const std::string &id) const { return made<Organization, hc_organization>(hc_organization_get, id.c_str()); }
    Organization organization_by_external_id(const std::string &id) const {
        return made<Organization, hc_organization>(hc_organization_get_by_external_id, id.c_str());
    }
    Organization create_organization(const hc_organization_fields &fields) const {
        return made<Organization, hc_organization>(hc_organization_create, &fields);
    }
    Organization update_organization(const std::string &id, const hc_organization_fields &fields) const {
        return made<Organization, hc_organization>(hc_organization_update, id.c_str(), &fields);
    }
    Organization update_organization_by_external_id(const std::string &id, const hc_organization_fields &fields) const {
        return made<Organization, hc_organization>(hc_organization_update_by_external_id, id.c_str(), &fields);
    }
    /* Enables and disables features; those that are not named stay as they are. */
    Organization update_organization_settings(const std::string &id, const std::vector<std::pair<std::string, bool>> &features) const {
        std::vector<hc_feature> given;
        for (const auto &[name, enabled] : features) given.push_back({name.c_str(), enabled});
        return made<Organization, hc_organization>(hc_organization_update_settings, id.c_str(), given.data(), given.size());
    }
    /* Creates a link to the admin portal, which can be opened once, within a minute. */
    PortalLink generate_portal_link(const std::string &id, const std::vector<std::string> &features = {}) const {
        std::vector<const char *> given;
        for (const std::string &feature : features) given.push_back(feature.c_str());
        return made<PortalLink, hc_portal_link>(hc_organization_generate_portal_link, id.c_str(), given.data(), given.size());
    }
    void delete_organization(const std::string &id) const {
        detail::check([&](hc_error **error) { return hc_organization_delete(get(), id.c_str(), error); });
    }

    Directories directories(const std::string &organization_id) const {
        return made<Directories, hc_directory_list>(hc_directories, organization_id.c_str());
    }
    Directory directory(const std::string &organization_id, const std::string &directory_id) const {
        return made<Directory, hc_directory>(hc_directory_get, organization_id.c_str(), directory_id.c_str());
    }
    Directory primary_directory(const std::string &organization_id) const {
        return made<Directory, hc_directory>(hc_directory_primary, organization_id.c_str());
    }
    DirectoryToggle enable_directory(const std::string &organization_id, const std::string &directory_id) const {
        return made<DirectoryToggle, hc_directory_toggle>(hc_directory_enable, organization_id.c_str(), directory_id.c_str());
    }
    DirectoryToggle disable_directory(const std::string &organization_id, const std::string &directory_id) const {
        return made<DirectoryToggle, hc_directory_toggle>(hc_directory_disable, organization_id.c_str(), directory_id.c_str());
    }
    Users users(const std::string &organization_id, const std::string &directory_id, const hc_user_options *options = nullptr) const {
        return made<Users, hc_user_page>(hc_directory_users, organization_id.c_str(), directory_id.c_str(), options);
    }
    AllUsers all_users(const std::string &organization_id, const std::string &directory_id, const hc_user_options *options = nullptr) const {
        return made<AllUsers, hc_user_iter>(hc_directory_users_iter, organization_id.c_str(), directory_id.c_str(), options);
    }
    Groups groups(const std::string &organization_id, const std::string &directory_id, const hc_group_options *options = nullptr) const {
        return made<Groups, hc_group_page>(hc_directory_groups, organization_id.c_str(), directory_id.c_str(), options);
    }
    AllGroups all_groups(const std::string &organization_id, const std::string &directory_id, const hc_group_options *options = nullptr) const {
        return made<AllGroups, hc_group_iter>(hc_directory_groups_iter, organization_id.c_str(), directory_id.c_str(), options);
    }

  private:
    /* Returns options with these settings, which point to the arguments' text. */
    static hc_client_options of(const std::string &environment_url, const std::string &client_id, const std::string &client_secret) {
        auto made = options<hc_client_options>();
        made.environment_url = environment_url.c_str();
        made.client_id = client_id.c_str();
        made.client_secret = client_secret.c_str();
        return made;
    }

    /* Calls a function of headcount.h with this client and the arguments, and returns its result, an Out, in an owning object. */
    template <class Made, class Out, class Call, class... Arguments>
    Made made(Call call, Arguments... arguments) const {
        return Made(detail::given<Out *>([&](Out **out, hc_error **error) { return call(get(), arguments..., out, error); }));
    }
};

/* A verifier for one signing secret, or for several while one is rotated. */
class Webhook : public Object<hc_webhook, hc_webhook_free> {
  public:
    using Object::Object;

    explicit Webhook(const std::vector<std::string> &secrets, const hc_webhook_options *options = nullptr) : Object(of(secrets, options)) {}
    static Webhook from_env(const hc_webhook_options *options = nullptr) {
        return Webhook(detail::given<hc_webhook *>([&](hc_webhook **out, hc_error **error) { return hc_webhook_from_env(options, out, error); }));
    }

    /* Verifies a request (headers and unparsed body) and returns its event. Throws an Error with HC_WEBHOOK_VERIFICATION if the request is refused. */
    Event verify(const Headers &headers, std::string_view body) const {
        auto list = detail::headers(headers);
        return Event(detail::given<hc_event *>([&](hc_event **out, hc_error **error) {
            return hc_webhook_verify(get(), list.data(), list.size(), body.data(), body.size(), out, error);
        }));
    }
    /* Returns the signature headers of a request with this body, for tests. */
    Headers sign(std::string_view body, const std::optional<std::string> &id = std::nullopt, std::optional<std::int64_t> timestamp = std::nullopt) const {
        SignedHeaders made(detail::given<hc_signed_headers *>([&](hc_signed_headers **out, hc_error **error) {
            return hc_webhook_sign(get(), body.data(), body.size(), detail::c_str(id), timestamp ? &*timestamp : nullptr, out, error);
        }));
        return {{"webhook-id", text(hc_signed_headers_id(made.get()))},
                {"webhook-timestamp", text(hc_signed_headers_timestamp(made.get()))},
                {"webhook-signature", text(hc_signed_headers_signature(made.get()))}};
    }

  private:
    /* Returns a new verifier, which the caller owns. */
    static hc_webhook *of(const std::vector<std::string> &secrets, const hc_webhook_options *options) {
        std::vector<const char *> texts;
        for (const auto &secret : secrets) texts.push_back(secret.c_str());
        return detail::given<hc_webhook *>(
            [&](hc_webhook **out, hc_error **error) { return hc_webhook_new(texts.data(), texts.size(), options, out, error); });
    }
};

/* An entry of the role map: members of the groups that it matches have its role. */
struct RoleEntry {
    /* The group's id, its name, or a pattern of names. */
    std::string group;
    std::string role;
    /* HC_ROLE_BY_ID or HC_ROLE_BY_NAME. 0: an id if the group begins with "dirgroup_", else a name or a pattern. */
    std::int32_t key = 0;
    /* Limits the entry to the groups of this organization. nullopt: the groups of all organizations. */
    std::optional<std::string> organization_id = std::nullopt;
};

/* What a sync would change. It does not depend on the mirror. What its methods return is owned by it. */
class Plan : public Object<hc_plan, hc_plan_free> {
  public:
    using Object::Object;

    /* "done", "held" or "incomplete". */
    std::string outcome() const { return text(hc_plan_outcome(get())); }
    /* The report that the sync would make for each directory, to be read with hc_sync_reports_len and hc_sync_reports_at. */
    const hc_sync_reports *reports() const noexcept { return hc_plan_reports(get()); }
    /* The holds that there would be after the sync, to be read with hc_hold_list_len and hc_hold_list_at. */
    const hc_hold_list *holds() const noexcept { return hc_plan_holds(get()); }
    /* Number of planned changes of a kind, such as "user.created". */
    std::uint64_t count(const std::string &kind) const {
        return detail::given<std::uint64_t>([&](std::uint64_t *out, hc_error **error) { return hc_plan_count(get(), kind.c_str(), out, error); });
    }
    /* Why a listing could not be applied as a whole; "" unless the outcome is "incomplete". */
    std::string incomplete() const { return text(hc_plan_incomplete(get())); }
    /* The error with HC_MASS_REMOVAL that the sync would throw, or NULL. */
    const hc_error *error() const noexcept { return hc_plan_error(get()); }
    PlannedChanges changes() const {
        return PlannedChanges(detail::given<hc_plan_iter *>([&](hc_plan_iter **out, hc_error **error) { return hc_plan_changes(get(), out, error); }));
    }
};

/* Gives changes one after another, and waits for the next one: the common part of AllChanges and Worker. */
template <class T, auto Free, auto Next, auto Ack, auto Park>
class ChangeSequence : public Object<T, Free> {
  public:
    using Object<T, Free>::Object;
    using Object<T, Free>::get;

    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = hc_change;
        using difference_type = std::ptrdiff_t;
        using pointer = const hc_change *;
        using reference = const hc_change &;
        iterator(const ChangeSequence *of, std::shared_ptr<const Change> change) : of_(of), change_(std::move(change)) {}
        reference operator*() const { return *change_->get(); }
        pointer operator->() const { return change_->get(); }
        iterator &operator++() {
            change_ = of_->shared();
            return *this;
        }
        bool operator==(const iterator &other) const { return change_ == other.change_; }
        bool operator!=(const iterator &other) const { return change_ != other.change_; }

      private:
        const ChangeSequence *of_;
        std::shared_ptr<const Change> change_;
    };

    /* Returns the next change. Returns an empty Change, which converts to false, if none came within the timeout (next may be called again), or if the
     * sequence has ended. */
    Change next() const {
        return Change(detail::given<hc_change *>([&](hc_change **out, hc_error **error) { return Next(get(), out, error); }));
    }
    iterator begin() const { return {this, shared()}; }
    iterator end() const { return {this, nullptr}; }
    /* Acknowledges a change. The comments of AllChanges and Worker say whether it acknowledges earlier changes as well. */
    void ack(const hc_change &change) const {
        detail::check([&](hc_error **error) { return Ack(get(), &change, error); });
    }
    /* Parks a change that cannot be handled, with a reason, and acknowledges it as ack() does. */
    void park(const hc_change &change, const std::string &reason) const {
        detail::check([&](hc_error **error) { return Park(get(), &change, reason.c_str(), error); });
    }

  private:
    /* Returns the next change, or NULL if next() returns an empty one. */
    std::shared_ptr<const Change> shared() const {
        Change change = next();
        return change ? std::make_shared<const Change>(std::move(change)) : nullptr;
    }
};

/* Gives the unacknowledged changes of one consumer, each once, and waits for the next one. Threads may share it: each change goes to one of them. ack()
 * acknowledges one change, and not the changes before it. A loop ends if no change comes within the timeout, and when the mirror is closed. */
class AllChanges : public ChangeSequence<hc_change_iter, hc_change_iter_free, hc_change_iter_next, hc_change_iter_ack, hc_change_iter_park> {
  public:
    using ChangeSequence::ChangeSequence;
};

/* A worker of a consumer with partitions: gives the changes of the partitions that it holds, and waits for the next one. Threads may share it: each change
 * goes to one of them. ack() acknowledges a change, and all changes of its partition that the worker gave before. A loop ends if no change comes within the
 * timeout, and when the worker or the mirror is closed. The destructor releases the partitions in the background, unless close() was called. */
class Worker : public ChangeSequence<hc_worker, hc_worker_free, hc_worker_next, hc_worker_ack, hc_worker_park> {
  public:
    using ChangeSequence::ChangeSequence;

    /* Acknowledges all changes that the worker has given, in one write. */
    void ack_all() const {
        detail::check([&](hc_error **error) { return hc_worker_ack_all(get(), error); });
    }
    /* Returns the number of partitions that the worker holds. */
    std::size_t partitions() const { return hc_worker_partitions_len(get()); }
    /* Releases the partitions: when it returns, other workers can take them. Ends the loops of this worker, also in other threads. */
    void close() const {
        detail::check([&](hc_error **error) { return hc_worker_close(get(), error); });
    }
};

/* Records which messages were handled. Call check before a message is handled, and commit afterwards, before the response. If a message must not
 * be handled twice, call claim instead, before it is handled, and release if handling it fails. */
class ReplayGuard : public Object<hc_replay_guard, hc_replay_guard_free> {
  public:
    using Object::Object;

    /* Creates a replay guard that keeps ids in memory. */
    explicit ReplayGuard(const hc_replay_options *options = nullptr)
        : Object(detail::given<hc_replay_guard *>([&](hc_replay_guard **out, hc_error **error) { return hc_replay_guard_new(options, out, error); })) {}
    /* Creates a replay guard that keeps ids in a SQLite file, which any number of processes of one machine may share. */
    static ReplayGuard sqlite(const std::string &path, const hc_replay_options *options = nullptr) {
        return ReplayGuard(detail::given<hc_replay_guard *>(
            [&](hc_replay_guard **out, hc_error **error) { return hc_replay_guard_sqlite(path.c_str(), options, out, error); }));
    }

    /* Returns whether the message is recorded as handled. */
    bool check(const Event &event) const {
        return detail::given<bool>([&](bool *again, hc_error **error) { return hc_replay_guard_check(get(), event.get(), again, error); });
    }
    bool check(const std::string &message_id) const {
        return detail::given<bool>([&](bool *again, hc_error **error) { return hc_replay_guard_check_id(get(), message_id.c_str(), again, error); });
    }
    /* Records the message as handled. */
    void commit(const Event &event) const {
        detail::check([&](hc_error **error) { return hc_replay_guard_commit(get(), event.get(), error); });
    }
    void commit(const std::string &message_id) const {
        detail::check([&](hc_error **error) { return hc_replay_guard_commit_id(get(), message_id.c_str(), error); });
    }

    /* Records the message as handled, unless it is recorded already, in one atomic step. Returns true if it was recorded already: do not handle it
     * then. */
    [[nodiscard]] bool claim(const Event &event) const {
        return detail::given<bool>([&](bool *again, hc_error **error) { return hc_replay_guard_claim(get(), event.get(), again, error); });
    }
    [[nodiscard]] bool claim(const std::string &message_id) const {
        return detail::given<bool>([&](bool *again, hc_error **error) { return hc_replay_guard_claim_id(get(), message_id.c_str(), again, error); });
    }
    /* Deletes the record of the message, so that it is handled when it is sent again. Call it after claim if handling the message failed. */
    void release(const Event &event) const {
        detail::check([&](hc_error **error) { return hc_replay_guard_release(get(), event.get(), error); });
    }
    void release(const std::string &message_id) const {
        detail::check([&](hc_error **error) { return hc_replay_guard_release_id(get(), message_id.c_str(), error); });
    }
};

/* A durable local copy of all directories, with a feed of changes. */
class Mirror : public Object<hc_mirror, hc_mirror_free> {
  public:
    /* Receives the progress of a sync, as hc_sync_progress_callback does. If it throws an exception, the program is terminated. */
    using OnProgress = std::function<void(const hc_sync_progress &)>;

    using Object::Object;

    /* Opens a mirror without a client: its syncs throw an Error with HC_CONFIG. */
    explicit Mirror(const std::string &path, const hc_mirror_options *options = nullptr) : Object(open(path, nullptr, options)) {}
    Mirror(const std::string &path, const Client &client, const hc_mirror_options *options = nullptr) : Object(open(path, client.get(), options)) {}

    /* Closes the mirror, as hc_mirror_close does. Loops over changes() end. Running calls of wait(), sync() and sync_all() throw an Error with
     * HC_CANCELLED, and later calls throw an Error with HC_INVALID_ARGUMENT. Any thread may call it. */
    void close() const { call(hc_mirror_close); }

    /* Syncs one directory, or all directories of the organization. Throws an Error with HC_MASS_REMOVAL if the guard holds removals back. */
    SyncReports sync(const std::string &organization_id, const std::optional<std::string> &directory_id = std::nullopt,
                     hc_sync_options how = options<hc_sync_options>(), const OnProgress &on_progress = nullptr) const {
        set_progress(how, on_progress);
        return made<SyncReports, hc_sync_reports>(hc_mirror_sync, organization_id.c_str(), detail::c_str(directory_id), &how);
    }
    /* Returns what a sync would change, and writes nothing to the mirror: see hc_mirror_plan. */
    Plan plan(const std::string &organization_id, const std::optional<std::string> &directory_id = std::nullopt,
              hc_sync_options how = options<hc_sync_options>(), const OnProgress &on_progress = nullptr) const {
        set_progress(how, on_progress);
        return made<Plan, hc_plan>(hc_mirror_plan, organization_id.c_str(), detail::c_str(directory_id), &how);
    }
    SyncReports sync_all(hc_sync_options how = options<hc_sync_options>(), const OnProgress &on_progress = nullptr) const {
        set_progress(how, on_progress);
        return made<SyncReports, hc_sync_reports>(hc_mirror_sync_all, &how);
    }

    /* Verifies a webhook, stores it durably and applies it. Answer 201 if it returns, 400 if it throws an Error with HC_WEBHOOK_VERIFICATION, and 500
     * otherwise, so that the vendor sends the webhook again. */
    hc_outcome receive(const Headers &headers, std::string_view body) const {
        auto list = detail::headers(headers);
        return given<hc_outcome>(hc_mirror_receive, list.data(), list.size(), body.data(), body.size());
    }
    hc_outcome apply(const Event &event) const { return given<hc_outcome>(hc_mirror_apply, event.get()); }

    /* Returns the unacknowledged changes of a consumer, each once. If there is none, waits for the next one: for timeout_ms milliseconds
     * at most, or without limit (HC_WAIT_FOREVER). */
    AllChanges changes(const std::string &consumer, std::int64_t timeout_ms = HC_WAIT_FOREVER) const {
        return made<AllChanges, hc_change_iter>(hc_mirror_changes, consumer.c_str(), timeout_ms);
    }
    /* Returns a worker of a consumer whose changes are divided into partitions, for any number of workers in any number of processes: see
     * hc_mirror_consumer. Its loops end if no change comes for timeout_ms milliseconds, or do not end (HC_WAIT_FOREVER). */
    Worker consumer(const std::string &name, const hc_worker_options &how = options<hc_worker_options>(),
                    std::int64_t timeout_ms = HC_WAIT_FOREVER) const {
        return made<Worker, hc_worker>(hc_mirror_consumer, name.c_str(), &how, timeout_ms);
    }
    Changes poll(const std::string &consumer, std::size_t limit = 100) const {
        return made<Changes, hc_change_batch>(hc_mirror_poll, consumer.c_str(), limit);
    }
    /* Polls by groups: the changes of one user and step together; see hc_mirror_poll_groups. */
    ChangeGroups poll_groups(const std::string &consumer, std::size_t limit = 100) const {
        return made<ChangeGroups, hc_change_groups>(hc_mirror_poll_groups, consumer.c_str(), limit);
    }
    Changes wait(const std::string &consumer, std::size_t limit = 100, std::int64_t timeout_ms = HC_WAIT_FOREVER) const {
        return made<Changes, hc_change_batch>(hc_mirror_wait, consumer.c_str(), limit, timeout_ms);
    }
    void ack(const std::string &consumer, std::int64_t seq) const { call(hc_mirror_ack, consumer.c_str(), seq); }
    void park(const std::string &consumer, std::int64_t seq, const std::string &reason) const {
        call(hc_mirror_park, consumer.c_str(), seq, reason.c_str());
    }
    ParkedChanges parked_changes(const std::string &consumer) const {
        return made<ParkedChanges, hc_parked_list>(hc_mirror_parked_changes, consumer.c_str());
    }
    bool drop_parked(const std::string &consumer, std::int64_t seq) const { return given<bool>(hc_mirror_drop_parked, consumer.c_str(), seq); }
    void start_from_snapshot(const std::string &consumer) const { call(hc_mirror_start_from_snapshot, consumer.c_str()); }
    Consumers consumers() const { return made<Consumers, hc_consumer_list>(hc_mirror_consumers); }
    bool drop_consumer(const std::string &consumer) const { return given<bool>(hc_mirror_drop_consumer, consumer.c_str()); }
    void trim() const { call(hc_mirror_trim); }

    AllMirrorUsers users(const std::string &organization_id, const hc_mirror_user_options *options = nullptr) const {
        return made<AllMirrorUsers, hc_mirror_user_iter>(hc_mirror_users, organization_id.c_str(), options);
    }
    /* Returns what changed, oldest first. */
    AllHistory history(const hc_mirror_history_options *options = nullptr) const { return made<AllHistory, hc_history_iter>(hc_mirror_history, options); }
    /* Returns the users of an organization as they were at a past time, RFC 3339 text or a date. */
    AllMirrorUsers at(const std::string &moment, const std::string &organization_id, const hc_mirror_at_options *options = nullptr) const {
        return made<AllMirrorUsers, hc_mirror_user_iter>(hc_mirror_at, moment.c_str(), organization_id.c_str(), options);
    }
    /* Returns an organization's users as text, for reviews of who has access: pieces of whole lines, which hc_text_value gives; see hc_mirror_export. */
    AllExported exported(const std::string &organization_id, const hc_mirror_export_options *options = nullptr) const {
        return made<AllExported, hc_export_iter>(hc_mirror_export, organization_id.c_str(), options);
    }
    /* Returns a user. The result converts to false if the mirror has no user with this id. */
    MirrorUser user(const std::string &id) const { return made<MirrorUser, hc_mirror_user>(hc_mirror_user_get, id.c_str()); }
    MirrorUsers find_users(const std::string &email) const { return made<MirrorUsers, hc_mirror_user_list>(hc_mirror_find_users, email.c_str()); }
    /* Returns a group. The result converts to false if the mirror has no group with this id. */
    MirrorGroup group(const std::string &id) const { return made<MirrorGroup, hc_mirror_group>(hc_mirror_group_get, id.c_str()); }
    MirrorGroups groups(const std::string &organization_id, const std::optional<std::string> &directory_id = std::nullopt) const {
        return made<MirrorGroups, hc_mirror_group_list>(hc_mirror_groups, organization_id.c_str(), detail::c_str(directory_id));
    }
    MirrorDirectories directories(const std::optional<std::string> &organization_id = std::nullopt) const {
        return made<MirrorDirectories, hc_mirror_directory_list>(hc_mirror_directories, detail::c_str(organization_id));
    }
    DirectoryStatuses status() const { return made<DirectoryStatuses, hc_mirror_directory_status_list>(hc_mirror_status); }
    std::vector<std::string> held_removals(const std::string &directory_id) const {
        return texts(given<hc_text_list *>(hc_mirror_held_removals, directory_id.c_str()));
    }

    /* Returns the open holds of an organization, or of one of its directories, in the order in which they were made. */
    Holds holds(const std::string &organization_id, const std::optional<std::string> &directory_id = std::nullopt) const {
        return made<Holds, hc_hold_list>(hc_mirror_holds, organization_id.c_str(), detail::c_str(directory_id));
    }
    /* Returns the users that a hold names, as they are mirrored now. */
    AllMirrorUsers hold_users(const std::string &hold_id) const {
        return made<AllMirrorUsers, hc_mirror_user_iter>(hc_mirror_hold_users, hold_id.c_str());
    }
    /* Approves a hold: applies the loss of access that it holds, and returns the number of users who lost access. `by` is the person who approves, `note`
     * the reason. */
    std::uint64_t approve(const std::string &hold_id, const std::string &by, const std::string &note = "") const {
        return given<std::uint64_t>(hc_mirror_approve, hold_id.c_str(), by.c_str(), note.c_str());
    }
    /* Dismisses a hold, and returns the number of its users. They stay as they are mirrored until a later listing or event changes or removes
     * them. */
    std::uint64_t dismiss(const std::string &hold_id, const std::string &by, const std::string &note = "") const {
        return given<std::uint64_t>(hc_mirror_dismiss, hold_id.c_str(), by.c_str(), note.c_str());
    }
    /* Removes the users and groups of a directory that is missing or disabled, and returns the number of users. */
    std::uint64_t retire(const std::string &directory_id, const std::string &by, const std::string &note = "") const {
        return given<std::uint64_t>(hc_mirror_retire, directory_id.c_str(), by.c_str(), note.c_str());
    }

    /* Returns the decisions about holds of an organization, or of all, in the order in which they were made. */
    Approvals approvals(const std::optional<std::string> &organization_id = std::nullopt) const {
        return made<Approvals, hc_approval_list>(hc_mirror_approvals, detail::c_str(organization_id));
    }
    /* Returns the retirements of directories, oldest first. */
    Retirements retirements() const { return made<Retirements, hc_retirement_list>(hc_mirror_retirements); }
    /* Returns the pending events of an organization, which can be applied only after a sync, oldest first. */
    PendingEvents pending_events(const std::string &organization_id) const {
        return made<PendingEvents, hc_pending_event_list>(hc_mirror_pending_events, organization_id.c_str());
    }

    /* Returns past syncs of directories, newest first: the newest 100, or those that `which` selects. */
    Runs runs(const hc_run_options &which = options<hc_run_options>()) const { return made<Runs, hc_run_list>(hc_mirror_runs, &which); }
    /* Returns a received event and what the mirror did with it. The result converts to false if no event with this id is stored. */
    ReceivedEvent event(const std::string &id) const { return made<ReceivedEvent, hc_received_event>(hc_mirror_event, id.c_str()); }
    /* Explains why a user has or lost access; see hc_mirror_explain. */
    Explanation explain(const std::string &user_id) const { return made<Explanation, hc_explanation>(hc_mirror_explain, user_id.c_str()); }
    /* Returns received events, newest first: the newest 100, or those that `which` selects. */
    ReceivedEvents events(const hc_event_options &which = options<hc_event_options>()) const {
        return made<ReceivedEvents, hc_received_event_list>(hc_mirror_events, &which);
    }

    /* Returns the settings in effect, and those that this mirror was opened with and that are not in effect. */
    MirrorSettings settings() const { return made<MirrorSettings, hc_settings>(hc_mirror_settings); }
    /* Changes settings for all processes that use the store. A field that is 0 leaves its setting unchanged. */
    void configure(const hc_mirror_options &options) const { call(hc_mirror_configure, &options); }
    /* Returns the mirror's id, or nullopt if the store has none and may only be read; see hc_mirror_id. */
    std::optional<std::string> id() const {
        const char *id = hc_mirror_id(get());
        return id != nullptr ? std::optional<std::string>(id) : std::nullopt;
    }
    /* Removes the mirror's binding to its environment; see hc_mirror_unbind_environment. */
    void unbind_environment() const { call(hc_mirror_unbind_environment); }
    /* Copies the mirror to a new file or to a PostgreSQL database; see hc_mirror_copy_to. */
    CopyReport copy_to(const std::string &target, const std::optional<std::string> &schema = std::nullopt) const {
        return made<CopyReport, hc_copy_report>(hc_mirror_copy_to, target.c_str(), detail::c_str(schema));
    }

    /* Returns metrics as OpenMetrics text, whose content type is HC_METRICS_CONTENT_TYPE; see hc_mirror_metrics. */
    std::string metrics(bool organizations = false) const {
        Object<hc_text, hc_text_free> text(given<hc_text *>(hc_mirror_metrics, organizations ? 1 : -1));
        return hc_text_value(text.get());
    }
    /* Writes a backup of the mirror to a new file, while the mirror is in use; see hc_mirror_backup. */
    void backup(const std::string &path) const { call(hc_mirror_backup, path.c_str()); }
    /* Returns which of these users are not in the mirror, once that is certain; see hc_mirror_reconcile. `since` is an RFC 3339 text. */
    std::vector<std::string> reconcile(const std::vector<std::string> &user_ids, const std::optional<std::string> &organization_id = std::nullopt,
                                       const std::optional<std::string> &since = std::nullopt) const {
        std::vector<const char *> ids;
        for (const auto &id : user_ids) ids.push_back(id.c_str());
        const hc_reconcile_options options{sizeof options, detail::c_str(organization_id), detail::c_str(since)};
        return texts(given<hc_text_list *>(hc_mirror_reconcile, ids.data(), ids.size(), &options));
    }

    void link(const std::string &user_id, const std::optional<std::string> &account_id) const {
        call(hc_mirror_link, user_id.c_str(), detail::c_str(account_id));
    }
    /* Protects a user from losing access without an approval; see hc_mirror_protect. */
    void protect(const std::string &user_id, const std::string &reason) const {
        call(hc_mirror_protect, user_id.c_str(), reason.c_str());
    }
    void unprotect(const std::string &user_id) const { call(hc_mirror_unprotect, user_id.c_str()); }
    /* Removes all personal data of a user from the mirror, and keeps listings and events from bringing the user back; see hc_mirror_erase_user. */
    Erasure erase_user(const std::string &user_id) const { return made<Erasure, hc_erasure>(hc_mirror_erase_user, user_id.c_str()); }
    /* Removes everything about an organization from the mirror, once its directories are retired and the consumers have acknowledged that; see
     * hc_mirror_forget_organization. */
    OrganizationErasure forget_organization(const std::string &organization_id) const
    {
        return made<OrganizationErasure, hc_organization_erasure>(hc_mirror_forget_organization, organization_id.c_str());
    }
    /* Replaces the role map with pairs of a group (its id, its name or a pattern of names) and a role. */
    void set_role_map(const std::vector<std::pair<std::string, std::string>> &pairs) const {
        std::vector<hc_role_pair> list;
        for (const auto &[group, role] : pairs) list.push_back({group.c_str(), role.c_str()});
        call(hc_mirror_set_role_map, list.data(), list.size());
    }
    /* Replaces the role map with entries that state whether they match by id or by name, and for which organization. */
    void set_role_map_entries(const std::vector<RoleEntry> &entries) const {
        std::vector<hc_role_entry> list;
        for (const auto &entry : entries) {
            list.push_back({entry.key, 0, entry.group.c_str(), entry.role.c_str(), detail::c_str(entry.organization_id)});
        }
        call(hc_mirror_set_role_map_entries, list.data(), list.size());
    }
    RoleMapEntries role_map_entries() const { return made<RoleMapEntries, hc_role_map_entry_list>(hc_mirror_role_map_entries); }
    /* Returns the entries of the role map that match no mirrored group. */
    RoleMapEntries unmatched_roles() const { return made<RoleMapEntries, hc_role_map_entry_list>(hc_mirror_unmatched_roles); }
    std::vector<std::pair<std::string, std::string>> role_map() const {
        Object<hc_role_map, hc_role_map_free> map(given<hc_role_map *>(hc_mirror_role_map));
        std::vector<std::pair<std::string, std::string>> pairs;
        for (std::size_t i = 0; i < hc_role_map_len(map.get()); i++) {
            pairs.emplace_back(hc_role_map_group_at(map.get(), i), hc_role_map_role_at(map.get(), i));
        }
        return pairs;
    }

  private:
    static hc_mirror *open(const std::string &path, const hc_client *client, const hc_mirror_options *options) {
        return detail::given<hc_mirror *>(
            [&](hc_mirror **out, hc_error **error) { return hc_mirror_open(path.c_str(), client, options, out, error); });
    }
    /* Returns the texts of a list, and frees the list. */
    static std::vector<std::string> texts(hc_text_list *given) {
        Object<hc_text_list, hc_text_list_free> list(given);
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < hc_text_list_len(given); i++) texts.emplace_back(hc_text_list_at(given, i));
        return texts;
    }
    /* Sets `on_progress` as the callback, unless it is empty. It must exist until the sync returns. */
    static void set_progress(hc_sync_options &how, const OnProgress &on_progress) {
        if (!on_progress) return;
        how.progress_data = const_cast<OnProgress *>(&on_progress);
        how.on_progress = [](void *data, const hc_sync_progress *progress) noexcept { (*static_cast<const OnProgress *>(data))(*progress); };
    }
    /* Calls a function of headcount.h that has no result, with this mirror and the arguments. */
    template <class Call, class... Arguments>
    void call(Call function, Arguments... arguments) const {
        detail::check([&](hc_error **error) { return function(get(), arguments..., error); });
    }
    /* Calls a function of headcount.h with this mirror and the arguments, and returns its result, a T. */
    template <class T, class Call, class... Arguments>
    T given(Call function, Arguments... arguments) const {
        return detail::given<T>([&](T *out, hc_error **error) { return function(get(), arguments..., out, error); });
    }
    /* Calls a function of headcount.h with this mirror and the arguments, and returns its result, an Out, in an owning object. */
    template <class Made, class Out, class Call, class... Arguments>
    Made made(Call function, Arguments... arguments) const {
        return Made(given<Out *>(function, arguments...));
    }
};

/* A local Scalekit environment inside the program, for tests. */
class Sandbox : public Object<hc_sandbox, hc_sandbox_free> {
  public:
    using Object::Object;

    explicit Sandbox(const hc_sandbox_options &options)
        : Object(detail::given<hc_sandbox *>([&](hc_sandbox **out, hc_error **error) { return hc_sandbox_new(&options, out, error); })) {}
    Sandbox() : Sandbox(options<hc_sandbox_options>()) {}

    std::string environment_url() const { return text(hc_sandbox_environment_url(get())); }
    std::string client_id() const { return text(hc_sandbox_client_id(get())); }
    std::string client_secret() const { return text(hc_sandbox_client_secret(get())); }
    std::string webhook_secret() const { return text(hc_sandbox_webhook_secret(get())); }
    std::string organization_id() const { return text(hc_sandbox_organization_id(get())); }
    std::string directory_id() const { return text(hc_sandbox_directory_id(get())); }
    std::string control_url() const { return text(hc_sandbox_control_url(get())); }
    /* Returns a client of this environment. */
    Client client() const { return Client(environment_url(), client_id(), client_secret()); }

    void register_endpoint(const std::string &url) const { call(hc_sandbox_register_endpoint, url.c_str()); }
    User create_user(const hc_sandbox_user &user) const { return User(given<hc_user *>(hc_sandbox_create_user, &user)); }
    User update_user(const std::string &id, const hc_sandbox_user &change) const {
        return User(given<hc_user *>(hc_sandbox_update_user, id.c_str(), &change));
    }
    void delete_user(const std::string &id) const { call(hc_sandbox_delete_user, id.c_str()); }
    Group create_group(const std::string &display_name, const std::optional<std::string> &organization_id = std::nullopt,
                       const std::optional<std::string> &directory_id = std::nullopt) const {
        return Group(given<hc_group *>(hc_sandbox_create_group, display_name.c_str(), detail::c_str(organization_id), detail::c_str(directory_id)));
    }
    Group update_group(const std::string &id, const std::string &display_name) const {
        return Group(given<hc_group *>(hc_sandbox_update_group, id.c_str(), display_name.c_str()));
    }
    void delete_group(const std::string &id) const { call(hc_sandbox_delete_group, id.c_str()); }
    void add_member(const std::string &group_id, const std::string &user_id) const { call(hc_sandbox_add_member, group_id.c_str(), user_id.c_str()); }
    void remove_member(const std::string &group_id, const std::string &user_id) const {
        call(hc_sandbox_remove_member, group_id.c_str(), user_id.c_str());
    }
    /* Makes every `every`-th later REST call fail with the next of the faults, in turn. An empty list makes no call fail. */
    void fault(const std::vector<std::string> &faults, std::uint32_t every = 1) const {
        std::vector<const char *> texts;
        for (const auto &fault : faults) texts.push_back(fault.c_str());
        call(hc_sandbox_fault, texts.data(), texts.size(), every);
    }
    void advance(std::uint32_t seconds) const { call(hc_sandbox_advance, seconds); }
    /* Returns the JSON of hc_sandbox_deliveries. */
    std::string deliveries() const { return taken(given<hc_text *>(hc_sandbox_deliveries)); }
    /* Returns the body of an event, as hc_sandbox_event_body does. */
    static std::string event_body(const std::string &type, const std::optional<std::string> &overrides = std::nullopt) {
        return taken(detail::given<hc_text *>(
            [&](hc_text **out, hc_error **error) { return hc_sandbox_event_body(type.c_str(), detail::c_str(overrides), out, error); }));
    }

  private:
    /* Returns a copy of the text and frees the text. */
    static std::string taken(hc_text *given) {
        Object<hc_text, hc_text_free> owned(given);
        return std::string(hc_text_value(owned.get()), hc_text_len(owned.get()));
    }
    /* Calls a function of headcount.h that has no result, with this sandbox and the arguments. */
    template <class Call, class... Arguments>
    void call(Call function, Arguments... arguments) const {
        detail::check([&](hc_error **error) { return function(get(), arguments..., error); });
    }
    template <class T, class Call, class... Arguments>
    T given(Call function, Arguments... arguments) const {
        return detail::given<T>([&](T *out, hc_error **error) { return function(get(), arguments..., out, error); });
    }
};

} // namespace headcount

#endif

/*
 * headcount: keeps an application's accounts in step with its customers' directories.
 *
 * Scalekit offers every company's directory (Okta, Entra, Google, ...) through one REST API and signed webhooks. This library lists
 * directories, verifies webhooks and keeps a local mirror. See examples/c/quickstart.c.
 *
 * CONVENTIONS
 *
 * Calls and accessors. A function that can fail returns an hc_status; its result goes to an out-parameter and its error to an
 *   hc_error **. A function that cannot fail (hc_user_email, hc_user_page_len, ...) returns its value. HC_OK is 0.
 * Errors. The hc_error ** is the last parameter and may be NULL. It is set to NULL on success and to an error on failure, which the
 *   caller frees with hc_error_free. Its previous value is neither read nor freed. On failure the out-parameter for the result is set to
 *   NULL, 0 or false. Later versions may add members to hc_status: treat an unknown one as a failure.
 * Ownership. An object from an out-parameter of a type `hc_noun **` belongs to the caller: free it once, with hc_noun_free. A `const`
 *   pointer is borrowed from the object that it was read from, and is valid as long as that object (from an iterator: until its next
 *   call). Handles do not depend on each other: a page stays valid after its client was freed.
 * NULL. hc_noun_free(NULL) does nothing. An accessor returns NULL, 0 or false for a NULL object. A call returns HC_INVALID_ARGUMENT,
 *   naming the parameter, if a required object, text or out-parameter is NULL. Where NULL has a meaning, the documentation of the
 *   parameter says so. An array may be NULL if its length is 0.
 * Strings in are NUL-terminated UTF-8 (other text is HC_INVALID_ARGUMENT) and are copied: they may be freed when the call returns.
 * Strings out are NUL-terminated UTF-8, owned by the object they came from: never free them. A text that the server did not send is
 *   "". NULL stands for optional values that are absent (times, details, an error's code). A NUL character inside a text is replaced
 *   by U+FFFD; the `_json` accessors have the exact text.
 * Times out are RFC 3339 in UTC, such as "2025-01-06T18:44:25.153954Z", with as many digits of a second as needed.
 * Options are structs that begin with struct_size, so that later versions can extend them: set it to sizeof, and all other fields to
 *   0 or NULL for their defaults: `hc_user_options options = { .struct_size = sizeof options, .page_size = 30 };`. Only struct_size
 *   bytes are read. A size that is 0, ends inside a field or is larger than 1024 is HC_INVALID_ARGUMENT; so is a field that this version
 *   of the library does not have and that is not 0. A NULL options pointer means the defaults.
 * Threads. Any number of threads may use a handle at once; iterators, except hc_change_iter and hc_worker, may be used by one thread
 *   at a time. Freeing is exclusive: no other thread may be using the object or what is borrowed from it. Calls block the calling
 *   thread; those whose names end in _async return immediately and pass their result to a callback. The application needs no async
 *   runtime.
 * Forks. A child process may use its parent's clients, mirrors (not those in memory) and replay guards: in the child they have their own
 *   connections, threads and locks, and locks that the parent held at the fork are not kept by the child. Of a sandbox of its parent, the
 *   child may use only the accessors and hc_sandbox_free. The callbacks of calls that were running at the fork are called in the parent only.
 * Linking. -lheadcount. With the static library also -lm -ldl -pthread; `make static-c` makes a static library whose SQLite does not
 *   clash with another SQLite in the program.
 * Panics. If a defect in the library causes a panic, the call returns HC_INTERNAL (an accessor: NULL, 0 or false). The program is not
 *   aborted, and no panic unwinds into its frames.
 */


#ifndef HEADCOUNT_H
#define HEADCOUNT_H

/* Generated from ffi/src by cbindgen: `HEADCOUNT_BLESS=1 cargo test -p headcount-ffi --test header` writes it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header, as numbers. hc_version() returns that of the library.
 */
#define HC_VERSION_MAJOR 0
#define HC_VERSION_MINOR 1
#define HC_VERSION_PATCH 0

/**
 * The content type of the text that hc_mirror_metrics gives, for the answer of a web server.
 */
#define HC_METRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/**
 * For tolerance_seconds: no tolerance; the timestamp must be the current second. (0 means the default.)
 */
#define HC_TOLERANCE_NONE (-1)

/**
 * For retention_seconds of a mirror: acknowledged changes are not kept. (0 means the default.)
 */
#define HC_RETENTION_NONE (-1)

/**
 * For a number of organizations, directories, users or groups in hc_sandbox_options: none. (0 means the default.)
 */
#define HC_SANDBOX_NONE (-1)

/**
 * For guard_users and guard_share: no user may lose access without approval. (0 means the default.)
 */
#define HC_GUARD_NOBODY (-1)

/**
 * For consumer_expiry_seconds: consumers do not expire.
 */
#define HC_CONSUMERS_NEVER_EXPIRE (-1)

/**
 * For deletion_grace_seconds in hc_mirror_configure: users who leave later are deleted at once.
 */
#define HC_DELETION_GRACE_NONE (-1)

/**
 * For timeout_ms of hc_mirror_wait, hc_mirror_changes and hc_mirror_consumer: no limit.
 */
#define HC_WAIT_FOREVER (-1)

/**
 * Comma-separated values as in RFC 4180, with a header: for spreadsheets. Groups and roles are joined by "; ". A text
 * that a spreadsheet would take for a formula begins with an apostrophe: one that begins with "=", "+", "-", "@", a
 * tab or a line break.
 *
 * For hc_mirror_export_options.format.
 */
#define HC_EXPORT_CSV 0

/**
 * A JSON object on each line, with every text as it is: for programs.
 *
 * For hc_mirror_export_options.format.
 */
#define HC_EXPORT_NDJSON 1

/**
 * By the id of one group.
 *
 * For hc_role_entry.key.
 */
#define HC_ROLE_BY_ID 1

/**
 * By name: exactly, or as a pattern in which "*" stands for any number of characters and "?" for one.
 *
 * For hc_role_entry.key.
 */
#define HC_ROLE_BY_NAME 2

/**
 * Full if the last full sync is older than the mirror's "full_every" setting or there was none; else incremental.
 *
 * For hc_sync_options.mode.
 */
#define HC_SYNC_AUTO 0

/**
 * Lists all users and groups, and removes those that are no longer listed.
 *
 * For hc_sync_options.mode.
 */
#define HC_SYNC_FULL 1

/**
 * Lists the users and groups that changed since the last sync. Removes none.
 *
 * For hc_sync_options.mode.
 */
#define HC_SYNC_INCREMENTAL 2

/**
 * What kind of error occurred. HC_OK is success. Numbers never change. Later versions may add members.
 */
typedef enum hc_status {
  /**
   * The call succeeded.
   */
  HC_OK = 0,
  /**
   * A setting is missing or malformed; the message names it.
   */
  HC_CONFIG = 1,
  /**
   * An argument cannot be used: an empty id, a page size of zero, text that is not UTF-8.
   */
  HC_INVALID_ARGUMENT = 2,
  /**
   * The server could not be reached, or the connection broke before the whole answer arrived.
   */
  HC_CONNECTION = 3,
  /**
   * The deadline passed before the call was done.
   */
  HC_TIMEOUT = 4,
  /**
   * The server answered with a status that has no kind of its own.
   */
  HC_API = 5,
  /**
   * 400, 409, 412 or 422: the server refused the content of the request.
   */
  HC_BAD_REQUEST = 6,
  /**
   * 401: the client id, the client secret or the token was refused.
   */
  HC_AUTHENTICATION = 7,
  /**
   * 403: the credentials do not permit access to this resource.
   */
  HC_PERMISSION_DENIED = 8,
  /**
   * 404 or 410: there is no such resource.
   */
  HC_NOT_FOUND = 9,
  /**
   * 429: too many requests.
   */
  HC_RATE_LIMIT = 10,
  /**
   * 5xx: the server failed.
   */
  HC_SERVER = 11,
  /**
   * JSON could not be decoded: the server's answer is damaged, too long, or not as the vendor's API documents it. The
   * message says which.
   */
  HC_DECODE = 12,
  /**
   * A webhook was refused; see hc_error_reason.
   */
  HC_WEBHOOK_VERIFICATION = 13,
  /**
   * A sync would remove more users than the guard allows.
   */
  HC_MASS_REMOVAL = 14,
  /**
   * The store of a mirror or of a replay guard failed, or refused the operation; the message says why.
   */
  HC_STORE = 15,
  /**
   * The caller cancelled the call.
   */
  HC_CANCELLED = 16,
  /**
   * A defect in headcount itself, such as a panic, which was caught and made an error.
   */
  HC_INTERNAL = 17,
  /**
   * The changes that a consumer asks for were removed from the feed: start from a snapshot ("start_from_snapshot").
   */
  HC_HISTORY_TRIMMED = 18,
} hc_status;

/**
 * What the mirror did with a received event. Numbers never change. Later versions may add members.
 */
typedef enum hc_outcome {
  /**
   * The call failed: there is no outcome.
   */
  HC_OUTCOME_NONE = 0,
  /**
   * The mirror now agrees with the event.
   */
  HC_OUTCOME_APPLIED = 1,
  /**
   * The same event was received before.
   */
  HC_OUTCOME_DUPLICATE = 2,
  /**
   * The mirror has newer information than the event.
   */
  HC_OUTCOME_STALE = 3,
  /**
   * The event is stored until a sync shows which directory it is about.
   */
  HC_OUTCOME_PENDING = 4,
  /**
   * The event changed nothing: events of its type do not change the mirror, or it names more groups for a user than the
   * setting "groups_per_user" permits (10,000 by default). In the second case the next sync lists the user.
   */
  HC_OUTCOME_IGNORED = 5,
  /**
   * The guard holds the loss of access that the event would cause, until it is approved.
   */
  HC_OUTCOME_HELD = 6,
  /**
   * The event changed nothing: it is about a user, group or directory of another organization than the one that it
   * names, it is from another environment than the mirror's, or it names no organization.
   */
  HC_OUTCOME_FOREIGN = 7,
  /**
   * The event changed nothing: it is about a user whom the application has erased, or an organization that it has
   * forgotten.
   */
  HC_OUTCOME_ERASED = 8,
} hc_outcome;

/**
 * A decision about a hold.
 */
typedef struct hc_approval hc_approval;

/**
 * A list of decisions.
 */
typedef struct hc_approval_list hc_approval_list;

/**
 * Handle that cancels the running and all later calls of each client that hc_client_with created with this handle.
 */
typedef struct hc_cancel hc_cancel;

/**
 * One change of the feed.
 */
typedef struct hc_change hc_change;

/**
 * A list of changes.
 */
typedef struct hc_change_batch hc_change_batch;

/**
 * A list of groups of changes, each an hc_change_batch.
 */
typedef struct hc_change_groups hc_change_groups;

/**
 * An iterator over the changes of one consumer. Unlike other iterators it may be used by any number of threads at once: each change goes to one of
 * them, and belongs to the caller.
 */
typedef struct hc_change_iter hc_change_iter;

/**
 * The REST client of one environment. Thread-safe: any number of threads may use it at once, and share its connections and its
 * access token.
 */
typedef struct hc_client hc_client;

/**
 * A consumer of the change feed and its position.
 */
typedef struct hc_consumer hc_consumer;

/**
 * A list of consumers.
 */
typedef struct hc_consumer_list hc_consumer_list;

/**
 * A table of a copied mirror.
 */
typedef struct hc_copied_table hc_copied_table;

/**
 * The result of copying a mirror.
 */
typedef struct hc_copy_report hc_copy_report;

/**
 * A directory of an organization: the schema "directoriesDirectory" of the vendor's API.
 */
typedef struct hc_directory hc_directory;

/**
 * A list of directories.
 */
typedef struct hc_directory_list hc_directory_list;

/**
 * The result of enabling or disabling a directory: the schema "directoriesToggleDirectoryResponse" of the vendor's
 * API.
 */
typedef struct hc_directory_toggle hc_directory_toggle;

/**
 * The erasure of a user: what was removed.
 */
typedef struct hc_erasure hc_erasure;

/**
 * An error: its status, its message, and the error fields of the server's answer if there was one.
 */
typedef struct hc_error hc_error;

/**
 * An event of a verified webhook.
 */
typedef struct hc_event hc_event;

/**
 * What one step changed about a user, with the record of its cause. At most one of the four records is there. None is
 * there if the cause is a new role map, or if the record is no longer kept.
 */
typedef struct hc_explained_change hc_explained_change;

/**
 * Why a user has or lost access: the answer of "explain".
 */
typedef struct hc_explanation hc_explanation;

/**
 * An iterator over the pieces of an export.
 */
typedef struct hc_export_iter hc_export_iter;

/**
 * A group of a directory: the schema "directoriesDirectoryGroup" of the vendor's API.
 */
typedef struct hc_group hc_group;

/**
 * An iterator over all groups of a listing.
 */
typedef struct hc_group_iter hc_group_iter;

/**
 * One page of groups.
 */
typedef struct hc_group_page hc_group_page;

/**
 * How many users of a directory may lose access without approval.
 */
typedef struct hc_guard_settings hc_guard_settings;

/**
 * What one step changed about one user, group, directory or organization.
 */
typedef struct hc_history_entry hc_history_entry;

/**
 * An iterator over the history of a mirror.
 */
typedef struct hc_history_iter hc_history_iter;

/**
 * Users of one directory who would lose access for one reason. They keep it until the hold is approved. A hold on a
 * directory that is disabled or not found names no users.
 */
typedef struct hc_hold hc_hold;

/**
 * A list of holds.
 */
typedef struct hc_hold_list hc_hold_list;

/**
 * A setting that a handle was opened with and that is not in effect.
 */
typedef struct hc_ignored_setting hc_ignored_setting;

/**
 * A durable local copy of all directories, with a feed of changes. Thread-safe: any number of threads may use it at once. A forked child
 * may use it as well, unless the mirror is in memory: the first call in the child opens the file again, or connects to the database again.
 */
typedef struct hc_mirror hc_mirror;

/**
 * A directory as mirrored.
 */
typedef struct hc_mirror_directory hc_mirror_directory;

/**
 * A list of directories.
 */
typedef struct hc_mirror_directory_list hc_mirror_directory_list;

/**
 * How up to date the mirror is with one directory.
 */
typedef struct hc_mirror_directory_status hc_mirror_directory_status;

/**
 * A list of statuses.
 */
typedef struct hc_mirror_directory_status_list hc_mirror_directory_status_list;

/**
 * A directory group as mirrored.
 */
typedef struct hc_mirror_group hc_mirror_group;

/**
 * A list of groups.
 */
typedef struct hc_mirror_group_list hc_mirror_group_list;

/**
 * A directory user as mirrored.
 */
typedef struct hc_mirror_user hc_mirror_user;

/**
 * An iterator over mirrored users: those of an organization, at present or at a past time, or those that a hold names.
 */
typedef struct hc_mirror_user_iter hc_mirror_user_iter;

/**
 * A list of users.
 */
typedef struct hc_mirror_user_list hc_mirror_user_list;

/**
 * A customer of the application: the schema "organizationsOrganization" of the vendor's API.
 */
typedef struct hc_organization hc_organization;

/**
 * The removal of everything that a mirror had about an organization.
 */
typedef struct hc_organization_erasure hc_organization_erasure;

/**
 * An iterator over all organizations of a listing.
 */
typedef struct hc_organization_iter hc_organization_iter;

/**
 * One page of organizations.
 */
typedef struct hc_organization_page hc_organization_page;

/**
 * A change that a consumer parked because it could not handle it.
 */
typedef struct hc_parked_change hc_parked_change;

/**
 * A list of parked changes.
 */
typedef struct hc_parked_list hc_parked_list;

/**
 * A received event that waits for a sync. It has no personal data.
 */
typedef struct hc_pending_event hc_pending_event;

/**
 * A list of pending events.
 */
typedef struct hc_pending_event_list hc_pending_event_list;

/**
 * What a sync would change. It does not depend on the mirror, which may be closed and freed.
 */
typedef struct hc_plan hc_plan;

/**
 * An iterator over the changes of a plan.
 */
typedef struct hc_plan_iter hc_plan_iter;

/**
 * A link to the admin portal, in which an organization's administrator sets up SSO and directories: the schema
 * "organizationsLink" of the vendor's API.
 */
typedef struct hc_portal_link hc_portal_link;

/**
 * A received event, and what the mirror did with it. It has no personal data. Fields that an older version of this
 * package did not store are NULL.
 */
typedef struct hc_received_event hc_received_event;

/**
 * A list of received events.
 */
typedef struct hc_received_event_list hc_received_event_list;

/**
 * Records which messages were handled, so that a message that is delivered twice is handled once. Thread-safe: any number of threads may use it
 * at once.
 *
 * Call hc_replay_guard_check before a message is handled and hc_replay_guard_commit afterwards, before answering 2xx. There is
 * no lock between the two: if one message arrives twice at the same time, or the process ends before the commit, both deliveries
 * can count as the first. Handling an event must therefore be idempotent; where it is not, use hc_replay_guard_claim.
 */
typedef struct hc_replay_guard hc_replay_guard;

/**
 * The removal of all users and groups of a directory that is no longer used.
 */
typedef struct hc_retirement hc_retirement;

/**
 * A list of retirements.
 */
typedef struct hc_retirement_list hc_retirement_list;

/**
 * A group that gives a user a role, and the entry of the role map by which it does.
 */
typedef struct hc_role_grant hc_role_grant;

/**
 * The role map as pairs of a group and a role.
 */
typedef struct hc_role_map hc_role_map;

/**
 * One entry of the role map: members of the groups that it matches have its role.
 *
 * A pair of a group and a role is an entry for all organizations. The group is an id if it begins with "dirgroup_",
 * else a name or a pattern.
 */
typedef struct hc_role_map_entry hc_role_map_entry;

/**
 * A list of entries.
 */
typedef struct hc_role_map_entry_list hc_role_map_entry_list;

/**
 * A past sync of one directory. It has no personal data.
 */
typedef struct hc_run hc_run;

/**
 * A list of syncs.
 */
typedef struct hc_run_list hc_run_list;

/**
 * A running sandbox, reachable on loopback only, with its own threads. Thread-safe: any number of threads may use it at once. A forked
 * child may use only the accessors and hc_sandbox_free.
 */
typedef struct hc_sandbox hc_sandbox;

/**
 * The settings of a mirror that are in effect.
 */
typedef struct hc_settings hc_settings;

/**
 * The three headers of a signed request.
 */
typedef struct hc_signed_headers hc_signed_headers;

/**
 * What a sync of one directory did.
 */
typedef struct hc_sync_report hc_sync_report;

/**
 * A list of reports.
 */
typedef struct hc_sync_reports hc_sync_reports;

/**
 * A text. The caller owns it.
 */
typedef struct hc_text hc_text;

/**
 * A list of texts. The caller owns the list and the texts in it.
 */
typedef struct hc_text_list hc_text_list;

/**
 * A user of a directory: the schema "directoriesDirectoryUser" of the vendor's API. Users are identified by "id";
 * email addresses can change.
 */
typedef struct hc_user hc_user;

/**
 * An iterator over all users of a listing.
 */
typedef struct hc_user_iter hc_user_iter;

/**
 * One page of users.
 */
typedef struct hc_user_page hc_user_page;

/**
 * A verifier for one signing secret, or for several while one is rotated. Thread-safe: any number of threads may use it at once.
 */
typedef struct hc_webhook hc_webhook;

/**
 * A worker of a consumer with partitions. Any number of threads may use it at once: each change goes to one of them, and belongs to the caller.
 */
typedef struct hc_worker hc_worker;

/**
 * One activity of a client. The struct and its texts are valid until the observer returns. No text contains a token, a secret,
 * an id or the value of a query parameter. Later versions may append fields; struct_size shows how many bytes are present.
 */
typedef struct hc_activity {
  /**
   * The size of this struct in the library's version.
   */
  size_t struct_size;
  /**
   * Kind of activity: "request", "retry", "throttled", "token_renewed" or "token_renewal_failed". Later versions may add
   * values.
   */
  const char *kind;
  /**
   * Level for a log: "debug", "info" or "warning".
   */
  const char *level;
  /**
   * One line for a log.
   */
  const char *message;
  /**
   * Operation, such as "list directory users".
   */
  const char *operation;
  /**
   * HTTP method of the request.
   */
  const char *method;
  /**
   * Path of the request with names in place of ids, such as "/api/v1/organizations/{organization}/directories".
   */
  const char *route;
  /**
   * Length of the answer's body after decompression, in bytes; 0 unless the kind is "request".
   */
  uint64_t bytes;
  /**
   * Duration of the request in microseconds; 0 unless the kind is "request".
   */
  uint64_t elapsed_us;
  /**
   * Wait before the next request, in milliseconds; -1 if there is none.
   */
  int64_t wait_ms;
  /**
   * Number of the attempt, from 1.
   */
  uint32_t attempt;
  /**
   * HTTP status of the answer; 0 if there was no answer.
   */
  int32_t http_status;
  /**
   * Kind of the error; HC_OK if there was none.
   */
  enum hc_status error;
} hc_activity;

/**
 * Receives the activities of a client, for logs and measurements.
 *
 * Called during calls, on threads of the library and of the caller; several threads may call it at once. It must return soon, must not call
 * the library and must not throw a C++ exception. `user_data` is the observer_data of the options.
 */
typedef void (*hc_observer)(void *user_data, const struct hc_activity *activity);

/**
 * Settings of a client. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_client_options {
  /**
   * sizeof(hc_client_options).
   */
  size_t struct_size;
  /**
   * The environment's URL, such as "https://acme.scalekit.com". http:// is for loopback hosts only.
   */
  const char *environment_url;
  /**
   * The client id, "skc_...".
   */
  const char *client_id;
  /**
   * The client secret. The library's copy is never printed, and is overwritten with zeros when the client is freed. The buffers in which a
   * request for an access token is sent are not overwritten.
   */
  const char *client_secret;
  /**
   * Deadline of each call with all its attempts, in milliseconds. 0 means 60000.
   */
  uint32_t timeout_ms;
  /**
   * Largest number of attempts of a call; 1 disables retries. 0 means 5.
   */
  uint32_t max_attempts;
  /**
   * Timeout of one attempt, in milliseconds. 0 means 20000.
   */
  uint32_t attempt_timeout_ms;
  /**
   * Timeout of connecting, in milliseconds. 0 means 10000.
   */
  uint32_t connect_timeout_ms;
  /**
   * Upper bound of the random wait before the first retry, in milliseconds; it doubles with each retry. 0 means 250.
   */
  uint32_t retry_base_ms;
  /**
   * Upper bound of the wait before any retry, in milliseconds, unless the server asks for a longer wait. 0 means 8000.
   */
  uint32_t retry_cap_ms;
  /**
   * Number of retries that all calls share. Each retry uses one, and each successful call adds half a retry, up to this number. 0 means 100.
   */
  uint32_t retry_budget;
  /**
   * Largest number of concurrent requests; others wait. 0 means 32.
   */
  uint32_t max_concurrency;
  /**
   * Largest body of an answer, in bytes; a larger one fails with HC_DECODE. 0 means 8388608 (8 MiB).
   */
  uint64_t max_response_bytes;
  /**
   * URL of the proxy. NULL: the one in HTTPS_PROXY or ALL_PROXY. "": no proxy. Hosts in NO_PROXY are reached directly.
   */
  const char *proxy;
  /**
   * Path of a PEM file with certificate authorities that are trusted in addition to the system's, or NULL.
   */
  const char *ca_file;
  /**
   * Appended to the User-Agent header, such as "acme-provisioning/2.1"; or NULL.
   */
  const char *user_agent_suffix;
  /**
   * Receives the client's activities until its last call has ended, or NULL.
   */
  hc_observer observer;
  /**
   * Passed to the observer; may be NULL.
   */
  void *observer_data;
} hc_client_options;

/**
 * Options of calls that override those of a client: hc_client_with creates a client that uses them. Set all bytes to 0, then struct_size and
 * the fields that you need.
 */
typedef struct hc_call_options {
  /**
   * sizeof(hc_call_options).
   */
  size_t struct_size;
  /**
   * Handle that cancels the calls, or NULL. It may be freed during the calls.
   */
  const struct hc_cancel *cancel;
  /**
   * Deadline of each call with all its attempts, in milliseconds. 0: that of the client.
   */
  uint32_t timeout_ms;
  /**
   * Largest number of attempts of a call; 1 disables retries. 0: that of the client.
   */
  uint32_t max_attempts;
} hc_call_options;

/**
 * Which organizations a listing returns. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_organization_options {
  /**
   * sizeof(hc_organization_options).
   */
  size_t struct_size;
  /**
   * Token of the first page to read: the next_page_token or prev_page_token of another page. NULL or "": the first page.
   */
  const char *page_token;
  /**
   * Only the organization with this external id. NULL: all.
   */
  const char *external_id;
  /**
   * Largest number of organizations per page, 10 to 100. 0: the server's default for a page, 100 for an iterator.
   */
  uint32_t page_size;
  /**
   * Must be 0.
   */
  uint32_t reserved;
} hc_organization_options;

/**
 * Fields of a new organization, or changes of one. Set all bytes to 0, then struct_size and the fields that you need: a field
 * that is NULL stays unchanged.
 */
typedef struct hc_organization_fields {
  /**
   * sizeof(hc_organization_fields).
   */
  size_t struct_size;
  /**
   * Display name: 1 to 200 characters.
   */
  const char *display_name;
  /**
   * The application's own id of the organization.
   */
  const char *external_id;
  /**
   * URL of the logo, "https://...".
   */
  const char *logo_url;
  /**
   * Short name in URLs: a DNS label or host name. "" removes it.
   */
  const char *slug;
  /**
   * The application's own keys and values, which replace all current ones: a key, its value, the next key, and so on.
   */
  const char *const *metadata;
  /**
   * Number of keys in `metadata`. 0 with a non-NULL `metadata` removes all.
   */
  size_t metadata_len;
} hc_organization_fields;

/**
 * A feature of an organization that is to be enabled or disabled.
 */
typedef struct hc_feature {
  /**
   * "sso", "dir_sync", "domain_verification" or "session_policy".
   */
  const char *name;
  /**
   * true enables the feature, false disables it.
   */
  bool enabled;
} hc_feature;

/**
 * Which users a listing returns, and with which details. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_user_options {
  /**
   * sizeof(hc_user_options).
   */
  size_t struct_size;
  /**
   * Token of the first page to read: the next_page_token or prev_page_token of another page. NULL or "": the first page.
   */
  const char *page_token;
  /**
   * Only members of this group ("dirgroup_..."). NULL: all users.
   */
  const char *directory_group_id;
  /**
   * Only users changed after this time, as RFC 3339 text. NULL: all.
   */
  const char *updated_after;
  /**
   * Largest number of users per page, at most 30. 0: the server's default for a page, 30 for an iterator.
   */
  uint32_t page_size;
  /**
   * Whether users include user_detail: 1 yes, -1 no, 0 the server's default.
   */
  int32_t include_detail;
} hc_user_options;

/**
 * Which groups a listing returns, and with which details. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_group_options {
  /**
   * sizeof(hc_group_options).
   */
  size_t struct_size;
  /**
   * Token of the first page to read: the next_page_token or prev_page_token of another page. NULL or "": the first page.
   */
  const char *page_token;
  /**
   * Only groups changed after this time, as RFC 3339 text. NULL: all.
   */
  const char *updated_after;
  /**
   * Largest number of groups per page, at most 30. 0: the server's default for a page, 30 for an iterator.
   */
  uint32_t page_size;
  /**
   * Whether groups include group_detail: 1 yes, -1 no, 0 the server's default.
   */
  int32_t include_detail;
  /**
   * Whether to include groups that exist at the provider but are not synchronized by Scalekit: 1 yes, -1 no, 0 the server's
   * default.
   */
  int32_t include_external_groups;
  /**
   * Must be 0.
   */
  uint32_t reserved;
} hc_group_options;

/**
 * Receives a page of organizations; free it with hc_organization_page_free.
 *
 * After a failure `organization_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_organization_page_callback)(void *user_data,
                                              enum hc_status status,
                                              struct hc_organization_page *organization_page,
                                              struct hc_error *error);

/**
 * Receives an organization; free it with hc_organization_free.
 *
 * After a failure `organization` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_organization_callback)(void *user_data,
                                         enum hc_status status,
                                         struct hc_organization *organization,
                                         struct hc_error *error);

/**
 * Receives a link to the admin portal; free it with hc_portal_link_free.
 *
 * After a failure `link` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_portal_link_callback)(void *user_data,
                                        enum hc_status status,
                                        struct hc_portal_link *link,
                                        struct hc_error *error);

/**
 * Receives the status of a call that returns no object.
 *
 * After a failure `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_done_callback)(void *user_data, enum hc_status status, struct hc_error *error);

/**
 * Receives the directories; free them with hc_directory_list_free.
 *
 * After a failure `directory_list` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_directory_list_callback)(void *user_data,
                                           enum hc_status status,
                                           struct hc_directory_list *directory_list,
                                           struct hc_error *error);

/**
 * Receives a directory; free it with hc_directory_free.
 *
 * After a failure `directory` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_directory_callback)(void *user_data,
                                      enum hc_status status,
                                      struct hc_directory *directory,
                                      struct hc_error *error);

/**
 * Receives the result of enabling or disabling a directory; free it with hc_directory_toggle_free.
 *
 * After a failure `directory_toggle` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_directory_toggle_callback)(void *user_data,
                                             enum hc_status status,
                                             struct hc_directory_toggle *directory_toggle,
                                             struct hc_error *error);

/**
 * Receives a page of users; free it with hc_user_page_free.
 *
 * After a failure `user_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_user_page_callback)(void *user_data,
                                      enum hc_status status,
                                      struct hc_user_page *user_page,
                                      struct hc_error *error);

/**
 * Receives a page of groups; free it with hc_group_page_free.
 *
 * After a failure `group_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
 *
 * Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
 * start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
 * asynchronous call.
 */
typedef void (*hc_group_page_callback)(void *user_data,
                                       enum hc_status status,
                                       struct hc_group_page *group_page,
                                       struct hc_error *error);

/**
 * Settings of a verifier. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_webhook_options {
  /**
   * sizeof(hc_webhook_options).
   */
  size_t struct_size;
  /**
   * Largest difference between the timestamp and the current time, in seconds. 0 means 300. HC_TOLERANCE_NONE: none.
   */
  int64_t tolerance_seconds;
  /**
   * Largest accepted body, in bytes. 0 means 1048576 (1 MiB).
   */
  uint64_t max_body;
} hc_webhook_options;

/**
 * One header of a request.
 */
typedef struct hc_header {
  /**
   * Name, NUL-terminated, in upper or lower case.
   */
  const char *name;
  /**
   * Value: bytes that need no terminator. May be NULL if value_len is 0.
   */
  const char *value;
  /**
   * Length of the value in bytes.
   */
  size_t value_len;
} hc_header;

/**
 * Settings of a replay guard. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_replay_options {
  /**
   * sizeof(hc_replay_options).
   */
  size_t struct_size;
  /**
   * How long an id is kept after its last commit, in seconds: at least 600, twice the default tolerance of timestamps. 0: three
   * days; the vendor repeats deliveries for 28 hours.
   */
  int64_t retention_seconds;
  /**
   * Largest number of ids in memory. When it is reached, expired ids are removed first, then the oldest. 0 means 100000.
   */
  uint64_t capacity;
} hc_replay_options;

/**
 * Returns whether `message_id` was recorded and has not expired: 1 yes, 0 no, any other value for an error.
 *
 * Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
 */
typedef int (*hc_replay_contains)(void *user_data, const char *message_id);

/**
 * Records `message_id` at least until `expires_at`, in seconds since 1970-01-01 UTC, also if it was recorded before. Returns 0,
 * or any other value for an error.
 *
 * Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
 */
typedef int (*hc_replay_record)(void *user_data, const char *message_id, int64_t expires_at);

/**
 * Records `message_id` at least until `expires_at`, in seconds since 1970-01-01 UTC, unless a record of it exists that has not expired, in one
 * atomic step. Returns 1 if it recorded the id, 0 if such a record exists, any other value for an error.
 *
 * Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
 */
typedef int (*hc_replay_claim)(void *user_data, const char *message_id, int64_t expires_at);

/**
 * Removes `message_id` if it is recorded. Returns 0, or any other value for an error.
 *
 * Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
 */
typedef int (*hc_replay_release)(void *user_data, const char *message_id);

/**
 * The functions of an application's own store of message ids. Set all bytes to 0, then struct_size and the fields.
 */
typedef struct hc_replay_store {
  /**
   * sizeof(hc_replay_store).
   */
  size_t struct_size;
  /**
   * Required.
   */
  hc_replay_contains contains;
  /**
   * Required.
   */
  hc_replay_record record;
  /**
   * Passed to all functions; may be NULL. It must be valid until the replay guard has been freed.
   */
  void *user_data;
  /**
   * For hc_replay_guard_claim; may be NULL.
   */
  hc_replay_claim claim;
  /**
   * For hc_replay_guard_release; may be NULL.
   */
  hc_replay_release release;
} hc_replay_store;

/**
 * Initial content of a sandbox. The same sizes and seed give the same names, ids and memberships. Set all bytes to 0, then
 * struct_size and the fields that you need.
 */
typedef struct hc_sandbox_options {
  /**
   * sizeof(hc_sandbox_options).
   */
  size_t struct_size;
  /**
   * Seed of names, ids and memberships. 0 means 1.
   */
  uint64_t seed;
  /**
   * Number of organizations. 0 means 1. HC_SANDBOX_NONE: none.
   */
  int32_t organizations;
  /**
   * Number of directories per organization. 0 means 1. HC_SANDBOX_NONE: none.
   */
  int32_t directories;
  /**
   * Number of users per directory. 0 means 50. HC_SANDBOX_NONE: none.
   */
  int32_t users;
  /**
   * Number of groups per directory. 0 means 5. HC_SANDBOX_NONE: none.
   */
  int32_t groups;
} hc_sandbox_options;

/**
 * A new user, or changes of a user. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_sandbox_user {
  /**
   * sizeof(hc_sandbox_user).
   */
  size_t struct_size;
  /**
   * Primary e-mail address: required for a new user. NULL in a change: unchanged.
   */
  const char *email;
  /**
   * First name. NULL: "" for a new user, unchanged in a change.
   */
  const char *given_name;
  /**
   * Last name. NULL: "" for a new user, unchanged in a change.
   */
  const char *family_name;
  /**
   * User name in the directory. NULL: the part of the address before "@" for a new user, unchanged in a change.
   */
  const char *preferred_username;
  /**
   * All groups of the user: `groups_len` names or ids of existing groups. NULL: no groups for a new user, unchanged in a change. (To
   * remove a user from all groups, pass a non-NULL pointer and the length 0.)
   */
  const char *const *groups;
  /**
   * Number of items.
   */
  size_t groups_len;
  /**
   * Id of the organization of a new user. NULL: the first organization. Must be NULL in a change.
   */
  const char *organization_id;
  /**
   * Id of the directory of a new user. NULL: the organization's first directory. Must be NULL in a change.
   */
  const char *directory_id;
  /**
   * Whether the user may sign in: 1 yes, -1 no, 0 unchanged. Must be 0 for a new user, who may sign in.
   */
  int32_t active;
  /**
   * Must be 0.
   */
  uint32_t reserved;
} hc_sandbox_user;

/**
 * Settings of a mirror. Set all bytes to 0, then struct_size and the fields that you need.
 *
 * webhook_secret, and the fields from schema to prepared_statements, which are for PostgreSQL, belong to the handle. The other settings are kept in the store, so that all
 * processes that use it have the same. hc_mirror_open stores a setting that the store does not have yet. If the store has another value, that value stays
 * in effect, and hc_mirror_settings lists the setting as ignored: hc_mirror_configure changes it. A field that is 0 has the store's value, or the default
 * given here if the store has none.
 */
typedef struct hc_mirror_options {
  /**
   * sizeof(hc_mirror_options).
   */
  size_t struct_size;
  /**
   * Number of users of a directory that may lose access within the guard's window without approval. The limit is lower for a small
   * directory: half of its users if it has at most ten, otherwise a quarter of them, but at least five. 0 means 20.
   * HC_GUARD_NOBODY: no user.
   */
  int64_t guard_users;
  /**
   * Share of the directory's users that may lose access within the guard's window, from 0 to 1. The larger of this limit and that of
   * guard_users applies. 1 permits every loss, except removals because of a listing without users. 0 means 0.1. HC_GUARD_NOBODY: no user.
   */
  double guard_share;
  /**
   * Age of the last full sync, in seconds, at which a sync with HC_SYNC_AUTO is a full one again. 0 means 24 hours.
   */
  uint64_t full_every_seconds;
  /**
   * How long changes that all consumers have acknowledged are kept, in seconds. 0 means 30 days. HC_RETENTION_NONE: they are not kept.
   */
  int64_t retention_seconds;
  /**
   * Secret for webhooks: "whsec_...", or several secrets separated by spaces. NULL: SCALEKIT_WEBHOOK_SECRET, read at the
   * first webhook.
   */
  const char *webhook_secret;
  /**
   * Whether the guard also limits losses of access by events: 1 yes, -1 no, 0 the default, which is yes.
   */
  int32_t guard_events;
  /**
   * Must be 0.
   */
  uint32_t reserved;
  /**
   * The time within which losses of access are counted together, in seconds. 0 means 24 hours.
   */
  uint64_t guard_window_seconds;
  /**
   * Number of seconds without a poll or an acknowledgement after which a consumer expires: changes are no longer kept for it. Less than two
   * hours counts as two hours. 0 means 30 days. HC_CONSUMERS_NEVER_EXPIRE: never.
   */
  int64_t consumer_expiry_seconds;
  /**
   * Maximum number of pending events of an organization. 0 means 10,000.
   */
  uint64_t pending_events;
  /**
   * Maximum total size of the pending events of an organization, in bytes. 0 means 67,108,864 (64 MiB).
   */
  uint64_t pending_bytes;
  /**
   * Maximum number of groups that an event may name for a user; an event with more groups changes nothing. 0 means 10,000.
   */
  uint64_t groups_per_user;
  /**
   * Name of the schema in a PostgreSQL database that has the mirror's tables: lower-case letters, digits and underscores. It is created if there
   * is none. NULL: "headcount". For a mirror in a file, this and the fields up to prepared_statements must be 0.
   */
  const char *schema;
  /**
   * Maximum number of connections to PostgreSQL that the handle has open at once. 0 means 10.
   */
  uint32_t connections;
  /**
   * How long a call waits for another transaction in PostgreSQL, or for a free connection, before it fails, in milliseconds. 0 means 10,000.
   */
  uint32_t lock_timeout_ms;
  /**
   * How long a statement may take in PostgreSQL before the call fails, in milliseconds. 0 means 60,000. A connection counts as lost if the server has
   * not answered a statement within the sum of this and lock_timeout_ms.
   */
  uint32_t statement_timeout_ms;
  /**
   * Whether statements are prepared, so that PostgreSQL plans each only a few times on each connection: 1 yes, -1 no, 0 the default, which is no.
   * Prepared statements do not work through a pooler in transaction mode that does not support them, such as pgbouncer 1.18.
   */
  int32_t prepared_statements;
  /**
   * How long the history is kept, which hc_mirror_history and hc_mirror_at read, in seconds. 0 means 400 days. HC_RETENTION_NONE: the mirror keeps no
   * history. Unlike the fields before it, this one is not only for PostgreSQL: it is kept in the store.
   */
  int64_t history_seconds;
  /**
   * Number of seconds after which users who left are deleted, unless they return: they are deactivated at once, and have the time of the deletion
   * (hc_mirror_user_deletes_at). At most ten years. A change applies to users who leave later. 0 means that users who left are deleted at once.
   * HC_DELETION_GRACE_NONE, only in hc_mirror_configure: ends a grace that the store has. Like history_seconds, this is kept in the store.
   */
  int64_t deletion_grace_seconds;
  /**
   * The names of the personal fields of users that are stored, such as "email": an array of fields_len texts. Fields that are not listed are not stored
   * anywhere: not in rows, the feed, the history or pending events. The names are "email", "given_name", "family_name", "preferred_username",
   * "emails", "vendor_roles", "detail" and "attributes"; ids, groups, roles and whether a user is active are always stored. NULL means all fields. An
   * array of 0 names stores none of them. Kept in the store.
   */
  const char *const *fields;
  /**
   * Number of names in fields.
   */
  size_t fields_len;
} hc_mirror_options;

/**
 * A group and the role that its members get.
 */
typedef struct hc_role_pair {
  /**
   * The group's id ("dirgroup_..."), its name, or a pattern of names: "*" matches any characters, "?" matches one.
   */
  const char *group;
  /**
   * The role.
   */
  const char *role;
} hc_role_pair;

/**
 * An entry for hc_mirror_set_role_map_entries: members of the groups that it matches have its role. Set all bytes to 0, then the fields that you
 * need.
 */
typedef struct hc_role_entry {
  /**
   * What `group` is: HC_ROLE_BY_ID or HC_ROLE_BY_NAME. 0: an id if it begins with "dirgroup_", else a name or a pattern, as in a pair.
   */
  int32_t key;
  /**
   * Must be 0.
   */
  uint32_t reserved;
  /**
   * The group's id, its name, or a pattern of names: "*" matches any characters, "?" matches one.
   */
  const char *group;
  /**
   * The role.
   */
  const char *role;
  /**
   * Limits the entry to the groups of this organization ("org_..."). NULL: the groups of all organizations.
   */
  const char *organization_id;
} hc_role_entry;

/**
 * Filters for mirrored users. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_mirror_user_options {
  /**
   * sizeof(hc_mirror_user_options).
   */
  size_t struct_size;
  /**
   * Only users of this directory ("dir_..."). NULL: users of all directories.
   */
  const char *directory_id;
  /**
   * Only members of this group ("dirgroup_..."). NULL: all users.
   */
  const char *group_id;
} hc_mirror_user_options;

/**
 * Progress of a sync. The struct and its texts are valid until the callback returns. Later versions may append fields:
 * struct_size shows how many bytes are present.
 */
typedef struct hc_sync_progress {
  /**
   * The size of this struct in the library's version.
   */
  size_t struct_size;
  /**
   * Id of the organization, "org_...".
   */
  const char *organization_id;
  /**
   * Id of the directory, "dir_...".
   */
  const char *directory_id;
  /**
   * What the sync is doing: "groups", "users" or "removals". Later versions may add values.
   */
  const char *phase;
  /**
   * Number of pages of this phase that were read; 0 in the phase "removals".
   */
  uint64_t pages;
  /**
   * Number of users or groups in those pages; in the phase "removals", number of users that were removed or held so far.
   */
  uint64_t items;
  /**
   * Number of users or groups in all pages of the phase, as the server counts them. In the phase "removals": number of users to remove in its first
   * report, and -1 in the later ones.
   */
  int64_t total;
  /**
   * `items` per second since the sync of the directory started; 0 if no time has passed.
   */
  double rate;
} hc_sync_progress;

/**
 * Receives the progress of a sync after each page that was read, and during the removals.
 *
 * Called during the sync: by hc_mirror_sync and hc_mirror_plan on the thread that called it, by hc_mirror_sync_all on threads of the library, of which several
 * may call it at once. It must return soon, must not call the library and must not throw a C++ exception. `user_data` is the progress_data
 * of the options.
 */
typedef void (*hc_sync_progress_callback)(void *user_data, const struct hc_sync_progress *progress);

/**
 * Options of a sync. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_sync_options {
  /**
   * sizeof(hc_sync_options).
   */
  size_t struct_size;
  /**
   * Receives the progress, or NULL.
   */
  hc_sync_progress_callback on_progress;
  /**
   * Passed to the callback; may be NULL. It must be valid until the sync returns.
   */
  void *progress_data;
  /**
   * Kind of sync: HC_SYNC_AUTO (0), HC_SYNC_FULL or HC_SYNC_INCREMENTAL.
   */
  int32_t mode;
  /**
   * Whether the open holds of each synced directory are approved before its sync: 1 yes, 0 or -1 no. With 1 the sync is a full one.
   */
  int32_t approve_removals;
  /**
   * Whether to report "already_running" instead of waiting if another sync or a retirement of the directory is running: 1 yes, 0 or -1 no.
   */
  int32_t no_wait;
  /**
   * Number of organizations that hc_mirror_sync_all syncs at once. 0 means 16.
   */
  uint32_t concurrency;
} hc_sync_options;

/**
 * What to export, and in which format. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_mirror_export_options {
  /**
   * sizeof(hc_mirror_export_options).
   */
  size_t struct_size;
  /**
   * HC_EXPORT_CSV or HC_EXPORT_NDJSON.
   */
  int32_t format;
  /**
   * The time whose users are exported: RFC 3339 with an offset from UTC, or a date, which means 00:00 UTC on that day. NULL: the present users.
   */
  const char *at;
  /**
   * Only users of this directory ("dir_...") at that time. NULL: users of all directories.
   */
  const char *directory_id;
  /**
   * Only members of this group ("dirgroup_...") at that time. NULL: all users.
   */
  const char *group_id;
  /**
   * Only users who had this role at that time. NULL: all users.
   */
  const char *role;
} hc_mirror_export_options;

/**
 * Filters for the users at a past time. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_mirror_at_options {
  /**
   * sizeof(hc_mirror_at_options).
   */
  size_t struct_size;
  /**
   * Only users of this directory ("dir_...") at that time. NULL: users of all directories.
   */
  const char *directory_id;
  /**
   * Only members of this group ("dirgroup_...") at that time. NULL: all users.
   */
  const char *group_id;
  /**
   * Only users who had this role at that time. NULL: all users.
   */
  const char *role;
} hc_mirror_at_options;

/**
 * Filters for the history. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_mirror_history_options {
  /**
   * sizeof(hc_mirror_history_options).
   */
  size_t struct_size;
  /**
   * Only changes of this user ("diruser_..."), who may have been removed. NULL: changes of everything. At most one of user_id and group_id may be set.
   */
  const char *user_id;
  /**
   * Only changes of this group ("dirgroup_..."). Who joined and left it is in the entries of the users. NULL: changes of everything.
   */
  const char *group_id;
  /**
   * Only changes in this organization ("org_..."). NULL: changes in all organizations.
   */
  const char *organization_id;
  /**
   * Only changes that were written at this time or later: RFC 3339 with an offset from UTC, or a date, which means 00:00 UTC on that day. NULL: no limit.
   */
  const char *since;
  /**
   * Only changes that were written before this time, in the same form. NULL: no limit.
   */
  const char *until;
} hc_mirror_history_options;

/**
 * Options of hc_mirror_reconcile. Set `struct_size` to sizeof(hc_reconcile_options), and other fields to 0 for their defaults.
 */
typedef struct hc_reconcile_options {
  /**
   * sizeof(hc_reconcile_options).
   */
  size_t struct_size;
  /**
   * "org_...": only users of this organization are given, so only its directories need a full sync. NULL: users of all organizations.
   */
  const char *organization_id;
  /**
   * Full syncs that began before this time do not count: RFC 3339 text, or a date, which means 00:00 UTC. NULL: the time at which the mirror was opened,
   * because the store may have been restored before.
   */
  const char *since;
} hc_reconcile_options;

/**
 * Which past syncs to return. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_run_options {
  /**
   * sizeof(hc_run_options).
   */
  size_t struct_size;
  /**
   * Only syncs of this directory ("dir_..."). NULL: of all directories.
   */
  const char *directory_id;
  /**
   * Only syncs of this organization ("org_..."). NULL: of all organizations.
   */
  const char *organization_id;
  /**
   * Only syncs whose number is less than this. For the next page: the number of the last one, from hc_run_number. 0: the newest syncs.
   */
  int64_t before;
  /**
   * Largest number of syncs, 1 to 10000. 0: 100.
   */
  size_t limit;
} hc_run_options;

/**
 * Which received events to return. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_event_options {
  /**
   * sizeof(hc_event_options).
   */
  size_t struct_size;
  /**
   * Only events of this organization ("org_..."). NULL: of all organizations.
   */
  const char *organization_id;
  /**
   * Only events about the user, group, directory or organization with this id. NULL: all events.
   */
  const char *subject_id;
  /**
   * Only events whose number is less than this. For the next page: the number of the last one, from hc_received_event_number. 0: the newest events.
   */
  int64_t before;
  /**
   * Largest number of events, 1 to 10000. 0: 100.
   */
  size_t limit;
} hc_event_options;

/**
 * Options of a worker. Set all bytes to 0, then struct_size and the fields that you need.
 */
typedef struct hc_worker_options {
  /**
   * sizeof(hc_worker_options).
   */
  size_t struct_size;
  /**
   * Duration of the worker's lease in milliseconds, at least 1000. 0 means 60000. If the worker's process was stopped or has ended, its lease is not
   * renewed, and other workers take over the partitions when it expires. With SQLite, the lease ends as soon as its process ends.
   */
  uint64_t lease_ms;
  /**
   * Number of partitions, 1 to 256, which is also the most workers that get changes. 0 means 16. All workers of a consumer need the same number. With 1,
   * the consumer is exclusive: one worker gets all changes, and the others wait until it releases the partition.
   */
  uint32_t partitions;
  /**
   * Must be 0.
   */
  uint32_t reserved;
} hc_worker_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Returns the text.
 *
 * - `text`: may be NULL, which gives NULL.
 * - Returns text owned by `text`.
 * - Threads: any number at once.
 */
const char *hc_text_value(const struct hc_text *text);

/**
 * Length of the text in bytes, without the NUL at the end.
 *
 * - `text`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_text_len(const struct hc_text *text);

/**
 * Frees a text.
 *
 * - `text`: may be NULL.
 * - Threads: exclusive.
 */
void hc_text_free(struct hc_text *text);

/**
 * Number of texts.
 *
 * - `texts`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_text_list_len(const struct hc_text_list *texts);

/**
 * Returns the text at an index.
 *
 * - `texts`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `texts`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_text_list_at(const struct hc_text_list *texts, size_t index);

/**
 * Frees a list and the texts in it.
 *
 * - `texts`: may be NULL.
 * - Threads: exclusive.
 */
void hc_text_list_free(struct hc_text_list *texts);

/**
 * Returns the library's version, such as "0.1.0".
 *
 * - Returns a static text.
 * - Threads: any number at once.
 */
const char *hc_version(void);

/**
 * Returns the status of the failed call.
 *
 * - `error`: may be NULL, which gives HC_OK.
 * - Threads: any number at once.
 */
hc_status hc_error_status(const struct hc_error *error);

/**
 * Message of one line: what was expected, what was received and what was being done. It contains no secrets.
 *
 * - `error`: may be NULL, which gives NULL.
 * - Returns text owned by `error`.
 * - Threads: any number at once.
 */
const char *hc_error_message(const struct hc_error *error);

/**
 * HTTP status of the server's answer.
 *
 * - `error`: may be NULL, which gives 0.
 * - Returns 0 if there was no answer.
 * - Threads: any number at once.
 */
int hc_error_http_status(const struct hc_error *error);

/**
 * The vendor's error code, such as "RESOURCE_NOT_FOUND".
 *
 * - `error`: may be NULL, which gives NULL.
 * - Returns text owned by `error`, or NULL if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_error_code(const struct hc_error *error);

/**
 * The `details` of the server's error body, as JSON text.
 *
 * - `error`: may be NULL, which gives NULL.
 * - Returns text owned by `error`, or NULL if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_error_details(const struct hc_error *error);

/**
 * The server's id of the request, for support inquiries.
 *
 * - `error`: may be NULL, which gives NULL.
 * - Returns text owned by `error`, or NULL if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_error_request_id(const struct hc_error *error);

/**
 * Why a webhook or its secret was refused: "missing_header", "invalid_timestamp", "too_old", "too_new", "no_match",
 * "invalid_secret", "body_too_large" or "malformed_event".
 *
 * - `error`: may be NULL, which gives NULL.
 * - Returns text owned by `error`, or NULL if the error is of another kind.
 * - Threads: any number at once.
 */
const char *hc_error_reason(const struct hc_error *error);

/**
 * How long the server asked to wait before the next request, in milliseconds.
 *
 * - `error`: may be NULL, which gives 0.
 * - Returns -1 if the server did not ask.
 * - Threads: any number at once.
 */
int64_t hc_error_retry_after_ms(const struct hc_error *error);

/**
 * Number of users whose removal the guard held back (HC_MASS_REMOVAL).
 *
 * - `error`: may be NULL, which gives 0.
 * - Returns 0 if the error is of another kind.
 * - Threads: any number at once.
 */
uint64_t hc_error_removals_count(const struct hc_error *error);

/**
 * Number of the directory's users who may lose access within the guard's window without approval.
 *
 * - `error`: may be NULL, which gives 0.
 * - Returns 0 if the error is of another kind.
 * - Threads: any number at once.
 */
uint64_t hc_error_removals_limit(const struct hc_error *error);

/**
 * Id of the directory whose removals the guard held back.
 *
 * - `error`: may be NULL, which gives NULL.
 * - Returns text owned by `error`, or NULL if the error is of another kind.
 * - Threads: any number at once.
 */
const char *hc_error_removals_directory_id(const struct hc_error *error);

/**
 * Number of ids that hc_error_removals_user_ids_at gives: at most 1,000. hc_mirror_held_removals gives all.
 *
 * - `error`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_error_removals_user_ids_len(const struct hc_error *error);

/**
 * Id of a user whose removal was held back. The ids are sorted.
 *
 * - `error`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `error`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_error_removals_user_ids_at(const struct hc_error *error, size_t index);

/**
 * Frees an error and the texts that came from it.
 *
 * - `error`: may be NULL.
 * - Threads: exclusive.
 */
void hc_error_free(struct hc_error *error);

/**
 * Returns the name of a status, which is the same in every language: "ok", "not_found", "webhook_verification", ...
 *
 * - `status`: an hc_status.
 * - Returns a static text; "unknown" for a number that is no status.
 * - Threads: any number at once.
 */
const char *hc_status_name(int status);

/**
 * Creates a client from settings in code. Does not connect yet.
 *
 * - `options`: required, with environment_url, client_id and client_secret. Texts are copied.
 * - `client`: receives the client; free it with hc_client_free.
 * - `error`: may be NULL.
 * - Fails with HC_CONFIG (a setting is empty or malformed) or HC_INVALID_ARGUMENT (a text is NULL or not UTF-8).
 * - Threads: any number at once.
 */
hc_status hc_client_new(const struct hc_client_options *options,
                             struct hc_client **client,
                             struct hc_error **error);

/**
 * Creates a client from SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET. Does not connect yet.
 *
 * - `options`: may be NULL, which means the defaults. Its environment_url, client_id and client_secret must be NULL.
 * - `client`: receives the client; free it with hc_client_free.
 * - `error`: may be NULL.
 * - Fails with HC_CONFIG, naming the variable that is missing or malformed, or HC_INVALID_ARGUMENT.
 * - Threads: any number at once, while no thread calls setenv.
 */
hc_status hc_client_from_env(const struct hc_client_options *options,
                                  struct hc_client **client,
                                  struct hc_error **error);

/**
 * Frees a client. Pages, iterators and errors that it gave stay valid.
 *
 * - `client`: may be NULL.
 * - Threads: exclusive.
 */
void hc_client_free(struct hc_client *client);

/**
 * Creates a handle that can cancel calls; pass it to hc_client_with.
 *
 * - `cancel`: receives the handle; free it with hc_cancel_free.
 * - `error`: may be NULL.
 * - Threads: any number at once.
 */
hc_status hc_cancel_new(struct hc_cancel **cancel, struct hc_error **error);

/**
 * Cancels all running and later calls that use the handle: they fail with HC_CANCELLED. The server may or may not have received
 * their requests.
 *
 * - `cancel`: required.
 * - `error`: may be NULL.
 * - Threads: any number at once, also while other threads wait for the calls.
 */
hc_status hc_cancel_cancel(const struct hc_cancel *cancel,
                                struct hc_error **error);

/**
 * Returns whether hc_cancel_cancel has been called with this handle.
 *
 * - `cancel`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_cancel_is_cancelled(const struct hc_cancel *cancel);

/**
 * Frees the handle. Calls that use it continue and can no longer be cancelled.
 *
 * - `cancel`: may be NULL.
 * - Threads: exclusive.
 */
void hc_cancel_free(struct hc_cancel *cancel);

/**
 * Creates a client that shares connections, access token and settings with `client`, and uses `options` for its calls.
 *
 * - `client`: required. It may be freed before the new client.
 * - `options`: may be NULL, which means the options of `client`.
 * - `with`: receives the new client; free it with hc_client_free.
 * - `error`: may be NULL.
 * - Threads: any number at once.
 */
hc_status hc_client_with(const struct hc_client *client,
                              const struct hc_call_options *options,
                              struct hc_client **with,
                              struct hc_error **error);

/**
 * Lists one page of the environment's organizations.
 *
 * - `client`: required.
 * - `options`: filters; may be NULL, which means the server's defaults.
 * - `page`: receives the page; free it with hc_organization_page_free.
 * - `error`: may be NULL.
 * - Fails with any status that a request can have, or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organizations(const struct hc_client *client,
                                const struct hc_organization_options *options,
                                struct hc_organization_page **page,
                                struct hc_error **error);

/**
 * Creates an iterator over every organization of the environment. Sends no request yet.
 *
 * - `client`: required. It may be freed before the iterator.
 * - `options`: filters; may be NULL, which means all organizations.
 * - `iter`: receives the iterator; free it with hc_organization_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organizations_iter(const struct hc_client *client,
                                     const struct hc_organization_options *options,
                                     struct hc_organization_iter **iter,
                                     struct hc_error **error);

/**
 * Fetches the organization with this id.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `organization`: receives the result; free it with hc_organization_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is none, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_organization_get(const struct hc_client *client,
                                   const char *organization_id,
                                   struct hc_organization **organization,
                                   struct hc_error **error);

/**
 * Fetches the organization with this external id, which the application chose.
 *
 * - `client`: required.
 * - `external_id`: the application's id of the organization.
 * - `organization`: receives the result; free it with hc_organization_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is none, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_organization_get_by_external_id(const struct hc_client *client,
                                                  const char *external_id,
                                                  struct hc_organization **organization,
                                                  struct hc_error **error);

/**
 * Creates an organization.
 *
 * The call is retried only if the previous attempt certainly created none. After other errors, such as HC_TIMEOUT, look the organization up
 * by its external id: it may have been created.
 *
 * - `client`: required.
 * - `fields`: required, with its display_name. Texts are copied.
 * - `organization`: receives the result; free it with hc_organization_free.
 * - `error`: may be NULL.
 * - Fails with HC_BAD_REQUEST if the server refuses a field, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_organization_create(const struct hc_client *client,
                                      const struct hc_organization_fields *fields,
                                      struct hc_organization **organization,
                                      struct hc_error **error);

/**
 * Changes the given fields of an organization; the others stay unchanged.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `fields`: required. Texts are copied.
 * - `organization`: receives the changed object; free it with hc_organization_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is none, HC_BAD_REQUEST if the server refuses a field, or any status that a request can
 *   have.
 * - Threads: any number at once.
 */
hc_status hc_organization_update(const struct hc_client *client,
                                      const char *organization_id,
                                      const struct hc_organization_fields *fields,
                                      struct hc_organization **organization,
                                      struct hc_error **error);

/**
 * Changes the given fields of the organization with this external id: looks it up, then updates it as hc_organization_update does.
 * The lookup and the update each have the deadline of a call.
 *
 * - `client`: required.
 * - `external_id`: the application's id of the organization.
 * - `fields`: required. Texts are copied.
 * - `organization`: receives the changed object; free it with hc_organization_free.
 * - `error`: may be NULL.
 * - Fails like hc_organization_update does.
 * - Threads: any number at once.
 */
hc_status hc_organization_update_by_external_id(const struct hc_client *client,
                                                     const char *external_id,
                                                     const struct hc_organization_fields *fields,
                                                     struct hc_organization **organization,
                                                     struct hc_error **error);

/**
 * Enables and disables features of an organization; features that are not named stay as they are.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `features`: array of `features_len` features; may be NULL if `features_len` is 0.
 * - `features_len`: number of features.
 * - `organization`: receives the changed object; free it with hc_organization_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is none, HC_BAD_REQUEST if the server has no such feature, or any status that a request
 *   can have.
 * - Threads: any number at once.
 */
hc_status hc_organization_update_settings(const struct hc_client *client,
                                               const char *organization_id,
                                               const struct hc_feature *features,
                                               size_t features_len,
                                               struct hc_organization **organization,
                                               struct hc_error **error);

/**
 * Creates a link to the admin portal, in which the organization's administrator sets up SSO and directories. It can be opened
 * once, within a minute: create it when the administrator asks for it, and do not log it.
 *
 * Each call creates another link. It is retried after temporary failures nevertheless: a link whose response was lost is not used, and
 * expires after a minute.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `features`: array of `features_len` features that the administrator can set up with the link: "sso" or "dir_sync". May be NULL
 *   if `features_len` is 0: the link then offers what the organization's settings enable.
 * - `features_len`: number of names.
 * - `link`: receives the result; free it with hc_portal_link_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such organization, HC_BAD_REQUEST if the server has no such feature, or any status
 *   that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_organization_generate_portal_link(const struct hc_client *client,
                                                    const char *organization_id,
                                                    const char *const *features,
                                                    size_t features_len,
                                                    struct hc_portal_link **link,
                                                    struct hc_error **error);

/**
 * Deletes an organization and everything in it permanently.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is none, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_organization_delete(const struct hc_client *client,
                                      const char *organization_id,
                                      struct hc_error **error);

/**
 * Fetches all directories of an organization with one request.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `directories`: receives the list; free it with hc_directory_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such organization, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_directories(const struct hc_client *client,
                              const char *organization_id,
                              struct hc_directory_list **directories,
                              struct hc_error **error);

/**
 * Fetches one directory.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `directory`: receives the result; free it with hc_directory_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the organization has no such directory, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_directory_get(const struct hc_client *client,
                                const char *organization_id,
                                const char *directory_id,
                                struct hc_directory **directory,
                                struct hc_error **error);

/**
 * Fetches the first directory of an organization. Most organizations have only one.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `directory`: receives the result; free it with hc_directory_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the organization has no directory, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_directory_primary(const struct hc_client *client,
                                    const char *organization_id,
                                    struct hc_directory **directory,
                                    struct hc_error **error);

/**
 * Enables a directory, so that Scalekit synchronizes it.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `toggle`: receives the result; free it with hc_directory_toggle_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the organization has no such directory, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_directory_enable(const struct hc_client *client,
                                   const char *organization_id,
                                   const char *directory_id,
                                   struct hc_directory_toggle **toggle,
                                   struct hc_error **error);

/**
 * Disables a directory, so that Scalekit stops synchronizing it.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `toggle`: receives the result; free it with hc_directory_toggle_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the organization has no such directory, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_directory_disable(const struct hc_client *client,
                                    const char *organization_id,
                                    const char *directory_id,
                                    struct hc_directory_toggle **toggle,
                                    struct hc_error **error);

/**
 * Lists one page of a directory's users.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `options`: filters and details; may be NULL, which means the server's defaults.
 * - `page`: receives the page; free it with hc_user_page_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such directory, HC_INVALID_ARGUMENT, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_directory_users(const struct hc_client *client,
                                  const char *organization_id,
                                  const char *directory_id,
                                  const struct hc_user_options *options,
                                  struct hc_user_page **page,
                                  struct hc_error **error);

/**
 * Creates an iterator over every user of a directory. Sends no request yet.
 *
 * - `client`: required. It may be freed before the iterator.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `options`: filters and details; may be NULL, which means all users.
 * - `iter`: receives the iterator; free it with hc_user_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_users_iter(const struct hc_client *client,
                                       const char *organization_id,
                                       const char *directory_id,
                                       const struct hc_user_options *options,
                                       struct hc_user_iter **iter,
                                       struct hc_error **error);

/**
 * Lists one page of a directory's groups.
 *
 * - `client`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `options`: filters and details; may be NULL, which means the server's defaults.
 * - `page`: receives the page; free it with hc_group_page_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such directory, HC_INVALID_ARGUMENT, or any status that a request can have.
 * - Threads: any number at once.
 */
hc_status hc_directory_groups(const struct hc_client *client,
                                   const char *organization_id,
                                   const char *directory_id,
                                   const struct hc_group_options *options,
                                   struct hc_group_page **page,
                                   struct hc_error **error);

/**
 * Creates an iterator over every group of a directory. Sends no request yet.
 *
 * - `client`: required. It may be freed before the iterator.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `options`: filters and details; may be NULL, which means all groups.
 * - `iter`: receives the iterator; free it with hc_group_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_groups_iter(const struct hc_client *client,
                                        const char *organization_id,
                                        const char *directory_id,
                                        const struct hc_group_options *options,
                                        struct hc_group_iter **iter,
                                        struct hc_error **error);

/**
 * Starts listing one page of organizations, as hc_organizations does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organizations_async(const struct hc_client *client,
                                      const struct hc_organization_options *options,
                                      hc_organization_page_callback callback,
                                      void *user_data,
                                      struct hc_error **error);

/**
 * Starts fetching an organization, as hc_organization_get does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_get_async(const struct hc_client *client,
                                         const char *organization_id,
                                         hc_organization_callback callback,
                                         void *user_data,
                                         struct hc_error **error);

/**
 * Starts fetching an organization, as hc_organization_get_by_external_id does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `external_id`: the application's id of the organization.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_get_by_external_id_async(const struct hc_client *client,
                                                        const char *external_id,
                                                        hc_organization_callback callback,
                                                        void *user_data,
                                                        struct hc_error **error);

/**
 * Starts creating an organization, as hc_organization_create does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `fields`: required, with its display_name. Texts are copied.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_create_async(const struct hc_client *client,
                                            const struct hc_organization_fields *fields,
                                            hc_organization_callback callback,
                                            void *user_data,
                                            struct hc_error **error);

/**
 * Starts changing an organization, as hc_organization_update does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `fields`: required. Texts are copied.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_update_async(const struct hc_client *client,
                                            const char *organization_id,
                                            const struct hc_organization_fields *fields,
                                            hc_organization_callback callback,
                                            void *user_data,
                                            struct hc_error **error);

/**
 * Starts changing an organization, as hc_organization_update_by_external_id does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `external_id`: the application's id of the organization.
 * - `fields`: required. Texts are copied.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_update_by_external_id_async(const struct hc_client *client,
                                                           const char *external_id,
                                                           const struct hc_organization_fields *fields,
                                                           hc_organization_callback callback,
                                                           void *user_data,
                                                           struct hc_error **error);

/**
 * Starts enabling and disabling features, as hc_organization_update_settings does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `features`: array of `features_len` features, which are copied; may be NULL if `features_len` is 0.
 * - `features_len`: number of features.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_update_settings_async(const struct hc_client *client,
                                                     const char *organization_id,
                                                     const struct hc_feature *features,
                                                     size_t features_len,
                                                     hc_organization_callback callback,
                                                     void *user_data,
                                                     struct hc_error **error);

/**
 * Starts creating a link to the admin portal, as hc_organization_generate_portal_link does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `features`: array of `features_len` names, which are copied; may be NULL if `features_len` is 0.
 * - `features_len`: number of names.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_generate_portal_link_async(const struct hc_client *client,
                                                          const char *organization_id,
                                                          const char *const *features,
                                                          size_t features_len,
                                                          hc_portal_link_callback callback,
                                                          void *user_data,
                                                          struct hc_error **error);

/**
 * Starts deleting an organization, as hc_organization_delete does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_organization_delete_async(const struct hc_client *client,
                                            const char *organization_id,
                                            hc_done_callback callback,
                                            void *user_data,
                                            struct hc_error **error);

/**
 * Starts fetching the directories of an organization, as hc_directories does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directories_async(const struct hc_client *client,
                                    const char *organization_id,
                                    hc_directory_list_callback callback,
                                    void *user_data,
                                    struct hc_error **error);

/**
 * Starts fetching a directory, as hc_directory_get does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_get_async(const struct hc_client *client,
                                      const char *organization_id,
                                      const char *directory_id,
                                      hc_directory_callback callback,
                                      void *user_data,
                                      struct hc_error **error);

/**
 * Starts fetching the first directory of an organization, as hc_directory_primary does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_primary_async(const struct hc_client *client,
                                          const char *organization_id,
                                          hc_directory_callback callback,
                                          void *user_data,
                                          struct hc_error **error);

/**
 * Starts enabling a directory, as hc_directory_enable does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_enable_async(const struct hc_client *client,
                                         const char *organization_id,
                                         const char *directory_id,
                                         hc_directory_toggle_callback callback,
                                         void *user_data,
                                         struct hc_error **error);

/**
 * Starts disabling a directory, as hc_directory_disable does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_disable_async(const struct hc_client *client,
                                          const char *organization_id,
                                          const char *directory_id,
                                          hc_directory_toggle_callback callback,
                                          void *user_data,
                                          struct hc_error **error);

/**
 * Starts listing one page of a directory's users, as hc_directory_users does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_users_async(const struct hc_client *client,
                                        const char *organization_id,
                                        const char *directory_id,
                                        const struct hc_user_options *options,
                                        hc_user_page_callback callback,
                                        void *user_data,
                                        struct hc_error **error);

/**
 * Starts listing one page of a directory's groups, as hc_directory_groups does, and returns immediately.
 *
 * - `client`: required. It may be freed before the callback is called.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_...".
 * - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
 * - `callback`: required; called once if this returns HC_OK, and not otherwise.
 * - `user_data`: passed to the callback; may be NULL.
 * - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_directory_groups_async(const struct hc_client *client,
                                         const char *organization_id,
                                         const char *directory_id,
                                         const struct hc_group_options *options,
                                         hc_group_page_callback callback,
                                         void *user_data,
                                         struct hc_error **error);

/**
 * Creates a verifier from secrets in code.
 *
 * - `secrets`: `secrets_len` texts, each "whsec_..." or several secrets separated by spaces. They are copied.
 * - `secrets_len`: number of items.
 * - `options`: may be NULL, which means the defaults.
 * - `webhook`: receives the verifier; free it with hc_webhook_free.
 * - `error`: may be NULL.
 * - Fails with HC_CONFIG and the reason "invalid_secret" if there is no secret or one is invalid, or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_webhook_new(const char *const *secrets,
                              size_t secrets_len,
                              const struct hc_webhook_options *options,
                              struct hc_webhook **webhook,
                              struct hc_error **error);

/**
 * Creates a verifier from SCALEKIT_WEBHOOK_SECRET: one secret, or several separated by spaces.
 *
 * - `options`: may be NULL, which means the defaults.
 * - `webhook`: receives the verifier; free it with hc_webhook_free.
 * - `error`: may be NULL.
 * - Fails with HC_CONFIG, naming the variable if it is missing, or HC_INVALID_ARGUMENT.
 * - Threads: any number at once, while no thread calls setenv.
 */
hc_status hc_webhook_from_env(const struct hc_webhook_options *options,
                                   struct hc_webhook **webhook,
                                   struct hc_error **error);

/**
 * Overwrites a verifier's secrets with zeros and frees it. Events that it gave stay valid.
 *
 * - `webhook`: may be NULL.
 * - Threads: exclusive.
 */
void hc_webhook_free(struct hc_webhook *webhook);

/**
 * Verifies a request and returns its event. Answer 201 after HC_OK and 400 otherwise, without details.
 *
 * - `webhook`: required.
 * - `headers`: all of the request's headers, in any order; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `event`: receives the event; free it with hc_event_free.
 * - `error`: may be NULL.
 * - Fails with HC_WEBHOOK_VERIFICATION and a reason (hc_error_reason), or HC_INVALID_ARGUMENT. With the reason
 *   "malformed_event" the signature was correct; with any other reason it was not, or was not checked.
 * - Threads: any number at once.
 */
hc_status hc_webhook_verify(const struct hc_webhook *webhook,
                                 const struct hc_header *headers,
                                 size_t headers_len,
                                 const void *body,
                                 size_t body_len,
                                 struct hc_event **event,
                                 struct hc_error **error);

/**
 * Like hc_webhook_verify, with the current time as an argument: for requests that were stored and are read later.
 *
 * - `webhook`: required.
 * - `headers`: all of the request's headers; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
 * - `event`: receives the event; free it with hc_event_free.
 * - `error`: may be NULL.
 * - Fails like hc_webhook_verify does; also with HC_INVALID_ARGUMENT if the time is outside the years -9999 to 9999.
 * - Threads: any number at once.
 */
hc_status hc_webhook_verify_at(const struct hc_webhook *webhook,
                                    const struct hc_header *headers,
                                    size_t headers_len,
                                    const void *body,
                                    size_t body_len,
                                    int64_t now_unix_seconds,
                                    struct hc_event **event,
                                    struct hc_error **error);

/**
 * Verifies only the signature and the timestamp of a request; the body is not parsed.
 *
 * - `webhook`: required.
 * - `headers`: all of the request's headers; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `error`: may be NULL.
 * - Fails like hc_webhook_verify does, but never with the reason "malformed_event".
 * - Threads: any number at once.
 */
hc_status hc_webhook_verify_signature(const struct hc_webhook *webhook,
                                           const struct hc_header *headers,
                                           size_t headers_len,
                                           const void *body,
                                           size_t body_len,
                                           struct hc_error **error);

/**
 * Like hc_webhook_verify_signature, with the current time as an argument.
 *
 * - `webhook`: required.
 * - `headers`: all of the request's headers; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
 * - `error`: may be NULL.
 * - Fails like hc_webhook_verify_at does, but never with the reason "malformed_event".
 * - Threads: any number at once.
 */
hc_status hc_webhook_verify_signature_at(const struct hc_webhook *webhook,
                                              const struct hc_header *headers,
                                              size_t headers_len,
                                              const void *body,
                                              size_t body_len,
                                              int64_t now_unix_seconds,
                                              struct hc_error **error);

/**
 * Verifies a request whose body was already parsed. The signature must match `compact`, or `compact` with `<`, `>`, `&`, U+2028
 * and U+2029 escaped as by Go's JSON encoder. Prefer hc_webhook_verify with the raw body: not every parser keeps the digits of
 * numbers and the order of keys.
 *
 * - `webhook`: required.
 * - `headers`: all of the request's headers; `headers_len` items.
 * - `headers_len`: number of items.
 * - `compact`: the parsed body, serialized as JSON without white space.
 * - `event`: receives the event; free it with hc_event_free.
 * - `error`: may be NULL.
 * - Fails like hc_webhook_verify does.
 * - Threads: any number at once.
 */
hc_status hc_webhook_verify_parsed(const struct hc_webhook *webhook,
                                        const struct hc_header *headers,
                                        size_t headers_len,
                                        const char *compact,
                                        struct hc_event **event,
                                        struct hc_error **error);

/**
 * Like hc_webhook_verify_parsed, with the current time as an argument.
 *
 * - `webhook`: required.
 * - `headers`: all of the request's headers; `headers_len` items.
 * - `headers_len`: number of items.
 * - `compact`: the parsed body, serialized as JSON without white space.
 * - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
 * - `event`: receives the event; free it with hc_event_free.
 * - `error`: may be NULL.
 * - Fails like hc_webhook_verify_at does.
 * - Threads: any number at once.
 */
hc_status hc_webhook_verify_parsed_at(const struct hc_webhook *webhook,
                                           const struct hc_header *headers,
                                           size_t headers_len,
                                           const char *compact,
                                           int64_t now_unix_seconds,
                                           struct hc_event **event,
                                           struct hc_error **error);

/**
 * Verifies the signature and the timestamp of one request without an hc_webhook. For many requests, an hc_webhook is faster.
 *
 * - `secret`: "whsec_...", or several secrets separated by spaces.
 * - `headers`: all of the request's headers; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `error`: may be NULL.
 * - Fails with HC_WEBHOOK_VERIFICATION and a reason, which can be "invalid_secret", or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_verify_webhook_payload(const char *secret,
                                         const struct hc_header *headers,
                                         size_t headers_len,
                                         const void *body,
                                         size_t body_len,
                                         struct hc_error **error);

/**
 * Verifies an interceptor's request, like hc_verify_webhook_payload. If the request has headers interceptor-* and headers webhook-*, those named
 * interceptor-* are used.
 *
 * - `secret`: the interceptor's secret, or several separated by white space.
 * - `headers`: all of the request's headers; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `error`: may be NULL.
 * - Fails like hc_verify_webhook_payload does.
 * - Threads: any number at once.
 */
hc_status hc_verify_interceptor_payload(const char *secret,
                                             const struct hc_header *headers,
                                             size_t headers_len,
                                             const void *body,
                                             size_t body_len,
                                             struct hc_error **error);

/**
 * Creates the three signature headers of a request with this body, for tests of receiving code.
 *
 * - `webhook`: required; its first secret is used.
 * - `body`: `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `id`: the message's id. NULL: a random "msg_...".
 * - `timestamp`: time of sending, in seconds since 1970-01-01 UTC. NULL: now.
 * - `headers`: receives the headers; free them with hc_signed_headers_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT if the id does not have 1 to 256 bytes, has a dot or a control character, or begins or ends with white space, and if
 *   the timestamp is negative.
 * - Threads: any number at once.
 */
hc_status hc_webhook_sign(const struct hc_webhook *webhook,
                               const void *body,
                               size_t body_len,
                               const char *id,
                               const int64_t *timestamp,
                               struct hc_signed_headers **headers,
                               struct hc_error **error);

/**
 * The value of the header webhook-id.
 *
 * - `headers`: may be NULL, which gives NULL.
 * - Returns text owned by `headers`.
 * - Threads: any number at once.
 */
const char *hc_signed_headers_id(const struct hc_signed_headers *headers);

/**
 * The value of the header webhook-timestamp: seconds since 1970-01-01 UTC.
 *
 * - `headers`: may be NULL, which gives NULL.
 * - Returns text owned by `headers`.
 * - Threads: any number at once.
 */
const char *hc_signed_headers_timestamp(const struct hc_signed_headers *headers);

/**
 * The value of the header webhook-signature: "v1," and base64.
 *
 * - `headers`: may be NULL, which gives NULL.
 * - Returns text owned by `headers`.
 * - Threads: any number at once.
 */
const char *hc_signed_headers_signature(const struct hc_signed_headers *headers);

/**
 * Frees headers and the texts that came from them.
 *
 * - `headers`: may be NULL.
 * - Threads: exclusive.
 */
void hc_signed_headers_free(struct hc_signed_headers *headers);

/**
 * The event's id, "evt_...". It is the same in every delivery.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, never "".
 * - Threads: any number at once.
 */
const char *hc_event_id(const struct hc_event *event);

/**
 * Id of the message that carried the event (header webhook-id or interceptor-id). It is the same in every delivery attempt.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, with U+FFFD for bytes that are not UTF-8.
 * - Threads: any number at once.
 */
const char *hc_event_message_id(const struct hc_event *event);

/**
 * Type of the event, such as "organization.directory.user_created".
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, never "".
 * - Threads: any number at once.
 */
const char *hc_event_type(const struct hc_event *event);

/**
 * Time of the event, to the nanosecond.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_event_occurred_at(const struct hc_event *event);

/**
 * Id of the environment, "env_...".
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_event_environment_id(const struct hc_event *event);

/**
 * Id of the organization, "org_...".
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_event_organization_id(const struct hc_event *event);

/**
 * Type of the object in the data, such as "DirectoryUser".
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_event_object(const struct hc_event *event);

/**
 * Display name of the type, such as "Directory User Created".
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_event_display_name(const struct hc_event *event);

/**
 * Version of the vendor's event format.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_event_spec_version(const struct hc_event *event);

/**
 * The event's `data`: the object that the event is about.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `event`, as it was sent.
 * - Threads: any number at once.
 */
const char *hc_event_data(const struct hc_event *event);

/**
 * The verified body, unchanged. It is not NUL-terminated: hc_event_body_len is its length.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns bytes owned by `event`.
 * - Threads: any number at once.
 */
const uint8_t *hc_event_body(const struct hc_event *event);

/**
 * Length of the body in bytes.
 *
 * - `event`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_event_body_len(const struct hc_event *event);

/**
 * Returns one value of the data.
 *
 * - `event`: may be NULL, which gives NULL.
 * - `pointer`: JSON Pointer to the value (RFC 6901): "/email", "/groups/0/id". It is copied.
 * - Returns text owned by `event`: a JSON string without quotes, any other value as JSON. NULL if there is no such value, if it is null, or if
 *   `pointer` is NULL or not UTF-8.
 * - Threads: any number at once.
 */
const char *hc_event_data_at(const struct hc_event *event,
                             const char *pointer);

/**
 * Frees an event and the texts that came from it.
 *
 * - `event`: may be NULL.
 * - Threads: exclusive.
 */
void hc_event_free(struct hc_event *event);

/**
 * Creates a replay guard that keeps ids in the memory of this process. They are lost when the process ends.
 *
 * - `options`: may be NULL, which means the defaults.
 * - `guard`: receives the replay guard; free it with hc_replay_guard_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_new(const struct hc_replay_options *options,
                                   struct hc_replay_guard **guard,
                                   struct hc_error **error);

/**
 * Creates a replay guard that keeps ids in a SQLite file, which any number of processes of one machine may share. Recorded ids are
 * kept if the process crashes; a power failure can undo the latest ones.
 *
 * - `path`: path of the file, which is created if it does not exist. The text is copied.
 * - `options`: may be NULL, which means the defaults. The capacity must be 0: the number of ids in a file is not limited.
 * - `guard`: receives the replay guard; free it with hc_replay_guard_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE (the file cannot be opened, has other contents, or was made by another version), HC_CONFIG (the path begins like
 *   a URL) or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_sqlite(const char *path,
                                      const struct hc_replay_options *options,
                                      struct hc_replay_guard **guard,
                                      struct hc_error **error);

/**
 * Creates a replay guard with a store of your own: in Redis, `contains` is EXISTS, `record` is SET with EXAT, `claim` is SET with NX and EXAT, and
 * `release` is DEL.
 *
 * - `store`: required. It is copied.
 * - `options`: may be NULL, which means the defaults. The capacity must be 0: the number of ids in your store is not limited.
 * - `guard`: receives the replay guard; free it with hc_replay_guard_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_custom(const struct hc_replay_store *store,
                                      const struct hc_replay_options *options,
                                      struct hc_replay_guard **guard,
                                      struct hc_error **error);

/**
 * Returns whether the message that carried an event was already handled. If so, answer 2xx and do nothing else. Records nothing.
 *
 * - `guard`: required.
 * - `event`: required. hc_event_message_id identifies its message.
 * - `again`: receives true if the message was already handled.
 * - `error`: may be NULL.
 * - Fails with HC_STORE: answer 5xx then, so that the message is sent again; or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_check(const struct hc_replay_guard *guard,
                                     const struct hc_event *event,
                                     bool *again,
                                     struct hc_error **error);

/**
 * Records that the message that carried an event was handled.
 *
 * - `guard`: required.
 * - `event`: required.
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_check does.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_commit(const struct hc_replay_guard *guard,
                                      const struct hc_event *event,
                                      struct hc_error **error);

/**
 * Records that the message that carried an event is handled, unless it is recorded already, in one step: of several deliveries at the
 * same time, exactly one gets `again` = false. Call it before the message is handled, instead of hc_replay_guard_check and
 * hc_replay_guard_commit. If handling the message fails, call hc_replay_guard_release. If the process ends while it handles the message, the
 * message is not handled again.
 *
 * - `guard`: required.
 * - `event`: required.
 * - `again`: receives true if the message was recorded already: answer 2xx and do nothing.
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_check does, and with HC_INVALID_ARGUMENT if a store of your own has no `claim`.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_claim(const struct hc_replay_guard *guard,
                                     const struct hc_event *event,
                                     bool *again,
                                     struct hc_error **error);

/**
 * Deletes the record of the message that carried an event, so that it is handled when it is sent again: call it after hc_replay_guard_claim if
 * handling the message failed.
 *
 * - `guard`: required.
 * - `event`: required.
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_check does, and with HC_INVALID_ARGUMENT if a store of your own has no `release`.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_release(const struct hc_replay_guard *guard,
                                       const struct hc_event *event,
                                       struct hc_error **error);

/**
 * Like hc_replay_guard_claim, for a message id.
 *
 * - `guard`: required.
 * - `message_id`: the value of the header webhook-id, not "".
 * - `again`: receives true if the message was recorded already.
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_claim does.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_claim_id(const struct hc_replay_guard *guard,
                                        const char *message_id,
                                        bool *again,
                                        struct hc_error **error);

/**
 * Like hc_replay_guard_release, for a message id.
 *
 * - `guard`: required.
 * - `message_id`: the value of the header webhook-id, not "".
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_release does.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_release_id(const struct hc_replay_guard *guard,
                                          const char *message_id,
                                          struct hc_error **error);

/**
 * Like hc_replay_guard_check, for a message id.
 *
 * - `guard`: required.
 * - `message_id`: the value of the header webhook-id, not "".
 * - `again`: receives true if the message was already handled.
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_check does.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_check_id(const struct hc_replay_guard *guard,
                                        const char *message_id,
                                        bool *again,
                                        struct hc_error **error);

/**
 * Like hc_replay_guard_commit, for a message id.
 *
 * - `guard`: required.
 * - `message_id`: the value of the header webhook-id, not "".
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_check does.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_commit_id(const struct hc_replay_guard *guard,
                                         const char *message_id,
                                         struct hc_error **error);

/**
 * Like hc_replay_guard_check_id, with the current time as an argument. A store of your own uses its own clock.
 *
 * - `guard`: required.
 * - `message_id`: the value of the header webhook-id, not "".
 * - `now_unix_seconds`: the time to compare the retention with, in seconds since 1970-01-01 UTC.
 * - `again`: receives true if the message was already handled.
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_check does.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_check_id_at(const struct hc_replay_guard *guard,
                                           const char *message_id,
                                           int64_t now_unix_seconds,
                                           bool *again,
                                           struct hc_error **error);

/**
 * Like hc_replay_guard_commit_id, with the current time as an argument.
 *
 * - `guard`: required.
 * - `message_id`: the value of the header webhook-id, not "".
 * - `now_unix_seconds`: the start of the retention, in seconds since 1970-01-01 UTC.
 * - `error`: may be NULL.
 * - Fails like hc_replay_guard_check does.
 * - Threads: any number at once.
 */
hc_status hc_replay_guard_commit_id_at(const struct hc_replay_guard *guard,
                                            const char *message_id,
                                            int64_t now_unix_seconds,
                                            struct hc_error **error);

/**
 * Frees a replay guard. Ids in its file, or in a store of your own, are kept.
 *
 * - `guard`: may be NULL.
 * - Threads: exclusive.
 */
void hc_replay_guard_free(struct hc_replay_guard *guard);

/**
 * Starts a sandbox. Use its URL, client id and client secret for a client, and its webhook secret for a verifier.
 *
 * - `options`: may be NULL, which means the defaults.
 * - `sandbox`: receives the sandbox; free it with hc_sandbox_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT, HC_BAD_REQUEST for a setting that the sandbox refuses, or HC_SERVER if it cannot be started.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_new(const struct hc_sandbox_options *options,
                              struct hc_sandbox **sandbox,
                              struct hc_error **error);

/**
 * Stops and frees a sandbox and the texts that came from it.
 *
 * - `sandbox`: may be NULL.
 * - Threads: exclusive.
 */
void hc_sandbox_free(struct hc_sandbox *sandbox);

/**
 * URL of the environment, "http://127.0.0.1:...".
 *
 * - `sandbox`: may be NULL, which gives NULL.
 * - Returns text owned by `sandbox`.
 * - Threads: any number at once.
 */
const char *hc_sandbox_environment_url(const struct hc_sandbox *sandbox);

/**
 * Client id.
 *
 * - `sandbox`: may be NULL, which gives NULL.
 * - Returns text owned by `sandbox`.
 * - Threads: any number at once.
 */
const char *hc_sandbox_client_id(const struct hc_sandbox *sandbox);

/**
 * Client secret.
 *
 * - `sandbox`: may be NULL, which gives NULL.
 * - Returns text owned by `sandbox`.
 * - Threads: any number at once.
 */
const char *hc_sandbox_client_secret(const struct hc_sandbox *sandbox);

/**
 * Secret with which the sandbox signs its webhooks.
 *
 * - `sandbox`: may be NULL, which gives NULL.
 * - Returns text owned by `sandbox`.
 * - Threads: any number at once.
 */
const char *hc_sandbox_webhook_secret(const struct hc_sandbox *sandbox);

/**
 * Id of the first organization.
 *
 * - `sandbox`: may be NULL, which gives NULL.
 * - Returns text owned by `sandbox`, "" if there is none.
 * - Threads: any number at once.
 */
const char *hc_sandbox_organization_id(const struct hc_sandbox *sandbox);

/**
 * Id of the first directory of the first organization.
 *
 * - `sandbox`: may be NULL, which gives NULL.
 * - Returns text owned by `sandbox`, "" if there is none.
 * - Threads: any number at once.
 */
const char *hc_sandbox_directory_id(const struct hc_sandbox *sandbox);

/**
 * Base URL of the sandbox's own HTTP API, with which another program can change the content.
 *
 * - `sandbox`: may be NULL, which gives NULL.
 * - Returns text owned by `sandbox`.
 * - Threads: any number at once.
 */
const char *hc_sandbox_control_url(const struct hc_sandbox *sandbox);

/**
 * Registers an endpoint. The sandbox sends it a signed webhook for each later change, and repeats the webhook on the vendor's schedule
 * until the endpoint answers 2xx.
 *
 * - `sandbox`: required.
 * - `url`: URL that webhooks are sent to, on this machine: 127.0.0.1 or localhost. It is copied.
 * - `error`: may be NULL.
 * - Fails with HC_BAD_REQUEST for another URL.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_register_endpoint(const struct hc_sandbox *sandbox,
                                            const char *url,
                                            struct hc_error **error);

/**
 * Makes every `every`-th later REST call fail with the next of the faults, in turn. An empty list makes no call fail. Requests for tokens do
 * not fail.
 *
 * - `sandbox`: required.
 * - `faults`: `faults_len` texts: "429" or "429:SECONDS", another status from 400 to 599, "reset", "truncate", "garbage",
 *   "html", "wrong-types", "junk", "drip", "redirect", "latency:2s" or "expire-token". They are copied.
 * - `faults_len`: number of items.
 * - `every`: 1 makes every call fail, 2 every second one, ...; 0 means 1.
 * - `error`: may be NULL.
 * - Fails with HC_BAD_REQUEST, naming the unknown fault.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_fault(const struct hc_sandbox *sandbox,
                                const char *const *faults,
                                size_t faults_len,
                                uint32_t every,
                                struct hc_error **error);

/**
 * Advances the sandbox's clock. Access tokens whose lifetime has passed then expire, and failed deliveries that are due are tried again.
 *
 * - `sandbox`: required.
 * - `seconds`: number of seconds by which the clock is advanced.
 * - `error`: may be NULL.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_advance(const struct hc_sandbox *sandbox,
                                  uint32_t seconds,
                                  struct hc_error **error);

/**
 * Returns the deliveries to the endpoints, their results and the times of the next attempts.
 *
 * - `sandbox`: required.
 * - `deliveries`: receives JSON, a list of objects with "message_id", "event_id", "event_type", "url", "created_at", "body", "state"
 *   ("pending", "sending", "delivered" or "failed"), "attempts" (each with "at", "status", "error", "request_headers", "response_headers",
 *   "response_body" and "is_body_cut") and "next_attempt_at"; free it with hc_text_free.
 * - `error`: may be NULL.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_deliveries(const struct hc_sandbox *sandbox,
                                     struct hc_text **deliveries,
                                     struct hc_error **error);

/**
 * Returns the body of an event with example values, as the vendor sends it. Sign it with hc_webhook_sign and send it to the code
 * under test. No sandbox is needed.
 *
 * - `type_`: the event's type, such as "organization.directory.user_created", or one of the vendor's older names, which is then the type in the body.
 * - `overrides`: values to set, as a JSON object with any of "id", "occurred_at", "organization_id", "environment_id" and
 *   "data"; keys of "data" replace those of the example. May be NULL, which means none. It is copied.
 * - `body`: receives JSON; free it with hc_text_free.
 * - `error`: may be NULL.
 * - Fails with HC_BAD_REQUEST, for example for an unknown type without "data".
 * - Threads: any number at once.
 */
hc_status hc_sandbox_event_body(const char *type_,
                                     const char *overrides,
                                     struct hc_text **body,
                                     struct hc_error **error);

/**
 * Creates a user and sends a webhook to the endpoints.
 *
 * - `sandbox`: required.
 * - `new_user`: required, with its email. Texts are copied.
 * - `user`: receives the user; free it with hc_user_free.
 * - `error`: may be NULL.
 * - Fails with HC_BAD_REQUEST for an address without "@" or an unknown group, HC_NOT_FOUND for an unknown directory or
 *   organization.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_create_user(const struct hc_sandbox *sandbox,
                                      const struct hc_sandbox_user *new_user,
                                      struct hc_user **user,
                                      struct hc_error **error);

/**
 * Changes a user and sends a webhook to the endpoints.
 *
 * - `sandbox`: required.
 * - `user_id`: "diruser_...".
 * - `change`: required. Texts are copied.
 * - `user`: receives the changed user; free it with hc_user_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND for an unknown user, HC_BAD_REQUEST for an address without "@" or an unknown group.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_update_user(const struct hc_sandbox *sandbox,
                                      const char *user_id,
                                      const struct hc_sandbox_user *change,
                                      struct hc_user **user,
                                      struct hc_error **error);

/**
 * Deletes a user and sends a webhook to the endpoints.
 *
 * - `sandbox`: required.
 * - `user_id`: "diruser_...".
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such user.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_delete_user(const struct hc_sandbox *sandbox, const char *user_id, struct hc_error **error);

/**
 * Creates a group and sends a webhook to the endpoints.
 *
 * - `sandbox`: required.
 * - `display_name`: its name, not "".
 * - `organization_id`: "org_..."; may be NULL, which means the first organization.
 * - `directory_id`: "dir_..."; may be NULL, which means the organization's first directory.
 * - `group`: receives the group; free it with hc_group_free.
 * - `error`: may be NULL.
 * - Fails with HC_BAD_REQUEST if the name is "", HC_NOT_FOUND for an unknown directory or organization.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_create_group(const struct hc_sandbox *sandbox,
                                       const char *display_name,
                                       const char *organization_id,
                                       const char *directory_id,
                                       struct hc_group **group,
                                       struct hc_error **error);

/**
 * Renames a group and sends a webhook to the endpoints.
 *
 * - `sandbox`: required.
 * - `group_id`: "dirgroup_...".
 * - `display_name`: its new name.
 * - `group`: receives the changed group; free it with hc_group_free.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such group, HC_BAD_REQUEST for an empty name.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_update_group(const struct hc_sandbox *sandbox,
                                       const char *group_id,
                                       const char *display_name,
                                       struct hc_group **group,
                                       struct hc_error **error);

/**
 * Deletes a group and sends a webhook to the endpoints; its members are kept.
 *
 * - `sandbox`: required.
 * - `group_id`: "dirgroup_...".
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such group.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_delete_group(const struct hc_sandbox *sandbox, const char *group_id, struct hc_error **error);

/**
 * Adds a user to a group and sends a webhook to the endpoints.
 *
 * - `sandbox`: required.
 * - `group_id`: "dirgroup_...".
 * - `user_id`: "diruser_...".
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such user or group.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_add_member(const struct hc_sandbox *sandbox,
                                     const char *group_id,
                                     const char *user_id,
                                     struct hc_error **error);

/**
 * Removes a user from a group and sends a webhook to the endpoints.
 *
 * - `sandbox`: required.
 * - `group_id`: "dirgroup_...".
 * - `user_id`: "diruser_...".
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if there is no such user or group.
 * - Threads: any number at once.
 */
hc_status hc_sandbox_remove_member(const struct hc_sandbox *sandbox,
                                        const char *group_id,
                                        const char *user_id,
                                        struct hc_error **error);

/**
 * Returns the name of an outcome, which is the same in every language: "applied", "duplicate", "pending", ...
 *
 * - `outcome`: an hc_outcome.
 * - Returns a static text; "unknown" for a number that is no outcome.
 * - Threads: any number at once.
 */
const char *hc_outcome_name(int outcome);

/**
 * Opens a mirror in a SQLite file, which is created if it does not exist, or in a PostgreSQL database.
 *
 * - `path`: path of the file. In the same folder, files are created whose names begin with that of the file and go on with "-wal", "-shm" or "-lease-".
 *   ":memory:" for a mirror in memory. A text that begins with "postgresql://" or "postgres://" is the URL of a database,
 *   "postgresql://user@host/database". The text is copied.
 * - `client`: the client for syncs. It may be freed before the mirror. May be NULL: then syncs fail with HC_CONFIG.
 * - `options`: may be NULL, which means the defaults.
 * - `mirror`: receives the mirror; free it with hc_mirror_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE (the file is not a mirror, was written by a newer version, or cannot be read and written; the database cannot be reached or
 *   refuses the user), HC_CONFIG (the webhook secret, the URL or the schema is invalid, or a field for
 *   PostgreSQL is set for a file) or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_open(const char *path,
                              const struct hc_client *client,
                              const struct hc_mirror_options *options,
                              struct hc_mirror **mirror,
                              struct hc_error **error);

/**
 * Returns the id of the mirror's store: a random UUID that the store gets when a handle that may write first opens it. All handles of one store have the
 * same id, and so does a copy that hc_mirror_copy_to makes. A program that keeps numbers of changes elsewhere can store the id with them: if it later
 * finds another id, its numbers belong to another feed. The id stays available after hc_mirror_close.
 *
 * - `mirror`: may be NULL, which gives NULL.
 * - Returns text owned by `mirror`, or NULL if the store has no id and this handle may only read it.
 * - Threads: any number at once.
 */
const char *hc_mirror_id(const struct hc_mirror *mirror);

/**
 * Closes the mirror. Running calls of hc_mirror_wait and running syncs fail with HC_CANCELLED; what the syncs have written is kept. Other running calls
 * may fail with HC_STORE if they need the store again. Returns when all writes that had begun are complete, the locks are released and the file is
 * closed; in a callback of a running call, it returns without waiting for that.
 *
 * Later calls fail with HC_INVALID_ARGUMENT. With iterators that were created before, hc_change_iter_next gives NULL, and other calls may fail with
 * HC_STORE. hc_mirror_free is still required, once no call is running.
 *
 * - `mirror`: required. Closing it again has no effect.
 * - `error`: may be NULL.
 * - Threads: any number at once, also while other threads wait. Do not call it in a signal handler.
 */
hc_status hc_mirror_close(const struct hc_mirror *mirror,
                               struct hc_error **error);

/**
 * Removes the mirror's binding to its environment: the next sync and the next event bind it again. Use it only if the environment's URL has
 * changed; a mirror must not be synced with two environments.
 *
 * - `mirror`: required.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_unbind_environment(const struct hc_mirror *mirror,
                                            struct hc_error **error);

/**
 * Copies the mirror, except for its leases, to a new file or to a PostgreSQL database. In the copy, consumers have the cursors that they have in the mirror.
 * Stop everything that writes to the mirror first: if something is written during the copy, the call fails. If it fails, nothing was copied, and it can
 * be called again.
 *
 * - `mirror`: required.
 * - `target`: the path of a file, or the URL of a database, as for hc_mirror_open. The file or the schema must not have been used by a mirror.
 * - `schema`: name of the schema in PostgreSQL. NULL: "headcount". In PostgreSQL, the role has to be the owner of the schema.
 * - `report`: receives what was copied; free it with hc_copy_report_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE (the target is not empty, is the mirror itself, or cannot be opened or written; something was written to the mirror during the copy),
 *   HC_CONFIG (the target is ":memory:", or the URL or the schema is invalid), HC_CANCELLED (the mirror was closed during the copy) or HC_INVALID_ARGUMENT
 *   (the mirror was closed before).
 * - Threads: any number at once.
 */
hc_status hc_mirror_copy_to(const struct hc_mirror *mirror,
                                 const char *target,
                                 const char *schema,
                                 struct hc_copy_report **report,
                                 struct hc_error **error);

/**
 * Returns the pending events of an organization, oldest first: events that can be applied only after a sync. The list contains no personal
 * data.
 *
 * - `mirror`: required.
 * - `organization_id`: "org_...".
 * - `events`: receives the list; free it with hc_pending_event_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_pending_events(const struct hc_mirror *mirror,
                                        const char *organization_id,
                                        struct hc_pending_event_list **events,
                                        struct hc_error **error);

/**
 * Frees a mirror. Its file or schema is kept. Users, changes and iterators that it gave stay valid.
 *
 * - `mirror`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_free(struct hc_mirror *mirror);

/**
 * Verifies a webhook, stores it durably and applies it. Answer 201 after HC_OK, 400 after HC_WEBHOOK_VERIFICATION, and 500
 * otherwise, so that the vendor sends it again.
 *
 * - `mirror`: required.
 * - `headers`: all of the request's headers, in any order; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `outcome`: receives the outcome; HC_OUTCOME_NONE if the call failed.
 * - `error`: may be NULL.
 * - Fails with HC_WEBHOOK_VERIFICATION and a reason (hc_error_reason), HC_CONFIG if there is no secret, HC_STORE or
 *   HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_receive(const struct hc_mirror *mirror,
                                 const struct hc_header *headers,
                                 size_t headers_len,
                                 const void *body,
                                 size_t body_len,
                                 enum hc_outcome *outcome,
                                 struct hc_error **error);

/**
 * Like hc_mirror_receive, with the current time as an argument. For a request that waited in a queue, pass the time at which it arrived.
 *
 * - `mirror`: required.
 * - `headers`: all of the request's headers, in any order; `headers_len` items.
 * - `headers_len`: number of items.
 * - `body`: the unparsed body of the request; `body_len` bytes.
 * - `body_len`: number of bytes.
 * - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
 * - `outcome`: receives the outcome; HC_OUTCOME_NONE if the call failed.
 * - `error`: may be NULL.
 * - Fails like hc_mirror_receive does.
 * - Threads: any number at once.
 */
hc_status hc_mirror_receive_at(const struct hc_mirror *mirror,
                                    const struct hc_header *headers,
                                    size_t headers_len,
                                    const void *body,
                                    size_t body_len,
                                    int64_t now_unix_seconds,
                                    enum hc_outcome *outcome,
                                    struct hc_error **error);

/**
 * Applies an event that hc_webhook_verify gave, like hc_mirror_receive.
 *
 * - `mirror`: required.
 * - `event`: required.
 * - `outcome`: receives the outcome; HC_OUTCOME_NONE if the call failed.
 * - `error`: may be NULL.
 * - Fails with HC_WEBHOOK_VERIFICATION if the event's data does not match its type, HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_apply(const struct hc_mirror *mirror,
                               const struct hc_event *event,
                               enum hc_outcome *outcome,
                               struct hc_error **error);

/**
 * Sets or clears the application's own account id of a user. Later changes of the user contain it. Syncs and events do not alter
 * it.
 *
 * - `mirror`: required.
 * - `user_id`: "diruser_...".
 * - `account_id`: the account's id; NULL clears it. It is copied.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the mirror has no such user, HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_link(const struct hc_mirror *mirror,
                              const char *user_id,
                              const char *account_id,
                              struct hc_error **error);

/**
 * Protects a user: from now on, no listing and no event removes or deactivates the user or takes all roles away without an approval, whatever the
 * guard's budget. What they would do is held, in a hold with the reason "protected_users". What the application asks for is not held:
 * hc_mirror_set_role_map and hc_mirror_retire. The protection ends with hc_mirror_unprotect, and when the user is removed.
 *
 * - `mirror`: required.
 * - `user_id`: "diruser_...".
 * - `reason`: why the user is protected, 1 to 2,000 bytes; replaces an earlier reason. It is copied: hc_mirror_user_protection.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the mirror has no such user, HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_protect(const struct hc_mirror *mirror,
                                 const char *user_id,
                                 const char *reason,
                                 struct hc_error **error);

/**
 * Ends the protection of a user. A loss of access that is held stays held until it is approved or dismissed. Does nothing for a user who is not
 * protected.
 *
 * - `mirror`: required.
 * - `user_id`: "diruser_...".
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the mirror has no such user, HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_unprotect(const struct hc_mirror *mirror,
                                   const char *user_id,
                                   struct hc_error **error);

/**
 * Returns the settings in effect, and those that this handle was opened with and that are not in effect.
 *
 * - `mirror`: required.
 * - `settings`: receives the settings; free them with hc_settings_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_settings(const struct hc_mirror *mirror,
                                  struct hc_settings **settings,
                                  struct hc_error **error);

/**
 * Changes settings, for all processes that use the store: each reads them with its next write.
 *
 * - `mirror`: required.
 * - `options`: required; the settings to change. A field that is 0 leaves its setting unchanged. webhook_secret, and the fields from schema to prepared_statements, must be
 *   0, because the store does not keep them.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT, also for a guard_share that is not from 0 to 1 and for an unknown or repeated name in fields and a grace of more than ten years, or HC_STORE.
 * - Threads: any number at once.
 */
hc_status hc_mirror_configure(const struct hc_mirror *mirror,
                                   const struct hc_mirror_options *options,
                                   struct hc_error **error);

/**
 * Replaces the role map: which groups give which roles. Each user whose roles change gets a "roles.changed" in the feed.
 *
 * - `mirror`: required.
 * - `pairs`: `pairs_len` pairs of a group and a role. They are copied.
 * - `pairs_len`: number of pairs, at most 10,000; 0 removes all roles.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT, also for a group or role that is empty or has more than 1,000 bytes.
 * - Threads: any number at once.
 */
hc_status hc_mirror_set_role_map(const struct hc_mirror *mirror,
                                      const struct hc_role_pair *pairs,
                                      size_t pairs_len,
                                      struct hc_error **error);

/**
 * Replaces the role map, like hc_mirror_set_role_map, with entries that state what their `group` is. An entry by id never matches a name, and an
 * entry by name never matches an id. An entry with an organization matches only groups of that organization.
 *
 * - `mirror`: required.
 * - `entries`: `entries_len` entries. They are copied.
 * - `entries_len`: number of entries, at most 10,000; 0 removes all roles.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT, also for a group, role or organization that is empty or has more than 1,000 bytes.
 * - Threads: any number at once.
 */
hc_status hc_mirror_set_role_map_entries(const struct hc_mirror *mirror,
                                              const struct hc_role_entry *entries,
                                              size_t entries_len,
                                              struct hc_error **error);

/**
 * Returns the entries of the role map, in the order in which they were set.
 *
 * - `mirror`: required.
 * - `entries`: receives the list; free it with hc_role_map_entry_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_role_map_entries(const struct hc_mirror *mirror,
                                          struct hc_role_map_entry_list **entries,
                                          struct hc_error **error);

/**
 * Returns the entries of the role map that match no mirrored group: the group was renamed or deleted, or the name is misspelt.
 *
 * - `mirror`: required.
 * - `entries`: receives the list; free it with hc_role_map_entry_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_unmatched_roles(const struct hc_mirror *mirror,
                                         struct hc_role_map_entry_list **entries,
                                         struct hc_error **error);

/**
 * Returns the group and the role of each entry of the role map.
 *
 * - `mirror`: required.
 * - `role_map`: receives the pairs, in the order in which they were set; free it with hc_role_map_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_role_map(const struct hc_mirror *mirror,
                                  struct hc_role_map **role_map,
                                  struct hc_error **error);

/**
 * Number of pairs.
 *
 * - `role_map`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_role_map_len(const struct hc_role_map *role_map);

/**
 * The group of the pair at an index.
 *
 * - `role_map`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `role_map`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_role_map_group_at(const struct hc_role_map *role_map, size_t index);

/**
 * The role of the pair at an index.
 *
 * - `role_map`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `role_map`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_role_map_role_at(const struct hc_role_map *role_map, size_t index);

/**
 * Frees a role map and the texts that came from it.
 *
 * - `role_map`: may be NULL.
 * - Threads: exclusive.
 */
void hc_role_map_free(struct hc_role_map *role_map);

/**
 * Creates an iterator over the users of an organization, in the order in which the mirror first stored them. Sends no request.
 *
 * - `mirror`: required. It may be freed before the iterator.
 * - `organization_id`: "org_...".
 * - `options`: filters; may be NULL, which means all users.
 * - `iter`: receives the iterator; free it with hc_mirror_user_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_users(const struct hc_mirror *mirror,
                               const char *organization_id,
                               const struct hc_mirror_user_options *options,
                               struct hc_mirror_user_iter **iter,
                               struct hc_error **error);

/**
 * Creates an iterator over the users that a hold names, as they are mirrored now. A hold that was approved or dismissed names none, and neither
 * does a hold on a directory as a whole.
 *
 * - `mirror`: required. It may be freed before the iterator.
 * - `hold_id`: the hold's id, from hc_hold_id.
 * - `iter`: receives the iterator; free it with hc_mirror_user_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT if `hold_id` is not the id of a hold.
 * - Threads: any number at once.
 */
hc_status hc_mirror_hold_users(const struct hc_mirror *mirror,
                                    const char *hold_id,
                                    struct hc_mirror_user_iter **iter,
                                    struct hc_error **error);

/**
 * Gives the next user.
 *
 * - `iter`: required. It ends after an error: create another one.
 * - `user`: receives the user, owned by `iter` and valid until the next call with it; NULL after the last one.
 * - `error`: may be NULL.
 * - Fails with HC_STORE; for an iterator of hc_mirror_at also with HC_INVALID_ARGUMENT or HC_HISTORY_TRIMMED.
 * - Threads: one at a time.
 */
hc_status hc_mirror_user_iter_next(struct hc_mirror_user_iter *iter,
                                        const struct hc_mirror_user **user,
                                        struct hc_error **error);

/**
 * Frees an iterator and the user that it gave last.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_user_iter_free(struct hc_mirror_user_iter *iter);

/**
 * Returns one user.
 *
 * - `mirror`: required.
 * - `user_id`: "diruser_...".
 * - `user`: receives the user, or NULL if the mirror has none with this id; free it with hc_mirror_user_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_user_get(const struct hc_mirror *mirror,
                                  const char *user_id,
                                  struct hc_mirror_user **user,
                                  struct hc_error **error);

/**
 * Returns the users of all organizations with this primary e-mail address, compared case-insensitively. Several users may share
 * one address.
 *
 * - `mirror`: required.
 * - `email`: the address.
 * - `users`: receives the list, empty if no user has it; free it with hc_mirror_user_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT, also if nobody is found and the mirror does not store addresses (hc_mirror_options.fields).
 * - Threads: any number at once.
 */
hc_status hc_mirror_find_users(const struct hc_mirror *mirror,
                                    const char *email,
                                    struct hc_mirror_user_list **users,
                                    struct hc_error **error);

/**
 * Returns one group.
 *
 * - `mirror`: required.
 * - `group_id`: "dirgroup_...".
 * - `group`: receives the group, or NULL if the mirror has none with this id; free it with hc_mirror_group_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_group_get(const struct hc_mirror *mirror,
                                   const char *group_id,
                                   struct hc_mirror_group **group,
                                   struct hc_error **error);

/**
 * Returns the groups of an organization, or of one of its directories, ordered by the id of their directory, and within a directory
 * in the order in which the mirror first stored them.
 *
 * - `mirror`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_..."; may be NULL, which means all.
 * - `groups`: receives the list; free it with hc_mirror_group_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_groups(const struct hc_mirror *mirror,
                                const char *organization_id,
                                const char *directory_id,
                                struct hc_mirror_group_list **groups,
                                struct hc_error **error);

/**
 * Returns the mirrored directories.
 *
 * - `mirror`: required.
 * - `organization_id`: "org_..."; may be NULL, which means all organizations.
 * - `directories`: receives the list; free it with hc_mirror_directory_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_directories(const struct hc_mirror *mirror,
                                     const char *organization_id,
                                     struct hc_mirror_directory_list **directories,
                                     struct hc_error **error);

/**
 * Syncs all directories of an organization, or one of them.
 *
 * - `mirror`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_..."; may be NULL, which means every directory of the organization.
 * - `options`: may be NULL, which means the defaults.
 * - `reports`: receives one report per directory; free it with hc_sync_reports_free.
 * - `error`: may be NULL.
 * - Fails with HC_MASS_REMOVAL if the guard holds removals back (see hc_error_removals_count), HC_CONFIG if the mirror has no
 *   client, HC_NOT_FOUND if there is no such directory, HC_CANCELLED when the mirror is closed (hc_mirror_close), HC_STORE,
 *   HC_INVALID_ARGUMENT, or any status that a request can have. If the sync of one directory fails, the others are synced nevertheless.
 * - Threads: any number at once.
 */
hc_status hc_mirror_sync(const struct hc_mirror *mirror,
                              const char *organization_id,
                              const char *directory_id,
                              const struct hc_sync_options *options,
                              struct hc_sync_reports **reports,
                              struct hc_error **error);

/**
 * Syncs every directory of every organization of the environment, several organizations at once. An error in one directory is in its
 * report and does not stop the others. If listing the organizations fails partway, those that were listed are synced, and a report with
 * the organization id "" has the error.
 *
 * - `mirror`: required.
 * - `options`: may be NULL, which means the defaults.
 * - `reports`: receives one report per directory; free it with hc_sync_reports_free.
 * - `error`: may be NULL.
 * - Fails with HC_CONFIG if the mirror has no client, HC_CANCELLED when the mirror is closed (hc_mirror_close), HC_STORE,
 *   HC_INVALID_ARGUMENT, or any status that listing the organizations can have.
 * - Threads: any number at once.
 */
hc_status hc_mirror_sync_all(const struct hc_mirror *mirror,
                                  const struct hc_sync_options *options,
                                  struct hc_sync_reports **reports,
                                  struct hc_error **error);

/**
 * Returns the status of each directory, ordered by id: the times of its last syncs, its numbers of users and groups, its holds, and the number of
 * pending events.
 *
 * - `mirror`: required.
 * - `statuses`: receives the list; free it with hc_mirror_directory_status_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_status(const struct hc_mirror *mirror,
                                struct hc_mirror_directory_status_list **statuses,
                                struct hc_error **error);

/**
 * Returns the ids of all users whose removal from a directory the guard holds back.
 *
 * - `mirror`: required.
 * - `directory_id`: "dir_...".
 * - `user_ids`: receives their ids; free it with hc_text_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_held_removals(const struct hc_mirror *mirror,
                                       const char *directory_id,
                                       struct hc_text_list **user_ids,
                                       struct hc_error **error);

/**
 * Plans a sync of all directories of an organization, or of one of them: lists everything that the sync would list, and gives what it would change.
 * Nothing is written to the mirror, so a mirror that may only be read can plan as well.
 *
 * The plan is exact if neither the directories nor the mirror change before the sync. In a listing of several pages, the order of the changes may differ: it
 * depends on how many pages are written together. A plan takes no lease, and does not wait for a sync that is running or delay one. What that sync
 * writes later is not in the plan.
 *
 * The organization's rows are copied to a temporary SQLite database. Up to 16 MiB of it are in memory. The rest and its journal are in files in the folder for
 * temporary files (SQLITE_TMPDIR, TMPDIR, /var/tmp, /tmp), which have about the size of the rows. They contain personal data. Only the user of this process
 * can read them, their names are removed right after they were created, and their space is freed when the plan and its iterators are freed, and if the
 * process ends.
 *
 * - `mirror`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: "dir_..."; may be NULL, which means every directory of the organization.
 * - `options`: may be NULL, which means the defaults. With approve_removals, the plan is that of a sync which approves the open holds; the plan itself
 *   approves none. no_wait and concurrency have no effect.
 * - `plan`: receives the plan; free it with hc_plan_free.
 * - `error`: may be NULL.
 * - Fails as hc_mirror_sync, but not with HC_MASS_REMOVAL: the plan then has the outcome "held" and the error (hc_plan_error). HC_STORE also if the folder
 *   for temporary files has no room.
 * - Threads: any number at once.
 */
hc_status hc_mirror_plan(const struct hc_mirror *mirror,
                              const char *organization_id,
                              const char *directory_id,
                              const struct hc_sync_options *options,
                              struct hc_plan **plan,
                              struct hc_error **error);

/**
 * Returns the outcome that the sync would have: "incomplete" if the listing of a directory could not be applied as a whole, or else "held" if the guard
 * would hold losses of access in a directory, or else "done".
 *
 * - `plan`: may be NULL, which gives NULL.
 * - Returns text owned by `plan`.
 * - Threads: any number at once.
 */
const char *hc_plan_outcome(const struct hc_plan *plan);

/**
 * Returns the report that the sync would make for each directory, in the order of the directories' ids.
 *
 * - `plan`: may be NULL, which gives NULL.
 * - Returns a list owned by `plan`.
 * - Threads: any number at once.
 */
const struct hc_sync_reports *hc_plan_reports(const struct hc_plan *plan);

/**
 * Returns the holds that the directories would have after the sync: open ones that it would leave open, and new ones. A new hold gets another
 * id when a sync makes it.
 *
 * - `plan`: may be NULL, which gives NULL.
 * - Returns a list owned by `plan`.
 * - Threads: any number at once.
 */
const struct hc_hold_list *hc_plan_holds(const struct hc_plan *plan);

/**
 * Returns the number of different kinds of planned changes, for hc_plan_kinds_at.
 *
 * - `plan`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_plan_kinds_len(const struct hc_plan *plan);

/**
 * Returns a kind of planned changes, such as "user.created".
 *
 * - `plan`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `plan`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_plan_kinds_at(const struct hc_plan *plan, size_t index);

/**
 * Returns the number of planned changes of a kind.
 *
 * - `plan`: required.
 * - `kind`: such as "user.created".
 * - `count`: receives the number.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT if there is no such kind of change.
 * - Threads: any number at once.
 */
hc_status hc_plan_count(const struct hc_plan *plan, const char *kind, uint64_t *count, struct hc_error **error);

/**
 * Returns why the listing of a directory could not be applied as a whole, in one English sentence.
 *
 * - `plan`: may be NULL, which gives NULL.
 * - Returns text owned by `plan`, or NULL unless the outcome is "incomplete".
 * - Threads: any number at once.
 */
const char *hc_plan_incomplete(const struct hc_plan *plan);

/**
 * Returns the error that the sync would fail with: HC_MASS_REMOVAL if the guard would hold the removal of users whom a full listing lacks.
 *
 * - `plan`: may be NULL, which gives NULL.
 * - Returns an error owned by `plan`, or NULL if the sync would not fail.
 * - Threads: any number at once.
 */
const struct hc_error *hc_plan_error(const struct hc_plan *plan);

/**
 * Starts reading the planned changes, in the order in which the planned sync made them. Their numbers are those after the mirror's latest change.
 *
 * - `plan`: required. It may be freed before the iterator.
 * - `iter`: receives the iterator; free it with hc_plan_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_plan_changes(const struct hc_plan *plan,
                               struct hc_plan_iter **iter,
                               struct hc_error **error);

/**
 * Gives the next planned change.
 *
 * - `iter`: required. It ends after an error: create another one.
 * - `change`: receives the change, owned by `iter` and valid until the next call with it; NULL after the last one.
 * - `error`: may be NULL.
 * - Fails with HC_STORE, also in a forked child.
 * - Threads: one at a time.
 */
hc_status hc_plan_iter_next(struct hc_plan_iter *iter, const struct hc_change **change, struct hc_error **error);

/**
 * Frees an iterator and the change that it gave last.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_plan_iter_free(struct hc_plan_iter *iter);

/**
 * Frees a plan. If no iterator over its changes is left, its temporary database is deleted.
 *
 * - `plan`: may be NULL.
 * - Threads: exclusive.
 */
void hc_plan_free(struct hc_plan *plan);

/**
 * Exports the users of an organization as text, for reviews of who has access: the present ones, or those of a past time, as hc_mirror_at gives them.
 *
 * Each user has the columns of the CSV, or keys of the JSON object, at (the time whose state it is, RFC 3339 in UTC), organization_id, directory_id, user_id,
 * email, given_name, family_name, active, roles, groups (their names at that time), group_ids (in the same order) and linked_id. A later version may add
 * columns at the end. The text is UTF-8. The users are read page by page while the iterator is used.
 *
 * - `mirror`: required. It may be freed before the iterator.
 * - `organization_id`: "org_...".
 * - `options`: format, time and filters; may be NULL, which means all present users as CSV.
 * - `iter`: receives the iterator; free it with hc_export_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT if options.format is unknown or options.at is not a time. hc_export_iter_next fails with HC_INVALID_ARGUMENT if that time
 *   is in the future, and with HC_HISTORY_TRIMMED if it is before the history began, or if the mirror keeps no history.
 * - Threads: any number at once.
 */
hc_status hc_mirror_export(const struct hc_mirror *mirror,
                                const char *organization_id,
                                const struct hc_mirror_export_options *options,
                                struct hc_export_iter **iter,
                                struct hc_error **error);

/**
 * Gives the next piece: whole lines, of 500 users at most. The first piece of a CSV begins with the header. All pieces, one after another, are the export.
 *
 * - `iter`: required. It ends after an error: create another one.
 * - `text`: receives the piece, owned by `iter` and valid until the next call with it; NULL after the last one.
 * - `error`: may be NULL.
 * - Fails with HC_STORE, HC_INVALID_ARGUMENT or HC_HISTORY_TRIMMED.
 * - Threads: one at a time.
 */
hc_status hc_export_iter_next(struct hc_export_iter *iter,
                                   const struct hc_text **text,
                                   struct hc_error **error);

/**
 * Frees an iterator and the piece that it gave last.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_export_iter_free(struct hc_export_iter *iter);

/**
 * Creates an iterator over the users of an organization as they were at a past time, with the groups and roles of that time, in no particular order. Users
 * who have been removed since are among them, users who were added later are not.
 *
 * hc_mirror_user_updated_at of these users gives NULL, and hc_mirror_user_linked_id the present account id, or that at the removal of a user who has been
 * removed since. The users are read page by page while the iterator is used.
 *
 * - `mirror`: required. It may be freed before the iterator.
 * - `at`: the time, RFC 3339 with an offset from UTC, or a date, which means 00:00 UTC on that day.
 * - `organization_id`: "org_...".
 * - `options`: filters; may be NULL, which means all users.
 * - `iter`: receives the iterator; free it with hc_mirror_user_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT if `at` is not a time. hc_mirror_user_iter_next fails with HC_INVALID_ARGUMENT if it is in the future, and with
 *   HC_HISTORY_TRIMMED if it is before the history began, or if the mirror keeps no history.
 * - Threads: any number at once.
 */
hc_status hc_mirror_at(const struct hc_mirror *mirror,
                            const char *at,
                            const char *organization_id,
                            const struct hc_mirror_at_options *options,
                            struct hc_mirror_user_iter **iter,
                            struct hc_error **error);

/**
 * Creates an iterator over what changed, when and because of what, oldest first. Each entry has what one step, such as an event, changed about one user,
 * group, directory or organization. The history is kept for 400 days, unless history_seconds of hc_mirror_options says otherwise.
 *
 * - `mirror`: required. It may be freed before the iterator.
 * - `options`: filters; may be NULL, which means the whole history.
 * - `iter`: receives the iterator; free it with hc_history_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT if a time cannot be read. hc_history_iter_next fails with HC_INVALID_ARGUMENT if both user_id and group_id are set, or if
 *   since is after until, and with HC_HISTORY_TRIMMED if the mirror keeps no history.
 * - Threads: any number at once.
 */
hc_status hc_mirror_history(const struct hc_mirror *mirror,
                                 const struct hc_mirror_history_options *options,
                                 struct hc_history_iter **iter,
                                 struct hc_error **error);

/**
 * Gives the next entry.
 *
 * - `iter`: required. It ends after an error: create another one.
 * - `entry`: receives the entry, owned by `iter` and valid until the next call with it; NULL after the last one.
 * - `error`: may be NULL.
 * - Fails with HC_STORE, HC_INVALID_ARGUMENT or HC_HISTORY_TRIMMED.
 * - Threads: one at a time.
 */
hc_status hc_history_iter_next(struct hc_history_iter *iter,
                                    const struct hc_history_entry **entry,
                                    struct hc_error **error);

/**
 * Frees an iterator and the entry that it gave last.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_history_iter_free(struct hc_history_iter *iter);

/**
 * Returns the open holds of an organization, in the order in which they were made.
 *
 * - `mirror`: required.
 * - `organization_id`: "org_...".
 * - `directory_id`: only holds of this directory ("dir_..."). NULL: holds of all directories.
 * - `holds`: receives the list; free it with hc_hold_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_holds(const struct hc_mirror *mirror,
                               const char *organization_id,
                               const char *directory_id,
                               struct hc_hold_list **holds,
                               struct hc_error **error);

/**
 * Approves a hold: applies the losses of access of the users that `hold_id` names, if these are still held. A hold gets another id when the guard adds
 * users to it, and each id names the users that the hold had when the id was returned; users who were added later stay held.
 *
 * - `mirror`: required.
 * - `hold_id`: the hold's id, from hc_hold_id.
 * - `by`: who approves, 1 to 200 bytes; stored with the decision.
 * - `note`: why, at most 2,000 bytes; stored as well. May be NULL.
 * - `count`: receives the number of users who lost access.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if no user of the hold is held any more, HC_INVALID_ARGUMENT if `hold_id` is not the id of a hold, if the hold is
 *   about a directory as a whole, and for a `by` or `note` of the wrong length, or HC_STORE.
 * - Threads: any number at once.
 */
hc_status hc_mirror_approve(const struct hc_mirror *mirror,
                                 const char *hold_id,
                                 const char *by,
                                 const char *note,
                                 uint64_t *count,
                                 struct hc_error **error);

/**
 * Dismisses a hold: the users that `hold_id` names stay as they are mirrored, until a later listing or event changes or removes them.
 *
 * - `mirror`: required.
 * - `hold_id`: the hold's id, from hc_hold_id.
 * - `by`: who decides, 1 to 200 bytes; stored with the decision.
 * - `note`: why, at most 2,000 bytes; stored as well. May be NULL.
 * - `count`: receives the number of those users.
 * - `error`: may be NULL.
 * - Fails as hc_mirror_approve.
 * - Threads: any number at once.
 */
hc_status hc_mirror_dismiss(const struct hc_mirror *mirror,
                                 const char *hold_id,
                                 const char *by,
                                 const char *note,
                                 uint64_t *count,
                                 struct hc_error **error);

/**
 * Removes the users and groups of a directory that is no longer used. Syncs do not remove them. The guard does not limit the
 * removal.
 *
 * - `mirror`: required.
 * - `directory_id`: "dir_...". The directory has to be disabled, or missing (the API no longer lists it).
 * - `by`: who requested it, 1 to 200 bytes; stored with the time.
 * - `note`: why, at most 2,000 bytes; stored as well. May be NULL.
 * - `count`: receives the number of users that were removed.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if no directory of this id is mirrored, HC_INVALID_ARGUMENT if it is neither missing nor disabled, and for a `by`
 *   or `note` of the wrong length, or HC_STORE. If a call fails partway, the rest is removed by another call, when the organization is next synced, or
 *   when the mirror is next opened.
 * - Threads: any number at once.
 */
hc_status hc_mirror_retire(const struct hc_mirror *mirror,
                                const char *directory_id,
                                const char *by,
                                const char *note,
                                uint64_t *count,
                                struct hc_error **error);

/**
 * Returns the decisions about holds, approved and dismissed, in the order in which they were made.
 *
 * - `mirror`: required.
 * - `organization_id`: only decisions of this organization ("org_..."). NULL: of all.
 * - `approvals`: receives the list; free it with hc_approval_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_approvals(const struct hc_mirror *mirror,
                                   const char *organization_id,
                                   struct hc_approval_list **approvals,
                                   struct hc_error **error);

/**
 * Returns the retirements of directories, oldest first. A retirement is deleted when the retention has passed since its end.
 *
 * - `mirror`: required.
 * - `retirements`: receives the list; free it with hc_retirement_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_retirements(const struct hc_mirror *mirror,
                                     struct hc_retirement_list **retirements,
                                     struct hc_error **error);

/**
 * Writes a backup of the mirror to a new file, while the mirror is in use: for a mirror in a file or in memory. The backup is a mirror's file with
 * everything that was in the mirror at one moment, durable when this returns, and only its owner can read and write it. If the call fails, it leaves no
 * file.
 *
 * To restore it, stop all processes that use the mirror, delete the mirror's file and the files beside it that end with -wal and -shm, and copy the
 * backup in its place. Then run a full sync and call hc_mirror_reconcile. The backup has the mirror's id: do not use both at once.
 *
 * - `mirror`: required.
 * - `path`: the path of a file that does not exist.
 * - `error`: may be NULL.
 * - Fails with HC_CONFIG (the path is empty, ":memory:", a URL, or that of the mirror's own file), HC_STORE (there is a file; the folder does not exist or
 *   cannot be written; the disk is full; the mirror is in PostgreSQL, which has pg_dump), HC_CANCELLED (the mirror was closed during the backup) or
 *   HC_INVALID_ARGUMENT (the mirror was closed before).
 * - Threads: any number at once.
 */
hc_status hc_mirror_backup(const struct hc_mirror *mirror,
                                const char *path,
                                struct hc_error **error);

/**
 * Returns which of these users are not in the mirror: the directory users that a program knows and that have left. For use after a store was lost or
 * restored. It only reads the mirror.
 *
 * It fails while that answer could be wrong: each directory must have had a complete full sync since the mirror was opened (or since options.since), or be
 * retired, and without an organization, hc_mirror_sync_all must have listed all organizations since then. Users whose removal is held are in the mirror.
 * Deactivate the accounts of the returned users, and delete them only after a second full sync and another call have given the same answer.
 *
 * - `mirror`: required.
 * - `user_ids`: ids ("diruser_..."), in any order, also several times; `user_ids_len` items. A program with many ids may pass them in several calls.
 * - `user_ids_len`: number of items.
 * - `options`: may be NULL, which means the defaults.
 * - `absent`: receives the ids that are not in the mirror, sorted, each once; free it with hc_text_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT (the answer could be wrong, and the message says what to do; an id is empty; the mirror is closed), HC_STORE or
 *   HC_CANCELLED (the mirror was closed during the call).
 * - Threads: any number at once.
 */
hc_status hc_mirror_reconcile(const struct hc_mirror *mirror,
                                   const char *const *user_ids,
                                   size_t user_ids_len,
                                   const struct hc_reconcile_options *options,
                                   struct hc_text_list **absent,
                                   struct hc_error **error);

/**
 * Returns metrics as OpenMetrics text, for Prometheus and compatible systems. Answer with the content type HC_METRICS_CONTENT_TYPE.
 *
 * Of this mirror object since it was opened: headcount_sync_duration_seconds (a histogram, by outcome), headcount_events_total (by outcome) and
 * headcount_webhooks_refused_total. Of the store: times of the last syncs, numbers of users, groups and held users of each directory, the lag of each
 * consumer, the number of pending events and of changes. No label names a user.
 *
 * - `mirror`: required.
 * - `organizations`: whether metrics of a directory have the label organization, and pending events are counted for each organization: 1 yes, 0 or -1 no.
 * - `metrics`: receives the text; free it with hc_text_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE, HC_CANCELLED (the mirror was closed during the call) or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_metrics(const struct hc_mirror *mirror,
                                 int32_t organizations,
                                 struct hc_text **metrics,
                                 struct hc_error **error);

/**
 * Erases a user: removes all personal data of one person from the mirror, for example when the person asks for it (GDPR, article 17). When this returns,
 * the user's row, groups, link and protection, the history of the user, and the content of changes, parked changes and events about the user are gone: in
 * SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it vacuums them.
 *
 * The numbers of the feed stay as they are. Each change about the user becomes a user.deleted with the cause "erasure:" and the erasure's id, which has only
 * the ids of the user, the organization and the directory. A user whom the mirror has gets one more user.deleted first. A deletion that a consumer has not
 * acknowledged also keeps linked_id, until it is removed with the change when the retention has passed. The guard does not limit this.
 *
 * A tombstone keeps the user erased: listings and events about the user are ignored (hc_sync_report_erased, HC_OUTCOME_ERASED). It has a keyed hash of the id,
 * not the id. A user whom the mirror does not know gets one as well. If the directory makes the person anew, they have another id, which is not erased.
 * Backups that were made before the erasure still have the data. An erasure that is interrupted is completed by another call, the next sync, the next removal
 * of old rows, or when the mirror is next opened. Erasing a user again changes nothing.
 *
 * - `mirror`: required.
 * - `user_id`: "diruser_...", 1 to 200 bytes.
 * - `erasure`: receives what was removed; free it with hc_erasure_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT (the id is empty, too long, or has spaces or characters that are not printable ASCII; the mirror is closed), HC_STORE
 *   (also if a reader of a SQLite file, such as a running backup, keeps its log for five seconds: the erasure is completed later then) or HC_CANCELLED
 *   (the mirror was closed during the call).
 * - Threads: any number at once.
 */
hc_status hc_mirror_erase_user(const struct hc_mirror *mirror,
                                    const char *user_id,
                                    struct hc_erasure **erasure,
                                    struct hc_error **error);

/**
 * Forgets an organization, for example a customer who left: removes everything that the mirror has about it. When this returns, the organization, its
 * directories, the tombstones of its users and groups, their history, links and protections, its events, holds, decisions, retirements and syncs, and its
 * entries in the role map are gone: in SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it vacuums them.
 *
 * It removes no accounts, so it is refused while that is not done: first retire the organization's directories (hc_mirror_retire), and let every consumer
 * acknowledge the changes. Parked changes are removed, but it is refused while the deletion of a user is parked.
 *
 * The numbers of the feed stay as they are. Each change of the organization becomes an organization.forgotten with the cause "erasure:" and the erasure's id,
 * without any other id. Consumers that start at the beginning of the feed get these changes, and only acknowledge them.
 *
 * A tombstone keeps the organization forgotten: events about it are ignored (HC_OUTCOME_ERASED), and a sync of all organizations leaves it out, without a
 * report. It has a keyed hash of the id, not the id. An organization that the mirror does not know gets one as well. Syncing the organization by its id removes
 * the tombstone and mirrors the organization anew. Backups that were made before still have the data. It waits for syncs of the directories to end. If it
 * is interrupted, it is completed by another call, the next sync, the next removal of old rows, or when the mirror is next opened. Forgetting an organization
 * again changes nothing.
 *
 * - `mirror`: required.
 * - `organization_id`: "org_...", 1 to 200 bytes.
 * - `erasure`: receives what was removed; free it with hc_organization_erasure_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT (users or groups of the organization are mirrored; a consumer has not acknowledged a change of the organization, or has
 *   parked the deletion of a user of it: the message names the consumer and the change's number; the id is empty, too long, or has
 *   spaces or characters that are not printable ASCII; the mirror is closed), HC_STORE (also if a reader of a SQLite file, such as a running backup, keeps its
 *   log for five seconds: call it again when the reader has ended) or HC_CANCELLED (the mirror was closed during the call).
 * - Threads: any number at once.
 */
hc_status hc_mirror_forget_organization(const struct hc_mirror *mirror,
                                             const char *organization_id,
                                             struct hc_organization_erasure **erasure,
                                             struct hc_error **error);

/**
 * Explains why a user has or lost access: the user as mirrored now or the removal, what gives each role, the changes with their causes, events that had no
 * effect and why, the open holds, and what would take access away or bring the user back. The changes come from the history: if the mirror keeps none,
 * there are none.
 *
 * - `mirror`: required.
 * - `user_id`: "diruser_...". A user of whom the mirror knows nothing has the state "unknown".
 * - `explanation`: receives the explanation; free it with hc_explanation_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE, or HC_INVALID_ARGUMENT if the id is empty or longer than 255 bytes.
 * - Threads: any number at once.
 */
hc_status hc_mirror_explain(const struct hc_mirror *mirror,
                                 const char *user_id,
                                 struct hc_explanation **explanation,
                                 struct hc_error **error);

/**
 * Returns an explanation as English text of several lines, for a ticket.
 *
 * - `explanation`: required.
 * - `personal`: whether the text may have personal data: names, addresses, accounts, the names of groups, and who decided about holds with which note. If
 *   not, people are named by their directory ids only.
 * - `text`: receives the text; free it with hc_text_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_explanation_text(const struct hc_explanation *explanation,
                                   bool personal,
                                   struct hc_text **text,
                                   struct hc_error **error);

/**
 * Returns past syncs of directories, newest first. A sync that failed before a directory was listed has one as well; one that was "already_running" has
 * none. Syncs are kept for 400 days, or for the retention if that is longer; those that changed nothing are kept for the retention.
 *
 * - `mirror`: required.
 * - `options`: which syncs; may be NULL, which means the newest 100.
 * - `runs`: receives the list; free it with hc_run_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE, or HC_INVALID_ARGUMENT for a limit that is out of range.
 * - Threads: any number at once.
 */
hc_status hc_mirror_runs(const struct hc_mirror *mirror,
                              const struct hc_run_options *options,
                              struct hc_run_list **runs,
                              struct hc_error **error);

/**
 * Returns a received event, and what the mirror did with it. Events of types that do not change the mirror are not stored. Events are kept for a
 * week, and pending ones for at most 37 days.
 *
 * - `mirror`: required.
 * - `event_id`: "evt_...".
 * - `event`: receives the event, or NULL if none with this id is stored; free it with hc_received_event_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_event(const struct hc_mirror *mirror,
                               const char *event_id,
                               struct hc_received_event **event,
                               struct hc_error **error);

/**
 * Returns received events, newest first. They are kept as hc_mirror_event says.
 *
 * - `mirror`: required.
 * - `options`: which events; may be NULL, which means the newest 100.
 * - `events`: receives the list; free it with hc_received_event_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE, or HC_INVALID_ARGUMENT for a limit that is out of range.
 * - Threads: any number at once.
 */
hc_status hc_mirror_events(const struct hc_mirror *mirror,
                                const struct hc_event_options *options,
                                struct hc_received_event_list **events,
                                struct hc_error **error);

/**
 * Returns the changes after a consumer's cursor, oldest first. A new consumer starts with the first change of the feed. Changes are
 * returned again until they are acknowledged (hc_mirror_ack).
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `limit`: largest number of changes, 1 to 10000.
 * - `batch`: receives the changes; empty if there are no new ones; free it with hc_change_batch_free.
 * - `error`: may be NULL.
 * - Fails with HC_HISTORY_TRIMMED if the retention has removed the consumer's next change, also for a new consumer: call
 *   hc_mirror_start_from_snapshot; or with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_poll(const struct hc_mirror *mirror,
                              const char *consumer,
                              size_t limit,
                              struct hc_change_batch **batch,
                              struct hc_error **error);

/**
 * Like hc_mirror_poll, but waits for a change if there is none, and gives an empty batch after the timeout. A change that
 * another process commits is noticed within half a second.
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `limit`: largest number of changes, 1 to 10000.
 * - `timeout_ms`: longest wait, in milliseconds. 0: do not wait. HC_WAIT_FOREVER: no limit.
 * - `batch`: receives the changes; free it with hc_change_batch_free.
 * - `error`: may be NULL.
 * - Fails with HC_CANCELLED when the mirror is closed (hc_mirror_close) during the call, and otherwise as hc_mirror_poll.
 * - Threads: any number at once.
 */
hc_status hc_mirror_wait(const struct hc_mirror *mirror,
                              const char *consumer,
                              size_t limit,
                              int64_t timeout_ms,
                              struct hc_change_batch **batch,
                              struct hc_error **error);

/**
 * Acknowledges all changes up to and including `seq`: the consumer does not receive them again. (hc_change_iter_ack acknowledges only one
 * change.) The acknowledgement is durable when this returns. A number that is not greater than an acknowledged one has no effect.
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `seq`: the number of a change that hc_mirror_poll gave.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT for an unknown consumer or a number greater than those that polls have returned to it, or HC_STORE.
 * - Threads: any number at once.
 */
hc_status hc_mirror_ack(const struct hc_mirror *mirror,
                             const char *consumer,
                             int64_t seq,
                             struct hc_error **error);

/**
 * Parks a change that the consumer cannot handle, with a reason, and acknowledges all changes up to and including it. The change
 * is kept until it is dropped (hc_mirror_drop_parked).
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `seq`: the number of a change that hc_mirror_poll gave.
 * - `reason`: why the change was parked. It is copied.
 * - `error`: may be NULL.
 * - Fails as hc_mirror_ack; with HC_INVALID_ARGUMENT also for a change of a snapshot whose user or group no longer exists, and with
 *   HC_HISTORY_TRIMMED if the retention has removed the change.
 * - Threads: any number at once.
 */
hc_status hc_mirror_park(const struct hc_mirror *mirror,
                              const char *consumer,
                              int64_t seq,
                              const char *reason,
                              struct hc_error **error);

/**
 * Returns the changes that a consumer has parked, oldest first.
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `parked`: receives the list; free it with hc_parked_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_parked_changes(const struct hc_mirror *mirror,
                                        const char *consumer,
                                        struct hc_parked_list **parked,
                                        struct hc_error **error);

/**
 * Deletes a parked change.
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `seq`: the number of the change.
 * - `dropped`: receives whether it existed.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_drop_parked(const struct hc_mirror *mirror,
                                     const char *consumer,
                                     int64_t seq,
                                     bool *dropped,
                                     struct hc_error **error);

/**
 * Resets a consumer to a snapshot of the mirror, and creates it if it does not exist: its next changes are a "group.created" for each group and
 * a "user.created" for each user, with negative numbers and the cause "snapshot", and then every change since this call.
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_start_from_snapshot(const struct hc_mirror *mirror,
                                             const char *consumer,
                                             struct hc_error **error);

/**
 * Returns all consumers and their positions.
 *
 * - `mirror`: required.
 * - `consumers`: receives the list; free it with hc_consumer_list_free.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_consumers(const struct hc_mirror *mirror,
                                   struct hc_consumer_list **consumers,
                                   struct hc_error **error);

/**
 * Deletes a consumer and its parked changes. Changes that were kept only for it can then be trimmed.
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `dropped`: receives whether it existed.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_drop_consumer(const struct hc_mirror *mirror,
                                       const char *consumer,
                                       bool *dropped,
                                       struct hc_error **error);

/**
 * Deletes users whose grace is over; changes that are older than the retention and that all consumers, apart from expired ones, have acknowledged; and other rows whose
 * retention has ended. Every sync does this when it ends.
 *
 * - `mirror`: required.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_trim(const struct hc_mirror *mirror,
                              struct hc_error **error);

/**
 * Like hc_mirror_poll, but gives the changes in groups: all changes that one step (a page of a listing, an event, an approval, ...) made to one user
 * are a group. A new hire, for example, is a group of a "user.created", a "membership.added" for each directory group and a "roles.changed". Each change of
 * a directory group, a directory or an organization is a group of its own, and so is each change of a snapshot.
 *
 * A group is given as a whole: the poll stops before a group with which there would be more than `limit` changes, but the first group is given even if
 * it is longer. If a change within a group was acknowledged, the rest of it is a group. To acknowledge a group, acknowledge its last change
 * (hc_mirror_ack).
 *
 * - `mirror`: required.
 * - `consumer`: its name, 1 to 200 bytes.
 * - `limit`: largest number of changes, 1 to 10000.
 * - `groups`: receives the groups, oldest first; empty if there are no new changes; free it with hc_change_groups_free.
 * - `error`: may be NULL.
 * - Fails as hc_mirror_poll.
 * - Threads: any number at once.
 */
hc_status hc_mirror_poll_groups(const struct hc_mirror *mirror,
                                     const char *consumer,
                                     size_t limit,
                                     struct hc_change_groups **groups,
                                     struct hc_error **error);

/**
 * Returns the number of groups.
 *
 * - `groups`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_change_groups_len(const struct hc_change_groups *groups);

/**
 * Returns the group at an index.
 *
 * - `groups`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a list of at least one change, oldest first, owned by `groups`, or NULL if `index` is out of range. Do not free it.
 * - Threads: any number at once.
 */
const struct hc_change_batch *hc_change_groups_at(const struct hc_change_groups *groups,
                                                  size_t index);

/**
 * Frees the groups and the changes in them.
 *
 * - `groups`: may be NULL.
 * - Threads: exclusive.
 */
void hc_change_groups_free(struct hc_change_groups *groups);

/**
 * Creates an iterator over the unacknowledged changes of a consumer, which gives each of them once. If there is none, it waits for the next one.
 *
 * Acknowledge each change after it was handled, with hc_change_iter_ack. The consumer's cursor moves to a change once that change, and all changes
 * that this iterator gave before it, are acknowledged. The next iterator, here or in another process, gives the changes after the cursor
 * again.
 *
 * The consumer is exclusive: while an iterator of another hc_mirror, here or in another process, holds it, hc_change_iter_next waits. An iterator holds
 * the consumer from the first call of hc_change_iter_next until it has ended and all changes that it gave are acknowledged, until it is freed, or
 * until the mirror is closed. It holds a lease of 60 seconds, which a background task renews, even while a handler hangs. If its process is stopped, others
 * wait until the lease expires. If its process ends, they do the same with PostgreSQL; with SQLite, the lease ends at once. To share the work among
 * processes, use hc_mirror_consumer.
 *
 * - `mirror`: required. It may be freed before the iterator.
 * - `consumer`: its name, 1 to 200 bytes. A new consumer starts with the first change of the feed.
 * - `timeout_ms`: longest wait for a change, in milliseconds. 0: do not wait. HC_WAIT_FOREVER: no limit.
 * - `iter`: receives the iterator; free it with hc_change_iter_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT.
 * - Threads: any number at once.
 */
hc_status hc_mirror_changes(const struct hc_mirror *mirror,
                                 const char *consumer,
                                 int64_t timeout_ms,
                                 struct hc_change_iter **iter,
                                 struct hc_error **error);

/**
 * Gives the next change. Waits for it up to the iterator's timeout.
 *
 * - `iter`: required.
 * - `change`: receives the change, which belongs to the caller: free it with hc_change_free. NULL if none came within the timeout (this may
 *   be called again then), and when the mirror is closed (hc_mirror_close).
 * - `error`: may be NULL.
 * - Fails with HC_HISTORY_TRIMMED if the retention has removed the next change, also for a new consumer: call
 *   hc_mirror_start_from_snapshot; with HC_STORE; or with HC_INVALID_ARGUMENT, also in a forked child. It may be called again after an error.
 * - Threads: any number at once. Each change goes to one of them.
 */
hc_status hc_change_iter_next(const struct hc_change_iter *iter,
                                   struct hc_change **change,
                                   struct hc_error **error);

/**
 * Acknowledges one change, and not the changes before it. The acknowledgement is durable once all changes that the iterator gave earlier are
 * acknowledged as well: if they are already, it is durable when this returns.
 *
 * - `iter`: required.
 * - `change`: a change that `iter` gave.
 * - `error`: may be NULL.
 * - Fails with HC_STORE: call it again, unless the message says that the lease was lost. In that case the iterator that holds the consumer gives the
 *   change again. Fails with HC_INVALID_ARGUMENT, also if the consumer was dropped and in a forked child.
 * - Threads: any number at once.
 */
hc_status hc_change_iter_ack(const struct hc_change_iter *iter,
                                  const struct hc_change *change,
                                  struct hc_error **error);

/**
 * Parks a change that cannot be handled, with a reason, and acknowledges it as hc_change_iter_ack does. It is kept until it is dropped
 * (hc_mirror_drop_parked). A change of a snapshot can be parked as well.
 *
 * - `iter`: required.
 * - `change`: a change that `iter` gave.
 * - `reason`: why the change was parked. It is copied.
 * - `error`: may be NULL.
 * - Fails with HC_STORE or HC_INVALID_ARGUMENT, also if the consumer was dropped and in a forked child.
 * - Threads: any number at once.
 */
hc_status hc_change_iter_park(const struct hc_change_iter *iter,
                                   const struct hc_change *change,
                                   const char *reason,
                                   struct hc_error **error);

/**
 * Frees an iterator. The changes that it gave stay valid.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_change_iter_free(struct hc_change_iter *iter);

/**
 * Creates a worker of a consumer whose changes are divided into partitions, for any number of workers in any number of processes. The worker joins the
 * consumer with the first call of hc_worker_next.
 *
 * Each user's changes are in one partition, which one worker holds at a time through its lease, so that they are given in order. The workers share the
 * partitions evenly. If one joins, the others release some of their partitions, each as soon as its changes that were given are acknowledged. If one
 * is closed or freed, or its process ends, the others take over its partitions and get the changes that it has not acknowledged. With PostgreSQL, if a
 * process ends without closing its worker, the others wait until the worker's lease expires. A background task renews the lease as long as the worker
 * exists, even while a handler hangs: limit the time of the handler.
 *
 * A consumer that has partitions cannot be read by hc_mirror_poll, hc_mirror_wait and hc_mirror_changes, or acknowledged by hc_mirror_ack. The number of
 * partitions can be changed while no worker holds one. Some acknowledged changes may then be given again, unless the new number is a multiple of
 * the old one.
 *
 * - `mirror`: required. It may be freed before the worker.
 * - `consumer`: its name, 1 to 200 bytes. A new consumer starts with the first change of the feed.
 * - `options`: may be NULL, which means the defaults.
 * - `timeout_ms`: longest wait of hc_worker_next for a change, in milliseconds. 0: do not wait. HC_WAIT_FOREVER: no limit.
 * - `worker`: receives the worker; free it with hc_worker_free.
 * - `error`: may be NULL.
 * - Fails with HC_INVALID_ARGUMENT; with HC_STORE if a forked child cannot open the mirror.
 * - Threads: any number at once.
 */
hc_status hc_mirror_consumer(const struct hc_mirror *mirror,
                                  const char *consumer,
                                  const struct hc_worker_options *options,
                                  int64_t timeout_ms,
                                  struct hc_worker **worker,
                                  struct hc_error **error);

/**
 * Gives the next change of the partitions that the worker holds. Waits for it up to the worker's timeout. If 1000 changes that were given are not
 * acknowledged, it waits for an acknowledgement, also up to the timeout.
 *
 * - `worker`: required.
 * - `change`: receives the change, which belongs to the caller: free it with hc_change_free. NULL if none came within the timeout (this may
 *   be called again then), and when the worker (hc_worker_close) or the mirror (hc_mirror_close) is closed.
 * - `error`: may be NULL.
 * - Fails with HC_HISTORY_TRIMMED if the retention has removed the next change, also for a new consumer: call
 *   hc_mirror_start_from_snapshot; with HC_STORE; or with HC_INVALID_ARGUMENT, if the consumer has another number of partitions and workers hold
 *   some of them, and in a forked child. It may be called again after an error.
 * - Threads: any number at once. Each change goes to one of them.
 */
hc_status hc_worker_next(const struct hc_worker *worker,
                              struct hc_change **change,
                              struct hc_error **error);

/**
 * Acknowledges a change, and all changes of the same partition that the worker gave before. The acknowledgement is durable when this returns.
 *
 * - `worker`: required.
 * - `change`: a change that `worker` gave.
 * - `error`: may be NULL.
 * - Fails with HC_STORE: call it again, unless the message says that the lease was lost. In that case the worker that holds the partition gets the
 *   change again. Fails with HC_INVALID_ARGUMENT if the consumer was dropped, and in a forked child.
 * - Threads: any number at once.
 */
hc_status hc_worker_ack(const struct hc_worker *worker,
                             const struct hc_change *change,
                             struct hc_error **error);

/**
 * Acknowledges all changes that the worker has given, in one write. The acknowledgement is durable when this returns.
 *
 * - `worker`: required.
 * - `error`: may be NULL.
 * - Fails as hc_worker_ack. If the worker has lost some of its partitions with changes that were not acknowledged, the error is that of a lost lease:
 *   other workers get these changes, and the changes of the partitions that the worker still holds are acknowledged, unless another worker took over
 *   one of them meanwhile.
 * - Threads: any number at once.
 */
hc_status hc_worker_ack_all(const struct hc_worker *worker,
                                 struct hc_error **error);

/**
 * Parks a change that cannot be handled, with a reason, and acknowledges it as hc_worker_ack does. It is kept until it is dropped
 * (hc_mirror_drop_parked). A change of a snapshot can be parked as well.
 *
 * - `worker`: required.
 * - `change`: a change that `worker` gave.
 * - `reason`: why the change was parked. It is copied.
 * - `error`: may be NULL.
 * - Fails as hc_worker_ack; nothing is parked then.
 * - Threads: any number at once.
 */
hc_status hc_worker_park(const struct hc_worker *worker,
                              const struct hc_change *change,
                              const char *reason,
                              struct hc_error **error);

/**
 * Returns the number of partitions that the worker holds; 0 in a forked child. If the lease was lost, other workers may have taken over some of
 * them already.
 *
 * - `worker`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_worker_partitions_len(const struct hc_worker *worker);

/**
 * Releases the worker's partitions, and ends its calls of hc_worker_next. When this returns, other workers can take the partitions, and get the
 * changes that were not acknowledged. Closing again has no effect.
 *
 * - `worker`: required.
 * - `error`: may be NULL.
 * - Fails with HC_STORE: the partitions are then released when the lease ends. Fails with HC_INVALID_ARGUMENT in a forked child.
 * - Threads: any number at once.
 */
hc_status hc_worker_close(const struct hc_worker *worker,
                               struct hc_error **error);

/**
 * Frees a worker, which releases its partitions in the background, if it is not closed. The changes that it gave stay valid.
 *
 * - `worker`: may be NULL.
 * - Threads: exclusive.
 */
void hc_worker_free(struct hc_worker *worker);

/**
 * Id of the approval. The changes that it made have the cause "approval:" and this id.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_id(const struct hc_approval *approval);

/**
 * Id of the hold, as the application passed it.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_hold_id(const struct hc_approval *approval);

/**
 * Id of the organization.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_organization_id(const struct hc_approval *approval);

/**
 * Id of the directory.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_directory_id(const struct hc_approval *approval);

/**
 * Why the users were held. "mass_removal", "empty_listing", "directory_disabled", "directory_not_found",
 * "deletion_burst", "mass_deactivation", "role_loss" or "protected_users". Later versions may add values.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_reason(const struct hc_approval *approval);

/**
 * True if the losses were applied, false if they were dismissed.
 *
 * - `approval`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_approval_is_approved(const struct hc_approval *approval);

/**
 * Who decided, as given by the application; "approve_removals" if a sync with this option approved the hold.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_by(const struct hc_approval *approval);

/**
 * The application's note; may be empty.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_note(const struct hc_approval *approval);

/**
 * Time of the decision, in UTC, by the clock of the machine that recorded it.
 *
 * - `approval`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `approval`.
 * - Threads: any number at once.
 */
const char *hc_approval_at(const struct hc_approval *approval);

/**
 * Number of users that the hold named at the time of the decision.
 *
 * - `approval`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_approval_count(const struct hc_approval *approval);

/**
 * Returns the number of decisions.
 *
 * - `approvals`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_approval_list_len(const struct hc_approval_list *approvals);

/**
 * Returns the item at an index.
 *
 * - `approvals`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a decision owned by `approvals`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_approval *hc_approval_list_at(const struct hc_approval_list *approvals, size_t index);

/**
 * Frees a list and the decisions in it.
 *
 * - `approvals`: may be NULL.
 * - Threads: exclusive.
 */
void hc_approval_list_free(struct hc_approval_list *approvals);

/**
 * The change's number: greater than the numbers of all earlier changes. Negative for the rows of a snapshot.
 *
 * - `change`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
int64_t hc_change_seq(const struct hc_change *change);

/**
 * The kind of the change. "user.created", "user.updated", "user.deactivated", "user.reactivated", "user.deleted",
 * "group.created", "group.updated", "group.deleted", "membership.added", "membership.removed", "roles.changed",
 * "directory.enabled", "directory.disabled", "directory.missing", "directory.found", "organization.missing",
 * "organization.found" or "organization.forgotten". Later versions may add values.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns text owned by `change`.
 * - Threads: any number at once.
 */
const char *hc_change_kind(const struct hc_change *change);

/**
 * Id of the organization ("org_..."); empty for "organization.forgotten".
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns text owned by `change`.
 * - Threads: any number at once.
 */
const char *hc_change_organization_id(const struct hc_change *change);

/**
 * Id of the directory ("dir_..."); empty for changes of organizations.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns text owned by `change`.
 * - Threads: any number at once.
 */
const char *hc_change_directory_id(const struct hc_change *change);

/**
 * The user that the change is about: after the change, or before it for "user.deleted". NULL for changes of groups,
 * directories and organizations. In changes of memberships and roles, "detail" and "attributes" are NULL.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a user owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_mirror_user *hc_change_user(const struct hc_change *change);

/**
 * The group that the change is about, or the group of a membership; NULL for changes of users, roles, directories and
 * organizations.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a group owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_mirror_group *hc_change_group(const struct hc_change *change);

/**
 * The user or group before the change; NULL if it is new, and for changes of memberships, directories and
 * organizations.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a user owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_mirror_user *hc_change_before_user(const struct hc_change *change);

/**
 * The user or group before the change; NULL if it is new, and for changes of memberships, directories and
 * organizations.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a group owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_mirror_group *hc_change_before_group(const struct hc_change *change);

/**
 * The user or group after the change; NULL if it was deleted, and for changes of memberships, directories and
 * organizations.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a user owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_mirror_user *hc_change_after_user(const struct hc_change *change);

/**
 * The user or group after the change; NULL if it was deleted, and for changes of memberships, directories and
 * organizations.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a group owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_mirror_group *hc_change_after_group(const struct hc_change *change);

/**
 * Returns the number of items that hc_change_fields_at returns.
 *
 * - `change`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_change_fields_len(const struct hc_change *change);

/**
 * Names of the fields that changed, in the order of the record: of the user or group for "user.updated" and
 * "group.updated", else "active", "group_ids" or "roles". Empty for changes of directories and organizations, and if
 * the user or group is new or was deleted.
 *
 * - `change`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `change`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_change_fields_at(const struct hc_change *change, size_t index);

/**
 * For "user.created": id of a former user of the same organization who had the same primary address and may be the
 * same person, or NULL if there is none. A former user was removed within the last seven days, or is deactivated. NULL
 * while an active user has the address, if the user has none, if the same id returned, and in the rows of a snapshot.
 * The mirror does not link the new user: the application decides.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns text owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_change_possible_rehire_of(const struct hc_change *change);

/**
 * The application's account id of the former user in "possible_rehire_of" when the change was written, or NULL if that
 * user was not linked.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns text owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_change_possible_rehire_linked_id(const struct hc_change *change);

/**
 * What caused the change: "sync:" and the run's id, "event:" and the event's id, "approval:" and the id of an
 * approval, "retire:" and the id of a retirement, "roles" for a new role map, or "snapshot".
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns text owned by `change`.
 * - Threads: any number at once.
 */
const char *hc_change_cause(const struct hc_change *change);

/**
 * Time at which the change was written, in UTC, by the clock of the machine that wrote it. For the rows of a snapshot:
 * time at which the snapshot was started.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `change`.
 * - Threads: any number at once.
 */
const char *hc_change_at(const struct hc_change *change);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `change`.
 * - Threads: any number at once.
 */
const char *hc_change_json(const struct hc_change *change);

/**
 * Frees a change that hc_change_iter_next or hc_worker_next gave, and what came from it. Do not free one that is
 * borrowed from a batch or a parked change.
 *
 * - `change`: may be NULL.
 * - Threads: exclusive.
 */
void hc_change_free(struct hc_change *change);

/**
 * Returns the number of changes.
 *
 * - `batch`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_change_batch_len(const struct hc_change_batch *batch);

/**
 * Returns the item at an index.
 *
 * - `batch`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a change owned by `batch`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_change *hc_change_batch_at(const struct hc_change_batch *batch, size_t index);

/**
 * Frees a list and the changes in it.
 *
 * - `batch`: may be NULL.
 * - Threads: exclusive.
 */
void hc_change_batch_free(struct hc_change_batch *batch);

/**
 * Requests sent, including requests for tokens and failed ones.
 *
 * - `client`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_client_requests(const struct hc_client *client);

/**
 * Requests that repeated an earlier one.
 *
 * - `client`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_client_retries(const struct hc_client *client);

/**
 * Error answers that asked for a pause: those with status 429, and any others with "Retry-After".
 *
 * - `client`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_client_throttled(const struct hc_client *client);

/**
 * Access tokens fetched.
 *
 * - `client`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_client_token_renewals(const struct hc_client *client);

/**
 * Pages of listings received.
 *
 * - `client`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_client_pages(const struct hc_client *client);

/**
 * Bytes of answers' bodies after decompression.
 *
 * - `client`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_client_bytes(const struct hc_client *client);

/**
 * The consumer's name.
 *
 * - `consumer`: may be NULL, which gives NULL.
 * - Returns text owned by `consumer`.
 * - Threads: any number at once.
 */
const char *hc_consumer_name(const struct hc_consumer *consumer);

/**
 * Number of the last change that it acknowledged; 0 if it has acknowledged none, and negative while it reads a
 * snapshot. If it has partitions, the lowest of the numbers up to which these are acknowledged.
 *
 * - `consumer`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
int64_t hc_consumer_cursor(const struct hc_consumer *consumer);

/**
 * Number of changes that it has not acknowledged. The rows of a snapshot are not counted. If it has partitions, number
 * of changes after "cursor", some of which may be acknowledged.
 *
 * - `consumer`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_consumer_lag(const struct hc_consumer *consumer);

/**
 * Number of changes that it has parked.
 *
 * - `consumer`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_consumer_parked(const struct hc_consumer *consumer);

/**
 * Time of its last poll or acknowledgement, in UTC, by the clock of the machine that made it. A poll that returns no
 * new change updates it only if the stored time is at least an hour old.
 *
 * - `consumer`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `consumer`.
 * - Threads: any number at once.
 */
const char *hc_consumer_seen_at(const struct hc_consumer *consumer);

/**
 * Time, in UTC, at which it expires unless it polls or acknowledges before: from then on, changes are trimmed even if
 * it has not acknowledged them. NULL if consumers do not expire.
 *
 * - `consumer`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `consumer`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_consumer_expires_at(const struct hc_consumer *consumer);

/**
 * Returns the number of consumers.
 *
 * - `consumers`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_consumer_list_len(const struct hc_consumer_list *consumers);

/**
 * Returns the item at an index.
 *
 * - `consumers`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a consumer owned by `consumers`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_consumer *hc_consumer_list_at(const struct hc_consumer_list *consumers, size_t index);

/**
 * Frees a list and the consumers in it.
 *
 * - `consumers`: may be NULL.
 * - Threads: exclusive.
 */
void hc_consumer_list_free(struct hc_consumer_list *consumers);

/**
 * The name, such as "users", "groups", "change" or "consumer".
 *
 * - `table`: may be NULL, which gives NULL.
 * - Returns text owned by `table`.
 * - Threads: any number at once.
 */
const char *hc_copied_table_name(const struct hc_copied_table *table);

/**
 * Number of rows. Users and groups include tombstones; "change" has entries of the feed, which may have several
 * changes each.
 *
 * - `table`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_copied_table_rows(const struct hc_copied_table *table);

/**
 * Returns the number of items that hc_copy_report_tables_at returns.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_copy_report_tables_len(const struct hc_copy_report *report);

/**
 * The tables that have rows, in the order in which they were copied.
 *
 * - `report`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a table owned by `report`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_copied_table *hc_copy_report_tables_at(const struct hc_copy_report *report, size_t index);

/**
 * Number of rows in all tables.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_copy_report_rows(const struct hc_copy_report *report);

/**
 * Number of the last change that was appended to the feed, or 0 if there was none. The next change gets the number
 * after it, in the copy as in the source.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
int64_t hc_copy_report_last_change(const struct hc_copy_report *report);

/**
 * Checksum of all rows as 64 hexadecimal digits: the same for both readings of the source and for the copy.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_copy_report_checksum(const struct hc_copy_report *report);

/**
 * Frees a report that hc_mirror_copy_to gave, and what came from it.
 *
 * - `report`: may be NULL.
 * - Threads: exclusive.
 */
void hc_copy_report_free(struct hc_copy_report *report);

/**
 * Id, "dir_...".
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_id(const struct hc_directory *directory);

/**
 * Display name.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_name(const struct hc_directory *directory);

/**
 * Id of the organization that the directory belongs to.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_organization_id(const struct hc_directory *directory);

/**
 * How Scalekit receives the directory's data. "SCIM", "LDAP", "POLL" or a value that is newer than this library.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_type(const struct hc_directory *directory);

/**
 * Product that the organization uses. "OKTA", "GOOGLE", "MICROSOFT_AD", "AUTH0", "ONELOGIN", "JUMPCLOUD",
 * "PING_IDENTITY" or a value that is newer than this library.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_provider(const struct hc_directory *directory);

/**
 * Whether Scalekit synchronizes the directory.
 *
 * - `directory`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_directory_enabled(const struct hc_directory *directory);

/**
 * State of the directory as the vendor names it, such as "IN_PROGRESS".
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_status(const struct hc_directory *directory);

/**
 * Email address of the account whose access is used to poll the provider's API.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_email(const struct hc_directory *directory);

/**
 * URL to which the directory sends its changes (SCIM).
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_endpoint(const struct hc_directory *directory);

/**
 * Which groups are synchronized: "ALL", or another text for selected groups.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_groups_tracked(const struct hc_directory *directory);

/**
 * Number of users.
 *
 * - `directory`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint32_t hc_directory_total_users(const struct hc_directory *directory);

/**
 * Number of groups.
 *
 * - `directory`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint32_t hc_directory_total_groups(const struct hc_directory *directory);

/**
 * Time of the last successful synchronization, or NULL if there was none.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `directory`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_directory_last_synced_at(const struct hc_directory *directory);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `directory`.
 * - Threads: any number at once.
 */
const char *hc_directory_json(const struct hc_directory *directory);

/**
 * Frees a directory that hc_directory_get or hc_directory_primary gave, and the texts that came from it. Do not free
 * one that is borrowed from a list.
 *
 * - `directory`: may be NULL.
 * - Threads: exclusive.
 */
void hc_directory_free(struct hc_directory *directory);

/**
 * Returns the number of directories.
 *
 * - `directories`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_directory_list_len(const struct hc_directory_list *directories);

/**
 * Returns the item at an index.
 *
 * - `directories`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a directory owned by `directories`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_directory *hc_directory_list_at(const struct hc_directory_list *directories, size_t index);

/**
 * Frees a list and the directories in it.
 *
 * - `directories`: may be NULL.
 * - Threads: exclusive.
 */
void hc_directory_list_free(struct hc_directory_list *directories);

/**
 * Whether the directory is enabled now.
 *
 * - `toggle`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_directory_toggle_enabled(const struct hc_directory_toggle *toggle);

/**
 * Why the directory could not be enabled or disabled, or empty on success.
 *
 * - `toggle`: may be NULL, which gives NULL.
 * - Returns text owned by `toggle`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_directory_toggle_error_message(const struct hc_directory_toggle *toggle);

/**
 * Frees what hc_directory_enable or hc_directory_disable gave, and the texts that came from it.
 *
 * - `toggle`: may be NULL.
 * - Threads: exclusive.
 */
void hc_directory_toggle_free(struct hc_directory_toggle *toggle);

/**
 * The erasure's id. The changes whose content was removed, and the deletion of a user who was mirrored, have the cause
 * "erasure:" and this id.
 *
 * - `erasure`: may be NULL, which gives NULL.
 * - Returns text owned by `erasure`.
 * - Threads: any number at once.
 */
const char *hc_erasure_id(const struct hc_erasure *erasure);

/**
 * Id of the user ("diruser_...").
 *
 * - `erasure`: may be NULL, which gives NULL.
 * - Returns text owned by `erasure`.
 * - Threads: any number at once.
 */
const char *hc_erasure_user_id(const struct hc_erasure *erasure);

/**
 * Time at which the erasure was first requested, in UTC, by the clock of the machine that recorded it.
 *
 * - `erasure`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `erasure`.
 * - Threads: any number at once.
 */
const char *hc_erasure_at(const struct hc_erasure *erasure);

/**
 * Whether the mirror had the user when this was called. False for a user whom the mirror did not know or who had left,
 * and for a repeated call.
 *
 * - `erasure`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_erasure_was_mirrored(const struct hc_erasure *erasure);

/**
 * Number of changes in the feed whose content was removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_erasure_changes(const struct hc_erasure *erasure);

/**
 * Number of entries of the history that were removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_erasure_history(const struct hc_erasure *erasure);

/**
 * Number of received events that no longer name the user. The bodies of those that were pending were removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_erasure_events(const struct hc_erasure *erasure);

/**
 * Number of parked changes whose content was removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_erasure_parked(const struct hc_erasure *erasure);

/**
 * Frees an erasure that hc_mirror_erase_user gave, and the texts that came from it.
 *
 * - `erasure`: may be NULL.
 * - Threads: exclusive.
 */
void hc_erasure_free(struct hc_erasure *erasure);

/**
 * The change, as the history has it.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns an entry owned by `change`.
 * - Threads: any number at once.
 */
const struct hc_history_entry *hc_explained_change_entry(const struct hc_explained_change *change);

/**
 * The sync that made it: that of the user's directory, or if the sync did not include this directory, that of another
 * one.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a sync owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_run *hc_explained_change_run(const struct hc_explained_change *change);

/**
 * The event that made it.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a received event owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_received_event *hc_explained_change_event(const struct hc_explained_change *change);

/**
 * The approval of a hold that made it.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a decision owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_approval *hc_explained_change_approval(const struct hc_explained_change *change);

/**
 * The retirement of a directory that made it.
 *
 * - `change`: may be NULL, which gives NULL.
 * - Returns a retirement owned by `change`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_retirement *hc_explained_change_retirement(const struct hc_explained_change *change);

/**
 * Id of the user, as it was asked for.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns text owned by `explanation`.
 * - Threads: any number at once.
 */
const char *hc_explanation_user_id(const struct hc_explanation *explanation);

/**
 * Whether the user is mirrored, was removed or erased, or is not known. "present", "removed", "erased", "forgotten" or
 * "unknown". Later versions may add values.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns text owned by `explanation`.
 * - Threads: any number at once.
 */
const char *hc_explanation_state(const struct hc_explanation *explanation);

/**
 * The user as mirrored now, or NULL if the user is not mirrored.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns a user owned by `explanation`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_mirror_user *hc_explanation_user(const struct hc_explanation *explanation);

/**
 * Id of the user's organization ("org_..."), or NULL if it is not known.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns text owned by `explanation`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_explanation_organization_id(const struct hc_explanation *explanation);

/**
 * Id of the user's directory ("dir_..."), or NULL if it is not known.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns text owned by `explanation`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_explanation_directory_id(const struct hc_explanation *explanation);

/**
 * Time at which the user was removed, in UTC, by the clock of the machine that removed the user; NULL for a user who
 * was not.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `explanation`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_explanation_removed_at(const struct hc_explanation *explanation);

/**
 * Returns the number of items that hc_explanation_roles_at returns.
 *
 * - `explanation`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_explanation_roles_len(const struct hc_explanation *explanation);

/**
 * The user's roles, sorted by role and then by the id of the group: one element for each group and entry of the role
 * map that give the role, 100 at most for a role.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a role owned by `explanation`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_role_grant *hc_explanation_roles_at(const struct hc_explanation *explanation, size_t index);

/**
 * Returns the number of items that hc_explanation_changes_at returns.
 *
 * - `explanation`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_explanation_changes_len(const struct hc_explanation *explanation);

/**
 * What changed about the user, oldest first: the newest 1,000 entries at most that the history has.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a change owned by `explanation`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_explained_change *hc_explanation_changes_at(const struct hc_explanation *explanation, size_t index);

/**
 * Whether "changes" begins with a creation of the user. Otherwise earlier changes are no longer kept, or exceed the
 * limit.
 *
 * - `explanation`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_explanation_is_complete(const struct hc_explanation *explanation);

/**
 * The earliest time of which the history has the changes, in UTC; NULL if the mirror keeps no history, or has no
 * changes yet.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `explanation`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_explanation_history_since(const struct hc_explanation *explanation);

/**
 * Returns the number of items that hc_explanation_events_at returns.
 *
 * - `explanation`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_explanation_events_len(const struct hc_explanation *explanation);

/**
 * Events about the user that changed nothing, are held, or wait for a sync, newest first: 100 at most. Each says why.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a received event owned by `explanation`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_received_event *hc_explanation_events_at(const struct hc_explanation *explanation, size_t index);

/**
 * Returns the number of items that hc_explanation_holds_at returns.
 *
 * - `explanation`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_explanation_holds_len(const struct hc_explanation *explanation);

/**
 * The open holds that concern the user: the one that names the user, and those on the user's directory as a whole.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a hold owned by `explanation`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_hold *hc_explanation_holds_at(const struct hc_explanation *explanation, size_t index);

/**
 * Returns the number of items that hc_explanation_outlook_at returns.
 *
 * - `explanation`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_explanation_outlook_len(const struct hc_explanation *explanation);

/**
 * What would take access away from the user, or bring back a user who was removed, in English sentences without
 * personal data.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `explanation`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_explanation_outlook_at(const struct hc_explanation *explanation, size_t index);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `explanation`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `explanation`.
 * - Threads: any number at once.
 */
const char *hc_explanation_json(const struct hc_explanation *explanation);

/**
 * Frees an explanation that hc_mirror_explain gave, and what came from it.
 *
 * - `explanation`: may be NULL.
 * - Threads: exclusive.
 */
void hc_explanation_free(struct hc_explanation *explanation);

/**
 * Id, "dirgroup_...".
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns text owned by `group`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_group_id(const struct hc_group *group);

/**
 * Display name.
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns text owned by `group`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_group_display_name(const struct hc_group *group);

/**
 * Number of members.
 *
 * - `group`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint32_t hc_group_total_users(const struct hc_group *group);

/**
 * Time of the last change, or NULL if not sent.
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `group`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_group_updated_at(const struct hc_group *group);

/**
 * The group as its directory describes it, or NULL unless "include_detail" was requested.
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `group`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_group_group_detail(const struct hc_group *group);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `group`.
 * - Threads: any number at once.
 */
const char *hc_group_json(const struct hc_group *group);

/**
 * Frees a group that a sandbox gave (hc_sandbox_create_group), and the texts that came from it. Do not free one that
 * is borrowed from a page or an iterator.
 *
 * - `group`: may be NULL.
 * - Threads: exclusive.
 */
void hc_group_free(struct hc_group *group);

/**
 * Returns the number of groups in the page.
 *
 * - `page`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_group_page_len(const struct hc_group_page *page);

/**
 * Returns the item at an index.
 *
 * - `page`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a group owned by `page`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_group *hc_group_page_at(const struct hc_group_page *page, size_t index);

/**
 * Returns the number of groups in the whole listing, as the server counts them.
 *
 * - `page`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_group_page_total_size(const struct hc_group_page *page);

/**
 * Returns the page token of the next page.
 *
 * - `page`: may be NULL, which gives NULL.
 * - Returns text owned by `page`; "" on the last page.
 * - Threads: any number at once.
 */
const char *hc_group_page_next_page_token(const struct hc_group_page *page);

/**
 * Returns the page token of the previous page.
 *
 * - `page`: may be NULL, which gives NULL.
 * - Returns text owned by `page`; "" on the first page.
 * - Threads: any number at once.
 */
const char *hc_group_page_prev_page_token(const struct hc_group_page *page);

/**
 * Frees a page and the groups in it.
 *
 * - `page`: may be NULL.
 * - Threads: exclusive.
 */
void hc_group_page_free(struct hc_group_page *page);

/**
 * Gives the next item. If all items of the current page were given, requests the next page from the server first.
 *
 * - `iter`: required. After an error it may be called again, and requests the same page again.
 * - `group`: receives a group owned by `iter` and valid until the next call with it, or NULL after the last one.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the listing's directory does not exist, or any status that a request can have.
 * - Threads: one at a time.
 */
hc_status hc_group_iter_next(struct hc_group_iter *iter, const struct hc_group **group, struct hc_error **error);

/**
 * Frees an iterator and the item that it gave last.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_group_iter_free(struct hc_group_iter *iter);

/**
 * Maximum number of users of a directory that may lose access within the window without approval. The limit is lower
 * for a small directory: half of its users if it has at most ten, otherwise a quarter of them, but at least five.
 *
 * - `guard`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_guard_settings_users(const struct hc_guard_settings *guard);

/**
 * Maximum share of the directory's users that may lose access within the window, from 0 to 1. The larger of this limit
 * and that of "users" applies. 1 permits every loss, except removals because of a listing without users.
 *
 * - `guard`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
double hc_guard_settings_share(const struct hc_guard_settings *guard);

/**
 * Whether losses of access by events are limited as well. Those by listings always are.
 *
 * - `guard`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_guard_settings_events(const struct hc_guard_settings *guard);

/**
 * The time within which losses of access are counted together.
 *
 * - `guard`: may be NULL, which gives 0.
 * - Returns milliseconds.
 * - Threads: any number at once.
 */
int64_t hc_guard_settings_window_ms(const struct hc_guard_settings *guard);

/**
 * Number of the last of these changes in the feed. Greater than the numbers of all earlier entries.
 *
 * - `entry`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
int64_t hc_history_entry_seq(const struct hc_history_entry *entry);

/**
 * Time at which the changes were written, in UTC, by the clock of the machine that wrote them.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_history_entry_at(const struct hc_history_entry *entry);

/**
 * Returns the number of items that hc_history_entry_kinds_at returns.
 *
 * - `entry`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_history_entry_kinds_len(const struct hc_history_entry *entry);

/**
 * The kinds of the changes, such as "user.updated", in the order of the feed, each once.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `entry`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_history_entry_kinds_at(const struct hc_history_entry *entry, size_t index);

/**
 * What caused the changes: "sync:" and the run's id, "event:" and the event's id, "approval:" and the id of an
 * approval, "retire:" and the id of a retirement, or "roles" for a new role map.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_history_entry_cause(const struct hc_history_entry *entry);

/**
 * Id of the organization ("org_...").
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_history_entry_organization_id(const struct hc_history_entry *entry);

/**
 * Id of the directory ("dir_..."); empty for changes of organizations.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_history_entry_directory_id(const struct hc_history_entry *entry);

/**
 * Id of the user ("diruser_..."), or NULL for changes of groups, directories and organizations.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_history_entry_user_id(const struct hc_history_entry *entry);

/**
 * Id of the group ("dirgroup_..."), or NULL for changes of users, directories and organizations.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_history_entry_group_id(const struct hc_history_entry *entry);

/**
 * Returns the number of items that hc_history_entry_groups_joined_at returns.
 *
 * - `entry`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_history_entry_groups_joined_len(const struct hc_history_entry *entry);

/**
 * Ids of the groups that the user joined, sorted.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `entry`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_history_entry_groups_joined_at(const struct hc_history_entry *entry, size_t index);

/**
 * Returns the number of items that hc_history_entry_groups_left_at returns.
 *
 * - `entry`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_history_entry_groups_left_len(const struct hc_history_entry *entry);

/**
 * Ids of the groups that the user left, sorted.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `entry`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_history_entry_groups_left_at(const struct hc_history_entry *entry, size_t index);

/**
 * Returns the number of items that hc_history_entry_fields_at returns.
 *
 * - `entry`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_history_entry_fields_len(const struct hc_history_entry *entry);

/**
 * Names of the fields that changed, in the order of the record; empty if the user or group is new or was deleted.
 * Groups are in "groups_joined" and "groups_left" instead.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `entry`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_history_entry_fields_at(const struct hc_history_entry *entry, size_t index);

/**
 * The fields that changed, with their former values, as a JSON object; the whole user or group if it was deleted, and
 * NULL if it is new.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `entry`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_history_entry_before(const struct hc_history_entry *entry);

/**
 * The fields that changed, with their new values, as a JSON object; the whole user or group if it is new, and NULL if
 * it was deleted.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `entry`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_history_entry_after(const struct hc_history_entry *entry);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_history_entry_json(const struct hc_history_entry *entry);

/**
 * Id of the hold with the users that it names now ("hold_..."). When users are added, the id changes. An approval with
 * an earlier id covers only the users whom the hold named then and still names.
 *
 * - `hold`: may be NULL, which gives NULL.
 * - Returns text owned by `hold`.
 * - Threads: any number at once.
 */
const char *hc_hold_id(const struct hc_hold *hold);

/**
 * Id of the organization ("org_...").
 *
 * - `hold`: may be NULL, which gives NULL.
 * - Returns text owned by `hold`.
 * - Threads: any number at once.
 */
const char *hc_hold_organization_id(const struct hc_hold *hold);

/**
 * Id of the directory ("dir_...").
 *
 * - `hold`: may be NULL, which gives NULL.
 * - Returns text owned by `hold`.
 * - Threads: any number at once.
 */
const char *hc_hold_directory_id(const struct hc_hold *hold);

/**
 * Why the users are held. "mass_removal", "empty_listing", "directory_disabled", "directory_not_found",
 * "deletion_burst", "mass_deactivation", "role_loss" or "protected_users". Later versions may add values.
 *
 * - `hold`: may be NULL, which gives NULL.
 * - Returns text owned by `hold`.
 * - Threads: any number at once.
 */
const char *hc_hold_reason(const struct hc_hold *hold);

/**
 * Number of users that the hold names. If the directory is disabled or not found: number of all users of the
 * directory.
 *
 * - `hold`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_hold_count(const struct hc_hold *hold);

/**
 * Number of users that could lose access within the guard's window without approval when the hold was made. 0 if the
 * listing is empty, if the users are protected, and if the directory is disabled or not found.
 *
 * - `hold`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_hold_limit(const struct hc_hold *hold);

/**
 * Time at which the hold was made, in UTC, by the clock of the machine that made it. It stays the same when users are
 * added.
 *
 * - `hold`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `hold`.
 * - Threads: any number at once.
 */
const char *hc_hold_since(const struct hc_hold *hold);

/**
 * Returns the number of items that hc_hold_causes_at returns.
 *
 * - `hold`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_hold_causes_len(const struct hc_hold *hold);

/**
 * The first ten causes that made the hold or added users to it, oldest first: "sync:" and the run's id, "event:" and
 * the event's id, or "retire:" and the id of the retirement of another directory, to whose groups the users belonged.
 *
 * - `hold`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `hold`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_hold_causes_at(const struct hc_hold *hold, size_t index);

/**
 * Returns the number of holds.
 *
 * - `holds`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_hold_list_len(const struct hc_hold_list *holds);

/**
 * Returns the item at an index.
 *
 * - `holds`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a hold owned by `holds`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_hold *hc_hold_list_at(const struct hc_hold_list *holds, size_t index);

/**
 * Frees a list and the holds in it.
 *
 * - `holds`: may be NULL.
 * - Threads: exclusive.
 */
void hc_hold_list_free(struct hc_hold_list *holds);

/**
 * The setting's name, such as "guard_users".
 *
 * - `ignored`: may be NULL, which gives NULL.
 * - Returns text owned by `ignored`.
 * - Threads: any number at once.
 */
const char *hc_ignored_setting_name(const struct hc_ignored_setting *ignored);

/**
 * The value in effect, which the store has, as text: a duration such as "86400s", a number, true or false, or a list
 * of names.
 *
 * - `ignored`: may be NULL, which gives NULL.
 * - Returns text owned by `ignored`.
 * - Threads: any number at once.
 */
const char *hc_ignored_setting_stored(const struct hc_ignored_setting *ignored);

/**
 * The value that the handle was opened with, as text of the same form.
 *
 * - `ignored`: may be NULL, which gives NULL.
 * - Returns text owned by `ignored`.
 * - Threads: any number at once.
 */
const char *hc_ignored_setting_asked(const struct hc_ignored_setting *ignored);

/**
 * Directory id ("dir_...").
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_id(const struct hc_mirror_directory *directory);

/**
 * Id of the organization that the directory belongs to ("org_...").
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_organization_id(const struct hc_mirror_directory *directory);

/**
 * The directory's name.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_name(const struct hc_mirror_directory *directory);

/**
 * How Scalekit reads the directory: "SCIM", "LDAP", "POLL" or a value that is newer than this library.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_type(const struct hc_mirror_directory *directory);

/**
 * The product that runs the directory, such as "OKTA" or "GOOGLE". "OKTA", "GOOGLE", "MICROSOFT_AD", "AUTH0",
 * "ONELOGIN", "JUMPCLOUD", "PING_IDENTITY" or a value that is newer than this library.
 *
 * - `directory`: may be NULL, which gives NULL.
 * - Returns text owned by `directory`.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_provider(const struct hc_mirror_directory *directory);

/**
 * Whether Scalekit synchronizes the directory at present.
 *
 * - `directory`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_mirror_directory_enabled(const struct hc_mirror_directory *directory);

/**
 * Returns the number of directories.
 *
 * - `directories`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_directory_list_len(const struct hc_mirror_directory_list *directories);

/**
 * Returns the item at an index.
 *
 * - `directories`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a directory owned by `directories`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_mirror_directory *hc_mirror_directory_list_at(const struct hc_mirror_directory_list *directories,
                                                              size_t index);

/**
 * Frees a list and the directories in it.
 *
 * - `directories`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_directory_list_free(struct hc_mirror_directory_list *directories);

/**
 * The directory.
 *
 * - `status`: may be NULL, which gives NULL.
 * - Returns a directory owned by `status`.
 * - Threads: any number at once.
 */
const struct hc_mirror_directory *hc_mirror_directory_status_directory(const struct hc_mirror_directory_status *status);

/**
 * Start of the last completed full sync, in UTC, by the clock of the machine that synced, or NULL if there was none.
 *
 * - `status`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `status`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_status_last_full_sync(const struct hc_mirror_directory_status *status);

/**
 * Start of the last completed incremental sync, in UTC, by the clock of the machine that synced, or NULL if there was
 * none.
 *
 * - `status`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `status`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_status_last_incremental_sync(const struct hc_mirror_directory_status *status);

/**
 * Number of mirrored users.
 *
 * - `status`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_mirror_directory_status_users(const struct hc_mirror_directory_status *status);

/**
 * Number of those users whom the directory no longer has, and who are deleted at their "deletes_at" unless they
 * return.
 *
 * - `status`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_mirror_directory_status_leaving(const struct hc_mirror_directory_status *status);

/**
 * Number of mirrored groups.
 *
 * - `status`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_mirror_directory_status_groups(const struct hc_mirror_directory_status *status);

/**
 * Watermark: the latest "updated_at" of a listed user, by the vendor's clock, or the start of the sync that listed the
 * user if that is earlier; NULL if no listed user had an "updated_at" yet. The next incremental sync lists what
 * changed since five minutes before this time.
 *
 * - `status`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `status`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_status_watermark(const struct hc_mirror_directory_status *status);

/**
 * The first of "holds", or NULL if there is none.
 *
 * - `status`: may be NULL, which gives NULL.
 * - Returns a hold owned by `status`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_hold *hc_mirror_directory_status_held(const struct hc_mirror_directory_status *status);

/**
 * Returns the number of items that hc_mirror_directory_status_holds_at returns.
 *
 * - `status`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_directory_status_holds_len(const struct hc_mirror_directory_status *status);

/**
 * The directory's open holds, in the order in which they were made.
 *
 * - `status`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a hold owned by `status`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_hold *hc_mirror_directory_status_holds_at(const struct hc_mirror_directory_status *status,
                                                          size_t index);

/**
 * Start of the first incomplete sync since the last complete one, in UTC, by the clock of the machine that synced;
 * NULL if there was none. After an incomplete full sync, only a full sync counts as complete. Until then no user is
 * removed because of a listing.
 *
 * - `status`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `status`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_status_incomplete_since(const struct hc_mirror_directory_status *status);

/**
 * Time at which a sync first found that the API does not list the directory, in UTC, by the clock of the machine that
 * synced; NULL if the directory is listed. The users of a missing directory are kept until it is retired.
 *
 * - `status`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `status`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_directory_status_missing_since(const struct hc_mirror_directory_status *status);

/**
 * Number of events of the organization that wait for a sync.
 *
 * - `status`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_mirror_directory_status_pending_events(const struct hc_mirror_directory_status *status);

/**
 * Returns the number of statuses.
 *
 * - `statuses`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_directory_status_list_len(const struct hc_mirror_directory_status_list *statuses);

/**
 * Returns the item at an index.
 *
 * - `statuses`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a status owned by `statuses`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_mirror_directory_status *hc_mirror_directory_status_list_at(const struct hc_mirror_directory_status_list *statuses,
                                                                            size_t index);

/**
 * Frees a list and the statuses in it.
 *
 * - `statuses`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_directory_status_list_free(struct hc_mirror_directory_status_list *statuses);

/**
 * Directory group id ("dirgroup_...").
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns text owned by `group`.
 * - Threads: any number at once.
 */
const char *hc_mirror_group_id(const struct hc_mirror_group *group);

/**
 * Id of the organization that the group belongs to ("org_...").
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns text owned by `group`.
 * - Threads: any number at once.
 */
const char *hc_mirror_group_organization_id(const struct hc_mirror_group *group);

/**
 * Id of the directory that lists the group ("dir_...").
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns text owned by `group`.
 * - Threads: any number at once.
 */
const char *hc_mirror_group_directory_id(const struct hc_mirror_group *group);

/**
 * The group's name.
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns text owned by `group`.
 * - Threads: any number at once.
 */
const char *hc_mirror_group_display_name(const struct hc_mirror_group *group);

/**
 * The vendor's time of the group's last change, or NULL if the vendor sent none.
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `group`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_group_updated_at(const struct hc_mirror_group *group);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `group`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `group`.
 * - Threads: any number at once.
 */
const char *hc_mirror_group_json(const struct hc_mirror_group *group);

/**
 * Frees a group that hc_mirror_group_get gave, and the texts that came from it. Do not free one that is borrowed from
 * a list or a change.
 *
 * - `group`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_group_free(struct hc_mirror_group *group);

/**
 * Returns the number of groups.
 *
 * - `groups`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_group_list_len(const struct hc_mirror_group_list *groups);

/**
 * Returns the item at an index.
 *
 * - `groups`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a group owned by `groups`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_mirror_group *hc_mirror_group_list_at(const struct hc_mirror_group_list *groups, size_t index);

/**
 * Frees a list and the groups in it.
 *
 * - `groups`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_group_list_free(struct hc_mirror_group_list *groups);

/**
 * Directory user id ("diruser_..."). It identifies the user: everything else can change.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_id(const struct hc_mirror_user *user);

/**
 * Id of the organization that the user belongs to ("org_...").
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_organization_id(const struct hc_mirror_user *user);

/**
 * Id of the directory that lists the user ("dir_...").
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_directory_id(const struct hc_mirror_user *user);

/**
 * Primary e-mail address. Several users may share one, so it does not identify a user.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_email(const struct hc_mirror_user *user);

/**
 * First name.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_given_name(const struct hc_mirror_user *user);

/**
 * Last name.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_family_name(const struct hc_mirror_user *user);

/**
 * Name that the user signs in with at the directory.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_preferred_username(const struct hc_mirror_user *user);

/**
 * Returns the number of items that hc_mirror_user_emails_at returns.
 *
 * - `user`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_user_emails_len(const struct hc_mirror_user *user);

/**
 * All e-mail addresses, in the order of the last listing; empty before the first one.
 *
 * - `user`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `user`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_emails_at(const struct hc_mirror_user *user, size_t index);

/**
 * Whether the user may sign in, by the latest event with "active" or listing with "user_detail.active"; true if none
 * had it. While the guard holds the user's deactivation, it is true.
 *
 * - `user`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_mirror_user_active(const struct hc_mirror_user *user);

/**
 * Returns the number of items that hc_mirror_user_group_ids_at returns.
 *
 * - `user`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_user_group_ids_len(const struct hc_mirror_user *user);

/**
 * Ids of the groups that the user is in, sorted. Groups that the mirror does not have, such as removed ones, are left
 * out.
 *
 * - `user`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `user`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_group_ids_at(const struct hc_mirror_user *user, size_t index);

/**
 * Returns the number of items that hc_mirror_user_roles_at returns.
 *
 * - `user`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_user_roles_len(const struct hc_mirror_user *user);

/**
 * Roles that the role map gives for the groups of the user, sorted. While the guard holds the loss of all roles: the
 * roles before the loss.
 *
 * - `user`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `user`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_roles_at(const struct hc_mirror_user *user, size_t index);

/**
 * Returns the number of items that hc_mirror_user_vendor_roles_at returns.
 *
 * - `user`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_user_vendor_roles_len(const struct hc_mirror_user *user);

/**
 * Names of the roles assigned by the vendor, from the user's latest event with "roles", sorted; empty if there was
 * none.
 *
 * - `user`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `user`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_vendor_roles_at(const struct hc_mirror_user *user, size_t index);

/**
 * The application's own account id, or NULL if the user has not been linked.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_linked_id(const struct hc_mirror_user *user);

/**
 * Why the application protects the user from losing access without an approval, or NULL if it does not.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_protection(const struct hc_mirror_user *user);

/**
 * Time at which the user, whom the directory no longer has, is deleted unless they return; NULL for all other users.
 * With the setting "deletion_grace", leavers are deactivated at once and deleted later. They keep their groups and
 * roles until then.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_deletes_at(const struct hc_mirror_user *user);

/**
 * The vendor's time of the user's last change, or NULL if the vendor sent none.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_updated_at(const struct hc_mirror_user *user);

/**
 * The directory's own description of the user ("user_detail") as JSON, from the last listing, or NULL if it had none.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_detail(const struct hc_mirror_user *user);

/**
 * Fields of events that have no field of their own here, such as "title" and "department", as a JSON object; or NULL
 * if there are none. Each has the value of the latest event with that field. An empty value removes it.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_attributes(const struct hc_mirror_user *user);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_mirror_user_json(const struct hc_mirror_user *user);

/**
 * Frees a user that hc_mirror_user_get gave, and the texts that came from it. Do not free one that is borrowed from a
 * list, a change or an iterator.
 *
 * - `user`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_user_free(struct hc_mirror_user *user);

/**
 * Returns the number of users.
 *
 * - `users`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_mirror_user_list_len(const struct hc_mirror_user_list *users);

/**
 * Returns the item at an index.
 *
 * - `users`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a user owned by `users`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_mirror_user *hc_mirror_user_list_at(const struct hc_mirror_user_list *users, size_t index);

/**
 * Frees a list and the users in it.
 *
 * - `users`: may be NULL.
 * - Threads: exclusive.
 */
void hc_mirror_user_list_free(struct hc_mirror_user_list *users);

/**
 * Id, "org_...".
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns text owned by `organization`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_organization_id(const struct hc_organization *organization);

/**
 * Time of creation, or NULL if not sent.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `organization`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_organization_create_time(const struct hc_organization *organization);

/**
 * Time of the last change, or NULL if not sent.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `organization`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_organization_update_time(const struct hc_organization *organization);

/**
 * Display name.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns text owned by `organization`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_organization_display_name(const struct hc_organization *organization);

/**
 * Id that the application gave the organization.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns text owned by `organization`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_organization_external_id(const struct hc_organization *organization);

/**
 * Region in which the organization's data is stored. "US", "EU" or a value that is newer than this library.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns text owned by `organization`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_organization_region_code(const struct hc_organization *organization);

/**
 * Short name, for URLs.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns text owned by `organization`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_organization_slug(const struct hc_organization *organization);

/**
 * URL of the logo.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns text owned by `organization`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_organization_logo_url(const struct hc_organization *organization);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `organization`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `organization`.
 * - Threads: any number at once.
 */
const char *hc_organization_json(const struct hc_organization *organization);

/**
 * Frees an organization that a call gave through an out-parameter, and the texts that came from it. Do not free one
 * that is borrowed from a page or an iterator.
 *
 * - `organization`: may be NULL.
 * - Threads: exclusive.
 */
void hc_organization_free(struct hc_organization *organization);

/**
 * Returns the number of organizations in the page.
 *
 * - `page`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_organization_page_len(const struct hc_organization_page *page);

/**
 * Returns the item at an index.
 *
 * - `page`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns an organization owned by `page`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_organization *hc_organization_page_at(const struct hc_organization_page *page, size_t index);

/**
 * Returns the number of organizations in the whole listing, as the server counts them.
 *
 * - `page`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_page_total_size(const struct hc_organization_page *page);

/**
 * Returns the page token of the next page.
 *
 * - `page`: may be NULL, which gives NULL.
 * - Returns text owned by `page`; "" on the last page.
 * - Threads: any number at once.
 */
const char *hc_organization_page_next_page_token(const struct hc_organization_page *page);

/**
 * Returns the page token of the previous page.
 *
 * - `page`: may be NULL, which gives NULL.
 * - Returns text owned by `page`; "" on the first page.
 * - Threads: any number at once.
 */
const char *hc_organization_page_prev_page_token(const struct hc_organization_page *page);

/**
 * Frees a page and the organizations in it.
 *
 * - `page`: may be NULL.
 * - Threads: exclusive.
 */
void hc_organization_page_free(struct hc_organization_page *page);

/**
 * Gives the next item. If all items of the current page were given, requests the next page from the server first.
 *
 * - `iter`: required. After an error it may be called again, and requests the same page again.
 * - `organization`: receives an organization owned by `iter` and valid until the next call with it, or NULL after the last one.
 * - `error`: may be NULL.
 * - Fails with any status that a request can have.
 * - Threads: one at a time.
 */
hc_status hc_organization_iter_next(struct hc_organization_iter *iter,
                                         const struct hc_organization **organization,
                                         struct hc_error **error);

/**
 * Frees an iterator and the item that it gave last.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_organization_iter_free(struct hc_organization_iter *iter);

/**
 * The erasure's id. The changes whose content was removed have the cause "erasure:" and this id.
 *
 * - `erasure`: may be NULL, which gives NULL.
 * - Returns text owned by `erasure`.
 * - Threads: any number at once.
 */
const char *hc_organization_erasure_id(const struct hc_organization_erasure *erasure);

/**
 * Id of the organization ("org_...").
 *
 * - `erasure`: may be NULL, which gives NULL.
 * - Returns text owned by `erasure`.
 * - Threads: any number at once.
 */
const char *hc_organization_erasure_organization_id(const struct hc_organization_erasure *erasure);

/**
 * Time at which it was first requested that the organization be forgotten, in UTC, by the clock of the machine that
 * recorded it.
 *
 * - `erasure`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `erasure`.
 * - Threads: any number at once.
 */
const char *hc_organization_erasure_at(const struct hc_organization_erasure *erasure);

/**
 * Whether the mirror had the organization or one of its directories when this was called. False for a repeated call.
 *
 * - `erasure`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_organization_erasure_was_mirrored(const struct hc_organization_erasure *erasure);

/**
 * Number of directories that were removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_directories(const struct hc_organization_erasure *erasure);

/**
 * Number of users whose rows were removed: tombstones of users who had left.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_users(const struct hc_organization_erasure *erasure);

/**
 * Number of groups whose rows were removed, tombstones included.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_groups(const struct hc_organization_erasure *erasure);

/**
 * Number of changes in the feed whose content was removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_changes(const struct hc_organization_erasure *erasure);

/**
 * Number of entries of the history that were removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_history(const struct hc_organization_erasure *erasure);

/**
 * Number of received events that were removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_events(const struct hc_organization_erasure *erasure);

/**
 * Number of parked changes that were removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_parked(const struct hc_organization_erasure *erasure);

/**
 * Number of records of past syncs that were removed.
 *
 * - `erasure`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_organization_erasure_runs(const struct hc_organization_erasure *erasure);

/**
 * Frees an erasure that hc_mirror_forget_organization gave, and the texts that came from it.
 *
 * - `erasure`: may be NULL.
 * - Threads: exclusive.
 */
void hc_organization_erasure_free(struct hc_organization_erasure *erasure);

/**
 * The change.
 *
 * - `parked`: may be NULL, which gives NULL.
 * - Returns a change owned by `parked`.
 * - Threads: any number at once.
 */
const struct hc_change *hc_parked_change_change(const struct hc_parked_change *parked);

/**
 * The reason that the application gave.
 *
 * - `parked`: may be NULL, which gives NULL.
 * - Returns text owned by `parked`.
 * - Threads: any number at once.
 */
const char *hc_parked_change_reason(const struct hc_parked_change *parked);

/**
 * Time at which the change was parked, in UTC, by the clock of the machine that parked it.
 *
 * - `parked`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `parked`.
 * - Threads: any number at once.
 */
const char *hc_parked_change_at(const struct hc_parked_change *parked);

/**
 * Returns the number of parked changes.
 *
 * - `parked`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_parked_list_len(const struct hc_parked_list *parked);

/**
 * Returns the item at an index.
 *
 * - `parked`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a parked change owned by `parked`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_parked_change *hc_parked_list_at(const struct hc_parked_list *parked, size_t index);

/**
 * Frees a list and the parked changes in it.
 *
 * - `parked`: may be NULL.
 * - Threads: exclusive.
 */
void hc_parked_list_free(struct hc_parked_list *parked);

/**
 * Event id ("evt_...").
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_pending_event_id(const struct hc_pending_event *event);

/**
 * The event's type, such as "organization.directory.user_created".
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_pending_event_event_type(const struct hc_pending_event *event);

/**
 * Time at which the event arrived, in UTC, by the clock of the machine that received it.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_pending_event_received_at(const struct hc_pending_event *event);

/**
 * Why it waits, in one English sentence.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_pending_event_why(const struct hc_pending_event *event);

/**
 * Returns the number of pending events.
 *
 * - `events`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_pending_event_list_len(const struct hc_pending_event_list *events);

/**
 * Returns the item at an index.
 *
 * - `events`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a pending event owned by `events`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_pending_event *hc_pending_event_list_at(const struct hc_pending_event_list *events, size_t index);

/**
 * Frees a list and the pending events in it.
 *
 * - `events`: may be NULL.
 * - Threads: exclusive.
 */
void hc_pending_event_list_free(struct hc_pending_event_list *events);

/**
 * Id, "lnk_...".
 *
 * - `link`: may be NULL, which gives NULL.
 * - Returns text owned by `link`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_portal_link_id(const struct hc_portal_link *link);

/**
 * URL of the portal. Whoever opens it first becomes the organization's administrator for six hours, so it must not be
 * logged.
 *
 * - `link`: may be NULL, which gives NULL.
 * - Returns text owned by `link`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_portal_link_location(const struct hc_portal_link *link);

/**
 * Time after which the link cannot be opened any more, one minute after it was created; NULL if not sent.
 *
 * - `link`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `link`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_portal_link_expire_time(const struct hc_portal_link *link);

/**
 * Frees a link that hc_organization_generate_portal_link gave, and the texts that came from it.
 *
 * - `link`: may be NULL.
 * - Threads: exclusive.
 */
void hc_portal_link_free(struct hc_portal_link *link);

/**
 * Number of the event in the mirror: events that were first stored later have greater numbers.
 *
 * - `event`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
int64_t hc_received_event_number(const struct hc_received_event *event);

/**
 * Event id ("evt_...").
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_received_event_id(const struct hc_received_event *event);

/**
 * The event's type, such as "organization.directory.user_created".
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_received_event_event_type(const struct hc_received_event *event);

/**
 * Id of the organization ("org_...") that the event names; empty if it names none.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_received_event_organization_id(const struct hc_received_event *event);

/**
 * Id of the user, group, directory or organization that the event is about.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_received_event_subject_id(const struct hc_received_event *event);

/**
 * Time at which the event happened, in UTC, by the vendor's clock.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `event`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_received_event_occurred_at(const struct hc_received_event *event);

/**
 * Time at which the event arrived, in UTC, by the clock of the machine that received it.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `event`.
 * - Threads: any number at once.
 */
const char *hc_received_event_received_at(const struct hc_received_event *event);

/**
 * Time at which a sync settled an event that was pending, in UTC, by the clock of the machine that made the sync; NULL
 * for events that were settled when they arrived, and for those that are pending or have expired.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `event`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_received_event_settled_at(const struct hc_received_event *event);

/**
 * What the mirror did with the event: what "receive" returned, or for an event that was pending, what a sync did with
 * it later. Later deliveries of the same event are not recorded. "applied", "duplicate", "stale", "pending", "held",
 * "foreign", "ignored" or "erased". Later versions may add values.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_received_event_outcome(const struct hc_received_event *event);

/**
 * Whether the event was pending for longer than such events are kept, and was not applied.
 *
 * - `event`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_received_event_is_expired(const struct hc_received_event *event);

/**
 * Why the event changed nothing, in one English sentence; NULL if it was applied.
 *
 * - `event`: may be NULL, which gives NULL.
 * - Returns text owned by `event`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_received_event_why(const struct hc_received_event *event);

/**
 * Frees an event that hc_mirror_event gave, and the texts that came from it. Do not free one that belongs to a list.
 *
 * - `event`: may be NULL.
 * - Threads: exclusive.
 */
void hc_received_event_free(struct hc_received_event *event);

/**
 * Returns the number of received events.
 *
 * - `events`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_received_event_list_len(const struct hc_received_event_list *events);

/**
 * Returns the item at an index.
 *
 * - `events`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a received event owned by `events`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_received_event *hc_received_event_list_at(const struct hc_received_event_list *events, size_t index);

/**
 * Frees a list and the received events in it.
 *
 * - `events`: may be NULL.
 * - Threads: exclusive.
 */
void hc_received_event_list_free(struct hc_received_event_list *events);

/**
 * The retirement's id. The changes that it made have the cause "retire:" and this id.
 *
 * - `retirement`: may be NULL, which gives NULL.
 * - Returns text owned by `retirement`.
 * - Threads: any number at once.
 */
const char *hc_retirement_id(const struct hc_retirement *retirement);

/**
 * Id of the organization ("org_...").
 *
 * - `retirement`: may be NULL, which gives NULL.
 * - Returns text owned by `retirement`.
 * - Threads: any number at once.
 */
const char *hc_retirement_organization_id(const struct hc_retirement *retirement);

/**
 * Id of the directory ("dir_...").
 *
 * - `retirement`: may be NULL, which gives NULL.
 * - Returns text owned by `retirement`.
 * - Threads: any number at once.
 */
const char *hc_retirement_directory_id(const struct hc_retirement *retirement);

/**
 * Who requested it, as given by the application.
 *
 * - `retirement`: may be NULL, which gives NULL.
 * - Returns text owned by `retirement`.
 * - Threads: any number at once.
 */
const char *hc_retirement_by(const struct hc_retirement *retirement);

/**
 * Why it was requested, as given by the application; may be empty.
 *
 * - `retirement`: may be NULL, which gives NULL.
 * - Returns text owned by `retirement`.
 * - Threads: any number at once.
 */
const char *hc_retirement_note(const struct hc_retirement *retirement);

/**
 * Time at which it was requested, in UTC, by the clock of the machine that recorded it.
 *
 * - `retirement`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `retirement`.
 * - Threads: any number at once.
 */
const char *hc_retirement_at(const struct hc_retirement *retirement);

/**
 * Time at which it ended, in UTC, by the clock of the machine that ended it; NULL while users or groups may be left.
 * It also ends if the directory is listed and enabled again.
 *
 * - `retirement`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `retirement`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_retirement_ended_at(const struct hc_retirement *retirement);

/**
 * Number of users that it has removed.
 *
 * - `retirement`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_retirement_users(const struct hc_retirement *retirement);

/**
 * Returns the number of retirements.
 *
 * - `retirements`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_retirement_list_len(const struct hc_retirement_list *retirements);

/**
 * Returns the item at an index.
 *
 * - `retirements`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a retirement owned by `retirements`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_retirement *hc_retirement_list_at(const struct hc_retirement_list *retirements, size_t index);

/**
 * Frees a list and the retirements in it.
 *
 * - `retirements`: may be NULL.
 * - Threads: exclusive.
 */
void hc_retirement_list_free(struct hc_retirement_list *retirements);

/**
 * The role.
 *
 * - `grant`: may be NULL, which gives NULL.
 * - Returns text owned by `grant`.
 * - Threads: any number at once.
 */
const char *hc_role_grant_role(const struct hc_role_grant *grant);

/**
 * Id of the group ("dirgroup_..."), or NULL if no group gives the role any more.
 *
 * - `grant`: may be NULL, which gives NULL.
 * - Returns text owned by `grant`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_role_grant_group_id(const struct hc_role_grant *grant);

/**
 * Name of the group, or NULL without a group.
 *
 * - `grant`: may be NULL, which gives NULL.
 * - Returns text owned by `grant`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_role_grant_group_name(const struct hc_role_grant *grant);

/**
 * The entry of the role map that matches the group, or NULL without a group.
 *
 * - `grant`: may be NULL, which gives NULL.
 * - Returns an entry owned by `grant`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_role_map_entry *hc_role_grant_entry(const struct hc_role_grant *grant);

/**
 * Whether the user has the role only because the guard holds the loss of all roles. If this is false and there is no
 * group, a new role map is being applied, which has not reached the user.
 *
 * - `grant`: may be NULL, which gives false.
 * - Threads: any number at once.
 */
bool hc_role_grant_is_held(const struct hc_role_grant *grant);

/**
 * Whether "group" is an id, or a name. "id" or "name". Later versions may add values.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_role_map_entry_key(const struct hc_role_map_entry *entry);

/**
 * Id of the group ("dirgroup_..."), its name, or a pattern of names. Names are case-sensitive, and are compared after
 * Unicode normalization (NFC).
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_role_map_entry_group(const struct hc_role_map_entry *entry);

/**
 * The role.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`.
 * - Threads: any number at once.
 */
const char *hc_role_map_entry_role(const struct hc_role_map_entry *entry);

/**
 * Id of the organization whose groups the entry matches ("org_..."), or NULL for the groups of all organizations.
 *
 * - `entry`: may be NULL, which gives NULL.
 * - Returns text owned by `entry`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_role_map_entry_organization_id(const struct hc_role_map_entry *entry);

/**
 * Returns the number of entries.
 *
 * - `entries`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_role_map_entry_list_len(const struct hc_role_map_entry_list *entries);

/**
 * Returns the item at an index.
 *
 * - `entries`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns an entry owned by `entries`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_role_map_entry *hc_role_map_entry_list_at(const struct hc_role_map_entry_list *entries, size_t index);

/**
 * Frees a list and the entries in it.
 *
 * - `entries`: may be NULL.
 * - Threads: exclusive.
 */
void hc_role_map_entry_list_free(struct hc_role_map_entry_list *entries);

/**
 * Number of the run in the mirror: the runs that were recorded later have greater numbers.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
int64_t hc_run_number(const struct hc_run *run);

/**
 * Id of the sync of the organization: the same for all of its directories. The changes that the sync made have the
 * cause "sync:" and this id.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`.
 * - Threads: any number at once.
 */
const char *hc_run_id(const struct hc_run *run);

/**
 * Id of the organization ("org_..."); empty if the organizations could not be listed.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`.
 * - Threads: any number at once.
 */
const char *hc_run_organization_id(const struct hc_run *run);

/**
 * Id of the directory ("dir_..."); empty if the organization's directories could not be listed.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`.
 * - Threads: any number at once.
 */
const char *hc_run_directory_id(const struct hc_run *run);

/**
 * Which listing was read: "full" or "incremental". If none was read, it may also be "auto".
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`.
 * - Threads: any number at once.
 */
const char *hc_run_mode(const struct hc_run *run);

/**
 * How the sync ended, or that it is running. "running", "done", "incomplete", "held", "failed" or "interrupted". Later
 * versions may add values.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`.
 * - Threads: any number at once.
 */
const char *hc_run_outcome(const struct hc_run *run);

/**
 * The process that made the sync: the name of its host, "/", and the process id. Only the process id if the host's
 * name is not known.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`.
 * - Threads: any number at once.
 */
const char *hc_run_process(const struct hc_run *run);

/**
 * Time at which the sync started, in UTC, by the clock of the machine that made it.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `run`.
 * - Threads: any number at once.
 */
const char *hc_run_started_at(const struct hc_run *run);

/**
 * Time at which the sync ended, in UTC, by the clock of the machine that made it; NULL if it is running or was
 * interrupted.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `run`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_run_ended_at(const struct hc_run *run);

/**
 * Number of pages of users and groups that were read, as in the sync's report. This and the numbers below are 0 until
 * the sync has ended.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_pages(const struct hc_run *run);

/**
 * Number of users that were listed.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_users(const struct hc_run *run);

/**
 * Number of groups that were listed.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_groups(const struct hc_run *run);

/**
 * Number of users that were created.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_created(const struct hc_run *run);

/**
 * Number of users whose fields changed.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_updated(const struct hc_run *run);

/**
 * Number of users that were deactivated.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_deactivated(const struct hc_run *run);

/**
 * Number of users that were reactivated.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_reactivated(const struct hc_run *run);

/**
 * Number of users that were removed.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_deleted(const struct hc_run *run);

/**
 * Number of changes of all kinds that the sync appended to the feed, without those of pending events.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_changes(const struct hc_run *run);

/**
 * Number of the organization's pending events that the sync settled.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_events(const struct hc_run *run);

/**
 * Number of the directory's open holds at the end of the sync.
 *
 * - `run`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_run_holds(const struct hc_run *run);

/**
 * Why the listing was not applied as a whole, in one English sentence; NULL if it was.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_run_incomplete(const struct hc_run *run);

/**
 * The message of the error that ended the sync, or NULL if none did.
 *
 * - `run`: may be NULL, which gives NULL.
 * - Returns text owned by `run`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_run_error(const struct hc_run *run);

/**
 * Returns the number of syncs.
 *
 * - `runs`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_run_list_len(const struct hc_run_list *runs);

/**
 * Returns the item at an index.
 *
 * - `runs`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a sync owned by `runs`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_run *hc_run_list_at(const struct hc_run_list *runs, size_t index);

/**
 * Frees a list and the syncs in it.
 *
 * - `runs`: may be NULL.
 * - Threads: exclusive.
 */
void hc_run_list_free(struct hc_run_list *runs);

/**
 * How many users of a directory may lose access without approval.
 *
 * - `settings`: may be NULL, which gives NULL.
 * - Returns settings owned by `settings`.
 * - Threads: any number at once.
 */
const struct hc_guard_settings *hc_settings_guard(const struct hc_settings *settings);

/**
 * Age of the last full sync at which a sync in the mode "auto" is a full one again.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Returns milliseconds.
 * - Threads: any number at once.
 */
int64_t hc_settings_full_every_ms(const struct hc_settings *settings);

/**
 * How long changes are kept that every consumer has acknowledged.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Returns milliseconds.
 * - Threads: any number at once.
 */
int64_t hc_settings_retention_ms(const struct hc_settings *settings);

/**
 * How long the history is kept, which "Mirror::history" and "Mirror::at" read. 0 if the mirror keeps none.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Returns milliseconds.
 * - Threads: any number at once.
 */
int64_t hc_settings_history_ms(const struct hc_settings *settings);

/**
 * How long after they left users are deleted who have not returned: they are deactivated at once. NULL if they are
 * deleted at once.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Returns milliseconds, or -1 if there is none.
 * - Threads: any number at once.
 */
int64_t hc_settings_deletion_grace_ms(const struct hc_settings *settings);

/**
 * Maximum number of pending events of an organization. While it has as many, receiving an event that would be pending
 * as well is an error.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_settings_pending_events(const struct hc_settings *settings);

/**
 * Maximum total size of an organization's pending events, in bytes. Receiving an event that would be pending and
 * exceed it is an error.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_settings_pending_bytes(const struct hc_settings *settings);

/**
 * Maximum number of groups that an event may name for a user. An event with more groups changes nothing: the next sync
 * lists the user.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_settings_groups_per_user(const struct hc_settings *settings);

/**
 * After how long without a poll or an acknowledgement a consumer expires, so that changes that it has not acknowledged
 * are trimmed; NULL for never. At least two hours, because a poll that returns no new change is recorded once an hour.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Returns milliseconds, or -1 if there is none.
 * - Threads: any number at once.
 */
int64_t hc_settings_consumer_expiry_ms(const struct hc_settings *settings);

/**
 * Returns the number of items that hc_settings_fields_at returns.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_settings_fields_len(const struct hc_settings *settings);

/**
 * Names of the personal fields of users that are stored, such as "email", in the order of the user's record. All of
 * them by default.
 *
 * - `settings`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `settings`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_settings_fields_at(const struct hc_settings *settings, size_t index);

/**
 * Returns the number of items that hc_settings_ignored_at returns.
 *
 * - `settings`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_settings_ignored_len(const struct hc_settings *settings);

/**
 * Settings that this handle was opened with and that are not in effect, because the store has other values.
 *
 * - `settings`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a setting owned by `settings`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_ignored_setting *hc_settings_ignored_at(const struct hc_settings *settings, size_t index);

/**
 * Frees settings that hc_mirror_settings gave, and what came from them.
 *
 * - `settings`: may be NULL.
 * - Threads: exclusive.
 */
void hc_settings_free(struct hc_settings *settings);

/**
 * Id of the organization ("org_...").
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_sync_report_organization_id(const struct hc_sync_report *report);

/**
 * Id of the directory ("dir_..."); empty if the organization's directories could not be listed.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_sync_report_directory_id(const struct hc_sync_report *report);

/**
 * Which listing was read: "full" or "incremental". If none was read, it may also be "auto".
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_sync_report_mode(const struct hc_sync_report *report);

/**
 * How the sync ended. "done", "incomplete", "held", "already_running" or "failed". Later versions may add values.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_sync_report_outcome(const struct hc_sync_report *report);

/**
 * Id of the sync of the organization: the same in the reports of its directories. The changes that it made have the
 * cause "sync:" and this id.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_sync_report_run(const struct hc_sync_report *report);

/**
 * Time at which the sync started, in UTC, by this machine's clock.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_sync_report_started_at(const struct hc_sync_report *report);

/**
 * Time at which the sync ended, in UTC, by this machine's clock.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `report`.
 * - Threads: any number at once.
 */
const char *hc_sync_report_ended_at(const struct hc_sync_report *report);

/**
 * Number of pages of users and groups that were read. If the listing was read more than once, pages, users and groups
 * are counted each time.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_pages(const struct hc_sync_report *report);

/**
 * Number of users that were listed, counted as "pages".
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_users(const struct hc_sync_report *report);

/**
 * Number of groups that were listed, counted as "pages".
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_groups(const struct hc_sync_report *report);

/**
 * Number of users that were created.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_created(const struct hc_sync_report *report);

/**
 * Number of users whose fields changed. Changes of "active", groups and roles are not counted.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_updated(const struct hc_sync_report *report);

/**
 * Number of users that were deactivated: they may no longer sign in.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_deactivated(const struct hc_sync_report *report);

/**
 * Number of users that were reactivated: they may sign in again.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_reactivated(const struct hc_sync_report *report);

/**
 * Number of users that were removed.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_deleted(const struct hc_sync_report *report);

/**
 * Number of changes of all kinds that the sync appended to the feed, without those of pending events.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_changes(const struct hc_sync_report *report);

/**
 * Number of the organization's pending events that the sync settled.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_events(const struct hc_sync_report *report);

/**
 * Number of listed users whom the application has erased, and whom the sync ignored. If the listing was read more than
 * once, those of the last reading.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_sync_report_erased(const struct hc_sync_report *report);

/**
 * The first of "holds", or NULL if there is none.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns a hold owned by `report`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_hold *hc_sync_report_held(const struct hc_sync_report *report);

/**
 * Returns the number of items that hc_sync_report_holds_at returns.
 *
 * - `report`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_sync_report_holds_len(const struct hc_sync_report *report);

/**
 * The directory's open holds at the end of the sync, in the order in which they were made.
 *
 * - `report`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a hold owned by `report`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_hold *hc_sync_report_holds_at(const struct hc_sync_report *report, size_t index);

/**
 * Why the listing was not applied as a whole, in one English sentence: why it could not be used to remove users, or
 * which of its rows were not applied. NULL otherwise.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns text owned by `report`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_sync_report_incomplete(const struct hc_sync_report *report);

/**
 * The error that ended the sync, or NULL if none did. It has the kind "mass_removal" if users were absent from a full
 * listing and the guard holds their removal.
 *
 * - `report`: may be NULL, which gives NULL.
 * - Returns an error owned by `report`, or NULL if there is none.
 * - Threads: any number at once.
 */
const struct hc_error *hc_sync_report_error(const struct hc_sync_report *report);

/**
 * Returns the number of reports.
 *
 * - `reports`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_sync_reports_len(const struct hc_sync_reports *reports);

/**
 * Returns the item at an index.
 *
 * - `reports`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a report owned by `reports`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_sync_report *hc_sync_reports_at(const struct hc_sync_reports *reports, size_t index);

/**
 * Frees a list and the reports in it.
 *
 * - `reports`: may be NULL.
 * - Threads: exclusive.
 */
void hc_sync_reports_free(struct hc_sync_reports *reports);

/**
 * Id, "diruser_...".
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_user_id(const struct hc_user *user);

/**
 * Primary email address.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_user_email(const struct hc_user *user);

/**
 * Given name.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_user_given_name(const struct hc_user *user);

/**
 * Family name.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_user_family_name(const struct hc_user *user);

/**
 * Name with which the user signs in to the directory.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns text owned by `user`; "" if the server sent none.
 * - Threads: any number at once.
 */
const char *hc_user_preferred_username(const struct hc_user *user);

/**
 * Returns the number of items that hc_user_emails_at returns.
 *
 * - `user`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_user_emails_len(const struct hc_user *user);

/**
 * All email addresses.
 *
 * - `user`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns text owned by `user`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const char *hc_user_emails_at(const struct hc_user *user, size_t index);

/**
 * Returns the number of items that hc_user_groups_at returns.
 *
 * - `user`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_user_groups_len(const struct hc_user *user);

/**
 * Groups of which the user is a member; empty if not sent.
 *
 * - `user`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a group owned by `user`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_group *hc_user_groups_at(const struct hc_user *user, size_t index);

/**
 * Time of the last change, or NULL if not sent.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns RFC 3339 text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_user_updated_at(const struct hc_user *user);

/**
 * The user as the directory describes it, or NULL unless "include_detail" was requested.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `user`, or NULL if there is none.
 * - Threads: any number at once.
 */
const char *hc_user_user_detail(const struct hc_user *user);

/**
 * Returns all fields as a JSON object, including those that have no accessor.
 *
 * - `user`: may be NULL, which gives NULL.
 * - Returns JSON text owned by `user`.
 * - Threads: any number at once.
 */
const char *hc_user_json(const struct hc_user *user);

/**
 * Frees a user that a sandbox gave (hc_sandbox_create_user), and the texts that came from it. Do not free one that is
 * borrowed from a page or an iterator.
 *
 * - `user`: may be NULL.
 * - Threads: exclusive.
 */
void hc_user_free(struct hc_user *user);

/**
 * Returns the number of users in the page.
 *
 * - `page`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
size_t hc_user_page_len(const struct hc_user_page *page);

/**
 * Returns the item at an index.
 *
 * - `page`: may be NULL, which gives NULL.
 * - `index`: from 0.
 * - Returns a user owned by `page`, or NULL if `index` is out of range.
 * - Threads: any number at once.
 */
const struct hc_user *hc_user_page_at(const struct hc_user_page *page, size_t index);

/**
 * Returns the number of users in the whole listing, as the server counts them.
 *
 * - `page`: may be NULL, which gives 0.
 * - Threads: any number at once.
 */
uint64_t hc_user_page_total_size(const struct hc_user_page *page);

/**
 * Returns the page token of the next page.
 *
 * - `page`: may be NULL, which gives NULL.
 * - Returns text owned by `page`; "" on the last page.
 * - Threads: any number at once.
 */
const char *hc_user_page_next_page_token(const struct hc_user_page *page);

/**
 * Returns the page token of the previous page.
 *
 * - `page`: may be NULL, which gives NULL.
 * - Returns text owned by `page`; "" on the first page.
 * - Threads: any number at once.
 */
const char *hc_user_page_prev_page_token(const struct hc_user_page *page);

/**
 * Frees a page and the users in it.
 *
 * - `page`: may be NULL.
 * - Threads: exclusive.
 */
void hc_user_page_free(struct hc_user_page *page);

/**
 * Gives the next item. If all items of the current page were given, requests the next page from the server first.
 *
 * - `iter`: required. After an error it may be called again, and requests the same page again.
 * - `user`: receives a user owned by `iter` and valid until the next call with it, or NULL after the last one.
 * - `error`: may be NULL.
 * - Fails with HC_NOT_FOUND if the listing's directory does not exist, or any status that a request can have.
 * - Threads: one at a time.
 */
hc_status hc_user_iter_next(struct hc_user_iter *iter, const struct hc_user **user, struct hc_error **error);

/**
 * Frees an iterator and the item that it gave last.
 *
 * - `iter`: may be NULL.
 * - Threads: exclusive.
 */
void hc_user_iter_free(struct hc_user_iter *iter);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HEADCOUNT_H */

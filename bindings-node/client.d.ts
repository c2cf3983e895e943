import type { CallOptions, ClientOptions } from './options'
import type { Directory, DirectoryToggle, Group, Organization, OrganizationFields, OrganizationSettings, PortalLink, Stats, User } from './records'
import type { Body, Headers } from './webhook'

/** Options of a listing. */
export interface ListOptions extends CallOptions {
  /** Maximum number of items on a page. The server has its own default and its own limit. */
  pageSize?: number | undefined
  /** Token of the page to list: the `nextPageToken` or `prevPageToken` of a page that was listed before. The first page by default. */
  pageToken?: string | undefined
  /** Whether a listing of all pages requests the next page while the application reads the current one. True by default. */
  readAhead?: boolean | undefined
}

/** Options of a listing of organizations. */
export interface ListOrganizationOptions extends ListOptions {
  /** The application's own id of an organization: lists only that one. */
  externalId?: string | undefined
}

/** Options of a listing of users. */
export interface ListDirectoryUsersOptions extends ListOptions {
  /** Whether users have `userDetail`. The server decides by default. */
  includeDetail?: boolean | undefined
  /** Id of a group (`dirgroup_…`): lists only its members. */
  directoryGroupId?: string | undefined
  /** Lists only users that changed after this time: a Date, milliseconds as of `Date.now()`, an RFC 3339 string or a date (`2025-01-31`, UTC). */
  updatedAfter?: Date | number | string | null | undefined
}

/** Options of a listing of groups. */
export interface ListDirectoryGroupsOptions extends ListOptions {
  /** Whether groups have `groupDetail`. The server decides by default. */
  includeDetail?: boolean | undefined
  /** Whether to list also groups of the directory's provider that Scalekit does not synchronize. False by default. */
  includeExternalGroups?: boolean | undefined
  /** Lists only groups that changed after this time: a Date, milliseconds as of `Date.now()`, an RFC 3339 string or a date (`2025-01-31`, UTC). */
  updatedAfter?: Date | number | string | null | undefined
}

/** Options of a link to the admin portal. */
export interface PortalLinkOptions extends CallOptions {
  /** Names of the features that can be set up in the portal: `sso` and `dir_sync`. By default those that the organization's settings enable. */
  features?: string[] | undefined
}

/** One page of a listing. */
export interface Page {
  /** Number of items on all pages, by the server's count. */
  totalSize: number
  /** Token of the next page; empty on the last page. */
  nextPageToken: string
  /** Token of the previous page; empty on the first page. */
  prevPageToken: string
}

/** One page of organizations. */
export interface OrganizationPage extends Page {
  /** The organizations, in the server's order. */
  organizations: Organization[]
}

/** One page of users. */
export interface UserPage extends Page {
  /** The users, in the server's order. */
  users: User[]
}

/** One page of groups. */
export interface GroupPage extends Page {
  /** The groups, in the server's order. */
  groups: Group[]
}

/**
 * A directory with a property `directory` (not enumerable) that is the directory itself. The vendor's SDK returns the directory, but the examples in its
 * documentation read `.directory` of the result.
 */
export interface PrimaryDirectory extends Directory {
  /** The same object. */
  readonly directory: PrimaryDirectory
}

/** An async iterator over the items of all pages of a listing. */
export interface Listing<T> extends AsyncIterableIterator<T> {
  /**
   * Returns the next item. After an error the next call requests the same page again, except after an `errors.DecodeError` because the server
   * repeated a page token, which ends the listing.
   */
  next(): Promise<IteratorResult<T, undefined>>
  /** Ends the listing; `break` in a loop does this. */
  return(value?: undefined): Promise<IteratorResult<T, undefined>>
}

/**
 * Calls about organizations: `client.organization`.
 *
 * Calls reject with a subclass of `errors.Error`; `errors.NotFoundError` means that there is no such organization.
 */
export interface OrganizationClient {
  /** Lists one page of organizations. `all` lists all pages. */
  listOrganization(options?: ListOrganizationOptions): Promise<OrganizationPage>
  /** Does the same as `listOrganization`. */
  listOrganizations(options?: ListOrganizationOptions): Promise<OrganizationPage>
  /** Returns the organization with this id (`org_…`). */
  getOrganization(id: string, options?: CallOptions): Promise<{ organization: Organization }>
  /** Returns the organization with this `externalId`, which is the application's own id for it. */
  getOrganizationByExternalId(externalId: string, options?: CallOptions): Promise<{ organization: Organization }>
  /**
   * Creates an organization with this display name (1 to 200 characters).
   *
   * The call is retried only if it is certain that the previous attempt created none. After an error that leaves this open, look for the
   * organization by its external id before you repeat the call.
   */
  createOrganization(displayName: string, fields?: OrganizationFields, options?: CallOptions): Promise<{ organization: Organization }>
  /**
   * Updates the fields that are given, and returns the organization. Fields that cannot be changed (`id`, `createTime`, …) are ignored, so that
   * an organization can be read, changed and sent back.
   */
  updateOrganization(id: string, fields: OrganizationFields | Organization, options?: CallOptions): Promise<{ organization: Organization }>
  /**
   * Updates the organization with this `externalId`: looks it up, then updates it as `updateOrganization` does. These are two calls, each with
   * the deadline of a call.
   */
  updateOrganizationByExternalId(externalId: string, fields: OrganizationFields | Organization, options?: CallOptions): Promise<{ organization: Organization }>
  /**
   * Enables and disables features (`sso`, `dir_sync`, `domain_verification`, `session_policy`), and returns the organization. Features that are
   * not named stay as they are.
   */
  updateOrganizationSettings(id: string, settings: OrganizationSettings, options?: CallOptions): Promise<{ organization: Organization }>
  /**
   * Creates a link to the admin portal, in which the organization's administrator sets up SSO and directories. It can be opened once, within a
   * minute: create it when the administrator asks for it, and do not log it.
   *
   * Each call creates another link. It is retried after temporary errors nevertheless: a link whose response was lost is not used, and expires
   * after a minute.
   */
  generatePortalLink(id: string, options?: PortalLinkOptions): Promise<PortalLink>
  /** Deletes an organization and everything that belongs to it. This cannot be undone. */
  deleteOrganization(id: string, options?: CallOptions): Promise<void>
  /** Lists the organizations of all pages, or from the page with `pageToken` on. */
  all(options?: ListOrganizationOptions): Listing<Organization>
}

/**
 * Calls about directories, their users and their groups: `client.directory`.
 *
 * Calls reject with a subclass of `errors.Error`; `errors.NotFoundError` means that there is no such organization or directory.
 */
export interface DirectoryClient {
  /** Lists the directories of an organization. */
  listDirectories(organizationId: string, options?: CallOptions): Promise<{ directories: Directory[] }>
  /** Returns one directory of an organization. */
  getDirectory(organizationId: string, directoryId: string, options?: CallOptions): Promise<{ directory: Directory }>
  /** Returns the first directory that is listed for an organization. Rejects with `errors.NotFoundError` if it has none. */
  getPrimaryDirectoryByOrganizationId(organizationId: string, options?: CallOptions): Promise<PrimaryDirectory>
  /** Lists one page of a directory's users. `users` lists all pages. */
  listDirectoryUsers(organizationId: string, directoryId: string, options?: ListDirectoryUsersOptions): Promise<UserPage>
  /** Lists one page of a directory's groups. `groups` lists all pages. */
  listDirectoryGroups(organizationId: string, directoryId: string, options?: ListDirectoryGroupsOptions): Promise<GroupPage>
  /** Enables a directory: Scalekit synchronizes it from now on. */
  enableDirectory(organizationId: string, directoryId: string, options?: CallOptions): Promise<DirectoryToggle>
  /** Disables a directory: Scalekit stops synchronizing it. */
  disableDirectory(organizationId: string, directoryId: string, options?: CallOptions): Promise<DirectoryToggle>
  /** Lists the users of a directory, of all pages or from the page with `pageToken` on. */
  users(organizationId: string, directoryId: string, options?: ListDirectoryUsersOptions): Listing<User>
  /** Lists the groups of a directory, of all pages or from the page with `pageToken` on. */
  groups(organizationId: string, directoryId: string, options?: ListDirectoryGroupsOptions): Listing<Group>
}

/**
 * The REST client of one environment.
 *
 * Any number of calls may run at once. Each has a deadline, and idempotent calls are retried after temporary errors. After `close` calls reject
 * with `errors.InvalidArgumentError`.
 */
export class Client {
  /**
   * Makes a client with the API credentials of an environment. No request is sent.
   * @param environmentUrl URL of the environment. `http://` is accepted for loopback addresses only.
   * @param clientId Client id, from the API credentials in the vendor's dashboard.
   * @param clientSecret Client secret, from the same page.
   * @param options Settings that differ from the defaults.
   * @throws errors.ConfigError, which names the setting, if one is missing or cannot be used; errors.InvalidArgumentError for an option that is unknown
   * or of another type.
   */
  constructor(environmentUrl: string | undefined, clientId: string | undefined, clientSecret: string | undefined, options?: ClientOptions)
  /**
   * Makes a client with the environment variables `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID` and `SCALEKIT_CLIENT_SECRET`.
   * @throws errors.ConfigError, which names the variable, if one is missing or cannot be used.
   */
  static fromEnv(options?: ClientOptions): Client
  /** Calls about organizations. */
  readonly organization: OrganizationClient
  /** Calls about directories, their users and their groups. */
  readonly directory: DirectoryClient
  /** Does the same as the function `verifyWebhookPayload`. */
  verifyWebhookPayload(secret: string | undefined, headers: Headers, payload: Body): true
  /** Does the same as the function `verifyInterceptorPayload`. */
  verifyInterceptorPayload(secret: string | undefined, headers: Headers, payload: Body): true
  /** Returns counters of what the client has done since it was made. */
  stats(): Stats
  /** Closes the client. Running calls finish, and listings can be read to their end; later calls reject. */
  close(): void
}

/** `Client` under the names that the vendor's SDK has for it. */
export { Client as ScalekitClient, Client as Scalekit }

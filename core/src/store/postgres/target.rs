//! Which servers to connect to, and how: from a URL, the environment variables of libpq, and a file of passwords.
//!
//! The names of the parameters are libpq's, except for `notify`. A parameter that is not in the URL is taken from its variable.

use super::tls::{self, Mode};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The parameters that are supported, each with its environment variable, or `None` if it has none.
const PARAMETERS: &[(&str, Option<&str>)] = &[
    ("application_name", Some("PGAPPNAME")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("dbname", Some("PGDATABASE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("keepalives", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("notify", None),
    ("options", Some("PGOPTIONS")),
    ("passfile", Some("PGPASSFILE")),
    ("password", Some("PGPASSWORD")),
    ("port", Some("PGPORT")),
    ("sslmode", Some("PGSSLMODE")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("tcp_user_timeout", None),
    ("user", Some("PGUSER")),
];

/// How long making a connection may take if `connect_timeout` is not given.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection over TCP counts as lost if the server's machine has not answered for this time, as after a power failure: for the data that was sent, and
/// for the probes that an idle connection sends. The system's defaults are a quarter of an hour and two hours.
const UNANSWERED: Duration = Duration::from_secs(20);

/// An idle connection sends the first probe after this time, and then one after each [`PROBE_INTERVAL`], up to [`PROBES`].
const IDLE: Duration = Duration::from_secs(10);
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBES: u32 = 2;

/// The folders in which a server has its socket by default: one of Debian's packages, and one that is built without changes. As in libpq, `localhost` in
/// a password file stands for these as well.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// A function that reads an environment variable.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The servers, of which the first that accepts a connection is used, and then the same one as long as it does.
pub(super) struct Target {
    /// The settings of `tokio_postgres` for each server, in the order in which the servers are tried.
    pub(super) servers: Vec<Config>,
    /// `None` if no connection uses TLS.
    pub(super) tls: Option<MakeRustlsConnect>,
    /// How long making a connection to one server may take.
    pub(super) timeout: Duration,
    /// Whether the URL enables or disables notifications: see [`PostgresOptions::notify`](super::PostgresOptions::notify). It is not a parameter of libpq.
    pub(super) notify: Option<bool>,
}

impl Target {
    /// Reads a URL `postgresql://user:password@host:port/database?parameter=value`. Each of its parts can be missing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config). Errors do not repeat parts of the URL, which may have a password.
    pub(super) fn new(url: &str, variables: Variables<'_>) -> Result<Target> {
        let mut given = from_url(url)?;
        for (name, variable) in PARAMETERS {
            if let Some(value) = variable.filter(|_| !given.contains_key(*name)).and_then(variables) {
                let value = value
                    .into_string()
                    .map_err(|_| Error::config(format!("{} is not valid UTF-8", variable.unwrap_or_default())))?;
                // As in libpq, an empty variable counts as not set.
                if !value.is_empty() {
                    given.insert((*name).to_owned(), value);
                }
            }
        }
        Target::of(given, variables)
    }

    /// Makes the servers and their settings from the parameters of the URL and of the variables.
    fn of(mut given: BTreeMap<String, String>, variables: Variables<'_>) -> Result<Target> {
        let mut take = |name: &str| given.remove(name);
        let home = variables("HOME").map(PathBuf::from);
        let mode = take("sslmode").map_or(Ok(Mode::Prefer), |name| Mode::named(&name))?;
        let tls = tls::settings(mode, take("sslrootcert").as_deref(), home.as_deref())?;
        let user = take("user").or_else(|| variables("USER").or_else(|| variables("LOGNAME"))?.into_string().ok());
        let database = take("dbname").or_else(|| user.clone());
        let (password, file) = (take("password"), take("passfile"));
        let (hosts, addresses, ports) = (take("host"), take("hostaddr"), take("port"));
        let servers = servers(hosts.as_deref(), addresses.as_deref(), ports.as_deref())?;
        if servers.len() > 1 && !given.contains_key("target_session_attrs") {
            // Usually all but one of several servers are standbys, which accept no writes.
            given.insert("target_session_attrs".to_owned(), "read-write".to_owned());
        }
        let notify = take_flag(&mut given, "notify")?;
        let unanswered = take_milliseconds(&mut given, "tcp_user_timeout")?.unwrap_or(UNANSWERED);
        let mut config = config_of(&given)?;
        if !unanswered.is_zero() {
            config.tcp_user_timeout(unanswered);
        }
        if !given.contains_key("keepalives_idle") {
            config.keepalives_idle(IDLE);
        }
        if !given.contains_key("keepalives_interval") {
            config.keepalives_interval(PROBE_INTERVAL);
        }
        config.keepalives_retries(PROBES);
        if config.get_application_name().is_none() {
            config.application_name("headcount");
        }
        if let Some(user) = &user {
            config.user(user);
        }
        if let Some(database) = &database {
            config.dbname(database);
        }
        let timeout = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        let passwords = match (&password, file) {
            (Some(_), _) => Vec::new(),
            (None, Some(file)) => passwords(Path::new(&file)),
            (None, None) => home.map_or_else(Vec::new, |home| passwords(&home.join(".pgpass"))),
        };
        let servers = servers.into_iter().map(|Server { host, address, port }| {
            let mut config = config.clone();
            config.port(port);
            let is_socket = host.starts_with('/');
            if !host.is_empty() {
                config.host(&host);
            }
            if let Some(address) = address {
                config.hostaddr(address);
            }
            // As in libpq, connections to a socket of this machine do not use TLS.
            config.ssl_mode(if is_socket { SslMode::Disable } else { mode.of_connection() });
            let name = match address {
                Some(address) if host.is_empty() => address.to_string(),
                _ if SOCKET_FOLDERS.contains(&host.as_str()) => "localhost".to_owned(),
                _ => host,
            };
            let wanted = [&name, &port.to_string(), database.as_deref().unwrap_or(""), user.as_deref().unwrap_or("")]
                .map(str::to_owned);
            let found = passwords.iter().find(|line| line.is_for(&wanted)).map(|line| &line.password);
            if let Some(password) = password.as_ref().or(found) {
                config.password(password);
            }
            config
        });
        Ok(Target { servers: servers.collect(), tls, timeout, notify })
    }
}

/// Reads the parameters of a URL.
fn from_url(url: &str) -> Result<BTreeMap<String, String>> {
    let unreadable =
        || Error::config("the URL of the database cannot be read: expected postgresql://user@host:5432/database");
    let decode = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
        decoded.map(|text| text.into_owned()).map_err(|_| unreadable())
    };
    let rest = url.strip_prefix("postgresql://").or_else(|| url.strip_prefix("postgres://")).ok_or_else(unreadable)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut given = BTreeMap::new();
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        // An address of IPv6 is in brackets, because it has colons.
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':').unwrap_or(port)),
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(decode(name)?);
        ports.push(decode(port)?);
    }
    for (name, value) in [
        ("user", decode(user)?),
        ("password", decode(password)?),
        ("host", names.join(",")),
        ("port", ports.join(",")),
        ("dbname", decode(database)?),
    ] {
        if !value.is_empty() {
            given.insert(name.to_owned(), value);
        }
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(unreadable)?;
        let name = decode(name)?;
        if !PARAMETERS.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = PARAMETERS.iter().map(|(known, _)| *known).collect();
            // The message does not repeat the name: it may be a part of a password with unescaped characters.
            return Err(Error::config(format!(
                "the URL of the database has a parameter that is not known: expected {}",
                known.join(", ")
            )));
        }
        given.insert(name, decode(value)?);
    }
    Ok(given)
}

/// Removes a parameter that is a number of milliseconds. `tokio_postgres` would read it as seconds, and libpq reads it as milliseconds.
fn take_milliseconds(given: &mut BTreeMap<String, String>, name: &'static str) -> Result<Option<Duration>> {
    let Some(text) = given.remove(name) else { return Ok(None) };
    let parsed = text.trim().parse().map(Duration::from_millis);
    parsed
        .map(Some)
        .map_err(|_| Error::config(format!("{name} of the database cannot be used: expected a number of milliseconds")))
}

/// Removes a parameter that is `true` or `false`.
fn take_flag(given: &mut BTreeMap<String, String>, name: &'static str) -> Result<Option<bool>> {
    let Some(text) = given.remove(name) else { return Ok(None) };
    let parsed = text.parse().map(Some);
    parsed.map_err(|_| Error::config(format!("{name} of the database cannot be used: expected true or false")))
}

/// Makes the settings of `tokio_postgres` from the parameters that are not handled here, with its parser.
fn config_of(given: &BTreeMap<String, String>) -> Result<Config> {
    let mut text = String::new();
    for (name, value) in given {
        text.push_str(&format!("{name}='{}' ", value.replace('\\', "\\\\").replace('\'', "\\'")));
    }
    text.parse().map_err(|error: tokio_postgres::Error| {
        // The cause names the parameter, and not its value.
        let cause = error.into_source().map_or_else(String::new, |cause| format!(": {cause}"));
        Error::config(format!("the settings of the database cannot be used{cause}"))
    })
}

/// A server of the lists of hosts, addresses and ports.
struct Server {
    /// A name, an address, or the folder of a socket; empty if there is only `address`.
    host: String,
    address: Option<std::net::IpAddr>,
    port: u16,
}

/// Reads the lists of hosts, addresses and ports.
fn servers(hosts: Option<&str>, addresses: Option<&str>, ports: Option<&str>) -> Result<Vec<Server>> {
    let list = |text: Option<&str>| text.map_or_else(Vec::new, |text| text.split(',').map(str::to_owned).collect());
    let (hosts, addresses): (Vec<String>, Vec<String>) = (list(hosts), list(addresses));
    let ports: Vec<String> = list(ports);
    let count = hosts.len().max(addresses.len()).max(1);
    let fits = |list: &[String]| list.is_empty() || list.len() == count;
    if !fits(&hosts) || !fits(&addresses) || !(fits(&ports) || ports.len() == 1) {
        return Err(Error::config("the lists of hosts, addresses and ports of the database differ in their lengths"));
    }
    let server = |index: usize| {
        let port = match ports.get(index).or(ports.first()).map_or("", String::as_str) {
            "" => 5432,
            port => port.parse().map_err(|_| {
                Error::config("the port of the database cannot be used: expected a number from 1 to 65535")
            })?,
        };
        let address = match addresses.get(index).map_or("", String::as_str) {
            "" => None,
            address => Some(address.parse().map_err(|_| {
                Error::config("hostaddr of the database cannot be used: expected an address of IPv4 or IPv6")
            })?),
        };
        let host = match hosts.get(index) {
            Some(host) if !host.is_empty() => host.clone(),
            _ if address.is_some() => String::new(),
            _ => local(port),
        };
        Ok(Server { host, address, port })
    };
    (0..count).map(server).collect()
}

/// Returns the folder of the socket of a server on this machine, or `localhost` if there is none.
fn local(port: u16) -> String {
    let folder = SOCKET_FOLDERS.iter().find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists());
    folder.map_or("localhost", |folder| folder).to_owned()
}

/// A line of a password file (`~/.pgpass`).
struct Line {
    /// Host, port, database and user. `*` stands for any.
    keys: Vec<String>,
    password: String,
}

impl Line {
    /// Returns whether the line is for this host, port, database and user.
    fn is_for(&self, wanted: &[String; 4]) -> bool {
        self.keys.len() == wanted.len() && self.keys.iter().zip(wanted).all(|(key, wanted)| key == "*" || key == wanted)
    }
}

/// Reads a password file. As in libpq, a file that other users may read is ignored.
fn passwords(path: &Path) -> Vec<Line> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(path).map_or(true, |file| file.permissions().mode() & 0o077 != 0) {
            tracing::warn!(
                target: "headcount", path = %path.display(),
                "the file of passwords is ignored, because other users can read it: run chmod 600"
            );
            return Vec::new();
        }
    }
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

/// Reads `host:port:database:user:password`, in which a backslash escapes a colon or a backslash.
fn line(text: &str) -> Option<Line> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let is_last = parts.len() == 5;
        let part = parts.last_mut()?;
        match character {
            '\\' => part.extend(characters.next()),
            ':' if !is_last => parts.push(String::new()),
            other => part.push(other),
        }
    }
    let password = parts.pop()?;
    (parts.len() == 4).then_some(Line { keys: parts, password })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::config::{Host, TargetSessionAttrs};

    fn target(url: &str, variables: &[(&str, &str)]) -> Result<Target> {
        Target::new(url, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(*value))
        })
    }

    fn tcp(name: &str) -> Host {
        Host::Tcp(name.to_owned())
    }

    #[test]
    fn every_part_of_a_url_is_used_instead_of_its_variable() {
        let target = target(
            "postgresql://a%40b:p%2Fw:d@db.example.com:6000/the%20mirror?sslmode=disable&connect_timeout=3&application_name=app&options=-c%20geqo%3Doff",
            &[("PGHOST", "elsewhere"), ("PGPORT", "1"), ("PGUSER", "nobody"), ("PGPASSWORD", "other")],
        )
        .unwrap();
        let [server] = target.servers.as_slice() else { panic!("one server") };
        assert_eq!(server.get_user(), Some("a@b"));
        assert_eq!(server.get_password(), Some(&b"p/w:d"[..]));
        assert_eq!(server.get_hosts(), [tcp("db.example.com")]);
        assert_eq!(server.get_ports(), [6000]);
        assert_eq!(server.get_dbname(), Some("the mirror"));
        assert_eq!(server.get_application_name(), Some("app"));
        assert_eq!(server.get_options(), Some("-c geqo=off"));
        assert_eq!(server.get_ssl_mode(), SslMode::Disable);
        assert_eq!(target.timeout, Duration::from_secs(3));
        assert!(target.tls.is_none());
    }

    #[test]
    fn variables_complete_the_url() {
        let variables = [
            ("PGHOST", "db1,db2"),
            ("PGPORT", "6000"),
            ("PGUSER", "app"),
            ("PGPASSWORD", "it's \\ secret"),
            ("PGDATABASE", "mirror"),
            ("PGSSLMODE", "require"),
            ("PGCONNECT_TIMEOUT", ""),
        ];
        let target = target("postgresql://", &variables).unwrap();
        assert_eq!(target.servers.len(), 2);
        for (server, host) in target.servers.iter().zip(["db1", "db2"]) {
            assert_eq!(server.get_hosts(), [tcp(host)]);
            assert_eq!(server.get_ports(), [6000]);
            assert_eq!(server.get_user(), Some("app"));
            assert_eq!(server.get_password(), Some(&b"it's \\ secret"[..]));
            assert_eq!(server.get_dbname(), Some("mirror"));
            assert_eq!(server.get_application_name(), Some("headcount"));
            assert_eq!(server.get_ssl_mode(), SslMode::Require);
            assert_eq!(server.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        }
        assert!(target.tls.is_some());
        assert_eq!(target.timeout, CONNECT_TIMEOUT);
    }

    #[test]
    fn a_server_that_does_not_answer_is_noticed_after_the_times_of_the_url_or_after_the_defaults() {
        let server = |url: &str| target(url, &[]).unwrap().servers.remove(0);
        let default = server("postgresql://u@h/d");
        assert_eq!(default.get_tcp_user_timeout(), Some(&Duration::from_secs(20)));
        assert_eq!(default.get_keepalives_idle(), Duration::from_secs(10));
        assert_eq!(default.get_keepalives_interval(), Some(Duration::from_secs(5)));
        assert!(default.get_keepalives());

        let chosen = server("postgresql://u@h/d?tcp_user_timeout=3000&keepalives_idle=7&keepalives_interval=2");
        assert_eq!(chosen.get_tcp_user_timeout(), Some(&Duration::from_millis(3_000)));
        assert_eq!(chosen.get_keepalives_idle(), Duration::from_secs(7));
        assert_eq!(chosen.get_keepalives_interval(), Some(Duration::from_secs(2)));

        // As in libpq, 0 stands for the system's default.
        assert_eq!(server("postgresql://u@h/d?tcp_user_timeout=0").get_tcp_user_timeout(), None);
        assert!(!server("postgresql://u@h/d?keepalives=0").get_keepalives());
    }

    #[test]
    fn the_url_may_enable_or_disable_notifications() {
        let notify = |url: &str| target(url, &[]).unwrap().notify;
        assert_eq!(notify("postgresql://u@h/d"), None);
        assert_eq!(notify("postgresql://u@h/d?notify=true&sslmode=disable"), Some(true));
        assert_eq!(notify("postgresql://u@h/d?notify=false"), Some(false));
    }

    #[test]
    fn each_host_has_its_own_port() {
        let target = target("postgres://app@[::1]:6000,db2,%2Frun%2Fpg:6001/?target_session_attrs=any", &[]).unwrap();
        let [first, second, third] = target.servers.as_slice() else { panic!("three servers") };
        assert_eq!(first.get_hosts(), [tcp("::1")]);
        assert_eq!(first.get_ports(), [6000]);
        assert_eq!(first.get_dbname(), Some("app"));
        assert_eq!(first.get_target_session_attrs(), TargetSessionAttrs::Any);
        assert_eq!(second.get_hosts(), [tcp("db2")]);
        assert_eq!(second.get_ports(), [5432]);
        assert_eq!(second.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(third.get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!(third.get_ports(), [6001]);
        assert_eq!(third.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn an_error_about_a_url_or_variable_does_not_repeat_its_value() {
        for (url, variables, expected) in [
            ("mysql://u:hunter2@h/d", &[][..], "expected postgresql://"),
            ("postgresql://u:hunter2@h:99999/d", &[], "a number from 1 to 65535"),
            (
                "postgresql://u:hunter2@h/d?sslmode=hunter2",
                &[],
                "expected disable, prefer, require, verify-ca or verify-full",
            ),
            (
                "postgresql://u:hunter2@h/d?sslmode=allow",
                &[],
                "expected disable, prefer, require, verify-ca or verify-full",
            ),
            ("postgresql://u:a?hunter2=b@h/d", &[], "a parameter that is not known"),
            ("postgresql://u:a?hunter2@h/d", &[], "expected postgresql://"),
            ("postgresql://u@h/d?connect_timeout=hunter2", &[], "connect_timeout"),
            ("postgresql://u@h/d?tcp_user_timeout=hunter2", &[], "a number of milliseconds"),
            ("postgresql://u@h/d?notify=hunter2", &[], "expected true or false"),
            ("postgresql://u@h/d?target_session_attrs=hunter2", &[], "target_session_attrs"),
            ("postgresql://u@h,i/d?hostaddr=127.0.0.1", &[], "differ in their lengths"),
            (
                "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/does/not/exist",
                &[],
                "sslrootcert /does/not/exist cannot be read",
            ),
            ("postgresql://u@h/d?sslmode=require&sslrootcert=system", &[], "sslmode=verify-full"),
            ("postgresql://u@h/%ff", &[], "expected postgresql://"),
            ("postgresql://u@h/d", &[("PGPORT", "hunter2")], "a number from 1 to 65535"),
        ] {
            let error = target(url, variables).err().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Config, "{url}");
            assert!(error.message().contains(expected), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_password_comes_from_the_first_matching_line_of_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("headcount-pgpass-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(".pgpass");
        let text = "# hosts\ndb1:5432:mirror:app:first\nlocalhost:*:*:app:so\\:cket\\\\\n/run/p\\:g:*:*:app:third\n*:*:mirror:app:a:b\nbroken\n";
        std::fs::write(&file, text).unwrap();
        let open = |mode: u32, url: &str| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let home = folder.to_str().unwrap();
            let target = target(url, &[("HOME", home), ("PGSSLMODE", "disable")]).unwrap();
            let password =
                |server: &Config| server.get_password().map(|word| String::from_utf8(word.to_vec()).unwrap());
            target.servers.iter().map(password).collect::<Vec<_>>()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(open(0o600, "postgresql://app@db1,db2/mirror"), [text("first"), text("a:b")]);
        for folder in ["%2Ftmp", "%2Fvar%2Frun%2Fpostgresql"] {
            assert_eq!(open(0o600, &format!("postgresql://app@{folder}/other")), [text("so:cket\\")]);
        }
        assert_eq!(open(0o600, "postgresql://app@%2Frun%2Fpg/other"), [None], "the folder of another server");
        assert_eq!(open(0o600, "postgresql://app@%2Frun%2Fp%3Ag/other"), [text("third")]);
        assert_eq!(open(0o600, "postgresql://other@db1/mirror"), [None]);
        assert_eq!(open(0o600, "postgresql://app:given@db1/mirror"), [text("given")]);
        assert_eq!(open(0o640, "postgresql://app@db1/mirror"), [None], "other users can read the file");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

//! The keys and JWTs of a NATS server in operator mode, as NATS's program `nsc` makes them: new ones for each test, so that no key is stored.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An operator with two accounts: that of the system, without which JetStream does not start, and one with a user.
pub(crate) struct Operator {
    operator: KeyPair,
    system: KeyPair,
    account: KeyPair,
    user: KeyPair,
}

impl Operator {
    pub(crate) fn new() -> Operator {
        Operator {
            operator: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account: KeyPair::new_account(),
            user: KeyPair::new_user(),
        }
    }

    /// Returns the key of the user.
    pub(crate) fn user(&self) -> &KeyPair {
        &self.user
    }

    /// Returns the settings of a server that trusts the operator.
    pub(crate) fn settings(&self) -> String {
        // -1: no limit. An account has JetStream if it may store something.
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
            "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let operator = jwt(&self.operator, &self.operator, &json!({ "type": "operator", "version": 2 }));
        let system = jwt(&self.operator, &self.system, &json!({ "type": "account", "version": 2 }));
        let account = jwt(&self.operator, &self.account, &json!({ "type": "account", "version": 2, "limits": limits }));
        let (system_id, account_id) = (self.system.public_key(), self.account.public_key());
        format!(
            "operator: \"{operator}\"\nsystem_account: {system_id}\nresolver: MEMORY\n\
            resolver_preload: {{ {system_id}: \"{system}\", {account_id}: \"{account}\" }}\n"
        )
    }

    /// Returns a credentials file with the JWT of the user and this key, which has to be the user's.
    pub(crate) fn credentials(&self, key: &KeyPair) -> String {
        let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        let user = jwt(&self.account, &self.user, &claims);
        let seed = key.seed().unwrap();
        format!(
            "-----BEGIN NATS USER JWT-----\n{user}\n------END NATS USER JWT------\n\n\
            -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }
}

/// Returns what the issuer says about the subject, signed. It does not expire.
fn jwt(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let body = json!({
        "jti": "test", "iat": 1_700_000_000, "iss": issuer.public_key(), "sub": subject.public_key(), "name": "test", "nats": claims,
    });
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(body.to_string().as_bytes()));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(&signature))
}

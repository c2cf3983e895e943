//! Explanations of a user's access.

use super::{NativeMirror, Promise};
use crate::json;
use napi::Env;

#[napi_derive::napi]
impl NativeMirror {
    /// Resolves to an explanation of a user's access, its text without personal data, and its text with it.
    #[napi]
    pub fn explain<'env>(&self, env: &'env Env, user_id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let why = mirror.explain(&user_id).await?;
            let (text, personal) = (why.text(false), why.text(true));
            json::text(&(why, text, personal))
        })
    }
}

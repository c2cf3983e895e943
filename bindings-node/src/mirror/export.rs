//! Exports: users as CSV or as lines of JSON.

use super::options::ExportOptions;
use super::pages::SharedPages;
use super::{NativeMirror, OptionalCancel};
use crate::errors::thrown;
use crate::json::Json;
use crate::options::read;
use headcount::mirror::Export;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;

#[napi_derive::napi]
impl NativeMirror {
    /// Returns an iterator over the pieces of an export of an organization's users.
    #[napi]
    pub fn export_pages(&self, organization_id: String, options: String) -> napi::Result<NativeExport> {
        let export = self.mirror().and_then(|mirror| {
            let options: ExportOptions = read(&options)?;
            let format = options.format()?;
            let users = match options.moment {
                Some(moment) => mirror.at(moment.0, &organization_id),
                None => mirror.users(&organization_id),
            };
            let users = users.directory(options.directory_id.as_deref()).group(options.group_id.as_deref());
            Ok(users.role(options.role.as_deref()).export(format))
        });
        export.map(|export| NativeExport(SharedPages::new(export))).map_err(thrown)
    }
}

/// An iterator over the pieces of an export.
#[napi_derive::napi]
pub struct NativeExport(SharedPages<Export>);

#[napi_derive::napi]
impl NativeExport {
    /// Resolves to an array with the next piece, or null after the last one.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Json>>> {
        self.0.next(env, cancel)
    }
}

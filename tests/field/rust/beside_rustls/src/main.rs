//! Takes steps as arguments, executes them in their order, and prints a line for each. Ends with an error if one of them fails.

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    for step in std::env::args().skip(1) {
        let line = match step.as_str() {
            "request" => format!("request: {}", request()?),
            // Panics if rustls has several implementations of cryptography to choose from, or none.
            "configure" => format!("configure: {} suites", ClientConfig::builder().crypto_provider().cipher_suites.len()),
            "install" => {
                aws_lc_rs::default_provider().install_default().map_err(|_| "another provider was installed before")?;
                "install".to_owned()
            }
            "installed" => format!("installed: {}", CryptoProvider::get_default().is_some()),
            _ => return Err(format!("unknown step {step}").into()),
        };
        println!("{line}");
    }
    Ok(())
}

/// Reads an organization through headcount, over TLS, and returns its id.
fn request() -> Result<String, Box<dyn Error>> {
    let settings = headcount::Client::builder(
        std::env::var("SCALEKIT_ENVIRONMENT_URL")?,
        std::env::var("SCALEKIT_CLIENT_ID")?,
        std::env::var("SCALEKIT_CLIENT_SECRET")?,
    );
    let client = headcount::blocking::Client::new(settings.proxy("").ca_file(std::env::var("CA_FILE")?))?;
    Ok(client.organizations().get(&std::env::var("ORGANIZATION_ID")?)?.id)
}

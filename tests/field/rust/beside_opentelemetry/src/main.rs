//! Syncs all organizations, and prints each span that OpenTelemetry exports: its name, that of its parent or `-`, and its attributes, separated by tabs.

use headcount::{Client, Mirror};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use std::error::Error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "another provider was installed before")?;
    // An application has the exporter of the crate `opentelemetry-otlp` here, and exports in batches.
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("application"));
    // The spans of calls have the level debug.
    let of_headcount = Targets::new().with_target("headcount", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(spans.with_filter(of_headcount)).init();

    let mirror = Mirror::builder().client(Client::from_env()?).open(":memory:").await?;
    mirror.sync_all().await?;
    mirror.close().await?;

    provider.force_flush()?;
    let spans = exporter.get_finished_spans()?;
    for span in &spans {
        let parent = spans.iter().find(|parent| parent.span_context.span_id() == span.parent_span_id);
        let attributes = span.attributes.iter().map(|attribute| format!("{}={}", attribute.key, attribute.value));
        let attributes = attributes.collect::<Vec<_>>().join("\t");
        println!("{}\t{}\t{attributes}", span.name, parent.map_or("-", |parent| parent.name.as_ref()));
    }
    Ok(())
}

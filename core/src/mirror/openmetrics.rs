//! Writes metrics in the text format of OpenMetrics 1.0.

use crate::Timestamp;
use std::fmt::Write;

/// The type of a metric.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A number that only grows while a process, or a store, exists. The names of its samples end with `_total`.
    Counter,
    /// A number that may grow and shrink.
    Gauge,
    Histogram,
    /// Texts as labels, with the value 1. The names of its samples end with `_info`.
    Info,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        }
    }
}

/// Label names, each with its value.
pub(super) type Labels<'a> = [(&'a str, &'a str)];

/// The text of the metrics that have been written so far.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a metric. `unit` is the end of its name, or empty.
    pub(super) fn begin(&mut self, name: &str, kind: Kind, unit: &str, help: &str) {
        // Writing to a string never fails.
        let _ = writeln!(self.0, "# TYPE {name} {}", kind.name());
        if !unit.is_empty() {
            let _ = writeln!(self.0, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.0, "# HELP {name} {}", escaped(help));
    }

    /// Writes a sample of the metric that was begun last. `name` has the ending that the metric's type requires.
    pub(super) fn sample(&mut self, name: &str, labels: &Labels<'_>, value: impl std::fmt::Display) {
        self.0.push_str(name);
        if !labels.is_empty() {
            self.0.push('{');
            for (index, (label, text)) in labels.iter().enumerate() {
                let separator = if index == 0 { "" } else { "," };
                let _ = write!(self.0, "{separator}{label}=\"{}\"", escaped(text));
            }
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// Writes a sample whose value is a time, or none if there is no time.
    pub(super) fn time(&mut self, name: &str, labels: &Labels<'_>, time: Option<Timestamp>) {
        if let Some(time) = time {
            // Exact to a microsecond for the times of this century.
            self.sample(name, labels, time.as_millisecond() as f64 / 1e3);
        }
    }

    /// Returns the text with the line that ends it.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

/// Escapes a label's value, or a help text.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('\n', r"\n").replace('"', r#"\""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_its_type_unit_help_and_samples() {
        let mut text = Text::default();
        text.begin("app_delay_seconds", Kind::Gauge, "seconds", "The delay.");
        text.sample("app_delay_seconds", &[("name", "a"), ("kind", "b")], 1.5);
        text.sample("app_delay_seconds", &[], 2);
        let expected = "# TYPE app_delay_seconds gauge\n# UNIT app_delay_seconds seconds\n# HELP app_delay_seconds The delay.\n\
                        app_delay_seconds{name=\"a\",kind=\"b\"} 1.5\napp_delay_seconds 2\n# EOF\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn label_values_are_escaped() {
        let mut text = Text::default();
        text.sample("app", &[("name", "a\"b\\c\nd")], 1);
        assert_eq!(text.finish(), "app{name=\"a\\\"b\\\\c\\nd\"} 1\n# EOF\n");
    }

    #[test]
    fn a_time_is_written_in_seconds_and_left_out_if_there_is_none() {
        let mut text = Text::default();
        text.time("app", &[], Some(Timestamp::from_millisecond(1_700_000_000_050).unwrap()));
        text.time("app", &[], Some(Timestamp::from_millisecond(-500).unwrap()));
        text.time("app", &[], None);
        assert_eq!(text.finish(), "app 1700000000.05\napp -0.5\n# EOF\n");
    }
}

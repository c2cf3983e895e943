//! The diagrams of the last days: users, and changes.

use super::text::number;
use headcount::mirror::DayCount;
use maud::{Markup, html};

/// The size of a diagram in its own units. It is stretched to the space that it gets.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 100.0;

/// Returns the diagrams of users and changes a day, and a table with the same numbers. `days` has one element for each day, oldest first.
pub(super) fn charts(days: &[DayCount]) -> Markup {
    let Some((first, last)) = days.first().zip(days.last()) else { return html! {} };
    let dates = html! { div.dates aria-hidden="true" { span { (date(first)) } span { (date(last)) } } };
    let users: Vec<u64> = days.iter().map(|day| day.users).collect();
    let changes: Vec<u64> = days.iter().map(|day| day.changes).collect();
    let (most, total) = (changes.iter().copied().max().unwrap_or(0), changes.iter().sum());
    let label = format!("from {} to {}", date(first), date(last));
    html! {
        div.charts {
            figure {
                figcaption { span.title { "Users" } strong.big { (number(last.users)) } span.under { (difference(&users)) } }
                (line(&users, &format!("Users a day {label}")))
                (dates)
            }
            figure {
                figcaption { span.title { "Changes today" } strong.big { (number(last.changes)) } span.under { (number(total)) " in " (days.len()) " days, at most " (number(most)) " a day" } }
                (bars(&changes, days, &format!("Changes a day {label}")))
                (dates)
            }
        }
        details.numbers {
            summary { "These numbers as a table" }
            div.table {
                (super::parts::table(
                    "Users and changes a day",
                    &["Day", "#Users", "#Changes"],
                    days.iter().rev().map(|day| vec![html! { (date(day)) }, html! { (number(day.users)) }, html! { (number(day.changes)) }]).collect(),
                ))
            }
        }
    }
}

fn date(day: &DayCount) -> String {
    day.day.strftime("%Y-%m-%d").to_string()
}

/// Says how much a number has grown or shrunk.
fn difference(values: &[u64]) -> String {
    let (first, last) = (values.first().copied().unwrap_or(0), values.last().copied().unwrap_or(0));
    let sign = match last.cmp(&first) {
        std::cmp::Ordering::Less => "−",
        std::cmp::Ordering::Equal => return format!("as many as {} days ago", values.len().saturating_sub(1)),
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{} in {} days", number(last.abs_diff(first)), values.len())
}

/// Returns a line over its area. The lowest value is not at the bottom, so that a small difference does not look like a large one.
fn line(values: &[u64], label: &str) -> Markup {
    let most = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = WIDTH / (values.len().max(2) - 1) as f64;
    let point = |(at, value): (usize, &u64)| format!("{:.1},{:.1}", at as f64 * step, height(*value as f64, most));
    let mut points: Vec<String> = values.iter().enumerate().map(point).collect();
    if let [only] = points.as_slice() {
        // One day is a level line.
        points = vec![only.clone(), only.replacen("0.0,", &format!("{WIDTH:.1},"), 1)];
    }
    let points = points.join(" ");
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            polygon.area points=(format!("0,{HEIGHT} {points} {WIDTH},{HEIGHT}")) {}
            polyline.line points=(points) {}
        }
    }
}

/// Returns a bar for each value.
fn bars(values: &[u64], days: &[DayCount], label: &str) -> Markup {
    let most = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = WIDTH / values.len().max(1) as f64;
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (at, (value, day)) in values.iter().zip(days).enumerate() {
                // A day without changes has a thin bar, so that it is visible that there was a day.
                @let top = if *value == 0 { HEIGHT - 1.0 } else { height(*value as f64, most).min(HEIGHT - 3.0) };
                rect.column.nothing[*value == 0] x=(format!("{:.1}", at as f64 * step + step * 0.15)) y=(format!("{top:.1}"))
                    width=(format!("{:.1}", step * 0.7)) height=(format!("{:.1}", HEIGHT - top)) {
                    title { (date(day)) ": " (number(*value)) }
                }
            }
        }
    }
}

/// Returns the vertical position of a value, with room for the line at the top.
fn height(value: f64, most: f64) -> f64 {
    HEIGHT - (HEIGHT - 4.0) * value / most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_from_the_first_to_the_last_day() {
        let markup = line(&[0, 5, 10], "Users").into_string();
        assert!(markup.contains("points=\"0.0,100.0 300.0,52.0 600.0,4.0\""), "{markup}");
        assert!(markup.contains("role=\"img\" aria-label=\"Users\""), "{markup}");
    }

    #[test]
    fn one_day_is_a_level_line() {
        let markup = line(&[3], "Users").into_string();
        assert!(markup.contains("points=\"0.0,4.0 600.0,4.0\""), "{markup}");
    }

    #[test]
    fn no_days_make_no_diagram() {
        assert_eq!(charts(&[]).into_string(), "");
    }

    #[test]
    fn differences_have_a_sign() {
        assert_eq!(difference(&[5, 7]), "+2 in 2 days");
        assert_eq!(difference(&[7, 5]), "−2 in 2 days");
        assert_eq!(difference(&[7, 9, 7]), "as many as 2 days ago");
    }
}

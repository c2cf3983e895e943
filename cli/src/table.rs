//! Tables of text.

use crate::text::{clean, fit, width};

/// The fewest columns that a cell is cut to.
const NARROWEST: usize = 6;
/// The space between two cells.
const GAP: usize = 2;

/// A table with a header. Cells are text from anywhere: control characters are replaced.
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Table {
        Table { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, which has as many cells as the header.
    pub(crate) fn add(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { clean(&cell) }).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the lines of the table in at most `columns` columns, or in as many as it needs (`None`). Long cells are cut. If there is no room for all
    /// cells beside each other, each cell gets a line of its own.
    pub(crate) fn lines(&self, columns: Option<usize>) -> Vec<String> {
        let Some(widths) = self.widths(columns) else { return self.blocks(columns.unwrap_or(usize::MAX)) };
        let header = self.header.iter().map(|title| (*title).to_owned()).collect();
        let lines = std::iter::once(&header).chain(&self.rows).map(|row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, columns)| {
                let cell = fit(cell, *columns);
                let missing = columns.saturating_sub(width(&cell));
                cell + &" ".repeat(missing + GAP)
            });
            cells.collect::<String>().trim_end().to_owned()
        });
        lines.collect()
    }

    /// Returns the width of each column, or `None` if there is no room for all of them.
    fn widths(&self, columns: Option<usize>) -> Option<Vec<usize>> {
        let natural = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell));
            cells.chain([width(self.header.get(at).unwrap_or(&""))]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.header.len()).map(natural).collect();
        let room = columns.unwrap_or(usize::MAX).saturating_sub(GAP * widths.len().saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            let widest = widths.iter_mut().max()?;
            if *widest <= NARROWEST {
                return None;
            }
            *widest -= 1;
        }
        Some(widths)
    }

    /// Returns one line for each cell, with the title of its column, and an empty line after each row.
    fn blocks(&self, columns: usize) -> Vec<String> {
        let block = |row: &Vec<String>| {
            let cells = self.header.iter().zip(row).map(|(title, cell)| fit(&format!("{title}: {cell}"), columns));
            cells.chain([String::new()]).collect::<Vec<String>>()
        };
        self.rows.iter().flat_map(block).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["USER", "EMAIL"]);
        table.add(["diruser_1".to_owned(), "ada@example.com".to_owned()]);
        table.add(["diruser_2".to_owned(), String::new()]);
        table
    }

    #[test]
    fn columns_have_the_width_of_their_widest_cell() {
        assert_eq!(table().lines(None), ["USER       EMAIL", "diruser_1  ada@example.com", "diruser_2  -"]);
    }

    #[test]
    fn the_widest_cells_are_cut_on_a_narrow_terminal() {
        assert_eq!(table().lines(Some(20)), ["USER       EMAIL", "diruser_1  ada@exam…", "diruser_2  -"]);
    }

    #[test]
    fn cells_are_below_each_other_on_a_terminal_without_room() {
        let lines = table().lines(Some(12));
        assert_eq!(lines, ["USER: dirus…", "EMAIL: ada@…", "", "USER: dirus…", "EMAIL: -", ""]);
    }

    #[test]
    fn a_cell_with_a_line_break_stays_in_its_line() {
        let mut table = Table::new(&["NAME"]);
        table.add(["Ada\nKing".to_owned()]);
        assert_eq!(table.lines(None), ["NAME", "Ada\u{fffd}King"]);
    }
}
